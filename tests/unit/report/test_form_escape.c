/* What a hostile server may say, in each form: shown, and never obeyed. */
#include "report/form_escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void escape(FILE *file, const char *text);

static void assert_escaped(escape *function, const char *text, const char *expected)
{
    char *written = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&written, &length);
    function(file, text);
    fclose(file);
    assert_string_equal(written, expected);
    free(written);
}

static void html_is_text(void **state)
{
    (void)state;
    assert_escaped(escape_html, "</script><img src=x onerror='a(\"b\")'>&",
                   "&lt;/script&gt;&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;");
    assert_escaped(escape_html, "line\n\tline\r", "line\n\tline\\r");
    assert_escaped(escape_html, NULL, "");
}

static void what_is_obeyed_is_shown(void **state)
{
    (void)state;
    assert_escaped(escape_html, "\033[31m\a", "\\x1b[31m\\x07");
    assert_escaped(escape_html,
                   "a\xe2\x80\xae"
                   "b\xe2\x80\xa8", /* U+202E, U+2028 */
                   "a\\u202eb\\u2028");
    assert_escaped(escape_html, "caf\xc3\xa9 \xff\xfe", "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd");
    assert_escaped(escape_xml, "a\xef\xbf\xbe\xef\xbf\xbf", "a\xef\xbf\xbd\xef\xbf\xbd");
    assert_escaped(escape_xml, "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void xml_keeps_lines(void **state)
{
    (void)state;
    assert_escaped(escape_xml, "]]>\n\"x\"\t'\001", "]]&gt;&#10;&quot;x&quot;&#9;&#39;\\x01");
}

static void json_stands_in_a_script(void **state)
{
    (void)state;
    assert_escaped(escape_json, "</script><!--\"\\", "\\u003c/script\\u003e\\u003c!--\\\"\\\\");
    assert_escaped(escape_json, "\xe2\x80\xa9\n", "\\\\u2029\\u000a");
}

static void csv_is_no_formula(void **state)
{
    (void)state;
    assert_escaped(escape_csv, "=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
    assert_escaped(escape_csv, "+1", "\"'+1\"");
    assert_escaped(escape_csv, "-1", "\"'-1\"");
    assert_escaped(escape_csv, "@a", "\"'@a\"");
    assert_escaped(escape_csv, "\t=1", "\"'\\t=1\"");
    assert_escaped(escape_csv, "  =1", "\"'  =1\"");
    assert_escaped(escape_csv, "a,b\r\n\"c\"", "\"a,b\\r\\n\"\"c\"\"\"");
    assert_escaped(escape_csv, NULL, "\"\"");
}

static void prometheus_labels(void **state)
{
    (void)state;
    assert_escaped(escape_prometheus, "a\"b\\c\nd", "a\\\"b\\\\c\\nd");
    assert_escaped(escape_prometheus, "\033", "\\\\x1b");
}

static void markdown_is_text(void **state)
{
    (void)state;
    assert_escaped(escape_markdown, "**a** [b](c) | `d` <i>",
                   "\\*\\*a\\*\\* \\[b\\](c) \\| \\`d\\` "
                   "&lt;i&gt;");
    assert_escaped(escape_markdown, "@octocat #1", "@<!-- -->octocat \\#<!-- -->1");
    assert_escaped(escape_markdown, "http://x www.y", "http\\://x www\\.y");
    assert_escaped(escape_markdown, "p95: 1.5ms\n# x", "p95: 1.5ms \\#<!-- --> x");
    assert_escaped(escape_markdown, "- a", "\\- a");
}

static void code_20(FILE *file, const char *text)
{
    escape_markdown_code(file, text, 20);
}

static void markdown_code_spans_do_not_end_early(void **state)
{
    (void)state;
    assert_escaped(code_20, "echo", "`echo`");
    assert_escaped(code_20, "a`b", "``a`b``");
    assert_escaped(code_20, "``", "``` `` ```");
    assert_escaped(code_20, "a|b\nc", "`a\\|b\\nc`");
    assert_escaped(code_20, "", "");
    assert_escaped(code_20, NULL, "");
    assert_escaped(code_20, "012345678901234567890", "`0123456789012345678\xe2\x80\xa6`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_is_text),      cmocka_unit_test(what_is_obeyed_is_shown),
        cmocka_unit_test(xml_keeps_lines),   cmocka_unit_test(json_stands_in_a_script),
        cmocka_unit_test(csv_is_no_formula), cmocka_unit_test(prometheus_labels),
        cmocka_unit_test(markdown_is_text),  cmocka_unit_test(markdown_code_spans_do_not_end_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
