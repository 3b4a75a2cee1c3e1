/* See log.h. One write(2) per line, so that lines of several threads do not mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int log_level = LOG_LEVEL_WARN;
static const char *program = "cicada";

void log_set_level(enum log_level level)
{
    log_level = (int)level;
}

void log_set_program(const char *name)
{
    program = name;
}

void log_write(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if ((int)level > log_level)
        return;
    char line[2048];
    int length = snprintf(line, sizeof line, "%s: %s: ", program, names[level]);
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
    va_end(arguments);
    if (added < 0)
        return;
    size_t total = (size_t)length + (size_t)added;
    if (total > sizeof line - 2)
        total = sizeof line - 2;
    line[total++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, total);
    (void)written; /* nowhere left to complain */
}
