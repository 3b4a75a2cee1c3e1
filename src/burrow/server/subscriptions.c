/* See subscriptions.h. SQLite tells of changed rows; they are kept until their transaction commits,
 * and dropped when it is rolled back. */
#include "burrow/server/subscriptions.h"

#include "base/buffer.h"
#include "burrow/server/methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHANGED                                                                                \
    256 /* rows of a transaction told one by one; beyond: only that the list changed */

struct subscription {
    struct subscription *next;
    char *id;
    json_t *filter;
    subscription_heard *heard;
    void *context;
};

struct subscriptions {
    pthread_mutex_t lock;
    struct store *store;
    struct subscription *first;
    size_t count;
    /* Of the transaction that runs; under the store's lock. */
    struct {
        size_t kind;
        int64_t id;
    } changed[MAX_CHANGED];
    size_t changed_count;
    bool list_changed;
};

static void tell(struct subscription *subscription, const char *method, const char *uri)
{
    struct buffer text;
    buffer_init(&text, 16384);
    buffer_printf(&text, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{", method);
    if (subscription->id)
        buffer_printf(&text, "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s}%s",
                      subscription->id, uri ? "," : "");
    if (uri)
        buffer_printf(&text, "\"uri\":\"%s\"", uri);
    if (buffer_append_text(&text, "}}") == 0)
        subscription->heard(subscription->context, buffer_bytes(&text), buffer_length(&text));
    buffer_free(&text);
}

static void tell_updates(const struct subscriptions *all, struct subscription *subscription)
{
    const json_t *uris = json_object_get(subscription->filter, "resourceSubscriptions"), *uri;
    size_t index;
    for (size_t i = 0; i < all->changed_count; i++) {
        char changed[40];
        snprintf(changed, sizeof changed, "%s://%lld", resource_kinds[all->changed[i].kind].scheme,
                 (long long)all->changed[i].id);
        json_array_foreach(uris, index, uri)
        {
            if (strcmp(json_string_value(uri), changed) == 0)
                tell(subscription, "notifications/resources/updated", changed);
        }
    }
}

static void row_changed(void *context, int operation, const char *database, const char *table,
                        sqlite3_int64 row)
{
    struct subscriptions *all = context;
    size_t kind = 0;
    (void)database;
    while (kind < RESOURCE_KINDS && strcmp(table, resource_kinds[kind].table) != 0)
        kind++;
    if (kind == RESOURCE_KINDS)
        return;
    all->list_changed |= operation != SQLITE_UPDATE;
    for (size_t i = 0; i < all->changed_count; i++)
        if (all->changed[i].kind == kind && all->changed[i].id == row)
            return;
    if (all->changed_count == MAX_CHANGED)
        return;
    all->changed[all->changed_count].kind = kind;
    all->changed[all->changed_count++].id = row;
}

static int committed(void *context)
{
    struct subscriptions *all = context;
    if (all->changed_count == 0)
        return 0;
    pthread_mutex_lock(&all->lock);
    for (struct subscription *one = all->first; one; one = one->next) {
        if (all->list_changed && json_object_get(one->filter, "resourcesListChanged"))
            tell(one, "notifications/resources/list_changed", NULL);
        tell_updates(all, one);
    }
    pthread_mutex_unlock(&all->lock);
    all->changed_count = 0;
    all->list_changed = false;
    return 0; /* let it commit */
}

static void rolled_back(void *context)
{
    struct subscriptions *all = context;
    all->changed_count = 0;
    all->list_changed = false;
}

static void watch(struct subscriptions *all, struct subscriptions *watcher)
{
    pthread_mutex_lock(&all->store->lock);
    sqlite3 *handle = records_handle(all->store->records);
    sqlite3_update_hook(handle, watcher ? row_changed : NULL, watcher);
    sqlite3_commit_hook(handle, watcher ? committed : NULL, watcher);
    sqlite3_rollback_hook(handle, watcher ? rolled_back : NULL, watcher);
    pthread_mutex_unlock(&all->store->lock);
}

struct subscriptions *subscriptions_open(struct store *store)
{
    struct subscriptions *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    pthread_mutex_init(&all->lock, NULL);
    all->store = store;
    watch(all, all);
    return all;
}

static void free_one(struct subscription *subscription)
{
    free(subscription->id);
    json_decref(subscription->filter);
    free(subscription);
}

void subscriptions_close(struct subscriptions *all)
{
    if (!all)
        return;
    watch(all, NULL);
    while (all->first) {
        struct subscription *next = all->first->next;
        free_one(all->first);
        all->first = next;
    }
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct subscription *subscriptions_add(struct subscriptions *all, const char *id,
                                       const json_t *filter, subscription_heard *heard,
                                       void *context)
{
    struct subscription *one = calloc(1, sizeof *one);
    if (!one)
        return NULL;
    *one = (struct subscription){.id = id ? strdup(id) : NULL,
                                 .filter = json_deep_copy(filter),
                                 .heard = heard,
                                 .context = context};
    pthread_mutex_lock(&all->lock);
    bool room = all->count < SUBSCRIPTIONS_LIMIT && (one->id || !id) && one->filter;
    if (room) {
        one->next = all->first;
        all->first = one;
        all->count++;
    }
    pthread_mutex_unlock(&all->lock);
    if (room)
        return one;
    free_one(one);
    return NULL;
}

void subscriptions_ask(struct subscriptions *all, struct subscription *subscription, json_t *filter)
{
    pthread_mutex_lock(&all->lock);
    json_decref(subscription->filter);
    subscription->filter = filter;
    pthread_mutex_unlock(&all->lock);
}

void subscriptions_remove(struct subscriptions *all, struct subscription *subscription)
{
    if (!subscription)
        return;
    pthread_mutex_lock(&all->lock);
    struct subscription **link = &all->first;
    while (*link && *link != subscription)
        link = &(*link)->next;
    if (*link) {
        *link = subscription->next;
        all->count--;
    }
    pthread_mutex_unlock(&all->lock);
    free_one(subscription);
}

size_t subscriptions_count(struct subscriptions *all)
{
    pthread_mutex_lock(&all->lock);
    size_t count = all->count;
    pthread_mutex_unlock(&all->lock);
    return count;
}

char *subscription_end_text(const char *id)
{
    struct buffer text;
    buffer_init(&text, 16384);
    buffer_printf(
        &text,
        "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"resultType\":\"complete\",\"_meta\":"
        "{\"io.modelcontextprotocol/subscriptionId\":%s,"
        "\"io.modelcontextprotocol/serverInfo\":" SERVER_INFO "}}}",
        id, id);
    return buffer_take_string(&text);
}
