/* The one function behind `cicada diagnose`: drivers tell what open() found, step by step. */
#include "drivers/driver.h"

#include <stdarg.h>
#include <stdio.h>

void target_trace(struct target *target, const char *step, bool ok, const char *format, ...)
{
    if (!target->trace)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    target->trace(target, step, ok, text);
}
