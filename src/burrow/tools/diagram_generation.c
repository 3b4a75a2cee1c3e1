/* basic_generation: diagrams made from data, checked, drawn, shortened, measured. */
#include "burrow/tools/diagram_call.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWING_LIMIT ((size_t)8 << 20)
#define CACHED_MS     600000

static const char *text_of(const json_t *object, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : fallback;
}

/* ---- flowchart ------------------------------------------------------------------------------ */

static int set_node(struct tool_call *call, struct diagram *diagram, const char *id,
                    const char *label, const char *shape)
{
    int place = diagram_node(diagram, id, strlen(id));
    if (place < 0)
        return tool_fail(call, "too_large", "more than %d nodes", DIAGRAM_NODE_LIMIT);
    struct diagram_node *node = &diagram->nodes[place];
    node->declared = true;
    if (label)
        node->label = diagram_keep(diagram, label, strlen(label));
    if (shape)
        node->shape = diagram_keep(diagram, shape, strlen(shape));
    return place;
}

static int add_edges(struct tool_call *call, struct diagram *diagram)
{
    const json_t *edges = tool_value(call, "edges"), *edge;
    size_t index;
    json_array_foreach(edges, index, edge)
    {
        const char *from = text_of(edge, "from", ""), *to = text_of(edge, "to", "");
        const char *style = text_of(edge, "style", "solid");
        int one = set_node(call, diagram, from, NULL, NULL),
            other = one < 0 ? -1 : set_node(call, diagram, to, NULL, NULL);
        const char *arrow = strcmp(style, "dotted") == 0  ? "-.->"
                            : strcmp(style, "thick") == 0 ? "==>"
                            : strcmp(style, "line") == 0  ? "---"
                                                          : "-->";
        if (other < 0)
            return -1;
        if (diagram_edge(diagram, (size_t)one, arrow, (size_t)other, text_of(edge, "label", "")) <
            0)
            return tool_fail(call, "too_large", "more than %d edges", DIAGRAM_EDGE_LIMIT);
    }
    return 0;
}

/* Each step after the one before it. */
static int add_steps(struct tool_call *call, struct diagram *diagram)
{
    const json_t *steps = tool_value(call, "steps"), *step;
    size_t index;
    int last = -1;
    json_array_foreach(steps, index, step)
    {
        char id[32];
        snprintf(id, sizeof id, "step%zu", index + 1);
        const char *text = json_string_value(step);
        bool question = *text && text[strlen(text) - 1] == '?';
        int place = set_node(call, diagram, id, text, question ? "diamond" : "rectangle");
        if (place < 0)
            return -1;
        if (last >= 0 && diagram_edge(diagram, (size_t)last, "-->", (size_t)place, "") < 0)
            return tool_fail(call, "too_large", "more than %d steps", DIAGRAM_EDGE_LIMIT);
        last = place;
    }
    return 0;
}

static struct diagram *begin(struct tool_call *call, enum diagram_type type)
{
    struct diagram *diagram = diagram_new(type);
    const char *title = tool_text(call, "title", "");
    if (!diagram)
        tool_fail(call, "internal", "out of memory");
    else
        diagram->title = diagram_keep(diagram, title, strlen(title));
    return diagram;
}

/* The answer, or nothing when a step failed. */
static int finish(struct tool_call *call, struct diagram *diagram, int failed)
{
    if (failed == 0)
        return diagram_answer(call, diagram);
    diagram_free(diagram);
    return -1;
}

static int generate_flowchart(struct tool_call *call)
{
    const json_t *nodes = tool_value(call, "nodes"), *node;
    size_t index;
    if (!nodes && !tool_value(call, "steps") && !tool_value(call, "edges"))
        return tool_fail(call, "invalid_argument", "give steps, or nodes and edges");
    struct diagram *diagram = begin(call, DIAGRAM_FLOWCHART);
    if (!diagram)
        return -1;
    const char *direction = tool_text(call, "direction", "TB");
    diagram->direction = diagram_keep(diagram, direction, strlen(direction));
    int failed = 0;
    json_array_foreach(nodes, index, node)
    {
        if (failed == 0 && set_node(call, diagram, text_of(node, "id", ""),
                                    text_of(node, "label", NULL), text_of(node, "shape", NULL)) < 0)
            failed = -1;
    }
    if (failed == 0)
        failed = add_steps(call, diagram);
    if (failed == 0)
        failed = add_edges(call, diagram);
    return finish(call, diagram, failed);
}

/* ---- sequence, pie, class ------------------------------------------------------------------- */

static int generate_sequence_diagram(struct tool_call *call)
{
    const json_t *participants = tool_value(call, "participants"),
                 *messages = tool_value(call, "messages"), *item;
    struct diagram *diagram = begin(call, DIAGRAM_SEQUENCE);
    size_t index;
    int failed = diagram ? 0 : -1;
    if (!diagram)
        return -1;
    json_array_foreach(participants, index, item)
    {
        if (failed == 0 &&
            set_node(call, diagram, text_of(item, "id", ""), text_of(item, "label", NULL),
                     json_is_true(json_object_get(item, "actor")) ? "actor" : "participant") < 0)
            failed = -1;
    }
    json_array_foreach(messages, index, item)
    {
        bool reply = json_is_true(json_object_get(item, "reply"));
        const char *from = text_of(item, "from", ""), *to = text_of(item, "to", "");
        int one = diagram_node(diagram, from, strlen(from)),
            other = diagram_node(diagram, to, strlen(to));
        if (failed == 0 && (one < 0 || other < 0 ||
                            diagram_edge(diagram, (size_t)one, reply ? "-->>" : "->>",
                                         (size_t)other, text_of(item, "text", "")) < 0))
            failed = tool_fail(call, "too_large",
                               "messages[%zu]: too many participants or "
                               "messages",
                               index);
    }
    return finish(call, diagram, failed);
}

static int generate_pie_chart(struct tool_call *call)
{
    const json_t *slices = tool_value(call, "slices"), *slice;
    struct diagram *diagram = begin(call, DIAGRAM_PIE);
    size_t index;
    int failed = 0;
    if (!diagram)
        return -1;
    diagram->show_data = tool_boolean(call, "show_data", false);
    json_array_foreach(slices, index, slice)
    {
        const char *label = text_of(slice, "label", "");
        size_t before = diagram->node_count;
        int place = failed ? -1 : set_node(call, diagram, label, NULL, NULL);
        if (place >= 0 && diagram->node_count == before)
            failed =
                tool_fail(call, "invalid_argument",
                          "slices[%zu].label: there is a slice \"%.80s\" before it", index, label);
        else if (place < 0)
            failed = -1;
        else
            diagram->nodes[place].value = json_number_value(json_object_get(slice, "value"));
    }
    return finish(call, diagram, failed);
}

static const char *relation_arrow(const char *kind)
{
    static const char *const kinds[][2] = {
        {"inherits", "--|>"},  {"implements", "..|>"}, {"composes", "*--"},
        {"aggregates", "o--"}, {"uses", "..>"},        {"associates", "-->"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i][0]) == 0)
            return kinds[i][1];
    return "--";
}

static int generate_class_diagram(struct tool_call *call)
{
    const json_t *classes = tool_value(call, "classes"), *relations = tool_value(call, "relations"),
                 *item, *member;
    struct diagram *diagram = begin(call, DIAGRAM_CLASS);
    size_t index, at;
    int failed = 0;
    if (!diagram)
        return -1;
    json_array_foreach(classes, index, item)
    {
        struct buffer members;
        buffer_init(&members, (size_t)64 << 10);
        int place = failed ? -1 : set_node(call, diagram, text_of(item, "name", ""), NULL, NULL);
        json_array_foreach(json_object_get(item, "members"), at, member)
        {
            buffer_printf(&members, "%s%s", at ? "\n" : "", json_string_value(member));
        }
        if (place < 0)
            failed = -1;
        else
            diagram->nodes[place].members =
                diagram_keep(diagram, buffer_length(&members) ? buffer_bytes(&members) : "",
                             buffer_length(&members));
        buffer_free(&members);
    }
    json_array_foreach(relations, index, item)
    {
        const char *from = text_of(item, "from", ""), *to = text_of(item, "to", "");
        int one = diagram_node(diagram, from, strlen(from)),
            other = diagram_node(diagram, to, strlen(to));
        if (failed == 0 &&
            (one < 0 || other < 0 ||
             diagram_edge(diagram, (size_t)one, relation_arrow(text_of(item, "kind", "")),
                          (size_t)other, text_of(item, "label", "")) < 0))
            failed = tool_fail(call, "too_large", "relations[%zu]: too many classes or relations",
                               index);
    }
    return finish(call, diagram, failed);
}

/* ---- checking, drawing, shortening ---------------------------------------------------------- */

static int validate_diagram_syntax(struct tool_call *call)
{
    struct diagram_errors errors;
    struct diagram *diagram = diagram_parse(tool_text(call, "diagram", ""), &errors);
    if (!diagram)
        return tool_fail(call, "internal", "out of memory");
    call->structured =
        json_pack("{s:b, s:s, s:I, s:I, s:o}", "valid", errors.count == 0, "type",
                  diagram_type_name(diagram->type), "nodes", (json_int_t)diagram->node_count,
                  "edges", (json_int_t)diagram->edge_count, "errors", diagram_errors_json(&errors));
    diagram_free(diagram);
    return 0;
}

static char *base64(const struct buffer *bytes)
{
    struct buffer text;
    buffer_init(&text, DRAWING_LIMIT * 2);
    if (buffer_append_base64(&text, buffer_bytes(bytes), buffer_length(bytes)) == 0)
        return buffer_take_string(&text);
    buffer_free(&text);
    return NULL;
}

/* What was drawn before is in the cache. Drawing takes milliseconds: it holds no lock of the store,
 * which is taken for the cache alone. A cache that fails is gone without. */
static char *drawing_of(struct tool_call *call, const struct diagram *diagram, const char *format)
{
    struct error ignored = {0};
    char key[64], *kept = NULL, problem[128];
    bool png = strcmp(format, "png") == 0;
    struct buffer out;
    snprintf(key, sizeof key, "drawing:%s:%016llx", format,
             (unsigned long long)diagram_hash(diagram));
    pthread_mutex_lock(&call->store->lock);
    if (cache_get(call->store->cache, key, &kept, NULL, &ignored) != CACHE_FOUND)
        kept = NULL;
    pthread_mutex_unlock(&call->store->lock);
    if (kept)
        return kept;
    buffer_init(&out, DRAWING_LIMIT);
    if (diagram_draw(diagram, format, &out, NULL, problem, sizeof problem) < 0) {
        buffer_free(&out);
        tool_fail(call, "internal", "%s", problem);
        return NULL;
    }
    char *text = png ? base64(&out) : buffer_take_string(&out);
    buffer_free(&out);
    pthread_mutex_lock(&call->store->lock);
    if (text)
        cache_set(call->store->cache, key, text, strlen(text), CACHED_MS, &ignored);
    pthread_mutex_unlock(&call->store->lock);
    if (!text)
        tool_fail(call, "internal", "out of memory");
    return text;
}

static char *as_text(struct tool_call *call, const struct diagram *diagram, const char *format)
{
    struct buffer out;
    if (strcmp(format, "json") == 0) {
        json_t *json = diagram_json(diagram);
        char *text = json_dumps(json, JSON_INDENT(2));
        json_decref(json);
        return text;
    }
    if (strcmp(format, "mermaid") == 0)
        return diagram_text(call, diagram, false);
    buffer_init(&out, DRAWING_LIMIT);
    if (diagram_dot(diagram, &out) < 0) {
        buffer_free(&out);
        tool_fail(call, "too_large", "the DOT text is over %zu bytes", DRAWING_LIMIT);
        return NULL;
    }
    return buffer_take_string(&out);
}

static int convert_diagram_format(struct tool_call *call)
{
    const char *format = tool_text(call, "format", "svg");
    bool png = strcmp(format, "png") == 0, drawn = png || strcmp(format, "svg") == 0;
    struct diagram *diagram = diagram_argument(call, "diagram");
    if (!diagram)
        return -1;
    char *text = drawn ? drawing_of(call, diagram, format) : as_text(call, diagram, format);
    diagram_free(diagram);
    if (!text)
        return call->reason ? -1 : tool_fail(call, "internal", "out of memory");
    call->structured = json_pack("{s:s, s:s, s:I}", "format", format, "encoding",
                                 png ? "base64" : "utf-8", "bytes", (json_int_t)strlen(text));
    if (png) /* an image is given as one, not as text too */
        call->content =
            json_pack("[{s:s, s:s, s:s}]", "type", "image", "data", text, "mimeType", "image/png");
    json_object_set_new(call->structured, "text", png ? json_null() : json_string(text));
    free(text);
    return 0;
}

/* Shorter texts of the same graph: the dense form, or the text without what says nothing. */
static int optimize_diagram_size(struct tool_call *call)
{
    const char *before = tool_text(call, "diagram", "");
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_errors errors;
    if (!diagram)
        return -1;
    char *dense = diagram_text(call, diagram, true);
    struct diagram *again = dense ? diagram_parse(dense, &errors) : NULL;
    bool equal = again && errors.count == 0 && diagram_equal(diagram, again);
    bool shorter = equal && strlen(dense) < strlen(before);
    const char *best = shorter ? dense : before;
    if (dense && again)
        call->structured =
            json_pack("{s:s, s:I, s:I, s:f}", "diagram", best, "bytes_before",
                      (json_int_t)strlen(before), "bytes_after", (json_int_t)strlen(best), "saved",
                      1 - (double)strlen(best) / (double)strlen(before));
    free(dense);
    diagram_free(diagram);
    diagram_free(again);
    if (call->structured)
        return 0;
    return call->reason ? -1 : tool_fail(call, "internal", "out of memory");
}

static int get_diagram_metadata(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_measures measures;
    char hash[24];
    if (!diagram)
        return -1;
    if (diagram_measure(diagram, &measures) < 0) {
        diagram_free(diagram);
        return tool_fail(call, "internal", "out of memory");
    }
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)diagram_hash(diagram));
    call->structured =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "type", diagram_type_name(diagram->type), "title",
                  diagram->title, "direction", diagram->direction, "hash", hash, "measures",
                  diagram_measures_json(&measures));
    diagram_free(diagram);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define NAME "{\"type\": \"string\", \"pattern\": \"^[A-Za-z_][A-Za-z0-9_]*$\", \"maxLength\": 80}"
#define TEXT(most) "{\"type\": \"string\", \"maxLength\": " most "}"
#define TITLE "\"title\": {\"type\": \"string\", \"maxLength\": 200, \"pattern\": \"^[^\\\\n\\\\r]*$\", \"description\": \"over the diagram\"}"
#define LIST(name, most, properties, required, what) \
    "\"" name "\": {\"type\": \"array\", \"maxItems\": " most ", \"description\": \"" what "\", \"items\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" properties "}, \"required\": [" required "]}}"
#define DIAGRAM DIAGRAM_ARGUMENT("diagram", "in Mermaid")
#define PURE TOOL_PURE | TOOL_IDEMPOTENT
#define MADE OUTPUT_SCHEMA(DIAGRAM_ANSWER, DIAGRAM_ANSWER_NAMES)
#define FLOW_EXAMPLE JSON({"diagram": "flowchart LR\n    A[Start] --> B{Is it?}\n    B -->|yes| C[End]\n    B -->|no| A\n"})

static const struct tool tools[] = {
    {"generate_flowchart", "Make a flowchart",
     "A Mermaid flowchart from nodes and edges, or from steps in order; a step that ends with a question mark is a diamond. Use it to show a process.", "dia", PURE,
     INPUT_SCHEMA(TITLE ", \"direction\": {\"enum\": [\"TB\", \"BT\", \"LR\", \"RL\"], \"default\": \"TB\", \"description\": \"in which it runs\"}"
           ", \"steps\": {\"type\": \"array\", \"maxItems\": 400, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"description\": \"in order\"},"
           LIST("nodes", "400", "\"id\": " NAME ", \"label\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 200}, \"shape\": {\"enum\": [\"rectangle\", \"rounded\", \"stadium\", \"subroutine\", \"cylinder\", \"circle\", \"diamond\", \"hexagon\", \"parallelogram\"]}", "\"id\"", "with ids of letters, digits and _") ","
           LIST("edges", "1000", "\"from\": " NAME ", \"to\": " NAME ", \"label\": " TEXT("200") ", \"style\": {\"enum\": [\"solid\", \"dotted\", \"thick\", \"line\"]}", "\"from\", \"to\"", "between them"),
           "", JSON({"steps": ["Moor the ship", "Is the crane free?", "Unload"]}) "," JSON({"nodes": [{"id": "a", "label": "Start"}], "edges": [{"from": "a", "to": "b", "label": "then"}]})),
     MADE, generate_flowchart},
    {"generate_sequence_diagram", "Make a sequence diagram", "A Mermaid sequence diagram from participants and messages. Use it to show who says what to whom.", "dia", PURE,
     INPUT_SCHEMA(TITLE "," LIST("participants", "100", "\"id\": " NAME ", \"label\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100}, \"actor\": {\"type\": \"boolean\"}", "\"id\"", "from left to right") ","
           LIST("messages", "1000", "\"from\": " NAME ", \"to\": " NAME ", \"text\": " TEXT("200") ", \"reply\": {\"type\": \"boolean\"}", "\"from\", \"to\", \"text\"", "in order"), "\"messages\"",
           JSON({"participants": [{"id": "Ship", "actor": true}, {"id": "Port"}], "messages": [{"from": "Ship", "to": "Port", "text": "May I enter?"}, {"from": "Port", "to": "Ship", "text": "Berth 4", "reply": true}]})),
     MADE, generate_sequence_diagram},
    {"generate_pie_chart", "Make a pie chart", "A Mermaid pie chart from labelled values. Use it to show shares.", "dia", PURE,
     INPUT_SCHEMA(TITLE ", \"show_data\": {\"type\": \"boolean\", \"default\": false, \"description\": \"values beside the shares\"},"
           LIST("slices", "50", "\"label\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"pattern\": \"^[^\\\"\\n\\r]*$\"}, \"value\": {\"type\": \"number\", \"exclusiveMinimum\": 0, \"maximum\": 1e15}", "\"label\", \"value\"", "of the pie"), "\"slices\"",
           JSON({"title": "Cargo", "slices": [{"label": "Grain", "value": 40}, {"label": "Oil", "value": 25.5}]})),
     MADE, generate_pie_chart},
    {"generate_class_diagram", "Make a class diagram", "A Mermaid class diagram from classes and relations. Use it to show a design.", "dia", PURE,
     INPUT_SCHEMA(TITLE "," LIST("classes", "200", "\"name\": " NAME ", \"members\": {\"type\": \"array\", \"maxItems\": 50, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 70, \"pattern\": \"^[^{}\\n\\r]*$\"}}", "\"name\"", "with members like +int size or +load()") ","
           LIST("relations", "1000", "\"from\": " NAME ", \"to\": " NAME ", \"kind\": {\"enum\": [\"inherits\", \"implements\", \"composes\", \"aggregates\", \"uses\", \"associates\", \"links\"]}, \"label\": " TEXT("100"), "\"from\", \"to\", \"kind\"", "between them"), "\"classes\"",
           JSON({"classes": [{"name": "Ship", "members": ["+int knots", "+sail()"]}, {"name": "Tanker"}], "relations": [{"from": "Tanker", "to": "Ship", "kind": "inherits"}]})),
     MADE, generate_class_diagram},
    {"validate_diagram_syntax", "Check a diagram", "Whether a Mermaid text can be read, what it is, and where it is wrong, by line and column. Flowcharts, sequence diagrams, class diagrams and pie charts.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", FLOW_EXAMPLE "," JSON({"diagram": "flowchart LR\n    A[Start --> B"})),
     OUTPUT_SCHEMA("\"valid\": {\"type\": \"boolean\"}," DIAGRAM_STRING("type") "," DIAGRAM_INTEGER("nodes") "," DIAGRAM_INTEGER("edges") "," DIAGRAM_ERRORS, "\"valid\", \"type\", \"nodes\", \"edges\", \"errors\""),
     validate_diagram_syntax},
    {"convert_diagram_format", "Draw or convert a diagram", "A Mermaid text as SVG or PNG (drawn by Graphviz), DOT, JSON, or tidy Mermaid. Use it to show a diagram.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM ", \"format\": {\"enum\": [\"svg\", \"png\", \"dot\", \"json\", \"mermaid\"], \"default\": \"svg\", \"description\": \"of the result\"}", "\"diagram\"",
           FLOW_EXAMPLE "," JSON({"diagram": "pie\n    \"a\" : 1\n    \"b\" : 2\n", "format": "png"})),
     OUTPUT_SCHEMA(DIAGRAM_STRING("format") "," DIAGRAM_STRING("encoding") "," DIAGRAM_INTEGER("bytes") ", \"text\": {\"type\": [\"string\", \"null\"]}", "\"format\", \"encoding\", \"bytes\", \"text\""),
     convert_diagram_format},
    {"optimize_diagram_size", "Shorten a diagram", "A shorter text of the equal diagram: chains joined, comments, needless quotes and space left out.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", FLOW_EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_STRING("diagram") "," DIAGRAM_INTEGER("bytes_before") "," DIAGRAM_INTEGER("bytes_after") ", \"saved\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1}", "\"diagram\", \"bytes_before\", \"bytes_after\", \"saved\""),
     optimize_diagram_size},
    {"get_diagram_metadata", "Facts about a diagram", "Type, title, nodes, edges, depth, cycles, and a hash that is equal for texts that differ only in layout.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", FLOW_EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_STRING("type") "," DIAGRAM_STRING("title") "," DIAGRAM_STRING("direction") "," DIAGRAM_STRING("hash") "," DIAGRAM_MEASURES, "\"type\", \"title\", \"direction\", \"hash\", \"measures\""),
     get_diagram_metadata},
};
/* clang-format on */

const struct tool_group tools_diagram_generation = {
    .name = "basic_generation",
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
