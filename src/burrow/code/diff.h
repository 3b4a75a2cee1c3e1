/* The difference of two texts by lines: the shortest script of removals and additions (Myers, "An
 * O(ND) Difference Algorithm and Its Variations", 1986), as a unified diff. */
#ifndef BURROW_CODE_DIFF_H
#define BURROW_CODE_DIFF_H

#include "base/buffer.h"

#include <stddef.h>

struct diff {
    size_t added, removed, kept; /* lines */
};

/* Append the hunks ("@@ -1,3 +1,4 @@" and lines) to `out`, `context` lines around each; NULL: only
 * count. Texts that differ by more than some thousands of lines are shown as replaced between what
 * they have in common at both ends. -1: no memory, or `out` is full. */
int diff_lines(const char *before, const char *after, size_t context, struct diff *diff,
               struct buffer *out);

#endif
