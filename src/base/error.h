/* Errors are values with context, passed up. A function that can fail takes a `struct error *` last
 * and returns -1 (or NULL) after filling it; the text says what went wrong, where in the input, and
 * what to do about it. The code is the process exit code the failure deserves if nobody handles it.
 */
#ifndef CICADA_BASE_ERROR_H
#define CICADA_BASE_ERROR_H

enum error_code {
    ERROR_NONE = 0,
    ERROR_VERDICT = 1,      /* a threshold or verdict failed */
    ERROR_USAGE = 2,        /* the command line or the plan is wrong */
    ERROR_TARGET = 3,       /* the target could not be reached or stopped answering for good */
    ERROR_INCONCLUSIVE = 4, /* the generator was the limit, or the sample too small */
    ERROR_INTERNAL =
        70, /* out of memory, a full disk: nothing the user wrote (sysexits EX_SOFTWARE) */
    ERROR_INTERRUPTED = 130
};

struct error {
    enum error_code code;
    char text[1024]; /* one line, no trailing newline, truncated on overflow */
};

/* Fill `error` (which may be NULL) and return -1, so that a caller can `return error_set(...)`. */
int error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " in front of the text already there; keeps the code. Returns -1. */
int error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
