/* URLs: the parts, defaults, errors with remedies, and the reference examples of RFC 3986, 5.4. */
#include "base/scrub.h"
#include "net/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parses_all_parts(void **state)
{
    struct url url;
    struct error error;
    (void)state;
    assert_int_equal(
        url_parse(&url, "HTTPS://al%40ice:p%3Aw%2Fd@Example.org:8443/a/b?x=1&y=%20#frag", &error),
        0);
    assert_string_equal(url.scheme, "https");
    assert_string_equal(url.user, "al@ice");
    assert_string_equal(url.password, "p:w/d");
    assert_string_equal(url.host, "Example.org");
    assert_int_equal(url.port, 8443);
    assert_string_equal(url.path, "/a/b?x=1&y=%20");
    char *shown = scrub_text("the password is p:w/d.", 22);
    assert_string_equal(shown, "the password is ***.");
    free(shown);
    url_free(&url);
    url_free(&url); /* harmless twice */
    scrub_forget_all();
}

static void fills_in_defaults(void **state)
{
    static const struct {
        const char *text, *host, *path;
        uint16_t port;
    } cases[] = {
        {"http://h", "h", "/", 80},
        {"http://h:", "h", "/", 80},
        {"https://h?q=1", "h", "/?q=1", 443},
        {"https://h#f", "h", "/", 443},
        {"http://h/p?", "h", "/p?", 80},
        {"redis://h", "h", "/", 6379},
        {"rediss://h/3", "h", "/3", 6379},
        {"bolt://h", "h", "/", 7687},
        {"neo4j+s://h", "h", "/", 7687},
        {"http://[::1]:3000/mcp", "::1", "/mcp", 3000},
        {"http://[fe80::1%25eth0]/", "fe80::1%eth0", "/", 80},
        {"http://127.0.0.1:65535", "127.0.0.1", "/", 65535},
        {"http://%2Frun%2Fx.sock/mcp", "/run/x.sock", "/mcp", 80},
        {"unix:///run/r.sock?db=1", "/run/r.sock", "/?db=1", 0},
        {"unix:/run/r.sock", "/run/r.sock", "/", 0},
        {"http://h/caf\xc3\xa9", "h", "/caf%C3%A9", 80},
        {"null://", "", "/", 0},
        {"http://h/a@b:c", "h", "/a@b:c", 80},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url url;
        struct error error = {0};
        if (url_parse(&url, cases[i].text, &error) != 0)
            fail_msg("%s: %s", cases[i].text, error.text);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.path, cases[i].path);
        assert_int_equal(url.port, cases[i].port);
        assert_null(url.user);
        url_free(&url);
    }
}

static void refuses_with_a_remedy(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "is no absolute URL"},
        {"localhost:3000/mcp", "http://localhost:3000/mcp"},
        {"example.org/mcp", "http://example.org/mcp"},
        {"/mcp", "is no absolute URL"},
        {"http:/h", "is no absolute URL"},
        {"http://", "no host"},
        {"http://:80/", "no host"},
        {"redis:///0", "no host"},
        {"http://h:0/", "is no port"},
        {"http://h:65536/", "is no port"},
        {"http://h:8x/", "is no port"},
        {"http://h:-1/", "is no port"},
        {"http://h:99999999999999999999/", "is no port"},
        {"http://::1/", "write an IPv6 address in brackets"},
        {"http://[::1/", "'[' without ']'"},
        {"http://[::1]x/", "must follow ']'"},
        {"http://[1.2.3.4]/", "is no IPv6 address"},
        {"http://[]/", "is no IPv6 address"},
        {"http://a b/", "at byte 9"},
        {"http://h/a b", "%20"},
        {"http://h/a\nb", "%0A"},
        {"http://h%zz/", "%25"},
        {"http://h%2/", "%25"},
        {"http://h%00/", "%25"},
        {"http://h%20x/", "not allowed in a host"},
        {"http://u%4:p@h/", "user name"},
        {"http://u:%x@h/", "password"},
        {"http://a<b/", "not allowed in a host"},
        {"unix://", "unix:///run"},
        {"unix://host/p", "unix:///run"},
        {"unix:relative", "unix:///run"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct url url;
        struct error error = {0};
        if (url_parse(&url, cases[i].text, &error) != -1)
            fail_msg("'%s' was accepted", cases[i].text);
        assert_int_equal(error.code, ERROR_USAGE);
        if (!strstr(error.text, cases[i].expected))
            fail_msg("'%s': '%s' does not say '%s'", cases[i].text, error.text, cases[i].expected);
        assert_null(url.host);
    }
}

static void refuses_a_long_one_and_hides_passwords(void **state)
{
    struct url url;
    struct error error;
    (void)state;
    char *text = malloc(10001);
    memset(text, 'a', 10000);
    text[10000] = '\0';
    memcpy(text, "http://h/", 9);
    assert_int_equal(url_parse(&url, text, &error), -1);
    assert_non_null(strstr(error.text, "longer than"));
    free(text);
    assert_int_equal(url_parse(&url, "user:hunter2secret@host/x", &error), -1);
    assert_int_equal(error.code, ERROR_USAGE);
}

static void resolves_references(void **state)
{
    /* RFC 3986, 5.4.1 and 5.4.2, base http://a/b/c/d;p?q; ours drop fragments and give "/" for "".
     */
    static const struct {
        const char *reference, *path;
    } cases[] = {
        {"g", "/b/c/g"},
        {"./g", "/b/c/g"},
        {"g/", "/b/c/g/"},
        {"/g", "/g"},
        {"?y", "/b/c/d;p?y"},
        {"g?y", "/b/c/g?y"},
        {"#s", "/b/c/d;p?q"},
        {"g#s", "/b/c/g"},
        {"g?y#s", "/b/c/g?y"},
        {";x", "/b/c/;x"},
        {"g;x", "/b/c/g;x"},
        {"", "/b/c/d;p?q"},
        {".", "/b/c/"},
        {"./", "/b/c/"},
        {"..", "/b/"},
        {"../", "/b/"},
        {"../g", "/b/g"},
        {"../..", "/"},
        {"../../", "/"},
        {"../../g", "/g"},
        {"../../../g", "/g"},
        {"../../../../g", "/g"},
        {"/./g", "/g"},
        {"/../g", "/g"},
        {"g.", "/b/c/g."},
        {".g", "/b/c/.g"},
        {"g..", "/b/c/g.."},
        {"..g", "/b/c/..g"},
        {"./../g", "/b/g"},
        {"./g/.", "/b/c/g/"},
        {"g/./h", "/b/c/g/h"},
        {"g/../h", "/b/c/h"},
        {"g;x=1/./y", "/b/c/g;x=1/y"},
        {"g;x=1/../y", "/b/c/y"},
        {"g?y/./x", "/b/c/g?y/./x"},
        {"g?y/../x", "/b/c/g?y/../x"},
        {"/messages?sessionId=1", "/messages?sessionId=1"},
    };
    struct url base, url;
    struct error error;
    (void)state;
    assert_int_equal(url_parse(&base, "http://u:pass@a/b/c/d;p?q", &error), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (url_resolve(&url, &base, cases[i].reference, &error) != 0)
            fail_msg("%s: %s", cases[i].reference, error.text);
        if (strcmp(url.path, cases[i].path) != 0)
            fail_msg("%s: %s, not %s", cases[i].reference, url.path, cases[i].path);
        assert_string_equal(url.host, "a");
        assert_string_equal(url.password, "pass");
        assert_true(url_same_origin(&url, &base));
        url_free(&url);
    }
    assert_int_equal(url_resolve(&url, &base, "//other:8080/x", &error), 0);
    assert_string_equal(url.scheme, "http");
    assert_string_equal(url.host, "other");
    assert_int_equal(url.port, 8080);
    assert_null(url.password); /* credentials never go to another host */
    assert_false(url_same_origin(&url, &base));
    url_free(&url);
    assert_int_equal(url_resolve(&url, &base, "https://a/x", &error), 0);
    assert_false(url_same_origin(&url, &base));
    url_free(&url);
    assert_int_equal(url_resolve(&url, &base, "mailto:x", &error), -1);
    assert_int_equal(url_resolve(&url, &base, "//h:x/", &error), -1);
    assert_null(url.path);
    url_free(&base);
    scrub_forget_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_all_parts),
        cmocka_unit_test(fills_in_defaults),
        cmocka_unit_test(refuses_with_a_remedy),
        cmocka_unit_test(refuses_a_long_one_and_hides_passwords),
        cmocka_unit_test(resolves_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
