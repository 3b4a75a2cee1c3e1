/* src/base/scrub: what must not be shown is not shown, and the rest is unharmed. */
#include "base/scrub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void knows_secret_names(void **state)
{
    (void)state;
    static const char *const secret[] = {"Authorization", "authorization",      "Cookie",
                                         "X-Api-Key",     "access_token",       "CLIENT_SECRET",
                                         "DbPassword",    "Proxy-Authorization"};
    static const char *const open[] = {"Accept", "Content-Type", "Mcp-Session-Id",
                                       "user",   "author",       ""};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        assert_true(scrub_name_is_secret(secret[i]));
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_false(scrub_name_is_secret(open[i]));
}

static void hides_secrets_in_urls(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://127.0.0.1:3000/mcp", "http://127.0.0.1:3000/mcp"},
        {"redis://user:hunter2@host:6379/0", "redis://user:***@host:6379/0"},
        {"redis://:hunter2@host", "redis://:***@host"},
        {"bolt://neo4j:p@ss@host:7687", "bolt://neo4j:***@host:7687"},
        {"http://user@host/", "http://user@host/"},
        {"http://h/p?a=1&token=abc&b=2", "http://h/p?a=1&token=***&b=2"},
        {"http://h/p?api_key=abc#f", "http://h/p?api_key=***#f"},
        {"http://h?password=x", "http://h?password=***"},
        {"http://h/p?", "http://h/p?"},
        {"http://h/p?flag&a=", "http://h/p?flag&a="},
        {"http://h/user:name@x", "http://h/user:name@x"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *clean = scrub_url(cases[i][0]);
        assert_string_equal(clean, cases[i][1]);
        free(clean);
    }
}

static void assert_scrubbed(const char *text, const char *expected)
{
    char *clean = scrub_text(text, strlen(text));
    assert_string_equal(clean, expected);
    free(clean);
}

static void hides_remembered_secrets(void **state)
{
    (void)state;
    scrub_forget_all();
    assert_scrubbed("nothing remembered", "nothing remembered");
    scrub_remember("s3cret");
    scrub_remember("s3cret-longer");
    scrub_remember("abc"); /* too short: it would tear holes into everything */
    scrub_remember("s3cret");
    scrub_remember(NULL);
    assert_scrubbed("s3cret", "***");
    assert_scrubbed("a s3cret and s3cret-longer, abc", "a *** and ***, abc");
    assert_scrubbed("s3crets3cret", "******");
    assert_scrubbed("s3cre", "s3cre");
    assert_scrubbed("", "");
    scrub_forget_all();
    assert_scrubbed("s3cret", "s3cret");
}

static void hides_bearer_tokens(void **state)
{
    (void)state;
    assert_scrubbed("Authorization: Bearer abc.DEF-1_~+/=; next",
                    "Authorization: Bearer ***; next");
    assert_scrubbed("bearer xyz", "Bearer ***");
    assert_scrubbed("Bearer ", "Bearer ");
    assert_scrubbed("the bearer of this", "the Bearer *** this");
}

static void keeps_nul_bytes_out_of_harm(void **state)
{
    (void)state;
    scrub_remember("needle");
    char *clean = scrub_text("a\0needle\0b", 10);
    assert_memory_equal(clean, "a\0***\0b", 8);
    free(clean);
    /* A length that ends within the secret must not be read past. */
    char *exact = malloc(5);
    memcpy(exact, "needl", 5);
    clean = scrub_text(exact, 5);
    assert_string_equal(clean, "needl");
    free(clean);
    free(exact);
    scrub_forget_all();
}

static void remembers_no_end_of_secrets(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char secret[32];
        snprintf(secret, sizeof secret, "secret-number-%d.", i);
        scrub_remember(secret);
    }
    assert_scrubbed("secret-number-0.", "***");
    scrub_forget_all();
}

static void overwrites_arguments_in_place(void **state)
{
    (void)state;
    char argument[] = "--header=Authorization: Bearer x";
    scrub_argument(argument);
    assert_int_equal(strlen(argument), sizeof argument - 1);
    assert_int_equal(strspn(argument, "*"), sizeof argument - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_secret_names),
        cmocka_unit_test(hides_secrets_in_urls),
        cmocka_unit_test(hides_remembered_secrets),
        cmocka_unit_test(hides_bearer_tokens),
        cmocka_unit_test(keeps_nul_bytes_out_of_harm),
        cmocka_unit_test(remembers_no_end_of_secrets),
        cmocka_unit_test(overwrites_arguments_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
