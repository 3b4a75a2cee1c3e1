/* See setting.h. */
#include "drivers/setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 64, VALUE_SIZE = 4096, KNOWN_SIZE = 400 };

static int read_query(void *into, const struct setting *table, const char *driver,
                      const struct target_options *options, struct error *error);
static int read_json(void *into, const struct setting *table, const char *driver,
                     const struct target_options *options, struct error *error);
static int set(void *into, const struct setting *table, const char *driver, const char *where,
               const char *name, const char *text, struct error *error);
static int decode(const char *text, size_t length, char *decoded);

static const char *where_of(const struct target_options *options)
{
    return options->where ? options->where : "target";
}

int settings_read(void *into, const struct setting *table, const char *driver,
                  const struct target_options *options, struct error *error)
{
    if (read_query(into, table, driver, options, error) < 0)
        return -1;
    return read_json(into, table, driver, options, error);
}

static char **text_at(void *into, const struct setting *setting)
{
    return (char **)(void *)((char *)into + setting->offset);
}

void settings_free(void *into, const struct setting *table)
{
    for (; table->name; table++) {
        if (table->type != SETTING_TEXT && table->type != SETTING_CHOICE)
            continue;
        free(*text_at(into, table));
        *text_at(into, table) = NULL;
    }
}

bool setting_url_has_scheme(const struct target_options *options, const char *scheme)
{
    size_t length = strlen(scheme);
    return options->url && strncmp(options->url, scheme, length) == 0 &&
           options->url[length] == ':';
}

char *setting_url_path(const struct target_options *options, const char *scheme,
                       struct error *error)
{
    const char *path = options->url + strlen(scheme) + 1;
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    size_t length = strcspn(path, "?");
    char *decoded = malloc(length + 1);
    if (!decoded) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (length && decode(path, length, decoded) == 0)
        return decoded;
    free(decoded);
    error_set(error, ERROR_USAGE, "%s: \"%.200s\" names no file; write %s:PATH, as in %s:/tmp/%s",
              where_of(options), options->url, scheme, scheme, "file");
    return NULL;
}

/* ---- the two spellings -------------------------------------------------------------------------
 */

static int digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte = (char)(byte | 0x20);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Percent-decode into `decoded`, which takes length + 1 bytes. */
static int decode(const char *text, size_t length, char *decoded)
{
    for (const char *end = text + length; text < end; text++) {
        char byte = *text;
        if (byte == '%') {
            if (end - text < 3 || digit(text[1]) < 0 || digit(text[2]) < 0)
                return -1;
            byte = (char)(digit(text[1]) * 16 + digit(text[2]));
            text += 2;
        }
        if (!byte)
            return -1;
        *decoded++ = byte;
    }
    *decoded = 0;
    return 0;
}

static int read_query(void *into, const struct setting *table, const char *driver,
                      const struct target_options *options, struct error *error)
{
    const char *query = options->url ? strchr(options->url, '?') : NULL;
    while (query && query[1]) {
        char name[NAME_SIZE], value[VALUE_SIZE];
        query++;
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals ? (size_t)(equals - query) : length;
        size_t value_length = equals ? length - name_length - 1 : 0;
        if (!equals || name_length >= sizeof name || value_length >= sizeof value ||
            decode(query, name_length, name) < 0 || decode(equals + 1, value_length, value) < 0)
            return error_set(error, ERROR_USAGE,
                             "%s: \"%.*s\" in the URL is not NAME=VALUE; as in ?threads=1",
                             where_of(options), (int)(length > 64 ? 64 : length), query);
        if (set(into, table, driver, where_of(options), name, value, error) < 0)
            return -1;
        query = query[length] ? query + length : NULL;
    }
    return 0;
}

static int read_json(void *into, const struct setting *table, const char *driver,
                     const struct target_options *options, struct error *error)
{
    const char *name;
    json_t *value;
    char number[64];
    json_object_foreach(options->driver_options, name, value)
    {
        const char *text = json_string_value(value);
        if (json_is_boolean(value)) {
            text = json_is_true(value) ? "1" : "0";
        } else if (json_is_integer(value)) {
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
            text = number;
        } else if (json_is_real(value)) {
            snprintf(number, sizeof number, "%.17g", json_real_value(value));
            text = number;
        }
        if (!text)
            return error_set(error, ERROR_USAGE, "%s: options.%s: a number or text is needed",
                             where_of(options), name);
        if (set(into, table, driver, where_of(options), name, text, error) < 0)
            return -1;
    }
    return 0;
}

/* ---- values ------------------------------------------------------------------------------------
 */

struct unit {
    const char *name;
    double factor;
};

static int parse_number(const char *text, const struct unit *units, bool zero_needs_none,
                        double *number)
{
    char *end;
    *number = strtod(text, &end);
    if (end == text || !(*number >= 0 && *number < 1e18) || *text == '+' || *text == ' ')
        return -1;
    if (zero_needs_none && !*end && *number <= 0)
        return 0;
    for (; units->name; units++) {
        if (strcmp(end, units->name) != 0)
            continue;
        *number *= units->factor;
        return *number < 1.8e19 ? 0 : -1;
    }
    return -1;
}

static int parse(const struct setting *setting, const char *text, uint64_t *value)
{
    static const struct unit plain[] = {{"", 1}, {NULL, 0}};
    static const struct unit sizes[] = {
        {"", 1}, {"k", 1024}, {"K", 1024}, {"M", 1024.0 * 1024}, {"G", 1073741824.0}, {NULL, 0}};
    static const struct unit times[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6}, {"s", 1e9},
                                        {"m", 60e9}, {"h", 3.6e12}, {NULL, 0}};
    const struct unit *units = setting->type == SETTING_DURATION ? times
                               : setting->type == SETTING_SIZE   ? sizes
                                                                 : plain;
    double number;
    if (parse_number(text, units, setting->type == SETTING_DURATION, &number) < 0)
        return -1;
    *value = (uint64_t)number;
    return setting->type == SETTING_COUNT && number > (double)*value ? -1 : 0;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; length && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == length && strncmp(at, text, length) == 0)
            return true;
    return false;
}

static int set_text(char **place, const char *text, struct error *error)
{
    char *copy = strdup(text);
    if (!copy)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    free(*place);
    *place = copy;
    return 0;
}

static int set_number(void *into, const struct setting *setting, const char *where,
                      const char *text, struct error *error)
{
    static const char *const wanted[] = {
        [SETTING_COUNT] = "whole number",
        [SETTING_SIZE] = "size such as 4096, 64k or 8M",
        [SETTING_DURATION] = "duration such as 50ms",
    };
    uint64_t value;
    if (parse(setting, text, &value) < 0)
        return error_set(error, ERROR_USAGE, "%s: %s: \"%.80s\" is no %s", where, setting->name,
                         text, wanted[setting->type]);
    if (value < setting->least || (setting->most && value > setting->most))
        return error_set(error, ERROR_USAGE, "%s: %s: %llu is out of bounds; it takes %llu to %llu",
                         where, setting->name, (unsigned long long)value,
                         (unsigned long long)setting->least, (unsigned long long)setting->most);
    *(uint64_t *)(void *)((char *)into + setting->offset) = value;
    return 0;
}

static int unknown(const struct setting *table, const char *driver, const char *where,
                   const char *name, struct error *error)
{
    char known[KNOWN_SIZE] = "";
    size_t length = 0;
    for (; table->name && length < sizeof known; table++)
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                   length ? ", " : "", table->name);
    return error_set(error, ERROR_USAGE, "%s: %s has no setting \"%.64s\"; it has %s", where,
                     driver, name, known);
}

static int set(void *into, const struct setting *table, const char *driver, const char *where,
               const char *name, const char *text, struct error *error)
{
    const struct setting *setting = table;
    while (setting->name && strcmp(setting->name, name) != 0)
        setting++;
    if (!setting->name)
        return unknown(table, driver, where, name, error);
    if (setting->type == SETTING_TEXT)
        return set_text(text_at(into, setting), text, error);
    if (setting->type != SETTING_CHOICE)
        return set_number(into, setting, where, text, error);
    if (is_choice(setting->choices, text))
        return set_text(text_at(into, setting), text, error);
    return error_set(error, ERROR_USAGE, "%s: %s: \"%.80s\" is none of: %s", where, name, text,
                     setting->choices);
}
