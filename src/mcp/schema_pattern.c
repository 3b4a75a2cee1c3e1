/* A regular expression of a schema: written anew for PCRE2 from its ECMA-262 tree, compiled, and
 * matched within limits. An expression that the ECMA-262 reader does not know goes to PCRE2 as it
 * is: it can be matched, and no string can be made from it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "mcp/schema_pattern.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* PCRE2 counts backtracking steps. Most matches take few for their length: they are tried with a
 * low limit and cost little; one that needs more is tried again and pays for the worst it may do.
 */
#define EASY_LIMIT  5000
#define EASY_FACTOR 16 /* more for each byte */
#define EASY_COST   64
#define HARD_LIMIT  200000
#define HARD_COST   50000
#define DEPTH_LIMIT 5000
#define HEAP_LIMIT  8192 /* KiB */

static int compile_code(struct schema_pattern *pattern, const char *text, size_t length,
                        uint32_t options, char *problem, size_t size);
static int write_tree(const struct regex *piece, struct buffer *output, unsigned depth);
static void measure_tree(struct regex *piece, unsigned depth);
static void find_samples(struct schema_pattern *pattern, struct regex *piece, unsigned depth);
static int match_within(const struct schema_pattern *pattern, const char *bytes, size_t length,
                        uint32_t limit);

struct schema_pattern *schema_pattern_compile(const char *text, char *problem, size_t size)
{
    struct schema_pattern *pattern = calloc(1, sizeof *pattern);
    struct buffer written;
    int result = -1;
    buffer_init(&written, SCHEMA_MAX_PATTERN * 8);
    snprintf(problem, size, "out of memory");
    if (pattern && (pattern->text = strdup(text)) != NULL) {
        uint32_t flags = 0;
        pattern->readable = regex_parse(&pattern->program, text, problem, size) == 0 &&
                            regex_write(&pattern->program, &written) == 0;
        if (pattern->program.caseless)
            flags |= PCRE2_CASELESS;
        if (pattern->program.multiline)
            flags |= PCRE2_MULTILINE;
        if (pattern->readable)
            result = compile_code(pattern, buffer_length(&written) ? buffer_bytes(&written) : "",
                                  buffer_length(&written), flags, problem, size);
        else if (strlen(text) <= SCHEMA_MAX_PATTERN)
            result = compile_code(pattern, text, strlen(text), 0, NULL, 0);
        if (result == 0 && pattern->readable) {
            find_samples(pattern, pattern->program.root, 0);
            measure_tree(pattern->program.root, 0);
        }
    }
    buffer_free(&written);
    if (result == 0)
        return pattern;
    schema_pattern_free(pattern);
    return NULL;
}

void schema_pattern_free(struct schema_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->code);
    schema_arena_free(&pattern->program.arena);
    free(pattern->text);
    free(pattern);
}

const char *schema_pattern_text(const struct schema_pattern *pattern)
{
    return pattern->text;
}

enum schema_match schema_pattern_match(const struct schema_pattern *pattern, const char *bytes,
                                       size_t length, size_t *steps)
{
    size_t cost = EASY_COST + length;
    size_t limit = EASY_LIMIT + (length < HARD_LIMIT ? length : HARD_LIMIT) * EASY_FACTOR;
    *steps -= *steps < cost ? *steps : cost;
    int result = match_within(pattern, bytes, length, (uint32_t)limit);
    if (result == PCRE2_ERROR_MATCHLIMIT && limit<HARD_LIMIT && * steps> HARD_COST) {
        *steps -= HARD_COST;
        result = match_within(pattern, bytes, length, HARD_LIMIT);
    }
    if (result >= 0)
        return SCHEMA_MATCH_YES;
    return result == PCRE2_ERROR_NOMATCH ? SCHEMA_MATCH_NO : SCHEMA_MATCH_TOO_HARD;
}

int regex_write(const struct regex_program *program, struct buffer *output)
{
    return write_tree(program->root, output, 0);
}

/* Surrogates are no characters in UTF mode: they are left out of every range. */
static int write_range(uint32_t low, uint32_t high, struct buffer *output)
{
    if (low < 0xd800 && high > 0xdfff)
        return write_range(low, 0xd7ff, output) < 0 || write_range(0xe000, high, output) < 0 ? -1
                                                                                             : 0;
    if (low >= 0xd800 && low <= 0xdfff)
        low = 0xe000;
    if (high >= 0xd800 && high <= 0xdfff)
        high = 0xd7ff;
    if (low > high)
        return 0;
    if (low == high)
        return buffer_printf(output, "\\x{%x}", low);
    return buffer_printf(output, "\\x{%x}-\\x{%x}", low, high);
}

int regex_write_set(const struct regex *set, struct buffer *output)
{
    int result = buffer_append_text(output, set->negated ? "[^" : "[");
    for (size_t i = 0; i < set->range_count; i++)
        result |= write_range(set->ranges[i].low, set->ranges[i].high, output);
    if (set->properties)
        result |= buffer_append_text(output, set->properties);
    return result | buffer_append_char(output, ']');
}

static int compile_code(struct schema_pattern *pattern, const char *text, size_t length,
                        uint32_t options, char *problem, size_t size)
{
    int error;
    PCRE2_SIZE offset;
    options |= PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
               PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    pattern->code = pcre2_compile((PCRE2_SPTR)text, length, options, &error, &offset, NULL);
    if (pattern->code)
        return 0;
    if (problem)
        pcre2_get_error_message(error, (PCRE2_UCHAR *)problem, size);
    return -1;
}

static int write_children(const struct regex *piece, const char *between, struct buffer *output,
                          unsigned depth)
{
    int result = 0;
    for (const struct regex *child = piece->child; child; child = child->next) {
        result |= write_tree(child, output, depth + 1);
        if (child->next)
            result |= buffer_append_text(output, between);
    }
    return result;
}

static int write_repeat(const struct regex *piece, struct buffer *output, unsigned depth)
{
    int result = buffer_append_text(output, "(?:");
    result |= write_children(piece, "", output, depth);
    if (piece->maximum == REGEX_UNBOUNDED)
        result |= buffer_printf(output, "){%u,}", piece->minimum);
    else
        result |= buffer_printf(output, "){%u,%u}", piece->minimum, piece->maximum);
    return result | (piece->lazy ? buffer_append_char(output, '?') : 0);
}

static int write_tree(const struct regex *piece, struct buffer *output, unsigned depth)
{
    int result = 0;
    switch (piece->kind) {
    case REGEX_EMPTY:
        return 0;
    case REGEX_SET:
        return regex_write_set(piece, output);
    case REGEX_CONCATENATION:
        return write_children(piece, "", output, depth);
    case REGEX_ALTERNATION:
        return write_children(piece, "|", output, depth);
    case REGEX_REPEAT:
        return write_repeat(piece, output, depth);
    case REGEX_GROUP:
        result = buffer_append_text(output, piece->group ? "(" : "(?:");
        break;
    case REGEX_LOOK:
        result =
            buffer_printf(output, "(?%s%c", piece->behind ? "<" : "", piece->negated ? '!' : '=');
        break;
    case REGEX_START:
        return buffer_append_text(output, "^");
    case REGEX_END:
        return buffer_append_text(output, "$");
    case REGEX_WORD_BOUNDARY:
        return buffer_append_text(output, "\\b");
    case REGEX_NOT_WORD_BOUNDARY:
        return buffer_append_text(output, "\\B");
    case REGEX_BACKREFERENCE:
        return buffer_printf(output, "\\g{%u}", piece->group);
    }
    result |= write_children(piece, "", output, depth);
    return result | buffer_append_char(output, ')');
}

static size_t add_lengths(size_t left, size_t right)
{
    return left > SCHEMA_NO_LIMIT - right ? SCHEMA_NO_LIMIT : left + right;
}

static size_t times(size_t length, uint32_t count)
{
    if (length == 0 || count == 0)
        return 0;
    if (length == SCHEMA_NO_LIMIT || count == REGEX_UNBOUNDED || length > SCHEMA_NO_LIMIT / count)
        return SCHEMA_NO_LIMIT;
    return length * count;
}

/* How long a match of each piece can be: what steers the generator to a wanted length. */
static void measure_tree(struct regex *piece, unsigned depth)
{
    size_t shortest_child = SCHEMA_NO_LIMIT, longest_child = 0, shortest_sum = 0, longest_sum = 0;
    for (struct regex *child = piece->child; child; child = child->next) {
        measure_tree(child, depth + 1);
        shortest_child = child->shortest < shortest_child ? child->shortest : shortest_child;
        longest_child = child->longest > longest_child ? child->longest : longest_child;
        shortest_sum = add_lengths(shortest_sum, child->shortest);
        longest_sum = add_lengths(longest_sum, child->longest);
    }
    switch (piece->kind) {
    case REGEX_SET:
        piece->shortest = piece->longest = 1;
        break;
    case REGEX_CONCATENATION:
    case REGEX_GROUP:
        piece->shortest = shortest_sum;
        piece->longest = longest_sum;
        break;
    case REGEX_ALTERNATION:
        piece->shortest = shortest_child;
        piece->longest = longest_child;
        break;
    case REGEX_REPEAT:
        piece->shortest = times(shortest_sum, piece->minimum);
        piece->longest = times(longest_sum, piece->maximum);
        break;
    default: /* assertions take no room; a backreference is not foreseen */
        piece->shortest = piece->longest = 0;
        break;
    }
}

/* Which code points a \p{...} holds only PCRE2 knows: ask it about a few thousand common ones, and
 * put what it says in place of the set. Only for making strings; the compiled code is not touched.
 */
static void sample_set(struct schema_pattern *pattern, struct regex *set)
{
    static const struct regex_range pool[] = {
        {0x20, 0x7e},     {0xa0, 0x24f},      {0x370, 0x4ff},   {0x5d0, 0x5ea},   {0x621, 0x64a},
        {0x660, 0x669},   {0x905, 0x939},     {0xe01, 0xe3a},   {0x2010, 0x205f}, {0x20a0, 0x214f},
        {0x2190, 0x22ff}, {0x1f600, 0x1f64f}, {0x3000, 0x30ff}, {0x4e00, 0x4e7f}, {0xac00, 0xac7f},
        {0xe000, 0xe00f}, {0x300, 0x36f},     {0x0, 0x1f},      {0x10a0, 0x10ff}};
    enum { MOST = 512 };
    struct regex_range *found = schema_arena_take(&pattern->program.arena, MOST * sizeof *found);
    struct schema_pattern one = {0};
    struct buffer text;
    size_t count = 0;
    buffer_init(&text, SCHEMA_MAX_PATTERN * 8);
    if (found && regex_write_set(set, &text) == 0 &&
        compile_code(&one, buffer_bytes(&text), buffer_length(&text),
                     pattern->program.caseless ? PCRE2_CASELESS : 0, NULL, 0) == 0) {
        for (size_t i = 0; i < sizeof pool / sizeof *pool; i++)
            for (uint32_t c = pool[i].low; c <= pool[i].high && count < MOST; c++) {
                char bytes[4];
                size_t length = schema_utf8_encode(c, bytes);
                if (match_within(&one, bytes, length, EASY_LIMIT) >= 0)
                    found[count++] = (struct regex_range){c, c};
            }
        pcre2_code_free(one.code);
    }
    buffer_free(&text);
    set->ranges = found;
    set->range_count = count;
    set->negated = false;
    set->properties = NULL;
}

static void find_samples(struct schema_pattern *pattern, struct regex *piece, unsigned depth)
{
    if (piece->kind == REGEX_SET && piece->properties)
        sample_set(pattern, piece);
    for (struct regex *child = piece->child; child; child = child->next)
        find_samples(pattern, child, depth + 1);
}

/* The PCRE2 result: >= 0 for a match. */
static int match_within(const struct schema_pattern *pattern, const char *bytes, size_t length,
                        uint32_t limit)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result = PCRE2_ERROR_NOMEMORY;
    if (data && context) {
        pcre2_set_match_limit(context, limit);
        pcre2_set_depth_limit(context, DEPTH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_LIMIT);
        result = pcre2_match(pattern->code, (PCRE2_SPTR)bytes, length, 0, PCRE2_NO_UTF_CHECK, data,
                             context);
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return result;
}
