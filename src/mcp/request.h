/* Building what a client sends: JSON-RPC bodies with the metadata of their era, and the headers
 * that mirror them (Mcp-Method, Mcp-Name, Mcp-Param-*, with the Base64 sentinel where the value
 * needs it). */
#ifndef CICADA_MCP_REQUEST_H
#define CICADA_MCP_REQUEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "mcp/revision.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A request body is: prefix, the id in decimal, suffix. Made once, sent many times. */
struct mcp_request_text {
    char *prefix; /* {"jsonrpc":"2.0","id": */
    size_t prefix_length;
    char *suffix; /* ,"method":...,"params":{...}} */
    size_t suffix_length;
};

/* The object for params._meta in the modern era (protocolVersion, clientInfo, clientCapabilities
 * with elicitation (form), sampling, roots), new reference; NULL for legacy. progress_token: add
 * one when >= 0. */
json_t *mcp_request_meta(const struct mcp_revision *revision);
json_t *mcp_client_info(void); /* {"name":"cicada","version":...}, new reference */
json_t *mcp_client_capabilities(const struct mcp_revision *revision); /* new reference */

/* A copy of `params` (borrowed, an object, may be NULL) with the era's _meta in it: new reference.
 * NULL for legacy without params, or out of memory. */
json_t *mcp_request_params(const struct mcp_revision *revision, const json_t *params);

/* Build the text of a request. `params` (borrowed, may be NULL) gets the era's _meta added in a
 * copy. */
int mcp_request_text_build(struct mcp_request_text *text, const struct mcp_revision *revision,
                           const char *method, const json_t *params, struct error *error);
void mcp_request_text_free(struct mcp_request_text *text);

/* A notification or a response as a whole text, new string. */
char *mcp_notification_text(const struct mcp_revision *revision, const char *method,
                            const json_t *params);

/* Append `value` as a header value: as it is when it is safe visible ASCII, else =?base64?...?=.
 * -1 when the buffer is full; it is then unchanged. */
int mcp_header_value_append(struct buffer *output, const char *value, size_t length);

/* One x-mcp-header annotation of a tool: header Mcp-Param-<name> mirrors the argument at `path`. */
struct mcp_param_header {
    char *name;  /* "Mcp-Param-Region" */
    char **path; /* property names from the root, NULL-ended */
};
/* Collect and validate the annotations of an inputSchema. -1 with the reason when one is invalid:
 * the tool is to be excluded then. */
int mcp_param_headers_collect(const json_t *input_schema, struct mcp_param_header **headers,
                              size_t *count, struct error *error);
void mcp_param_headers_free(struct mcp_param_header *headers, size_t count);
/* The header's value for given arguments, encoded, new string; NULL when it is to be omitted:
 * absent, null, no primitive, or an integer beyond the safe range (+-(2^53 - 1)). */
char *mcp_param_header_value(const struct mcp_param_header *header, const json_t *arguments);

#endif
