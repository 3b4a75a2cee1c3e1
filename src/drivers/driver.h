/* What an operation source is: one table of functions. The engine decides when and for whom an
 * operation runs; a driver knows how to run one and how it ended. A driver knows nothing of users,
 * phases or schedules; the engine knows nothing of protocols.
 *
 * Life of a target:  open (blocking, once, on the coordinator's thread) -> prepare, once per
 * operation of the mix -> on each worker thread: worker_open, connect, submit..., disconnect,
 * worker_close -> release, close. Between prepare and release everything reachable from `struct
 * target` is read-only, so that workers share it without locks.
 *
 * The objects `connection`, `session`, `call` and `driver_worker` are allocated by the engine in
 * one piece with the driver's own part behind them (the *_size fields of the driver); no allocation
 * per operation. The driver's part is zeroed before first use and reached with driver_part(). */
#ifndef CICADA_DRIVERS_DRIVER_H
#define CICADA_DRIVERS_DRIVER_H

#include "base/error.h"
#include "base/loop.h"
#include "base/outcome.h"
#include "base/random.h"
#include "drivers/target_options.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target;
struct driver;

/* ---- what a target offers, found by open() ------------------------------------------------- */

enum offer_hint { /* what the target says of a tool; several may hold */
                  OFFER_READ_ONLY = 1,
                  OFFER_DESTRUCTIVE = 2,        /* destructiveHint: true, and not read-only */
                  OFFER_DESTRUCTIVE_UNSAID = 4, /* says nothing about it, and not read-only */
                  OFFER_IDEMPOTENT = 8,
                  OFFER_OPEN_WORLD = 16
};

/* One thing that can be asked of the target: a tool, a resource, a prompt, a command. */
struct offer {
    char *kind; /* "tool", "resource", "prompt", "ping", "tools/list", "discover",
                   "complete", "session_churn", "connection_churn", "command", ... */
    char *name; /* unique within the kind: "echo", "file:///a", "GET"; equal to kind if alone */
    char *description; /* may be NULL */
    unsigned hints;    /* enum offer_hint */
    double weight;     /* in a mix that names nothing; 0 means 1 */
    void *driver_data; /* the driver's own, e.g. the tool */
};

/* A tool that cannot be used and why: invalid x-mcp-header annotations, a schema that does not
 * compile */
struct offer_excluded {
    char *name;
    char *reason;
};

/* ---- operations, made by prepare() ----------------------------------------------------------- */

enum operation_flag {
    OPERATION_SETUP = 1, /* session_open and session_close: kept out of the figures of a phase */
    OPERATION_NEW_CONNECTION = 2 /* the engine gives it a connection of its own and closes that
                                    after: connection_churn */
};

/* What the mix asks for. */
struct operation_spec {
    const struct offer *offer;
    const json_t *arguments; /* from the plan, with ${...} in its strings; NULL: generate */
    unsigned variants;       /* argument sets to generate; at least 1 */
    const char *where;       /* for messages */
};

struct operation {
    char *name;     /* as reported: the tool's name, or "resources/read file:///a" */
    char *category; /* set by the engine, which owns it; NULL until then; release leaves it alone */
    uint32_t index; /* in the target's operations; set by the engine */
    unsigned flags; /* enum operation_flag */
    const struct offer *offer;
    void *driver_data;
};

/* ---- targets -----------------------------------------------------------------------------------
 */

struct target {
    const struct driver *driver;
    const struct target_options *options;
    char *description; /* "everything 2.0.0, MCP 2025-11-25, Streamable HTTP": for people */
    json_t *facts;     /* for result.json: protocol, transport, server name and version, ... */
    /* Why open() failed, when a run goes on without the target: nothing but driver and options is
     * valid then. NULL: it is open. Owned by whoever opened it. */
    char *unavailable;
    bool asked_for; /* unavailable, though the plan names it: a failure, not a lack */
    pid_t pid;      /* of a local target when known (child, or found by its port), 0 otherwise */
    struct offer *offers;
    size_t offer_count;
    struct offer_excluded *excluded;
    size_t excluded_count;
    bool needs_session; /* each user opens a session with session_open before its first call */
    struct operation session_open;  /* OPERATION_SETUP; name "initialize"; valid if needs_session */
    struct operation session_close; /* OPERATION_SETUP; name "session/close" */
    unsigned max_connections;       /* 0: no limit; stdio: processes */
    unsigned
        calls_per_connection; /* upper bound of calls under way on one connection: 1 for HTTP/1.1,
                                 more for HTTP/2, SSE and stdio; the connection has the last word */
    /* Told the steps of open() as they are taken, for `cicada diagnose`; NULL: nobody listens. */
    void (*trace)(struct target *target, const char *step, bool ok, const char *text);
    void *trace_context;
    void *driver_data;
};

/* For drivers, in open(): step is "resolve", "connect", "tls", "era", "handshake", "tools", ...;
 * text says what was found, or what failed and what to do about it. */
void target_trace(struct target *target, const char *step, bool ok, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One per worker thread and target. */
struct driver_worker {
    struct target *target;
    struct loop *loop;
    uint32_t index; /* of the worker thread */
    /* driver's part follows */
};

/* ---- connections, sessions, calls -------------------------------------------------------------
 */

struct connection {
    struct driver_worker *worker;
    /* Called by the driver, never from inside connect/submit/disconnect. `closed` comes at most
     * once, also for a connect that failed; calls under way on it have been completed before. */
    void (*opened)(struct connection *connection);
    void (*closed)(struct connection *connection, const struct outcome *why, const char *text);
    unsigned capacity;  /* set by the driver when opened: calls it takes at once */
    unsigned in_flight; /* kept by the engine */
    bool reusable; /* set by the driver; false: give it no further call, disconnect when idle. Must
                      be false before a call is completed whose end is that of the connection */
    uint64_t connect_ns, tls_ns; /* set by the driver before `opened` */
    void *engine_data;
    /* driver's part follows */
};

/* What a protocol remembers of one virtual user between its calls: an MCP session. */
struct session {
    struct driver_worker *worker;
    bool open; /* kept by the driver: session_open succeeded, session_close did not run since */
    /* driver's part follows */
};

/* Where ${...} in arguments come from; see base/template.h. */
struct template_context;

struct call {
    /* Set by the engine before submit. */
    const struct operation *operation;
    struct connection *connection;
    struct session *session;
    const struct template_context *context;
    uint32_t variant;     /* which argument set: any number, the driver takes it modulo its count */
    uint64_t deadline_ns; /* when the engine will cancel it; for information */
    bool keep_request;    /* keep the request's text for an example (see request_text) */
    bool want_response; /* the engine reads `response` in `complete`: captures, checks, examples */
    /* Called by the driver exactly once per submit, never from inside submit or cancel. The engine
     * may submit the next call, on the same connection even, from inside it; it never disconnects
     * from inside it. The call is the engine's again once this was called. */
    void (*complete)(struct call *call);
    void *engine_data;

    /* Zero at submit; set by the driver before complete. Times are clock_now_ns; 0 when it did not
     * come to that. */
    struct outcome outcome;
    const char *text; /* a sentence for a person on a failure; valid in complete; may be NULL */
    uint64_t send_ns, sent_ns, first_byte_ns, end_ns;
    uint64_t bytes_sent, bytes_received;
    uint64_t
        thread_wait_ns;   /* submitted until send_ns, if a thread of the driver runs it; else 0 */
    uint32_t round_trips; /* more than 1 after MRTR, a renewed session, or a resumed stream */
    const char *response; /* the answer's text; valid in complete, NULL if none */
    size_t response_length;
    /* driver's part follows */
};

static inline void *driver_part_of_worker(struct driver_worker *worker)
{
    return worker + 1;
}
static inline void *driver_part_of_connection(struct connection *connection)
{
    return connection + 1;
}
static inline void *driver_part_of_session(struct session *session)
{
    return session + 1;
}
static inline void *driver_part_of_call(struct call *call)
{
    return call + 1;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct driver {
    const char *name;                                      /* as in a plan: "mcp_http" */
    const char *summary;                                   /* one line for --help */
    bool (*accepts)(const struct target_options *options); /* true: this URL or command is mine */
    size_t worker_size, connection_size, session_size, call_size; /* the driver's own parts */

    /* Blocking: resolve, connect, negotiate, discover offers. Fills `target` (zeroed but for driver
     * and options). ERROR_USAGE for wrong options, ERROR_TARGET when it cannot be reached. */
    int (*open)(struct target *target, struct error *error);
    void (*close)(struct target *target);

    /* Make one operation: generate or compile its arguments, render what can be rendered. */
    int (*prepare)(struct target *target, const struct operation_spec *spec,
                   struct operation *operation, struct error *error);
    void (*release)(struct target *target, struct operation *operation);
    /* The arguments of variant `variant` as JSON text for a person, with placeholders unexpanded;
     * the caller frees. NULL when the operation takes none. */
    char *(*arguments_text)(const struct operation *operation, uint32_t variant);
    /* The request this call sent, as JSON text for an example (no headers, no secrets); the caller
     * frees. May be NULL. */
    char *(*request_text)(const struct call *call);

    int (*worker_open)(struct driver_worker *worker, struct error *error);
    void (*worker_close)(struct driver_worker *worker);

    void (*connect)(struct connection *connection); /* `opened` or `closed` follows */
    /* At once; no callback follows. Called exactly once for every connect, also after `closed`
     * (then only what the driver still holds is freed), and never with calls under way. */
    void (*disconnect)(struct connection *connection);
    void (*submit)(struct call *call); /* `complete` follows */
    /* The engine gives up (timeout or phase end): stop it as the protocol says, and complete it
     * with `why`. A late answer is ignored and is no violation. */
    void (*cancel)(struct call *call, const struct outcome *why);
    /* Free what a session holds; the engine calls it before it frees the session, open or not. */
    void (*session_discard)(struct session *session);
    /* What is known only after a run (recall, sizes): an object whose members are added to the
     * target's facts in the result; the caller owns it. Called once per run, after the last
     * worker_close and before release. NULL (the function or its answer): nothing to add. */
    json_t *(*report)(struct target *target);
};

/* The table of all drivers, NULL-ended: adding one is a file and a line (drivers/drivers.c). */
extern const struct driver *const drivers[];
const struct driver *driver_by_name(const char *name); /* NULL if unknown */
const struct driver *driver_for(const struct target_options *options, struct error *error);

/* For drivers: add an offer to a target being opened; strings are copied. Returns it, NULL when out
 * of memory. */
struct offer *target_add_offer(struct target *target, const char *kind, const char *name,
                               const char *description, unsigned hints, void *driver_data);
int target_add_excluded(struct target *target, const char *name, const char *reason);
void target_free_offers(struct target *target); /* offers, excluded, description, facts */

#endif
