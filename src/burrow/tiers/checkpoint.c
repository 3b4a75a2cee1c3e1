/* See checkpoint.h. */
#include "burrow/tiers/checkpoint.h"

#include <pthread.h>
#include <stdlib.h>

#define LOG_PAGES  2000 /* of the log, from which on it is moved */
#define LATE_PAGES 200  /* that a call may find left; of more, the thread moves most once more */
#define ROUNDS     4

enum progress { IDLE, MOVING, NEARLY_DONE };

struct checkpoint {
    sqlite3 *watched, *own;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    enum progress progress;
    bool over;
    unsigned long long count;
};

/* Of the watched connection, by the call that has just committed. */
static int committed(void *context, sqlite3 *database, const char *name, int pages)
{
    struct checkpoint *checkpoint = context;
    if (pages < LOG_PAGES)
        return SQLITE_OK;
    pthread_mutex_lock(&checkpoint->lock);
    bool finish = checkpoint->progress == NEARLY_DONE;
    if (checkpoint->progress == IDLE) {
        checkpoint->progress = MOVING;
        pthread_cond_signal(&checkpoint->changed);
    } else if (finish)
        checkpoint->progress = IDLE;
    pthread_mutex_unlock(&checkpoint->lock);
    if (finish) /* the commit stands, whatever comes of this: it is tried again */
        sqlite3_wal_checkpoint_v2(database, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* Pages that are left in the log; 0 too when nothing can be done now. */
static int move_log(struct checkpoint *checkpoint)
{
    int pages = 0, moved = 0;
    if (sqlite3_wal_checkpoint_v2(checkpoint->own, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages,
                                  &moved) != SQLITE_OK)
        return 0;
    return pages - moved;
}

static void *run(void *context)
{
    struct checkpoint *checkpoint = context;
    pthread_mutex_lock(&checkpoint->lock);
    while (!checkpoint->over) {
        if (checkpoint->progress != MOVING) {
            pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
            continue;
        }
        pthread_mutex_unlock(&checkpoint->lock);
        for (int round = 0; round < ROUNDS && move_log(checkpoint) > LATE_PAGES; round++)
            ;
        pthread_mutex_lock(&checkpoint->lock);
        checkpoint->progress = NEARLY_DONE;
        checkpoint->count++;
    }
    pthread_mutex_unlock(&checkpoint->lock);
    return NULL;
}

static int open_own(struct checkpoint *checkpoint, struct error *error)
{
    const char *path = sqlite3_db_filename(checkpoint->watched, NULL);
    if (sqlite3_open_v2(path, &checkpoint->own, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) == SQLITE_OK &&
        sqlite3_exec(checkpoint->own, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return error_set(error, ERROR_TARGET, "records: %s: %s", path, sqlite3_errmsg(checkpoint->own));
}

struct checkpoint *checkpoint_start(struct records *records, struct error *error)
{
    struct checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    checkpoint->watched = records_handle(records);
    pthread_mutex_init(&checkpoint->lock, NULL);
    pthread_cond_init(&checkpoint->changed, NULL);
    int failed = open_own(checkpoint, error);
    if (failed == 0 && pthread_create(&checkpoint->thread, NULL, run, checkpoint) != 0)
        failed = error_set(error, ERROR_INTERNAL, "no thread for the log of the records");
    if (failed == 0) {
        sqlite3_wal_hook(checkpoint->watched, committed, checkpoint);
        return checkpoint;
    }
    sqlite3_close(checkpoint->own);
    free(checkpoint);
    return NULL;
}

void checkpoint_stop(struct checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    sqlite3_wal_hook(checkpoint->watched, NULL, NULL);
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->over = true;
    pthread_cond_signal(&checkpoint->changed);
    pthread_mutex_unlock(&checkpoint->lock);
    pthread_join(checkpoint->thread, NULL);
    sqlite3_close(checkpoint->own);
    pthread_cond_destroy(&checkpoint->changed);
    pthread_mutex_destroy(&checkpoint->lock);
    free(checkpoint);
}

unsigned long long checkpoint_count(struct checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    unsigned long long count = checkpoint->count;
    pthread_mutex_unlock(&checkpoint->lock);
    return count;
}
