/* Watching processes once a second: cicada itself, and the targets whose process is known. */
#ifndef CICADA_MONITOR_WATCH_H
#define CICADA_MONITOR_WATCH_H

#include "metrics/result.h"

#include <stdint.h>
#include <sys/types.h>

struct process_watch {
    pid_t pid;
    uint64_t cpu_ns, at_ns; /* at the last sample; at_ns 0: there was none */
};

/* Begin, or begin again after a pause; the first interval runs from here. */
void process_watch_begin(struct process_watch *watch, pid_t pid, uint64_t now_ns);

/* What the workers reported of a second, and what the kernel says of the whole process: append it
 * to the result. -1 when memory is out. */
struct self_figures {
    double busiest_worker; /* 0..1 of the time */
    uint64_t scheduling_lag_ns, send_delay_p99_ns;
};
int self_watch_second(struct process_watch *watch, struct result *result, uint32_t at_s,
                      uint64_t now_ns, const struct self_figures *figures);

/* Sample a target before any load, into its result_target; nothing when it has no process. */
void target_watch_before(const struct process_watch *watch, struct result_target *target);

/* Append a sample of a target; nothing when its process is gone. -1 when memory is out. */
int target_watch_second(struct process_watch *watch, struct result *result, uint32_t target,
                        uint32_t at_s, uint64_t now_ns);

#endif
