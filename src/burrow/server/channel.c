/* See channel.h. Locks are taken in this order: of the subscriptions, of the channel, of whatever
 * the listener has. */
#include "burrow/server/channel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct event {
    char *message;
    size_t length;
};

struct channel {
    atomic_uint references;
    struct subscriptions *subscriptions;
    struct subscription *subscription;
    pthread_mutex_t asking;           /* of the filter */
    json_t *filter;                   /* what the subscription is asked for */
    pthread_mutex_t lock;             /* of what follows */
    struct channel_listener listener; /* heard NULL: nobody */
    bool was_heard, over;
    int level;
    struct event events[CHANNEL_EVENTS];
    uint64_t first, next; /* numbers of the events that are kept: first <= n < next */
    size_t bytes;
};

static void told(void *channel, const char *message, size_t length)
{
    channel_tell(channel, message, length);
}

struct channel *channel_open(struct subscriptions *subscriptions)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return NULL;
    atomic_init(&channel->references, 1);
    pthread_mutex_init(&channel->asking, NULL);
    pthread_mutex_init(&channel->lock, NULL);
    channel->subscriptions = subscriptions;
    channel->level = -1;
    channel->first = channel->next = 1;
    channel->filter = json_pack("{s:b, s:[]}", "resourcesListChanged", 1, "resourceSubscriptions");
    if (channel->filter)
        channel->subscription =
            subscriptions_add(subscriptions, NULL, channel->filter, told, channel);
    if (channel->subscription)
        return channel;
    channel_release(channel);
    return NULL;
}

struct channel *channel_keep(struct channel *channel)
{
    if (channel)
        atomic_fetch_add(&channel->references, 1);
    return channel;
}

void channel_release(struct channel *channel)
{
    if (!channel || atomic_fetch_sub(&channel->references, 1) != 1)
        return;
    subscriptions_remove(channel->subscriptions, channel->subscription);
    for (; channel->first < channel->next; channel->first++)
        free(channel->events[channel->first % CHANNEL_EVENTS].message);
    json_decref(channel->filter);
    pthread_mutex_destroy(&channel->lock);
    pthread_mutex_destroy(&channel->asking);
    free(channel);
}

/* ---- listening ------------------------------------------------------------------------------ */

void channel_attach(struct channel *channel, const struct channel_listener *listener,
                    uint64_t after)
{
    pthread_mutex_lock(&channel->lock);
    if (channel->listener.heard)
        channel->listener.ended(channel->listener.context);
    channel->listener = *listener;
    channel->was_heard = true;
    for (uint64_t n = channel->first; n < channel->next; n++) {
        const struct event *event = &channel->events[n % CHANNEL_EVENTS];
        if (n > after)
            listener->heard(listener->context, n, event->message, event->length);
    }
    if (channel->over)
        listener->ended(listener->context);
    pthread_mutex_unlock(&channel->lock);
}

void channel_detach(struct channel *channel, const void *context)
{
    pthread_mutex_lock(&channel->lock);
    if (channel->listener.context == context)
        channel->listener = (struct channel_listener){0};
    pthread_mutex_unlock(&channel->lock);
}

void channel_end(struct channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->over = true;
    if (channel->listener.heard)
        channel->listener.ended(channel->listener.context);
    pthread_mutex_unlock(&channel->lock);
}

uint64_t channel_last_event(struct channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    uint64_t last = channel->next - 1;
    pthread_mutex_unlock(&channel->lock);
    return last;
}

/* ---- saying --------------------------------------------------------------------------------- */

static void forget_first(struct channel *channel)
{
    struct event *event = &channel->events[channel->first++ % CHANNEL_EVENTS];
    channel->bytes -= event->length;
    free(event->message);
    *event = (struct event){0};
}

/* What is too long to be kept, or cannot be for want of memory, takes a number all the same. */
static uint64_t keep_event(struct channel *channel, const char *message, size_t length)
{
    uint64_t number = channel->next++;
    if (number - channel->first == CHANNEL_EVENTS)
        forget_first(channel);
    char *copy = length <= CHANNEL_BYTES ? malloc(length + 1) : NULL;
    while (channel->first < number && (!copy || channel->bytes + length > CHANNEL_BYTES))
        forget_first(channel);
    if (!copy) {
        channel->first = channel->next;
        return number;
    }
    memcpy(copy, message, length);
    channel->events[number % CHANNEL_EVENTS] = (struct event){copy, length};
    channel->bytes += length;
    return number;
}

void channel_tell(struct channel *channel, const char *message, size_t length)
{
    pthread_mutex_lock(&channel->lock);
    if (channel->was_heard && !channel->over) {
        uint64_t number = keep_event(channel, message, length);
        if (channel->listener.heard)
            channel->listener.heard(channel->listener.context, number, message, length);
    }
    pthread_mutex_unlock(&channel->lock);
}

/* ---- what is wanted ------------------------------------------------------------------------- */

void channel_set_level(struct channel *channel, int level)
{
    pthread_mutex_lock(&channel->lock);
    channel->level = level;
    pthread_mutex_unlock(&channel->lock);
}

int channel_level(struct channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    int level = channel->level;
    pthread_mutex_unlock(&channel->lock);
    return level;
}

static size_t find_uri(const json_t *uris, const char *uri)
{
    size_t index = 0;
    while (index < json_array_size(uris) &&
           strcmp(json_string_value(json_array_get(uris, index)), uri) != 0)
        index++;
    return index;
}

/* The lock of the subscriptions comes before the channel's, so the channel's is not held while they
 * are asked. */
static int change_uris(struct channel *channel, const char *uri, bool wanted)
{
    pthread_mutex_lock(&channel->asking);
    json_t *filter = json_deep_copy(channel->filter);
    json_t *uris = json_object_get(filter, "resourceSubscriptions");
    size_t at = find_uri(uris, uri);
    int result = filter ? 0 : -1;
    if (wanted && at == json_array_size(uris))
        result = at < CHANNEL_URIS ? json_array_append_new(uris, json_string(uri)) : -1;
    else if (!wanted)
        json_array_remove(uris, at);
    json_t *asked = result == 0 ? json_deep_copy(filter) : NULL;
    if (asked) {
        json_decref(channel->filter);
        channel->filter = json_incref(filter);
        subscriptions_ask(channel->subscriptions, channel->subscription, asked);
    }
    json_decref(filter);
    pthread_mutex_unlock(&channel->asking);
    return asked ? 0 : -1;
}

int channel_subscribe(struct channel *channel, const char *uri)
{
    return change_uris(channel, uri, true);
}

void channel_unsubscribe(struct channel *channel, const char *uri)
{
    change_uris(channel, uri, false);
}
