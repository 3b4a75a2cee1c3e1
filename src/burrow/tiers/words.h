/* Full-text search of the memories: how rare the words of a query are, and ranking by that.
 *
 * SQLite's own bm25() counts, in every query, the documents that hold each word; a word that is in
 * most of them makes that dearer than the search itself. Here the counts are remembered, and where
 * any word is enough, common ones are left out while rarer ones are there. */
#ifndef BURROW_TIERS_WORDS_H
#define BURROW_TIERS_WORDS_H

#include "burrow/tiers/records.h"

#include <stddef.h>

#define WORDS_LIMIT 32 /* distinct words of a query; those beyond are not looked for */
#define WORD_BYTES  64 /* of a word; longer ones are not looked for */

struct words;

/* On records that are open; their full-text table `memory_words` may come later. NULL with an
 * error. Adds the SQL function relevance(memory_words, WEIGHTS): Okapi BM25 (Robertson and
 * Zaragoza 2009; k1 1.2, b 0.75) with the weight of each word given, larger is better. */
struct words *words_open(struct records *records, struct error *error);
void words_close(struct words *words); /* harmless on NULL; before the records */

/* The words of a text, the rarest first. */
struct words_reading {
    struct word {
        char text[WORD_BYTES];
        size_t length;
        int64_t documents; /* memories that hold it, about */
    } words[WORDS_LIMIT];
    size_t count;
    int64_t memories; /* all there are */
};
/* -1 with an error. */
int words_read(struct words *words, const char *text, struct words_reading *reading,
               struct error *error);

enum words_wanted { WORDS_ALL, WORDS_ANY };

struct words_query {
    char *match;                 /* an expression of FTS5; NULL: there is no word in the text */
    double weights[WORDS_LIMIT]; /* of its words, in its order: for relevance() */
    size_t count;
};
/* What to ask for these words. WORDS_ANY leaves common words out, see above; WORDS_ALL those that
 * nearly all memories hold, beside a rarer one: to look for them is dear, and tells little. -1 with
 * an error. Free with words_query_free. */
int words_query(const struct words_reading *reading, enum words_wanted wanted,
                struct words_query *query, struct error *error);
void words_query_free(struct words_query *query);

#endif
