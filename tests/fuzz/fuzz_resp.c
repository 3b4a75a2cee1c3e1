/* RESP from anyone: the reader must take the same reply whatever the cut, the cursor walk exactly
 * what the reader took, and the JSON made of it parse. */
#include "net/resp.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_LIMIT ((size_t)64 * 1024)

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Feed in pieces, each in memory of just its size. */
static enum resp_status feed_cut(struct resp_reader *reader, const char *bytes, size_t size,
                                 size_t step)
{
    enum resp_status status = RESP_MORE;
    for (size_t there = 0; status == RESP_MORE && there < size;) {
        there = there + step < size ? there + step : size;
        char *copy = malloc(there);
        memcpy(copy, bytes, there);
        status = resp_read(reader, copy, there);
        free(copy);
    }
    return status;
}

static void check_reply(const char *bytes, size_t length)
{
    struct resp_cursor cursor = {bytes, bytes + length};
    struct buffer json;
    require(resp_skip(&cursor));
    require(cursor.at == cursor.end);
    cursor.at = bytes;
    buffer_init(&json, REPLY_LIMIT * 8);
    if (resp_append_json(&json, &cursor) == 0) {
        require(cursor.at == cursor.end);
        json_error_t error;
        json_t *parsed =
            json_loadb(buffer_bytes(&json), buffer_length(&json), JSON_DECODE_ANY, &error);
        require(parsed != NULL);
        json_decref(parsed);
    }
    buffer_free(&json);
    struct resp_token token;
    cursor.at = bytes;
    while (resp_next(&cursor, &token))
        require(!token.text || token.text + token.length <= cursor.end);
    require(cursor.at == cursor.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct resp_reader whole, cut;
    if (size < 1)
        return 0;
    size_t step = 1 + data[0] % 16;
    bytes++;
    size--;
    resp_reader_init(&whole, REPLY_LIMIT);
    resp_reader_init(&cut, REPLY_LIMIT);
    while (size) {
        enum resp_status status = resp_read(&whole, bytes, size);
        enum resp_status other = feed_cut(&cut, bytes, size, step);
        require(status == other);
        if (status == RESP_BAD)
            require(whole.problem && strcmp(whole.problem, cut.problem) == 0);
        if (status != RESP_DONE)
            return 0;
        require(whole.length > 0 && whole.length <= size && whole.length == cut.length);
        require(whole.value_offset < whole.length && whole.value_offset == cut.value_offset);
        require(whole.has_error == cut.has_error && whole.error_offset == cut.error_offset);
        check_reply(bytes, whole.length);
        bytes += whole.length;
        size -= whole.length;
        resp_reader_begin(&whole);
        resp_reader_begin(&cut);
    }
    return 0;
}
