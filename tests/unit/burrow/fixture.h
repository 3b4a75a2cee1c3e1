/* The harness of a test, opened before it and closed after it. */
#ifndef TEST_BURROW_FIXTURE_H
#define TEST_BURROW_FIXTURE_H

#include "tool_harness.h"

extern struct harness harness;

int fixture_set_up(void **state);
int fixture_tear_down(void **state);
#define WITH_HARNESS(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

/* A call that must succeed, and have `expected` in its result as compact JSON. */
void harness_check(const char *tool, const char *arguments, const char *expected);

#endif
