/* The one clock: CLOCK_MONOTONIC in nanoseconds for everything measured, CLOCK_REALTIME only to
 * date a result. A uint64_t of nanoseconds lasts 584 years. */
#ifndef CICADA_BASE_CLOCK_H
#define CICADA_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

uint64_t clock_now_ns(void);        /* monotonic */
uint64_t clock_wall_ns(void);       /* since the Unix epoch */
uint64_t clock_thread_cpu_ns(void); /* CPU used by the calling thread */
uint64_t clock_process_cpu_ns(void);

#endif
