/* Sessions of the legacy era (Mcp-Session-Id): what initialize agreed on, under an id that cannot
 * be guessed. Bounded: when the table is full the session unused for longest goes, and its client
 * begins anew on the 404, as it does after any other end. */
#ifndef BURROW_SERVER_SESSIONS_H
#define BURROW_SERVER_SESSIONS_H

#include "base/error.h"
#include "burrow/server/channel.h"
#include "mcp/revision.h"

#include <stdint.h>

#define SESSION_ID_LENGTH 32 /* hexadecimal digits: 128 random bits */

struct sessions;

/* `idle_ns`: a session unused for so long is over. NULL when memory is out. */
struct sessions *sessions_open(size_t limit, uint64_t idle_ns);
void sessions_close(struct sessions *sessions); /* harmless on NULL */

/* Any thread. */
int sessions_begin(struct sessions *sessions, const struct mcp_revision *revision, uint64_t now_ns,
                   char id[SESSION_ID_LENGTH + 1], struct error *error);
/* The revision of a session, which is in use again; NULL: there is none such. */
const struct mcp_revision *sessions_use(struct sessions *sessions, const char *id, uint64_t now_ns);
/* The way to its client, with a reference for the caller; `subscriptions` is where it is made when
 * it is not there yet and `make` is true. NULL: none. */
struct channel *sessions_channel(struct sessions *sessions, const char *id,
                                 struct subscriptions *subscriptions, bool make);
bool sessions_end(struct sessions *sessions, const char *id); /* false: there was none */
size_t sessions_count(struct sessions *sessions);

#endif
