/* Pages of lists from a hostile server, then what is made of them: arguments, header values, URIs.
 */
#include "mcp/catalog.h"
#include "mcp/uri_template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_tool(const struct mcp_tool *tool)
{
    struct random random;
    struct error error;
    random_seed(&random, 1, 1);
    json_t *arguments = schema_generate(tool->input, &random, SCHEMA_GENERATE_SIMPLE, &error);
    for (size_t i = 0; arguments && i < tool->param_header_count; i++)
        free(mcp_param_header_value(&tool->param_headers[i], arguments));
    json_decref(arguments);
}

static void use_templates(const struct mcp_catalog *catalog)
{
    size_t index;
    json_t *entry;
    json_array_foreach(catalog->resource_templates, index, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "uriTemplate"));
        json_t *names = uri_template_variables(text), *values = json_object(), *name;
        size_t position;
        json_array_foreach(names, position, name)
            json_object_set_new(values, json_string_value(name), json_string("a/\xc3\xa9${user}"));
        free(uri_template_expand(text, values));
        json_decref(names);
        json_decref(values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct mcp_catalog catalog = {0};
    struct error error;
    json_t *page = json_loadb((const char *)data + 1, size - 1, 0, NULL);
    if (page) {
        for (int twice = 0; twice < 2; twice++)
            mcp_catalog_add_page(&catalog, data[0] & 3, page, data[0] & 4, &error);
        for (size_t i = 0; i < catalog.tool_count; i++)
            use_tool(&catalog.tools[i]);
        use_templates(&catalog);
    }
    mcp_catalog_free(&catalog);
    json_decref(page);
    return 0;
}
