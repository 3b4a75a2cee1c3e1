/* Reading a source text without compiling it: its comments, the braces that belong together, and
 * from those its functions, classes and imports. A lexical reading, for C, Python, JavaScript, Go
 * and Java: it is right about code that is laid out as people lay it out, and never fails on code
 * that is not. */
#ifndef BURROW_CODE_SOURCE_H
#define BURROW_CODE_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SOURCE_LIMIT ((size_t)256 << 10) /* bytes of a text */

enum source_language {
    SOURCE_UNKNOWN,
    SOURCE_C,
    SOURCE_PYTHON,
    SOURCE_JAVASCRIPT,
    SOURCE_GO,
    SOURCE_JAVA
};

struct source_comment {
    size_t start, end; /* of the text, its marks included */
    const char *kind;  /* "line", "block", "docstring" */
};

struct source_block {   /* braces and what is between them */
    size_t open, close; /* of the braces; close is the length when it is missing */
    int parent;         /* index; -1: none */
    size_t depth;       /* 1 when it has none */
    bool is_class;      /* its parts may be methods */
};

struct source {
    enum source_language language;
    const char *text; /* borrowed */
    size_t length;
    char *code;    /* text with comments and the insides of strings as spaces; line ends stay */
    size_t *lines; /* where each begins */
    size_t line_count;
    struct source_comment *comments;
    size_t comment_count;
    struct source_block *blocks; /* in the order of their opening */
    size_t block_count;
};

/* "c", "python", "javascript", "go", "java"; anything else is unknown. */
enum source_language source_language_named(const char *name);
const char *source_language_name(enum source_language language);
/* What it most looks like; SOURCE_UNKNOWN when nothing speaks for any. */
enum source_language source_language_guess(const char *text);

/* `text` must outlive it. -1: no memory. */
int source_open(struct source *source, enum source_language language, const char *text);
void source_close(struct source *source);
size_t source_line(const struct source *source, size_t offset); /* from 1 */

/* New references. Functions: [{"name", "owner", "signature", "parameters", "first_line",
 * "last_line", "complexity", "calls"}], owner "" when it stands alone; complexity is McCabe's. */
json_t *source_functions(struct source *source);
/* [{"name", "kind", "bases", "members", "first_line", "last_line"}]; kind is "class", "struct",
 * "interface", ...; members are names, methods included. */
json_t *source_classes(struct source *source);
/* [{"kind", "text", "first_line", "last_line"}], without the marks. */
json_t *source_comments(const struct source *source);
json_t *source_imports(const struct source *source); /* names, each once */
/* {"lines", "blank_lines", "comment_lines", "code_lines", "complexity", "nesting"} */
json_t *source_measures(const struct source *source);
/* Identifiers that are no keywords, most frequent first: [{"name", "count"}], at most `limit`. */
json_t *source_identifiers(const struct source *source, size_t limit);

/* For those who read the code: identifiers, keywords, complexity of a part. */
bool source_is_word(char c);
bool source_is_keyword(enum source_language language, const char *word, size_t length);
unsigned source_complexity(const struct source *source, size_t start, size_t end);

#endif
