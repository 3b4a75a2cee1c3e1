/* code_patterns: attempts in code, and the reading of source texts. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_result(const char *tool, json_t *result, const char *expected)
{
    char *text = json_dumps(result, JSON_COMPACT);
    if (!strstr(text, expected))
        fail_msg("%s: %s is not in %s", tool, expected, text);
    free(text);
    json_decref(result);
}

static void check(const char *tool, const char *arguments, const char *expected)
{
    check_result(tool, harness_call(&harness, tool, arguments), expected);
}

/* A tool on a source text as it is. */
static void check_code(const char *tool, const char *language, const char *code,
                       const char *expected)
{
    json_t *arguments = json_pack("{s:s, s:s}", "code", code, "language", language);
    char *text = json_dumps(arguments, 0);
    check(tool, text, expected);
    free(text);
    json_decref(arguments);
}

static void attempts_are_found_by_likeness_and_result(void **state)
{
    (void)state;
    check("log_code_attempt",
          "{\"prompt\":\"parse a date\",\"code\":\"time.strptime(text)\",\"result\":\"failure\","
          "\"error\":\"ValueError: format\",\"language\":\"python\",\"tags\":[\"dates\"]}",
          "\"id\":1");
    check("log_code_attempt",
          "{\"prompt\":\"parse a date with a zone\",\"code\":\"datetime.fromisoformat(text)\","
          "\"result\":\"success\",\"language\":\"python\",\"tags\":[\"dates\",\"zones\"]}",
          "\"id\":2");
    check("log_code_attempt",
          "{\"prompt\":\"sort numbers\",\"code\":\"qsort(numbers, n, sizeof *numbers, by_size);\","
          "\"result\":\"success\",\"language\":\"c\"}",
          "\"id\":3");
    check("get_code_patterns", "{\"query\":\"parse a date\",\"limit\":1}", "\"id\":1");
    check("get_code_patterns", "{\"query\":\"parse a date\",\"limit\":1,\"result\":\"success\"}",
          "\"id\":2");
    check("get_code_patterns", "{\"query\":\"date\",\"tag\":\"zones\"}", "[\"dates\",\"zones\"]");
    check("find_similar_code", "{\"code\":\"qsort(all, count, sizeof *all, f)\",\"limit\":1}",
          "\"id\":3");
    check("find_similar_code", "{\"code\":\"qsort\",\"min_score\":1}", "{\"attempts\":[]}");
    check("analyze_code_patterns", "{}",
          "\"dates\":{\"attempts\":2,\"succeeded\":1,\"failed\":1,\"success_rate\":0.5}");
    check("analyze_code_patterns", "{\"hours\":1}", "{\"error\":\"ValueError: format\"");
    check("get_code_statistics", "{}", "\"by_language\":{\"c\":1,\"python\":2}");
}

/* More than a first look takes in are nearer, and none of them passes. */
static void a_filter_finds_what_is_far_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        json_decref(harness_call(&harness, "log_code_attempt",
                                 "{\"prompt\":\"sort ships\",\"code\":\"ships.sort()\","
                                 "\"result\":\"failure\",\"language\":\"python\"}"));
    json_decref(harness_call(&harness, "log_code_attempt",
                             "{\"prompt\":\"sort the ships of a harbour by their age\","
                             "\"code\":\"harbour.ships.sort(key=age)\",\"result\":\"success\","
                             "\"language\":\"python\"}"));
    check("get_code_patterns", "{\"query\":\"sort ships\",\"limit\":2,\"result\":\"success\"}",
          "\"id\":41");
    check("get_code_patterns",
          "{\"query\":\"sort ships\",\"limit\":2,\"result\":\"success\",\"min_score\":0.99}",
          "{\"attempts\":[]}");
}

static void without_attempts_there_is_no_rate(void **state)
{
    (void)state;
    check("analyze_code_patterns", "{}", "\"overall\":null");
    check("get_code_statistics", "{}", "{\"attempts\":0,\"characters\":0");
}

static void functions_of_c(void **state)
{
    (void)state;
    const char *code = "#include <stdio.h>\n"
                       "#define SQUARE(x) ((x) * (x))\n"
                       "struct point { int x, y; char name[8]; };\n"
                       "static const int table[] = {1, 2};\n"
                       "/* not_one() { } */\n"
                       "static int distance(const struct point *a,\n"
                       "                    int (*f)(int, int))\n"
                       "{\n"
                       "    if (a->x && a->y) { return f(a->x, 1); }\n"
                       "    for (;;) puts(\"fake() {\");\n"
                       "}\n"
                       "int main(void) { return distance(NULL, 0); }\n";
    check_code("extract_functions", "c", code,
               "{\"name\":\"distance\",\"owner\":\"\",\"signature\":\"static int distance(const "
               "struct point *a, int (*f)(int, int))\",\"parameters\":2,\"first_line\":6,\"last_"
               "line\":11,\"complexity\":4,\"calls\":[\"f\",\"puts\"]},{\"name\":\"main\"");
    check_code("extract_functions", "c", code, "\"parameters\":0,\"first_line\":12");
    check_code("extract_classes", "c", code,
               "[{\"name\":\"point\",\"kind\":\"struct\",\"bases\":[],\"members\":[\"x\",\"y\","
               "\"name\"],\"first_line\":3,\"last_line\":3}]");
    check_code("extract_comments", "c", code,
               "[{\"kind\":\"block\",\"text\":\"not_one() { }\",\"first_line\":5");
    check_code("summarize_code", "c", code, "\"imports\":[\"stdio.h\"]");
    check_code("summarize_code", "c", code, "\"functions\":[\"distance\",\"main\"]");
}

static void functions_of_python(void **state)
{
    (void)state;
    const char *code = "import os, sys\n"
                       "from a.b import c\n"
                       "\n"
                       "class Store(base.Base, metaclass=Meta):\n"
                       "    \"\"\"Keeps\n"
                       "    things.\"\"\"\n"
                       "    limit: int = 5\n"
                       "    async def put(self, key, *, value=(1, 2)):\n"
                       "        self.items = {}\n"
                       "        if key and value:\n"
                       "            inner = helper(key)  # calls\n"
                       "        return \"def no(): pass\"\n"
                       "\n"
                       "def helper(a, b: dict[str, int] = {},\n"
                       "           ) -> None:\n"
                       "    pass\n";
    check_code("extract_functions", "python", code,
               "{\"name\":\"put\",\"owner\":\"Store\",\"signature\":\"async def put(self, key, *, "
               "value=(1, 2))\",\"parameters\":4,\"first_line\":8,\"last_line\":12,"
               "\"complexity\":3,\"calls\":[\"helper\"]}");
    check_code("extract_functions", "python", code,
               "{\"name\":\"helper\",\"owner\":\"\",\"signature\":\"def helper(a, b: dict[str, "
               "int] = {}, ) -> None\",\"parameters\":2,\"first_line\":14,\"last_line\":16");
    check_code("extract_classes", "python", code,
               "[{\"name\":\"Store\",\"kind\":\"class\",\"bases\":[\"base.Base\"],\"members\":["
               "\"put\",\"limit\",\"items\"],\"first_line\":4,\"last_line\":12}]");
    check_code("extract_comments", "python", code,
               "[{\"kind\":\"docstring\",\"text\":\"Keeps\\nthings.\",\"first_line\":5,\"last_"
               "line\":6},{\"kind\":\"line\",\"text\":\"calls\"");
    check_code("summarize_code", "python", code, "\"imports\":[\"os\",\"sys\",\"a.b\"]");
}

static void functions_of_javascript(void **state)
{
    (void)state;
    const char *code = "import { x } from 'lib/x'\n"
                       "const y = require(\"y\")\n"
                       "export async function load(url, { retry = 3 } = {}) {\n"
                       "  if (url) { return fetch(url) }\n"
                       "}\n"
                       "const twice = (n) => n * 2\n"
                       "const later = async n => {\n"
                       "  await load(`${n} {`)\n"
                       "}\n"
                       "class Tree extends ns.Base {\n"
                       "  size = 0\n"
                       "  constructor(root) { super(root) }\n"
                       "  async *walk() { yield 1 }\n"
                       "}\n";
    check_code("extract_functions", "javascript", code,
               "{\"name\":\"load\",\"owner\":\"\",\"signature\":\"async function load(url, { retry "
               "= 3 } = {})\",\"parameters\":2,\"first_line\":3,\"last_line\":5");
    check_code("extract_functions", "javascript", code, "\"name\":\"twice\"");
    check_code("extract_functions", "javascript", code,
               "\"name\":\"later\",\"owner\":\"\",\"signature\":\"later = async n =>\","
               "\"parameters\":1,\"first_line\":7,\"last_line\":9,\"complexity\":1,"
               "\"calls\":[\"load\"]");
    check_code("extract_functions", "javascript", code,
               "\"name\":\"constructor\",\"owner\":\"Tree\"");
    check_code("extract_classes", "javascript", code,
               "\"bases\":[\"ns.Base\"],\"members\":[\"constructor\",\"walk\",\"size\"]");
    check_code("summarize_code", "javascript", code, "\"imports\":[\"lib/x\",\"y\"]");
}

static void functions_of_go_and_java(void **state)
{
    (void)state;
    const char *go = "package main\n"
                     "import (\n\t\"fmt\"\n\t\"os\"\n)\n"
                     "type Store struct {\n\tBase\n\tname string\n\tsize int\n}\n"
                     "func (s *Store) Put(key string, value int) (bool, error) {\n"
                     "\tif s.size > 0 { fmt.Println(key) }\n\treturn true, nil\n}\n"
                     "func main() { os.Exit(0) }\n";
    const char *java = "package a;\nimport java.util.List;\n"
                       "public class Cache<K> extends Base<K, V> implements Keeper, Runnable {\n"
                       "  private final Map<K, V> items = new HashMap<>();\n"
                       "  public Cache(int size) { this.size = size; }\n"
                       "  @Override public V get(K key) throws IOException, Other {\n"
                       "    if (key == null) { throw new Error(); }\n"
                       "    return items.get(key);\n  }\n}\n"
                       "enum Level { LOW, HIGH }\n";
    check_code("extract_functions", "go", go,
               "{\"name\":\"Put\",\"owner\":\"Store\",\"signature\":\"func (s *Store) Put(key "
               "string, value int) (bool, error)\",\"parameters\":2,\"first_line\":11,\"last_"
               "line\":14,\"complexity\":2,\"calls\":[\"Println\"]},{\"name\":\"main\"");
    check_code("extract_classes", "go", go,
               "\"kind\":\"struct\",\"bases\":[],\"members\":[\"Put\",\"Base\",\"name\",\"size\"]");
    check_code("summarize_code", "go", go, "\"imports\":[\"fmt\",\"os\"]");
    check_code("extract_functions", "java", java,
               "[{\"name\":\"Cache\",\"owner\":\"Cache\",\"signature\":\"public Cache(int size)\"");
    check_code("extract_functions", "java", java,
               "\"signature\":\"@Override public V get(K key) throws IOException, Other\"");
    check_code("extract_classes", "java", java,
               "{\"name\":\"Cache\",\"kind\":\"class\",\"bases\":[\"Base\",\"Keeper\",\"Runnable\"]"
               ",\"members\":[\"Cache\",\"get\",\"items\"]");
    check_code("extract_classes", "java", java, "\"name\":\"Level\",\"kind\":\"enum\"");
    check_code("summarize_code", "java", java, "\"imports\":[\"java.util.List\"]");
}

static void a_language_is_guessed_or_asked_for(void **state)
{
    (void)state;
    check("extract_functions", "{\"code\":\"func main() {\\n  x := 1\\n}\\n\"}",
          "\"language\":\"go\"");
    harness_refused(&harness, "extract_functions", "{\"code\":\"42\"}", "invalid_argument",
                    "language");
}

/* Cut off anywhere, a text is read as far as it goes. */
static void half_a_text_does_no_harm(void **state)
{
    (void)state;
    static const char *const languages[] = {"c", "python", "javascript", "go", "java"};
    const char *code =
        "class A(B):\n  def f(self, a={'x': [1]}):\n    '''d'''\n    return {\n"
        "struct s { int a; } x = { \"\\\"\" }; const f = async (a) => { g(`${a}`) }\n"
        "func (s *T) M(a int) error { return nil } /* open";
    char part[512];
    for (size_t length = 1; length <= strlen(code); length++) {
        snprintf(part, sizeof part, "%.*s", (int)length, code);
        for (size_t i = 0; i < 5; i++) {
            check_code("extract_functions", languages[i], part, "functions");
            check_code("extract_classes", languages[i], part, "classes");
            check_code("extract_comments", languages[i], part, "comments");
            check_code("summarize_code", languages[i], part, "measures");
        }
    }
}

static void changes_are_the_shortest_script(void **state)
{
    (void)state;
    check("detect_code_changes",
          "{\"before\":\"a\\nb\\nc\\na\\nb\\nb\\na\\n\",\"after\":\"c\\nb\\na\\nb\\na\\nc\\n\","
          "\"language\":\"c\",\"context\":0}",
          "{\"added_lines\":2,\"removed_lines\":3,\"kept_lines\":4"); /* Myers' own example: 5 */
    check("detect_code_changes",
          "{\"before\":\"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n\","
          "\"after\":\"1\\n2\\n3\\nfour\\n5\\n6\\n7\\n8\\n9\\nten\\n\",\"language\":\"c\","
          "\"context\":1}",
          "\"diff\":\"@@ -3,3 +3,3 @@\\n 3\\n-4\\n+four\\n 5\\n@@ -9,1 +9,2 @@\\n 9\\n+ten\\n\"");
    check("detect_code_changes",
          "{\"before\":\"def f(a):\\n    return a\\n\\ndef g():\\n    pass\\n\","
          "\"after\":\"def f(a, b):\\n    return a\\n\\ndef h():\\n    pass\\n\","
          "\"language\":\"python\"}",
          "\"symbols\":{\"added\":[\"h\"],\"removed\":[\"g\"],\"changed\":[\"f\"]}");
    check("detect_code_changes", "{\"before\":\"\",\"after\":\"\",\"language\":\"c\"}",
          "\"similarity\":1.0,\"diff\":\"\"");
}

static void every_example_works(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_code_patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(attempts_are_found_by_likeness_and_result),
        WITH_HARNESS(a_filter_finds_what_is_far_behind),
        WITH_HARNESS(without_attempts_there_is_no_rate),
        WITH_HARNESS(functions_of_c),
        WITH_HARNESS(functions_of_python),
        WITH_HARNESS(functions_of_javascript),
        WITH_HARNESS(functions_of_go_and_java),
        WITH_HARNESS(a_language_is_guessed_or_asked_for),
        WITH_HARNESS(half_a_text_does_no_harm),
        WITH_HARNESS(changes_are_the_shortest_script),
        WITH_HARNESS(every_example_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
