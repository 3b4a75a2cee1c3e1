/* See lane.h. */
#include "engine/lane.h"

#include <stdlib.h>
#include <string.h>

static int add_mix(struct lanes *lanes, struct binding *binding, const char *name, double weight,
                   const struct phase *phase, struct error *error);
static int settle(struct lanes *lanes, const struct phase *phase, struct error *error);
static int out_of_memory(struct error *error);

int lanes_make(struct lanes *lanes, struct binding *binding, const struct phase *phase,
               struct error *error)
{
    *lanes = (struct lanes){0};
    if (phase->mix_count == 0 && add_mix(lanes, binding, phase->mix, 1, phase, error) < 0)
        return -1;
    for (size_t i = 0; i < phase->mix_count; i++)
        if (add_mix(lanes, binding, phase->mixes[i].name, phase->mixes[i].weight, phase, error) < 0)
            return -1;
    return settle(lanes, phase, error);
}

void lanes_free(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++) {
        free(lanes->lanes[i].mixes);
        sequence_free(&lanes->lanes[i].order);
    }
    free(lanes->lanes);
    sequence_free(&lanes->order);
    *lanes = (struct lanes){0};
}

uint64_t lanes_deal(const struct lanes *lanes, size_t lane, uint64_t count, uint64_t first)
{
    if (lanes->count == 1)
        return count;
    return sequence_count(&lanes->order, (uint32_t)lane, first + count) -
           sequence_count(&lanes->order, (uint32_t)lane, first);
}

const struct lane *lanes_find(const struct lanes *lanes, uint32_t target)
{
    for (size_t i = 0; i < lanes->count; i++)
        if (lanes->lanes[i].target == target)
            return &lanes->lanes[i];
    return NULL;
}

struct bound_mix *lane_mix(const struct lane *lane, uint64_t position, uint64_t *occurrence)
{
    struct sequence_pick pick = {.item = 0, .occurrence = position};
    if (lane->mix_count > 1)
        pick = sequence_at(&lane->order, position);
    if (occurrence)
        *occurrence = pick.occurrence;
    return lane->mixes[pick.item];
}

static struct lane *lane_of(struct lanes *lanes, uint32_t target)
{
    for (size_t i = 0; i < lanes->count; i++)
        if (lanes->lanes[i].target == target)
            return &lanes->lanes[i];
    struct lane *more = realloc(lanes->lanes, (lanes->count + 1) * sizeof *more);
    if (!more)
        return NULL;
    lanes->lanes = more;
    more[lanes->count] = (struct lane){.target = target};
    return &more[lanes->count++];
}

static int add_mix(struct lanes *lanes, struct binding *binding, const char *name, double weight,
                   const struct phase *phase, struct error *error)
{
    struct bound_mix *mix = binding_find_mix(binding, name);
    if (!mix)
        return error_set(error, ERROR_USAGE, "%s: phase %s: there is no mix \"%s\"",
                         phase->where ? phase->where : "plan", phase->name, name);
    struct lane *lane = lane_of(lanes, mix->target);
    struct bound_mix **mixes =
        lane ? realloc(lane->mixes, (lane->mix_count + 1) * sizeof(struct bound_mix *)) : NULL;
    if (!mixes)
        return out_of_memory(error);
    lane->mixes = mixes;
    mixes[lane->mix_count++] = mix;
    lane->share += weight;
    return 0;
}

static double weight_of(const struct phase *phase, const struct bound_mix *mix)
{
    double weight = 0;
    for (size_t i = 0; i < phase->mix_count; i++)
        if (strcmp(phase->mixes[i].name, mix->plan->name) == 0)
            weight += phase->mixes[i].weight;
    return phase->mix_count ? weight : 1;
}

/* Weights into orders, sums into shares. */
static int settle(struct lanes *lanes, const struct phase *phase, struct error *error)
{
    size_t most = phase->mix_count > lanes->count ? phase->mix_count : lanes->count;
    double *weights = calloc(most + 1, sizeof *weights), sum = 0;
    int made = weights ? 0 : -1;
    for (size_t i = 0; made == 0 && i < lanes->count; i++) {
        const struct lane *lane = &lanes->lanes[i];
        for (size_t k = 0; k < lane->mix_count; k++)
            weights[k] = weight_of(phase, lane->mixes[k]);
        made = sequence_make(&lanes->lanes[i].order, weights, lane->mix_count, 0);
        sum += lane->share;
    }
    for (size_t i = 0; made == 0 && i < lanes->count; i++)
        weights[i] = lanes->lanes[i].share;
    if (made == 0)
        made = sequence_make(&lanes->order, weights, lanes->count, 0);
    for (size_t i = 0; i < lanes->count && sum > 0; i++)
        lanes->lanes[i].share /= sum;
    free(weights);
    if (made < 0)
        return error_set(error, ERROR_USAGE,
                         "%s: phase %s: a mix of weight 0 has nobody to run it; leave it out, or "
                         "give it a share",
                         phase->where ? phase->where : "plan", phase->name);
    return 0;
}

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}
