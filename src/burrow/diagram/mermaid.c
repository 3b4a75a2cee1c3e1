/* Reading Mermaid: the first line says what it is, each further one is a statement of that kind. */
#include "burrow/diagram/mermaid.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool mermaid_error(struct mermaid *reader, const char *at, const char *format, ...)
{
    struct diagram_errors *errors = reader->errors;
    if (errors->count == DIAGRAM_ERROR_LIMIT)
        return false;
    struct diagram_error *error = &errors->all[errors->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    for (size_t i = strlen(error->text); i > 0 && ((unsigned char)error->text[i - 1] & 0x80); i--)
        error->text[i - 1] = '?'; /* never half a character at the end */
    error->line = reader->number;
    error->column = (size_t)(at - reader->line) + 1;
    return false;
}

void mermaid_skip_space(struct mermaid *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t'))
        reader->at++;
}

bool mermaid_take(struct mermaid *reader, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static bool is_id(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

bool mermaid_take_word(struct mermaid *reader, const char *word)
{
    const char *before = reader->at;
    if (!mermaid_take(reader, word))
        return false;
    if (reader->at == reader->end || !is_id(*reader->at)) {
        mermaid_skip_space(reader);
        return true;
    }
    reader->at = before;
    return false;
}

size_t mermaid_id(struct mermaid *reader, const char **id)
{
    const char *at = reader->at;
    *id = at;
    while (at < reader->end) {
        bool within = (*at == '-' || *at == '.') && at > *id && at + 1 < reader->end &&
                      is_id(at[-1]) && is_id(at[1]);
        /* "A-->B" has no dash within, "a-b" has */
        if (!is_id(*at) && !within)
            break;
        at++;
    }
    reader->at = at;
    return (size_t)(at - *id);
}

void mermaid_keep(struct mermaid *reader, const char *from, const char *end)
{
    reader->at = end;
    while (from < end && *from == ' ')
        from++;
    while (end > from && end[-1] == ' ')
        end--;
    diagram_extra(reader->diagram, from, (size_t)(end - from));
}

const char *mermaid_rest(struct mermaid *reader)
{
    mermaid_skip_space(reader);
    const char *rest =
        diagram_keep(reader->diagram, reader->at, (size_t)(reader->end - reader->at));
    reader->at = reader->end;
    return rest;
}

/* ---- the first line ------------------------------------------------------------------------- */

void mermaid_direction(struct mermaid *reader)
{
    static const char *const directions[] = {"TB", "TD", "BT", "RL", "LR"};
    mermaid_skip_space(reader);
    for (size_t i = 0; i < 5; i++)
        if (mermaid_take_word(reader, directions[i])) {
            reader->diagram->direction = i == 1 ? "TB" : directions[i];
            return;
        }
    if (reader->at < reader->end && *reader->at != ';')
        mermaid_error(reader, reader->at, "the direction is one of TB, TD, BT, LR, RL");
}

static void read_pie_header(struct mermaid *reader)
{
    reader->diagram->show_data = mermaid_take_word(reader, "showData");
    if (mermaid_take_word(reader, "title"))
        reader->diagram->title = mermaid_rest(reader);
    else if (reader->at < reader->end)
        mermaid_error(reader, reader->at, "after pie comes showData, title, or nothing");
}

static void read_header(struct mermaid *reader)
{
    struct diagram *diagram = reader->diagram;
    if (mermaid_take_word(reader, "flowchart") || mermaid_take_word(reader, "graph")) {
        diagram->type = DIAGRAM_FLOWCHART;
        mermaid_direction(reader);
        if (reader->at < reader->end && *reader->at == ';') {
            reader->at++;
            mermaid_skip_space(reader);
            if (reader->at < reader->end)
                mermaid_flowchart_line(reader);
        }
    } else if (mermaid_take_word(reader, "sequenceDiagram"))
        diagram->type = DIAGRAM_SEQUENCE;
    else if (mermaid_take_word(reader, "classDiagram"))
        diagram->type = DIAGRAM_CLASS;
    else if (mermaid_take_word(reader, "pie")) {
        diagram->type = DIAGRAM_PIE;
        read_pie_header(reader);
    } else
        mermaid_error(reader, reader->at,
                      "a diagram begins with flowchart, graph, sequenceDiagram, classDiagram or "
                      "pie");
}

static void read_statement(struct mermaid *reader)
{
    switch (reader->diagram->type) {
    case DIAGRAM_FLOWCHART:
        mermaid_flowchart_line(reader);
        break;
    case DIAGRAM_SEQUENCE:
        mermaid_sequence_line(reader);
        break;
    case DIAGRAM_PIE:
        mermaid_pie_line(reader);
        break;
    case DIAGRAM_CLASS:
        mermaid_class_line(reader);
        break;
    case DIAGRAM_UNKNOWN:
        break;
    }
}

/* The columns of errors count from the line's first byte, so the line keeps its indentation; `at`
 * is moved past it. A front matter (--- ... ---) may give a title. Returns what comes after it. */
static const char *read_front_matter(struct mermaid *reader, const char *text)
{
    if (strspn(text, "-") != 3 || text[3 + strspn(text + 3, " ")] != '\n')
        return text;
    const char *end = strstr(text + 3, "\n---"), *title = strstr(text, "\ntitle:");
    if (!end) {
        mermaid_error(reader, reader->line, "the front matter has no --- that ends it");
        return text;
    }
    if (title && title < end) {
        title += strlen("\ntitle:");
        title += strspn(title, " ");
        size_t length = strcspn(title, "\n");
        while (length && title[length - 1] == ' ')
            length--;
        reader->diagram->title = diagram_keep(reader->diagram, title, length);
    }
    for (const char *at = text; at < end + 1; at++)
        reader->number += *at == '\n';
    return end + 4;
}

static void read_lines(struct mermaid *reader, const char *text)
{
    bool begun = false;
    reader->line = text;
    text = read_front_matter(reader, text);
    while (*text && reader->errors->count < DIAGRAM_ERROR_LIMIT) {
        size_t length = strcspn(text, "\n");
        reader->number++;
        reader->line = reader->at = text;
        reader->end = text + length;
        text += length + (text[length] == '\n');
        while (reader->end > reader->line && isspace((unsigned char)reader->end[-1]))
            reader->end--;
        mermaid_skip_space(reader);
        if (reader->at == reader->end || strncmp(reader->at, "%%", 2) == 0)
            continue;
        if (begun)
            read_statement(reader);
        else
            read_header(reader);
        begun = true;
        if (reader->diagram->type == DIAGRAM_UNKNOWN)
            return;
    }
    if (!begun)
        mermaid_error(reader, reader->line, "there is no diagram in it");
    else if (reader->open_class >= 0 || reader->open_blocks)
        mermaid_error(reader, reader->line, "%s is not closed",
                      reader->open_class >= 0 ? "the body of a class" : "a block");
}

struct diagram *diagram_parse(const char *text, struct diagram_errors *errors)
{
    struct mermaid reader = {
        .diagram = diagram_new(DIAGRAM_UNKNOWN), .errors = errors, .open_class = -1};
    errors->count = 0;
    if (reader.diagram)
        read_lines(&reader, diagram_keep(reader.diagram, text, strlen(text)));
    return reader.diagram;
}
