/* What the operations of SQLite are: the default mix as a table, a plan's own SQL, and where the
 * values of their parameters come from. */
#include "drivers/sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LENGTH = 48, SENTENCE_WORDS = 12, MOST_SQL = 1 << 20 };

const struct sqlite_default sqlite_defaults[] = {
    {"insert", "one new row, with its text in the full-text index", .weight = 20, .writes = true,
     .statements = {{"INSERT INTO @record(key, score, body) VALUES(?, ?, ?)",
                     {SOURCE_KEY, SOURCE_SCORE, SOURCE_SENTENCE},
                     3}}},
    {"point_read", "one row by its id", .weight = 40, .expects_row = true,
     .statements = {{"SELECT id, key, score, body FROM @record WHERE id = ?", {SOURCE_ROW}, 1}}},
    {"range_read", "a hundred neighbouring rows", .weight = 15, .expects_row = true,
     .statements = {{"SELECT id, key, score FROM @record WHERE id BETWEEN ?1 AND ?1 + 99 "
                     "ORDER BY id",
                     {SOURCE_ROW},
                     1}}},
    {"search", "the ten best rows for a word (FTS5)", .weight = 10, .searches = true,
     .statements = {{"SELECT r.id, r.key, t.rank FROM @text t JOIN @record r ON r.id = t.rowid "
                     "WHERE t.body MATCH ? ORDER BY t.rank LIMIT 10",
                     {SOURCE_WORD},
                     1}}},
    {"update", "one column of one row", .weight = 10, .writes = true,
     .statements = {{"UPDATE @record SET score = ? WHERE id = ?", {SOURCE_SCORE, SOURCE_ROW}, 2}}},
    {"transaction", "a read, two updates and an insert that hold together", .weight = 5,
     .writes = true, .is_transaction = true, .expects_row = true,
     .statements = {{"SELECT score FROM @record WHERE id = ?", {SOURCE_ROW}, 1},
                    {"UPDATE @record SET score = score - 1 WHERE id = ?", {SOURCE_ROW}, 1},
                    {"UPDATE @record SET score = score + 1 WHERE id = ?", {SOURCE_ROW}, 1},
                    {"INSERT INTO @record(key, score, body) VALUES(?, ?, ?)",
                     {SOURCE_KEY, SOURCE_SCORE, SOURCE_SENTENCE},
                     3}}},
    {0},
};

static int prepare_default(struct sqlite_target *sqlite, const struct operation_spec *spec,
                           struct sqlite_operation *operation, struct error *error);
static int prepare_custom(struct sqlite_target *sqlite, const struct operation_spec *spec,
                          struct sqlite_operation *operation, struct error *error);
static char *name_of(const struct operation_spec *spec);
static int fill_value(struct sqlite_task *task, const struct sqlite_parameter *parameter,
                      const struct template_context *context, struct random *random, uint64_t rows,
                      struct sqlite_value *value, const char **missing);

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

int sqlite_prepare(struct target *target, const struct operation_spec *spec,
                   struct operation *operation, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    struct sqlite_operation *made = calloc(1, sizeof *made);
    if (!made)
        return out_of_memory(error);
    atomic_init(&made->holders, 1);
    int failed = spec->offer->driver_data ? prepare_default(sqlite, spec, made, error)
                                          : prepare_custom(sqlite, spec, made, error);
    *operation = (struct operation){.offer = spec->offer, .driver_data = made};
    if (failed == 0 && spec->arguments) {
        made->arguments_text = json_dumps(spec->arguments, JSON_COMPACT | JSON_ENCODE_ANY);
        failed = made->arguments_text ? 0 : out_of_memory(error);
    }
    if (failed == 0) {
        operation->name = name_of(spec);
        failed = operation->name ? 0 : out_of_memory(error);
    }
    if (failed < 0)
        sqlite_release(target, operation);
    return failed;
}

void sqlite_release(struct target *target, struct operation *operation)
{
    (void)target;
    sqlite_operation_drop(operation->driver_data);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

char *sqlite_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct sqlite_operation *sqlite = operation->driver_data;
    (void)variant;
    return sqlite->arguments_text ? strdup(sqlite->arguments_text) : NULL;
}

/* The SQL, and the values this call gave its parameters. */
char *sqlite_request_text(const struct call *call)
{
    const struct sqlite_operation *operation = call->operation->driver_data;
    const struct blocking_call *part = driver_part_of_call((struct call *)call);
    const struct sqlite_task *task = (const struct sqlite_task *)(const void *)part->task;
    json_t *statements = json_array(), *values = json_array();
    for (size_t i = 0; i < operation->statement_count; i++)
        json_array_append_new(statements, json_string(operation->statements[i].sql));
    for (size_t i = 0; task && i < task->value_count; i++) {
        const struct sqlite_value *value = &task->values[i];
        const char *text = buffer_bytes((struct buffer *)(uintptr_t)&task->text);
        json_array_append_new(values, value->type == SQLITE_INTEGER ? json_integer(value->integer)
                                      : value->type == SQLITE_FLOAT ? json_real(value->real)
                                      : value->type == SQLITE_TEXT && text
                                          ? json_stringn(text + value->offset, value->length)
                                          : json_null());
    }
    json_t *request = json_pack("{s:o,s:o}", "sql", statements, "parameters", values);
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    return text;
}

/* ---- the default mix ---------------------------------------------------------------------------
 */

/* `sql` with @ replaced by the prefix of our tables. */
static char *with_prefix(const char *sql, const char *prefix)
{
    struct buffer text;
    buffer_init(&text, 4096);
    for (; *sql; sql++)
        if (*sql == '@')
            buffer_append_text(&text, prefix);
        else
            buffer_append_char(&text, *sql);
    return buffer_take_string(&text);
}

static struct sqlite_statement *add_statement(struct sqlite_target *sqlite,
                                              struct sqlite_operation *operation, char *sql,
                                              size_t parameters)
{
    if (!sql)
        return NULL;
    struct sqlite_statement *statement = &operation->statements[operation->statement_count++];
    *statement = (struct sqlite_statement){
        .sql = sql,
        .index = OWN_STATEMENTS + sqlite->statement_count++,
        .parameters = calloc(parameters + 1, sizeof *statement->parameters),
        .parameter_count = parameters,
    };
    return statement->parameters ? statement : NULL;
}

static int prepare_default(struct sqlite_target *sqlite, const struct operation_spec *spec,
                           struct sqlite_operation *operation, struct error *error)
{
    const struct sqlite_default *from = spec->offer->driver_data;
    size_t count = 0;
    if (spec->arguments)
        return error_set(error, ERROR_USAGE,
                         "%s: %s takes no arguments; write SQL of your own as command: custom",
                         spec->where ? spec->where : "plan", from->name);
    while (count < sizeof from->statements / sizeof *from->statements &&
           from->statements[count].sql)
        count++;
    operation->is_transaction = from->is_transaction;
    operation->expects_row = from->expects_row;
    operation->statements = calloc(count, sizeof *operation->statements);
    if (!operation->statements)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++) {
        unsigned parameters = from->statements[i].source_count;
        struct sqlite_statement *statement = add_statement(
            sqlite, operation, with_prefix(from->statements[i].sql, sqlite->prefix), parameters);
        if (!statement)
            return out_of_memory(error);
        for (unsigned k = 0; k < parameters; k++)
            statement->parameters[k].source = from->statements[i].sources[k];
    }
    return 0;
}

/* ---- a plan's own ------------------------------------------------------------------------------
 */

/* Where in the plan, for messages: "plan.yaml:12: custom". */
struct custom {
    struct sqlite_target *sqlite;
    struct sqlite_operation *operation;
    const char *where;
    size_t parameters; /* so far */
    struct error *error;
};

/* A string that is one placeholder of JSON and nothing else: "${capture.id:json}". */
static bool is_json_placeholder(const char *text)
{
    size_t length = strlen(text);
    return length > 8 && strncmp(text, "${", 2) == 0 && !strstr(text + 2, "${") &&
           strcmp(text + length - 6, ":json}") == 0;
}

static int compile_parameter(struct custom *custom, struct sqlite_parameter *parameter,
                             const json_t *value)
{
    const char *text = json_string_value(value);
    if (json_is_object(value) || json_is_array(value))
        return error_set(custom->error, ERROR_USAGE,
                         "%s: custom: a parameter is text, a number, true, false or null",
                         custom->where);
    if (!text) {
        parameter->constant = json_deep_copy(value);
        return parameter->constant ? 0 : out_of_memory(custom->error);
    }
    bool is_json = is_json_placeholder(text);
    char *quoted = is_json ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    parameter->source = is_json ? SOURCE_JSON : SOURCE_TEXT;
    parameter->template =
        template_compile(quoted ? quoted : text, is_json, NULL, NULL, custom->error);
    free(quoted);
    return parameter->template ? 0 : error_wrap(custom->error, "%s: custom", custom->where);
}

static int compile_parameters(struct custom *custom, struct sqlite_statement *statement,
                              json_t *values)
{
    size_t i = 0, index;
    json_t *value;
    const char *name;
    json_array_foreach(values, index, value)
    {
        if (compile_parameter(custom, &statement->parameters[i++], value) < 0)
            return -1;
    }
    json_object_foreach(values, name, value)
    {
        struct sqlite_parameter *parameter = &statement->parameters[i++];
        if (asprintf(&parameter->name, ":%s", name) < 0) {
            parameter->name = NULL;
            return out_of_memory(custom->error);
        }
        if (compile_parameter(custom, parameter, value) < 0)
            return -1;
    }
    return 0;
}

static bool is_blank_sql(const char *sql)
{
    return sql[strspn(sql, " \t\r\n;")] == 0;
}

/* What SQLite can tell now: a second statement behind the first would never run. An error may be
 * gone when it runs (a table that another step makes), so it is left to that. */
static int check_sql(struct custom *custom, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    const char *rest = "";
    int code = sqlite3_prepare_v2(custom->sqlite->handle->database, sql, -1, &statement, &rest);
    bool more = code == SQLITE_OK && !is_blank_sql(rest) && strncmp(rest, "--", 2) != 0;
    sqlite3_finalize(statement);
    if (!more)
        return 0;
    return error_set(custom->error, ERROR_USAGE,
                     "%s: custom: more than one statement in \"%.80s\"; write several as "
                     "transaction: [{sql: ...}, {sql: ...}]",
                     custom->where, sql);
}

static int compile_statement(struct custom *custom, json_t *from)
{
    const char *sql = json_string_value(json_object_get(from, "sql"));
    json_t *values = json_object_get(from, "parameters");
    if (!sql || is_blank_sql(sql) || strlen(sql) > MOST_SQL)
        return error_set(custom->error, ERROR_USAGE,
                         "%s: custom: sql is missing; write e.g. {sql: \"SELECT * FROM t WHERE "
                         "id = ?\", parameters: [1]}",
                         custom->where);
    if (values && !json_is_array(values) && !json_is_object(values))
        return error_set(custom->error, ERROR_USAGE,
                         "%s: custom: parameters is a list, or a mapping for :names",
                         custom->where);
    size_t count = json_is_object(values) ? json_object_size(values) : json_array_size(values);
    custom->parameters += count;
    if (custom->parameters > SQLITE_MOST_PARAMETERS)
        return error_set(custom->error, ERROR_USAGE, "%s: custom: more than %d parameters",
                         custom->where, SQLITE_MOST_PARAMETERS);
    if (check_sql(custom, sql) < 0)
        return -1;
    struct sqlite_statement *statement =
        add_statement(custom->sqlite, custom->operation, strdup(sql), count);
    return statement ? compile_parameters(custom, statement, values) : out_of_memory(custom->error);
}

static int check_keys(const struct custom *custom, json_t *arguments)
{
    const char *name;
    json_t *value;
    json_object_foreach(arguments, name, value)
    {
        if (strcmp(name, "sql") != 0 && strcmp(name, "parameters") != 0 &&
            strcmp(name, "transaction") != 0 && strcmp(name, "name") != 0)
            return error_set(custom->error, ERROR_USAGE,
                             "%s: custom has no argument \"%.64s\"; it takes sql and parameters, "
                             "or transaction, and a name",
                             custom->where, name);
    }
    return 0;
}

static int prepare_custom(struct sqlite_target *sqlite, const struct operation_spec *spec,
                          struct sqlite_operation *operation, struct error *error)
{
    struct custom custom = {.sqlite = sqlite,
                            .operation = operation,
                            .where = spec->where ? spec->where : "plan",
                            .error = error};
    json_t *arguments = (json_t *)(uintptr_t)spec->arguments;
    json_t *transaction = json_object_get(arguments, "transaction");
    size_t count = transaction ? json_array_size(transaction) : 1;
    if (!json_is_object(arguments))
        return error_set(error, ERROR_USAGE,
                         "%s: custom needs arguments: {sql: ..., parameters: [...]}", custom.where);
    if (check_keys(&custom, arguments) < 0)
        return -1;
    if (count == 0 || count > SQLITE_MOST_STATEMENTS)
        return error_set(error, ERROR_USAGE,
                         "%s: custom: transaction is a list of 1 to %d {sql, parameters}",
                         custom.where, SQLITE_MOST_STATEMENTS);
    operation->is_transaction = transaction != NULL;
    operation->statements = calloc(count, sizeof *operation->statements);
    if (!operation->statements)
        return out_of_memory(error);
    for (size_t i = 0; i < count; i++)
        if (compile_statement(&custom, transaction ? json_array_get(transaction, i) : arguments) <
            0)
            return -1;
    return 0;
}

void sqlite_operation_drop(struct sqlite_operation *operation)
{
    if (!operation || atomic_fetch_sub(&operation->holders, 1) > 1)
        return;
    for (size_t i = 0; i < operation->statement_count; i++) {
        struct sqlite_statement *statement = &operation->statements[i];
        for (size_t k = 0; statement->parameters && k < statement->parameter_count; k++) {
            free(statement->parameters[k].name);
            json_decref(statement->parameters[k].constant);
            template_free(statement->parameters[k].template);
        }
        free(statement->parameters);
        free(statement->sql);
    }
    free(operation->statements);
    free(operation->arguments_text);
    free(operation);
}

/* The plan's name for it, or the offer's, or the first words of its SQL. */
static char *name_of(const struct operation_spec *spec)
{
    const char *given = json_string_value(json_object_get(spec->arguments, "name"));
    const char *sql = json_string_value(json_object_get(spec->arguments, "sql"));
    if (given || !sql)
        return strdup(given && *given ? given : spec->offer->name);
    char *name = strndup(sql, NAME_LENGTH);
    for (char *at = name; at && *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return name;
}

/* ---- values ------------------------------------------------------------------------------------
 */

int sqlite_fill_values(struct sqlite_task *task, const struct template_context *context,
                       struct random *random, uint64_t rows, const char **missing)
{
    const struct sqlite_operation *operation = task->operation;
    task->value_count = 0;
    buffer_clear(&task->text);
    for (size_t i = 0; i < operation->statement_count; i++)
        for (size_t k = 0; k < operation->statements[i].parameter_count; k++)
            if (fill_value(task, &operation->statements[i].parameters[k], context, random, rows,
                           &task->values[task->value_count++], missing) < 0)
                return -1;
    return 0;
}

/* Words of three syllables: a thousand of them, each as frequent as the others. */
static void append_word(struct buffer *text, uint64_t number)
{
    static const char syllables[10][3] = {"ba", "ke", "li", "mo", "nu",
                                          "ra", "se", "ti", "vo", "zu"};
    for (unsigned digit = 0; digit < 3; digit++, number /= 10)
        buffer_append(text, syllables[number % 10], 2);
}

int sqlite_append_words(struct buffer *text, struct random *random, unsigned words)
{
    size_t before = buffer_length(text);
    for (unsigned i = 0; i < words; i++) {
        if (i)
            buffer_append_char(text, ' ');
        append_word(text, random_below(random, SQLITE_WORDS));
    }
    return buffer_length(text) == before + words * 7 - (words > 0) ? 0 : -1;
}

/* -1 when the buffer is full. */
static int set_constant(struct sqlite_task *task, const json_t *constant,
                        struct sqlite_value *value)
{
    *value = (struct sqlite_value){.type = SQLITE_NULL};
    if (json_is_integer(constant) || json_is_boolean(constant)) {
        value->type = SQLITE_INTEGER;
        value->integer =
            json_is_integer(constant) ? json_integer_value(constant) : json_is_true(constant);
    } else if (json_is_real(constant)) {
        value->type = SQLITE_FLOAT;
        value->real = json_real_value(constant);
    } else if (json_is_string(constant)) {
        value->type = SQLITE_TEXT;
        value->offset = buffer_length(&task->text);
        value->length = json_string_length(constant);
        return buffer_append(&task->text, json_string_value(constant), value->length);
    }
    return 0;
}

/* A template that stands for a JSON value: what it gave is parsed and takes the place of its text.
 * An object or a list stays text. */
static int parse_rendered(struct sqlite_task *task, size_t offset, struct sqlite_value *value)
{
    char *bytes = buffer_bytes(&task->text);
    size_t length = buffer_length(&task->text) - offset;
    json_t *parsed = json_loadb(bytes + offset, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    int failed = parsed ? 0 : -1;
    if (json_is_object(parsed) || json_is_array(parsed)) {
        *value = (struct sqlite_value){.type = SQLITE_TEXT, .offset = offset, .length = length};
    } else if (parsed) {
        task->text.end = task->text.start + offset;
        failed = set_constant(task, parsed, value);
    }
    json_decref(parsed);
    return failed;
}

static int fill_value(struct sqlite_task *task, const struct sqlite_parameter *parameter,
                      const struct template_context *context, struct random *random, uint64_t rows,
                      struct sqlite_value *value, const char **missing)
{
    size_t offset = buffer_length(&task->text);
    char key[37];
    *value = (struct sqlite_value){.type = SQLITE_TEXT, .offset = offset};
    switch (parameter->source) {
    case SOURCE_CONSTANT:
        return set_constant(task, parameter->constant, value);
    case SOURCE_ROW:
        *value = (struct sqlite_value){.type = SQLITE_INTEGER,
                                       .integer = (sqlite3_int64)random_below(random, rows) + 1};
        return 0;
    case SOURCE_SCORE:
        *value = (struct sqlite_value){.type = SQLITE_FLOAT, .real = random_unit(random) * 1000};
        return 0;
    case SOURCE_KEY:
        random_uuid(random, key);
        buffer_append_text(&task->text, key);
        break;
    case SOURCE_WORD:
        sqlite_append_words(&task->text, random, 1);
        break;
    case SOURCE_SENTENCE:
        sqlite_append_words(&task->text, random, SENTENCE_WORDS);
        break;
    case SOURCE_TEXT:
    case SOURCE_JSON:
        if (template_render(parameter->template, context, &task->text, missing) < 0)
            return -1;
        break;
    }
    if (parameter->source == SOURCE_JSON)
        return parse_rendered(task, offset, value);
    value->length = buffer_length(&task->text) - offset;
    return 0;
}
