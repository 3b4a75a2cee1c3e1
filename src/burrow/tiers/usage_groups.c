/* See usage_groups.h. */
#include "burrow/tiers/usage_groups.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 64

static const char others[USAGE_CLIENT_SIZE] = "others";

static size_t hash_of(const struct usage_group *group)
{
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    const char *const texts[] = {group->tool, group->client, group->reason};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (const char *at = texts[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001B3);
    return (size_t)(hash ^ hash >> 29);
}

/* The slot that has the group, or where it would be. */
static uint32_t *slot_of(const struct usage_groups *groups, const struct usage_group *group)
{
    for (size_t at = hash_of(group);; at++) {
        uint32_t *slot = &groups->slots[at & (groups->slot_count - 1)];
        const struct usage_group *there = *slot ? &groups->all[*slot - 1] : NULL;
        if (!there ||
            (strcmp(there->tool, group->tool) == 0 && strcmp(there->client, group->client) == 0 &&
             strcmp(there->reason, group->reason) == 0))
            return slot;
    }
}

static int grow(struct usage_groups *groups)
{
    if (groups->count < groups->room)
        return 0;
    size_t room = groups->room ? groups->room * 2 : LEAST_ROOM;
    struct usage_group *all = realloc(groups->all, room * sizeof *all);
    if (all)
        groups->all = all;
    uint32_t *slots = all ? calloc(room * 2, sizeof *slots) : NULL;
    if (!slots)
        return -1;
    free(groups->slots);
    groups->room = room;
    groups->slots = slots;
    groups->slot_count = room * 2;
    for (size_t i = 0; i < groups->count; i++)
        *slot_of(groups, &groups->all[i]) = (uint32_t)i + 1;
    return 0;
}

static struct usage_group *find_or_make(struct usage_groups *groups,
                                        const struct usage_group *wanted)
{
    if (grow(groups) < 0)
        return NULL;
    uint32_t *slot = slot_of(groups, wanted);
    if (!*slot) {
        groups->all[groups->count++] = *wanted;
        *slot = (uint32_t)groups->count;
    }
    return &groups->all[*slot - 1];
}

void usage_group_name(struct usage_group *group, const char *tool, const char *client,
                      const char *reason)
{
    const struct {
        char *to;
        size_t size;
        const char *text;
    } texts[] = {{group->tool, sizeof group->tool, tool},
                 {group->client, sizeof group->client, client},
                 {group->reason, sizeof group->reason, reason}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t length = strnlen(texts[i].text, texts[i].size - 1);
        memcpy(texts[i].to, texts[i].text, length);
        texts[i].to[length] = '\0';
    }
}

int usage_groups_add(struct usage_groups *groups, unsigned keys, const struct usage_group *more)
{
    struct usage_group wanted = {.calls = 0};
    if (keys & USAGE_TOOL)
        memcpy(wanted.tool, more->tool, sizeof wanted.tool);
    if (keys & USAGE_CLIENT)
        memcpy(wanted.client, groups->count < USAGE_GROUPS_LIMIT ? more->client : others,
               sizeof wanted.client);
    if (keys & USAGE_REASON)
        memcpy(wanted.reason, more->reason, sizeof wanted.reason);
    struct usage_group *group = find_or_make(groups, &wanted);
    if (!group)
        return -1;
    group->calls += more->calls;
    group->failures += *more->reason ? more->calls : 0;
    group->total_us += more->total_us;
    group->max_us = more->max_us > group->max_us ? more->max_us : group->max_us;
    return 0;
}

static int most_first(const void *one, const void *other)
{
    const struct usage_group *a = one, *b = other;
    if (a->calls != b->calls)
        return a->calls > b->calls ? -1 : 1;
    int order = strcmp(a->tool, b->tool);
    order = order ? order : strcmp(a->client, b->client);
    return order ? order : strcmp(a->reason, b->reason);
}

void usage_groups_sort(struct usage_groups *groups)
{
    if (groups->count)
        qsort(groups->all, groups->count, sizeof *groups->all, most_first);
}

void usage_groups_free(struct usage_groups *groups)
{
    free(groups->all);
    free(groups->slots);
    *groups = (struct usage_groups){.count = 0};
}
