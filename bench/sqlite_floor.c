/* What SQLite itself does: one prepared statement in a loop, on one thread, in the same database,
 * with the same pragmas as cicada's point_read. Prints how many rows were read.
 *
 * usage: sqlite_floor FILE ROWS SECONDS */
#include "base/clock.h"
#include "base/random.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static int make(sqlite3 *database, long rows)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "PRAGMA journal_mode=wal; PRAGMA synchronous=normal;"
        "CREATE TABLE record(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
        " score REAL NOT NULL, body TEXT NOT NULL);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %ld)"
        "INSERT INTO record SELECT i, printf('%%036d', i), i * 0.1, printf('%%083d', i) FROM n",
        rows);
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    sqlite3 *database;
    sqlite3_stmt *statement;
    struct random random;
    if (argc != 4)
        return 2;
    long rows = atol(argv[2]);
    if (rows < 1 || sqlite3_open(argv[1], &database) != SQLITE_OK ||
        make(database, rows) != SQLITE_OK ||
        sqlite3_prepare_v2(database, "SELECT id, key, score, body FROM record WHERE id = ?", -1,
                           &statement, NULL) != SQLITE_OK)
        return 1;
    random_seed(&random, 1, 0);
    uint64_t end = clock_now_ns() + (uint64_t)(atof(argv[3]) * 1e9), calls = 0, errors = 0;
    while (clock_now_ns() < end) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)random_below(&random, (uint64_t)rows) + 1);
        errors += sqlite3_step(statement) != SQLITE_ROW || sqlite3_step(statement) != SQLITE_DONE;
        sqlite3_reset(statement);
        calls++;
    }
    printf("%llu %llu\n", (unsigned long long)calls, (unsigned long long)errors);
    sqlite3_finalize(statement);
    return sqlite3_close(database) == SQLITE_OK ? 0 : 1;
}
