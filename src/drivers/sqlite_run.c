/* Running an operation on a thread of the pool: bind, step, and make the answer JSON if it is
 * wanted: {"rows":[{"id":1}],"changes":0,"last_insert_rowid":7}, "truncated":true when not all the
 * rows fit. */
#include "drivers/sqlite_internal.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESPONSE_ROWS_LIMIT = 60 * 1024 };

struct run {
    struct sqlite_task *task;
    struct sqlite_handle *handle;
    size_t values;  /* bound so far */
    uint64_t rows;  /* read by the last statement */
    bool oversized; /* a value is larger than an answer may be */
    bool truncated;
};

static int run_operation(struct run *run);
static int run_statement(struct run *run, const struct sqlite_statement *from);
static int run_own(struct run *run, enum sqlite_own_statement own);
static int find_statement(struct run *run, uint32_t index, const char *sql,
                          sqlite3_stmt **statement);
static int bind_values(struct run *run, const struct sqlite_statement *from,
                       sqlite3_stmt *statement);
static void append_row(struct run *run, sqlite3_stmt *statement);
static void fail(struct run *run, int code);
static void fail_with(struct run *run, const char *detail, const char *text);

void sqlite_run(struct blocking_task *blocking)
{
    struct sqlite_task *task = container_of(blocking, struct sqlite_task, task);
    struct run run = {.task = task, .handle = task->handle};
    buffer_clear(&task->response);
    int code = sqlite_handle_configure(run.handle);
    if (code == SQLITE_OK)
        code = run_operation(&run);
    if (code != SQLITE_OK)
        fail(&run, code);
    /* No transaction outlives its operation: the next one here may be another user's. */
    if (!sqlite3_get_autocommit(run.handle->database)) {
        run_own(&run, OWN_ROLLBACK);
        if (task->task.outcome.kind == OUTCOME_OK)
            fail_with(&run, "open_transaction",
                      "the statement began a transaction and left it open; write all that belongs "
                      "to it as transaction: [...]");
    }
    if (task->task.outcome.kind != OUTCOME_OK)
        return;
    if (task->operation->expects_row && run.rows == 0)
        fail_with(&run, "no_row", "a row that was written is not there");
    if (!task->wants_response)
        return;
    buffer_printf(&task->response, "%s],\"changes\":%d,\"last_insert_rowid\":%lld%s}",
                  buffer_length(&task->response) ? "" : "{\"rows\":[",
                  sqlite3_changes(run.handle->database),
                  (long long)sqlite3_last_insert_rowid(run.handle->database),
                  run.truncated ? ",\"truncated\":true" : "");
    task->task.response = buffer_bytes(&task->response);
    task->task.response_length = buffer_length(&task->response);
}

static int run_operation(struct run *run)
{
    const struct sqlite_operation *operation = run->task->operation;
    int code = operation->is_transaction ? run_own(run, OWN_BEGIN) : SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < operation->statement_count; i++)
        code = run_statement(run, &operation->statements[i]);
    if (code == SQLITE_OK && operation->is_transaction)
        code = run_own(run, OWN_COMMIT);
    return code;
}

static int run_own(struct run *run, enum sqlite_own_statement own)
{
    static const char *const sql[] = {
        [OWN_BEGIN] = "BEGIN IMMEDIATE", [OWN_COMMIT] = "COMMIT", [OWN_ROLLBACK] = "ROLLBACK"};
    sqlite3_stmt *statement;
    int code = find_statement(run, own, sql[own], &statement);
    if (code != SQLITE_OK)
        return code;
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

static int run_statement(struct run *run, const struct sqlite_statement *from)
{
    sqlite3_stmt *statement;
    int code = find_statement(run, from->index, from->sql, &statement);
    if (code == SQLITE_OK)
        code = bind_values(run, from, statement);
    if (code != SQLITE_OK)
        return code;
    uint64_t rows = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (!run->task->task.first_ns)
            run->task->task.first_ns = clock_now_ns();
        if (run->task->wants_response)
            append_row(run, statement);
        rows++;
    }
    if (sqlite3_column_count(statement))
        run->rows = rows;
    if (code == SQLITE_DONE)
        code = SQLITE_OK;
    int reset = sqlite3_reset(statement);
    return code != SQLITE_OK ? code : reset;
}

/* Statements are prepared once per handle, when first needed there. */
static int find_statement(struct run *run, uint32_t index, const char *sql,
                          sqlite3_stmt **statement)
{
    struct sqlite_handle *handle = run->handle;
    if (index >= handle->statement_count) {
        uint32_t count = index + 8;
        sqlite3_stmt **statements = realloc(handle->statements, count * sizeof(sqlite3_stmt *));
        if (!statements)
            return SQLITE_NOMEM;
        memset(statements + handle->statement_count, 0,
               (count - handle->statement_count) * sizeof(sqlite3_stmt *));
        handle->statements = statements;
        handle->statement_count = count;
    }
    *statement = handle->statements[index];
    if (*statement)
        return SQLITE_OK;
    const char *rest;
    int code =
        sqlite3_prepare_v3(handle->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, &rest);
    handle->statements[index] = *statement;
    return code == SQLITE_OK && !*statement ? SQLITE_ERROR : code;
}

static int bind_value(const struct run *run, sqlite3_stmt *statement, int position,
                      const struct sqlite_value *value)
{
    switch (value->type) {
    case SQLITE_INTEGER:
        return sqlite3_bind_int64(statement, position, value->integer);
    case SQLITE_FLOAT:
        return sqlite3_bind_double(statement, position, value->real);
    case SQLITE_TEXT: {
        const char *text = buffer_bytes(&run->task->text);
        return sqlite3_bind_text(statement, position, text ? text + value->offset : "",
                                 (int)value->length, SQLITE_STATIC);
    }
    default:
        return sqlite3_bind_null(statement, position);
    }
}

static int bind_values(struct run *run, const struct sqlite_statement *from,
                       sqlite3_stmt *statement)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < from->parameter_count; i++) {
        const char *name = from->parameters[i].name;
        int position = name ? sqlite3_bind_parameter_index(statement, name) : (int)i + 1;
        code = position ? bind_value(run, statement, position, &run->task->values[run->values])
                        : SQLITE_RANGE;
        run->values++;
    }
    if (code == SQLITE_OK && (int)from->parameter_count != sqlite3_bind_parameter_count(statement))
        code = SQLITE_RANGE; /* one that nothing is bound to would be NULL in silence */
    return code;
}

/* ---- the answer --------------------------------------------------------------------------------
 */

static void append_text(struct run *run, const char *text, size_t length)
{
    struct buffer *response = &run->task->response;
    buffer_append_char(response, '"');
    if (length > RESPONSE_ROWS_LIMIT)
        run->oversized = true;
    else
        buffer_append_json_escaped(response, text, length);
    buffer_append_char(response, '"');
}

/* So that it stays a real number to who reads it: 5.0 and not 5. */
static void append_real(struct buffer *response, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    buffer_printf(response, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void append_column(struct run *run, sqlite3_stmt *statement, int column)
{
    struct buffer *response = &run->task->response;
    const char *name = sqlite3_column_name(statement, column);
    append_text(run, name ? name : "", name ? strlen(name) : 0);
    buffer_append_char(response, ':');
    int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_INTEGER) {
        buffer_printf(response, "%lld", (long long)sqlite3_column_int64(statement, column));
    } else if (type == SQLITE_FLOAT && isfinite(sqlite3_column_double(statement, column))) {
        append_real(response, sqlite3_column_double(statement, column));
    } else if (type == SQLITE_TEXT) {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        append_text(run, text ? text : "", (size_t)sqlite3_column_bytes(statement, column));
    } else if (type == SQLITE_BLOB) { /* in hexadecimal, as SQL writes it */
        const unsigned char *bytes = sqlite3_column_blob(statement, column);
        int count = sqlite3_column_bytes(statement, column);
        buffer_append_char(response, '"');
        for (int i = 0; i < count && buffer_length(response) < RESPONSE_ROWS_LIMIT; i++)
            buffer_printf(response, "%02x", bytes[i]);
        buffer_append_char(response, '"');
    } else {
        buffer_append_text(response, "null");
    }
}

static void append_row(struct run *run, sqlite3_stmt *statement)
{
    struct buffer *response = &run->task->response;
    if (run->truncated)
        return;
    bool first = buffer_length(response) == 0;
    buffer_append_text(response, first ? "{\"rows\":[" : ",");
    size_t before = buffer_length(response) - !first;
    buffer_append_char(response, '{');
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns && buffer_length(response) <= RESPONSE_ROWS_LIMIT; i++) {
        if (i)
            buffer_append_char(response, ',');
        append_column(run, statement, i);
    }
    buffer_append_char(response, '}');
    if (!run->oversized && buffer_length(response) <= RESPONSE_ROWS_LIMIT)
        return;
    response->end = response->start + before; /* this row does not fit */
    run->truncated = true;
}

static void fail(struct run *run, int code)
{
    struct sqlite_task *task = run->task;
    const char *said = sqlite3_errcode(run->handle->database) == code
                           ? sqlite3_errmsg(run->handle->database)
                           : sqlite3_errstr(code);
    task->task.outcome =
        (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = sqlite_code_name(code)};
    snprintf(task->task.text, sizeof task->task.text, "%s (%s, %d)", said, sqlite_code_name(code),
             code);
}

static void fail_with(struct run *run, const char *detail, const char *text)
{
    struct blocking_task *task = &run->task->task;
    task->outcome = (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = detail};
    snprintf(task->text, sizeof task->text, "%s", text);
}
