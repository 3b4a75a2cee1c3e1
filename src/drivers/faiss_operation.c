/* What the operations of FAISS are, and their arguments in a plan: {vector: [...]}, {key: text},
 * {id: N}, {k: N}. Without them a search asks one of the target's queries, and each vector added is
 * a new one. */
#include "drivers/faiss_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_arguments(struct faiss_target *faiss, const struct operation_spec *spec,
                          struct faiss_operation *operation, struct error *error);

static int out_of_memory(struct error *error)
{
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

int faiss_prepare(struct target *target, const struct operation_spec *spec,
                  struct operation *operation, struct error *error)
{
    struct faiss_target *faiss = target->driver_data;
    struct faiss_operation *made = calloc(1, sizeof *made);
    if (!made)
        return out_of_memory(error);
    *operation = (struct operation){.offer = spec->offer, .driver_data = made};
    atomic_init(&made->holders, 1);
    made->verb = *(const enum faiss_verb *)spec->offer->driver_data;
    made->k = (unsigned)faiss->settings.k;
    made->batch = made->verb == FAISS_SEARCH_BATCH ? (unsigned)faiss->settings.batch : 1;
    int failed = spec->arguments ? read_arguments(faiss, spec, made, error) : 0;
    if (failed == 0) {
        const char *name = json_string_value(json_object_get(spec->arguments, "name"));
        operation->name = strdup(name && *name ? name : spec->offer->name);
        failed = operation->name ? 0 : out_of_memory(error);
    }
    if (failed < 0)
        faiss_release(target, operation);
    return failed;
}

void faiss_release(struct target *target, struct operation *operation)
{
    (void)target;
    faiss_operation_drop(operation->driver_data);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

void faiss_operation_drop(struct faiss_operation *operation)
{
    if (!operation || atomic_fetch_sub(&operation->holders, 1) > 1)
        return;
    template_free(operation->written);
    template_free(operation->key);
    template_free(operation->id);
    free(operation->vector);
    free(operation->arguments_text);
    free(operation);
}

char *faiss_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct faiss_operation *faiss = operation->driver_data;
    (void)variant;
    return faiss->arguments_text ? strdup(faiss->arguments_text) : NULL;
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

struct arguments {
    struct faiss_target *faiss;
    struct faiss_operation *operation;
    const char *where, *name; /* of the plan's place, and the operation */
    struct error *error;
};

static int wrong(const struct arguments *arguments, const char *argument, const char *problem)
{
    return error_set(arguments->error, ERROR_USAGE, "%s: %s: %s: %s", arguments->where,
                     arguments->name, argument, problem);
}

static struct text_template *compile(const struct arguments *arguments, const char *argument,
                                     const char *text, bool is_json)
{
    struct text_template *made = template_compile(text, is_json, NULL, NULL, arguments->error);
    if (!made)
        error_wrap(arguments->error, "%s: %s: %s", arguments->where, arguments->name, argument);
    return made;
}

static int wrong_dimension(const struct arguments *arguments, size_t count)
{
    char problem[128];
    snprintf(problem, sizeof problem, "has %zu numbers, but the index has vectors of %u", count,
             arguments->faiss->facts.dimension);
    return wrong(arguments, "vector", problem);
}

/* Numbers only: checked now. With placeholders in it, or as text: when it is run. */
static int read_vector(const struct arguments *arguments, const json_t *value)
{
    struct faiss_operation *operation = arguments->operation;
    unsigned dimension = arguments->faiss->facts.dimension;
    size_t count = json_array_size(value), i;
    const json_t *element;
    bool constant = json_is_array(value);
    json_array_foreach(value, i, element)
    {
        constant = constant && json_is_number(element);
    }
    if (!json_is_array(value) && !json_is_string(value))
        return wrong(arguments, "vector", "is a list of numbers, or ${...} that stands for one");
    if (json_is_array(value) && count != dimension)
        return wrong_dimension(arguments, count);
    if (!constant) {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        operation->written = text ? compile(arguments, "vector", text, true) : NULL;
        free(text);
        return operation->written ? 0 : -1;
    }
    operation->vector = malloc(dimension * sizeof *operation->vector);
    if (!operation->vector)
        return out_of_memory(arguments->error);
    json_array_foreach(value, i, element)
    {
        operation->vector[i] = (float)json_number_value(element);
        if (!isfinite(operation->vector[i]))
            return wrong(arguments, "vector", "holds a number too large for a float");
    }
    return 0;
}

static int read_key(const struct arguments *arguments, const json_t *value)
{
    if (!json_is_string(value))
        return wrong(arguments, "key", "is a text, whose vector is meant");
    arguments->operation->key = compile(arguments, "key", json_string_value(value), false);
    return arguments->operation->key ? 0 : -1;
}

static int read_k(const struct arguments *arguments, const json_t *value)
{
    json_int_t k = json_integer_value(value);
    if (!json_is_integer(value) || k < 1 || k > (json_int_t)FAISS_MOST_K)
        return wrong(arguments, "k", "is a whole number from 1 to 1000");
    arguments->operation->k = (unsigned)k;
    return 0;
}

static int read_id(const struct arguments *arguments, const json_t *value)
{
    char number[32];
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (!text)
        return wrong(arguments, "id", "is a whole number, or ${...} that stands for one");
    arguments->operation->id = compile(arguments, "id", text, false);
    return arguments->operation->id ? 0 : -1;
}

static int read_name(const struct arguments *arguments, const json_t *value)
{
    return json_is_string(value) ? 0 : wrong(arguments, "name", "is a text");
}

static int read_arguments(struct faiss_target *faiss, const struct operation_spec *spec,
                          struct faiss_operation *operation, struct error *error)
{
    static const struct {
        const char *name;
        unsigned verbs; /* that take it, a bit each */
        int (*read)(const struct arguments *arguments, const json_t *value);
    } known[] = {
        {"vector", 1 << FAISS_SEARCH | 1 << FAISS_ADD | 1 << FAISS_RANGE, read_vector},
        {"key", 1 << FAISS_SEARCH | 1 << FAISS_ADD | 1 << FAISS_RANGE, read_key},
        {"k", 1 << FAISS_SEARCH | 1 << FAISS_SEARCH_BATCH, read_k},
        {"id", 1 << FAISS_RECONSTRUCT, read_id},
        {"name", ~0u, read_name},
    };
    struct arguments arguments = {.faiss = faiss,
                                  .operation = operation,
                                  .where = spec->where ? spec->where : "plan",
                                  .name = spec->offer->name,
                                  .error = error};
    const char *name;
    json_t *value, *object = (json_t *)(uintptr_t)spec->arguments;
    if (!json_is_object(object))
        return wrong(&arguments, "arguments", "are a mapping, as in {key: \"note ${user}\"}");
    json_object_foreach(object, name, value)
    {
        size_t i = 0, count = sizeof known / sizeof *known;
        while (i < count &&
               (strcmp(known[i].name, name) != 0 || !(known[i].verbs & 1u << operation->verb)))
            i++;
        if (i == count)
            return wrong(&arguments, name,
                         "is no argument of it; search, add and range take vector or key, searches "
                         "k, reconstruct id");
        if (known[i].read(&arguments, value) < 0)
            return -1;
    }
    if (operation->key && (operation->vector || operation->written))
        return wrong(&arguments, "key", "and vector are both there; give one");
    operation->arguments_text = json_dumps(spec->arguments, JSON_COMPACT | JSON_ENCODE_ANY);
    return operation->arguments_text ? 0 : out_of_memory(error);
}

/* ---- what one call asks ------------------------------------------------------------------------
 */

int faiss_parse_vector(const char *text, size_t length, float *vector, size_t count, size_t *found)
{
    const char *at = text, *end = text + length;
    bool quoted = at < end && *at == '"';
    *found = 0;
    if (quoted && end[-1] == '"' && length >= 2) { /* a text, from a file's column */
        at++;
        end--;
    }
    while (at < end && *at == ' ')
        at++;
    if (at == end || *at++ != '[' || end[-1] != ']')
        return -1;
    for (end--; at < end;) {
        char number[64], *rest;
        size_t size = 0;
        while (at < end && *at != ',' && size + 1 < sizeof number) {
            if (*at != '"' && *at != ' ') /* an element that was a placeholder is a text */
                number[size++] = *at;
            at++;
        }
        number[size] = 0;
        float value = strtof(number, &rest);
        if (size == 0 || *rest || !isfinite(value) || (at < end && *at++ != ','))
            return -1;
        if (*found < count)
            vector[*found] = value;
        ++*found;
    }
    return *found == count ? 0 : -1;
}

static int render(struct faiss_task *task, const struct text_template *from,
                  const struct template_context *context, const char **detail, char *text)
{
    const char *missing = NULL;
    buffer_clear(&task->text);
    if (template_render(from, context, &task->text, &missing) == 0)
        return 0;
    *detail = "template";
    snprintf(text, BLOCKING_TEXT_SIZE, "an argument has no value: %s",
             missing ? missing : "it is too long");
    return -1;
}

static int fill_written(struct faiss_task *task, const struct template_context *context,
                        const char **detail, char *text)
{
    size_t found, dimension = task->target->facts.dimension;
    if (render(task, task->operation->written, context, detail, text) < 0)
        return -1;
    if (faiss_parse_vector(buffer_bytes(&task->text), buffer_length(&task->text), task->vector,
                           dimension, &found) == 0)
        return 0;
    *detail = found && found != dimension ? "dimension_mismatch" : "no_vector";
    if (found && found != dimension)
        snprintf(text, BLOCKING_TEXT_SIZE,
                 "the vector has %zu numbers, but those of the index have %zu", found, dimension);
    else
        snprintf(text, BLOCKING_TEXT_SIZE, "\"%.60s\" is no list of numbers",
                 buffer_length(&task->text) ? buffer_bytes(&task->text) : "");
    return -1;
}

static int fill_id(struct faiss_task *task, const struct template_context *context,
                   struct random *random, const char **detail, char *text)
{
    const struct faiss_operation *operation = task->operation;
    if (!operation->id) {
        task->id = (int64_t)random_below(random, (uint64_t)task->target->facts.count);
        return 0;
    }
    if (render(task, operation->id, context, detail, text) < 0)
        return -1;
    char *end;
    buffer_append_char(&task->text, 0);
    const char *bytes = buffer_bytes(&task->text);
    errno = 0;
    task->id = strtoll(bytes, &end, 10);
    if (end != bytes && !*end && errno == 0)
        return 0;
    *detail = "no_id";
    snprintf(text, BLOCKING_TEXT_SIZE, "\"%.60s\" is no whole number", bytes);
    return -1;
}

int faiss_fill(struct faiss_task *task, const struct template_context *context,
               struct random *random, const char **detail, char text[BLOCKING_TEXT_SIZE])
{
    const struct faiss_operation *operation = task->operation;
    struct faiss_target *target = task->target;
    task->query = task->vector;
    if (operation->verb == FAISS_RECONSTRUCT)
        return fill_id(task, context, random, detail, text);
    if (operation->vector) {
        task->query = operation->vector;
    } else if (operation->written) {
        return fill_written(task, context, detail, text);
    } else if (operation->key) {
        if (render(task, operation->key, context, detail, text) < 0)
            return -1;
        faiss_vector_of_key(&target->vectors, buffer_bytes(&task->text), buffer_length(&task->text),
                            task->vector);
    } else if (operation->verb == FAISS_ADD) {
        uint64_t numbers = UINT64_C(1) << 61; /* above those of the index, below the queries' */
        faiss_vector(&target->vectors, numbers + random_below(random, numbers), task->vector);
    } else {
        uint64_t first = random_below(random, FAISS_QUERIES - operation->batch + 1);
        task->query = target->queries + first * target->facts.dimension;
    }
    return 0;
}
