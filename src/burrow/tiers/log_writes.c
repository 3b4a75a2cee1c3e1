/* See log_writes.h. A file of the log holds the file of the default file system, and what is to be
 * written to that: one piece without gaps. */
#include "burrow/tiers/log_writes.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME "burrow-log-writes"
/* Held of a transaction; a larger one is several writes. SQLite's own file system takes less than
 * 128 KiB at once: of a size it goes by 17 bits. */
#define HELD_BYTES   (120 << 10)
#define FRAME_HEADER 24 /* bytes before each page */
#define SIZE_OFFSET  4  /* in it: 4 bytes, 0 but for the last page of a transaction */

struct log_file {
    sqlite3_file base;
    unsigned char *held;
    int held_count;
    sqlite3_int64 held_at; /* in the file */
    sqlite3_int64 next_at; /* after what was last written or held */
    bool at_last_page;     /* its header is held or written, and the page comes next */
    sqlite3_file real[];   /* longer than this says: what the file system beneath has */
};

static sqlite3_vfs *beneath;

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return log_of(file)->real;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int write_real(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, at);
}

/* What fails is held no longer: SQLite undoes the transaction. */
static int write_held(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    int count = log->held_count;
    log->held_count = 0;
    return count ? write_real(file, log->held, count, log->held_at) : SQLITE_OK;
}

/* Only what continues the log is held. Other writes change what is there, the last of a commit
 * among them: when its pages had gone to the log early and changed again, SQLite corrects the sums
 * in the headers of all that came after them, and says nothing when it is done. */
static int add(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    bool continues = at == log->next_at && log->held && count <= HELD_BYTES;
    int result = SQLITE_OK;
    log->next_at = at + count;
    if (!continues || count > HELD_BYTES - log->held_count)
        result = write_held(file);
    if (result != SQLITE_OK || !continues)
        return result == SQLITE_OK ? write_real(file, bytes, count, at) : result;
    if (log->held_count == 0)
        log->held_at = at;
    memcpy(log->held + log->held_count, bytes, (size_t)count);
    log->held_count += count;
    return SQLITE_OK;
}

static bool is_of_last_page(const unsigned char *header)
{
    static const unsigned char none[4];
    return memcmp(header + SIZE_OFFSET, none, sizeof none) != 0;
}

static int write_log(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    bool ends = log->at_last_page && count != FRAME_HEADER;
    int result = add(file, bytes, count, at);
    log->at_last_page = count == FRAME_HEADER && is_of_last_page(bytes);
    return result == SQLITE_OK && ends ? write_held(file) : result;
}

/* ---- the rest, for which the file must be as SQLite wrote it -------------------------------- */

static int read_log(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    bool apart = at + count <= log->held_at || at >= log->held_at + log->held_count;
    int result = apart ? SQLITE_OK : write_held(file);
    return result == SQLITE_OK ? real_of(file)->pMethods->xRead(real_of(file), bytes, count, at)
                               : result;
}

static int truncate_log(sqlite3_file *file, sqlite3_int64 size)
{
    int result = write_held(file);
    return result == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : result;
}

static int sync_log(sqlite3_file *file, int flags)
{
    int result = write_held(file);
    return result == SQLITE_OK ? real_of(file)->pMethods->xSync(real_of(file), flags) : result;
}

static int size_of_log(sqlite3_file *file, sqlite3_int64 *size)
{
    int result = write_held(file);
    return result == SQLITE_OK ? real_of(file)->pMethods->xFileSize(real_of(file), size) : result;
}

static int close_log(sqlite3_file *file)
{
    int written = write_held(file), closed = real_of(file)->pMethods->xClose(real_of(file));
    free(log_of(file)->held);
    return written == SQLITE_OK ? closed : written;
}

static int lock_log(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int unlock_log(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int check_reserved_lock(sqlite3_file *file, int *is_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_reserved);
}

static int control_log(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = close_log,
    .xRead = read_log,
    .xWrite = write_log,
    .xTruncate = truncate_log,
    .xSync = sync_log,
    .xFileSize = size_of_log,
    .xLock = lock_log,
    .xUnlock = unlock_log,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_log,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
};

/* ---- opening -------------------------------------------------------------------------------- */

/* Files that are no log are the default file system's own. */
static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *flags_out)
{
    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return beneath->xOpen(beneath, name, file, flags, flags_out);
    struct log_file *log = log_of(file);
    *log = (struct log_file){.held = malloc(HELD_BYTES)};
    int result = beneath->xOpen(beneath, name, log->real, flags, flags_out);
    if (result == SQLITE_OK) {
        log->base.pMethods = &log_methods;
        return SQLITE_OK;
    }
    if (log->real->pMethods)
        log->real->pMethods->xClose(log->real);
    free(log->held);
    return result;
}

static sqlite3_vfs ours;

static void register_ours(void)
{
    if (!(beneath = sqlite3_vfs_find(NULL)))
        return;
    ours = *beneath;
    ours.zName = NAME;
    ours.pNext = NULL;
    ours.szOsFile = (int)sizeof(struct log_file) + beneath->szOsFile;
    ours.xOpen = open_file;
    if (sqlite3_vfs_register(&ours, 0) != SQLITE_OK)
        beneath = NULL;
}

const char *log_writes_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_ours);
    return beneath ? NAME : NULL;
}
