/* See json_write.h. */
#include "base/json_write.h"

static int write_string(struct buffer *buffer, const char *bytes, size_t length)
{
    return buffer_append_char(buffer, '"') < 0 ||
                   buffer_append_json_escaped(buffer, bytes, length) < 0 ||
                   buffer_append_char(buffer, '"') < 0
               ? -1
               : 0;
}

static int write_real(struct buffer *buffer, double value)
{
    char text[JSON_REAL_BYTES];
    return buffer_append(buffer, text, json_real_text(value, text));
}

static int write_elements(struct buffer *buffer, const json_t *array)
{
    size_t count = json_array_size(array);
    for (size_t i = 0; i < count; i++)
        if ((i > 0 && buffer_append_char(buffer, ',') < 0) ||
            json_write(buffer, json_array_get(array, i)) < 0)
            return -1;
    return 0;
}

static int write_members(struct buffer *buffer, const json_t *object)
{
    bool any = false;
    /* the iterator changes nothing, but takes no constant */
    for (void *at = json_object_iter((json_t *)object); at;
         at = json_object_iter_next((json_t *)object, at), any = true)
        if ((any && buffer_append_char(buffer, ',') < 0) ||
            write_string(buffer, json_object_iter_key(at), json_object_iter_key_len(at)) < 0 ||
            buffer_append_char(buffer, ':') < 0 ||
            json_write(buffer, json_object_iter_value(at)) < 0)
            return -1;
    return 0;
}

int json_write_inside(struct buffer *buffer, const json_t *value)
{
    return json_is_array(value) ? write_elements(buffer, value) : write_members(buffer, value);
}

static int write_within(struct buffer *buffer, const json_t *value, char open, char close)
{
    return buffer_append_char(buffer, open) < 0 || json_write_inside(buffer, value) < 0 ||
                   buffer_append_char(buffer, close) < 0
               ? -1
               : 0;
}

int json_write(struct buffer *buffer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_within(buffer, value, '{', '}');
    case JSON_ARRAY:
        return write_within(buffer, value, '[', ']');
    case JSON_STRING:
        return write_string(buffer, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return buffer_append_int(buffer, json_integer_value(value));
    case JSON_REAL:
        return write_real(buffer, json_real_value(value));
    case JSON_TRUE:
        return buffer_append(buffer, "true", 4);
    case JSON_FALSE:
        return buffer_append(buffer, "false", 5);
    default:
        return buffer_append(buffer, "null", 4);
    }
}
