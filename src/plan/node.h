/* A YAML document as a tree of nodes that know their line. Everything a hostile or mistaken file
 * could do is bounded here: size, depth, number of nodes with aliases expanded. Duplicate keys,
 * merge keys, tags, NUL bytes and a second document are errors. */
#ifndef CICADA_PLAN_NODE_H
#define CICADA_PLAN_NODE_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define DOCUMENT_SIZE_LIMIT  ((size_t)1024 * 1024)
#define DOCUMENT_NODE_LIMIT  ((size_t)100000)
#define DOCUMENT_DEPTH_LIMIT 40u

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    unsigned line;       /* from 1 */
    char *text;          /* of a scalar */
    bool plain;          /* scalar without quotes: may mean a number, true, null */
    struct node **keys;  /* of a map, scalars */
    struct node **items; /* of a list, or the values of a map */
    size_t count;
    size_t key_count;
    size_t weight;   /* nodes in it, aliases expanded */
    unsigned height; /* levels in it: 1 for a scalar */
};

struct document {
    struct node *root;   /* NULL: the text holds no document */
    struct node **nodes; /* all, for freeing: an aliased node hangs in the tree more than once */
    size_t node_count;
};

/* -1 with "file:line: what; remedy". */
int document_parse(struct document *document, const char *file, const char *text, size_t length,
                   struct error *error);
void document_free(struct document *document);

/* The value of a key; NULL when the map has none. */
const struct node *node_get(const struct node *map, const char *key);
bool node_is_null(const struct node *node); /* "key:" without a value, ~ or null */

/* As JSON, plain scalars read by the YAML 1.2 core schema. NULL when memory is out or a text is no
 * UTF-8. */
json_t *node_to_json(const struct node *node);

#endif
