/* analytics and performance: what is counted is what happened. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void do_call(const char *tool, const char *arguments)
{
    json_decref(harness_call(&harness, tool, arguments));
}

static void calls_are_counted_by_tool_client_and_reason(void **state)
{
    (void)state;
    do_call("add_todo", "{\"title\":\"one\"}");
    do_call("add_todo", "{\"title\":\"two\"}");
    harness_refused(&harness, "get_todo", "{\"id\":9}", "not_found", NULL);
    harness_check("get_usage_statistics", "{}",
                  "{\"calls\":3,\"failures\":1,\"clients\":1,\"tools\":2,");
    harness_check("get_usage_statistics", "{\"hours\":1}",
                  "\"by_client\":[{\"client\":\"test\",\"calls\":4,\"failures\":1}]");
    harness_check("get_tool_usage", "{}", "{\"tool\":\"get_todo\",\"calls\":1,\"failures\":1,");
    harness_check("get_error_statistics", "{}",
                  "\"by_tool\":[{\"tool\":\"get_todo\",\"reason\":\"not_found\",\"calls\":1}],"
                  "\"by_reason\":[{\"reason\":\"not_found\",\"calls\":1}]");
    harness_check("get_activity_timeline", "{\"bucket\":\"day\",\"limit\":1}", "\"tasks\":2");
}

static void check_sum(int64_t since, unsigned keys, size_t groups, uint64_t calls,
                      uint64_t failures)
{
    struct usage_groups sums;
    struct error error = {0};
    uint64_t found = 0, failed = 0;
    assert_int_equal(usage_sums(harness.store.usage, since, keys, &sums, &error), 0);
    assert_int_equal(sums.count, groups);
    for (size_t i = 0; i < sums.count; i++) {
        found += sums.all[i].calls;
        failed += sums.all[i].failures;
        assert_true(i == 0 || sums.all[i].calls <= sums.all[i - 1].calls);
    }
    assert_int_equal(found, calls);
    assert_int_equal(failed, failures);
    usage_groups_free(&sums);
}

/* Those of before, those written since a window was first asked for, and those not written yet. */
static void calls_are_summed_wherever_they_are(void **state)
{
    (void)state;
    struct usage *usage = harness.store.usage;
    assert_int_equal(records_run(harness.store.records, NULL,
                                 "INSERT INTO usage_minutes VALUES(100, 'old', 'me', '', 5, 50,"
                                 " 20)",
                                 ""),
                     1);
    usage_count(usage, "old", "me", NULL, 9000);
    check_sum(0, USAGE_TOOL, 1, 6, 0);
    check_sum(100, USAGE_TOOL, 1, 6, 0);
    check_sum(101, USAGE_TOOL, 1, 1, 0);
    for (int i = 0; i < 3; i++) {
        usage_count(usage, "new", "you", i ? NULL : "not_found", 30000000);
        assert_int_equal(usage_flush(usage, NULL), 0);
        usage_count(usage, "new", "me", NULL, 7000);
    }
    check_sum(0, USAGE_TOOL, 2, 12, 1);
    check_sum(101, USAGE_TOOL, 2, 7, 1);
    check_sum(101, USAGE_CLIENT, 2, 7, 1);
    check_sum(0, USAGE_REASON, 2, 12, 1);
    check_sum(0, USAGE_TOOL | USAGE_CLIENT | USAGE_REASON, 4, 12, 1);
    check_sum(INT64_MAX, 0, 0, 0, 0);
    harness_check("get_tool_usage", "{}",
                  "{\"tool\":\"old\",\"calls\":6,\"failures\":0,\"mean_ms\":0.009833333333333");
}

/* Each tool has a window of its own; beyond a limit calls have none, and are still summed. */
static void every_tool_has_its_window(void **state)
{
    (void)state;
    static char names[300][16];
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 300; i++) {
            snprintf(names[i], sizeof names[i], "tool %03d", i);
            usage_count(harness.store.usage, names[i], "me", NULL, 1000);
        }
        json_t *all = usage_latency(harness.store.usage, NULL), *one;
        size_t index;
        assert_int_equal(json_array_size(all), 256);
        json_array_foreach(all, index, one)
        {
            assert_string_equal(json_string_value(json_object_get(one, "tool")), names[index]);
            assert_int_equal(json_integer_value(json_object_get(one, "calls")), round);
        }
        json_decref(all);
        check_sum(0, USAGE_TOOL, 300, (uint64_t)round * 300, 0);
    }
}

/* One that names itself anew with each call is one of the others in the end. */
static void callers_cannot_make_sums_grow(void **state)
{
    (void)state;
    struct usage_groups groups = {.count = 0};
    struct usage_group one = {.tool = "tool", .calls = 1};
    for (int i = 0; i < 2 * USAGE_GROUPS_LIMIT; i++) {
        snprintf(one.client, sizeof one.client, "client %d", i);
        assert_int_equal(usage_groups_add(&groups, USAGE_CLIENT, &one), 0);
    }
    assert_int_equal(groups.count, USAGE_GROUPS_LIMIT + 1);
    usage_groups_sort(&groups);
    assert_string_equal(groups.all[0].client, "others");
    assert_int_equal(groups.all[0].calls, USAGE_GROUPS_LIMIT);
    assert_string_equal(groups.all[1].client, "client 0");
    usage_groups_free(&groups);
}

static void what_is_kept_is_counted(void **state)
{
    (void)state;
    harness_check("get_memory_statistics", "{}",
                  "\"documents\":0,\"bytes\":0,\"passages\":0,\"oldest_at\":null");
    do_call("store_memory", "{\"name\":\"a\",\"type\":\"note\",\"content\":\"caf\u00e9 and tea\"}");
    do_call("store_memory", "{\"name\":\"b\",\"type\":\"log\",\"content\":\"tea again\"}");
    harness_check("get_memory_statistics", "{}", "\"documents\":2,\"bytes\":22,");
    harness_check("get_memory_statistics", "{}",
                  "{\"type\":\"note\",\"documents\":1,\"bytes\":13,\"passages\":1}");
    do_call("log_chat", "{\"conversation\":\"c\",\"role\":\"user\",\"content\":\"12345\"}");
    harness_check(
        "get_conversation_statistics", "{}",
        "{\"messages\":1,\"conversations\":1,\"mean_characters\":5.0,\"max_characters\":5,");
    do_call("add_todo", "{\"title\":\"late\",\"due_at\":1,\"priority\":\"high\"}");
    harness_check("get_task_statistics", "{}", "{\"tasks\":1,\"overdue\":1,");
    harness_check("get_task_statistics", "{}",
                  "\"by_priority\":[{\"priority\":\"high\",\"tasks\":1,\"open\":1}]");
    harness_check("get_storage_statistics", "{}", "\"tables\":[]");
    harness_check("get_storage_statistics", "{\"table_sizes\":true}",
                  "{\"table\":\"memories\",\"bytes\":");
    harness_check("get_vector_statistics", "{}",
                  "{\"space\":\"memories\",\"vectors\":2,\"dimension\":256,\"index\":\"flat\"");
    harness_check("get_cache_statistics", "{}",
                  getenv("BURROW_TEST_REDIS") ? "{\"kind\":\"redis\"" : "{\"kind\":\"in_process\"");
}

static const char *const kinds[] = {"memory",      "message",  "task",     "finished", "code",
                                    "code result", "code tag", "question", "context"};

static size_t tallies_of(const char *kind, int64_t width, const struct tally **rows)
{
    size_t count;
    *rows = tallies_within(harness.store.tallies, kind, width, 0, INT64_MAX, &count);
    return count;
}

/* But for what came and went, which leaves a row of zeros. */
static void add_tallies(json_t *all, const char *kind, int64_t width)
{
    const struct tally *rows;
    size_t count = tallies_of(kind, width, &rows);
    for (size_t i = 0; i < count; i++)
        if (rows[i].count)
            json_array_append_new(
                all, json_pack("[s, I, I, s, I, I, I]", kind, (json_int_t)width,
                               (json_int_t)rows[i].at, rows[i].name, (json_int_t)rows[i].count,
                               (json_int_t)rows[i].first, (json_int_t)rows[i].second));
}

/* Every row of what is kept of statistics, in order. */
static char *kept_rows(void)
{
    static const char *const tables[] = {"conversations", "conversation_totals", "todo_totals",
                                         "todos_open", "todos_finished"};
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        add_tallies(all, kinds[i], TALLY_MINUTE);
        add_tallies(all, kinds[i], TALLY_HOUR);
        add_tallies(all, kinds[i], TALLY_DAY);
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[100];
        sqlite3_stmt *row = NULL;
        snprintf(sql, sizeof sql, "SELECT * FROM temp.%s", tables[i]);
        assert_int_equal(
            sqlite3_prepare_v2(records_handle(harness.store.records), sql, -1, &row, NULL),
            SQLITE_OK);
        bool sums = strcmp(tables[i], "todo_totals") == 0;
        while (sqlite3_step(row) == SQLITE_ROW) {
            json_t *values = json_array();
            for (int k = 0; k < sqlite3_column_count(row); k++)
                json_array_append_new(values, records_json_text(row, k));
            /* what came and went leaves a row of zeros */
            bool gone = sums && strcmp(records_text(row, 2), "0") == 0;
            if (!gone)
                json_array_append(all, values);
            json_decref(values);
        }
        sqlite3_finalize(row);
    }
    char *text = json_dumps(all, JSON_INDENT(1));
    json_decref(all);
    return text;
}

/* As if the program had been started anew. */
static void forget_what_is_kept(void)
{
    struct error error = {0};
    sqlite3_stmt *row =
        records_query(harness.store.records, &error,
                      "SELECT group_concat('DROP ' || type || ' temp.' || name, ';') FROM (SELECT *"
                      " FROM temp.sqlite_master WHERE type IN ('trigger', 'table', 'view') AND sql "
                      "NOT LIKE '% VIRTUAL %'"
                      " ORDER BY type <> 'trigger', type = 'table')",
                      "");
    assert_true(row && records_next(row, &error));
    char *drops = strdup(records_text(row, 0));
    records_done(row);
    if (sqlite3_exec(records_handle(harness.store.records), drops, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", drops, sqlite3_errmsg(records_handle(harness.store.records)));
    free(drops);
    harness.store.statistics_kept_at = 0;
    tallies_close(harness.store.tallies);
    harness.store.tallies = NULL;
}

/* What follows each write is what a count of everything finds. */
static void what_is_kept_follows_every_write(void **state)
{
    (void)state;
    static const char *const calls[][2] = {
        {"store_memory", "{\"name\":\"a\",\"content\":\"tea\"}"},
        {"store_memory", "{\"name\":\"b\",\"content\":\"more tea\"}"},
        {"delete_memory", "{\"id\":1}"},
        {"log_chat", "{\"conversation\":\"c\",\"role\":\"user\",\"content\":\"1234567\"}"},
        {"log_chat", "{\"conversation\":\"c\",\"role\":\"assistant\",\"content\":\"1\"}"},
        {"log_chat", "{\"conversation\":\"d\",\"role\":\"user\",\"content\":\"2\"}"},
        {"add_todo", "{\"title\":\"one\",\"due_at\":1}"},
        {"add_todo", "{\"title\":\"two\",\"priority\":\"high\"}"},
        {"add_todo", "{\"title\":\"three\"}"},
        {"complete_todo", "{\"id\":1}"},
        {"complete_todo", "{\"id\":2}"},
        {"complete_todo", "{\"id\":2}"},
        {"update_todo", "{\"id\":1,\"status\":\"open\"}"},
        {"update_todo", "{\"id\":3,\"due_at\":5,\"priority\":\"low\"}"},
        {"log_code_attempt", "{\"prompt\":\"p\",\"code\":\"int x;\",\"result\":\"success\","
                             "\"language\":\"c\",\"tags\":[\"t\",\"u\"]}"},
        {"log_code_attempt", "{\"prompt\":\"p\",\"code\":\"int y\",\"result\":\"failure\","
                             "\"language\":\"c\",\"error\":\";\",\"tags\":[\"t\"]}"},
        {"ask_with_context", "{\"question\":\"tea\",\"limit\":1}"},
        {"build_context", "{\"query\":\"tea\",\"budget_tokens\":50}"},
    };
    for (int late = 0; late < 2; late++) {
        harness_close(&harness);
        harness_open(&harness);
        if (!late)
            harness_check("get_activity_timeline", "{}", "\"buckets\":[");
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
            do_call(calls[i][0], calls[i][1]);
        harness_check("get_activity_timeline", "{\"bucket\":\"day\"}",
                      "\"memories\":1,\"messages\":3,\"tasks\":3,\"code_attempts\":2}");
        char *followed = kept_rows();
        forget_what_is_kept();
        harness_check("get_activity_timeline", "{\"bucket\":\"day\"}", "\"messages\":3");
        char *counted = kept_rows();
        assert_string_equal(followed, counted);
        free(followed);
        free(counted);
    }
    harness_check(
        "get_conversation_statistics", "{}",
        "{\"messages\":3,\"conversations\":2,\"mean_characters\":3.0,\"max_characters\":7,");
    harness_check("get_conversation_statistics", "{}",
                  "\"by_role\":[{\"role\":\"user\",\"messages\":2,\"mean_characters\":4.0},");
    harness_check("get_conversation_statistics", "{}",
                  "\"longest\":[{\"conversation\":\"c\",\"messages\":2},");
    harness_check("get_task_statistics", "{}", "{\"tasks\":3,\"overdue\":2,");
    harness_check("get_code_statistics", "{}",
                  "{\"attempts\":2,\"characters\":11,\"by_language\":{\"c\":2},"
                  "\"by_result\":{\"failure\":1,\"success\":1},\"by_tag\":{\"t\":2,\"u\":1}}");
    harness_check("get_context_usage_statistics", "{\"hours\":1}",
                  "\"contexts\":1,\"asked_tokens\":50,");
    harness_check("system_health", "{}", "{\"status\":\"healthy\"");
}

/* A call that fails leaves nothing in them either. */
static void what_is_kept_is_undone_with_its_call(void **state)
{
    (void)state;
    do_call("get_task_statistics", "{}");
    do_call("log_chat", "{\"conversation\":\"c\",\"role\":\"user\",\"content\":\"text\"}");
    char *before = kept_rows();
    assert_int_equal(records_begin(harness.store.records, NULL), 0);
    assert_int_equal(records_run(harness.store.records, NULL,
                                 "INSERT INTO chats(conversation, role, content, sent_at)"
                                 " VALUES('c', 'user', 'text', 60000), ('c', 'user', 'text', ?1)",
                                 "i", store_now_ms()),
                     2);
    char *within = kept_rows();
    assert_string_not_equal(before, within);
    records_rollback(harness.store.records);
    store_do_later(&harness.store, false);
    char *after = kept_rows();
    assert_string_equal(before, after);
    free(before);
    free(within);
    free(after);
}

static void add_task_of(int64_t age_ms)
{
    assert_int_equal(records_run(harness.store.records, NULL,
                                 "INSERT INTO todos(title, description, status, priority, minutes,"
                                 " created_at, updated_at) VALUES('t', '', 'open', 'low', 1, ?1,"
                                 " ?1)",
                                 "i", store_now_ms() - age_ms),
                     1);
}

/* Windows of minutes, hours and days, over tasks that were added a while ago. */
static void windows_begin_where_they_should(void **state)
{
    (void)state;
    static const int64_t hours[] = {1, 2, 3, 5, 11, 23, 24, 47, 100, 1000, 20000};
    enum { COUNT = sizeof hours / sizeof *hours };
    const int64_t minute = 60000;
    for (int late = 0; late < 2; late++) {
        harness_close(&harness);
        harness_open(&harness);
        if (!late)
            do_call("get_task_statistics", "{}");
        for (size_t i = 0; i < COUNT; i++) {
            /* beyond a day a window begins at a whole hour */
            add_task_of(hours[i] * 60 * minute - minute);
            add_task_of(hours[i] * 60 * minute + (hours[i] > 24 ? 61 : 1) * minute);
        }
        for (size_t i = 0; i < COUNT; i++) {
            char arguments[64], expected[64];
            snprintf(arguments, sizeof arguments, "{\"hours\":%d}", (int)hours[i]);
            snprintf(expected, sizeof expected, "{\"added\":%zu,", 2 * i + 1);
            harness_check("get_taskmaster_performance_metrics", arguments, expected);
        }
        harness_check("get_taskmaster_performance_metrics", "{}", "{\"added\":22,");
        harness_check("get_activity_timeline", "{\"bucket\":\"minute\",\"limit\":1000}",
                      "\"tasks\":1,");
        assert_int_equal(records_run(harness.store.records, NULL,
                                     "INSERT INTO usage_minutes VALUES(?1, 'tool', 'me', '', 9,"
                                     " 1, 1)",
                                     "i", store_now_ms() / minute - 1),
                         1);
        assert_int_equal(records_run(harness.store.records, NULL,
                                     "UPDATE usage_minutes SET calls = calls + 2"
                                     " WHERE tool = 'tool'",
                                     ""),
                         1);
        harness_check("get_activity_timeline", "{\"bucket\":\"minute\"}", "\"calls\":11,");
    }
}

/* Data of a version that did not keep them yet. */
static void calls_of_before_are_counted_by_time(void **state)
{
    (void)state;
    struct error error = {0};
    struct store_options options = harness_options(1 << 20);
    harness_close(&harness);
    assert_int_equal(store_open(&harness.store, &options, &error), 0);
    assert_int_equal(records_run(harness.store.records, &error,
                                 "INSERT INTO usage_minutes VALUES(1440, 'a', 'me', '', 5, 1, 1),"
                                 " (1440, 'b', 'me', '', 6, 1, 1), (1441, 'a', 'me', '', 7, 1, 1),"
                                 " (1500, 'a', 'me', '', 8, 1, 1)",
                                 ""),
                     4);
    harness.dispatch = dispatch_open(&harness.store, &error);
    assert_non_null(harness.dispatch);
    static const int64_t expected[][3] = {{60000, 86400000, 11},  {60000, 86460000, 7},
                                          {60000, 90000000, 8},   {3600000, 86400000, 18},
                                          {3600000, 90000000, 8}, {86400000, 86400000, 26}};
    size_t count = 0;
    sqlite3_stmt *row = records_query(harness.store.records, &error,
                                      "SELECT width, at, calls FROM call_totals", "");
    for (; row && records_next(row, &error); count++)
        for (int i = 0; i < 3; i++)
            assert_int_equal(sqlite3_column_int64(row, i), expected[count][i]);
    assert_int_equal(count, sizeof expected / sizeof *expected);
}

/* Minutes go after a day, and the times of tasks when there are many; sums stay. */
static void what_is_kept_stays_small(void **state)
{
    (void)state;
    do_call("get_task_statistics", "{}");
    assert_int_equal(records_run(harness.store.records, NULL,
                                 "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
                                 " WHERE i < 699) INSERT INTO todos(title, description, status,"
                                 " priority, minutes, created_at, updated_at)"
                                 " SELECT 't', '', 'open', 'low', 1, ?1 - i * 60000, 0 FROM n",
                                 "i", store_now_ms() - 24 * 3600000),
                     700);
    assert_int_equal(records_run(harness.store.records, NULL,
                                 "UPDATE todos SET status = 'done', completed_at = created_at + id",
                                 ""),
                     700);
    harness.store.statistics_kept_at -= 7200000;
    harness_check("get_taskmaster_performance_metrics", "{}",
                  "{\"added\":700,\"completed\":700,\"completed_per_day\":");
    harness_check("get_taskmaster_performance_metrics", "{}",
                  "\"mean_lead_ms\":350.5,\"median_lead_ms\":250,\"p90_lead_ms\":450,\"open\":0,"
                  "\"median_age_ms\":null");
    const struct tally *rows;
    int64_t leads = 0;
    size_t minutes =
        tallies_of("task", TALLY_MINUTE, &rows) + tallies_of("finished", TALLY_MINUTE, &rows);
    records_integer(harness.store.records, NULL, 0, &leads, "SELECT count(*) FROM todos_finished",
                    "");
    assert_in_range(minutes, 100, 130); /* an hour's, of two kinds */
    assert_in_range(leads, 500, 501);
}

static void the_shape_of_the_graph(void **state)
{
    (void)state;
    harness_check("get_graph_statistics", "{}", "\"max_degree\":0,\"busiest_node\":null");
    do_call("create_entities", "{\"entities\":[{\"name\":\"a\",\"type\":\"x\"},{\"name\":\"b\","
                               "\"type\":\"x\"},{\"name\":\"c\",\"type\":\"x\"}]}");
    do_call("create_relations", "{\"relations\":[{\"from\":\"a\",\"type\":\"r\",\"to\":\"b\"},"
                                "{\"from\":\"a\",\"type\":\"r\",\"to\":\"c\"}]}");
    harness_check("get_graph_statistics", "{}",
                  "\"max_degree\":2,\"busiest_node\":\"entity:a\",\"degree_distribution\":{");
    harness_check("get_graph_statistics", "{}", "\"1\":2");
}

static void rare_terms_stand_out(void **state)
{
    (void)state;
    do_call("store_memory",
            "{\"name\":\"a\",\"tags\":[\"t\"],\"content\":\"harbour harbour berth\"}");
    do_call("store_memory", "{\"name\":\"b\",\"content\":\"harbour tide\"}");
    do_call("store_memory", "{\"name\":\"c\",\"content\":\"harbour moon\"}");
    /* berth: 1 * ln(4 / 2); harbour: 2 * ln(4 / 4) */
    harness_check("get_top_terms", "{\"tag\":\"t\",\"limit\":1}",
                  "{\"terms\":[{\"term\":\"berth\",\"count\":1,\"memories\":1,\"weight\":0.69314");
    harness_check("get_top_terms", "{\"type\":\"none\"}", "{\"terms\":[],\"memories\":0,\"of\":3}");
}

static void what_is_read_most_comes_first(void **state)
{
    (void)state;
    do_call("store_memory", "{\"name\":\"never\",\"content\":\"zzzz unrelated\"}");
    do_call("store_memory", "{\"name\":\"often\",\"content\":\"the harbour master\"}");
    do_call("ask_with_context", "{\"question\":\"harbour master\",\"limit\":1}");
    do_call("ask_with_context", "{\"question\":\"harbour master\",\"limit\":1}");
    harness_check("get_resource_access_counts", "{\"limit\":1}",
                  "{\"most\":[{\"id\":2,\"name\":\"often\",\"accesses\":2}],"
                  "\"least\":[{\"id\":1,\"name\":\"never\",\"accesses\":0}]}");
    harness_check("get_resource_access_counts", "{\"limit\":5}",
                  "\"least\":[{\"id\":1,\"name\":\"never\",\"accesses\":0},"
                  "{\"id\":2,\"name\":\"often\",\"accesses\":2}]}");
    harness_check("build_context", "{\"query\":\"harbour\",\"budget_tokens\":100}",
                  "filled_tokens");
    harness_check("get_context_usage_statistics", "{}", "\"contexts\":1,\"asked_tokens\":100,");
    harness_check("get_context_usage_statistics", "{}",
                  "\"questions\":2,\"unanswered_questions\":0");
}

static void statistics_become_tables(void **state)
{
    (void)state;
    do_call("store_memory", "{\"name\":\"a\",\"type\":\"=1+1\",\"content\":\"say \\\"x\\\"\"}");
    harness_check("export_statistics", "{\"statistics\":\"memory\",\"format\":\"csv\"}",
                  "\"text\":\"figure,value\\r\\n\\\"documents\\\",1\\r\\n");
    harness_check("export_statistics", "{\"statistics\":\"memory\",\"format\":\"csv\"}",
                  "\\\"by_type[0].type\\\",\\\"'=1+1\\\"");
    harness_check("export_statistics", "{\"statistics\":\"tool_usage\",\"format\":\"json\"}",
                  "store_memory");
    static const char *const all[] = {"usage",  "tool_usage",   "memory", "cache",    "graph",
                                      "vector", "storage",      "task",   "activity", "terms",
                                      "access", "conversation", "errors", "context"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char arguments[100];
        snprintf(arguments, sizeof arguments, "{\"statistics\":\"%s\",\"format\":\"csv\"}", all[i]);
        harness_check("export_statistics", arguments, "figure,value");
    }
}

static void latency_has_a_window(void **state)
{
    (void)state;
    do_call("add_todo", "{\"title\":\"one\"}");
    harness_check("get_tool_latency", "{\"tool\":\"add_todo\"}",
                  "\"tools\":[{\"tool\":\"add_todo\",\"calls\":1,\"failures\":0,");
    harness_check("get_slow_operations", "{\"tool\":\"add_todo\"}", "\"outcome\":\"success\"");
    harness_check("get_slow_operations", "{\"min_ms\":3000000}", "\"operations\":[]");
    harness_check("reset_performance_counters", "{}", "\"calls_of_last_window\":4");
    harness_check("get_tool_latency", "{\"tool\":\"add_todo\"}", "\"tools\":[]");
    harness_refused(&harness, "get_tool_latency", "{\"tool\":\"nope\"}", "not_found", "nope");
}

/* The order is that of how long they took, whatever came first; no more than were asked for. */
static void the_slowest_calls_come_first(void **state)
{
    (void)state;
    char text[16];
    for (int i = 0; i < 3000; i++)
        usage_count(harness.store.usage, "some_tool", "me", i % 2 ? "not_found" : NULL,
                    (uint64_t)((i * 7919) % 3000) * 1000000);
    /* of the last 1,024, those with the largest (i * 7919) % 3000 */
    json_t *result = harness_call(&harness, "get_slow_operations", "{\"limit\":3}");
    json_t *operations = json_object_get(result, "operations");
    int expected = 3000, found = 0;
    while (found < 3 && --expected)
        for (int i = 3000 - 1024; i < 3000; i++)
            if ((i * 7919) % 3000 == expected) {
                const json_t *one = json_array_get(operations, (size_t)found++);
                snprintf(text, sizeof text, "%.0f",
                         json_real_value(json_object_get(one, "milliseconds")));
                assert_int_equal(atoi(text), expected);
                assert_string_equal(json_string_value(json_object_get(one, "outcome")),
                                    i % 2 ? "not_found" : "success");
            }
    assert_int_equal(json_array_size(operations), 3);
    json_decref(result);
}

static void tiers_are_asked_and_measured(void **state)
{
    (void)state;
    static const char *const tiers[] = {"records", "vectors", "cache", "graph"};
    do_call("store_memory", "{\"name\":\"a\",\"content\":\"harbour\"}");
    harness_check("system_health", "{}", "{\"status\":\"healthy\",\"reasons\":[]");
    for (size_t i = 0; i < 4; i++) {
        char arguments[100];
        snprintf(arguments, sizeof arguments, "{\"tier\":\"%s\"}", tiers[i]);
        harness_check("get_tier_health", arguments, "\"reachable\":true");
        snprintf(arguments, sizeof arguments, "{\"tier\":\"%s\",\"operations\":7}", tiers[i]);
        harness_check("benchmark_tier", arguments, "\"operations\":7,");
    }
    /* nothing of it stays */
    harness_check("get_graph_statistics", "{}", "\"nodes\":1,");
    harness_check("get_resource_usage", "{}", "\"threads\":");
    harness_check("get_connection_pools", "{}",
                  getenv("BURROW_TEST_NEO4J")
                      ? "{\"tier\":\"graph\",\"kind\":\"neo4j\",\"size\":1,"
                      : "{\"tier\":\"graph\",\"kind\":\"embedded\",\"size\":0,");
    harness_refused(&harness, "benchmark_tier", "{\"tier\":\"cache\",\"operations\":501}",
                    "invalid_argument", "operations");
}

static size_t entries_of(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* . and .. and itself */
}

static void descriptors_and_threads_are_those_of_the_process(void **state)
{
    (void)state;
    int more[5];
    for (size_t i = 0; i < 5; i++)
        more[i] = dup(0);
    json_t *usage = harness_call(&harness, "get_resource_usage", "{}");
    assert_int_equal(json_integer_value(json_object_get(usage, "descriptors")),
                     entries_of("/proc/self/fd"));
    assert_int_equal(json_integer_value(json_object_get(usage, "threads")),
                     entries_of("/proc/self/task") + 1);
    json_decref(usage);
    for (size_t i = 0; i < 5; i++)
        close(more[i]);
}

/* Sums are in the records when the program ends. */
static void counts_outlive_the_program(void **state)
{
    (void)state;
    char folder[] = "/tmp/burrow_usage_XXXXXX", command[100];
    assert_non_null(mkdtemp(folder));
    for (int round = 0; round < 2; round++) {
        struct store store;
        struct error error = {0};
        struct store_options options = {.folder = folder, .cache_limit_bytes = 1 << 20};
        assert_int_equal(store_open(&store, &options, &error), 0);
        usage_count(store.usage, "some_tool", "me", NULL, 5000);
        store_close(&store);
    }
    struct error error = {0};
    struct records *records = records_open(folder, &error);
    int64_t calls = 0;
    records_integer(records, &error, 0, &calls, "SELECT sum(calls) FROM usage_minutes", "");
    assert_int_equal(calls, 2);
    records_close(records);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_analytics);
    harness_examples(&harness, &tools_performance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(calls_are_counted_by_tool_client_and_reason),
        WITH_HARNESS(calls_are_summed_wherever_they_are),
        WITH_HARNESS(every_tool_has_its_window),
        WITH_HARNESS(callers_cannot_make_sums_grow),
        WITH_HARNESS(what_is_kept_is_counted),
        WITH_HARNESS(what_is_kept_follows_every_write),
        WITH_HARNESS(what_is_kept_is_undone_with_its_call),
        WITH_HARNESS(windows_begin_where_they_should),
        WITH_HARNESS(calls_of_before_are_counted_by_time),
        WITH_HARNESS(what_is_kept_stays_small),
        WITH_HARNESS(the_shape_of_the_graph),
        WITH_HARNESS(rare_terms_stand_out),
        WITH_HARNESS(what_is_read_most_comes_first),
        WITH_HARNESS(statistics_become_tables),
        WITH_HARNESS(latency_has_a_window),
        WITH_HARNESS(the_slowest_calls_come_first),
        WITH_HARNESS(tiers_are_asked_and_measured),
        WITH_HARNESS(descriptors_and_threads_are_those_of_the_process),
        WITH_HARNESS(counts_outlive_the_program),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
