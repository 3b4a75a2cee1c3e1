/* Writing a diagram as Mermaid. */
#include "burrow/diagram/mermaid.h"

#include <stdlib.h>
#include <string.h>

/* A text between quotes: Mermaid knows #quot; for the quote itself. */
static int print_quoted(struct buffer *out, const char *text)
{
    int failed = buffer_append_char(out, '"');
    for (; *text; text++)
        failed |= *text == '"'                ? buffer_append_text(out, "#quot;")
                  : (unsigned char)*text < 32 ? buffer_append_char(out, ' ')
                                              : buffer_append_char(out, *text);
    return failed | buffer_append_char(out, '"');
}

/* Text to the end of the line. */
static int print_line(struct buffer *out, const char *text)
{
    int failed = 0;
    for (; *text; text++)
        failed |= buffer_append_char(out, (unsigned char)*text < 32 ? ' ' : *text);
    return failed | buffer_append_char(out, '\n');
}

static bool is_plain(const char *label)
{
    size_t length = strlen(label);
    return length && label[0] != ' ' && label[length - 1] != ' ' && label[0] != '/' &&
           label[0] != '\\' && label[length - 1] != '/' && label[length - 1] != '\\' &&
           !strpbrk(label, "\"[]{}()<>|;#&\n\r\t%");
}

static int print_extras(const struct diagram *diagram, size_t *at, size_t edges, struct buffer *out,
                        const char *indent)
{
    int failed = 0;
    for (; *at < diagram->extra_count && diagram->extras[*at].before <= edges; ++*at) {
        failed |= buffer_append_text(out, indent) | print_line(out, diagram->extras[*at].text);
    }
    return failed;
}

/* ---- flowchart ------------------------------------------------------------------------------ */

static int print_node(const struct diagram_node *node, bool dense, struct buffer *out)
{
    const char *close, *open = mermaid_shape_open(node->shape, &close);
    bool bare = strcmp(node->shape, "rectangle") == 0 && strcmp(node->label, node->id) == 0;
    int failed = buffer_append_text(out, node->id);
    if (bare)
        return failed;
    failed |= buffer_append_text(out, open);
    failed |= dense && is_plain(node->label) ? buffer_append_text(out, node->label)
                                             : print_quoted(out, node->label);
    return failed | buffer_append_text(out, close);
}

static int print_edge_label(const struct diagram_edge *edge, struct buffer *out)
{
    if (!*edge->label)
        return 0;
    if (is_plain(edge->label))
        return buffer_printf(out, "|%s|", edge->label);
    return buffer_append_char(out, '|') | print_quoted(out, edge->label) |
           buffer_append_char(out, '|');
}

/* With its text where a node is met first; the order of nodes stays that of their first mention. */
static int print_end(const struct diagram *diagram, size_t place, bool *met, bool dense,
                     struct buffer *out)
{
    if (met[place])
        return buffer_append_text(out, diagram->nodes[place].id);
    met[place] = true;
    return print_node(&diagram->nodes[place], dense, out);
}

/* Nodes before place `end` that were not named yet, a line each. */
static int print_earlier(const struct diagram *diagram, size_t end, bool *met, bool dense,
                         struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < end; i++)
        if (!met[i])
            failed |= buffer_append_text(out, dense ? "" : "    ") |
                      print_end(diagram, i, met, dense, out) | buffer_append_char(out, '\n');
    return failed;
}

static bool any_unmet(const bool *met, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        if (!met[i])
            return true;
    return false;
}

/* The lines that are kept before edge `edges`; nodes that were named before one of them come before
 * it, and a subgraph takes in those of its nodes that were named outside. */
static int print_lines(const struct diagram *diagram, size_t *at, size_t edges, bool *met,
                       bool dense, struct buffer *out)
{
    const char *indent = dense ? "" : "    ";
    int failed = 0;
    while (*at < diagram->extra_count && diagram->extras[*at].before <= edges) {
        size_t one = *at, block = one + 1;
        failed |= print_earlier(diagram, diagram->extras[one].nodes_before, met, dense, out);
        failed |= buffer_append_text(out, indent) | print_line(out, diagram->extras[one].text);
        for (size_t i = 0; i < diagram->extras[one].nodes_before; i++)
            if (diagram->nodes[i].block == block)
                failed |= buffer_printf(out, "%s%s\n", indent, diagram->nodes[i].id);
        ++*at;
    }
    return failed;
}

/* Whether edge `i` can go on where the one before it ended: no line stands between them, and no
 * node has to be named first. */
static bool goes_on(const struct diagram *diagram, size_t i, size_t extra, const bool *met)
{
    const struct diagram_edge *edge = &diagram->edges[i];
    return i > 0 && diagram->edges[i - 1].to == edge->from && !any_unmet(met, 0, edge->to) &&
           (extra == diagram->extra_count || diagram->extras[extra].before > i);
}

/* The order in which nodes are mentioned first is kept: it is part of what the text says. */
static int print_flowchart(const struct diagram *diagram, bool dense, struct buffer *out)
{
    const char *indent = dense ? "" : "    ";
    bool *met = calloc(diagram->node_count + 1, sizeof *met);
    size_t extra = 0;
    int failed = met ? 0 : -1;
    for (size_t i = 0; i < diagram->edge_count && !failed; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        if (!dense || !goes_on(diagram, i, extra, met)) {
            failed |= i ? buffer_append_char(out, '\n') : 0;
            failed |= print_lines(diagram, &extra, i, met, dense, out);
            failed |= print_earlier(diagram, edge->from, met, dense, out);
            if (any_unmet(met, edge->from + 1, edge->to))
                failed |= print_earlier(diagram, edge->to, met, dense, out);
            failed |=
                buffer_append_text(out, indent) | print_end(diagram, edge->from, met, dense, out);
        }
        failed |= buffer_append_text(out, dense ? "" : " ") | buffer_append_text(out, edge->arrow);
        failed |= print_edge_label(edge, out);
        /* "A---oB" would be a circle at the end */
        if (!dense || strchr("xo", diagram->nodes[edge->to].id[0]))
            failed |= buffer_append_char(out, ' ');
        failed |= print_end(diagram, edge->to, met, dense, out);
    }
    failed |= diagram->edge_count ? buffer_append_char(out, '\n') : 0;
    failed |= met ? print_lines(diagram, &extra, diagram->edge_count, met, dense, out) : -1;
    failed |= met ? print_earlier(diagram, diagram->node_count, met, dense, out) : -1;
    free(met);
    return failed;
}

/* ---- the others ----------------------------------------------------------------------------- */

/* Those up to the last that has to be said by itself: their order is that of their first mention.
 */
static size_t participants_to_name(const struct diagram *diagram)
{
    size_t count = diagram->node_count;
    while (count > 0 && !diagram->nodes[count - 1].declared &&
           strcmp(diagram->nodes[count - 1].label, diagram->nodes[count - 1].id) == 0)
        count--;
    return count;
}

static int print_sequence(const struct diagram *diagram, const char *indent, struct buffer *out)
{
    size_t extra = 0, named = participants_to_name(diagram);
    int failed = 0;
    for (size_t i = 0; i < named; i++) {
        const struct diagram_node *node = &diagram->nodes[i];
        failed |=
            buffer_printf(out, "%s%s %s", indent,
                          strcmp(node->shape, "actor") == 0 ? "actor" : "participant", node->id);
        if (strcmp(node->label, node->id) != 0)
            failed |= buffer_append_text(out, " as ") | print_line(out, node->label);
        else
            failed |= buffer_append_char(out, '\n');
    }
    for (size_t i = 0; i < diagram->edge_count; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        failed |= print_extras(diagram, &extra, i, out, indent);
        /* "A-xB" would be a name */
        failed |= buffer_printf(out, "%s%s%s%s%s: ", indent, diagram->nodes[edge->from].id,
                                edge->arrow[1] == 'x' ? " " : "", edge->arrow,
                                diagram->nodes[edge->to].id) |
                  print_line(out, edge->label);
    }
    return failed | print_extras(diagram, &extra, diagram->edge_count, out, indent);
}

static int print_pie(const struct diagram *diagram, const char *indent, struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        failed |= buffer_append_text(out, indent) | print_quoted(out, diagram->nodes[i].id) |
                  buffer_printf(out, " : %.15g\n", diagram->nodes[i].value);
    return failed;
}

static int print_members(const struct diagram_node *node, const char *indent, struct buffer *out)
{
    int failed = buffer_printf(out, "%sclass %s", indent, node->id);
    if (!*node->members)
        return failed | buffer_append_char(out, '\n');
    failed |= buffer_append_text(out, " {\n");
    for (const char *at = node->members; *at;) {
        size_t length = strcspn(at, "\n");
        failed |= buffer_printf(out, "%s%s%.*s\n", indent, indent, (int)length, at);
        at += length + (at[length] == '\n');
    }
    return failed | buffer_printf(out, "%s}\n", indent);
}

static int print_class(const struct diagram *diagram, const char *indent, struct buffer *out)
{
    size_t extra = 0;
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        failed |= print_members(&diagram->nodes[i], indent, out);
    for (size_t i = 0; i < diagram->edge_count; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        failed |= print_extras(diagram, &extra, i, out, indent);
        failed |= buffer_printf(out, "%s%s ", indent, diagram->nodes[edge->from].id);
        if (*edge->from_count)
            failed |= print_quoted(out, edge->from_count) | buffer_append_char(out, ' ');
        failed |= buffer_printf(out, "%s ", edge->arrow);
        if (*edge->to_count)
            failed |= print_quoted(out, edge->to_count) | buffer_append_char(out, ' ');
        failed |= buffer_append_text(out, diagram->nodes[edge->to].id);
        if (*edge->label)
            failed |= buffer_append_text(out, " : ") | print_line(out, edge->label);
        else
            failed |= buffer_append_char(out, '\n');
    }
    return failed | print_extras(diagram, &extra, diagram->edge_count, out, indent);
}

int diagram_print(const struct diagram *diagram, bool dense, struct buffer *out)
{
    const char *indent = dense ? "" : "    ";
    int failed = 0;
    if (*diagram->title && (diagram->type == DIAGRAM_FLOWCHART || diagram->type == DIAGRAM_CLASS))
        failed |= buffer_append_text(out, "---\ntitle: ") | print_line(out, diagram->title) |
                  buffer_append_text(out, "---\n");
    switch (diagram->type) {
    case DIAGRAM_FLOWCHART:
        failed |= buffer_printf(out, dense ? "graph %s\n" : "flowchart %s\n", diagram->direction);
        return failed | print_flowchart(diagram, dense, out);
    case DIAGRAM_SEQUENCE:
        failed |= buffer_append_text(out, "sequenceDiagram\n");
        if (*diagram->title)
            failed |= buffer_printf(out, "%stitle: ", indent) | print_line(out, diagram->title);
        return failed | print_sequence(diagram, indent, out);
    case DIAGRAM_PIE:
        failed |= buffer_append_text(out, diagram->show_data ? "pie showData" : "pie");
        if (*diagram->title)
            failed |= buffer_append_text(out, " title ") | print_line(out, diagram->title);
        else
            failed |= buffer_append_char(out, '\n');
        return failed | print_pie(diagram, indent, out);
    case DIAGRAM_CLASS:
        failed |= buffer_append_text(out, "classDiagram\n");
        if (strcmp(diagram->direction, "TB") != 0)
            failed |= buffer_printf(out, "%sdirection %s\n", indent, diagram->direction);
        return failed | print_class(diagram, indent, out);
    case DIAGRAM_UNKNOWN:
        break;
    }
    return -1;
}
