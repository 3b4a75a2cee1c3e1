/* See memory_facts.h. Ids of memories and of passages only grow, so a list in the order of the ones
 * is in the order of the others too. A type or a tag has a list of the places in it of those that
 * have it. A memory that goes leaves a hole; all is read anew when half of it is holes. */
#include "burrow/tiers/memory_facts.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_HOLES  256
#define LEAST_LABELS 64 /* a power of two */

enum kind { TYPE = 't', TAG = '#' };

struct memory_label {
    uint32_t *places; /* in their order */
    uint32_t count, room;
    uint64_t hash;
    char kind;
    char text[];
};

struct change { /* of a transaction, until it commits */
    struct memory_passages passages;
    char *type;   /* NULL: it went */
    json_t *tags; /* NULL: none */
};

struct memory_facts {
    struct records *records;
    struct memory_passages *memories; /* by place */
    size_t count, room, holes;
    size_t passages;              /* of all that are there */
    struct memory_label **labels; /* a hash table */
    size_t label_count, label_slots;
    struct change *changes;
    size_t change_count, change_room;
    bool complete;    /* else it is read before it is used */
    bool provisional; /* and after the transaction anew */
};

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int failed(const struct error *problem, struct error *error)
{
    if (problem->code == ERROR_NONE)
        return 0;
    if (error)
        *error = *problem;
    return -1;
}

struct memory_facts *memory_facts_open(struct records *records)
{
    struct memory_facts *facts = calloc(1, sizeof *facts);
    if (facts)
        facts->records = records;
    return facts;
}

void memory_facts_clear(struct memory_facts *facts)
{
    for (size_t i = 0; i < facts->label_slots; i++) {
        if (facts->labels[i])
            free(facts->labels[i]->places);
        free(facts->labels[i]);
    }
    free(facts->labels);
    free(facts->memories);
    facts->labels = NULL;
    facts->memories = NULL;
    facts->count = facts->room = facts->holes = facts->passages = 0;
    facts->label_count = facts->label_slots = 0;
    facts->complete = facts->provisional = false;
}

void memory_facts_close(struct memory_facts *facts)
{
    if (!facts)
        return;
    memory_facts_rolled_back(facts);
    memory_facts_clear(facts);
    free(facts->changes);
    free(facts);
}

/* ---- types and tags ------------------------------------------------------------------------- */

static uint64_t hash_of(enum kind kind, const char *text)
{
    return hash_bytes(text, strlen(text)) ^ (uint64_t)kind;
}

/* Where it is, or would be. */
static struct memory_label **slot_of(const struct memory_facts *facts, enum kind kind,
                                     const char *text, uint64_t hash)
{
    for (size_t at = hash;; at++) {
        struct memory_label **slot = &facts->labels[at & (facts->label_slots - 1)];
        if (!*slot || ((*slot)->hash == hash && (*slot)->kind == (char)kind &&
                       strcmp((*slot)->text, text) == 0))
            return slot;
    }
}

/* NULL: no memory has it. */
static const struct memory_label *find_label(const struct memory_facts *facts, enum kind kind,
                                             const char *text)
{
    return facts->label_slots ? *slot_of(facts, kind, text, hash_of(kind, text)) : NULL;
}

static int grow_labels(struct memory_facts *facts)
{
    if (facts->label_count * 2 < facts->label_slots)
        return 0;
    struct memory_facts larger = {.label_slots =
                                      facts->label_slots ? facts->label_slots * 2 : LEAST_LABELS};
    larger.labels = calloc(larger.label_slots, sizeof *larger.labels);
    if (!larger.labels)
        return -1;
    for (size_t i = 0; i < facts->label_slots; i++) {
        struct memory_label *label = facts->labels[i];
        if (label)
            *slot_of(&larger, (enum kind)label->kind, label->text, label->hash) = label;
    }
    free(facts->labels);
    facts->labels = larger.labels;
    facts->label_slots = larger.label_slots;
    return 0;
}

static struct memory_label *make_label(struct memory_facts *facts, enum kind kind, const char *text)
{
    uint64_t hash = hash_of(kind, text);
    if (grow_labels(facts) < 0)
        return NULL;
    struct memory_label **slot = slot_of(facts, kind, text, hash);
    if (*slot)
        return *slot;
    size_t size = strlen(text) + 1;
    struct memory_label *label = calloc(1, sizeof *label + size);
    if (!label)
        return NULL;
    label->hash = hash;
    label->kind = (char)kind;
    memcpy(label->text, text, size);
    facts->label_count++;
    return *slot = label;
}

/* A memory has a tag once, however often it was given. */
static int add_label(struct memory_facts *facts, enum kind kind, const char *text, size_t place,
                     struct error *error)
{
    struct memory_label *label = make_label(facts, kind, text);
    if (!label)
        return out_of_memory(error);
    if (label->count && label->places[label->count - 1] == place)
        return 0;
    if (label->count == label->room) {
        uint32_t room = label->room ? label->room * 2 : 2;
        uint32_t *places = realloc(label->places, room * sizeof *places);
        if (!places)
            return out_of_memory(error);
        label->places = places;
        label->room = room;
    }
    label->places[label->count++] = (uint32_t)place;
    return 0;
}

static bool is_labelled(const struct memory_label *label, size_t place)
{
    uint32_t low = 0, high = label->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (label->places[middle] < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < label->count && label->places[low] == place;
}

/* ---- memories ------------------------------------------------------------------------------- */

/* Its place; `count` when it is not there. */
static size_t place_of(const struct memory_facts *facts, int64_t memory)
{
    size_t low = 0, high = facts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (facts->memories[middle].memory < memory)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < facts->count && facts->memories[low].memory == memory;
    return there && !facts->memories[low].gone ? low : facts->count;
}

/* The place of the memory that has a passage: the last that begins before it, or there. */
static size_t place_of_passage(const struct memory_facts *facts, int64_t passage)
{
    size_t low = 0, high = facts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (facts->memories[middle].first <= passage)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return facts->count;
    const struct memory_passages *found = &facts->memories[low - 1];
    return !found->gone && passage < found->first + found->count ? low - 1 : facts->count;
}

/* Where the last memory's passages end. */
static int64_t end_of(const struct memory_facts *facts)
{
    const struct memory_passages *last = facts->count ? &facts->memories[facts->count - 1] : NULL;
    return last ? last->first + last->count : 0;
}

static int add_memory(struct memory_facts *facts, struct memory_passages added, struct error *error)
{
    if (added.count == 0)
        added.first = end_of(facts);
    if (facts->count &&
        (added.memory <= facts->memories[facts->count - 1].memory || added.first < end_of(facts)))
        return error_set(error, ERROR_INTERNAL, "memory %lld or its passages are out of order",
                         (long long)added.memory);
    if (facts->count == facts->room) {
        size_t room = facts->room ? facts->room * 2 : 256;
        struct memory_passages *memories = realloc(facts->memories, room * sizeof *memories);
        if (!memories)
            return out_of_memory(error);
        facts->memories = memories;
        facts->room = room;
    }
    facts->memories[facts->count++] = added;
    facts->passages += added.count;
    return 0;
}

/* ---- from the records ----------------------------------------------------------------------- */

/* By their ids. Only indexes are read. */
static int load_memories(struct memory_facts *facts, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row = records_query(
        facts->records, &problem,
        "SELECT m.id, m.type, min(p.id), max(p.id), count(p.id)"
        " FROM memories m INDEXED BY memories_type LEFT JOIN passages p ON p.memory = m.id"
        " GROUP BY m.id ORDER BY m.id",
        "");
    while (row && records_next(row, &problem)) {
        struct memory_passages found = {.memory = sqlite3_column_int64(row, 0),
                                        .first = sqlite3_column_int64(row, 2),
                                        .count = (uint32_t)sqlite3_column_int64(row, 4)};
        if (found.count && sqlite3_column_int64(row, 3) != found.first + found.count - 1)
            error_set(&problem, ERROR_INTERNAL,
                      "memory %lld has passages of others between its own",
                      (long long)found.memory);
        else if (add_memory(facts, found, &problem) == 0)
            add_label(facts, TYPE, records_text(row, 1), facts->count - 1, &problem);
        if (problem.code != ERROR_NONE) {
            records_done(row);
            break;
        }
    }
    return failed(&problem, error);
}

static int load_tags(struct memory_facts *facts, struct error *error)
{
    struct error problem = {0};
    sqlite3_stmt *row = records_query(
        facts->records, &problem, "SELECT memory, tag FROM memory_tags ORDER BY tag, memory", "");
    while (row && records_next(row, &problem)) {
        size_t place = place_of(facts, sqlite3_column_int64(row, 0));
        if (place < facts->count &&
            add_label(facts, TAG, records_text(row, 1), place, &problem) < 0) {
            records_done(row);
            break;
        }
    }
    return failed(&problem, error);
}

/* What is read in a transaction that has changed something may yet be undone: it holds until then.
 */
int memory_facts_ready(struct memory_facts *facts, struct error *error)
{
    if (facts->complete)
        return 0;
    memory_facts_clear(facts);
    if (load_memories(facts, error) < 0 || load_tags(facts, error) < 0)
        return -1;
    facts->complete = true;
    facts->provisional = facts->change_count > 0;
    return 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* What is added is the list's to free. */
static int add_change(struct memory_facts *facts, struct change added, struct error *error)
{
    if (facts->change_count == facts->change_room) {
        size_t room = facts->change_room ? facts->change_room * 2 : 8;
        struct change *changes = realloc(facts->changes, room * sizeof *changes);
        if (!changes)
            return out_of_memory(error);
        facts->changes = changes;
        facts->change_room = room;
    }
    facts->changes[facts->change_count++] = added;
    return 0;
}

static void free_change(struct change *change)
{
    free(change->type);
    json_decref(change->tags);
}

int memory_facts_put(struct memory_facts *facts, const struct memory_passages *passages,
                     const char *type, const json_t *tags, struct error *error)
{
    struct change put = {*passages, strdup(type), json_deep_copy(tags)};
    if (!put.type || (tags && !put.tags))
        out_of_memory(error);
    else if (add_change(facts, put, error) == 0)
        return 0;
    free_change(&put);
    return -1;
}

int memory_facts_remove(struct memory_facts *facts, int64_t memory, struct error *error)
{
    return add_change(facts, (struct change){.passages.memory = memory}, error);
}

static int apply(struct memory_facts *facts, const struct change *change)
{
    size_t index, place = facts->count;
    json_t *tag;
    if (!change->type) {
        place = place_of(facts, change->passages.memory);
        if (place < facts->count) {
            facts->memories[place].gone = true;
            facts->passages -= facts->memories[place].count;
            facts->holes++;
        }
        return 0;
    }
    if (add_memory(facts, change->passages, NULL) < 0 ||
        add_label(facts, TYPE, change->type, place, NULL) < 0)
        return -1;
    json_array_foreach(change->tags, index, tag)
    {
        if (add_label(facts, TAG, json_string_value(tag), place, NULL) < 0)
            return -1;
    }
    return 0;
}

void memory_facts_committed(struct memory_facts *facts)
{
    for (size_t i = 0; i < facts->change_count && facts->complete && !facts->provisional; i++)
        facts->complete = apply(facts, &facts->changes[i]) == 0;
    if (facts->holes > LEAST_HOLES && facts->holes * 2 > facts->count)
        memory_facts_clear(facts);
    memory_facts_rolled_back(facts);
}

void memory_facts_rolled_back(struct memory_facts *facts)
{
    for (size_t i = 0; i < facts->change_count; i++)
        free_change(&facts->changes[i]);
    facts->change_count = 0;
    if (facts->provisional)
        memory_facts_clear(facts);
}

/* ---- asking --------------------------------------------------------------------------------- */

size_t memory_facts_passages(const struct memory_facts *facts, size_t memories)
{
    size_t there = facts->count - facts->holes;
    return there ? (memories * facts->passages + there - 1) / there : 0;
}

static bool passes(const struct memory_facts *facts, size_t place,
                   const struct memory_filter *filter)
{
    const struct memory_label *type = NULL, *tag = NULL;
    if (filter->type && !(type = find_label(facts, TYPE, filter->type)))
        return false;
    if (filter->tag && !(tag = find_label(facts, TAG, filter->tag)))
        return false;
    return (!type || is_labelled(type, place)) && (!tag || is_labelled(tag, place));
}

int64_t memory_facts_of_passage(const struct memory_facts *facts, int64_t passage,
                                const struct memory_filter *filter)
{
    size_t place = place_of_passage(facts, passage);
    return place < facts->count && passes(facts, place, filter) ? facts->memories[place].memory : 0;
}

bool memory_facts_pass(const struct memory_facts *facts, int64_t memory,
                       const struct memory_filter *filter)
{
    size_t place = place_of(facts, memory);
    return place < facts->count && passes(facts, place, filter);
}

struct memory_facts_walk memory_facts_walk(const struct memory_facts *facts,
                                           const struct memory_filter *filter)
{
    static const struct memory_label none;
    const struct memory_label *type = filter->type ? find_label(facts, TYPE, filter->type) : NULL;
    const struct memory_label *tag = filter->tag ? find_label(facts, TAG, filter->tag) : NULL;
    if ((filter->type && !type) || (filter->tag && !tag))
        return (struct memory_facts_walk){facts, &none, NULL, 0};
    bool tag_first = tag && (!type || tag->count < type->count); /* the rarer is gone through */
    return (struct memory_facts_walk){facts, tag_first ? tag : type, tag_first ? type : tag, 0};
}

const struct memory_passages *memory_facts_next(struct memory_facts_walk *walk)
{
    while (walk->at < walk->label->count) {
        size_t place = walk->label->places[walk->at++];
        if (!walk->facts->memories[place].gone && (!walk->other || is_labelled(walk->other, place)))
            return &walk->facts->memories[place];
    }
    return NULL;
}
