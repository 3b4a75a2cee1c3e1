/* result.json: writing it so that a reader never sees half of it, and reading it with suspicion. */
#include "report/result_json.h"

#include "base/clock.h"
#include "report/figures.h"
#include "report/form_file.h"
#include "report/result_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the document --------------------------------------------------------------------------- */

static json_t *wall_time_json(uint64_t wall_ns)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return json_string("");
    return json_string(text);
}

/* The schema first, so that the first line of the file says what it is. */
static json_t *with_schema_first(json_t *rest, const struct result *result)
{
    json_t *document = json_object();
    if (!document || !rest ||
        json_object_set_new(document, "schema", json_string(RESULT_SCHEMA)) < 0 ||
        json_object_set_new(document, "started_at", wall_time_json(result->started_wall_ns)) < 0 ||
        json_object_update(document, rest) < 0) {
        json_decref(document);
        document = NULL;
    }
    json_decref(rest);
    return document;
}

json_t *result_to_json(const struct result *result, struct error *error)
{
    struct error inner = {.code = ERROR_NONE};
    json_t *rest = json_record_write(&record_result, result, &inner);
    if (!rest) {
        if (error)
            *error = inner;
        return NULL;
    }
    json_t *document = with_schema_first(rest, result);
    if (!document || figures_attach(document, result) < 0) {
        json_decref(document);
        error_set(error, ERROR_INTERNAL, "out of memory for the result's document");
        return NULL;
    }
    return document;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int write_document(FILE *file, const void *context)
{
    const json_t *document = context;
    return json_dumpf(document, file, JSON_COMPACT) < 0 || fputc('\n', file) == EOF ? -1 : 0;
}

int result_write_json(const struct result *result, const char *path, struct error *error)
{
    json_t *document = result_to_json(result, error);
    if (!document)
        return error_wrap(error, "%s", path);
    int status = file_write(path, write_document, document, error);
    json_decref(document);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

json_t *result_parse_document(const char *text, size_t length, const char *source,
                              struct error *error)
{
    json_error_t problem;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (document)
        return document;
    size_t end = length;
    while (end > 0 && strchr(" \t\r\n", text[end - 1]))
        end--;
    if (end == 0)
        error_set(error, ERROR_USAGE, "%s: the file is empty; a result is a JSON document", source);
    else if (problem.position >= 0 && (size_t)problem.position >= end)
        error_set(error, ERROR_USAGE,
                  "%s: cut off after %zu bytes: the JSON document does not end; use a whole copy",
                  source, length);
    else
        error_set(error, ERROR_USAGE, "%s:%d:%d: not valid JSON: %s", source, problem.line,
                  problem.column, problem.text);
    return NULL;
}

static char *read_file(FILE *file, const char *path, size_t *length, struct error *error)
{
    char *bytes = NULL;
    size_t capacity = 0;
    for (*length = 0;;) {
        if (*length == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 16;
            char *grown = capacity > RESULT_FILE_LIMIT ? NULL : realloc(bytes, capacity);
            if (!grown) {
                free(bytes);
                error_set(error, ERROR_USAGE, "%s: larger than %zu MB; no result is", path,
                          RESULT_FILE_LIMIT >> 20);
                return NULL;
            }
            bytes = grown;
        }
        size_t got = fread(bytes + *length, 1, capacity - *length, file);
        *length += got;
        if (got == 0 && !ferror(file))
            return bytes;
        if (got == 0) {
            error_set(error, ERROR_USAGE, "%s: cannot read: %s", path, strerror(errno));
            free(bytes);
            return NULL;
        }
    }
}

json_t *result_load_document(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(error, ERROR_USAGE, "%s: cannot open: %s", path, strerror(errno));
        return NULL;
    }
    size_t length;
    char *bytes = read_file(file, path, &length, error);
    fclose(file);
    json_t *document = bytes ? result_parse_document(bytes, length, path, error) : NULL;
    free(bytes);
    return document;
}

static int check_schema(const json_t *document, const char *source, struct error *error)
{
    const char *schema = json_string_value(json_object_get(document, "schema"));
    if (!schema || strncmp(schema, RESULT_SCHEMA_NAME, strlen(RESULT_SCHEMA_NAME)) != 0)
        return error_set(error, ERROR_USAGE,
                         "%s: not a cicada result: it has no member \"schema\": \"%s\"", source,
                         RESULT_SCHEMA);
    char *end;
    long version = strtol(schema + strlen(RESULT_SCHEMA_NAME), &end, 10);
    if (*end || version < 1)
        return error_set(error, ERROR_USAGE, "%s: schema: \"%.60s\" is no version of %s", source,
                         schema, RESULT_SCHEMA);
    if (version > RESULT_SCHEMA_VERSION)
        return error_set(
            error, ERROR_USAGE,
            "%s: schema: written by a newer cicada (\"%.60s\"; this one reads \"%s\"); "
            "use that version",
            source, schema, RESULT_SCHEMA);
    return 0;
}

/* Indexes into other arrays hold, so that whoever reads the result may follow them. */
static int check_phase_target(struct json_reader *reader, const struct result *result,
                              const struct phase_target *target)
{
    if (target->target >= result->target_count)
        return json_reader_fail(reader, "target: there is no target %u", target->target);
    size_t operations = result->targets[target->target].operation_count;
    if (target->operation_count != operations)
        return json_reader_fail(reader, "operations: %zu of them, but target \"%s\" has %zu",
                                target->operation_count, result->targets[target->target].name,
                                operations);
    for (size_t s = 0; s < target->second_count; s++)
        for (size_t o = 0; o < target->seconds[s].operation_count; o++)
            if (target->seconds[s].operations[o].operation >= operations)
                return json_reader_fail(reader, "seconds[%zu].operations[%zu]: no operation %u", s,
                                        o, target->seconds[s].operations[o].operation);
    return 0;
}

static int check_references(struct json_reader *reader, const struct result *result)
{
    json_reader_leave(reader, 0);
    for (size_t p = 0; p < result->phase_count; p++)
        for (size_t t = 0; t < result->phases[p].target_count; t++) {
            json_reader_enter(reader, "phases[%zu].targets[%zu]", p, t);
            if (check_phase_target(reader, result, &result->phases[p].targets[t]) < 0)
                return -1;
            json_reader_leave(reader, 0);
        }
    for (size_t i = 0; i < result->watch_count; i++)
        if (result->watch[i].target >= result->target_count)
            return json_reader_fail(reader, "watch[%zu].target: there is no target %u", i,
                                    result->watch[i].target);
    for (size_t i = 0; i < result->alert_count; i++) {
        if (result->alerts[i].target >= (int64_t)result->target_count)
            return json_reader_fail(reader, "alerts[%zu].target: there is no target %d", i,
                                    result->alerts[i].target);
        if (result->alerts[i].phase >= result->phase_count)
            return json_reader_fail(reader, "alerts[%zu].phase: there is no phase %u", i,
                                    result->alerts[i].phase);
    }
    for (size_t i = 0; i < result->recommendation_count; i++)
        if (result->recommendations[i].finding >= result->finding_count)
            return json_reader_fail(reader, "recommendations[%zu].finding: there is no finding %u",
                                    i, result->recommendations[i].finding);
    for (size_t i = 0; i < result->example_count; i++) {
        const struct example *example = &result->examples[i];
        if (example->target >= result->target_count)
            return json_reader_fail(reader, "examples[%zu].target: there is no target %u", i,
                                    example->target);
        if (example->operation >= result->targets[example->target].operation_count)
            return json_reader_fail(reader, "examples[%zu].operation: there is no operation %u", i,
                                    example->operation);
    }
    return 0;
}

int result_from_document(struct result *result, const json_t *document, const char *source,
                         struct error *error)
{
    struct json_reader reader = {.source = source, .error = error, .context = result};
    result_init(result);
    if (!json_is_object(document))
        return error_set(error, ERROR_USAGE, "%s: not a cicada result: %s, not an object", source,
                         json_type_name(document));
    if (check_schema(document, source, error) < 0)
        return -1;
    if (json_record_read(&reader, &record_result, document, result) < 0 ||
        check_references(&reader, result) < 0) {
        result_free(result);
        return -1;
    }
    return 0;
}

int result_read_json(struct result *result, const char *path, struct error *error)
{
    result_init(result);
    json_t *document = result_load_document(path, error);
    if (!document)
        return -1;
    int status = result_from_document(result, document, path, error);
    json_decref(document);
    return status;
}
