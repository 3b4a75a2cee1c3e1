/* The model of the live page: every second counts, however long the run, and what it says is JSON
 * whatever the names are. */
#include "base/clock.h"
#include "report/web_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOSTILE "</script><img src=x onerror=alert(1)>\"\\\x1b[31m\xff\xe2\x80\xae"

struct made {
    struct plan plan;
    struct phase phases[2];
    struct load_point points[2];
    struct target_options target;
    struct result result;
    struct second second;
    struct self_second self;
    struct top_operation top;
    struct engine_progress progress;
    struct web_state state;
};

static struct made *make(void)
{
    struct made *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->points[0].level = made->points[1].level = 5;
    for (int i = 0; i < 2; i++)
        made->phases[i] = (struct phase){.name = i ? HOSTILE : "first",
                                         .duration_ns = 2000 * NS_PER_S,
                                         .points = &made->points[i],
                                         .point_count = 1};
    made->target.name = HOSTILE;
    made->plan = (struct plan){.name = HOSTILE,
                               .targets = &made->target,
                               .target_count = 1,
                               .phases = made->phases,
                               .phase_count = 2,
                               .repeat = 1};
    result_init(&made->result);
    histogram_init(&made->second.latency);
    made->top = (struct top_operation){.target = HOSTILE, .name = HOSTILE, .ok = 3, .failed = 1};
    assert_int_equal(web_state_init(&made->state, &made->plan), 0);
    return made;
}

static void unmake(struct made *made)
{
    histogram_free(&made->second.latency);
    result_free(&made->result);
    web_state_free(&made->state);
    free(made);
}

static void begin_phase(struct made *made, size_t index, uint32_t at_s)
{
    made->progress = (struct engine_progress){.phase = &made->phases[index],
                                              .phase_index = index,
                                              .phase_count = 2,
                                              .run_elapsed_ns = at_s * NS_PER_S,
                                              .result = &made->result};
    web_state_phase_began(&made->state, &made->progress);
}

/* `ok` operations of 1 ms, one more for each timeout; began at second 0 of the phase. */
static bool pass_second(struct made *made, uint32_t at_s, uint32_t from_s, unsigned ok,
                        unsigned failed)
{
    struct second *second = &made->second;
    histogram_reset(&second->latency);
    assert_int_equal(histogram_record_many(&second->latency, 1000000, ok), 0);
    memset(second->outcomes, 0, sizeof second->outcomes);
    second->outcomes[OUTCOME_OK] = ok;
    second->outcomes[OUTCOME_TIMEOUT] = failed;
    second->at_s = at_s;
    second->ok = ok;
    second->censored = failed;
    second->users = 5;
    made->self = (struct self_second){.at_s = at_s, .cpu_utilisation = at_s == 7 ? 0.9 : 0.1};
    made->progress.run_elapsed_ns = (at_s + 1) * NS_PER_S;
    made->progress.phase_elapsed_ns = (at_s + 1 - from_s) * NS_PER_S;
    made->progress.ok = ok;
    made->progress.failed = failed;
    made->progress.latency = &second->latency;
    made->progress.outcomes = second->outcomes;
    made->progress.last = second;
    made->progress.self = &made->self;
    made->progress.top = &made->top;
    made->progress.top_count = 1;
    return web_state_second(&made->state, &made->progress);
}

static json_t *parsed(char *text)
{
    json_error_t error;
    assert_non_null(text);
    assert_null(strchr(text, '\n'));
    assert_null(strchr(text, '<'));
    assert_null(strchr(text, '\x1b'));
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("%s at %d: %.200s", error.text, error.position, text + error.position - 20);
    free(text);
    return value;
}

static json_int_t sum_of(json_t *points, size_t member)
{
    json_int_t sum = 0;
    size_t i;
    json_t *point;
    json_array_foreach(points, i, point) sum += json_integer_value(json_array_get(point, member));
    return sum;
}

static void a_long_run_is_kept_whole(void **state)
{
    (void)state;
    struct made *made = make();
    json_int_t ok = 0, failed = 0;
    unsigned merges = 0;
    begin_phase(made, 0, 0);
    for (uint32_t s = 0; s < 2000; s++) {
        merges += pass_second(made, s, 0, s % 7, s % 3);
        ok += s % 7;
        failed += s % 3;
    }
    assert_int_equal(merges, 2);
    json_t *whole = parsed(web_state_whole(&made->state));
    json_t *points = json_object_get(whole, "points");
    assert_int_equal(json_integer_value(json_object_get(whole, "step")), 4);
    assert_int_equal(json_array_size(points), 500);
    assert_int_equal(sum_of(points, 7), ok);
    assert_int_equal(sum_of(points, 9), failed);
    for (size_t i = 0; i < 500; i++) {
        json_t *point = json_array_get(points, i);
        assert_int_equal(json_integer_value(json_array_get(point, 0)), 4 * i);
        assert_true(json_number_value(json_array_get(point, 1)) == 4);
    }
    /* The highest of a step, not the last one. */
    json_t *self = json_array_get(json_object_get(whole, "self"), 1);
    assert_int_equal(json_integer_value(json_array_get(self, 0)), 4);
    assert_true(json_number_value(json_array_get(self, 1)) == 0.9);
    json_decref(whole);
    unmake(made);
}

static void news_brings_the_point_that_changed(void **state)
{
    (void)state;
    struct made *made = make();
    begin_phase(made, 0, 0);
    pass_second(made, 0, 0, 10, 1);
    pass_second(made, 1, 0, 20, 2);
    json_t *news = parsed(web_state_news(&made->state));
    json_t *points = json_object_get(news, "points");
    assert_int_equal(json_array_size(points), 1);
    assert_int_equal(sum_of(points, 0), 1);
    assert_int_equal(sum_of(points, 7), 20);
    json_decref(news);
    /* The next phase shares the second that the first one ended in. */
    begin_phase(made, 1, 1);
    pass_second(made, 1, 1, 3, 0);
    news = parsed(web_state_news(&made->state));
    points = json_object_get(news, "points");
    assert_int_equal(json_array_size(points), 1);
    assert_int_equal(sum_of(points, 7), 23);
    json_decref(news);
    web_state_notice(&made->state, HOSTILE);
    news = parsed(web_state_news(&made->state));
    assert_int_equal(json_array_size(json_object_get(news, "points")), 0);
    json_decref(news);
    unmake(made);
}

static void an_alert_is_one_entry_from_start_to_end(void **state)
{
    (void)state;
    struct made *made = make();
    struct alert alert = {.rule = HOSTILE, .metric = "errors", .target = -1, .start_s = 3};
    struct result_phase phase = {.name = "first"};
    made->result.phases = &phase;
    made->result.phase_count = 1;
    begin_phase(made, 0, 0);
    web_state_alert(&made->state, &made->result, &alert, true);
    alert.end.known = true;
    alert.end.at_s = 9;
    web_state_alert(&made->state, &made->result, &alert, false);
    json_t *whole = parsed(web_state_whole(&made->state));
    json_t *alerts = json_object_get(json_object_get(whole, "state"), "alerts");
    assert_int_equal(json_array_size(alerts), 1);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(alerts, 0), 1)), 3);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(alerts, 0), 2)), 9);
    json_decref(whole);
    for (uint32_t i = 0; i < 3 * WEB_ALERTS; i++) {
        alert.start_s = 100 + i;
        web_state_alert(&made->state, &made->result, &alert, true);
    }
    whole = parsed(web_state_whole(&made->state));
    alerts = json_object_get(json_object_get(whole, "state"), "alerts");
    assert_int_equal(json_array_size(alerts), WEB_ALERTS);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(alerts, WEB_ALERTS - 1), 1)),
                     100 + 3 * WEB_ALERTS - 1);
    json_decref(whole);
    made->result.phases = NULL;
    made->result.phase_count = 0;
    unmake(made);
}

static void a_repetition_begins_anew(void **state)
{
    (void)state;
    struct made *made = make();
    begin_phase(made, 0, 0);
    for (uint32_t s = 0; s < 700; s++)
        pass_second(made, s, 0, 1, 1);
    web_state_end(&made->state, &made->result, "x.json", true);
    web_state_begin(&made->state, 1);
    json_t *whole = parsed(web_state_whole(&made->state));
    assert_int_equal(json_integer_value(json_object_get(whole, "repetition")), 2);
    assert_int_equal(json_integer_value(json_object_get(whole, "step")), 1);
    assert_int_equal(json_array_size(json_object_get(whole, "points")), 0);
    assert_true(json_is_null(json_object_get(json_object_get(whole, "state"), "end")));
    json_decref(whole);
    unmake(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_run_is_kept_whole),
        cmocka_unit_test(news_brings_the_point_that_changed),
        cmocka_unit_test(an_alert_is_one_entry_from_start_to_end),
        cmocka_unit_test(a_repetition_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
