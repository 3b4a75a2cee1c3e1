/* JSON values as JSON Schema sees them: types, equality, uniqueness, lengths in code points; and
 * the arena that a compiled schema and a generation live in. */
#include "mcp/schema_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct schema_arena_block {
    struct schema_arena_block *next;
    size_t size, used;
    max_align_t bytes[];
};

struct hashed_item {
    uint64_t hash;
    size_t index;
};

#define ARENA_BLOCK     ((size_t)16 * 1024)
#define MAX_VALUE_DEPTH 1000 /* recursion over one instance; deeper values are never equal */

static struct schema_arena_block *arena_grow(struct schema_arena *arena, size_t size);
static bool equal_at_depth(const json_t *left, const json_t *right, unsigned depth);
static uint64_t hash_value(const json_t *value, unsigned depth);
static int compare_hashes(const void *left, const void *right);
static bool find_equal_in_run(const json_t *array, const struct hashed_item *items, size_t count,
                              size_t *first, size_t *second);

void *schema_arena_take(struct schema_arena *arena, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size == 0)
        size = sizeof(max_align_t);
    struct schema_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        block = arena_grow(arena, size);
        if (!block)
            return NULL;
    }
    void *taken = (char *)block->bytes + block->used;
    block->used += size;
    return taken;
}

char *schema_arena_copy(struct schema_arena *arena, const char *text, size_t length)
{
    char *copy = schema_arena_take(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void schema_arena_free(struct schema_arena *arena)
{
    struct schema_arena_block *block = arena->blocks;
    while (block) {
        struct schema_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct schema_arena){0};
}

unsigned schema_type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return SCHEMA_OBJECT;
    case JSON_ARRAY:
        return SCHEMA_ARRAY;
    case JSON_STRING:
        return SCHEMA_STRING;
    case JSON_INTEGER:
        return SCHEMA_INTEGER;
    case JSON_REAL:
        return schema_number_is_integral(value) ? SCHEMA_INTEGER : SCHEMA_FRACTION;
    case JSON_TRUE:
    case JSON_FALSE:
        return SCHEMA_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return SCHEMA_NULL;
}

const char *schema_type_name(unsigned type)
{
    switch (type) {
    case SCHEMA_NULL:
        return "null";
    case SCHEMA_BOOLEAN:
        return "boolean";
    case SCHEMA_INTEGER:
        return "integer";
    case SCHEMA_STRING:
        return "string";
    case SCHEMA_ARRAY:
        return "array";
    case SCHEMA_OBJECT:
        return "object";
    default:
        return "number";
    }
}

bool schema_equal(const json_t *left, const json_t *right)
{
    return equal_at_depth(left, right, 0);
}

bool schema_array_contains(const json_t *array, const json_t *value)
{
    size_t index;
    json_t *item;
    json_array_foreach((json_t *)array, index, item) if (schema_equal(item, value)) return true;
    return false;
}

/* Equal items have equal hashes, so that only runs of one hash are compared. */
bool schema_items_unique(const json_t *array, size_t *first, size_t *second)
{
    size_t count = json_array_size(array);
    if (count < 2)
        return true;
    struct hashed_item *items = malloc(count * sizeof *items);
    if (!items)
        return true;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct hashed_item){hash_value(json_array_get(array, i), 0), i};
    qsort(items, count, sizeof *items, compare_hashes);
    bool unique = true;
    for (size_t start = 0; unique && start < count;) {
        size_t end = start + 1;
        while (end < count && items[end].hash == items[start].hash)
            end++;
        unique = !find_equal_in_run(array, items + start, end - start, first, second);
        start = end;
    }
    free(items);
    return unique;
}

size_t schema_string_length(const json_t *string)
{
    return schema_utf8_length(json_string_value(string), json_string_length(string));
}

size_t schema_utf8_length(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)bytes[i] & 0xc0) != 0x80) /* not a continuation byte */
            count++;
    return count;
}

size_t schema_utf8_encode(uint32_t code_point, char bytes[4])
{
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        bytes[0] = (char)(0xc0 | code_point >> 6);
        bytes[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        bytes[0] = (char)(0xe0 | code_point >> 12);
        bytes[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    bytes[0] = (char)(0xf0 | code_point >> 18);
    bytes[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    bytes[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

static struct schema_arena_block *arena_grow(struct schema_arena *arena, size_t size)
{
    size_t room = size > ARENA_BLOCK ? size : ARENA_BLOCK;
    if (size > SCHEMA_MAX_ARENA || arena->used > SCHEMA_MAX_ARENA - room)
        return NULL;
    struct schema_arena_block *block = calloc(1, sizeof *block + room);
    if (!block)
        return NULL;
    block->size = room;
    arena->used += room;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

static bool equal_at_depth(const json_t *left, const json_t *right, unsigned depth)
{
    if (json_is_number(left) && json_is_number(right))
        return schema_number_compare(left, right) == 0;
    if (json_typeof(left) != json_typeof(right) || depth > MAX_VALUE_DEPTH)
        return false;
    if (json_is_string(left))
        return json_string_length(left) == json_string_length(right) &&
               memcmp(json_string_value(left), json_string_value(right),
                      json_string_length(left)) == 0;
    if (json_is_array(left)) {
        if (json_array_size(left) != json_array_size(right))
            return false;
        for (size_t i = 0; i < json_array_size(left); i++)
            if (!equal_at_depth(json_array_get(left, i), json_array_get(right, i), depth + 1))
                return false;
        return true;
    }
    if (json_is_object(left)) {
        if (json_object_size(left) != json_object_size(right))
            return false;
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)left, name, value)
        {
            const json_t *other = json_object_get(right, name);
            if (!other || !equal_at_depth(value, other, depth + 1))
                return false;
        }
    }
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value + UINT64_C(0x9e3779b97f4a7c15) + (hash << 6) + (hash >> 2);
    return hash * UINT64_C(0xff51afd7ed558ccd);
}

static uint64_t hash_bytes(const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_value(const json_t *value, unsigned depth)
{
    uint64_t hash = schema_type_of(value);
    if (depth > MAX_VALUE_DEPTH)
        return hash;
    if (json_is_number(value)) {
        double number = json_number_value(value) + 0.0; /* -0 becomes 0 */
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        return mix(hash, bits);
    }
    if (json_is_string(value))
        return mix(hash, hash_bytes(json_string_value(value), json_string_length(value)));
    if (json_is_boolean(value))
        return mix(hash, json_is_true(value));
    if (json_is_array(value))
        for (size_t i = 0; i < json_array_size(value); i++)
            hash = mix(hash, hash_value(json_array_get(value, i), depth + 1));
    if (json_is_object(value)) {
        const char *name;
        json_t *member;
        uint64_t sum = 0; /* the same in any order */
        json_object_foreach((json_t *)value, name, member) sum +=
            mix(hash_bytes(name, strlen(name)), hash_value(member, depth + 1));
        hash = mix(hash, sum);
    }
    return hash;
}

static int compare_hashes(const void *left, const void *right)
{
    const struct hashed_item *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool find_equal_in_run(const json_t *array, const struct hashed_item *items, size_t count,
                              size_t *first, size_t *second)
{
    for (size_t i = 0; i + 1 < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (schema_equal(json_array_get(array, items[i].index),
                             json_array_get(array, items[j].index))) {
                *first = items[i].index;
                *second = items[j].index;
                return true;
            }
    return false;
}
