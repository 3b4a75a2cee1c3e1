#include "plan/yaml_text.h"

#include "plan/values.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(const char *text)
{
    if (!isalnum((unsigned char)*text) && *text != '/' && *text != '_')
        return false;
    for (const char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_./*%<>=+-", *p) &&
            !(*p == ':' && p[1] == '/') && !(*p == ':' && isdigit((unsigned char)p[1])))
            return false;
    return strcasecmp(text, "null") != 0;
}

/* The code point at *text, which moves behind it; a byte that is no UTF-8 stands for itself. */
static uint32_t next_code(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    unsigned more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
    uint32_t code = more ? p[0] & (0x3Fu >> more) : p[0];
    for (unsigned i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            more = 0;
            code = p[0];
            break;
        }
        code = code << 6 | (p[i] & 0x3F);
    }
    *text += more + 1;
    return code;
}

/* What YAML calls printable, but for the line breaks a reader would fold. */
static bool is_printable(uint32_t code)
{
    return (code >= 0x20 && code <= 0x7E) || (code >= 0xA1 && code < 0x2000) ||
           (code > 0x206F && code < 0xD800) || (code >= 0xE000 && code < 0xFE00) ||
           (code >= 0xFF01 && code <= 0xFFDC) || (code >= 0x10000 && code < 0xE0000);
}

static int append_quoted_code(struct buffer *output, const char *bytes, size_t count, uint32_t code)
{
    switch (code) {
    case '"':
        return buffer_append_text(output, "\\\"");
    case '\\':
        return buffer_append_text(output, "\\\\");
    case '\n':
        return buffer_append_text(output, "\\n");
    case '\t':
        return buffer_append_text(output, "\\t");
    default:
        break;
    }
    if (is_printable(code))
        return buffer_append(output, bytes, count);
    if (code < 0x100)
        return buffer_printf(output, "\\x%02X", code);
    if (code < 0x10000)
        return buffer_printf(output, "\\u%04X", code);
    return buffer_printf(output, "\\U%08X", code);
}

int yaml_append_quoted(struct buffer *output, const char *text)
{
    if (buffer_append_char(output, '"') < 0)
        return -1;
    while (*text) {
        const char *start = text;
        uint32_t code = next_code(&text);
        if (append_quoted_code(output, start, (size_t)(text - start), code) < 0)
            return -1;
    }
    return buffer_append_char(output, '"');
}

int yaml_append_text(struct buffer *output, const char *text)
{
    return is_plain(text) ? buffer_append_text(output, text) : yaml_append_quoted(output, text);
}

/* With a fraction or an exponent, so that it is read back as a real. */
static int append_real(struct buffer *output, double value)
{
    char text[64];
    for (int precision = 1; precision <= 17; precision++) {
        double back;
        snprintf(text, sizeof text, "%.*g", precision, value);
        if (sscanf(text, "%lf", &back) == 1 && back == value)
            break;
    }
    for (char *p = text; *p; p++)
        if (*p == ',')
            *p = '.';
    if (!strpbrk(text, ".e"))
        strncat(text, ".0", sizeof text - strlen(text) - 1);
    return buffer_append_text(output, text);
}

static int append_object(struct buffer *output, const json_t *object)
{
    const char *key;
    json_t *item;
    bool first = true;
    if (buffer_append_char(output, '{') < 0)
        return -1;
    json_object_foreach((json_t *)object, key, item)
    {
        if ((!first && buffer_append_text(output, ", ") < 0) ||
            yaml_append_quoted(output, key) < 0 || buffer_append_text(output, ": ") < 0 ||
            yaml_append_json(output, item) < 0)
            return -1;
        first = false;
    }
    return buffer_append_char(output, '}');
}

static int append_array(struct buffer *output, const json_t *array)
{
    size_t index;
    json_t *item;
    if (buffer_append_char(output, '[') < 0)
        return -1;
    json_array_foreach(array, index, item)
    {
        if ((index && buffer_append_text(output, ", ") < 0) || yaml_append_json(output, item) < 0)
            return -1;
    }
    return buffer_append_char(output, ']');
}

int yaml_append_json(struct buffer *output, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return append_object(output, value);
    case JSON_ARRAY:
        return append_array(output, value);
    case JSON_STRING:
        return yaml_append_quoted(output, json_string_value(value));
    case JSON_INTEGER:
        return buffer_printf(output, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return append_real(output, json_real_value(value));
    case JSON_TRUE:
        return buffer_append_text(output, "true");
    case JSON_FALSE:
        return buffer_append_text(output, "false");
    case JSON_NULL:
        return buffer_append_text(output, "null");
    }
    return -1;
}
