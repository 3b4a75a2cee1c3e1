/* The way from the server to the client of one session of the legacy era: what it asked to be told
 * (log level, resources), what it was told last, and the stream that it listens on, if there is
 * one. What is said is kept for a while under a number, so that a client whose stream broke takes
 * up where it was. */
#ifndef BURROW_SERVER_CHANNEL_H
#define BURROW_SERVER_CHANNEL_H

#include "burrow/server/subscriptions.h"

#include <stdbool.h>
#include <stdint.h>

#define CHANNEL_EVENTS 64                 /* kept at most */
#define CHANNEL_BYTES  ((size_t)32 << 10) /* of them together */
#define CHANNEL_URIS   100                /* resources that one session subscribes to */

struct channel;

/* One that listens. Both are called in any thread and must neither block nor call back. */
struct channel_listener {
    void (*heard)(void *context, uint64_t event, const char *message, size_t length);
    void (*ended)(void *context); /* another listens now, or the session is over */
    void *context;
};

/* NULL: memory is out, or there are too many. Ends with its last reference. */
struct channel *channel_open(struct subscriptions *subscriptions);
struct channel *channel_keep(struct channel *channel); /* one reference more */
void channel_release(struct channel *channel);         /* harmless on NULL */

/* Listen in place of whoever did. Events after number `after` that are still kept are heard at
 * once. */
void channel_attach(struct channel *channel, const struct channel_listener *listener,
                    uint64_t after);
/* After it returns nothing more is heard. Harmless when another listens by now. */
void channel_detach(struct channel *channel, const void *context);
void channel_end(struct channel *channel);            /* the session is over */
uint64_t channel_last_event(struct channel *channel); /* 0: none was said yet */

/* Say one JSON message. Before anybody has listened it is lost. */
void channel_tell(struct channel *channel, const char *message, size_t length);

/* notifications/message of this level and above are wanted; -1: none, as at first. */
void channel_set_level(struct channel *channel, int level);
int channel_level(struct channel *channel);
/* -1: there are too many of them, or memory is out. */
int channel_subscribe(struct channel *channel, const char *uri);
void channel_unsubscribe(struct channel *channel, const char *uri);

#endif
