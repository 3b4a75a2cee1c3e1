/* The subscriptions that are open (subscriptions/listen), and what they hear: memories that came,
 * changed or went, told as the transaction commits. A reader then waits for the store's lock, and
 * so sees the change. */
#ifndef BURROW_SERVER_SUBSCRIPTIONS_H
#define BURROW_SERVER_SUBSCRIPTIONS_H

#include "burrow/store.h"

#include <jansson.h>

#define SUBSCRIPTIONS_LIMIT 1000

struct subscriptions;
struct subscription;

/* Called with one JSON message, in the thread that made the change; must not block nor call back.
 */
typedef void subscription_heard(void *context, const char *message, size_t length);

/* Begins to watch the store's records. NULL when memory is out. */
struct subscriptions *subscriptions_open(struct store *store);
void subscriptions_close(struct subscriptions *subscriptions); /* harmless on NULL; all are over */

/* `id` as JSON text and `filter` are copied. `id` NULL: of the legacy era, whose notifications
 * carry none. NULL: there are too many. */
struct subscription *subscriptions_add(struct subscriptions *subscriptions, const char *id,
                                       const json_t *filter, subscription_heard *heard,
                                       void *context);
/* Ask for something else from now on; `filter` is taken over. */
void subscriptions_ask(struct subscriptions *subscriptions, struct subscription *subscription,
                       json_t *filter);
/* After it returns nothing more is heard. Harmless on NULL. */
void subscriptions_remove(struct subscriptions *subscriptions, struct subscription *subscription);
size_t subscriptions_count(struct subscriptions *subscriptions);

/* The result that ends a subscription in order, as a new string. */
char *subscription_end_text(const char *id);

#endif
