/* Diagrams in the text form of Mermaid: flowcharts, sequence diagrams, pie charts and class
 * diagrams, as nodes and edges; read, written, measured, and drawn by Graphviz. */
#ifndef BURROW_DIAGRAM_DIAGRAM_H
#define BURROW_DIAGRAM_DIAGRAM_H

#include "base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIAGRAM_LIMIT       ((size_t)128 << 10) /* bytes of a text */
#define DIAGRAM_NODE_LIMIT  500
#define DIAGRAM_EDGE_LIMIT  1500
#define DIAGRAM_ERROR_LIMIT 20

enum diagram_type {
    DIAGRAM_UNKNOWN,
    DIAGRAM_FLOWCHART,
    DIAGRAM_SEQUENCE,
    DIAGRAM_PIE,
    DIAGRAM_CLASS
};

struct diagram_node {
    const char *id, *label;
    const char *shape;   /* "rectangle", "rounded", "diamond", ...; see mermaid_flowchart.c */
    const char *members; /* of a class: lines */
    double value;        /* of a slice of a pie */
    bool declared;       /* said by itself, not only as the end of an edge */
    size_t block;        /* the subgraph it is in: 1 + the place of its extra; 0 none */
};

struct diagram_edge {
    size_t from, to;                   /* places of nodes */
    const char *arrow;                 /* as written: "-->", "->>", "<|--" */
    const char *label;                 /* "" none */
    const char *from_count, *to_count; /* of a class relation: "1", "*"; "" none */
};

/* A line that is kept as it is: a note, a block, a style. */
struct diagram_extra {
    const char *text;
    size_t before;       /* edges that come before it */
    size_t nodes_before; /* nodes that are named before it */
};

struct diagram {
    enum diagram_type type;
    const char *direction; /* "TB", "LR", ... */
    const char *title;     /* "" none */
    bool show_data;
    struct diagram_node *nodes;
    size_t node_count, node_room;
    struct diagram_edge *edges;
    size_t edge_count, edge_room;
    struct diagram_extra *extras;
    size_t extra_count, extra_room;
    void *texts; /* what the pointers above point into */
};

struct diagram_error {
    size_t line, column; /* from 1 */
    char text[160];
};

struct diagram_errors {
    struct diagram_error all[DIAGRAM_ERROR_LIMIT];
    size_t count;
};

const char *diagram_type_name(enum diagram_type type); /* "flowchart", "sequence", "pie", "class" */

/* Read a text. What can be read is in the diagram even when there are errors. NULL: no memory. */
struct diagram *diagram_parse(const char *text, struct diagram_errors *errors);
void diagram_free(struct diagram *diagram); /* harmless on NULL */

/* To make one by hand. Places, or -1 when there is no room (or no memory). */
struct diagram *diagram_new(enum diagram_type type);
/* Keep a text as long as the diagram; tabs and what cannot be printed become spaces. */
char *diagram_keep(struct diagram *diagram, const char *text, size_t length);
/* The node of an id, made when it is not there. */
int diagram_node(struct diagram *diagram, const char *id, size_t length);
int diagram_edge(struct diagram *diagram, size_t from, const char *arrow, size_t to,
                 const char *label);
int diagram_extra(struct diagram *diagram, const char *text, size_t length);

/* Write it as Mermaid, a statement on a line; `dense` leaves out what the reader would assume. */
int diagram_print(const struct diagram *diagram, bool dense, struct buffer *out);
/* Write it as DOT for Graphviz. */
int diagram_dot(const struct diagram *diagram, struct buffer *out);
/* Nodes, edges and values as JSON: {"type", "direction", "title", "nodes", "edges"}. */
json_t *diagram_json(const struct diagram *diagram);
struct diagram_timing {
    enum diagram_type type;
    size_t nodes, edges;
    uint64_t layout_ns, render_ns;
};
/* Draw: `format` "svg" or "png"; the bytes are appended. -1 with a text when Graphviz cannot. Any
 * thread; one draws at a time. `timing` may be NULL. */
int diagram_draw(const struct diagram *diagram, const char *format, struct buffer *out,
                 struct diagram_timing *timing, char *problem, size_t size);
/* Take the timings of the last drawings, at most `most`, which are forgotten: how many. */
size_t diagram_timings_take(struct diagram_timing *into, size_t most);
/* Equal in structure: same nodes, labels and edges in the same order. */
bool diagram_equal(const struct diagram *one, const struct diagram *other);

struct diagram_measures {
    size_t nodes, edges, extras;
    size_t depth;      /* longest chain of edges, each cycle passed once */
    size_t cycles;     /* strongly connected parts of more than one node, and loops */
    size_t components; /* when direction is ignored */
    size_t isolated;   /* nodes without an edge */
    size_t most_in, most_out;
    size_t crossing_hint; /* edges beyond those of a tree over its components */
    size_t characters;    /* of labels */
    size_t longest_label;
    double density; /* edges over node pairs */
};
int diagram_measure(const struct diagram *diagram, struct diagram_measures *measures);
/* For each node its strongly connected part, numbered from 0; -1: no memory. */
int diagram_parts(const struct diagram *diagram, size_t *parts);

#endif
