/* Reading plans: what the words mean, and where every error says it is. */
#include "base/scrub.h"
#include "plan/node.h"
#include "testing.h"

#include <unistd.h>

#define TARGET "target: http://127.0.0.1:1/mcp\n"
#define LOAD   "users: 1\nduration: 1s\n"

static const struct {
    const char *text;
    const char *error; /* what the message begins with */
} wrong[] = {
    {"", "plan.yaml:1: the plan is empty; write e.g. target"},
    {"# only a comment\n", "plan.yaml:1: the plan is empty"},
    {"- a\n", "plan.yaml:1: must be a mapping, not a list; "},
    {"just text", "plan.yaml:1: must be a mapping, not a single value"},
    {TARGET "phases:\n  - users: many\n", "plan.yaml:3: phases[0].users: must be a whole number of "
                                          "at least 1, or a range such as 5..50, not \"many\"; "
                                          "write e.g. users: 50"},
    {TARGET "phases:\n  - users: 1\n    duration: 1s\n  - usres: 2\n",
     "plan.yaml:5: phases[1].usres: is no word of a plan here; did you mean users?"},
    {TARGET LOAD "colour: red\n",
     "plan.yaml:4: colour: is no word of a plan here; known are name, base"},
    {TARGET LOAD "users: 2\n", "plan.yaml:4: users: stands here twice, first on line 2"},
    {"a: [1, 2\n", "plan.yaml:2: not YAML: "},
    {"a: b: c\n", "plan.yaml:1: not YAML: mapping values are not allowed"},
    {"a: \"\\q\"\n", "plan.yaml:1: not YAML: "},
    {"a: \xff\n", "plan.yaml:1: not YAML: invalid"},
    {"x: 1\nb: \xc3\x28\n", "plan.yaml:2: not YAML: invalid"},
    {TARGET "--- \n" LOAD, "plan.yaml:2: a second document"},
    {"target: *x\n", "plan.yaml:1: an alias (*)"},
    {"x: &a [*a]\n", "plan.yaml:1: an alias (*)"},
    {"<<: {a: 1}\n", "plan.yaml:1: <<: merge keys are not supported"},
    {"a: !!int 3\n", "plan.yaml:1: a tag (!)"},
    {"a: !!python/object []\n", "plan.yaml:1: a tag (!)"},
    {"a: \"x\\0y\"\n", "plan.yaml:1: a NUL byte"},
    {"? [a]\n: b\n", "plan.yaml:1: a key that is no plain text"},
    /* loads */
    {TARGET, "plan.yaml:1: phases: are missing; give phases, or users and a duration"},
    {TARGET "users: 5\n", "plan.yaml:1: duration: is missing; give a duration (30s, say)"},
    {TARGET "duration: 5s\n", "plan.yaml:1: users: is missing; give users"},
    {TARGET "users: 0\nduration: 5s\n", "plan.yaml:2: users: must be a whole number of at least 1"},
    {TARGET "users: 5\nrate: 3\nduration: 5s\n", "plan.yaml:3: rate: cannot stand beside users"},
    {TARGET "users: 5\nduration: 5\n", "plan.yaml:3: duration: must be a duration above 0"},
    {TARGET "users: 5\nduration: 0s\n", "plan.yaml:3: duration: must be a duration above 0"},
    {TARGET "users: 5\nduration: [5s]\n",
     "plan.yaml:3: duration: must be a single value, not a list"},
    {TARGET "users: 5\nduration:\n", "plan.yaml:3: duration: must be a duration above 0"},
    {TARGET LOAD "shape: wave\n", "plan.yaml:4: shape: must be one of constant, steps"},
    {TARGET LOAD "steps: 3\n", "plan.yaml:4: steps: belongs to the shape steps"},
    {TARGET LOAD "shape: steps\nsteps: 1001\n", "plan.yaml:5: steps: must be at most 1000"},
    {TARGET LOAD "arrivals: poisson\n", "plan.yaml:4: arrivals: are of an open load"},
    {TARGET LOAD "max_in_flight: 5\n", "plan.yaml:4: max_in_flight: is of an open load"},
    {TARGET "rate: 5\nduration: 1s\npace: 1s\n", "plan.yaml:4: pace: is of a closed load"},
    {TARGET "users: 1..5\nduration: 1s\nshape: soak\n",
     "plan.yaml:2: users: is a range, but the shape soak has one level"},
    {TARGET "users: 5\nduration: 4s\nshape: spike\nspike_at: 3s\nspike_for: 2s\n",
     "plan.yaml:5: spike_at: puts the spike beyond the end"},
    {TARGET "shape: custom\n", "plan.yaml:1: points: are missing"},
    {TARGET "points: [{at: 0, users: 1}]\n", "plan.yaml:2: points: needs two points"},
    {TARGET "points: [{at: 1s, users: 1}, {at: 2s, users: 1}]\n",
     "plan.yaml:2: points[0]: is not in order"},
    {TARGET "points:\n- {at: 0, users: 1}\n- {at: 2s, users: 1}\n- {at: 1s, users: 1}\n",
     "plan.yaml:5: points[2]: is not in order"},
    {TARGET "points: [{at: 0, users: 1}, {at: 2s, rate: 1}]\n", "plan.yaml:2: points[1]: mixes"},
    {TARGET "points: [{at: 0}, {at: 2s, rate: 1}]\n", "plan.yaml:2: points[0]: must be a time"},
    {TARGET "phases: []\n", "plan.yaml:2: phases: is empty"},
    {TARGET "phases:\n", "plan.yaml:2: phases: must be a list, not nothing"},
    {TARGET "phases: {a: b}\n", "plan.yaml:2: phases: must be a list, not a mapping"},
    {TARGET LOAD "phases: [{users: 1, duration: 1s}]\n",
     "plan.yaml:2: users: cannot stand beside phases"},
    {TARGET "base: validate\nduration: 5s\n", "plan.yaml:3: duration: cannot stand beside base"},
    {TARGET "base: validate\nusers: 5..6\n", "plan.yaml:3: users: must be one number beside base"},
    {TARGET "base: load\n", "plan.yaml:2: base: must be one of validate"},
    {TARGET "phases:\n- {name: a, users: 1, duration: 1s}\n- {name: a, users: 1, duration: 1s}\n",
     "plan.yaml:4: phases[1].name: \"a\" is the name of an earlier phase"},
    {TARGET "phases:\n- {users: 1, duration: 1s, mix: m}\n",
     "plan.yaml:3: phases[0].mix: there is no mix \"m\""},
    {TARGET "phases:\n- {kind: quiet, users: 1, duration: 1s}\n",
     "plan.yaml:3: phases[0].kind: must be one of custom, ramp-up"},
    /* targets */
    {LOAD "target: 127.0.0.1:80\n", "plan.yaml:3: target: must be a URL with its scheme"},
    {LOAD "target: \"http://a b/\"\n", "plan.yaml:3: target: holds a blank"},
    {LOAD "target: {}\n", "plan.yaml:3: target.url: is missing"},
    {LOAD "target: {url: http://a, command: b}\n", "plan.yaml:3: target.url: cannot stand beside"},
    {LOAD "target: {url: http://a, env: {A: b}}\n", "plan.yaml:3: target.env: is for a command"},
    {LOAD "target: {command: a, transport: http}\n", "plan.yaml:3: target.transport: http is for"},
    {LOAD "target: {command: \"a 'b\"}\n", "plan.yaml:3: target.command: has a quote without"},
    {LOAD "target: {command: []}\n", "plan.yaml:3: target.command: is empty"},
    {LOAD "targets:\n- {url: http://a}\n- {url: http://b}\n",
     "plan.yaml:5: targets[1].name: \"target\" is the name of an earlier target"},
    {LOAD "target: http://a\ntargets: []\n", "plan.yaml:3: target: cannot stand beside targets"},
    {LOAD "target: {url: http://a, protocol: 2025-01-01}\n",
     "plan.yaml:3: target.protocol: must be one of auto"},
    {LOAD "target: {url: http://a, headers: {\"a b\": c}}\n",
     "plan.yaml:3: target.headers.a b: is no name of a header"},
    {LOAD "target: {url: http://a, headers: {K: $NO_SUCH_VARIABLE_HERE}}\n",
     "plan.yaml:3: target.headers.K: the environment variable NO_SUCH_VARIABLE_HERE is not set"},
    {LOAD "target: {url: http://a, headers: {K: \"a $ b\"}}\n",
     "plan.yaml:3: target.headers.K: has a \"$\" without"},
    {LOAD "target: {url: http://a, headers: {K: \"@/nonexistent/f\"}}\n",
     "plan.yaml:3: target.headers.K: cannot read /nonexistent/f"},
    {LOAD "target: {url: http://a, headers: {K: \"a\\nb\"}}\n",
     "plan.yaml:3: target.headers.K: holds a line break"},
    {LOAD "target: {url: http://a, timeout: soon}\n", "plan.yaml:3: target.timeout: must be a dur"},
    /* mixes */
    {TARGET LOAD "mixes: [{name: a}, {name: a}]\n",
     "plan.yaml:4: mixes[1].name: \"a\" is the name of an earlier mix"},
    {TARGET LOAD "mixes: [{target: b}]\n", "plan.yaml:4: target: there is no target \"b\""},
    {TARGET LOAD "mixes: [{}]\ntools: [a]\n", "plan.yaml:5: tools: cannot stand beside mixes"},
    {TARGET LOAD "tools: [{weight: 2}]\n", "plan.yaml:4: tools[0]: has no name"},
    {TARGET LOAD "tools: [{name: a, weight: 0}]\n",
     "plan.yaml:4: tools[0].weight: must be a number above 0"},
    {TARGET LOAD "tools: [{name: a, arguments: 5}]\n",
     "plan.yaml:4: tools[0].arguments: must be a mapping"},
    {TARGET LOAD "tools: [{name: a, arguments: {x: \"${foo}\"}}]\n",
     "plan.yaml:4: tools[0].arguments: unknown placeholder ${foo}"},
    {TARGET LOAD "tools: [{name: a, arguments: {x: \"${data.x}\"}}]\n",
     "plan.yaml:4: tools[0].arguments: ${data.x}: the plan has no data file"},
    {TARGET LOAD "requests: [pong]\n", "plan.yaml:4: requests[0]: must be one of ping"},
    {TARGET LOAD "requests: [{kind: tool, name: x}]\n", "plan.yaml:4: requests[0]: is a tool"},
    {TARGET LOAD "requests: [{weight: 2}]\n", "plan.yaml:4: requests[0]: does not say what"},
    {TARGET LOAD "behaviours: [{name: a}]\n", "plan.yaml:4: behaviours[0]: has no steps"},
    {TARGET LOAD "behaviours:\n- steps:\n  - {tool: a, prompt: b}\n",
     "plan.yaml:6: behaviours[0].steps[0].prompt: is a second kind beside tool"},
    {TARGET LOAD "behaviours:\n- steps:\n  - {tool: a, captures: {id: x}}\n",
     "plan.yaml:6: behaviours[0].steps[0].captures.id: must be a JSON Pointer"},
    {TARGET LOAD "behaviours:\n- steps:\n  - ping\n  - tool: a\n    arguments: {x: "
                 "\"${capture.id}\"}\n",
     "plan.yaml:7: behaviours[0].steps[1].arguments: ${capture.id}: no earlier step"},
    {TARGET LOAD "behaviours:\n- steps: [{tool: a, captures: {id: /x}, arguments: {x: "
                 "\"${capture.id}\"}}]\n",
     "plan.yaml:5: behaviours[0].steps[0].arguments: ${capture.id}: no earlier step"},
    {TARGET LOAD "behaviours:\n- steps: [{tool: a, checks: [{equals: 1}]}]\n",
     "plan.yaml:5: behaviours[0].steps[0].checks[0]: has no pointer"},
    {TARGET LOAD "behaviours:\n- steps: [{tool: a, on_error: stop}]\n",
     "plan.yaml:5: behaviours[0].steps[0].on_error: must be one of continue, abort"},
    {TARGET LOAD "categories: [{name: a}]\n", "plan.yaml:4: categories[0]: needs a name and tools"},
    {TARGET LOAD "categories: [{name: a, tools: x}, {name: a, tools: y}]\n",
     "plan.yaml:4: categories: two are named \"a\""},
    /* the rest */
    {TARGET LOAD "thresholds: [p95]\n", "plan.yaml:4: thresholds[0]: \"p95\" lacks a comparison"},
    {TARGET LOAD "thresholds: [{p95: 1}]\n", "plan.yaml:4: thresholds[0]: must be an expression"},
    {TARGET LOAD "abort_on: nothing\n", "plan.yaml:4: abort_on: \"nothing\" begins with no known"},
    {TARGET LOAD "alerts: high_error_rate\n", "plan.yaml:4: alerts: must be a list"},
    {TARGET LOAD "alerts:\n  - rule: high_eror_rate\n",
     "plan.yaml:5: alerts[0].rule: is no alert rule; did you mean high_error_rate?"},
    {TARGET LOAD "alerts:\n  - rule: tea\n",
     "plan.yaml:5: alerts[0].rule: is no alert rule; known are high_response_time, high_error_rat"},
    {TARGET LOAD "alerts:\n  - abort: true\n", "plan.yaml:5: alerts[0].rule: is missing; write"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    treshold: 5%\n",
     "plan.yaml:6: alerts[0].treshold: is no word of a plan here; did you mean threshold?"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    threshold: 500ms\n",
     "plan.yaml:6: alerts[0].threshold: must be a share from 0% to 100%, such as 5%; "
     "high_error_rate looks at errors"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    threshold: 101%\n",
     "plan.yaml:6: alerts[0].threshold: must be a share"},
    {TARGET LOAD "alerts:\n  - rule: high_response_time\n    threshold: 5%\n",
     "plan.yaml:6: alerts[0].threshold: must be a duration above 0, such as 800ms"},
    {TARGET LOAD "alerts:\n  - rule: latency_drift\n    threshold: 50%\n",
     "plan.yaml:6: alerts[0].threshold: must be a ratio to the baseline of at least 1"},
    {TARGET LOAD "alerts:\n  - rule: throughput_drop\n    threshold: 0\n",
     "plan.yaml:6: alerts[0].threshold: must be a share of the baseline above 0"},
    {TARGET LOAD "alerts:\n  - rule: connection_errors\n    threshold: 5%\n",
     "plan.yaml:6: alerts[0].threshold: must be a number of operations in a second"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    threshold: 5%\n    clear: 6%\n",
     "plan.yaml:7: alerts[0].clear: lies beyond the threshold, so that the alert could end while "
     "it "
     "holds; give it the threshold or less"},
    {TARGET LOAD "alerts:\n  - rule: throughput_drop\n    clear: 40%\n",
     "plan.yaml:6: alerts[0].clear: lies beyond the threshold, so that the alert could end while "
     "it "
     "holds; give it the threshold or more"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    metric: p99\n",
     "plan.yaml:6: alerts[0].metric: is nothing this rule looks at; high_error_rate takes errors"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    for: 1500ms\n",
     "plan.yaml:6: alerts[0].for: must be whole seconds"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n    clear_for: 25h\n",
     "plan.yaml:6: alerts[0].clear_for: must be whole seconds, at most 24h"},
    {TARGET LOAD "alerts:\n  - rule: high_error_rate\n  - rule: high_error_rate\n",
     "plan.yaml:6: alerts[1].rule: is here already with the same metric"},
    {TARGET LOAD "data: /nonexistent/d.csv\n", "plan.yaml:4: data: cannot read /nonexistent/d.csv"},
    {TARGET LOAD "seed: -1\n", "plan.yaml:4: seed: must be a whole number below 2^64"},
    {TARGET LOAD "segment: 3/2\n", "plan.yaml:4: segment: must be I/N"},
    {TARGET LOAD "start_at: noon\n", "plan.yaml:4: start_at: must be a time with its zone"},
    {TARGET LOAD "tags: [a]\n", "plan.yaml:4: tags: must be a mapping"},
    {TARGET LOAD "repeat: 0\n", "plan.yaml:4: repeat: must be a whole number of at least 1"},
};

static void every_error_has_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct plan plan;
        struct error error = {0};
        if (plan_parse_part(&plan, "plan.yaml", wrong[i].text, strlen(wrong[i].text), &error) == 0)
            fail_msg("taken:\n%s", wrong[i].text);
        assert_int_equal(error.code, ERROR_USAGE);
        if (strncmp(error.text, wrong[i].error, strlen(wrong[i].error)) != 0)
            fail_msg("%s  says    %s\n  expected %s", wrong[i].text, error.text, wrong[i].error);
        assert_null(strchr(error.text, '\n'));
        assert_int_equal(plan.phase_count, 0); /* nothing is left behind */
        plan_free(&plan);
    }
}

static void a_target_is_required(void **state)
{
    struct plan plan;
    struct error error = {0};
    (void)state;
    assert_int_equal(plan_parse(&plan, "plan.yaml", LOAD, strlen(LOAD), &error), -1);
    assert_contains(error.text, "plan.yaml:1: targets: are missing; write e.g. target: http://");
    assert_int_equal(plan_parse_part(&plan, "plan.yaml", LOAD, strlen(LOAD), &error), 0);
    plan_free(&plan);
    assert_int_equal(plan_load(&plan, "/nonexistent/plan.yaml", &error), -1);
    assert_contains(error.text, "cannot read /nonexistent/plan.yaml: No such file");
}

static void limits_hold(void **state)
{
    struct document document;
    struct error error = {0};
    struct buffer text;
    (void)state;
    buffer_init(&text, DOCUMENT_SIZE_LIMIT * 4);
    for (unsigned i = 0; i < 1000; i++)
        buffer_append_char(&text, '[');
    assert_int_equal(
        document_parse(&document, "p", buffer_bytes(&text), buffer_length(&text), &error), -1);
    assert_contains(error.text, "p:1: nested too deeply");

    buffer_clear(&text); /* a billion laughs */
    buffer_append_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++)
        buffer_printf(&text,
                      "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                      i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_int_equal(
        document_parse(&document, "p", buffer_bytes(&text), buffer_length(&text), &error), -1);
    assert_contains(error.text, "aliases make the plan too large");

    buffer_clear(&text); /* deep by aliases */
    buffer_append_text(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 60; i++)
        buffer_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_int_equal(
        document_parse(&document, "p", buffer_bytes(&text), buffer_length(&text), &error), -1);
    assert_contains(error.text, "nested too deeply");

    buffer_clear(&text);
    for (size_t i = 0; i < DOCUMENT_NODE_LIMIT + 10; i++)
        buffer_append_text(&text, "- x\n");
    assert_int_equal(
        document_parse(&document, "p", buffer_bytes(&text), buffer_length(&text), &error), -1);
    assert_contains(error.text, "too many values");

    while (buffer_length(&text) <= DOCUMENT_SIZE_LIMIT)
        buffer_append_text(&text, "################################################\n");
    assert_int_equal(
        document_parse(&document, "p", buffer_bytes(&text), buffer_length(&text), &error), -1);
    assert_contains(error.text, "is longer than");
    buffer_free(&text);
}

static void anchors_serve(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan, TARGET "phases:\n"
                             "  - &one {name: a, users: 5, duration: &time 30s}\n"
                             "  - {name: b, users: 6, duration: *time}\n");
    assert_int_equal(plan.phases[1].duration_ns, UINT64_C(30000000000));
    plan_free(&plan);
}

static void words_mean_what_they_say(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan,
               "name: n\n"
               "targets:\n"
               "  - name: a\n"
               "    url: https://h/mcp\n"
               "    protocol: 2025-06-18\n"
               "    transport: sse\n"
               "    headers: {X-One: 1, X-Two: two words}\n"
               "    cacert: ca.pem\n"
               "    insecure: yes\n"
               "    http2: false\n"
               "    listen: off\n"
               "    timeout: 3s\n"
               "    pool: 20\n"
               "    options: {database: 3}\n"
               "  - name: b\n"
               "    command: run \"two words\" 'it''s' a\\ b\n"
               "    env: {LEVEL: debug}\n"
               "    processes: 4\n"
               "think_time: 10ms\n"
               "in_flight: 3\n"
               "phases:\n"
               "  - {kind: peak, users: 5, duration: 1m, pace: 2s}\n"
               "  - {rate: 10, operations: 7, arrivals: poisson, think_time: 0, mix: n}\n"
               "mixes:\n"
               "  - {name: m, target: b, include: x, exclude: [y, z], variants: 3}\n"
               "  - {name: n, allow_destructive: true, minimum_sample: 9}\n"
               "timeout: 5s\nconnect_timeout: 1s\nlost_after: 2m\nseed: 9\nworkers: 2\nrepeat: 3\n"
               "segment: 2/3\nstart_at: 1769860800\ntags: {k: v, n: 1}\n"
               "abort_on: errors>50%\n");
    assert_string_equal(plan.name, "n");
    const struct target_options *a = &plan.targets[0], *b = &plan.targets[1];
    assert_string_equal(a->protocol, "2025-06-18");
    assert_string_equal(a->transport, "sse");
    assert_int_equal(a->header_count, 2);
    assert_string_equal(a->header_names[1], "X-Two");
    assert_string_equal(a->header_values[1], "two words");
    assert_string_equal(a->ca_file, "ca.pem");
    assert_true(a->insecure && !a->http2 && !a->listen);
    assert_int_equal(a->timeout_ns, UINT64_C(3000000000));
    assert_int_equal(a->connect_timeout_ns, 1000000000);
    assert_int_equal(a->pool_size, 20);
    assert_int_equal(a->seed, 9);
    assert_int_equal(plan.lost_after_ns, UINT64_C(120000000000));
    assert_int_equal(json_integer_value(json_object_get(a->driver_options, "database")), 3);
    assert_string_equal(a->where, "plan.yaml:3");
    assert_string_equal(b->protocol, "auto");
    assert_string_equal(b->command[1], "two words");
    assert_string_equal(b->command[2], "its");
    assert_string_equal(b->command[3], "a b");
    assert_null(b->command[4]);
    assert_string_equal(b->environment[0], "LEVEL=debug");
    assert_int_equal(b->processes, 4);
    assert_true(b->http2 && b->listen);
    assert_int_equal(b->timeout_ns, UINT64_C(5000000000));
    const struct phase *peak = &plan.phases[0], *open = &plan.phases[1];
    assert_string_equal(peak->name, "peak");
    assert_int_equal(peak->pace_ns, 2000000000);
    assert_int_equal(peak->think_max_ns, 10000000);
    assert_int_equal(peak->in_flight_per_user, 3);
    assert_string_equal(open->name, "phase-2");
    assert_int_equal(open->think_max_ns, 0);
    assert_int_equal(open->arrivals, ARRIVALS_POISSON);
    assert_int_equal(open->max_in_flight, 1000);
    assert_int_equal(open->operations, 7);
    assert_string_equal(open->mix, "n");
    assert_string_equal(open->where, "plan.yaml:23");
    assert_string_equal(plan.mixes[0].target, "b");
    assert_string_equal(plan.mixes[0].include[0], "x");
    assert_string_equal(plan.mixes[0].exclude[1], "z");
    assert_int_equal(plan.mixes[0].variants, 3);
    assert_int_equal(plan.mixes[1].variants, 16);
    assert_true(plan.mixes[1].allow_destructive);
    assert_int_equal(plan.segment, 2);
    assert_int_equal(plan.segments, 3);
    assert_int_equal(plan.start_at_wall_ns, UINT64_C(1769860800000000000));
    assert_string_equal(plan.tags[1], "n=1");
    assert_int_equal(plan.workers, 2);
    assert_int_equal(plan.repeat, 3);
    assert_int_equal(plan.threshold_count, 0); /* a written plan has its own, or none */
    assert_int_equal(plan.abort_on_count, 1);
    plan_free(&plan);
}

static void alerts_stand_over_the_default_rules(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan, TARGET LOAD "alerts:\n"
                                  "  - {rule: high_response_time, threshold: 800ms, for: 5s}\n"
                                  "  - {rule: high_response_time, metric: p99, threshold: 2s, "
                                  "clear: 1s}\n"
                                  "  - {rule: high_error_rate, threshold: 10%, abort: true}\n"
                                  "  - {rule: throughput_drop, threshold: 70%}\n"
                                  "  - {rule: latency_drift, threshold: 1.1}\n"
                                  "  - {rule: connection_errors, threshold: 5, clear_for: 9s}\n");
    assert_int_equal(plan.alert_count, 6);
    const struct alert_rule *rules = plan.alerts;
    assert_int_equal(rules[0].metric, ALERT_P95);
    assert_true(rules[0].threshold == 8e8);
    assert_true(rules[0].clear == 6.4e8); /* as far away as the default's */
    assert_int_equal(rules[0].for_s, 5);
    assert_int_equal(rules[0].clear_for_s, 3);
    assert_int_equal(rules[1].metric, ALERT_P99);
    assert_true(rules[1].clear == 1e9);
    assert_true(rules[2].threshold == 0.1);
    assert_true(rules[2].clear == 0.05);
    assert_true(rules[2].abort && !rules[1].abort);
    assert_true(rules[3].below);
    assert_true(rules[3].clear == 1); /* never more than the baseline */
    assert_true(rules[4].clear == 1); /* never less */
    assert_true(rules[5].clear == 0);
    assert_int_equal(rules[5].clear_for_s, 9);
    plan_free(&plan);
}

static void a_mix_holds_tools_requests_and_behaviours(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan, TARGET LOAD
               "tools: [echo, {name: \"get_*\", weight: 2.5, arguments: {n: 1, s: \"1\", "
               "t: yes, u: true, v: ~, w: 1.5, x: [1e3]}}]\n"
               "requests: [ping, {resource: \"file:///a\"}, {kind: special, name: s}]\n"
               "behaviours:\n"
               "  - name: b\n    weight: 3\n    steps:\n"
               "      - tool: one\n        captures: {id: /a/0}\n"
               "        checks: [/a, {pointer: /b, equals: {c: null}}]\n"
               "        think_time: 1ms..2ms\n        on_error: abort\n"
               "      - request: tools/list\n"
               "categories: [{name: c, weight: 4, tools: [\"a*\", b]}]\n");
    const struct mix *mix = &plan.mixes[0];
    assert_string_equal(mix->name, "default");
    assert_int_equal(mix->entry_count, 6);
    assert_string_equal(mix->entries[0].steps[0].kind, "tool");
    assert_string_equal(mix->entries[0].steps[0].name, "echo");
    assert_null(mix->entries[0].steps[0].arguments);
    assert_true(mix->entries[0].weight == 1 && mix->entries[1].weight == 2.5);
    char *arguments = json_dumps(mix->entries[1].steps[0].arguments, JSON_COMPACT);
    assert_string_equal(arguments, "{\"n\":1,\"s\":\"1\",\"t\":\"yes\",\"u\":true,\"v\":null,"
                                   "\"w\":1.5,\"x\":[1000.0]}");
    free(arguments);
    assert_string_equal(mix->entries[2].steps[0].kind, "ping");
    assert_string_equal(mix->entries[2].steps[0].name, "ping");
    assert_string_equal(mix->entries[3].steps[0].kind, "resource");
    assert_string_equal(mix->entries[4].steps[0].kind, "special");
    const struct mix_entry *behaviour = &mix->entries[5];
    assert_string_equal(behaviour->name, "b");
    assert_int_equal(behaviour->step_count, 2);
    const struct step *step = &behaviour->steps[0];
    assert_string_equal(step->captures[0].name, "id");
    assert_string_equal(step->captures[0].pointer, "/a/0");
    assert_null(step->checks[0].equals);
    assert_true(json_is_null(json_object_get(step->checks[1].equals, "c")));
    assert_int_equal(step->think_min_ns, 1000000);
    assert_int_equal(step->think_max_ns, 2000000);
    assert_int_equal(step->on_error, STEP_ABORT);
    assert_int_equal(behaviour->steps[1].on_error, STEP_CONTINUE);
    assert_string_equal(mix->categories[0].globs[1], "b");
    plan_free(&plan);
}

static void the_base_can_be_changed(void **state)
{
    struct plan plan;
    (void)state;
    parse_plan(&plan,
               TARGET "base: validate\nusers: 20\nquick: true\nthink_time: 1ms\nin_flight: 1\n"
                      "warmup: 3s\nthresholds: [p95<1s, \"errors{tool=x}<5%\"]\n");
    assert_int_equal(plan.phase_count, 8);
    assert_string_equal(plan.phases[0].name, "warmup");
    assert_int_equal(plan.phases[0].kind, PHASE_WARMUP);
    assert_int_equal(plan.phases[0].duration_ns, UINT64_C(3000000000));
    assert_true(load_level_at(&plan.phases[0], 0) == 2);
    assert_true(load_level_at(&plan.phases[1], 0) == 2);
    assert_true(load_level_at(&plan.phases[2], 0) == 20);
    assert_true(load_level_at(&plan.phases[3], 0) == 30);
    assert_int_equal(plan.phases[2].duration_ns, UINT64_C(6000000000));
    assert_int_equal(plan.phases[2].think_max_ns, 1000000);
    assert_int_equal(plan.phases[3].think_max_ns, 0); /* stress does not think */
    assert_int_equal(plan.phases[3].in_flight_per_user, 1);
    assert_int_equal(plan.threshold_count, 4);
    assert_string_equal(plan.thresholds[0].text, "p99<1000ms");
    assert_string_equal(plan.thresholds[1].text, "errors<2%");
    assert_string_equal(plan.thresholds[2].text, "p95<1s");
    assert_string_equal(plan.thresholds[2].where, "plan.yaml:8");
    plan_free(&plan);
}

static void secrets_come_from_elsewhere(void **state)
{
    char folder[] = "/tmp/cicada-plan-XXXXXX", path[64], file[64];
    struct plan plan;
    struct error error = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/plan.yaml", folder);
    snprintf(file, sizeof file, "%s/token", folder);
    FILE *token = fopen(file, "w");
    fputs("from-a-file\r\n", token);
    fclose(token);
    setenv("CICADA_TEST_VALUE", "from-the-environment", 1);
    const char *text = "target:\n  url: http://a\n  headers:\n"
                       "    Authorization: Bearer @token\n"
                       "    X-Key: \"@token\"\n"
                       "    X-Plain: a$$b user@host @@at $CICADA_TEST_VALUE\n"
                       "    X-Token: \"${CICADA_TEST_VALUE}!\"\n"
                       "    X-At: \"@@at\"\n" LOAD;
    if (plan_parse(&plan, path, text, strlen(text), &error) < 0)
        fail_msg("%s", error.text);
    char **values = plan.targets[0].header_values;
    assert_string_equal(values[0], "Bearer from-a-file");
    assert_string_equal(values[1], "from-a-file");
    assert_string_equal(values[2], "a$b user@host @@at from-the-environment");
    assert_string_equal(values[3], "from-the-environment!");
    assert_string_equal(values[4], "@at");
    char *shown = scrub_text("x from-a-file y from-the-environment!", 37);
    assert_string_equal(shown, "x *** y ***");
    free(shown);
    char *printed = print_plan(&plan);
    assert_null(strstr(printed, "from-a-file"));
    assert_contains(printed, "X-At: \"@@at\"");
    free(printed);
    plan_free(&plan);
    scrub_forget_all();
    unlink(file);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_error_has_its_place),
                                       cmocka_unit_test(a_target_is_required),
                                       cmocka_unit_test(limits_hold),
                                       cmocka_unit_test(anchors_serve),
                                       cmocka_unit_test(words_mean_what_they_say),
                                       cmocka_unit_test(alerts_stand_over_the_default_rules),
                                       cmocka_unit_test(a_mix_holds_tools_requests_and_behaviours),
                                       cmocka_unit_test(the_base_can_be_changed),
                                       cmocka_unit_test(secrets_come_from_elsewhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
