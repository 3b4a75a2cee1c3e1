/* Whole servers that are wrong, one per URL path. */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

static void answer_status(struct peer *peer, const struct peer_request *request, int status)
{
    (void)request;
    const char *extra = status == 401   ? "WWW-Authenticate: Bearer realm=\"faults\"\r\n"
                        : status == 429 ? "Retry-After: 1\r\n"
                                        : "";
    peer_respond(peer, status, "text/plain", extra, peer_reason_phrase(status));
}

static void answer_html(struct peer *peer, const struct peer_request *request, int status)
{
    (void)request;
    peer_respond(peer, status, "text/html", "",
                 "<!DOCTYPE html><title>Welcome</title><p>It works!");
}

static void answer_garbage(struct peer *peer, const struct peer_request *request, int number)
{
    (void)request, (void)number;
    peer_respond(peer, 200, "application/json", "", "}{ this is not JSON ][");
}

static void answer_empty(struct peer *peer, const struct peer_request *request, int number)
{
    (void)request, (void)number;
    peer_respond(peer, 200, "application/json", "", "");
}

static void answer_never(struct peer *peer, const struct peer_request *request, int number)
{
    (void)request, (void)number;
    peer_wait(peer, -1);
}

static void answer_close(struct peer *peer, const struct peer_request *request, int number)
{
    (void)request;
    if (number)
        peer_reset(peer);
    peer->close_after = true;
}

static void answer_endless(struct peer *peer, const struct peer_request *request, int number)
{
    static char spaces[64 * 1024];
    (void)request, (void)number;
    memset(spaces, ' ', sizeof spaces);
    peer_write_text(peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n");
    while (!server.stopping && peer_stream_raw(peer, spaces, sizeof spaces) == 0)
        ;
}

/* ---- servers that begin well: a legacy server without sessions ---------------------------------
 */

enum early_fault {
    INITIALIZE_ERROR,
    UNKNOWN_VERSION,
    LIST_ERROR,
    LIST_MALFORMED,
    LIST_LOOPS,
    LIST_ENDLESS,
    NO_TOOLS,
    ALL_EXCLUDED
};

static json_t *list_page(enum early_fault fault, const json_t *params)
{
    static const char *const pages[] = {
        [LIST_MALFORMED] = "{\"tools\":{\"name\":\"not an array\"}}",
        [LIST_LOOPS] = "{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}}],"
                       "\"nextCursor\":\"again\"}",
        [LIST_ENDLESS] = "{\"tools\":[{\"name\":\"\",\"inputSchema\":{\"type\":\"object\"}}],"
                         "\"nextCursor\":\"\"}",
        [NO_TOOLS] = "{\"tools\":[]}",
        [ALL_EXCLUDED] = "{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\","
                         "\"$ref\":\"https://example.org/a.json\"}}]}",
    };
    json_t *page = json_loads(pages[fault], 0, NULL);
    if (fault == LIST_ENDLESS) {
        const char *cursor = json_string_value(json_object_get(params, "cursor"));
        long number = cursor ? strtol(cursor, NULL, 10) + 1 : 1;
        json_t *tool = json_array_get(json_object_get(page, "tools"), 0);
        json_object_set_new(page, "nextCursor", json_sprintf("%ld", number));
        json_object_set_new(tool, "name", json_sprintf("tool-%ld", number));
    }
    return page;
}

static void answer_early(struct peer *peer, const json_t *message, enum early_fault fault)
{
    const json_t *id = json_object_get(message, "id");
    const char *method = json_string_value(json_object_get(message, "method"));
    char *text;
    if (!id || !method) {
        peer_respond(peer, 202, NULL, "", "");
        return;
    }
    if (strcmp(method, "initialize") == 0 && fault != INITIALIZE_ERROR) {
        const char *version = fault == UNKNOWN_VERSION ? "1999-12-31" : "2025-11-25";
        text = message_result(id, json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion",
                                            version, "capabilities", "tools", "serverInfo", "name",
                                            "fault-server", "version", "1"));
    } else if (strcmp(method, "tools/list") == 0 && fault >= LIST_MALFORMED) {
        text = message_result(id, list_page(fault, json_object_get(message, "params")));
    } else if (strcmp(method, "tools/call") == 0) {
        text = message_result(id, json_pack("{s:[]}", "content"));
    } else if (strcmp(method, "server/discover") == 0) {
        text = message_error(id, -32601, "method not found", NULL);
        peer_respond(peer, 400, "application/json", "", text);
        free(text);
        return;
    } else {
        text = message_error(id, -32603, "the disk is on fire", NULL);
    }
    peer_respond(peer, 200, "application/json", "", text);
    free(text);
}

static void answer_early_fault(struct peer *peer, const struct peer_request *request, int fault)
{
    if (strcmp(request->method, "POST") != 0) {
        peer_respond(peer, 405, "text/plain", "Allow: POST\r\n", "only POST");
        return;
    }
    json_t *message = json_loadb(request->body, request->body_length, 0, NULL);
    answer_early(peer, message, (enum early_fault)fault);
    json_decref(message);
}

const struct fault_path fault_paths[] = {
    {"/html", "a web page to every request", 3, "html", answer_html, 200},
    {"/html-404", "a web page with status 404", 3, "404", answer_html, 404},
    {"/400", "status 400 to every request", 3, "400", answer_status, 400},
    {"/401", "status 401 to every request", 3, "401", answer_status, 401},
    {"/403", "status 403 to every request", 3, "403", answer_status, 403},
    {"/404", "status 404 to every request", 3, "404", answer_status, 404},
    {"/405", "status 405 to every request", 3, "405", answer_status, 405},
    {"/406", "status 406 to every request", 3, "406", answer_status, 406},
    {"/429", "status 429 to every request", 3, "429", answer_status, 429},
    {"/500", "status 500 to every request", 3, "500", answer_status, 500},
    {"/503", "status 503 to every request", 3, "503", answer_status, 503},
    {"/garbage", "no JSON to every request", 3, "JSON", answer_garbage, 0},
    {"/empty", "an empty body to every request", 3, "", answer_empty, 0},
    {"/never", "no answer to any request", 3, "", answer_never, 0},
    {"/close", "closes at every request", 3, "closed", answer_close, 0},
    {"/reset", "resets at every request", 3, "reset", answer_close, 1},
    {"/endless", "a body without end to every request", 3, "", answer_endless, 0},
    {"/initialize-error", "refuses initialize", 3, "the disk is on fire", answer_early_fault,
     INITIALIZE_ERROR},
    {"/unknown-version", "negotiates a revision nobody knows", 3, "1999-12-31", answer_early_fault,
     UNKNOWN_VERSION},
    {"/list-error", "refuses tools/list", 3, "the disk is on fire", answer_early_fault, LIST_ERROR},
    {"/list-malformed", "tools that are no array", 3, "tools", answer_early_fault, LIST_MALFORMED},
    {"/list-loops", "the same cursor again and again", 0, "cursor", answer_early_fault, LIST_LOOPS},
    {"/list-endless", "pages without end", 0, "listing stopped", answer_early_fault, LIST_ENDLESS},
    {"/no-tools", "offers no tool", 2, "tool", answer_early_fault, NO_TOOLS},
    {"/all-excluded", "offers no tool that can be used", 2, "tool", answer_early_fault,
     ALL_EXCLUDED},
    {"/hostile", "names and texts that would like to be obeyed", 1, "", hostile_serve, 0},
    {0},
};
