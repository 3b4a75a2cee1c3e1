/* The search for a value: collect a demand, build to it, check, and go to the next choice when it
 * did not come out. Everything is counted: attempts, values, steps of validation, bytes. */
#include "mcp/schema_generate.h"

#include <stdarg.h>
#include <string.h>

#define LUCK 6 /* tries with the same choices where luck plays a part */

static json_t *build(struct demand *d, const struct literal *literals, size_t count);
static json_t *from_candidates(struct demand *d, const struct literal *literals, size_t count);
static json_t *from_hints(struct demand *d, const struct literal *literals, size_t count);
static json_t *build_type(struct demand *d, unsigned types);
static bool acceptable(struct generator *g, const struct wish *wish, const struct literal *literals,
                       size_t count, const json_t *value, const char **why, char *text,
                       size_t size);
static size_t culprit(struct demand *d, const json_t *value);
static bool advance(struct choices *choices, size_t at);

json_t *schema_generate(const struct schema *schema, struct random *random,
                        enum schema_generate_style style, struct error *error)
{
    struct generator g = {.random = random,
                          .varied = style == SCHEMA_GENERATE_VARIED,
                          .work = GENERATE_WORK,
                          .steps = GENERATE_STEPS,
                          .output = GENERATE_MAX_OUTPUT};
    struct literal root = {schema->root, false};
    struct wish wish = {0};
    json_t *value = generate_value(&g, &root, 1, &wish);
    if (value)
        return value;
    if (g.work == 0 || g.steps == 0)
        error_set(error, ERROR_USAGE, "no valid value was found within the work allowed; last: %s",
                  g.problem);
    else
        error_set(error, ERROR_USAGE, "%s", g.problem[0] ? g.problem : "no valid value was found");
    return NULL;
}

json_t *generate_value(struct generator *g, const struct literal *literals, size_t count,
                       const struct wish *wish)
{
    struct choices choices;
    size_t luck = LUCK, rounds = 0;
    choices.count = 0;
    g->made++;
    if (wish->depth > GENERATE_HARD_DEPTH) {
        generate_fail(g, literals[0].node->pointer, "values nest more than %d deep",
                      GENERATE_HARD_DEPTH);
        return NULL;
    }
    for (unsigned attempt = 0; attempt < GENERATE_ATTEMPTS && g->work > 0 && g->steps > 0;
         attempt++) {
        struct demand d;
        const char *why = NULL;
        char text[500];
        size_t at = SIZE_MAX;
        g->work--;
        demand_open(&d, g, &choices, wish);
        json_t *value = demand_collect(&d, literals, count) ? build(&d, literals, count) : NULL;
        bool built = value != NULL;
        if (value && !acceptable(g, wish, literals, count, value, &why, text, sizeof text)) {
            at = culprit(&d, value);
            json_decref(value);
            value = NULL;
            generate_fail(g, d.pointer, "no value was found that meets all of it: %s", why);
        }
        bool chance = d.chance || built;
        demand_close(&d);
        if (value)
            return value;
        if (chance && at == SIZE_MAX && --luck > 0)
            continue;
        luck = LUCK;
        if (!advance(&choices, at) && (!chance || ++rounds > 2))
            break;
    }
    return NULL;
}

int generate_fail(struct generator *g, const char *pointer, const char *format, ...)
{
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(g->problem, sizeof g->problem, "at %.180s: %s", *pointer ? pointer : "/", text);
    return -1;
}

bool generate_minimal(const struct generator *g, const struct wish *wish)
{
    return wish->depth >= GENERATE_SOFT_DEPTH || g->made > GENERATE_MANY;
}

bool generate_is_avoided(const struct demand *d, const json_t *value)
{
    if (d->wish->avoid && schema_array_contains(d->wish->avoid, value))
        return true;
    for (size_t i = 0; i < d->forbidden.count; i++)
        if (schema_equal(d->forbidden.items[i], value))
            return true;
    for (size_t i = 0; i < d->not_multiples.count; i++)
        if (json_is_number(value) && schema_number_is_multiple(value, d->not_multiples.items[i]))
            return true;
    return false;
}

/* const and enum leave nothing to invent; examples and defaults come before inventing. */
static json_t *build(struct demand *d, const struct literal *literals, size_t count)
{
    static const unsigned order[] = {SCHEMA_OBJECT, SCHEMA_ARRAY,   SCHEMA_STRING,
                                     SCHEMA_NUMBER, SCHEMA_BOOLEAN, SCHEMA_NULL};
    unsigned candidates[6];
    size_t found = 0;
    if (d->constants.count || d->enumerations.count)
        return from_candidates(d, literals, count);
    if (!d->generator->varied || random_below(d->generator->random, 4) == 0) {
        json_t *value = from_hints(d, literals, count);
        if (value)
            return value;
    }
    /* Types that the keywords suggest come first, then the others allowed. */
    unsigned suggested = d->types & d->implied;
    if (d->types == SCHEMA_ANY && !suggested)
        suggested = SCHEMA_STRING;
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < 6; i++) {
            bool is_suggested = (suggested & order[i]) != 0;
            if ((d->types & order[i]) && is_suggested == (pass == 0))
                candidates[found++] = order[i];
        }
    size_t preferred = 0;
    bool minimal = generate_minimal(d->generator, d->wish);
    if (minimal && !suggested)
        preferred = found - 1;
    else if (d->generator->varied && !suggested)
        preferred = random_below(d->generator->random, found);
    return build_type(d, d->types & candidates[demand_choose(d, found, preferred)]);
}

static json_t *take_candidate(struct demand *d, const json_t *candidate,
                              const struct literal *literals, size_t count)
{
    char text[200];
    const char *why;
    if (!acceptable(d->generator, d->wish, literals, count, candidate, &why, text, sizeof text))
        return NULL;
    return json_deep_copy(candidate);
}

static json_t *from_candidates(struct demand *d, const struct literal *literals, size_t count)
{
    const json_t *values = d->enumerations.count ? d->enumerations.items[0] : NULL;
    size_t size = d->constants.count ? 1 : json_array_size(values);
    size_t start = d->generator->varied ? random_below(d->generator->random, size) : 0;
    for (size_t i = 0; i < size; i++) {
        const json_t *candidate =
            d->constants.count ? d->constants.items[0] : json_array_get(values, (start + i) % size);
        json_t *value = take_candidate(d, candidate, literals, count);
        if (value)
            return value;
    }
    generate_fail(d->generator, d->pointer, "no value of %s meets all that is asked",
                  d->constants.count ? "const" : "enum");
    return NULL;
}

static json_t *from_hints(struct demand *d, const struct literal *literals, size_t count)
{
    size_t size = d->hints.count;
    size_t start = d->generator->varied && size ? random_below(d->generator->random, size) : 0;
    for (size_t i = 0; i < size; i++) {
        json_t *value = take_candidate(d, d->hints.items[(start + i) % size], literals, count);
        if (value)
            return value;
    }
    return NULL;
}

static json_t *build_boolean(struct demand *d)
{
    bool first = !d->generator->varied || random_below(d->generator->random, 2);
    json_t *value = json_boolean(first);
    return generate_is_avoided(d, value) ? json_boolean(!first) : value;
}

static json_t *build_type(struct demand *d, unsigned types)
{
    if (types & SCHEMA_OBJECT)
        return generate_object(d);
    if (types & SCHEMA_ARRAY)
        return generate_array(d);
    if (types & SCHEMA_STRING)
        return generate_string(d);
    if (types & SCHEMA_NUMBER)
        return generate_number(d, types);
    return types & SCHEMA_BOOLEAN ? build_boolean(d) : json_null();
}

/* Whether it holds, when that can be told with the steps that schema_validate would have as well:
 * what nobody can check is not made either. */
static bool check(struct generator *g, const struct schema_node *node, const json_t *value,
                  char *text, size_t size, bool *told)
{
    size_t allowed = g->steps < SCHEMA_VALIDATION_STEPS ? g->steps : SCHEMA_VALIDATION_STEPS;
    size_t left = allowed;
    bool valid = schema_node_validate(node, value, &left, text, size);
    g->steps -= allowed - left;
    *told = left > 0;
    return valid;
}

static bool acceptable(struct generator *g, const struct wish *wish, const struct literal *literals,
                       size_t count, const json_t *value, const char **why, char *text, size_t size)
{
    if (wish->avoid && schema_array_contains(wish->avoid, value)) {
        *why = "the items must all differ";
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *why = text;
        bool told;
        bool valid = check(g, literals[i].node, value, text, size, &told);
        if (valid == literals[i].negated || !told) {
            if (valid)
                *why = "it matches what is forbidden";
            return false;
        }
    }
    return true;
}

/* The choice that left to luck what then went wrong: the last such, since a literal that was
 * refuted by way of others fails with them. */
static size_t culprit(struct demand *d, const json_t *value)
{
    for (size_t i = d->negatives.count; i-- > 0;) {
        const struct negative *negative = d->negatives.items[i];
        if (negative->choice < d->choices->count &&
            schema_node_validate(negative->node, value, &d->generator->steps, NULL, 0))
            return negative->choice;
    }
    return SIZE_MAX;
}

/* The next combination: the choice `at` (the last, if SIZE_MAX) moves on, those behind it start
 * anew. */
static bool advance(struct choices *choices, size_t at)
{
    if (at < choices->count)
        choices->count = at + 1;
    for (; choices->count > 0; choices->count--) {
        struct choice *last = &choices->items[choices->count - 1];
        if (last->step + 1 < last->count) {
            last->step++;
            return true;
        }
    }
    return false;
}

json_t *generate_listed(struct demand *d, const struct list *literals, const struct wish *wish)
{
    static const struct schema_node anything = {.kind = SCHEMA_NODE_TRUE, .pointer = ""};
    struct literal *flat =
        schema_arena_take(&d->arena, (literals->count + 1) * sizeof(struct literal));
    if (!flat)
        return NULL;
    for (size_t i = 0; i < literals->count; i++)
        flat[i] = *(const struct literal *)literals->items[i];
    if (literals->count == 0)
        flat[0] = (struct literal){&anything, false};
    return generate_value(d->generator, flat, literals->count ? literals->count : 1, wish);
}

bool generate_add_literal(struct demand *d, struct list *list, const struct schema_node *node,
                          bool negated)
{
    struct literal *literal = schema_arena_take(&d->arena, sizeof *literal);
    if (!literal)
        return false;
    *literal = (struct literal){node, negated};
    return list_add(&d->arena, list, literal);
}
