/* Sets of code points for the classes of regular expressions: ranges collected in any order, then
 * sorted and joined; complements; and what ECMA-262 means by \d, \w and \s (PCRE2 means less by
 * \s). */
#include "mcp/schema_regex.h"

#include <stdlib.h>
#include <string.h>

void regex_set_add(struct regex_set_builder *set, uint32_t low, uint32_t high)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 8;
        struct regex_range *ranges = realloc(set->ranges, capacity * sizeof *ranges);
        if (!ranges) {
            set->failed = true;
            return;
        }
        set->ranges = ranges;
        set->capacity = capacity;
    }
    set->ranges[set->count++] = (struct regex_range){low, high};
}

void regex_set_add_shorthand(struct regex_set_builder *set, char letter)
{
    static const struct regex_range digits[] = {{'0', '9'}};
    static const struct regex_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const struct regex_range spaces[] = {
        {0x09, 0x0d},     {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
    const struct regex_range *ranges = digits;
    size_t count = 1;
    if ((letter | 0x20) == 'w') {
        ranges = words;
        count = sizeof words / sizeof *words;
    } else if ((letter | 0x20) == 's') {
        ranges = spaces;
        count = sizeof spaces / sizeof *spaces;
    }
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (letter >= 'a') {
            regex_set_add(set, ranges[i].low, ranges[i].high);
        } else {
            if (ranges[i].low > next)
                regex_set_add(set, next, ranges[i].low - 1);
            next = ranges[i].high + 1;
        }
    }
    if (letter < 'a')
        regex_set_add(set, next, REGEX_MAX_CODE_POINT);
}

static int compare_ranges(const void *left, const void *right)
{
    const struct regex_range *a = left, *b = right;
    return a->low < b->low ? -1 : a->low > b->low;
}

void regex_set_join(struct regex_set_builder *set)
{
    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof *set->ranges, compare_ranges);
    size_t last = 0;
    for (size_t i = 1; i < set->count; i++) {
        if (set->ranges[i].low <= set->ranges[last].high + 1) {
            if (set->ranges[i].high > set->ranges[last].high)
                set->ranges[last].high = set->ranges[i].high;
        } else {
            set->ranges[++last] = set->ranges[i];
        }
    }
    set->count = last + 1;
}

void regex_set_complement(struct regex_set_builder *set)
{
    struct regex_set_builder complement = {0};
    uint32_t next = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (set->ranges[i].low > next)
            regex_set_add(&complement, next, set->ranges[i].low - 1);
        next = set->ranges[i].high + 1;
    }
    if (next <= REGEX_MAX_CODE_POINT)
        regex_set_add(&complement, next, REGEX_MAX_CODE_POINT);
    complement.failed |= set->failed;
    complement.properties = set->properties;
    free(set->ranges);
    *set = complement;
}

const char *regex_category_abbreviation(const char *name, size_t length)
{
    static const char *const names[][2] = {{"Letter", "L"},
                                           {"Uppercase_Letter", "Lu"},
                                           {"Lowercase_Letter", "Ll"},
                                           {"Titlecase_Letter", "Lt"},
                                           {"Cased_Letter", "L&"},
                                           {"Modifier_Letter", "Lm"},
                                           {"Other_Letter", "Lo"},
                                           {"Mark", "M"},
                                           {"Combining_Mark", "M"},
                                           {"Nonspacing_Mark", "Mn"},
                                           {"Spacing_Mark", "Mc"},
                                           {"Enclosing_Mark", "Me"},
                                           {"Number", "N"},
                                           {"Decimal_Number", "Nd"},
                                           {"digit", "Nd"},
                                           {"Letter_Number", "Nl"},
                                           {"Other_Number", "No"},
                                           {"Punctuation", "P"},
                                           {"punct", "P"},
                                           {"Connector_Punctuation", "Pc"},
                                           {"Dash_Punctuation", "Pd"},
                                           {"Open_Punctuation", "Ps"},
                                           {"Close_Punctuation", "Pe"},
                                           {"Initial_Punctuation", "Pi"},
                                           {"Final_Punctuation", "Pf"},
                                           {"Other_Punctuation", "Po"},
                                           {"Symbol", "S"},
                                           {"Math_Symbol", "Sm"},
                                           {"Currency_Symbol", "Sc"},
                                           {"Modifier_Symbol", "Sk"},
                                           {"Other_Symbol", "So"},
                                           {"Separator", "Z"},
                                           {"Space_Separator", "Zs"},
                                           {"Line_Separator", "Zl"},
                                           {"Paragraph_Separator", "Zp"},
                                           {"Other", "C"},
                                           {"Control", "Cc"},
                                           {"cntrl", "Cc"},
                                           {"Format", "Cf"},
                                           {"Surrogate", "Cs"},
                                           {"Private_Use", "Co"},
                                           {"Unassigned", "Cn"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i][0]) == length && memcmp(names[i][0], name, length) == 0)
            return names[i][1];
    return NULL;
}
