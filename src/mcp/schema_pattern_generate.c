/* Strings that match a regular expression, by walking its tree. A wanted length is handed down and
 * divided among the pieces, so that bounds on length are met by construction. What a lookahead asks
 * for is written over the result at a random place; the caller matches to be sure. */
#include "mcp/schema_pattern.h"

#include <string.h>

#define MAX_GROUPS  100
#define USUAL_EXTRA 12 /* code points above the shortest match, when nothing asks for more */
#define MAX_LOOKS   16

struct making {
    struct random *random;
    struct buffer *output;
    size_t written; /* code points */
    struct {
        size_t start, end; /* in the output, relative to `base` */
    } groups[MAX_GROUPS];
    size_t base; /* where this string starts in the output */
    size_t steps;
    const struct regex *looks[MAX_LOOKS]; /* positive lookaheads met */
    size_t look_count;
};

static int make_piece(struct making *making, const struct regex *piece, size_t length,
                      unsigned depth);
static int make_concatenation(struct making *making, const struct regex *piece, size_t length,
                              unsigned depth);
static int make_alternation(struct making *making, const struct regex *piece, size_t length,
                            unsigned depth);
static int make_repeat(struct making *making, const struct regex *piece, size_t length,
                       unsigned depth);
static int make_character(struct making *making, const struct regex *set);
static int make_group(struct making *making, const struct regex *piece, size_t length,
                      unsigned depth);
static int make_backreference(struct making *making, const struct regex *piece);
static bool anchored(const struct regex *piece, bool at_start);
static const struct regex *pick_branch(struct random *random, const struct regex *piece,
                                       size_t min_length, size_t max_length);
static int pad(struct making *making, size_t count);
static void satisfy_looks(struct making *making);

int schema_pattern_generate(const struct schema_pattern *pattern, struct random *random,
                            size_t min_length, size_t max_length, struct buffer *output)
{
    if (!pattern->readable || min_length > max_length || min_length > SCHEMA_MAX_STRING)
        return -1;
    struct making making = {.random = random,
                            .output = output,
                            .base = buffer_length(output),
                            .steps = 4 * SCHEMA_MAX_STRING};
    const struct regex *root = pick_branch(random, pattern->program.root, min_length, max_length);
    if (!root || root->shortest > SCHEMA_MAX_STRING || root->shortest > max_length)
        return -1;
    size_t low = min_length > root->shortest ? min_length : root->shortest;
    size_t high = max_length < root->longest ? max_length : root->longest;
    size_t length = root->longest;
    if (low <= high) {
        size_t extra = high - low < USUAL_EXTRA ? high - low : USUAL_EXTRA;
        length = low + random_below(random, extra + 1);
    }
    bool open_start = !anchored(root, true), open_end = !anchored(root, false);
    size_t missing = length < min_length ? min_length - length : 0;
    if (missing && !open_end && !open_start)
        return -1;
    if (missing && !open_end && pad(&making, missing) < 0)
        return -1;
    if (make_piece(&making, root, length, 0) < 0)
        return -1;
    if (missing && open_end && pad(&making, missing) < 0)
        return -1;
    satisfy_looks(&making);
    return 0;
}

void schema_pattern_open_ends(const struct schema_pattern *pattern, bool *before, bool *behind)
{
    *before = *behind = false;
    if (!pattern->readable)
        return;
    *before = !anchored(pattern->program.root, true);
    *behind = !anchored(pattern->program.root, false);
}

static int make_piece(struct making *making, const struct regex *piece, size_t length,
                      unsigned depth)
{
    if (making->steps == 0)
        return -1;
    making->steps--;
    switch (piece->kind) {
    case REGEX_SET:
        return make_character(making, piece);
    case REGEX_CONCATENATION:
        return make_concatenation(making, piece, length, depth);
    case REGEX_ALTERNATION:
        return make_alternation(making, piece, length, depth);
    case REGEX_REPEAT:
        return make_repeat(making, piece, length, depth);
    case REGEX_GROUP:
        return make_group(making, piece, length, depth);
    case REGEX_BACKREFERENCE:
        return make_backreference(making, piece);
    case REGEX_LOOK:
        if (!piece->negated && !piece->behind && making->look_count < MAX_LOOKS)
            making->looks[making->look_count++] = piece;
        return 0;
    default:
        return 0;
    }
}

/* A share of `length` for one piece of several: at least its shortest, leaving the others theirs.
 */
static size_t share(struct random *random, size_t length, size_t shortest, size_t longest,
                    size_t others_shortest, size_t others_longest)
{
    size_t low = shortest, high = longest;
    if (others_longest < length && length - others_longest > low)
        low = length - others_longest; /* the others cannot take more */
    if (length < others_shortest + low)
        high = low;
    else if (length - others_shortest < high)
        high = length - others_shortest;
    if (low > longest)
        low = longest;
    if (high < low)
        high = low;
    return low + random_below(random, high - low + 1);
}

static size_t saturating_add(size_t left, size_t right)
{
    return left > SCHEMA_NO_LIMIT - right ? SCHEMA_NO_LIMIT : left + right;
}

static int make_concatenation(struct making *making, const struct regex *piece, size_t length,
                              unsigned depth)
{
    size_t others_shortest = piece->shortest;
    for (const struct regex *child = piece->child; child; child = child->next) {
        size_t others_longest = 0;
        others_shortest -= child->shortest;
        for (const struct regex *later = child->next; later; later = later->next)
            others_longest = saturating_add(others_longest, later->longest);
        size_t part = share(making->random, length, child->shortest, child->longest,
                            others_shortest, others_longest);
        if (make_piece(making, child, part, depth + 1) < 0)
            return -1;
        length -= part < length ? part : length;
    }
    return 0;
}

static int make_alternation(struct making *making, const struct regex *piece, size_t length,
                            unsigned depth)
{
    const struct regex *branch = pick_branch(making->random, piece, length, length);
    if (!branch)
        branch = pick_branch(making->random, piece, 0, SCHEMA_NO_LIMIT);
    if (!branch)
        return -1;
    if (length < branch->shortest)
        length = branch->shortest;
    if (length > branch->longest)
        length = branch->longest;
    return make_piece(making, branch, length, depth + 1);
}

static int make_repeat(struct making *making, const struct regex *piece, size_t length,
                       unsigned depth)
{
    const struct regex *child = piece->child;
    size_t least = piece->minimum, most = piece->maximum;
    if (child->longest == 0) /* assertions only */
        most = least = least ? 1 : 0;
    else if (child->longest != SCHEMA_NO_LIMIT &&
             (length + child->longest - 1) / child->longest > least)
        least = (length + child->longest - 1) / child->longest;
    size_t fitting = child->shortest ? length / child->shortest : length;
    if (fitting < most)
        most = fitting;
    if (least > piece->maximum)
        least = piece->maximum;
    if (length > 0 && least == 0 && most > 0)
        least = 1;
    if (most < least)
        most = least;
    size_t count = least + random_below(making->random, most - least + 1);
    for (size_t left = count; left > 0; left--) {
        size_t others = left - 1;
        size_t others_longest = others == 0                             ? 0
                                : child->longest >= length / others + 1 ? SCHEMA_NO_LIMIT
                                                                        : child->longest * others;
        size_t part = share(making->random, length, child->shortest, child->longest,
                            child->shortest * others, others_longest);
        if (make_piece(making, child, part, depth + 1) < 0)
            return -1;
        length -= part < length ? part : length;
    }
    return 0;
}

/* A code point of `set` within [low, high], chosen evenly; false when there is none. */
static bool pick_within(struct random *random, const struct regex *set, uint32_t low, uint32_t high,
                        uint32_t *code_point)
{
    uint64_t count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        uint64_t left = pass == 1 ? random_below(random, count) : 0;
        for (size_t i = 0; i < set->range_count; i++) {
            uint32_t from = set->ranges[i].low > low ? set->ranges[i].low : low;
            uint32_t to = set->ranges[i].high < high ? set->ranges[i].high : high;
            if (from > to)
                continue;
            uint64_t size = (uint64_t)to - from + 1;
            if (pass == 1 && left < size) {
                *code_point = from + (uint32_t)left;
                return true;
            }
            left -= pass == 1 ? size : 0;
            count += pass == 0 ? size : 0;
        }
        if (count == 0)
            return false;
    }
    return false;
}

/* A wide class (a dot, \S, [^x]) means text: letters. Otherwise what prints; at last anything. */
static int make_character(struct making *making, const struct regex *set)
{
    static const struct regex_range preferred[] = {{'a', 'z'},     {'!', '~'},         {' ', '~'},
                                                   {0xa1, 0xd7ff}, {0xe000, 0x10ffff}, {1, 0x1f}};
    uint64_t size = 0;
    for (size_t i = 0; i < set->range_count; i++)
        size += set->ranges[i].high - set->ranges[i].low + 1;
    uint32_t code_point = 0;
    bool found = false;
    size_t first = size > 1000 ? 0 : 1;
    if (size > 1 && size <= 1000) { /* [0-9a-f], \w: evenly, so far as it prints */
        static const struct regex_range ends[] = {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}};
        size_t end = random_below(making->random, 3);
        for (size_t i = 0; i < 3 && !found; i++, end = (end + 1) % 3)
            found = pick_within(making->random, set, ends[end].low, ends[end].high, &code_point);
    }
    for (size_t i = first; i < sizeof preferred / sizeof *preferred && !found; i++)
        found = pick_within(making->random, set, preferred[i].low, preferred[i].high, &code_point);
    if (!found)
        return -1;
    char bytes[4];
    making->written++;
    return buffer_append(making->output, bytes, schema_utf8_encode(code_point, bytes));
}

static int make_group(struct making *making, const struct regex *piece, size_t length,
                      unsigned depth)
{
    size_t start = buffer_length(making->output) - making->base;
    if (make_piece(making, piece->child, length, depth + 1) < 0)
        return -1;
    if (piece->group && piece->group < MAX_GROUPS) {
        making->groups[piece->group].start = start;
        making->groups[piece->group].end = buffer_length(making->output) - making->base;
    }
    return 0;
}

static int make_backreference(struct making *making, const struct regex *piece)
{
    if (piece->group >= MAX_GROUPS)
        return -1;
    size_t start = making->groups[piece->group].start;
    size_t length = making->groups[piece->group].end - start;
    if (length == 0)
        return 0;
    char *place = buffer_reserve(making->output, length);
    if (!place)
        return -1;
    memcpy(place, buffer_bytes(making->output) + making->base + start, length);
    buffer_commit(making->output, length);
    return 0;
}

/* True when every match starts (or ends) at the string's own start (or end). */
static bool anchored(const struct regex *piece, bool at_start)
{
    const struct regex *found = NULL;
    switch (piece->kind) {
    case REGEX_START:
        return at_start;
    case REGEX_END:
        return !at_start;
    case REGEX_GROUP:
        return anchored(piece->child, at_start);
    case REGEX_ALTERNATION:
        for (const struct regex *child = piece->child; child; child = child->next)
            if (!anchored(child, at_start))
                return false;
        return true;
    case REGEX_CONCATENATION:
        for (const struct regex *child = piece->child; child; child = child->next) {
            if (child->kind == REGEX_LOOK)
                continue;
            found = child;
            if (at_start)
                break;
        }
        return found && anchored(found, at_start);
    default:
        return false;
    }
}

/* One branch of an alternation (through groups that hold nothing else), evenly among those whose
 * lengths meet [min_length, max_length]; a branch open at an end can be padded. */
static const struct regex *pick_branch(struct random *random, const struct regex *piece,
                                       size_t min_length, size_t max_length)
{
    if (piece->kind != REGEX_ALTERNATION)
        return piece;
    size_t fitting = 0;
    const struct regex *picked = NULL;
    for (const struct regex *child = piece->child; child; child = child->next) {
        bool grows = !anchored(child, true) || !anchored(child, false);
        if (child->shortest > max_length ||
            (child->longest < min_length && (!grows || min_length == max_length)))
            continue;
        fitting++;
        if (random_below(random, fitting) == 0)
            picked = child;
    }
    return picked;
}

static int pad(struct making *making, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (buffer_append_char(making->output, (char)('a' + random_below(making->random, 26))) < 0)
            return -1;
    return 0;
}

/* Make what one lookahead wants, without the .* around it. */
static int make_wish(struct making *wish, const struct regex *look)
{
    const struct regex *inside = look->child;
    if (inside->kind == REGEX_ALTERNATION)
        inside = inside->child;
    if (inside->kind != REGEX_CONCATENATION)
        return make_piece(wish, inside, inside->shortest, 0);
    for (const struct regex *child = inside->child; child; child = child->next)
        if (make_piece(wish, child, child->shortest, 0) < 0)
            return -1;
    return 0;
}

/* ^(?=.*[A-Z])(?=.*\d).{8,}$: write an upper-case letter and a digit over what the rest made. Each
 * wish gets a place of its own, from a random start on. Only ASCII gives way, byte for byte. */
static void satisfy_looks(struct making *making)
{
    size_t length = buffer_length(making->output) - making->base;
    size_t at = length ? random_below(making->random, length) : 0;
    for (size_t i = 0; length > 0 && i < making->look_count; i++) {
        struct buffer text;
        buffer_init(&text, SCHEMA_MAX_STRING);
        struct making wish = {.random = making->random, .output = &text, .steps = 10000};
        size_t size = make_wish(&wish, making->looks[i]) == 0 ? buffer_length(&text) : 0;
        char *bytes = buffer_bytes(making->output) + making->base;
        if (size > 0 && size <= length) {
            if (at + size > length)
                at = 0;
            bool plain = true;
            for (size_t k = 0; k < size; k++)
                plain &= (unsigned char)bytes[at + k] < 0x80;
            if (plain)
                memcpy(bytes + at, buffer_bytes(&text), size);
            at += size;
        }
        buffer_free(&text);
    }
}
