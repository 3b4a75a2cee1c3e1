/* Tools that take far longer than the others of their target. */
#ifndef CICADA_ANALYSIS_OUTLIERS_H
#define CICADA_ANALYSIS_OUTLIERS_H

#include "metrics/result.h"

#define OUTLIERS_TOOLS     5   /* tools with the sample; fewer have no "others" */
#define OUTLIERS_SAMPLE    20  /* ok and censored operations of one tool */
#define OUTLIERS_SCORE     3.5 /* robust deviations of the logarithm (Iglewicz and Hoaglin 1993) */
#define OUTLIERS_RATIO     2.0 /* times the median of the tools */
#define OUTLIERS_DEVIATION 0.1 /* the deviation is taken as this at least: tools all alike */

/* Rule "outliers", information, one per target with enough tools: each tool's median latency over
 * the phases that count, its logarithm held against median and MAD of all tools'. */
int outliers_judge(struct result *result);

#endif
