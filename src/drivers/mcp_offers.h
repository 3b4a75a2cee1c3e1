/* From a catalog to what a target offers; internal to the MCP drivers. */
#ifndef CICADA_DRIVERS_MCP_OFFERS_H
#define CICADA_DRIVERS_MCP_OFFERS_H

#include "drivers/mcp_target.h"

/* The kinds of offers, as a plan names them. */
#define OFFER_TOOL              "tool"
#define OFFER_RESOURCE          "resource"
#define OFFER_RESOURCE_TEMPLATE "resource_template"
#define OFFER_PROMPT            "prompt"
#define OFFER_COMPLETE          "complete"
#define OFFER_PING              "ping"
#define OFFER_DISCOVER          "discover"
#define OFFER_SESSION_CHURN     "session_churn"
#define OFFER_CONNECTION_CHURN  "connection_churn"

/* Fill target->offers, excluded, description and facts. driver_data of an offer: tool: struct
 * mcp_tool; prompt: struct mcp_prompt; resource_template: its json_t as listed; complete: its entry
 * of mcp->completions; the others none. */
int mcp_offers_make(struct target *target, struct mcp_target *mcp, struct error *error);

#endif
