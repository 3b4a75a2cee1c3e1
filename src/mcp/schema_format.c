/* `format`: which are known, and how each is checked. The checks follow the RFCs that JSON Schema
 * names, and are lenient where implementations differ (a missing seconds' colon in an offset, a
 * quoted local part): a server is not blamed for a format that others take. Unknown formats say
 * nothing. */
#include "mcp/schema_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct text { /* a cursor */
    const char *at, *end;
};

static const struct schema_format formats[] = {
    {"date-time", schema_format_date_time, schema_make_date_time, false, false, 0, 0},
    {"date", schema_format_date, schema_make_date, false, false, 0, 0},
    {"time", schema_format_time, schema_make_time, false, false, 0, 0},
    {"duration", schema_format_duration, schema_make_duration, false, false, 0, 0},
    {"email", schema_format_email, schema_make_email, false, false, 0, 0},
    {"idn-email", NULL, schema_make_email, false, false, 0, 0},
    {"hostname", schema_format_hostname, schema_make_hostname, false, false, 0, 0},
    {"idn-hostname", NULL, schema_make_hostname, false, false, 0, 0},
    {"ipv4", schema_format_ipv4, schema_make_ipv4, false, false, 0, 0},
    {"ipv6", schema_format_ipv6, schema_make_ipv6, false, false, 0, 0},
    {"uri", schema_format_uri, schema_make_uri, false, false, 0, 0},
    {"url", schema_format_uri, schema_make_uri, false, false, 0, 0},
    {"uri-reference", schema_format_uri_reference, schema_make_uri_reference, false, false, 0, 0},
    {"iri", schema_format_iri, schema_make_uri, false, false, 0, 0},
    {"iri-reference", schema_format_iri_reference, schema_make_uri_reference, false, false, 0, 0},
    {"uri-template", schema_format_uri_template, schema_make_uri_template, false, false, 0, 0},
    {"uuid", schema_format_uuid, schema_make_uuid, false, false, 0, 0},
    {"json-pointer", schema_format_json_pointer, schema_make_json_pointer, false, false, 0, 0},
    {"json-pointer-uri-fragment", schema_format_json_pointer_fragment,
     schema_make_json_pointer_fragment, false, false, 0, 0},
    {"relative-json-pointer", schema_format_relative_json_pointer,
     schema_make_relative_json_pointer, false, false, 0, 0},
    {"regex", schema_format_regex, schema_make_regex, false, false, 0, 0},
    {"byte", schema_format_byte, schema_make_byte, false, false, 0, 0},
    {"base64", NULL, schema_make_byte, false, false, 0, 0},
    {"base64url", NULL, schema_make_base64url, false, false, 0, 0},
    {"phone", NULL, schema_make_phone, false, false, 0, 0},
    {"e164", NULL, schema_make_phone, false, false, 0, 0},
    {"int32", NULL, NULL, true, true, -2147483648.0, 2147483647.0},
    {"int64", NULL, NULL, true, true, -9223372036854775808.0, 9223372036854775807.0},
    {"uint32", NULL, NULL, true, true, 0, 4294967295.0},
    {"uint64", NULL, NULL, true, true, 0, 18446744073709551615.0},
};

static bool digits(struct text *text, unsigned count, unsigned *value);
static bool take(struct text *text, char c);
static bool date_part(struct text *text);
static bool time_part(struct text *text);
static bool uri_like(const char *bytes, size_t length, bool relative, bool international);

const struct schema_format *schema_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

const struct schema_format *schema_formats(size_t *count)
{
    *count = sizeof formats / sizeof *formats;
    return formats;
}

bool schema_format_date(const char *text, size_t length)
{
    struct text cursor = {text, text + length};
    return date_part(&cursor) && cursor.at == cursor.end;
}

bool schema_format_time(const char *text, size_t length)
{
    struct text cursor = {text, text + length};
    return time_part(&cursor) && cursor.at == cursor.end;
}

bool schema_format_date_time(const char *text, size_t length)
{
    struct text cursor = {text, text + length};
    return date_part(&cursor) && (take(&cursor, 'T') || take(&cursor, 't') || take(&cursor, ' ')) &&
           time_part(&cursor) && cursor.at == cursor.end;
}

/* P1Y2M3DT4H5M6S or P7W (RFC 3339, appendix A); units in their order, each at most once. */
bool schema_format_duration(const char *text, size_t length)
{
    struct text cursor = {text, text + length};
    const char *units = "YMWD";
    bool in_time = false, any = false, weeks = false, others = false;
    if (!take(&cursor, 'P'))
        return false;
    while (cursor.at < cursor.end) {
        if (!in_time && take(&cursor, 'T')) {
            in_time = true;
            units = "HMS";
            any = false; /* something must follow */
            continue;
        }
        const char *start = cursor.at;
        while (cursor.at < cursor.end && isdigit((unsigned char)*cursor.at))
            cursor.at++;
        if (cursor.at == start || cursor.at == cursor.end)
            return false;
        const char *unit = *cursor.at ? strchr(units, *cursor.at) : NULL;
        if (!unit)
            return false;
        weeks |= *unit == 'W';
        others |= in_time || *unit != 'W';
        units = unit + 1;
        cursor.at++;
        any = true;
    }
    return any && !(weeks && others);
}

/* RFC 5321 mailbox: a dot-string or a quoted one before the @, a host name or a literal behind. */
bool schema_format_email(const char *text, size_t length)
{
    const char *at = memrchr(text, '@', length);
    if (!at || at == text)
        return false;
    size_t local = (size_t)(at - text), domain = length - local - 1;
    if (text[0] == '"') {
        if (local < 3 || text[local - 1] != '"')
            return false;
    } else {
        for (size_t i = 0; i < local; i++) {
            if (text[i] == '.') {
                if (i == 0 || i + 1 == local || text[i + 1] == '.')
                    return false;
            } else if (!isalnum((unsigned char)text[i]) &&
                       !(text[i] && strchr("!#$%&'*+/=?^_`{|}~-", text[i]))) {
                return false;
            }
        }
    }
    if (domain > 2 && at[1] == '[' && text[length - 1] == ']')
        return true;
    return at[domain] != '.' && schema_format_hostname(at + 1, domain);
}

/* RFC 1123: labels of letters, digits and hyphens, 63 each, 253 together; a final dot may stand. */
bool schema_format_hostname(const char *text, size_t length)
{
    if (length > 0 && text[length - 1] == '.')
        length--;
    if (length == 0 || length > 253)
        return false;
    size_t label = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i == length || text[i] == '.') {
            if (label == 0 || label > 63 || text[i - 1] == '-')
                return false;
            label = 0;
        } else if (isalnum((unsigned char)text[i]) || (text[i] == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
    return true;
}

static bool address(int family, const char *text, size_t length)
{
    char copy[64];
    unsigned char bytes[16];
    if (length == 0 || length >= sizeof copy || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

bool schema_format_ipv4(const char *text, size_t length)
{
    return address(AF_INET, text, length);
}

bool schema_format_ipv6(const char *text, size_t length)
{
    return address(AF_INET6, text, length);
}

bool schema_format_uri(const char *text, size_t length)
{
    return uri_like(text, length, false, false);
}

bool schema_format_uri_reference(const char *text, size_t length)
{
    return uri_like(text, length, true, false);
}

bool schema_format_iri(const char *text, size_t length)
{
    return uri_like(text, length, false, true);
}

bool schema_format_iri_reference(const char *text, size_t length)
{
    return uri_like(text, length, true, true);
}

/* RFC 6570: expressions in braces, not nested, not empty; no blanks or quotes outside. */
bool schema_format_uri_template(const char *text, size_t length)
{
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '{') {
            if (inside || i + 1 == length || text[i + 1] == '}')
                return false;
            inside = true;
        } else if (c == '}') {
            if (!inside)
                return false;
            inside = false;
        } else if (inside) {
            if (!isalnum(c) && !strchr("+#./;?&=,!@|_%:*", c))
                return false;
        } else if (c <= ' ' || c == 0x7f || strchr("\"'<>\\^`|", c)) {
            return false;
        }
    }
    return !inside;
}

bool schema_format_uuid(const char *text, size_t length)
{
    if (length == 45 && strncasecmp(text, "urn:uuid:", 9) == 0) {
        text += 9;
        length -= 9;
    }
    if (length != 36)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

bool schema_format_json_pointer(const char *text, size_t length)
{
    if (length > 0 && text[0] != '/')
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '~' && (i + 1 == length || (text[i + 1] != '0' && text[i + 1] != '1')))
            return false;
    return true;
}

bool schema_format_json_pointer_fragment(const char *text, size_t length)
{
    if (length == 0 || text[0] != '#')
        return false;
    for (size_t i = 1; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%' && (i + 2 >= length || !isxdigit((unsigned char)text[i + 1]) ||
                         !isxdigit((unsigned char)text[i + 2])))
            return false;
        if (c != '%' && !isalnum(c) && !strchr("-._~!$&'()*+,;=:@/", c))
            return false;
    }
    return schema_format_json_pointer(text + 1, length - 1);
}

bool schema_format_relative_json_pointer(const char *text, size_t length)
{
    size_t number = 0;
    while (number < length && isdigit((unsigned char)text[number]))
        number++;
    if (number == 0 || (number > 1 && text[0] == '0'))
        return false;
    if (number + 1 == length && text[number] == '#')
        return true;
    return schema_format_json_pointer(text + number, length - number);
}

bool schema_format_regex(const char *text, size_t length)
{
    char problem[128];
    char *copy = memchr(text, '\0', length) ? NULL : strndup(text, length);
    struct schema_pattern *pattern =
        copy ? schema_pattern_compile(copy, problem, sizeof problem) : NULL;
    schema_pattern_free(pattern);
    free(copy);
    return pattern != NULL;
}

bool schema_format_byte(const char *text, size_t length)
{
    if (length % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i + padding < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    return true;
}

static bool digits(struct text *text, unsigned count, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (text->at == text->end || !isdigit((unsigned char)*text->at))
            return false;
        *value = *value * 10 + (unsigned)(*text->at++ - '0');
    }
    return true;
}

static bool take(struct text *text, char c)
{
    if (text->at == text->end || *text->at != c)
        return false;
    text->at++;
    return true;
}

static bool date_part(struct text *text)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!digits(text, 4, &year) || !take(text, '-') || !digits(text, 2, &month) ||
        !take(text, '-') || !digits(text, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (unsigned)(month == 2 && leap);
}

/* 23:20:50.52Z, 16:39:57-08:00. A second of 60 only where UTC has one, at 23:59. */
static bool time_part(struct text *text)
{
    unsigned hour, minute, second, offset_hour = 0, offset_minute = 0;
    if (!digits(text, 2, &hour) || !take(text, ':') || !digits(text, 2, &minute) ||
        !take(text, ':') || !digits(text, 2, &second) || hour > 23 || minute > 59 || second > 60)
        return false;
    if (take(text, '.')) {
        const char *start = text->at;
        while (text->at < text->end && isdigit((unsigned char)*text->at))
            text->at++;
        if (text->at == start)
            return false;
    }
    bool east = false, utc = take(text, 'Z') || take(text, 'z');
    if (!utc) {
        east = take(text, '+');
        if ((!east && !take(text, '-')) || !digits(text, 2, &offset_hour))
            return false;
        take(text, ':');
        if (text->at < text->end && !digits(text, 2, &offset_minute))
            return false;
        if (offset_hour > 23 || offset_minute > 59)
            return false;
    }
    if (second < 60)
        return true;
    int offset = (int)(offset_hour * 60 + offset_minute);
    int utc_minute = (int)(hour * 60 + minute) + (east ? -offset : offset);
    return (utc_minute + 1440) % 1440 == 1439;
}

static bool uri_character(unsigned char c, bool international)
{
    return isalnum(c) || (c && strchr("-._~!$&'()*+,;=:@/?%", c)) || (international && c >= 0x80);
}

/* What stands behind "//": [user@]host[:port], the host a name or an address in brackets. */
static bool authority(const char *bytes, size_t length)
{
    const char *user = memchr(bytes, '@', length);
    if (user) {
        length -= (size_t)(user + 1 - bytes);
        bytes = user + 1;
    }
    size_t host = 0;
    if (length > 0 && bytes[0] == '[') {
        const char *close = memchr(bytes, ']', length);
        if (!close)
            return false;
        host = (size_t)(close - bytes) + 1;
        if (bytes[1] != 'v' && !schema_format_ipv6(bytes + 1, host - 2))
            return false;
    }
    while (host < length && bytes[host] != ':') {
        if (strchr("[]@", bytes[host]))
            return false;
        host++;
    }
    for (size_t i = host + 1; i < length; i++)
        if (!isdigit((unsigned char)bytes[i]))
            return false;
    return true;
}

/* RFC 3986 (RFC 3987 when international). */
static bool uri_like(const char *bytes, size_t length, bool relative, bool international)
{
    size_t scheme = 0, path;
    bool fragment = false;
    while (scheme < length && (isalnum((unsigned char)bytes[scheme]) ||
                               (bytes[scheme] && strchr("+-.", bytes[scheme]))))
        scheme++;
    bool has_scheme =
        scheme > 0 && scheme < length && bytes[scheme] == ':' && isalpha((unsigned char)bytes[0]);
    if (!has_scheme && !relative)
        return false;
    path = has_scheme ? scheme + 1 : 0;
    if (!has_scheme && scheme < length && bytes[scheme] == ':')
        return false; /* "1a:b" is neither a scheme nor a first segment */
    if (length - path >= 2 && bytes[path] == '/' && bytes[path + 1] == '/') {
        size_t start = path + 2;
        for (path = start; path < length && bytes[path] && !strchr("/?#", bytes[path]);)
            path++;
        if (!authority(bytes + start, path - start))
            return false;
        for (size_t i = start; i < path; i++)
            if (!uri_character((unsigned char)bytes[i], international) &&
                (bytes[i] == '\0' || !strchr("[]", bytes[i])))
                return false;
    }
    for (size_t i = path; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '#' && !fragment)
            fragment = true;
        else if (!uri_character(c, international))
            return false;
        if (c == '%' && (i + 2 >= length || !isxdigit((unsigned char)bytes[i + 1]) ||
                         !isxdigit((unsigned char)bytes[i + 2])))
            return false;
    }
    return true;
}
