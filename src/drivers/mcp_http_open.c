/* Opening a target over HTTP. The server is asked server/discover first, as the 2026-07-28 pages on
 * versioning and Streamable HTTP say; what it answers tells its era. A legacy one gets initialize,
 * and one that refuses POST altogether is tried with HTTP+SSE: the target is then handed over to
 * that driver for good (target->driver changes, and nothing of this driver remains in it). */
#include "base/clock.h"
#include "base/scrub.h"
#include "drivers/mcp_http_control.h"
#include "drivers/mcp_sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum negotiation { NEGOTIATED, NEGOTIATION_FAILED, NEGOTIATION_TRY_SSE };

static int open_streamable(struct mcp_http_target *http, struct target *target, bool *try_sse,
                           struct error *error);
static int connect_first(struct mcp_http_control *control, struct error *error);
static enum negotiation negotiate(struct mcp_http_control *control, struct error *error);
static enum negotiation probe(struct mcp_http_control *control, struct error *error);
static int use_discover(struct mcp_http_control *control, struct error *error);
static enum negotiation initialize(struct mcp_http_control *control, struct error *error);
static const struct mcp_revision *supported_legacy(const struct mcp_http_control *control);
static bool refuses_post(const struct mcp_http_control *control);
static int discover_offers(struct mcp_http_control *control, struct error *error);
static int prepare_sessions(struct mcp_http_target *http, struct target *target,
                            struct error *error);
static void describe(struct mcp_http_control *control);
static int try_sse(struct target *target, const struct error *refused, struct error *error);
static void handshaken(struct session *session, const struct mcp_target *mcp,
                       const char *session_id);
static const struct http_exchange *exchange_of(const struct call *call);

static const struct mcp_http_transport transport = {
    .submit_raw = mcp_http_submit_raw, .exchange = exchange_of, .handshaken = handshaken};

/* ---- open and close -------------------------------------------------------------------------- */

int mcp_http_open(struct target *target, struct error *error)
{
    const struct target_options *options = target->options;
    struct mcp_http_target *http = calloc(1, sizeof *http);
    if (!http)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    bool may_fall_back = !options->transport || strcmp(options->transport, "http") != 0;
    bool sse = false;
    target->driver_data = http;
    int opened = mcp_target_init(&http->mcp, options, "Streamable HTTP", true, error);
    if (opened == 0 && http->mcp.forced && !http->mcp.forced->streamable_http && may_fall_back) {
        sse = true; /* 2024-11-05 knows no Streamable HTTP */
        opened = -1;
    } else if (opened == 0) {
        opened = open_streamable(http, target, &sse, error);
    }
    if (opened == 0)
        return 0;
    mcp_http_close(target);
    if (sse && may_fall_back) {
        struct error refused = *error;
        return try_sse(target, &refused, error);
    }
    return -1;
}

void mcp_http_close(struct target *target)
{
    struct mcp_http_target *http = target->driver_data;
    if (!http)
        return;
    target->driver_data = NULL;
    target_free_offers(target);
    free(target->session_open.name);
    free(target->session_close.name);
    memset(&target->session_open, 0, sizeof target->session_open);
    memset(&target->session_close, 0, sizeof target->session_close);
    target->needs_session = false;
    http_endpoint_close(&http->endpoint);
    mcp_request_text_free(&http->initialize);
    free(http->initialized);
    mcp_target_free(&http->mcp);
    free(http);
}

static int open_streamable(struct mcp_http_target *http, struct target *target, bool *try_sse,
                           struct error *error)
{
    struct mcp_http_control control;
    int result = -1;
    if (mcp_http_endpoint_open(&http->endpoint, target, target->options->url, error) < 0)
        return -1;
    if (mcp_http_control_open(&control, target, &http->mcp, &transport, error) == 0 &&
        connect_first(&control, error) == 0) {
        enum negotiation negotiation = negotiate(&control, error);
        *try_sse = negotiation == NEGOTIATION_TRY_SSE;
        if (negotiation == NEGOTIATED)
            result = discover_offers(&control, error);
    }
    mcp_http_control_close(&control);
    return result;
}

/* The new driver starts from nothing. When the server turns out to serve no HTTP+SSE either, its
 * first refusal is what the user should read. */
static int try_sse(struct target *target, const struct error *refused, struct error *error)
{
    bool served = false;
    const struct driver *before = target->driver;
    target->driver = &mcp_sse_driver;
    if (mcp_sse_open(target, &served, error) == 0)
        return 0;
    target->driver = before;
    if (!served && refused->code)
        *error = *refused;
    return -1;
}

int mcp_http_endpoint_open(struct http_endpoint *endpoint, struct target *target, const char *url,
                           struct error *error)
{
    const struct target_options *options = target->options;
    const struct tls_options tls = {.ca_file = options->ca_file,
                                    .certificate_file = options->certificate_file,
                                    .key_file = options->key_file,
                                    .insecure = options->insecure,
                                    .offer_http2 = options->http2};
    struct http_header *headers = calloc(options->header_count + 1, sizeof *headers);
    size_t count = 0;
    bool named = false;
    if (!headers)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    for (size_t i = 0; i < options->header_count; i++) {
        headers[count++] =
            (struct http_header){options->header_names[i], options->header_values[i]};
        named |= strcasecmp(options->header_names[i], "User-Agent") == 0;
    }
    if (!named)
        headers[count++] = (struct http_header){"User-Agent", "cicada/" CICADA_VERSION};
    struct outcome outcome = {0};
    int result = http_endpoint_open(endpoint, url, &tls, headers, count, &outcome, error);
    free(headers);
    if (result < 0) {
        target_trace(target, "resolve", false, "%s", error ? error->text : "failed");
        return -1;
    }
    if (options->connect_timeout_ns)
        endpoint->connect_timeout_ns = options->connect_timeout_ns;
    target_trace(target, "resolve", true, "%s: %d address%s", endpoint->url.host,
                 endpoint->address.candidate_count,
                 endpoint->address.candidate_count == 1 ? "" : "es");
    return 0;
}

static int connect_first(struct mcp_http_control *control, struct error *error)
{
    struct target *target = control->target;
    if (mcp_http_control_connect(control, error) < 0) {
        bool tls = control->outcome.kind == OUTCOME_TLS;
        if (tls)
            target_trace(target, "connect", true, "TCP connected");
        target_trace(target, tls ? "tls" : "connect", false, "%s", error ? error->text : "failed");
        return -1;
    }
    const struct connection *connection = control->connection;
    const struct mcp_http_connection *part =
        driver_part_of_connection((struct connection *)connection);
    target_trace(target, "connect", true, "TCP connected in %.2f ms",
                 (double)connection->connect_ns / 1e6);
    const char *tls = stream_tls_description(&part->http.stream);
    if (tls)
        target_trace(target, "tls", true, "%s, %s, in %.2f ms%s", tls,
                     part->http.http2 ? "HTTP/2" : "HTTP/1.1", (double)connection->tls_ns / 1e6,
                     target->options->insecure ? "; NOT verified (--insecure)" : "");
    return 0;
}

/* ---- which era, which revision -----------------------------------------------------------------
 */

static enum negotiation negotiate(struct mcp_http_control *control, struct error *error)
{
    struct mcp_target *mcp = control->mcp;
    struct target *target = control->target;
    bool legacy_forced = mcp->forced && mcp->forced->era == MCP_ERA_LEGACY;
    enum negotiation result = legacy_forced ? initialize(control, error) : probe(control, error);
    if (result == NEGOTIATED)
        target_trace(target, "handshake", true, "MCP %s", mcp->revision->name);
    else if (result == NEGOTIATION_FAILED)
        target_trace(target, "handshake", false, "%s", error ? error->text : "failed");
    return result;
}

static enum negotiation probe(struct mcp_http_control *control, struct error *error)
{
    struct mcp_target *mcp = control->mcp;
    struct target *target = control->target;
    mcp->revision = mcp->forced ? mcp->forced : mcp_revision_find(MCP_LATEST_MODERN);
    if (mcp_http_control_ask(control, "server/discover", NULL, error) < 0)
        return NEGOTIATION_FAILED;
    struct jsonrpc_message message;
    enum jsonrpc_kind kind =
        jsonrpc_scan(&message, buffer_bytes(&control->response), buffer_length(&control->response));
    bool is_message = kind == JSONRPC_RESULT || kind == JSONRPC_ERROR;
    int status = control->exchange ? control->exchange->status : 0;
    enum era_verdict verdict = era_judge_probe(status, is_message ? &message : NULL);
    bool answered = status != 0 && control->outcome.kind != OUTCOME_CONNECTION_RESET;
    const char *detail = control->outcome.detail;
    bool page = detail && strcmp(detail, "unexpected_content_type") == 0;

    if ((!answered && control->outcome.kind != OUTCOME_TIMEOUT) || page ||
        (answered && verdict == ERA_SAYS_NOTHING)) {
        mcp_http_control_explain(control, "server/discover", error);
        return NEGOTIATION_FAILED;
    }
    if (verdict == ERA_IS_MODERN && kind == JSONRPC_RESULT && answered) {
        target_trace(target, "era", true, "modern: server/discover was answered");
        return use_discover(control, error) < 0 ? NEGOTIATION_FAILED : NEGOTIATED;
    }
    const struct mcp_revision *legacy = supported_legacy(control);
    bool refused_as_modern = verdict == ERA_IS_MODERN || verdict == ERA_IS_MODERN_OTHER;
    bool unknown_method = control->outcome.code == -32601;
    if (mcp->forced || (refused_as_modern && !legacy && !unknown_method)) {
        mcp_http_control_explain(control, "server/discover", error);
        return NEGOTIATION_FAILED;
    }
    target_trace(target, "era", true, "legacy: server/discover was refused with %s",
                 control->text[0] ? control->text : outcome_kind_name(control->outcome.kind));
    if (legacy)
        mcp->revision = legacy;
    enum negotiation result = initialize(control, error);
    return result;
}

static int use_discover(struct mcp_http_control *control, struct error *error)
{
    struct jsonrpc_message message;
    jsonrpc_scan(&message, buffer_bytes(&control->response), buffer_length(&control->response));
    json_error_t problem;
    json_t *result =
        json_loadb(message.result.start, message.result.length, JSON_ALLOW_NUL, &problem);
    if (!result)
        return error_set(error, ERROR_TARGET, "the result of server/discover cannot be read: %s",
                         problem.text);
    int accepted = mcp_control_accept_discover(control->mcp, result, error);
    json_decref(result);
    return accepted;
}

/* The newest legacy revision among the `supported` ones of a -32022, if any. */
static const struct mcp_revision *supported_legacy(const struct mcp_http_control *control)
{
    struct jsonrpc_message message;
    if (jsonrpc_scan(&message, buffer_bytes(&control->response),
                     buffer_length(&control->response)) != JSONRPC_ERROR)
        return NULL;
    struct span list = span_member(message.error_data, "supported"), element;
    for (const struct mcp_revision *each = mcp_revisions(); each->name && list.start; each++) {
        size_t position = 0;
        while (each->era == MCP_ERA_LEGACY &&
               jsonrpc_batch_next(list.start, list.length, &position, &element))
            if (span_is_string(element) && span_string_equals(span_unquote(element), each->name))
                return each;
    }
    return NULL;
}

static enum negotiation initialize(struct mcp_http_control *control, struct error *error)
{
    struct mcp_target *mcp = control->mcp;
    if (!mcp->revision || mcp->revision->era != MCP_ERA_LEGACY)
        mcp->revision = mcp->forced ? mcp->forced : mcp_revision_find(MCP_LATEST_LEGACY);
    if (mcp_control_initialize(mcp, &control->interface, error) == 0)
        return NEGOTIATED;
    return refuses_post(control) ? NEGOTIATION_TRY_SSE : NEGOTIATION_FAILED;
}

/* 400, 404 or 405 in answer to initialize, and no JSON-RPC error that says more. */
static bool refuses_post(const struct mcp_http_control *control)
{
    int status = control->exchange ? control->exchange->status : 0;
    return (status == 400 || status == 404 || status == 405) &&
           (control->outcome.kind == OUTCOME_HTTP_STATUS ||
            (control->outcome.kind == OUTCOME_JSONRPC_ERROR &&
             !era_is_modern_error(status, control->outcome.code)));
}

/* ---- what the target offers --------------------------------------------------------------------
 */

static int discover_offers(struct mcp_http_control *control, struct error *error)
{
    struct target *target = control->target;
    struct mcp_http_target *http = target->driver_data;
    if (mcp_control_discover_offers(target, &http->mcp, &control->interface, error) < 0)
        return -1;
    if (http->mcp.revision->era == MCP_ERA_LEGACY && prepare_sessions(http, target, error) < 0)
        return -1;
    target->calls_per_connection =
        control->connection->capacity ? control->connection->capacity : 1;
    target->pid = mcp_http_pid_of(&http->endpoint.address, http->endpoint.url.port);
    describe(control);
    if (target->needs_session) /* ours is not needed any more */
        mcp_http_control_run(control, &target->session_close);
    return 0;
}

static int prepare_sessions(struct mcp_http_target *http, struct target *target,
                            struct error *error)
{
    const struct mcp_revision *revision = http->mcp.revision;
    json_t *params = json_pack("{s:s, s:o, s:o}", "protocolVersion", revision->name, "capabilities",
                               mcp_client_capabilities(revision), "clientInfo", mcp_client_info());
    int built =
        params ? mcp_request_text_build(&http->initialize, revision, "initialize", params, error)
               : error_set(error, ERROR_INTERNAL, "out of memory");
    json_decref(params);
    if (built < 0)
        return -1;
    http->initialized = mcp_notification_text(revision, "notifications/initialized", NULL);
    target->session_open =
        (struct operation){.name = strdup("initialize"), .flags = OPERATION_SETUP};
    target->session_close =
        (struct operation){.name = strdup("session/close"), .flags = OPERATION_SETUP};
    if (!http->initialized || !target->session_open.name || !target->session_close.name)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    target->needs_session = true;
    return 0;
}

static void describe(struct mcp_http_control *control)
{
    struct target *target = control->target;
    struct mcp_http_connection *part = driver_part_of_connection(control->connection);
    const char *tls = stream_tls_description(&part->http.stream);
    if (!target->facts)
        return;
    json_object_set_new(target->facts, "http",
                        json_string(part->http.http2 ? "HTTP/2" : "HTTP/1.1"));
    if (tls)
        json_object_set_new(target->facts, "tls", json_string(tls));
}

/* ---- what this driver does differently ---------------------------------------------------------
 */

static void handshaken(struct session *session, const struct mcp_target *mcp,
                       const char *session_id)
{
    struct mcp_http_session *part = driver_part_of_session(session);
    part->revision = mcp->revision;
    if (mcp_http_session_name(part, session_id) == 0)
        mcp_http_session_headers(part);
}

static const struct http_exchange *exchange_of(const struct call *call)
{
    return &mcp_http_part(call)->exchange;
}
