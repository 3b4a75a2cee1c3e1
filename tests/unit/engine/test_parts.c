/* The small parts: the hand-over, the series, answers and their pointers, processes. */
#include "engine/answer.h"
#include "engine/record.h"
#include "engine/series.h"
#include "monitor/process.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PASSED = 20000 };

static void *read_all(void *context)
{
    struct record_ring *rings = context;
    uint64_t expected = 0;
    while (expected < PASSED) {
        struct record *record = record_ring_pop(&rings[0]);
        if (!record)
            continue;
        if (record->started != expected++)
            return (void *)"out of order";
        while (!record_ring_push(&rings[1], record))
            ;
    }
    return NULL;
}

static void a_ring_keeps_order_and_loses_nothing(void **state)
{
    (void)state;
    struct record_ring *rings = calloc(2, sizeof *rings);
    struct record *made[4];
    pthread_t reader;
    void *problem;
    for (size_t i = 0; i < 4; i++)
        made[i] = record_make();
    pthread_create(&reader, NULL, read_all, rings);
    for (uint64_t i = 0; i < PASSED; i++) {
        struct record *record = i < 4 ? made[i] : NULL;
        while (!record)
            record = record_ring_pop(&rings[1]);
        record->started = i;
        while (!record_ring_push(&rings[0], record))
            ;
    }
    pthread_join(reader, &problem);
    assert_null(problem);
    for (size_t i = 0; i < 4; i++)
        record_free(made[i]);
    free(rings);
}

static void a_full_ring_says_so(void **state)
{
    (void)state;
    struct record_ring *ring = calloc(1, sizeof *ring);
    struct record *record = record_make();
    for (unsigned i = 0; i < RECORD_RING; i++)
        assert_true(record_ring_push(ring, record));
    assert_false(record_ring_push(ring, record));
    assert_ptr_equal(record_ring_pop(ring), record);
    assert_true(record_ring_push(ring, record));
    record_free(record);
    free(ring);
}

static void a_record_counts_by_operation(void **state)
{
    (void)state;
    struct record *record = record_make(), *sum = record_make();
    assert_int_equal(record_reset(record, 200), 0);
    assert_int_equal(record_reset(sum, 200), 0);
    for (uint32_t i = 0; i < 200; i++)
        for (uint32_t k = 0; k < 40; k++)
            record_count(record, i, OUTCOME_OK, 1000u << (k % 20));
    record_count(record, 7, OUTCOME_TIMEOUT, 1000);
    record_count(record, 7, OUTCOME_TOOL_ERROR, 1000);
    record_merge(sum, record);
    record_merge(sum, record);
    assert_int_equal(sum->ok, 2 * 8000);
    assert_int_equal(sum->censored, 2);
    assert_int_equal(sum->failed, 2);
    assert_int_equal(sum->operations[7].ok, 80);
    assert_int_equal(sum->operations[7].failed, 4);
    assert_int_equal(sum->bucket_used, 200 * 20);
    uint64_t in_seven = 0;
    for (uint32_t i = 0; i < sum->bucket_capacity; i++)
        if (sum->buckets[i].key && record_bucket_operation(sum->buckets[i].key) == 7)
            in_seven += sum->buckets[i].count;
    assert_int_equal(in_seven, 80);
    record_reset(sum, 200);
    assert_int_equal(sum->bucket_used, 0);
    assert_int_equal(sum->operations[7].ok, 0);
    record_free(record);
    record_free(sum);
}

static void deliver(struct series *series, uint32_t worker, uint32_t slice, uint32_t count,
                    bool last)
{
    struct record *record = record_make();
    record_reset(record, 1);
    record->slice = slice;
    record->users = 10 + slice;
    for (uint32_t i = 0; i < count; i++)
        record_count(record, 0, OUTCOME_OK, 1000000);
    assert_int_equal(series_add(series, worker, record, last), 0);
    record_free(record);
}

static void a_second_waits_for_every_worker(void **state)
{
    (void)state;
    struct phase_target target = {0};
    struct series series = {0};
    assert_int_equal(series_begin(&series, &target, 2, 1, 2, 30), 0);
    deliver(&series, 0, 0, 1, false);
    deliver(&series, 0, 1, 2, false);
    deliver(&series, 0, 2, 4, false);
    assert_int_equal(target.second_count, 0);
    deliver(&series, 1, 0, 8, false);
    assert_int_equal(target.second_count, 0);
    deliver(&series, 1, 2, 16, false); /* it could not hand over slice 1: all is in this one */
    assert_int_equal(target.second_count, 1);
    assert_int_equal(target.seconds[0].at_s, 30);
    assert_int_equal(target.seconds[0].ok, 1 + 2 + 8);
    deliver(&series, 1, 3, 32, true);
    deliver(&series, 0, 3, 64, true);
    assert_int_equal(series_end(&series), 0);
    assert_int_equal(target.second_count, 2);
    assert_int_equal(target.seconds[1].at_s, 31);
    assert_int_equal(target.seconds[1].ok, 4 + 16 + 32 + 64);
    assert_true(target.seconds[1].users == 26);
    assert_int_equal(target.seconds[1].operations[0].ok, 116);
    struct result result;
    result_init(&result);
    result.phases = calloc(1, sizeof *result.phases);
    result.phase_count = 1;
    result.phases[0].targets = calloc(1, sizeof target);
    result.phases[0].target_count = 1;
    result.phases[0].targets[0] = target;
    result_free(&result);
    series_free(&series);
}

static void pointers_follow_rfc_6901(void **state)
{
    (void)state;
    /* The document of the RFC's section 5. */
    json_t *document =
        json_loads("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
                   "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}",
                   0, NULL);
    static const struct {
        const char *pointer;
        int value;
    } numbers[] = {{"/", 0},     {"/a~1b", 1}, {"/c%d", 2}, {"/e^f", 3}, {"/g|h", 4},
                   {"/i\\j", 5}, {"/k\"l", 6}, {"/ ", 7},   {"/m~0n", 8}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(json_integer_value(json_pointer_get(document, numbers[i].pointer)),
                         numbers[i].value);
    assert_ptr_equal(json_pointer_get(document, ""), document);
    assert_true(json_is_array(json_pointer_get(document, "/foo")));
    assert_string_equal(json_string_value(json_pointer_get(document, "/foo/1")), "baz");
    assert_null(json_pointer_get(document, "/foo/2"));
    assert_null(json_pointer_get(document, "/foo/01"));
    assert_null(json_pointer_get(document, "/foo/-"));
    assert_null(json_pointer_get(document, "/foo/0/x"));
    assert_null(json_pointer_get(document, "foo"));
    json_decref(document);
}

static void answers_of_json_rpc_begin_at_the_result(void **state)
{
    (void)state;
    const char *answer = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"n\":5,\"deep\":{\"x\":[1]}}}";
    json_t *five = json_real(5.0);
    struct capture capture = {.name = (char *)"deep", .pointer = (char *)"/deep"};
    struct check check = {.pointer = (char *)"/n", .equals = five};
    struct step step = {
        .captures = &capture, .capture_count = 1, .checks = &check, .check_count = 1};
    struct template_value value = {.name = "deep"};
    struct outcome outcome = {0};
    char problem[200];
    assert_true(
        answer_apply(&step, answer, strlen(answer), &value, 1, &outcome, problem, sizeof problem));
    assert_string_equal(value.json, "{\"x\":[1]}");
    assert_false(answer_apply(&step, "<html>", 6, &value, 1, &outcome, problem, sizeof problem));
    assert_int_equal(outcome.kind, OUTCOME_CHECK_FAILED);
    assert_string_equal(outcome.detail, "no_json");
    assert_false(answer_apply(&step, "{\"n\":5}", 7, &value, 1, &outcome, problem, sizeof problem));
    assert_string_equal(outcome.detail, "capture");
    assert_non_null(strstr(problem, "/deep"));
    free(value.json);
    json_decref(five);
}

static void a_process_can_be_read(void **state)
{
    (void)state;
    struct process_sample sample;
    assert_int_equal(process_sample(getpid(), &sample), 0);
    assert_true(sample.resident_bytes > 100000);
    assert_true(sample.threads >= 1); /* a sanitizer may run one of its own */
    assert_true(sample.descriptors >= 3);
    assert_int_equal(process_sample(0x7ffffff0, &sample), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_keeps_order_and_loses_nothing),
        cmocka_unit_test(a_full_ring_says_so),
        cmocka_unit_test(a_record_counts_by_operation),
        cmocka_unit_test(a_second_waits_for_every_worker),
        cmocka_unit_test(pointers_follow_rfc_6901),
        cmocka_unit_test(answers_of_json_rpc_begin_at_the_result),
        cmocka_unit_test(a_process_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
