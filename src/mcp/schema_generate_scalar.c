/* Strings: from a format, a pattern, or words that suit the property's name, in a length between
 * the bounds. Where format and pattern both bind (as zod writes them), each is tried against the
 * other. */
#include "mcp/schema_generate.h"

#include <string.h>

#define TRIES 48

static size_t wanted_length(struct demand *d);
static int make(struct demand *d, unsigned attempt, struct buffer *output);
static int make_text(struct demand *d, size_t length, struct buffer *output);
static bool fits(struct demand *d, const char *bytes, size_t length);

json_t *generate_string(struct demand *d)
{
    struct generator *g = d->generator;
    if (d->min_length > d->max_length) {
        generate_fail(g, d->pointer, "minLength %zu is above maxLength %zu", d->min_length,
                      d->max_length);
        return NULL;
    }
    if (d->min_length > SCHEMA_MAX_STRING || d->min_length > g->output) {
        generate_fail(g, d->pointer, "minLength %zu is more than the %d characters made here",
                      d->min_length, SCHEMA_MAX_STRING);
        return NULL;
    }
    struct buffer output;
    buffer_init(&output, 8 * SCHEMA_MAX_STRING);
    json_t *value = NULL;
    for (unsigned attempt = 0; attempt < TRIES && !value && g->steps > 0; attempt++) {
        buffer_clear(&output);
        if (make(d, attempt, &output) < 0)
            continue;
        size_t length = buffer_length(&output);
        const char *bytes = length ? buffer_bytes(&output) : "";
        if (length > g->output || !fits(d, bytes, length))
            continue;
        value = json_stringn(bytes, length);
        if (value && generate_is_avoided(d, value)) {
            json_decref(value);
            value = NULL;
        }
    }
    g->output -= buffer_length(&output) < g->output ? buffer_length(&output) : g->output;
    buffer_free(&output);
    if (value)
        return value;
    d->chance = true;
    if (d->patterns.count)
        generate_fail(g, d->pointer, "no string was found that matches pattern \"%.200s\"%s",
                      schema_pattern_text(d->patterns.items[0]),
                      d->patterns.count > 1 || d->formats.count || d->min_length ||
                              d->max_length != SCHEMA_NO_LIMIT
                          ? " and the rest that is asked"
                          : "");
    else
        generate_fail(g, d->pointer, "no string was found that meets all that is asked");
    return NULL;
}

/* 0: any will do. */
static size_t wanted_length(struct demand *d)
{
    struct random *random = d->generator->random;
    size_t low = d->min_length, high = d->max_length;
    if (low == 0 && high == SCHEMA_NO_LIMIT)
        return 0;
    if (high > low + 200)
        high = low + 200; /* long enough to tell, short enough to send often */
    uint64_t dice = d->generator->varied ? random_below(random, 4) : 3;
    if (dice == 0 && low > 0)
        return low;
    if (dice == 1)
        return high;
    return (size_t)random_between(random, (int64_t)(low ? low : 1), (int64_t)(high ? high : 1));
}

/* ^a, b and z$ together: what starts, what lies between and what ends, one behind another, drawn
 * out in the middle to the least length. */
static int make_composed(struct demand *d, struct buffer *output)
{
    struct random *random = d->generator->random;
    for (unsigned turn = 0; turn < 3; turn++) {
        for (size_t i = 0; i < d->patterns.count; i++) {
            bool before, behind;
            schema_pattern_open_ends(d->patterns.items[i], &before, &behind);
            if ((!before && !behind) || turn != (before ? behind ? 1u : 2u : 0u))
                continue;
            if (turn == 2)
                while (schema_utf8_length(buffer_bytes(output), buffer_length(output)) + 1 <
                       d->min_length)
                    if (buffer_append_char(output, (char)('a' + random_below(random, 26))) < 0)
                        return -1;
            if (schema_pattern_generate(d->patterns.items[i], random, 0, SCHEMA_MAX_STRING,
                                        output) < 0)
                return -1;
        }
    }
    return 0;
}

static int make(struct demand *d, unsigned attempt, struct buffer *output)
{
    if (d->max_length == 0)
        return 0;
    size_t sources = d->formats.count + d->patterns.count;
    if (sources == 0 || (attempt > 8 && attempt % (sources + 1) == sources && !d->patterns.count))
        return make_text(d, attempt % 4 == 0 && !d->generator->varied ? 0 : wanted_length(d),
                         output);
    if (d->patterns.count > 1 && attempt >= sources && attempt % 2)
        return make_composed(d, output);
    size_t source = attempt % sources;
    if (source < d->formats.count) {
        const struct schema_format *format = d->formats.items[source];
        size_t length = attempt < sources ? 0 : wanted_length(d);
        return format->make(d->generator->random, length, output);
    }
    size_t most = d->max_length < SCHEMA_MAX_STRING ? d->max_length : SCHEMA_MAX_STRING;
    return schema_pattern_generate(d->patterns.items[source - d->formats.count],
                                   d->generator->random, d->min_length, most, output);
}

/* Words for the name, cut or drawn out to `length` code points when that is not 0. All is ASCII, so
 * that it can be cut anywhere, but for a text that is there to be different where nothing binds. */
static int make_text(struct demand *d, size_t length, struct buffer *output)
{
    struct random *random = d->generator->random;
    const char *text = words_text(d->wish->name, random);
    bool differ = json_array_size(d->wish->avoid) || d->forbidden.count;
    bool free = d->min_length == 0 && d->max_length == SCHEMA_NO_LIMIT;
    if (free && !differ && d->generator->varied && random_below(random, 12) == 0)
        return buffer_append_text(output, "na\u00efve caf\u00e9 \u2013 \u6771\u4eac");
    if (d->not_patterns.count && random_below(random, 2)) { /* not the usual kind of text */
        static const char *const unusual[] = {"7", "_", "A ", "", "-", "42", "Z", "~"};
        text = unusual[random_below(random, 8)];
    }
    int result = buffer_append_text(output, text);
    size_t natural = strlen(text);
    if (length == 0 && d->min_length <= natural && natural <= d->max_length)
        return result | (differ && free
                             ? buffer_printf(output, " %u", (unsigned)random_below(random, 100000))
                             : 0);
    if (length == 0)
        length = wanted_length(d);
    while (result == 0 && buffer_length(output) < length)
        result = buffer_printf(output, "%s%s", random_below(random, 6) ? "" : " ",
                               words_text(NULL, random));
    if (result == 0 && buffer_length(output) > length)
        output->end = output->start + length;
    for (size_t i = 0; differ && result == 0 && i < length && i < 6; i++)
        buffer_bytes(output)[length - 1 - i] = (char)('a' + random_below(random, 26));
    return result;
}

static bool fits(struct demand *d, const char *bytes, size_t length)
{
    size_t points = schema_utf8_length(bytes, length), *steps = &d->generator->steps;
    if (points < d->min_length || points > d->max_length)
        return false;
    for (size_t i = 0; i < d->patterns.count; i++)
        if (schema_pattern_match(d->patterns.items[i], bytes, length, steps) != SCHEMA_MATCH_YES)
            return false;
    for (size_t i = 0; i < d->not_patterns.count; i++)
        if (schema_pattern_match(d->not_patterns.items[i], bytes, length, steps) != SCHEMA_MATCH_NO)
            return false;
    for (size_t i = 0; i < d->formats.count; i++) {
        const struct schema_format *format = d->formats.items[i];
        if (format->check && !format->check(bytes, length))
            return false;
    }
    for (size_t i = 0; i < d->not_formats.count; i++) {
        const struct schema_format *format = d->not_formats.items[i];
        if (format->check && format->check(bytes, length))
            return false;
    }
    return true;
}
