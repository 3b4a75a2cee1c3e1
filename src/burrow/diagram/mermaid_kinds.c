/* Statements of sequence diagrams, pie charts and class diagrams. */
#include "burrow/diagram/mermaid.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int node_or_error(struct mermaid *reader, const char *id, size_t length)
{
    int place = diagram_node(reader->diagram, id, length);
    if (place < 0)
        mermaid_error(reader, id, "more than %d nodes", DIAGRAM_NODE_LIMIT);
    return place;
}

/* ---- sequence ------------------------------------------------------------------------------- */

static void read_participant(struct mermaid *reader, const char *shape)
{
    const char *id;
    size_t length = mermaid_id(reader, &id);
    if (length == 0) {
        mermaid_error(reader, reader->at, "the name of a participant is expected");
        return;
    }
    int place = node_or_error(reader, id, length);
    if (place < 0)
        return;
    struct diagram_node *node = &reader->diagram->nodes[place];
    node->shape = shape;
    node->declared = true;
    mermaid_skip_space(reader);
    if (mermaid_take_word(reader, "as"))
        node->label = mermaid_rest(reader);
    else if (reader->at < reader->end)
        mermaid_error(reader, reader->at, "after a participant comes \"as\" and a label");
}

/* Lines that are kept: blocks open and close, the others stand for themselves. */
static bool read_block(struct mermaid *reader)
{
    static const char *const opens[] = {"loop",     "alt",   "opt",  "par",
                                        "critical", "break", "rect", "box"};
    static const char *const others[] = {"else",   "and",      "option",     "Note",
                                         "note",   "activate", "deactivate", "autonumber",
                                         "create", "destroy",  "accTitle",   "accDescr"};
    const char *start = reader->at;
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++)
        if (mermaid_take_word(reader, opens[i])) {
            reader->open_blocks++;
            mermaid_keep(reader, reader->line, reader->end);
            return true;
        }
    if (mermaid_take_word(reader, "end")) {
        if (reader->open_blocks == 0)
            mermaid_error(reader, start, "end without a block that it ends");
        else
            reader->open_blocks--;
        mermaid_keep(reader, reader->line, reader->end);
        return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (mermaid_take_word(reader, others[i])) {
            mermaid_keep(reader, reader->line, reader->end);
            return true;
        }
    return false;
}

static void read_message(struct mermaid *reader)
{
    static const char *const arrows[] = {"<<-->>", "<<->>", "-->>", "->>", "-->",
                                         "--x",    "--)",   "->",   "-x",  "-)"};
    const char *from, *to, *arrow = NULL, *start = reader->at;
    size_t from_length = mermaid_id(reader, &from);
    mermaid_skip_space(reader);
    for (size_t i = 0; !arrow && i < sizeof arrows / sizeof *arrows; i++)
        if (mermaid_take(reader, arrows[i]))
            arrow = arrows[i];
    if (from_length == 0 || !arrow) {
        mermaid_error(reader, from_length ? reader->at : start,
                      from_length ? "an arrow is expected: ->>, -->>, ->, -x, -)"
                                  : "a participant is expected");
        return;
    }
    if (!mermaid_take(reader, "+"))
        mermaid_take(reader, "-");
    mermaid_skip_space(reader);
    size_t to_length = mermaid_id(reader, &to);
    mermaid_skip_space(reader);
    if (to_length == 0 || !mermaid_take(reader, ":")) {
        mermaid_error(reader, reader->at,
                      to_length ? "a colon and a text must follow" : "a participant is expected");
        return;
    }
    int one = node_or_error(reader, from, from_length),
        other = one < 0 ? -1 : node_or_error(reader, to, to_length);
    if (other >= 0 &&
        diagram_edge(reader->diagram, (size_t)one, arrow, (size_t)other, mermaid_rest(reader)) < 0)
        mermaid_error(reader, start, "more than %d messages", DIAGRAM_EDGE_LIMIT);
}

void mermaid_sequence_line(struct mermaid *reader)
{
    if (mermaid_take_word(reader, "participant"))
        read_participant(reader, "participant");
    else if (mermaid_take_word(reader, "actor"))
        read_participant(reader, "actor");
    else if (mermaid_take_word(reader, "title")) {
        mermaid_take(reader, ":");
        reader->diagram->title = mermaid_rest(reader);
    } else if (!read_block(reader))
        read_message(reader);
}

/* ---- pie ------------------------------------------------------------------------------------ */

void mermaid_pie_line(struct mermaid *reader)
{
    char number[64], *end;
    if (mermaid_take_word(reader, "title")) {
        reader->diagram->title = mermaid_rest(reader);
        return;
    }
    const char *start = reader->at;
    if (!mermaid_take(reader, "\"")) {
        mermaid_error(reader, start, "a slice begins with its label in quotes");
        return;
    }
    const char *label = reader->at;
    const char *quote = memchr(label, '"', (size_t)(reader->end - label));
    if (!quote) {
        mermaid_error(reader, start, "the quote is not closed");
        return;
    }
    reader->at = quote + 1;
    mermaid_skip_space(reader);
    if (!mermaid_take(reader, ":")) {
        mermaid_error(reader, reader->at, "a colon and a number must follow the label");
        return;
    }
    mermaid_skip_space(reader);
    snprintf(number, sizeof number, "%.*s", (int)(reader->end - reader->at), reader->at);
    double value = strtod(number, &end);
    if (end == number || *end || !isfinite(value) || value <= 0) {
        mermaid_error(reader, reader->at, "the value must be a number above 0");
        return;
    }
    int place = node_or_error(reader, label, (size_t)(quote - label));
    if (place < 0)
        return;
    struct diagram_node *node = &reader->diagram->nodes[place];
    if (node->declared)
        mermaid_error(reader, label, "there is a slice of this label already");
    node->declared = true;
    node->value = value;
    reader->at = reader->end;
}

/* ---- class ---------------------------------------------------------------------------------- */

#define MEMBERS_LIMIT 4096 /* bytes of a class */

static void add_member(struct mermaid *reader, int place, const char *text, size_t length)
{
    struct diagram_node *node = &reader->diagram->nodes[place];
    char joined[MEMBERS_LIMIT];
    if (length == 0)
        return;
    if (length == 1 && *text == '}') {
        mermaid_error(reader, text, "} ends the body of a class and is no member");
        return;
    }
    int size = snprintf(joined, sizeof joined, "%s%s%.*s", node->members,
                        *node->members ? "\n" : "", (int)length, text);
    if (size < 0 || (size_t)size >= sizeof joined)
        mermaid_error(reader, text, "the members of the class are over %d bytes", MEMBERS_LIMIT);
    else
        node->members = diagram_keep(reader->diagram, joined, (size_t)size);
}

static const char *class_arrow(struct mermaid *reader)
{
    static const char *const arrows[] = {"<|--", "<|..", "--|>", "..|>", "*--", "--*", "o--",
                                         "--o",  "<--",  "-->",  "<..",  "..>", "--",  ".."};
    for (size_t i = 0; i < sizeof arrows / sizeof *arrows; i++)
        if (mermaid_take(reader, arrows[i]))
            return arrows[i];
    return NULL;
}

static const char *cardinality(struct mermaid *reader)
{
    mermaid_skip_space(reader);
    if (reader->at == reader->end || *reader->at != '"')
        return "";
    const char *close = memchr(reader->at + 1, '"', (size_t)(reader->end - reader->at - 1));
    if (!close) {
        mermaid_error(reader, reader->at, "the quote is not closed");
        return "";
    }
    const char *text =
        diagram_keep(reader->diagram, reader->at + 1, (size_t)(close - reader->at - 1));
    reader->at = close + 1;
    mermaid_skip_space(reader);
    return text;
}

static void read_relation(struct mermaid *reader, int from)
{
    const char *start = reader->at, *from_count = cardinality(reader), *arrow = class_arrow(reader);
    const char *id;
    if (!arrow) {
        mermaid_error(reader, reader->at,
                      "a relation is expected: <|--, *--, o--, -->, --, ..>, ..|>, ..; or a colon "
                      "and a member");
        return;
    }
    const char *to_count = cardinality(reader);
    size_t length = mermaid_id(reader, &id);
    if (length == 0) {
        mermaid_error(reader, reader->at, "the name of a class is expected");
        return;
    }
    int to = node_or_error(reader, id, length);
    mermaid_skip_space(reader);
    const char *label = mermaid_take(reader, ":") ? mermaid_rest(reader) : "";
    if (reader->at < reader->end) {
        mermaid_error(reader, reader->at, "after a relation comes a colon and a label, or nothing");
        return;
    }
    int edge = to < 0 ? -1 : diagram_edge(reader->diagram, (size_t)from, arrow, (size_t)to, label);
    if (edge >= 0) {
        reader->diagram->edges[edge].from_count = from_count;
        reader->diagram->edges[edge].to_count = to_count;
    } else if (to >= 0)
        mermaid_error(reader, start, "more than %d relations", DIAGRAM_EDGE_LIMIT);
}

static void read_class(struct mermaid *reader)
{
    const char *id;
    size_t length = mermaid_id(reader, &id);
    if (length == 0) {
        mermaid_error(reader, reader->at, "the name of a class is expected");
        return;
    }
    int place = node_or_error(reader, id, length);
    if (place < 0)
        return;
    reader->diagram->nodes[place].declared = true;
    mermaid_skip_space(reader);
    if (mermaid_take(reader, "{")) {
        reader->open_class = place;
        mermaid_skip_space(reader);
        if (mermaid_take(reader, "}"))
            reader->open_class = -1;
    }
    if (reader->at < reader->end)
        mermaid_error(reader, reader->at, "after a class comes { or nothing");
}

void mermaid_class_line(struct mermaid *reader)
{
    static const char *const kept[] = {"note",     "click",     "style", "classDef",
                                       "cssClass", "namespace", "link",  "callback"};
    const char *id, *start = reader->at;
    if (reader->open_class >= 0) {
        if (reader->end - start == 1 && *start == '}')
            reader->open_class = -1;
        else
            add_member(reader, reader->open_class, start, (size_t)(reader->end - start));
        return;
    }
    if (mermaid_take_word(reader, "class")) {
        read_class(reader);
        return;
    }
    if (mermaid_take_word(reader, "direction")) {
        mermaid_direction(reader);
        return;
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (mermaid_take_word(reader, kept[i])) {
            mermaid_keep(reader, reader->line, reader->end);
            return;
        }
    if (mermaid_take(reader, "<<")) { /* <<interface>> NAME */
        const char *word;
        size_t word_length = mermaid_id(reader, &word);
        bool closed = mermaid_take(reader, ">>");
        mermaid_skip_space(reader);
        size_t length = mermaid_id(reader, &id);
        int place = closed && length ? node_or_error(reader, id, length) : -1;
        if (place < 0)
            mermaid_error(reader, start, "an annotation is <<word>> and the name of a class");
        else
            add_member(reader, place, start, word_length + 4);
        return;
    }
    size_t length = mermaid_id(reader, &id);
    if (length == 0) {
        mermaid_error(reader, start, "the name of a class is expected");
        return;
    }
    int place = node_or_error(reader, id, length);
    mermaid_skip_space(reader);
    if (place < 0)
        return;
    if (mermaid_take(reader, ":")) {
        mermaid_skip_space(reader);
        add_member(reader, place, reader->at, (size_t)(reader->end - reader->at));
    } else
        read_relation(reader, place);
}
