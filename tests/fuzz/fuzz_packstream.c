/* PackStream: any bytes must be read within their bounds, what can be stepped over can be written
 * as JSON that is JSON, and JSON that Bolt values are made of must come back the same. */
#include "net/bolt_json.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_LIMIT = 1 << 22 };

/* Written as JSON, read by a parser of somebody else, packed again and written again: the same. */
static void check_json(const struct buffer *json)
{
    struct buffer packed, again;
    json_t *document = json_loadb(buffer_bytes(json), buffer_length(json),
                                  JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    /* That parser takes no NUL in a key. */
    if (!document && !memmem(buffer_bytes(json), buffer_length(json), "\\u0000", 6))
        abort();
    json_decref(document);
    buffer_init(&packed, TEXT_LIMIT);
    buffer_init(&again, TEXT_LIMIT);
    if (bolt_value_from_json(buffer_bytes(json), buffer_length(json), &packed, NULL) !=
        BOLT_JSON_OK)
        abort();
    struct packstream_reader reader =
        packstream_reader_of(buffer_bytes(&packed), buffer_length(&packed));
    if (bolt_value_to_json(&reader, &again) != BOLT_JSON_OK || reader.at != reader.end ||
        buffer_length(&again) != buffer_length(json) ||
        memcmp(buffer_bytes(&again), buffer_bytes(json), buffer_length(json)) != 0)
        abort();
    buffer_free(&packed);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer json, packed;
    buffer_init(&json, TEXT_LIMIT);
    buffer_init(&packed, TEXT_LIMIT);
    uint8_t *copy = malloc(size ? size : 1); /* so that a read beyond is seen */
    if (!copy)
        abort();
    memcpy(copy, data, size);

    struct packstream_reader skipped = packstream_reader_of(copy, size), written = skipped;
    int skips = packstream_skip(&skipped);
    enum bolt_json_result result = bolt_value_to_json(&written, &json);
    if (skips < 0 && result == BOLT_JSON_OK)
        abort();
    if (result == BOLT_JSON_OK) {
        if (written.at != skipped.at)
            abort();
        check_json(&json);
    }

    /* The same bytes taken as JSON text. */
    size_t position;
    if (bolt_value_from_json((const char *)copy, size, &packed, &position) == BOLT_JSON_OK) {
        struct packstream_reader reader =
            packstream_reader_of(buffer_bytes(&packed), buffer_length(&packed));
        if (packstream_skip(&reader) < 0 || reader.at != reader.end)
            abort();
    } else if (position > size || buffer_length(&packed)) {
        abort();
    }
    free(copy);
    buffer_free(&json);
    buffer_free(&packed);
    return 0;
}
