/* The integral of a piecewise linear rate, and its inverse. */
#include "engine/schedule.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

static void add_segment(struct schedule *schedule, double start_s, double duration_s, double rate,
                        double slope);
static void stream_place(struct arrival_stream *stream);

int schedule_make(struct schedule *schedule, const struct phase *phase)
{
    const struct load_point *points = phase->points;
    *schedule = (struct schedule){0};
    if (phase->point_count == 0)
        return 0;
    schedule->segments = calloc(phase->point_count + 1, sizeof *schedule->segments);
    if (!schedule->segments)
        return -1;
    double at_s = (double)points[0].at_ns / NS_PER_S;
    if (at_s > 0)
        add_segment(schedule, 0, at_s, points[0].level, 0);
    for (size_t i = 0; i + 1 < phase->point_count; i++) {
        double start_s = (double)points[i].at_ns / NS_PER_S;
        double duration_s = (double)points[i + 1].at_ns / NS_PER_S - start_s;
        if (duration_s <= 0)
            continue;
        double change = phase->stepped ? 0 : points[i + 1].level - points[i].level;
        add_segment(schedule, start_s, duration_s, points[i].level, change / duration_s);
    }
    const struct load_point *last = &points[phase->point_count - 1];
    add_segment(schedule, (double)last->at_ns / NS_PER_S, INFINITY, last->level, 0);
    return 0;
}

void schedule_free(struct schedule *schedule)
{
    free(schedule->segments);
    *schedule = (struct schedule){0};
}

static double segment_total(const struct schedule_segment *segment)
{
    double s = segment->duration_s;
    if (isinf(s))
        return segment->rate > 0 ? INFINITY : 0;
    return segment->rate * s + segment->slope * s * s / 2;
}

static void add_segment(struct schedule *schedule, double start_s, double duration_s, double rate,
                        double slope)
{
    struct schedule_segment *segment = &schedule->segments[schedule->count];
    *segment = (struct schedule_segment){
        .start_s = start_s, .duration_s = duration_s, .rate = rate, .slope = slope};
    if (schedule->count)
        segment->before = segment[-1].before + segment_total(&segment[-1]);
    schedule->count++;
}

uint64_t schedule_time(const struct schedule *schedule, size_t *segment, double arrivals)
{
    while (*segment < schedule->count) {
        const struct schedule_segment *here = &schedule->segments[*segment];
        double wanted = arrivals - here->before;
        if (wanted < segment_total(here)) {
            /* Solve rate * t + slope * t^2 / 2 = wanted in the form that loses no digits. */
            double root = here->slope == 0
                              ? here->rate
                              : sqrt(fmax(0, here->rate * here->rate + 2 * here->slope * wanted));
            double divisor = here->slope == 0 ? here->rate : (here->rate + root) / 2;
            double s = wanted <= 0 ? 0 : wanted / divisor;
            return (uint64_t)llround((here->start_s + s) * (double)NS_PER_S);
        }
        ++*segment;
    }
    return UINT64_MAX;
}

void arrival_stream_begin(struct arrival_stream *stream, const struct schedule *schedule,
                          enum arrivals kind, const struct arrival_share *share, uint64_t seed)
{
    *stream = (struct arrival_stream){.schedule = schedule, .kind = kind, .share = *share};
    random_seed(&stream->random, seed, share->first);
    if (kind == ARRIVALS_POISSON)
        stream->reached = random_exponential(&stream->random, (double)share->step / share->part);
    stream_place(stream);
}

void arrival_stream_advance(struct arrival_stream *stream)
{
    stream->index++;
    if (stream->kind == ARRIVALS_POISSON)
        stream->reached +=
            random_exponential(&stream->random, (double)stream->share.step / stream->share.part);
    stream_place(stream);
}

uint64_t most_users(const struct plan *plan, const struct phase *phase)
{
    double most = 0;
    for (size_t i = 0; i < phase->point_count; i++)
        most = fmax(most, phase->points[i].level);
    uint64_t all = (uint64_t)floor(most + 0.5);
    if (phase->model == LOAD_OPEN)
        all = phase->max_in_flight;
    return plan->segments > 1 ? share_of(all, plan->segment - 1, plan->segments) : all;
}

static void stream_place(struct arrival_stream *stream)
{
    const struct arrival_share *share = &stream->share;
    double reached = stream->reached;
    if (stream->kind == ARRIVALS_CONSTANT)
        reached =
            ((double)(share->first + stream->index * share->step) + share->offset) / share->part;
    stream->next_ns = schedule_time(stream->schedule, &stream->segment, reached);
}
