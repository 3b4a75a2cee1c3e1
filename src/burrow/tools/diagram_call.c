/* See diagram_call.h. */
#include "burrow/tools/diagram_call.h"

#include <stdlib.h>
#include <string.h>

struct diagram *diagram_of_text(struct tool_call *call, const char *name, const char *text)
{
    struct diagram_errors errors;
    struct diagram *diagram = diagram_parse(text, &errors);
    if (!diagram)
        tool_fail(call, "internal", "out of memory");
    else if (errors.count) {
        tool_fail(call, "invalid_argument", "%s: line %zu, column %zu: %s", name,
                  errors.all[0].line, errors.all[0].column, errors.all[0].text);
        diagram_free(diagram);
        diagram = NULL;
    }
    return diagram;
}

struct diagram *diagram_argument(struct tool_call *call, const char *name)
{
    return diagram_of_text(call, name, tool_text(call, name, ""));
}

char *diagram_text(struct tool_call *call, const struct diagram *diagram, bool dense)
{
    struct buffer out;
    buffer_init(&out, DIAGRAM_LIMIT * 4);
    int failed = diagram_print(diagram, dense, &out);
    char *text = buffer_take_string(&out);
    if (failed == 0 && text)
        return text;
    free(text);
    tool_fail(call, "too_large", "the diagram is over %zu bytes", DIAGRAM_LIMIT * 4);
    return NULL;
}

int diagram_answer(struct tool_call *call, struct diagram *diagram)
{
    char *text = diagram_text(call, diagram, false);
    if (text)
        call->structured = json_pack(
            "{s:s, s:s, s:I, s:I}", "mermaid", text, "type", diagram_type_name(diagram->type),
            "nodes", (json_int_t)diagram->node_count, "edges", (json_int_t)diagram->edge_count);
    free(text);
    diagram_free(diagram);
    return call->structured ? 0 : -1;
}

uint64_t diagram_hash(const struct diagram *diagram)
{
    struct buffer out;
    uint64_t hash = UINT64_C(14695981039346656037);
    buffer_init(&out, DIAGRAM_LIMIT * 4);
    diagram_print(diagram, true, &out);
    for (size_t i = 0; i < buffer_length(&out); i++)
        hash = (hash ^ (unsigned char)buffer_bytes(&out)[i]) * UINT64_C(1099511628211);
    buffer_free(&out);
    return hash;
}

json_t *diagram_measures_json(const struct diagram_measures *measures)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "nodes",
                     (json_int_t)measures->nodes, "edges", (json_int_t)measures->edges, "depth",
                     (json_int_t)measures->depth, "cycles", (json_int_t)measures->cycles,
                     "components", (json_int_t)measures->components, "isolated_nodes",
                     (json_int_t)measures->isolated, "max_in_degree", (json_int_t)measures->most_in,
                     "max_out_degree", (json_int_t)measures->most_out, "independent_cycles",
                     (json_int_t)measures->crossing_hint, "label_bytes",
                     (json_int_t)measures->characters, "longest_label",
                     (json_int_t)measures->longest_label, "density", measures->density);
}

json_t *diagram_errors_json(const struct diagram_errors *errors)
{
    json_t *list = json_array();
    for (size_t i = 0; i < errors->count; i++)
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:s}", "line", (json_int_t)errors->all[i].line, "column",
                            (json_int_t)errors->all[i].column, "text", errors->all[i].text));
    return list;
}

char *diagram_words(const struct diagram *diagram)
{
    struct buffer out;
    buffer_init(&out, DIAGRAM_LIMIT * 2);
    int failed = buffer_printf(&out, "%s %s\n", diagram_type_name(diagram->type), diagram->title);
    for (size_t i = 0; i < diagram->node_count; i++)
        failed |=
            buffer_printf(&out, "%s %s\n", diagram->nodes[i].label, diagram->nodes[i].members);
    for (size_t i = 0; i < diagram->edge_count; i++)
        failed |= buffer_printf(&out, "%s\n", diagram->edges[i].label);
    char *words = buffer_take_string(&out);
    (void)failed; /* words beyond the limit are not needed to find it */
    return words;
}
