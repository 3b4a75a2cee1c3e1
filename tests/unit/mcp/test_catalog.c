/* Reading pages of lists: what is taken, what is set aside and why. */
#include "mcp/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs the three above */
#include <cmocka.h>

static int add(struct mcp_catalog *catalog, enum mcp_catalog_list list, const char *text,
               bool http_modern)
{
    struct error error = {0};
    json_t *result = json_loads(text, 0, NULL);
    assert_non_null(result);
    int failed = mcp_catalog_add_page(catalog, list, result, http_modern, &error);
    assert_true(!failed || strlen(error.text) > 5);
    json_decref(result);
    return failed;
}

static const char *reason_of(const struct mcp_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->excluded_count; i++)
        if (strcmp(catalog->excluded[i].name, name) == 0)
            return catalog->excluded[i].reason;
    return NULL;
}

static void reads_tools_and_hints(void **state)
{
    struct mcp_catalog catalog = {0};
    (void)state;
    assert_int_equal(
        add(&catalog, MCP_LIST_TOOLS,
            "{\"tools\":[{\"name\":\"a\",\"title\":\"A\",\"description\":\"d\",\"inputSchema\":"
            "{\"type\":\"object\"},\"outputSchema\":{\"type\":\"array\"},\"annotations\":"
            "{\"readOnlyHint\":true,\"idempotentHint\":true,\"openWorldHint\":true,"
            "\"destructiveHint\":false}},{\"name\":\"b\",\"inputSchema\":{\"type\":\"object\"},"
            "\"annotations\":{\"destructiveHint\":true,\"readOnlyHint\":\"yes\"}},"
            "{\"name\":\"c\",\"inputSchema\":{}}],\"nextCursor\":\"x\"}",
            false),
        0);
    assert_int_equal(catalog.tool_count, 3);
    const struct mcp_tool *a = &catalog.tools[0], *b = &catalog.tools[1], *c = &catalog.tools[2];
    assert_string_equal(a->name, "a");
    assert_string_equal(a->title, "A");
    assert_true(a->read_only && a->idempotent && a->open_world && a->destructive_said);
    assert_true(a->annotated && !a->destructive && a->output);
    assert_true(b->destructive && b->destructive_said && !b->read_only && !b->output);
    assert_true(!c->annotated && !c->destructive_said && c->input);
    mcp_catalog_free(&catalog);
}

static void sets_bad_tools_aside(void **state)
{
    struct mcp_catalog catalog = {0};
    (void)state;
    assert_int_equal(
        add(&catalog, MCP_LIST_TOOLS,
            "{\"tools\":[{\"name\":\"good\",\"inputSchema\":{\"type\":\"object\"}},"
            "{\"name\":\"no-schema\"},{\"name\":\"null-schema\",\"inputSchema\":null},"
            "{\"name\":\"no-object\",\"inputSchema\":{\"type\":\"string\"}},"
            "{\"name\":\"bad-ref\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":"
            "{\"$ref\":\"#/$defs/none\"}}}},"
            "{\"name\":\"bad-output\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":"
            "{\"type\":\"wrong\"}},"
            "{\"name\":\"task\",\"inputSchema\":{\"type\":\"object\"},\"execution\":"
            "{\"taskSupport\":\"required\"}},"
            "{\"name\":\"maybe-task\",\"inputSchema\":{\"type\":\"object\"},\"execution\":"
            "{\"taskSupport\":\"optional\"}},"
            "{\"name\":\"good\",\"inputSchema\":{\"type\":\"object\"}},"
            "{\"inputSchema\":{\"type\":\"object\"}},17,{\"name\":\"\"}]}",
            false),
        0);
    assert_int_equal(catalog.tool_count, 2);
    assert_int_equal(catalog.excluded_count, 10);
    assert_non_null(strstr(reason_of(&catalog, "no-schema"), "inputSchema"));
    assert_non_null(strstr(reason_of(&catalog, "null-schema"), "inputSchema"));
    assert_non_null(strstr(reason_of(&catalog, "no-object"), "object"));
    assert_non_null(strstr(reason_of(&catalog, "bad-ref"), "inputSchema"));
    assert_non_null(strstr(reason_of(&catalog, "bad-output"), "outputSchema"));
    assert_non_null(strstr(reason_of(&catalog, "task"), "task"));
    assert_non_null(strstr(reason_of(&catalog, "good"), "twice"));
    assert_non_null(strstr(reason_of(&catalog, "tools[9]"), "name"));
    assert_non_null(strstr(reason_of(&catalog, "tools[10]"), "name"));
    mcp_catalog_free(&catalog);
}

static void header_annotations_count_over_http_only(void **state)
{
    static const char page[] =
        "{\"tools\":[{\"name\":\"ok\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
        "{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"R\"}}}},{\"name\":\"bad\",\"inputSchema\":"
        "{\"type\":\"object\",\"properties\":{\"r\":{\"type\":\"number\",\"x-mcp-header\":\"R\"}}}}"
        "]}";
    struct mcp_catalog http = {0}, stdio = {0};
    (void)state;
    assert_int_equal(add(&http, MCP_LIST_TOOLS, page, true), 0);
    assert_int_equal(http.tool_count, 1);
    assert_int_equal(http.tools[0].param_header_count, 1);
    assert_string_equal(http.tools[0].param_headers[0].name, "Mcp-Param-R");
    assert_non_null(strstr(reason_of(&http, "bad"), "number"));
    assert_int_equal(add(&stdio, MCP_LIST_TOOLS, page, false), 0);
    assert_int_equal(stdio.tool_count, 2);
    assert_int_equal(stdio.tools[0].param_header_count, 0);
    mcp_catalog_free(&http);
    mcp_catalog_free(&stdio);
}

static void reads_resources_templates_prompts(void **state)
{
    struct mcp_catalog catalog = {0};
    (void)state;
    assert_int_equal(add(&catalog, MCP_LIST_RESOURCES,
                         "{\"resources\":[{\"uri\":\"a:b\",\"name\":\"n\"},{\"uri\":\"a:b\"},"
                         "{\"name\":\"no uri\"},{\"uri\":\"a:c\"}]}",
                         false),
                     0);
    assert_int_equal(add(&catalog, MCP_LIST_TEMPLATES,
                         "{\"resourceTemplates\":[{\"uriTemplate\":\"a:{x}\"},{\"name\":\"n\"}]}",
                         false),
                     0);
    assert_int_equal(add(&catalog, MCP_LIST_PROMPTS,
                         "{\"prompts\":[{\"name\":\"p\",\"arguments\":[{\"name\":\"q\"}]},"
                         "{\"name\":\"r\",\"arguments\":7},{\"name\":\"p\"},{}]}",
                         false),
                     0);
    assert_int_equal(catalog.resource_count, 2);
    assert_int_equal(json_array_size(catalog.resource_templates), 1);
    assert_int_equal(catalog.prompt_count, 2);
    assert_int_equal(json_array_size(catalog.prompts[0].arguments), 1);
    assert_null(catalog.prompts[1].arguments);
    assert_int_equal(catalog.excluded_count, 3);
    mcp_catalog_free(&catalog);
}

static void refuses_what_is_no_page(void **state)
{
    static const char *const pages[] = {"{}", "{\"tools\":null}", "{\"tools\":{}}",
                                        "{\"resources\":[]}"};
    struct mcp_catalog catalog = {0};
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        assert_int_equal(add(&catalog, MCP_LIST_TOOLS, pages[i], false), -1);
    mcp_catalog_free(&catalog);
}

static void bounds_the_number_of_entries(void **state)
{
    struct mcp_catalog catalog = {0};
    struct error error = {0};
    json_t *entries = json_array();
    (void)state;
    for (int i = 0; i < 20001; i++)
        json_array_append_new(entries, json_object());
    json_t *page = json_pack("{s:o}", "prompts", entries);
    assert_int_equal(mcp_catalog_add_page(&catalog, MCP_LIST_PROMPTS, page, false, &error), -1);
    assert_non_null(strstr(error.text, "20000"));
    json_decref(page);
    mcp_catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tools_and_hints),
        cmocka_unit_test(sets_bad_tools_aside),
        cmocka_unit_test(header_annotations_count_over_http_only),
        cmocka_unit_test(reads_resources_templates_prompts),
        cmocka_unit_test(refuses_what_is_no_page),
        cmocka_unit_test(bounds_the_number_of_entries),
    };
    return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
