/* See simulate.h. */
#include "simulate.h"

#include "base/clock.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EVENTS 65536

enum event_kind { ARRIVAL, BEGIN, END };

struct event {
    uint64_t at_ns, began_ns;
    enum event_kind kind;
    unsigned user;
    bool failed;
};

struct course { /* one phase under way */
    struct simulation *simulation;
    const struct simulated_phase *plan;
    struct result_phase *phase;
    struct event heap[EVENTS];
    size_t count;
    uint64_t start_ns, end_ns;
    unsigned started_users;
    struct record *windows; /* of a recovery, or of the baseline: each second */
    uint64_t limit_ns;
};

/* ---- events in the order of time ------------------------------------------------------------ */

static void swap(struct event *a, struct event *b)
{
    struct event kept = *a;
    *a = *b;
    *b = kept;
}

static void push(struct course *course, struct event event)
{
    assert_true(course->count < EVENTS);
    size_t at = course->count++;
    course->heap[at] = event;
    for (; at && course->heap[at].at_ns < course->heap[(at - 1) / 2].at_ns; at = (at - 1) / 2)
        swap(&course->heap[at], &course->heap[(at - 1) / 2]);
}

static struct event pop(struct course *course)
{
    struct event first = course->heap[0];
    course->heap[0] = course->heap[--course->count];
    for (size_t at = 0, child; (child = 2 * at + 1) < course->count; at = child) {
        if (child + 1 < course->count && course->heap[child + 1].at_ns < course->heap[child].at_ns)
            child++;
        if (course->heap[at].at_ns <= course->heap[child].at_ns)
            break;
        swap(&course->heap[at], &course->heap[child]);
    }
    return first;
}

/* ---- what is counted ------------------------------------------------------------------------ */

static size_t second_of(const struct course *course, uint64_t at_ns)
{
    size_t second = (size_t)((at_ns - course->start_ns) / NS_PER_S);
    return second < course->plan->seconds ? second : course->plan->seconds;
}

static void count_end(struct course *course, const struct event *event)
{
    struct phase_target *target = &course->phase->targets[0];
    size_t number = second_of(course, event->at_ns);
    struct second *second = &target->seconds[number];
    uint64_t latency_ns = event->at_ns - event->began_ns;
    struct outcome outcome = {.kind = event->failed ? OUTCOME_SOURCE_ERROR : OUTCOME_OK};
    measurement_record(&target->operations[0], &outcome, latency_ns, latency_ns);
    second->outcomes[outcome.kind]++;
    *(event->failed ? &second->failed : &second->ok) += 1;
    if (!event->failed)
        histogram_record(&second->latency, latency_ns);
    if (!course->windows)
        return;
    struct record *window = &course->windows[number];
    *(event->failed ? &window->failed : &window->ok) += 1;
    if (!event->failed)
        histogram_record(&window->latency, latency_ns);
    if (event->failed || latency_ns > course->limit_ns)
        course->simulation->slow_until_ns = event->at_ns - course->start_ns;
}

/* ---- load ----------------------------------------------------------------------------------- */

static double load_at(const struct simulated_phase *plan, size_t second)
{
    size_t steps = plan->steps ? plan->steps : 1, step = second * steps / plan->seconds;
    return steps > 1 ? plan->from + (plan->to - plan->from) * (double)step / (double)(steps - 1)
                     : plan->from;
}

static void submit(struct course *course, uint64_t now_ns, unsigned user)
{
    struct phase_target *target = &course->phase->targets[0];
    struct null_answer answer = null_model_submit(&course->simulation->model, now_ns);
    target->operations[0].started++;
    target->seconds[second_of(course, now_ns)].started++;
    push(course, (struct event){answer.at_ns, now_ns, END, user, answer.refused});
}

static void next_arrival(struct course *course, uint64_t now_ns)
{
    double gap_s = 1 / load_at(course->plan, second_of(course, now_ns));
    if (course->plan->poisson)
        gap_s = random_exponential(&course->simulation->random, gap_s);
    uint64_t at_ns = now_ns + (uint64_t)(gap_s * (double)NS_PER_S);
    if (at_ns < course->end_ns)
        push(course, (struct event){at_ns, at_ns, ARRIVAL, 0, false});
}

static uint64_t think_ns(struct course *course)
{
    const struct simulated_phase *plan = course->plan;
    double unit = random_unit(&course->simulation->random);
    double ms = plan->think_low_ms + (plan->think_high_ms - plan->think_low_ms) * unit;
    return (uint64_t)(ms * (double)NS_PER_MS);
}

static void begin_users(struct course *course, size_t second)
{
    for (unsigned wanted = (unsigned)load_at(course->plan, second); course->started_users < wanted;
         course->started_users++) {
        uint64_t at_ns = course->start_ns + second * NS_PER_S + think_ns(course);
        push(course, (struct event){at_ns, at_ns, BEGIN, course->started_users, false});
    }
}

static void handle(struct course *course, const struct event *event)
{
    const struct simulated_phase *plan = course->plan;
    size_t second = second_of(course, event->at_ns);
    bool stays = event->at_ns < course->end_ns && event->user < load_at(plan, second);
    switch (event->kind) {
    case ARRIVAL:
        submit(course, event->at_ns, 0);
        next_arrival(course, event->at_ns);
        break;
    case BEGIN:
        if (stays)
            submit(course, event->at_ns, event->user);
        break;
    case END:
        null_model_finish(&course->simulation->model);
        count_end(course, event);
        if (!plan->open && stays) {
            uint64_t at_ns = event->at_ns + think_ns(course);
            push(course, (struct event){at_ns, at_ns, BEGIN, event->user, false});
        }
        break;
    }
}

/* ---- a phase -------------------------------------------------------------------------------- */

static void begin_seconds(struct course *course)
{
    const struct simulated_phase *plan = course->plan;
    struct phase_target *target = &course->phase->targets[0];
    for (size_t s = 0; s <= plan->seconds; s++) {
        struct second *second = &target->seconds[s];
        second->at_s = (uint32_t)(course->phase->start_ns / NS_PER_S + s);
        histogram_init(&second->latency);
        if (s < plan->seconds && plan->open)
            second->arrival_rate = load_at(plan, s);
        else if (s < plan->seconds)
            second->users = load_at(plan, s);
    }
    target->second_count = plan->seconds + 1;
}

/* True when the phase ends early: recovered at the end of that second. */
static bool window_ends(struct course *course, struct recovery *recovery, size_t second)
{
    const struct simulated_phase *plan = course->plan;
    struct recovery_baseline *baseline = &course->simulation->baseline;
    if (strcmp(plan->kind, "recovery") == 0)
        return recovery_window(recovery, (second + 1) * NS_PER_S, &course->windows[second]);
    if (strcmp(plan->kind, "ramp-up") == 0 && load_at(plan, second) <= plan->from)
        recovery_baseline_slice(baseline, (second + 1) * NS_PER_S, &course->windows[second]);
    return false;
}

static void run_phase(struct course *course, struct recovery *recovery)
{
    const struct simulated_phase *plan = course->plan;
    uint64_t last_ns = course->start_ns;
    if (plan->open)
        next_arrival(course, course->start_ns);
    for (size_t second = 0; course->end_ns > course->start_ns + second * NS_PER_S; second++) {
        if (!plan->open)
            begin_users(course, second);
        uint64_t until_ns = course->start_ns + (second + 1) * NS_PER_S;
        while (course->count && course->heap[0].at_ns < until_ns) {
            struct event event = pop(course);
            handle(course, &event);
        }
        if (window_ends(course, recovery, second)) {
            course->end_ns = until_ns;
            course->phase->duration_ns = (second + 1) * NS_PER_S;
        }
    }
    while (course->count) { /* drained */
        struct event event = pop(course);
        last_ns = event.at_ns;
        if (event.kind == END)
            handle(course, &event);
    }
    course->simulation->now_ns = last_ns > course->end_ns ? last_ns : course->end_ns;
}

void simulate(struct simulation *simulation, const struct simulated_phase *plan)
{
    static struct course course; /* too large for a stack */
    struct recovery recovery = {.windows = NULL};
    bool recovers = strcmp(plan->kind, "recovery") == 0;
    uint64_t p95_ns = histogram_quantile(&simulation->baseline.latency, 0.95);
    course = (struct course){.simulation = simulation, .plan = plan};
    course.phase = synthetic_phase(&simulation->result, plan->kind, plan->seconds);
    course.start_ns = simulation->now_ns;
    course.end_ns = course.start_ns + plan->seconds * NS_PER_S;
    if (recovers || strcmp(plan->kind, "ramp-up") == 0)
        course.windows = calloc(plan->seconds + 1, sizeof *course.windows);
    course.limit_ns = p95_ns + (p95_ns / 2 > 5 * NS_PER_MS ? p95_ns / 2 : 5 * NS_PER_MS);
    simulation->slow_until_ns = 0;
    begin_seconds(&course);
    if (recovers)
        recovery_begin(&recovery, &simulation->baseline, NS_PER_S);
    run_phase(&course, &recovery);
    if (recovers)
        recovery_end(&recovery, course.phase);
    for (size_t s = 0; course.windows && s <= plan->seconds; s++)
        histogram_free(&course.windows[s].latency);
    free(course.windows);
}

void simulation_init(struct simulation *simulation, const struct null_behaviour *behaviour,
                     uint64_t seed)
{
    *simulation = (struct simulation){.now_ns = NS_PER_S};
    synthetic_init(&simulation->result, 1);
    random_seed(&simulation->random, seed, 1);
    histogram_init(&simulation->baseline.latency);
    simulation->baseline.until_ns = UINT64_MAX;
    assert_int_equal(null_model_init(&simulation->model, behaviour, seed, NS_PER_S), 0);
}

void simulation_free(struct simulation *simulation)
{
    result_free(&simulation->result);
    null_model_free(&simulation->model);
    recovery_baseline_free(&simulation->baseline);
}
