/* The plain HTTP driver (a target with `driver: http`): any request over HTTP/1.1 or HTTP/2, with
 * checks on status and JSON, so that a plan can mix in a health endpoint or a service beside MCP.
 *   http_request.c          the driver's table, opening a target, workers
 *   http_request_prepare.c  a plan's request -> struct http_request_operation
 *   http_request_call.c     connections and calls
 *   http_request_check.c    what the answer must be
 * Internal to these files and their tests. */
#ifndef CICADA_DRIVERS_HTTP_REQUEST_H
#define CICADA_DRIVERS_HTTP_REQUEST_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/driver.h"
#include "net/http.h"

enum {
    HTTP_REQUEST_HEADERS = 32,  /* of one request, beside the target's */
    HTTP_REQUEST_STATUSES = 16, /* ranges that are expected */
    HTTP_REQUEST_CHECKS = 64,
    HTTP_REQUEST_TEXT = 400
};
#define HTTP_REQUEST_LIMIT ((size_t)64 * 1024 * 1024) /* bytes of a rendered request */

/* A text that is constant, or has ${...} in it. */
struct http_request_text {
    char *text;                          /* as written; NULL: none */
    struct text_template *text_template; /* NULL: constant */
};

struct http_request_operation {
    char *method;
    struct http_request_text path; /* none: the target's */
    struct http_request_field {
        char *name;
        struct http_request_text value;
    } headers[HTTP_REQUEST_HEADERS];
    size_t header_count;
    struct http_request_text body;
    struct http_request_range {
        int low, high;
    } statuses[HTTP_REQUEST_STATUSES];
    size_t status_count;
    struct http_request_check {
        char *pointer;                  /* RFC 6901 */
        struct http_request_text value; /* JSON text */
    } checks[HTTP_REQUEST_CHECKS];
    size_t check_count;
    json_t *arguments; /* as given */
};

/* Read {"method", "path", "headers", "body", "expect": {"status", "json"}, "name"}; all may be
 * missing. -1 with ERROR_USAGE; the operation is then empty. */
int http_request_compile(struct http_request_operation *request, const json_t *arguments,
                         const char *where, struct error *error);
void http_request_free(struct http_request_operation *request);
/* The name of an operation with these arguments; the caller frees. NULL: out of memory. */
char *http_request_name(const json_t *arguments);
/* ---- the answer ---------------------------------------------------------------------------------
 */

/* Does it hold? Fills an outcome (HTTP_STATUS; CHECK_FAILED with detail no_json or json) and a
 * sentence otherwise. `context` and `scratch` render what is expected. */
bool http_request_check(const struct http_request_operation *request, int status, const char *body,
                        size_t length, const struct template_context *context,
                        struct buffer *scratch, struct outcome *outcome, char *sentence,
                        size_t size);
/* The value at `pointer` in a JSON text that is known to be valid: its span, or false when there is
 * none. Allocates nothing. */
bool http_request_find(const char *json, size_t length, const char *pointer, const char **value,
                       size_t *value_length);

/* ---- connections and calls
 * ----------------------------------------------------------------------- */

struct http_request_target {
    struct http_endpoint endpoint;
};

struct http_request_worker {
    struct buffer scratch;
    struct random random; /* for calls without a context */
};

/* One request under way; a connection keeps its slots for reuse. */
struct http_request_slot {
    struct http_exchange exchange;
    struct http_request_connection *part;
    struct call *call;
    struct http_request_slot *next;     /* among the free */
    struct http_request_slot *all_next; /* of the connection */
    struct buffer rendered;             /* what the exchange points into */
    struct buffer response;             /* what came of an event stream */
    struct http_header headers[HTTP_REQUEST_HEADERS];
    const char *path, *body;
    size_t body_length;
    char text[HTTP_REQUEST_TEXT];
};

struct http_request_connection {
    struct http_connection http;
    struct connection *connection;
    struct http_request_slot *all, *free;
    struct call *finished, **finished_tail; /* ended inside submit or cancel */
    struct loop_task finish;
};

struct http_request_call {
    struct http_request_slot *slot; /* NULL: there was no memory for one */
    struct call *next;              /* in `finished` */
};

void http_request_connect(struct connection *connection);
void http_request_disconnect(struct connection *connection);
void http_request_submit(struct call *call);
void http_request_cancel(struct call *call, const struct outcome *why);
char *http_request_request_text(const struct call *call);

#endif
