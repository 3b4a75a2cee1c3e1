/* An operation's commands in RESP, rendered as far as they do not change: what is left per call is
 * to copy bytes and fill in the arguments that do. */
#include "drivers/redis.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PROGRAM_LIMIT ((size_t)256 * 1024 * 1024)
enum { NAME_LIMIT = 48 };

static int compile_commands(struct redis_program *program, const json_t *commands,
                            const char *where, struct error *error);
static json_t *with_prefix(const json_t *value, const char *prefix);

/* ---- building ----------------------------------------------------------------------------------
 */

static struct redis_piece *add_piece(struct redis_program *program, enum redis_piece_kind kind)
{
    struct redis_piece *pieces =
        realloc(program->pieces, (program->piece_count + 1) * sizeof *pieces);
    if (!pieces)
        return NULL;
    program->pieces = pieces;
    struct redis_piece *piece = &pieces[program->piece_count++];
    *piece = (struct redis_piece){.kind = kind};
    return piece;
}

/* What is constant so far becomes a piece. */
static int close_bytes(struct redis_program *program)
{
    size_t length = buffer_length(&program->building);
    if (length == 0)
        return 0;
    struct redis_piece *piece = add_piece(program, REDIS_BYTES);
    if (!piece)
        return -1;
    piece->bytes = malloc(length);
    if (!piece->bytes)
        return -1;
    memcpy(piece->bytes, buffer_bytes(&program->building), length);
    piece->length = length;
    buffer_clear(&program->building);
    return 0;
}

int redis_program_command(struct redis_program *program, size_t argument_count)
{
    if (!program->building.limit)
        buffer_init(&program->building, PROGRAM_LIMIT);
    program->command_count++;
    return resp_append_array(&program->building, argument_count);
}

int redis_program_text(struct redis_program *program, const char *text)
{
    return resp_append_bulk_text(&program->building, text);
}

int redis_program_key(struct redis_program *program, const char *prefix, uint64_t count)
{
    struct redis_piece *piece = close_bytes(program) == 0 ? add_piece(program, REDIS_KEY) : NULL;
    if (!piece)
        return -1;
    piece->count = count;
    piece->bytes = strdup(prefix);
    piece->length = strlen(prefix);
    return piece->bytes ? 0 : -1;
}

int redis_program_template(struct redis_program *program, const char *text, struct error *error)
{
    struct text_template *compiled = template_compile(text, false, NULL, NULL, error);
    if (!compiled)
        return -1;
    if (template_is_constant(compiled)) { /* but "$${" may be in it: render it once */
        struct buffer rendered;
        struct random random;
        random_seed(&random, 0, 0);
        struct template_context context = {.random = &random};
        buffer_init(&rendered, PROGRAM_LIMIT);
        int result = template_render(compiled, &context, &rendered, NULL);
        template_free(compiled);
        if (result == 0)
            result = resp_append_bulk(&program->building, buffer_bytes(&rendered),
                                      buffer_length(&rendered));
        buffer_free(&rendered);
        return result < 0 ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
    }
    struct redis_piece *piece =
        close_bytes(program) == 0 ? add_piece(program, REDIS_TEMPLATE) : NULL;
    if (!piece) {
        template_free(compiled);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    piece->text_template = compiled;
    return 0;
}

int redis_program_finish(struct redis_program *program)
{
    int result = close_bytes(program);
    buffer_free(&program->building);
    return result;
}

void redis_program_free(struct redis_program *program)
{
    for (size_t i = 0; i < program->piece_count; i++) {
        free(program->pieces[i].bytes);
        template_free(program->pieces[i].text_template);
    }
    free(program->pieces);
    json_decref(program->arguments);
    buffer_free(&program->building);
    *program = (struct redis_program){0};
}

/* ---- a plan's own ------------------------------------------------------------------------------
 */

int redis_program_compile(struct redis_program *program, const json_t *arguments,
                          const char *prefix, const char *where, struct error *error)
{
    const char *name;
    json_t *value;
    const json_t *command = json_object_get(arguments, "command");
    const json_t *commands = json_object_get(arguments, "commands");
    *program = (struct redis_program){0};
    json_object_foreach((json_t *)arguments, name, value)
    {
        if (strcmp(name, "command") != 0 && strcmp(name, "commands") != 0 &&
            strcmp(name, "name") != 0)
            return error_set(error, ERROR_USAGE,
                             "%s: arguments.%s: is no word here; a Redis operation has command or "
                             "commands, and name",
                             where, name);
    }
    if (!command == !commands)
        return error_set(error, ERROR_USAGE,
                         "%s: a Redis operation of a plan needs its command: arguments: {command: "
                         "[SET, \"key:${user}\", value]}, or commands: a list of such lists",
                         where);
    json_t *list = command ? json_pack("[O]", command) : json_incref((json_t *)commands);
    json_t *named = with_prefix(list, prefix);
    json_decref(list);
    if (!named)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    int result = compile_commands(program, named, where, error);
    if (result == 0) {
        program->arguments = command ? json_pack("{s:O}", "command", json_array_get(named, 0))
                                     : json_pack("{s:O}", "commands", named);
        if (!program->arguments || redis_program_finish(program) < 0)
            result = error_set(error, ERROR_INTERNAL, "out of memory");
    }
    json_decref(named);
    if (result < 0)
        redis_program_free(program);
    return result;
}

/* A copy with "{prefix}" replaced in all strings. */
static json_t *with_prefix(const json_t *value, const char *prefix)
{
    static const char mark[] = "{prefix}";
    size_t i;
    json_t *element;
    if (json_is_array(value)) {
        json_t *array = json_array();
        json_array_foreach((json_t *)value, i, element)
        {
            json_array_append_new(array, with_prefix(element, prefix));
        }
        return array;
    }
    const char *text = json_string_value(value), *found;
    if (!text || !strstr(text, mark) || strlen(text) != json_string_length(value))
        return json_deep_copy(value);
    struct buffer replaced;
    buffer_init(&replaced, PROGRAM_LIMIT);
    for (; (found = strstr(text, mark)); text = found + strlen(mark))
        if (buffer_append(&replaced, text, (size_t)(found - text)) < 0 ||
            buffer_append_text(&replaced, prefix) < 0)
            break;
    json_t *result = NULL;
    if (!found && buffer_append_text(&replaced, text) == 0)
        result = json_stringn(buffer_bytes(&replaced), buffer_length(&replaced));
    buffer_free(&replaced);
    return result;
}

/* These answer more or less than once, or change the connection for the calls of others. */
static bool is_unsuitable(const char *command, const char *next)
{
    static const char *const unsuitable[] = {
        "SUBSCRIBE",    "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE",
        "SUNSUBSCRIBE", "MONITOR",    "SYNC",       "PSYNC",       "HELLO",
        "AUTH",         "SELECT",     "RESET",      "QUIT"};
    for (size_t i = 0; i < sizeof unsuitable / sizeof *unsuitable; i++)
        if (strcasecmp(command, unsuitable[i]) == 0)
            return true;
    return strcasecmp(command, "CLIENT") == 0 && next && strcasecmp(next, "REPLY") == 0;
}

static int compile_argument(struct redis_program *program, const json_t *argument,
                            const char *where, size_t command, size_t index, struct error *error)
{
    char number[64];
    if (json_is_integer(argument)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(argument));
        return redis_program_text(program, number) < 0
                   ? error_set(error, ERROR_INTERNAL, "out of memory")
                   : 0;
    }
    if (json_is_real(argument)) {
        snprintf(number, sizeof number, "%.17g", json_real_value(argument));
        return redis_program_text(program, number) < 0
                   ? error_set(error, ERROR_INTERNAL, "out of memory")
                   : 0;
    }
    const char *text = json_string_value(argument);
    if (!text || strlen(text) != json_string_length(argument))
        return error_set(error, ERROR_USAGE, "%s: command %zu, word %zu: must be text or a number",
                         where, command + 1, index + 1);
    if (redis_program_template(program, text, error) == 0)
        return 0;
    return error->code == ERROR_USAGE
               ? error_wrap(error, "%s: command %zu, word %zu", where, command + 1, index + 1)
               : -1;
}

static int compile_command(struct redis_program *program, const json_t *command, const char *where,
                           size_t index, int *transaction, struct error *error)
{
    size_t count = json_array_size(command);
    const char *first = json_string_value(json_array_get(command, 0));
    if (count == 0 || count > REDIS_MOST_ARGUMENTS || !first || !*first)
        return error_set(error, ERROR_USAGE,
                         "%s: command %zu: must be a list of 1 to %d words, the first the "
                         "command's name, as in [GET, key]",
                         where, index + 1, REDIS_MOST_ARGUMENTS);
    if (is_unsuitable(first, json_string_value(json_array_get(command, 1))))
        return error_set(error, ERROR_USAGE,
                         "%s: command %zu: %s changes what the connection answers, and cannot be "
                         "an operation",
                         where, index + 1, first);
    if (strcasecmp(first, "MULTI") == 0)
        ++*transaction;
    else if (strcasecmp(first, "EXEC") == 0 || strcasecmp(first, "DISCARD") == 0)
        --*transaction;
    if (redis_program_command(program, count) < 0)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (compile_argument(program, json_array_get(command, i), where, index, i, error) < 0)
            return -1;
    return 0;
}

static int compile_commands(struct redis_program *program, const json_t *commands,
                            const char *where, struct error *error)
{
    size_t count = json_array_size(commands);
    int transaction = 0; /* open MULTIs */
    if (count == 0 || count > REDIS_MOST_COMMANDS)
        return error_set(error, ERROR_USAGE,
                         "%s: arguments: must hold 1 to %d commands, each a list of words", where,
                         REDIS_MOST_COMMANDS);
    for (size_t i = 0; i < count; i++)
        if (compile_command(program, json_array_get(commands, i), where, i, &transaction, error) <
            0)
            return -1;
    return transaction ? error_set(error, ERROR_USAGE,
                                   "%s: MULTI and EXEC (or DISCARD) must stand in one operation: "
                                   "commands: [[MULTI], ..., [EXEC]]",
                                   where)
                       : 0;
}

static void append_word(struct buffer *name, const json_t *word)
{
    if (json_is_string(word))
        buffer_append_text(name, json_string_value(word));
    else if (json_is_integer(word))
        buffer_printf(name, "%lld", (long long)json_integer_value(word));
}

char *redis_program_name(const json_t *arguments)
{
    const char *given = json_string_value(json_object_get(arguments, "name"));
    if (given && *given)
        return strdup(given);
    struct buffer name;
    size_t i;
    json_t *word;
    const json_t *commands = json_object_get(arguments, "commands");
    buffer_init(&name, 4 * 1024);
    json_array_foreach(json_object_get(arguments, "command"), i, word)
    {
        if (i)
            buffer_append_char(&name, ' ');
        append_word(&name, word);
    }
    json_array_foreach((json_t *)commands, i, word)
    {
        if (i)
            buffer_append_char(&name, '/');
        append_word(&name, json_array_get(word, 0));
    }
    size_t length = buffer_length(&name);
    if (length > NAME_LIMIT) { /* not within a character */
        for (length = NAME_LIMIT; length && (buffer_bytes(&name)[length] & 0xC0) == 0x80;)
            length--;
        name.end = name.start + length;
        buffer_append_text(&name, "...");
    }
    for (char *at = buffer_bytes(&name); at && at < name.data + name.end; at++)
        if (iscntrl((unsigned char)*at))
            *at = ' ';
    return length ? buffer_take_string(&name) : strdup("custom");
}

/* ---- rendering ---------------------------------------------------------------------------------
 */

static int append_key(const struct redis_piece *piece, uint64_t draw, struct buffer *output)
{
    char digits[24], head[24];
    size_t at = sizeof digits, from = sizeof head;
    uint64_t number = draw % piece->count;
    digits[--at] = '\n';
    digits[--at] = '\r';
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    size_t length = piece->length + (sizeof digits - at) - 2;
    head[--from] = '\n';
    head[--from] = '\r';
    do
        head[--from] = (char)('0' + length % 10);
    while (length /= 10);
    head[--from] = '$';
    char *place = buffer_reserve(output, piece->length + sizeof digits + sizeof head);
    if (!place)
        return -1;
    memcpy(place, head + from, sizeof head - from);
    place += sizeof head - from;
    memcpy(place, piece->bytes, piece->length);
    memcpy(place + piece->length, digits + at, sizeof digits - at);
    buffer_commit(output, (sizeof head - from) + piece->length + (sizeof digits - at));
    return 0;
}

static int append_template(const struct redis_piece *piece, const struct template_context *context,
                           struct buffer *scratch, struct buffer *output, const char **missing)
{
    buffer_clear(scratch);
    if (template_render(piece->text_template, context, scratch, missing) < 0)
        return -1;
    return resp_append_bulk(output, buffer_bytes(scratch), buffer_length(scratch));
}

int redis_program_append(const struct redis_program *program,
                         const struct template_context *context, struct buffer *scratch,
                         struct buffer *output, const char **missing)
{
    size_t before = buffer_length(output);
    uint64_t draw = 0;
    bool drawn = false;
    int result = 0;
    *missing = NULL;
    for (size_t i = 0; result == 0 && i < program->piece_count; i++) {
        const struct redis_piece *piece = &program->pieces[i];
        switch (piece->kind) {
        case REDIS_BYTES:
            result = buffer_append(output, piece->bytes, piece->length);
            break;
        case REDIS_KEY:
            if (!drawn)
                draw = random_next(context->random);
            drawn = true;
            result = append_key(piece, draw, output);
            break;
        case REDIS_TEMPLATE:
            result = append_template(piece, context, scratch, output, missing);
            break;
        }
    }
    if (result < 0 && output->data)
        output->end = output->start + before;
    return result;
}
