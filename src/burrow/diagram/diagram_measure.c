/* What a diagram's graph is like: its parts, depth, cycles, degrees. */
#include "burrow/diagram/diagram.h"

#include <stdlib.h>
#include <string.h>

/* Tarjan's strongly connected components (1972); recursion is no deeper than there are nodes. */
struct search {
    const struct diagram *diagram;
    size_t *index, *low, *stack, *parts;
    size_t next, top, part_count;
};

static void visit(struct search *search, size_t node)
{
    search->index[node] = search->low[node] = ++search->next;
    search->stack[search->top++] = node;
    for (size_t i = 0; i < search->diagram->edge_count; i++) {
        const struct diagram_edge *edge = &search->diagram->edges[i];
        if (edge->from != node)
            continue;
        if (search->index[edge->to] == 0) {
            visit(search, edge->to);
            if (search->low[edge->to] < search->low[node])
                search->low[node] = search->low[edge->to];
        } else if (search->parts[edge->to] == SIZE_MAX &&
                   search->index[edge->to] < search->low[node])
            search->low[node] = search->index[edge->to];
    }
    if (search->low[node] != search->index[node])
        return;
    size_t member;
    do {
        member = search->stack[--search->top];
        search->parts[member] = search->part_count;
    } while (member != node);
    search->part_count++;
}

int diagram_parts(const struct diagram *diagram, size_t *parts)
{
    size_t count = diagram->node_count;
    size_t *room = calloc(3 * count + 1, sizeof *room);
    if (!room)
        return -1;
    struct search search = {diagram, room, room + count, room + 2 * count, parts, 0, 0, 0};
    for (size_t i = 0; i < count; i++)
        parts[i] = SIZE_MAX;
    for (size_t i = 0; i < count; i++)
        if (search.index[i] == 0)
            visit(&search, i);
    free(room);
    return 0;
}

/* Parts are numbered so that an edge between two goes from the higher to the lower: the longest
 * chain is found in the order of their numbers. */
static size_t longest_chain(const struct diagram *diagram, const size_t *parts, size_t *lengths)
{
    size_t longest = 0;
    memset(lengths, 0, diagram->node_count * sizeof *lengths);
    for (size_t part = 0; part < diagram->node_count; part++)
        for (size_t i = 0; i < diagram->edge_count; i++) {
            const struct diagram_edge *edge = &diagram->edges[i];
            size_t from = parts[edge->from], to = parts[edge->to];
            if (from == part && to != part && lengths[to] + 1 > lengths[from])
                lengths[from] = lengths[to] + 1;
            if (from == part && lengths[from] > longest)
                longest = lengths[from];
        }
    return longest;
}

static size_t root_of(size_t *parents, size_t node)
{
    while (parents[node] != node)
        node = parents[node] = parents[parents[node]];
    return node;
}

static size_t count_components(const struct diagram *diagram, size_t *parents)
{
    size_t count = diagram->node_count;
    for (size_t i = 0; i < diagram->node_count; i++)
        parents[i] = i;
    for (size_t i = 0; i < diagram->edge_count; i++) {
        size_t one = root_of(parents, diagram->edges[i].from),
               other = root_of(parents, diagram->edges[i].to);
        count -= one != other;
        parents[one] = other;
    }
    return count;
}

static size_t count_cycles(const struct diagram *diagram, const size_t *parts, size_t *sizes)
{
    size_t cycles = 0;
    memset(sizes, 0, diagram->node_count * sizeof *sizes);
    for (size_t i = 0; i < diagram->node_count; i++)
        sizes[parts[i]]++;
    for (size_t i = 0; i < diagram->edge_count; i++) { /* a loop counts once for its node */
        const struct diagram_edge *edge = &diagram->edges[i];
        if (edge->from == edge->to && sizes[parts[edge->from]] == 1)
            sizes[parts[edge->from]] = 2;
    }
    for (size_t i = 0; i < diagram->node_count; i++)
        cycles += sizes[i] > 1;
    return cycles;
}

static void measure_degrees(const struct diagram *diagram, size_t *degrees,
                            struct diagram_measures *measures)
{
    size_t *out = degrees + diagram->node_count;
    memset(degrees, 0, 2 * diagram->node_count * sizeof *degrees);
    for (size_t i = 0; i < diagram->edge_count; i++) {
        degrees[diagram->edges[i].to]++;
        out[diagram->edges[i].from]++;
    }
    for (size_t i = 0; i < diagram->node_count; i++) {
        size_t length = strlen(diagram->nodes[i].label);
        measures->most_in = degrees[i] > measures->most_in ? degrees[i] : measures->most_in;
        measures->most_out = out[i] > measures->most_out ? out[i] : measures->most_out;
        measures->isolated += degrees[i] + out[i] == 0;
        measures->characters += length;
        measures->longest_label =
            length > measures->longest_label ? length : measures->longest_label;
    }
}

int diagram_measure(const struct diagram *diagram, struct diagram_measures *measures)
{
    size_t count = diagram->node_count;
    size_t *room = calloc(3 * count + 1, sizeof *room);
    *measures = (struct diagram_measures){
        .nodes = count, .edges = diagram->edge_count, .extras = diagram->extra_count};
    if (!room || diagram_parts(diagram, room) < 0) {
        free(room);
        return -1;
    }
    measures->depth = longest_chain(diagram, room, room + count);
    measures->cycles = count_cycles(diagram, room, room + count);
    measures->components = count_components(diagram, room + count);
    measure_degrees(diagram, room + count, measures);
    size_t tree = count - measures->components;
    measures->crossing_hint = diagram->edge_count > tree ? diagram->edge_count - tree : 0;
    measures->density =
        count > 1 ? (double)diagram->edge_count / ((double)count * (double)(count - 1)) : 0;
    free(room);
    return 0;
}
