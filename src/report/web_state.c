/* See web_state.h: the model. */
#include "report/web_state.h"

#include "analysis/quantity.h"
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int web_state_init(struct web_state *state, const struct plan *plan)
{
    *state = (struct web_state){.plan = plan, .step = 1};
    state->phases = calloc(plan->phase_count + 1, sizeof *state->phases);
    state->points = calloc(WEB_POINTS, sizeof *state->points);
    state->texts = calloc(WEB_POINTS, sizeof *state->texts);
    state->targets = calloc(plan->target_count + 1, sizeof *state->targets);
    return state->phases && state->points && state->texts && state->targets ? 0 : -1;
}

static void forget_points(struct web_state *state)
{
    for (size_t i = 0; i < state->point_count; i++) {
        timeline_point_free(&state->points[i]);
        free(state->texts[i]);
        state->texts[i] = NULL;
    }
    state->point_count = 0;
}

void web_state_free(struct web_state *state)
{
    forget_points(state);
    free(state->phases);
    free(state->points);
    free(state->texts);
    free(state->targets);
    free(state->second);
    free(state->end);
    *state = (struct web_state){0};
}

void web_state_begin(struct web_state *state, unsigned repetition)
{
    struct web_state kept = *state;
    forget_points(state);
    free(state->second);
    free(state->end);
    memset(kept.phases, 0, (kept.plan->phase_count + 1) * sizeof *kept.phases);
    for (size_t i = 0; i < kept.plan->target_count; i++)
        kept.targets[i].count = 0;
    *state = (struct web_state){.plan = kept.plan,
                                .repetition = repetition,
                                .phases = kept.phases,
                                .points = kept.points,
                                .texts = kept.texts,
                                .targets = kept.targets,
                                .step = 1};
}

/* ---- points --------------------------------------------------------------------------------- */

/* The odd one goes into the even one before it, by the new step. */
static void merge_points(struct web_state *state)
{
    size_t kept = 0;
    state->step *= 2;
    for (size_t i = 0; i < state->point_count; i++) {
        struct timeline_point *point = &state->points[i];
        uint32_t at_s = point->at_s / state->step * state->step;
        free(state->texts[i]);
        state->texts[i] = NULL;
        if (kept > 0 && state->points[kept - 1].at_s == at_s) {
            timeline_point_merge(&state->points[kept - 1], point);
            timeline_point_free(point);
        } else {
            point->at_s = at_s;
            state->points[kept++] = *point;
        }
    }
    state->point_count = kept;
    for (size_t i = 0; i < kept; i++)
        state->texts[i] = web_point_text(&state->points[i]);
}

/* The highest of each step. */
static void watched_add(struct web_watched *watched, const struct web_watch *row)
{
    struct web_watch *last = watched->count ? &watched->rows[watched->count - 1] : NULL;
    if (last && last->at_s == row->at_s) {
        last->cpu = fmax(last->cpu, row->cpu);
        last->value = row->value > last->value ? row->value : last->value;
    } else if (watched->count < WEB_POINTS) {
        watched->rows[watched->count++] = *row;
    }
}

static void watched_merge(struct web_watched *watched, uint32_t step)
{
    size_t count = watched->count;
    watched->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct web_watch row = watched->rows[i];
        row.at_s = row.at_s / step * step;
        watched_add(watched, &row);
    }
}

static bool make_room(struct web_state *state, uint32_t at_s)
{
    bool merged = false;
    while (at_s / state->step >= WEB_POINTS) {
        merge_points(state);
        watched_merge(&state->self, state->step);
        for (size_t i = 0; i < state->plan->target_count; i++)
            watched_merge(&state->targets[i], state->step);
        merged = true;
    }
    return merged;
}

/* How much of the last second the phase was there for: less than all of it at its end. */
static double covered_s(const struct web_state *state, const struct engine_progress *progress)
{
    double passed = (double)progress->phase_elapsed_ns / (double)NS_PER_S;
    double covered = passed - (double)(progress->last->at_s - state->phase_first_s);
    return covered < 0 ? 0 : covered > 1 ? 1 : covered;
}

static void add_point(struct web_state *state, const struct engine_progress *progress)
{
    const struct second *second = progress->last;
    struct timeline_point one;
    timeline_point_of_second(&one, second, covered_s(state, progress));
    one.at_s = second->at_s / state->step * state->step;
    struct timeline_point *last =
        state->point_count ? &state->points[state->point_count - 1] : NULL;
    if (!last || last->at_s < one.at_s) {
        last = &state->points[state->point_count++];
        *last = (struct timeline_point){.at_s = one.at_s};
        histogram_init(&last->latency);
    }
    timeline_point_merge(last, &one);
    last->covered_s = fmin(last->covered_s, state->step);
    char **text = &state->texts[state->point_count - 1];
    free(*text);
    *text = web_point_text(last);
}

static void add_watches(struct web_state *state, const struct engine_progress *progress)
{
    const struct result *result = progress->result;
    if (progress->self) {
        const struct self_second *self = progress->self;
        watched_add(&state->self,
                    &(struct web_watch){self->at_s / state->step * state->step,
                                        self->cpu_utilisation, self->scheduling_lag_ns});
    }
    for (size_t i = result->watch_count; i > 0 && result->watch[i - 1].at_s == progress->last->at_s;
         i--) {
        const struct target_second *watch = &result->watch[i - 1];
        if (watch->target < state->plan->target_count)
            watched_add(&state->targets[watch->target],
                        &(struct web_watch){watch->at_s / state->step * state->step,
                                            watch->cpu_cores, watch->resident_bytes});
    }
}

/* ---- the observer's calls ------------------------------------------------------------------- */

void web_state_phase_began(struct web_state *state, const struct engine_progress *progress)
{
    struct web_phase *phase = &state->phases[progress->phase_index];
    *phase = (struct web_phase){
        .began = true, .from_ns = progress->run_elapsed_ns, .to_ns = progress->run_elapsed_ns};
    state->now = *progress;
    state->running = true;
    state->phase_has_seconds = false;
    state->changed = state->point_count;
}

bool web_state_second(struct web_state *state, const struct engine_progress *progress)
{
    if (!state->phase_has_seconds)
        state->phase_first_s = progress->last->at_s;
    state->phase_has_seconds = true;
    state->phases[progress->phase_index].to_ns = progress->run_elapsed_ns;
    for (size_t i = 0; i < OUTCOME_KINDS; i++)
        state->outcomes[i] += progress->outcomes[i];
    bool merged = make_room(state, progress->last->at_s);
    add_point(state, progress);
    add_watches(state, progress);
    state->changed = state->point_count - 1;
    free(state->second);
    state->second = web_state_second_text(state, progress);
    state->now = *progress;
    return merged;
}

void web_state_phase_ended(struct web_state *state, const struct engine_progress *progress,
                           const struct result_phase *phase)
{
    struct web_phase *ended = &state->phases[progress->phase_index];
    struct measurement total;
    ended->ended = true;
    ended->not_run = phase->not_run;
    ended->partial = phase->partial;
    ended->duration_ns = phase->duration_ns;
    ended->to_ns = phase->start_ns + phase->duration_ns + phase->drain_ns;
    measurement_init(&total);
    if (!phase->not_run && result_phase_total(phase, -1, &total) == 0) {
        struct percentile p99 = measurement_percentile(&total, 0.99);
        ended->finished = measurement_finished(&total);
        ended->failed = measurement_failed(&total);
        ended->p99_ns = p99.known ? p99.value_ns : 0;
    }
    measurement_free(&total);
    state->changed = state->point_count;
}

static struct web_alert *find_alert(struct web_state *state, const struct alert *alert)
{
    size_t kept = state->alert_count < WEB_ALERTS ? state->alert_count : WEB_ALERTS;
    for (size_t i = 0; i < kept; i++) {
        struct web_alert *known = &state->alerts[i];
        if (known->target == alert->target && known->start_s == alert->start_s &&
            strncmp(known->rule, alert->rule, sizeof known->rule - 1) == 0 &&
            strncmp(known->metric, alert->metric, sizeof known->metric - 1) == 0)
            return known;
    }
    return NULL;
}

void web_state_alert(struct web_state *state, const struct result *result,
                     const struct alert *alert, bool began)
{
    struct web_alert *known = find_alert(state, alert);
    if (!known)
        known = &state->alerts[state->alert_count++ % WEB_ALERTS];
    *known = (struct web_alert){
        .target = alert->target,
        .start_s = alert->start_s,
        .end_s = alert->end.at_s,
        .over = !began,
    };
    snprintf(known->rule, sizeof known->rule, "%s", alert->rule);
    snprintf(known->metric, sizeof known->metric, "%s", alert->metric);
    alert_describe_live(result, alert, began, known->text, sizeof known->text);
    state->changed = state->point_count;
}

void web_state_notice(struct web_state *state, const char *text)
{
    snprintf(state->notices[state->notice_count++ % WEB_NOTICES], sizeof state->notices[0], "%.*s",
             quantity_cut(text, sizeof state->notices[0] - 1), text);
    state->changed = state->point_count;
}

void web_state_end(struct web_state *state, const struct result *result, const char *path,
                   bool more)
{
    free(state->end);
    state->end = web_state_end_text(result, path, more);
    state->running = false;
    state->changed = state->point_count;
}
