#include "plan/values.h"

#include "base/clock.h"
#include "plan/plan.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int value_error(struct error *error, const char *must_be, const char *text,
                       const char *label, const char *example)
{
    return error_set(error, ERROR_USAGE, "must be %s, not \"%.60s\"; write e.g. %s%s", must_be,
                     text, label, example);
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

int value_decimal(const char **text, double *number)
{
    const char *p = *text;
    uint64_t digits = 0;
    long double divisor = 1; /* wider than the result, so that it is rounded once */
    bool any = false, fraction = false;
    for (;; p++) {
        if (*p == '.' && !fraction && isdigit((unsigned char)p[1])) {
            fraction = true;
        } else if (isdigit((unsigned char)*p)) {
            any = true;
            if (digits > UINT64_MAX / 10 - 1) {
                if (!fraction)
                    return -1; /* more than any value here can mean */
                continue;
            }
            digits = digits * 10 + (uint64_t)(*p - '0');
            divisor *= fraction ? 10 : 1;
        } else {
            break;
        }
    }
    if (!any)
        return -1;
    *number = (double)((long double)digits / divisor);
    *text = p;
    return 0;
}

/* All of `text` as a whole number; -1 when it is none or does not fit. */
static int parse_whole(const char *text, uint64_t *number)
{
    if (!isdigit((unsigned char)*text))
        return -1;
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno || *end ? -1 : 0;
}

int value_text(const char *text, void *field, const char *label, struct error *error)
{
    if (!*text)
        return error_set(error, ERROR_USAGE,
                         "must not be empty; write %sand a value, or leave it out", label);
    char *copy = strdup(text);
    if (!copy)
        return error_out_of_memory(error);
    free(*(char **)field);
    *(char **)field = copy;
    return 0;
}

int value_flag(const char *text, void *field, const char *label, struct error *error)
{
    static const struct choice words[] = {{"true", 1}, {"yes", 1}, {"on", 1}, {"false", 0},
                                          {"no", 0},   {"off", 0}, {NULL, 0}};
    for (size_t i = 0; words[i].name; i++) {
        if (strcasecmp(words[i].name, text) == 0) {
            *(bool *)field = words[i].value;
            return 0;
        }
    }
    return value_error(error, "true or false", text, label, "true");
}

int value_count(const char *text, void *field, const char *label, struct error *error)
{
    uint64_t number;
    if (parse_whole(text, &number) < 0 || number < 1 || number > 1000000000)
        return value_error(error, "a whole number of at least 1", text, label, "10");
    *(unsigned *)field = (unsigned)number;
    return 0;
}

int value_total(const char *text, void *field, const char *label, struct error *error)
{
    uint64_t number;
    if (parse_whole(text, &number) < 0 || number < 1 || number > INT64_MAX)
        return value_error(error, "a whole number of at least 1", text, label, "1000");
    *(uint64_t *)field = number;
    return 0;
}

int value_seed(const char *text, void *field, const char *label, struct error *error)
{
    if (parse_whole(text, field) < 0)
        return value_error(error, "a whole number below 2^64", text, label, "1");
    return 0;
}

int value_weight(const char *text, void *field, const char *label, struct error *error)
{
    double number;
    const char *rest = text;
    if (value_decimal(&rest, &number) < 0 || *rest || number <= 0 || number > VALUE_WEIGHT_LIMIT)
        return value_error(error, "a number above 0", text, label, "2");
    *(double *)field = number;
    return 0;
}

/* ---- durations and sizes
 * ------------------------------------------------------------------------- */

/* One number with its unit at *text, as ns. */
static int duration_part(const char **text, uint64_t *ns)
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"ns", 1},
                 {"us", NS_PER_US},
                 {"\xc2\xb5s", NS_PER_US},
                 {"ms", NS_PER_MS},
                 {"s", NS_PER_S},
                 {"m", 60 * NS_PER_S},
                 {"h", 3600 * NS_PER_S},
                 {"d", 24 * 3600 * NS_PER_S}};
    double number;
    const char *start = *text;
    if (value_decimal(text, &number) < 0)
        return -1;
    size_t length = strcspn(*text, ".0123456789");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].unit) != length || memcmp(*text, units[i].unit, length) != 0)
            continue;
        /* Exactly where it has no fraction; else to the nearest ns. */
        uint64_t whole;
        double exact = number * (double)units[i].ns;
        if (exact > (double)VALUE_DURATION_LIMIT)
            return -1;
        whole = strtoull(start, NULL, 10) * units[i].ns;
        *ns = number == floor(number) ? whole : (uint64_t)llround(exact);
        *text += length;
        return 0;
    }
    return -1;
}

int plan_parse_duration(const char *text, uint64_t *ns)
{
    uint64_t sum = 0;
    if (strcmp(text, "0") == 0) {
        *ns = 0;
        return 0;
    }
    do { /* 1m30s is a sum */
        uint64_t part;
        if (duration_part(&text, &part) < 0)
            return -1;
        sum += part;
        if (sum > VALUE_DURATION_LIMIT)
            return -1;
    } while (*text);
    *ns = sum;
    return 0;
}

int plan_parse_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"", 1},         {"B", 1},        {"kB", 1e3},    {"KB", 1e3},
                 {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},   {"KiB", 1024},
                 {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
    double number;
    if (value_decimal(&text, &number) < 0)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].unit) != 0)
            continue;
        if (number * units[i].bytes > 0x1p53)
            return -1;
        *bytes = (uint64_t)llround(number * units[i].bytes);
        return 0;
    }
    return -1;
}

int value_duration(const char *text, void *field, const char *label, struct error *error)
{
    uint64_t ns;
    if (plan_parse_duration(text, &ns) < 0 || ns == 0)
        return value_error(error, "a duration above 0 with its unit (us, ms, s, m, h)", text, label,
                           "30s");
    *(uint64_t *)field = ns;
    return 0;
}

int value_instant(const char *text, void *field, const char *label, struct error *error)
{
    uint64_t ns;
    if (plan_parse_duration(text, &ns) < 0)
        return value_error(error, "a duration with its unit (us, ms, s, m, h), or 0", text, label,
                           "10s");
    *(uint64_t *)field = ns;
    return 0;
}

/* ---- ranges ------------------------------------------------------------------------------------
 */

/* Split "A..B" into two; B is A when there is no "..". -1 when a part is too long to be a value. */
static int split_range(const char *text, char first[64], char second[64], bool *is_range)
{
    const char *dots = strstr(text, "..");
    size_t length = dots ? (size_t)(dots - text) : strlen(text);
    const char *rest = dots ? dots + 2 : text;
    *is_range = dots != NULL;
    if (length >= 64 || strlen(rest) >= 64)
        return -1;
    memcpy(first, text, length);
    first[length] = '\0';
    while (length > 0 && first[length - 1] == ' ')
        first[--length] = '\0';
    rest += strspn(rest, " ");
    memmove(second, rest, strlen(rest) + 1);
    return 0;
}

static int parse_users(const char *text, double *level)
{
    uint64_t number;
    if (parse_whole(text, &number) < 0 || (double)number > VALUE_USERS_LIMIT)
        return -1;
    *level = (double)number;
    return 0;
}

static int parse_rate(const char *text, double *level)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/min", 60}, {"/h", 3600}};
    if (value_decimal(&text, level) < 0)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].unit) == 0) {
            *level /= units[i].seconds;
            return *level <= VALUE_RATE_LIMIT ? 0 : -1;
        }
    }
    return -1;
}

static int parse_levels(const char *text, struct level_range *range,
                        int (*parse)(const char *, double *))
{
    char first[64], second[64];
    struct level_range read = {.set = true};
    if (split_range(text, first, second, &read.is_range) < 0 || parse(first, &read.from) < 0 ||
        parse(second, &read.to) < 0)
        return -1;
    *range = read;
    return 0;
}

int value_users(const char *text, void *field, const char *label, struct error *error)
{
    if (parse_levels(text, field, parse_users) < 0)
        return value_error(error, "a whole number of at least 1, or a range such as 5..50", text,
                           label, "50");
    return 0;
}

int value_rate(const char *text, void *field, const char *label, struct error *error)
{
    if (parse_levels(text, field, parse_rate) < 0)
        return value_error(error, "a number per second, or a range such as 10..200", text, label,
                           "100/s");
    return 0;
}

int value_time_range(const char *text, void *field, const char *label, struct error *error)
{
    char first[64], second[64];
    bool is_range;
    struct time_range read = {.set = true};
    if (split_range(text, first, second, &is_range) < 0 ||
        plan_parse_duration(first, &read.min_ns) < 0 ||
        plan_parse_duration(second, &read.max_ns) < 0 || read.min_ns > read.max_ns)
        return value_error(error, "a duration or a range of them, the smaller first", text, label,
                           "10ms..20ms");
    *(struct time_range *)field = read;
    return 0;
}

int value_segment(const char *text, void *field, const char *label, struct error *error)
{
    struct segment *segment = field;
    char index[16];
    uint64_t i, n;
    const char *slash = strchr(text, '/');
    if (slash && (size_t)(slash - text) < sizeof index) {
        snprintf(index, sizeof index, "%.*s", (int)(slash - text), text);
        if (parse_whole(index, &i) == 0 && parse_whole(slash + 1, &n) == 0 && i >= 1 && i <= n &&
            n <= 10000) {
            *segment = (struct segment){(unsigned)i, (unsigned)n};
            return 0;
        }
    }
    return value_error(error, "I/N, the I-th of N generators", text, label, "1/3");
}

/* ---- times of day ------------------------------------------------------------------------------
 */

/* ".250" -> ns */
static uint64_t parse_fraction(const char **text)
{
    uint64_t ns = 0, scale = NS_PER_S / 10;
    if (**text != '.')
        return 0;
    for ((*text)++; isdigit((unsigned char)**text); (*text)++, scale /= 10)
        ns += (uint64_t)(**text - '0') * scale;
    return ns;
}

/* "Z", "+02:00" -> seconds east of Greenwich */
static int parse_zone(const char *text, long *seconds)
{
    int hours, minutes, end = 0;
    *seconds = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return 0;
    if ((*text != '+' && *text != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &end) != 2 || text[1 + end] || hours < 0 ||
        hours > 23 || minutes < 0 || minutes > 59)
        return -1;
    *seconds = (hours * 60L + minutes) * 60 * (*text == '-' ? -1 : 1);
    return 0;
}

/* RFC 3339 */
static int parse_date(const char *text, uint64_t *ns)
{
    struct tm tm = {0};
    long zone;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest)
        rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
    if (!rest)
        return -1;
    uint64_t fraction = parse_fraction(&rest);
    if (parse_zone(rest, &zone) < 0)
        return -1;
    time_t seconds = timegm(&tm) - zone;
    if (seconds < 0 || seconds > INT64_C(9000000000))
        return -1;
    *ns = (uint64_t)seconds * NS_PER_S + fraction;
    return 0;
}

int value_wall_time(const char *text, void *field, const char *label, struct error *error)
{
    uint64_t seconds, ns;
    if (parse_date(text, &ns) == 0)
        *(uint64_t *)field = ns;
    else if (parse_whole(text, &seconds) == 0 && seconds < UINT64_C(9000000000))
        *(uint64_t *)field = seconds * NS_PER_S;
    else
        return value_error(error, "a time with its zone (RFC 3339), or seconds since 1970", text,
                           label, "2026-01-31T12:00:00Z");
    return 0;
}

/* ---- choices -----------------------------------------------------------------------------------
 */

int value_choice(const char *text, const struct choice *choices, int *value, const char *label,
                 struct error *error)
{
    struct nearest nearest;
    char known[300];
    size_t used = 0;
    nearest_begin(&nearest, text);
    known[0] = '\0';
    for (const struct choice *choice = choices; choice->name; choice++) {
        if (strcmp(choice->name, text) == 0) {
            *value = choice->value;
            return 0;
        }
        nearest_consider(&nearest, choice->name);
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                     choice->name);
    }
    return error_set(error, ERROR_USAGE, "must be one of %s, not \"%.60s\"; write e.g. %s%s", known,
                     text, label, nearest.best ? nearest.best : choices[0].name);
}

const char *choice_name(const struct choice *choices, int value)
{
    for (; choices->name; choices++)
        if (choices->value == value)
            return choices->name;
    return "";
}

/* ---- printing ----------------------------------------------------------------------------------
 */

void value_print_number(double number, char text[64])
{
    for (int precision = 0; precision <= 17; precision++) {
        snprintf(text, 64, "%.*f", precision, number);
        for (char *p = text; *p; p++)
            if (*p == ',')
                *p = '.';
        const char *rest = text;
        double back;
        if (value_decimal(&rest, &back) == 0 && !*rest && back == number)
            return;
    }
}

void value_print_duration(uint64_t ns, char text[32])
{
    static const struct {
        const char *unit;
        uint64_t ns;
    } units[] = {{"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S}, {"s", NS_PER_S},
                 {"ms", NS_PER_MS},      {"us", NS_PER_US},    {"ns", 1}};
    if (ns == 0) {
        snprintf(text, 32, "0");
        return;
    }
    for (size_t i = 0;; i++) {
        if (ns % units[i].ns == 0) {
            snprintf(text, 32, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
            return;
        }
    }
}

void value_print_wall_time(uint64_t ns, char text[40])
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t length = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ns % NS_PER_S)
        length += (size_t)snprintf(text + length, 40 - length, ".%09" PRIu64, ns % NS_PER_S);
    snprintf(text + length, 40 - length, "Z");
}
