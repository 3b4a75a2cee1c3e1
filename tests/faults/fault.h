/* The server that misbehaves on purpose: its faults are rows of tables. Each row says what the
 * server does and the one outcome that a correct client counts for it; `fault_server --list`
 * prints them, and the end-to-end test holds cicada against them. */
#ifndef CICADA_TESTS_FAULTS_FAULT_H
#define CICADA_TESTS_FAULTS_FAULT_H

#include "peer.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum era { LEGACY = 1, MODERN = 2, BOTH = LEGACY | MODERN };

struct call;

/* A tool whose calls fail in one particular way. */
struct fault_tool {
    const char *name;
    unsigned eras;     /* enum era: where the tool is listed */
    const char *doing; /* what the server does */
    /* outcome_kind_name a correct client counts; a|b: either, where chance decides; "excluded": the
     * client must leave the tool out, and say so; "withheld": it must not call it unasked;
     * "uncallable": no arguments can be made for it, which the client says. */
    const char *outcome;
    int code;           /* JSON-RPC code or HTTP status, 0 if none */
    const char *detail; /* NULL: any */
    void (*answer)(struct call *call);
    int number;                /* for `answer`: a status, a code, a size */
    const char *input_schema;  /* JSON; NULL: an object without properties */
    const char *output_schema; /* JSON; NULL: none */
    const char *annotations;   /* JSON; NULL: readOnlyHint */
};

/* A URL path under which the whole server is wrong. */
struct fault_path {
    const char *path;
    const char *doing;
    int exit_code;    /* what `cicada run` ends with */
    const char *says; /* a part of what it says on stderr */
    void (*answer)(struct peer *peer, const struct peer_request *request, int number);
    int number;
};

/* What a child process does in place of serving, or while it serves, over stdio. It offers the one
 * tool `work`. */
struct fault_child {
    const char *name;
    const char *doing;
    const char *outcome; /* of the calls; NULL when it does not come to any */
    int code;
    const char *detail;
    int exit_code;                      /* what `cicada run` ends with when outcome is NULL */
    const char *says;                   /* then: a part of what it says on stderr */
    void (*start)(void);                /* before the first line is read; NULL: nothing */
    void (*answer)(const json_t *id);   /* a tools/call; NULL: as usual */
    void (*discover)(const json_t *id); /* the modern probe; NULL: -32601 */
};

extern const struct fault_tool fault_tools_http[];    /* ended by name NULL */
extern const struct fault_tool fault_tools_message[]; /* ended by name NULL */
extern const struct fault_path fault_paths[];         /* ended by path NULL */
extern const struct fault_child fault_children[];     /* ended by name NULL */

/* Walk over all tools of both tables: start with 0; NULL at the end. */
const struct fault_tool *fault_tool_at(size_t index);
const struct fault_tool *fault_tool_find(const char *name, unsigned eras);
void fault_list_print(void); /* --list */

/* Serve over stdio with that fault until stdin ends. The exit code. */
int stdio_serve(const char *fault_name);

/* ---- the server --------------------------------------------------------------------------------
 */

struct fault_options {
    double service_ms;                  /* before every tools/call answer */
    uint64_t stall_ns, stall_period_ns; /* answers wait out the last stall_ns of each period */
    double error_rate;                  /* share of calls answered by tool_error */
    size_t leak_bytes;                  /* kept per call: for ever, or */
    size_t give_back_per_s;             /* given back at that rate while nobody calls; 0: never */
    unsigned session_calls;             /* a session is dropped after so many calls; 0: never */
    double refuse_after_s;              /* stop listening then; 0: never */
    bool accept_close;                  /* close each connection right after accept */
    bool quiet_tools;                   /* list only the tool ok_fast */
};

struct session {
    char id[48];
    unsigned calls;
    struct session *next;
};

/* A request of the server's own that waits for the client's answer. */
struct question {
    char id[32];
    json_t *answer; /* the response message, once it came */
    struct question *next;
};

/* An answer that a client fetches by GET with Last-Event-ID after its stream was cut. */
struct resumable {
    char event_id[64];
    char *message;
    int cuts_left; /* resumptions that are cut again */
    struct resumable *next;
};

struct fault_server {
    struct fault_options options;
    atomic_bool stopping;
    atomic_uint_fast64_t calls, sequence;
    atomic_uint_fast64_t stall_origin_ns; /* first tools/call */
    pthread_mutex_t mutex;                /* guards what follows */
    pthread_cond_t changed;
    struct session *sessions;
    struct question *questions;
    struct resumable *resumables;
    struct peer *peers;
    unsigned threads;
    uint64_t random_state;
};
extern struct fault_server server;

/* Memory kept for a call, and given back later, as the options say. */
void kept_take(void);
void kept_begin(void);
void kept_end(void); /* once `stopping`, or before the end */

/* Serve one request of an MCP endpoint. */
void mcp_serve(struct peer *peer, const struct peer_request *request, unsigned eras);

/* Serve one request of the server whose names and texts are hostile (a row of fault_paths). */
void hostile_serve(struct peer *peer, const struct peer_request *request, int unused);

/* ---- answering a tools/call --------------------------------------------------------------------
 */

struct call {
    struct peer *peer;
    const struct peer_request *request;
    enum era era;
    const struct fault_tool *tool;
    const json_t *id;
    const json_t *params; /* of the JSON-RPC request */
    const json_t *arguments;
    char session_id[48];    /* "" if none */
    unsigned session_calls; /* tools/call of this session so far, this one included */
};

/* The usual result of `call`: one text, resultType in the modern era. New reference. */
json_t *call_result(const struct call *call, const char *text);
/* Message texts, new strings. Steal `result`. id NULL: no id member. */
char *message_result(const json_t *id, json_t *result);
char *message_error(const json_t *id, int code, const char *text, json_t *data);
/* Answer with JSON. Steals `result`. */
void call_reply_result(struct call *call, json_t *result);
void call_reply_text(struct call *call, int status, char *message); /* frees message */
void call_reply_ok(struct call *call);
void call_reply_error(struct call *call, int status, int code, const char *text);
/* Ask the client on the open event stream (legacy) and wait for its answer, 5 s at most. New
 * reference to the response message; NULL when it did not come. */
json_t *call_ask(struct call *call, const char *method, json_t *params);
void server_drop_session(const char *id);
void server_keep_resumable(const char *event_id, char *message, int cuts);

#endif
