/* One check of an audit, and groups of them. */
#include "report/audit_check.h"

#include "report/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define FAILURES_SHOWN 20  /* per group; the rest is counted */
#define LINE_COLUMNS   400 /* names in it may come from anywhere */

static void settle(struct audit *audit, bool holds, const char *text)
{
    audit->checks++;
    audit->group_checks++;
    if (holds)
        return;
    if (audit->failures == 0)
        snprintf(audit->first, sizeof audit->first, "%s", text);
    audit->failures++;
    audit->group_failures++;
    if (audit->printed++ >= FAILURES_SHOWN)
        return;
    fputs("  FAIL  ", audit->out);
    text_print_safe(audit->out, text, LINE_COLUMNS);
    fputc('\n', audit->out);
}

void audit_true(struct audit *audit, bool holds, const char *format, ...)
{
    char text[512];
    if (holds) {
        settle(audit, true, "");
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    settle(audit, false, text);
}

void audit_equal(struct audit *audit, uint64_t stored, uint64_t derived, const char *format, ...)
{
    char what[384], text[512];
    if (stored == derived) {
        settle(audit, true, "");
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "%s: %llu is not %llu", what, (unsigned long long)stored,
             (unsigned long long)derived);
    settle(audit, false, text);
}

static bool same_number(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool same_json(const json_t *stored, const json_t *derived)
{
    const char *name;
    json_t *value;
    if (json_is_real(derived) && json_is_number(stored))
        return same_number(json_number_value(stored), json_number_value(derived));
    if (!json_is_object(derived) || !json_is_object(stored))
        return json_equal(stored, derived);
    if (json_object_size(stored) != json_object_size(derived))
        return false;
    json_object_foreach((json_t *)derived, name,
                        value) if (!same_json(json_object_get(stored, name), value)) return false;
    return true;
}

static char *dump(const json_t *value)
{
    return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))
                 : NULL;
}

void audit_json(struct audit *audit, const json_t *stored, const json_t *derived,
                const char *format, ...)
{
    char what[256], text[1024];
    if (stored == derived || (stored && derived && same_json(stored, derived))) {
        settle(audit, true, "");
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    char *is = dump(stored), *should = dump(derived);
    snprintf(text, sizeof text, "%s: stored %.300s, derived %.300s", what, is ? is : "nothing",
             should ? should : "nothing");
    free(is);
    free(should);
    settle(audit, false, text);
}

void audit_group(struct audit *audit, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (audit->printed > FAILURES_SHOWN)
        fprintf(audit->out, "  FAIL  ... and %u more\n", audit->printed - FAILURES_SHOWN);
    fprintf(audit->out, "%s  ", audit->group_failures ? "FAIL" : "ok  ");
    text_print_safe(audit->out, text, LINE_COLUMNS);
    if (audit->group_failures)
        fprintf(audit->out, " (%u of %u checks failed)", audit->group_failures,
                audit->group_checks);
    else
        fprintf(audit->out, " (%u checks)", audit->group_checks);
    fputc('\n', audit->out);
    audit->group_checks = audit->group_failures = audit->printed = 0;
}
