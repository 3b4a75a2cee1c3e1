/* From the bytes of a response to an outcome. A response is one JSON body, or an event stream whose
 * messages come as they are sent: notifications pass by, a legacy server's own requests are
 * answered, and the answer ends the call; the stream itself gets a moment to end in an orderly way,
 * because only then can the connection be used again. A legacy stream that ends too early is taken
 * up again by GET with Last-Event-ID. See mcp_http.h. */
#include "base/clock.h"
#include "drivers/mcp_http.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer_body(struct http_exchange *exchange, const char *bytes, size_t length,
                        bool last);
static void answer_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text);
static void acknowledge_body(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last);
static void acknowledge_failed(struct http_exchange *exchange, const struct outcome *why,
                               const char *text);
static void judge_body(struct mcp_http_call *part, const char *bytes, size_t length);
static bool starts_like_json(const char *bytes, size_t length);
static void http_status(struct mcp_http_call *part);
static void stream_bytes(struct mcp_http_call *part, const char *bytes, size_t length, bool last);
static bool stream_event(void *context, const struct sse_event *event);
static void stream_ended(struct mcp_http_call *part);
static void await_end(struct mcp_http_call *part);
static void give_up_stream(struct mcp_http_call *part);
static bool can_resume(const struct mcp_http_call *part);
static void wait_to_resume(struct mcp_http_call *part);
static void resume(struct mcp_http_call *part);
static void take_message(struct mcp_http_call *part, const char *bytes, size_t length,
                         bool in_batch);
static void take_batch(struct mcp_http_call *part, const char *bytes, size_t length);
static void take_answer(struct mcp_http_call *part, const struct jsonrpc_message *message,
                        const char *bytes, size_t length);
static void prepare_retry(struct mcp_http_call *part, const struct jsonrpc_message *message);
static json_t *params_sent(struct mcp_http_call *part);
static void keep_response(struct mcp_http_call *part, const char *bytes, size_t length);
static const struct mcp_revision *revision_of(struct mcp_http_call *part);
static void violation(struct mcp_http_call *part, const char *detail, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static char *text_buffer(struct mcp_http_call *part, size_t *size);

const struct http_exchange_events mcp_http_answer_events = {.body = answer_body,
                                                            .failed = answer_failed};
const struct http_exchange_events mcp_http_acknowledge_events = {.body = acknowledge_body,
                                                                 .failed = acknowledge_failed};

/* ---- responses to requests ------------------------------------------------------------------- */

static void answer_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_http_call *part = container_of(exchange, struct mcp_http_call, exchange);
    if (exchange->body_kind == HTTP_BODY_EVENT_STREAM && exchange->status / 100 == 2) {
        stream_bytes(part, bytes, length, last);
        return;
    }
    if (last) {
        mcp_http_over(part);
    } else { /* an event stream under an error status: its content says nothing more */
        mcp_http_account(part);
        mcp_http_abort(part);
        length = 0;
    }
    struct call *call = mcp_http_owner(part);
    call->response = bytes;
    call->response_length = length;
    judge_body(part, bytes, length);
    if (exchange->status == 404 && mcp_http_session_renew(part))
        return;
    mcp_http_concluded(part);
}

/* A server that is about to close an HTTP/2 connection refuses the streams that come too late, and
 * says by that that it has not looked at them: any client sends them again (RFC 9113, section 8.7).
 */
static bool was_refused(const struct outcome *why)
{
    return why->kind == OUTCOME_CONNECTION_RESET && why->detail &&
           strcmp(why->detail, "refused_stream") == 0;
}

static void answer_failed(struct http_exchange *exchange, const struct outcome *why,
                          const char *text)
{
    struct mcp_http_call *part = container_of(exchange, struct mcp_http_call, exchange);
    mcp_http_over(part);
    loop_timer_stop(mcp_http_worker_of(part)->owner->loop, &part->timer);
    if (part->answered_ns) { /* cut after the answer: nothing is missing */
        mcp_http_concluded(part);
        return;
    }
    if (was_refused(why) && ++part->refusals <= MCP_HTTP_REFUSALS) {
        mcp_http_dispatch(part);
        return;
    }
    if (why->kind == OUTCOME_CONNECTION_RESET && can_resume(part)) {
        wait_to_resume(part);
        return;
    }
    size_t size;
    char *buffer = text_buffer(part, &size);
    snprintf(buffer, size, "%s", text ? text : "");
    part->outcome = *why;
    part->text = buffer;
    mcp_http_concluded(part);
}

/* A whole body that is no event stream. */
static void judge_body(struct mcp_http_call *part, const char *bytes, size_t length)
{
    const struct http_exchange *exchange = &part->exchange;
    bool json = exchange->body_kind == HTTP_BODY_JSON;
    if (part->from_resumption) {
        violation(part, "stream_not_resumed",
                  "the event stream ended without an answer, and GET with Last-Event-ID brought "
                  "HTTP %d in place of the rest",
                  exchange->status);
    } else if (exchange->status == 202) {
        violation(part, "accepted_without_answer",
                  "HTTP 202 in answer to a request: it is for notifications and responses only");
    } else if (exchange->status / 100 == 2 && length == 0) {
        violation(part, "no_answer", "HTTP %d with an empty body in answer to a request",
                  exchange->status);
    } else if (exchange->status / 100 == 2 && !json) {
        violation(part, "unexpected_content_type",
                  "HTTP %d with Content-Type \"%s\" in place of application/json or "
                  "text/event-stream",
                  exchange->status, exchange->content_type);
    } else if (exchange->status / 100 == 2) {
        take_message(part, bytes, length, false);
        if (!part->answered_ns && !part->broken)
            violation(part, "no_answer", "the body holds no response to the request");
    } else {
        http_status(part);
        if (starts_like_json(bytes, length)) {
            struct jsonrpc_message message;
            enum jsonrpc_kind kind = jsonrpc_scan(&message, bytes, length);
            if (kind == JSONRPC_ERROR || kind == JSONRPC_RESULT) /* wins over the status */
                take_answer(part, &message, bytes, length);
        }
    }
}

static bool starts_like_json(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && isspace((unsigned char)bytes[at]))
        at++;
    return at < length && bytes[at] == '{';
}

static void http_status(struct mcp_http_call *part)
{
    const struct http_exchange *exchange = &part->exchange;
    size_t size;
    char *text = text_buffer(part, &size);
    int length =
        snprintf(text, size, "HTTP %d%s%s", exchange->status,
                 exchange->content_type[0] ? " with Content-Type " : "", exchange->content_type);
    if (exchange->location[0] && length >= 0 && (size_t)length < size)
        length +=
            snprintf(text + length, size - (size_t)length, ", Location: %s", exchange->location);
    if (exchange->retry_after_s >= 0 && length >= 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, ", Retry-After: %d s",
                 exchange->retry_after_s);
    part->outcome = (struct outcome){OUTCOME_HTTP_STATUS, exchange->status, NULL};
    part->text = text;
}

/* ---- event streams --------------------------------------------------------------------------- */

static void stream_bytes(struct mcp_http_call *part, const char *bytes, size_t length, bool last)
{
    if (!part->stream && !(part->stream = mcp_http_stream_take(mcp_http_worker_of(part)))) {
        part->broken = true;
        part->outcome = (struct outcome){OUTCOME_CONNECTION_RESET, 0, "out_of_memory"};
        part->text = "out of memory";
    } else if (length &&
               sse_decoder_feed(&part->stream->decoder, bytes, length, stream_event, part) < 0) {
        violation(part, "event_too_large", "an event of the stream exceeds %zu bytes",
                  MCP_HTTP_EVENT_LIMIT);
    }
    if (part->broken && !last)
        give_up_stream(part);
    else if (last)
        stream_ended(part);
    else if (part->answered_ns && !loop_timer_active(&part->timer))
        await_end(part);
}

static bool stream_event(void *context, const struct sse_event *event)
{
    struct mcp_http_call *part = context;
    struct mcp_http_stream *stream = part->stream;
    if (event->retry_ms >= 0)
        stream->retry_ms = event->retry_ms;
    if (event->id[0])
        snprintf(stream->last_id, sizeof stream->last_id, "%s", event->id);
    if (!event->has_data || event->length == 0)
        return true; /* a priming event */
    stream->resumptions = 0;
    if (strcmp(event->type, "message") == 0)
        take_message(part, event->data, event->length, false);
    else
        mcp_http_worker_of(part)->unexpected++;
    return !part->broken;
}

static void stream_ended(struct mcp_http_call *part)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    mcp_http_over(part);
    loop_timer_stop(worker->owner->loop, &part->timer);
    if (part->answered_ns) {
        worker->unended = 0;
    } else if (!part->broken && can_resume(part)) {
        wait_to_resume(part);
        return;
    } else if (!part->broken) {
        violation(part, "no_answer", "the event stream ended without an answer");
    }
    mcp_http_concluded(part);
}

/* The answer is here, its stream still open. A server ends it at once or forgets to; three that
 * were not ended in a row, and this one is taken for forgetful, so that its users do not wait for
 * nothing. */
static void await_end(struct mcp_http_call *part)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    uint64_t linger = worker->unended < 3 ? MCP_HTTP_LINGER_NS : MCP_HTTP_SHORT_LINGER_NS;
    loop_timer_start(worker->owner->loop, &part->timer, clock_now_ns() + linger);
}

static void give_up_stream(struct mcp_http_call *part)
{
    mcp_http_account(part);
    mcp_http_abort(part);
    mcp_http_concluded(part);
}

void mcp_http_call_timer_fired(struct loop_timer *timer)
{
    struct mcp_http_call *part = container_of(timer, struct mcp_http_call, timer);
    if (part->resuming) {
        resume(part);
        return;
    }
    if (part->stage == STAGE_LISTEN) {
        struct mcp_http_worker *worker = mcp_http_worker_of(part);
        worker->listen_silent = !worker->listen_answers;
        mcp_http_finish(part, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
        return;
    }
    mcp_http_worker_of(part)->unended++;
    give_up_stream(part);
}

/* ---- resumption ------------------------------------------------------------------------------ */

static bool can_resume(const struct mcp_http_call *part)
{
    return part->session && part->stage == STAGE_REQUEST && part->stream &&
           part->stream->last_id[0] && part->stream->resumptions < MCP_HTTP_RESUMPTIONS;
}

static void wait_to_resume(struct mcp_http_call *part)
{
    struct mcp_http_stream *stream = part->stream;
    uint64_t wait_ms = stream->retry_ms >= 0 ? (uint64_t)stream->retry_ms : MCP_HTTP_RETRY_MS;
    stream->resumptions++;
    part->resuming = true;
    loop_timer_start(mcp_http_worker_of(part)->owner->loop, &part->timer,
                     clock_now_ns() + wait_ms * NS_PER_MS);
}

static void resume(struct mcp_http_call *part)
{
    struct mcp_http_stream *stream = part->stream;
    const struct mcp_http_session *session = part->session;
    size_t count = 0;
    part->resuming = false;
    part->from_resumption = true;
    sse_decoder_free(&stream->decoder); /* what was cut off in the middle is sent again */
    sse_decoder_init(&stream->decoder, MCP_HTTP_EVENT_LIMIT);
    stream->headers[count++] = mcp_http_accept_stream;
    for (uint32_t i = 2; i < session->header_count; i++)
        stream->headers[count++] = session->headers[i];
    stream->headers[count++] = (struct http_header){"Last-Event-ID", stream->last_id};
    part->exchange.events = &mcp_http_answer_events;
    part->exchange.method = "GET";
    part->exchange.headers = stream->headers;
    part->exchange.header_count = count;
    part->exchange.body_piece_count = 0;
    mcp_http_dispatch(part);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void take_message(struct mcp_http_call *part, const char *bytes, size_t length,
                         bool in_batch)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    struct jsonrpc_message message;
    switch (jsonrpc_scan(&message, bytes, length)) {
    case JSONRPC_RESULT:
    case JSONRPC_ERROR:
        take_answer(part, &message, bytes, length);
        break;
    case JSONRPC_NOTIFICATION:
        worker->notifications++;
        break;
    case JSONRPC_REQUEST:
        if (part->session)
            mcp_http_answer_request(worker, part->session, &message);
        else
            violation(part, "server_request",
                      "the server sent a request of its own, which 2026-07-28 forbids");
        break;
    case JSONRPC_BATCH:
        if (in_batch || !part->session || !revision_of(part)->batches)
            violation(part, "unexpected_batch", "a JSON-RPC batch, which MCP %s does not have",
                      revision_of(part)->name);
        else
            take_batch(part, bytes, length);
        break;
    case JSONRPC_INVALID:
        violation(part, "invalid_jsonrpc", "no JSON-RPC message: %s", message.problem);
        break;
    case JSONRPC_MALFORMED:
        violation(part, "malformed_json", "no JSON: %s at byte %zu of %zu", message.problem,
                  message.error_offset, length);
        break;
    }
}

static void take_batch(struct mcp_http_call *part, const char *bytes, size_t length)
{
    size_t position = 0;
    struct span element;
    while (!part->broken && jsonrpc_batch_next(bytes, length, &position, &element))
        take_message(part, element.start, element.length, true);
}

static void take_answer(struct mcp_http_call *part, const struct jsonrpc_message *message,
                        const char *bytes, size_t length)
{
    bool anonymous = message->kind == JSONRPC_ERROR && (!message->has_id || message->id_is_null);
    if (!anonymous && !(message->id_is_integer && message->id_integer == part->id)) {
        violation(part, "wrong_id", "a response with id %.*s to the request with id %s",
                  message->has_id && message->id.length < 64 ? (int)message->id.length : 0,
                  message->has_id ? message->id.start : "", part->id_digits);
        return;
    }
    if (part->answered_ns) {
        violation(part, "duplicate_answer", "two responses to the request with id %s",
                  part->id_digits);
        return;
    }
    /* A whole body ended when the connection said so; an event ends now. */
    part->answered_ns =
        part->exchange.end_ns && !part->stream ? part->exchange.end_ns : clock_now_ns();
    keep_response(part, bytes, length);
    size_t size;
    char *text = text_buffer(part, &size);
    const struct mcp_operation *operation = part->operation;
    if (part->stage == STAGE_REQUEST)
        part->outcome = mcp_answer_judge(message, revision_of(part), operation->method,
                                         operation->tool, text, size);
    else if (part->stage == STAGE_DISCOVER)
        part->outcome = mcp_answer_judge(message, mcp_revision_find(MCP_LATEST_MODERN),
                                         "server/discover", NULL, text, size);
    else
        part->outcome =
            mcp_answer_judge(message, revision_of(part), "initialize", NULL, text, size);
    if (part->stage == STAGE_INITIALIZE && part->outcome.kind == OUTCOME_OK)
        part->outcome = mcp_http_session_accept(part, message, text, size);
    part->text = part->outcome.kind == OUTCOME_OK ? NULL : text;
    if (part->outcome.kind == OUTCOME_INPUT_REQUIRED && part->rounds < MCP_HTTP_ROUNDS)
        prepare_retry(part, message);
}

/* The next round of a multi round-trip request is made from what was sent in the first. */
static void prepare_retry(struct mcp_http_call *part, const struct jsonrpc_message *message)
{
    struct error error = {0};
    size_t size;
    char *text = text_buffer(part, &size);
    json_t *result = json_loadb(message->result.start, message->result.length, 0, NULL);
    json_t *original = params_sent(part);
    json_t *params = result && original ? mcp_answer_inputs(original, result, &error) : NULL;
    struct mcp_request_text request = {0};
    if (params && mcp_request_text_build(&request, revision_of(part), part->operation->method,
                                         params, &error) == 0) {
        mcp_request_text_free(&part->request);
        part->request = request;
        part->has_retry = true;
    } else if (error.text[0]) {
        snprintf(text, size, "%.250s", error.text);
    }
    json_decref(result);
    json_decref(original);
    json_decref(params);
}

/* The params of the first round: new reference. Responses and state of an earlier round are not
 * part of them. */
static json_t *params_sent(struct mcp_http_call *part)
{
    const struct call *call = mcp_http_owner(part);
    const struct mcp_variant *variant =
        &part->operation->variants[call->variant % part->operation->variant_count];
    if (!variant->body)
        return json_incref(variant->params);
    return mcp_operation_sent_params(
        (struct span){buffer_bytes(&part->body->buffer), buffer_length(&part->body->buffer)});
}

/* Bytes of a whole body outlast the call's completion; those of an event do not. */
static void keep_response(struct mcp_http_call *part, const char *bytes, size_t length)
{
    struct call *call = mcp_http_owner(part);
    if (!part->stream) {
        call->response = bytes;
        call->response_length = length;
        return;
    }
    if (!call->want_response)
        return;
    buffer_clear(&part->stream->answer);
    if (buffer_append(&part->stream->answer, bytes, length) < 0)
        return;
    call->response = buffer_bytes(&part->stream->answer);
    call->response_length = length;
}

static const struct mcp_revision *revision_of(struct mcp_http_call *part)
{
    return part->session && part->session->revision
               ? part->session->revision
               : mcp_http_worker_of(part)->target->mcp.revision;
}

static void violation(struct mcp_http_call *part, const char *detail, const char *format, ...)
{
    size_t size;
    char *text = text_buffer(part, &size);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
    part->outcome = (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, detail};
    part->text = text;
    part->broken = true;
    part->has_retry = false;
}

/* While its stream is awaited to end, a call cannot use the worker's text. */
static char *text_buffer(struct mcp_http_call *part, size_t *size)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    *size = part->stream ? sizeof part->stream->text : sizeof worker->text;
    return part->stream ? part->stream->text : worker->text;
}

/* ---- responses to notifications and DELETE ----------------------------------------------------
 */

static void acknowledge_body(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last)
{
    struct mcp_http_call *part = container_of(exchange, struct mcp_http_call, exchange);
    if (last) {
        mcp_http_over(part);
    } else { /* an event stream for what has no answer */
        mcp_http_account(part);
        mcp_http_abort(part);
        length = 0;
    }
    int status = exchange->status;
    bool tolerated = part->stage == STAGE_DELETE && (status == 404 || status == 405);
    part->outcome = (struct outcome){OUTCOME_OK, 0, NULL};
    if (status / 100 != 2 && !tolerated) {
        http_status(part);
        struct jsonrpc_message message;
        if (starts_like_json(bytes, length) &&
            jsonrpc_scan(&message, bytes, length) == JSONRPC_ERROR) {
            size_t size;
            char *text = text_buffer(part, &size);
            part->outcome =
                mcp_answer_judge(&message, revision_of(part), "initialize", NULL, text, size);
            part->text = text;
        }
    }
    mcp_http_concluded(part);
}

static void acknowledge_failed(struct http_exchange *exchange, const struct outcome *why,
                               const char *text)
{
    answer_failed(exchange, why, text);
}

/* ---- the pool of stream states --------------------------------------------------------------- */

struct mcp_http_stream *mcp_http_stream_take(struct mcp_http_worker *worker)
{
    struct mcp_http_stream *stream = worker->free_streams;
    if (stream) {
        worker->free_streams = stream->next;
    } else {
        stream = calloc(1, sizeof *stream);
        if (!stream)
            return NULL;
        buffer_init(&stream->answer, MCP_HTTP_EVENT_LIMIT);
    }
    sse_decoder_init(&stream->decoder, MCP_HTTP_EVENT_LIMIT);
    stream->text[0] = stream->last_id[0] = '\0';
    stream->retry_ms = -1;
    stream->resumptions = 0;
    return stream;
}

void mcp_http_stream_give(struct mcp_http_worker *worker, struct mcp_http_stream *stream)
{
    if (!stream)
        return;
    sse_decoder_free(&stream->decoder);
    buffer_clear(&stream->answer);
    stream->next = worker->free_streams;
    worker->free_streams = stream;
}
