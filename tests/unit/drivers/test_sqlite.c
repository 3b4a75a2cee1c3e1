/* The SQLite driver against real database files, each checked through a connection of the test's
 * own. */
#include "local_drive.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cicada-test-XXXXXX";
static char path[64], url[128];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/x.db", folder);
    snprintf(url, sizeof url, "sqlite:%s", path);
    return 0;
}

static int teardown(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    return 0;
}

static bool exists(const char *ending)
{
    char name[96];
    struct stat status;
    snprintf(name, sizeof name, "%s%s", path, ending);
    return stat(name, &status) == 0;
}

/* A connection of the test's own. */
static sqlite3 *own(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sql && sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    return database;
}

/* The first column of the first row. */
static char *ask(sqlite3 *database, const char *sql)
{
    static char answer[256];
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(answer, sizeof answer, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return answer;
}

static void expect_refused(const char *with, const char *options, enum error_code code,
                           const char *part)
{
    struct drive drive;
    assert_int_equal(drive_open(&drive, with, options), -1);
    assert_int_equal(drive.error.code, code);
    assert_contains(drive.error.text, part);
}

static const char *string_at(const json_t *rows, const char *column)
{
    return json_string_value(json_object_get(json_array_get(rows, 0), column));
}

/* ---- the file ----------------------------------------------------------------------------------
 */

static void a_file_made_for_the_run_goes_with_it(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 50}"), 0);
    assert_true(exists(""));
    assert_true(exists("-wal"));
    assert_contains(drive.target.description, "journal wal");
    drive_start(&drive);
    json_decref(drive_answer(&drive, "insert", NULL));
    drive_stop(&drive);
    json_t *report = drive.target.driver->report(&drive.target);
    assert_true(json_integer_value(json_object_get(report, "file_bytes_after")) > 0);
    json_decref(report);
    drive_close(&drive);
    assert_false(exists(""));
    assert_false(exists("-wal"));
    assert_false(exists("-shm"));
}

static void a_file_that_was_there_is_left_as_it_was(void **state)
{
    (void)state;
    struct drive drive;
    sqlite3_close(own("CREATE TABLE mine(a); INSERT INTO mine VALUES(1),(2)"));
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 50}"), 0);
    sqlite3 *during = own(NULL);
    assert_string_equal(ask(during, "PRAGMA journal_mode"), "wal");
    assert_true(atoi(ask(during, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'cicada_%'")) >
                0);
    sqlite3_close(during);
    drive_start(&drive);
    json_decref(drive_answer(&drive, "transaction", NULL));
    drive_stop(&drive);
    drive_close(&drive);
    sqlite3 *after = own(NULL);
    assert_string_equal(ask(after, "SELECT group_concat(name) FROM sqlite_schema"), "mine");
    assert_string_equal(ask(after, "SELECT sum(a) FROM mine"), "3");
    assert_string_equal(ask(after, "PRAGMA journal_mode"), "delete");
    sqlite3_close(after);
    assert_false(exists("-wal"));
}

static void bad_files_are_told_apart(void **state)
{
    (void)state;
    char missing[128];
    expect_refused("sqlite:", NULL, ERROR_USAGE, "names no file");
    expect_refused("sqlite::memory:", NULL, ERROR_USAGE, "another one to each connection");
    expect_refused("sqlite:/tmp", NULL, ERROR_TARGET, "folder");
    snprintf(missing, sizeof missing, "sqlite://%s/none/x.db", folder);
    expect_refused(missing, NULL, ERROR_TARGET, "No such file");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 100; i++)
        fputs("this is a text and no database\n", file);
    fclose(file);
    expect_refused(url, NULL, ERROR_TARGET, "SQLITE_NOTADB");
    assert_true(exists("")); /* it is not ours */
}

static void settings_are_checked(void **state)
{
    (void)state;
    expect_refused(url, "{\"rows\": -1}", ERROR_USAGE, "rows: \"-1\" is no whole number");
    expect_refused(url, "{\"rows\": 1.5}", ERROR_USAGE, "rows");
    expect_refused(url, "{\"busy_timeout\": 50}", ERROR_USAGE, "no duration such as 50ms");
    expect_refused(url, "{\"synchronous\": \"maybe\"}", ERROR_USAGE, "off normal full extra");
    expect_refused(url, "{\"speed\": 9}", ERROR_USAGE,
                   "no setting \"speed\"; it has rows, threads");
    expect_refused(url, "{\"prefix\": \"a b\"}", ERROR_USAGE, "prefix");
    expect_refused(url, "{\"prefix\": \"sqlite_x\"}", ERROR_USAGE, "prefix");
    assert_false(exists(""));
}

static void a_locked_database_is_refused_when_it_is_opened(void **state)
{
    (void)state;
    sqlite3 *other = own("CREATE TABLE mine(a); BEGIN EXCLUSIVE");
    expect_refused(url, "{\"busy_timeout\": \"20ms\"}", ERROR_TARGET, "SQLITE_BUSY");
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    assert_string_equal(ask(other, "SELECT group_concat(name) FROM sqlite_schema"), "mine");
    sqlite3_close(other);
}

/* ---- operations --------------------------------------------------------------------------------
 */

static void the_default_mix_does_what_it_says(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 300, \"prefix\": \"t\"}"), 0);
    sqlite3 *look = own(NULL);
    drive_start(&drive);

    json_t *answer = drive_answer(&drive, "point_read", NULL);
    json_t *rows = json_object_get(answer, "rows");
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(strlen(string_at(rows, "key")), 36);
    json_decref(answer);

    answer = drive_answer(&drive, "range_read", NULL);
    assert_in_range(json_array_size(json_object_get(answer, "rows")), 1, 100);
    json_decref(answer);

    answer = drive_answer(&drive, "insert", NULL);
    assert_int_equal(json_integer_value(json_object_get(answer, "last_insert_rowid")), 301);
    assert_int_equal(json_integer_value(json_object_get(answer, "changes")), 1);
    json_decref(answer);
    assert_string_equal(ask(look, "SELECT count(*) FROM t_record"), "301");
    assert_string_equal(ask(look, "SELECT count(*) FROM t_text"), "301");

    answer = drive_answer(&drive, "update", NULL);
    assert_int_equal(json_integer_value(json_object_get(answer, "changes")), 1);
    json_decref(answer);

    char before[256];
    snprintf(before, sizeof before, "%s",
             ask(look, "SELECT round(sum(score)) FROM t_record WHERE id <= 301"));
    json_decref(drive_answer(&drive, "transaction", NULL));
    assert_string_equal(ask(look, "SELECT round(sum(score)) FROM t_record WHERE id <= 301"),
                        before);
    assert_string_equal(ask(look, "SELECT count(*) FROM t_record"), "302");

    size_t hits = 0; /* a word is in one row of 83 or so */
    for (int i = 0; i < 50; i++) {
        answer = drive_answer(&drive, "search", NULL);
        hits += json_array_size(json_object_get(answer, "rows"));
        json_decref(answer);
    }
    assert_true(hits > 0);
    sqlite3_close(look);
    drive_stop(&drive);
    drive_close(&drive);
}

static void weights_are_hinted_and_custom_is_offered(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 1}"), 0);
    assert_true(drive_offer(&drive, "point_read")->weight > drive_offer(&drive, "insert")->weight);
    assert_non_null(drive_offer(&drive, "custom"));
    drive_close(&drive);
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 0}"), 0);
    assert_int_equal(drive.target.offer_count, 1); /* only a plan's own */
    drive_close(&drive);
}

static void a_plans_sql_binds_its_parameters(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 1}"), 0);
    drive_start(&drive);
    json_t *answer = drive_answer(
        &drive, "custom",
        "{\"sql\": \"SELECT typeof(?1) a, typeof(?2) b, typeof(?3) c, typeof(?4) d, ?5 e, ?6 f\","
        " \"parameters\": [1, 1.5, \"x\", null, \"user ${user}'s\", \"${user:json}\"]}");
    json_t *rows = json_object_get(answer, "rows");
    assert_string_equal(string_at(rows, "a"), "integer");
    assert_string_equal(string_at(rows, "b"), "real");
    assert_string_equal(string_at(rows, "c"), "text");
    assert_string_equal(string_at(rows, "d"), "null");
    assert_string_equal(string_at(rows, "e"), "user 3's");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 0), "f")), 3);
    json_decref(answer);
    answer = drive_answer(&drive, "custom",
                          "{\"sql\": \"SELECT :b - :a AS left\", \"parameters\": {\"a\": 2, "
                          "\"b\": 9}, \"name\": \"minus\"}");
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(answer, "rows"), 0), "left")),
                     7);
    json_decref(answer);
    drive_stop(&drive);
    drive_close(&drive);
}

static void what_is_wrong_in_a_plan_is_told(void **state)
{
    static const struct {
        const char *arguments, *part;
    } cases[] = {
        {"{}", "sql is missing"},
        {"{\"sql\": \"  ;\"}", "sql is missing"},
        {"{\"sql\": \"SELECT 1; SELECT 2\"}", "more than one statement"},
        {"{\"sql\": \"SELECT ?\", \"parameters\": 1}", "a list, or a mapping"},
        {"{\"sql\": \"SELECT ?\", \"parameters\": [[1]]}", "a parameter is text, a number"},
        {"{\"sql\": \"SELECT ?\", \"parameters\": [\"${nobody}\"]}", "nobody"},
        {"{\"sql\": \"SELECT 1\", \"params\": []}", "no argument \"params\""},
        {"{\"transaction\": []}", "transaction is a list"},
        {"{\"transaction\": [{\"sql\": 1}]}", "sql is missing"},
    };
    (void)state;
    struct drive drive;
    struct operation operation = {0};
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 1}"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(drive_prepare(&drive, "custom", cases[i].arguments, &operation), -1);
        assert_int_equal(drive.error.code, ERROR_USAGE);
        assert_contains(drive.error.text, cases[i].part);
        assert_contains(drive.error.text, "plan.yaml:5");
    }
    assert_int_equal(drive_prepare(&drive, "insert", "{\"sql\": \"x\"}", &operation), -1);
    assert_contains(drive.error.text, "custom");
    drive_close(&drive);
}

static void errors_are_counted_by_their_name(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"prefix\": \"t\"}"), 0);
    drive_start(&drive);
    drive_expect_error(&drive, "custom", "{\"sql\": \"SELECT * FROM nowhere\"}", "SQLITE_ERROR");
    drive_expect_error(&drive, "custom", "{\"sql\": \"SELEC 1\"}", "SQLITE_ERROR");
    drive_expect_error(&drive, "custom",
                       "{\"sql\": \"INSERT INTO t_record(id, key, score, body) "
                       "VALUES(1, 'k', 0, '')\"}",
                       "SQLITE_CONSTRAINT");
    drive_expect_error(&drive, "custom", "{\"sql\": \"SELECT ?, ?\", \"parameters\": [1]}",
                       "SQLITE_RANGE");
    drive_expect_error(&drive, "custom", "{\"sql\": \"SELECT 1\", \"parameters\": [1]}",
                       "SQLITE_RANGE");
    drive_expect_error(&drive, "custom", "{\"sql\": \"SELECT :a\", \"parameters\": {\"b\": 1}}",
                       "SQLITE_RANGE");
    drive_expect_error(&drive, "custom", "{\"sql\": \"BEGIN\"}", "open_transaction");
    drive_expect_error(&drive, "custom",
                       "{\"sql\": \"SELECT ?\", \"parameters\": [\"${capture.x}\"]}", "template");
    json_t *answer =
        drive_answer(&drive, "custom", "{\"sql\": \"SELECT count(*) n FROM t_record\"}");
    assert_int_equal(json_integer_value(
                         json_object_get(json_array_get(json_object_get(answer, "rows"), 0), "n")),
                     5);
    json_decref(answer);
    drive_stop(&drive);
    drive_close(&drive);
}

static void a_failed_transaction_leaves_nothing(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"prefix\": \"t\"}"), 0);
    drive_start(&drive);
    drive_expect_error(&drive, "custom",
                       "{\"transaction\": [{\"sql\": \"DELETE FROM t_record WHERE id = ?\", "
                       "\"parameters\": [1]}, {\"sql\": \"INSERT INTO t_record VALUES(2, 'k', 0, "
                       "'')\"}]}",
                       "SQLITE_CONSTRAINT");
    json_t *answer = drive_answer(
        &drive, "custom",
        "{\"transaction\": [{\"sql\": \"UPDATE t_record SET score = ? WHERE id = ?\", "
        "\"parameters\": [5, 1]}, {\"sql\": \"SELECT score FROM t_record WHERE id = 1\"}]}");
    assert_true(json_real_value(json_object_get(json_array_get(json_object_get(answer, "rows"), 0),
                                                "score")) == 5.0);
    json_decref(answer);
    drive_stop(&drive);
    drive_close(&drive);
}

static void an_answer_is_bounded_and_still_json(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 0}"), 0);
    drive_start(&drive);
    json_t *answer = drive_answer(&drive, "custom",
                                  "{\"sql\": \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i "
                                  "+ 1 FROM n WHERE i < 20000) SELECT i, 'é\\\"' || i AS t, "
                                  "x'00ff' AS b, 9e999 AS inf FROM n\"}");
    json_t *rows = json_object_get(answer, "rows");
    assert_true(json_is_true(json_object_get(answer, "truncated")));
    assert_in_range(json_array_size(rows), 100, 19999);
    assert_string_equal(string_at(rows, "t"), "é\"1");
    assert_string_equal(string_at(rows, "b"), "00ff");
    assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "inf")));
    json_decref(answer);
    answer =
        drive_answer(&drive, "custom", "{\"sql\": \"SELECT 1 AS a, hex(zeroblob(500000)) b\"}");
    assert_int_equal(json_array_size(json_object_get(answer, "rows")), 0);
    assert_true(json_is_true(json_object_get(answer, "truncated")));
    json_decref(answer);
    drive_stop(&drive);
    drive_close(&drive);
}

/* ---- trouble -----------------------------------------------------------------------------------
 */

static void a_lock_held_by_another_is_waited_for_then_counted(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"busy_timeout\": \"30ms\"}"), 0);
    drive_start(&drive);
    sqlite3 *other = own("BEGIN IMMEDIATE");
    struct driven driven;
    uint64_t start = clock_now_ns();
    drive_run(&drive, "insert", NULL, &driven);
    assert_string_equal(driven.outcome.detail, "SQLITE_BUSY");
    assert_contains(driven.text, "locked");
    assert_true(driven.end_ns - start >= 30 * NS_PER_MS);
    driven_free(&driven);
    drive_expect_error(&drive, "transaction", NULL, "SQLITE_BUSY");
    json_decref(drive_answer(&drive, "point_read", NULL)); /* readers go on, in WAL */
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    json_decref(drive_answer(&drive, "insert", NULL));
    sqlite3_close(other);
    drive_stop(&drive);
    drive_close(&drive);
}

static void a_full_database_is_one_outcome(void **state)
{
    (void)state;
    struct drive drive;
    expect_refused(url, "{\"rows\": 5000, \"max_pages\": 20}", ERROR_TARGET, "SQLITE_FULL");
    assert_false(exists(""));
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"max_pages\": 20, \"prefix\": \"t\"}"),
                     0);
    drive_start(&drive);
    drive_expect_error(&drive, "custom",
                       "{\"sql\": \"INSERT INTO t_record(key, score, body) VALUES('k', 0, "
                       "hex(zeroblob(200000)))\"}",
                       "SQLITE_FULL");
    json_decref(drive_answer(&drive, "point_read", NULL));
    drive_stop(&drive);
    drive_close(&drive);
}

#define ENDLESS                                                                                    \
    "{\"sql\": \"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) "   \
    "FROM n\"}"

static const struct outcome timed_out = {.kind = OUTCOME_TIMEOUT};

static void a_call_given_up_is_interrupted_and_its_connection_left(void **state)
{
    (void)state;
    struct drive drive;
    struct operation endless = {0};
    struct driven driven;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"threads\": 1}"), 0);
    drive_start(&drive);
    assert_int_equal(drive_prepare(&drive, "custom", ENDLESS, &endless), 0);
    drive_submit(&drive, &endless, &driven);
    /* A second call can only be taken up once the first is running, or over. */
    loop_run_once(&drive.loop, clock_now_ns() + 50 * NS_PER_MS);
    assert_false(driven.done);
    drive.target.driver->cancel(driven.call, &timed_out);
    assert_false(driven.done); /* never from inside */
    drive_await(&drive, &driven);
    assert_int_equal(driven.outcome.kind, OUTCOME_TIMEOUT);
    assert_true(driven.text[0]);
    assert_false(drive.connection->reusable);
    driven_free(&driven);
    drive_disconnect(&drive);
    drive_connect(&drive); /* through the only thread, so it is free again */
    while (!drive.opened)
        loop_run_once(&drive.loop, UINT64_MAX);
    json_decref(drive_answer(&drive, "point_read", NULL));
    drive.target.driver->release(&drive.target, &endless);
    drive_stop(&drive);
    drive_close(&drive);
    assert_false(exists(""));
}

static void a_call_given_up_while_it_waits_for_a_lock_ends(void **state)
{
    (void)state;
    struct drive drive;
    struct operation insert = {0};
    struct driven driven;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"busy_timeout\": \"1h\"}"), 0);
    drive_start(&drive);
    sqlite3 *other = own("BEGIN IMMEDIATE");
    assert_int_equal(drive_prepare(&drive, "insert", NULL, &insert), 0);
    drive_submit(&drive, &insert, &driven);
    loop_run_once(&drive.loop, clock_now_ns() + 20 * NS_PER_MS);
    drive.target.driver->cancel(driven.call, &timed_out);
    drive_await(&drive, &driven);
    assert_int_equal(driven.outcome.kind, OUTCOME_TIMEOUT);
    driven_free(&driven);
    drive.target.driver->release(&drive.target, &insert);
    drive_stop(&drive); /* would wait for an hour */
    sqlite3_close(other);
    drive_close(&drive);
}

static void a_call_that_waits_for_a_thread_is_withdrawn(void **state)
{
    (void)state;
    struct drive drive;
    struct operation endless = {0}, read = {0};
    struct driven first, second;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5, \"threads\": 1}"), 0);
    drive_start(&drive);
    struct connection *busy = drive.connection;
    drive_connect(&drive); /* while the thread is free */
    while (!drive.opened)
        loop_run_once(&drive.loop, UINT64_MAX);
    struct connection *waiting = drive.connection;
    assert_int_equal(drive_prepare(&drive, "custom", ENDLESS, &endless), 0);
    assert_int_equal(drive_prepare(&drive, "point_read", NULL, &read), 0);
    drive.connection = busy;
    drive_submit(&drive, &endless, &first);
    drive.connection = waiting;
    drive_submit(&drive, &read, &second);
    drive.target.driver->cancel(second.call, &timed_out);
    drive_await(&drive, &second);
    assert_int_equal(second.outcome.kind, OUTCOME_TIMEOUT);
    assert_int_equal(second.send_ns, 0);
    assert_true(waiting->reusable); /* nothing ever ran on it */
    driven_free(&second);
    drive.target.driver->cancel(first.call, &timed_out);
    drive_await(&drive, &first);
    driven_free(&first);
    json_decref(drive_answer(&drive, "point_read", NULL));
    drive.target.driver->release(&drive.target, &endless);
    drive.target.driver->release(&drive.target, &read);
    drive.connection = busy;
    drive_disconnect(&drive);
    drive.connection = waiting;
    drive_stop(&drive);
    drive_close(&drive);
}

static void a_connection_can_go_before_it_is_open(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5}"), 0);
    drive_start(&drive);
    struct connection *first = drive.connection;
    for (int i = 0; i < 50; i++) {
        drive_connect(&drive);
        drive_disconnect(&drive);
    }
    drive.connection = first;
    drive_stop(&drive);
    drive_close(&drive);
    assert_false(exists(""));
}

static void a_file_that_vanished_refuses_connections(void **state)
{
    (void)state;
    struct drive drive;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5}"), 0);
    drive_start(&drive);
    struct connection *first = drive.connection;
    unlink(path);
    drive_connect(&drive);
    while (!drive.opened && !drive.closed)
        loop_run_once(&drive.loop, UINT64_MAX);
    assert_true(drive.closed);
    assert_int_equal(drive.closed_why.kind, OUTCOME_CONNECT_REFUSED);
    assert_string_equal(drive.closed_why.detail, "SQLITE_CANTOPEN");
    drive_disconnect(&drive);
    drive.connection = first;
    drive_stop(&drive);
    drive_close(&drive);
}

static void stamps_tell_the_wait_for_a_thread(void **state)
{
    (void)state;
    struct drive drive;
    struct driven driven;
    assert_int_equal(drive_open(&drive, url, "{\"rows\": 5}"), 0);
    drive_start(&drive);
    drive_run(&drive, "point_read", NULL, &driven);
    assert_true(driven.thread_wait_ns > 0);
    assert_true(driven.send_ns <= driven.first_byte_ns);
    assert_true(driven.first_byte_ns <= driven.end_ns);
    driven_free(&driven);
    drive_stop(&drive);
    drive_close(&drive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_made_for_the_run_goes_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_there_is_left_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_files_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_locked_database_is_refused_when_it_is_opened, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_default_mix_does_what_it_says, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_are_hinted_and_custom_is_offered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plans_sql_binds_its_parameters, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_in_a_plan_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_are_counted_by_their_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_transaction_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_bounded_and_still_json, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_held_by_another_is_waited_for_then_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_database_is_one_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_given_up_is_interrupted_and_its_connection_left,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_given_up_while_it_waits_for_a_lock_ends, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_call_that_waits_for_a_thread_is_withdrawn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_connection_can_go_before_it_is_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_vanished_refuses_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(stamps_tell_the_wait_for_a_thread, setup, teardown),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
