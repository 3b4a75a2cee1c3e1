/* Writing a diagram as DOT: flowcharts and class diagrams as they are; a pie as a wedged circle
 * with a legend; a sequence diagram as points that are pinned where they belong. */
#include "burrow/diagram/diagram.h"

#include <string.h>

#define COLUMN_INCHES 2.4
#define ROW_INCHES    0.55
#define LEGEND_INCHES 0.32

static const char *const slice_colors[] = {"#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2",
                                           "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac"};
#define SLICE_COLORS (sizeof slice_colors / sizeof *slice_colors)

/* A quoted string of DOT in which nothing is an escape. #quot; and <br/> are Mermaid's. */
static int dot_text(struct buffer *out, const char *text)
{
    int failed = buffer_append_char(out, '"');
    for (; *text; text++) {
        if (strncmp(text, "#quot;", 6) == 0) {
            failed |= buffer_append_text(out, "\\\"");
            text += 5;
        } else if (strncmp(text, "<br/>", 5) == 0 || strncmp(text, "<br>", 4) == 0) {
            failed |= buffer_append_text(out, "\\n");
            text += text[3] == '/' ? 4 : 3;
        } else if (*text == '"' || *text == '\\')
            failed |= buffer_append_char(out, '\\') | buffer_append_char(out, *text);
        else if (*text == '\n')
            failed |= buffer_append_text(out, "\\l");
        else
            failed |= buffer_append_char(out, (unsigned char)*text < 32 ? ' ' : *text);
    }
    return failed | buffer_append_char(out, '"');
}

static int dot_head(const struct diagram *diagram, struct buffer *out)
{
    int failed = buffer_append_text(out, "digraph diagram {\n  graph [fontname=\"Helvetica\", "
                                         "charset=\"UTF-8\", labelloc=t, label=");
    failed |= dot_text(out, diagram->title);
    failed |= buffer_printf(out, ", rankdir=%s];\n", diagram->direction);
    return failed |
           buffer_append_text(out, "  node [fontname=\"Helvetica\", fontsize=12, shape=box, "
                                   "style=filled, fillcolor=\"#eef3fa\", color=\"#4e79a7\"];\n"
                                   "  edge [fontname=\"Helvetica\", fontsize=10, "
                                   "color=\"#555555\"];\n");
}

/* ---- flowchart ------------------------------------------------------------------------------ */

static const char *dot_shape(const char *shape)
{
    static const char *const shapes[][2] = {
        {"double_circle", "shape=doublecircle"},
        {"circle", "shape=circle"},
        {"stadium", "shape=box, style=\"filled,rounded\""},
        {"rounded", "shape=box, style=\"filled,rounded\""},
        {"subroutine", "shape=box, peripheries=2"},
        {"cylinder", "shape=cylinder"},
        {"parallelogram", "shape=parallelogram"},
        {"trapezoid", "shape=trapezium"},
        {"hexagon", "shape=hexagon"},
        {"diamond", "shape=diamond"},
        {"flag", "shape=cds"},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shape, shapes[i][0]) == 0)
            return shapes[i][1];
    return "shape=box";
}

static int dot_flow_edge(const struct diagram_edge *edge, struct buffer *out)
{
    const char *arrow = edge->arrow;
    char last = arrow[strlen(arrow) - 1];
    int failed = buffer_printf(out, "  n%zu -> n%zu [label=", edge->from, edge->to);
    failed |= dot_text(out, edge->label);
    failed |= buffer_printf(out, ", arrowhead=%s",
                            last == '>'   ? "normal"
                            : last == 'x' ? "tee"
                            : last == 'o' ? "odot"
                                          : "none");
    if (strchr("<xo", arrow[0]))
        failed |= buffer_printf(out, ", dir=both, arrowtail=%s",
                                arrow[0] == '<'   ? "normal"
                                : arrow[0] == 'x' ? "tee"
                                                  : "odot");
    if (strchr(arrow, '.'))
        failed |= buffer_append_text(out, ", style=dashed");
    else if (strchr(arrow, '='))
        failed |= buffer_append_text(out, ", penwidth=2.5");
    return failed | buffer_append_text(out, "];\n");
}

static int dot_nodes(const struct diagram *diagram, size_t block, struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++) {
        if (diagram->nodes[i].block != block)
            continue;
        failed |= buffer_printf(out, "  n%zu [%s, label=", i, dot_shape(diagram->nodes[i].shape));
        failed |= dot_text(out, diagram->nodes[i].label) | buffer_append_text(out, "];\n");
    }
    return failed;
}

/* What is written on a subgraph: "subgraph id [title]", "subgraph title". */
static int dot_block_title(const char *line, struct buffer *out)
{
    const char *title = line + strlen("subgraph"), *open = strchr(title, '[');
    const char *end = title + strlen(title);
    struct buffer text;
    if (open && end[-1] == ']') {
        title = open + 1;
        end--;
    }
    while (title < end && strchr(" \"", *title))
        title++;
    while (end > title && strchr(" \"", end[-1]))
        end--;
    buffer_init(&text, DIAGRAM_LIMIT * 2);
    int failed =
        buffer_append(&text, title, (size_t)(end - title)) | buffer_append_char(&text, '\0');
    failed |= failed ? -1 : dot_text(out, buffer_bytes(&text));
    buffer_free(&text);
    return failed;
}

/* Subgraphs are clusters; the reader has seen to it that each of them ends. */
static int dot_blocks(const struct diagram *diagram, struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < diagram->extra_count; i++) {
        const char *line = diagram->extras[i].text;
        if (strcmp(line, "end") == 0)
            failed |= buffer_append_text(out, "  }\n");
        else if (strncmp(line, "subgraph", 8) == 0) {
            failed |= buffer_printf(out,
                                    "  subgraph cluster_%zu {\n    style=\"filled,rounded\"; "
                                    "color=\"#bbbbbb\"; fillcolor=\"#fafafa\"; label=",
                                    i);
            failed |= dot_block_title(line, out) | buffer_append_text(out, ";\n");
            failed |= dot_nodes(diagram, i + 1, out);
        }
    }
    return failed;
}

static int dot_flowchart(const struct diagram *diagram, struct buffer *out)
{
    int failed = dot_blocks(diagram, out) | dot_nodes(diagram, 0, out);
    for (size_t i = 0; i < diagram->edge_count; i++)
        failed |= dot_flow_edge(&diagram->edges[i], out);
    return failed;
}

/* ---- class ---------------------------------------------------------------------------------- */

/* UML's arrow heads; an arrow that points back is drawn from the other end. */
static int dot_relation(const struct diagram_edge *edge, struct buffer *out)
{
    const char *arrow = edge->arrow;
    bool back = strchr("<*o", arrow[0]) && arrow[0];
    bool triangle = strchr(arrow, '|'), diamond = strchr(arrow, '*'), hollow = strchr(arrow, 'o');
    bool plain = strcmp(arrow, "--") == 0 || strcmp(arrow, "..") == 0;
    const char *head = triangle  ? "empty"
                       : diamond ? "diamond"
                       : hollow  ? "odiamond"
                       : plain   ? "none"
                                 : "vee";
    int failed =
        buffer_printf(out, "  n%zu -> n%zu [%s, style=%s, label=", edge->from, edge->to,
                      back ? "dir=back" : "dir=forward", strchr(arrow, '.') ? "dashed" : "solid");
    failed |= dot_text(out, edge->label);
    failed |= buffer_printf(out, ", %s=%s, taillabel=", back ? "arrowtail" : "arrowhead", head);
    failed |= dot_text(out, edge->from_count) | buffer_append_text(out, ", headlabel=");
    return failed | dot_text(out, edge->to_count) | buffer_append_text(out, "];\n");
}

static int dot_class(const struct diagram *diagram, struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++) {
        const struct diagram_node *node = &diagram->nodes[i];
        struct buffer text;
        buffer_init(&text, (size_t)64 << 10);
        failed |= buffer_printf(&text, "%s\n", node->label);
        if (*node->members)
            failed |=
                buffer_printf(&text, "\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\n%s\n", node->members);
        failed |= buffer_append_char(&text, '\0');
        failed |= buffer_printf(out, "  n%zu [shape=box, label=", i);
        failed |= failed ? -1 : dot_text(out, buffer_bytes(&text));
        failed |= buffer_append_text(out, "];\n");
        buffer_free(&text);
    }
    for (size_t i = 0; i < diagram->edge_count; i++)
        failed |= dot_relation(&diagram->edges[i], out);
    return failed;
}

/* ---- pie ------------------------------------------------------------------------------------ */

static int dot_legend_text(const struct diagram *diagram, const struct diagram_node *node,
                           double total, struct buffer *text)
{
    int failed = buffer_printf(text, "%s: %.1f %%", node->label, 100 * node->value / total);
    if (diagram->show_data)
        failed |= buffer_printf(text, " (%.6g)", node->value);
    return failed | buffer_append_text(text, "\n") | buffer_append_char(text, '\0');
}

/* A row for each slice, beside the pie: its color, and its text at the left of a node that is wide
 * enough for any of them. */
static int dot_legend(const struct diagram *diagram, double total, struct buffer *out)
{
    size_t longest = 0;
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        longest =
            strlen(diagram->nodes[i].label) > longest ? strlen(diagram->nodes[i].label) : longest;
    double width = 0.11 * (double)(longest + 18), left = 1.5 + 0.5;
    for (size_t i = 0; i < diagram->node_count; i++) {
        double y = ((double)(diagram->node_count - 1) / 2 - (double)i) * LEGEND_INCHES;
        struct buffer text;
        buffer_init(&text, (size_t)64 << 10);
        failed |= dot_legend_text(diagram, &diagram->nodes[i], total, &text);
        failed |= buffer_printf(out,
                                "  c%zu [shape=square, width=0.2, fixedsize=true, label=\"\", "
                                "color=\"%s\", fillcolor=\"%s\", pos=\"%.3f,%.3f!\"];\n"
                                "  s%zu [shape=plaintext, style=\"\", fixedsize=true, "
                                "width=%.3f, pos=\"%.3f,%.3f!\", label=",
                                i, slice_colors[i % SLICE_COLORS], slice_colors[i % SLICE_COLORS],
                                left, y, i, width, left + 0.15 + width / 2, y);
        failed |= failed ? -1 : dot_text(out, buffer_bytes(&text));
        failed |= buffer_append_text(out, "];\n");
        buffer_free(&text);
    }
    return failed;
}

static int dot_pie(const struct diagram *diagram, struct buffer *out)
{
    double total = 0;
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        total += diagram->nodes[i].value;
    if (!(total > 0))
        return 0;
    bool one = diagram->node_count == 1;
    failed |= buffer_printf(out,
                            "  pie [shape=circle, width=3, label=\"\", pos=\"0,0!\", "
                            "style=%s, fillcolor=\"",
                            one ? "filled" : "wedged");
    for (size_t i = 0; i < diagram->node_count; i++) {
        failed |= buffer_printf(out, "%s%s", i ? ":" : "", slice_colors[i % SLICE_COLORS]);
        if (i + 1 < diagram->node_count) /* the last takes what is left */
            failed |= buffer_printf(out, ";%.6f", diagram->nodes[i].value / total * 0.999999);
    }
    failed |= buffer_append_text(out, "\"];\n");
    return failed | dot_legend(diagram, total, out);
}

/* ---- sequence ------------------------------------------------------------------------------- */

static int dot_point(struct buffer *out, size_t row, size_t column)
{
    return buffer_printf(
        out, "  p%zu_%zu [shape=point, width=0.01, label=\"\", pos=\"%.3f,%.3f!\"];\n", row, column,
        (double)column * COLUMN_INCHES, -(double)(row + 1) * ROW_INCHES);
}

static const char *message_head(const struct diagram_edge *edge)
{
    char last = edge->arrow[strlen(edge->arrow) - 1];
    return last == '>' ? "normal" : last == 'x' ? "tee" : "vee";
}

/* To itself: out to the right, down, and back. */
static int dot_own_message(const struct diagram_edge *edge, size_t row, struct buffer *out)
{
    static const double corners[][2] = {{0.45, 0}, {0.45, 0.22}, {0, 0.22}};
    double x = (double)edge->from * COLUMN_INCHES, y = -(double)(row + 1) * ROW_INCHES;
    const char *style = strstr(edge->arrow, "--") ? ", style=dashed" : "";
    int failed = 0;
    for (size_t i = 0; i < 3; i++)
        failed |= buffer_printf(out,
                                "  q%zu_%zu [shape=point, width=0.01, label=\"\", "
                                "pos=\"%.3f,%.3f!\"];\n",
                                row, i, x + corners[i][0], y - corners[i][1]);
    return failed | buffer_printf(out,
                                  "  p%zu_%zu -> q%zu_0 [arrowhead=none%s];\n"
                                  "  q%zu_0 -> q%zu_1 [arrowhead=none%s];\n"
                                  "  q%zu_1 -> q%zu_2 [arrowhead=%s%s];\n",
                                  row, edge->from, row, style, row, row, style, row, row,
                                  message_head(edge), style);
}

static int dot_message(const struct diagram_edge *edge, size_t row, struct buffer *out)
{
    bool self = edge->from == edge->to;
    int failed = dot_point(out, row, edge->from);
    if (!self)
        failed |= dot_point(out, row, edge->to);
    failed |= buffer_printf(
        out,
        "  m%zu [shape=plaintext, style=\"\", fontsize=10, "
        "pos=\"%.3f,%.3f!\", label=",
        row, ((double)edge->from + (double)edge->to) / 2 * COLUMN_INCHES + (self ? 0.9 : 0),
        -(double)(row + 1) * ROW_INCHES + 0.14);
    failed |= dot_text(out, edge->label) | buffer_append_text(out, "];\n");
    if (self)
        return failed | dot_own_message(edge, row, out);
    return failed | buffer_printf(out, "  p%zu_%zu -> p%zu_%zu [arrowhead=%s%s%s];\n", row,
                                  edge->from, row, edge->to, message_head(edge),
                                  strstr(edge->arrow, "--") ? ", style=dashed" : "",
                                  edge->arrow[0] == '<' ? ", dir=both" : "");
}

static int dot_sequence(const struct diagram *diagram, struct buffer *out)
{
    int failed = 0;
    for (size_t i = 0; i < diagram->node_count; i++) {
        double x = (double)i * COLUMN_INCHES;
        failed |= buffer_printf(out, "  n%zu [pos=\"%.3f,0!\", label=", i, x);
        failed |= dot_text(out, diagram->nodes[i].label) | buffer_append_text(out, "];\n");
        failed |= buffer_printf(out,
                                "  e%zu [shape=point, width=0.01, label=\"\", "
                                "pos=\"%.3f,%.3f!\"];\n"
                                "  n%zu -> e%zu [arrowhead=none, style=dotted];\n",
                                i, x, -(double)(diagram->edge_count + 1) * ROW_INCHES, i, i);
    }
    for (size_t i = 0; i < diagram->edge_count; i++)
        failed |= dot_message(&diagram->edges[i], i, out);
    return failed;
}

int diagram_dot(const struct diagram *diagram, struct buffer *out)
{
    int failed = dot_head(diagram, out);
    switch (diagram->type) {
    case DIAGRAM_FLOWCHART:
        failed |= dot_flowchart(diagram, out);
        break;
    case DIAGRAM_CLASS:
        failed |= dot_class(diagram, out);
        break;
    case DIAGRAM_PIE:
        failed |= dot_pie(diagram, out);
        break;
    case DIAGRAM_SEQUENCE:
        failed |= dot_sequence(diagram, out);
        break;
    case DIAGRAM_UNKNOWN:
        return -1;
    }
    return failed | buffer_append_text(out, "}\n");
}
