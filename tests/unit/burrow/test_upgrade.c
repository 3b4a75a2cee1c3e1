/* Data folders of earlier versions: a folder is made as it is now, taken back to an earlier format
 * by SQL, and opened again; everything must be found in it. */
#include "burrow/tools/dispatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[32];
static struct store store;
static struct dispatch *dispatch;

static void open_folder(void)
{
    struct store_options options = {.folder = folder, .cache_limit_bytes = 4096};
    struct error error = {0};
    if (store_open(&store, &options, &error) < 0)
        fail_msg("%s", error.text);
    dispatch = dispatch_open(&store, &error);
    if (!dispatch)
        fail_msg("%s", error.text);
}

static void close_folder(void)
{
    dispatch_close(dispatch);
    store_close(&store);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/burrow-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    open_folder();
    return 0;
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    close_folder();
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    unlink(path);
    return rmdir(folder);
}

/* Close, take it back by `sql`, and open it as this version does. */
static void reopen_from(const char *sql)
{
    char path[64], *problem = NULL;
    sqlite3 *database;
    close_folder();
    snprintf(path, sizeof path, "%s/burrow.db", folder);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s", problem);
    sqlite3_close(database);
    open_folder();
}

static void put(enum vector_space space, int64_t id, const char *text)
{
    struct error error = {0};
    assert_int_equal(records_begin(store.records, &error), 0);
    if (vectors_put(store.vectors, space, id, text, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(records_commit(store.records, &error), 0);
    vectors_committed(store.vectors);
}

static int64_t nearest(enum vector_space space, const char *text)
{
    struct vector_hit hit = {.id = -1};
    vectors_search(store.vectors, space, text, 1, &hit, NULL);
    return hit.id;
}

static void vectors_of_one_table_are_taken_over(void **state)
{
    (void)state;
    put(VECTORS_MEMORIES, 7, "a ship in the harbour");
    put(VECTORS_MEMORIES, 3, "a cat on the quay");
    put(VECTORS_TASKS, 7, "inspect the valve");
    reopen_from("CREATE TABLE vectors(space INTEGER NOT NULL, id INTEGER NOT NULL, vector BLOB NOT"
                " NULL, features BLOB NOT NULL, PRIMARY KEY(space, id)) WITHOUT ROWID;"
                "CREATE INDEX vectors_ids ON vectors(space, id);"
                "INSERT INTO vectors SELECT 0, id, vector, features FROM memory_vectors;"
                "INSERT INTO vectors SELECT 4, id, vector, features FROM task_vectors;"
                "DROP TABLE memory_vectors; DROP TABLE code_vectors; DROP TABLE chat_vectors;"
                "DROP TABLE diagram_vectors; DROP TABLE task_vectors;"
                "UPDATE migrations SET steps = 3 WHERE part = 'vectors'");
    assert_int_equal(nearest(VECTORS_MEMORIES, "a ship in the harbour"), 7);
    assert_int_equal(nearest(VECTORS_MEMORIES, "a cat on the quay"), 3);
    assert_int_equal(nearest(VECTORS_TASKS, "inspect the valve"), 7);
    assert_int_equal(nearest(VECTORS_CHATS, "inspect the valve"), -1);
}

/* A call that must succeed, and `expected` in its result. */
static void call(const char *name, const char *arguments, const char *expected)
{
    struct tool_call call;
    json_t *parsed = json_loads(arguments, 0, NULL);
    assert_non_null(parsed);
    if (dispatch_call(dispatch, tool_find(name), parsed, "test", &call) < 0)
        fail_msg("%s: %s", name, call.error.text);
    char *text = json_dumps(call.structured, JSON_COMPACT);
    if (!strstr(text, expected))
        fail_msg("%s: %s is not in %s", name, expected, text);
    free(text);
    json_decref(parsed);
    dispatch_release(&call);
}

static void messages_and_tasks_are_found_without_their_tables_of_words(void **state)
{
    (void)state;
    call("log_chat", "{\"conversation\":\"a\",\"content\":\"a ship in the harbour\"}", "\"id\":1");
    call("add_todo", "{\"title\":\"inspect the valve\"}", "\"id\":1");
    reopen_from(
        "CREATE VIRTUAL TABLE chat_words USING fts5(content, content='chats', content_rowid='id');"
        "CREATE TRIGGER chats_inserted AFTER INSERT ON chats BEGIN"
        " INSERT INTO chat_words(rowid, content) VALUES(new.id, new.content); END;"
        "CREATE VIRTUAL TABLE todo_words USING fts5(title, description, content='todos',"
        " content_rowid='id');"
        "CREATE TRIGGER todos_inserted AFTER INSERT ON todos BEGIN"
        " INSERT INTO todo_words(rowid, title, description)"
        " VALUES(new.id, new.title, new.description); END;"
        "CREATE TRIGGER todos_updated AFTER UPDATE OF title, description ON todos BEGIN"
        " INSERT INTO todo_words(rowid, title, description)"
        " VALUES(new.id, new.title, new.description); END;"
        "UPDATE migrations SET steps = 2 WHERE part IN ('chat_continuity', 'taskmaster')");
    call("search_chats", "{\"query\":\"harbour\"}", "\"content\":\"a ship in the harbour\"");
    call("search_todos", "{\"query\":\"valve\"}", "\"title\":\"inspect the valve\"");
    call("log_chat", "{\"conversation\":\"a\",\"content\":\"another ship\"}", "\"id\":2");
    int64_t left = 1;
    assert_int_equal(records_integer(store.records, NULL, 0, &left,
                                     "SELECT count(*) FROM sqlite_schema WHERE name LIKE"
                                     " 'chat_words%' OR name LIKE 'todo_words%'",
                                     ""),
                     0);
    assert_int_equal(left, 0);
}

static void words_of_memories_are_found_that_were_indexed_at_once(void **state)
{
    (void)state;
    call("store_memory", "{\"name\":\"one\",\"content\":\"a ship in the harbour\"}", "\"id\":1");
    call("store_memory", "{\"name\":\"two\",\"content\":\"a cat on the quay\"}", "\"id\":2");
    reopen_from(
        "INSERT INTO memory_words(rowid, name, content) SELECT id, name, content FROM memories;"
        "DROP TABLE memory_words_end; DROP TRIGGER memories_unindexed;"
        "CREATE TRIGGER memories_inserted AFTER INSERT ON memories BEGIN"
        " INSERT INTO memory_words(rowid, name, content)"
        " VALUES(new.id, new.name, new.content); END;"
        "CREATE TRIGGER memories_deleted AFTER DELETE ON memories BEGIN"
        " INSERT INTO memory_words(memory_words, rowid, name, content)"
        " VALUES('delete', old.id, old.name, old.content); END;"
        "UPDATE migrations SET steps = 2 WHERE part = 'core_memory'");
    word_index_close(store.memory_words); /* as where they are too many */
    store.memory_words = NULL;
    call("store_memory", "{\"name\":\"three\",\"content\":\"a quay\"}", "\"id\":3");
    call("route_query", "{\"query\":\"ship\"}", "{\"id\":1,");
    call("delete_memory", "{\"id\":2}", "true");
    call("route_query", "{\"query\":\"quay\"}", "\"memories\":[{\"id\":3,");
    call("route_query", "{\"query\":\"cat\"}", "\"memories\":[]");
    assert_true(records_run(store.records, NULL,
                            "INSERT INTO memory_words(memory_words, rank)"
                            " VALUES('integrity-check', 1)",
                            "") >= 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(vectors_of_one_table_are_taken_over),
        IN_FOLDER(messages_and_tasks_are_found_without_their_tables_of_words),
        IN_FOLDER(words_of_memories_are_found_that_were_indexed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
