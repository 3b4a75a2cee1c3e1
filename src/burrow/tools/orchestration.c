/* orchestration: the tables and the tool table for agents that work together; the work is in the
 * files beside this one. */
#include "burrow/tools/orchestration.h"

#include "burrow/tools/groups.h"

static const char *const migrations[] = {
    "CREATE TABLE agents(name TEXT PRIMARY KEY, capabilities TEXT NOT NULL, team TEXT NOT NULL,"
    " registered_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX agents_team ON agents(team, name);"
    "CREATE TABLE messages(id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL,"
    " sender TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL,"
    " taken_until INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX messages_receiver ON messages(receiver, id);"
    "CREATE TABLE locks(name TEXT PRIMARY KEY, holder TEXT NOT NULL, token INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX locks_holder ON locks(holder);"
    "CREATE TABLE events(topic TEXT NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL,"
    " published_at INTEGER NOT NULL, PRIMARY KEY(topic, position)) WITHOUT ROWID;"
    "CREATE TABLE shared_state(key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL,"
    " changed_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE workflows(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
    " created_at INTEGER NOT NULL);"
    "CREATE TABLE workflow_steps(workflow INTEGER NOT NULL REFERENCES workflows(id) ON DELETE "
    "CASCADE,"
    " number INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, note TEXT, changed_at "
    "INTEGER,"
    " PRIMARY KEY(workflow, name)) WITHOUT ROWID;"
    "CREATE TABLE workflow_needs(workflow INTEGER NOT NULL REFERENCES workflows(id) ON DELETE "
    "CASCADE,"
    " step TEXT NOT NULL, needed TEXT NOT NULL, PRIMARY KEY(workflow, step, needed)) WITHOUT ROWID",
    NULL};

/* clang-format off */
#define NAME(field, what) "\"" field "\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64, \"description\": \"" what "\"}"
#define LEASE "\"lease_ms\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 86400000, \"description\": \"how long it holds without renewal\"}"
#define LIMIT "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100, \"description\": \"results at most\"}"
#define ID    "\"id\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"of the workflow\"}"
#define INTEGER(field) "\"" field "\": {\"type\": \"integer\"}"
#define BOOLEAN(field) "\"" field "\": {\"type\": \"boolean\"}"
#define STRING(field)  "\"" field "\": {\"type\": \"string\"}"
#define NAMES(field)   "\"" field "\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
#define READS (TOOL_READ_ONLY | TOOL_IDEMPOTENT)

static const struct tool tools[] = {
    {"register_agent", "Register an agent", "Say that an agent is there, what it can do, and for how long without a heartbeat. Use it when an agent starts.",
     "ml", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(NAME("name", "of the agent") "," NAME("group", "it belongs to") "," LEASE
           ", \"capabilities\": {\"type\": \"array\", \"maxItems\": 32, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64}, \"description\": \"what it can do\"}",
           "\"name\"", JSON({"name": "planner", "group": "night shift", "capabilities": ["plan"], "lease_ms": 60000})),
     OUTPUT_SCHEMA(STRING("name") "," INTEGER("expires_at"), "\"name\", \"expires_at\""), tool_register_agent},
    {"unregister_agent", "Unregister an agent", "Say that an agent leaves: its locks are released and its mailbox is emptied.", "ml", TOOL_DESTRUCTIVE,
     INPUT_SCHEMA(NAME("name", "of the agent"), "\"name\"", JSON({"name": "planner"})),
     OUTPUT_SCHEMA(BOOLEAN("unregistered") "," INTEGER("locks_released"), "\"unregistered\", \"locks_released\""), tool_unregister_agent},
    {"list_agents", "List agents", "Who is alive, by group and capability.", "ml", READS,
     INPUT_SCHEMA(NAME("group", "only this group") "," NAME("capability", "only with this capability") "," LIMIT, "", JSON({"capability": "plan"})),
     OUTPUT_SCHEMA("\"agents\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" STRING("name") "," NAMES("capabilities") ","
            STRING("group") "," INTEGER("expires_at") "}, \"required\": [\"name\", \"expires_at\"]}}", "\"agents\""),
     tool_list_agents},
    {"heartbeat_agent", "Heartbeat", "Renew an agent's lease. Use it well before the lease ends; an agent that missed it has to register again.", "ml", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(NAME("name", "of the agent") "," LEASE, "\"name\"", JSON({"name": "planner"})),
     OUTPUT_SCHEMA(STRING("name") "," INTEGER("expires_at"), "\"name\", \"expires_at\""), tool_heartbeat_agent},
    {"send_agent_message", "Send a message", "Put a message into the mailbox of an agent, or of every living agent of a group. A mailbox holds 10,000.", "ml", 0,
     INPUT_SCHEMA(NAME("from", "who sends it") "," NAME("to", "an agent") "," NAME("group", "or a group")
           ", \"body\": {\"type\": [\"string\", \"object\"], \"maxLength\": 65536, \"description\": \"what to say\"}", "\"from\", \"body\"",
           JSON({"from": "planner", "group": "night shift", "body": {"task": 7}})),
     OUTPUT_SCHEMA(INTEGER("delivered"), "\"delivered\""), tool_send_agent_message},
    {"receive_agent_messages", "Receive messages",
     "Take messages from an agent's mailbox, oldest first, and acknowledge earlier ones by id. What is not acknowledged within 30 s comes again.", "ml", 0,
     INPUT_SCHEMA(NAME("name", "of the agent") "," LIMIT
           ", \"acknowledge\": {\"type\": \"array\", \"maxItems\": 100, \"items\": {\"type\": \"integer\", \"minimum\": 1}, \"description\": \"ids that are done with\"}",
           "\"name\"", JSON({"name": "planner", "limit": 5})),
     OUTPUT_SCHEMA("\"messages\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" INTEGER("id") "," STRING("from")
            ", \"body\": {}," INTEGER("sent_at") "}, \"required\": [\"id\", \"from\", \"body\"]}}," INTEGER("acknowledged"), "\"messages\", \"acknowledged\""),
     tool_receive_agent_messages},
    {"acquire_lock", "Acquire a lock",
     "Take a named lock for a time. It gives a fencing token that grows with every acquisition; a lock that is held says by whom. Use it around what only one may do.",
     "ml", 0,
     INPUT_SCHEMA(NAME("name", "of the lock") "," NAME("holder", "who wants it") "," LEASE, "\"name\", \"holder\"", JSON({"name": "deploy", "holder": "planner", "lease_ms": 5000})),
     OUTPUT_SCHEMA(BOOLEAN("acquired") "," STRING("holder") "," INTEGER("token") "," INTEGER("expires_at"), "\"acquired\", \"holder\", \"expires_at\""),
     tool_acquire_lock},
    {"release_lock", "Release a lock", "Give a lock back by its token. One that has passed to another is left alone: released is false then.", "ml", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(NAME("name", "of the lock") ", \"token\": {\"type\": \"integer\", \"minimum\": 1, \"description\": \"as acquire_lock gave it\"}", "\"name\", \"token\"",
           JSON({"name": "deploy", "token": 1})),
     OUTPUT_SCHEMA(BOOLEAN("released"), "\"released\""), tool_release_lock},
    {"publish_event", "Publish an event", "Append an event to a topic, which keeps the last 10,000. Use it to tell whoever may listen.", "ml", 0,
     INPUT_SCHEMA(NAME("topic", "of the event") ", \"data\": {\"type\": [\"string\", \"object\"], \"maxLength\": 65536, \"description\": \"what happened\"}", "\"topic\", \"data\"",
           JSON({"topic": "deployments", "data": {"version": "1.2.3"}})),
     OUTPUT_SCHEMA(INTEGER("position"), "\"position\""), tool_publish_event},
    {"poll_events", "Poll events", "Events of a topic after a position, oldest first; next is where to go on. Use it to follow a topic.", "ml", READS,
     INPUT_SCHEMA(NAME("topic", "to read") ", \"after\": {\"type\": \"integer\", \"minimum\": 0, \"default\": 0, \"description\": \"next of the poll before\"}," LIMIT, "\"topic\"",
           JSON({"topic": "deployments", "after": 0})),
     OUTPUT_SCHEMA("\"events\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" INTEGER("position") ", \"data\": {}," INTEGER("published_at")
            "}, \"required\": [\"position\", \"data\"]}}," INTEGER("next"), "\"events\", \"next\""),
     tool_poll_events},
    {"set_shared_state", "Set shared state",
     "Set a key, or with version only if it still has that version (0: it must not exist). set says whether it was; version is the current one. Use it to share settings without overwriting each other.",
     "ml", 0,
     INPUT_SCHEMA("\"key\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"value\": {\"type\": [\"string\", \"number\", \"boolean\", \"object\", \"array\"], \"maxLength\": 65536},"
           "\"version\": {\"type\": \"integer\", \"minimum\": 0, \"description\": \"the version it must have\"}", "\"key\", \"value\"",
           JSON({"key": "mode", "value": "careful"})),
     OUTPUT_SCHEMA(BOOLEAN("set") "," INTEGER("version"), "\"set\", \"version\""), tool_set_shared_state},
    {"get_shared_state", "Get shared state", "The value and the version of a key; found is false when there is none.", "ml", READS,
     INPUT_SCHEMA("\"key\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}", "\"key\"", JSON({"key": "mode"})),
     OUTPUT_SCHEMA(BOOLEAN("found") ", \"value\": {}," INTEGER("version") "," INTEGER("changed_at"), "\"found\", \"value\", \"version\""), tool_get_shared_state},
    {"create_workflow", "Create a workflow", "Steps that several agents work through, each after those it needs; list them in such an order. It gives the steps that may start.", "ml", 0,
     INPUT_SCHEMA("\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200},"
           "\"steps\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 200, \"items\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
           NAME("name", "of the step") ", \"needs\": {\"type\": \"array\", \"maxItems\": 50, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 64}}}, \"required\": [\"name\"]}}",
           "\"name\", \"steps\"", JSON({"name": "release", "steps": [{"name": "build"}, {"name": "test", "needs": ["build"]}, {"name": "ship", "needs": ["test"]}]})),
     OUTPUT_SCHEMA(INTEGER("id") "," NAMES("startable"), "\"id\", \"startable\""), tool_create_workflow},
    {"advance_workflow", "Advance a workflow", "Report how a step stands; it gives the steps that may start next. A step whose needs are not done is refused.", "ml", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(ID "," NAME("step", "its name") ", \"status\": {\"enum\": [\"running\", \"done\", \"failed\", \"waiting\"]},"
           "\"note\": {\"type\": \"string\", \"maxLength\": 4096}", "\"id\", \"step\", \"status\"", JSON({"id": 1, "step": "build", "status": "done"})),
     OUTPUT_SCHEMA(STRING("step") "," STRING("status") "," NAMES("startable"), "\"step\", \"status\", \"startable\""), tool_advance_workflow},
    {"get_workflow_status", "Workflow status", "How far a workflow is, step by step, and what may start.", "ml", READS,
     INPUT_SCHEMA(ID, "\"id\"", JSON({"id": 1})),
     OUTPUT_SCHEMA("\"steps\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" STRING("name") "," STRING("status")
            ", \"note\": {\"type\": [\"string\", \"null\"]}}, \"required\": [\"name\", \"status\"]}}," INTEGER("done") "," INTEGER("failed")
            ", \"progress\": {\"type\": \"number\"}," NAMES("startable"), "\"steps\", \"done\", \"failed\", \"progress\", \"startable\""),
     tool_get_workflow_status},
};
/* clang-format on */

const struct tool_group tools_orchestration = {
    .name = "orchestration",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
