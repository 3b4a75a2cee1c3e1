/* What the plan's tests have in common. */
#ifndef CICADA_TESTS_PLAN_TESTING_H
#define CICADA_TESTS_PLAN_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/build.h"
#include "plan/plan.h"

static inline void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\"\n  lacks \"%s\"", text ? text : "(nothing)", part);
}

/* Parse a plan that must be right, or fail with its error. */
static inline void parse_plan(struct plan *plan, const char *text)
{
    struct error error = {0};
    if (plan_parse_part(plan, "plan.yaml", text, strlen(text), &error) < 0)
        fail_msg("%s\n  %s", text, error.text);
}

static inline char *print_plan(const struct plan *plan)
{
    struct buffer output;
    buffer_init(&output, (size_t)16 * 1024 * 1024);
    assert_int_equal(plan_print(plan, &output), 0);
    char *text = buffer_take_string(&output);
    assert_non_null(text);
    return text;
}

#endif
