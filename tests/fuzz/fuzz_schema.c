/* Bytes are a schema document, or [schema, instance]. Whatever compiles is generated from in both
 * styles; what is generated must validate. Nothing may crash, hang or leak, however hostile. */
#include "mcp/schema.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void exercise(const json_t *document, const json_t *instance)
{
    struct error error = {0};
    struct schema *schema = schema_compile(document, &error);
    if (!schema) {
        if (error.text[0] == '\0')
            abort(); /* an error without a word */
        return;
    }
    char problem[200];
    if (!schema_validate(schema, instance, problem, sizeof problem) && problem[0] == '\0')
        abort();
    for (int style = 0; style < 2; style++) {
        struct random random;
        random_seed(&random, 1, (uint64_t)style);
        json_t *value = schema_generate(schema, &random, (enum schema_generate_style)style, &error);
        if (value && !schema_validate(schema, value, problem, sizeof problem))
            abort();
        if (!value && error.text[0] == '\0')
            abort();
        json_decref(value);
    }
    schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *document = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (!document)
        return 0;
    if (json_array_size(document) == 2)
        exercise(json_array_get(document, 0), json_array_get(document, 1));
    else
        exercise(document, document);
    json_decref(document);
    return 0;
}
