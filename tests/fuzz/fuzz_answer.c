/* Answers and questions of a hostile server. The first byte chooses revision and method; the rest
 * is the message. */
#include "mcp/answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const methods[] = {
    "tools/call",      "tools/list",          "prompts/get",    "initialize",
    "server/discover", "completion/complete", "resources/read", "ping"};

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", what);
    abort();
}

static struct mcp_tool *tool(void)
{
    static struct mcp_tool made;
    if (!made.output) {
        struct error error;
        json_t *schema = json_pack("{s:s, s:{s:{s:s}}, s:[s]}", "type", "object", "properties", "a",
                                   "type", "integer", "required", "a");
        made.output = schema_compile(schema, &error);
        json_decref(schema);
    }
    return &made;
}

static void resolve(const struct jsonrpc_message *message)
{
    struct error error = {0};
    json_t *result =
        json_loadb(message->result.start, message->result.length, JSON_ALLOW_NUL, NULL);
    json_t *params = json_pack("{s:s}", "name", "t");
    json_t *retry = result ? mcp_answer_inputs(params, result, &error) : NULL;
    if (retry) {
        json_t *state = json_object_get(result, "requestState");
        json_t *echoed = json_object_get(retry, "requestState");
        check(state ? json_equal(state, echoed) : !echoed, "requestState is echoed exactly");
        json_t *asked = json_object_get(result, "inputRequests");
        json_t *answered = json_object_get(retry, "inputResponses");
        check(json_object_size(asked) == json_object_size(answered), "every question is answered");
    } else {
        check(!result || error.code, "no retry without a reason");
    }
    json_decref(retry);
    json_decref(params);
    json_decref(result);
}

static void answer(const struct jsonrpc_message *message)
{
    struct jsonrpc_message ours;
    char *text = mcp_answer_server_request_text(message);
    check(text != NULL, "every request is answered");
    enum jsonrpc_kind kind = jsonrpc_scan(&ours, text, strlen(text));
    check(kind == JSONRPC_RESULT || kind == JSONRPC_ERROR, "the answer is a JSON-RPC answer");
    check(ours.id.length == message->id.length &&
              memcmp(ours.id.start, message->id.start, ours.id.length) == 0,
          "the id is the request's");
    check(!strchr(text, '\n') || memchr(message->id.start, '\n', message->id.length),
          "the answer is one line");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jsonrpc_message message;
    char text[200];
    if (size < 1)
        return 0;
    const struct mcp_revision *revision = &mcp_revisions()[(data[0] >> 3) % 5];
    jsonrpc_scan(&message, (const char *)data + 1, size - 1);
    struct outcome outcome =
        mcp_answer_judge(&message, revision, methods[data[0] & 7], tool(), text, sizeof text);
    check(memchr(text, '\0', sizeof text) != NULL, "the text ends");
    check((outcome.kind == OUTCOME_OK) == (message.kind == JSONRPC_RESULT && !*text),
          "only a result is ok, and a failure has a text");
    if (outcome.kind == OUTCOME_INPUT_REQUIRED)
        resolve(&message);
    if (message.kind == JSONRPC_REQUEST)
        answer(&message);
    return 0;
}
