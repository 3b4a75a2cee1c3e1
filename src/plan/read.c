#include "plan/read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "phases[1].users" */
static void place_text(const struct place *place, struct buffer *text)
{
    if (!place || (!place->parent && !place->key))
        return;
    place_text(place->parent, text);
    if (!place->key)
        buffer_printf(text, "[%zu]", place->index);
    else if (buffer_length(text) > 0)
        buffer_printf(text, ".%.60s", place->key);
    else
        buffer_printf(text, "%.60s", place->key);
}

/* Put "file:line: path" and `after` in front of the error. */
static int prepend_place(struct reader *reader, const struct node *node, const struct place *place,
                         const char *after)
{
    struct buffer path;
    if (!reader->error || reader->error->code == ERROR_INTERNAL)
        return -1; /* out of memory has no place */
    buffer_init(&path, 1024);
    place_text(place, &path);
    buffer_append_char(&path, '\0');
    const char *text = buffer_length(&path) > 0 ? buffer_bytes(&path) : "";
    char what[sizeof reader->error->text];
    memcpy(what, reader->error->text, sizeof what);
    error_set(reader->error, ERROR_USAGE, "%s:%u: %s%s%s", reader->file, node->line, text,
              *text ? after : "", what);
    buffer_free(&path);
    return -1;
}

int read_fail_here(struct reader *reader, const struct node *node, const struct place *place)
{
    return prepend_place(reader, node, place, ": ");
}

int read_fail_below(struct reader *reader, const struct node *node, const struct place *place)
{
    const struct node *at = node;
    char key[64];
    if (reader->error && sscanf(reader->error->text, "%63[a-z_]", key) == 1) {
        const struct node *value = node_get(node, key);
        at = value ? value : node;
    }
    return prepend_place(reader, at, place, ".");
}

int read_fail(struct reader *reader, const struct node *node, const struct place *place,
              const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(reader->error, ERROR_USAGE, "%s", text);
    return read_fail_here(reader, node, place);
}

int read_out_of_memory(struct reader *reader)
{
    return error_out_of_memory(reader->error);
}

const char *read_where(struct reader *reader, const struct node *node)
{
    char *text;
    struct plan *plan = reader->plan;
    if (asprintf(&text, "%s:%u", reader->file, node->line) < 0)
        return NULL;
    char **slot = array_add(&plan->places, &plan->place_count, sizeof *slot);
    if (!slot) {
        free(text);
        return NULL;
    }
    *slot = text;
    return text;
}

/* ---- mappings and lists ------------------------------------------------------------------------
 */

static const char *node_kind_text(const struct node *node)
{
    static const char *const texts[] = {"a single value", "a list", "a mapping"};
    return node_is_null(node) ? "nothing" : texts[node->kind];
}

static int fail_unknown_key(struct reader *reader, const struct node *key,
                            const struct place *place, const struct key *keys)
{
    struct nearest nearest;
    char known[400];
    size_t used = 0;
    nearest_begin(&nearest, key->text);
    known[0] = '\0';
    for (; keys->name; keys++) {
        nearest_consider(&nearest, keys->name);
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     keys->name);
    }
    if (nearest.best)
        return read_fail(reader, key, place, "is no word of a plan here; did you mean %s?",
                         nearest.best);
    return read_fail(reader, key, place, "is no word of a plan here; known are %s", known);
}

int read_map(struct reader *reader, const struct node *node, const struct place *place,
             const struct key *keys, void *object)
{
    if (node->kind != NODE_MAP)
        return read_fail(reader, node, place,
                         "must be a mapping, not %s; write its words below it, such as %s: ...",
                         node_kind_text(node), keys[0].name);
    for (size_t i = 0; i < node->count; i++) {
        struct place below = {place, node->keys[i]->text, 0};
        const struct key *key = keys;
        while (key->name && strcmp(key->name, node->keys[i]->text) != 0)
            key++;
        if (!key->name)
            return fail_unknown_key(reader, node->keys[i], &below, keys);
        void *field = (char *)object + key->offset;
        int failed = key->parse ? read_scalar(reader, node->items[i], &below, key->parse, field)
                                : key->read(reader, node->items[i], &below, field);
        if (failed < 0)
            return -1;
    }
    return 0;
}

int read_list(struct reader *reader, const struct node *node, const struct place *place,
              read_value *read, void *object)
{
    if (node->kind != NODE_LIST)
        return read_fail(reader, node, place,
                         "must be a list, not %s; write each element on a line with \"- \"",
                         node_kind_text(node));
    for (size_t i = 0; i < node->count; i++) {
        struct place below = {place, NULL, i};
        if (read(reader, node->items[i], &below, object) < 0)
            return -1;
    }
    return 0;
}

int read_each(struct reader *reader, const struct node *node, const struct place *place,
              read_value *read, void *object)
{
    if (node->kind != NODE_MAP)
        return read_fail(reader, node, place,
                         "must be a mapping of names to values, not %s; write name: value",
                         node_kind_text(node));
    for (size_t i = 0; i < node->count; i++) {
        struct place below = {place, node->keys[i]->text, 0};
        if (read(reader, node->items[i], &below, object) < 0)
            return -1;
    }
    return 0;
}

int read_scalar(struct reader *reader, const struct node *node, const struct place *place,
                value_parse *parse, void *field)
{
    char label[80] = "- ";
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place, "must be a single value, not %s",
                         node_kind_text(node));
    if (place->key)
        snprintf(label, sizeof label, "%.70s: ", place->key);
    if (parse(node_is_null(node) ? "" : node->text, field, label, reader->error) < 0)
        return read_fail_here(reader, node, place);
    return 0;
}

static int add_string(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    char *text = NULL;
    if (read_scalar(reader, node, place, value_text, &text) < 0)
        return -1;
    int failed = string_list_add(field, text);
    free(text);
    return failed < 0 ? read_out_of_memory(reader) : 0;
}

int read_string_list(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    if (node->kind == NODE_SCALAR)
        return add_string(reader, node, place, field);
    return read_list(reader, node, place, add_string, field);
}

int read_json(struct reader *reader, const struct node *node, const struct place *place,
              void *field)
{
    json_t *value = node_to_json(node);
    if (!value)
        return read_fail(reader, node, place, "is no text in UTF-8; save the plan as UTF-8");
    json_decref(*(json_t **)field);
    *(json_t **)field = value;
    return 0;
}
