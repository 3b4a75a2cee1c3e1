/* Comments, strings and braces of a source text; see source.h. */
#include "burrow/code/source.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"unknown", "c", "python", "javascript", "go", "java"};

enum source_language source_language_named(const char *name)
{
    for (size_t i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum source_language)i;
    return SOURCE_UNKNOWN;
}

const char *source_language_name(enum source_language language)
{
    return names[language];
}

bool source_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static const char *const keywords[] = {
    [SOURCE_UNKNOWN] = "",
    [SOURCE_C] = " auto break case char const continue default do double else enum extern float for"
                 " goto if inline int long register restrict return short signed sizeof static"
                 " struct switch typedef union unsigned void volatile while bool true false NULL ",
    [SOURCE_PYTHON] =
        " False None True and as assert async await break class continue def del elif else except"
        " finally for from global if import in is lambda nonlocal not or pass raise return try"
        " while with yield self print ",
    [SOURCE_JAVASCRIPT] =
        " async await break case catch class const continue debugger default delete do else export"
        " extends false finally for function if import in instanceof let new null of return static"
        " super switch this throw true try typeof undefined var void while with yield ",
    [SOURCE_GO] = " break case chan const continue default defer else fallthrough for func go goto"
                  " if import interface map nil package range return select struct switch type var"
                  " true false string int error bool make len append ",
    [SOURCE_JAVA] =
        " abstract assert boolean break byte case catch char class const continue default do double"
        " else enum extends final finally float for if implements import instanceof int interface"
        " long native new null package private protected public record return short static super"
        " switch synchronized this throw throws true false try var void volatile while ",
};

bool source_is_keyword(enum source_language language, const char *word, size_t length)
{
    const char *at = keywords[language];
    if (length == 0 || length > 32)
        return false;
    while ((at = strchr(at, word[0]))) {
        if (at[-1] == ' ' && strncmp(at, word, length) == 0 && at[length] == ' ')
            return true;
        at++;
    }
    return false;
}

/* ---- which language ------------------------------------------------------------------------- */

static unsigned count_of(const char *text, const char *wanted)
{
    unsigned count = 0;
    size_t length = strlen(wanted);
    for (const char *at = text; count < 50 && (at = strstr(at, wanted)); at += length)
        count++;
    return count;
}

enum source_language source_language_guess(const char *text)
{
    static const struct {
        enum source_language language;
        const char *sign;
        unsigned weight;
    } signs[] = {
        {SOURCE_C, "#include", 5},
        {SOURCE_C, "->", 1},
        {SOURCE_C, "static ", 1},
        {SOURCE_C, "struct ", 1},
        {SOURCE_C, "#define", 3},
        {SOURCE_C, "int main(", 4},
        {SOURCE_C, "char *", 3},
        {SOURCE_C, "void ", 1},
        {SOURCE_C, "int ", 1},
        {SOURCE_PYTHON, "def ", 4},
        {SOURCE_PYTHON, "self.", 3},
        {SOURCE_PYTHON, "elif ", 3},
        {SOURCE_PYTHON, "\"\"\"", 2},
        {SOURCE_PYTHON, "):\n", 2},
        {SOURCE_PYTHON, "import ", 1},
        {SOURCE_JAVASCRIPT, "function ", 3},
        {SOURCE_JAVASCRIPT, "=>", 3},
        {SOURCE_JAVASCRIPT, "const ", 1},
        {SOURCE_JAVASCRIPT, "let ", 2},
        {SOURCE_JAVASCRIPT, "===", 3},
        {SOURCE_JAVASCRIPT, "require(", 3},
        {SOURCE_GO, "func ", 4},
        {SOURCE_GO, ":=", 3},
        {SOURCE_GO, "package ", 2},
        {SOURCE_GO, "fmt.", 2},
        {SOURCE_JAVA, "public ", 3},
        {SOURCE_JAVA, "private ", 3},
        {SOURCE_JAVA, "import java", 5},
        {SOURCE_JAVA, "package ", 1},
        {SOURCE_JAVA, "String ", 2},
        {SOURCE_JAVA, "System.out", 4},
    };
    unsigned scores[SOURCE_JAVA + 1] = {0};
    enum source_language best = SOURCE_UNKNOWN;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        scores[signs[i].language] += signs[i].weight * count_of(text, signs[i].sign);
    for (int language = SOURCE_C; language <= SOURCE_JAVA; language++)
        if (scores[language] > scores[best])
            best = (enum source_language)language;
    return best;
}

/* ---- comments and strings ------------------------------------------------------------------- */

static int add_comment(struct source *source, size_t start, size_t end, const char *kind)
{
    size_t count = source->comment_count;
    if ((count & (count - 1)) == 0) { /* a power of two: the array is full */
        void *more = realloc(source->comments, (count ? count * 2 : 1) * sizeof *source->comments);
        if (!more)
            return -1;
        source->comments = more;
    }
    source->comments[source->comment_count++] = (struct source_comment){start, end, kind};
    return 0;
}

static void blank(struct source *source, size_t start, size_t end)
{
    for (size_t i = start; i < end && i < source->length; i++)
        if (source->code[i] != '\n')
            source->code[i] = ' ';
}

static bool begins(const struct source *source, size_t at, const char *text)
{
    size_t length = strlen(text);
    return at + length <= source->length && memcmp(source->text + at, text, length) == 0;
}

/* Where `end` begins at or after `at`; the length when it does not. */
static size_t find(const struct source *source, size_t at, const char *end)
{
    const char *found = strstr(source->text + at, end);
    return found ? (size_t)(found - source->text) : source->length;
}

/* After the closing quote; a string that a line end cuts short ends there. */
static size_t end_of_string(const struct source *source, size_t at, char quote, bool raw)
{
    bool lines = quote == '`';
    for (at++; at < source->length; at++) {
        char c = source->text[at];
        if (c == '\\' && !raw && at + 1 < source->length)
            at++;
        else if (c == quote)
            return at + 1;
        else if (c == '\n' && !lines)
            return at;
    }
    return source->length;
}

/* A string that stands where a statement could is Python's way to document. */
static bool is_docstring(const struct source *source, size_t at)
{
    while (at > 0 && (source->code[at - 1] == ' ' || source->code[at - 1] == '\t'))
        at--;
    if (at > 0 && source->code[at - 1] != '\n')
        return false;
    while (at > 0 && strchr(" \t\n\r", source->code[at - 1]))
        at--;
    return at == 0 || source->code[at - 1] == ':';
}

static size_t skip_python(struct source *source, size_t at, int *failed)
{
    size_t end = at;
    if (source->text[at] == '#') {
        end = find(source, at, "\n");
        *failed |= add_comment(source, at, end, "line");
    } else if (begins(source, at, "\"\"\"") || begins(source, at, "'''")) {
        bool document = is_docstring(source, at);
        end = find(source, at + 3, source->text[at] == '"' ? "\"\"\"" : "'''") + 3;
        end = end < source->length ? end : source->length;
        if (document)
            *failed |= add_comment(source, at, end, "docstring");
    } else if (source->text[at] == '"' || source->text[at] == '\'')
        return end_of_string(source, at, source->text[at], false);
    return end;
}

static size_t skip_braced(struct source *source, size_t at, int *failed)
{
    size_t end = at;
    char c = source->text[at];
    if (begins(source, at, "//")) {
        end = find(source, at, "\n");
        *failed |= add_comment(source, at, end, "line");
    } else if (begins(source, at, "/*")) {
        end = find(source, at + 2, "*/") + 2;
        end = end < source->length ? end : source->length;
        *failed |= add_comment(source, at, end, "block");
    } else if (c == '"' || c == '\'' || (c == '`' && source->language != SOURCE_C))
        return end_of_string(source, at, c, c == '`' && source->language == SOURCE_GO);
    return end;
}

static int mask(struct source *source)
{
    int failed = 0;
    for (size_t at = 0; at < source->length;) {
        size_t end = source->language == SOURCE_PYTHON ? skip_python(source, at, &failed)
                                                       : skip_braced(source, at, &failed);
        if (end == at) {
            at++;
            continue;
        }
        /* the quotes of a string stay, so that code around it reads as before */
        bool comment =
            source->comment_count && source->comments[source->comment_count - 1].start == at;
        blank(source, at + !comment, comment || end <= at + 1 ? end : end - 1);
        at = end;
    }
    return failed ? -1 : 0;
}

/* ---- lines and braces ----------------------------------------------------------------------- */

static int index_lines(struct source *source)
{
    size_t count = 1;
    for (size_t i = 0; i < source->length; i++)
        count += source->text[i] == '\n';
    source->lines = malloc(count * sizeof *source->lines);
    if (!source->lines)
        return -1;
    source->lines[source->line_count++] = 0;
    for (size_t i = 0; i < source->length; i++)
        if (source->text[i] == '\n')
            source->lines[source->line_count++] = i + 1;
    return 0;
}

size_t source_line(const struct source *source, size_t offset)
{
    size_t low = 0, high = source->line_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (source->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

static int index_blocks(struct source *source)
{
    size_t count = 0;
    int inner = -1;
    for (size_t i = 0; i < source->length; i++)
        count += source->code[i] == '{';
    source->blocks = calloc(count + 1, sizeof *source->blocks);
    if (!source->blocks)
        return -1;
    for (size_t i = 0; i < source->length; i++) {
        if (source->code[i] == '{') {
            source->blocks[source->block_count] = (struct source_block){
                i, source->length, inner, inner < 0 ? 1 : source->blocks[inner].depth + 1, false};
            inner = (int)source->block_count++;
        } else if (source->code[i] == '}' && inner >= 0) {
            source->blocks[inner].close = i;
            inner = source->blocks[inner].parent;
        }
    }
    return 0;
}

int source_open(struct source *source, enum source_language language, const char *text)
{
    memset(source, 0, sizeof *source);
    source->language = language;
    source->text = text;
    source->length = strlen(text);
    source->code = malloc(source->length + 1);
    if (source->code)
        memcpy(source->code, text, source->length + 1);
    if (source->code && index_lines(source) == 0 && mask(source) == 0 && index_blocks(source) == 0)
        return 0;
    source_close(source);
    return -1;
}

void source_close(struct source *source)
{
    free(source->code);
    free(source->lines);
    free(source->comments);
    free(source->blocks);
    memset(source, 0, sizeof *source);
}
