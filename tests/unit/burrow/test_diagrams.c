/* The diagram tools: what is made can be read again, what is drawn renders, what is said of a
 * diagram is true of it. */
#include "burrow/tools/groups.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *with_diagram(const char *tool, const char *diagram)
{
    json_t *arguments = json_pack("{s:s}", "diagram", diagram);
    char *text = json_dumps(arguments, JSON_COMPACT);
    json_t *result = harness_call(&harness, tool, text);
    free(text);
    json_decref(arguments);
    return result;
}

static void check_json(json_t *result, const char *what, const char *expected)
{
    char *text = json_dumps(result, JSON_COMPACT);
    if (!strstr(text, expected))
        fail_msg("%s: %s is not in %s", what, expected, text);
    free(text);
    json_decref(result);
}

static void check(const char *tool, const char *arguments, const char *expected)
{
    check_json(harness_call(&harness, tool, arguments), arguments, expected);
}

static void check_diagram(const char *tool, const char *diagram, const char *expected)
{
    check_json(with_diagram(tool, diagram), diagram, expected);
}

/* A made diagram is tidy: read and written again, it is the same text. */
static void check_made(const char *tool, const char *arguments, const char *expected)
{
    json_t *made = harness_call(&harness, tool, arguments);
    const char *text = json_string_value(json_object_get(made, "mermaid"));
    assert_string_equal(text, expected);
    json_t *query = json_pack("{s:s, s:s}", "diagram", text, "format", "mermaid");
    char *again = json_dumps(query, JSON_COMPACT);
    json_t *result = harness_call(&harness, "convert_diagram_format", again);
    assert_string_equal(json_string_value(json_object_get(result, "text")), text);
    json_decref(result);
    free(again);
    json_decref(query);
    json_decref(made);
}

static void diagrams_are_made_from_data(void **state)
{
    (void)state;
    check_made("generate_flowchart", "{\"steps\":[\"Moor\",\"Is it free?\",\"Unload\"]}",
               "flowchart TB\n    step1[\"Moor\"] --> step2{\"Is it free?\"}\n    step2 --> "
               "step3[\"Unload\"]\n");
    check_made("generate_flowchart",
               "{\"direction\":\"LR\",\"nodes\":[{\"id\":\"a\",\"label\":\"Say \\\"no\\\" (now)\","
               "\"shape\":\"stadium\"}],\"edges\":[{\"from\":\"a\",\"to\":\"b\",\"label\":\"x|y\","
               "\"style\":\"dotted\"}]}",
               "flowchart LR\n    a([\"Say #quot;no#quot; (now)\"]) -.->|\"x|y\"| b\n");
    check_made("generate_sequence_diagram",
               "{\"participants\":[{\"id\":\"S\",\"label\":\"The ship\",\"actor\":true}],"
               "\"messages\":[{\"from\":\"S\",\"to\":\"P\",\"text\":\"May I?\"},"
               "{\"from\":\"P\",\"to\":\"S\",\"text\":\"Yes\",\"reply\":true}]}",
               "sequenceDiagram\n    actor S as The ship\n    S->>P: May I?\n    P-->>S: Yes\n");
    check_made("generate_pie_chart",
               "{\"title\":\"Cargo\",\"show_data\":true,\"slices\":[{\"label\":\"Oil\",\"value\":"
               "2.5}]}",
               "pie showData title Cargo\n    \"Oil\" : 2.5\n");
    check_made("generate_class_diagram",
               "{\"classes\":[{\"name\":\"Ship\",\"members\":[\"+int knots\",\"+sail()\"]}],"
               "\"relations\":[{\"from\":\"Tanker\",\"to\":\"Ship\",\"kind\":\"inherits\"}]}",
               "classDiagram\n    class Ship {\n        +int knots\n        +sail()\n    }\n    "
               "class Tanker\n    Tanker --|> Ship\n");
    harness_refused(&harness, "generate_flowchart", "{}", "invalid_argument", "steps");
    harness_refused(&harness, "generate_pie_chart",
                    "{\"slices\":[{\"label\":\"a\",\"value\":1},{\"label\":\"a\",\"value\":2}]}",
                    "invalid_argument", "slices[1].label");
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    check_diagram("validate_diagram_syntax", "flowchart LR\n    A[Start] --> B\n",
                  "{\"valid\":true,\"type\":\"flowchart\",\"nodes\":2,\"edges\":1,\"errors\":[]}");
    check_diagram("validate_diagram_syntax", "flowchart LR\n    A[Start --> B\n",
                  "\"valid\":false");
    check_diagram("validate_diagram_syntax", "flowchart LR\n    A[Start --> B\n",
                  "{\"line\":2,\"column\":");
    check_diagram("validate_diagram_syntax", "gantt\n    title x\n", "{\"line\":1,\"column\":1,");
    check_diagram("validate_diagram_syntax", "sequenceDiagram\n    loop each\n    A->>B: x\n",
                  "\"valid\":false");
    check_diagram("validate_diagram_syntax", "pie\n    \"a\" : many\n", "{\"line\":2,\"column\":");
    check_diagram("validate_diagram_syntax", "\n", "\"valid\":false");
    harness_refused(&harness, "get_diagram_metadata", "{\"diagram\":\"flowchart LR\\n  A -->\\n\"}",
                    "invalid_argument", "diagram: line 2");
}

static void texts_of_every_kind_are_read(void **state)
{
    (void)state;
    check_diagram(
        "validate_diagram_syntax",
        "---\ntitle: Port\n---\n%% a comment\ngraph TD; A-->B; B-->C & D; A & D -- says --> "
        "E\nsubgraph one [Inner part]\n  direction LR\n  E ==> F((round))\nend\n"
        "style A fill:#f9f\nclassDef big font-size:20px\nclass A,B big\nA:::big --- G>flag]\n",
        "{\"valid\":true,\"type\":\"flowchart\",\"nodes\":7,\"edges\":7,\"errors\":[]}");
    check_diagram("validate_diagram_syntax",
                  "sequenceDiagram\n  autonumber\n  participant A as Ann\n  A->>+B: hi\n  alt ok\n"
                  "    B-->>-A: yes\n  else no\n    B--xA: no\n  end\n  Note over A,B: done\n",
                  "{\"valid\":true,\"type\":\"sequence\",\"nodes\":2,\"edges\":3,\"errors\":[]}");
    check_diagram("validate_diagram_syntax",
                  "classDiagram\n  Animal <|-- Duck : is a\n  Animal : +int age\n"
                  "  class Duck{\n    +swim()\n  }\n",
                  "{\"valid\":true,\"type\":\"class\",\"nodes\":2,\"edges\":1,\"errors\":[]}");
}

static json_t *convert(const char *diagram, const char *format)
{
    json_t *arguments = json_pack("{s:s, s:s}", "diagram", diagram, "format", format);
    char *text = json_dumps(arguments, JSON_COMPACT);
    json_t *result = harness_call(&harness, "convert_diagram_format", text);
    free(text);
    json_decref(arguments);
    return result;
}

static void drawings_hold_what_was_drawn(void **state)
{
    (void)state;
    static const char *const diagrams[][2] = {
        {"flowchart LR\n    A[\"<b>bold & big\"] -->|yes| B{Is it?}\n", "&lt;b&gt;bold"},
        {"sequenceDiagram\n    Ann->>Bob: keys\n    Bob-->>Ann: thanks\n", "thanks"},
        {"pie\n    \"grain\" : 40\n    \"oil\" : 10\n", "grain"},
        {"classDiagram\n    class Ship {\n        +sail()\n    }\n    Tanker --|> Ship\n",
         "+sail()"},
    };
    for (size_t i = 0; i < sizeof diagrams / sizeof *diagrams; i++) {
        json_t *svg = convert(diagrams[i][0], "svg"), *again = convert(diagrams[i][0], "svg");
        const char *text = json_string_value(json_object_get(svg, "text"));
        assert_non_null(strstr(text, "<svg"));
        assert_non_null(strstr(text, "</svg>"));
        if (!strstr(text, diagrams[i][1]))
            fail_msg("%s is not in %s", diagrams[i][1], text);
        assert_true(json_equal(svg, again)); /* which comes from the cache */
        json_decref(again);
        json_decref(svg);
        json_t *png = convert(diagrams[i][0], "png");
        assert_string_equal(json_string_value(json_object_get(png, "encoding")), "base64");
        assert_true(json_integer_value(json_object_get(png, "bytes")) > 500);
        json_decref(png);
    }
    check_json(convert("flowchart LR\n    A --> B\n", "dot"), "dot", "digraph");
    check_json(convert("pie\n    \"a\" : 2.5\n", "json"), "json", "\\\"value\\\": 2.5");
    check("get_cache_statistics", "{}", "{\"kind\":");
}

/* What a subgraph holds is drawn in it, and stays in it when the text is written anew. */
static void subgraphs_hold_their_nodes(void **state)
{
    (void)state;
    const char *text = "flowchart TB\n  A --> B\n  subgraph one [\"Inner part\"]\n    C\n    B\n"
                       "    subgraph two\n      D --> C\n    end\n  end\n  E --> D\n";
    check_json(convert(text, "json"), text, "\\\"block\\\": \\\"subgraph two\\\"");
    check_json(convert(text, "dot"), text, "label=\\\"Inner part\\\";\\n  n1 [");
    check_json(convert(text, "mermaid"), text,
               "\"text\":\"flowchart TB\\n    A --> B\\n    subgraph one [\\\"Inner part\\\"]\\n"
               "    B\\n    C\\n    subgraph two\\n    D --> C\\n    end\\n    end\\n"
               "    E --> D\\n\"");
    json_t *tidy = convert(text, "mermaid");
    json_t *one = with_diagram("get_diagram_metadata", text);
    json_t *other =
        with_diagram("get_diagram_metadata", json_string_value(json_object_get(tidy, "text")));
    assert_true(json_equal(one, other));
    json_decref(other);
    json_decref(one);
    json_decref(tidy);
}

static void a_shorter_text_is_an_equal_diagram(void **state)
{
    (void)state;
    const char *loose = "flowchart   TB\n\n    %% nothing\n    A[\"A\"]\n    B[\"Moor\"]\n"
                        "    A -->   B\n    B --> C\n    C --> A\n";
    json_t *shorter = with_diagram("optimize_diagram_size", loose);
    const char *text = json_string_value(json_object_get(shorter, "diagram"));
    assert_true(strlen(text) < strlen(loose));
    json_t *one = with_diagram("get_diagram_metadata", loose);
    json_t *other = with_diagram("get_diagram_metadata", text);
    assert_true(json_equal(one, other)); /* the hash among them */
    json_decref(other);
    other = with_diagram("get_diagram_metadata", "flowchart TB\n    A --> B\n    B --> C\n");
    assert_string_not_equal(json_string_value(json_object_get(one, "hash")),
                            json_string_value(json_object_get(other, "hash")));
    json_decref(other);
    json_decref(one);
    /* what was made short cannot be made shorter */
    json_t *least = with_diagram("optimize_diagram_size", text);
    assert_string_equal(json_string_value(json_object_get(least, "diagram")), text);
    json_decref(least);
    json_decref(shorter);
}

static void kept_diagrams_have_a_history(void **state)
{
    (void)state;
    check(
        "store_diagram",
        "{\"title\":\"Mooring\",\"tags\":[\"port\"],\"diagram\":\"flowchart LR\\n    A[Arrive] --> "
        "B[Moor]\\n\"}",
        "{\"id\":1,\"version\":1,\"type\":\"flowchart\"}");
    check(
        "store_diagram",
        "{\"title\":\"Mooring\",\"note\":\"wait first\",\"diagram\":\"flowchart LR\\n    A[Arrive] "
        "--> B[Wait]\\n\"}",
        "{\"id\":1,\"version\":2,\"type\":\"flowchart\"}");
    check("store_diagram", "{\"title\":\"Cargo\",\"diagram\":\"pie\\n    \\\"oil\\\" : 1\\n\"}",
          "\"type\":\"pie\"}");
    check("get_diagram_versions", "{\"id\":1}",
          "{\"version\":2,\"note\":\"wait first\",\"created_at\":");
    check("get_diagram_versions", "{\"id\":1}", "-    A[Arrive] --> B[Moor]\\n+    A[Arrive]");
    check("retrieve_diagrams", "{\"query\":\"arrive and wait\",\"limit\":1}",
          "{\"diagrams\":[{\"id\":1,\"title\":\"Mooring\",");
    check("retrieve_diagrams", "{\"type\":\"pie\"}", "{\"diagrams\":[{\"id\":");
    check("retrieve_diagrams", "{\"tag\":\"port\"}", "\"tags\":[\"port\"],\"score\":null}]}");
    check("retrieve_diagrams", "{\"tag\":\"none\"}", "{\"diagrams\":[]}");
    check_diagram("find_similar_diagrams", "flowchart LR\n    A[Arrive] --> B[Wait]\n",
                  "{\"diagrams\":[{\"id\":1,\"title\":\"Mooring\",\"score\":");
    check_diagram("find_similar_diagrams", "flowchart LR\n    A[Arrive] --> B[Wait]\n",
                  "\"structure_score\":1.0}");
    check("export_diagram_analytics", "{\"format\":\"csv\",\"type\":\"pie\"}",
          "id,title,type,versions,nodes,edges,depth,cycles,density,bytes\\r\\n\\\"3\\\","
          "\\\"Cargo\\\"");
    check("export_diagram_analytics", "{\"format\":\"xml\"}", "title=\\\"Mooring\\\"");
    harness_refused(&harness, "get_diagram_versions", "{\"id\":99}", "not_found", "99");
}

static json_t *most_similar(int limit)
{
    char arguments[160];
    snprintf(arguments, sizeof arguments,
             "{\"diagram\":\"flowchart LR\\n    A[Arrive] --> B[Wait]\\n    B --> C[Moor]\\n\","
             "\"limit\":%d}",
             limit);
    return harness_call(&harness, "find_similar_diagrams", arguments);
}

/* Those that are left out by a limit are the last of all; words and structure both count. */
static void the_most_similar_are_found_whatever_the_limit(void **state)
{
    static const char *const kept[] = {
        "flowchart LR\\n    A[Arrive] --> B[Wait]\\n    B --> C[Moor]\\n    C --> D[Leave]\\n",
        "flowchart LR\\n    A[Arrive] --> B[Wait]\\n    B --> C[Moor]\\n",
        "flowchart LR\\n    A[Arrive and wait] --> B[Arrive and moor]\\n",
        "sequenceDiagram\\n    Arrive->>Wait: Moor\\n    Wait->>Moor: Arrive\\n",
        "pie\\n    \\\"Arrive\\\" : 1\\n    \\\"Wait\\\" : 2\\n    \\\"Moor\\\" : 3\\n",
        "flowchart LR\\n    A[Grain] --> B[Oil]\\n    B --> C[Steel]\\n",
    };
    const size_t count = sizeof kept / sizeof *kept;
    char arguments[400];
    (void)state;
    for (size_t i = 0; i < count; i++) {
        snprintf(arguments, sizeof arguments, "{\"title\":\"%zu\",\"diagram\":\"%s\"}", i, kept[i]);
        json_decref(harness_call(&harness, "store_diagram", arguments));
    }
    json_t *all = most_similar(50), *of_all = json_object_get(all, "diagrams");
    assert_int_equal(json_array_size(of_all), count);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(of_all, 0), "id")), 2);
    for (size_t i = 1; i < count; i++)
        assert_true(json_real_value(json_object_get(json_array_get(of_all, i - 1), "score")) >=
                    json_real_value(json_object_get(json_array_get(of_all, i), "score")));
    for (int limit = 1; limit <= (int)count; limit++) {
        json_t *some = most_similar(limit), *of_some = json_object_get(some, "diagrams");
        assert_int_equal(json_array_size(of_some), limit);
        for (size_t i = 0; i < (size_t)limit; i++)
            assert_true(json_equal(json_array_get(of_some, i), json_array_get(of_all, i)));
        json_decref(some);
    }
    json_decref(all);
}

static void a_template_names_the_slot_that_is_missing(void **state)
{
    (void)state;
    check("create_diagram_template",
          "{\"name\":\"handover\",\"text\":\"sequenceDiagram\\n    @{from}->>@{to}: @{what} for "
          "@{from}\\n\"}",
          "{\"name\":\"handover\",\"slots\":[\"from\",\"to\",\"what\"]}");
    check("list_diagram_templates", "{}", "\"slots\":[\"from\",\"to\",\"what\"]");
    check("generate_from_template",
          "{\"template\":\"handover\",\"values\":{\"from\":\"Ann\",\"to\":\"Bob\",\"what\":3}}",
          "Ann->>Bob: 3 for Ann");
    harness_refused(&harness, "generate_from_template",
                    "{\"template\":\"handover\",\"values\":{\"from\":\"Ann\",\"what\":\"keys\"}}",
                    "invalid_argument", "values.to");
    harness_refused(&harness, "generate_from_template", "{\"template\":\"no\",\"values\":{}}",
                    "not_found", "list_diagram_templates");
    harness_refused(&harness, "create_diagram_template",
                    "{\"name\":\"a\",\"text\":\"flowchart LR\\n  A-->B\\n\"}", "invalid_argument",
                    "@{name}");
    /* a value cannot break out of its place */
    check("generate_from_template",
          "{\"template\":\"handover\",\"values\":{\"from\":\"Ann\",\"to\":\"Bob\","
          "\"what\":\"x\\n    Eve->>Ann: y\"}}",
          "\"edges\":1}");
    check("batch_generate_diagrams",
          "{\"items\":[{\"steps\":[\"a\",\"b\"]},{\"template\":\"no\",\"values\":{}},{},"
          "{\"diagram\":\"pie\\n    \\\"a\\\" : 1\\n\"}]}",
          "\"succeeded\":2,\"failed\":2}");
}

static void themes_stand_before_the_diagram(void **state)
{
    (void)state;
    check("apply_diagram_theme",
          "{\"diagram\":\"pie\\n    \\\"a\\\" : 1\\n\",\"theme\":\"forest\",\"variables\":"
          "{\"primaryColor\":\"#fec\"}}",
          "%%{init: {\\\"theme\\\":\\\"forest\\\",\\\"themeVariables\\\":{\\\"primaryColor\\\":"
          "\\\"#fec\\\"}}}%%\\npie\\n");
    check("apply_diagram_theme",
          "{\"diagram\":\"%%{init: {\\\"theme\\\":\\\"dark\\\"}}%%\\nflowchart LR\\n  A-->B\\n\","
          "\"theme\":\"neutral\"}",
          "{\"mermaid\":\"%%{init: {\\\"theme\\\":\\\"neutral\\\"}}%%\\nflowchart LR");
}

static void a_diagram_is_measured(void **state)
{
    (void)state;
    const char *text = "flowchart TB\n    A[Arrive] --> B{Free?}\n    B --> C[Moor]\n"
                       "    B --> D[Wait]\n    D --> B\n    E[Alone]\n";
    check_diagram("analyze_diagram_relationships", text,
                  "\"roots\":[\"A\",\"E\"],\"leaves\":[\"C\",\"E\"],\"cycles\":[[\"B\",\"D\"]],");
    check_diagram("analyze_diagram_relationships", text,
                  "{\"id\":\"B\",\"label\":\"Free?\",\"in\":2,\"out\":2}");
    check_diagram("get_diagram_metadata", text,
                  "\"nodes\":5,\"edges\":4,\"depth\":2,\"cycles\":1,\"components\":2,"
                  "\"isolated_nodes\":1,\"max_in_degree\":2,\"max_out_degree\":2,"
                  "\"independent_cycles\":1,");
    check_diagram("generate_complexity_report", text, "\"level\":\"simple\"");
    check_diagram("suggest_diagram_improvements", text,
                  "\"kind\":\"unlabelled_branch\",\"reason\":\"B is a decision, and its way to C");
    check_diagram("suggest_diagram_improvements", text, "\"kind\":\"isolated_node\"");
    check_diagram("suggest_diagram_improvements", "flowchart LR\n    A --> B\n",
                  "{\"suggestions\":[]}");
    check_diagram("suggest_diagram_improvements", "flowchart LR\n    A --> B\n    A --> B\n",
                  "\"kind\":\"repeated_edge\"");
}

static void a_diagram_becomes_knowledge(void **state)
{
    (void)state;
    const char *text = "flowchart LR\n    A[Harbour] -->|belongs to| B[City]\n    A --> C[Sea]\n";
    check_diagram("map_knowledge_connections", text,
                  "{\"nodes\":3,\"edges\":2,\"entities_created\":3,\"relations_created\":2}");
    check_diagram("map_knowledge_connections", text,
                  "{\"nodes\":3,\"edges\":2,\"entities_created\":0,\"relations_created\":0}");
    check("query_graph", "{\"entity\":\"Harbour\"}", "\"belongs_to\"");
}

static void predictions_come_from_what_was_measured(void **state)
{
    (void)state;
    check_diagram("predict_generation_time", "flowchart LR\n    A --> B\n",
                  "\"samples\":0,\"type\":\"flowchart\",\"reason\":\"fewer than 3");
    check(
        "benchmark_diagrams",
        "{\"rounds\":4,\"diagrams\":[\"flowchart LR\\n    A --> B\\n\",\"flowchart LR\\n    A --> "
        "B --> C --> D --> E\\n\",\"nonsense\"]}",
        "{\"ok\":false,\"error\":\"line 1, column 1:");
    check("store_diagram", "{\"title\":\"t\",\"diagram\":\"flowchart LR\\n    A --> B\\n\"}",
          "\"version\":1");
    json_t *said = with_diagram("predict_generation_time", "flowchart LR\n    A --> B --> C\n");
    double low = json_number_value(json_object_get(said, "low_ms")),
           middle = json_number_value(json_object_get(said, "predicted_ms")),
           high = json_number_value(json_object_get(said, "high_ms"));
    assert_int_equal(json_integer_value(json_object_get(said, "samples")), 8);
    assert_true(0 < low && low <= middle && middle <= high);
    json_decref(said);
}

static void the_examples_work(void **state)
{
    (void)state;
    harness_examples(&harness, &tools_diagram_generation);
    harness_examples(&harness, &tools_diagram_templates);
    harness_examples(&harness, &tools_diagram_analysis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HARNESS(diagrams_are_made_from_data),
        WITH_HARNESS(mistakes_have_a_place),
        WITH_HARNESS(texts_of_every_kind_are_read),
        WITH_HARNESS(drawings_hold_what_was_drawn),
        WITH_HARNESS(subgraphs_hold_their_nodes),
        WITH_HARNESS(a_shorter_text_is_an_equal_diagram),
        WITH_HARNESS(kept_diagrams_have_a_history),
        WITH_HARNESS(the_most_similar_are_found_whatever_the_limit),
        WITH_HARNESS(a_template_names_the_slot_that_is_missing),
        WITH_HARNESS(themes_stand_before_the_diagram),
        WITH_HARNESS(a_diagram_is_measured),
        WITH_HARNESS(a_diagram_becomes_knowledge),
        WITH_HARNESS(predictions_come_from_what_was_measured),
        WITH_HARNESS(the_examples_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
