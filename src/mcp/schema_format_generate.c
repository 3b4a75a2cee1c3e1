/* One value per `format`. Where a format can stretch, `length` says how long it should be; hosts
 * and addresses are those reserved for examples (RFC 2606, RFC 5737, RFC 3849), so that a target
 * that follows them disturbs nobody. */
#include "mcp/schema_internal.h"

#include <string.h>

static const char *const words[] = {"alpha", "bravo", "delta",   "echo",  "golf", "hotel",
                                    "india", "lima",  "mike",    "oscar", "papa", "quebec",
                                    "romeo", "tango", "uniform", "victor"};

static const char *word(struct random *random)
{
    return words[random_below(random, sizeof words / sizeof *words)];
}

static unsigned number(struct random *random, unsigned low, unsigned high)
{
    return (unsigned)random_between(random, low, high);
}

/* Letters until `output` is `length` long from `start`. */
static int stretch(struct random *random, struct buffer *output, size_t start, size_t length)
{
    int result = 0;
    while (result == 0 && buffer_length(output) - start < length)
        result = buffer_append_char(output, (char)('a' + random_below(random, 26)));
    return result;
}

int schema_make_date(struct random *random, size_t length, struct buffer *output)
{
    (void)length;
    return buffer_printf(output, "%04u-%02u-%02u", number(random, 2020, 2026),
                         number(random, 1, 12), number(random, 1, 28));
}

int schema_make_time(struct random *random, size_t length, struct buffer *output)
{
    int result = buffer_printf(output, "%02u:%02u:%02u", number(random, 0, 23),
                               number(random, 0, 59), number(random, 0, 59));
    if (length > 10) { /* "12:00:00." + digits + "Z", or an offset */
        result |= buffer_append_char(output, '.');
        for (size_t i = 10; i < length && i < 19; i++)
            result |= buffer_append_char(output, (char)('0' + random_below(random, 10)));
    }
    return result | buffer_append_char(output, 'Z');
}

int schema_make_date_time(struct random *random, size_t length, struct buffer *output)
{
    int result = schema_make_date(random, 0, output);
    result |= buffer_append_char(output, 'T');
    return result | schema_make_time(random, length > 11 ? length - 11 : 0, output);
}

int schema_make_duration(struct random *random, size_t length, struct buffer *output)
{
    if (length > 0 && length <= 4)
        return buffer_printf(output, "P%uD", number(random, 1, 9));
    if (random_below(random, 2) == 0)
        return buffer_printf(output, "PT%uH%uM", number(random, 1, 23), number(random, 1, 59));
    return buffer_printf(output, "P%uDT%uH%uM%uS", number(random, 1, 30), number(random, 1, 23),
                         number(random, 1, 59), number(random, 1, 59));
}

int schema_make_email(struct random *random, size_t length, struct buffer *output)
{
    static const char domain[] = "@example.com";
    size_t start = buffer_length(output);
    if (length > 0 && length < 18) { /* the shortest is a@b.co */
        size_t local = length > 6 ? length - 5 : 1;
        return stretch(random, output, start, local) | buffer_append_text(output, "@b.co");
    }
    if (length > 0)
        return stretch(random, output, start, length - (sizeof domain - 1)) |
               buffer_append_text(output, domain);
    return buffer_printf(output, "%s.%s%u%s", word(random), word(random), number(random, 1, 99),
                         domain);
}

/* Labels of at most 60 letters, `length` together. */
static int make_labels(struct random *random, size_t length, struct buffer *output)
{
    int result = 0;
    size_t start = buffer_length(output), label = 0;
    while (result == 0 && buffer_length(output) - start < length) {
        bool dot = label >= 60 && buffer_length(output) - start + 1 < length;
        result = buffer_append_char(output, dot ? '.' : (char)('a' + random_below(random, 26)));
        label = dot ? 0 : label + 1;
    }
    return result;
}

int schema_make_hostname(struct random *random, size_t length, struct buffer *output)
{
    static const char domain[] = ".example.com";
    if (length > 0 && length < sizeof domain + 8)
        return make_labels(random, length, output);
    if (length > 0)
        return make_labels(random, length - (sizeof domain - 1), output) |
               buffer_append_text(output, domain);
    return buffer_printf(output, "%s-%u%s", word(random), number(random, 1, 99), domain);
}

int schema_make_ipv4(struct random *random, size_t length, struct buffer *output)
{
    if (length > 0 && length < 12)
        return buffer_printf(output, "10.0.0.%u", number(random, 1, 9));
    return buffer_printf(output, "192.0.2.%u", number(random, 1, 254));
}

int schema_make_ipv6(struct random *random, size_t length, struct buffer *output)
{
    if (length > 0 && length < 14)
        return buffer_printf(output, "::%x", number(random, 1, 15));
    if (length > 20)
        return buffer_printf(output, "2001:0db8:0000:0000:0000:%04x:%04x:%04x",
                             number(random, 0, 65535), number(random, 0, 65535),
                             number(random, 0, 65535));
    return buffer_printf(output, "2001:db8::%x", number(random, 1, 65535));
}

int schema_make_uri(struct random *random, size_t length, struct buffer *output)
{
    size_t start = buffer_length(output);
    if (length > 0 && length < 24) { /* urn-like, as short as a:b */
        int result = buffer_append_text(output, length >= 12 ? "http://" : "a:");
        return result | stretch(random, output, start, length > 3 ? length : 3);
    }
    int result = buffer_printf(output, "https://example.com/%s", length ? "" : word(random));
    if (length == 0)
        return result | buffer_printf(output, "/%u", number(random, 1, 999));
    return result | stretch(random, output, start, length);
}

int schema_make_uri_reference(struct random *random, size_t length, struct buffer *output)
{
    size_t start = buffer_length(output);
    if (length == 0 && random_below(random, 3) == 0)
        return schema_make_uri(random, 0, output);
    if (length > 0)
        return buffer_append_char(output, '/') | stretch(random, output, start, length);
    return buffer_printf(output, "/%s/%u", word(random), number(random, 1, 999));
}

int schema_make_uri_template(struct random *random, size_t length, struct buffer *output)
{
    size_t start = buffer_length(output);
    int result =
        buffer_append_text(output, length && length < 30 ? "/{id}" : "https://example.com/");
    if (length == 0)
        return result | buffer_printf(output, "%s/{id}", word(random));
    return result | stretch(random, output, start, length);
}

int schema_make_uuid(struct random *random, size_t length, struct buffer *output)
{
    char text[37];
    (void)length;
    random_uuid(random, text);
    return buffer_append(output, text, 36);
}

int schema_make_json_pointer(struct random *random, size_t length, struct buffer *output)
{
    size_t start = buffer_length(output);
    if (length > 0)
        return buffer_append_char(output, '/') | stretch(random, output, start, length);
    return buffer_printf(output, "/%s/%u", word(random), number(random, 0, 9));
}

int schema_make_json_pointer_fragment(struct random *random, size_t length, struct buffer *output)
{
    int result = buffer_append_char(output, '#');
    return length == 1 ? result
                       : result | schema_make_json_pointer(random, length ? length - 1 : 0, output);
}

int schema_make_relative_json_pointer(struct random *random, size_t length, struct buffer *output)
{
    int result = buffer_printf(output, "%u", number(random, 0, 9));
    return length == 1 ? result
                       : result | schema_make_json_pointer(random, length ? length - 1 : 0, output);
}

int schema_make_regex(struct random *random, size_t length, struct buffer *output)
{
    size_t start = buffer_length(output);
    if (length > 0)
        return stretch(random, output, start, length);
    return buffer_printf(output, "^%s[0-9]+$", word(random));
}

static int make_sextets(struct random *random, const char *alphabet, size_t count,
                        struct buffer *output)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = buffer_append_char(output, alphabet[random_below(random, 64)]);
    return result;
}

int schema_make_byte(struct random *random, size_t length, struct buffer *output)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t count = length ? (length + 3) / 4 * 4 : 4 * (size_t)number(random, 2, 6);
    return make_sextets(random, alphabet, count, output);
}

int schema_make_base64url(struct random *random, size_t length, struct buffer *output)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return make_sextets(random, alphabet, length ? length : 4 * (size_t)number(random, 2, 6),
                        output);
}

int schema_make_phone(struct random *random, size_t length, struct buffer *output)
{
    (void)length;
    return buffer_printf(output, "+1555%07u", number(random, 100000, 9999999));
}
