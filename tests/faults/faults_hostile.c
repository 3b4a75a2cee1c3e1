/* A server whose every name and text would like to be obeyed: by a terminal, a shell, a browser, a
 * spreadsheet, or whatever else reads a report. Each tool fails in a way that shows its text. */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

static const char *const hostile[] = {
    "</script><script>window.owned=1</script>",
    "[owned](javascript:owned) ![owned](http://owned.invalid/x.png) **owned** | `",
    "\"><svg/onload=window.owned=1> autofocus onfocus='window.owned=1",
    "]]><owned/>&owned;<!-- -->",
    "</style><img src=x onerror=window.owned=1>",
    "c1 \302\23331m\302\2350;owned\xc2\x9c",
    "=cmd|'/C owned'!A0",
    "  +1+owned",
    "\033]0;owned\007\033[2J\033[31mred\033[?1049h",
    "@everyone #1 http://owned.invalid/ www.owned.invalid owned@owned.invalid",
    "\342\200\256bidi\xe2\x81\xa6 \xe2\x80\x8f\xe2\x80\x8bhidden\xef\xbb\xbf",
    "lines\nof\r\n::error::owned\ttext\xe2\x80\xa8more",
    "'; touch owned; '",
    "$(touch owned)`touch owned`",
    "\033'; touch owned; '\\",
    "a\\b\"} 1\n# HELP owned x\nowned{x=\"",
    "Tag=owned,0.0,1.0 owned",
    "%s%n%s%d{}${owned}{{owned}}",
    "--owned",
};

#define HOSTILE_COUNT (sizeof hostile / sizeof *hostile)

/* All of them, one after the other: a text that is hostile to everything. */
static json_t *every_text(void)
{
    json_t *all = json_string("");
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        json_t *more = json_sprintf("%s%s ", json_string_value(all), hostile[i]);
        json_decref(all);
        all = more;
    }
    return all;
}

static json_t *hostile_tool(size_t index)
{
    const char *name = hostile[index];
    json_t *schema = json_pack("{s:s, s:s, s:{s:{s:s, s:[s], s:s}}, s:[s]}", "type", "object",
                               "title", name, "properties", name, "type", "string", "enum", name,
                               "description", name, "required", name);
    return json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:b}, s:{s:s, s:{s:{s:s}}, s:[s]}}", "name",
                     name, "title", name, "description", every_text(), "inputSchema", schema,
                     "annotations", "title", name, "readOnlyHint", 1, "outputSchema", "type",
                     "object", "properties", name, "type", "integer", "required", name);
}

static json_t *hostile_list(void)
{
    json_t *tools = json_array();
    for (size_t i = 0; i < HOSTILE_COUNT; i++)
        json_array_append_new(tools, hostile_tool(i));
    return json_pack("{s:o}", "tools", tools);
}

/* By turns a tool error, a JSON-RPC error, content that its outputSchema forbids, and success. */
static char *hostile_answer(const json_t *id, const json_t *params)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    size_t index = 0;
    while (name && index < HOSTILE_COUNT && strcmp(hostile[index], name) != 0)
        index++;
    if (!name || index == HOSTILE_COUNT)
        return message_error(id, -32602, "unknown tool", NULL);
    json_t *text = json_sprintf("%s: %s", name, hostile[(index + 1) % HOSTILE_COUNT]);
    char *answer;
    if (index % 4 == 0)
        answer = message_result(id, json_pack("{s:[{s:s, s:O}], s:b}", "content", "type", "text",
                                              "text", text, "isError", 1));
    else if (index % 4 == 1)
        answer = message_error(id, index % 8 == 1 ? -32602 : -32000 - (int)index,
                               json_string_value(text), every_text());
    else if (index % 4 == 3)
        answer = message_result(id, json_pack("{s:[{s:s, s:O}], s:{s:i}}", "content", "type",
                                              "text", "text", text, "structuredContent", name, 1));
    else
        answer =
            message_result(id, json_pack("{s:[{s:s, s:O}], s:{s:s}}", "content", "type", "text",
                                         "text", text, "structuredContent", name, name));
    json_decref(text);
    return answer;
}

static char *hostile_introduction(const json_t *id)
{
    return message_result(
        id, json_pack("{s:s, s:{s:{}}, s:{s:o, s:o, s:s}, s:o}", "protocolVersion", "2025-11-25",
                      "capabilities", "tools", "serverInfo", "name", every_text(), "title",
                      every_text(), "version", "1\033[31m</script>", "instructions", every_text()));
}

void hostile_serve(struct peer *peer, const struct peer_request *request, int unused)
{
    (void)unused;
    json_t *message = json_loadb(request->body, request->body_length, 0, NULL);
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));
    char *text = NULL;
    if (strcmp(request->method, "POST") != 0)
        peer_respond(peer, 405, "text/plain", "Allow: POST\r\n", "only POST");
    else if (!id || !method)
        peer_respond(peer, 202, NULL, "", "");
    else if (strcmp(method, "initialize") == 0)
        text = hostile_introduction(id);
    else if (strcmp(method, "tools/list") == 0)
        text = message_result(id, hostile_list());
    else if (strcmp(method, "tools/call") == 0)
        text = hostile_answer(id, json_object_get(message, "params"));
    else
        text = message_error(id, -32601, "method not found", NULL);
    if (text)
        peer_respond(peer, 200, "application/json", "", text);
    free(text);
    json_decref(message);
}
