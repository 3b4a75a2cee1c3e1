/* What a connection of the HTTP+SSE driver POSTs beside its calls: the handshake that makes its
 * stream an MCP session, answers to the server's own requests, and cancellations. See
 * mcp_sse_internal.h. */
#include "base/log.h"
#include "drivers/mcp_sse_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mcp_sse_handshake {
    struct mcp_sse_connection *connection;
    struct mcp_sse_pending pending;
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    char id_digits[24];
    bool initialized; /* the notification is under way, or was */
    bool posted, answered;
};

struct mcp_sse_post {
    struct mcp_sse_post *next, **link; /* in worker->sending */
    struct mcp_sse_worker *worker;
    struct http_exchange exchange;
    struct mcp_http_ticket ticket;
    char *path, *body;
};

static void handshake_posted(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last);
static void handshake_failed(struct http_exchange *exchange, const struct outcome *why,
                             const char *text);
static void handshake_answered(struct mcp_sse_pending *pending,
                               const struct jsonrpc_message *message, const char *bytes,
                               size_t length);
static void handshake_lost(struct mcp_sse_pending *pending, const struct outcome *why,
                           const char *text);
static void handshake_send(struct mcp_sse_handshake *handshake);
static void handshake_advance(struct mcp_sse_handshake *handshake);
static void post_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last);
static void post_failed(struct http_exchange *exchange, const struct outcome *why,
                        const char *text);
static void post_over(struct mcp_sse_post *post);

static const struct http_exchange_events handshake_events = {.body = handshake_posted,
                                                             .failed = handshake_failed};
static const struct http_exchange_events post_events = {.body = post_body, .failed = post_failed};

/* ---- the handshake of a connection --------------------------------------------------------------
 */

void mcp_sse_handshake_begin(struct mcp_sse_connection *part)
{
    struct mcp_sse_worker *worker = mcp_sse_connection_worker(part);
    const struct mcp_request_text *text = &worker->target->initialize;
    struct mcp_sse_handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake) {
        mcp_sse_lose(part, (struct outcome){OUTCOME_CONNECTION_RESET, 0, "out_of_memory"},
                     "out of memory");
        return;
    }
    part->handshake = handshake;
    handshake->connection = part;
    handshake->pending = (struct mcp_sse_pending){
        .id = ++worker->next_id, .answered = handshake_answered, .lost = handshake_lost};
    int digits = snprintf(handshake->id_digits, sizeof handshake->id_digits, "%" PRId64,
                          handshake->pending.id);
    handshake->exchange.body_pieces[0] = (struct iovec){text->prefix, text->prefix_length};
    handshake->exchange.body_pieces[1] = (struct iovec){handshake->id_digits, (size_t)digits};
    handshake->exchange.body_pieces[2] = (struct iovec){text->suffix, text->suffix_length};
    handshake->exchange.body_piece_count = 3;
    mcp_sse_await(part, &handshake->pending);
    handshake_send(handshake);
}

static void handshake_send(struct mcp_sse_handshake *handshake)
{
    handshake->exchange.events = &handshake_events;
    handshake->exchange.method = "POST";
    handshake->exchange.path = handshake->connection->post_path;
    handshake->exchange.headers = mcp_sse_post_headers;
    handshake->exchange.header_count = 1;
    handshake->posted = false;
    mcp_http_pool_submit(&mcp_sse_connection_worker(handshake->connection)->posts,
                         &handshake->ticket, &handshake->exchange);
}

static void handshake_posted(struct http_exchange *exchange, const char *bytes, size_t length,
                             bool last)
{
    struct mcp_sse_handshake *handshake =
        container_of(exchange, struct mcp_sse_handshake, exchange);
    struct mcp_http_pool *posts = &mcp_sse_connection_worker(handshake->connection)->posts;
    (void)bytes;
    (void)length;
    if (last)
        mcp_http_pool_release(posts, &handshake->ticket);
    else
        mcp_http_pool_cancel(posts, &handshake->ticket);
    handshake->posted = true;
    if (exchange->status / 100 != 2)
        mcp_sse_lose(handshake->connection,
                     (struct outcome){OUTCOME_HTTP_STATUS, exchange->status, NULL},
                     "the handshake was refused");
    else
        handshake_advance(handshake);
}

static void handshake_failed(struct http_exchange *exchange, const struct outcome *why,
                             const char *text)
{
    struct mcp_sse_handshake *handshake =
        container_of(exchange, struct mcp_sse_handshake, exchange);
    mcp_http_pool_release(&mcp_sse_connection_worker(handshake->connection)->posts,
                          &handshake->ticket);
    mcp_sse_lose(handshake->connection, *why, text);
}

static void handshake_answered(struct mcp_sse_pending *pending,
                               const struct jsonrpc_message *message, const char *bytes,
                               size_t length)
{
    struct mcp_sse_handshake *handshake = container_of(pending, struct mcp_sse_handshake, pending);
    const struct mcp_revision *revision =
        mcp_sse_connection_worker(handshake->connection)->target->mcp.revision;
    char text[256];
    (void)bytes;
    (void)length;
    struct outcome outcome =
        mcp_answer_judge(message, revision, "initialize", NULL, text, sizeof text);
    if (outcome.kind != OUTCOME_OK) {
        mcp_sse_lose(handshake->connection, outcome, text);
        return;
    }
    handshake->answered = true;
    handshake_advance(handshake);
}

static void handshake_lost(struct mcp_sse_pending *pending, const struct outcome *why,
                           const char *text)
{
    struct mcp_sse_handshake *handshake = container_of(pending, struct mcp_sse_handshake, pending);
    mcp_sse_forget(pending);
    mcp_sse_lose(handshake->connection, *why, text);
}

static void handshake_advance(struct mcp_sse_handshake *handshake)
{
    struct mcp_sse_connection *part = handshake->connection;
    if (!handshake->posted || !handshake->answered)
        return;
    if (handshake->initialized) {
        mcp_sse_handshake_end(part);
        mcp_sse_ready(part);
        return;
    }
    char *text = mcp_sse_connection_worker(part)->target->initialized;
    handshake->initialized = true;
    handshake->exchange.body_pieces[0] = (struct iovec){text, strlen(text)};
    handshake->exchange.body_piece_count = 1;
    handshake_send(handshake);
}

void mcp_sse_handshake_end(struct mcp_sse_connection *part)
{
    struct mcp_sse_handshake *handshake = part->handshake;
    if (!handshake)
        return;
    part->handshake = NULL;
    mcp_sse_forget(&handshake->pending);
    mcp_http_pool_cancel(&mcp_sse_connection_worker(part)->posts, &handshake->ticket);
    free(handshake);
}

/* ---- POSTs beside the calls --------------------------------------------------------------------
 */

void mcp_sse_post(struct mcp_sse_worker *worker, const char *path, char *body)
{
    struct mcp_sse_post *post = body && path ? calloc(1, sizeof *post) : NULL;
    if (!post) {
        free(body);
        return;
    }
    post->worker = worker;
    post->body = body;
    post->path = strdup(path); /* the connection may be gone before this is sent */
    post->exchange = (struct http_exchange){.events = &post_events,
                                            .method = "POST",
                                            .path = post->path,
                                            .headers = mcp_sse_post_headers,
                                            .header_count = 1,
                                            .body_pieces = {{body, strlen(body)}},
                                            .body_piece_count = 1};
    post->next = worker->sending;
    post->link = &worker->sending;
    if (post->next)
        post->next->link = &post->next;
    worker->sending = post;
    mcp_http_pool_submit(&worker->posts, &post->ticket, &post->exchange);
}

static void post_body(struct http_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct mcp_sse_post *post = container_of(exchange, struct mcp_sse_post, exchange);
    (void)bytes;
    (void)length;
    post->worker->refused_answers += exchange->status / 100 != 2;
    if (last)
        mcp_http_pool_release(&post->worker->posts, &post->ticket);
    else
        mcp_http_pool_cancel(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_failed(struct http_exchange *exchange, const struct outcome *why, const char *text)
{
    struct mcp_sse_post *post = container_of(exchange, struct mcp_sse_post, exchange);
    post->worker->refused_answers++;
    log_debug("mcp_sse: %s: %s", outcome_kind_name(why->kind), text ? text : "");
    mcp_http_pool_release(&post->worker->posts, &post->ticket);
    post_over(post);
}

static void post_over(struct mcp_sse_post *post)
{
    *post->link = post->next;
    if (post->next)
        post->next->link = post->link;
    free(post->path);
    free(post->body);
    free(post);
}

void mcp_sse_posts_discard(struct mcp_sse_worker *worker)
{
    while (worker->sending)
        post_over(worker->sending);
}
