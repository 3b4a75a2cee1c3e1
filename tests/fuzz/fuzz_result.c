/* The reader of result.json, and what trusts what it lets in: the judge, the audit, the summary,
 * and the writer, which must give back what was read.
 *
 * Random bytes are seldom JSON, let alone a result, so half of the mutations are made on the parsed
 * document: some value deep in it is dropped, doubled, or replaced by one that may matter. */
#include "report/audit.h"
#include "report/result_json.h"
#include "report/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit) __attribute__((weak));

static FILE *nowhere;

static void write_back(const struct result *result)
{
    struct error error = {0};
    struct result again;
    json_t *document = result_to_json(result, &error);
    if (!document)
        return; /* a sum beyond what JSON can hold */
    if (result_from_document(&again, document, "again", &error) < 0) {
        fprintf(stderr, "written, but not read back: %s\n", error.text);
        abort();
    }
    result_free(&again);
    json_decref(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct result result;
    if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
        abort();
    json_t *document = result_parse_document((const char *)data, size, "fuzz", &error);
    if (!document)
        return 0;
    if (result_from_document(&result, document, "fuzz", &error) == 0) {
        write_back(&result);
        terminal_print_summary(nowhere, &result, NULL);
        result_free(&result);
    }
    json_decref(document);
    audit_text((const char *)data, size, "fuzz", nowhere, &error);
    return 0;
}

/* ---- mutations of the document -------------------------------------------------------------- */

static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525 + 1013904223;
    return below ? (*seed >> 8) % below : 0;
}

static json_t *interesting(unsigned *seed)
{
    static const json_int_t integers[] = {0, 1, -1, 2, 16, 17, 33791, 33792, UINT32_MAX, INT64_MAX};
    static const char *const texts[] = {"",       "ok", "timeout", "33420x2 1",       "0x9 33000",
                                        "1 2 3",  "x",  "warmup",  "1203x4000000000", "interrupted",
                                        "\033[m", "<",  "pass",    "\xc3\xa9",        "percentile"};
    switch (draw(seed, 6)) {
    case 0:
        return json_null();
    case 1:
        return json_string(texts[draw(seed, sizeof texts / sizeof *texts)]);
    case 2:
        return json_real(draw(seed, 2) ? 1e300 : 0.5);
    case 3:
        return draw(seed, 2) ? json_array() : json_object();
    case 4:
        return json_boolean(draw(seed, 2));
    default:
        return json_integer(integers[draw(seed, sizeof integers / sizeof *integers)]);
    }
}

static void mutate_array(json_t *array, unsigned *seed)
{
    unsigned index = draw(seed, (unsigned)json_array_size(array));
    unsigned how = draw(seed, 3);
    if (how == 0)
        json_array_remove(array, index);
    else if (how == 1)
        json_array_append_new(array, json_deep_copy(json_array_get(array, index)));
    else
        json_array_set_new(array, index, interesting(seed));
}

/* Down a random path; the deeper, the likelier it ends. */
static void mutate_json(json_t *at, unsigned *seed)
{
    for (;;) {
        json_t *below = NULL;
        if (json_is_array(at) && json_array_size(at)) {
            below = json_array_get(at, draw(seed, (unsigned)json_array_size(at)));
            if (draw(seed, 4) == 0 || (!json_is_array(below) && !json_is_object(below))) {
                mutate_array(at, seed);
                return;
            }
        } else if (json_is_object(at) && json_object_size(at)) {
            void *member = json_object_iter(at);
            for (unsigned skip = draw(seed, (unsigned)json_object_size(at)); skip; skip--)
                member = json_object_iter_next(at, member);
            below = json_object_iter_value(member);
            if (draw(seed, 8) == 0 || (!json_is_array(below) && !json_is_object(below)) ||
                (json_is_array(below) && !json_array_size(below))) {
                if (draw(seed, 6) == 0)
                    json_object_del(at, json_object_iter_key(member));
                else
                    json_object_iter_set_new(at, member, interesting(seed));
                return;
            }
        } else {
            return;
        }
        at = below;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed)
{
    json_t *document = seed % 2 ? json_loadb((const char *)data, size, 0, NULL) : NULL;
    if (!document)
        return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, limit) : size;
    for (unsigned times = 1 + draw(&seed, 3); times; times--)
        mutate_json(document, &seed);
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    size_t length = text ? strlen(text) : 0;
    if (length && length <= limit) {
        memcpy(data, text, length);
        size = length;
    }
    free(text);
    return size;
}
