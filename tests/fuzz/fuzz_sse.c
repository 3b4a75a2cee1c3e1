/* SSE: any bytes, and the same bytes cut in pieces, must give the same events.
 * Input: one byte that places the cuts, the stream. */
#include "net/sse.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DATA_LIMIT = 200 };

/* All that was reported, one after the other. */
struct events {
    struct buffer text;
    int result;
};

static bool on_event(void *context, const struct sse_event *event)
{
    struct events *events = context;
    if (event->length > DATA_LIMIT || (!event->has_data && event->length))
        abort();
    if (buffer_printf(&events->text, "%s\n%s\n%d %ld %zu\n", event->type, event->id,
                      event->has_data, event->retry_ms, event->length) < 0 ||
        buffer_append(&events->text, event->data, event->length) < 0)
        abort();
    return true;
}

static void decode(struct events *events, const uint8_t *bytes, size_t size, size_t step)
{
    struct sse_decoder decoder;
    buffer_init(&events->text, SIZE_MAX / 2);
    events->result = 0;
    sse_decoder_init(&decoder, DATA_LIMIT);
    for (size_t at = 0; at < size && events->result == 0; at += step) {
        size_t length = size - at < step ? size - at : step;
        char *copy = malloc(length);
        if (!copy)
            abort();
        memcpy(copy, bytes + at, length);
        events->result = sse_decoder_feed(&decoder, copy, length, on_event, events);
        free(copy);
    }
    sse_decoder_free(&decoder);
}

/* Where exactly a limit strikes depends on the cut (an overlong field that would be ignored is only
 * held when it is cut); what was reported before it does not. */
static void compare(const struct events *a, const struct events *b)
{
    size_t length = buffer_length(&a->text);
    if (a->result == 0 && b->result == 0 && length != buffer_length(&b->text))
        abort();
    if (length > buffer_length(&b->text))
        length = buffer_length(&b->text);
    if (length && memcmp(buffer_bytes(&a->text), buffer_bytes(&b->text), length) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct events whole, cut, bytes;
    if (size < 1)
        return 0;
    decode(&whole, data + 1, size - 1, SIZE_MAX / 2);
    decode(&cut, data + 1, size - 1, (size_t)data[0] % 61 + 2);
    decode(&bytes, data + 1, size - 1, 1);
    compare(&whole, &cut);
    compare(&whole, &bytes);
    buffer_free(&whole.text);
    buffer_free(&cut.text);
    buffer_free(&bytes.text);
    return 0;
}
