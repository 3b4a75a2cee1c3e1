/* Faults below JSON-RPC: the connection, HTTP/1.1 framing, the status line, the content type. */
#include "fault.h"

#include <string.h>

static char *usual_answer(const struct call *call)
{
    return message_result(call->id, call_result(call, "ok"));
}

static void answer_stall(struct call *call)
{
    peer_wait(call->peer, -1);
}

static void answer_slow(struct call *call)
{
    json_int_t ms = json_integer_value(json_object_get(call->arguments, "ms"));
    if (!peer_wait(call->peer, (long)(ms ? ms : call->tool->number)))
        call_reply_ok(call);
}

static void answer_status(struct call *call)
{
    int status = call->tool->number;
    const char *extra = status == 429   ? "Retry-After: 1\r\n"
                        : status == 401 ? "WWW-Authenticate: Bearer realm=\"faults\"\r\n"
                        : status == 307 ? "Location: /elsewhere\r\n"
                                        : "";
    peer_respond(call->peer, status, "text/plain", extra, peer_reason_phrase(status));
}

static void answer_status_with_error(struct call *call)
{
    call_reply_error(call, call->tool->number, -32603, "it broke");
}

static void answer_reset(struct call *call)
{
    peer_reset(call->peer);
}

static void answer_close(struct call *call)
{
    call->peer->close_after = true;
}

static void answer_close_mid_headers(struct call *call)
{
    peer_write_text(call->peer, "HTTP/1.1 200 OK\r\nContent-Type: applic");
    call->peer->close_after = true;
}

static void answer_half_body(struct call *call)
{
    char *text = usual_answer(call);
    size_t length = strlen(text);
    peer_printf(call->peer,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                length);
    peer_write(call->peer, text, length / 2);
    call->peer->close_after = true;
    free(text);
}

static void answer_half_chunk(struct call *call)
{
    char *text = usual_answer(call);
    peer_printf(call->peer,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%.*s",
                strlen(text), (int)strlen(text) / 2, text);
    call->peer->close_after = true;
    free(text);
}

static void begin_chunked_json(struct call *call)
{
    peer_write_text(call->peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n");
}

/* As fast as the client takes it: it has to give up by itself. */
static void answer_endless_body(struct call *call)
{
    static char spaces[64 * 1024];
    memset(spaces, ' ', sizeof spaces);
    begin_chunked_json(call);
    while (!server.stopping && peer_stream_raw(call->peer, spaces, sizeof spaces) == 0)
        ;
}

static void answer_endless_trickle(struct call *call)
{
    begin_chunked_json(call);
    do
        if (peer_stream_raw(call->peer, " ", 1) < 0)
            return;
    while (!server.stopping && !peer_wait(call->peer, 10));
}

static void answer_endless_head(struct call *call)
{
    peer_write_text(call->peer, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; !server.stopping; i++)
        if (peer_printf(call->peer, "X-Filler-%u: %0999d\r\n", i, 0) < 0)
            return;
}

static void answer_bad_chunk(struct call *call)
{
    begin_chunked_json(call);
    peer_write_text(call->peer, "zz\r\n{}\r\n0\r\n\r\n");
    call->peer->close_after = true;
}

static void answer_chunk_overflow(struct call *call)
{
    begin_chunked_json(call);
    peer_write_text(call->peer, "fffffffffffffffff\r\n{}\r\n0\r\n\r\n");
    call->peer->close_after = true;
}

/* `lengths` stands where the Content-Length line does. */
static void answer_with_lengths(struct call *call, const char *lengths)
{
    char *text = usual_answer(call);
    peer_printf(call->peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s\r\n%s",
                lengths, text);
    call->peer->close_after = true;
    free(text);
}

static void answer_bad_content_length(struct call *call)
{
    answer_with_lengths(call, "Content-Length: twelve\r\n");
}

static void answer_negative_content_length(struct call *call)
{
    answer_with_lengths(call, "Content-Length: -1\r\n");
}

static void answer_huge_content_length(struct call *call)
{
    answer_with_lengths(call, "Content-Length: 99999999999999999999999\r\n");
}

static void answer_conflicting_lengths(struct call *call)
{
    answer_with_lengths(call, "Content-Length: 10\r\nContent-Length: 11\r\n");
}

static void answer_bad_status_line(struct call *call)
{
    peer_write_text(call->peer, "HTTP/1.1 fine thanks\r\nContent-Length: 0\r\n\r\n");
    call->peer->close_after = true;
}

static void answer_not_http(struct call *call)
{
    peer_write_text(call->peer, "220 mail.example.org ESMTP ready\r\n\r\n");
    call->peer->close_after = true;
}

static void answer_drip(struct call *call)
{
    char *text = usual_answer(call);
    peer_printf(call->peer,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                strlen(text));
    for (const char *byte = text; *byte; byte++)
        if (peer_write(call->peer, byte, 1) < 0 || peer_wait(call->peer, 1))
            break;
    free(text);
}

static void answer_content_type(struct call *call)
{
    char *text = usual_answer(call);
    peer_respond(call->peer, 200, call->tool->number ? "text/plain" : NULL, "", text);
    free(text);
}

static void answer_html(struct call *call)
{
    peer_respond(call->peer, 200, "text/html", "",
                 "<!DOCTYPE html><title>Welcome</title><p>It works!");
}

static void answer_empty(struct call *call)
{
    peer_respond(call->peer, 200, "application/json", "", "");
}

static void answer_accepted(struct call *call)
{
    peer_respond(call->peer, 202, NULL, "", "");
}

/* {} compressed: a stored block in a gzip frame. The client offered no such coding. */
static void answer_gzip(struct call *call)
{
    static const char frame[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00"
                                "\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    peer_respond_bytes(call->peer, 200, "application/json", "Content-Encoding: gzip\r\n", frame,
                       sizeof frame - 1);
}

static void answer_continue(struct call *call)
{
    peer_write_text(call->peer, "HTTP/1.1 100 Continue\r\n\r\n"
                                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    call_reply_ok(call);
}

static void answer_trailers(struct call *call)
{
    char *text = usual_answer(call);
    peer_write_text(call->peer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer_printf(call->peer, "%zx;note=\"a; b\"\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n", strlen(text), text);
    free(text);
}

static void answer_line_feeds(struct call *call)
{
    char *text = usual_answer(call);
    peer_printf(call->peer,
                "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: %zu\n\n%s",
                strlen(text), text);
    free(text);
}

static void answer_until_close(struct call *call)
{
    char *text = usual_answer(call);
    peer_printf(call->peer, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n%s", text);
    call->peer->close_after = true;
    free(text);
}

static void answer_connection_close(struct call *call)
{
    char *text = usual_answer(call);
    peer_respond(call->peer, 200, "application/json", "Connection: close\r\n", text);
    call->peer->close_after = true;
    free(text);
}

/* Says keep-alive and closes: the next request on this connection must not be lost for it. */
static void answer_silent_close(struct call *call)
{
    char *text = usual_answer(call);
    peer_respond(call->peer, 200, "application/json", "Connection: keep-alive\r\n", text);
    call->peer->close_after = true;
    free(text);
}

static const char slow_schema[] =
    "{\"type\":\"object\",\"properties\":{\"ms\":{\"type\":\"integer\",\"minimum\":1,"
    "\"maximum\":60,\"default\":20}}}";

const struct fault_tool fault_tools_http[] = {
    {"slow", BOTH, "answers after `ms` milliseconds", "ok", 0, NULL, answer_slow, 20, slow_schema,
     NULL, NULL},
    {"stall", BOTH, "never answers", "timeout", 0, NULL, answer_stall, 0, NULL, NULL, NULL},
    {"status_400", BOTH, "status 400, text", "http_status", 400, NULL, answer_status, 400, NULL,
     NULL, NULL},
    {"status_401", BOTH, "status 401, text", "http_status", 401, NULL, answer_status, 401, NULL,
     NULL, NULL},
    {"status_403", BOTH, "status 403, text", "http_status", 403, NULL, answer_status, 403, NULL,
     NULL, NULL},
    {"status_404", BOTH, "status 404, text, the session lives", "http_status", 404, NULL,
     answer_status, 404, NULL, NULL, NULL},
    {"status_406", BOTH, "status 406, text", "http_status", 406, NULL, answer_status, 406, NULL,
     NULL, NULL},
    {"status_429", BOTH, "status 429, text, Retry-After", "http_status", 429, NULL, answer_status,
     429, NULL, NULL, NULL},
    {"status_500", BOTH, "status 500, text", "http_status", 500, NULL, answer_status, 500, NULL,
     NULL, NULL},
    {"status_502", BOTH, "status 502, text", "http_status", 502, NULL, answer_status, 502, NULL,
     NULL, NULL},
    {"status_503", BOTH, "status 503, text", "http_status", 503, NULL, answer_status, 503, NULL,
     NULL, NULL},
    {"redirect_307", BOTH, "status 307 to another path", "http_status", 307, NULL, answer_status,
     307, NULL, NULL, NULL},
    {"status_500_jsonrpc", BOTH, "status 500 with a JSON-RPC error, which wins", "jsonrpc_error",
     -32603, NULL, answer_status_with_error, 500, NULL, NULL, NULL},
    {"reset", BOTH, "resets the connection", "connection_reset", 0, NULL, answer_reset, 0, NULL,
     NULL, NULL},
    {"close_before_answer", BOTH, "closes without an answer", "connection_reset", 0, NULL,
     answer_close, 0, NULL, NULL, NULL},
    {"close_mid_headers", BOTH, "closes within the head", "connection_reset", 0, NULL,
     answer_close_mid_headers, 0, NULL, NULL, NULL},
    {"half_body", BOTH, "closes within the body", "connection_reset", 0, NULL, answer_half_body, 0,
     NULL, NULL, NULL},
    {"half_chunk", BOTH, "closes within a chunk", "connection_reset", 0, NULL, answer_half_chunk, 0,
     NULL, NULL, NULL},
    {"endless_body", BOTH, "a body without end, as fast as it is taken", "protocol_violation", 0,
     "body_too_large", answer_endless_body, 0, NULL, NULL, NULL},
    {"endless_trickle", BOTH, "a body without end, a byte in 10 ms", "timeout", 0, NULL,
     answer_endless_trickle, 0, NULL, NULL, NULL},
    {"endless_head", BOTH, "a head without end", "protocol_violation", 0, "head_too_large",
     answer_endless_head, 0, NULL, NULL, NULL},
    {"bad_chunk", BOTH, "a chunk size that is no number", "protocol_violation", 0, "bad_chunk",
     answer_bad_chunk, 0, NULL, NULL, NULL},
    {"chunk_overflow", BOTH, "a chunk size beyond 64 bits", "protocol_violation", 0, NULL,
     answer_chunk_overflow, 0, NULL, NULL, NULL},
    {"bad_content_length", BOTH, "Content-Length: twelve", "protocol_violation", 0,
     "bad_content_length", answer_bad_content_length, 0, NULL, NULL, NULL},
    {"negative_content_length", BOTH, "Content-Length: -1", "protocol_violation", 0,
     "bad_content_length", answer_negative_content_length, 0, NULL, NULL, NULL},
    {"huge_content_length", BOTH, "a Content-Length beyond 64 bits", "protocol_violation", 0, NULL,
     answer_huge_content_length, 0, NULL, NULL, NULL},
    {"conflicting_lengths", BOTH, "two different Content-Length lines", "protocol_violation", 0,
     "bad_content_length", answer_conflicting_lengths, 0, NULL, NULL, NULL},
    {"bad_status_line", BOTH, "a status that is no number", "protocol_violation", 0, "bad_http",
     answer_bad_status_line, 0, NULL, NULL, NULL},
    {"not_http", BOTH, "another protocol's greeting", "protocol_violation", 0, "bad_http",
     answer_not_http, 0, NULL, NULL, NULL},
    {"slow_drip", BOTH, "a good answer, one byte at a time", "ok", 0, NULL, answer_drip, 0, NULL,
     NULL, NULL},
    {"wrong_content_type", BOTH, "a good answer as text/plain", "protocol_violation", 0, NULL,
     answer_content_type, 1, NULL, NULL, NULL},
    {"missing_content_type", BOTH, "a good answer without Content-Type", "protocol_violation", 0,
     NULL, answer_content_type, 0, NULL, NULL, NULL},
    {"html", BOTH, "a web page", "protocol_violation", 0, NULL, answer_html, 0, NULL, NULL, NULL},
    {"empty_body", BOTH, "status 200 and nothing", "protocol_violation", 0, NULL, answer_empty, 0,
     NULL, NULL, NULL},
    {"accepted_202", BOTH, "status 202 to a request", "protocol_violation", 0, NULL,
     answer_accepted, 0, NULL, NULL, NULL},
    {"gzip_unasked", BOTH, "a content coding that was not offered", "protocol_violation", 0, NULL,
     answer_gzip, 0, NULL, NULL, NULL},
    {"continue_100", BOTH, "100 and 103 before the answer", "ok", 0, NULL, answer_continue, 0, NULL,
     NULL, NULL},
    {"trailers", BOTH, "chunk extensions and trailers", "ok", 0, NULL, answer_trailers, 0, NULL,
     NULL, NULL},
    {"line_feeds", BOTH, "a head whose lines end in LF alone (RFC 9112 section 2.2)", "ok", 0, NULL,
     answer_line_feeds, 0, NULL, NULL, NULL},
    {"until_close", BOTH, "HTTP/1.0: a body that ends with the connection", "ok", 0, NULL,
     answer_until_close, 0, NULL, NULL, NULL},
    {"connection_close", BOTH, "Connection: close after each answer", "ok", 0, NULL,
     answer_connection_close, 0, NULL, NULL, NULL},
    {"silent_close", BOTH, "promises keep-alive and closes after each answer",
     "ok|connection_reset", 0, NULL, answer_silent_close, 0, NULL, NULL, NULL},
    {0},
};
