/* See words.h. */
#include "burrow/tiers/words.h"

#include "base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ANY_BUDGET   1000 /* documents that words of which any is enough may be in, together */
#define NEARLY_ALL   16   /* but for one in so many memories */
#define KNOWN_SLOTS  8192
#define KNOWN_LEAST  512 /* memories below which counting is quick enough */
#define LENGTH_SLOTS 16384
#define QUERY_LIMIT  ((size_t)16 << 10)

struct known { /* how many documents held a word when there were `of` */
    struct word word;
    int64_t of;
};

struct length {
    int64_t id;
    int words;
};

struct words {
    struct records *records;
    fts5_tokenizer tokenizer;
    Fts5Tokenizer *made;
    struct known known[KNOWN_SLOTS];
    struct length lengths[LENGTH_SLOTS]; /* of memories that were ranked */
};

/* ---- ranking -------------------------------------------------------------------------------- */

/* How many words a memory has. The content of an id never changes, and a deleted one's does not
 * come again; but that of a transaction that writes may yet be undone, and the id be another's. */
static int length_of(const Fts5ExtensionApi *api, Fts5Context *row, int *length)
{
    struct words *words = api->xUserData(row);
    int64_t id = api->xRowid(row);
    struct length *kept = &words->lengths[(uint64_t)id % LENGTH_SLOTS];
    if (kept->id == id) {
        *length = kept->words;
        return SQLITE_OK;
    }
    int result = api->xColumnSize(row, -1, length);
    if (result == SQLITE_OK && !records_is_writing(words->records))
        *kept = (struct length){id, *length};
    return result;
}

/* The same for all rows of a query, which keeps it. */
static int mean_length(const Fts5ExtensionApi *api, Fts5Context *row, double *mean)
{
    sqlite3_int64 rows = 0, total = 0;
    double *kept = api->xGetAuxdata(row, 0);
    if (!kept) {
        int result = api->xRowCount(row, &rows);
        if (result == SQLITE_OK)
            result = api->xColumnTotalSize(row, -1, &total);
        if (result == SQLITE_OK && !(kept = malloc(sizeof *kept)))
            result = SQLITE_NOMEM;
        if (result != SQLITE_OK)
            return result;
        *kept = total > 0 && rows > 0 ? (double)total / (double)rows : 1;
        result = api->xSetAuxdata(row, kept, free);
        if (result != SQLITE_OK)
            return result;
    }
    *mean = *kept;
    return SQLITE_OK;
}

static int count_word(const Fts5ExtensionApi *api, Fts5Context *row, int word, double *count)
{
    Fts5PhraseIter place;
    int column, offset;
    int result = api->xPhraseFirst(row, word, &place, &column, &offset);
    for (; result == SQLITE_OK && column >= 0; api->xPhraseNext(row, &place, &column, &offset))
        *count += 1;
    return result;
}

static void relevance(const Fts5ExtensionApi *api, Fts5Context *row, sqlite3_context *context,
                      int argument_count, sqlite3_value **arguments)
{
    const double k1 = 1.2, b = 0.75;
    double weights[WORDS_LIMIT], score = 0, mean;
    int length, given = argument_count == 1 ? sqlite3_value_bytes(arguments[0]) : 0;
    int words = given / (int)sizeof *weights;
    int result =
        argument_count != 1 || words > WORDS_LIMIT ? SQLITE_ERROR : mean_length(api, row, &mean);
    if (result == SQLITE_OK)
        result = length_of(api, row, &length);
    if (result == SQLITE_OK && words > 0)
        memcpy(weights, sqlite3_value_blob(arguments[0]), (size_t)words * sizeof *weights);
    for (int i = 0; i < words && result == SQLITE_OK; i++) {
        double count = 0;
        result = count_word(api, row, i, &count);
        score += weights[i] * count * (k1 + 1) / (count + k1 * (1 - b + b * (double)length / mean));
    }
    if (result == SQLITE_OK)
        sqlite3_result_double(context, score);
    else
        sqlite3_result_error_code(context, result);
}

/* The table that counts words is of this connection alone; the one that it counts may come later.
 */
static int prepare(struct words *words, fts5_api *api, struct error *error)
{
    void *context = NULL;
    if (api->xFindTokenizer(api, "unicode61", &context, &words->tokenizer) != SQLITE_OK ||
        words->tokenizer.xCreate(context, NULL, 0, &words->made) != SQLITE_OK ||
        api->xCreateFunction(api, "relevance", words, relevance, NULL) != SQLITE_OK)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return records_run(words->records, error,
                       "CREATE VIRTUAL TABLE temp.memory_word_counts"
                       " USING fts5vocab('main', 'memory_words', 'row')",
                       "") < 0
               ? -1
               : 0;
}

struct words *words_open(struct records *records, struct error *error)
{
    fts5_api *api = records_full_text(records, error);
    struct words *words = api ? calloc(1, sizeof *words) : NULL;
    if (!words) {
        if (api)
            error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    words->records = records;
    if (prepare(words, api, error) == 0)
        return words;
    words_close(words);
    return NULL;
}

void words_close(struct words *words)
{
    if (words && words->made)
        words->tokenizer.xDelete(words->made);
    free(words);
}

/* ---- how rare ------------------------------------------------------------------------------- */

static int read_word(void *context, int flags, const char *bytes, int length, int start, int end)
{
    struct words_reading *reading = context;
    size_t size = (size_t)length;
    (void)flags;
    (void)start;
    (void)end;
    if (size >= WORD_BYTES || reading->count == WORDS_LIMIT)
        return SQLITE_OK;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->words[i].length == size && memcmp(reading->words[i].text, bytes, size) == 0)
            return SQLITE_OK;
    struct word *word = &reading->words[reading->count++];
    memcpy(word->text, bytes, size);
    word->text[size] = '\0';
    word->length = size;
    word->documents = 0;
    return SQLITE_OK;
}

static struct known *slot_of(struct words *words, const struct word *word)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < word->length; i++)
        hash = (hash ^ (unsigned char)word->text[i]) * 16777619U;
    return &words->known[hash % KNOWN_SLOTS];
}

static int count_documents(struct words *words, struct word *word, int64_t memories,
                           struct error *error)
{
    struct known *known = slot_of(words, word);
    bool fresh = memories >= KNOWN_LEAST && known->of > 0 &&
                 llabs((long long)(memories - known->of)) <= known->of / 16;
    if (fresh && strcmp(known->word.text, word->text) == 0) {
        word->documents = known->word.documents;
        return 0;
    }
    if (records_integer(words->records, error, 0, &word->documents,
                        "SELECT doc FROM temp.memory_word_counts WHERE term = ?1", "s",
                        word->text) < 0)
        return -1;
    *known = (struct known){*word, memories};
    return 0;
}

static int rarer_first(const void *one, const void *other)
{
    const struct word *a = one, *b = other;
    if (a->documents != b->documents)
        return a->documents < b->documents ? -1 : 1;
    return strcmp(a->text, b->text);
}

int words_read(struct words *words, const char *text, struct words_reading *reading,
               struct error *error)
{
    reading->count = 0;
    reading->memories = 0;
    if (words->tokenizer.xTokenize(words->made, reading, FTS5_TOKENIZE_QUERY, text,
                                   (int)strnlen(text, QUERY_LIMIT), read_word) != SQLITE_OK)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (reading->count == 0)
        return 0;
    if (records_integer(words->records, error, 0, &reading->memories,
                        "SELECT coalesce(sum(documents), 0) FROM memory_totals", "") < 0)
        return -1;
    for (size_t i = 0; i < reading->count; i++)
        if (count_documents(words, &reading->words[i], reading->memories, error) < 0)
            return -1;
    qsort(reading->words, reading->count, sizeof *reading->words, rarer_first);
    return 0;
}

/* ---- the query ------------------------------------------------------------------------------ */

int words_query(const struct words_reading *reading, enum words_wanted wanted,
                struct words_query *query, struct error *error)
{
    int64_t documents = 0;
    struct buffer match;
    *query = (struct words_query){0};
    if (reading->count == 0)
        return 0;
    buffer_init(&match, QUERY_LIMIT);
    for (size_t i = 0; i < reading->count; i++) {
        const struct word *word = &reading->words[i];
        if (wanted == WORDS_ANY && documents > 0 && documents + word->documents > ANY_BUDGET)
            break;
        if (wanted == WORDS_ALL && query->count > 0 &&
            word->documents > reading->memories - reading->memories / NEARLY_ALL)
            break;
        documents += word->documents;
        if (buffer_printf(&match, "%s\"%s\"",
                          query->count == 0     ? ""
                          : wanted == WORDS_ALL ? " AND "
                                                : " OR ",
                          word->text) < 0)
            break;
        query->weights[query->count++] =
            log(1 + ((double)reading->memories - (double)word->documents + 0.5) /
                        ((double)word->documents + 0.5));
    }
    query->match = buffer_take_string(&match);
    return query->match ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

void words_query_free(struct words_query *query)
{
    free(query->match);
    *query = (struct words_query){0};
}
