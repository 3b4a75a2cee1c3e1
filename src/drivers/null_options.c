/* Reading the settings of the null driver: one table of names, two spellings (JSON, URL query). */
#include "drivers/null_options.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum setting_type { SETTING_DURATION, SETTING_FRACTION, SETTING_COUNT, SETTING_NUMBER };

static const struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
} settings[] = {
    {"latency", SETTING_DURATION, offsetof(struct null_options, latency_ns)},
    {"jitter", SETTING_DURATION, offsetof(struct null_options, jitter_ns)},
    {"connect_latency", SETTING_DURATION, offsetof(struct null_options, connect_latency_ns)},
    {"stall_every", SETTING_DURATION, offsetof(struct null_options, stall_every_ns)},
    {"stall_for", SETTING_DURATION, offsetof(struct null_options, stall_for_ns)},
    {"refuse_after", SETTING_DURATION, offsetof(struct null_options, refuse_after_ns)},
    {"revive_after", SETTING_DURATION, offsetof(struct null_options, revive_after_ns)},
    {"error_after", SETTING_DURATION, offsetof(struct null_options, error_after_ns)},
    {"error_until", SETTING_DURATION, offsetof(struct null_options, error_until_ns)},
    {"error_rate", SETTING_FRACTION, offsetof(struct null_options, error_rate)},
    {"reset_rate", SETTING_FRACTION, offsetof(struct null_options, reset_rate)},
    {"hang_rate", SETTING_FRACTION, offsetof(struct null_options, hang_rate)},
    {"refuse_rate", SETTING_FRACTION, offsetof(struct null_options, refuse_rate)},
    {"session_error_rate", SETTING_FRACTION, offsetof(struct null_options, session_error_rate)},
    {"operations", SETTING_COUNT, offsetof(struct null_options, operations)},
    {"destructive", SETTING_COUNT, offsetof(struct null_options, destructive)},
    {"undeclared", SETTING_COUNT, offsetof(struct null_options, undeclared)},
    {"sessions", SETTING_COUNT, offsetof(struct null_options, sessions)},
    {"calls_per_connection", SETTING_COUNT, offsetof(struct null_options, calls_per_connection)},
    {"max_connections", SETTING_COUNT, offsetof(struct null_options, max_connections)},
    {"service", SETTING_DURATION, offsetof(struct null_options, behaviour.service_ns)},
    {"exponential", SETTING_COUNT, offsetof(struct null_options, behaviour.exponential)},
    {"servers", SETTING_COUNT, offsetof(struct null_options, behaviour.servers)},
    {"sigma", SETTING_NUMBER, offsetof(struct null_options, behaviour.sigma)},
    {"kappa", SETTING_NUMBER, offsetof(struct null_options, behaviour.kappa)},
    {"drift", SETTING_NUMBER, offsetof(struct null_options, behaviour.drift_per_s)},
    {"errors_above", SETTING_COUNT, offsetof(struct null_options, behaviour.errors_above)},
    {"collapse_at", SETTING_COUNT, offsetof(struct null_options, behaviour.collapse_at)},
    {"collapsed_service", SETTING_DURATION, offsetof(struct null_options, behaviour.collapsed_ns)},
    {"recover_after", SETTING_DURATION, offsetof(struct null_options, behaviour.recover_ns)},
    {"pid", SETTING_COUNT, offsetof(struct null_options, pid)},
};

static int read_json(struct null_options *null_options, const struct target_options *options,
                     struct error *error);
static int read_query(struct null_options *null_options, const struct target_options *options,
                      struct error *error);
static int set_text(struct null_options *null_options, const char *where, const char *name,
                    const char *text, struct error *error);
static int parse_duration(const char *text, uint64_t *ns);

int null_options_read(struct null_options *null_options, const struct target_options *options,
                      struct error *error)
{
    *null_options = (struct null_options){.operations = 1, .calls_per_connection = 1};
    if (read_json(null_options, options, error) < 0 || read_query(null_options, options, error) < 0)
        return -1;
    const char *where = options->where ? options->where : "target";
    if (null_options->operations + null_options->destructive + null_options->undeclared > 100000)
        return error_set(error, ERROR_USAGE, "%s: a null target offers at most 100000 operations",
                         where);
    if (null_options->calls_per_connection == 0)
        return error_set(error, ERROR_USAGE, "%s: calls_per_connection must be at least 1", where);
    if (null_options->behaviour.servers > NULL_SERVERS)
        return error_set(error, ERROR_USAGE, "%s: a null target has at most %d servers", where,
                         NULL_SERVERS);
    if (null_options->stall_every_ns && null_options->stall_for_ns >= null_options->stall_every_ns)
        return error_set(error, ERROR_USAGE, "%s: stall_for must be shorter than stall_every",
                         where);
    return 0;
}

bool null_options_model(const struct null_options *null_options)
{
    const struct null_behaviour *behaviour = &null_options->behaviour;
    return behaviour->service_ns || behaviour->errors_above || behaviour->collapse_at;
}

void null_options_free(struct null_options *null_options)
{
    free(null_options->response);
    null_options->response = NULL;
}

static int read_json(struct null_options *null_options, const struct target_options *options,
                     struct error *error)
{
    const char *where = options->where ? options->where : "target", *name;
    json_t *value;
    char number[64];
    json_object_foreach(options->driver_options, name, value)
    {
        const char *text = json_string_value(value);
        if (json_is_boolean(value)) {
            text = json_is_true(value) ? "1" : "0";
        } else if (json_is_number(value)) {
            snprintf(number, sizeof number, "%.17g", json_number_value(value));
            text = number;
        }
        if (!text)
            return error_set(error, ERROR_USAGE, "%s: driver option %s: a number or text is needed",
                             where, name);
        if (set_text(null_options, where, name, text, error) < 0)
            return -1;
    }
    return 0;
}

static int read_query(struct null_options *null_options, const struct target_options *options,
                      struct error *error)
{
    const char *where = options->where ? options->where : "target";
    const char *query = options->url ? strchr(options->url, '?') : NULL;
    while (query && *++query) {
        char name[64], value[256];
        const char *end = strchr(query, '&');
        size_t length = end ? (size_t)(end - query) : strlen(query);
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals ? (size_t)(equals - query) : length;
        size_t value_length = equals ? length - name_length - 1 : 0;
        if (!equals || name_length >= sizeof name || value_length >= sizeof value)
            return error_set(error, ERROR_USAGE,
                             "%s: null URL: \"%.*s\" is not NAME=VALUE; "
                             "as in null://?latency=5ms&operations=10",
                             where, (int)(length > 64 ? 64 : length), query);
        memcpy(name, query, name_length);
        name[name_length] = 0;
        memcpy(value, equals + 1, value_length);
        value[value_length] = 0;
        if (set_text(null_options, where, name, value, error) < 0)
            return -1;
        query = end;
    }
    return 0;
}

static int set_text(struct null_options *null_options, const char *where, const char *name,
                    const char *text, struct error *error)
{
    if (strcmp(name, "response") == 0) {
        free(null_options->response);
        null_options->response = strdup(text);
        return null_options->response ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct setting *setting = &settings[i];
        if (strcmp(setting->name, name) != 0)
            continue;
        char *place = (char *)null_options + setting->offset, *end = NULL;
        double number = strtod(text, &end);
        switch (setting->type) {
        case SETTING_DURATION:
            if (parse_duration(text, (uint64_t *)(void *)place) == 0)
                return 0;
            return error_set(error, ERROR_USAGE, "%s: %s: \"%s\" is no duration such as 5ms", where,
                             name, text);
        case SETTING_FRACTION:
            if (end == text || *end || !(number >= 0 && number <= 1))
                return error_set(error, ERROR_USAGE, "%s: %s: \"%s\" is not between 0 and 1", where,
                                 name, text);
            *(double *)(void *)place = number;
            return 0;
        case SETTING_NUMBER:
            if (end == text || *end || !(number >= 0 && number <= 1e9))
                return error_set(error, ERROR_USAGE, "%s: %s: \"%s\" is no number from 0 on", where,
                                 name, text);
            *(double *)(void *)place = number;
            return 0;
        case SETTING_COUNT:
            if (end == text || *end || !(number >= 0 && number <= 1e9))
                return error_set(error, ERROR_USAGE, "%s: %s: \"%s\" is no count", where, name,
                                 text);
            *(uint64_t *)(void *)place = (uint64_t)number;
            return 0;
        }
    }
    return error_set(error, ERROR_USAGE,
                     "%s: the null driver has no setting \"%s\"; it has latency, jitter, "
                     "service, servers, error_rate, operations, sessions, ...",
                     where, name);
}

static int parse_duration(const char *text, uint64_t *ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number < 1e9))
        return -1;
    if (!*end && number == 0) {
        *ns = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        *ns = (uint64_t)(number * units[i].ns);
        return 0;
    }
    return -1;
}
