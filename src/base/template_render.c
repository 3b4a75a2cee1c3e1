/* Rendering templates: walks the segments and appends; allocates nothing of its own. */
#include "base/template_internal.h"

#include "base/clock.h"

#include <string.h>

static int render_segment(const struct text_template *text_template, const struct segment *segment,
                          const struct template_context *context, struct buffer *output,
                          const char **detail);

int template_render(const struct text_template *text_template,
                    const struct template_context *context, struct buffer *output,
                    const char **detail)
{
    const char *missing = NULL;
    size_t before = buffer_length(output);
    for (size_t i = 0; i < text_template->segment_count; i++) {
        if (render_segment(text_template, &text_template->segments[i], context, output, &missing) <
            0) {
            if (output->data)
                output->end = output->start + before; /* no half rendering stays behind */
            if (detail)
                *detail = missing;
            return -1;
        }
    }
    return 0;
}

/* A field that reads as a JSON number, true, false or null; anything else is text. */
static bool is_json_atom(const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "null") == 0)
        return true;
    const char *p = text + (*text == '-');
    size_t digits = strspn(p, "0123456789");
    if (digits == 0 || (digits > 1 && *p == '0'))
        return false;
    p += digits;
    if (*p == '.') {
        digits = strspn(++p, "0123456789");
        if (digits == 0)
            return false;
        p += digits;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        digits = strspn(p, "0123456789");
        if (digits == 0)
            return false;
        p += digits;
    }
    return *p == '\0';
}

static int append_field(const struct text_template *text_template, const struct segment *segment,
                        const char *field, struct buffer *output)
{
    if (!text_template->is_json)
        return buffer_append_text(output, field);
    if (!segment->as_json)
        return buffer_append_json_escaped(output, field, strlen(field));
    if (is_json_atom(field))
        return buffer_append_text(output, field);
    if (buffer_append_char(output, '"') < 0 ||
        buffer_append_json_escaped(output, field, strlen(field)) < 0)
        return -1;
    return buffer_append_char(output, '"');
}

static int append_utf8(struct buffer *output, uint32_t code)
{
    char bytes[4];
    size_t count;
    if (code < 0x80) {
        bytes[0] = (char)code;
        count = 1;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xC0 | (code >> 6));
        bytes[1] = (char)(0x80 | (code & 0x3F));
        count = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xE0 | (code >> 12));
        bytes[1] = (char)(0x80 | ((code >> 6) & 0x3F));
        bytes[2] = (char)(0x80 | (code & 0x3F));
        count = 3;
    } else {
        bytes[0] = (char)(0xF0 | (code >> 18));
        bytes[1] = (char)(0x80 | ((code >> 12) & 0x3F));
        bytes[2] = (char)(0x80 | ((code >> 6) & 0x3F));
        bytes[3] = (char)(0x80 | (code & 0x3F));
        count = 4;
    }
    return buffer_append(output, bytes, count);
}

/* Four hex digits, or UINT32_MAX. */
static uint32_t hex4(const char *text, const char *end)
{
    uint32_t value = 0;
    if (end - text < 4)
        return UINT32_MAX;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = strchr(digits, text[i] | 0x20);
        if (!at || !text[i])
            return UINT32_MAX;
        value = value << 4 | (uint32_t)(at - digits);
    }
    return value;
}

/* The escape at `text` (after the backslash); returns how many bytes it took, 0 on a full buffer.
 */
static size_t append_escape(struct buffer *output, const char *text, const char *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *simple = *text ? strchr(from, *text) : NULL;
    if (simple)
        return buffer_append_char(output, to[simple - from]) < 0 ? 0 : 1;
    uint32_t code = hex4(text + 1, end);
    size_t used = 5;
    if (*text != 'u' || code == UINT32_MAX)
        return append_utf8(output, 0xFFFD) < 0 ? 0 : 1;
    if (code >= 0xD800 && code < 0xDC00 && end - text >= 11 && text[5] == '\\' && text[6] == 'u') {
        uint32_t low = hex4(text + 7, end);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            used = 11;
        }
    }
    if (code >= 0xD800 && code < 0xE000)
        code = 0xFFFD; /* half a surrogate pair */
    return append_utf8(output, code) < 0 ? 0 : used;
}

static int append_unescaped(struct buffer *output, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end) {
        if (*text != '\\' || text + 1 == end) {
            if (buffer_append_char(output, *text++) < 0)
                return -1;
            continue;
        }
        size_t used = append_escape(output, text + 1, end);
        if (used == 0)
            return -1;
        text += 1 + used;
    }
    return 0;
}

static int append_captured(const struct text_template *text_template, const struct segment *segment,
                           const char *json, struct buffer *output)
{
    size_t length = strlen(json);
    bool is_string = length >= 2 && json[0] == '"';
    if (segment->as_json)
        return buffer_append(output, json, length);
    if (text_template->is_json) /* the inside of a JSON string fits as it is */
        return is_string ? buffer_append(output, json + 1, length - 2)
                         : buffer_append_json_escaped(output, json, length);
    return is_string ? append_unescaped(output, json + 1, length - 2)
                     : buffer_append(output, json, length);
}

static int render_data(const struct text_template *text_template, const struct segment *segment,
                       const struct template_context *context, struct buffer *output,
                       const char **detail)
{
    const struct template_data *data = context->data;
    for (size_t i = 0; data && data->row_count && i < data->column_count; i++)
        if (strcmp(data->columns[i], segment->text) == 0)
            return append_field(text_template, segment,
                                data->rows[context->data_row % data->row_count][i], output);
    *detail = segment->text;
    return -1;
}

static int render_capture(const struct text_template *text_template, const struct segment *segment,
                          const struct template_context *context, struct buffer *output,
                          const char **detail)
{
    for (size_t i = 0; i < context->capture_count; i++)
        if (strcmp(context->captures[i].name, segment->text) == 0 && context->captures[i].json)
            return append_captured(text_template, segment, context->captures[i].json, output);
    *detail = segment->text;
    return -1;
}

static int render_uuid(const struct segment *segment, const struct template_context *context,
                       struct buffer *output)
{
    char uuid[37];
    random_uuid(context->random, uuid);
    if (!segment->as_json)
        return buffer_append(output, uuid, 36);
    return buffer_printf(output, "\"%s\"", uuid);
}

static int render_segment(const struct text_template *text_template, const struct segment *segment,
                          const struct template_context *context, struct buffer *output,
                          const char **detail)
{
    switch (segment->kind) {
    case SEGMENT_LITERAL:
        return buffer_append(output, segment->text, segment->length);
    case SEGMENT_USER:
        return buffer_append_uint(output, context->user);
    case SEGMENT_ITERATION:
        return buffer_append_uint(output, context->iteration);
    case SEGMENT_UUID:
        return render_uuid(segment, context, output);
    case SEGMENT_NOW:
        return buffer_append_uint(output, clock_wall_ns() / NS_PER_MS);
    case SEGMENT_RANDOM:
        return buffer_append_int(output,
                                 random_between(context->random, segment->low, segment->high));
    case SEGMENT_DATA:
        return render_data(text_template, segment, context, output, detail);
    case SEGMENT_CAPTURE:
        return render_capture(text_template, segment, context, output, detail);
    }
    return -1;
}
