/* Does a constant load get constant service? */
#ifndef CICADA_ANALYSIS_STABILITY_H
#define CICADA_ANALYSIS_STABILITY_H

#include "analysis/saturation.h"
#include "metrics/result.h"

/* Drift is a trend (statistics_trend) of p95 upwards or of throughput downwards which is both
 * unlikely by chance and large, over the whole phase. */
#define STABILITY_P          0.01
#define STABILITY_SECONDS    30  /* fewer can neither pass nor fail */
#define STABILITY_WINDOWS    10  /* fewer are not tested at all */
#define STABILITY_SIZE       0.2 /* of the value at the start */
#define STABILITY_LATENCY_NS 1e6 /* and for p95 at least so much */
#define STABILITY_SAMPLE     50  /* operations that a window should have */

/* Rule "stability", one finding per phase of kind peak and target: pass when there is no drift,
 * fail when there is, information when the phase was cut short, is too short, or the generator was
 * a bottleneck. Windows are whole seconds, several together where one has too few operations. */
int stability_judge(struct result *result, const struct saturation *saturation);

#endif
