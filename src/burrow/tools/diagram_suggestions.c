/* What would make a diagram easier to read, each with its reason. */
#include "burrow/tools/diagram_analysis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_LABEL  40 /* bytes that fit into a node at a usual size */
#define MANY_SLICES 7
#define MANY_NODES  30

static void suggest(json_t *list, const char *kind, const char *reason, const char *rewritten)
{
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:o}", "kind", kind, "reason", reason, "rewritten",
                                    rewritten ? json_string(rewritten) : json_null()));
}

static void suggest_labels(const struct diagram *diagram, json_t *list)
{
    char reason[300], rewritten[600];
    for (size_t i = 0; i < diagram->node_count && json_array_size(list) < 50; i++) {
        const struct diagram_node *node = &diagram->nodes[i];
        size_t length = strlen(node->label), middle = length / 2;
        while (middle < length && node->label[middle] != ' ')
            middle++;
        if (length <= LONG_LABEL || length > 400 || middle == length || strchr(node->label, '"'))
            continue;
        snprintf(reason, sizeof reason,
                 "the label of %.80s has %zu bytes: two lines make the node "
                 "narrower",
                 node->id, length);
        snprintf(rewritten, sizeof rewritten, "%.80s[\"%.*s<br/>%s\"]", node->id, (int)middle,
                 node->label, node->label + middle + 1);
        suggest(list, "long_label", reason, rewritten);
    }
}

/* Ways out of a decision that do not say when they are taken. */
static void suggest_branches(const struct diagram *diagram, const size_t *out, json_t *list)
{
    char reason[300], rewritten[400];
    for (size_t i = 0; i < diagram->edge_count && json_array_size(list) < 50; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        const struct diagram_node *from = &diagram->nodes[edge->from];
        if (strcmp(from->shape, "diamond") != 0 || out[edge->from] < 2 || *edge->label)
            continue;
        snprintf(reason, sizeof reason,
                 "%.80s is a decision, and its way to %.80s does not say "
                 "when it is taken",
                 from->id, diagram->nodes[edge->to].id);
        snprintf(rewritten, sizeof rewritten, "%.80s %s|when %.80s| %.80s", from->id, edge->arrow,
                 diagram->nodes[edge->to].id, diagram->nodes[edge->to].id);
        suggest(list, "unlabelled_branch", reason, rewritten);
    }
}

static void suggest_repeats(const struct diagram *diagram, json_t *list)
{
    char reason[300];
    for (size_t i = 0; i < diagram->edge_count && json_array_size(list) < 50; i++)
        for (size_t j = 0; j < i; j++) {
            const struct diagram_edge *one = &diagram->edges[i], *other = &diagram->edges[j];
            if (one->from != other->from || one->to != other->to ||
                strcmp(one->label, other->label) != 0 || diagram->type == DIAGRAM_SEQUENCE)
                continue;
            snprintf(reason, sizeof reason,
                     "the edge from %.80s to %.80s is there twice: remove "
                     "one",
                     diagram->nodes[one->from].id, diagram->nodes[one->to].id);
            suggest(list, "repeated_edge", reason, NULL);
            break;
        }
}

static void suggest_structure(const struct diagram *diagram, const struct diagram_measures *is,
                              const size_t *in, const size_t *out, json_t *list)
{
    char reason[300], rewritten[40];
    for (size_t i = 0; i < diagram->node_count && diagram->edge_count && json_array_size(list) < 50;
         i++)
        if (in[i] + out[i] == 0) {
            snprintf(reason, sizeof reason,
                     "nothing leads to %.80s or from it: join it, or leave "
                     "it out",
                     diagram->nodes[i].id);
            suggest(list, "isolated_node", reason, NULL);
        }
    if (is->nodes > MANY_NODES) {
        snprintf(reason, sizeof reason,
                 "%zu nodes are more than a reader takes in at once: put "
                 "those that belong together into subgraphs, or split it",
                 is->nodes);
        suggest(list, "many_nodes", reason, "subgraph part\n    ...\nend");
    }
    if (diagram->type == DIAGRAM_FLOWCHART && is->depth > 8 && is->most_out <= 2 &&
        strcmp(diagram->direction, "TB") == 0) {
        snprintf(rewritten, sizeof rewritten, "flowchart LR");
        snprintf(reason, sizeof reason,
                 "a chain of %zu steps is long from top to bottom: from left "
                 "to right it fits a screen",
                 is->depth);
        suggest(list, "direction", reason, rewritten);
    }
}

static void suggest_slices(const struct diagram *diagram, json_t *list)
{
    char reason[200], rewritten[60];
    double total = 0, rest = 0;
    size_t small = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        total += diagram->nodes[i].value;
    for (size_t i = 0; i < diagram->node_count; i++)
        if (diagram->nodes[i].value < total * 0.05) {
            rest += diagram->nodes[i].value;
            small++;
        }
    if (diagram->node_count <= MANY_SLICES || small < 2)
        return;
    snprintf(reason, sizeof reason, "%zu of %zu slices are under 5 %%: as one they can be seen",
             small, diagram->node_count);
    snprintf(rewritten, sizeof rewritten, "\"Other\" : %.15g", rest);
    suggest(list, "many_slices", reason, rewritten);
}

int diagram_suggest(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_measures is;
    if (!diagram)
        return -1;
    size_t count = diagram->node_count, *in = calloc(2 * count + 1, sizeof *in);
    json_t *list = json_array();
    int failed = in && diagram_measure(diagram, &is) == 0 ? 0 : -1;
    if (failed == 0 && diagram->type == DIAGRAM_PIE)
        suggest_slices(diagram, list);
    else if (failed == 0) {
        diagram_count_degrees(diagram, in, in + count);
        suggest_branches(diagram, in + count, list);
        suggest_labels(diagram, list);
        suggest_repeats(diagram, list);
        suggest_structure(diagram, &is, in, in + count, list);
    }
    free(in);
    diagram_free(diagram);
    call->structured = json_pack("{s:o}", "suggestions", list);
    return failed < 0 ? tool_fail(call, "internal", "out of memory") : 0;
}
