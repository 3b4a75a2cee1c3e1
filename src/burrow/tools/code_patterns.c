/* code_patterns: what was tried in code and how it went, kept and found again; and the reading of a
 * source text: functions, classes, comments, measures, differences. */
#include "burrow/code/diff.h"
#include "burrow/code/source.h"
#include "burrow/tools/analytics_kept.h"
#include "burrow/tools/groups.h"
#include "burrow/tools/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_LIMIT    50
#define FILTERED_LIMIT 200 /* that are looked at for those that a filter lets through */
#define TAGS_RATED     50
#define TAGS_COUNTED   100
#define DIFF_LIMIT     ((size_t)2 << 20)

static const char *const migrations[] = {
    "CREATE TABLE code_attempts(id INTEGER PRIMARY KEY AUTOINCREMENT, prompt TEXT NOT NULL,"
    " code TEXT NOT NULL, language TEXT NOT NULL, result TEXT NOT NULL, error TEXT NOT NULL,"
    " created_at INTEGER NOT NULL);"
    "CREATE INDEX code_attempts_time ON code_attempts(created_at);"
    "CREATE TABLE code_attempt_tags(attempt INTEGER NOT NULL REFERENCES code_attempts(id)"
    " ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY(attempt, tag)) WITHOUT ROWID",
    NULL};

/* ---- attempts ------------------------------------------------------------------------------- */

static const char *language_of(const struct tool_call *call, const char *code)
{
    const char *given = tool_text(call, "language", NULL);
    return given ? given : source_language_name(source_language_guess(code));
}

static int keep_tags(struct tool_call *call, int64_t id)
{
    const json_t *tags = tool_value(call, "tags"), *tag;
    size_t index;
    json_array_foreach(tags, index, tag)
    {
        if (records_run(call->store->records, &call->error,
                        "INSERT OR IGNORE INTO code_attempt_tags(attempt, tag) VALUES(?1, ?2)",
                        "is", id, json_string_value(tag)) < 0)
            return -1;
    }
    return 0;
}

static int log_code_attempt(struct tool_call *call)
{
    const char *prompt = tool_text(call, "prompt", ""), *code = tool_text(call, "code", "");
    const char *language = language_of(call, code);
    struct buffer text;
    if (records_run(call->store->records, &call->error,
                    "INSERT INTO code_attempts(prompt, code, language, result, error, created_at)"
                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    "sssssi", prompt, code, language, tool_text(call, "result", "unknown"),
                    tool_text(call, "error", ""), store_now_ms()) < 0)
        return tool_fail_tier(call);
    int64_t id = records_last_id(call->store->records);
    buffer_init(&text, SOURCE_LIMIT * 2);
    int failed = buffer_printf(&text, "%s\n%s", prompt, code);
    char *joined = buffer_take_string(&text);
    if (failed || !joined) {
        free(joined);
        return tool_fail(call, "internal", "out of memory");
    }
    failed = vectors_put(call->store->vectors, VECTORS_CODE, id, joined, &call->error);
    free(joined);
    if (failed < 0 || keep_tags(call, id) < 0)
        return tool_fail_tier(call);
    call->structured = json_pack("{s:I, s:s}", "id", (json_int_t)id, "language", language);
    return 0;
}

static json_t *attempt_of(sqlite3_stmt *row, double score)
{
    return json_pack("{s:I, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "id",
                     (json_int_t)sqlite3_column_int64(row, 0), "score", score, "prompt",
                     records_json_text(row, 1), "code", records_json_text(row, 2), "language",
                     records_json_text(row, 3), "result", records_json_text(row, 4), "error",
                     records_json_text(row, 5), "tags", records_json(row, 7), "created_at",
                     (json_int_t)sqlite3_column_int64(row, 6));
}

/* The attempts among `hits` that the filters let through, in their order; NULL with the call's
 * error. `all`: nothing that comes behind these hits can be among them. */
static json_t *let_through(struct tool_call *call, const struct vector_hit *hits, int count,
                           bool *all)
{
    int64_t limit = tool_integer(call, "limit", 5);
    double least = tool_number(call, "min_score", 0);
    json_t *attempts = json_array();
    int i = 0;
    for (; i < count && json_array_size(attempts) < (size_t)limit && hits[i].score >= least; i++) {
        sqlite3_stmt *row = records_query(
            call->store->records, &call->error,
            "SELECT id, prompt, code, language, result, error, created_at,"
            " (SELECT json_group_array(tag) FROM code_attempt_tags WHERE attempt = id)"
            " FROM code_attempts WHERE id = ?1 AND (?2 IS NULL OR result = ?2)"
            " AND (?3 IS NULL OR language = ?3) AND (?4 IS NULL OR EXISTS(SELECT 1 FROM"
            " code_attempt_tags WHERE attempt = id AND tag = ?4))",
            "isss", hits[i].id, tool_text(call, "result", NULL), tool_text(call, "language", NULL),
            tool_text(call, "tag", NULL));
        if (row && records_next(row, &call->error)) {
            json_array_append_new(attempts, attempt_of(row, hits[i].score));
            records_done(row);
        }
        if (call->error.code != ERROR_NONE) {
            json_decref(attempts);
            return NULL;
        }
    }
    *all = i < count || json_array_size(attempts) >= (size_t)limit;
    return attempts;
}

/* Filters are applied after the search: it looks at more when there are any, and at many when those
 * do not suffice. */
static int find_attempts(struct tool_call *call, const char *text)
{
    struct vector_hit hits[FILTERED_LIMIT];
    bool filtered = tool_text(call, "result", NULL) || tool_text(call, "tag", NULL) ||
                    tool_text(call, "language", NULL);
    unsigned most = filtered ? FILTERED_LIMIT : FOUND_LIMIT,
             some = (unsigned)tool_integer(call, "limit", 5) * (filtered ? 4 : 1);
    json_t *attempts = NULL;
    for (bool all = false; !all; some = most) {
        some = some < most ? some : most;
        int count =
            vectors_search(call->store->vectors, VECTORS_CODE, text, some, hits, &call->error);
        json_decref(attempts);
        attempts = count < 0 ? NULL : let_through(call, hits, count, &all);
        if (!attempts)
            return tool_fail_tier(call);
        all |= some == most;
    }
    call->structured = json_pack("{s:o}", "attempts", attempts);
    return 0;
}

static int get_code_patterns(struct tool_call *call)
{
    return find_attempts(call, tool_text(call, "query", ""));
}

static int find_similar_code(struct tool_call *call)
{
    return find_attempts(call, tool_text(call, "code", ""));
}

/* ---- over many of them ---------------------------------------------------------------------- */

/* {"attempts", "succeeded", "failed", "success_rate"} */
static json_t *rate_of(const struct tally *tally)
{
    int64_t known = tally->first + tally->second;
    return json_pack("{s:I, s:I, s:I, s:o}", "attempts", (json_int_t)tally->count, "succeeded",
                     (json_int_t)tally->first, "failed", (json_int_t)tally->second, "success_rate",
                     known ? json_real((double)tally->first / (double)known) : json_null());
}

/* {NAME: rate} of the names of a kind, at most `limit`. */
static json_t *rates_by(struct tool_call *call, const char *kind, int64_t since, bool most_first,
                        size_t limit)
{
    json_t *all = json_object();
    size_t count;
    struct tally *names = tally_names(call, kind, since, most_first, &count);
    for (size_t i = 0; i < count && i < limit; i++)
        json_object_set_new(all, names[i].name, rate_of(&names[i]));
    free(names);
    return all;
}

static json_t *common_errors(struct tool_call *call, int64_t since)
{
    json_t *errors = json_array();
    sqlite3_stmt *row =
        records_query(call->store->records, &call->error,
                      "SELECT substr(error, 1, 200), count(*), max(id) FROM code_attempts WHERE"
                      " created_at >= ?1 AND result = 'failure' AND error <> ''"
                      " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
                      "i", since);
    while (row && records_next(row, &call->error))
        json_array_append_new(errors,
                              json_pack("{s:o, s:I, s:I}", "error", records_json_text(row, 0),
                                        "count", (json_int_t)sqlite3_column_int64(row, 1),
                                        "last_attempt", (json_int_t)sqlite3_column_int64(row, 2)));
    return errors;
}

static int analyze_code_patterns(struct tool_call *call)
{
    if (analytics_keep(call) < 0)
        return -1;
    int64_t since = tally_since(call);
    struct tally all = tally_sum(call, "code", since);
    call->structured =
        json_pack("{s:o, s:o, s:o, s:o}", "overall", all.count ? rate_of(&all) : json_null(),
                  "by_tag", rates_by(call, "code tag", since, true, TAGS_RATED), "by_language",
                  rates_by(call, "code", since, false, SIZE_MAX), "common_errors",
                  common_errors(call, since));
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

static json_t *counts_by(struct tool_call *call, const char *kind, bool most_first, size_t limit)
{
    json_t *counts = json_object();
    size_t count;
    struct tally *names = tally_names(call, kind, 0, most_first, &count);
    for (size_t i = 0; i < count && i < limit; i++)
        json_object_set_new(counts, names[i].name, json_integer((json_int_t)names[i].count));
    free(names);
    return counts;
}

static int get_code_statistics(struct tool_call *call)
{
    if (analytics_keep(call) < 0)
        return -1;
    struct tally all = tally_sum(call, "code result", 0);
    call->structured =
        json_pack("{s:I, s:I, s:o, s:o, s:o}", "attempts", (json_int_t)all.count, "characters",
                  (json_int_t)all.first, "by_language", counts_by(call, "code", false, SIZE_MAX),
                  "by_result", counts_by(call, "code result", false, SIZE_MAX), "by_tag",
                  counts_by(call, "code tag", true, TAGS_COUNTED));
    return call->error.code == ERROR_NONE ? 0 : tool_fail_tier(call);
}

/* ---- reading a text ------------------------------------------------------------------------- */

static int open_source(struct tool_call *call, const char *argument, struct source *source)
{
    const char *code = tool_text(call, argument, ""), *name = tool_text(call, "language", NULL);
    enum source_language language =
        name ? source_language_named(name) : source_language_guess(code);
    if (language == SOURCE_UNKNOWN)
        return tool_fail(call, "invalid_argument",
                         "%s: its language cannot be told from the text; give language: c, python, "
                         "javascript, go or java",
                         argument);
    if (source_open(source, language, code) < 0)
        return tool_fail(call, "internal", "out of memory");
    return 0;
}

static int extract(struct tool_call *call, const char *what, json_t *(*read)(struct source *source))
{
    struct source source;
    if (open_source(call, "code", &source) < 0)
        return -1;
    call->structured = json_pack("{s:s, s:o}", "language", source_language_name(source.language),
                                 what, read(&source));
    source_close(&source);
    return call->structured ? 0 : tool_fail(call, "internal", "out of memory");
}

static int extract_functions(struct tool_call *call)
{
    return extract(call, "functions", source_functions);
}

static int extract_classes(struct tool_call *call)
{
    return extract(call, "classes", source_classes);
}

static json_t *comments_of(struct source *source)
{
    return source_comments(source);
}

static int extract_comments(struct tool_call *call)
{
    return extract(call, "comments", comments_of);
}

static json_t *most_complex(const json_t *functions)
{
    json_t *best = NULL, *function;
    size_t index;
    json_array_foreach(functions, index, function)
    {
        if (!best || json_integer_value(json_object_get(function, "complexity")) >
                         json_integer_value(json_object_get(best, "complexity")))
            best = function;
    }
    return best ? json_pack("{s:O, s:O, s:O}", "name", json_object_get(best, "name"), "first_line",
                            json_object_get(best, "first_line"), "complexity",
                            json_object_get(best, "complexity"))
                : json_null();
}

static json_t *names_in(const json_t *items)
{
    json_t *names = json_array(), *item;
    size_t index;
    json_array_foreach(items, index, item)
    {
        json_array_append(names, json_object_get(item, "name"));
    }
    return names;
}

static int summarize_code(struct tool_call *call)
{
    struct source source;
    if (open_source(call, "code", &source) < 0)
        return -1;
    json_t *functions = source_functions(&source), *classes = source_classes(&source);
    call->structured = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "language", source_language_name(source.language),
        "measures", source_measures(&source), "functions", names_in(functions), "classes",
        names_in(classes), "imports", source_imports(&source), "identifiers",
        source_identifiers(&source, 20), "most_complex_function", most_complex(functions));
    json_decref(functions);
    json_decref(classes);
    source_close(&source);
    return call->structured ? 0 : tool_fail(call, "internal", "out of memory");
}

/* ---- the difference of two texts ------------------------------------------------------------ */

/* {"owner.name": signature or text of what it is} for functions and classes of a text. */
static json_t *symbols_of(struct source *source)
{
    json_t *functions = source_functions(source), *classes = source_classes(source);
    json_t *symbols = json_object(), *item;
    char key[512];
    size_t index;
    json_array_foreach(functions, index, item)
    {
        const char *owner = json_string_value(json_object_get(item, "owner"));
        snprintf(key, sizeof key, "%.200s%s%.200s", owner, *owner ? "." : "",
                 json_string_value(json_object_get(item, "name")));
        size_t first = (size_t)json_integer_value(json_object_get(item, "first_line")),
               last = (size_t)json_integer_value(json_object_get(item, "last_line"));
        size_t start = source->lines[first - 1],
               end = last < source->line_count ? source->lines[last] : source->length;
        while (end > start && strchr("\r\n", source->text[end - 1]))
            end--; /* the last line of a text may lack its end */
        json_t *text = json_stringn(source->text + start, end - start);
        json_object_set_new(symbols, key, text ? text : json_null());
    }
    json_array_foreach(classes, index, item)
    {
        snprintf(key, sizeof key, "%.200s", json_string_value(json_object_get(item, "name")));
        json_t *shape =
            json_pack("[O, O]", json_object_get(item, "bases"), json_object_get(item, "members"));
        json_object_set_new(symbols, key, shape);
    }
    json_decref(functions);
    json_decref(classes);
    return symbols;
}

static json_t *compare_symbols(struct source *before, struct source *after)
{
    json_t *one = symbols_of(before), *other = symbols_of(after), *value;
    json_t *added = json_array(), *removed = json_array(), *changed = json_array();
    const char *name;
    json_object_foreach(one, name, value)
    {
        json_t *there = json_object_get(other, name);
        if (!there)
            json_array_append_new(removed, json_string(name));
        else if (!json_equal(value, there))
            json_array_append_new(changed, json_string(name));
    }
    json_object_foreach(other, name, value)
    {
        if (!json_object_get(one, name))
            json_array_append_new(added, json_string(name));
    }
    json_decref(one);
    json_decref(other);
    return json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "changed", changed);
}

static json_t *symbol_difference(struct tool_call *call)
{
    struct source before, after;
    if (open_source(call, "before", &before) < 0)
        return NULL;
    if (open_source(call, "after", &after) < 0) {
        source_close(&before);
        return NULL;
    }
    json_t *symbols = compare_symbols(&before, &after);
    source_close(&before);
    source_close(&after);
    return symbols;
}

static int detect_code_changes(struct tool_call *call)
{
    struct diff diff = {0};
    struct buffer text;
    json_t *symbols = symbol_difference(call);
    if (!symbols)
        return -1;
    buffer_init(&text, DIFF_LIMIT);
    int failed = diff_lines(tool_text(call, "before", ""), tool_text(call, "after", ""),
                            (size_t)tool_integer(call, "context", 3), &diff, &text);
    char *unified = buffer_take_string(&text);
    if (failed < 0 || !unified) {
        free(unified);
        json_decref(symbols);
        return tool_fail(call, "too_large", "the difference does not fit into %zu bytes",
                         DIFF_LIMIT);
    }
    size_t most = diff.kept + (diff.added > diff.removed ? diff.added : diff.removed);
    call->structured = json_pack(
        "{s:I, s:I, s:I, s:f, s:s, s:o}", "added_lines", (json_int_t)diff.added, "removed_lines",
        (json_int_t)diff.removed, "kept_lines", (json_int_t)diff.kept, "similarity",
        most ? (double)diff.kept / (double)most : 1.0, "diff", unified, "symbols", symbols);
    free(unified);
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------ */

/* clang-format off */
#define CODE(name, what) "\"" name "\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 262144, \"description\": \"" what "\"}"
#define SIDE(name, what) "\"" name "\": {\"type\": \"string\", \"maxLength\": 131072, \"description\": \"" what "\"}"
#define LANGUAGE "\"language\": {\"enum\": [\"c\", \"python\", \"javascript\", \"go\", \"java\"], \"description\": \"of the code; guessed when absent\"}"
#define ANY_LANGUAGE "\"language\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 40, \"description\": \"of the code\"}"
#define RESULT "\"result\": {\"enum\": [\"success\", \"failure\", \"partial\", \"unknown\"], \"description\": \"how it went\"}"
#define TAG "\"tag\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100, \"description\": \"only with this tag\"}"
#define LIMIT "\"limit\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 50, \"default\": 5, \"description\": \"results at most\"}"
#define LEAST "\"min_score\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1, \"default\": 0, \"description\": \"leave out what is less alike\"}"
#define HOURS "\"hours\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 87600, \"description\": \"only the last so many; all when absent\"}"
#define INTEGER(name) "\"" name "\": {\"type\": \"integer\"}"
#define STRING(name) "\"" name "\": {\"type\": \"string\"}"
#define NAMES(name) "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}"
#define OBJECTS(name, properties, required) \
    "\"" name "\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": {" properties "}, \"required\": [" required "]}}"
#define ATTEMPTS OUTPUT_SCHEMA(OBJECTS("attempts", INTEGER("id") ", \"score\": {\"type\": \"number\"}," STRING("prompt") "," STRING("code") "," \
    STRING("language") "," STRING("result") "," STRING("error") "," NAMES("tags") "," INTEGER("created_at"), \
    "\"id\", \"score\", \"prompt\", \"code\", \"language\", \"result\", \"tags\", \"created_at\""), "\"attempts\"")
#define COUNTS(name) "\"" name "\": {\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"}}"
#define RATE "{\"type\": [\"object\", \"null\"], \"properties\": {" INTEGER("attempts") "," INTEGER("succeeded") "," INTEGER("failed") \
    ", \"success_rate\": {\"type\": [\"number\", \"null\"]}}}"
#define LINES INTEGER("first_line") "," INTEGER("last_line")
#define PYTHON_EXAMPLE JSON({"code": "import os\n\nclass Store(Base):\n    \"\"\"Keeps.\"\"\"\n    def put(self, key, value):\n        # by key\n        if key:\n            self.items[key] = value\n", "language": "python"})
#define C_EXAMPLE JSON({"code": "#include <stdio.h>\n\n/* adds */\nstatic int add(int a, int b)\n{\n    return a + b;\n}\n"})

static const struct tool tools[] = {
    {"log_code_attempt", "Log an attempt in code",
     "Keep what was asked, the code that was written and how it went. Use it after trying something, so that it is found the next time.",
     "mem", 0,
     INPUT_SCHEMA("\"prompt\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 16384, \"description\": \"what was asked for\"},"
           CODE("code", "what was written") "," RESULT "," ANY_LANGUAGE
           ", \"error\": {\"type\": \"string\", \"maxLength\": 16384, \"description\": \"what went wrong\"}"
           ", \"tags\": {\"type\": \"array\", \"maxItems\": 32, \"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 100}, \"description\": \"words to find it by\"}",
           "\"prompt\", \"code\", \"result\"",
           JSON({"prompt": "reverse a list in place", "code": "def reverse(items):\n    items.reverse()\n", "result": "success", "language": "python", "tags": ["lists"]})),
     OUTPUT_SCHEMA(INTEGER("id") "," STRING("language"), "\"id\", \"language\""), log_code_attempt},
    {"get_code_patterns", "Find past attempts",
     "Past attempts most like a description, by result, language or tag. Use it before writing code, to repeat what worked.", "mem",
     TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA("\"query\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 16384, \"description\": \"what is to be done\"},"
           RESULT "," ANY_LANGUAGE "," TAG "," LIMIT "," LEAST, "\"query\"", JSON({"query": "reverse a list", "result": "success"})),
     ATTEMPTS, get_code_patterns},
    {"analyze_code_patterns", "What works and what fails",
     "Success rates of attempts by tag and language, and the commonest errors, over a window. Use it to see where attempts fail.", "ml",
     TOOL_READ_ONLY | TOOL_IDEMPOTENT, INPUT_SCHEMA(HOURS, "", JSON({}) "," JSON({"hours": 24})),
     OUTPUT_SCHEMA("\"overall\": " RATE ", \"by_tag\": {\"type\": \"object\", \"additionalProperties\": " RATE "}, \"by_language\": {\"type\": \"object\", \"additionalProperties\": " RATE "},"
           OBJECTS("common_errors", STRING("error") "," INTEGER("count") "," INTEGER("last_attempt"), "\"error\", \"count\", \"last_attempt\""),
           "\"overall\", \"by_tag\", \"by_language\", \"common_errors\""),
     analyze_code_patterns},
    {"get_code_statistics", "Count attempts", "Attempts by language, result and tag.", "ana", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA("", "", JSON({})),
     OUTPUT_SCHEMA(INTEGER("attempts") "," INTEGER("characters") "," COUNTS("by_language") "," COUNTS("by_result") "," COUNTS("by_tag"),
           "\"attempts\", \"characters\", \"by_language\", \"by_result\", \"by_tag\""),
     get_code_statistics},
    {"extract_functions", "Functions of a source text",
     "Functions and methods with signature, lines, complexity and what they call; C, Python, JavaScript, Go, Java. Use it to get an overview of a file.",
     "ml", TOOL_PURE | TOOL_IDEMPOTENT, INPUT_SCHEMA(CODE("code", "the source text") "," LANGUAGE, "\"code\"", PYTHON_EXAMPLE "," C_EXAMPLE),
     OUTPUT_SCHEMA(STRING("language") "," OBJECTS("functions", STRING("name") "," STRING("owner") "," STRING("signature") "," INTEGER("parameters") ","
           LINES "," INTEGER("complexity") "," NAMES("calls"), "\"name\", \"owner\", \"signature\", \"parameters\", \"first_line\", \"last_line\", \"complexity\", \"calls\""),
           "\"language\", \"functions\""),
     extract_functions},
    {"extract_classes", "Classes of a source text",
     "Classes, structures and interfaces with their bases and members. Use it to see what a file is made of.", "ml", TOOL_PURE | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(CODE("code", "the source text") "," LANGUAGE, "\"code\"", PYTHON_EXAMPLE),
     OUTPUT_SCHEMA(STRING("language") "," OBJECTS("classes", STRING("name") "," STRING("kind") "," NAMES("bases") "," NAMES("members") "," LINES,
           "\"name\", \"kind\", \"bases\", \"members\", \"first_line\", \"last_line\""), "\"language\", \"classes\""),
     extract_classes},
    {"extract_comments", "Comments of a source text", "Comments and docstrings with their lines, without their marks.", "ml", TOOL_PURE | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(CODE("code", "the source text") "," LANGUAGE, "\"code\"", PYTHON_EXAMPLE "," C_EXAMPLE),
     OUTPUT_SCHEMA(STRING("language") "," OBJECTS("comments", STRING("kind") "," STRING("text") "," LINES,
           "\"kind\", \"text\", \"first_line\", \"last_line\""), "\"language\", \"comments\""),
     extract_comments},
    {"summarize_code", "Measure a source text",
     "Lines, complexity, nesting, functions, classes, imports and the commonest identifiers of a source text. Use it to judge code before reading it.",
     "ml", TOOL_PURE | TOOL_IDEMPOTENT, INPUT_SCHEMA(CODE("code", "the source text") "," LANGUAGE, "\"code\"", PYTHON_EXAMPLE),
     OUTPUT_SCHEMA(STRING("language") ", \"measures\": {\"type\": \"object\", \"properties\": {" INTEGER("lines") "," INTEGER("blank_lines") "," INTEGER("comment_lines") ","
           INTEGER("code_lines") "," INTEGER("complexity") "," INTEGER("nesting") "}, \"required\": [\"lines\", \"code_lines\", \"complexity\", \"nesting\"]},"
           NAMES("functions") "," NAMES("classes") "," NAMES("imports") "," OBJECTS("identifiers", STRING("name") "," INTEGER("count"), "\"name\", \"count\"")
           ", \"most_complex_function\": {\"type\": [\"object\", \"null\"], \"properties\": {" STRING("name") "," INTEGER("first_line") "," INTEGER("complexity") "}}",
           "\"language\", \"measures\", \"functions\", \"classes\", \"imports\", \"identifiers\", \"most_complex_function\""),
     summarize_code},
    {"find_similar_code", "Find similar code", "Stored attempts whose code is most like a given text. Use it to see whether something like it was written before.",
     "mem", TOOL_READ_ONLY | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(CODE("code", "the source text") "," RESULT "," ANY_LANGUAGE "," TAG "," LIMIT "," LEAST, "\"code\"", JSON({"code": "items.reverse()", "limit": 3})),
     ATTEMPTS, find_similar_code},
    {"detect_code_changes", "Compare two source texts",
     "The difference of two versions of a source text by lines (a unified diff) and by symbols added, removed and changed. Use it to describe a change.",
     "ml", TOOL_PURE | TOOL_IDEMPOTENT,
     INPUT_SCHEMA(SIDE("before", "the older text") "," SIDE("after", "the newer text") "," LANGUAGE
           ", \"context\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 20, \"default\": 3, \"description\": \"lines shown around a change\"}",
           "\"before\", \"after\"",
           JSON({"before": "def f(a):\n    return a\n", "after": "def f(a, b):\n    return a + b\n", "language": "python"})),
     OUTPUT_SCHEMA(INTEGER("added_lines") "," INTEGER("removed_lines") "," INTEGER("kept_lines") ", \"similarity\": {\"type\": \"number\", \"minimum\": 0, \"maximum\": 1},"
           STRING("diff") ", \"symbols\": {\"type\": \"object\", \"properties\": {" NAMES("added") "," NAMES("removed") "," NAMES("changed") "}, \"required\": [\"added\", \"removed\", \"changed\"]}",
           "\"added_lines\", \"removed_lines\", \"kept_lines\", \"similarity\", \"diff\", \"symbols\""),
     detect_code_changes},
};
/* clang-format on */

const struct tool_group tools_code_patterns = {
    .name = "code_patterns",
    .migrations = migrations,
    .tools = tools,
    .count = sizeof tools / sizeof *tools,
};
