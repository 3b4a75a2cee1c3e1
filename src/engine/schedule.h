/* When arrivals are due: the load of a phase as a rate over time, its integral, and the inverse of
 * that. Arrival number i is due when the integral reaches i, so the total rate is exact whatever
 * shape it has and however many workers share it. Poisson arrivals are unit-rate exponential gaps
 * along the same integral. */
#ifndef CICADA_ENGINE_SCHEDULE_H
#define CICADA_ENGINE_SCHEDULE_H

#include "base/random.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_segment {
    double start_s, duration_s; /* the last one lasts for ever */
    double rate, slope;         /* per second, and its change per second */
    double before;              /* arrivals due before it begins */
};
struct schedule { /* immutable once made: the workers share it */
    struct schedule_segment *segments;
    size_t count;
};

int schedule_make(struct schedule *schedule, const struct phase *phase); /* -1: out of memory */
void schedule_free(struct schedule *schedule);

/* When the integral reaches `arrivals`, ns since the phase began; UINT64_MAX if it never does.
 * *segment is where to search on from; start it at 0 and pass ascending values. */
uint64_t schedule_time(const struct schedule *schedule, size_t *segment, double arrivals);

/* Whose arrivals: of a part of the load (a lane's; 1: all of it), evenly spread and `offset` of a
 * gap late, every `step`-th from `first` on (a worker's). */
struct arrival_share {
    uint64_t first, step;
    double part, offset;
};
struct arrival_stream {
    const struct schedule *schedule;
    enum arrivals kind;
    struct arrival_share share;
    size_t segment;
    uint64_t index; /* constant: number first + index * step of the part */
    double reached; /* Poisson */
    struct random random;
    uint64_t next_ns; /* when the next one is due, since the phase began */
};
void arrival_stream_begin(struct arrival_stream *stream, const struct schedule *schedule,
                          enum arrivals kind, const struct arrival_share *share, uint64_t seed);
void arrival_stream_advance(struct arrival_stream *stream);

/* Of `total` things dealt in turn to `count` hands, how many hand `index` gets. */
static inline uint64_t share_of(uint64_t total, uint64_t index, uint64_t count)
{
    return total / count + (index < total % count);
}

/* The most users (closed model) or carriers (open) that this generator's segment of a phase has. */
uint64_t most_users(const struct plan *plan, const struct phase *phase);

#endif
