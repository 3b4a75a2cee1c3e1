/* What the drivers that run in the process take from outside: a URL with its path and query, and
 * the text of a vector. The first byte says which. */
#include "drivers/faiss_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
    uint64_t count, bytes, duration;
    char *text, *choice;
};

static const struct setting table[] = {
    {"count", SETTING_COUNT, offsetof(struct values, count), 1, 1000, NULL},
    {"bytes", SETTING_SIZE, offsetof(struct values, bytes), 0, UINT64_C(1) << 40, NULL},
    {"duration", SETTING_DURATION, offsetof(struct values, duration), 0, 0, NULL},
    {"text", SETTING_TEXT, offsetof(struct values, text), 0, 0, NULL},
    {"choice", SETTING_CHOICE, offsetof(struct values, choice), 0, 0, "off normal full"},
    {NULL, SETTING_COUNT, 0, 0, 0, NULL},
};

static void try_url(const char *rest)
{
    char *url = NULL;
    struct error error = {0};
    struct values values = {.count = 1};
    if (asprintf(&url, "sqlite:%s", rest) < 0)
        abort();
    struct target_options options = {.url = url};
    char *path = setting_url_path(&options, "sqlite", &error);
    if (!path && !error.text[0])
        abort();
    if (path && !*path)
        abort();
    error = (struct error){0};
    int read = settings_read(&values, table, "sqlite", &options, &error);
    if ((read < 0) != (error.text[0] != 0))
        abort();
    if (values.count < 1 || values.count > 1000 || values.bytes > UINT64_C(1) << 40)
        abort();
    if (values.choice && strcmp(values.choice, "off") != 0 &&
        strcmp(values.choice, "normal") != 0 && strcmp(values.choice, "full") != 0)
        abort();
    settings_free(&values, table);
    free(path);
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { DIMENSION = 3 };
    if (size < 1)
        return 0;
    char *text = malloc(size); /* of its own, so that reading past its end is seen */
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    if (data[0] & 1) {
        try_url(text);
    } else {
        float vector[DIMENSION];
        size_t found;
        char *exact = malloc(size > 1 ? size - 1 : 1);
        if (exact) {
            memcpy(exact, text, size - 1);
            int parsed = faiss_parse_vector(exact, size - 1, vector, DIMENSION, &found);
            if (parsed == 0 && found != DIMENSION)
                abort();
        }
        free(exact);
    }
    free(text);
    return 0;
}
