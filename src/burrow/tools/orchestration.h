/* What the tools for several agents share: the tables, and reading their rows. Leases, locks and
 * state are rows of the records with the time they end, so that a restart frees nothing that
 * somebody still holds. */
#ifndef BURROW_TOOLS_ORCHESTRATION_H
#define BURROW_TOOLS_ORCHESTRATION_H

#include "burrow/tools/schema_text.h"
#include "burrow/tools/tool.h"

#define MAILBOX_LIMIT 10000 /* unread messages of one agent */
#define TOPIC_LIMIT   10000 /* events that a topic keeps: the oldest go */

/* orchestration_agents.c */
int tool_register_agent(struct tool_call *call);
int tool_unregister_agent(struct tool_call *call);
int tool_list_agents(struct tool_call *call);
int tool_heartbeat_agent(struct tool_call *call);
int tool_send_agent_message(struct tool_call *call);
int tool_receive_agent_messages(struct tool_call *call);

/* orchestration_shared.c */
int tool_acquire_lock(struct tool_call *call);
int tool_release_lock(struct tool_call *call);
int tool_publish_event(struct tool_call *call);
int tool_poll_events(struct tool_call *call);
int tool_set_shared_state(struct tool_call *call);
int tool_get_shared_state(struct tool_call *call);

/* orchestration_workflows.c */
int tool_create_workflow(struct tool_call *call);
int tool_advance_workflow(struct tool_call *call);
int tool_get_workflow_status(struct tool_call *call);

#endif
