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

/* A label, in which #quot; is how Mermaid writes a quote. */
static const char *keep_label(struct mermaid *reader, const char *first, const char *end)
{
    static const char written[] = "#quot;";
    char *kept = diagram_keep(reader->diagram, first, (size_t)(end - first)), *to = kept;
    for (const char *from = kept; *from;) {
        bool quote = strncmp(from, written, sizeof written - 1) == 0;
        *to++ = quote ? '"' : *from;
        from += quote ? sizeof written - 1 : 1;
    }
    if (*to)
        *to = '\0';
    return kept;
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
        node->label = keep_label(reader, reader->at + 1, quote);
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
    node->label = keep_label(reader, reader->at, last);
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

#define ARROW_LIMIT 14 /* bytes */

static bool is_line(char c)
{
    return c == '-' || c == '=' || c == '.';
}

/* The line of an arrow: dashes or equals signs, three of them or two before a head; or dots between
 * two dashes. */
static bool is_arrow_line(const char *line, size_t length, bool head)
{
    if (length < 2 || length + head < 3 || line[0] == '.')
        return false;
    size_t dots = strspn(line + 1, ".");
    if (line[0] == '-' && dots)
        return length == dots + 2 && line[length - 1] == '-';
    for (size_t i = 1; i < length; i++)
        if (line[i] != line[0])
            return false;
    return true;
}

/* What ends an arrow; x and o are part of a name where one begins with them. */
static bool is_head(const struct mermaid *reader, const char *at)
{
    return at < reader->end && (*at == '>' || ((*at == 'x' || *at == 'o') && at + 1 < reader->end &&
                                               (at[1] == ' ' || at[1] == '|')));
}

/* "-- text -->" and "-.text.->": what stands between the two halves of an arrow; `tail` of the
 * first half is in the arrow already. */
static bool read_text_within(struct mermaid *reader, const char *first_half, char arrow[16],
                             size_t tail, const char **label)
{
    const char *text = reader->at, *at = text;
    char line = *first_half == '=' ? '=' : '-';
    while (at < reader->end && !((*at == line || *at == '.') && at + 1 < reader->end &&
                                 (is_line(at[1]) || at[1] == '>')))
        at++;
    if (at == reader->end)
        return mermaid_error(reader, first_half, "an arrow is expected: -->, ---, -.->, ==>");
    const char *last = at;
    while (last > text && last[-1] == ' ')
        last--;
    *label = keep_label(reader, text, last);
    size_t length = tail;
    if (first_half[1] == '.')
        arrow[length++] = '-';
    for (; at < reader->end && is_line(*at); at++)
        if (length < ARROW_LIMIT)
            arrow[length++] = *at;
    bool head = is_head(reader, at);
    if (length == ARROW_LIMIT || !is_arrow_line(arrow + tail, length - tail, head))
        return mermaid_error(reader, last,
                             "the text of the arrow does not end with -->, ---, .-> or ==>");
    if (head)
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
    *label = keep_label(reader, first, last);
    reader->at = close + 1;
    return true;
}

static bool read_arrow(struct mermaid *reader, char arrow[16], const char **label)
{
    const char *start = reader->at, *lines = start;
    *label = "";
    lines += start < reader->end &&
             (*start == '<' ||
              ((*start == 'x' || *start == 'o') && start + 1 < reader->end && is_line(start[1])));
    const char *at = lines;
    while (at < reader->end && is_line(*at))
        at++;
    size_t length = (size_t)(at - lines), tail = (size_t)(lines - start);
    bool head = is_head(reader, at), whole = is_arrow_line(lines, length, head);
    if (!whole && (length != 2 || head || lines[0] == '.'))
        return mermaid_error(reader, start, "an arrow is expected: -->, ---, -.->, ==>");
    at += head;
    if (at - start > ARROW_LIMIT)
        return mermaid_error(reader, start, "the arrow is too long");
    memcpy(arrow, start, (size_t)(at - start));
    arrow[at - start] = '\0';
    reader->at = at;
    mermaid_skip_space(reader);
    if (!whole)
        return read_text_within(reader, lines, arrow, tail, label);
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

/* Not the arrow of a node that is called as a statement is. */
static bool is_argument(char c)
{
    return !strchr("-=<&[({>|:", c);
}

/* Where the statement that is read ends: before a ; that no quotes enclose. */
static const char *statement_end(const struct mermaid *reader)
{
    bool quoted = false;
    const char *at = reader->at;
    for (; at < reader->end && (quoted || *at != ';'); at++)
        quoted ^= *at == '"';
    return at;
}

static void read_subgraph(struct mermaid *reader, const char *start, const char *end)
{
    if (reader->open_blocks == MERMAID_BLOCK_DEPTH) {
        mermaid_error(reader, start, "subgraphs deeper than %d", MERMAID_BLOCK_DEPTH);
        return;
    }
    mermaid_keep(reader, start, end);
    reader->blocks[reader->open_blocks++] = reader->diagram->extra_count;
}

static void read_end(struct mermaid *reader, const char *start)
{
    if (reader->open_blocks == 0)
        mermaid_error(reader, start, "end without a subgraph");
    else
        reader->open_blocks--;
    mermaid_keep(reader, start, start + strlen("end"));
}

static void read_statement(struct mermaid *reader)
{
    static const char *const kept[] = {"classDef", "class",     "style",    "linkStyle",
                                       "click",    "direction", "accTitle", "accDescr"};
    const char *start = reader->at, *end = statement_end(reader);
    if (mermaid_take_word(reader, "subgraph")) {
        read_subgraph(reader, start, end);
        return;
    }
    if (mermaid_take_word(reader, "end") && reader->at == end) {
        read_end(reader, start);
        return;
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        reader->at = start;
        if (mermaid_take_word(reader, kept[i]) && reader->at < end && is_argument(*reader->at)) {
            mermaid_keep(reader, start, end);
            return;
        }
    }
    reader->at = start;
    read_chain(reader);
}

void mermaid_flowchart_line(struct mermaid *reader)
{
    size_t errors = reader->errors->count;
    while (reader->at < reader->end && reader->errors->count == errors) {
        mermaid_skip_space(reader);
        if (reader->at < reader->end && *reader->at != ';')
            read_statement(reader);
        mermaid_skip_space(reader);
        mermaid_take(reader, ";");
    }
}
