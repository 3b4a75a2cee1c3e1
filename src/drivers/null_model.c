/* See null_model.h. */
#include "drivers/null_model.h"

#include <stdlib.h>

#define NS_PER_SECOND 1e9
#define BURST_NS      UINT64_C(100000000) /* a rate is held over so long: arrivals are never even */

int null_model_init(struct null_model *model, const struct null_behaviour *behaviour, uint64_t seed,
                    uint64_t start_ns)
{
    *model = (struct null_model){.behaviour = *behaviour, .start_ns = start_ns};
    random_seed(&model->random, seed, 0);
    if (!behaviour->servers)
        return 0;
    model->free_ns = calloc(behaviour->servers, sizeof *model->free_ns);
    return model->free_ns ? 0 : -1;
}

void null_model_free(struct null_model *model)
{
    free(model->free_ns);
    model->free_ns = NULL;
}

/* A leaky bucket: it fills by one operation, and empties at the rate. */
static bool is_refused(struct null_model *model, uint64_t now_ns)
{
    uint64_t rate = model->behaviour.errors_above;
    if (!rate)
        return false;
    if (model->allowed_ns < now_ns)
        model->allowed_ns = now_ns;
    if (model->allowed_ns > now_ns + BURST_NS)
        return true;
    model->allowed_ns += (uint64_t)(NS_PER_SECOND / (double)rate);
    return false;
}

static bool is_collapsed(struct null_model *model, uint64_t now_ns)
{
    const struct null_behaviour *behaviour = &model->behaviour;
    if (behaviour->collapse_at && model->in_flight >= behaviour->collapse_at)
        model->collapsed_until_ns = now_ns + behaviour->recover_ns;
    return now_ns < model->collapsed_until_ns;
}

static uint64_t service_time(struct null_model *model, uint64_t now_ns)
{
    const struct null_behaviour *behaviour = &model->behaviour;
    bool collapsed = is_collapsed(model, now_ns);
    double n = (double)model->in_flight, age_s = (double)(now_ns - model->start_ns) / NS_PER_SECOND;
    double mean = (double)(collapsed ? behaviour->collapsed_ns : behaviour->service_ns);
    mean *= 1 + behaviour->sigma * (n - 1) + behaviour->kappa * n * (n - 1);
    mean *= 1 + behaviour->drift_per_s * age_s;
    return (uint64_t)(behaviour->exponential ? random_exponential(&model->random, mean) : mean);
}

static uint64_t *first_free(struct null_model *model)
{
    uint64_t *first = model->free_ns;
    for (uint64_t i = 1; i < model->behaviour.servers; i++)
        if (model->free_ns[i] < *first)
            first = &model->free_ns[i];
    return first;
}

struct null_answer null_model_submit(struct null_model *model, uint64_t now_ns)
{
    model->in_flight++;
    if (is_refused(model, now_ns))
        return (struct null_answer){now_ns, true};
    uint64_t service_ns = service_time(model, now_ns);
    if (!model->free_ns)
        return (struct null_answer){now_ns + service_ns, false};
    uint64_t *server = first_free(model);
    *server = (*server > now_ns ? *server : now_ns) + service_ns;
    return (struct null_answer){*server, false};
}

void null_model_finish(struct null_model *model)
{
    model->in_flight--;
}
