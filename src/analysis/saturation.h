/* Was the generator the bottleneck? From what cicada measured of itself each second. */
#ifndef CICADA_ANALYSIS_SATURATION_H
#define CICADA_ANALYSIS_SATURATION_H

#include "metrics/result.h"

/* A second in which load was offered counts as saturated when
 *   cpu    the busiest worker used SATURATION_CPU or more of its core,
 *   lag    a timer fired later than SATURATION_LAG_NS, and later than 95 % of that second's ok
 *          operations took,
 *   delay  1 % of the operations started SATURATION_DELAY_NS or more behind their time, and more
 *          than half of that second's p99 latency.
 * The generator was saturated when SATURATION_SHARE of those seconds are, for one of the reasons,
 * and at least SATURATION_SECONDS of them. The limits lie above what a busy machine does to any
 * process now and then (a few time slices): a generator that cannot keep up falls behind further
 * and further.
 *
 * A second is blurred when the send delay's p99 is BLUR_DELAY_NS or more, and more than a tenth of
 * its p99 latency: too little to call the generator a bottleneck, enough to be seen in the tail. */
#define SATURATION_CPU      0.95
#define SATURATION_LAG_NS   UINT64_C(100000000)
#define SATURATION_DELAY_NS UINT64_C(20000000)
#define SATURATION_SHARE    0.1
#define SATURATION_SECONDS  2
#define BLUR_DELAY_NS       UINT64_C(1000000)

struct saturation {
    uint32_t seconds; /* in which load was offered and cicada watched itself */
    uint32_t cpu, lag, delay;
    uint32_t blurred;
    double cpu_highest;
    uint64_t lag_highest_ns, delay_highest_ns;
    bool saturated;
};
struct saturation saturation_of(const struct result *result);

/* One finding, rule "generator_saturated": pass or inconclusive; information when cicada did not
 * watch itself for a whole second. One more, rule "generator_delay", information, when a tenth of
 * the seconds are blurred and the generator was not saturated. */
int saturation_judge(struct result *result, const struct saturation *saturation);

#endif
