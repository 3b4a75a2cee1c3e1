/* Calls that write in one transaction: each fails by itself, all stand or none does, and over HTTP
 * each is told the truth about its own. What fails is made to by triggers, as SQLite itself would
 * when a disk is full: in a statement, or undoing the whole transaction. */
#include "fixture.h"

#include "burrow/server/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void execute(const char *sql)
{
    char *problem = NULL;
    if (sqlite3_exec(records_handle(harness.store.records), sql, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s", problem);
}

/* The row of the memory is written by then. */
static void refuse_texts(const char *action)
{
    char sql[256];
    snprintf(
        sql, sizeof sql,
        "CREATE TEMP TRIGGER refusal BEFORE INSERT ON passages WHEN new.text LIKE '%%refused%%'"
        " BEGIN SELECT RAISE(%s, 'refused'); END",
        action);
    execute(sql);
}

static void store_memory(const char *content, const char *reason)
{
    char arguments[128];
    snprintf(arguments, sizeof arguments, "{\"name\":\"note\",\"content\":\"%s\"}", content);
    if (reason)
        harness_refused(&harness, "store_memory", arguments, reason, NULL);
    else
        json_decref(harness_call(&harness, "store_memory", arguments));
}

/* By words and by likeness, which are different indexes in memory. */
static bool is_found(const char *words)
{
    char arguments[128];
    bool found = false;
    snprintf(arguments, sizeof arguments, "{\"query\":\"%s\",\"limit\":50}", words);
    json_t *by_words = harness_call(&harness, "search_memory", arguments);
    json_t *by_likeness = harness_call(&harness, "retrieve_memory", arguments);
    char *one = json_dumps(by_words, 0), *other = json_dumps(by_likeness, 0);
    found = strstr(one, words) != NULL;
    assert_int_equal(found, strstr(other, words) != NULL);
    free(one);
    free(other);
    json_decref(by_words);
    json_decref(by_likeness);
    return found;
}

static void count_is(const char *table, int64_t expected)
{
    int64_t count = -1;
    const char *sql = strcmp(table, "memories") == 0   ? "SELECT count(*) FROM memories"
                      : strcmp(table, "passages") == 0 ? "SELECT count(*) FROM passages"
                                                       : "SELECT count(*) FROM memory_vectors";
    assert_int_equal(records_integer(harness.store.records, NULL, -1, &count, sql, ""), 0);
    assert_int_equal(count, expected);
}

static void all_stand(void **state)
{
    struct error error = {0};
    (void)state;
    store_round_begin(&harness.store);
    store_memory("the first harbour", NULL);
    store_memory("the second lighthouse", NULL);
    assert_true(is_found("harbour")); /* a call that reads may be in a round, too */
    assert_int_equal(store_round_end(&harness.store, &error), 0);
    assert_int_equal(sqlite3_get_autocommit(records_handle(harness.store.records)), 1);
    assert_true(is_found("harbour"));
    assert_true(is_found("lighthouse"));
}

static void one_fails_by_itself(void **state)
{
    static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}};
    static const char *const texts[] = {"a good anchor", "a refused buoy", "a good compass"};
    struct error error = {0};
    (void)state;
    refuse_texts("ABORT");
    for (int64_t order = 0; order < 3; order++) {
        store_round_begin(&harness.store);
        for (size_t i = 0; i < 3; i++) {
            int at = orders[order][i];
            store_memory(texts[at], at == 1 ? "tier_unavailable" : NULL);
        }
        assert_int_equal(store_round_end(&harness.store, &error), 0);
        count_is("memories", 2 * (order + 1));
        count_is("passages", 2 * (order + 1));
        count_is("vectors", 2 * (order + 1));
    }
    assert_true(is_found("anchor"));
    assert_true(is_found("compass"));
    assert_false(is_found("buoy"));
}

/* Whatever had followed the records in memory is as the records are. */
static void nothing_stands(void)
{
    struct vector_facts facts;
    count_is("memories", 1);
    vectors_facts(harness.store.vectors, VECTORS_MEMORIES, &facts);
    assert_int_equal(facts.count, 1);
    assert_int_equal(facts.kept, 1);
    assert_int_equal(word_index_count(harness.store.memory_words, "anchor"), 0);
    harness_check("get_activity_timeline", "{\"bucket\":\"day\"}", "\"memories\":1,");
    struct memory_filter any = {NULL, NULL};
    assert_int_equal(memory_facts_ready(harness.store.memory_facts, NULL), 0);
    assert_true(memory_facts_pass(harness.store.memory_facts, 1, &any));
    assert_false(memory_facts_pass(harness.store.memory_facts, 2, &any));
    assert_true(is_found("before"));
    assert_false(is_found("anchor"));
    assert_false(is_found("compass"));
    store_memory("afterwards", NULL);
    assert_true(is_found("afterwards"));
    count_is("vectors", 2);
}

static void one_undoes_all(void **state)
{
    struct error error = {0};
    (void)state;
    store_memory("before", NULL);
    harness_check("get_activity_timeline", "{\"bucket\":\"day\"}", "\"memories\":1,");
    assert_true(is_found("before"));
    refuse_texts("ROLLBACK");
    store_round_begin(&harness.store);
    store_memory("an anchor", NULL);
    store_memory("a refused buoy", "tier_unavailable");
    store_memory("a compass", NULL);
    assert_int_equal(store_round_end(&harness.store, &error), -1);
    assert_int_equal(error.code, ERROR_TARGET);
    nothing_stands();
}

static int refuse(void *context)
{
    (void)context;
    return 1;
}

static void the_end_fails(void **state)
{
    struct error error = {0};
    (void)state;
    store_memory("before", NULL);
    assert_true(is_found("before"));
    store_round_begin(&harness.store);
    store_memory("an anchor", NULL);
    store_memory("a compass", NULL);
    sqlite3_commit_hook(records_handle(harness.store.records), refuse, NULL);
    assert_int_equal(store_round_end(&harness.store, &error), -1);
    sqlite3_commit_hook(records_handle(harness.store.records), NULL, NULL);
    nothing_stands();
}

/* ---- over HTTP ------------------------------------------------------------------------------ */

#define CLIENTS 6

static int post(unsigned port, const char *tool, const char *content)
{
    char body[1024], text[2048];
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\","
             "\"arguments\":{\"name\":\"note\",\"content\":\"%s\"},\"_meta\":{"
             "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
             "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
             tool, content);
    snprintf(text, sizeof text,
             "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n"
             "Mcp-Method: tools/call\r\nMcp-Name: %s\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             tool, strlen(body), body);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t count;
    while ((count = read(fd, text + length, size - length - 1)) > 0)
        length += (size_t)count;
    text[length] = '\0';
    close(fd);
}

/* The first call waits for the lock, in a round of its own; the others come meanwhile and share the
 * next. */
static void post_together(unsigned port, const char *const contents[CLIENTS],
                          char answers[CLIENTS][4096])
{
    int fds[CLIENTS];
    pthread_mutex_lock(&harness.store.lock);
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = post(port, "store_memory", contents[i]);
    usleep(
        50000); /* for the loop to begin with the first: however it goes, the answers must hold */
    pthread_mutex_unlock(&harness.store.lock);
    for (size_t i = 0; i < CLIENTS; i++)
        read_all(fds[i], answers[i], sizeof answers[i]);
}

static void over_http(void **state)
{
    static const char *const contents[CLIENTS] = {"one anchor",      "two compasses",
                                                  "a refused three", "four sextants",
                                                  "five barges",     "six canoes"};
    struct http_server_options options = {.listen = "127.0.0.1:0", .threads = 1};
    struct error error = {0};
    char answers[CLIENTS][4096];
    (void)state;
    struct service *service = service_open(&harness.store, &error);
    struct subscriptions *subscriptions = subscriptions_open(&harness.store);
    struct http_server *server =
        service ? http_server_start(service, subscriptions, &options, &error) : NULL;
    if (!server)
        fail_msg("%s", error.text);
    for (int64_t turn = 1; turn <= 3; turn++) {
        if (turn == 2)
            refuse_texts("ABORT");
        if (turn == 3) {
            execute("DROP TRIGGER refusal");
            refuse_texts("ROLLBACK");
        }
        post_together(http_server_port(server), contents, answers);
        for (size_t i = 0; i < CLIENTS; i++) {
            bool refused = turn > 1 && i == 2;
            assert_non_null(strstr(answers[i], "HTTP/1.1 200"));
            assert_int_equal(strstr(answers[i], "\"isError\":true") != NULL, refused);
            assert_int_equal(strstr(answers[i], "tier_unavailable") != NULL, refused);
        }
        count_is("memories", turn == 1 ? 6 : turn == 2 ? 11 : 16);
        count_is("vectors", turn == 1 ? 6 : turn == 2 ? 11 : 16);
    }
    http_server_stop(server);
    subscriptions_close(subscriptions);
    service_close(service);
    assert_true(is_found("sextants"));
}

/* What the headers call a write is refused when the body is something else, whatever it is. */
static void a_body_that_is_another_call(void **state)
{
    struct http_server_options options = {.listen = "127.0.0.1:0", .threads = 1};
    struct error error = {0};
    char text[4096];
    (void)state;
    struct service *service = service_open(&harness.store, &error);
    struct subscriptions *subscriptions = subscriptions_open(&harness.store);
    struct http_server *server = http_server_start(service, subscriptions, &options, &error);
    static const char *const bodies[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\",\"params\":{\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
        "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}",
        "[1, 2]",
        "{",
    };
    static const char *const statuses[] = {"400", "200", "202", "400", "400"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        snprintf(text, sizeof text,
                 "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Accept: application/json, text/event-stream\r\n"
                 "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
                 "Mcp-Name: store_memory\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(bodies[i]), bodies[i]);
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)http_server_port(server)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        read_all(fd, text, sizeof text);
        assert_memory_equal(text + strlen("HTTP/1.1 "), statuses[i], 3);
    }
    count_is("memories", 0);
    http_server_stop(server);
    subscriptions_close(subscriptions);
    service_close(service);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static bool is_open(void)
{
    return !sqlite3_get_autocommit(records_handle(harness.store.records));
}

static void calls_that_read_are_one_transaction_in_a_step(void **state)
{
    (void)state;
    assert_false(is_found("harbour")); /* nothing waits to be indexed or counted after it */
    assert_false(is_open());
    store_step_begin(&harness.store);
    assert_false(is_found("harbour"));
    assert_true(is_open());
    assert_false(is_found("harbour"));
    store_memory("the first harbour", NULL);
    assert_false(is_open()); /* it is answered now, so it must stand */
    assert_true(is_found("harbour"));
    count_is("memories", 1);
    assert_true(is_open());
    word_index_close(harness.store.memory_words);
    harness.store.memory_words = NULL;
    harness_check("search_memory", "{\"query\":\"harbour\"}", "the first harbour");
    assert_false(is_open()); /* it has written: words that waited to be indexed */
    store_step_end(&harness.store);
    assert_false(is_open());
}

/* Steps of several threads overlap; a round may be in one. */
static void steps_may_overlap(void **state)
{
    struct error error = {0};
    (void)state;
    store_step_begin(&harness.store);
    store_step_begin(&harness.store);
    assert_false(is_found("harbour"));
    store_step_end(&harness.store);
    assert_false(is_open());
    assert_false(is_found("harbour"));
    store_round_begin(&harness.store);
    store_memory("the first harbour", NULL);
    assert_int_equal(store_round_end(&harness.store, &error), 0);
    assert_false(is_open());
    assert_true(is_found("harbour"));
    store_step_end(&harness.store);
    assert_false(is_open());
    assert_true(is_found("harbour"));
    assert_false(is_open());
}

static void what_no_call_writes_stands_at_once_in_a_step(void **state)
{
    struct records *records = harness.store.records;
    (void)state;
    assert_false(is_found("harbour"));
    store_step_begin(&harness.store);
    assert_false(is_found("harbour"));
    assert_true(is_open());
    assert_int_equal(records_run(records, NULL, "UPDATE identity SET id = id", ""), 1);
    assert_false(is_open());
    store_step_end(&harness.store);
}

static void *take_the_lock(void *taken)
{
    pthread_mutex_lock(&harness.store.lock);
    pthread_barrier_wait(taken); /* it is */
    pthread_barrier_wait(taken); /* the step has ended */
    pthread_mutex_unlock(&harness.store.lock);
    return NULL;
}

/* Whose progress its thread is to tell of. */
static void a_step_does_not_wait_for_a_long_call(void **state)
{
    pthread_barrier_t taken;
    pthread_t other;
    (void)state;
    assert_false(is_found("harbour"));
    pthread_barrier_init(&taken, NULL, 2);
    store_step_begin(&harness.store);
    assert_false(is_found("harbour"));
    assert_int_equal(pthread_create(&other, NULL, take_the_lock, &taken), 0);
    pthread_barrier_wait(&taken);
    store_step_end(&harness.store);
    store_step_begin(&harness.store);
    pthread_barrier_wait(&taken);
    pthread_join(other, NULL);
    store_step_end(&harness.store); /* of the next step */
    assert_false(is_open());
    pthread_barrier_destroy(&taken);
}

/* As some errors of SQLite do: what was kept is gone, and the next call begins another. */
static void a_transaction_that_was_lost_is_begun_anew(void **state)
{
    (void)state;
    assert_false(is_found("harbour"));
    store_step_begin(&harness.store);
    assert_false(is_found("harbour"));
    execute("ROLLBACK");
    assert_false(is_found("harbour"));
    assert_true(is_open());
    store_step_end(&harness.store);
    assert_false(is_open());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(all_stand),
        WITH_HARNESS(one_fails_by_itself),
        WITH_HARNESS(one_undoes_all),
        WITH_HARNESS(the_end_fails),
        WITH_HARNESS(over_http),
        WITH_HARNESS(a_body_that_is_another_call),
        WITH_HARNESS(calls_that_read_are_one_transaction_in_a_step),
        WITH_HARNESS(steps_may_overlap),
        WITH_HARNESS(what_no_call_writes_stands_at_once_in_a_step),
        WITH_HARNESS(a_step_does_not_wait_for_a_long_call),
        WITH_HARNESS(a_transaction_that_was_lost_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
