/* The order of weighted items, and the times of arrivals. */
#include "engine/schedule.h"
#include "engine/sequence.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void shares_are_exact_in_every_window(void **state)
{
    (void)state;
    const double weights[] = {30, 25, 20, 15, 10};
    const unsigned expected[] = {6, 5, 4, 3, 2};
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct sequence sequence;
        assert_int_equal(sequence_make(&sequence, weights, 5, seed), 0);
        assert_int_equal(sequence.length, 20);
        for (uint64_t start = 20; start < 60; start++) {
            unsigned counts[5] = {0};
            for (uint64_t i = 0; i < 20; i++)
                counts[sequence_at(&sequence, start + i).item]++;
            for (unsigned item = 0; item < 5; item++)
                assert_int_equal(counts[item], expected[item]);
        }
        sequence_free(&sequence);
    }
}

static void each_comes_once_before_any_comes_twice(void **state)
{
    (void)state;
    const double weights[] = {1000, 1, 500, 3, 250, 0};
    struct sequence sequence;
    assert_int_equal(sequence_make(&sequence, weights, 6, 99), 0);
    unsigned seen = 0;
    for (uint64_t i = 0; i < 5; i++)
        seen |= 1u << sequence_at(&sequence, i).item;
    assert_int_equal(seen, 0x1f); /* all but the one of weight 0 */
    for (uint64_t i = 0; i < 2 * sequence.length; i++)
        assert_int_not_equal(sequence_at(&sequence, i).item, 5);
    sequence_free(&sequence);
}

static void occurrences_count_up(void **state)
{
    (void)state;
    const double weights[] = {3, 1, 2};
    struct sequence sequence;
    uint64_t next[3] = {0};
    assert_int_equal(sequence_make(&sequence, weights, 3, 1), 0);
    for (uint64_t i = 0; i < 600; i++) {
        struct sequence_pick pick = sequence_at(&sequence, i);
        assert_int_equal(pick.occurrence, next[pick.item]);
        next[pick.item]++;
    }
    assert_int_equal(next[0], 300);
    assert_int_equal(next[1], 100);
    assert_int_equal(next[2], 200);
    sequence_free(&sequence);
}

static void odd_weights_come_close(void **state)
{
    (void)state;
    const double weights[] = {3.14159, 2.71828, 0.001, 1.41421};
    double sum = 0;
    struct sequence sequence;
    assert_int_equal(sequence_make(&sequence, weights, 4, 7), 0);
    for (unsigned i = 0; i < 4; i++)
        sum += weights[i];
    for (unsigned i = 0; i < 4; i++) {
        double share = (double)sequence.counts[i] / sequence.length;
        assert_true(fabs(share - weights[i] / sum) < 1.5 / sequence.length);
        assert_true(sequence.counts[i] >= 1);
    }
    sequence_free(&sequence);
}

static void no_weight_is_an_error(void **state)
{
    (void)state;
    const double weights[] = {0, 0};
    struct sequence sequence;
    assert_int_equal(sequence_make(&sequence, weights, 2, 1), -1);
    assert_int_equal(sequence_make(&sequence, weights, 0, 1), -1);
}

static uint64_t due(const struct phase *phase, double arrivals)
{
    struct schedule schedule;
    size_t segment = 0;
    assert_int_equal(schedule_make(&schedule, phase), 0);
    uint64_t at = schedule_time(&schedule, &segment, arrivals);
    schedule_free(&schedule);
    return at;
}

static void constant_arrivals_are_evenly_spaced(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 400}, {10 * NS_PER_S, 400}};
    struct phase phase = {.points = points, .point_count = 2};
    for (unsigned i = 0; i < 4000; i++)
        assert_int_equal(due(&phase, i), i * 2500 * NS_PER_US);
}

static void a_ramp_is_its_integral(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 0}, {10 * NS_PER_S, 100}};
    struct phase phase = {.points = points, .point_count = 2};
    /* The integral of 10 t is 5 t^2: arrival number n is due at sqrt(n / 5). */
    for (unsigned i = 0; i < 500; i += 7)
        assert_true(fabs((double)due(&phase, i) / 1e9 - sqrt(i / 5.0)) < 1e-6);
    /* And down again. */
    struct load_point down[] = {{0, 100}, {10 * NS_PER_S, 0}};
    phase.points = down;
    for (unsigned i = 0; i < 500; i += 7)
        assert_true(fabs((double)due(&phase, i) / 1e9 - (10 - sqrt(100 - i / 5.0))) < 1e-6);
    assert_int_equal(due(&phase, 501), UINT64_MAX);
}

static void steps_and_pauses(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 10}, {NS_PER_S, 0}, {3 * NS_PER_S, 20}, {4 * NS_PER_S, 20}};
    struct phase phase = {.points = points, .point_count = 4, .stepped = true};
    assert_int_equal(due(&phase, 9), 900 * NS_PER_MS);
    assert_int_equal(due(&phase, 10), 3 * NS_PER_S); /* nothing while the rate is 0 */
    assert_int_equal(due(&phase, 11), 3050 * NS_PER_MS);
}

static void streams_share_every_arrival(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 50}, {2 * NS_PER_S, 150}};
    struct phase phase = {.points = points, .point_count = 2};
    struct schedule schedule;
    size_t segment = 0;
    assert_int_equal(schedule_make(&schedule, &phase), 0);
    struct arrival_stream streams[3];
    for (unsigned i = 0; i < 3; i++) {
        const struct arrival_share share = {.first = i, .step = 3, .part = 1};
        arrival_stream_begin(&streams[i], &schedule, ARRIVALS_CONSTANT, &share, 1);
    }
    for (unsigned i = 0; i < 150; i++) {
        assert_int_equal(streams[i % 3].next_ns, schedule_time(&schedule, &segment, i));
        arrival_stream_advance(&streams[i % 3]);
    }
    schedule_free(&schedule);
}

/* Two parts of a load of 400/s: a quarter and three quarters, evenly spread each. */
static void parts_are_spread_evenly(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 400}, {NS_PER_S, 400}};
    struct phase phase = {.points = points, .point_count = 2};
    struct schedule schedule;
    const double parts[] = {0.25, 0.75};
    assert_int_equal(schedule_make(&schedule, &phase), 0);
    for (unsigned k = 0; k < 2; k++) {
        const struct arrival_share share = {.step = 1, .part = parts[k], .offset = k / 2.0};
        struct arrival_stream stream;
        arrival_stream_begin(&stream, &schedule, ARRIVALS_CONSTANT, &share, 1);
        double gap_ns = 1e9 / (400 * parts[k]);
        unsigned count = 0;
        for (; stream.next_ns < NS_PER_S; count++) {
            assert_true(fabs((double)stream.next_ns - (count + k / 2.0) * gap_ns) < 2);
            arrival_stream_advance(&stream);
        }
        assert_int_equal(count, 400 * parts[k]);
    }
    schedule_free(&schedule);
}

static void counts_are_what_went_before(void **state)
{
    (void)state;
    const double weights[] = {5, 1, 3};
    struct sequence sequence;
    uint64_t counts[3] = {0};
    assert_int_equal(sequence_make(&sequence, weights, 3, 2), 0);
    for (uint64_t i = 0; i < 50; i++) {
        for (uint32_t item = 0; item < 3; item++)
            assert_int_equal(sequence_count(&sequence, item, i), counts[item]);
        counts[sequence_at(&sequence, i).item]++;
    }
    sequence_free(&sequence);
}

static void poisson_gaps_have_mean_and_deviation_of_the_rate(void **state)
{
    (void)state;
    struct load_point points[] = {{0, 1000}};
    struct phase phase = {.points = points, .point_count = 1};
    struct schedule schedule;
    struct arrival_stream stream;
    assert_int_equal(schedule_make(&schedule, &phase), 0);
    const struct arrival_share share = {.first = 0, .step = 4, .part = 1};
    arrival_stream_begin(&stream, &schedule, ARRIVALS_POISSON, &share, 5);
    double sum = 0, squares = 0;
    uint64_t before = 0;
    const unsigned count = 20000;
    for (unsigned i = 0; i < count; i++) {
        double gap = (double)(stream.next_ns - before) / 1e6;
        before = stream.next_ns;
        sum += gap;
        squares += gap * gap;
        arrival_stream_advance(&stream);
    }
    double mean = sum / count, deviation = sqrt(squares / count - mean * mean);
    assert_true(fabs(mean - 4) < 0.12); /* a quarter of 1000/s: 4 ms */
    assert_true(fabs(deviation - 4) < 0.25);
    schedule_free(&schedule);
}

static void shares_add_up(void **state)
{
    (void)state;
    for (uint64_t total = 0; total < 40; total++)
        for (uint64_t hands = 1; hands < 9; hands++) {
            uint64_t sum = 0;
            for (uint64_t i = 0; i < hands; i++)
                sum += share_of(total, i, hands);
            assert_int_equal(sum, total);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_exact_in_every_window),
        cmocka_unit_test(each_comes_once_before_any_comes_twice),
        cmocka_unit_test(occurrences_count_up),
        cmocka_unit_test(counts_are_what_went_before),
        cmocka_unit_test(parts_are_spread_evenly),
        cmocka_unit_test(odd_weights_come_close),
        cmocka_unit_test(no_weight_is_an_error),
        cmocka_unit_test(constant_arrivals_are_evenly_spaced),
        cmocka_unit_test(a_ramp_is_its_integral),
        cmocka_unit_test(steps_and_pauses),
        cmocka_unit_test(streams_share_every_arrival),
        cmocka_unit_test(poisson_gaps_have_mean_and_deviation_of_the_rate),
        cmocka_unit_test(shares_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
