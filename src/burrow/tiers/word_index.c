/* See word_index.h. A word has a list of the places of documents that hold it, in their order. A
 * document that goes leaves a hole at its place; when half of an index is holes they are closed. */
#include "burrow/tiers/word_index_internal.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_HOLES   256
#define CHANGES_LIMIT 65536 /* of one transaction */

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- opening -------------------------------------------------------------------------------- */

struct word_index *word_index_open(struct records *records, const char *load, struct error *error)
{
    fts5_api *api = records_full_text(records, error);
    struct word_index *index = api ? calloc(1, sizeof *index) : NULL;
    void *context = NULL;
    if (!api)
        return NULL;
    if (index && api->xFindTokenizer(api, "unicode61", &context, &index->tokenizer) == SQLITE_OK &&
        index->tokenizer.xCreate(context, NULL, 0, &index->made) == SQLITE_OK) {
        index->records = records;
        index->load = load;
        return index;
    }
    word_index_close(index);
    out_of_memory(error);
    return NULL;
}

void word_index_clear(struct word_index *index)
{
    for (size_t i = 0; i < index->term_slots; i++) {
        if (index->terms[i])
            free(index->terms[i]->postings);
        free(index->terms[i]);
    }
    free(index->terms);
    free(index->documents);
    free(index->places);
    index->terms = NULL;
    index->documents = NULL;
    index->places = NULL;
    index->term_count = index->term_slots = index->place_slots = 0;
    index->document_count = index->document_room = index->holes = 0;
    index->words = index->postings = 0;
    index->loaded = 0;
    index->complete = false;
}

void word_index_close(struct word_index *index)
{
    if (!index)
        return;
    word_index_rolled_back(index);
    word_index_clear(index);
    if (index->made)
        index->tokenizer.xDelete(index->made);
    free(index->changes);
    free(index);
}

/* ---- words ---------------------------------------------------------------------------------- */

/* Where a word is, or would be. */
static struct term **slot_of(const struct word_index *index, const char *text, size_t length,
                             uint64_t hash)
{
    for (size_t at = hash;; at++) {
        struct term **slot = &index->terms[at & (index->term_slots - 1)];
        if (!*slot || ((*slot)->hash == hash && (*slot)->length == length &&
                       memcmp((*slot)->text, text, length) == 0))
            return slot;
    }
}

static int grow_terms(struct word_index *index)
{
    if (index->term_count * 2 < index->term_slots)
        return 0;
    struct word_index larger = {.term_slots = index->term_slots ? index->term_slots * 2 : 1024};
    larger.terms = calloc(larger.term_slots, sizeof *larger.terms);
    if (!larger.terms)
        return -1;
    for (size_t i = 0; i < index->term_slots; i++) {
        struct term *term = index->terms[i];
        if (term)
            *slot_of(&larger, term->text, term->length, term->hash) = term;
    }
    free(index->terms);
    index->terms = larger.terms;
    index->term_slots = larger.term_slots;
    return 0;
}

static struct term *make_term(struct word_index *index, const char *text, size_t length)
{
    uint64_t hash = hash_bytes(text, length);
    if (grow_terms(index) < 0)
        return NULL;
    struct term **slot = slot_of(index, text, length, hash);
    if (*slot)
        return *slot;
    struct term *term = calloc(1, sizeof *term + length);
    if (!term)
        return NULL;
    term->hash = hash;
    term->length = (uint32_t)length;
    memcpy(term->text, text, length);
    index->term_count++;
    return *slot = term;
}

struct term *word_index_term(const struct word_index *index, const char *text, size_t length)
{
    return index->term_slots ? *slot_of(index, text, length, hash_bytes(text, length)) : NULL;
}

/* Of the last document. */
static int add_word(void *context, int flags, const char *text, int length, int start, int end)
{
    struct word_index *index = context;
    struct document *document = &index->documents[index->document_count - 1];
    uint32_t place = (uint32_t)index->document_count - 1;
    struct term *term = make_term(index, text, (size_t)length);
    (void)flags;
    (void)start;
    (void)end;
    if (!term)
        return SQLITE_NOMEM;
    document->words++;
    if (term->count && term->postings[term->count - 1].place == place) {
        term->postings[term->count - 1].times++;
        return SQLITE_OK;
    }
    if (term->count == term->room) {
        uint32_t room = term->room ? term->room * 2 : 2;
        struct posting *postings = realloc(term->postings, room * sizeof *postings);
        if (!postings)
            return SQLITE_NOMEM;
        term->postings = postings;
        term->room = room;
    }
    term->postings[term->count++] = (struct posting){place, 1};
    term->documents++;
    index->postings++;
    return SQLITE_OK;
}

struct removal {
    struct word_index *index;
    uint32_t place;
};

static int remove_word(void *context, int flags, const char *text, int length, int start, int end)
{
    const struct removal *removal = context;
    struct term *term = word_index_term(removal->index, text, (size_t)length);
    uint32_t low = 0, high = term ? term->count : 0;
    (void)flags;
    (void)start;
    (void)end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (term->postings[middle].place < removal->place)
            low = middle + 1;
        else
            high = middle;
    }
    if (!term || low == term->count || term->postings[low].place != removal->place)
        return SQLITE_CORRUPT; /* it did not come with this text */
    term->documents -= term->postings[low].times > 0;
    term->postings[low].times = 0;
    return SQLITE_OK;
}

/* ---- documents ------------------------------------------------------------------------------ */

static size_t place_slot(const struct word_index *index, int64_t id)
{
    return (size_t)(((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (index->place_slots - 1);
}

static struct document *find_document(const struct word_index *index, int64_t id)
{
    if (index->place_slots == 0)
        return NULL;
    for (size_t at = place_slot(index, id); index->places[at];
         at = (at + 1) & (index->place_slots - 1))
        if (index->documents[index->places[at] - 1].id == id)
            return &index->documents[index->places[at] - 1];
    return NULL;
}

static void insert_place(struct word_index *index, size_t place)
{
    size_t at = place_slot(index, index->documents[place].id);
    while (index->places[at])
        at = (at + 1) & (index->place_slots - 1);
    index->places[at] = (uint32_t)place + 1;
}

static int grow_documents(struct word_index *index)
{
    if (index->document_count < index->document_room)
        return 0;
    size_t room = index->document_room ? index->document_room * 2 : 256;
    struct document *documents = realloc(index->documents, room * sizeof *documents);
    if (!documents)
        return -1;
    index->documents = documents;
    index->document_room = room;
    uint32_t *places = calloc(room * 2, sizeof *places);
    if (!places)
        return -1;
    free(index->places);
    index->places = places;
    index->place_slots = room * 2;
    for (size_t i = 0; i < index->document_count; i++)
        if (index->documents[i].id >= 0)
            insert_place(index, i);
    return 0;
}

static int tokenize(struct word_index *index, const char *text, void *context,
                    int (*each)(void *, int, const char *, int, int, int))
{
    return index->tokenizer.xTokenize(index->made, context, FTS5_TOKENIZE_DOCUMENT, text,
                                      (int)strlen(text), each) == SQLITE_OK
               ? 0
               : -1;
}

static int remove_document(struct word_index *index, int64_t id, const char *text)
{
    struct document *document = find_document(index, id);
    if (!document)
        return 0;
    struct removal removal = {index, (uint32_t)(document - index->documents)};
    document->id = -1;
    index->words -= document->words;
    index->holes++;
    return tokenize(index, text, &removal, remove_word);
}

static int add_document(struct word_index *index, int64_t id, const char *text)
{
    if (find_document(index, id) || grow_documents(index) < 0)
        return -1;
    struct document *document = &index->documents[index->document_count++];
    *document = (struct document){.id = id};
    insert_place(index, index->document_count - 1);
    int failed = tokenize(index, text, index, add_word);
    index->words += document->words;
    return failed;
}

int word_index_advance(struct word_index *index, int64_t count, struct error *error)
{
    struct error problem = {0};
    int64_t read = 0;
    if (index->behind)
        word_index_clear(index);
    if (index->complete)
        return 1;
    sqlite3_stmt *row =
        records_query(index->records, &problem, index->load, "ii", index->loaded, count);
    for (; row && records_next(row, &problem); read++) {
        index->loaded = sqlite3_column_int64(row, 0);
        if (add_document(index, index->loaded, records_text(row, 1)) < 0) {
            records_done(row);
            out_of_memory(&problem);
            break;
        }
    }
    index->behind = problem.code != ERROR_NONE;
    index->complete = !index->behind && (count < 0 || read < count);
    if (index->behind && error)
        *error = problem;
    return index->behind ? -1 : index->complete;
}

int word_index_load(struct word_index *index, struct error *error)
{
    word_index_clear(index);
    return word_index_advance(index, -1, error) < 0 ? -1 : 0;
}

bool word_index_is_complete(const struct word_index *index)
{
    return index->complete;
}

uint64_t word_index_postings(const struct word_index *index)
{
    return index->postings;
}

/* ---- holes ---------------------------------------------------------------------------------- */

/* The postings that are left, with their new places. */
static uint32_t close_holes_of(struct term *term, const uint32_t *places)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < term->count; i++)
        if (term->postings[i].times > 0)
            term->postings[count++] =
                (struct posting){places[term->postings[i].place], term->postings[i].times};
    term->count = count;
    struct posting *smaller = realloc(term->postings, (count + 1) * sizeof *smaller);
    if (smaller) {
        term->postings = smaller;
        term->room = count + 1;
    }
    return count;
}

/* Words that nothing holds any more go. */
static void drop_words(struct word_index *index, struct term **terms)
{
    struct term **before = index->terms;
    index->terms = terms;
    index->term_count = 0;
    for (size_t i = 0; i < index->term_slots; i++) {
        struct term *term = before[i];
        if (!term)
            continue;
        if (term->count) {
            *slot_of(index, term->text, term->length, term->hash) = term;
            index->term_count++;
            continue;
        }
        free(term->postings);
        free(term);
    }
    free(before);
}

static void close_holes(struct word_index *index)
{
    uint32_t *places = malloc(index->document_count * sizeof *places); /* new ones by old ones */
    struct term **terms = calloc(index->term_slots, sizeof *terms);
    size_t count = 0;
    if (!places || !terms) { /* it is tried again after the next call */
        free(places);
        free(terms);
        return;
    }
    memset(index->places, 0, index->place_slots * sizeof *index->places);
    for (size_t i = 0; i < index->document_count; i++) {
        places[i] = (uint32_t)count;
        if (index->documents[i].id < 0)
            continue;
        index->documents[count] = index->documents[i];
        insert_place(index, count++);
    }
    index->document_count = count;
    index->holes = 0;
    index->postings = 0;
    for (size_t i = 0; i < index->term_slots; i++)
        if (index->terms[i])
            index->postings += close_holes_of(index->terms[i], places);
    drop_words(index, terms);
    free(places);
}

/* ---- changes -------------------------------------------------------------------------------- */

static int add_change(struct word_index *index, int64_t id, bool removed, const char *text,
                      struct error *error)
{
    if (index->change_count == CHANGES_LIMIT)
        return error_set(error, ERROR_USAGE, "more than %d documents in one call; split it",
                         CHANGES_LIMIT);
    if (index->change_count == index->change_room) {
        size_t room = index->change_room ? index->change_room * 2 : 8;
        struct change *changes = realloc(index->changes, room * sizeof *changes);
        if (!changes)
            return out_of_memory(error);
        index->changes = changes;
        index->change_room = room;
    }
    char *copy = strdup(text);
    if (!copy)
        return out_of_memory(error);
    index->changes[index->change_count++] = (struct change){id, removed, copy};
    return 0;
}

int word_index_put(struct word_index *index, int64_t id, const char *text, struct error *error)
{
    return add_change(index, id, false, text, error);
}

int word_index_remove(struct word_index *index, int64_t id, const char *text, struct error *error)
{
    return add_change(index, id, true, text, error);
}

static int change_kept(struct word_index *index, int64_t id, bool removed, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row =
        records_query(index->records, &problem, index->load, "ii", id - 1, (int64_t)1);
    if (row && records_next(row, &problem)) {
        if (sqlite3_column_int64(row, 0) == id)
            add_change(index, id, removed, records_text(row, 1), &problem);
        records_done(row);
    }
    if (problem.code == ERROR_NONE)
        return 0;
    if (error)
        *error = problem;
    return -1;
}

int word_index_put_kept(struct word_index *index, int64_t id, struct error *error)
{
    return change_kept(index, id, false, error);
}

int word_index_remove_kept(struct word_index *index, int64_t id, struct error *error)
{
    return change_kept(index, id, true, error);
}

void word_index_committed(struct word_index *index)
{
    for (size_t i = 0; i < index->change_count && !index->behind; i++) {
        const struct change *change = &index->changes[i];
        if (!index->complete && change->id > index->loaded)
            continue; /* it will be read, or is gone by then */
        index->behind =
            (change->removed ? remove_document : add_document)(index, change->id, change->text) < 0;
    }
    if (index->holes > LEAST_HOLES && index->holes * 2 > index->document_count)
        close_holes(index);
    word_index_rolled_back(index);
}

void word_index_rolled_back(struct word_index *index)
{
    for (size_t i = 0; i < index->change_count; i++)
        free(index->changes[i].text);
    index->change_count = 0;
}

int64_t word_index_count(const struct word_index *index, const char *word)
{
    const struct term *term = word_index_term(index, word, strlen(word));
    return term ? term->documents : 0;
}

int64_t word_index_documents(const struct word_index *index)
{
    return (int64_t)(index->document_count - index->holes);
}
