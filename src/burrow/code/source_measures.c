/* What can be counted of a source text: lines, branches, nesting, names, comments, imports. */
#include "burrow/code/source.h"

#include "base/json_count.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_LIMIT 1000

/* ---- comments ------------------------------------------------------------------------------- */

static const char *skip_marks(const char *from, const char *end)
{
    while (from < end && (isspace((unsigned char)*from) || strchr("/*#!", *from)))
        from++;
    return from;
}

/* Without the marks: those of the ends, and the star that a block's lines begin with. */
static json_t *comment_text(const struct source *source, const struct source_comment *comment)
{
    const char *from = source->text + comment->start, *end = source->text + comment->end;
    char *text = malloc((size_t)(end - from) + 1), *out = text;
    bool docstring = strcmp(comment->kind, "docstring") == 0;
    if (!text)
        return NULL;
    if (docstring) {
        from += 3;
        if (end - from >= 3 && end[-1] == from[-1])
            end -= 3;
    } else
        from = skip_marks(from, end);
    while (end > from && (isspace((unsigned char)end[-1]) || (!docstring && strchr("*/", end[-1]))))
        end--;
    while (docstring && from < end && isspace((unsigned char)*from))
        from++;
    while (from < end) {
        *out++ = *from;
        if (*from++ != '\n')
            continue;
        while (from < end && (*from == ' ' || *from == '\t' || (!docstring && *from == '*')))
            from++;
    }
    json_t *made = json_stringn(text, (size_t)(out - text));
    free(text);
    return made;
}

json_t *source_comments(const struct source *source)
{
    json_t *comments = json_array();
    for (size_t i = 0; i < source->comment_count; i++) {
        const struct source_comment *comment = &source->comments[i];
        size_t last = comment->end > comment->start ? comment->end - 1 : comment->end;
        json_array_append_new(comments,
                              json_pack("{s:s, s:o, s:I, s:I}", "kind", comment->kind, "text",
                                        comment_text(source, comment), "first_line",
                                        (json_int_t)source_line(source, comment->start),
                                        "last_line", (json_int_t)source_line(source, last)));
    }
    return comments;
}

/* ---- imports -------------------------------------------------------------------------------- */

static void add_name(json_t *names, const char *from, const char *end)
{
    size_t index;
    json_t *name;
    while (from < end && isspace((unsigned char)*from))
        from++;
    while (end > from && (isspace((unsigned char)end[-1]) || end[-1] == ';'))
        end--;
    if (from == end || json_array_size(names) >= IMPORT_LIMIT)
        return;
    json_array_foreach(names, index, name)
    {
        if (json_string_length(name) == (size_t)(end - from) &&
            memcmp(json_string_value(name), from, (size_t)(end - from)) == 0)
            return;
    }
    json_array_append_new(names, json_stringn(from, (size_t)(end - from)));
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && (source_is_word(*at) || *at == '.'))
        at++;
    return at;
}

static void import_python(json_t *names, const char *line, const char *end)
{
    if (strncmp(line, "from ", 5) == 0) {
        add_name(names, line + 5, word_end(line + 5, end));
        return;
    }
    if (strncmp(line, "import ", 7) != 0)
        return;
    for (const char *at = line + 7; at < end;) {
        while (at < end && *at == ' ')
            at++;
        add_name(names, at, word_end(at, end));
        while (at < end && *at != ',')
            at++;
        at += at < end;
    }
}

/* The first quoted text of a line. */
static void import_quoted(json_t *names, const char *line, const char *end)
{
    while (line < end && !strchr("\"'<`", *line))
        line++;
    if (line >= end)
        return;
    const char *close = memchr(line + 1, *line == '<' ? '>' : *line, (size_t)(end - line - 1));
    if (close)
        add_name(names, line + 1, close);
}

static const char *find_within(const char *line, const char *end, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; line + length <= end; line++)
        if (memcmp(line, wanted, length) == 0)
            return line;
    return NULL;
}

static void import_javascript(json_t *names, const char *line, const char *end)
{
    const char *require = find_within(line, end, "require("), *from;
    if (require)
        import_quoted(names, require, end);
    else if (strncmp(line, "import ", 7) == 0 || strncmp(line, "export ", 7) == 0 || *line == '}') {
        from = find_within(line, end, " from ");
        if (from)
            import_quoted(names, from, end);
        else if (line[7] == '"' || line[7] == '\'')
            import_quoted(names, line, end);
    }
}

static void import_go(json_t *names, const char *line, const char *end, bool *inside)
{
    if (strncmp(line, "import", 6) == 0) {
        *inside = memchr(line, '(', (size_t)(end - line)) != NULL;
        import_quoted(names, line, end);
    } else if (*inside) {
        *inside = *line != ')';
        import_quoted(names, line, end);
    }
}

static void import_line(const struct source *source, json_t *names, const char *line,
                        const char *end, bool *inside)
{
    switch (source->language) {
    case SOURCE_C:
        if (*line == '#' && find_within(line, end, "include"))
            import_quoted(names, line, end);
        break;
    case SOURCE_PYTHON:
        import_python(names, line, end);
        break;
    case SOURCE_JAVASCRIPT:
        import_javascript(names, line, end);
        break;
    case SOURCE_GO:
        import_go(names, line, end, inside);
        break;
    case SOURCE_JAVA:
        if (strncmp(line, "import ", 7) == 0)
            add_name(names, strncmp(line + 7, "static ", 7) == 0 ? line + 14 : line + 7, end);
        break;
    case SOURCE_UNKNOWN:
        break;
    }
}

json_t *source_imports(const struct source *source)
{
    json_t *names = json_array();
    bool inside = false;
    for (size_t i = 0; i < source->line_count; i++) {
        size_t at = source->lines[i],
               end = i + 1 < source->line_count ? source->lines[i + 1] - 1 : source->length;
        while (at < end && (source->text[at] == ' ' || source->text[at] == '\t'))
            at++;
        if (at < end && source->code[at] != ' ') /* not within a comment or a string */
            import_line(source, names, source->text + at, source->text + end, &inside);
    }
    return names;
}

/* ---- counts --------------------------------------------------------------------------------- */

static bool is_branch(const char *word, size_t length)
{
    static const char branches[] = " if for while case catch except elif and or ";
    const char *at = branches;
    while ((at = strchr(at, word[0]))) {
        if (at[-1] == ' ' && strncmp(at, word, length) == 0 && at[length] == ' ')
            return true;
        at++;
    }
    return false;
}

unsigned source_complexity(const struct source *source, size_t start, size_t end)
{
    unsigned branches = 1;
    bool python = source->language == SOURCE_PYTHON;
    for (size_t i = start; i < end && i < source->length;) {
        const char *at = source->code + i;
        size_t length = 0;
        while (i + length < end && source_is_word(at[length]))
            length++;
        if (length) {
            bool joint = (length == 2 && memcmp(at, "or", 2) == 0) ||
                         (length == 3 && memcmp(at, "and", 3) == 0);
            branches += is_branch(at, length) && (python || !joint);
            i += length;
        } else if (!python && ((at[0] == '&' && at[1] == '&') || (at[0] == '|' && at[1] == '|'))) {
            branches++;
            i += 2;
        } else {
            branches += !python && at[0] == '?' && at[1] != '.' && at[1] != '?';
            i++;
        }
    }
    return branches;
}

static size_t braced_nesting(const struct source *source)
{
    size_t deepest = 0;
    for (size_t i = 0; i < source->block_count; i++)
        deepest = source->blocks[i].depth > deepest ? source->blocks[i].depth : deepest;
    return deepest;
}

/* By the columns at which lines begin. */
static size_t indented_nesting(const struct source *source)
{
    size_t columns[64], depth = 0, deepest = 0;
    for (size_t i = 0; i < source->line_count; i++) {
        const char *line = source->code + source->lines[i];
        size_t column = strspn(line, " \t");
        if (line[column] == '\n' || line[column] == '\r' || line[column] == '\0')
            continue;
        while (depth > 0 && columns[depth - 1] >= column)
            depth--;
        if (depth < sizeof columns / sizeof *columns)
            columns[depth++] = column;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest ? deepest - 1 : 0;
}

json_t *source_measures(const struct source *source)
{
    json_int_t blank = 0, comment = 0, lines = 0;
    for (size_t i = 0; i < source->line_count; i++) {
        size_t at = source->lines[i],
               end = i + 1 < source->line_count ? source->lines[i + 1] - 1 : source->length;
        bool any_text = false, any_code = false;
        if (at == source->length && i > 0)
            continue; /* what follows the last line end is no line */
        for (size_t c = at; c < end; c++) {
            any_text |= !isspace((unsigned char)source->text[c]);
            any_code |= !isspace((unsigned char)source->code[c]);
        }
        lines++;
        blank += !any_text;
        comment += any_text && !any_code;
    }
    size_t nesting =
        source->language == SOURCE_PYTHON ? indented_nesting(source) : braced_nesting(source);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "lines", lines, "blank_lines", blank,
                     "comment_lines", comment, "code_lines", lines - blank - comment, "complexity",
                     (json_int_t)source_complexity(source, 0, source->length), "nesting",
                     (json_int_t)nesting);
}

struct counted {
    const char *name;
    json_int_t count;
};

static int by_count(const void *one, const void *other)
{
    const struct counted *a = one, *b = other;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->name, b->name);
}

json_t *source_identifiers(const struct source *source, size_t limit)
{
    json_t *counts = json_object(), *value, *names = json_array();
    const char *key;
    size_t at = 0;
    for (size_t i = 0; i < source->length; i++) {
        size_t start = i;
        while (i < source->length && source_is_word(source->code[i]))
            i++;
        if (i - start < 2 || i - start > 100 || isdigit((unsigned char)source->code[start]) ||
            source_is_keyword(source->language, source->code + start, i - start))
            continue;
        json_count(counts, source->code + start, i - start);
    }
    struct counted *all = calloc(json_object_size(counts) + 1, sizeof *all);
    json_object_foreach(counts, key, value)
    {
        if (all)
            all[at++] = (struct counted){key, json_integer_value(value)};
    }
    if (all)
        qsort(all, at, sizeof *all, by_count);
    for (size_t i = 0; i < at && i < limit; i++)
        json_array_append_new(names,
                              json_pack("{s:s, s:I}", "name", all[i].name, "count", all[i].count));
    free(all);
    json_decref(counts);
    return names;
}
