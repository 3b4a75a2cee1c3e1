/* Counters, reasons, and percentiles over ok and censored operations. */
#include "base/clock.h"
#include "base/random.h"
#include "metrics/measurement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void record(struct measurement *measurement, enum outcome_kind kind, int32_t code,
                   const char *detail, uint64_t latency_ns)
{
    struct outcome outcome = {.kind = kind, .code = code, .detail = detail};
    measurement->started++;
    assert_int_equal(measurement_record(measurement, &outcome, latency_ns, latency_ns / 2), 0);
}

static void every_outcome_goes_to_its_histogram(void **state)
{
    (void)state;
    struct measurement measurement;
    measurement_init(&measurement);
    for (int kind = 0; kind < OUTCOME_KINDS; kind++)
        record(&measurement, (enum outcome_kind)kind, 0, NULL, 1000000);
    assert_int_equal(measurement_finished(&measurement), OUTCOME_KINDS);
    assert_int_equal(measurement_failed(&measurement), OUTCOME_KINDS - 1);
    assert_int_equal(measurement.latency_ok.count, 1);
    assert_int_equal(measurement.service_ok.count, 1);
    assert_int_equal(measurement.service_ok.max_ns, 500000);
    assert_int_equal(measurement.latency_censored.count, 3); /* timeout, cancelled, not run */
    assert_int_equal(measurement.latency_failed.count, OUTCOME_KINDS - 4);
    assert_int_equal(measurement.reason_count, OUTCOME_KINDS - 1);
    measurement_free(&measurement);
    assert_true(measurement_error_rate(&measurement) == 0);
}

static uint64_t reasons_of(const struct measurement *measurement, enum outcome_kind kind)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < measurement->reason_count; i++)
        if (measurement->reasons[i].outcome.kind == kind)
            sum += measurement->reasons[i].count;
    return sum;
}

/* However many reasons there are, per kind they add up to the counter. */
static void reasons_are_bounded_but_lose_no_count(void **state)
{
    (void)state;
    static char details[40][16];
    struct random generator;
    random_seed(&generator, 5, 5);
    for (int round = 0; round < 50; round++) {
        struct measurement a, b, *of[] = {&a, &b};
        measurement_init(&a);
        measurement_init(&b);
        for (int i = 0; i < 400; i++) {
            unsigned which = (unsigned)random_below(&generator, 40);
            snprintf(details[which], sizeof details[which], "reason_%u", which);
            record(of[random_below(&generator, 2)],
                   (enum outcome_kind)random_between(&generator, 1, OUTCOME_KINDS - 1),
                   (int32_t)random_below(&generator, 3), details[which], 5000);
        }
        assert_int_equal(measurement_merge(&a, &b), 0);
        assert_true(a.reason_count <= MEASUREMENT_REASONS);
        for (int kind = 1; kind < OUTCOME_KINDS; kind++)
            assert_int_equal(reasons_of(&a, (enum outcome_kind)kind), a.outcomes[kind]);
        measurement_free(&a);
        measurement_free(&b);
    }
}

static void equal_reasons_are_one_whatever_the_pointer(void **state)
{
    (void)state;
    char copy[] = "auth";
    struct measurement measurement;
    measurement_init(&measurement);
    record(&measurement, OUTCOME_SOURCE_ERROR, 0, "auth", 1000);
    record(&measurement, OUTCOME_SOURCE_ERROR, 0, copy, 1000);
    record(&measurement, OUTCOME_SOURCE_ERROR, 0, NULL, 1000);
    record(&measurement, OUTCOME_SOURCE_ERROR, 1, "auth", 1000);
    assert_int_equal(measurement.reason_count, 3);
    assert_int_equal(measurement.reasons[0].count, 2);
    measurement_free(&measurement);
}

static void merging_is_the_union(void **state)
{
    (void)state;
    struct random generator;
    struct measurement a, b, both;
    random_seed(&generator, 6, 6);
    measurement_init(&a);
    measurement_init(&b);
    measurement_init(&both);
    for (int i = 0; i < 2000; i++) {
        enum outcome_kind kind =
            (enum outcome_kind)(random_below(&generator, 3) * OUTCOME_TIMEOUT / 2);
        uint64_t latency = random_next(&generator) >> 30;
        record(random_below(&generator, 2) ? &a : &b, kind, 0, NULL, latency);
        record(&both, kind, 0, NULL, latency);
    }
    a.bytes_sent = both.bytes_sent = 17;
    assert_int_equal(measurement_merge(&a, &b), 0);
    assert_int_equal(a.started, both.started);
    assert_memory_equal(a.outcomes, both.outcomes, sizeof a.outcomes);
    assert_true(histogram_equal(&a.latency_ok, &both.latency_ok));
    assert_true(histogram_equal(&a.latency_failed, &both.latency_failed));
    assert_true(histogram_equal(&a.latency_censored, &both.latency_censored));
    assert_true(histogram_equal(&a.service_ok, &both.service_ok));
    assert_int_equal(a.bytes_sent, both.bytes_sent);
    measurement_free(&a);
    measurement_free(&b);
    measurement_free(&both);
}

static void a_percentile_needs_ten_values_beyond_it(void **state)
{
    (void)state;
    struct measurement measurement;
    measurement_init(&measurement);
    assert_false(measurement_percentile(&measurement, 0.5).known);
    for (int i = 0; i < 999; i++)
        record(&measurement, OUTCOME_OK, 0, NULL, 1000000);
    assert_false(measurement_percentile(&measurement, 0.99).known);
    assert_true(measurement_percentile(&measurement, 0.95).known);
    record(&measurement, OUTCOME_OK, 0, NULL, 1000000);
    struct percentile percentile = measurement_percentile(&measurement, 0.99);
    assert_true(percentile.known && percentile.interval.known && !percentile.lower_bound);
    assert_int_equal(percentile.value_ns, 1000000);
    assert_false(measurement_percentile(&measurement, 0.999).known);
    measurement_free(&measurement);
}

/* 900 answers within 10 ms and 100 timeouts at 1 s: the p95 is at least 1 s. Leaving the timeouts
 * out would have said 10 ms. */
static void what_never_ended_is_a_lower_bound(void **state)
{
    (void)state;
    struct measurement measurement;
    measurement_init(&measurement);
    for (int i = 0; i < 900; i++)
        record(&measurement, OUTCOME_OK, 0, NULL, 10 * NS_PER_MS);
    for (int i = 0; i < 100; i++)
        record(&measurement, OUTCOME_TIMEOUT, 0, NULL, NS_PER_S);
    struct percentile p50 = measurement_percentile(&measurement, 0.5);
    struct percentile p95 = measurement_percentile(&measurement, 0.95);
    assert_true(p50.known && !p50.lower_bound);
    assert_int_equal(histogram_index(p50.value_ns), histogram_index(10 * NS_PER_MS));
    assert_true(p95.known && p95.lower_bound);
    assert_int_equal(p95.value_ns, NS_PER_S);
    assert_true(measurement_max_is_lower_bound(&measurement));
    assert_int_equal(measurement_max_ns(&measurement), NS_PER_S);
    assert_int_equal(measurement_min_ns(&measurement), 10 * NS_PER_MS);
    measurement_free(&measurement);
}

/* Half the operations were cancelled after 1 ms, when the rest takes 10 to 20 ms: the median of
 * what was recorded is the 1 ms of a cancelled one, p95 falls on one that ended; but had the
 * cancelled ones gone on, no percentile could be told. */
static void an_early_cancellation_bounds_what_lies_above_it(void **state)
{
    (void)state;
    struct measurement measurement;
    measurement_init(&measurement);
    for (unsigned i = 0; i < 1000; i++) {
        record(&measurement, OUTCOME_OK, 0, NULL, 10 * NS_PER_MS + i * 10000);
        record(&measurement, OUTCOME_CANCELLED, 0, NULL, NS_PER_MS);
    }
    assert_true(measurement_percentile(&measurement, 0.5).lower_bound);
    struct percentile p95 = measurement_percentile(&measurement, 0.95);
    assert_true(p95.known && p95.lower_bound);
    assert_true(p95.value_ns > 10 * NS_PER_MS);
    measurement_free(&measurement);
}

/* One cancelled among a thousand does not make every percentile a lower bound. */
static void one_cancellation_blurs_nothing_it_does_not_reach(void **state)
{
    (void)state;
    struct measurement measurement;
    measurement_init(&measurement);
    for (unsigned i = 0; i < 2000; i++)
        record(&measurement, OUTCOME_OK, 0, NULL, 10 * NS_PER_MS + i * 10000);
    record(&measurement, OUTCOME_CANCELLED, 0, NULL, NS_PER_MS);
    assert_false(measurement_percentile(&measurement, 0.5).lower_bound);
    assert_false(measurement_percentile(&measurement, 0.95).lower_bound);
    assert_true(measurement_max_is_lower_bound(&measurement));
    measurement_free(&measurement);
}

static void parts_have_names(void **state)
{
    (void)state;
    assert_string_equal(latency_part_name(PART_QUEUE), "queue");
    assert_string_equal(latency_part_name(PART_POOL), "pool_wait");
    assert_string_equal(latency_part_name(PART_RECEIVE), "receive");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_goes_to_its_histogram),
        cmocka_unit_test(reasons_are_bounded_but_lose_no_count),
        cmocka_unit_test(equal_reasons_are_one_whatever_the_pointer),
        cmocka_unit_test(merging_is_the_union),
        cmocka_unit_test(a_percentile_needs_ten_values_beyond_it),
        cmocka_unit_test(what_never_ended_is_a_lower_bound),
        cmocka_unit_test(an_early_cancellation_bounds_what_lies_above_it),
        cmocka_unit_test(one_cancellation_blurs_nothing_it_does_not_reach),
        cmocka_unit_test(parts_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
