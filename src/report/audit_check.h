/* One check of an audit, and groups of them: a group that holds is one line, a check that does not
 * is a line of its own at once. */
#ifndef CICADA_REPORT_AUDIT_CHECK_H
#define CICADA_REPORT_AUDIT_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct audit {
    FILE *out;
    unsigned checks, failures;
    unsigned group_checks, group_failures; /* since the last audit_group */
    unsigned printed;                      /* lines of failures in this group */
    bool out_of_memory;
    char first[256]; /* the first failure, for the error */
};

void audit_true(struct audit *audit, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void audit_equal(struct audit *audit, uint64_t stored, uint64_t derived, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Integers, texts and the like must be equal, fractions within 1e-9 of each other. */
void audit_json(struct audit *audit, const json_t *stored, const json_t *derived,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Ends a group: its line, "ok" with the number of checks in it, or "FAIL". */
void audit_group(struct audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
