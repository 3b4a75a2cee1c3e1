/* Every form of a result full of hostile names, and the files they are written to. */
#include "fixture.h"

#include "analysis/judge.h"
#include "report/form_file.h"
#include "report/form_write.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HOSTILE                                                                                    \
    "</script><script>alert(1)</script>]]>--><img src=x onerror=alert(1)>\"'`|,=\n\033[2J\xff"     \
    "\xe2\x80\xa8\xe2\x80\xae{{7*7}}"

static int (*const forms[])(FILE *, const struct result *) = {
    form_html, form_junit, form_markdown, form_prometheus, form_csv, form_hlog};
#define FORMS (sizeof forms / sizeof *forms)

static const struct judge_threshold thresholds[] = {
    {.text = "p95<1ms", .figure = JUDGE_PERCENTILE, .fraction = 0.95, .value = 1e6}};
static const struct judge_options judging = {
    .thresholds = thresholds,
    .threshold_count = 1,
    .minimum_sample = 30,
    .alerts = {{"high_error_rate", ALERT_ERRORS, false, 0.001, 0.0005, 2, 2, false}},
    .alert_count = 1};

static void replace(char **text)
{
    free(*text);
    *text = strdup(HOSTILE);
}

static void make_hostile(struct result *result)
{
    fixture_make(result, &FIXTURE_DEFAULT);
    replace(&result->plan_name);
    replace(&result->host);
    for (size_t t = 0; t < result->target_count; t++) {
        struct result_target *target = &result->targets[t];
        replace(&target->name);
        replace(&target->description);
        replace(&target->address);
        for (size_t o = 0; o < target->operation_count; o++) {
            replace(&target->operations[o].name);
            replace(&target->operations[o].category);
        }
    }
    for (size_t p = 0; p < result->phase_count; p++)
        replace(&result->phases[p].name);
    struct example *example = &result->examples[0];
    replace(&example->request);
    replace(&example->response);
    replace(&example->text);
    replace(&example->repeat);
    replace(&example->phase);
    assert_int_equal(judge_result(result, &judging), 0);
    assert_int_equal(result_add_finding(result, HOSTILE, HOSTILE, VERDICT_FAIL,
                                        json_pack("{s:s}", "a", "</script><b>"), HOSTILE, 3,
                                        HOSTILE),
                     0);
}

static char *written(int (*form)(FILE *, const struct result *), const struct result *result)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    assert_int_equal(form(file, result), 0);
    fclose(file);
    assert_int_equal(strlen(text), length); /* no NUL in it */
    return text;
}

static size_t occurrences(const char *text, const char *of)
{
    size_t count = 0;
    for (; (text = strcasestr(text, of)); text++)
        count++;
    return count;
}

static void nothing_is_obeyed(void **state)
{
    (void)state;
    struct result result;
    make_hostile(&result);
    for (size_t i = 0; i < FORMS; i++) {
        char *text = written(forms[i], &result);
        assert_null(strchr(text, '\033'));
        assert_null(strchr(text, '\xff'));
        if (forms[i] != form_hlog && forms[i] != form_prometheus && forms[i] != form_csv) {
            if (forms[i] != form_markdown) /* there it stands in code spans */
                assert_null(strstr(text, "<img"));
            assert_null(strstr(text, "\xe2\x80\xa8"));
            assert_null(strstr(text, "\xe2\x80\xae"));
        }
        free(text);
    }
    result_free(&result);
}

static void html_has_our_scripts_only(void **state)
{
    (void)state;
    struct result result;
    make_hostile(&result);
    char *text = written(form_html, &result);
    assert_int_equal(occurrences(text, "<script"), 2); /* data and drawing */
    assert_int_equal(occurrences(text, "</script"), 2);
    assert_non_null(strstr(text, "script-src 'sha256-"));
    assert_int_equal(occurrences(text, " src="),
                     occurrences(text, "&lt;img src=") + occurrences(text, "\\u003cimg src="));
    assert_int_equal(occurrences(text, "http-equiv=\"Content-Security-Policy\""), 1);
    free(text);
    result_free(&result);
}

/* The data block is JSON, with the counts of the result in it. */
static void html_data_adds_up(void **state)
{
    (void)state;
    struct result result;
    struct measurement total;
    make_hostile(&result);
    char *text = written(form_html, &result);
    char *begin = strstr(text, "id=\"data\">");
    assert_non_null(begin);
    begin += strlen("id=\"data\">");
    json_t *data = json_loadb(begin, (size_t)(strstr(begin, "</script>") - begin), 0, NULL);
    assert_non_null(data);
    assert_int_equal(json_array_size(json_object_get(data, "series")), 3); /* all, and each */
    json_t *points = json_object_get(json_array_get(json_object_get(data, "series"), 0), "points");
    json_int_t ok = 0, hot = 0;
    size_t index;
    json_t *point;
    json_array_foreach(points, index, point)
    {
        json_t *heat = json_array_get(point, 12);
        ok += json_integer_value(json_array_get(point, 7));
        for (size_t i = 1; i < json_array_size(heat); i += 2)
            hot += json_integer_value(json_array_get(heat, i));
    }
    measurement_init(&total);
    assert_int_equal(result_total(&result, &total), 0);
    assert_int_equal(ok, total.outcomes[OUTCOME_OK]);
    assert_int_equal(hot, total.outcomes[OUTCOME_OK]);
    measurement_free(&total);
    json_decref(data);
    free(text);
    result_free(&result);
}

static void an_empty_result_has_every_form(void **state)
{
    (void)state;
    struct result result;
    result_init(&result);
    for (size_t i = 0; i < FORMS; i++) {
        char *text = written(forms[i], &result);
        assert_true(strlen(text) > 0);
        free(text);
    }
    result_free(&result);
}

/* ---- files ---------------------------------------------------------------------------------- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/cicada-forms-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void out_writes_them_all(void **state)
{
    static const char *const names[] = {"report.html",  "junit.xml",   "summary.md",
                                        "metrics.prom", "seconds.csv", "latency.hlog"};
    (void)state;
    struct result result;
    struct error error = {0};
    struct stat status;
    char path[256];
    fixture_make(&result, &FIXTURE_DEFAULT);
    snprintf(path, sizeof path, "%s/a/b", folder);
    struct run_options options = {.out = path};
    assert_int_equal(forms_prepare(&options, 2, &error), 0);
    assert_int_equal(forms_write(&result, &options, 0, NULL, &error), 0);
    assert_int_equal(forms_write(&result, &options, 1, NULL, &error), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[512];
        snprintf(file, sizeof file, "%s/a/b/%s", folder, names[i]);
        assert_int_equal(stat(file, &status), 0);
        assert_true(status.st_size > 0);
    }
    snprintf(path, sizeof path, "%s/a/b/junit-2.xml", folder);
    assert_int_equal(stat(path, &status), 0);
    result_free(&result);
}

static int fail_half_way(FILE *file, const void *context)
{
    (void)context;
    fputs("half", file);
    errno = ENOSPC;
    return -1;
}

/* The old file stands when the new one cannot be finished, and nothing is left beside it. */
static void a_failure_leaves_the_old_file(void **state)
{
    (void)state;
    struct error error = {0};
    char path[256], command[512], text[8] = "";
    snprintf(path, sizeof path, "%s/old", folder);
    FILE *file = fopen(path, "w");
    fputs("old", file);
    fclose(file);
    assert_int_equal(file_write(path, fail_half_way, NULL, &error), -1);
    assert_int_equal(error.code, ERROR_INTERNAL);
    assert_non_null(strstr(error.text, "No space left"));
    file = fopen(path, "r");
    assert_int_equal(fread(text, 1, sizeof text, file), 3);
    fclose(file);
    assert_string_equal(text, "old");
    snprintf(command, sizeof command, "test \"$(ls '%s' | grep -c '^old')\" = 1", folder);
    assert_int_equal(system(command), 0);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) < 0)
        skip();
    struct result result;
    struct error error = {0};
    fixture_make(&result, &FIXTURE_DEFAULT);
    struct run_options options = {.files = {[OUTPUT_CSV] = "/dev/full"}};
    assert_int_equal(forms_write(&result, &options, 0, NULL, &error), -1);
    assert_non_null(strstr(error.text, "/dev/full: cannot write"));
    result_free(&result);
}

static void a_place_that_is_none_is_told_before_the_run(void **state)
{
    (void)state;
    struct error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/missing/x.html", folder);
    struct run_options options = {.files = {[OUTPUT_HTML] = path}};
    assert_int_equal(forms_prepare(&options, 1, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
    assert_non_null(strstr(error.text, "No such file"));
    snprintf(path, sizeof path, "%s/old", folder);
    struct run_options onto_a_file = {.out = path};
    assert_int_equal(forms_prepare(&onto_a_file, 1, &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
}

static void alerts_recommendations_and_readiness_are_told(void **state)
{
    (void)state;
    static const struct {
        int (*form)(FILE *, const struct result *);
        const char *says[6];
    } told[] = {
        {form_html,
         {"data-verdict=\"fail\">not ready</strong>", "<h2 id=\"recommendations\">What to do</h2>",
          "<li><p>p95 of all operations is ", "<li>high_error_rate on ",
          "\"alerts\":[[\"high_error_rate on ", NULL}},
        {form_markdown,
         {"**not ready**: 1 finding failed, with ", "### Recommendations\n\n- p95 of all",
          "### Alerts\n\n- high\\_error\\_rate on ", NULL}},
        {form_junit, {"name=\"cicada.readiness\" value=\"not ready\"", NULL}},
    };
    struct result result;
    fixture_make(&result, &FIXTURE_DEFAULT);
    assert_int_equal(judge_result(&result, &judging), 0);
    assert_true(result.alert_count > 0);
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        char *text = written(told[i].form, &result);
        for (const char *const *says = told[i].says; *says; says++)
            if (!strstr(text, *says))
                fail_msg("form %zu does not say %s", i, *says);
        free(text);
    }
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_obeyed),
        cmocka_unit_test(html_has_our_scripts_only),
        cmocka_unit_test(html_data_adds_up),
        cmocka_unit_test(an_empty_result_has_every_form),
        cmocka_unit_test(alerts_recommendations_and_readiness_are_told),
        cmocka_unit_test(out_writes_them_all),
        cmocka_unit_test(a_failure_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_place_that_is_none_is_told_before_the_run),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
