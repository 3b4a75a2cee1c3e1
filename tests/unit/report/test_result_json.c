/* result.json: written and read back without loss; whatever is wrong with a file is said with its
 * place. */
#include "fixture.h"

#include "analysis/judge.h"
#include "report/result_json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cicada-result-XXXXXX";

static void make_judged(struct result *result)
{
    static const struct judge_threshold thresholds[] = {
        {.text = "p95<500ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 5e8},
        {.text = "errors{tool=e*}<2%", .figure = JUDGE_ERRORS, .value = 0.02, .tool = "e*"}};
    struct judge_options options = {
        .thresholds = thresholds, .threshold_count = 2, .minimum_sample = 30};
    fixture_make(result, &FIXTURE_DEFAULT);
    assert_int_equal(judge_result(result, &options), 0);
}

static char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_same_measurement(const struct measurement *a, const struct measurement *b)
{
    assert_int_equal(a->started, b->started);
    assert_memory_equal(a->outcomes, b->outcomes, sizeof a->outcomes);
    assert_int_equal(a->reason_count, b->reason_count);
    for (unsigned i = 0; i < a->reason_count; i++) {
        const struct outcome *x = &a->reasons[i].outcome, *y = &b->reasons[i].outcome;
        assert_int_equal(a->reasons[i].count, b->reasons[i].count);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->code, y->code);
        assert_string_equal(x->detail ? x->detail : "", y->detail ? y->detail : "");
    }
    assert_true(histogram_equal(&a->latency_ok, &b->latency_ok));
    assert_true(histogram_equal(&a->latency_failed, &b->latency_failed));
    assert_true(histogram_equal(&a->latency_censored, &b->latency_censored));
    assert_true(histogram_equal(&a->service_ok, &b->service_ok));
    assert_int_equal(a->bytes_sent, b->bytes_sent);
    assert_int_equal(a->bytes_received, b->bytes_received);
    assert_int_equal(a->round_trips, b->round_trips);
}

static void assert_same_second(const struct second *a, const struct second *b)
{
    assert_int_equal(a->at_s, b->at_s);
    assert_true(a->users == b->users && a->arrival_rate == b->arrival_rate);
    assert_int_equal(a->in_flight, b->in_flight);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->started, b->started);
    assert_int_equal(a->censored, b->censored);
    assert_memory_equal(a->outcomes, b->outcomes, sizeof a->outcomes);
    assert_true(histogram_equal(&a->latency, &b->latency));
    assert_int_equal(a->operation_count, b->operation_count);
    for (size_t o = 0; o < a->operation_count; o++) {
        const struct second_operation *x = &a->operations[o], *y = &b->operations[o];
        assert_int_equal(x->ok, y->ok);
        assert_int_equal(x->failed, y->failed);
        assert_int_equal(x->bucket_count, y->bucket_count);
        if (x->bucket_count == 0)
            continue;
        assert_memory_equal(x->buckets, y->buckets, x->bucket_count * sizeof *x->buckets);
        assert_memory_equal(x->counts, y->counts, x->bucket_count * sizeof *x->counts);
    }
}

/* Field by field where the structs are, and as a whole: written again it is the same text, except
 * that bytes which are not UTF-8 were replaced the first time. */
static void a_result_survives_the_file(void **state)
{
    (void)state;
    struct result result, again;
    struct error error = {0};
    make_judged(&result);
    if (result_write_json(&result, path_of("whole.json"), &error) < 0)
        fail_msg("%s", error.text);
    if (result_read_json(&again, path_of("whole.json"), &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(again.started_wall_ns, result.started_wall_ns);
    assert_int_equal(again.phase_count, result.phase_count);
    for (size_t p = 0; p < result.phase_count; p++) {
        assert_string_equal(again.phases[p].name, result.phases[p].name);
        assert_int_equal(again.phases[p].not_run, result.phases[p].not_run);
        assert_int_equal(again.phases[p].recovery_ns, result.phases[p].recovery_ns);
        for (size_t t = 0; t < result.phases[p].target_count; t++) {
            const struct phase_target *a = &result.phases[p].targets[t];
            const struct phase_target *b = &again.phases[p].targets[t];
            for (size_t o = 0; o < a->operation_count; o++)
                assert_same_measurement(&a->operations[o], &b->operations[o]);
            assert_same_measurement(&a->setup, &b->setup);
            for (unsigned part = 0; part < PARTS; part++)
                assert_true(histogram_equal(&a->parts[part], &b->parts[part]));
            assert_int_equal(a->second_count, b->second_count);
            for (size_t s = 0; s < a->second_count; s++)
                assert_same_second(&a->seconds[s], &b->seconds[s]);
        }
    }
    assert_string_equal(again.targets[0].operations[1].name, "\033[31mred\033[0m\a");
    assert_string_equal(again.targets[0].operations[3].name, "caf\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(again.targets[0].operations[1].hints, result.targets[0].operations[1].hints);
    assert_int_equal(again.finding_count, result.finding_count);
    assert_int_equal(again.verdict, result.verdict);
    json_t *first = result_to_json(&again, &error);
    assert_int_equal(result_write_json(&again, path_of("again.json"), &error), 0);
    json_t *second = result_load_document(path_of("again.json"), &error);
    assert_true(json_equal(first, second));
    json_decref(first);
    json_decref(second);
    result_free(&result);
    result_free(&again);
}

static void an_empty_result_is_a_result(void **state)
{
    (void)state;
    struct result result, again;
    struct error error = {0};
    result_init(&result);
    assert_int_equal(result_write_json(&result, path_of("empty.json"), &error), 0);
    if (result_read_json(&again, path_of("empty.json"), &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(again.verdict, VERDICT_INFORMATION);
    result_free(&again);
}

/* Nothing but the result is in the folder afterwards, a failure leaves what was there. */
static void writing_replaces_at_once_or_not_at_all(void **state)
{
    (void)state;
    struct result result;
    struct error error = {0};
    struct stat before, after;
    result_init(&result);
    assert_int_equal(result_write_json(&result, path_of("a.json"), &error), 0);
    assert_int_equal(stat(path_of("a.json"), &before), 0);
    result.started_wall_ns = UINT64_MAX; /* cannot be written as a JSON integer */
    assert_int_equal(result_write_json(&result, path_of("a.json"), &error), -1);
    assert_non_null(strstr(error.text, "started_wall_ns"));
    assert_int_equal(stat(path_of("a.json"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    result.started_wall_ns = 1;
    assert_int_equal(result_write_json(&result, path_of("a.json"), &error), 0);
    assert_int_equal(stat(path_of("a.json"), &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(result_write_json(&result, path_of("no/such/folder.json"), &error), -1);
    assert_non_null(strstr(error.text, "no/such/folder.json"));
    DIR *listing = opendir(folder);
    for (struct dirent *entry; (entry = readdir(listing));)
        assert_true(entry->d_name[0] == '.' || strcmp(strrchr(entry->d_name, '.'), ".json") == 0);
    closedir(listing);
}

/* ---- what is wrong with a file -------------------------------------------------------------- */

static char *text_of(const struct result *result, size_t *length)
{
    struct error error = {0};
    json_t *document = result_to_json(result, &error);
    assert_non_null(document);
    char *text = json_dumps(document, JSON_COMPACT);
    *length = strlen(text);
    json_decref(document);
    return text;
}

static void assert_refused(const char *text, size_t length, const char *const expected[])
{
    struct error error = {0};
    struct result result;
    json_t *document = result_parse_document(text, length, "r.json", &error);
    int status = document ? result_from_document(&result, document, "r.json", &error) : -1;
    json_decref(document);
    assert_int_equal(status, -1);
    assert_int_equal(error.code, ERROR_USAGE);
    for (; *expected; expected++)
        if (!strstr(error.text, *expected))
            fail_msg("\"%s\" does not say \"%s\"", error.text, *expected);
}

#define REFUSED(text, ...)                                                                         \
    assert_refused(text, strlen(text), (const char *const[]){__VA_ARGS__, NULL})

static void what_is_no_result_is_refused(void **state)
{
    (void)state;
    REFUSED("", "r.json", "empty");
    REFUSED("  \n", "empty");
    REFUSED("<html>", "r.json:1:", "not valid JSON");
    REFUSED("[1]", "not a cicada result");
    REFUSED("{}", "not a cicada result", "\"schema\": \"cicada-result/1\"");
    REFUSED("{\"schema\":\"k6/1\"}", "not a cicada result");
    REFUSED("{\"schema\":\"cicada-result/2\"}", "newer cicada", "cicada-result/2",
            "cicada-result/1");
    REFUSED("{\"schema\":\"cicada-result/x\"}", "no version");
    REFUSED("{\"schema\":\"cicada-result/1\"}", "\"started_wall_ns\" is missing");
    REFUSED("{\"schema\":\"cicada-result/1\",\"schema\":\"cicada-result/1\"}", "duplicate");
}

static void a_file_cut_off_anywhere_says_so(void **state)
{
    (void)state;
    struct result result;
    size_t length;
    make_judged(&result);
    char *text = text_of(&result, &length);
    for (size_t cut = 1; cut < length; cut += 1 + length / 500) {
        struct error error = {0};
        assert_null(result_parse_document(text, cut, "r.json", &error));
        if (!strstr(error.text, "cut off after"))
            fail_msg("cut at %zu of %zu: %s", cut, length, error.text);
    }
    free(text);
    result_free(&result);
}

/* Change the document of a good result by `edit`, then expect a refusal. */
static void refuse_edited(void (*edit)(json_t *document), const char *place, const char *what)
{
    struct result result, read;
    struct error error = {0};
    make_judged(&result);
    json_t *document = result_to_json(&result, &error);
    edit(document);
    int status = result_from_document(&read, document, "r.json", &error);
    json_decref(document);
    result_free(&result);
    assert_int_equal(status, -1);
    if (!strstr(error.text, place) || !strstr(error.text, what))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", error.text, place, what);
}

static json_t *walk(json_t *document, const char *array, size_t index)
{
    return json_array_get(json_object_get(document, array), index);
}

static json_t *operation_of(json_t *document)
{
    return walk(walk(walk(document, "phases", 1), "targets", 0), "operations", 2);
}

static void drop_started(json_t *document)
{
    json_object_del(operation_of(document), "started");
}
static void negative_started(json_t *document)
{
    json_object_set_new(operation_of(document), "started", json_integer(-1));
}
static void text_started(json_t *document)
{
    json_object_set_new(operation_of(document), "started", json_string("many"));
}
static void unknown_member(json_t *document)
{
    json_object_set_new(walk(document, "phases", 1), "colour", json_string("red"));
}
static void unknown_outcome(json_t *document)
{
    json_object_set_new(json_object_get(operation_of(document), "outcomes"), "meh",
                        json_integer(1));
}
static void bad_buckets(json_t *document)
{
    json_object_set_new(json_object_get(operation_of(document), "latency_ok"), "buckets",
                        json_string("17408x3 0"));
}
static void far_bucket(json_t *document)
{
    json_object_set_new(json_object_get(operation_of(document), "latency_ok"), "buckets",
                        json_string("17408x3 99999"));
}
static void no_such_target(json_t *document)
{
    json_object_set_new(walk(walk(document, "phases", 1), "targets", 1), "target", json_integer(7));
}
static void one_operation_less(json_t *document)
{
    json_array_remove(json_object_get(walk(document, "targets", 0), "operations"), 0);
}
static void no_such_operation(json_t *document)
{
    json_t *second = walk(walk(walk(document, "phases", 0), "targets", 0), "seconds", 1);
    json_array_set_new(walk(second, "operations", 0), 0, json_integer(4000));
}
static void bad_verdict(json_t *document)
{
    json_object_set_new(walk(document, "findings", 0), "verdict", json_string("superb"));
}
static void seventeen_reasons(json_t *document)
{
    json_t *reasons = json_array();
    for (int i = 0; i < 17; i++)
        json_array_append_new(reasons, json_pack("{s:s, s:i}", "kind", "dns", "count", 1));
    json_object_set_new(operation_of(document), "reasons", reasons);
}

static void an_edited_file_is_refused_at_the_place(void **state)
{
    (void)state;
    const char *operation = "phases[1].targets[0].operations[2]";
    refuse_edited(drop_started, operation, "\"started\" is missing");
    refuse_edited(negative_started, "phases[1].targets[0].operations[2].started", "not within 0");
    refuse_edited(text_started, "operations[2].started", "a string, not an integer");
    refuse_edited(unknown_member, "phases[1]", "unknown member \"colour\"");
    refuse_edited(unknown_outcome, "operations[2].outcomes", "\"meh\" is no outcome");
    refuse_edited(bad_buckets, "operations[2].latency_ok.buckets", "the same bucket twice");
    refuse_edited(far_bucket, "operations[2].latency_ok.buckets", "no such bucket at character 13");
    refuse_edited(no_such_target, "phases[1].targets[1]", "no target 7");
    refuse_edited(one_operation_less, "phases[0].targets[0]",
                  "4 of them, but target \"server-0\" has 3");
    refuse_edited(no_such_operation, "phases[0].targets[0]: seconds[1].operations[0]", "4000");
    refuse_edited(bad_verdict, "findings[0].verdict", "no verdict");
    refuse_edited(seventeen_reasons, "operations[2].reasons", "more than 16");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing && (entry = readdir(listing));)
        if (entry->d_name[0] != '.')
            unlink(path_of(entry->d_name));
    closedir(listing);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_survives_the_file),
        cmocka_unit_test(an_empty_result_is_a_result),
        cmocka_unit_test(writing_replaces_at_once_or_not_at_all),
        cmocka_unit_test(what_is_no_result_is_refused),
        cmocka_unit_test(a_file_cut_off_anywhere_says_so),
        cmocka_unit_test(an_edited_file_is_refused_at_the_place),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
