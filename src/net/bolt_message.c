/* See bolt_message.h. */
#include "net/bolt_message.h"

#include <string.h>

enum { CHUNK_MOST = 65535, CHUNK_HEADER = 2, KEPT_MEMORY = 64 * 1024 };

/* ---- chunks ------------------------------------------------------------------------------------
 */

int bolt_message_begin(struct buffer *output, size_t *position)
{
    static const char header[CHUNK_HEADER] = {0, 0};
    *position = buffer_length(output);
    return buffer_append(output, header, sizeof header);
}

static void store_size(char *to, size_t size)
{
    to[0] = (char)(size >> 8);
    to[1] = (char)(size & 0xFF);
}

int bolt_message_end(struct buffer *output, size_t position)
{
    size_t length = buffer_length(output) - position - CHUNK_HEADER;
    size_t chunks = length ? (length + CHUNK_MOST - 1) / CHUNK_MOST : 1;
    size_t more = chunks * CHUNK_HEADER; /* headers but the first, and the end */
    if (!buffer_reserve(output, more)) {
        output->end = output->start + position;
        return -1;
    }
    buffer_commit(output, more);
    char *start = buffer_bytes(output) + position;
    for (size_t chunk = chunks; chunk-- > 0;) { /* the last moves farthest */
        size_t size = chunk + 1 == chunks ? length - chunk * CHUNK_MOST : CHUNK_MOST;
        char *to = start + chunk * (CHUNK_MOST + CHUNK_HEADER);
        memmove(to + CHUNK_HEADER, start + CHUNK_HEADER + chunk * CHUNK_MOST, size);
        store_size(to, size);
    }
    store_size(start + length + chunks * CHUNK_HEADER, 0);
    return 0;
}

void bolt_framing_init(struct bolt_framing *framing, size_t message_limit)
{
    *framing = (struct bolt_framing){0};
    buffer_init(&framing->held, message_limit);
}

void bolt_framing_free(struct bolt_framing *framing)
{
    buffer_free(&framing->held);
}

static size_t load_size(const uint8_t *from)
{
    return (size_t)from[0] << 8 | from[1];
}

/* A message of one chunk that is here with its end: where it lies. */
static bool take_in_place(const struct bolt_framing *framing, const uint8_t **cursor,
                          const uint8_t *end, const uint8_t **message, size_t *length)
{
    size_t there = (size_t)(end - *cursor);
    if (framing->started || framing->header_length || there < 2 * CHUNK_HEADER)
        return false;
    size_t size = load_size(*cursor);
    if (size == 0 || size > framing->held.limit || there < size + 2 * CHUNK_HEADER ||
        load_size(*cursor + CHUNK_HEADER + size) != 0)
        return false;
    *message = *cursor + CHUNK_HEADER;
    *length = size;
    *cursor += size + 2 * CHUNK_HEADER;
    return true;
}

static bool take_header(struct bolt_framing *framing, const uint8_t **cursor, const uint8_t *end)
{
    while (framing->header_length < CHUNK_HEADER && *cursor < end)
        framing->header[framing->header_length++] = *(*cursor)++;
    return framing->header_length == CHUNK_HEADER;
}

static void forget_delivered(struct bolt_framing *framing)
{
    framing->delivered = false;
    buffer_clear(&framing->held);
    if (framing->held.capacity > KEPT_MEMORY)
        buffer_shrink(&framing->held);
}

enum bolt_framing_result bolt_framing_feed(struct bolt_framing *framing, const uint8_t **cursor,
                                           const uint8_t *end, const uint8_t **message,
                                           size_t *length)
{
    if (framing->delivered)
        forget_delivered(framing);
    while (*cursor < end) {
        if (framing->left) {
            size_t there = (size_t)(end - *cursor);
            size_t taken = there < framing->left ? there : framing->left;
            if (buffer_append(&framing->held, *cursor, taken) < 0)
                return BOLT_TOO_LARGE;
            *cursor += taken;
            framing->left -= taken;
            continue;
        }
        if (take_in_place(framing, cursor, end, message, length))
            return BOLT_MESSAGE;
        if (!take_header(framing, cursor, end))
            return BOLT_MORE;
        framing->header_length = 0;
        framing->left = load_size(framing->header);
        if (framing->left) {
            framing->started = true;
        } else if (framing->started) {
            framing->started = false;
            framing->delivered = true;
            *message = (const uint8_t *)buffer_bytes(&framing->held);
            *length = buffer_length(&framing->held);
            return BOLT_MESSAGE;
        } else {
            framing->noops++;
        }
    }
    return BOLT_MORE;
}

/* ---- responses ---------------------------------------------------------------------------------
 */

int bolt_response_read(const uint8_t *bytes, size_t length, struct bolt_response *response)
{
    struct packstream_reader reader = packstream_reader_of(bytes, length), all = reader;
    struct packstream_value header, part;
    if (packstream_skip(&all) < 0 || all.at != all.end)
        return -1;
    packstream_read(&reader, &header);
    if (header.type != PACKSTREAM_STRUCTURE)
        return -1;
    *response = (struct bolt_response){.tag = header.tag, .parts = reader};
    if (header.tag == BOLT_IGNORED)
        return 0;
    bool record = header.tag == BOLT_RECORD;
    if ((!record && header.tag != BOLT_SUCCESS && header.tag != BOLT_FAILURE) ||
        header.count != 1 || packstream_read(&response->parts, &part) < 0 ||
        part.type != (record ? PACKSTREAM_LIST : PACKSTREAM_MAP))
        return -1;
    response->count = part.count;
    return 0;
}

int64_t bolt_map_integer(struct packstream_reader pairs, size_t count, const char *key,
                         int64_t otherwise)
{
    struct packstream_value value;
    if (packstream_find(pairs, count, key, &value, NULL) != 1 || value.type != PACKSTREAM_INTEGER)
        return otherwise;
    return value.integer;
}

bool bolt_map_true(struct packstream_reader pairs, size_t count, const char *key)
{
    struct packstream_value value;
    return packstream_find(pairs, count, key, &value, NULL) == 1 &&
           value.type == PACKSTREAM_BOOLEAN && value.boolean;
}

void bolt_map_text(struct packstream_reader pairs, size_t count, const char *key, char *text,
                   size_t size)
{
    struct packstream_value value;
    size_t length = 0;
    if (packstream_find(pairs, count, key, &value, NULL) == 1 && value.type == PACKSTREAM_STRING) {
        length = value.length < size ? value.length : size - 1;
        while (length < value.length && length &&
               ((unsigned char)value.bytes[length] & 0xC0) == 0x80)
            length--; /* do not cut a character */
        memcpy(text, value.bytes, length);
    }
    text[length] = 0;
}

/* ---- failures ----------------------------------------------------------------------------------
 */

void bolt_failure_read(const struct bolt_response *response, struct bolt_failure *failure)
{
    bolt_map_text(response->parts, response->count, "code", failure->code, sizeof failure->code);
    if (!failure->code[0]) /* its name since Bolt 5.7 */
        bolt_map_text(response->parts, response->count, "neo4j_code", failure->code,
                      sizeof failure->code);
    bolt_map_text(response->parts, response->count, "message", failure->message,
                  sizeof failure->message);
}

const char *bolt_failure_reason(const char *code)
{
    static const struct {
        const char *prefix, *reason;
    } reasons[] = {
        {"Neo.ClientError.Security.Forbidden", "forbidden"},
        {"Neo.ClientError.Security.", "auth"},
        {"Neo.ClientError.Statement.SyntaxError", "syntax"},
        {"Neo.ClientError.Statement.ParameterMissing", "parameter_missing"},
        {"Neo.ClientError.Statement.TypeError", "type"},
        {"Neo.ClientError.Statement.AccessMode", "access_mode"},
        {"Neo.ClientError.Statement.EntityNotFound", "not_found"},
        {"Neo.ClientError.Statement.", "statement"},
        {"Neo.ClientError.Schema.ConstraintValidationFailed", "constraint"},
        {"Neo.ClientError.Schema.ConstraintViolation", "constraint"},
        {"Neo.ClientError.Schema.", "schema"},
        {"Neo.ClientError.Procedure.", "procedure"},
        {"Neo.ClientError.Database.", "database"},
        {"Neo.ClientError.Cluster.NotALeader", "not_a_leader"},
        {"Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "read_only"},
        {"Neo.ClientError.General.WriteOnReadOnlyAccessDatabase", "read_only"},
        {"Neo.ClientError.Transaction.TransactionTimedOut", "transaction_timeout"},
        {"Neo.ClientError.Transaction.", "transaction"},
        {"Neo.ClientError.Request.", "request"},
        {"Neo.ClientError.", "client_error"},
        {"Neo.TransientError.Transaction.DeadlockDetected", "deadlock"},
        {"Neo.TransientError.Transaction.LockClientStopped", "terminated"},
        {"Neo.TransientError.Transaction.Terminated", "terminated"},
        {"Neo.TransientError.Transaction.LockAcquisitionTimeout", "lock_timeout"},
        {"Neo.TransientError.General.OutOfMemoryError", "OOM"},
        {"Neo.TransientError.General.MemoryPoolOutOfMemoryError", "OOM"},
        {"Neo.TransientError.General.TransactionOutOfMemoryError", "OOM"},
        {"Neo.TransientError.General.DatabaseUnavailable", "unavailable"},
        {"Neo.TransientError.Request.NoThreadsAvailable", "no_threads"},
        {"Neo.TransientError.", "transient"},
        {"Neo.DatabaseError.", "database_error"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strncmp(code, reasons[i].prefix, strlen(reasons[i].prefix)) == 0)
            return reasons[i].reason;
    return "server_error";
}
