/* The cross_tier driver: one logical write or read of a memory that is kept in several tiers at
 * once (record in SQLite, vector in FAISS, relation in Neo4j, cache in Redis), as one operation
 * with one outcome. It speaks no protocol: it is made of the tiers' own drivers, whose connections
 * and calls it owns. By file: cross_tier.c       the driver's table, workers, connections
 *   cross_tier_call.c  a call: its steps, one after the other, and the check of what they read
 *   cross_tier_open.c  the parts: which tiers, how they are opened, what each step asks of them
 * Internal to these files. */
#ifndef CICADA_DRIVERS_CROSS_TIER_H
#define CICADA_DRIVERS_CROSS_TIER_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/driver.h"
#include "metrics/histogram.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    CROSS_PARTS = 4,      /* tiers there are */
    CROSS_RECORDS = 1024, /* what a worker remembers of what it wrote, to read it again */
    CROSS_TEXT = 512,
    CROSS_VALUE = 80 /* bytes of a key or a value, as JSON */
};

enum cross_verb { CROSS_WRITE, CROSS_READ, CROSS_VERBS };

/* What one kind of tier is asked. Words in capitals stand for what its target knows (see
 * cross_tier_open.c), ${capture.key} and ${capture.value} for the record of the call. */
struct cross_tier {
    const char *driver;
    const char *role;    /* "record", "vector", "relation", "cache" */
    const char *options; /* JSON: over the tier's own, for a data set no larger than it must be */
    struct cross_step {
        const char *offer;
        const char *arguments; /* JSON */
        unsigned order;        /* among the steps of its verb */
    } steps[CROSS_VERBS];
    bool answers_id; /* the write gives an id that the read must find; else the value itself */
};

/* The latency of one step over a run; a worker has its own until it closes. */
struct cross_figures {
    struct histogram latency; /* of those that succeeded */
    uint64_t failed;
};

struct cross_part {
    const struct cross_tier *tier;
    struct target_options options; /* the tier's, shared but for driver_options */
    struct target target;
};

struct cross_target {
    struct cross_part parts[CROSS_PARTS];
    size_t count;
    unsigned order[CROSS_VERBS][CROSS_PARTS]; /* the parts in the order of the steps */
    char tag[17];                             /* sets the records of this run apart */
    atomic_uint_fast64_t next;                /* number of the next record */
    pthread_mutex_t lock;                     /* of the figures */
    struct cross_figures figures[CROSS_VERBS][CROSS_PARTS];
    uint64_t mismatched; /* reads that found other than what was written */
};

struct cross_record { /* one that was written whole */
    uint64_t number;
    int64_t ids[CROSS_PARTS]; /* that the write gave, of parts that answer one */
};

struct cross_worker {
    struct driver_worker *parts[CROSS_PARTS]; /* with their drivers' own behind them */
    struct cross_record *records;             /* a ring */
    uint64_t written, read;
    struct cross_figures figures[CROSS_VERBS][CROSS_PARTS];
    uint64_t mismatched;
};

struct cross_operation {
    enum cross_verb verb;
    /* A read writes first when the worker has nothing to read yet, so it has both. */
    struct operation steps[CROSS_VERBS][CROSS_PARTS];
    bool prepared[CROSS_VERBS][CROSS_PARTS];
};

/* The driver's part of a connection: a connection of each part, and the one call it carries. */
struct cross_connection {
    struct connection *connection;
    struct connection *parts[CROSS_PARTS]; /* with their drivers' own behind them */
    struct call *calls[CROSS_PARTS];       /* the same */
    bool lost[CROSS_PARTS];                /* its connection is closed */
    struct outcome why[CROSS_PARTS];       /* ... and why */
    unsigned opened;                       /* how many parts are */
    bool told;                             /* the engine knows that it is closed */
    uint64_t began_ns;
    struct loop_task ended; /* tells the engine what must not be told from inside its own call */

    struct call *call; /* NULL: none is under way */
    const struct cross_operation *operation;
    enum cross_verb verb; /* of the step under way */
    unsigned step;
    uint64_t step_ns;
    bool submitting; /* inside submit */
    struct cross_record record;
    char key[CROSS_VALUE], value[CROSS_VALUE]; /* of the record, as JSON strings */
    struct template_value captures[2];
    struct template_context context;
    char text[CROSS_TEXT];
    struct buffer response;
};

/* cross_tier_open.c */
int cross_open(struct target *target, struct error *error);
void cross_close(struct target *target);
int cross_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error);
void cross_release(struct target *target, struct operation *operation);
char *cross_arguments_text(const struct operation *operation, uint32_t variant);
json_t *cross_report(struct target *target);

/* cross_tier_call.c */
void cross_submit(struct call *call);
void cross_cancel(struct call *call, const struct outcome *why);
char *cross_request_text(const struct call *call);
void cross_ended(struct loop_task *task); /* of a connection */

static inline struct cross_target *cross_target_of(const struct driver_worker *worker)
{
    return worker->target->driver_data;
}

#endif
