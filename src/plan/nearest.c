#include "plan/nearest.h"

#include <stdint.h>
#include <string.h>

#define NEAREST_LENGTH_LIMIT 64

/* Edits between two names: insert, delete, replace, swap neighbours; '-' and '_' are the same. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_LENGTH_LIMIT + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        current[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            char x = a[i - 1] == '-' ? '_' : a[i - 1], y = b[j - 1] == '-' ? '_' : b[j - 1];
            size_t best = previous[j - 1] + (x != y);
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        size_t *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return previous[b_length];
}

void nearest_begin(struct nearest *nearest, const char *text)
{
    *nearest = (struct nearest){.text = text, .distance = SIZE_MAX};
}

void nearest_consider(struct nearest *nearest, const char *candidate)
{
    size_t length = strlen(nearest->text);
    if (length > NEAREST_LENGTH_LIMIT || strlen(candidate) > NEAREST_LENGTH_LIMIT)
        return;
    size_t distance = edit_distance(nearest->text, candidate);
    size_t near =
        length / 3 > 2 ? length / 3 : 2; /* a third of it mistyped is still recognisable */
    if (distance <= near && distance < length && distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
