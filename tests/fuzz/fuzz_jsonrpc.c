/* The envelope scan and json_read on arbitrary bytes: both agree with jansson on what JSON is,
 * spans stay inside the text, and the helpers hold on texts nobody has scanned. */
#include "mcp/json_read.h"
#include "mcp/jsonrpc.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

/* Grammatical, but more than jansson can hold. */
static bool is_limit_of_jansson(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_null_character || code == json_error_stack_overflow ||
           strstr(error->text, "invalid Unicode") != NULL;
}

static void compare(const char *text, size_t size, const struct jsonrpc_message *message)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    /* jansson loses a NUL byte that follows a number; the scan must not. */
    if (message->kind == JSONRPC_MALFORMED)
        check(!value || memchr(text, '\0', size) ||
                  strcmp(message->problem, "nested too deep") == 0,
              "jansson takes it too");
    else
        check(value || is_limit_of_jansson(&error), "jansson refuses it too");
    json_decref(value);
}

/* Read anew, and again with what was kept of it. */
static void compare_repeated(const char *text, size_t size, const json_t *value)
{
    struct json_repeated repeated = {0};
    json_error_t problem;
    for (int i = 0; i < 2; i++) {
        json_t *again = json_read_request(text, size, &repeated, &problem);
        check(value ? json_equal(again, value) : !again, "what is repeated is read the same");
        json_decref(again);
    }
    json_repeated_free(&repeated);
}

static void compare_values(const char *text, size_t size)
{
    json_error_t error, problem;
    json_t *theirs = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    json_t *mine = json_read(text, size, &problem);
    if (mine)
        check(theirs && json_equal(mine, theirs), "the same value is read");
    else
        check(!theirs || memchr(text, '\0', size) || strcmp(problem.text, "nested too deep") == 0,
              "jansson refuses the value too");
    json_decref(theirs);
    compare_repeated(text, size, mine);
    json_decref(mine);
}

static void check_span(const char *text, size_t size, struct span span)
{
    if (!span.start)
        return;
    check(span.start >= text && span.length <= size && span.start + span.length <= text + size,
          "a span lies inside the text");
    char plain[64];
    check(span_unescape(span, plain, sizeof plain) < sizeof plain, "decoding is bounded");
    check(strlen(plain) < sizeof plain, "decoded text ends");
}

static void check_spans(const char *text, size_t size, const struct jsonrpc_message *message)
{
    const struct span spans[] = {message->id,          message->method,        message->params,
                                 message->result,      message->error,         message->error_data,
                                 message->result_type, message->error_message, message->content,
                                 message->structured,  message->next_cursor};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        check_span(text, size, spans[i]);
    check(message->error_offset <= size, "the error lies inside the text");
    bool bad = message->kind == JSONRPC_MALFORMED || message->kind == JSONRPC_INVALID;
    check(bad == (message->problem != NULL), "a problem is told exactly where there is one");
    check(message->kind != JSONRPC_RESULT || message->has_id, "a result has an id");
}

static void walk(const char *text, size_t size)
{
    size_t position = 0, before = 0;
    struct span element, whole = {text, size};
    for (int i = 0; i < 1000 && jsonrpc_batch_next(text, size, &position, &element); i++) {
        check(position > before && position <= size, "the walk goes on");
        before = position;
        check_span(text, size, element);
        check_span(text, size, span_member(element, "a"));
    }
    check_span(text, size, span_member(whole, "result"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jsonrpc_message message;
    const char *text = (const char *)data;
    jsonrpc_scan(&message, text, size);
    compare(text, size, &message);
    compare_values(text, size);
    check_spans(text, size, &message);
    walk(text, size);
    return 0;
}
