/* Calling tools as the server does, on a store that keeps nothing; every result is held against its
 * outputSchema. With BURROW_TEST_REDIS in the environment its cache is in that Redis, emptied
 * before each test: give a server of the test's own. */
#ifndef TEST_BURROW_TOOL_HARNESS_H
#define TEST_BURROW_TOOL_HARNESS_H

#include "burrow/tools/dispatch.h"

struct harness {
    struct store store;
    struct dispatch *dispatch;
};

/* Of a store that keeps nothing, over the servers that the environment names, which are emptied. */
struct store_options harness_options(size_t cache_limit_bytes);
void harness_open(struct harness *harness); /* fails the test when it cannot */
void harness_close(struct harness *harness);
/* The structured result of a call that must succeed; new reference. Arguments as JSON text. */
json_t *harness_call(struct harness *harness, const char *tool, const char *arguments);
/* A call that must fail for `reason`, with `words` in its text (NULL: any). */
void harness_refused(struct harness *harness, const char *tool, const char *arguments,
                     const char *reason, const char *words);
/* The examples of every tool of the group, which must be accepted or fail by a named reason other
 * than invalid_argument or internal. */
void harness_examples(struct harness *harness, const struct tool_group *group);

#endif
