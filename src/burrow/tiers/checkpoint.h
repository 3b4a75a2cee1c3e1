/* Moving what was written from the write-ahead log into the database, beside the calls: it waits
 * for the disk, and a call that did it all itself would make the others wait too.
 *
 * When the log is long, a thread with a connection of its own moves it while calls go on. The
 * little that came meanwhile is moved by the next call that writes, since only a log that was moved
 * as a whole is begun anew (https://www.sqlite.org/wal.html, section 3.2). */
#ifndef BURROW_TIERS_CHECKPOINT_H
#define BURROW_TIERS_CHECKPOINT_H

#include "burrow/tiers/records.h"

struct checkpoint;

/* For `records`, which must be kept in a file, and outlive the checkpoint. NULL with an error. */
struct checkpoint *checkpoint_start(struct records *records, struct error *error);
/* Waits for what the thread is doing. Not during a call. Harmless on NULL. */
void checkpoint_stop(struct checkpoint *checkpoint);

/* How often the thread has moved the log. */
unsigned long long checkpoint_count(struct checkpoint *checkpoint);

#endif
