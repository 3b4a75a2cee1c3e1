/* See fixture.h. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check_result(const struct fixture *fixture);

void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->plan.name = (char *)"test";
    fixture->plan.seed = 42;
    fixture->plan.timeout_ns = 5 * NS_PER_S;
    fixture->plan.workers = 1;
    fixture->plan.segment = fixture->plan.segments = 1;
    fixture->plan.targets = fixture->options;
    fixture->plan.phases = fixture->phases;
    fixture->plan.mixes = fixture->mixes;
    fixture->engine.plan = &fixture->plan;
    fixture->engine.targets = fixture->target_list;
    fixture->engine.observer = &fixture->observer;
}

void fixture_target(struct fixture *fixture, const char *name, const char *url)
{
    size_t index = fixture->plan.target_count++;
    struct target_options *options = &fixture->options[index];
    struct target *target = &fixture->targets[index];
    options->name = (char *)name;
    options->url = (char *)url;
    options->seed = 7;
    target->options = options;
    target->driver = driver_for(options, &fixture->error);
    assert_non_null(target->driver);
    if (target->driver->open(target, &fixture->error) < 0)
        fail_msg("%s", fixture->error.text);
    fixture->target_list[index] = target;
    fixture->engine.target_count = index + 1;
}

struct phase *fixture_phase(struct fixture *fixture, const char *name, enum load_model model,
                            double level, uint64_t duration_ns, uint64_t operations)
{
    size_t index = fixture->plan.phase_count++;
    struct phase *phase = &fixture->phases[index];
    *phase = (struct phase){
        .name = (char *)name,
        .model = model,
        .points = fixture->points[index],
        .stepped = true,
        .duration_ns = duration_ns,
        .operations = operations,
        .max_in_flight = 100,
        .in_flight_per_user = 1,
    };
    fixture_point(fixture, phase, 0, level);
    if (duration_ns)
        fixture_point(fixture, phase, duration_ns, level);
    return phase;
}

void fixture_point(struct fixture *fixture, struct phase *phase, uint64_t at_ns, double level)
{
    (void)fixture;
    phase->points[phase->point_count++] = (struct load_point){.at_ns = at_ns, .level = level};
}

void fixture_run(struct fixture *fixture)
{
    result_init(&fixture->result);
    fixture->error = (struct error){0};
    fixture->ran = engine_run(&fixture->engine, &fixture->result, &fixture->error);
    check_result(fixture);
}

void fixture_free(struct fixture *fixture)
{
    result_free(&fixture->result);
    for (size_t i = 0; i < fixture->plan.target_count; i++)
        fixture->targets[i].driver->close(&fixture->targets[i]);
}

const struct phase_target *fixture_phase_target(const struct fixture *fixture, size_t phase)
{
    assert_true(phase < fixture->result.phase_count);
    assert_int_equal(fixture->result.phases[phase].target_count, 1);
    return &fixture->result.phases[phase].targets[0];
}

void fixture_total(const struct fixture *fixture, size_t phase, struct measurement *total)
{
    measurement_init(total);
    assert_int_equal(result_phase_total(&fixture->result.phases[phase], -1, total), 0);
}

const struct measurement *fixture_operation(const struct fixture *fixture, size_t phase,
                                            const char *name)
{
    const struct phase_target *target = fixture_phase_target(fixture, phase);
    const struct result_target *named = &fixture->result.targets[target->target];
    for (size_t i = 0; i < named->operation_count; i++)
        if (strcmp(named->operations[i].name, name) == 0)
            return &target->operations[i];
    fail_msg("no operation %s", name);
    return NULL;
}

static void check_measurement(const struct measurement *measurement)
{
    uint64_t censored = 0;
    for (unsigned kind = 0; kind < OUTCOME_KINDS; kind++)
        if (outcome_is_censored((enum outcome_kind)kind))
            censored += measurement->outcomes[kind];
    assert_int_equal(measurement->started, measurement_finished(measurement));
    assert_int_equal(measurement->outcomes[OUTCOME_OK], measurement->latency_ok.count);
    assert_int_equal(measurement->outcomes[OUTCOME_OK], measurement->service_ok.count);
    assert_int_equal(censored, measurement->latency_censored.count);
    assert_int_equal(measurement_failed(measurement) - censored, measurement->latency_failed.count);
}

/* Exactly one outcome per operation, and the seconds of a phase add up to it. */
static void check_result(const struct fixture *fixture)
{
    for (size_t p = 0; p < fixture->result.phase_count; p++) {
        const struct result_phase *phase = &fixture->result.phases[p];
        for (size_t t = 0; t < phase->target_count; t++) {
            const struct phase_target *target = &phase->targets[t];
            uint64_t started = 0, ok = 0, failed = 0, censored = 0;
            struct histogram latency, of_seconds;
            histogram_init(&latency);
            histogram_init(&of_seconds);
            for (size_t i = 0; i < target->operation_count; i++) {
                check_measurement(&target->operations[i]);
                started += target->operations[i].started;
                assert_int_equal(histogram_merge(&latency, &target->operations[i].latency_ok), 0);
            }
            check_measurement(&target->setup);
            for (size_t s = 0; s < target->second_count; s++) {
                const struct second *second = &target->seconds[s];
                uint64_t by_operation = 0;
                ok += second->ok;
                failed += second->failed;
                censored += second->censored;
                started -= second->started;
                histogram_merge(&of_seconds, &second->latency);
                for (size_t o = 0; o < second->operation_count; o++)
                    for (uint32_t b = 0; b < second->operations[o].bucket_count; b++)
                        by_operation += second->operations[o].counts[b];
                assert_int_equal(by_operation, second->ok);
            }
            assert_int_equal(started, 0);
            assert_true(histogram_equal(&latency, &of_seconds));
            histogram_free(&latency);
            histogram_free(&of_seconds);
            struct measurement total;
            measurement_init(&total);
            for (size_t i = 0; i < target->operation_count; i++)
                measurement_merge(&total, &target->operations[i]);
            assert_int_equal(measurement_finished(&total), ok + failed + censored);
            measurement_free(&total);
        }
    }
}
