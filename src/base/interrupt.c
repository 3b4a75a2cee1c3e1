/* See interrupt.h. */
#include "base/interrupt.h"

#include "base/clock.h"

#include <stdatomic.h>

#define LOOK_NS (50 * NS_PER_MS)

static atomic_bool requested;

bool interrupt_request(void)
{
    return atomic_exchange(&requested, true);
}

bool interrupt_requested(void)
{
    return atomic_load_explicit(&requested, memory_order_relaxed);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t interrupt_look_ns(uint64_t deadline_ns)
{
    return sooner(deadline_ns, clock_now_ns() + LOOK_NS);
}

uint64_t interrupt_hurry_ns(uint64_t deadline_ns, uint64_t patience_ns)
{
    return interrupt_requested() ? sooner(deadline_ns, clock_now_ns() + patience_ns) : deadline_ns;
}
