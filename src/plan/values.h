/* The values that a plan and the flags are written in: numbers, durations, ranges, choices. One
 * parser each, shared by YAML and command line, so that both take the same words and say the same
 * of a wrong one. */
#ifndef CICADA_PLAN_VALUES_H
#define CICADA_PLAN_VALUES_H

#include "base/buffer.h"
#include "base/error.h"
#include "plan/list.h"
#include "plan/nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUE_USERS_LIMIT    10000000.0
#define VALUE_RATE_LIMIT     1e9
#define VALUE_WEIGHT_LIMIT   1e9
#define VALUE_DURATION_LIMIT (UINT64_C(1000) * 24 * 3600 * 1000000000)

/* Parse `text` into `field`, whose type each function names. -1 with an error such as
 * `must be a whole number of at least 1, not "many"; write e.g. users: 50`, in which `label`
 * ("users: ",
 * "--users ") is what stands before the value where it is written. The caller adds the place. */
typedef int value_parse(const char *text, void *field, const char *label, struct error *error);

int value_text(const char *text, void *field, const char *label, struct error *error); /* char * */
int value_flag(const char *text, void *field, const char *label, struct error *error); /* bool */
int value_count(const char *text, void *field, const char *label,
                struct error *error); /* unsigned, at least 1 */
int value_total(const char *text, void *field, const char *label,
                struct error *error); /* uint64_t, at least 1 */
int value_seed(const char *text, void *field, const char *label,
               struct error *error); /* uint64_t */
int value_duration(const char *text, void *field, const char *label,
                   struct error *error); /* uint64_t, ns, above 0 */
int value_instant(const char *text, void *field, const char *label,
                  struct error *error); /* uint64_t, ns, 0 allowed: a time within a phase */
int value_weight(const char *text, void *field, const char *label,
                 struct error *error); /* double, above 0 */
int value_wall_time(const char *text, void *field, const char *label,
                    struct error *error); /* uint64_t, ns since the epoch */

/* "50" or "5..50" */
struct level_range {
    bool set, is_range;
    double from, to; /* equal when it is no range */
};
int value_users(const char *text, void *field, const char *label,
                struct error *error); /* struct level_range */
int value_rate(const char *text, void *field, const char *label,
               struct error *error); /* struct level_range, per second */

/* "10ms" or "10ms..20ms" */
struct time_range {
    bool set;
    uint64_t min_ns, max_ns;
};
int value_time_range(const char *text, void *field, const char *label, struct error *error);

/* "1/3" */
struct segment {
    unsigned index, count;
};
int value_segment(const char *text, void *field, const char *label, struct error *error);

/* One word of a table that ends with a NULL name. *value is what it stands for. */
struct choice {
    const char *name;
    int value;
};
int value_choice(const char *text, const struct choice *choices, int *value, const char *label,
                 struct error *error);
const char *choice_name(const struct choice *choices,
                        int value); /* the first with it; "" if none */

/* A plain decimal number at the start of *text, which moves behind it: digits, perhaps a fraction.
 * No sign, no exponent, no locale. -1 when there is none. */
int value_decimal(const char **text, double *number);

/* As short as reads back to the same value. */
void value_print_number(double number, char text[64]);
void value_print_duration(uint64_t ns, char text[32]);
void value_print_wall_time(uint64_t ns, char text[40]);

#endif
