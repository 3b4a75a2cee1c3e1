/* Threshold expressions: FIGURE [ {SELECTOR=GLOB, ...} ] COMPARE VALUE. */
#include "plan/plan.h"

#include "base/clock.h"
#include "plan/threshold.h"
#include "plan/values.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THRESHOLD_TEXT_LIMIT 512
#define THRESHOLD_LIST_LIMIT 1000

static const char examples[] = "write e.g. p99<500ms, errors<1%, rate>100/s or p95{tool=NAME}<50ms";

static int parse_figure(struct threshold *threshold, const char **text, struct error *error);
static int parse_selectors(struct threshold *threshold, const char **text, struct error *error);
static int parse_compare(struct threshold *threshold, const char **text, struct error *error);
static int parse_value(struct threshold *threshold, const char *text, struct error *error);

int threshold_parse(struct threshold *threshold, const char *text, const char *where,
                    struct error *error)
{
    const char *rest = text;
    *threshold = (struct threshold){.where = where};
    if (strlen(text) > THRESHOLD_TEXT_LIMIT)
        return error_set(error, ERROR_USAGE, "is longer than %d bytes; %s", THRESHOLD_TEXT_LIMIT,
                         examples);
    threshold->text = strdup(text);
    if (!threshold->text)
        return error_out_of_memory(error);
    if (parse_figure(threshold, &rest, error) < 0 || parse_selectors(threshold, &rest, error) < 0 ||
        parse_compare(threshold, &rest, error) < 0 || parse_value(threshold, rest, error) < 0) {
        threshold_free(threshold);
        return -1;
    }
    return 0;
}

void threshold_free(struct threshold *threshold)
{
    free(threshold->text);
    free(threshold->tool);
    free(threshold->phase);
    free(threshold->target);
    *threshold = (struct threshold){0};
}

/* Where the expression at `text` ends: a comma outside of braces and quotes, or the end. */
static const char *expression_end(const char *text)
{
    bool braces = false, quotes = false;
    for (; *text; text++) {
        if (*text == '"')
            quotes = !quotes;
        else if (!quotes && (*text == '{' || *text == '}'))
            braces = *text == '{';
        else if (*text == ',' && !braces && !quotes)
            break;
    }
    return text;
}

int threshold_list_add(struct threshold **list, size_t *count, const char *text, const char *where,
                       struct error *error)
{
    for (;;) {
        const char *end = expression_end(text);
        while (isspace((unsigned char)*text))
            text++;
        size_t length = (size_t)(end - text);
        while (length > 0 && isspace((unsigned char)text[length - 1]))
            length--;
        if (*count >= THRESHOLD_LIST_LIMIT)
            return error_set(error, ERROR_USAGE, "there are more than %d of them; leave some out",
                             THRESHOLD_LIST_LIMIT);
        char *one = strndup(text, length);
        struct threshold *added = one ? array_add(list, count, sizeof **list) : NULL;
        if (!added) {
            free(one);
            return error_out_of_memory(error);
        }
        int failed = threshold_parse(added, one, where, error);
        free(one);
        if (failed < 0) {
            (*count)--;
            return -1;
        }
        if (!*end)
            return 0;
        text = end + 1;
    }
}

int threshold_list_add_abort(struct threshold **list, size_t *count, const char *text,
                             const char *where, struct error *error)
{
    size_t first = *count;
    if (threshold_list_add(list, count, text, where, error) < 0)
        return -1;
    for (size_t i = first; i < *count; i++)
        if ((*list)[i].figure == FIGURE_RECALL)
            return error_set(error, ERROR_USAGE,
                             "%.200s: recall is measured after the run, so that no run can be "
                             "aborted by it; make it a threshold",
                             (*list)[i].text);
    return 0;
}

static bool same_selector(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool threshold_same_figure(const struct threshold *a, const struct threshold *b)
{
    return a->figure == b->figure && a->fraction == b->fraction &&
           same_selector(a->tool, b->tool) && same_selector(a->phase, b->phase) &&
           same_selector(a->target, b->target);
}

void threshold_list_override(struct threshold **list, size_t *count, struct threshold *given,
                             size_t given_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < given_count; j++)
            replaced = replaced || threshold_same_figure(&(*list)[i], &given[j]);
        if (replaced)
            threshold_free(&(*list)[i]);
        else
            (*list)[kept++] = (*list)[i];
    }
    *count = kept;
}

void threshold_list_free(struct threshold *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        threshold_free(&list[i]);
    free(list);
}

/* ---- parsing -----------------------------------------------------------------------------------
 */

static void skip_space(const char **text)
{
    while (isspace((unsigned char)**text))
        (*text)++;
}

static int fail(struct error *error, const struct threshold *threshold, const char *what)
{
    return error_set(error, ERROR_USAGE, "\"%.100s\" %s; %s", threshold->text, what, examples);
}

static int parse_percentile(struct threshold *threshold, const char **text, struct error *error)
{
    double number;
    (*text)++;
    if (value_decimal(text, &number) < 0 || number <= 0 || number >= 100)
        return fail(error, threshold, "names no percentile between p0 and p100 (p99.9, say)");
    threshold->figure = FIGURE_PERCENTILE;
    threshold->fraction = round(number * 1e7) / 1e9; /* p99.9 is the double nearest to 0.999 */
    return 0;
}

static int parse_figure(struct threshold *threshold, const char **text, struct error *error)
{
    static const struct {
        const char *name;
        enum threshold_figure figure;
        double fraction;
    } figures[] = {{"mean", FIGURE_MEAN, 0},     {"avg", FIGURE_MEAN, 0},
                   {"max", FIGURE_MAX, 0},       {"median", FIGURE_PERCENTILE, 0.5},
                   {"errors", FIGURE_ERRORS, 0}, {"rate", FIGURE_RATE, 0},
                   {"recall", FIGURE_RECALL, 0}};
    skip_space(text);
    if (**text == 'p' && isdigit((unsigned char)(*text)[1]))
        return parse_percentile(threshold, text, error);
    size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz_");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (strlen(figures[i].name) == length && memcmp(*text, figures[i].name, length) == 0) {
            threshold->figure = figures[i].figure;
            threshold->fraction = figures[i].fraction;
            *text += length;
            return 0;
        }
    }
    return fail(error, threshold,
                "begins with no known figure (pNN, median, mean, max, errors, rate, recall)");
}

/* A glob: quoted, or up to a comma or brace. */
static char *parse_glob(const char **text)
{
    const char *start = *text;
    if (*start == '"') {
        const char *end = strchr(++start, '"');
        if (!end || end == start)
            return NULL;
        *text = end + 1;
        return strndup(start, (size_t)(end - start));
    }
    size_t length = strcspn(start, ",}\"");
    *text += length;
    while (length > 0 && isspace((unsigned char)start[length - 1]))
        length--;
    return length ? strndup(start, length) : NULL;
}

static int parse_selector(struct threshold *threshold, const char **text, struct error *error)
{
    struct {
        const char *name;
        char **field;
    } selectors[] = {
        {"tool", &threshold->tool}, {"phase", &threshold->phase}, {"target", &threshold->target}};
    skip_space(text);
    size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        if (strlen(selectors[i].name) != length || memcmp(*text, selectors[i].name, length) != 0)
            continue;
        *text += length;
        skip_space(text);
        if (**text != '=' || *selectors[i].field)
            return fail(error, threshold, "has a selector twice, or one without \"=\"");
        (*text)++;
        skip_space(text);
        *selectors[i].field = parse_glob(text);
        if (!*selectors[i].field)
            return fail(error, threshold, "has a selector without a value");
        skip_space(text);
        return 0;
    }
    return fail(error, threshold, "selects by none of tool, phase, target");
}

static int parse_selectors(struct threshold *threshold, const char **text, struct error *error)
{
    skip_space(text);
    if (**text != '{')
        return 0;
    do {
        (*text)++;
        if (parse_selector(threshold, text, error) < 0)
            return -1;
    } while (**text == ',');
    if (**text != '}')
        return fail(error, threshold, "lacks the closing brace");
    (*text)++;
    if (threshold->figure == FIGURE_RECALL && (threshold->tool || threshold->phase))
        return fail(error, threshold,
                    "selects a tool or phase, but recall is measured of a target over the whole "
                    "run; leave target alone");
    return 0;
}

static int parse_compare(struct threshold *threshold, const char **text, struct error *error)
{
    skip_space(text);
    bool or_equal = **text && (*text)[1] == '=';
    if (**text == '<')
        threshold->compare = or_equal ? COMPARE_LESS_EQUAL : COMPARE_LESS;
    else if (**text == '>')
        threshold->compare = or_equal ? COMPARE_GREATER_EQUAL : COMPARE_GREATER;
    else
        return fail(error, threshold, "lacks a comparison (<, <=, >, >=)");
    *text += or_equal ? 2 : 1;
    skip_space(text);
    return 0;
}

static int parse_fraction(const char *text, double *value)
{
    if (value_decimal(&text, value) < 0)
        return -1;
    if (*text == '%') {
        *value /= 100;
        text++;
    }
    skip_space(&text);
    return *text || *value > 1 ? -1 : 0;
}

static int parse_rate(const char *text, double *value)
{
    char number[64];
    struct level_range range;
    size_t length = strcspn(text, " \t\r\n");
    if (length >= sizeof number || text[length + strspn(text + length, " \t\r\n")])
        return -1;
    memcpy(number, text, length);
    number[length] = '\0';
    if (value_rate(number, &range, "", NULL) < 0 || range.is_range)
        return -1;
    *value = range.to;
    return 0;
}

static int parse_latency(const char *text, double *value)
{
    char number[64];
    uint64_t ns;
    size_t length = strcspn(text, " \t\r\n");
    if (length >= sizeof number || text[length + strspn(text + length, " \t\r\n")])
        return -1;
    memcpy(number, text, length);
    number[length] = '\0';
    if (plan_parse_duration(number, &ns) < 0)
        return -1;
    *value = (double)ns;
    return 0;
}

static int parse_value(struct threshold *threshold, const char *text, struct error *error)
{
    switch (threshold->figure) {
    case FIGURE_ERRORS:
        if (parse_fraction(text, &threshold->value) < 0)
            return fail(error, threshold, "compares errors with no share from 0% to 100%");
        return 0;
    case FIGURE_RECALL:
        if (parse_fraction(text, &threshold->value) < 0)
            return fail(error, threshold, "compares recall with no share from 0 to 1");
        return 0;
    case FIGURE_RATE:
        if (parse_rate(text, &threshold->value) < 0)
            return fail(error, threshold, "compares a rate with no number per second");
        return 0;
    case FIGURE_PERCENTILE:
    case FIGURE_MEAN:
    case FIGURE_MAX:
        if (parse_latency(text, &threshold->value) < 0)
            return fail(error, threshold, "compares a latency with no duration and its unit");
        return 0;
    }
    return -1;
}
