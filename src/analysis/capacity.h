/* The throughput that a target levels off at as the load rises. */
#ifndef CICADA_ANALYSIS_CAPACITY_H
#define CICADA_ANALYSIS_CAPACITY_H

#include "analysis/intervals.h"
#include "analysis/saturation.h"
#include "analysis/series.h"

/* The plateau is the level of the highest throughput (ok operations per second), and those next to
 * it, first upwards, then downwards, that no test tells from it: Student's t over its seconds so
 * far and those of the level, at 1 %. The capacity is the mean over all its seconds, with the
 * interval of batch means (interval_mean). It is reached when the plateau has two levels or more,
 * or when a higher load than its one level brings less; else throughput still rises, and the
 * capacity lies above. */
struct capacity {
    bool known;      /* two levels or more of CAPACITY_SECONDS */
    bool reached;    /* else `per_s` is the throughput of the highest level */
    double from, to; /* load of the plateau's lowest and highest level */
    size_t levels;   /* of the plateau */
    struct estimate per_s;
    uint64_t operations; /* ok ones in it */
};
#define CAPACITY_SECONDS 3 /* whole seconds that a level needs to be looked at */
/* -1 when memory is out. */
int capacity_of(const struct levels *levels, struct capacity *capacity);

/* Rule "capacity", information, over the levels of ramp-up, peak and stress of a result with a
 * ramp-up. */
int capacity_judge(struct result *result, const struct saturation *saturation);

#endif
