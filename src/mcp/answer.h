/* Judging a server's answer and answering a server's questions. */
#ifndef CICADA_MCP_ANSWER_H
#define CICADA_MCP_ANSWER_H

#include "base/outcome.h"
#include "mcp/catalog.h"
#include "mcp/jsonrpc.h"
#include "mcp/revision.h"

#include <jansson.h>

/* What a final answer means for the operation that asked: exactly one outcome. `tool` (may be NULL)
 * gives the outputSchema for structuredContent. `text` (size bytes) gets a sentence for a person on
 * a failure, "" on success. input_required is returned as OUTCOME_INPUT_REQUIRED: the caller
 * resolves it with mcp_answer_inputs while rounds are left. Touches jansson only where a schema
 * must be checked. */
struct outcome mcp_answer_judge(const struct jsonrpc_message *message,
                                const struct mcp_revision *revision, const char *method,
                                const struct mcp_tool *tool, char *text, size_t text_size);

/* Build the params of the retry after an InputRequiredResult: same params plus inputResponses, and
 * requestState exactly as given, only if given. `params` is the original params object (borrowed).
 * New reference, NULL with an error when a request in it cannot be answered. */
json_t *mcp_answer_inputs(const json_t *params, const json_t *input_required_result,
                          struct error *error);

/* Our result for a server's own request (legacy: ping, roots/list, sampling/createMessage,
 * elicitation/create) or for one inputRequests entry: new reference; NULL when the method is
 * unknown (answer -32601 then). Elicitation is accepted with content generated from
 * requestedSchema, defaults first; sampling gets a fixed text of ours; roots an empty
 * list. */
json_t *mcp_answer_server_request(const char *method, const json_t *params);

/* The whole JSON-RPC response text to a server request (legacy), new string: id is copied verbatim.
 */
char *mcp_answer_server_request_text(const struct jsonrpc_message *request);

#endif
