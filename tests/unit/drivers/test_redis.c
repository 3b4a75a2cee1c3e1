/* The parts of the Redis driver that need no server: settings, programs, the default mix, errors.
 */
#include "drivers/redis.h"

#include "base/clock.h"
#include "base/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1024 * 1024)

/* ---- settings ----------------------------------------------------------------------------------
 */

static int read_settings(struct redis_settings *settings, const char *url, const char *options,
                         struct error *error)
{
    json_t *json = options ? json_loads(options, 0, NULL) : NULL;
    assert_true(!options || json);
    struct target_options target = {.url = (char *)url, .driver_options = json, .where = "here"};
    *error = (struct error){0};
    int result = redis_settings_read(settings, &target, error);
    json_decref(json);
    return result;
}

static void reads_urls(void **state)
{
    static const struct {
        const char *url, *host;
        unsigned port;
        bool tls;
        const char *user, *password;
        unsigned database;
    } table[] = {
        {"redis://127.0.0.1", "127.0.0.1", 6379, false, NULL, NULL, 0},
        {"redis://host:7000/", "host", 7000, false, NULL, NULL, 0},
        {"REDISS://host/3", "host", 6379, true, NULL, NULL, 3},
        {"redis://:secret@host", "host", 6379, false, NULL, "secret", 0},
        {"redis://ada:pass%40word@[::1]:1/15", "::1", 1, false, "ada", "pass@word", 15},
        {"redis://:$HOME@host", "host", 6379, false, NULL, "$HOME", 0},
        {"redis://:$$HOME@host", "host", 6379, false, NULL, "$$HOME", 0},
        {"unix:///run/redis.sock", "/run/redis.sock", 0, false, NULL, NULL, 0},
        {"unix:///run/redis.sock?database=2", "/run/redis.sock", 0, false, NULL, NULL, 2},
        {"redis+unix://ada:secret@/run/a%20b", "/run/a b", 0, false, "ada", "secret", 0},
        {"unix+redis:///run/x?database=4&pipeline=2", "/run/x", 0, false, NULL, NULL, 4},
        {"redis://host/3?database=4", "host", 6379, false, NULL, NULL, 4},
    };
    struct redis_settings settings;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (read_settings(&settings, table[i].url, NULL, &error) < 0)
            fail_msg("%s: %s", table[i].url, error.text);
        assert_string_equal(settings.host, table[i].host);
        assert_int_equal(settings.port, table[i].port);
        assert_int_equal(settings.tls, table[i].tls);
        assert_int_equal(settings.database, table[i].database);
        assert_int_equal(!settings.user, !table[i].user);
        if (table[i].user)
            assert_string_equal(settings.user, table[i].user);
        assert_int_equal(!settings.password, !table[i].password);
        if (table[i].password)
            assert_string_equal(settings.password, table[i].password);
        redis_settings_free(&settings);
    }
    scrub_forget_all();
}

static void reads_options(void **state)
{
    struct redis_settings settings;
    struct error error;
    (void)state;
    setenv("TEST_REDIS_PASSWORD", "from the environment", 1);
    assert_int_equal(
        read_settings(&settings, "redis://host/1?keys=5",
                      "{\"pipeline\":16,\"keys\":20,\"value_size\":\"4k\",\"ttl\":\"90s\","
                      "\"protocol\":2,\"prepare\":false,\"prefix\":\"app:\",\"user\":"
                      "\"ada\",\"password\":\"$TEST_REDIS_PASSWORD\"}",
                      &error),
        0);
    assert_int_equal(settings.pipeline, 16);
    assert_int_equal(settings.keys, 20);
    assert_int_equal(settings.value_size, 4096);
    assert_int_equal(settings.ttl_ns, 90 * NS_PER_S);
    assert_int_equal(settings.protocol, 2);
    assert_int_equal(settings.prepare, 0);
    assert_string_equal(settings.user, "ada");
    assert_string_equal(settings.password, "from the environment");
    assert_int_equal(strncmp(settings.prefix, "app:", 4), 0);
    char *prefix = strdup(settings.prefix);
    redis_settings_free(&settings);

    assert_int_equal(read_settings(&settings, "redis://host", "{\"prefix\":\"app:\"}", &error), 0);
    assert_string_not_equal(settings.prefix, prefix); /* nobody else's */
    assert_true(strlen(settings.prefix) >= strlen("app:") + 12);
    assert_int_equal(settings.protocol, 0);
    assert_int_equal(settings.pipeline, 1);
    redis_settings_free(&settings);
    free(prefix);
    scrub_forget_all();
}

static void refuses_wrong_settings(void **state)
{
    static const struct {
        const char *url, *options, *says;
    } table[] = {
        {"http://host", NULL, "redis://127.0.0.1"},
        {"redis://host/x", NULL, "number of a database"},
        {"redis://host/1/2", NULL, "number of a database"},
        {"redis://host/99999999999", NULL, "number of a database"},
        {"redis://", NULL, "no host"},
        {"redis://host:99999", NULL, "port"},
        {"redis://ada@host", NULL, "needs a password"},
        {"unix://", NULL, "absolute path"},
        {"redis+unix://host/run/x", NULL, "no host"},
        {"redis://host?pipeline", NULL, "NAME=VALUE"},
        {"redis://host?pipelines=1", NULL, "no setting"},
        {"redis://host", "{\"pipeline\":0}", "pipeline"},
        {"redis://host", "{\"pipeline\":\"many\"}", "pipeline"},
        {"redis://host", "{\"protocol\":4}", "protocol"},
        {"redis://host", "{\"ttl\":\"10ms\"}", "ttl"},
        {"redis://host", "{\"keys\":[1]}", "keys"},
        {"redis://host", "{\"password\":\"$NO_SUCH_VARIABLE_HERE\"}", "NO_SUCH_VARIABLE_HERE"},
    };
    struct redis_settings settings;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (read_settings(&settings, table[i].url, table[i].options, &error) == 0)
            fail_msg("%s %s: taken", table[i].url, table[i].options);
        if (!strstr(error.text, table[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].url, error.text, table[i].says);
        assert_int_equal(error.code, ERROR_USAGE);
    }
    assert_true(redis_settings_accept("redis://x"));
    assert_true(redis_settings_accept("unix:///x"));
    assert_false(redis_settings_accept("http://x"));
    assert_false(redis_settings_accept(NULL));
}

/* ---- programs ----------------------------------------------------------------------------------
 */

static struct random test_random;

static char *render(const struct redis_program *program, const struct template_context *given,
                    const char **missing)
{
    struct template_context context = {.user = 7, .iteration = 3, .random = &test_random};
    struct buffer scratch, output;
    buffer_init(&scratch, LIMIT);
    buffer_init(&output, LIMIT);
    int result =
        redis_program_append(program, given ? given : &context, &scratch, &output, missing);
    if (result < 0)
        assert_int_equal(buffer_length(&output), 0);
    buffer_free(&scratch);
    char *text = result == 0 ? buffer_take_string(&output) : NULL;
    buffer_free(&output);
    return text;
}

static int compile(struct redis_program *program, const char *arguments, struct error *error)
{
    json_t *json = json_loads(arguments, 0, NULL);
    assert_non_null(json);
    *error = (struct error){0};
    int result = redis_program_compile(program, json, "p:", "here", error);
    json_decref(json);
    return result;
}

static void renders_commands_of_a_plan(void **state)
{
    static const struct {
        const char *arguments, *rendered;
        unsigned commands;
    } table[] = {
        {"{\"command\":[\"GET\",\"key\"]}", "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n", 1},
        {"{\"command\":[\"SET\",\"u:${user}\",\"${iteration}\"],\"name\":\"n\"}",
         "*3\r\n$3\r\nSET\r\n$3\r\nu:7\r\n$1\r\n3\r\n", 1},
        {"{\"command\":[\"SET\",\"{prefix}a{prefix}\",-5]}",
         "*3\r\n$3\r\nSET\r\n$5\r\np:ap:\r\n$2\r\n-5\r\n", 1},
        {"{\"command\":[\"ECHO\",\"$${x}\"]}", "*2\r\n$4\r\nECHO\r\n$4\r\n${x}\r\n", 1},
        {"{\"command\":[\"ECHO\",\"\"]}", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", 1},
        {"{\"command\":[\"ECHO\",0.5]}", "*2\r\n$4\r\nECHO\r\n$3\r\n0.5\r\n", 1},
        {"{\"commands\":[[\"MULTI\"],[\"PING\"],[\"EXEC\"]]}",
         "*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nEXEC\r\n", 3},
    };
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct redis_program program;
        const char *missing;
        if (compile(&program, table[i].arguments, &error) < 0)
            fail_msg("%s: %s", table[i].arguments, error.text);
        assert_int_equal(program.command_count, table[i].commands);
        for (int again = 0; again < 2; again++) {
            char *rendered = render(&program, NULL, &missing);
            assert_string_equal(rendered, table[i].rendered);
            free(rendered);
        }
        redis_program_free(&program);
    }
}

static void refuses_wrong_commands(void **state)
{
    static const struct {
        const char *arguments, *says;
    } table[] = {
        {"{}", "needs its command"},
        {"{\"command\":[\"GET\"],\"commands\":[[\"GET\"]]}", "needs its command"},
        {"{\"comand\":[\"GET\"]}", "comand"},
        {"{\"command\":\"GET key\"}", "list of 1 to"},
        {"{\"command\":[]}", "list of 1 to"},
        {"{\"command\":[\"\"]}", "list of 1 to"},
        {"{\"command\":[1]}", "list of 1 to"},
        {"{\"command\":[\"GET\",true]}", "word 2"},
        {"{\"command\":[\"GET\",[\"x\"]]}", "word 2"},
        {"{\"command\":[\"GET\",\"${nothing}\"]}", "${nothing}"},
        {"{\"commands\":[]}", "1 to"},
        {"{\"commands\":[[\"PING\"],\"PING\"]}", "command 2"},
        {"{\"command\":[\"subscribe\",\"x\"]}", "subscribe"},
        {"{\"command\":[\"CLIENT\",\"reply\",\"OFF\"]}", "CLIENT"},
        {"{\"command\":[\"SELECT\",\"1\"]}", "SELECT"},
        {"{\"commands\":[[\"MULTI\"],[\"PING\"]]}", "MULTI and EXEC"},
        {"{\"command\":[\"EXEC\"]}", "MULTI and EXEC"},
    };
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct redis_program program;
        if (compile(&program, table[i].arguments, &error) == 0)
            fail_msg("%s: taken", table[i].arguments);
        if (!strstr(error.text, table[i].says))
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].arguments, error.text,
                     table[i].says);
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

static void names_what_is_missing(void **state)
{
    struct redis_program program;
    struct error error;
    const char *missing = NULL;
    struct template_value captures[] = {{.name = "id", .json = NULL}};
    struct template_context context = {
        .random = &test_random, .captures = captures, .capture_count = 1};
    (void)state;
    assert_int_equal(compile(&program, "{\"command\":[\"GET\",\"${capture.id}\"]}", &error), 0);
    assert_null(render(&program, &context, &missing));
    assert_string_equal(missing, "id");
    captures[0].json = (char *)"\"a\\n\"";
    char *rendered = render(&program, &context, &missing);
    assert_string_equal(rendered, "*2\r\n$3\r\nGET\r\n$2\r\na\n\r\n");
    free(rendered);
    redis_program_free(&program);
}

static void names_operations(void **state)
{
    static const struct {
        const char *arguments, *name;
    } table[] = {
        {"{\"command\":[\"SET\",\"k:${user}\",1]}", "SET k:${user} 1"},
        {"{\"command\":[\"SET\"],\"name\":\"mine\"}", "mine"},
        {"{\"commands\":[[\"MULTI\"],[\"INCR\",\"x\"],[\"EXEC\"]]}", "MULTI/INCR/EXEC"},
        {"{\"command\":[\"SET\",\"0123456789012345678901234567890123456789012345\\u00e9\"]}",
         "SET 01234567890123456789012345678901234567890123..."},
        {"{\"command\":[\"a\\nb\"]}", "a b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *json = json_loads(table[i].arguments, 0, NULL);
        char *name = redis_program_name(json);
        assert_string_equal(name, table[i].name);
        free(name);
        json_decref(json);
    }
}

/* ---- the default mix ---------------------------------------------------------------------------
 */

/* Commands of a rendering as JSON. */
static json_t *commands_of(const char *rendered, unsigned count)
{
    struct resp_cursor cursor = {rendered, rendered + strlen(rendered)};
    json_t *commands = json_array();
    for (unsigned i = 0; i < count; i++) {
        struct buffer text;
        buffer_init(&text, LIMIT);
        assert_int_equal(resp_append_json(&text, &cursor), 0);
        json_array_append_new(commands,
                              json_loadb(buffer_bytes(&text), buffer_length(&text), 0, NULL));
        buffer_free(&text);
    }
    assert_ptr_equal(cursor.at, cursor.end);
    return commands;
}

/* Every command of an operation that names a key names the same one, below the prefix. */
static void check_default(const struct redis_program *program, const struct offer *offer)
{
    const char *missing;
    bool expires = false, writes = !(offer->hints & OFFER_READ_ONLY);
    char *rendered = render(program, NULL, &missing);
    json_t *commands = commands_of(rendered, program->command_count), *command;
    json_t *keys = json_object();
    size_t i, k;
    json_array_foreach(commands, i, command)
    {
        const char *name = json_string_value(json_array_get(command, 0));
        json_t *word;
        expires |= strcmp(name, "EXPIRE") == 0;
        json_array_foreach(command, k, word)
        {
            const char *text = json_string_value(word);
            expires |= strcmp(text, "EX") == 0;
            if (strncmp(text, "p:x:", 4) != 0)
                continue;
            size_t kind = strcspn(text + 4, ":");
            unsigned long number = strtoul(text + 4 + kind + 1, NULL, 10);
            char *kind_name = strndup(text + 4, kind);
            json_t *known = json_object_get(keys, kind_name);
            assert_true(number < (strcmp(kind_name, "string") == 0 ? 30 : 3));
            if (known)
                assert_string_equal(json_string_value(known), text);
            json_object_set(keys, kind_name, word);
            free(kind_name);
        }
    }
    assert_true(json_object_size(keys) >= 1);
    assert_int_equal(expires, writes);
    json_decref(keys);
    json_decref(commands);
    free(rendered);
}

static void makes_the_default_mix(void **state)
{
    struct redis_settings settings = {
        .keys = 30, .value_size = 10, .ttl_ns = 60 * NS_PER_S, .prefix = (char *)"p:x:"};
    struct target target = {0};
    struct error error;
    unsigned operations = 0;
    double weights = 0;
    (void)state;
    assert_int_equal(redis_defaults_offer(&target), 0);
    for (size_t i = 0; i < target.offer_count; i++) {
        const struct offer *offer = &target.offers[i];
        if (strcmp(offer->kind, "command") != 0 || !offer->driver_data)
            continue;
        struct redis_program program;
        assert_int_equal(redis_defaults_compile(offer->driver_data, &settings, &program, &error),
                         0);
        for (int again = 0; again < 50; again++)
            check_default(&program, offer);
        redis_program_free(&program);
        operations++;
        weights += offer->weight;
    }
    assert_int_equal(operations, 11);
    assert_true(weights > 99.99 && weights < 100.01);
    target_free_offers(&target);
}

static void prepares_the_data_set(void **state)
{
    struct redis_settings settings = {
        .keys = 30, .value_size = 10, .ttl_ns = 60 * NS_PER_S, .prefix = (char *)"p:x:"};
    (void)state;
    assert_int_equal(redis_defaults_items(&settings), 30 + 4 * 3);
    json_t *keys = json_object();
    for (uint64_t item = 0; item < redis_defaults_items(&settings); item++) {
        struct buffer output;
        unsigned replies = 0;
        buffer_init(&output, LIMIT);
        assert_int_equal(redis_defaults_item(&settings, item, &output, &replies), 0);
        char *rendered = buffer_take_string(&output);
        json_t *commands = commands_of(rendered, replies);
        json_object_set(keys, json_string_value(json_array_get(json_array_get(commands, 0), 1)),
                        json_true());
        json_t *last = json_array_get(commands, json_array_size(commands) - 1);
        assert_string_equal(json_string_value(json_array_get(last, json_array_size(last) - 1)),
                            "60");
        json_decref(commands);
        free(rendered);
    }
    assert_int_equal(json_object_size(keys), redis_defaults_items(&settings));
    assert_non_null(json_object_get(keys, "p:x:zset:2"));
    json_decref(keys);
}

/* ---- errors ------------------------------------------------------------------------------------
 */

static void names_errors(void **state)
{
    static const struct {
        const char *reply, *detail;
    } table[] = {
        {"WRONGPASS invalid username-password pair or user is disabled.", "auth"},
        {"NOAUTH Authentication required.", "auth"},
        {"ERR invalid password", "auth"},
        {"ERR Client sent AUTH, but no password is set", "auth"},
        {"NOPERM this user has no permissions to run the 'get' command", "NOPERM"},
        {"MOVED 3999 127.0.0.1:6381", "MOVED"},
        {"ASK 3999 127.0.0.1:6381", "ASK"},
        {"ASKING x", "other"},
        {"LOADING Redis is loading the dataset in memory", "LOADING"},
        {"READONLY You can't write against a read only replica.", "READONLY"},
        {"OOM command not allowed when used memory > 'maxmemory'.", "OOM"},
        {"NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT"},
        {"BUSY Redis is busy running a script.", "BUSY"},
        {"BUSYGROUP Consumer Group name already exists", "BUSYGROUP"},
        {"BUSYKEY Target key name already exists.", "BUSYKEY"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"},
        {"EXECABORT Transaction discarded because of previous errors.", "EXECABORT"},
        {"CLUSTERDOWN Hash slot not served", "CLUSTERDOWN"},
        {"ERR unknown command 'X', with args beginning with: ", "unknown_command"},
        {"ERR wrong number of arguments for 'get' command", "arguments"},
        {"ERR syntax error", "syntax"},
        {"ERR max number of clients reached", "max_clients"},
        {"ERR DB index is out of range", "database"},
        {"ERR value is not an integer or out of range", "ERR"},
        {"ERR", "ERR"},
        {"MYMODULE: something", "other"},
        {"", "other"},
    };
    char text[REDIS_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct outcome outcome =
            redis_error_outcome(table[i].reply, strlen(table[i].reply), text, sizeof text);
        assert_int_equal(outcome.kind, OUTCOME_SOURCE_ERROR);
        assert_string_equal(outcome.detail, table[i].detail);
        assert_int_equal(strncmp(text, table[i].reply, strlen(table[i].reply)), 0);
    }
    redis_error_outcome("ERR a\r\nb\x1b[31m", 12, text, sizeof text);
    assert_null(strpbrk(text, "\r\n\x1b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_urls),
        cmocka_unit_test(reads_options),
        cmocka_unit_test(refuses_wrong_settings),
        cmocka_unit_test(renders_commands_of_a_plan),
        cmocka_unit_test(refuses_wrong_commands),
        cmocka_unit_test(names_what_is_missing),
        cmocka_unit_test(names_operations),
        cmocka_unit_test(makes_the_default_mix),
        cmocka_unit_test(prepares_the_data_set),
        cmocka_unit_test(names_errors),
    };
    random_seed(&test_random, 1, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
