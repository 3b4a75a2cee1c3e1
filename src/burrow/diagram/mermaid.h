/* Reading Mermaid line by line; between the files of this folder. */
#ifndef BURROW_DIAGRAM_MERMAID_H
#define BURROW_DIAGRAM_MERMAID_H

#include "burrow/diagram/diagram.h"

#define MERMAID_BLOCK_DEPTH 32

struct mermaid {
    struct diagram *diagram;
    struct diagram_errors *errors;
    const char *line, *at,
        *end; /* of the line that is read: its first byte, where we are, its end */
    size_t number;
    unsigned open_blocks;               /* subgraph, loop, alt, ... without their end yet */
    size_t blocks[MERMAID_BLOCK_DEPTH]; /* of a flowchart: 1 + the places of their extras */
    int open_class;                     /* whose members follow; -1 none */
};

/* One line after the first, without the white space at its ends. */
void mermaid_flowchart_line(struct mermaid *reader);
void mermaid_sequence_line(struct mermaid *reader);
void mermaid_pie_line(struct mermaid *reader);
void mermaid_class_line(struct mermaid *reader);

/* Note what is wrong at `at`; always false, so that a reader can leave with it. */
bool mermaid_error(struct mermaid *reader, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void mermaid_skip_space(struct mermaid *reader);
bool mermaid_take(struct mermaid *reader, const char *word);      /* the text, if it is next */
bool mermaid_take_word(struct mermaid *reader, const char *word); /* the same, as a whole word */
/* An id: letters, digits, "_", and "-" or "." within. Empty when there is none. */
size_t mermaid_id(struct mermaid *reader, const char **id);
/* What opens a node of a shape, and what closes it. */
const char *mermaid_shape_open(const char *name, const char **close);
void mermaid_keep(struct mermaid *reader, const char *from, const char *end); /* as an extra */
/* One of TB, TD, BT, LR and RL, into the diagram. */
void mermaid_direction(struct mermaid *reader);
/* The rest of the line without space at its ends, kept. */
const char *mermaid_rest(struct mermaid *reader);

#endif
