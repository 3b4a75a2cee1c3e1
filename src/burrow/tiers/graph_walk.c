/* Walks over the graph, a step of breadth at a time, with a set of what was seen; the same wherever
 * the graph is kept. */
#include "burrow/tiers/graph_internal.h"

#include <stdlib.h>
#include <string.h>

#define WALK_LIMIT 20000 /* nodes that one walk may see */

/* Nodes in the order in which they were reached; `parents` has their keys by theirs. */
struct walk {
    struct graph *graph;
    enum graph_direction direction;
    const char *type;
    json_t *parents;    /* key -> key it was reached from */
    json_t *types;      /* key -> type, of those that came with it */
    const char **queue; /* keys, owned by `parents` */
    unsigned *depths;
    size_t count, expanded; /* the neighbours of so many were taken up */
};

static int walk_begin(struct walk *walk, const char *key)
{
    walk->parents = json_object();
    walk->types = json_object();
    walk->queue = malloc(WALK_LIMIT * sizeof *walk->queue);
    walk->depths = malloc(WALK_LIMIT * sizeof *walk->depths);
    if (!walk->parents || !walk->types || !walk->queue || !walk->depths ||
        json_object_set_new(walk->parents, key, json_null()) < 0)
        return -1;
    walk->queue[0] = json_object_iter_key(json_object_iter(walk->parents));
    walk->depths[0] = 0;
    walk->count = 1;
    return 0;
}

static void walk_end(struct walk *walk)
{
    json_decref(walk->parents);
    json_decref(walk->types);
    free(walk->queue);
    free(walk->depths);
}

static void take_up(void *context, size_t place, const char *key, const char *type)
{
    struct walk *walk = context;
    place += walk->expanded;
    if (walk->count == WALK_LIMIT || json_object_get(walk->parents, key))
        return;
    json_object_set_new(walk->parents, key, json_string(walk->queue[place]));
    if (type)
        json_object_set_new(walk->types, key, json_string(type));
    walk->queue[walk->count] = json_object_iter_key(json_object_iter_at(walk->parents, key));
    walk->depths[walk->count++] = walk->depths[place] + 1;
}

/* Take up the neighbours of the node at `place` that were not seen yet; those of a few more of its
 * depth too, where asking for many at once is cheaper. */
static void walk_step(struct walk *walk, size_t place, struct error *problem)
{
    const struct graph_operations *operations = walk->graph->operations;
    size_t count = 0;
    if (place < walk->expanded)
        return;
    while (count < operations->batch && place + count < walk->count &&
           walk->depths[place + count] == walk->depths[place])
        count++;
    operations->neighbours(walk->graph, walk->queue + place, count, walk->direction, walk->type,
                           take_up, walk, problem);
    walk->expanded += count;
}

static json_t *reached(struct walk *walk, size_t place, struct error *problem)
{
    const char *key = walk->queue[place];
    json_t *type = json_incref(json_object_get(walk->types, key)), *entry = NULL;
    if (!type) {
        json_t *node = graph_node(walk->graph, key, problem);
        type = json_incref(json_object_get(node, "type"));
        json_decref(node);
    }
    if (type)
        entry = json_pack("{s:s, s:O, s:i}", "key", key, "type", type, "distance",
                          (int)walk->depths[place]);
    json_decref(type);
    return entry;
}

json_t *graph_within(struct graph *graph, const char *key, enum graph_direction direction,
                     const char *type, const char *prefix, unsigned depth, size_t limit,
                     struct error *error)
{
    struct walk walk = {.graph = graph, .direction = direction, .type = type};
    struct error problem = {0};
    json_t *found = json_array();
    if (walk_begin(&walk, key) < 0)
        error_set(&problem, ERROR_INTERNAL, "out of memory");
    for (size_t place = 0;
         problem.code == ERROR_NONE && place < walk.count && json_array_size(found) < limit;
         place++) {
        bool wanted =
            place > 0 && (!prefix || strncmp(walk.queue[place], prefix, strlen(prefix)) == 0);
        if (wanted)
            json_array_append_new(found, reached(&walk, place, &problem));
        if (walk.depths[place] < depth)
            walk_step(&walk, place, &problem);
    }
    walk_end(&walk);
    return graph_finished(found, &problem, error);
}

static json_t *path_to(const struct walk *walk, const char *key)
{
    json_t *path = json_array();
    for (const char *at = key; at; at = json_string_value(json_object_get(walk->parents, at)))
        json_array_insert_new(path, 0, json_string(at));
    return path;
}

json_t *graph_path(struct graph *graph, const char *from, const char *to,
                   enum graph_direction direction, unsigned depth, struct error *error)
{
    struct walk walk = {.graph = graph, .direction = direction};
    struct error problem = {0};
    json_t *path = NULL;
    if (walk_begin(&walk, from) < 0)
        error_set(&problem, ERROR_INTERNAL, "out of memory");
    for (size_t place = 0; problem.code == ERROR_NONE && place < walk.count && !path; place++) {
        if (strcmp(walk.queue[place], to) == 0)
            path = path_to(&walk, to);
        else if (walk.depths[place] < depth)
            walk_step(&walk, place, &problem);
    }
    walk_end(&walk);
    return graph_finished(path ? path : json_array(), &problem, error);
}
