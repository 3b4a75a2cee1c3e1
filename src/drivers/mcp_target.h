/* What the three MCP drivers (Streamable HTTP, HTTP+SSE, stdio) share: the target's negotiated
 * state, the offers made from a catalog, and prepared operations. Read-only while workers run. */
#ifndef CICADA_DRIVERS_MCP_TARGET_H
#define CICADA_DRIVERS_MCP_TARGET_H

#include "drivers/driver.h"
#include "mcp/answer.h"
#include "mcp/catalog.h"
#include "mcp/era.h"
#include "mcp/request.h"

#include <sys/uio.h>

struct template_context;

/* Embedded first in each MCP driver's target state (target->driver_data). */
struct mcp_target {
    const struct mcp_revision *revision; /* negotiated */
    const struct mcp_revision *forced;   /* --protocol REVISION; NULL: auto */
    const char *transport;               /* "Streamable HTTP", "HTTP+SSE", "stdio" */
    bool http;                           /* headers mirror the body in the modern era */
    json_t *server_info, *capabilities;  /* owned */
    char *instructions;
    json_t *notes; /* array of sentences for facts["notes"]: a cursor that loops, ...; owned */
    json_t *completions; /* array of {"ref", "argument"}: what can be completed; owned */
    json_t *suggestions; /* of the server, for prompts and templates: see mcp_suggest.h; owned */
    struct mcp_catalog catalog;
};

/* One argument set of an operation, rendered as far as possible. */
struct mcp_variant {
    struct mcp_request_text text; /* constant arguments: whole body but the id. Templated: the
                                     suffix ends where the params begin */
    struct text_template *body; /* templated arguments: the params with ${...}; NULL if constant */
    char *name_value; /* value of Mcp-Name, encoded, where it differs from the operation's */
    json_t *params;   /* the params object (unexpanded), for MRTR retries and examples */
    char **param_header_values; /* parallel to tool->param_headers; NULL entries are omitted. NULL
                                   when there are none, and when templated: then see
                                   mcp_operation_rendered_param */
};
/* operation->driver_data */
struct mcp_operation {
    char *method;     /* "tools/call"; NULL for session_churn and other driver-made sequences */
    char *name_value; /* value of Mcp-Name, encoded; NULL if the method has none */
    const struct mcp_tool *tool; /* NULL unless tools/call */
    struct mcp_variant *variants;
    unsigned variant_count;
    void *transport_data; /* the transport's own, such as prebuilt headers; it frees this before
                             mcp_operation_release */
};

/* Parse options->protocol into forced. -1 with the list of known revisions. */
int mcp_target_init(struct mcp_target *mcp, const struct target_options *options,
                    const char *transport, bool http, struct error *error);
void mcp_target_free(struct mcp_target *mcp);

/* The control conversation of open(), written once for every transport: a transport supplies one
 * blocking exchange and this asks everything in order: server/discover or initialize + initialized,
 * then all pages of every list the capabilities name. */
struct mcp_control {
    void *context;
    /* Send one request (params borrowed, _meta is added by the callee's use of
     * mcp_request_text_build) and wait for its answer: *result (owned by the caller) on success. -1
     * with an error otherwise; *code then holds the JSON-RPC code if there was one, else 0. Server
     * requests that come in between are answered. */
    int (*request)(void *context, const char *method, const json_t *params, json_t **result,
                   int64_t *code, struct error *error);
    int (*notify)(void *context, const char *method, const json_t *params, struct error *error);
};
/* The params of initialize: revision the one negotiated before, or the forced, or the newest legacy
 * one. New reference. For connections and sessions opened while the run is on. */
json_t *mcp_control_initialize_params(const struct mcp_target *mcp);
/* Legacy handshake: initialize with the newest legacy (or forced) revision, accept what the server
 * answers if we know it, send notifications/initialized. Fills revision, server_info, capabilities.
 */
int mcp_control_initialize(struct mcp_target *mcp, const struct mcp_control *control,
                           struct error *error);
/* Take the list of versions of a server (supportedVersions, or error.data.supported of -32022):
 * choose the newest that both know, which may be a legacy one: then go on with initialize. -1
 * naming both lists when there is none. */
int mcp_control_accept_versions(struct mcp_target *mcp, const json_t *versions,
                                struct error *error);
/* Take a DiscoverResult: choose a version, fill server_info (from _meta), capabilities,
 * instructions. */
int mcp_control_accept_discover(struct mcp_target *mcp, const json_t *result, struct error *error);
/* All pages of all lists, then offers: every tool, resource, resource_template and prompt, "ping"
 * (legacy), "tools/list", "resources/list", "prompts/list", "resources/templates/list", "discover"
 * (modern), "complete" for every argument that can be completed, "session_churn" (legacy Streamable
 * HTTP), "connection_churn" (HTTP; its method is ping or server/discover). Sets target->offers,
 * excluded, description, facts. */
int mcp_control_discover_offers(struct target *target, struct mcp_target *mcp,
                                const struct mcp_control *control, struct error *error);

/* driver->prepare, release, arguments_text for all three. */
int mcp_operation_prepare(struct target *target, const struct operation_spec *spec,
                          struct operation *operation, struct error *error);
void mcp_operation_release(struct target *target, struct operation *operation);
char *mcp_operation_arguments_text(const struct operation *operation, uint32_t variant);

/* The body of a call: pieces[0..*count) of prefix, id digits (written to id_digits, 24 bytes),
 * suffix; or one rendered piece in `rendered` for a templated body. -1 when a capture has no value.
 */
int mcp_operation_body(const struct mcp_operation *operation, uint32_t variant, int64_t id,
                       const struct template_context *context, char *id_digits,
                       struct buffer *rendered, struct iovec pieces[3], int *count,
                       const char **missing);
/* For a templated variant of modern HTTP (variant->body is set): the value of Mcp-Name, or of one
 * Mcp-Param header, read back from the body just rendered, so that header and body cannot differ.
 * Appends it, encoded and without a terminator: 0; 1 when the header is to be omitted; -1 when
 * `output` is full. */
int mcp_operation_rendered_name(const struct mcp_operation *operation, struct span body,
                                struct buffer *output);
int mcp_operation_rendered_param(const struct mcp_param_header *header, struct span body,
                                 struct buffer *output);
/* The value of Mcp-Name of a constant variant; NULL when the method has none. */
const char *mcp_operation_name_value(const struct mcp_operation *operation, uint32_t variant);
/* The params object of a request body as sent, new reference, for an MRTR retry: what was random in
 * a template stays what it was. */
json_t *mcp_operation_sent_params(struct span body);
/* params._meta and all, as sent for `variant`, expanded: new reference, for an MRTR retry. */
json_t *mcp_operation_params(const struct mcp_operation *operation, uint32_t variant,
                             const struct template_context *context);

#endif
