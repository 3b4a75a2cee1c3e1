/* Looking faults up, and printing them all as JSON for the tests. */
#include "fault.h"

#include <stdio.h>
#include <string.h>

const struct fault_tool *fault_tool_at(size_t index)
{
    size_t i = 0;
    for (const struct fault_tool *tool = fault_tools_message; tool->name; tool++)
        if (i++ == index)
            return tool;
    for (const struct fault_tool *tool = fault_tools_http; tool->name; tool++)
        if (i++ == index)
            return tool;
    return NULL;
}

const struct fault_tool *fault_tool_find(const char *name, unsigned eras)
{
    const struct fault_tool *tool;
    for (size_t i = 0; (tool = fault_tool_at(i)); i++)
        if ((tool->eras & eras) && strcmp(tool->name, name) == 0)
            return tool;
    return NULL;
}

static json_t *expectation(const char *name, const char *doing, const char *outcome, int code,
                           const char *detail)
{
    return json_pack("{s:s, s:s, s:s?, s:i, s:s?}", "name", name, "does", doing, "outcome", outcome,
                     "code", code, "detail", detail);
}

static json_t *list_tools(void)
{
    json_t *list = json_array();
    const struct fault_tool *tool;
    for (size_t i = 0; (tool = fault_tool_at(i)); i++) {
        json_t *entry =
            expectation(tool->name, tool->doing, tool->outcome, tool->code, tool->detail);
        json_t *eras = json_array();
        if (tool->eras & LEGACY)
            json_array_append_new(eras, json_string("legacy"));
        if (tool->eras & MODERN)
            json_array_append_new(eras, json_string("modern"));
        json_object_set_new(entry, "eras", eras);
        json_array_append_new(list, entry);
    }
    return list;
}

static json_t *list_paths(void)
{
    json_t *list = json_array();
    for (const struct fault_path *path = fault_paths; path->path; path++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:i, s:s}", "path", path->path, "does",
                                        path->doing, "exit", path->exit_code, "says", path->says));
    return list;
}

static json_t *list_children(void)
{
    json_t *list = json_array();
    for (const struct fault_child *child = fault_children; child->name; child++) {
        json_t *entry =
            expectation(child->name, child->doing, child->outcome, child->code, child->detail);
        json_object_set_new(entry, "exit", json_integer(child->exit_code));
        json_object_set_new(entry, "says", child->says ? json_string(child->says) : json_null());
        json_array_append_new(list, entry);
    }
    return list;
}

void fault_list_print(void)
{
    json_t *all = json_pack("{s:o, s:o, s:o}", "tools", list_tools(), "paths", list_paths(),
                            "children", list_children());
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}
