/* See sessions.h. A fixed array of sessions, chained from hash buckets, and linked in the order of
 * their use: the least recent one is the next to expire. */
#include "burrow/server/sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE UINT32_MAX

struct session {
    char id[SESSION_ID_LENGTH + 1];
    const struct mcp_revision *revision;
    struct channel *channel; /* NULL until somebody needs it */
    uint64_t used_ns;
    uint32_t chain;        /* the next of the same bucket, or of the free ones */
    uint32_t older, newer; /* by use */
};

struct sessions {
    pthread_mutex_t lock;
    struct session *slots;
    uint32_t *buckets;
    uint32_t limit, count, free;
    uint32_t oldest, newest;
    uint64_t idle_ns;
};

struct sessions *sessions_open(size_t limit, uint64_t idle_ns)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions)
        return NULL;
    pthread_mutex_init(&sessions->lock, NULL);
    sessions->limit = (uint32_t)limit;
    sessions->idle_ns = idle_ns;
    sessions->oldest = sessions->newest = NONE;
    sessions->slots = calloc(limit, sizeof *sessions->slots);
    sessions->buckets = calloc(limit, sizeof *sessions->buckets);
    if (!sessions->slots || !sessions->buckets) {
        sessions_close(sessions);
        return NULL;
    }
    for (uint32_t i = 0; i < sessions->limit; i++) {
        sessions->buckets[i] = NONE;
        sessions->slots[i].chain = i + 1 < sessions->limit ? i + 1 : NONE;
    }
    return sessions;
}

void sessions_close(struct sessions *sessions)
{
    if (!sessions)
        return;
    for (uint32_t i = 0; sessions->slots && i < sessions->limit; i++)
        channel_release(sessions->slots[i].channel);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions->slots);
    free(sessions->buckets);
    free(sessions);
}

/* The ids are random already: their first digits spread as well as any hash, and an id that a
 * client made up only finds the bucket that it asked for. */
static uint32_t *bucket_of(struct sessions *sessions, const char *id)
{
    char digits[9] = {0};
    memcpy(digits, id, 8);
    return &sessions->buckets[strtoul(digits, NULL, 16) % sessions->limit];
}

static uint32_t find(struct sessions *sessions, const char *id)
{
    if (strlen(id) != SESSION_ID_LENGTH)
        return NONE;
    uint32_t at = *bucket_of(sessions, id);
    while (at != NONE && strcmp(sessions->slots[at].id, id) != 0)
        at = sessions->slots[at].chain;
    return at;
}

static void unlink_use(struct sessions *sessions, uint32_t at)
{
    struct session *session = &sessions->slots[at];
    if (session->older == NONE)
        sessions->oldest = session->newer;
    else
        sessions->slots[session->older].newer = session->newer;
    if (session->newer == NONE)
        sessions->newest = session->older;
    else
        sessions->slots[session->newer].older = session->older;
}

static void link_newest(struct sessions *sessions, uint32_t at)
{
    struct session *session = &sessions->slots[at];
    session->older = sessions->newest;
    session->newer = NONE;
    if (sessions->newest == NONE)
        sessions->oldest = at;
    else
        sessions->slots[sessions->newest].newer = at;
    sessions->newest = at;
}

static void drop(struct sessions *sessions, uint32_t at)
{
    struct session *session = &sessions->slots[at];
    uint32_t *link = bucket_of(sessions, session->id);
    while (*link != at)
        link = &sessions->slots[*link].chain;
    *link = session->chain;
    unlink_use(sessions, at);
    if (session->channel)
        channel_end(session->channel);
    channel_release(session->channel);
    session->channel = NULL;
    session->id[0] = '\0';
    session->chain = sessions->free;
    sessions->free = at;
    sessions->count--;
}

static void expire(struct sessions *sessions, uint64_t now_ns)
{
    while (sessions->oldest != NONE &&
           now_ns - sessions->slots[sessions->oldest].used_ns > sessions->idle_ns)
        drop(sessions, sessions->oldest);
}

static int make_id(char id[SESSION_ID_LENGTH + 1], struct error *error)
{
    unsigned char bytes[SESSION_ID_LENGTH / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return error_set(error, ERROR_INTERNAL, "no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int sessions_begin(struct sessions *sessions, const struct mcp_revision *revision, uint64_t now_ns,
                   char id[SESSION_ID_LENGTH + 1], struct error *error)
{
    if (make_id(id, error) < 0)
        return -1;
    pthread_mutex_lock(&sessions->lock);
    expire(sessions, now_ns);
    if (sessions->free == NONE)
        drop(sessions, sessions->oldest);
    uint32_t at = sessions->free;
    struct session *session = &sessions->slots[at];
    sessions->free = session->chain;
    memcpy(session->id, id, SESSION_ID_LENGTH + 1);
    session->revision = revision;
    session->used_ns = now_ns;
    uint32_t *bucket = bucket_of(sessions, id);
    session->chain = *bucket;
    *bucket = at;
    link_newest(sessions, at);
    sessions->count++;
    pthread_mutex_unlock(&sessions->lock);
    return 0;
}

const struct mcp_revision *sessions_use(struct sessions *sessions, const char *id, uint64_t now_ns)
{
    const struct mcp_revision *revision = NULL;
    pthread_mutex_lock(&sessions->lock);
    expire(sessions, now_ns);
    uint32_t at = find(sessions, id);
    if (at != NONE) {
        revision = sessions->slots[at].revision;
        sessions->slots[at].used_ns = now_ns;
        unlink_use(sessions, at);
        link_newest(sessions, at);
    }
    pthread_mutex_unlock(&sessions->lock);
    return revision;
}

struct channel *sessions_channel(struct sessions *sessions, const char *id,
                                 struct subscriptions *subscriptions, bool make)
{
    struct channel *channel = NULL;
    pthread_mutex_lock(&sessions->lock);
    uint32_t at = find(sessions, id);
    if (at != NONE) {
        struct session *session = &sessions->slots[at];
        if (!session->channel && make)
            session->channel = channel_open(subscriptions);
        channel = channel_keep(session->channel);
    }
    pthread_mutex_unlock(&sessions->lock);
    return channel;
}

bool sessions_end(struct sessions *sessions, const char *id)
{
    pthread_mutex_lock(&sessions->lock);
    uint32_t at = find(sessions, id);
    if (at != NONE)
        drop(sessions, at);
    pthread_mutex_unlock(&sessions->lock);
    return at != NONE;
}

size_t sessions_count(struct sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    size_t count = sessions->count;
    pthread_mutex_unlock(&sessions->lock);
    return count;
}
