/* See sse.h. A line that lies whole in the bytes fed is read where it lies, and so is the data of
 * an event of one data line: the usual answer is never copied. */
#include "net/sse.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

enum { LINE_OVERHEAD = 64 }; /* field name beside the data that the limit is about */

/* One call of sse_decoder_feed. */
struct feed {
    const char *cursor, *end;
    const char *line_feed; /* the next '\n' at or behind the cursor, `end` if there is none */
    const char *data;      /* the event's data while it is one line of this input, else NULL */
    size_t data_length;
};

struct line {
    const char *bytes;
    size_t length;
    bool held; /* lies in the decoder's line buffer */
};

enum line_result { LINE_MORE, LINE_READY, LINE_TOO_LONG };

static enum line_result take_line(struct sse_decoder *decoder, struct feed *feed,
                                  struct line *line);
static int take_field(struct sse_decoder *decoder, struct feed *feed, const struct line *line);
static void forget_event(struct sse_decoder *decoder);

void sse_decoder_init(struct sse_decoder *decoder, size_t data_limit)
{
    *decoder = (struct sse_decoder){.retry_ms = -1};
    buffer_init(&decoder->line, data_limit + LINE_OVERHEAD);
    buffer_init(&decoder->data, data_limit);
}

void sse_decoder_free(struct sse_decoder *decoder)
{
    buffer_free(&decoder->line);
    buffer_free(&decoder->data);
}

/* A byte order mark at the very start is no part of the stream; it may come in three cuts. */
static void skip_byte_order_mark(struct sse_decoder *decoder, struct feed *feed)
{
    static const char mark[] = "\xef\xbb\xbf";
    while (!decoder->started && feed->cursor < feed->end) {
        if (*feed->cursor != mark[decoder->bom_seen]) {
            decoder->started = true;
            break;
        }
        feed->cursor++;
        if (++decoder->bom_seen == 3)
            decoder->started = true;
    }
}

/* An empty line: report the event, if there is anything to report. False: the callback said stop,
 * and may have freed the decoder. */
static bool dispatch(struct sse_decoder *decoder, struct feed *feed,
                     bool (*event)(void *context, const struct sse_event *event), void *context)
{
    bool anything = decoder->has_data || decoder->has_id || decoder->retry_ms >= 0;
    struct sse_event report = {
        .type = decoder->type[0] ? decoder->type : "message",
        .data = feed->data ? feed->data : buffer_bytes(&decoder->data),
        .length = feed->data ? feed->data_length : buffer_length(&decoder->data),
        .id = decoder->id,
        .has_data = decoder->has_data,
        .retry_ms = decoder->retry_ms,
    };
    if (!report.data)
        report.data = "";
    decoder->dispatched = true;
    if (anything && !event(context, &report))
        return false;
    forget_event(decoder);
    feed->data = NULL;
    return true;
}

/* An unfinished line or event stays for the next feed; nothing else holds memory. */
static int keep_rest(struct sse_decoder *decoder, const struct feed *feed)
{
    if (feed->data && buffer_append(&decoder->data, feed->data, feed->data_length) < 0)
        return -1;
    if (decoder->line.data && buffer_length(&decoder->line) == 0)
        buffer_free(&decoder->line);
    if (decoder->data.data && buffer_length(&decoder->data) == 0)
        buffer_free(&decoder->data);
    return 0;
}

int sse_decoder_feed(struct sse_decoder *decoder, const char *bytes, size_t length,
                     bool (*event)(void *context, const struct sse_event *event), void *context)
{
    struct feed feed = {.cursor = bytes, .end = bytes + length};
    if (length == 0)
        return 0;
    if (decoder->dispatched) /* the event at which the last feed was stopped */
        forget_event(decoder);
    skip_byte_order_mark(decoder, &feed);
    for (;;) {
        struct line line;
        enum line_result result = take_line(decoder, &feed, &line);
        if (result == LINE_MORE)
            return keep_rest(decoder, &feed);
        if (result == LINE_TOO_LONG)
            return -1;
        if (line.length == 0 && !dispatch(decoder, &feed, event, context))
            return 0;
        if (line.length > 0 && take_field(decoder, &feed, &line) < 0)
            return -1;
        if (line.held)
            buffer_clear(&decoder->line);
    }
}

/* ---- lines -------------------------------------------------------------------------------------
 */

/* Where the line at the cursor ends: at a CR or LF, or at `end`. */
static const char *find_line_end(struct feed *feed)
{
    if (!feed->line_feed || feed->line_feed < feed->cursor) {
        feed->line_feed = memchr(feed->cursor, '\n', (size_t)(feed->end - feed->cursor));
        if (!feed->line_feed)
            feed->line_feed = feed->end;
    }
    const char *carriage_return =
        memchr(feed->cursor, '\r', (size_t)(feed->line_feed - feed->cursor));
    return carriage_return ? carriage_return : feed->line_feed;
}

/* A comment is skipped as it comes, however long; any other line is given whole. */
static enum line_result take_line(struct sse_decoder *decoder, struct feed *feed, struct line *line)
{
    while (feed->cursor < feed->end) {
        if (decoder->skip_line_feed && *feed->cursor == '\n')
            feed->cursor++;
        decoder->skip_line_feed = false;
        if (feed->cursor == feed->end)
            break;
        bool held = buffer_length(&decoder->line) > 0;
        if (!held && *feed->cursor == ':')
            decoder->in_comment = true;
        const char *start = feed->cursor, *end = find_line_end(feed);
        size_t length = (size_t)(end - start);
        bool complete = end < feed->end;
        feed->cursor = complete ? end + 1 : end;
        decoder->skip_line_feed = complete && *end == '\r';
        if (decoder->in_comment) {
            decoder->in_comment = !complete;
            continue;
        }
        if ((held || !complete) && buffer_append(&decoder->line, start, length) < 0)
            return LINE_TOO_LONG;
        if (!complete)
            break;
        *line = (struct line){start, length, held};
        if (held) {
            line->bytes = buffer_bytes(&decoder->line);
            line->length = buffer_length(&decoder->line);
        }
        return LINE_READY;
    }
    return LINE_MORE;
}

/* ---- fields -------------------------------------------------------------------------------------
 */

static int take_data(struct sse_decoder *decoder, struct feed *feed, const char *value,
                     size_t length, bool held)
{
    bool first = !decoder->has_data;
    decoder->has_data = true;
    if (length > decoder->data.limit)
        return -1;
    if (first && !held) {
        feed->data = value;
        feed->data_length = length;
        return 0;
    }
    if (feed->data && buffer_append(&decoder->data, feed->data, feed->data_length) < 0)
        return -1;
    feed->data = NULL;
    if (!first && buffer_append_char(&decoder->data, '\n') < 0)
        return -1;
    return buffer_append(&decoder->data, value, length);
}

/* An id that cannot be echoed whole would resume the stream at a wrong place: a limit is passed. */
static int take_id(struct sse_decoder *decoder, const char *value, size_t length)
{
    if (length && memchr(value, '\0', length))
        return 0; /* ignored, says the standard */
    if (length >= sizeof decoder->id)
        return -1;
    memcpy(decoder->id, value, length);
    decoder->id[length] = '\0';
    decoder->has_id = true;
    return 0;
}

static void take_type(struct sse_decoder *decoder, const char *value, size_t length)
{
    if (length >= sizeof decoder->type) /* nobody waits for a type this long */
        length = sizeof decoder->type - 1;
    memcpy(decoder->type, value, length);
    decoder->type[length] = '\0';
}

static void take_retry(struct sse_decoder *decoder, const char *value, size_t length)
{
    long number = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        int digit = value[i] - '0';
        number = number > (LONG_MAX - digit) / 10 ? LONG_MAX : number * 10 + digit;
    }
    if (length)
        decoder->retry_ms = number;
}

static bool name_is(const struct line *line, size_t length, const char *name)
{
    return length == strlen(name) && memcmp(line->bytes, name, length) == 0;
}

static int take_field(struct sse_decoder *decoder, struct feed *feed, const struct line *line)
{
    const char *colon = memchr(line->bytes, ':', line->length);
    size_t name_length = colon ? (size_t)(colon - line->bytes) : line->length;
    const char *value = colon ? colon + 1 : line->bytes + line->length;
    size_t length = (size_t)(line->bytes + line->length - value);
    if (length && *value == ' ') {
        value++;
        length--;
    }
    if (name_is(line, name_length, "data"))
        return take_data(decoder, feed, value, length, line->held);
    if (name_is(line, name_length, "id"))
        return take_id(decoder, value, length);
    if (name_is(line, name_length, "event"))
        take_type(decoder, value, length);
    else if (name_is(line, name_length, "retry"))
        take_retry(decoder, value, length);
    return 0; /* unknown fields are ignored */
}

static void forget_event(struct sse_decoder *decoder)
{
    if (decoder->data.data)
        buffer_clear(&decoder->data);
    decoder->type[0] = '\0';
    decoder->retry_ms = -1;
    decoder->has_data = decoder->has_id = decoder->dispatched = false;
}
