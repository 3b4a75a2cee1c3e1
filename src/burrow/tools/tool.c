/* What every tool uses of its call. */
#include "burrow/tools/tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tool_fail(struct tool_call *call, const char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call->error.text, sizeof call->error.text, format, arguments);
    va_end(arguments);
    call->error.code = ERROR_USAGE;
    call->reason = reason;
    return -1;
}

int tool_fail_tier(struct tool_call *call)
{
    call->reason = call->error.code == ERROR_TARGET ? "tier_unavailable" : "internal";
    return -1;
}

int tool_progress(struct tool_call *call, size_t done, size_t total)
{
    const struct tool_watch *watch = call->watch;
    if (!watch)
        return 0;
    if (watch->cancelled(watch->context))
        return tool_fail(call, "cancelled", "%s was cancelled; nothing of it was kept",
                         call->tool->name);
    watch->progress(watch->context, done, total);
    return 0;
}

const json_t *tool_value(const struct tool_call *call, const char *name)
{
    return json_object_get(call->arguments, name);
}

const char *tool_text(const struct tool_call *call, const char *name, const char *fallback)
{
    const json_t *value = tool_value(call, name);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t tool_integer_of(const json_t *value, int64_t fallback)
{
    const double beyond = 9223372036854775808.0; /* 2^63 */
    if (!json_is_real(value))
        return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
    double real = json_real_value(value);
    if (real >= beyond)
        return INT64_MAX;
    return real < -beyond ? INT64_MIN : (int64_t)real;
}

int64_t tool_integer(const struct tool_call *call, const char *name, int64_t fallback)
{
    return tool_integer_of(tool_value(call, name), fallback);
}

double tool_number(const struct tool_call *call, const char *name, double fallback)
{
    const json_t *value = tool_value(call, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool tool_boolean(const struct tool_call *call, const char *name, bool fallback)
{
    const json_t *value = tool_value(call, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

const struct tool *tool_find(const char *name)
{
    for (size_t g = 0; tool_groups[g]; g++)
        for (size_t i = 0; i < tool_groups[g]->count; i++)
            if (strcmp(tool_groups[g]->tools[i].name, name) == 0)
                return &tool_groups[g]->tools[i];
    return NULL;
}
