/* The SQLite driver's own types, shared by its files:
 *   sqlite.c            the driver's table: offers, workers, connections, calls
 *   sqlite_open.c       the target: settings, the file, its tables, and their removal
 *   sqlite_handle.c     one sqlite3 connection and its prepared statements
 *   sqlite_operation.c  what the operations are, and their parameters
 *   sqlite_run.c        running one on a thread; the answer as JSON
 *
 * A connection is an sqlite3 handle, used by one thread of the pool at a time: connections have a
 * capacity of one call, and a handle whose call was given up under way is used no more. */
#ifndef CICADA_DRIVERS_SQLITE_INTERNAL_H
#define CICADA_DRIVERS_SQLITE_INTERNAL_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/blocking_call.h"
#include "drivers/setting.h"

#include <sqlite3.h>

#define SQLITE_PREFIX_SIZE     48
#define SQLITE_MOST_STATEMENTS 32
#define SQLITE_MOST_PARAMETERS 64 /* of one operation, over all its statements */
#define SQLITE_WORDS           1000

/* ---- the target --------------------------------------------------------------------------------
 */

struct sqlite_settings {
    uint64_t threads, rows, busy_timeout_ns, cache_bytes, max_pages;
    char *prefix, *journal, *synchronous; /* NULL: not given */
};

struct sqlite_target {
    struct sqlite_settings settings;
    char *path;
    char prefix[SQLITE_PREFIX_SIZE]; /* of our tables, with its underscore */
    char journal_before[16];      /* the file's mode, to be restored; "" : we did not change it */
    bool opening;                 /* an interrupt is heeded */
    bool created;                 /* the file is ours and goes when we do */
    bool has_tables;              /* ours are in it */
    bool has_search;              /* SQLite was built with FTS5 */
    struct sqlite_handle *handle; /* of the coordinator; open as long as the target */
    struct blocking_pool *pool;
    unsigned threads;
    uint32_t statement_count; /* indices given to statements so far */
};

int sqlite_target_open(struct target *target, struct error *error);
void sqlite_target_close(struct target *target);
json_t *sqlite_target_report(struct target *target);

/* ---- handles -----------------------------------------------------------------------------------
 */

enum sqlite_own_statement { OWN_BEGIN, OWN_COMMIT, OWN_ROLLBACK, OWN_STATEMENTS };

struct sqlite_handle {
    struct blocking_job job; /* opening and closing */
    const struct sqlite_target *target;
    struct connection *connection; /* NULL: disconnected */
    sqlite3 *database;
    sqlite3_stmt **statements; /* by their index in the target; NULL: not prepared yet */
    uint32_t statement_count;
    bool configured;
    bool opening;           /* its job is under way */
    bool busy;              /* a call given up under way still uses it */
    atomic_bool stop;       /* that call is to end: waits for a lock no longer */
    uint64_t waiting_since; /* for a lock; 0: not */
    struct outcome outcome; /* of opening */
    char text[BLOCKING_TEXT_SIZE];
};

/* Open and configure; on a thread that may block. The code of SQLite; on a failure `text` says
 * more. A file that is locked or no database opens: its operations fail. */
int sqlite_handle_open(struct sqlite_handle *handle);
void sqlite_handle_close(struct sqlite_handle *handle);
int sqlite_handle_configure(struct sqlite_handle *handle); /* if that failed so far */
/* Run SQL without parameters. The code of SQLite. */
int sqlite_handle_execute(struct sqlite_handle *handle, const char *sql);
/* From another thread: end what runs on it, soon. */
void sqlite_handle_stop(struct sqlite_handle *handle);

/* "SQLITE_BUSY" for 5 and its extended codes. */
const char *sqlite_code_name(int code);

/* ---- operations --------------------------------------------------------------------------------
 */

enum sqlite_source { /* of a parameter's value */
                     SOURCE_CONSTANT,
                     SOURCE_TEXT,    /* a template that gives text */
                     SOURCE_JSON,    /* one that gives a JSON value: "${user:json}" */
                     SOURCE_ROW,     /* the id of a row made by open() */
                     SOURCE_KEY,     /* a new unique key */
                     SOURCE_SCORE,   /* a number in [0, 1000) */
                     SOURCE_WORD,    /* one that occurs in the texts */
                     SOURCE_SENTENCE /* a text to be found by its words */
};

struct sqlite_value {
    int type; /* SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT or SQLITE_NULL */
    sqlite3_int64 integer;
    double real;
    size_t offset, length; /* of the text, in the task's buffer */
};

struct sqlite_parameter {
    enum sqlite_source source;
    char *name;       /* ":name"; NULL: by its position */
    json_t *constant; /* of SOURCE_CONSTANT */
    struct text_template *template;
};

struct sqlite_statement {
    char *sql;
    uint32_t index;
    struct sqlite_parameter *parameters;
    size_t parameter_count;
};

struct sqlite_operation {
    atomic_uint holders; /* its operation, and tasks: one given up may run on after the release */
    struct sqlite_statement *statements;
    size_t statement_count;
    bool is_transaction;  /* between BEGIN IMMEDIATE and COMMIT */
    bool expects_row;     /* no row is a wrong answer */
    char *arguments_text; /* NULL: none */
};

struct sqlite_task {
    struct blocking_task task;
    struct sqlite_handle *handle;
    struct sqlite_operation *operation;
    struct sqlite_value values[SQLITE_MOST_PARAMETERS];
    size_t value_count;
    struct buffer text; /* of the values */
    struct buffer response;
    bool wants_response;
};

/* The operations every target offers; an offer's driver_data points to one. */
struct sqlite_default {
    const char *name, *description;
    double weight;
    bool writes, is_transaction, expects_row, searches;
    struct {
        const char *sql; /* @ stands for the prefix */
        enum sqlite_source sources[6];
        unsigned source_count;
    } statements[5];
};
extern const struct sqlite_default sqlite_defaults[]; /* ended by one without a name */

int sqlite_prepare(struct target *target, const struct operation_spec *spec,
                   struct operation *operation, struct error *error);
void sqlite_release(struct target *target, struct operation *operation);
void sqlite_operation_drop(struct sqlite_operation *operation); /* one holder less */
char *sqlite_arguments_text(const struct operation *operation, uint32_t variant);
char *sqlite_request_text(const struct call *call);

/* Give the parameters their values, on the loop. -1: *missing says what has none. */
int sqlite_fill_values(struct sqlite_task *task, const struct template_context *context,
                       struct random *random, uint64_t rows, const char **missing);
/* A text with `words` words of our vocabulary, for the column that is searched. */
int sqlite_append_words(struct buffer *text, struct random *random, unsigned words);

/* Run the task's operation on its handle, on a thread. */
void sqlite_run(struct blocking_task *task);

#endif
