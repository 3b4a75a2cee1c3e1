/* Structs to JSON and back by tables. */
#include "report/json_record.h"

#include "base/buffer.h"
#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *write_field(const struct json_field *field, const void *base, struct error *error);
static int read_field(struct json_reader *reader, const struct json_field *field,
                      const json_t *value, void *base);
static int reject_unknown(struct json_reader *reader, const struct json_record *record,
                          const json_t *object);

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_json(const struct json_field *field)
{
    return field->type == FIELD_VALUE || field->type == FIELD_OBJECT || field->type == FIELD_ARRAY;
}

static bool left_out(const struct json_field *field, const json_t *value)
{
    if (!field->optional)
        return false;
    if (json_is_null(value) || is_json(field))
        return json_is_null(value);
    return json_is_false(value) || (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

json_t *json_record_write(const struct json_record *record, const void *base, struct error *error)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < record->field_count; i++) {
        const struct json_field *field = &record->fields[i];
        if (field->type == FIELD_DERIVED)
            continue;
        json_t *value = write_field(field, base, error);
        if (value && left_out(field, value)) {
            json_decref(value);
            continue;
        }
        if (!value || json_object_set_new_nocheck(object, field->name, value) < 0) {
            if (error && error->code == ERROR_NONE)
                error_set(error, ERROR_INTERNAL, "%s: cannot be written as JSON", field->name);
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *write_records(const struct json_field *field, const void *base, struct error *error)
{
    const char *items = *(char *const *)((const char *)base + field->offset);
    size_t count = *(const size_t *)((const char *)base + field->count_offset);
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        json_t *item = json_record_write(field->record, items + i * field->record->size, error);
        if (!item || json_array_append_new(array, item) < 0) {
            if (error && error->code != ERROR_NONE)
                error_wrap(error, "%s[%zu]", field->name, i);
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *write_field(const struct json_field *field, const void *base, struct error *error)
{
    const void *member = (const char *)base + field->offset;
    switch (field->type) {
    case FIELD_U64:
        return *(const uint64_t *)member > INT64_MAX
                   ? NULL
                   : json_integer((json_int_t) * (const uint64_t *)member);
    case FIELD_U32:
        return json_integer(*(const uint32_t *)member);
    case FIELD_INTEGER:
        return json_integer(*(const int *)member);
    case FIELD_BOOL:
        return json_boolean(*(const bool *)member);
    case FIELD_NUMBER:
        return isfinite(*(const double *)member) ? json_real(*(const double *)member) : json_null();
    case FIELD_TEXT:
        if (!*(char *const *)member)
            return field->optional ? json_null() : json_string("");
        return json_text(*(char *const *)member);
    case FIELD_VALUE:
    case FIELD_OBJECT:
    case FIELD_ARRAY:
        return *(json_t *const *)member ? json_incref(*(json_t *const *)member) : json_null();
    case FIELD_RECORDS:
        return write_records(field, base, error);
    case FIELD_CODEC:
        return field->codec->write(member);
    case FIELD_DERIVED:
        break;
    }
    return NULL;
}

json_t *json_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    struct buffer copy;
    buffer_init(&copy, 3 * strlen(text) + 1);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t code;
        size_t length = utf8_decode(at, &code);
        if (buffer_append(&copy, length ? (const void *)at : "\xef\xbf\xbd", length ? length : 3) <
            0)
            break;
        at += length ? length : 1;
    }
    value = json_stringn(buffer_bytes(&copy), buffer_length(&copy));
    buffer_free(&copy);
    return value;
}

/* ---- reading -------------------------------------------------------------------------------- */

int json_record_read(struct json_reader *reader, const struct json_record *record,
                     const json_t *object, void *base)
{
    if (record->init)
        record->init(base);
    if (!json_is_object(object))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(object));
    for (size_t i = 0; i < record->field_count; i++) {
        const struct json_field *field = &record->fields[i];
        const json_t *value = json_object_get(object, field->name);
        if (field->type == FIELD_DERIVED || (!value && field->optional))
            continue;
        if (!value)
            return json_reader_fail(reader, "member \"%s\" is missing", field->name);
        size_t length = json_reader_enter(reader, reader->path_length ? ".%s" : "%s", field->name);
        if (read_field(reader, field, value, base) < 0)
            return -1;
        json_reader_leave(reader, length);
    }
    return reject_unknown(reader, record, object);
}

static int reject_unknown(struct json_reader *reader, const struct json_record *record,
                          const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < record->field_count && !known; i++)
            known = strcmp(record->fields[i].name, name) == 0;
        if (!known)
            return json_reader_fail(reader, "has an unknown member \"%.60s\"", name);
    }
    return 0;
}

static int read_records(struct json_reader *reader, const struct json_field *field,
                        const json_t *value, void *base)
{
    if (!json_is_array(value))
        return json_reader_fail(reader, "is %s, not an array", json_type_name(value));
    size_t count = json_array_size(value);
    if (count == 0)
        return 0;
    char *items = calloc(count, field->record->size);
    if (!items)
        return json_reader_fail(reader, "out of memory for %zu items", count);
    *(char **)((char *)base + field->offset) = items;
    for (size_t i = 0; i < count; i++) {
        /* Counted before it is read, so that a failure in its midst is freed with the rest. */
        *(size_t *)((char *)base + field->count_offset) = i + 1;
        size_t length = json_reader_enter(reader, "[%zu]", i);
        if (json_record_read(reader, field->record, json_array_get(value, i),
                             items + i * field->record->size) < 0)
            return -1;
        json_reader_leave(reader, length);
    }
    return 0;
}

static int read_text(struct json_reader *reader, const json_t *value, char **text)
{
    if (!json_is_string(value))
        return json_reader_fail(reader, "is %s, not a string", json_type_name(value));
    *text = strdup(json_string_value(value));
    return *text ? 0 : json_reader_fail(reader, "out of memory");
}

static int read_number(struct json_reader *reader, const json_t *value, double *number)
{
    if (json_is_null(value))
        *number = NAN;
    else if (json_is_number(value))
        *number = json_number_value(value);
    else
        return json_reader_fail(reader, "is %s, not a number", json_type_name(value));
    return 0;
}

static int read_json(struct json_reader *reader, const struct json_field *field,
                     const json_t *value, json_t **json)
{
    if (field->type == FIELD_OBJECT && !json_is_object(value) && !json_is_null(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    if (field->type == FIELD_ARRAY && !json_is_array(value) && !json_is_null(value))
        return json_reader_fail(reader, "is %s, not an array", json_type_name(value));
    *json = json_is_null(value) ? NULL : json_incref((json_t *)value);
    return 0;
}

static int read_field(struct json_reader *reader, const struct json_field *field,
                      const json_t *value, void *base)
{
    void *member = (char *)base + field->offset;
    int64_t integer = 0;
    switch (field->type) {
    case FIELD_U64:
        if (json_reader_integer(reader, value, 0, INT64_MAX, &integer) < 0)
            return -1;
        *(uint64_t *)member = (uint64_t)integer;
        return 0;
    case FIELD_U32:
        if (json_reader_integer(reader, value, 0, UINT32_MAX, &integer) < 0)
            return -1;
        *(uint32_t *)member = (uint32_t)integer;
        return 0;
    case FIELD_INTEGER:
        if (json_reader_integer(reader, value, INT32_MIN, INT32_MAX, &integer) < 0)
            return -1;
        *(int *)member = (int)integer;
        return 0;
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return json_reader_fail(reader, "is %s, not true or false", json_type_name(value));
        *(bool *)member = json_is_true(value);
        return 0;
    case FIELD_NUMBER:
        return read_number(reader, value, member);
    case FIELD_TEXT:
        return read_text(reader, value, member);
    case FIELD_VALUE:
    case FIELD_OBJECT:
    case FIELD_ARRAY:
        return read_json(reader, field, value, member);
    case FIELD_RECORDS:
        return read_records(reader, field, value, base);
    case FIELD_CODEC:
        return field->codec->read(reader, value, member);
    case FIELD_DERIVED:
        break;
    }
    return 0;
}

/* ---- for codecs ----------------------------------------------------------------------------- */

size_t json_reader_enter(struct json_reader *reader, const char *format, ...)
{
    size_t before = reader->path_length, room = sizeof reader->path - before;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(reader->path + before, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        reader->path_length = before + ((size_t)length < room ? (size_t)length : room - 1);
    return before;
}

void json_reader_leave(struct json_reader *reader, size_t length)
{
    reader->path_length = length;
    reader->path[length] = 0;
}

int json_reader_fail(struct json_reader *reader, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(reader->error, ERROR_USAGE, "%s: %s%s%s", reader->source, reader->path,
                     reader->path_length ? ": " : "", text);
}

int json_reader_integer(struct json_reader *reader, const json_t *value, int64_t low, int64_t high,
                        int64_t *integer)
{
    if (!json_is_integer(value))
        return json_reader_fail(reader, "is %s, not an integer", json_type_name(value));
    *integer = json_integer_value(value);
    if (*integer < low || *integer > high)
        return json_reader_fail(reader, "is %lld, not within %lld to %lld", (long long)*integer,
                                (long long)low, (long long)high);
    return 0;
}

const json_t *json_reader_member(struct json_reader *reader, const json_t *object, const char *name,
                                 json_type type)
{
    static const char *const wanted[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null"};
    const json_t *value = json_object_get(object, name);
    if (!value)
        json_reader_fail(reader, "member \"%s\" is missing", name);
    else if (json_typeof(value) != type)
        json_reader_fail(reader, "member \"%s\" is %s, not %s", name, json_type_name(value),
                         wanted[type]);
    else
        return value;
    return NULL;
}

int json_reader_only(struct json_reader *reader, const json_t *object, const char *const *known)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return json_reader_fail(reader, "has an unknown member \"%.60s\"", name);
    }
    return 0;
}

const char *json_type_name(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}
