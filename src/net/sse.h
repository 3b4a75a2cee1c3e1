/* Server-Sent Events decoder (WHATWG HTML, "Server-sent events"): fed bytes in any cut, gives
 * events. CR, LF and CRLF, comments, multi-line data, BOM, id, event, retry. */
#ifndef CICADA_NET_SSE_H
#define CICADA_NET_SSE_H

#include "base/buffer.h"

#include <stdbool.h>

struct sse_event {
    const char *type; /* "message" when not named */
    const char *data; /* the data lines joined by \n; not NUL-terminated */
    size_t length;
    const char *id; /* last event id in force, "" if none ever came */
    bool has_data;  /* false for an event with only id or retry: a priming event has empty data */
    long retry_ms;  /* a retry that came with this event, -1 if none */
};

struct sse_decoder { /* embed; private */
    struct buffer line;
    struct buffer data;
    char type[64];
    char id[512];
    long retry_ms;
    bool has_data, has_id, skip_line_feed, started, in_comment;
    bool dispatched; /* the event was reported and is to be forgotten */
    int bom_seen;
};

/* data_limit: bytes one event may carry. */
void sse_decoder_init(struct sse_decoder *decoder, size_t data_limit);
void sse_decoder_free(struct sse_decoder *decoder);
/* `event` may be called several times; it returns false to stop early. -1 when a limit is passed.
 */
int sse_decoder_feed(struct sse_decoder *decoder, const char *bytes, size_t length,
                     bool (*event)(void *context, const struct sse_event *event), void *context);

#endif
