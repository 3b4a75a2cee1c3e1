/* A file system for SQLite, the default one in all but this: what a transaction adds to the
 * write-ahead log is written to it at once, at its last page. SQLite itself writes each page in two
 * pieces, so a transaction of ten pages is twenty calls of the system.
 *
 * The last page of a transaction is told by its header, which holds the size of the database then
 * (https://www.sqlite.org/fileformat2.html, section 4.1). Only when it is written does SQLite let
 * others know of the transaction: what fails to be written fails the commit. */
#ifndef BURROW_TIERS_LOG_WRITES_H
#define BURROW_TIERS_LOG_WRITES_H

/* Its name, for sqlite3_open_v2; NULL, which is the default one's, when it cannot be had. */
const char *log_writes_vfs(void);

#endif
