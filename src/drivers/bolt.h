/* The neo4j driver: Cypher over Bolt. Internal to the files bolt*.c: bolt.c runs calls,
 * bolt_answer.c reads what comes back, bolt_operation.c makes operations, bolt_open.c opens and
 * closes a target, bolt_dataset.c fills and empties the database, bolt_control.c runs a query while
 * nothing else does. */
#ifndef CICADA_DRIVERS_BOLT_H
#define CICADA_DRIVERS_BOLT_H

#include "base/buffer.h"
#include "base/template.h"
#include "drivers/driver.h"
#include "net/bolt_connection.h"

enum {
    NEO4J_REQUEST_LIMIT = 16 * 1024 * 1024,
    NEO4J_RESPONSE_LIMIT = 8 * 1024 * 1024,
    NEO4J_KEPT_MEMORY = 64 * 1024, /* a larger buffer is given back after its call */
    NEO4J_TEXT = 1024,
    NEO4J_STATEMENTS = 16, /* of one transaction */
    NEO4J_RUN_NAME = 37
};

struct neo4j_settings {
    char *database;                  /* NULL: the user's home database */
    char *label;                     /* of every node that is made here */
    char *bolt;                      /* newest version offered, "5.4"; NULL: as new as known */
    uint64_t nodes;                  /* in the dataset; 0: none, and no default mix */
    uint64_t fetch_size;             /* records asked for at once; 0: all */
    uint64_t transaction_timeout_ns; /* told to the server; 0: its own */
};

/* target->driver_data */
struct neo4j_target {
    struct neo4j_settings settings;
    struct bolt_endpoint endpoint;
    char run[NEO4J_RUN_NAME]; /* what marks the nodes of this run */
    bool opening;             /* an interrupt is heeded */
    bool prepared;            /* there may be nodes of it */
    bool refused;             /* the credentials were, in open() */
    char refusal[NEO4J_TEXT]; /* ... and this is what to do about it */
};

/* One query of an operation. */
struct neo4j_statement {
    char *cypher;
    size_t cypher_length;
    struct text_template *cypher_template;     /* NULL: nothing in it varies */
    char *parameters;                          /* JSON text, unexpanded; NULL: none */
    struct text_template *parameters_template; /* NULL: nothing in them varies */
    char *packed;                              /* the parameters that do not vary, as PackStream */
    size_t packed_length;
};

/* operation->driver_data */
struct neo4j_operation {
    struct neo4j_statement *statements;
    unsigned statement_count;
    bool transaction;       /* BEGIN ... COMMIT around them; else there is one, by itself */
    bool rollback;          /* ... ROLLBACK instead */
    bool on_dataset;        /* it asks for what open() should have made */
    unsigned least_records; /* fewer of the last statement are no success */
    char *scope;            /* of RUN or BEGIN, as PackStream */
    size_t scope_length;
};

struct neo4j_worker {
    struct buffer request, text;   /* one request under construction; a rendered template */
    uint64_t retry_ns, backoff_ns; /* refused credentials are tried again at, and after */
    bool refused;
    char refusal[NEO4J_TEXT];
};

enum neo4j_step { STEP_BEGIN, STEP_RUN, STEP_PULL, STEP_END };

/* The driver's part of a connection; it carries one call at a time. */
struct neo4j_link {
    struct bolt_connection bolt;
    struct loop_task refused; /* reports that it will not be tried */
    struct call *call;        /* under way */
    enum neo4j_step step;     /* whose success is next */
    unsigned statement;       /* which one that is of */
    size_t field_count;
    uint64_t records;       /* of the last statement */
    struct buffer fields;   /* their names as PackStream, while a response is wanted */
    struct buffer response; /* JSON text */
    bool response_lost;     /* it was too large */
    struct outcome trouble; /* what is wrong with an answer that came; OK: nothing */
    char text[NEO4J_TEXT];
};

struct neo4j_call {
    struct loop_task ended; /* completes a call that got no answer */
    struct call *call;
    struct buffer sent; /* JSON text of what was sent, for an example */
};

static inline struct neo4j_target *neo4j_target_of(const struct driver_worker *worker)
{
    return worker->target->driver_data;
}
static inline struct connection *neo4j_connection_of(struct neo4j_link *link)
{
    return (struct connection *)(void *)link - 1;
}

/* bolt_open.c */
int neo4j_open(struct target *target, struct error *error);
void neo4j_close(struct target *target);
/* What a person should do about refused credentials; false when the reason is none of that. */
bool neo4j_explain_refusal(const struct outcome *why, const char *text, char *explained,
                           size_t size);

/* bolt_operation.c */
int neo4j_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error);
void neo4j_release(struct target *target, struct operation *operation);
char *neo4j_arguments_text(const struct operation *operation, uint32_t variant);
/* Append RUN and PULL of one statement. -1 with *missing the capture or column that has no value,
 * or NULL: the request is larger than allowed. */
int neo4j_statement_put(const struct neo4j_statement *statement, const char *scope,
                        size_t scope_length, int64_t fetch, const struct template_context *context,
                        struct buffer *text, struct buffer *request, const char **missing);

/* bolt_answer.c: the callbacks of the exchange that carries a call. */
void neo4j_answer_begin(struct neo4j_link *link);
void neo4j_answer_record(struct bolt_connection *bolt, struct packstream_reader values,
                         size_t count);
void neo4j_answer_success(struct bolt_connection *bolt, unsigned request,
                          struct packstream_reader pairs, size_t count);
/* What the answer that came comes to: fills call->outcome, text, response. */
void neo4j_answer_end(struct neo4j_link *link, const struct outcome *why, const char *text);

/* bolt_dataset.c: the offers of the default mix, and what they work on. */
int neo4j_dataset_offer(struct target *target, struct error *error);
/* The query and what goes with it, of a default offer. */
struct neo4j_default {
    const char *name, *description;
    double weight;
    unsigned hints; /* enum offer_hint */
    bool transaction;
    unsigned least_records;
    const char *cypher[3];  /* NULL-ended; LABEL stands for the label */
    const char *parameters; /* JSON; RUN, LAST, MIDDLE, BELOW stand for numbers of the dataset */
};
/* Its text with the words above replaced; the caller frees. NULL when memory is out. */
char *neo4j_dataset_text(const struct neo4j_target *neo4j, const char *text);

/* bolt_control.c: one connection, used by open() and close(), blocking. */
struct neo4j_control {
    struct loop loop;
    struct bolt_connection bolt;
    struct neo4j_target *neo4j;
    uint64_t timeout_ns;
    bool opened, over; /* connected; the exchange or the connection has ended */
    struct outcome why;
    char text[NEO4J_TEXT]; /* of a failure */
    int64_t number;        /* first value of the last record, if it is an integer; else 0 */
};
/* -1: not connected; why and text say the reason, `error` too. Always followed by close. */
int neo4j_control_open(struct neo4j_control *control, struct neo4j_target *neo4j,
                       uint64_t timeout_ns, struct error *error);
void neo4j_control_close(struct neo4j_control *control);
/* Run one query by itself, again when the server says that its trouble will pass. `parameters`:
 * JSON, NULL: none. -1 with ERROR_TARGET and the server's words. */
int neo4j_control_run(struct neo4j_control *control, const char *cypher, const char *parameters,
                      struct error *error);
void neo4j_control_wait(struct neo4j_control *control, uint64_t ns); /* the loop goes on */
int neo4j_dataset_make(struct neo4j_control *control, struct error *error);
int neo4j_dataset_remove(struct neo4j_control *control, struct error *error);

#endif
