/* One sqlite3 connection: opening it as the settings say, waiting for locks, ending early. */
#include "drivers/sqlite_internal.h"

#include "base/clock.h"
#include "base/interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LONGEST_WAIT_NS     (10 * NS_PER_MS)
#define STEPS_BETWEEN_LOOKS 10000 /* of SQLite's machine: some hundred microseconds */

static int wait_for_lock(void *context, int waits);
static int is_stopped(void *context);

int sqlite_handle_open(struct sqlite_handle *handle)
{
    atomic_init(&handle->stop, false);
    int code = sqlite3_open_v2(handle->target->path, &handle->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        snprintf(handle->text, sizeof handle->text, "%s",
                 handle->database ? sqlite3_errmsg(handle->database) : sqlite3_errstr(code));
        return code;
    }
    sqlite3_extended_result_codes(handle->database, 1);
    sqlite3_busy_handler(handle->database, wait_for_lock, handle);
    sqlite3_progress_handler(handle->database, STEPS_BETWEEN_LOOKS, is_stopped, handle);
    sqlite_handle_configure(handle);
    return SQLITE_OK;
}

void sqlite_handle_close(struct sqlite_handle *handle)
{
    for (uint32_t i = 0; i < handle->statement_count; i++)
        sqlite3_finalize(handle->statements[i]);
    free(handle->statements);
    handle->statements = NULL;
    handle->statement_count = 0;
    sqlite3_close(handle->database);
    handle->database = NULL;
}

/* These read the schema, and so can fail on a file that is locked at this moment. */
int sqlite_handle_configure(struct sqlite_handle *handle)
{
    const struct sqlite_settings *settings = &handle->target->settings;
    char sql[256];
    int length = snprintf(sql, sizeof sql, "PRAGMA synchronous=%s;",
                          settings->synchronous ? settings->synchronous : "normal");
    if (settings->cache_bytes)
        length += snprintf(sql + length, sizeof sql - (size_t)length, "PRAGMA cache_size=-%llu;",
                           (unsigned long long)(settings->cache_bytes + 1023) / 1024);
    if (settings->max_pages)
        snprintf(sql + length, sizeof sql - (size_t)length, "PRAGMA max_page_count=%llu;",
                 (unsigned long long)settings->max_pages);
    int code = handle->configured ? SQLITE_OK : sqlite_handle_execute(handle, sql);
    handle->configured = code == SQLITE_OK;
    return code;
}

int sqlite_handle_execute(struct sqlite_handle *handle, const char *sql)
{
    return sqlite3_exec(handle->database, sql, NULL, NULL, NULL);
}

void sqlite_handle_stop(struct sqlite_handle *handle)
{
    atomic_store(&handle->stop, true);
    sqlite3_interrupt(handle->database);
}

/* sqlite3_interrupt ends what runs at that moment, and says nothing to a statement that begins
 * right after: the thread that has the call may not be there yet. */
static int is_stopped(void *context)
{
    struct sqlite_handle *handle = context;
    return atomic_load_explicit(&handle->stop, memory_order_relaxed) ||
           (handle->target->opening && interrupt_requested());
}

/* SQLite asks what to do about a lock another connection holds: 1 is to try again. A lock on a file
 * wakes nobody when it is given up, so one can only look again, first soon, then less often. */
static int wait_for_lock(void *context, int waits)
{
    struct sqlite_handle *handle = context;
    uint64_t now = clock_now_ns(), limit = handle->target->settings.busy_timeout_ns;
    if (waits == 0)
        handle->waiting_since = now;
    uint64_t waited = now - handle->waiting_since;
    if (waited >= limit || is_stopped(handle))
        return 0;
    uint64_t pause = (100 * NS_PER_US) << (waits < 7 ? waits : 7);
    pause = pause < LONGEST_WAIT_NS ? pause : LONGEST_WAIT_NS;
    pause = pause < limit - waited ? pause : limit - waited;
    struct timespec time = {.tv_nsec = (long)pause};
    nanosleep(&time, NULL);
    return 1;
}

const char *sqlite_code_name(int code)
{
    static const char *const names[] = {
        "SQLITE_OK",       "SQLITE_ERROR",     "SQLITE_INTERNAL", "SQLITE_PERM",
        "SQLITE_ABORT",    "SQLITE_BUSY",      "SQLITE_LOCKED",   "SQLITE_NOMEM",
        "SQLITE_READONLY", "SQLITE_INTERRUPT", "SQLITE_IOERR",    "SQLITE_CORRUPT",
        "SQLITE_NOTFOUND", "SQLITE_FULL",      "SQLITE_CANTOPEN", "SQLITE_PROTOCOL",
        "SQLITE_EMPTY",    "SQLITE_SCHEMA",    "SQLITE_TOOBIG",   "SQLITE_CONSTRAINT",
        "SQLITE_MISMATCH", "SQLITE_MISUSE",    "SQLITE_NOLFS",    "SQLITE_AUTH",
        "SQLITE_FORMAT",   "SQLITE_RANGE",     "SQLITE_NOTADB",   "SQLITE_NOTICE",
        "SQLITE_WARNING"};
    size_t primary = (size_t)(code & 0xff);
    return primary < sizeof names / sizeof *names ? names[primary] : "SQLITE_UNKNOWN";
}
