/* See fixture.h. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct harness harness;

int fixture_set_up(void **state)
{
    (void)state;
    harness_open(&harness);
    return 0;
}

int fixture_tear_down(void **state)
{
    (void)state;
    harness_close(&harness);
    return 0;
}

void harness_check(const char *tool, const char *arguments, const char *expected)
{
    json_t *result = harness_call(&harness, tool, arguments);
    char *text = json_dumps(result, JSON_COMPACT);
    if (!strstr(text, expected))
        fail_msg("%s %s: %s is not in %s", tool, arguments, expected, text);
    free(text);
    json_decref(result);
}
