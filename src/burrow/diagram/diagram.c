/* Making and freeing of diagrams, their JSON, their equality. */
#include "burrow/diagram/diagram.h"

#include <stdlib.h>
#include <string.h>

struct texts { /* a list of what was kept: many small texts in one */
    struct texts *next;
    size_t used, room;
    char bytes[];
};
#define TEXTS_ROOM 2000

const char *diagram_type_name(enum diagram_type type)
{
    static const char *const names[] = {"unknown", "flowchart", "sequence", "pie", "class"};
    return names[type];
}

struct diagram *diagram_new(enum diagram_type type)
{
    struct diagram *diagram = calloc(1, sizeof *diagram);
    if (diagram) {
        diagram->type = type;
        diagram->direction = "TB";
        diagram->title = "";
    }
    return diagram;
}

void diagram_free(struct diagram *diagram)
{
    if (!diagram)
        return;
    for (struct texts *texts = diagram->texts, *next; texts; texts = next) {
        next = texts->next;
        free(texts);
    }
    free(diagram->nodes);
    free(diagram->edges);
    free(diagram->extras);
    free(diagram);
}

/* Where so many bytes can be kept; NULL: memory is out. */
static char *room_of(struct diagram *diagram, size_t size)
{
    struct texts *texts = diagram->texts;
    if (!texts || texts->room - texts->used < size) {
        size_t room = size > TEXTS_ROOM ? size : TEXTS_ROOM;
        texts = malloc(sizeof *texts + room);
        if (!texts)
            return NULL;
        *texts = (struct texts){.next = diagram->texts, .room = room};
        diagram->texts = texts;
    }
    char *at = texts->bytes + texts->used;
    texts->used += size;
    return at;
}

char *diagram_keep(struct diagram *diagram, const char *text, size_t length)
{
    static char none[1]; /* never written: only what is before the end of a text is */
    char *kept = room_of(diagram, length + 1);
    if (!kept)
        return none;
    for (size_t i = 0; i < length; i++)
        kept[i] = (unsigned char)text[i] < 32 && text[i] != '\n' ? ' ' : text[i];
    kept[length] = '\0';
    return kept;
}

static void *room_for(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    size_t more = *room ? *room * 2 : 16;
    void *larger = realloc(items, more * size);
    if (larger)
        *room = more;
    return larger;
}

int diagram_node(struct diagram *diagram, const char *id, size_t length)
{
    for (size_t i = 0; i < diagram->node_count; i++)
        if (strlen(diagram->nodes[i].id) == length && memcmp(diagram->nodes[i].id, id, length) == 0)
            return (int)i;
    if (diagram->node_count == DIAGRAM_NODE_LIMIT)
        return -1;
    void *nodes =
        room_for(diagram->nodes, diagram->node_count, &diagram->node_room, sizeof *diagram->nodes);
    if (!nodes)
        return -1;
    diagram->nodes = nodes;
    const char *kept = diagram_keep(diagram, id, length);
    const char *shape = diagram->type == DIAGRAM_SEQUENCE ? "participant" : "rectangle";
    diagram->nodes[diagram->node_count] =
        (struct diagram_node){.id = kept, .label = kept, .shape = shape, .members = ""};
    return (int)diagram->node_count++;
}

int diagram_edge(struct diagram *diagram, size_t from, const char *arrow, size_t to,
                 const char *label)
{
    if (diagram->edge_count == DIAGRAM_EDGE_LIMIT)
        return -1;
    void *edges =
        room_for(diagram->edges, diagram->edge_count, &diagram->edge_room, sizeof *diagram->edges);
    if (!edges)
        return -1;
    diagram->edges = edges;
    diagram->edges[diagram->edge_count] =
        (struct diagram_edge){from,
                              to,
                              diagram_keep(diagram, arrow, strlen(arrow)),
                              diagram_keep(diagram, label, strlen(label)),
                              "",
                              ""};
    return (int)diagram->edge_count++;
}

int diagram_extra(struct diagram *diagram, const char *text, size_t length)
{
    void *extras = room_for(diagram->extras, diagram->extra_count, &diagram->extra_room,
                            sizeof *diagram->extras);
    if (!extras)
        return -1;
    diagram->extras = extras;
    diagram->extras[diagram->extra_count] = (struct diagram_extra){
        diagram_keep(diagram, text, length), diagram->edge_count, diagram->node_count};
    return (int)diagram->extra_count++;
}

/* ---- as JSON -------------------------------------------------------------------------------- */

static json_t *node_json(const struct diagram *diagram, const struct diagram_node *node)
{
    json_t *made = json_pack("{s:s, s:s}", "id", node->id, "label", node->label);
    if (diagram->type == DIAGRAM_FLOWCHART)
        json_object_set_new(made, "shape", json_string(node->shape));
    if (node->block)
        json_object_set_new(made, "block", json_string(diagram->extras[node->block - 1].text));
    if (diagram->type == DIAGRAM_PIE)
        json_object_set_new(made, "value", json_real(node->value));
    if (diagram->type == DIAGRAM_CLASS)
        json_object_set_new(made, "members", json_string(node->members));
    return made;
}

json_t *diagram_json(const struct diagram *diagram)
{
    json_t *nodes = json_array(), *edges = json_array();
    for (size_t i = 0; i < diagram->node_count; i++)
        json_array_append_new(nodes, node_json(diagram, &diagram->nodes[i]));
    for (size_t i = 0; i < diagram->edge_count; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        json_array_append_new(
            edges, json_pack("{s:s, s:s, s:s, s:s}", "from", diagram->nodes[edge->from].id, "arrow",
                             edge->arrow, "to", diagram->nodes[edge->to].id, "label", edge->label));
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "type", diagram_type_name(diagram->type),
                     "direction", diagram->direction, "title", diagram->title, "nodes", nodes,
                     "edges", edges);
}

/* ---- equality ------------------------------------------------------------------------------- */

static bool same_node(const struct diagram_node *a, const struct diagram_node *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->label, b->label) == 0 &&
           strcmp(a->shape, b->shape) == 0 && strcmp(a->members, b->members) == 0 &&
           a->block == b->block && memcmp(&a->value, &b->value, sizeof a->value) == 0;
}

static bool same_edge(const struct diagram_edge *a, const struct diagram_edge *b)
{
    return a->from == b->from && a->to == b->to && strcmp(a->arrow, b->arrow) == 0 &&
           strcmp(a->label, b->label) == 0 && strcmp(a->from_count, b->from_count) == 0 &&
           strcmp(a->to_count, b->to_count) == 0;
}

bool diagram_equal(const struct diagram *one, const struct diagram *other)
{
    bool same = one->type == other->type && one->node_count == other->node_count &&
                one->edge_count == other->edge_count && one->extra_count == other->extra_count &&
                one->show_data == other->show_data && strcmp(one->title, other->title) == 0 &&
                strcmp(one->direction, other->direction) == 0;
    for (size_t i = 0; same && i < one->node_count; i++)
        same = same_node(&one->nodes[i], &other->nodes[i]);
    for (size_t i = 0; same && i < one->edge_count; i++)
        same = same_edge(&one->edges[i], &other->edges[i]);
    for (size_t i = 0; same && i < one->extra_count; i++)
        same = one->extras[i].before == other->extras[i].before &&
               strcmp(one->extras[i].text, other->extras[i].text) == 0;
    return same;
}
