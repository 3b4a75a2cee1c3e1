/* One connection to a Neo4j, for the graph: made when it is needed, made anew after a failure, each
 * answer waited for. Bolt by the codec of net. */
#ifndef BURROW_TIERS_NEO4J_CLIENT_H
#define BURROW_TIERS_NEO4J_CLIENT_H

#include "burrow/tiers/link.h"
#include "net/bolt_connection.h"

#include <jansson.h>

#define NEO4J_CONNECT_MS     2000  /* greeted by then */
#define NEO4J_ANSWER_MS      2000  /* to a query: the store waits for it */
#define NEO4J_COMPILE_MS     5000  /* to the first of its kind, which is compiled */
#define NEO4J_KINDS          64    /* of queries that are known */
#define NEO4J_TRANSACTION_MS 60000 /* then Neo4j ends it */
#define NEO4J_ANSWER_LIMIT   ((size_t)64 << 20)
#define NEO4J_ADDRESS_SIZE   280

enum neo4j_transaction {
    NEO4J_AUTOCOMMIT,
    NEO4J_DUE,   /* begins with the next query */
    NEO4J_BEGUN, /* something of it was sent */
    NEO4J_LOST   /* failed: nothing but the end of it is left */
};

struct neo4j_client { /* embed; `failures`, `last_error` and `address` may be read */
    char *url;
    char address[NEO4J_ADDRESS_SIZE]; /* for people: without user and password */
    struct bolt_endpoint endpoint;
    struct link link;
    struct link_backoff backoff;
    struct bolt_protocol protocol;
    struct buffer requests;
    enum neo4j_transaction transaction;
    const char *kinds[NEO4J_KINDS]; /* literals that were answered */
    size_t kind_count;
    uint64_t failures;
    char last_error[256];
    /* of the exchange under way */
    json_t *rows;
    size_t rows_bytes;
    bool finished, failed, malformed;
};

/* Connects to nothing yet. -1: the URL is none of Bolt. */
int neo4j_client_open(struct neo4j_client *client, const char *url, struct error *error);
void neo4j_client_close(struct neo4j_client *client); /* harmless on a zeroed one */

/* Connect if there is no connection: 1 a new one was made, 0 it was there, -1 with ERROR_TARGET:
 * the server is away, or refuses. */
int neo4j_client_connect(struct neo4j_client *client, struct error *error);
/* Give the connection up; the next query makes a new one. */
void neo4j_client_drop(struct neo4j_client *client);
/* The same for a server that cannot be used as it is, for the reason in `error`: it is left alone
 * for a while. -1. */
int neo4j_client_refuse(struct neo4j_client *client, struct error *error);

/* Run a query, which is a literal, on the connection. `parameters` is a JSON object and taken over;
 * values without parts and arrays of them come back: an array with one array for each record. NULL
 * with ERROR_TARGET. */
json_t *neo4j_client_run(struct neo4j_client *client, const char *cypher, json_t *parameters,
                         struct error *error);

/* A transaction begins with the next query; without one, begin and commit send nothing. */
void neo4j_client_begin(struct neo4j_client *client);
int neo4j_client_commit(struct neo4j_client *client, struct error *error);
void neo4j_client_rollback(struct neo4j_client *client);

#endif
