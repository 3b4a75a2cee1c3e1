/* See cross_tier.h: the parts. Each tier is opened once more, by its own driver and with a data set
 * of its own, so that what is written here is kept apart, and removed, as that driver does it. */
#include "drivers/cross_tier.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const struct cross_tier tiers[] = {
    {.driver = "sqlite",
     .role = "record",
     .options = "{\"rows\":1}",
     .steps = {{"custom",
                "{\"sql\":\"INSERT INTO @prefix@record(key, score, body) VALUES(?, 0, ?)\","
                "\"parameters\":[\"${capture.key}\",\"${capture.value}\"]}",
                0},
               {"custom",
                "{\"sql\":\"SELECT body FROM @prefix@record WHERE key = ?\","
                "\"parameters\":[\"${capture.key}\"]}",
                1}}},
    {.driver = "faiss",
     .role = "vector",
     .options = "{\"vectors\":1000,\"type\":\"flat\"}",
     .answers_id = true,
     .steps = {{"add", "{\"key\":\"${capture.key}\"}", 1},
               {"search", "{\"key\":\"${capture.key}\",\"k\":1}", 2}}},
    {.driver = "neo4j",
     .role = "relation",
     .options = "{\"nodes\":10}",
     .steps = {{"custom",
                "{\"cypher\":\"CREATE (a:@label@ {key: $key, run: $run, value: $value})"
                "-[:CICADA_LINK {weight: 1}]->(b:@label@ {key: $key + ' of', run: $run}) "
                "RETURN a.key AS key\",\"parameters\":{\"key\":\"${capture.key}\","
                "\"value\":\"${capture.value}\",\"run\":\"@run@\"}}",
                2},
               {"custom",
                "{\"cypher\":\"MATCH (a:@label@ {key: $key})-[:CICADA_LINK]->(b:@label@) "
                "RETURN a.value AS value, b.key AS other\","
                "\"parameters\":{\"key\":\"${capture.key}\"}}",
                3}}},
    {.driver = "redis",
     .role = "cache",
     .options = "{\"prepare\":0}",
     .steps = {{"custom",
                "{\"command\":[\"SET\",\"{prefix}${capture.key}\",\"${capture.value}\",\"EX\","
                "\"3600\"]}",
                3},
               {"custom", "{\"command\":[\"GET\",\"{prefix}${capture.key}\"]}", 0}}},
};

static int open_part(struct target *target, const char *name, json_t *left_out,
                     struct error *error);
static int put_in_order(struct target *target, struct error *error);
static int describe(struct target *target, json_t *left_out);

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static const char *where_of(const struct target *target)
{
    return target->options->where ? target->options->where : "target";
}

static int name_run(struct cross_target *cross, struct error *error)
{
    uint64_t run;
    if (getrandom(&run, sizeof run, 0) != sizeof run)
        return error_set(error, ERROR_INTERNAL, "the system gives no random bytes");
    snprintf(cross->tag, sizeof cross->tag, "%016llx", (unsigned long long)run);
    return 0;
}

int cross_open(struct target *target, struct error *error)
{
    struct cross_target *cross = calloc(1, sizeof *cross);
    json_t *left_out = json_array();
    target->driver_data = cross;
    target->calls_per_connection = 1;
    if (cross) {
        pthread_mutex_init(&cross->lock, NULL);
        for (unsigned verb = 0; verb < CROSS_VERBS; verb++)
            for (size_t i = 0; i < CROSS_PARTS; i++)
                histogram_init(&cross->figures[verb][i].latency);
    }
    int opened = cross && left_out ? name_run(cross, error) : out_of_memory(error);
    if (opened == 0 && !target->options->tiers)
        opened = error_set(error, ERROR_USAGE,
                           "%s: a cross_tier target is made of others; name them, as in tiers: "
                           "[redis, sqlite]",
                           where_of(target));
    for (char **name = target->options->tiers; opened == 0 && *name; name++)
        opened = open_part(target, *name, left_out, error);
    if (opened == 0)
        opened = put_in_order(target, error);
    if (opened == 0 &&
        (!target_add_offer(target, "command", "write",
                           "one record into every tier, one after the other", 0, NULL) ||
         !target_add_offer(target, "command", "read",
                           "one record that was written, from every tier, and compared",
                           OFFER_READ_ONLY, NULL) ||
         describe(target, left_out) < 0))
        opened = out_of_memory(error);
    json_decref(left_out);
    if (opened < 0)
        cross_close(target);
    return opened;
}

void cross_close(struct target *target)
{
    struct cross_target *cross = target->driver_data;
    for (size_t i = cross ? cross->count : 0; i-- > 0;) {
        struct cross_part *part = &cross->parts[i];
        part->target.driver->close(&part->target);
        json_decref(part->options.driver_options);
    }
    if (cross) {
        for (unsigned verb = 0; verb < CROSS_VERBS; verb++)
            for (size_t i = 0; i < CROSS_PARTS; i++)
                histogram_free(&cross->figures[verb][i].latency);
        pthread_mutex_destroy(&cross->lock);
    }
    free(cross);
    target->driver_data = NULL;
    target_free_offers(target);
}

/* ---- the parts ----------------------------------------------------------------------------- */

static const struct target_options *find_sibling(const struct target_options *options,
                                                 const char *name)
{
    for (size_t i = 0; i < options->sibling_count; i++)
        if (strcmp(options->siblings[i].name, name) == 0)
            return &options->siblings[i];
    return NULL;
}

static const struct cross_tier *find_tier(const struct driver *driver)
{
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
        if (strcmp(tiers[i].driver, driver->name) == 0)
            return &tiers[i];
    return NULL;
}

/* The tier's options, and over them those for a small data set. An index from a file is as large as
 * it is. */
static int part_options(struct cross_part *part, const struct target_options *from)
{
    bool fixed = part->tier->answers_id && from->url && !strstr(from->url, "generated");
    part->options = *from;
    part->options.driver_options =
        from->driver_options ? json_deep_copy(from->driver_options) : json_object();
    json_t *over = json_loads(fixed ? "{}" : part->tier->options, 0, NULL);
    int made = json_object_update(part->options.driver_options, over);
    json_decref(over);
    return made;
}

static int leave_out(json_t *left_out, const char *name, const char *reason)
{
    log_info("cross: %s is left out: %s", name, reason);
    return json_array_append_new(left_out, json_pack("{s:s,s:s}", "name", name, "reason", reason));
}

static int open_part(struct target *target, const char *name, json_t *left_out, struct error *error)
{
    struct cross_target *cross = target->driver_data;
    const struct target_options *options = find_sibling(target->options, name);
    struct cross_part *part = &cross->parts[cross->count];
    if (!options)
        return error_set(error, ERROR_USAGE, "%s: there is no target \"%s\" to be made of",
                         where_of(target), name);
    if (options->left_out)
        return leave_out(left_out, name, "it cannot be used") < 0 ? out_of_memory(error) : 0;
    const struct driver *driver = driver_for(options, error);
    if (!driver)
        return -1;
    part->tier = find_tier(driver);
    for (size_t i = 0; i < cross->count; i++)
        if (cross->parts[i].tier == part->tier)
            return error_set(error, ERROR_USAGE,
                             "%s: tiers: %s and %s are both of the kind %s; name one of each",
                             where_of(target), cross->parts[i].options.name, name, driver->name);
    if (!part->tier)
        return error_set(error, ERROR_USAGE,
                         "%s: tiers: %s is of the driver %s, which keeps no memory; the kinds are "
                         "redis, neo4j, faiss and sqlite",
                         where_of(target), name, driver->name);
    if (part_options(part, options) < 0)
        return out_of_memory(error);
    part->target = (struct target){.driver = driver, .options = &part->options};
    if (driver->open(&part->target, error) < 0) {
        json_decref(part->options.driver_options);
        return error_wrap(error, "tier %s", name);
    }
    cross->count++;
    if (!json_is_true(json_object_get(part->target.facts, "credentials_refused")))
        return 0;
    cross->count--; /* it degrades by itself; what is left is crossed */
    driver->close(&part->target);
    json_decref(part->options.driver_options);
    return leave_out(left_out, name, "it refuses the credentials") < 0 ? out_of_memory(error) : 0;
}

static int put_in_order(struct target *target, struct error *error)
{
    struct cross_target *cross = target->driver_data;
    if (cross->count < 2)
        return error_set(error, ERROR_TARGET,
                         "%s: %zu of its tiers can be used, and it takes two at least",
                         where_of(target), cross->count);
    for (unsigned verb = 0; verb < CROSS_VERBS; verb++) {
        size_t placed = 0;
        for (unsigned order = 0; order < CROSS_PARTS; order++)
            for (size_t i = 0; i < cross->count; i++)
                if (cross->parts[i].tier->steps[verb].order == order)
                    cross->order[verb][placed++] = (unsigned)i;
    }
    return 0;
}

static int describe(struct target *target, json_t *left_out)
{
    const struct cross_target *cross = target->driver_data;
    struct buffer text;
    json_t *parts = json_array();
    buffer_init(&text, CROSS_TEXT);
    for (size_t i = 0; i < cross->count; i++) {
        const struct cross_part *part = &cross->parts[i];
        buffer_printf(&text, "%s%s in %s", i ? ", " : "", part->tier->role, part->options.name);
        json_array_append_new(parts,
                              json_pack("{s:s,s:s,s:s*}", "name", part->options.name, "role",
                                        part->tier->role, "description", part->target.description));
    }
    target->description = buffer_take_string(&text);
    target->facts = json_pack("{s:o,s:O}", "tiers", parts, "left_out", left_out);
    return target->description && target->facts ? 0 : -1;
}

/* ---- operations ---------------------------------------------------------------------------- */

/* A fact of the part's target, for "@name@" in the arguments of a step. */
static const char *fact_of(const struct cross_part *part, const char *name, size_t length)
{
    char key[32];
    snprintf(key, sizeof key, "%.*s", (int)length, name);
    return json_string_value(json_object_get(part->target.facts, key));
}

static json_t *step_arguments(const struct cross_part *part, const char *text)
{
    struct buffer filled;
    buffer_init(&filled, CROSS_TEXT * 4);
    for (const char *mark; (mark = strchr(text, '@')); text = mark + 1) {
        size_t length = strcspn(mark + 1, "@");
        const char *fact = fact_of(part, mark + 1, length);
        buffer_append(&filled, text, (size_t)(mark - text));
        buffer_append_text(&filled, fact ? fact : "");
        mark += length + 1;
    }
    buffer_append_text(&filled, text);
    char *json = buffer_take_string(&filled);
    json_t *arguments = json ? json_loads(json, 0, NULL) : NULL;
    free(json);
    return arguments;
}

static int prepare_step(struct cross_part *part, enum cross_verb verb, const char *where,
                        struct operation *operation, struct error *error)
{
    const struct cross_step *step = &part->tier->steps[verb];
    struct operation_spec spec = {.variants = 1, .where = where};
    for (size_t i = 0; i < part->target.offer_count; i++)
        if (strcmp(part->target.offers[i].kind, "command") == 0 &&
            strcmp(part->target.offers[i].name, step->offer) == 0)
            spec.offer = &part->target.offers[i];
    json_t *arguments = step_arguments(part, step->arguments);
    spec.arguments = arguments;
    int made;
    if (!arguments)
        made = out_of_memory(error);
    else if (!spec.offer)
        made = error_set(error, ERROR_USAGE, "%s: %s offers no \"%s\"", where, part->options.name,
                         step->offer);
    else
        made = part->target.driver->prepare(&part->target, &spec, operation, error);
    operation->offer = spec.offer;
    json_decref(arguments);
    return made;
}

int cross_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error)
{
    struct cross_target *cross = target->driver_data;
    const char *where = spec->where ? spec->where : where_of(target);
    if (spec->arguments && json_object_size(spec->arguments))
        return error_set(error, ERROR_USAGE, "%s: %s takes no arguments", where, spec->offer->name);
    struct cross_operation *made = calloc(1, sizeof *made);
    *operation = (struct operation){.offer = spec->offer, .driver_data = made};
    operation->name = strdup(spec->offer->name);
    if (!made || !operation->name) {
        cross_release(target, operation);
        return out_of_memory(error);
    }
    made->verb = strcmp(spec->offer->name, "write") == 0 ? CROSS_WRITE : CROSS_READ;
    for (unsigned verb = 0; verb <= (unsigned)made->verb; verb++)
        for (size_t i = 0; i < cross->count; i++) {
            if (prepare_step(&cross->parts[i], verb, where, &made->steps[verb][i], error) < 0) {
                cross_release(target, operation);
                return -1;
            }
            made->prepared[verb][i] = true;
        }
    return 0;
}

void cross_release(struct target *target, struct operation *operation)
{
    struct cross_target *cross = target->driver_data;
    struct cross_operation *made = operation->driver_data;
    for (unsigned verb = 0; made && verb < CROSS_VERBS; verb++)
        for (size_t i = 0; i < cross->count; i++)
            if (made->prepared[verb][i])
                cross->parts[i].target.driver->release(&cross->parts[i].target,
                                                       &made->steps[verb][i]);
    free(made);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

char *cross_arguments_text(const struct operation *operation, uint32_t variant)
{
    (void)operation, (void)variant;
    return NULL; /* none can be given */
}

/* ---- the figures of the steps -------------------------------------------------------------- */

static json_t *step_figures(const struct cross_target *cross, unsigned verb, unsigned step)
{
    size_t index = cross->order[verb][step];
    const struct cross_figures *figures = &cross->figures[verb][index];
    const struct histogram *latency = &figures->latency;
    return json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "operation",
        verb == CROSS_WRITE ? "write" : "read", "tier", cross->parts[index].options.name, "role",
        cross->parts[index].tier->role, "ok", (json_int_t)latency->count, "failed",
        (json_int_t)figures->failed, "p50_ns", (json_int_t)histogram_quantile(latency, 0.5),
        "p95_ns", (json_int_t)histogram_quantile(latency, 0.95), "p99_ns",
        (json_int_t)histogram_quantile(latency, 0.99), "max_ns", (json_int_t)latency->max_ns);
}

json_t *cross_report(struct target *target)
{
    struct cross_target *cross = target->driver_data;
    json_t *steps = json_array();
    for (unsigned verb = 0; verb < CROSS_VERBS; verb++)
        for (unsigned step = 0; step < cross->count; step++)
            json_array_append_new(steps, step_figures(cross, verb, step));
    json_t *report =
        json_pack("{s:o,s:I,s:I}", "steps", steps, "records", (json_int_t)atomic_load(&cross->next),
                  "mismatched", (json_int_t)cross->mismatched);
    for (unsigned verb = 0; verb < CROSS_VERBS; verb++) /* a repeated run begins anew */
        for (size_t i = 0; i < cross->count; i++) {
            histogram_reset(&cross->figures[verb][i].latency);
            cross->figures[verb][i].failed = 0;
        }
    cross->mismatched = 0;
    return report;
}
