/* Statements of a flowchart: nodes with a shape, edges in chains, subgraphs, styles. */
#include "burrow/diagram/mermaid.h"

#include <string.h>

#define ENDS_LIMIT 64 /* nodes joined by & */

static const struct shape {
    const char *open, *close, *name;
} shapes[] = {
    /* the longer first */
    {"(((", ")))", "double_circle"}, {"((", "))", "circle"},      {"([", "])", "stadium"},
    {"(", ")", "rounded"},           {"[[", "]]", "subroutine"},  {"[(", ")]", "cylinder"},
    {"[/", "/]", "parallelogram"},   {"[\\", "\\]", "trapezoid"}, {"[", "]", "rectangle"},
    {"{{", "}}", "hexagon"},         {"{", "}", "diamond"},       {">", "]", "flag"},
};
#define SHAPE_COUNT (sizeof shapes / sizeof *shapes)

const char *mermaid_shape_open(const char *name, const char **close)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        if (strcmp(shapes[i].name, name) == 0) {
            *close = shapes[i].close;
            return shapes[i].open;
        }
    *close = "]";
    return "[";
}

static const char *find_within(const char *from, const char *end, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; from + length <= end; from++)
        if (memcmp(from, wanted, length) == 0)
            return from;
    return NULL;
}

/* The text of a node, which quotes may enclose. */
static bool read_label(struct mermaid *reader, const struct shape *shape, struct diagram_node *node)
{
    const char *start = reader->at, *close;
    mermaid_skip_space(reader);
    if (reader->at < reader->end && *reader->at == '"') {
        const char *quote = memchr(reader->at + 1, '"', (size_t)(reader->end - reader->at - 1));
        if (!quote)
            return mermaid_error(reader, reader->at, "the quote is not closed");
        node->label =
            diagram_keep(reader->diagram, reader->at + 1, (size_t)(quote - reader->at - 1));
        reader->at = quote + 1;
        mermaid_skip_space(reader);
        return mermaid_take(reader, shape->close) ||
               mermaid_error(reader, reader->at, "\"%s\" must follow, as \"%s\" opened the node",
                             shape->close, shape->open);
    }
    close = find_within(start, reader->end, shape->close);
    if (!close)
        return mermaid_error(reader, start, "\"%s\" is missing, as \"%s\" opened the node",
                             shape->close, shape->open);
    const char *odd = start;
    while (odd < close && !strchr("\"[]{}()", *odd))
        odd++;
    if (odd < close)
        return mermaid_error(reader, odd, "a label with \"%c\" in it must be in quotes", *odd);
    const char *last = close;
    while (last > reader->at && last[-1] == ' ')
        last--;
    node->label = diagram_keep(reader->diagram, reader->at, (size_t)(last - reader->at));
    reader->at = close + strlen(shape->close);
    return true;
}

static int read_node(struct mermaid *reader)
{
    const char *id;
    mermaid_skip_space(reader);
    const char *start = reader->at;
    size_t length = mermaid_id(reader, &id);
    if (length == 0) {
        mermaid_error(reader, start, "the id of a node is expected");
        return -1;
    }
    if (length == 3 && memcmp(id, "end", 3) == 0) {
        mermaid_error(reader, id, "\"end\" ends a subgraph and can be no id; write End");
        return -1;
    }
    int place = diagram_node(reader->diagram, id, length);
    if (place < 0) {
        mermaid_error(reader, id, "more than %d nodes", DIAGRAM_NODE_LIMIT);
        return -1;
    }
    struct diagram_node *node = &reader->diagram->nodes[place];
    if (reader->open_blocks && node->block == 0)
        node->block = reader->blocks[reader->open_blocks - 1];
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        if (mermaid_take(reader, shapes[i].open)) {
            node->shape = shapes[i].name;
            node->declared = true;
            return read_label(reader, &shapes[i], node) ? place : -1;
        }
    if (mermaid_take(reader, ":::")) /* a class of style */
        mermaid_id(reader, &id);
    return place;
}

/* Nodes joined by &: how many, 0 on an error. */
static size_t read_nodes(struct mermaid *reader, size_t places[ENDS_LIMIT])
{
    size_t count = 0;
    do {
        int place = read_node(reader);
        if (place < 0 || count == ENDS_LIMIT)
            return 0;
        places[count++] = (size_t)place;
        mermaid_skip_space(reader);
    } while (mermaid_take(reader, "&"));
    return count;
}

static bool is_line(char c)
{
    return c == '-' || c == '=' || c == '.';
}

/* "-- text -->" and "-.text.->": what stands between the two halves of an arrow. */
static bool read_text_within(struct mermaid *reader, const char *start, char arrow[16],
                             const char **label)
{
    const char *text = reader->at, *at = text;
    char line = *start == '=' ? '=' : '-';
    while (at < reader->end && !((*at == line || *at == '.') && at + 1 < reader->end &&
                                 (is_line(at[1]) || at[1] == '>')))
        at++;
    if (at == reader->end)
        return mermaid_error(reader, start, "an arrow is expected: -->, ---, -.->, ==>");
    const char *last = at;
    while (last > text && last[-1] == ' ')
        last--;
    *label = diagram_keep(reader->diagram, text, (size_t)(last - text));
    size_t length = 0;
    if (start[1] == '.')
        arrow[length++] = '-';
    while (at < reader->end && is_line(*at)) {
        if (length < 12)
            arrow[length++] = *at;
        at++;
    }
    if (at < reader->end && strchr(">xo", *at))
        arrow[length++] = *at++;
    arrow[length] = '\0';
    reader->at = at;
    return true;
}

/* After the first bar. In quotes a label may hold bars itself. */
static bool read_label_between_bars(struct mermaid *reader, const char **label)
{
    mermaid_skip_space(reader);
    const char *first = reader->at, *from = first;
    if (first < reader->end && *first == '"') {
        const char *quote = memchr(first + 1, '"', (size_t)(reader->end - first - 1));
        from = quote ? quote : first;
    }
    const char *close = memchr(from, '|', (size_t)(reader->end - from));
    if (!close)
        return mermaid_error(reader, first, "the label of the arrow has no | that ends it");
    const char *last = close;
    while (last > first && last[-1] == ' ')
        last--;
    if (last - first >= 2 && *first == '"' && last[-1] == '"') {
        first++;
        last--;
    }
    *label = diagram_keep(reader->diagram, first, (size_t)(last - first));
    reader->at = close + 1;
    return true;
}

static bool read_arrow(struct mermaid *reader, char arrow[16], const char **label)
{
    const char *start = reader->at, *at = start;
    *label = "";
    bool head =
        at < reader->end &&
        (*at == '<' || ((*at == 'x' || *at == 'o') && at + 1 < reader->end && is_line(at[1])));
    at += head;
    const char *lines = at;
    while (at < reader->end && is_line(*at))
        at++;
    if (at - lines < 2 || (*lines == '.' && !head))
        return mermaid_error(reader, start, "an arrow is expected: -->, ---, -.->, ==>");
    bool tail =
        at < reader->end && (*at == '>' || ((*at == 'x' || *at == 'o') && at + 1 < reader->end &&
                                            (at[1] == ' ' || at[1] == '|')));
    bool whole = tail || at - lines > 2;
    at += tail;
    if (at - start > 14)
        return mermaid_error(reader, start, "the arrow is too long");
    memcpy(arrow, start, (size_t)(at - start));
    arrow[at - start] = '\0';
    reader->at = at;
    mermaid_skip_space(reader);
    if (!whole)
        return read_text_within(reader, lines, arrow, label);
    if (!mermaid_take(reader, "|"))
        return true;
    return read_label_between_bars(reader, label);
}

static void read_chain(struct mermaid *reader)
{
    size_t ends[2][ENDS_LIMIT], counts[2];
    int side = 0;
    counts[0] = read_nodes(reader, ends[0]);
    if (counts[0] == 0)
        return;
    if (reader->at == reader->end || *reader->at == ';')
        for (size_t i = 0; i < counts[0]; i++)
            reader->diagram->nodes[ends[0][i]].declared = true;
    while (reader->at < reader->end && *reader->at != ';') {
        char arrow[16];
        const char *label, *start = reader->at;
        int other = !side;
        if (!read_arrow(reader, arrow, &label))
            return;
        counts[other] = read_nodes(reader, ends[other]);
        if (counts[other] == 0)
            return;
        for (size_t from = 0; from < counts[side]; from++)
            for (size_t to = 0; to < counts[other]; to++)
                if (diagram_edge(reader->diagram, ends[side][from], arrow, ends[other][to], label) <
                    0) {
                    mermaid_error(reader, start, "more than %d edges", DIAGRAM_EDGE_LIMIT);
                    return;
                }
        side = other;
        mermaid_skip_space(reader);
    }
}

void mermaid_flowchart_line(struct mermaid *reader)
{
    static const char *const kept[] = {"classDef", "class",     "style",    "linkStyle",
                                       "click",    "direction", "accTitle", "accDescr"};
    const char *start = reader->at;
    if (mermaid_take_word(reader, "subgraph")) {
        if (reader->open_blocks == MERMAID_BLOCK_DEPTH) {
            mermaid_error(reader, start, "subgraphs deeper than %d", MERMAID_BLOCK_DEPTH);
            return;
        }
        mermaid_keep_line(reader);
        reader->blocks[reader->open_blocks++] = reader->diagram->extra_count;
        return;
    }
    if (reader->end - start == 3 && memcmp(start, "end", 3) == 0) {
        if (reader->open_blocks == 0)
            mermaid_error(reader, start, "end without a subgraph");
        else
            reader->open_blocks--;
        mermaid_keep_line(reader);
        return;
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (mermaid_take_word(reader, kept[i]) && reader->at < reader->end) {
            mermaid_keep_line(reader);
            return;
        }
    reader->at = start;
    while (reader->at < reader->end) {
        size_t errors = reader->errors->count;
        read_chain(reader);
        if (reader->errors->count > errors)
            return;
        while (mermaid_take(reader, ";"))
            mermaid_skip_space(reader);
    }
}
