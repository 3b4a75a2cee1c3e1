/* A whole result as the engine would leave it. */
#include "fixture.h"

#include "base/clock.h"
#include "base/random.h"
#include "drivers/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct random generator;

static const char *const hostile_names[] = {"echo", "\033[31mred\033[0m\a",
                                            "zwei\nZeilen\tund \xe2\x80\xaeumgekehrt",
                                            "caf\xc3\xa9\xff\xfe"};

static char *copy_format(const char *format, unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, format, number);
    return strdup(text);
}

static void make_target(struct result_target *target, unsigned index,
                        const struct fixture_options *options)
{
    target->name = copy_format("server-%u", index);
    target->driver = strdup("mcp_http");
    target->description = strdup("everything 2.0.0, MCP 2025-11-25, Streamable HTTP");
    target->address = strdup("http://127.0.0.1:3000/mcp");
    target->facts = json_pack("{s:s, s:i}", "protocol", "2025-11-25", "tools", 12);
    target->excluded = json_pack("[{s:s, s:s}]", "name", "wipe", "reason", "destructive");
    target->undeclared = json_pack("[s, s]", "echo", "add");
    target->operations = calloc(options->operations, sizeof *target->operations);
    target->operation_count = options->operations;
    for (unsigned o = 0; o < options->operations; o++) {
        struct result_operation *operation = &target->operations[o];
        operation->name =
            o < 4 && !options->plain_names ? strdup(hostile_names[o]) : copy_format("tool_%u", o);
        operation->kind = strdup("tool");
        operation->category = strdup("tools");
        operation->hints = o % 2 ? OFFER_READ_ONLY | OFFER_IDEMPOTENT : OFFER_DESTRUCTIVE_UNSAID;
        operation->arguments = o ? strdup("{\"text\":\"hello\"}") : NULL;
    }
}

static struct outcome draw_outcome(const struct fixture_options *options)
{
    static const struct outcome failures[] = {
        {OUTCOME_TOOL_ERROR, 0, NULL},
        {OUTCOME_JSONRPC_ERROR, -32602, NULL},
        {OUTCOME_JSONRPC_ERROR, -32603, NULL},
        {OUTCOME_HTTP_STATUS, 503, NULL},
        {OUTCOME_PROTOCOL_VIOLATION, 0, "wrong_id"},
        {OUTCOME_CONNECTION_RESET, 0, "closed_early"},
    };
    double draw = random_unit(&generator);
    if (draw < options->timeout_share)
        return (struct outcome){.kind = OUTCOME_TIMEOUT};
    if (draw < options->timeout_share + options->error_share)
        return failures[random_below(&generator, 6)];
    return (struct outcome){.kind = OUTCOME_OK};
}

static uint64_t draw_latency(const struct fixture_options *options)
{
    double u = 1 - random_unit(&generator), v = random_unit(&generator);
    double normal = sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
    return (uint64_t)((double)options->typical_ns * exp(0.6 * normal));
}

static void add_coarse(struct second_operation *operation, uint64_t latency_ns)
{
    uint16_t index = histogram_coarse_index(latency_ns);
    uint32_t at = 0;
    while (at < operation->bucket_count && operation->buckets[at] < index)
        at++;
    if (at == operation->bucket_count || operation->buckets[at] != index) {
        operation->buckets =
            realloc(operation->buckets, (operation->bucket_count + 1) * sizeof(uint16_t));
        operation->counts =
            realloc(operation->counts, (operation->bucket_count + 1) * sizeof(uint32_t));
        memmove(operation->buckets + at + 1, operation->buckets + at,
                (operation->bucket_count - at) * sizeof(uint16_t));
        memmove(operation->counts + at + 1, operation->counts + at,
                (operation->bucket_count - at) * sizeof(uint32_t));
        operation->buckets[at] = index;
        operation->counts[at] = 0;
        operation->bucket_count++;
    }
    operation->counts[at]++;
}

static void run_one(struct phase_target *target, struct second *second,
                    const struct fixture_options *options)
{
    uint32_t o = (uint32_t)random_below(&generator, target->operation_count);
    struct outcome outcome = draw_outcome(options);
    uint64_t latency = outcome.kind == OUTCOME_TIMEOUT ? 30 * NS_PER_S : draw_latency(options);
    struct measurement *measurement = &target->operations[o];
    measurement->started++;
    measurement_record(measurement, &outcome, latency, latency - latency / 8);
    measurement->bytes_sent += 200;
    measurement->bytes_received += 900;
    measurement->round_trips++;
    second->started++;
    second->outcomes[outcome.kind]++;
    second->bytes_sent += 200;
    second->bytes_received += 900;
    second->operations[o].operation = o;
    if (outcome.kind == OUTCOME_OK) {
        second->ok++;
        second->operations[o].ok++;
        histogram_record(&second->latency, latency);
        add_coarse(&second->operations[o], latency);
        histogram_record(&target->parts[PART_QUEUE], 0);
        histogram_record(&target->parts[PART_FIRST_BYTE], latency - latency / 8);
        histogram_record(&target->parts[PART_RECEIVE], latency / 8);
    } else {
        second->operations[o].failed++;
        *(outcome_is_censored(outcome.kind) ? &second->censored : &second->failed) += 1;
    }
}

static void make_phase_target(struct phase_target *target, uint32_t index, uint32_t start_s,
                              const struct fixture_options *options)
{
    target->target = index;
    target->users_peak = 25;
    target->operations = calloc(options->operations, sizeof *target->operations);
    target->operation_count = options->operations;
    for (unsigned o = 0; o < options->operations; o++)
        measurement_init(&target->operations[o]);
    measurement_init(&target->setup);
    for (unsigned part = 0; part < PARTS; part++)
        histogram_init(&target->parts[part]);
    struct outcome opened = {.kind = OUTCOME_OK};
    target->setup.started = 25;
    for (int i = 0; i < 25; i++)
        measurement_record(&target->setup, &opened, 3 * NS_PER_MS, 2 * NS_PER_MS);
    target->seconds = calloc(options->seconds, sizeof *target->seconds);
    target->second_count = options->seconds;
    for (uint32_t s = 0; s < options->seconds; s++) {
        struct second *second = &target->seconds[s];
        histogram_init(&second->latency);
        second->at_s = start_s + s;
        second->users = 25;
        second->in_flight = 3;
        second->connections = 25;
        second->operations = calloc(options->operations, sizeof *second->operations);
        second->operation_count = options->operations;
        for (uint32_t o = 0; o < options->operations; o++)
            second->operations[o].operation = o;
        for (unsigned i = 0; i < options->per_second / 2; i++)
            run_one(target, second, options);
    }
}

/* One bad window, then three good ones: recovered at the end of the first of these. */
static json_t *make_recovery(void)
{
    json_t *windows = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(windows, json_pack("{s:I, s:i, s:f, s:i, s:b}", "end_ns",
                                                 (json_int_t)(i + 1) * 1150000000, "p95_ns",
                                                 i ? 12000000 : 90000000, "error_rate", 0.0,
                                                 "finished", 100, "within", i > 0));
    return json_pack("{s:{s:s, s:f, s:i, s:f, s:i}, s:{s:f, s:i, s:f, s:i}, s:I, s:o}", "baseline",
                     "phase", "ramp-up", "users", 5.0, "p95_ns", 11000000, "error_rate", 0.0,
                     "sample", 800, "tolerance", "p95_factor", 1.5, "p95_extra_ns", 5000000,
                     "error_rate_extra", 0.01, "windows", 3, "window_ns", (json_int_t)1150000000,
                     "windows", windows);
}

static void make_phases(struct result *result, const struct fixture_options *options)
{
    static const char *const names[] = {"ramp-up", "peak", "stress", "ramp-down"};
    result->phase_count = options->phases + 2;
    result->phases = calloc(result->phase_count, sizeof *result->phases);
    for (unsigned p = 0; p < options->phases + 1; p++) {
        struct result_phase *phase = &result->phases[p];
        bool recovery = p == options->phases;
        phase->name = recovery ? strdup("recovery") : copy_format(names[p % 4], 0);
        phase->kind = recovery ? strdup("recovery") : strdup("custom");
        phase->start_ns = p * options->seconds * NS_PER_S;
        phase->duration_ns = options->seconds * NS_PER_S;
        phase->drain_ns = 12345678;
        phase->plan = json_pack("{s:s}", "model", "closed");
        phase->target_count = 2;
        phase->targets = calloc(2, sizeof *phase->targets);
        for (uint32_t t = 0; t < 2; t++)
            make_phase_target(&phase->targets[t], t, p * options->seconds, options);
        if (recovery) {
            phase->has_recovery = phase->recovered = true;
            phase->recovery_ns = 2300000000;
            phase->recovery = make_recovery();
        }
    }
    struct result_phase *memory = &result->phases[options->phases + 1];
    memory->name = strdup("memory");
    memory->kind = strdup("memory");
    memory->not_run = true;
    memory->not_run_reason = strdup("no tier was given");
}

static void make_watches(struct result *result, const struct fixture_options *options)
{
    unsigned seconds = options->seconds * (options->phases + 1);
    result->self = calloc(seconds, sizeof *result->self);
    result->watch = calloc(seconds, sizeof *result->watch);
    result->self_count = result->watch_count = seconds;
    for (uint32_t s = 0; s < seconds; s++) {
        result->self[s] = (struct self_second){.at_s = s,
                                               .cpu_utilisation = options->generator_cpu,
                                               .process_cpu = options->generator_cpu * 1.5,
                                               .scheduling_lag_ns = 900000,
                                               .send_delay_p99_ns = 80000,
                                               .resident_bytes = 45000000};
        result->watch[s] = (struct target_second){.at_s = s,
                                                  .target = 1,
                                                  .cpu_cores = 0.7,
                                                  .resident_bytes = 80000000,
                                                  .descriptors = 31};
    }
}

void fixture_make(struct result *result, const struct fixture_options *options)
{
    random_seed(&generator, 99, options->operations);
    result_init(result);
    result->cicada_version = strdup("0.1.0");
    result->plan_name = strdup("validate");
    result->host = strdup("example");
    result->started_wall_ns = UINT64_C(1785196800123456789);
    result->duration_ns = (options->phases + 1) * options->seconds * NS_PER_S;
    result->plan = json_pack("{s:s}", "name", "validate");
    result->environment = json_pack("{s:i}", "cores", 2);
    result->tags = json_pack("{s:s}", "branch", "main");
    result->target_count = 2;
    result->targets = calloc(2, sizeof *result->targets);
    make_target(&result->targets[0], 0, options);
    make_target(&result->targets[1], 1, options);
    make_phases(result, options);
    make_watches(result, options);
    result->example_count = 1;
    result->examples = calloc(1, sizeof *result->examples);
    result->examples[0] = (struct example){
        .target = 1,
        .operation = 2,
        .outcome = {.kind = OUTCOME_JSONRPC_ERROR, .code = -32602},
        .phase = strdup("ramp-up"),
        .request = strdup("{\"method\":\"tools/call\"}"),
        .response = strdup("\033[2Jgone"),
        .text = strdup("Invalid arguments: \033[31m\"count\" must be a number"),
        .latency_ns = 1234567,
        .repeat = strdup("cicada tools http://127.0.0.1:3000/mcp --call x"),
    };
}
