/* analysis_intelligence: what diagrams are like, how alike they are, how long they take to draw,
 * and what would make them better. Timing, export and suggestions are files of their own. */
#include "burrow/tools/diagram_analysis.h"
#include "burrow/tools/advanced_ml.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_LIMIT 50

/* ---- relationships -------------------------------------------------------------------------- */

void diagram_count_degrees(const struct diagram *diagram, size_t *in, size_t *out)
{
    for (size_t i = 0; i < diagram->edge_count; i++) {
        in[diagram->edges[i].to]++;
        out[diagram->edges[i].from]++;
    }
}

/* The parts of more than one node: each a list of ids. */
static json_t *cycles_of(const struct diagram *diagram, const size_t *parts)
{
    json_t *cycles = json_array();
    for (size_t part = 0; part < diagram->node_count; part++) {
        json_t *cycle = json_array();
        for (size_t i = 0; i < diagram->node_count; i++)
            if (parts[i] == part)
                json_array_append_new(cycle, json_string(diagram->nodes[i].id));
        bool loop = false;
        for (size_t i = 0; i < diagram->edge_count; i++)
            loop |= diagram->edges[i].from == diagram->edges[i].to &&
                    parts[diagram->edges[i].from] == part;
        if (json_array_size(cycle) > 1 || loop)
            json_array_append(cycles, cycle);
        json_decref(cycle);
    }
    return cycles;
}

static int analyze_diagram_relationships(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_measures measures;
    if (!diagram)
        return -1;
    size_t count = diagram->node_count, *room = calloc(3 * count + 1, sizeof *room);
    if (!room || diagram_parts(diagram, room) < 0 || diagram_measure(diagram, &measures) < 0) {
        free(room);
        diagram_free(diagram);
        return tool_fail(call, "internal", "out of memory");
    }
    size_t *in = room + count, *out = room + 2 * count;
    json_t *nodes = json_array(), *roots = json_array(), *leaves = json_array();
    diagram_count_degrees(diagram, in, out);
    for (size_t i = 0; i < count; i++) {
        const char *id = diagram->nodes[i].id;
        json_array_append_new(nodes, json_pack("{s:s, s:s, s:I, s:I}", "id", id, "label",
                                               diagram->nodes[i].label, "in", (json_int_t)in[i],
                                               "out", (json_int_t)out[i]));
        if (in[i] == 0)
            json_array_append_new(roots, json_string(id));
        if (out[i] == 0)
            json_array_append_new(leaves, json_string(id));
    }
    call->structured =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "nodes", nodes, "roots", roots, "leaves", leaves,
                  "cycles", cycles_of(diagram, room), "measures", diagram_measures_json(&measures));
    free(room);
    diagram_free(diagram);
    return 0;
}

/* ---- into the graph ------------------------------------------------------------------------- */

static int add_entity(struct tool_call *call, const char *name, const char *type, bool *created)
{
    char key[300];
    snprintf(key, sizeof key, "entity:%.250s", name);
    json_t *facts = json_pack("{s:[]}", "observations");
    int failed = graph_node_add(call->store->graph, key, type, facts, created, &call->error);
    json_decref(facts);
    return failed;
}

/* A relation's type has to be a word: white space becomes "_". */
static void relation_type(const char *label, char type[101])
{
    size_t length = 0;
    for (; *label && length < 100; label++)
        type[length++] = (unsigned char)*label <= ' ' ? '_' : *label;
    while (length > 0 && ((unsigned char)type[length - 1] & 0x80) && length == 100)
        length--;
    type[length] = '\0';
    if (length == 0)
        strcpy(type, "leads_to");
}

/* Names come from labels; two nodes with the same label are one entity, as two texts are one. */
static int map_knowledge_connections(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    json_int_t entities = 0, relations = 0;
    int failed = 0;
    if (!diagram)
        return -1;
    for (size_t i = 0; i < diagram->node_count && failed == 0; i++) {
        bool created;
        if (strlen(diagram->nodes[i].label) > 200) {
            diagram_free(diagram);
            return tool_fail(call, "invalid_argument",
                             "diagram: a label is over 200 bytes and can be no entity's name");
        }
        failed = add_entity(call, diagram->nodes[i].label,
                            tool_text(call, "entity_type", "concept"), &created);
        entities += created;
    }
    for (size_t i = 0; i < diagram->edge_count && failed == 0; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        char from[300], to[300], type[101];
        bool created = false;
        snprintf(from, sizeof from, "entity:%.250s", diagram->nodes[edge->from].label);
        snprintf(to, sizeof to, "entity:%.250s", diagram->nodes[edge->to].label);
        relation_type(edge->label, type);
        failed =
            graph_relation_put(call->store->graph, from, type, to, NULL, &created, &call->error);
        relations += created;
    }
    call->structured = json_pack("{s:I, s:I, s:I, s:I}", "nodes", (json_int_t)diagram->node_count,
                                 "edges", (json_int_t)diagram->edge_count, "entities_created",
                                 entities, "relations_created", relations);
    diagram_free(diagram);
    return failed < 0 ? tool_fail_tier(call) : 0;
}

/* ---- complexity ----------------------------------------------------------------------------- */

static int generate_complexity_report(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_measures is;
    if (!diagram)
        return -1;
    int failed = diagram_measure(diagram, &is);
    diagram_free(diagram);
    if (failed < 0)
        return tool_fail(call, "internal", "out of memory");
    double most = (double)(is.most_in > is.most_out ? is.most_in : is.most_out);
    const struct ml_driver structural[] = {
        {"nodes", (double)is.nodes, 0.8, 30},
        {"edges_beyond_a_tree", (double)is.crossing_hint, 2, 25},
        {"cycles", (double)is.cycles, 5, 15},
        {"depth", (double)is.depth, 1, 15},
        {"most_edges_of_a_node", most, 1.5, 15},
    };
    const struct ml_driver reading[] = {
        {"label_bytes", (double)is.characters, 0.04, 50},
        {"longest_label", (double)is.longest_label, 0.3, 25},
        {"notes_and_styles", (double)is.extras, 1, 10},
        {"separate_parts", is.components > 1 ? (double)is.components - 1 : 0, 3, 15},
    };
    json_t *one = ml_complexity(structural, sizeof structural / sizeof *structural);
    json_t *other = ml_complexity(reading, sizeof reading / sizeof *reading);
    double score = json_real_value(json_object_get(one, "score")) * 0.6 +
                   json_real_value(json_object_get(other, "score")) * 0.4;
    call->structured =
        json_pack("{s:f, s:s, s:o, s:o, s:o}", "score", score, "level",
                  score < 15   ? "simple"
                  : score < 40 ? "moderate"
                               : "complex",
                  "structural", one, "reading", other, "measures", diagram_measures_json(&is));
    return 0;
}

/* ---- likeness ------------------------------------------------------------------------------- */

/* Labels in common over labels in all (Jaccard). */
static double labels_in_common(const struct diagram *one, const struct diagram *other)
{
    size_t common = 0;
    for (size_t i = 0; i < one->node_count; i++)
        for (size_t j = 0; j < other->node_count; j++)
            if (strcmp(one->nodes[i].label, other->nodes[j].label) == 0) {
                common++;
                break;
            }
    size_t all = one->node_count + other->node_count - common;
    return all ? (double)common / (double)all : 1;
}

static double ratio(size_t one, size_t other)
{
    size_t more = one > other ? one : other, less = one > other ? other : one;
    return ((double)less + 1) / ((double)more + 1);
}

/* A diagram with its measures. */
struct measured {
    const struct diagram *diagram;
    struct diagram_measures is;
};

static double structural_likeness(const struct measured *one, const struct diagram *other)
{
    const struct diagram_measures *a = &one->is;
    struct diagram_measures b;
    if (one->diagram->type != other->type || diagram_measure(other, &b) < 0)
        return 0;
    double shape = (ratio(a->nodes, b.nodes) + ratio(a->edges, b.edges) + ratio(a->depth, b.depth) +
                    ratio(a->cycles, b.cycles) + ratio(a->most_out, b.most_out)) /
                   5;
    return (labels_in_common(one->diagram, other) + shape) / 2;
}

struct likeness {
    int64_t id;
    double text, structure;
};

static double score_of(const struct likeness *likeness)
{
    return (likeness->structure + likeness->text) / 2;
}

/* 1; 0: it is not there any more, or cannot be read; -1 an error. */
static int compare_kept(struct tool_call *call, const struct measured *with,
                        struct likeness *likeness)
{
    struct diagram_errors errors;
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT text FROM diagrams WHERE id = ?1", "i", likeness->id);
    if (!row || !records_next(row, &call->error))
        return call->error.code == ERROR_NONE ? 0 : -1;
    struct diagram *other = diagram_parse(records_text(row, 0), &errors);
    if (other)
        likeness->structure = structural_likeness(with, other);
    records_done(row);
    diagram_free(other);
    return other != NULL;
}

/* The best of those whose words are likest, best first; -1 on an error. */
static int likest(struct tool_call *call, const struct measured *with,
                  const struct vector_hit *hits, int count, struct likeness *best, int limit)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        struct likeness one = {.id = hits[i].id, .text = hits[i].score, .structure = 1};
        if (found == limit && score_of(&one) <= score_of(&best[found - 1]))
            break; /* nor can any after it be among the best: hits come in this order */
        int there = compare_kept(call, with, &one);
        if (there < 0)
            return -1;
        if (there == 0 || (found == limit && score_of(&one) <= score_of(&best[found - 1])))
            continue;
        int at = found < limit ? found++ : found - 1;
        for (; at > 0 && score_of(&best[at - 1]) < score_of(&one); at--)
            best[at] = best[at - 1];
        best[at] = one;
    }
    return found;
}

static json_t *likeness_json(struct tool_call *call, const struct likeness *likeness)
{
    json_t *found = NULL;
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT title FROM diagrams WHERE id = ?1", "i", likeness->id);
    if (row && records_next(row, &call->error)) {
        found = json_pack("{s:I, s:o, s:f, s:f, s:f}", "id", (json_int_t)likeness->id, "title",
                          records_json_text(row, 0), "score", score_of(likeness), "text_score",
                          likeness->text, "structure_score", likeness->structure);
        records_done(row);
    }
    return found;
}

static int find_similar_diagrams(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct measured with = {.diagram = diagram};
    struct vector_hit hits[FOUND_LIMIT];
    struct likeness best[FOUND_LIMIT];
    if (!diagram)
        return -1;
    char *words = diagram_words(diagram);
    int measured = words ? diagram_measure(diagram, &with.is) : -1;
    int count = measured < 0 ? -1
                             : vectors_search(call->store->vectors, VECTORS_DIAGRAMS, words,
                                              FOUND_LIMIT, hits, &call->error);
    if (count > 0)
        count = likest(call, &with, hits, count, best, (int)tool_integer(call, "limit", 5));
    free(words);
    diagram_free(diagram);
    if (measured < 0)
        return tool_fail(call, "internal", "out of memory");
    json_t *found = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(found, likeness_json(call, &best[i]));
    call->structured = json_pack("{s:o}", "diagrams", found);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define DIAGRAM DIAGRAM_ARGUMENT("diagram", "in Mermaid")
#define TYPE "\"type\": {\"enum\": [\"flowchart\", \"sequence\", \"pie\", \"class\"], \"description\": \"only of this type\"}"
#define PURE TOOL_PURE | TOOL_IDEMPOTENT
#define READS TOOL_READ_ONLY | TOOL_IDEMPOTENT
#define SCORED(name) "\"" name "\": {\"type\": \"object\", \"properties\": {\"score\": {\"type\": \"number\"}," \
    DIAGRAM_OBJECTS("drivers", DIAGRAM_STRING("name") "," DIAGRAM_NUMBER("value") "," DIAGRAM_NUMBER("points"), "\"name\", \"value\", \"points\"") "}, \"required\": [\"score\", \"drivers\"]}"
#define EXAMPLE JSON({"diagram": "flowchart TB\n    A[Arrive] --> B{Free berth?}\n    B --> C[Moor]\n    B --> D[Wait]\n    D --> B\n"})

static const struct tool tools[] = {
    {"analyze_diagram_relationships", "Relationships in a diagram", "Nodes with their degrees, roots, leaves, cycles and density of a diagram's graph.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("nodes", DIAGRAM_STRING("id") "," DIAGRAM_STRING("label") "," DIAGRAM_INTEGER("in") "," DIAGRAM_INTEGER("out"), "\"id\", \"label\", \"in\", \"out\"") ","
           DIAGRAM_NAMES("roots") "," DIAGRAM_NAMES("leaves") ", \"cycles\": {\"type\": \"array\", \"items\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}," DIAGRAM_MEASURES,
           "\"nodes\", \"roots\", \"leaves\", \"cycles\", \"measures\""), analyze_diagram_relationships},
    {"map_knowledge_connections", "Diagram into the graph", "Put a diagram's nodes and edges into the knowledge graph, as entities and relations. Use it to make a drawing searchable.", "kg", TOOL_IDEMPOTENT,
     INPUT_SCHEMA(DIAGRAM ", \"entity_type\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"default\": \"concept\", \"description\": \"of the entities that are made\"}", "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_INTEGER("nodes") "," DIAGRAM_INTEGER("edges") "," DIAGRAM_INTEGER("entities_created") "," DIAGRAM_INTEGER("relations_created"), "\"nodes\", \"edges\", \"entities_created\", \"relations_created\""),
     map_knowledge_connections},
    {"generate_complexity_report", "How hard a diagram is to read", "Structural and reading complexity of a diagram, 0 to 100, with what drives them.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA("\"score\": {\"type\": \"number\"}, \"level\": {\"enum\": [\"simple\", \"moderate\", \"complex\"]}," SCORED("structural") "," SCORED("reading") "," DIAGRAM_MEASURES, "\"score\", \"level\", \"structural\", \"reading\", \"measures\""),
     generate_complexity_report},
    {"benchmark_diagrams", "Time diagrams", "Parse, layout and render time of given diagrams: the medians of some rounds.", "dia", PURE,
     INPUT_SCHEMA("\"diagrams\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 10, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 16384}, \"description\": \"in Mermaid\"},"
           "\"rounds\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 20, \"default\": 3, \"description\": \"for each\"}", "\"diagrams\"", JSON({"diagrams": ["flowchart LR\n    A --> B\n"], "rounds": 3})),
     OUTPUT_SCHEMA(DIAGRAM_INTEGER("rounds") "," DIAGRAM_OBJECTS("results", "\"ok\": {\"type\": \"boolean\"}," DIAGRAM_STRING("error") "," DIAGRAM_INTEGER("nodes") "," DIAGRAM_INTEGER("edges") "," DIAGRAM_INTEGER("svg_bytes") ","
           DIAGRAM_NUMBER("parse_ms") "," DIAGRAM_NUMBER("layout_ms") "," DIAGRAM_NUMBER("render_ms"), "\"ok\""), "\"results\", \"rounds\""), diagram_benchmark},
    {"export_diagram_analytics", "Export diagram figures", "Figures of the kept diagrams as JSON, CSV or XML, newest first.", "ana", READS,
     INPUT_SCHEMA("\"format\": {\"enum\": [\"json\", \"csv\", \"xml\"], \"default\": \"json\", \"description\": \"of the text\"}," TYPE ", \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100, \"description\": \"diagrams at most\"}", "",
           JSON({"format": "csv", "limit": 10})),
     OUTPUT_SCHEMA(DIAGRAM_STRING("format") "," DIAGRAM_INTEGER("diagrams") "," DIAGRAM_STRING("text"), "\"format\", \"diagrams\", \"text\""), diagram_export},
    {"find_similar_diagrams", "Find similar diagrams", "Kept diagrams most like a given one, in words and in structure.", "dia", READS,
     INPUT_SCHEMA(DIAGRAM ", \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 50, \"default\": 5, \"description\": \"results at most\"}", "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("diagrams", DIAGRAM_INTEGER("id") "," DIAGRAM_STRING("title") "," DIAGRAM_NUMBER("score") "," DIAGRAM_NUMBER("text_score") "," DIAGRAM_NUMBER("structure_score"),
           "\"id\", \"title\", \"score\", \"text_score\", \"structure_score\""), "\"diagrams\""), find_similar_diagrams},
    {"suggest_diagram_improvements", "Improve a diagram", "What would make a diagram easier to read, each with its reason and, where it can be, the part rewritten.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("suggestions", DIAGRAM_STRING("kind") "," DIAGRAM_STRING("reason") ", \"rewritten\": {\"type\": [\"string\", \"null\"]}", "\"kind\", \"reason\", \"rewritten\""), "\"suggestions\""),
     diagram_suggest},
    {"predict_generation_time", "Predict drawing time", "How long drawing a diagram will take, with a 95 % interval, from measured drawings of its type.", "dia", READS,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_NUMBER("predicted_ms") "," DIAGRAM_NUMBER("low_ms") "," DIAGRAM_NUMBER("high_ms") "," DIAGRAM_INTEGER("samples") "," DIAGRAM_STRING("type") ", \"reason\": {\"type\": [\"string\", \"null\"]}",
           "\"predicted_ms\", \"low_ms\", \"high_ms\", \"samples\", \"reason\""), diagram_predict},
};
/* clang-format on */

const struct tool_group tools_diagram_analysis = {
    .name = "analysis_intelligence",
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
