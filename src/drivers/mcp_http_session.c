/* Legacy sessions: initialize and its notification, DELETE, both in a row (churn), and the renewal
 * that a 404 asks for: one call initializes anew, the others of that session wait for it, and then
 * each repeats its request once. See mcp_http.h. */
#include "base/clock.h"
#include "drivers/mcp_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void send_initialized(struct mcp_http_call *part);
static void send_delete(struct mcp_http_call *part);
static void send_discover(struct mcp_http_call *part);
static void established(struct mcp_http_call *part);
static void not_established(struct mcp_http_call *part);
static void renewed(struct mcp_http_call *part);
static void discovered(struct mcp_http_call *part);

/* ---- the steps of a session's life ------------------------------------------------------------
 */

void mcp_http_session_begin(struct mcp_http_call *part)
{
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    const struct mcp_request_text *text = &worker->target->initialize;
    struct http_exchange *exchange = &part->exchange;
    if (part->session && part->stage == STAGE_IDLE && !part->own_session)
        mcp_http_session_reset(part->session, worker);
    part->stage = STAGE_INITIALIZE;
    part->id = ++worker->next_id;
    int digits = snprintf(part->id_digits, sizeof part->id_digits, "%" PRId64, part->id);
    exchange->events = &mcp_http_answer_events;
    exchange->method = "POST";
    exchange->headers = mcp_http_post_headers;
    exchange->header_count = 2;
    exchange->body_pieces[0] = (struct iovec){text->prefix, text->prefix_length};
    exchange->body_pieces[1] = (struct iovec){part->id_digits, (size_t)digits};
    exchange->body_pieces[2] = (struct iovec){text->suffix, text->suffix_length};
    exchange->body_piece_count = 3;
    mcp_http_send(part);
}

void mcp_http_session_end(struct mcp_http_call *part)
{
    struct session *session = mcp_http_owner(part)->session;
    session->open = false;
    mcp_http_unlisten(part->session, mcp_http_worker_of(part));
    if (mcp_http_session_has_id(part->session))
        send_delete(part);
    else
        mcp_http_finish_later(part, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
}

void mcp_http_session_advance(struct mcp_http_call *part)
{
    bool ok = part->outcome.kind == OUTCOME_OK;
    switch (part->stage) {
    case STAGE_INITIALIZE:
        if (ok)
            send_initialized(part);
        else
            not_established(part);
        break;
    case STAGE_INITIALIZED:
        if (ok)
            established(part);
        else
            not_established(part);
        break;
    case STAGE_DISCOVER:
        discovered(part);
        break;
    case STAGE_DELETE:
        if (part->failed_setup)
            mcp_http_finish(part, part->setup_outcome, "the session could not be set up");
        else
            mcp_http_finish(part, part->outcome, part->text);
        break;
    case STAGE_LISTEN:
    case STAGE_NOTIFY:
    case STAGE_IDLE:
    case STAGE_REQUEST:
    case STAGE_WAIT:
        mcp_http_finish(part, part->outcome, part->text);
        break;
    }
}

static void send_initialized(struct mcp_http_call *part)
{
    const char *text = mcp_http_worker_of(part)->target->initialized;
    struct http_exchange *exchange = &part->exchange;
    part->stage = STAGE_INITIALIZED;
    exchange->events = &mcp_http_acknowledge_events;
    exchange->method = "POST";
    exchange->headers = part->session->headers;
    exchange->header_count = part->session->header_count;
    exchange->body_pieces[0] = (struct iovec){(char *)text, strlen(text)};
    exchange->body_piece_count = 1;
    mcp_http_send(part);
}

static void send_delete(struct mcp_http_call *part)
{
    struct http_exchange *exchange = &part->exchange;
    part->stage = STAGE_DELETE;
    exchange->events = &mcp_http_acknowledge_events;
    exchange->method = "DELETE";
    exchange->headers = part->session->headers + 1; /* no Content-Type: there is no body */
    exchange->header_count = part->session->header_count - 1;
    exchange->body_piece_count = 0;
    mcp_http_send(part);
}

static void established(struct mcp_http_call *part)
{
    if (part->own_session) {
        if (mcp_http_session_has_id(part->session))
            send_delete(part);
        else
            mcp_http_finish(part, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
        return;
    }
    struct mcp_http_worker *worker = mcp_http_worker_of(part);
    if (part->session->renewing == part) {
        mcp_http_listen(part->session, worker, NULL);
        renewed(part);
        return;
    }
    mcp_http_owner(part)->session->open = true;
    bool await = !worker->listen_silent;
    if (mcp_http_listen(part->session, worker, await ? part : NULL) && await) {
        part->stage = STAGE_LISTEN;
        uint64_t wait_ns = worker->listen_answers ? MCP_HTTP_LISTEN_BUSY_NS : MCP_HTTP_LISTEN_NS;
        loop_timer_start(worker->owner->loop, &part->timer, clock_now_ns() + wait_ns);
        return;
    }
    mcp_http_finish(part, (struct outcome){OUTCOME_OK, 0, NULL}, NULL);
}

static void not_established(struct mcp_http_call *part)
{
    bool renewal = part->session->renewing == part; /* of a call, which has its own outcome */
    bool modern = part->outcome.kind == OUTCOME_JSONRPC_ERROR &&
                  era_is_modern_error(part->exchange.status, part->outcome.code);
    if (!renewal && modern && part->stage == STAGE_INITIALIZE) {
        send_discover(part);
    } else if (part->own_session && mcp_http_session_has_id(part->session)) {
        part->failed_setup = true;
        part->setup_outcome = part->outcome;
        send_delete(part);
    } else {
        mcp_http_finish(part, part->outcome, part->text);
    }
}

/* ---- the era has changed since the target was opened -------------------------------------------
 */

/* initialize was refused as only a modern server would. Ask it, once, so that the report is
 * certain. */
static void send_discover(struct mcp_http_call *part)
{
    const struct mcp_revision *modern = mcp_revision_find(MCP_LATEST_MODERN);
    struct mcp_operation operation = {.method = (char *)"server/discover"};
    struct mcp_request_text text = {0};
    part->failed_setup = true;
    part->setup_outcome = part->outcome;
    if (mcp_request_text_build(&text, modern, operation.method, NULL, NULL) < 0 ||
        mcp_http_headers_build(&part->headers, modern, &operation, NULL, NULL, NULL) < 0) {
        mcp_request_text_free(&text);
        mcp_http_finish(part, part->outcome, part->text);
        return;
    }
    struct http_exchange *exchange = &part->exchange;
    part->request = text;
    part->stage = STAGE_DISCOVER;
    part->id = ++mcp_http_worker_of(part)->next_id;
    int digits = snprintf(part->id_digits, sizeof part->id_digits, "%" PRId64, part->id);
    exchange->events = &mcp_http_answer_events;
    exchange->method = "POST";
    exchange->headers = part->headers.headers;
    exchange->header_count = part->headers.count;
    exchange->body_pieces[0] = (struct iovec){text.prefix, text.prefix_length};
    exchange->body_pieces[1] = (struct iovec){part->id_digits, (size_t)digits};
    exchange->body_pieces[2] = (struct iovec){text.suffix, text.suffix_length};
    exchange->body_piece_count = 3;
    mcp_http_send(part);
}

static void discovered(struct mcp_http_call *part)
{
    bool modern = part->outcome.kind == OUTCOME_OK ||
                  (part->outcome.kind == OUTCOME_JSONRPC_ERROR &&
                   era_is_modern_error(part->exchange.status, part->outcome.code));
    if (modern)
        mcp_http_finish(part, (struct outcome){OUTCOME_PROTOCOL_VIOLATION, 0, "era_changed"},
                        "the server refuses initialize and answers server/discover: it was a "
                        "legacy server when the target was opened and is a modern one now; start "
                        "the run again");
    else
        mcp_http_finish(part, part->setup_outcome, "initialize was refused");
}

/* ---- renewal after a 404 -----------------------------------------------------------------------
 */

bool mcp_http_session_renew(struct mcp_http_call *part)
{
    struct mcp_http_session *session = part->session;
    if (part->stage != STAGE_REQUEST || !session || !mcp_http_session_has_id(session) ||
        part->renewed || part->own_session)
        return false;
    part->renewed = true;
    mcp_http_owner(part)->response = NULL;
    if (part->generation != session->generation) { /* another call has done it meanwhile */
        mcp_http_send_request(part);
    } else if (session->renewing) {
        part->stage = STAGE_WAIT;
        part->next_waiting = session->waiting;
        session->waiting = part;
    } else {
        session->renewing = part;
        mcp_http_unlisten(session, mcp_http_worker_of(part));
        mcp_http_session_begin(part);
    }
    return true;
}

static void renewed(struct mcp_http_call *part)
{
    struct mcp_http_session *session = part->session;
    session->renewing = NULL;
    while (session->waiting) {
        struct mcp_http_call *waiting = session->waiting;
        session->waiting = waiting->next_waiting;
        mcp_http_send_request(waiting);
    }
    mcp_http_send_request(part);
}

/* When the call that renews fails or is cancelled, the next one tries for itself. */
void mcp_http_session_leave(struct mcp_http_call *part)
{
    struct mcp_http_session *session = part->session;
    if (!session)
        return;
    if (part->stage == STAGE_LISTEN)
        mcp_http_listen_forget(session, part);
    if (part->stage == STAGE_WAIT) {
        struct mcp_http_call **link = &session->waiting;
        while (*link && *link != part)
            link = &(*link)->next_waiting;
        if (*link)
            *link = part->next_waiting;
    }
    if (session->renewing != part)
        return;
    struct mcp_http_call *next = session->waiting;
    session->renewing = next;
    if (next) {
        session->waiting = next->next_waiting;
        mcp_http_session_begin(next);
    }
}

/* ---- what a session remembers ------------------------------------------------------------------
 */

struct outcome mcp_http_session_accept(struct mcp_http_call *part,
                                       const struct jsonrpc_message *message, char *text,
                                       size_t text_size)
{
    struct mcp_http_session *session = part->session;
    struct outcome outcome = {OUTCOME_PROTOCOL_VIOLATION, 0, "unsupported_version"};
    char version[32];
    span_unescape(span_unquote(span_member(message->result, "protocolVersion")), version,
                  sizeof version);
    const struct mcp_revision *revision = mcp_revision_find(version);
    if (!revision || revision->era != MCP_ERA_LEGACY) {
        snprintf(text, text_size,
                 "the server chose protocol version \"%s\", which is none of the legacy revisions",
                 version);
    } else if (part->exchange.session_id_truncated) {
        outcome.detail = "session_id_too_long";
        snprintf(text, text_size, "the server's session id exceeds %zu bytes",
                 sizeof part->exchange.session_id - 1);
    } else if (mcp_http_session_name(session, part->exchange.session_id) < 0) {
        outcome.detail = "out_of_memory";
    } else {
        outcome = (struct outcome){OUTCOME_OK, 0, NULL};
        session->revision = revision;
        session->generation++;
        mcp_http_session_headers(session);
    }
    return outcome;
}

int mcp_http_session_name(struct mcp_http_session *session, const char *text)
{
    size_t length = strlen(text);
    if (!length && !session->id)
        return 0;
    struct mcp_http_session_id *id = malloc(sizeof *id + length + 1);
    if (!id)
        return -1;
    memcpy(id->text, text, length + 1);
    id->previous = session->id;
    session->id = id;
    return 0;
}

void mcp_http_session_headers(struct mcp_http_session *session)
{
    uint32_t count = 0;
    session->headers[count++] = mcp_http_post_headers[0];
    session->headers[count++] = mcp_http_post_headers[1];
    if (session->revision && session->revision->version_header)
        session->headers[count++] =
            (struct http_header){"MCP-Protocol-Version", session->revision->name};
    if (mcp_http_session_has_id(session))
        session->headers[count++] = (struct http_header){"Mcp-Session-Id", session->id->text};
    session->header_count = count;
}

void mcp_http_session_reset(struct mcp_http_session *session, struct mcp_http_worker *worker)
{
    mcp_http_unlisten(session, worker);
    while (session->id) {
        struct mcp_http_session_id *id = session->id;
        session->id = id->previous;
        free(id);
    }
    uint32_t generation = session->generation;
    *session = (struct mcp_http_session){.generation = generation};
    mcp_http_session_headers(session);
}

void mcp_http_session_discard(struct session *session)
{
    mcp_http_session_reset(driver_part_of_session(session), driver_part_of_worker(session->worker));
    session->open = false;
}
