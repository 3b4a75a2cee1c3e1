/* See diff.h. */
#include "burrow/code/diff.h"

#include <stdlib.h>
#include <string.h>

#define EDITS_LIMIT 2000 /* of a script that is looked for; memory grows by its square */

struct line {
    const char *text;
    size_t length;
};

struct text {
    struct line *lines;
    size_t count;
};

static int split(const char *text, struct text *into)
{
    size_t count = 1;
    for (const char *at = text; *at; at++)
        count += *at == '\n';
    into->lines = malloc(count * sizeof *into->lines);
    into->count = 0;
    if (!into->lines)
        return -1;
    while (*text) {
        size_t length = strcspn(text, "\n");
        into->lines[into->count++] = (struct line){text, length};
        text += length + (text[length] == '\n');
    }
    return 0;
}

static bool same(const struct line *one, const struct line *other)
{
    return one->length == other->length && memcmp(one->text, other->text, one->length) == 0;
}

/* What to do with each line of `before`, then of `after`: true is removed or added. */
struct script {
    bool *removed, *added;
};

/* The trace: for each number of edits d, the furthest x on diagonals -d..d, in steps of two. */
static void walk_back(int *const *trace, int edits, int x, int y, struct script *script)
{
    for (int d = edits; d > 0; d--) {
        const int *last = trace[d - 1] + (d - 1); /* indexed by diagonal */
        int k = x - y;
        bool down = k == -d || (k != d && last[k - 1] < last[k + 1]);
        int from = down ? last[k + 1] : last[k - 1];
        int from_y = from - (down ? k + 1 : k - 1);
        if (down)
            script->added[from_y] = true;
        else
            script->removed[from] = true;
        x = from;
        y = from_y;
    }
}

/* The fewest edits that make one of the other; -1: more than the limit, or no memory. */
static int shortest(const struct line *one, int n, const struct line *other, int m,
                    struct script *script)
{
    int limit = n + m < EDITS_LIMIT ? n + m : EDITS_LIMIT, found = -1;
    int **trace = calloc((size_t)limit + 1, sizeof *trace), d;
    for (d = 0; trace && d <= limit && found < 0; d++) {
        trace[d] = malloc((size_t)(2 * d + 1) * sizeof **trace);
        if (!trace[d])
            break;
        int *now = trace[d] + d;
        const int *last = d ? trace[d - 1] + (d - 1) : NULL;
        for (int k = -d; k <= d; k++) {
            bool reached = ((k + d) & 1) == 0;
            if (!reached) {
                now[k] = -1;
                continue;
            }
            int x = d == 0                                             ? 0
                    : k == -d || (k != d && last[k - 1] < last[k + 1]) ? last[k + 1]
                                                                       : last[k - 1] + 1;
            while (x < n && x - k < m && x - k >= 0 && same(&one[x], &other[x - k]))
                x++;
            now[k] = x;
            if (x >= n && x - k >= m) {
                found = d;
                walk_back(trace, d, n, m, script);
                break;
            }
        }
    }
    for (int i = 0; trace && i <= limit; i++)
        free(trace[i]);
    free(trace);
    return found;
}

static int compare(const struct text *before, const struct text *after, struct script *script)
{
    size_t head = 0, tail = 0;
    while (head < before->count && head < after->count &&
           same(&before->lines[head], &after->lines[head]))
        head++;
    while (tail < before->count - head && tail < after->count - head &&
           same(&before->lines[before->count - 1 - tail], &after->lines[after->count - 1 - tail]))
        tail++;
    size_t n = before->count - head - tail, m = after->count - head - tail;
    struct script middle = {script->removed + head, script->added + head};
    if (n == 0 || m == 0 ||
        shortest(before->lines + head, (int)n, after->lines + head, (int)m, &middle) < 0) {
        memset(middle.removed, true, n);
        memset(middle.added, true, m);
    }
    return 0;
}

/* ---- as a unified diff ---------------------------------------------------------------------- */

struct hunk {
    size_t from, to, from_after, to_after;
};

static int print_line(struct buffer *out, char mark, const struct line *line)
{
    return buffer_append(out, &mark, 1) | buffer_append(out, line->text, line->length) |
           buffer_append(out, "\n", 1);
}

static int print_hunk(struct buffer *out, const struct text *before, const struct text *after,
                      const struct script *script, const struct hunk *hunk)
{
    size_t at = hunk->from, there = hunk->from_after;
    int failed =
        buffer_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", hunk->from + (hunk->to > hunk->from),
                      hunk->to - hunk->from, hunk->from_after + (hunk->to_after > hunk->from_after),
                      hunk->to_after - hunk->from_after);
    while (at < hunk->to || there < hunk->to_after) {
        if (at < hunk->to && script->removed[at])
            failed |= print_line(out, '-', &before->lines[at++]);
        else if (there < hunk->to_after && script->added[there])
            failed |= print_line(out, '+', &after->lines[there++]);
        else {
            failed |= print_line(out, ' ', &before->lines[at++]);
            there++;
        }
    }
    return failed;
}

/* Walk both texts side by side; changes nearer than twice the context share a hunk. */
static int print_hunks(struct buffer *out, const struct text *before, const struct text *after,
                       const struct script *script, size_t context)
{
    struct hunk hunk = {0};
    bool open = false;
    size_t at = 0, there = 0, since = 0;
    int failed = 0;
    for (;;) {
        bool removed = at < before->count && script->removed[at];
        bool added = !removed && there < after->count && script->added[there];
        bool end = at >= before->count && there >= after->count;
        if ((removed || added) && !open) {
            size_t lead = at < context ? at : context;
            lead = there < lead ? there : lead;
            hunk = (struct hunk){at - lead, 0, there - lead, 0};
            open = true;
        }
        if (open && (end || (!removed && !added && since == 2 * context))) {
            size_t over = since > context ? since - context : 0;
            hunk.to = at - over;
            hunk.to_after = there - over;
            failed |= print_hunk(out, before, after, script, &hunk);
            open = false;
        }
        if (end)
            return failed ? -1 : 0;
        since = removed || added ? 0 : since + 1;
        at += !added;
        there += !removed;
    }
}

static size_t count_true(const bool *flags, size_t count)
{
    size_t result = 0;
    for (size_t i = 0; i < count; i++)
        result += flags[i];
    return result;
}

int diff_lines(const char *before, const char *after, size_t context, struct diff *diff,
               struct buffer *out)
{
    struct text one = {0}, other = {0};
    struct script script = {0};
    int result = -1;
    if (split(before, &one) == 0 && split(after, &other) == 0) {
        script.removed = calloc(one.count + 1, sizeof *script.removed);
        script.added = calloc(other.count + 1, sizeof *script.added);
    }
    if (script.removed && script.added && compare(&one, &other, &script) == 0) {
        diff->removed = count_true(script.removed, one.count);
        diff->added = count_true(script.added, other.count);
        diff->kept = one.count - diff->removed;
        result = out ? print_hunks(out, &one, &other, &script, context) : 0;
    }
    free(script.removed);
    free(script.added);
    free(one.lines);
    free(other.lines);
    return result;
}
