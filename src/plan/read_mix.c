/* The words of a mix: tools, requests, behaviours with their steps, categories. */
#include "plan/mix.h"
#include "plan/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIX_LIMIT   ((size_t)100)
#define ENTRY_LIMIT ((size_t)10000)
#define STEP_LIMIT  ((size_t)200)

struct entry_draft { /* one step with its weight */
    double weight;
    struct step step;
};

/* ---- steps -------------------------------------------------------------------------------------
 */

static int set_step(struct reader *reader, const struct node *node, const struct place *place,
                    struct step *step, const char *kind, const char *name)
{
    if (step->kind)
        return read_fail(reader, node, place, "is a second kind beside %s; a step is one request",
                         step->kind);
    step->kind = strdup(kind);
    step->name = strdup(name);
    return step->kind && step->name ? 0 : read_out_of_memory(reader);
}

/* "tool: echo", "prompt: greet": the key is the kind. */
static int read_named(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    char *name = NULL;
    int failed = read_scalar(reader, node, place, value_text, &name);
    if (failed == 0)
        failed = set_step(reader, node, place, field, place->key, name);
    free(name);
    return failed;
}

/* "request: ping": a kind that has no name of its own. */
static int read_request(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    int unused;
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place, "must be a single value, such as ping");
    if (value_choice(node->text, request_choices, &unused, place->key ? "request: " : "- ",
                     reader->error) < 0)
        return read_fail_here(reader, node, place);
    return set_step(reader, node, place, field, node->text, node->text);
}

static int read_kind(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    struct step *step = field;
    if (step->kind)
        return set_step(reader, node, place, step, "", "");
    return read_scalar(reader, node, place, value_text, &step->kind);
}

static int read_capture(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    struct step *step = field;
    if (strchr(place->key, '}') || strchr(place->key, ':') || !*place->key)
        return read_fail(reader, node, place,
                         "is no usable name of a capture; write e.g. id, without \":\" or \"}\"");
    struct capture *capture = array_add(&step->captures, &step->capture_count, sizeof *capture);
    if (!capture)
        return read_out_of_memory(reader);
    capture->name = strdup(place->key);
    if (!capture->name)
        return read_out_of_memory(reader);
    return read_scalar(reader, node, place, value_pointer, &capture->pointer);
}

static int read_captures(struct reader *reader, const struct node *node, const struct place *place,
                         void *field)
{
    return read_each(reader, node, place, read_capture, field);
}

static const struct key check_keys[] = {
    {"pointer", value_pointer, NULL, offsetof(struct check, pointer)},
    {"equals", NULL, read_json, offsetof(struct check, equals)},
    {NULL, NULL, NULL, 0}};

static int read_check(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct step *step = field;
    struct check *check = array_add(&step->checks, &step->check_count, sizeof *check);
    if (!check)
        return read_out_of_memory(reader);
    if (node->kind == NODE_SCALAR)
        return read_scalar(reader, node, place, value_pointer, &check->pointer);
    if (read_map(reader, node, place, check_keys, check) < 0)
        return -1;
    if (!check->pointer)
        return read_fail(reader, node, place,
                         "has no pointer; write e.g. {pointer: /isError, equals: false}");
    return 0;
}

static int read_checks(struct reader *reader, const struct node *node, const struct place *place,
                       void *field)
{
    return read_list(reader, node, place, read_check, field);
}

static int read_think(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    struct step *step = field;
    struct time_range think = {0};
    if (read_scalar(reader, node, place, value_time_range, &think) < 0)
        return -1;
    step->think_min_ns = think.min_ns;
    step->think_max_ns = think.max_ns;
    return 0;
}

static int read_arguments(struct reader *reader, const struct node *node, const struct place *place,
                          void *field)
{
    if (node->kind != NODE_MAP && node->kind != NODE_LIST)
        return read_fail(reader, node, place,
                         "must be a mapping of the arguments; write {} for none");
    return read_json(reader, node, place, field);
}

#define STEP(member) offsetof(struct entry_draft, step) + offsetof(struct step, member)
#define REQUEST_KEYS                                                                               \
    {"resource", NULL, read_named, STEP(kind)}, {"prompt", NULL, read_named, STEP(kind)},          \
        {"complete", NULL, read_named, STEP(kind)}, {"command", NULL, read_named, STEP(kind)},     \
        {"request", NULL, read_request, STEP(kind)},                                               \
    {                                                                                              \
        "kind", NULL, read_kind, STEP(kind)                                                        \
    }
#define DETAIL_KEYS                                                                                \
    {"name", value_text, NULL, STEP(name)}, {"arguments", NULL, read_arguments, STEP(arguments)},  \
        {"checks", NULL, read_checks, STEP(kind)},                                                 \
    {                                                                                              \
        "think_time", NULL, read_think, STEP(kind)                                                 \
    }
#define WEIGHT_KEY                                                                                 \
    {                                                                                              \
        "weight", value_weight, NULL, offsetof(struct entry_draft, weight)                         \
    }
_Static_assert(offsetof(struct step, kind) == 0, "a step is read through its first field");

/* In `tools` the kind is said already; `requests` are the other kinds; a step may be any. */
static const struct key tool_keys[] = {DETAIL_KEYS, WEIGHT_KEY, {NULL, NULL, NULL, 0}};
static const struct key request_keys[] = {
    REQUEST_KEYS, DETAIL_KEYS, WEIGHT_KEY, {NULL, NULL, NULL, 0}};
static const struct key step_keys[] = {{"tool", NULL, read_named, STEP(kind)},
                                       REQUEST_KEYS,
                                       DETAIL_KEYS,
                                       {"captures", NULL, read_captures, STEP(kind)},
                                       {"on_error", value_on_error, NULL, STEP(on_error)},
                                       {NULL, NULL, NULL, 0}};

static int finish_step(struct reader *reader, const struct node *node, const struct place *place,
                       struct step *step)
{
    int unused;
    if (!step->kind)
        return read_fail(reader, node, place,
                         "does not say what to do; give one of tool, resource, prompt, "
                         "complete, command, request");
    bool nameless = value_choice(step->kind, request_choices, &unused, "", NULL) == 0;
    if (!step->name) {
        if (!nameless)
            return read_fail(reader, node, place, "has no name; write e.g. %s: NAME", step->kind);
        step->name = strdup(step->kind);
        if (!step->name)
            return read_out_of_memory(reader);
    }
    step->where = read_where(reader, node);
    return step->where ? 0 : read_out_of_memory(reader);
}

/* Read one step into `draft`; a scalar is a request without a name, or a tool in `tools`. */
static int read_draft(struct reader *reader, const struct node *node, const struct place *place,
                      const struct key *keys, struct entry_draft *draft)
{
    int failed;
    if (keys == tool_keys) {
        draft->step.kind = strdup("tool");
        if (!draft->step.kind)
            return read_out_of_memory(reader);
        failed = node->kind == NODE_SCALAR
                     ? read_scalar(reader, node, place, value_text, &draft->step.name)
                     : read_map(reader, node, place, keys, draft);
    } else {
        failed = node->kind == NODE_SCALAR ? read_request(reader, node, place, &draft->step)
                                           : read_map(reader, node, place, keys, draft);
    }
    return failed < 0 ? -1 : finish_step(reader, node, place, &draft->step);
}

/* ---- entries -----------------------------------------------------------------------------------
 */

static struct mix_entry *add_entry(struct reader *reader, const struct node *node,
                                   const struct place *place, struct mix *mix)
{
    if (mix->entry_count >= ENTRY_LIMIT) {
        read_fail(reader, node, place, "is one too many; a mix takes %zu", ENTRY_LIMIT);
        return NULL;
    }
    struct mix_entry *entry = array_add(&mix->entries, &mix->entry_count, sizeof *entry);
    if (!entry) {
        read_out_of_memory(reader);
        return NULL;
    }
    entry->weight = 1;
    entry->where = read_where(reader, node);
    if (!entry->where) {
        read_out_of_memory(reader);
        return NULL;
    }
    return entry;
}

/* What was drafted becomes the last step of `entry`; NULL: something was wrong and told, drop it.
 */
static int keep_step(struct reader *reader, struct mix_entry *entry, struct entry_draft *draft)
{
    struct step *step = entry ? array_add(&entry->steps, &entry->step_count, sizeof *step) : NULL;
    if (entry && !step)
        read_out_of_memory(reader);
    if (!step) {
        step_free(&draft->step);
        return -1;
    }
    *step = draft->step;
    return 0;
}

static int add_single(struct reader *reader, const struct node *node, const struct place *place,
                      const struct key *keys, struct mix *mix)
{
    struct entry_draft draft = {.weight = 1, .step.on_error = STEP_CONTINUE};
    struct mix_entry *entry = NULL;
    int failed = read_draft(reader, node, place, keys, &draft);
    if (failed == 0 && keys == request_keys && strcmp(draft.step.kind, "tool") == 0)
        failed = read_fail(reader, node, place, "is a tool; put it into the list tools");
    if (failed == 0)
        entry = add_entry(reader, node, place, mix);
    if (entry)
        entry->weight = draft.weight;
    return keep_step(reader, entry, &draft);
}

static int read_tool(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    return add_single(reader, node, place, tool_keys, field);
}

int read_tools(struct reader *reader, const struct node *node, const struct place *place,
               void *field)
{
    return read_list(reader, node, place, read_tool, field);
}

static int read_weighted(struct reader *reader, const struct node *node, const struct place *place,
                         void *field)
{
    return add_single(reader, node, place, request_keys, field);
}

int read_requests(struct reader *reader, const struct node *node, const struct place *place,
                  void *field)
{
    return read_list(reader, node, place, read_weighted, field);
}

/* ---- behaviours --------------------------------------------------------------------------------
 */

static int read_step(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    struct mix_entry *entry = field;
    struct entry_draft draft = {.step.on_error = STEP_CONTINUE};
    if (entry->step_count >= STEP_LIMIT)
        return read_fail(reader, node, place, "is one too many; a behaviour takes %zu steps",
                         STEP_LIMIT);
    bool read = read_draft(reader, node, place, step_keys, &draft) == 0;
    return keep_step(reader, read ? entry : NULL, &draft);
}

static int read_steps(struct reader *reader, const struct node *node, const struct place *place,
                      void *field)
{
    return read_list(reader, node, place, read_step, field);
}

static const struct key behaviour_keys[] = {
    {"name", value_text, NULL, offsetof(struct mix_entry, name)},
    {"weight", value_weight, NULL, offsetof(struct mix_entry, weight)},
    {"steps", NULL, read_steps, 0},
    {NULL, NULL, NULL, 0}};

static int read_behaviour(struct reader *reader, const struct node *node, const struct place *place,
                          void *field)
{
    struct mix_entry *entry = add_entry(reader, node, place, field);
    if (!entry || read_map(reader, node, place, behaviour_keys, entry) < 0)
        return -1;
    if (entry->step_count == 0)
        return read_fail(reader, node, place,
                         "has no steps; write e.g. steps: [{tool: NAME}, {request: ping}]");
    if (!entry->name && asprintf(&entry->name, "behaviour-%zu", place->index + 1) < 0) {
        entry->name = NULL;
        return read_out_of_memory(reader);
    }
    return 0;
}

int read_behaviours(struct reader *reader, const struct node *node, const struct place *place,
                    void *field)
{
    return read_list(reader, node, place, read_behaviour, field);
}

/* ---- categories and mixes -----------------------------------------------------------------------
 */

static const struct key category_keys[] = {
    {"name", value_text, NULL, offsetof(struct category, name)},
    {"weight", value_weight, NULL, offsetof(struct category, weight)},
    {"tools", NULL, read_string_list, offsetof(struct category, globs)},
    {NULL, NULL, NULL, 0}};

static int read_category(struct reader *reader, const struct node *node, const struct place *place,
                         void *field)
{
    struct mix *mix = field;
    if (mix->category_count >= ENTRY_LIMIT)
        return read_fail(reader, node, place, "is one too many; a mix takes %zu", ENTRY_LIMIT);
    struct category *category = array_add(&mix->categories, &mix->category_count, sizeof *category);
    if (!category)
        return read_out_of_memory(reader);
    category->weight = 1;
    category->where = read_where(reader, node);
    if (!category->where)
        return read_out_of_memory(reader);
    if (read_map(reader, node, place, category_keys, category) < 0)
        return -1;
    if (!category->name || !category->globs || !category->globs[0])
        return read_fail(reader, node, place,
                         "needs a name and tools; write e.g. {name: reading, weight: 3, tools: "
                         "[\"read_*\", \"get_*\"]}");
    return 0;
}

int read_categories(struct reader *reader, const struct node *node, const struct place *place,
                    void *field)
{
    return read_list(reader, node, place, read_category, field);
}

static const struct key mix_keys[] = {{"name", value_text, NULL, offsetof(struct mix, name)},
                                      {"target", value_text, NULL, offsetof(struct mix, target)},
                                      MIX_KEYS(0),
                                      {NULL, NULL, NULL, 0}};

/* `field` is not used: the mix goes to the plan. */
int read_mix(struct reader *reader, const struct node *node, const struct place *place, void *field)
{
    struct plan *plan = reader->plan;
    (void)field;
    if (plan->mix_count >= MIX_LIMIT)
        return read_fail(reader, node, place, "is one too many; a plan takes %zu mixes", MIX_LIMIT);
    struct mix *mix = array_add(&plan->mixes, &plan->mix_count, sizeof *mix);
    if (!mix)
        return read_out_of_memory(reader);
    mix_init(mix);
    mix->where = read_where(reader, node);
    if (!mix->where)
        return read_out_of_memory(reader);
    if (read_map(reader, node, place, mix_keys, mix) < 0)
        return -1;
    if (mix->name)
        return 0;
    mix->name = strdup("default");
    return mix->name ? 0 : read_out_of_memory(reader);
}
