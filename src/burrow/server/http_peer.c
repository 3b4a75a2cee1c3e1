/* What a request over HTTP can do beside being answered: reach the channel of its session, be
 * cancelled by it (legacy era), or by the end of its connection (modern era). */
#include "burrow/server/http_internal.h"

#include "base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_NS NS_PER_MS /* between two looks whether the client is there: most calls take less   \
                           */

static void running(void *context, const char *id)
{
    struct http_peer *peer = context;
    struct http_calls *calls = &peer->server->calls;
    struct http_running *mine = &peer->running;
    pthread_mutex_lock(&calls->lock);
    if (mine->id) {
        struct http_running **link = &calls->first;
        while (*link != mine)
            link = &(*link)->next;
        *link = mine->next;
        free(mine->id);
        mine->id = NULL;
    }
    if (id && (mine->id = strdup(id))) {
        mine->next = calls->first;
        calls->first = mine;
    }
    pthread_mutex_unlock(&calls->lock);
}

void http_cancel(struct http_server *server, const char *session, const char *id)
{
    pthread_mutex_lock(&server->calls.lock);
    for (struct http_running *one = server->calls.first; one; one = one->next)
        if (strcmp(one->session, session) == 0 && strcmp(one->id, id) == 0)
            atomic_store(&one->cancelled, true);
    pthread_mutex_unlock(&server->calls.lock);
}

bool http_peer_is_gone(struct http_peer *peer)
{
    struct pollfd ready = {.fd = peer->fd, .events = POLLRDHUP};
    uint64_t now = clock_now_ns();
    if (now - peer->looked_ns < LOOK_NS)
        return false;
    peer->looked_ns = now;
    return peer->fd < 0 || (poll(&ready, 1, 0) > 0 && ready.revents);
}

/* In the legacy era a client that goes away does not cancel by that: it may come back. */
static bool cancelled(void *context)
{
    struct http_peer *peer = context;
    return peer->session ? atomic_load(&peer->running.cancelled) : http_peer_is_gone(peer);
}

static struct channel *channel(void *context, bool make)
{
    struct http_peer *peer = context;
    if (!peer->channel)
        peer->channel = sessions_channel(peer->server->sessions, peer->session,
                                         peer->server->subscriptions, make);
    return peer->channel;
}

void http_peer_begin(struct http_peer *peer, struct http_server *server,
                     struct MHD_Connection *connection, const char *session)
{
    const union MHD_ConnectionInfo *information =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *peer = (struct http_peer){.server = server,
                               .session = session,
                               .fd = information ? information->connect_fd : -1,
                               .looked_ns = clock_now_ns()};
    peer->running.session = session;
    atomic_init(&peer->running.cancelled, false);
    peer->peer = (struct protocol_peer){.cancelled = cancelled, .context = peer};
    if (session) {
        peer->peer.running = running;
        peer->peer.channel = channel;
    }
}

void http_peer_end(struct http_peer *peer)
{
    channel_release(peer->channel);
    peer->channel = NULL;
}
