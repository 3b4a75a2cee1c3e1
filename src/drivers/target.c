/* What every driver needs to fill a target while it is being opened. */
#include "drivers/driver.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *text);

struct offer *target_add_offer(struct target *target, const char *kind, const char *name,
                               const char *description, unsigned hints, void *driver_data)
{
    struct offer *offers =
        realloc(target->offers, (target->offer_count + 1) * sizeof *target->offers);
    if (!offers)
        return NULL;
    target->offers = offers;
    struct offer *offer = &offers[target->offer_count];
    *offer = (struct offer){.kind = copy_text(kind),
                            .name = copy_text(name),
                            .description = copy_text(description),
                            .hints = hints,
                            .driver_data = driver_data};
    if (!offer->kind || !offer->name || (description && !offer->description)) {
        free(offer->kind);
        free(offer->name);
        free(offer->description);
        return NULL;
    }
    target->offer_count++;
    return offer;
}

int target_add_excluded(struct target *target, const char *name, const char *reason)
{
    struct offer_excluded *excluded =
        realloc(target->excluded, (target->excluded_count + 1) * sizeof *target->excluded);
    if (!excluded)
        return -1;
    target->excluded = excluded;
    struct offer_excluded *entry = &excluded[target->excluded_count];
    *entry = (struct offer_excluded){.name = copy_text(name), .reason = copy_text(reason)};
    if (!entry->name || !entry->reason) {
        free(entry->name);
        free(entry->reason);
        return -1;
    }
    target->excluded_count++;
    return 0;
}

void target_free_offers(struct target *target)
{
    for (size_t i = 0; i < target->offer_count; i++) {
        free(target->offers[i].kind);
        free(target->offers[i].name);
        free(target->offers[i].description);
    }
    for (size_t i = 0; i < target->excluded_count; i++) {
        free(target->excluded[i].name);
        free(target->excluded[i].reason);
    }
    free(target->offers);
    free(target->excluded);
    free(target->description);
    json_decref(target->facts);
    target->offers = NULL;
    target->excluded = NULL;
    target->description = NULL;
    target->facts = NULL;
    target->offer_count = target->excluded_count = 0;
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}
