/* Bolt values as JSON text and back. What JSON has no word for is written so that a person and a
 * JSON Pointer can find it:
 *
 *   node          {"id":1,"labels":["A"],"properties":{...},"elementId":"4:..."}
 *   relationship {"id":..,"startId":..,"endId":..,"type":"T","properties":{...},"elementId":..,...}
 *   path          {"nodes":[...],"relationships":[...],"indices":[...]}
 *   date, times   ISO 8601 text: "2024-02-29", "12:30:00+01:00",
 * "2024-02-29T12:30:00[Europe/Berlin]" duration      ISO 8601 text: "P1M2DT3.5S" point
 * {"srid":7203,"x":1.0,"y":2.0} bytes         Base64 text;  NaN and infinities: "NaN", "Infinity",
 * "-Infinity" other         {"structure":84,"fields":[...]} */
#ifndef CICADA_NET_BOLT_JSON_H
#define CICADA_NET_BOLT_JSON_H

#include "net/packstream.h"

enum bolt_json_result {
    BOLT_JSON_OK,
    BOLT_JSON_MALFORMED, /* no PackStream, a key that is no string, or nested deeper than allowed */
    BOLT_JSON_FULL       /* the buffer's limit or memory is reached */
};

enum { BOLT_JSON_DEPTH = 128 };

/* Append the next value of `reader` as JSON text. Text that is not UTF-8 has U+FFFD where it is
 * not. On a failure what was appended so far stays. */
enum bolt_json_result bolt_value_to_json(struct packstream_reader *reader, struct buffer *output);

/* Append `text`, one JSON value (RFC 8259), as PackStream: a number without fraction and exponent
 * that fits 64 bits is an integer, any other a float. Nothing is allocated but the buffer. On a
 * failure the buffer is as before; *position (may be NULL) is where in the text it went wrong. */
enum bolt_json_result bolt_value_from_json(const char *text, size_t length, struct buffer *output,
                                           size_t *position);

#endif
