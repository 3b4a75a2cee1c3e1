/* Calls summed by tool, client and reason, or by some of these: a hash table over an array. Beyond
 * a limit callers are no longer told apart, so that none can make it grow by naming itself anew. */
#ifndef BURROW_TIERS_USAGE_GROUPS_H
#define BURROW_TIERS_USAGE_GROUPS_H

#include <stddef.h>
#include <stdint.h>

#define USAGE_GROUPS_LIMIT 8192
#define USAGE_CLIENT_SIZE  48

enum usage_key { USAGE_TOOL = 1, USAGE_CLIENT = 2, USAGE_REASON = 4 };

/* Texts that are not among the keys are empty; so is the reason of calls that succeeded. */
struct usage_group {
    char tool[64], client[USAGE_CLIENT_SIZE], reason[32];
    uint64_t calls, failures, total_us, max_us;
};

struct usage_groups {
    struct usage_group *all;
    size_t count, room;
    uint32_t *slots; /* 1-based places in `all`; 0: free */
    size_t slot_count;
};

/* Its texts, cut where they are too long. */
void usage_group_name(struct usage_group *group, const char *tool, const char *client,
                      const char *reason);
/* Add to the group that has those of its texts that `keys` names. -1: out of memory. */
int usage_groups_add(struct usage_groups *groups, unsigned keys, const struct usage_group *more);
/* Most calls first, then by name; nothing is added after. */
void usage_groups_sort(struct usage_groups *groups);
void usage_groups_free(struct usage_groups *groups); /* leaves it empty */

#endif
