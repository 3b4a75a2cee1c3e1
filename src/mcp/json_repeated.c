/* See json_repeated.h. */
#include "mcp/json_repeated.h"

#include <stdlib.h>
#include <string.h>

json_t *json_repeated_find(const struct json_repeated *repeated, const char *at, const char *end,
                           size_t *length)
{
    for (size_t i = 0; i < JSON_REPEATED_COUNT; i++) {
        *length = repeated->kept[i].length;
        if (*length > 0 && *length <= (size_t)(end - at) &&
            memcmp(repeated->kept[i].text, at, *length) == 0)
            return json_incref(repeated->kept[i].value);
    }
    return NULL;
}

void json_repeated_keep(struct json_repeated *repeated, const char *text, size_t length,
                        json_t *value)
{
    char *copy = length <= JSON_REPEATED_LENGTH ? malloc(length) : NULL;
    if (!copy)
        return;
    memcpy(copy, text, length);
    free(repeated->kept[repeated->next].text);
    json_decref(repeated->kept[repeated->next].value);
    repeated->kept[repeated->next].text = copy;
    repeated->kept[repeated->next].length = length;
    repeated->kept[repeated->next].value = json_incref(value);
    repeated->next = (repeated->next + 1) % JSON_REPEATED_COUNT;
}

void json_repeated_free(struct json_repeated *repeated)
{
    for (size_t i = 0; i < JSON_REPEATED_COUNT; i++) {
        free(repeated->kept[i].text);
        json_decref(repeated->kept[i].value);
    }
    *repeated = (struct json_repeated){0};
}
