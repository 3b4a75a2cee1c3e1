/* The reader of ECMA-262 regular expressions: recursive descent, bounded in depth and in pieces.
 * Beside the standard it takes what servers written in other languages send: \A, \Z and \z,
 * (?P<name>, and flags at the start. */
#include "mcp/schema_regex.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 64

struct parser {
    struct regex_program *program;
    const char *at;
    unsigned depth, pieces, groups;
    const char *problem;
    struct {
        const char *name;
        size_t length;
    } names[MAX_NAMES]; /* of named groups, by group number - 1 */
};

static struct regex *parse_alternation(struct parser *parser);
static struct regex *parse_sequence(struct parser *parser);
static struct regex *parse_repeated(struct parser *parser);
static struct regex *parse_atom(struct parser *parser);
static struct regex *parse_group(struct parser *parser);
static struct regex *parse_escape(struct parser *parser);
static struct regex *parse_class(struct parser *parser);
static bool parse_braces(struct parser *parser, uint32_t *minimum, uint32_t *maximum);
static int parse_code_escape(struct parser *parser, uint32_t *code_point);
static bool add_class_escape(struct parser *parser, struct regex_set_builder *set);
static struct regex *new_piece(struct parser *parser, enum regex_kind kind);
static struct regex *fail(struct parser *parser, const char *problem);
static uint32_t next_code_point(struct parser *parser);
static struct regex *set_finish(struct parser *parser, struct regex_set_builder *set, bool negated);
static void find_group_names(struct parser *parser, const char *text);
static void skip_flags(struct parser *parser);

int regex_parse(struct regex_program *program, const char *text, char *problem, size_t size)
{
    struct parser parser = {.program = program, .at = text};
    if (strlen(text) > SCHEMA_MAX_PATTERN) {
        snprintf(problem, size, "longer than %d bytes", SCHEMA_MAX_PATTERN);
        return -1;
    }
    find_group_names(&parser, text);
    skip_flags(&parser);
    program->root = parse_alternation(&parser);
    if (program->root && *parser.at)
        program->root = fail(&parser, "unmatched )");
    if (program->root)
        return 0;
    snprintf(problem, size, "%s at byte %zu", parser.problem ? parser.problem : "too complex",
             (size_t)(parser.at - text));
    return -1;
}

static struct regex *parse_alternation(struct parser *parser)
{
    if (++parser->depth > REGEX_MAX_DEPTH)
        return fail(parser, "nested too deeply");
    struct regex *first = parse_sequence(parser);
    if (first && *parser->at == '|') {
        struct regex *alternation = new_piece(parser, REGEX_ALTERNATION);
        if (!alternation)
            return NULL;
        alternation->child = first;
        struct regex *last = first;
        while (*parser->at == '|') {
            parser->at++;
            last->next = parse_sequence(parser);
            last = last->next;
            if (!last)
                return NULL;
        }
        first = alternation;
    }
    parser->depth--;
    return first;
}

static struct regex *parse_sequence(struct parser *parser)
{
    struct regex *sequence = new_piece(parser, REGEX_CONCATENATION);
    if (!sequence)
        return NULL;
    struct regex **link = &sequence->child;
    while (*parser->at && *parser->at != '|' && *parser->at != ')') {
        *link = parse_repeated(parser);
        if (!*link)
            return NULL;
        link = &(*link)->next;
    }
    return sequence;
}

static struct regex *parse_repeated(struct parser *parser)
{
    struct regex *atom = parse_atom(parser);
    if (!atom)
        return NULL;
    uint32_t minimum = 0, maximum = REGEX_UNBOUNDED;
    if (*parser->at == '*')
        parser->at++;
    else if (*parser->at == '+') {
        minimum = 1;
        parser->at++;
    } else if (*parser->at == '?') {
        maximum = 1;
        parser->at++;
    } else if (*parser->at != '{' || !parse_braces(parser, &minimum, &maximum)) {
        return atom;
    }
    if (minimum > maximum)
        return fail(parser, "numbers out of order in {}");
    if (atom->kind == REGEX_START || atom->kind == REGEX_END)
        return fail(parser, "nothing to repeat");
    struct regex *repeat = new_piece(parser, REGEX_REPEAT);
    if (!repeat)
        return NULL;
    repeat->child = atom;
    repeat->minimum = minimum;
    repeat->maximum = maximum;
    if (*parser->at == '?') {
        repeat->lazy = true;
        parser->at++;
    }
    if (*parser->at == '*' || *parser->at == '+')
        return fail(parser, "nothing to repeat");
    return repeat;
}

static struct regex *parse_atom(struct parser *parser)
{
    struct regex_set_builder set = {0};
    switch (*parser->at) {
    case '(':
        return parse_group(parser);
    case '[':
        return parse_class(parser);
    case '\\':
        return parse_escape(parser);
    case '^':
        parser->at++;
        return new_piece(parser, REGEX_START);
    case '$':
        parser->at++;
        return new_piece(parser, REGEX_END);
    case '.':
        parser->at++;
        if (!parser->program->dot_all) {
            regex_set_add(&set, '\n', '\n');
            regex_set_add(&set, '\r', '\r');
            regex_set_add(&set, 0x2028, 0x2029);
        }
        return set_finish(parser, &set, true);
    case '*':
    case '+':
    case '?':
        return fail(parser, "nothing to repeat");
    default:
        break;
    }
    uint32_t code_point = next_code_point(parser);
    regex_set_add(&set, code_point, code_point);
    return set_finish(parser, &set, false);
}

static unsigned group_by_name(const struct parser *parser, const char *name, size_t length)
{
    for (unsigned i = 0; i < MAX_NAMES; i++)
        if (parser->names[i].name && parser->names[i].length == length &&
            memcmp(parser->names[i].name, name, length) == 0)
            return i + 1;
    return 0;
}

static struct regex *parse_group(struct parser *parser)
{
    parser->at++; /* ( */
    struct regex *group = new_piece(parser, REGEX_GROUP);
    if (!group)
        return NULL;
    if (*parser->at != '?') {
        group->group = ++parser->groups;
    } else if (strncmp(parser->at, "?:", 2) == 0) {
        parser->at += 2;
    } else if (strncmp(parser->at, "?=", 2) == 0 || strncmp(parser->at, "?!", 2) == 0) {
        group->kind = REGEX_LOOK;
        group->negated = parser->at[1] == '!';
        parser->at += 2;
    } else if (strncmp(parser->at, "?<=", 3) == 0 || strncmp(parser->at, "?<!", 3) == 0) {
        group->kind = REGEX_LOOK;
        group->behind = true;
        group->negated = parser->at[2] == '!';
        parser->at += 3;
    } else if (strncmp(parser->at, "?<", 2) == 0 || strncmp(parser->at, "?P<", 3) == 0) {
        parser->at = strchr(parser->at, '>');
        if (!parser->at)
            return parser->at = "", fail(parser, "a group name without its >");
        parser->at++;
        group->group = ++parser->groups;
    } else {
        return fail(parser, "unknown kind of group");
    }
    group->child = parse_alternation(parser);
    if (!group->child)
        return NULL;
    if (*parser->at != ')')
        return fail(parser, "( without its )");
    parser->at++;
    return group;
}

static struct regex *parse_backreference(struct parser *parser, unsigned group)
{
    struct regex *piece = new_piece(parser, REGEX_BACKREFERENCE);
    if (piece)
        piece->group = group;
    return piece;
}

static struct regex *parse_escape(struct parser *parser)
{
    char letter = parser->at[1];
    if (letter == 'b' || letter == 'B') {
        parser->at += 2;
        return new_piece(parser, letter == 'b' ? REGEX_WORD_BOUNDARY : REGEX_NOT_WORD_BOUNDARY);
    }
    if (letter == 'A' || letter == 'Z' || letter == 'z') { /* not ECMA-262: Python, Rust, Go */
        parser->at += 2;
        return new_piece(parser, letter == 'A' ? REGEX_START : REGEX_END);
    }
    if (letter >= '1' && letter <= '9') {
        char *end;
        unsigned long group = strtoul(parser->at + 1, &end, 10);
        if (group > 1000)
            return fail(parser, "a reference to a group that does not exist");
        parser->at = end;
        return parse_backreference(parser, (unsigned)group);
    }
    if (letter == 'k' && parser->at[2] == '<') {
        const char *name = parser->at + 3;
        size_t length = strcspn(name, ">");
        unsigned group = group_by_name(parser, name, length);
        if (!group || !name[length])
            return fail(parser, "a reference to a group that does not exist");
        parser->at = name + length + 1;
        return parse_backreference(parser, group);
    }
    struct regex_set_builder set = {0};
    if (!add_class_escape(parser, &set)) {
        uint32_t code_point;
        if (parse_code_escape(parser, &code_point) < 0)
            return NULL;
        regex_set_add(&set, code_point, code_point);
    }
    return set_finish(parser, &set, false);
}

/* [...]; `at` is on the bracket. */
static struct regex *parse_class(struct parser *parser)
{
    struct regex_set_builder set = {0};
    bool negated = parser->at[1] == '^';
    parser->at += 1 + negated;
    while (*parser->at != ']') {
        uint32_t low, high;
        if (!*parser->at) {
            free(set.ranges);
            buffer_free(&set.properties);
            return fail(parser, "[ without its ]");
        }
        if (*parser->at == '\\' && add_class_escape(parser, &set))
            continue;
        bool broken = false;
        low = high = 0;
        if (*parser->at == '\\')
            broken = parse_code_escape(parser, &low) < 0;
        else
            low = next_code_point(parser);
        high = low;
        if (!broken && parser->at[0] == '-' && parser->at[1] != ']' && parser->at[1]) {
            const char *dash = parser->at++;
            if (parser->at[0] == '\\' && strchr("dDwWsSpP", parser->at[1]))
                parser->at = dash; /* "a-\d": the dash stands for itself */
            else if (*parser->at == '\\')
                broken = parse_code_escape(parser, &high) < 0;
            else
                high = next_code_point(parser);
        }
        if (broken || high < low) {
            free(set.ranges);
            buffer_free(&set.properties);
            return broken ? NULL : fail(parser, "a range out of order in []");
        }
        regex_set_add(&set, low, high);
    }
    parser->at++;
    return set_finish(parser, &set, negated);
}

/* {2}, {2,}, {2,5}; anything else is a literal brace. */
static bool parse_braces(struct parser *parser, uint32_t *minimum, uint32_t *maximum)
{
    const char *at = parser->at + 1;
    uint64_t numbers[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        const char *start = at;
        for (; *at >= '0' && *at <= '9'; at++)
            if (numbers[i] < REGEX_UNBOUNDED)
                numbers[i] = numbers[i] * 10 + (unsigned)(*at - '0');
        if (i == 1 && at == start)
            numbers[1] = REGEX_UNBOUNDED;
        if (i == 0 && at == start)
            return false;
        if (i == 0 && *at != ',') {
            numbers[1] = numbers[0];
            break;
        }
        if (i == 0)
            at++;
    }
    if (*at != '}')
        return false;
    parser->at = at + 1;
    *minimum = numbers[0] < REGEX_UNBOUNDED ? (uint32_t)numbers[0] : REGEX_UNBOUNDED - 1;
    *maximum = numbers[1] < REGEX_UNBOUNDED ? (uint32_t)numbers[1] : REGEX_UNBOUNDED;
    return true;
}

static int parse_hex(const char *text, unsigned digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = text[i];
        char lower = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            *value = *value * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *value = *value * 16 + (uint32_t)(lower - 'a' + 10);
        else
            return -1;
    }
    return 0;
}

/* \uXXXX, \u{X...} and surrogate pairs; `at` is behind the u. */
static int parse_unicode_escape(struct parser *parser, uint32_t *code_point)
{
    uint32_t low;
    if (*parser->at == '{') {
        unsigned digits = (unsigned)strcspn(parser->at + 1, "}");
        if (digits == 0 || digits > 8 || parser->at[1 + digits] != '}' ||
            parse_hex(parser->at + 1, digits, code_point) < 0 || *code_point > REGEX_MAX_CODE_POINT)
            return -1;
        parser->at += digits + 2;
        return 0;
    }
    if (parse_hex(parser->at, 4, code_point) < 0)
        return -1;
    parser->at += 4;
    if (*code_point >= 0xd800 && *code_point < 0xdc00 && parser->at[0] == '\\' &&
        parser->at[1] == 'u' && parse_hex(parser->at + 2, 4, &low) == 0 && low >= 0xdc00 &&
        low < 0xe000) {
        *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
        parser->at += 6;
    }
    return 0;
}

/* An escape that stands for one code point; `at` is on the backslash. */
static int parse_code_escape(struct parser *parser, uint32_t *code_point)
{
    static const char letters[] = "fnrtvb0", values[] = "\f\n\r\t\v\b";
    char letter = *++parser->at;
    if (!letter) {
        fail(parser, "\\ at the end");
        return -1;
    }
    const char *found = strchr(letters, letter);
    if (found) {
        *code_point = (unsigned char)values[found - letters];
        parser->at++;
    } else if (letter == 'x' && parse_hex(parser->at + 1, 2, code_point) == 0) {
        parser->at += 3;
    } else if (letter == 'c' && (parser->at[1] | 0x20) >= 'a' && (parser->at[1] | 0x20) <= 'z') {
        *code_point = (uint32_t)parser->at[1] & 31;
        parser->at += 2;
    } else if (letter == 'u') {
        parser->at++;
        if (parse_unicode_escape(parser, code_point) < 0) {
            fail(parser, "\\u without its digits");
            return -1;
        }
    } else if ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z') {
        fail(parser, "unknown escape");
        return -1;
    } else {
        *code_point = next_code_point(parser);
    }
    return 0;
}

static bool add_property(struct parser *parser, struct regex_set_builder *set)
{
    const char *name = parser->at + 3;
    size_t length = strcspn(name, "}");
    char negation = parser->at[1];
    if (parser->at[2] != '{' || !name[length] || length > 64)
        return false;
    parser->at = name + length + 1;
    const char *equals = memchr(name, '=', length);
    if (equals && (strncmp(name, "General_Category", 16) == 0 || strncmp(name, "gc", 2) == 0)) {
        length -= (size_t)(equals + 1 - name);
        name = equals + 1;
        equals = NULL;
    }
    const char *abbreviation = regex_category_abbreviation(name, length);
    if (!set->properties.limit)
        buffer_init(&set->properties, 4096);
    int written;
    if (abbreviation)
        written = buffer_printf(&set->properties, "\\%c{%s}", negation, abbreviation);
    else if (equals && strncmp(name, "scx", 3) != 0 && strncmp(name, "Script_", 7) != 0)
        written = buffer_printf(&set->properties, "\\%c{sc:%.*s}", negation,
                                (int)(length - (size_t)(equals + 1 - name)), equals + 1);
    else if (equals)
        written = buffer_printf(&set->properties, "\\%c{scx:%.*s}", negation,
                                (int)(length - (size_t)(equals + 1 - name)), equals + 1);
    else
        written = buffer_printf(&set->properties, "\\%c{%.*s}", negation, (int)length, name);
    set->failed |= written < 0;
    return true;
}

/* \d, \w, \s, \p{} and their negations; false when `at` is on something else. */
static bool add_class_escape(struct parser *parser, struct regex_set_builder *set)
{
    char letter = parser->at[1];
    if (letter == 'p' || letter == 'P')
        return add_property(parser, set);
    if (!letter || !strchr("dDwWsS", letter))
        return false;
    regex_set_add_shorthand(set, letter);
    parser->at += 2;
    return true;
}

static struct regex *new_piece(struct parser *parser, enum regex_kind kind)
{
    struct regex *piece = NULL;
    if (++parser->pieces <= REGEX_MAX_PIECES)
        piece = schema_arena_take(&parser->program->arena, sizeof *piece);
    if (!piece)
        return fail(parser, "too many parts");
    piece->kind = kind;
    return piece;
}

static struct regex *fail(struct parser *parser, const char *problem)
{
    if (!parser->problem)
        parser->problem = problem;
    return NULL;
}

static uint32_t next_code_point(struct parser *parser)
{
    const unsigned char *bytes = (const unsigned char *)parser->at;
    unsigned more = bytes[0] >= 0xf0 ? 3 : bytes[0] >= 0xe0 ? 2 : bytes[0] >= 0xc0 ? 1 : 0;
    uint32_t code_point = more == 0 ? bytes[0] : bytes[0] & (0x3fu >> more);
    parser->at++;
    for (; more > 0 && (*parser->at & 0xc0) == 0x80; more--)
        code_point = code_point << 6 | ((unsigned char)*parser->at++ & 0x3f);
    return code_point;
}

static struct regex *set_finish(struct parser *parser, struct regex_set_builder *set, bool negated)
{
    regex_set_join(set);
    bool has_properties = buffer_length(&set->properties) > 0;
    if (negated && !has_properties)
        regex_set_complement(set);
    struct regex *piece = set->failed ? NULL : new_piece(parser, REGEX_SET);
    if (piece) {
        struct schema_arena *arena = &parser->program->arena;
        piece->negated = negated && has_properties;
        piece->range_count = set->count;
        piece->ranges = schema_arena_take(arena, set->count * sizeof *piece->ranges);
        if (piece->ranges && set->count)
            memcpy(piece->ranges, set->ranges, set->count * sizeof *piece->ranges);
        if (has_properties)
            piece->properties = schema_arena_copy(arena, buffer_bytes(&set->properties),
                                                  buffer_length(&set->properties));
        if (!piece->ranges || (has_properties && !piece->properties))
            piece = NULL;
    }
    free(set->ranges);
    buffer_free(&set->properties);
    return piece ? piece : fail(parser, "out of memory");
}

/* A name may be referred to before its group: number the groups first. */
static void find_group_names(struct parser *parser, const char *text)
{
    unsigned groups = 0;
    bool in_class = false;
    for (const char *at = text; *at; at++) {
        if (*at == '\\' && at[1]) {
            at++;
        } else if (*at == '[') {
            in_class = true;
        } else if (*at == ']') {
            in_class = false;
        } else if (*at == '(' && !in_class) {
            bool named = (at[1] == '?' && at[2] == '<' && at[3] != '=' && at[3] != '!') ||
                         strncmp(at + 1, "?P<", 3) == 0;
            if (named && groups < MAX_NAMES) {
                parser->names[groups].name = strchr(at, '<') + 1;
                parser->names[groups].length = strcspn(parser->names[groups].name, ">");
            }
            groups += named || at[1] != '?';
        }
    }
}

/* (?i) and the like at the very start, which Python and Rust servers write. */
static void skip_flags(struct parser *parser)
{
    size_t letters =
        parser->at[0] == '(' && parser->at[1] == '?' ? strspn(parser->at + 2, "imsu") : 0;
    if (letters == 0 || parser->at[2 + letters] != ')')
        return;
    for (size_t i = 0; i < letters; i++) {
        parser->program->caseless |= parser->at[2 + i] == 'i';
        parser->program->multiline |= parser->at[2 + i] == 'm';
        parser->program->dot_all |= parser->at[2 + i] == 's';
    }
    parser->at += letters + 3;
}
