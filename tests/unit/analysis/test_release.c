/* What a target gives back; which tools stand out; and a flat target raises nothing at all. */
#include "analysis/judge.h"
#include "analysis/outliers.h"
#include "analysis/release.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct course {
    double leak_mb;       /* a second under load */
    double heap_mb;       /* once, in the first 20 s */
    double descriptors;   /* a second under load */
    unsigned connections; /* of cicada, to the end */
    unsigned idle_s;
};

#define LOAD_S 120

static struct result *make_watched(struct result *result, const struct course *course)
{
    uint64_t state = 8;
    synthetic_init(result, 1);
    struct result_phase *phase = synthetic_phase(result, "peak", LOAD_S);
    for (int i = 0; i < LOAD_S; i++)
        synthetic_second(phase, &state,
                         &(struct synthetic_load){.users = 5, .ok = 10, .latency_ms = 5})
            ->connections = course->connections;
    phase = synthetic_phase(result, "idle", course->idle_s);
    for (unsigned i = 0; i < course->idle_s; i++)
        synthetic_second(phase, &state, &(struct synthetic_load){.latency_ms = 1})->connections =
            course->connections;
    result->watch_count = LOAD_S + course->idle_s;
    result->watch = calloc(result->watch_count, sizeof *result->watch);
    for (uint32_t i = 0; i < result->watch_count; i++) {
        double loaded = i < LOAD_S ? i : LOAD_S, early = fmin(i / 20.0, 1);
        double mb = 100 + course->leak_mb * loaded + course->heap_mb * early + 0.2 * noise(&state);
        result->watch[i] = (struct target_second){
            .at_s = i,
            .resident_bytes = (uint64_t)(mb * 1e6),
            .descriptors = (uint32_t)(20 + course->connections + course->descriptors * loaded),
            .threads = 4};
    }
    return result;
}

static void assert_released(const struct course *course, enum verdict verdict, const char *text)
{
    struct result result;
    assert_int_equal(release_judge(make_watched(&result, course)), 0);
    const struct finding *finding = finding_of(&result, "release");
    assert_non_null(finding);
    if (finding->verdict != verdict || !strstr(finding->text, text))
        fail_msg("%s: %s", verdict_name(finding->verdict), finding->text);
    result_free(&result);
}

static void a_leak_is_told_from_a_heap(void **state)
{
    (void)state;
    assert_released(&(struct course){.idle_s = 5}, VERDICT_PASS, "released");
    assert_released(&(struct course){.heap_mb = 100, .idle_s = 5}, VERDICT_INFORMATION,
                    "not released: memory:");
    assert_released(&(struct course){.leak_mb = 1, .idle_s = 5}, VERDICT_FAIL,
                    "not released: memory, which grew to the end");
    assert_released(&(struct course){.leak_mb = 1, .idle_s = 1}, VERDICT_INFORMATION,
                    "too short an idle time");
}

static void open_connections_are_not_held_against_it(void **state)
{
    (void)state;
    assert_released(&(struct course){.connections = 50, .idle_s = 5}, VERDICT_PASS, "20 to 20");
    assert_released(&(struct course){.descriptors = 0.5, .idle_s = 5}, VERDICT_FAIL,
                    "not released: descriptors:");
}

/* The first sample has load on it already: what the first second took is seen against the sample
 * before it only. */
static void before_is_before_any_load(void **state)
{
    (void)state;
    struct result result;
    struct release found;
    make_watched(&result, &(struct course){.idle_s = 5});
    result.targets[0].resident_before = 40000000;
    result.targets[0].descriptors_before = 4;
    result.targets[0].threads_before = 1;
    assert_int_equal(release_of(&result, 0, &found), 0);
    assert_int_equal(found.memory_before, 40000000);
    assert_true(found.memory_kept && found.descriptors_kept && !found.threads_kept);
    assert_false(found.descriptors_grew); /* a pool, opened with the first calls */
    assert_int_equal(release_judge(&result), 0);
    assert_int_equal(finding_of(&result, "release")->verdict, VERDICT_INFORMATION);
    result_free(&result);
    make_watched(&result, &(struct course){.descriptors = 0.5, .idle_s = 5});
    result.targets[0].resident_before = 99000000;
    result.targets[0].descriptors_before = 15;
    assert_int_equal(release_judge(&result), 0);
    assert_int_equal(finding_of(&result, "release")->verdict, VERDICT_FAIL);
    result_free(&result);
}

/* Memory that goes while nothing is asked of it is no leak: the finding says how fast. */
static void what_is_given_back_slowly_is_told(void **state)
{
    (void)state;
    struct result result;
    struct release found;
    make_watched(&result, &(struct course){.leak_mb = 1, .idle_s = 10});
    for (uint32_t i = LOAD_S; i < LOAD_S + 10; i++)
        result.watch[i].resident_bytes -= (uint64_t)(i - LOAD_S) * 3000000;
    assert_int_equal(release_of(&result, 0, &found), 0);
    assert_true(found.gives_back && found.memory_kept);
    assert_true(fabs(found.idle_per_s.value + 3e6) < 2e5);
    assert_int_equal(release_judge(&result), 0);
    assert_int_equal(finding_of(&result, "release")->verdict, VERDICT_INFORMATION);
    if (!strstr(finding_of(&result, "release")->text, "memory still falls, by 2.8"))
        fail_msg("%s", finding_of(&result, "release")->text);
    result_free(&result);
}

/* 1 MB a second at 10 operations a second. */
static void the_leak_has_its_size(void **state)
{
    (void)state;
    struct result result;
    struct release found;
    make_watched(&result, &(struct course){.leak_mb = 1, .idle_s = 5});
    assert_int_equal(release_of(&result, 0, &found), 0);
    assert_true(fabs(found.growth_per_operation - 1e5) < 2e3);
    assert_true(found.leak.low < found.leak.value && found.leak.value < found.leak.high);
    assert_true(fabs(found.leak.value - 1e5) < 2e3);
    result_free(&result);
    struct result empty;
    synthetic_init(&empty, 1);
    assert_int_equal(release_of(&empty, 0, &found), 0);
    assert_false(found.sampled);
    assert_int_equal(release_judge(&empty), 0);
    assert_int_equal(empty.finding_count, 0);
    result_free(&empty);
}

/* ---- outliers ------------------------------------------------------------------------------- */

static const struct finding *judge_tools(struct result *result, size_t tools, size_t slow,
                                         double times)
{
    uint64_t state = 21;
    synthetic_init(result, tools);
    struct result_phase *phase = synthetic_phase(result, "peak", 1);
    for (size_t o = 0; o < tools; o++)
        for (int i = 0; i < 50; i++) {
            double ms = 10 * exp(0.2 * noise(&state)) * (o == slow ? times : 1);
            uint64_t ns = (uint64_t)(ms * 1e6);
            measurement_record(&phase->targets[0].operations[o],
                               &(struct outcome){.kind = OUTCOME_OK}, ns, ns);
        }
    assert_int_equal(outliers_judge(result), 0);
    return finding_of(result, "outliers");
}

static void a_slow_tool_stands_out(void **state)
{
    (void)state;
    struct result result;
    const struct finding *finding = judge_tools(&result, 8, 3, 10);
    assert_int_equal(finding->verdict, VERDICT_INFORMATION);
    assert_non_null(strstr(finding->text, "1 of 8 tools take"));
    assert_non_null(strstr(finding->text, "list (p50"));
    result_free(&result);
    assert_non_null(strstr(judge_tools(&result, 8, 3, 1)->text, "none of 8 tools"));
    result_free(&result);
    assert_null(judge_tools(&result, 4, 3, 10));
    result_free(&result);
}

/* ---- a flat target -------------------------------------------------------------------------- */

static void add_phase(struct result *result, const char *kind, int seconds, double from, double to,
                      uint64_t *state)
{
    struct result_phase *phase = synthetic_phase(result, kind, (uint64_t)seconds);
    for (int i = 0; i < seconds; i++) {
        double share = seconds > 1 ? floor(i * 10.0 / seconds) / 9 : 1;
        double users = from + (to - from) * share;
        struct synthetic_load load = {.users = users,
                                      .ok = (unsigned)fmax(0, users * (5 + 0.2 * noise(state))),
                                      .latency_ms = 10,
                                      .spread = 0.4};
        synthetic_second(phase, state, &load);
    }
}

static bool raises(uint64_t seed, int scale)
{
    static const struct judge_options options = {.minimum_sample = 0};
    struct result result;
    uint64_t state = seed;
    bool any = false;
    synthetic_init(&result, 6);
    add_phase(&result, "ramp-up", 6 * scale, 5, 50, &state);
    add_phase(&result, "peak", 6 * scale, 50, 50, &state);
    add_phase(&result, "stress", 3 * scale, 75, 75, &state);
    add_phase(&result, "idle", scale, 0, 0, &state);
    result.watch_count = (size_t)(16 * scale);
    result.watch = calloc(result.watch_count, sizeof *result.watch);
    for (uint32_t i = 0; i < result.watch_count; i++)
        result.watch[i] = (struct target_second){
            .at_s = i,
            .resident_bytes = (uint64_t)(8e7 + 1e6 * noise(&state) + 2e6 * fmin(i, 20)),
            .descriptors = 30,
            .threads = 8};
    assert_int_equal(judge_result(&result, &options), 0);
    assert_non_null(finding_of(&result, "release"));
    assert_non_null(finding_of(&result, "stability"));
    for (size_t i = 0; i < result.finding_count; i++)
        any |= result.findings[i].verdict == VERDICT_FAIL ||
               result.findings[i].verdict == VERDICT_INCONCLUSIVE;
    assert_int_equal(result.verdict, any ? VERDICT_FAIL : VERDICT_INFORMATION);
    result_free(&result);
    return any;
}

static void a_flat_target_raises_nothing(void **state)
{
    (void)state;
    int quick = 0, full = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        quick += raises(seed * 7919, 1);
        full += raises(seed * 104729, 10);
    }
    assert_true(quick <= 2 && full <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_is_told_from_a_heap),
        cmocka_unit_test(open_connections_are_not_held_against_it),
        cmocka_unit_test(before_is_before_any_load),
        cmocka_unit_test(what_is_given_back_slowly_is_told),
        cmocka_unit_test(the_leak_has_its_size),
        cmocka_unit_test(a_slow_tool_stands_out),
        cmocka_unit_test(a_flat_target_raises_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
