/* The inside of the stdio driver: what its four files share. A server process is one shared
 * channel; the ids of the requests under way on it are slots of a table, so that an answer finds
 * its call without a search and a call costs no allocation. */
#ifndef CICADA_DRIVERS_MCP_STDIO_H
#define CICADA_DRIVERS_MCP_STDIO_H

#include "drivers/mcp_target.h"
#include "net/child.h"

#include <stdatomic.h>

enum {
    STDIO_SLOTS = 1024,
    STDIO_CAPACITY = 1000, /* calls at once; the rest are slots whose call is being completed */
    STDIO_ROUNDS = 8,      /* of a multi round-trip request */
    STDIO_TEXT = 512,
    STDIO_LINE_LIMIT = 64 * 1024 * 1024,
    STDIO_INPUT_LIMIT = 16 * 1024 * 1024,
    STDIO_BODY_LIMIT = 8 * 1024 * 1024,
    STDIO_KEPT_MEMORY = 64 * 1024 /* a larger buffer is given back after its call */
};

/* What comes on stdout and belongs to no call. Counted over all processes. */
enum stdio_stray {
    STRAY_NOISE,     /* a line that is no JSON-RPC message */
    STRAY_ID,        /* an answer to no request of ours */
    STRAY_DUPLICATE, /* a second answer to a request that was completed already */
    STRAY_TOO_LONG,  /* a line beyond STDIO_LINE_LIMIT */
    STRAY_REQUEST,   /* a request in the modern era, which has none */
    STRAYS
};

/* target->driver_data */
struct stdio_target {
    struct mcp_target mcp; /* first */
    uint64_t probe_timeout_ns, start_timeout_ns;
    struct mcp_request_text hello; /* the first request to a new process */
    char *initialized;             /* what follows it in the legacy era, NULL in the modern one */
    atomic_uint_least64_t strays[STRAYS];
};

struct stdio_slot {
    int64_t id; /* of the request under way; 0 when free */
    struct call *call;
    bool finished; /* answered, to be completed at the end of this turn of the loop */
    bool silenced; /* cancelled or given up: an answer that still comes is no violation */
    int64_t previous_id;
    bool previous_silenced;
    uint16_t next_free;
    struct buffer body, response;
};

struct stdio_unsent { /* a request that waits in the queue to stdin */
    int64_t id;
    uint64_t end; /* child.bytes_written once it is out */
};

enum stdio_state { STDIO_GREETING, STDIO_READY, STDIO_GONE };

struct stdio_process {
    struct child child;
    struct connection *connection; /* NULL once the engine let go of it */
    struct stdio_target *target;
    struct loop *loop;
    enum stdio_state state;
    uint64_t started_ns;
    struct loop_timer timer; /* of the greeting */
    struct loop_task deliver;
    int64_t sequence;
    unsigned pending; /* slots with a call that is not finished */
    uint16_t first_free, last_free;
    unsigned unsent_start, unsent_count;
    struct stdio_unsent unsent[STDIO_SLOTS]; /* a ring, oldest first */
    struct call *finished, **finished_tail;
    struct stdio_process *next, **link; /* in the worker's list */
    char text[STDIO_TEXT];
    struct stdio_slot slots[STDIO_SLOTS];
    char texts[STDIO_SLOTS][STDIO_TEXT]; /* by slot: why a call failed; memory only where touched */
};

struct stdio_worker {
    struct stdio_process *processes;
};
struct stdio_connection {
    struct stdio_process *process; /* NULL when it is over */
    struct connection *connection;
    struct loop_task failed; /* reports that no process could be started */
    char text[STDIO_TEXT];
};
struct stdio_call {
    uint16_t slot;
    uint16_t rounds;
    bool under_way;
    struct call *next; /* in the list of finished ones */
};

/* mcp_stdio_open.c */
int stdio_open(struct target *target, struct error *error);
void stdio_close(struct target *target);
/* A line of nothing but space: no message, and no harm. */
bool stdio_is_blank(const char *bytes, size_t length);
/* A sentence on how a process ended and what it said on stderr. */
void stdio_describe_exit(const struct child *child, int status, char *text, size_t size);

/* mcp_stdio_process.c: life, slots, sending, completing */
struct stdio_process *stdio_process_new(struct connection *connection);
void stdio_process_free(struct stdio_process *process);
/* Tell the engine that the connection is over, killing what is left; frees the process. */
void stdio_process_fail(struct stdio_process *process, const struct outcome *why, const char *text);
void stdio_process_submit(struct stdio_process *process, struct call *call);
void stdio_process_cancel(struct stdio_process *process, struct call *call,
                          const struct outcome *why);
/* One line, as it is; lost when stdin is full or closed. NULL: nothing. */
void stdio_process_write(struct stdio_process *process, const char *text);
/* Send what a slot's call asks, of any number of pieces up to 15. -1 when stdin is full or closed.
 */
int stdio_process_send(struct stdio_process *process, struct stdio_slot *slot,
                       const struct iovec *pieces, int count);
/* Fill in when queued requests left, now that more may have. */
void stdio_process_note_sent(struct stdio_process *process);
/* Settle a call's outcome; it is completed by stdio_process_deliver. `text` must stay until then.
 */
void stdio_process_finish(struct stdio_process *process, struct stdio_slot *slot,
                          struct outcome outcome, const char *text);
void stdio_process_deliver(struct loop_task *task);
/* A free slot under a new id, NULL when there is none. */
struct stdio_slot *stdio_slot_take(struct stdio_process *process);
void stdio_slot_release(struct stdio_process *process, struct stdio_slot *slot);
/* The one call that waits for an answer; NULL when there are none or several. */
struct stdio_slot *stdio_slot_only_pending(struct stdio_process *process);
/* STDIO_TEXT bytes for a sentence about the slot's call. */
char *stdio_slot_text(struct stdio_process *process, const struct stdio_slot *slot);

/* mcp_stdio_lines.c: what comes back */
extern const struct child_events stdio_process_events;
/* Greet the server: initialize or server/discover. The connection opens when it has answered. */
void stdio_process_greet(struct stdio_process *process);
void stdio_process_greeting_timeout(struct loop_timer *timer);

#endif
