/* advanced_ml: blueprints, documents against code, links, complexity, reports. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void do_call(const char *tool, const char *arguments)
{
    json_decref(harness_call(&harness, tool, arguments));
}

#define PLAN                                                                                       \
    "{\"name\":\"house\",\"description\":\"build\",\"steps\":[{\"name\":\"roof\",\"needs\":"       \
    "[\"walls\"]},{\"name\":\"walls\",\"minutes\":90,\"needs\":[\"ground\"]},"                     \
    "{\"name\":\"ground\"}]}"

static void a_blueprint_is_kept_documented_and_found_consistent(void **state)
{
    (void)state;
    harness_check("create_task_blueprint", PLAN, "\"id\":1,\"name\":\"house\",\"steps\":3");
    harness_check("create_task_blueprint", PLAN, "{\"name\":\"longest_chain\",\"value\":3.0");
    harness_check(
        "validate_blueprint_consistency", "{\"id\":1}",
        "\"consistent\":true,\"cycles\":[],\"missing_steps\":[],\"orphan_dependencies\":[],"
        "\"isolated_steps\":[]");
    harness_check("generate_blueprint_documentation", "{\"id\":1}",
                  "1. **roof** (30 min); needs walls");
    harness_check("generate_blueprint_documentation", "{\"id\":1}", "s3 --> s2\\n");
    harness_refused(&harness, "generate_blueprint_documentation", "{\"id\":9}", "not_found",
                    "no blueprint 9");
}

static void an_inconsistent_blueprint_is_told_why(void **state)
{
    (void)state;
    harness_check(
        "create_task_blueprint",
        "{\"name\":\"x\",\"depends_on\":[77],\"steps\":[{\"name\":\"a\",\"needs\":[\"b\"]},"
        "{\"name\":\"b\",\"needs\":[\"c\"]},{\"name\":\"c\",\"needs\":[\"b\",\"lost\"]},"
        "{\"name\":\"alone\"}]}",
        "\"id\":1");
    harness_check(
        "validate_blueprint_consistency", "{\"id\":1}",
        "\"consistent\":false,\"cycles\":[[\"b\",\"c\"]],\"missing_steps\":[{\"step\":\"c\","
        "\"needs\":\"lost\"}],\"orphan_dependencies\":[77],\"isolated_steps\":[\"alone\"]");
    harness_refused(&harness, "create_task_blueprint",
                    "{\"name\":\"y\",\"steps\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
                    "invalid_argument", "steps[1].name");
    harness_refused(&harness, "validate_blueprint_consistency", "{\"id\":2}", "not_found", NULL);
}

static void blueprints_know_what_they_build_on(void **state)
{
    (void)state;
    do_call("create_task_blueprint", PLAN);
    do_call("create_task_blueprint",
            "{\"name\":\"street\",\"depends_on\":[1],\"steps\":[{\"name\":\"a\"}]}");
    do_call("create_task_blueprint",
            "{\"name\":\"town\",\"depends_on\":[2],\"steps\":[{\"name\":\"a\"}]}");
    harness_check("query_blueprint_relationships", "{\"id\":2}",
                  "\"depends_on\":[{\"id\":1,\"name\":\"house\",\"distance\":1}],"
                  "\"needed_by\":[{\"id\":3,\"name\":\"town\",\"distance\":1}]");
    harness_check("query_blueprint_relationships", "{\"id\":3,\"depth\":1}",
                  "\"depends_on\":[{\"id\":2,\"name\":\"street\",\"distance\":1}]");
}

static void code_becomes_a_blueprint_of_its_functions(void **state)
{
    (void)state;
    harness_check(
        "create_blueprint_from_code",
        "{\"name\":\"tide\",\"code\":\"import math\\n\\ndef tide(h):\\n    return height(h)\\n\\n"
        "def height(h):\\n    return math.sin(h)\\n\",\"language\":\"python\"}",
        "\"imports\":[\"math\"]");
    harness_check("generate_blueprint_documentation", "{\"id\":1}", "s2 --> s1\\n");
    harness_refused(&harness, "create_blueprint_from_code",
                    "{\"code\":\"x = 1\",\"language\":\"python\"}", "invalid_argument", "function");
}

#define CODE                                                                                       \
    "\"language\":\"python\",\"code\":\"def load(path, strict):\\n    return open(path)\\n\\n"     \
    "def save(path):\\n    pass\\n\""

static void drift_of_a_document_is_named_and_scored(void **state)
{
    (void)state;
    harness_check("detect_documentation_drift",
                  "{" CODE ",\"document\":\"Call `load(path)` to read and `close()` at the end.\"}",
                  "\"symbols\":2,\"documented\":1");
    harness_check(
        "detect_documentation_drift",
        "{" CODE ",\"document\":\"Call `load(path)` to read and `close()` at the end.\"}",
        "[{\"kind\":\"signature\",\"name\":\"load\",\"detail\":\"the document shows 1 arguments, "
        "the code has 2\"},{\"kind\":\"undocumented\",\"name\":\"save\",\"detail\":\"line 4: the "
        "document does not name it\"},{\"kind\":\"stale\",\"name\":\"close\"");
    /* 1 - 0.5 * 1/2 - 0.25 * 1/2 - 0.25 * 1/1 */
    harness_check("get_documentation_consistency_score",
                  "{" CODE ",\"document\":\"Call `load(path)` to read and `close()` at the end.\"}",
                  "\"score\":0.375");
    harness_check("get_documentation_consistency_score",
                  "{" CODE ",\"document\":\"`load(path, strict)` reads, `save(path)` writes.\"}",
                  "\"score\":1.0");
    harness_check("validate_documentation_consistency",
                  "{" CODE ",\"document\":\"`load` and save\"}", "\"passed\":true");
    harness_check("validate_documentation_consistency", "{" CODE ",\"document\":\"nothing\"}",
                  "\"passed\":false,\"score\":0.5");
    do_call("store_memory", "{\"name\":\"doc\",\"content\":\"load and save are all there is\"}");
    harness_check("validate_documentation_consistency", "{" CODE ",\"memory\":1}",
                  "\"passed\":true");
    harness_refused(&harness, "validate_documentation_consistency", "{" CODE ",\"memory\":5}",
                    "not_found", "no memory 5");
    harness_refused(&harness, "validate_documentation_consistency", "{" CODE "}",
                    "invalid_argument", "document");
}

static void like_documents_are_linked_once(void **state)
{
    (void)state;
    do_call("store_memory", "{\"name\":\"a\",\"content\":\"The valve of pump nine leaks oil.\"}");
    do_call("store_memory", "{\"name\":\"b\",\"content\":\"The valve of pump nine leaks water.\"}");
    do_call("store_memory", "{\"name\":\"c\",\"content\":\"Quarterly taxes were paid by Ann.\"}");
    harness_check("auto_link_documents", "{\"threshold\":0.5}", "\"from\":1,\"to\":2,");
    harness_check("auto_link_documents", "{\"threshold\":0.5}", "\"created\":false");
    harness_check("auto_link_documents", "{\"threshold\":0.5,\"memory\":3}", "\"links\":[]");
    harness_check("get_resource_links", "{\"id\":1}", "\"similar\"");
    harness_refused(&harness, "auto_link_documents", "{\"memory\":99}", "not_found", NULL);
}

static void words_drive_the_complexity_of_a_task(void **state)
{
    (void)state;
    harness_check("analyze_task_complexity", "{\"text\":\"Stop\"}", "\"score\":0.1499");
    harness_check("analyze_task_complexity", "{\"text\":\"if it fails\"}",
                  "{\"name\":\"condition_words\",\"value\":1.0,\"points\":6.0}");
    do_call("add_todo", "{\"title\":\"grease the crane\"}");
    do_call("complete_todo", "{\"id\":1}");
    do_call("create_task_blueprint", PLAN);
    harness_check("analyze_task_complexity", "{\"text\":\"grease a house\"}",
                  "\"similar_tasks_done\":1");
    harness_check("analyze_task_complexity", "{\"text\":\"grease a house\"}", "\"name\":\"house\"");
}

static void reports_count_what_happened(void **state)
{
    (void)state;
    harness_check("get_taskmaster_performance_metrics", "{}", "\"median_lead_ms\":null");
    do_call("add_todo", "{\"title\":\"one\"}");
    do_call("add_todo", "{\"title\":\"two\"}");
    do_call("complete_todo", "{\"id\":1}");
    harness_check("get_taskmaster_performance_metrics", "{\"hours\":1}",
                  "\"added\":2,\"completed\":1,");
    harness_check("get_taskmaster_performance_metrics", "{}", "\"open\":1,");
    harness_refused(&harness, "get_todo", "{\"id\":9}", "not_found", NULL);
    harness_check("get_performance_report", "{\"hours\":1}", "\"calls\":7,\"failures\":1,");
    harness_check("get_performance_report", "{}",
                  "{\"tool\":\"add_todo\",\"calls\":2,\"failures\":0,\"mean_ms\":");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_advanced_ml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(a_blueprint_is_kept_documented_and_found_consistent),
        WITH_HARNESS(an_inconsistent_blueprint_is_told_why),
        WITH_HARNESS(blueprints_know_what_they_build_on),
        WITH_HARNESS(code_becomes_a_blueprint_of_its_functions),
        WITH_HARNESS(drift_of_a_document_is_named_and_scored),
        WITH_HARNESS(like_documents_are_linked_once),
        WITH_HARNESS(words_drive_the_complexity_of_a_task),
        WITH_HARNESS(reports_count_what_happened),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
