/* The C half of the cross-check against ajv.
 *
 *   generate_values generate SEEDS FILE...   for every schema of the files, SEEDS values in each
 * style:
 *       {"file": 0, "index": 3, "name": "...", "style": "simple", "seed": 0, "value": ...}  or
 * "error" generate_values validate FILE... < LINES  for every {"file", "index", "value"} read, one
 * line:
 *       {"valid": true} or {"valid": false, "problem": "..."}
 *
 * A file is a JSON array of {"name", "schema"}. */
#include "mcp/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    struct schema *schema; /* NULL when it does not compile */
    char problem[1024];
};

struct file {
    json_t *document;
    struct entry *entries;
    size_t count;
};

static int load(struct file *file, const char *path)
{
    json_error_t problem;
    file->document = json_load_file(path, 0, &problem);
    if (!json_is_array(file->document)) {
        fprintf(stderr, "%s:%d: %s\n", path, problem.line, problem.text);
        return -1;
    }
    file->count = json_array_size(file->document);
    file->entries = calloc(file->count, sizeof *file->entries);
    for (size_t i = 0; file->entries && i < file->count; i++) {
        const json_t *item = json_array_get(file->document, i);
        struct error error = {0};
        file->entries[i].name = json_string_value(json_object_get(item, "name"));
        file->entries[i].schema = schema_compile(json_object_get(item, "schema"), &error);
        snprintf(file->entries[i].problem, sizeof file->entries[i].problem, "%s", error.text);
    }
    return file->entries ? 0 : -1;
}

static void unload(struct file *file)
{
    for (size_t i = 0; file->entries && i < file->count; i++)
        schema_free(file->entries[i].schema);
    free(file->entries);
    json_decref(file->document);
}

static void print_line(json_t *line)
{
    json_dumpf(line, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(line);
}

static void generate_one(const struct entry *entry, size_t file, size_t index, size_t seed,
                         enum schema_generate_style style)
{
    struct random random;
    struct error error = {0};
    random_seed(&random, seed, 7);
    json_t *line =
        json_pack("{s:I, s:I, s:s, s:s, s:I}", "file", (json_int_t)file, "index", (json_int_t)index,
                  "name", entry->name, "style",
                  style == SCHEMA_GENERATE_SIMPLE ? "simple" : "varied", "seed", (json_int_t)seed);
    json_t *value = entry->schema ? schema_generate(entry->schema, &random, style, &error) : NULL;
    if (value)
        json_object_set_new(line, "value", value);
    else
        json_object_set_new(line, "error",
                            json_string(entry->schema ? error.text : entry->problem));
    print_line(line);
}

static void generate_all(const struct file *files, size_t count, size_t seeds)
{
    for (size_t f = 0; f < count; f++)
        for (size_t i = 0; i < files[f].count; i++)
            for (size_t seed = 0; seed < seeds; seed++) {
                generate_one(&files[f].entries[i], f, i, seed, SCHEMA_GENERATE_SIMPLE);
                generate_one(&files[f].entries[i], f, i, seed, SCHEMA_GENERATE_VARIED);
            }
}

static int validate_lines(const struct file *files, size_t count)
{
    char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    int result = 0;
    while (result == 0 && (length = getline(&text, &capacity, stdin)) > 0) {
        json_t *line = json_loadb(text, (size_t)length, 0, NULL);
        size_t f = (size_t)json_integer_value(json_object_get(line, "file"));
        size_t i = (size_t)json_integer_value(json_object_get(line, "index"));
        if (!line || f >= count || i >= files[f].count || !files[f].entries[i].schema) {
            fprintf(stderr, "cannot check: %.200s\n", text);
            result = 1;
        } else {
            char problem[600];
            bool valid = schema_validate(files[f].entries[i].schema, json_object_get(line, "value"),
                                         problem, sizeof problem);
            print_line(valid ? json_pack("{s:b}", "valid", 1)
                             : json_pack("{s:b, s:s}", "valid", 0, "problem", problem));
        }
        json_decref(line);
    }
    free(text);
    return result;
}

int main(int argc, char **argv)
{
    bool generate = argc > 3 && strcmp(argv[1], "generate") == 0;
    bool validate = argc > 2 && strcmp(argv[1], "validate") == 0;
    int first = generate ? 3 : 2, result = 0;
    if (!generate && !validate) {
        fprintf(stderr, "usage: %s generate SEEDS FILE... | validate FILE... < LINES\n", argv[0]);
        return 2;
    }
    size_t count = (size_t)(argc - first);
    struct file *files = calloc(count, sizeof *files);
    if (!files)
        return 1;
    for (size_t i = 0; i < count; i++)
        result |= load(&files[i], argv[first + (int)i]);
    if (result == 0 && generate)
        generate_all(files, count, strtoul(argv[2], NULL, 10));
    else if (result == 0)
        result = validate_lines(files, count);
    for (size_t i = 0; i < count; i++)
        unload(&files[i]);
    free(files);
    return result ? 1 : 0;
}
