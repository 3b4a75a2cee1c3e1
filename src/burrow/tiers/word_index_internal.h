/* Between the files of the word index. */
#ifndef BURROW_TIERS_WORD_INDEX_INTERNAL_H
#define BURROW_TIERS_WORD_INDEX_INTERNAL_H

#include "burrow/tiers/word_index.h"

struct posting {
    uint32_t place, times; /* times 0: the document went */
};

struct term {
    uint64_t hash;
    struct posting *postings;
    uint32_t count, room;
    uint32_t documents; /* that are there: no more than postings */
    uint32_t length;
    char text[];
};

struct document {
    int64_t id; /* -1: a hole */
    uint32_t words;
};

struct change { /* of a transaction, until it commits */
    int64_t id;
    bool removed;
    char *text;
};

struct word_index {
    struct records *records;
    const char *load;
    fts5_tokenizer tokenizer;
    Fts5Tokenizer *made;
    struct term **terms; /* a hash table */
    size_t term_count, term_slots;
    struct document *documents; /* by place */
    size_t document_count, document_room, holes;
    uint64_t words;   /* of all the documents that are there */
    uint32_t *places; /* 1-based places by id: a hash table, 0 is free; holes stay in it */
    size_t place_slots;
    struct change *changes; /* of this transaction */
    size_t change_count, change_room;
    bool behind;       /* made anew before it is used */
    bool complete;     /* all the documents are there */
    int64_t loaded;    /* until then: up to this id they are */
    uint64_t postings; /* of all words, those of holes too */
};

/* NULL: no document ever held it. */
struct term *word_index_term(const struct word_index *index, const char *text, size_t length);

#endif
