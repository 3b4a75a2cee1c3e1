/* Operations of the neo4j driver: a default one, or the Cypher of a plan. See bolt.h. */
#include "drivers/bolt.h"

#include "net/bolt_json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 48 };

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- statements --------------------------------------------------------------------------------
 */

static int pack_constant(struct neo4j_statement *statement, struct error *error)
{
    struct buffer packed;
    buffer_init(&packed, NEO4J_REQUEST_LIMIT);
    enum bolt_json_result result =
        bolt_value_from_json(statement->parameters, strlen(statement->parameters), &packed, NULL);
    statement->packed_length = buffer_length(&packed);
    if (result == BOLT_JSON_OK)
        statement->packed = buffer_take_string(&packed);
    buffer_free(&packed);
    if (statement->packed)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "parameters: they are larger than %d MiB, nested too deep, or hold a number "
                     "too long to read",
                     NEO4J_REQUEST_LIMIT >> 20);
}

/* Takes `cypher` and `parameters` (JSON text or NULL), both allocated. */
static int make_statement(struct neo4j_statement *statement, char *cypher, char *parameters,
                          struct error *error)
{
    statement->cypher = cypher;
    statement->parameters = parameters;
    if (!cypher)
        return out_of_memory(error);
    statement->cypher_length = strlen(cypher);
    statement->cypher_template = template_compile(cypher, false, NULL, NULL, error);
    if (!statement->cypher_template)
        return error_wrap(error, "cypher");
    if (template_is_constant(statement->cypher_template) && !strstr(cypher, "$${")) {
        template_free(statement->cypher_template);
        statement->cypher_template = NULL;
    }
    if (!parameters)
        return 0;
    statement->parameters_template = template_compile(parameters, true, NULL, NULL, error);
    if (!statement->parameters_template)
        return error_wrap(error, "parameters");
    if (!template_is_constant(statement->parameters_template) || strstr(parameters, "$${"))
        return 0;
    template_free(statement->parameters_template);
    statement->parameters_template = NULL;
    return pack_constant(statement, error);
}

static char *parameters_text(const json_t *parameters)
{
    return parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
}

static int read_statement(struct neo4j_statement *statement, const json_t *from,
                          struct error *error)
{
    const char *cypher = json_string_value(json_object_get(from, "cypher"));
    const json_t *parameters = json_object_get(from, "parameters");
    if (!cypher || !cypher[strspn(cypher, " \t\r\n")])
        return error_set(error, ERROR_USAGE,
                         "there is no Cypher to run; write arguments: {cypher: \"MATCH (n) RETURN "
                         "count(n)\"}");
    if (parameters && !json_is_object(parameters))
        return error_set(error, ERROR_USAGE,
                         "parameters must be a mapping of names to values; write parameters: "
                         "{name: Ada}");
    char *text = parameters_text(parameters);
    if (parameters && !text)
        return out_of_memory(error);
    return make_statement(statement, strdup(cypher), text, error);
}

/* ---- a plan's own ------------------------------------------------------------------------------
 */

static int check_words(const json_t *arguments, struct error *error)
{
    static const char *const words[] = {"cypher",      "parameters", "statements", "mode",
                                        "transaction", "rollback",   "name"};
    const char *word;
    json_t *value;
    json_object_foreach((json_t *)arguments, word, value)
    {
        size_t i = 0;
        while (i < sizeof words / sizeof words[0] && strcmp(words[i], word) != 0)
            i++;
        if (i == sizeof words / sizeof words[0])
            return error_set(error, ERROR_USAGE,
                             "\"%s\" is unknown; known are cypher, parameters, mode (read or "
                             "write), transaction, rollback, statements, name",
                             word);
    }
    return 0;
}

static int read_mode(const json_t *arguments, bool *read, struct error *error)
{
    const json_t *mode = json_object_get(arguments, "mode");
    const char *text = json_string_value(mode);
    *read = text && strcmp(text, "read") == 0;
    if (mode && !*read && (!text || strcmp(text, "write") != 0))
        return error_set(error, ERROR_USAGE, "mode must be read or write");
    return 0;
}

static int read_custom(struct neo4j_operation *operation, const json_t *arguments, bool *read,
                       struct error *error)
{
    const json_t *list = json_object_get(arguments, "statements");
    size_t count = list ? json_array_size(list) : 1;
    if (check_words(arguments, error) < 0 || read_mode(arguments, read, error) < 0)
        return -1;
    if (list && json_object_get(arguments, "cypher"))
        return error_set(error, ERROR_USAGE,
                         "cypher and statements exclude each other; put all into statements");
    if (count == 0 || count > NEO4J_STATEMENTS)
        return error_set(error, ERROR_USAGE,
                         "statements must be a list of 1 to %d of {cypher, "
                         "parameters}",
                         NEO4J_STATEMENTS);
    operation->statements = calloc(count, sizeof *operation->statements);
    if (!operation->statements)
        return out_of_memory(error);
    operation->statement_count = (unsigned)count;
    operation->rollback = json_is_true(json_object_get(arguments, "rollback"));
    operation->transaction =
        list || operation->rollback || json_is_true(json_object_get(arguments, "transaction"));
    for (size_t i = 0; i < count; i++)
        if (read_statement(&operation->statements[i], list ? json_array_get(list, i) : arguments,
                           error) < 0)
            return list ? error_wrap(error, "statements[%zu]", i) : -1;
    return 0;
}

/* The first words of the Cypher: what one would call it. */
static char *name_of(const json_t *arguments, const struct neo4j_operation *operation)
{
    const char *given = json_string_value(json_object_get(arguments, "name"));
    char name[NAME_MOST + 1];
    size_t length = 0;
    for (const char *at = operation->statements[0].cypher; *at && length < NAME_MOST; at++) {
        bool space = isspace((unsigned char)*at);
        if (!space)
            name[length++] = *at;
        else if (length && name[length - 1] != ' ')
            name[length++] = ' ';
    }
    while (length && ((unsigned char)name[length - 1] & 0xC0) == 0x80)
        length--; /* do not end within a character */
    if (length && ((unsigned char)name[length - 1] & 0xC0) == 0xC0)
        length--;
    while (length && name[length - 1] == ' ')
        length--;
    return given && *given ? strdup(given) : strndup(name, length);
}

/* ---- a default one -----------------------------------------------------------------------------
 */

static int make_default(const struct neo4j_target *neo4j, struct neo4j_operation *operation,
                        const struct neo4j_default *from, const json_t *parameters,
                        struct error *error)
{
    unsigned count = 0;
    while (from->cypher[count])
        count++;
    operation->statements = calloc(count, sizeof *operation->statements);
    if (!operation->statements)
        return out_of_memory(error);
    operation->statement_count = count;
    operation->transaction = from->transaction;
    operation->on_dataset = true;
    operation->least_records = parameters ? 0 : from->least_records;
    for (unsigned i = 0; i < count; i++) {
        char *text =
            parameters ? parameters_text(parameters) : neo4j_dataset_text(neo4j, from->parameters);
        if (!text)
            return out_of_memory(error);
        if (make_statement(&operation->statements[i], neo4j_dataset_text(neo4j, from->cypher[i]),
                           text, error) < 0)
            return -1;
    }
    return 0;
}

static int make_scope(const struct neo4j_target *neo4j, struct neo4j_operation *operation,
                      bool read, struct error *error)
{
    struct bolt_scope scope = {.database = neo4j->settings.database,
                               .read = read,
                               .timeout_ms = neo4j->settings.transaction_timeout_ns / 1000000};
    struct buffer packed;
    buffer_init(&packed, 4096);
    if (bolt_put_scope(&packed, &scope) == 0) {
        operation->scope_length = buffer_length(&packed);
        operation->scope = buffer_take_string(&packed);
    }
    buffer_free(&packed);
    return operation->scope ? 0 : out_of_memory(error);
}

int neo4j_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error)
{
    const struct neo4j_target *neo4j = target->driver_data;
    const struct neo4j_default *from = spec->offer->driver_data;
    const char *where = spec->where ? spec->where : "plan";
    struct neo4j_operation *made = calloc(1, sizeof *made);
    bool read = from && (from->hints & OFFER_READ_ONLY);
    operation->offer = spec->offer;
    operation->driver_data = made;
    if (!made)
        return out_of_memory(error);
    int result = spec->arguments && !json_is_object(spec->arguments)
                     ? error_set(error, ERROR_USAGE, "arguments must be a mapping")
                 : from ? make_default(neo4j, made, from, spec->arguments, error)
                        : read_custom(made, spec->arguments, &read, error);
    if (result == 0) {
        operation->name = from ? strdup(from->name) : name_of(spec->arguments, made);
        result = operation->name ? make_scope(neo4j, made, read, error) : out_of_memory(error);
    }
    if (result == 0)
        return 0;
    neo4j_release(target, operation);
    return error_wrap(error, "%s: arguments of %s", where, spec->offer->name);
}

void neo4j_release(struct target *target, struct operation *operation)
{
    struct neo4j_operation *made = operation->driver_data;
    (void)target;
    for (unsigned i = 0; made && i < made->statement_count; i++) {
        struct neo4j_statement *statement = &made->statements[i];
        free(statement->cypher);
        template_free(statement->cypher_template);
        free(statement->parameters);
        template_free(statement->parameters_template);
        free(statement->packed);
    }
    if (made) {
        free(made->statements);
        free(made->scope);
    }
    free(made);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

static json_t *statement_json(const struct neo4j_statement *statement)
{
    json_t *parameters = statement->parameters ? json_loads(statement->parameters, 0, NULL) : NULL;
    return json_pack("{s:s, s:o*}", "cypher", statement->cypher, "parameters", parameters);
}

char *neo4j_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct neo4j_operation *made = operation->driver_data;
    (void)variant;
    json_t *arguments = NULL;
    if (made->statement_count == 1 && !made->transaction) {
        arguments = statement_json(&made->statements[0]);
    } else {
        json_t *list = json_array();
        for (unsigned i = 0; i < made->statement_count; i++)
            json_array_append_new(list, statement_json(&made->statements[i]));
        arguments = json_pack("{s:o}", "statements", list);
        if (made->rollback)
            json_object_set_new(arguments, "rollback", json_true());
    }
    char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
    json_decref(arguments);
    return text;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

static int put_cypher(const struct neo4j_statement *statement,
                      const struct template_context *context, struct buffer *text,
                      struct buffer *request, const char **missing)
{
    if (!statement->cypher_template)
        return packstream_put_string(request, statement->cypher, statement->cypher_length);
    buffer_clear(text);
    if (template_render(statement->cypher_template, context, text, missing) < 0)
        return -1;
    return packstream_put_string(request, buffer_bytes(text), buffer_length(text));
}

static int put_parameters(const struct neo4j_statement *statement,
                          const struct template_context *context, struct buffer *text,
                          struct buffer *request, const char **missing)
{
    if (statement->packed)
        return buffer_append(request, statement->packed, statement->packed_length);
    if (!statement->parameters_template)
        return packstream_put_map(request, 0);
    buffer_clear(text);
    if (template_render(statement->parameters_template, context, text, missing) < 0)
        return -1;
    return bolt_value_from_json(buffer_bytes(text), buffer_length(text), request, NULL) ==
                   BOLT_JSON_OK
               ? 0
               : -1;
}

int neo4j_statement_put(const struct neo4j_statement *statement, const char *scope,
                        size_t scope_length, int64_t fetch, const struct template_context *context,
                        struct buffer *text, struct buffer *request, const char **missing)
{
    size_t position;
    *missing = NULL;
    if (bolt_message_begin(request, &position) < 0 ||
        packstream_put_structure(request, BOLT_RUN, 3) < 0 ||
        put_cypher(statement, context, text, request, missing) < 0 ||
        put_parameters(statement, context, text, request, missing) < 0 ||
        (scope_length ? buffer_append(request, scope, scope_length)
                      : packstream_put_map(request, 0)) < 0 ||
        bolt_message_end(request, position) < 0)
        return -1;
    return bolt_put_pull(request, BOLT_PULL, fetch, -1);
}
