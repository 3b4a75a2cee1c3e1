/* The Redis driver (redis://, rediss://, unix://), by file:
 *   redis.c           the driver's table, workers, operations
 *   redis_options.c   URL and driver options -> struct redis_settings
 *   redis_program.c   an operation's commands, compiled so that rendering them copies bytes
 *   redis_defaults.c  the default mix, and the data set it works on
 *   redis_error.c     error replies -> outcomes
 *   redis_link.c      a socket that speaks RESP: greeting (HELLO, AUTH, SELECT), framing
 *   redis_call.c      connections and calls of a run, on a link each
 *   redis_control.c   the blocking conversation of open() and close(), on a link too
 *   redis_open.c      open() and close() of a target
 * Internal to these files and their tests. */
#ifndef CICADA_DRIVERS_REDIS_H
#define CICADA_DRIVERS_REDIS_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/driver.h"
#include "net/resp.h"
#include "net/stream.h"

enum {
    REDIS_TEXT = 320,            /* bytes of a sentence about a failure */
    REDIS_MOST_COMMANDS = 64,    /* of one operation */
    REDIS_MOST_ARGUMENTS = 1024, /* of one command */
    REDIS_MOST_PIPELINE = 10000, /* calls on one connection */
    REDIS_INPUT_SIZE = 64 * 1024 /* one read */
};
#define REDIS_REPLY_LIMIT  ((size_t)512 * 1024 * 1024) /* what a Redis string can be */
#define REDIS_OUTPUT_LIMIT ((size_t)512 * 1024 * 1024)

/* ---- settings ----------------------------------------------------------------------------------
 */

struct redis_settings {
    char *host; /* "/path" of a Unix socket */
    uint16_t port;
    bool tls;
    char *user, *password; /* NULL: none */
    uint64_t database;
    unsigned protocol;   /* 2 or 3; 0: 3 if the server knows it */
    uint64_t pipeline;   /* calls a connection takes at once */
    uint64_t keys;       /* strings of the data set; a tenth as many of each other kind */
    uint64_t value_size; /* bytes of a value */
    uint64_t ttl_ns;     /* of every key; whole seconds */
    uint64_t prepare;    /* 0: write no data set */
    char *prefix;        /* of every key, with what is unique to this run */
    char *protocol_text; /* "auto", "2", "3"; NULL: auto */
};

/* Read URL, its query and driver_options, the later over the earlier. -1 with ERROR_USAGE naming
 * the setting. */
int redis_settings_read(struct redis_settings *settings, const struct target_options *options,
                        struct error *error);
void redis_settings_free(struct redis_settings *settings);
/* True when the URL is one for this driver. */
bool redis_settings_accept(const char *url);

/* ---- programs ----------------------------------------------------------------------------------
 */

/* Part of the rendered commands: bytes as they are, or one argument that changes. */
struct redis_piece {
    enum redis_piece_kind {
        REDIS_BYTES,    /* as they are */
        REDIS_TEMPLATE, /* an argument with ${...} */
        REDIS_KEY       /* an argument: the bytes, then a number below `count`, the same draw for
                           all keys of one rendering */
    } kind;
    char *bytes;
    size_t length;
    uint64_t count;
    struct text_template *text_template;
};

struct redis_program {
    struct redis_piece *pieces;
    size_t piece_count;
    unsigned command_count; /* replies that must come */
    json_t *arguments;      /* as JSON for a person: {"command": [...]} or {"commands": [...]} */
    struct buffer building; /* private: bytes of the piece being made */
};

/* Make a program argument by argument: redis_program_command begins a command. -1: out of memory.
 */
int redis_program_command(struct redis_program *program, size_t argument_count);
int redis_program_text(struct redis_program *program, const char *text);
int redis_program_key(struct redis_program *program, const char *prefix, uint64_t count);
/* -1 with ERROR_USAGE when a placeholder is unknown. */
int redis_program_template(struct redis_program *program, const char *text, struct error *error);
int redis_program_finish(struct redis_program *program);
/* Compile {"command": [...]} or {"commands": [[...], ...]} of a plan; "{prefix}" in a string is
 * replaced. `where` is for messages. */
int redis_program_compile(struct redis_program *program, const json_t *arguments,
                          const char *prefix, const char *where, struct error *error);
void redis_program_free(struct redis_program *program);
/* The name of an operation made of these arguments: theirs, or the first words of the command. The
 * caller frees; NULL: out of memory. */
char *redis_program_name(const json_t *arguments);

/* Append the commands. -1 when the buffer is full (*missing is NULL), or a capture or column has no
 * value (*missing is its name); the output is then as before. `scratch` is cleared and used. */
int redis_program_append(const struct redis_program *program,
                         const struct template_context *context, struct buffer *scratch,
                         struct buffer *output, const char **missing);

/* ---- the default mix ----------------------------------------------------------------------------
 */

struct redis_default;
/* Offer the default operations and "custom". -1: out of memory. */
int redis_defaults_offer(struct target *target);
int redis_defaults_compile(const struct redis_default *operation,
                           const struct redis_settings *settings, struct redis_program *program,
                           struct error *error);
/* Append the commands that prepare item `index` of the data set; *replies is how many. The data set
 * has redis_defaults_items() of them. -1: out of memory. */
uint64_t redis_defaults_items(const struct redis_settings *settings);
int redis_defaults_item(const struct redis_settings *settings, uint64_t index,
                        struct buffer *output, unsigned *replies);

/* ---- error replies ------------------------------------------------------------------------------
 */

/* The outcome of an error reply whose text is `text`, and a sentence about it with a remedy where
 * there is one. NOAUTH, WRONGPASS and their like have detail "auth"; others that of their first
 * word, or of what an ERR says. */
struct outcome redis_error_outcome(const char *text, size_t length, char *sentence, size_t size);
bool redis_error_is(const char *text, size_t length, const char *beginning);

/* ---- links --------------------------------------------------------------------------------------
 */

struct redis_target {
    struct redis_settings settings;
    struct stream_address address;
    struct tls_settings *tls;
    uint64_t connect_timeout_ns;
    bool opening;      /* an interrupt is heeded */
    bool refused;      /* by open(): the greeting was */
    bool may_own_keys; /* something may have been written under the prefix */
};

struct redis_link;
struct redis_link_events {
    void (*ready)(struct redis_link *link); /* greeted: commands may be sent */
    /* The server refused the greeting, but stays connected; redis_link_greet tries again. */
    void (*refused)(struct redis_link *link, const struct outcome *why, const char *text);
    /* The answer to HELLO; may be NULL. */
    void (*welcomed)(struct redis_link *link, const char *reply, size_t length);
    /* One reply, described by link->reader; the bytes are valid until it returns. False: nobody
     * asked for it. Must not close the link. */
    bool (*reply)(struct redis_link *link, const char *reply, size_t length);
    /* All replies that came together were told, or the socket takes bytes again: flush. */
    void (*settled)(struct redis_link *link);
    /* Could not connect, or lost; the link is closed. */
    void (*failed)(struct redis_link *link, const struct outcome *why, const char *text);
};

enum redis_step {
    REDIS_CLOSED,
    REDIS_CONNECTING,
    REDIS_HELLO,
    REDIS_AUTH,
    REDIS_SELECT,
    REDIS_REFUSED,
    REDIS_READY
};

struct redis_link {
    struct loop *loop;
    const struct redis_target *target;
    const struct redis_link_events *events;
    char *input_space; /* REDIS_INPUT_SIZE bytes to read into, shared by the links of a thread */
    struct stream stream;
    struct loop_timer timer; /* of the first greeting */
    enum redis_step step;
    bool blocked;      /* the socket took less than it was offered */
    bool no_memory;    /* for the greeting: the timer tells */
    unsigned protocol; /* 2 or 3, once greeted */
    struct resp_reader reader;
    struct buffer input;  /* a reply that is not whole yet */
    struct buffer output; /* not yet taken by the socket */
    uint64_t written;     /* bytes the socket took so far */
    uint64_t read_ns;     /* when what is being read came */
    uint64_t started_ns;  /* when the reply being read began; 0: it did not */
    char text[REDIS_TEXT];
};

/* `ready`, `refused` or `failed` follows, never from inside. */
void redis_link_open(struct redis_link *link, struct loop *loop, const struct redis_target *target,
                     char *input_space, const struct redis_link_events *events);
/* Greet again after `refused`, which may follow again. */
void redis_link_greet(struct redis_link *link);
/* Give the output to the socket, as much as it takes. */
void redis_link_flush(struct redis_link *link);
/* At once, without a callback; harmless on a zeroed link and twice. */
void redis_link_close(struct redis_link *link);

/* ---- control ------------------------------------------------------------------------------------
 */

/* A blocking conversation, for open() and close(). */
struct redis_control {
    struct loop loop;
    struct redis_link link;
    char *input_space;
    enum {
        REDIS_CONTROL_WAITS,
        REDIS_CONTROL_READY,
        REDIS_CONTROL_REFUSED,
        REDIS_CONTROL_FAILED
    } state;
    struct outcome outcome; /* of what refused or failed */
    char text[REDIS_TEXT];
    unsigned expected; /* replies to come */
    uint64_t deadline_ns;
    /* Called for every reply. */
    void (*reply)(struct redis_control *control, const char *reply, size_t length);
    void *context;
    char server[32], version[32], mode[32], role[32]; /* "" where unknown */
    char tls[128];
};

/* Connect and greet. 0 when ready; 1 when the server refused (outcome and text say why); -1 with
 * ERROR_TARGET when there is no server. */
int redis_control_open(struct redis_control *control, const struct redis_target *target,
                       uint64_t timeout_ns, struct error *error);
/* Send what was appended to link.output and wait for `replies` more replies. -1 with ERROR_TARGET.
 */
int redis_control_run(struct redis_control *control, unsigned replies, uint64_t timeout_ns,
                      struct error *error);
void redis_control_close(struct redis_control *control);

/* ---- connections and calls
 * ----------------------------------------------------------------------- */

struct redis_worker {
    char *input_space;
    struct buffer scratch; /* one rendered argument */
    struct random random;  /* for calls without a context */
};

/* A call whose answer is awaited. Answers come in the order of the requests. */
struct redis_pending {
    struct call *call; /* NULL: given up; its answer is dropped */
    uint64_t end;      /* link.written once the request is out */
    unsigned replies;  /* that must still come */
    bool keep;         /* the replies as JSON */
    struct buffer request, response;
};

struct redis_connection {
    struct redis_link link;
    struct connection *connection;
    struct redis_pending *ring; /* as many as the connection takes, oldest at `head` */
    unsigned capacity, head, count;
    unsigned offered, sent;  /* of `count`, from the head */
    struct call *greeting;   /* refused before: this call greets again */
    struct loop_task flush;  /* what this turn of the loop submitted */
    struct loop_task finish; /* the calls that ended inside submit or cancel */
    struct call *finished, **finished_tail;
    bool refused, reading;
    char text[REDIS_TEXT];
};

struct redis_call {
    struct call *next; /* in `finished` */
    unsigned slot;     /* in the ring */
    bool pending;      /* its answer is awaited */
    bool sent;         /* the slot was its own, and holds its request */
};

struct redis_operation {
    struct redis_program program;
};

void redis_connect(struct connection *connection);
void redis_disconnect(struct connection *connection);
void redis_submit(struct call *call);
void redis_cancel(struct call *call, const struct outcome *why);
char *redis_request_text(const struct call *call);

/* redis_open.c */
int redis_open(struct target *target, struct error *error);
void redis_close(struct target *target);

#endif
