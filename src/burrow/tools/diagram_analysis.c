/* analysis_intelligence: what diagrams are like, how alike they are, how long they take to draw,
 * and what would make them better. */
#include "base/clock.h"
#include "burrow/tools/advanced_ml.h"
#include "burrow/tools/diagram_call.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT_LIMIT ((size_t)4 << 20)
#define LONG_LABEL   40 /* bytes that fit into a node at a usual size */
#define MANY_SLICES  7
#define MANY_NODES   30

/* ---- relationships -------------------------------------------------------------------------- */

static void count_degrees(const struct diagram *diagram, size_t *in, size_t *out)
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
    count_degrees(diagram, in, out);
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

static int put_entity(struct tool_call *call, const char *name, const char *type, bool *created)
{
    char key[300];
    snprintf(key, sizeof key, "entity:%.250s", name);
    json_t *there = graph_node(call->store->graph, key, &call->error);
    bool missing = json_is_null(there);
    int failed = there ? 0 : -1;
    json_decref(there);
    *created = missing;
    if (failed == 0 && missing) {
        json_t *facts = json_pack("{s:[]}", "observations");
        failed = graph_node_put(call->store->graph, key, type, facts, NULL, &call->error);
        json_decref(facts);
    }
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
        failed = put_entity(call, diagram->nodes[i].label,
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

/* ---- how long drawing takes ----------------------------------------------------------------- */

static int by_size(const void *one, const void *other)
{
    const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static double median_ms(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    uint64_t middle =
        count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (double)middle / (double)NS_PER_MS;
}

static json_t *benchmark_one(const char *text, size_t rounds)
{
    uint64_t parse[20], layout[20], render[20];
    struct diagram_errors errors = {0};
    char problem[128] = "";
    size_t nodes = 0, edges = 0, bytes = 0;
    for (size_t i = 0; i < rounds && !*problem; i++) {
        uint64_t began = clock_now_ns();
        struct diagram *diagram = diagram_parse(text, &errors);
        parse[i] = clock_now_ns() - began;
        struct diagram_timing timing = {0};
        struct buffer out;
        buffer_init(&out, (size_t)8 << 20);
        if (!diagram || errors.count)
            snprintf(problem, sizeof problem, "line %zu, column %zu: %.90s", errors.all[0].line,
                     errors.all[0].column, errors.count ? errors.all[0].text : "out of memory");
        else
            diagram_draw(diagram, "svg", &out, &timing, problem, sizeof problem);
        layout[i] = timing.layout_ns;
        render[i] = timing.render_ns;
        nodes = diagram ? diagram->node_count : 0;
        edges = diagram ? diagram->edge_count : 0;
        bytes = buffer_length(&out);
        buffer_free(&out);
        diagram_free(diagram);
    }
    if (*problem)
        return json_pack("{s:b, s:s}", "ok", 0, "error", problem);
    return json_pack("{s:b, s:I, s:I, s:I, s:f, s:f, s:f}", "ok", 1, "nodes", (json_int_t)nodes,
                     "edges", (json_int_t)edges, "svg_bytes", (json_int_t)bytes, "parse_ms",
                     median_ms(parse, rounds), "layout_ms", median_ms(layout, rounds), "render_ms",
                     median_ms(render, rounds));
}

static int benchmark_diagrams(struct tool_call *call)
{
    const json_t *diagrams = tool_value(call, "diagrams"), *diagram;
    size_t rounds = (size_t)tool_integer(call, "rounds", 3), index;
    json_t *results = json_array();
    json_array_foreach(diagrams, index, diagram)
    {
        json_array_append_new(results, benchmark_one(json_string_value(diagram), rounds));
        if (tool_progress(call, index + 1, json_array_size(diagrams)) < 0) {
            json_decref(results);
            return -1;
        }
    }
    call->structured = json_pack("{s:o, s:I}", "results", results, "rounds", (json_int_t)rounds);
    return 0;
}

/* Student's t at 97.5 %, by the expansion of Cornish and Fisher around the normal quantile. */
static double student(double freedom)
{
    const double z = 1.959963985;
    return z + (z * z * z + z) / (4 * freedom) +
           (5 * pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * freedom * freedom);
}

struct fit { /* of y = log ms over x = log(1 + nodes + edges) */
    double n, x, y, xx, xy, yy;
};

static int read_history(struct tool_call *call, const char *type, struct fit *fit)
{
    sqlite3_stmt *row = records_query(call->store->records, &call->error,
                                      "SELECT nodes + edges, microseconds FROM diagram_timings"
                                      " WHERE type = ?1 AND microseconds > 0",
                                      "s", type);
    while (row && records_next(row, &call->error)) {
        double x = log1p((double)sqlite3_column_int64(row, 0));
        double y = log((double)sqlite3_column_int64(row, 1) / 1000);
        fit->n += 1;
        fit->x += x;
        fit->y += y;
        fit->xx += x * x;
        fit->xy += x * y;
        fit->yy += y * y;
    }
    return call->error.code == ERROR_NONE ? 0 : -1;
}

/* A new observation's 95 % interval from a least-squares line; of the mean alone when all the sizes
 * were the same. */
static json_t *predict(const struct fit *fit, double size)
{
    double mean_x = fit->x / fit->n, mean_y = fit->y / fit->n;
    double sxx = fit->xx - fit->n * mean_x * mean_x, sxy = fit->xy - fit->n * mean_x * mean_y,
           syy = fit->yy - fit->n * mean_y * mean_y;
    bool line = sxx > 1e-9 && fit->n > 3;
    double slope = line ? sxy / sxx : 0, freedom = fit->n - (line ? 2 : 1);
    double left = syy - slope * sxy, x = log1p(size) - mean_x;
    double deviation = sqrt((left > 0 ? left : 0) / freedom);
    double at = mean_y + slope * x;
    double reach = student(freedom) * deviation * sqrt(1 + 1 / fit->n + (line ? x * x / sxx : 0));
    return json_pack("{s:f, s:f, s:f}", "predicted_ms", exp(at), "low_ms", exp(at - reach),
                     "high_ms", exp(at + reach));
}

static int predict_generation_time(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct fit fit = {0};
    if (!diagram)
        return -1;
    double size = (double)(diagram->node_count + diagram->edge_count);
    int failed = read_history(call, diagram_type_name(diagram->type), &fit);
    json_t *prediction = failed || fit.n < 3
                             ? json_pack("{s:n, s:n, s:n}", "predicted_ms", "low_ms", "high_ms")
                             : predict(&fit, size);
    json_object_set_new(prediction, "samples", json_integer((json_int_t)fit.n));
    json_object_set_new(prediction, "type", json_string(diagram_type_name(diagram->type)));
    json_object_set_new(prediction, "reason",
                        fit.n < 3
                            ? json_string("fewer than 3 drawings of this type were measured; "
                                          "store_diagram keeps what convert_diagram_format and "
                                          "benchmark_diagrams measured")
                            : json_null());
    call->structured = prediction;
    diagram_free(diagram);
    return failed ? tool_fail_tier(call) : 0;
}

/* ---- export --------------------------------------------------------------------------------- */

static int escape(struct buffer *out, const char *text, bool xml)
{
    int failed = 0;
    if (!xml && *text && strchr("=+-@\t\r", *text))
        failed |= buffer_append_char(out, '\''); /* or a spreadsheet takes it for a formula */
    for (; *text; text++) {
        if (xml && strchr("<>&\"'", *text))
            failed |= buffer_printf(out, "&#%d;", *text);
        else if (xml && (unsigned char)*text < 32)
            failed |= buffer_append_char(out, ' ');
        else if (!xml && *text == '"')
            failed |= buffer_append_text(out, "\"\"");
        else
            failed |= buffer_append_char(out, *text);
    }
    return failed;
}

static int export_row(struct buffer *out, const json_t *row, bool xml)
{
    const char *key;
    json_t *value;
    int failed = xml ? buffer_append_text(out, "  <diagram") : 0;
    bool first = true;
    json_object_foreach((json_t *)row, key, value)
    {
        failed |= xml     ? buffer_printf(out, " %s=\"", key)
                  : first ? buffer_append_text(out, "\"")
                          : buffer_append_text(out, ",\"");
        first = false;
        if (json_is_string(value))
            failed |= escape(out, json_string_value(value), xml);
        else
            failed |= buffer_printf(out, "%.15g", json_number_value(value));
        failed |= buffer_append_char(out, '"');
    }
    return failed | buffer_append_text(out, xml ? "/>\n" : "\r\n");
}

static char *export_rows(const json_t *rows, const char *format)
{
    bool xml = strcmp(format, "xml") == 0;
    const char *key;
    json_t *row, *value;
    size_t index;
    struct buffer out;
    if (strcmp(format, "json") == 0)
        return json_dumps(rows, JSON_INDENT(2));
    buffer_init(&out, EXPORT_LIMIT);
    int failed = xml ? buffer_append_text(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                                "<diagrams>\n")
                     : 0;
    if (!xml && json_array_size(rows)) {
        bool first = true;
        json_object_foreach(json_array_get(rows, 0), key, value)
        {
            failed |= buffer_printf(&out, "%s%s", first ? "" : ",", key);
            first = false;
        }
        failed |= buffer_append_text(&out, "\r\n");
    }
    json_array_foreach(rows, index, row)
    {
        failed |= export_row(&out, row, xml);
    }
    if (xml)
        failed |= buffer_append_text(&out, "</diagrams>\n");
    char *text = buffer_take_string(&out);
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}

static json_t *analytics_of(sqlite3_stmt *row)
{
    struct diagram_errors errors;
    struct diagram_measures is = {0};
    struct diagram *diagram = diagram_parse(records_text(row, 3), &errors);
    if (diagram)
        diagram_measure(diagram, &is);
    diagram_free(diagram);
    return json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:f, s:I}", "id",
                     (json_int_t)sqlite3_column_int64(row, 0), "title", records_json_text(row, 1),
                     "type", records_json_text(row, 2), "versions",
                     (json_int_t)sqlite3_column_int64(row, 4), "nodes", (json_int_t)is.nodes,
                     "edges", (json_int_t)is.edges, "depth", (json_int_t)is.depth, "cycles",
                     (json_int_t)is.cycles, "density", is.density, "bytes",
                     (json_int_t)strlen(records_text(row, 3)));
}

static int export_diagram_analytics(struct tool_call *call)
{
    const char *format = tool_text(call, "format", "json");
    json_t *rows = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT id, title, type, text, version FROM diagrams"
                      " WHERE ?1 IS NULL OR type = ?1 ORDER BY id DESC LIMIT ?2",
                      "si", tool_text(call, "type", NULL), tool_integer(call, "limit", 100));
    while (row && records_next(row, &call->error))
        json_array_append_new(rows, analytics_of(row));
    char *text = export_rows(rows, format);
    if (text)
        call->structured = json_pack("{s:s, s:I, s:s}", "format", format, "diagrams",
                                     (json_int_t)json_array_size(rows), "text", text);
    free(text);
    json_decref(rows);
    if (call->error.code != ERROR_NONE)
        return tool_fail_tier(call);
    return call->structured ? 0 : tool_fail(call, "too_large", "over %zu bytes", EXPORT_LIMIT);
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

static double structural_likeness(const struct diagram *one, const struct diagram *other)
{
    struct diagram_measures a, b;
    if (one->type != other->type || diagram_measure(one, &a) < 0 || diagram_measure(other, &b) < 0)
        return 0;
    double shape = (ratio(a.nodes, b.nodes) + ratio(a.edges, b.edges) + ratio(a.depth, b.depth) +
                    ratio(a.cycles, b.cycles) + ratio(a.most_out, b.most_out)) /
                   5;
    return (labels_in_common(one, other) + shape) / 2;
}

static json_t *likeness_of(struct tool_call *call, const struct diagram *diagram,
                           const struct vector_hit *hit)
{
    struct diagram_errors errors;
    json_t *found = NULL;
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT title, text FROM diagrams WHERE id = ?1", "i", hit->id);
    if (!row || !records_next(row, &call->error))
        return NULL;
    struct diagram *other = diagram_parse(records_text(row, 1), &errors);
    if (other) {
        double structure = structural_likeness(diagram, other);
        found = json_pack("{s:I, s:o, s:f, s:f, s:f}", "id", (json_int_t)hit->id, "title",
                          records_json_text(row, 0), "score", (structure + hit->score) / 2,
                          "text_score", hit->score, "structure_score", structure);
    }
    records_done(row);
    diagram_free(other);
    return found;
}

static int find_similar_diagrams(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct vector_hit hits[50];
    json_t *found = json_array();
    size_t limit = (size_t)tool_integer(call, "limit", 5);
    if (!diagram) {
        json_decref(found);
        return -1;
    }
    char *words = diagram_words(diagram);
    int count = words ? vectors_search(call->store->vectors, VECTORS_DIAGRAMS, words, 50, hits,
                                       &call->error)
                      : 0;
    for (int i = 0; i < count; i++) {
        json_t *one = likeness_of(call, diagram, &hits[i]);
        double score = json_real_value(json_object_get(one, "score"));
        size_t at = 0;
        while (at < json_array_size(found) &&
               json_real_value(json_object_get(json_array_get(found, at), "score")) >= score)
            at++;
        if (one)
            json_array_insert_new(found, at, one);
    }
    while (json_array_size(found) > limit)
        json_array_remove(found, json_array_size(found) - 1);
    free(words);
    diagram_free(diagram);
    call->structured = json_pack("{s:o}", "diagrams", found);
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- suggestions ---------------------------------------------------------------------------- */

static void suggest(json_t *list, const char *kind, const char *reason, const char *rewritten)
{
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:o}", "kind", kind, "reason", reason, "rewritten",
                                    rewritten ? json_string(rewritten) : json_null()));
}

static void suggest_labels(const struct diagram *diagram, json_t *list)
{
    char reason[300], rewritten[600];
    for (size_t i = 0; i < diagram->node_count && json_array_size(list) < 50; i++) {
        const struct diagram_node *node = &diagram->nodes[i];
        size_t length = strlen(node->label), middle = length / 2;
        while (middle < length && node->label[middle] != ' ')
            middle++;
        if (length <= LONG_LABEL || length > 400 || middle == length || strchr(node->label, '"'))
            continue;
        snprintf(reason, sizeof reason,
                 "the label of %.80s has %zu bytes: two lines make the node "
                 "narrower",
                 node->id, length);
        snprintf(rewritten, sizeof rewritten, "%.80s[\"%.*s<br/>%s\"]", node->id, (int)middle,
                 node->label, node->label + middle + 1);
        suggest(list, "long_label", reason, rewritten);
    }
}

/* Ways out of a decision that do not say when they are taken. */
static void suggest_branches(const struct diagram *diagram, const size_t *out, json_t *list)
{
    char reason[300], rewritten[400];
    for (size_t i = 0; i < diagram->edge_count && json_array_size(list) < 50; i++) {
        const struct diagram_edge *edge = &diagram->edges[i];
        const struct diagram_node *from = &diagram->nodes[edge->from];
        if (strcmp(from->shape, "diamond") != 0 || out[edge->from] < 2 || *edge->label)
            continue;
        snprintf(reason, sizeof reason,
                 "%.80s is a decision, and its way to %.80s does not say "
                 "when it is taken",
                 from->id, diagram->nodes[edge->to].id);
        snprintf(rewritten, sizeof rewritten, "%.80s %s|when %.80s| %.80s", from->id, edge->arrow,
                 diagram->nodes[edge->to].id, diagram->nodes[edge->to].id);
        suggest(list, "unlabelled_branch", reason, rewritten);
    }
}

static void suggest_repeats(const struct diagram *diagram, json_t *list)
{
    char reason[300];
    for (size_t i = 0; i < diagram->edge_count && json_array_size(list) < 50; i++)
        for (size_t j = 0; j < i; j++) {
            const struct diagram_edge *one = &diagram->edges[i], *other = &diagram->edges[j];
            if (one->from != other->from || one->to != other->to ||
                strcmp(one->label, other->label) != 0 || diagram->type == DIAGRAM_SEQUENCE)
                continue;
            snprintf(reason, sizeof reason,
                     "the edge from %.80s to %.80s is there twice: remove "
                     "one",
                     diagram->nodes[one->from].id, diagram->nodes[one->to].id);
            suggest(list, "repeated_edge", reason, NULL);
            break;
        }
}

static void suggest_structure(const struct diagram *diagram, const struct diagram_measures *is,
                              const size_t *in, const size_t *out, json_t *list)
{
    char reason[300], rewritten[40];
    for (size_t i = 0; i < diagram->node_count && diagram->edge_count && json_array_size(list) < 50;
         i++)
        if (in[i] + out[i] == 0) {
            snprintf(reason, sizeof reason,
                     "nothing leads to %.80s or from it: join it, or leave "
                     "it out",
                     diagram->nodes[i].id);
            suggest(list, "isolated_node", reason, NULL);
        }
    if (is->nodes > MANY_NODES) {
        snprintf(reason, sizeof reason,
                 "%zu nodes are more than a reader takes in at once: put "
                 "those that belong together into subgraphs, or split it",
                 is->nodes);
        suggest(list, "many_nodes", reason, "subgraph part\n    ...\nend");
    }
    if (diagram->type == DIAGRAM_FLOWCHART && is->depth > 8 && is->most_out <= 2 &&
        strcmp(diagram->direction, "TB") == 0) {
        snprintf(rewritten, sizeof rewritten, "flowchart LR");
        snprintf(reason, sizeof reason,
                 "a chain of %zu steps is long from top to bottom: from left "
                 "to right it fits a screen",
                 is->depth);
        suggest(list, "direction", reason, rewritten);
    }
}

static void suggest_slices(const struct diagram *diagram, json_t *list)
{
    char reason[200], rewritten[60];
    double total = 0, rest = 0;
    size_t small = 0;
    for (size_t i = 0; i < diagram->node_count; i++)
        total += diagram->nodes[i].value;
    for (size_t i = 0; i < diagram->node_count; i++)
        if (diagram->nodes[i].value < total * 0.05) {
            rest += diagram->nodes[i].value;
            small++;
        }
    if (diagram->node_count <= MANY_SLICES || small < 2)
        return;
    snprintf(reason, sizeof reason, "%zu of %zu slices are under 5 %%: as one they can be seen",
             small, diagram->node_count);
    snprintf(rewritten, sizeof rewritten, "\"Other\" : %.15g", rest);
    suggest(list, "many_slices", reason, rewritten);
}

static int suggest_diagram_improvements(struct tool_call *call)
{
    struct diagram *diagram = diagram_argument(call, "diagram");
    struct diagram_measures is;
    if (!diagram)
        return -1;
    size_t count = diagram->node_count, *in = calloc(2 * count + 1, sizeof *in);
    json_t *list = json_array();
    int failed = in && diagram_measure(diagram, &is) == 0 ? 0 : -1;
    if (failed == 0 && diagram->type == DIAGRAM_PIE)
        suggest_slices(diagram, list);
    else if (failed == 0) {
        count_degrees(diagram, in, in + count);
        suggest_branches(diagram, in + count, list);
        suggest_labels(diagram, list);
        suggest_repeats(diagram, list);
        suggest_structure(diagram, &is, in, in + count, list);
    }
    free(in);
    diagram_free(diagram);
    call->structured = json_pack("{s:o}", "suggestions", list);
    return failed < 0 ? tool_fail(call, "internal", "out of memory") : 0;
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
           DIAGRAM_NUMBER("parse_ms") "," DIAGRAM_NUMBER("layout_ms") "," DIAGRAM_NUMBER("render_ms"), "\"ok\""), "\"results\", \"rounds\""), benchmark_diagrams},
    {"export_diagram_analytics", "Export diagram figures", "Figures of the kept diagrams as JSON, CSV or XML, newest first.", "ana", READS,
     INPUT_SCHEMA("\"format\": {\"enum\": [\"json\", \"csv\", \"xml\"], \"default\": \"json\", \"description\": \"of the text\"}," TYPE ", \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100, \"description\": \"diagrams at most\"}", "",
           JSON({"format": "csv", "limit": 10})),
     OUTPUT_SCHEMA(DIAGRAM_STRING("format") "," DIAGRAM_INTEGER("diagrams") "," DIAGRAM_STRING("text"), "\"format\", \"diagrams\", \"text\""), export_diagram_analytics},
    {"find_similar_diagrams", "Find similar diagrams", "Kept diagrams most like a given one, in words and in structure.", "dia", READS,
     INPUT_SCHEMA(DIAGRAM ", \"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 50, \"default\": 5, \"description\": \"results at most\"}", "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("diagrams", DIAGRAM_INTEGER("id") "," DIAGRAM_STRING("title") "," DIAGRAM_NUMBER("score") "," DIAGRAM_NUMBER("text_score") "," DIAGRAM_NUMBER("structure_score"),
           "\"id\", \"title\", \"score\", \"text_score\", \"structure_score\""), "\"diagrams\""), find_similar_diagrams},
    {"suggest_diagram_improvements", "Improve a diagram", "What would make a diagram easier to read, each with its reason and, where it can be, the part rewritten.", "dia", PURE,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_OBJECTS("suggestions", DIAGRAM_STRING("kind") "," DIAGRAM_STRING("reason") ", \"rewritten\": {\"type\": [\"string\", \"null\"]}", "\"kind\", \"reason\", \"rewritten\""), "\"suggestions\""),
     suggest_diagram_improvements},
    {"predict_generation_time", "Predict drawing time", "How long drawing a diagram will take, with a 95 % interval, from measured drawings of its type.", "dia", READS,
     INPUT_SCHEMA(DIAGRAM, "\"diagram\"", EXAMPLE),
     OUTPUT_SCHEMA(DIAGRAM_NUMBER("predicted_ms") "," DIAGRAM_NUMBER("low_ms") "," DIAGRAM_NUMBER("high_ms") "," DIAGRAM_INTEGER("samples") "," DIAGRAM_STRING("type") ", \"reason\": {\"type\": [\"string\", \"null\"]}",
           "\"predicted_ms\", \"low_ms\", \"high_ms\", \"samples\", \"reason\""), predict_generation_time},
};
/* clang-format on */

const struct tool_group tools_diagram_analysis = {
    .name = "analysis_intelligence",
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
