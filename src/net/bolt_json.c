/* Bolt values to JSON; see bolt_json.h. Structures that are mere records of named fields are in one
 * table; times have a function each in bolt_time.c. */
#include "net/bolt_json.h"

#include "net/bolt_time.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum bolt_json_result write_value(struct packstream_reader *reader, struct buffer *output,
                                         unsigned depth);

enum bolt_json_result bolt_value_to_json(struct packstream_reader *reader, struct buffer *output)
{
    return write_value(reader, output, BOLT_JSON_DEPTH);
}

static inline enum bolt_json_result wrote(int appended)
{
    return appended < 0 ? BOLT_JSON_FULL : BOLT_JSON_OK;
}

/* Bytes of the UTF-8 sequence that begins at `at` (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte, of the second */
        unsigned char length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (*at < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (*at < forms[i].first || *at > forms[i].last)
            continue;
        if (left < forms[i].length || at[1] < forms[i].low || at[1] > forms[i].high)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((at[k] & 0xC0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

static enum bolt_json_result write_string(const char *bytes, size_t length, struct buffer *output)
{
    size_t valid = 0; /* start of the run not yet written */
    if (buffer_append_char(output, '"') < 0)
        return BOLT_JSON_FULL;
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length((const unsigned char *)bytes + i, length - i);
        if (step) {
            i += step;
            continue;
        }
        if (buffer_append_json_escaped(output, bytes + valid, i - valid) < 0 ||
            buffer_append_text(output, "\xEF\xBF\xBD") < 0)
            return BOLT_JSON_FULL;
        valid = ++i;
    }
    if (buffer_append_json_escaped(output, bytes + valid, length - valid) < 0)
        return BOLT_JSON_FULL;
    return wrote(buffer_append_char(output, '"'));
}

static enum bolt_json_result write_base64(const char *bytes, size_t length, struct buffer *output)
{
    if (buffer_append_char(output, '"') < 0 || buffer_append_base64(output, bytes, length) < 0)
        return BOLT_JSON_FULL;
    return wrote(buffer_append_char(output, '"'));
}

/* As short as reads back to the same number, and always with a point or an exponent. */
static enum bolt_json_result write_float(double number, struct buffer *output)
{
    char text[40];
    if (isnan(number))
        return wrote(buffer_append_text(output, "\"NaN\""));
    if (isinf(number))
        return wrote(buffer_append_text(output, number < 0 ? "\"-Infinity\"" : "\"Infinity\""));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return wrote(buffer_append_text(output, text));
}

static enum bolt_json_result write_list(struct packstream_reader *reader, size_t count,
                                        struct buffer *output, unsigned depth)
{
    enum bolt_json_result result = wrote(buffer_append_char(output, '['));
    for (size_t i = 0; result == BOLT_JSON_OK && i < count; i++) {
        if (i && buffer_append_char(output, ',') < 0)
            return BOLT_JSON_FULL;
        result = write_value(reader, output, depth);
    }
    return result == BOLT_JSON_OK ? wrote(buffer_append_char(output, ']')) : result;
}

static enum bolt_json_result write_map(struct packstream_reader *reader, size_t count,
                                       struct buffer *output, unsigned depth)
{
    enum bolt_json_result result = wrote(buffer_append_char(output, '{'));
    for (size_t i = 0; result == BOLT_JSON_OK && i < count; i++) {
        struct packstream_value key;
        if (packstream_read(reader, &key) < 0 || key.type != PACKSTREAM_STRING)
            return BOLT_JSON_MALFORMED;
        if (i && buffer_append_char(output, ',') < 0)
            return BOLT_JSON_FULL;
        result = write_string(key.bytes, key.length, output);
        if (result == BOLT_JSON_OK && buffer_append_char(output, ':') < 0)
            return BOLT_JSON_FULL;
        if (result == BOLT_JSON_OK)
            result = write_value(reader, output, depth);
    }
    return result == BOLT_JSON_OK ? wrote(buffer_append_char(output, '}')) : result;
}

/* Fields in the order of the wire; Bolt 5.0 added the element ids at the end. */
struct record_form {
    uint8_t tag;
    const char *fields[9];
};
static const struct record_form record_forms[] = {
    {'N', {"id", "labels", "properties", "elementId"}},
    {'R',
     {"id", "startId", "endId", "type", "properties", "elementId", "startElementId",
      "endElementId"}},
    {'r', {"id", "type", "properties", "elementId"}},
    {'P', {"nodes", "relationships", "indices"}},
    {'X', {"srid", "x", "y"}},
    {'Y', {"srid", "x", "y", "z"}},
};

static const struct record_form *record_form_of(const struct packstream_value *value)
{
    for (size_t i = 0; i < sizeof record_forms / sizeof record_forms[0]; i++) {
        const struct record_form *form = &record_forms[i];
        size_t known = 0;
        while (known < sizeof form->fields / sizeof *form->fields && form->fields[known])
            known++;
        if (form->tag == value->tag)
            return value->count <= known ? form : NULL;
    }
    return NULL;
}

static enum bolt_json_result write_record(struct packstream_reader *reader,
                                          const struct record_form *form, size_t count,
                                          struct buffer *output, unsigned depth)
{
    enum bolt_json_result result = wrote(buffer_append_char(output, '{'));
    for (size_t i = 0; result == BOLT_JSON_OK && i < count; i++) {
        if (buffer_printf(output, "%s\"%s\":", i ? "," : "", form->fields[i]) < 0)
            return BOLT_JSON_FULL;
        result = write_value(reader, output, depth);
    }
    return result == BOLT_JSON_OK ? wrote(buffer_append_char(output, '}')) : result;
}

static enum bolt_json_result write_structure(struct packstream_reader *reader,
                                             const struct packstream_value *value,
                                             struct buffer *output, unsigned depth)
{
    char text[BOLT_TIME_TEXT];
    const struct record_form *form = record_form_of(value);
    if (form)
        return write_record(reader, form, value->count, output, depth);
    if (bolt_time_text(reader, value, text))
        return write_string(text, strlen(text), output);
    if (depth == 0) /* an object and a list within: two levels of JSON */
        return BOLT_JSON_MALFORMED;
    if (buffer_printf(output, "{\"structure\":%u,\"fields\":", value->tag) < 0)
        return BOLT_JSON_FULL;
    enum bolt_json_result result = write_list(reader, value->count, output, depth - 1);
    return result == BOLT_JSON_OK ? wrote(buffer_append_char(output, '}')) : result;
}

static enum bolt_json_result write_value(struct packstream_reader *reader, struct buffer *output,
                                         unsigned depth)
{
    struct packstream_value value;
    if (depth == 0 || packstream_read(reader, &value) < 0)
        return BOLT_JSON_MALFORMED;
    switch (value.type) {
    case PACKSTREAM_NULL:
        return wrote(buffer_append_text(output, "null"));
    case PACKSTREAM_BOOLEAN:
        return wrote(buffer_append_text(output, value.boolean ? "true" : "false"));
    case PACKSTREAM_INTEGER:
        return wrote(buffer_printf(output, "%lld", (long long)value.integer));
    case PACKSTREAM_FLOAT:
        return write_float(value.number, output);
    case PACKSTREAM_BYTES:
        return write_base64(value.bytes, value.length, output);
    case PACKSTREAM_STRING:
        return write_string(value.bytes, value.length, output);
    case PACKSTREAM_LIST:
        return write_list(reader, value.count, output, depth - 1);
    case PACKSTREAM_MAP:
        return write_map(reader, value.count, output, depth - 1);
    case PACKSTREAM_STRUCTURE:
        return write_structure(reader, &value, output, depth - 1);
    }
    return BOLT_JSON_MALFORMED;
}
