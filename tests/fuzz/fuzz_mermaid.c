/* Mermaid: any text is read without harm, with each mistake at a place within it; a text without
 * mistakes, written anew, is the same diagram, and writing that anew changes nothing more.
 * Input: the text. */
#include "burrow/diagram/diagram.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const char *text, const struct diagram_errors *errors)
{
    size_t lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    for (size_t i = 0; i < errors->count; i++)
        if (errors->all[i].line > lines || errors->all[i].column < 1 || !*errors->all[i].text)
            abort();
}

static char *print(const struct diagram *diagram, bool dense)
{
    struct buffer out;
    buffer_init(&out, DIAGRAM_LIMIT * 16);
    int failed = diagram_print(diagram, dense, &out);
    char *text = buffer_take_string(&out);
    if (failed || !text)
        abort();
    return text;
}

static void check_written(const struct diagram *diagram)
{
    struct diagram_errors errors;
    char *text = print(diagram, false);
    struct diagram *again = diagram_parse(text, &errors);
    if (!again || errors.count || !diagram_equal(diagram, again))
        abort();
    char *third = print(again, false);
    if (strcmp(text, third) != 0)
        abort();
    free(third);
    diagram_free(again);
    free(text);
    free(print(diagram, true));
}

static void check_measured(const struct diagram *diagram)
{
    struct diagram_measures is;
    struct buffer dot;
    if (diagram_measure(diagram, &is) < 0 || is.nodes != diagram->node_count ||
        is.components > is.nodes || is.isolated > is.nodes)
        abort();
    buffer_init(&dot, DIAGRAM_LIMIT * 64);
    if (diagram_dot(diagram, &dot) < 0)
        abort();
    buffer_free(&dot);
    json_decref(diagram_json(diagram));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagram_errors errors;
    if (size > (size_t)16 << 10)
        return 0;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    struct diagram *diagram = diagram_parse(text, &errors);
    if (!diagram)
        abort();
    check_places(text, &errors);
    if (errors.count == 0) {
        check_written(diagram);
        check_measured(diagram);
    }
    diagram_free(diagram);
    free(text);
    return 0;
}
