/* A blocking conversation over a link, with a loop of its own: open() and close() of a target run
 * on the coordinator's thread, where nothing else waits. */
#include "base/clock.h"
#include "base/interrupt.h"
#include "drivers/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERRUPT_PATIENCE_NS (5 * NS_PER_S)

static const struct redis_link_events link_events;

static struct redis_control *control_of(struct redis_link *link)
{
    return container_of(link, struct redis_control, link);
}

static const char *place_text(const struct redis_target *target, char *text, size_t size)
{
    if (target->settings.host[0] == '/')
        snprintf(text, size, "%s", target->settings.host);
    else
        snprintf(text, size, "%s:%u", target->settings.host, target->settings.port);
    return text;
}

/* When the end is asked for while a target is opened, commands under way are waited for a while:
 * nothing of theirs must come after its removal. */
static void wait_while_waiting(struct redis_control *control)
{
    bool heeds = control->link.target->opening;
    while (control->state == REDIS_CONTROL_WAITS && clock_now_ns() < control->deadline_ns) {
        loop_run_once(&control->loop, interrupt_look_ns(control->deadline_ns));
        if (heeds)
            control->deadline_ns = interrupt_hurry_ns(
                control->deadline_ns, control->expected ? INTERRUPT_PATIENCE_NS : 0);
    }
}

int redis_control_open(struct redis_control *control, const struct redis_target *target,
                       uint64_t timeout_ns, struct error *error)
{
    char place[300];
    *control = (struct redis_control){.deadline_ns = clock_now_ns() + timeout_ns};
    if (loop_open(&control->loop, error) < 0)
        return -1;
    control->input_space = malloc(REDIS_INPUT_SIZE);
    if (!control->input_space) {
        loop_close(&control->loop);
        return error_set(error, ERROR_INTERNAL, "out of memory");
    }
    redis_link_open(&control->link, &control->loop, target, control->input_space, &link_events);
    wait_while_waiting(control);
    switch (control->state) {
    case REDIS_CONTROL_READY:
        return 0;
    case REDIS_CONTROL_REFUSED:
        return 1;
    case REDIS_CONTROL_FAILED:
        error_set(error, ERROR_TARGET, "cannot reach Redis at %s: %s",
                  place_text(target, place, sizeof place), control->text);
        break;
    default:
        error_set(error, ERROR_TARGET, "Redis at %s does not answer",
                  place_text(target, place, sizeof place));
        break;
    }
    redis_control_close(control);
    return -1;
}

int redis_control_run(struct redis_control *control, unsigned replies, uint64_t timeout_ns,
                      struct error *error)
{
    if (control->state == REDIS_CONTROL_READY) {
        control->expected = replies;
        control->deadline_ns = clock_now_ns() + timeout_ns;
        control->state = replies ? REDIS_CONTROL_WAITS : REDIS_CONTROL_READY;
        redis_link_flush(&control->link);
        wait_while_waiting(control);
    }
    if (control->state == REDIS_CONTROL_READY)
        return 0;
    if (control->state == REDIS_CONTROL_WAITS)
        snprintf(control->text, sizeof control->text, "no answer within %.0f s",
                 (double)timeout_ns / 1e9);
    return error_set(error, ERROR_TARGET, "%s", control->text);
}

void redis_control_close(struct redis_control *control)
{
    if (!control->input_space)
        return;
    redis_link_close(&control->link);
    loop_close(&control->loop);
    free(control->input_space);
    control->input_space = NULL;
}

/* ---- events ------------------------------------------------------------------------------------
 */

static void link_ready(struct redis_link *link)
{
    struct redis_control *control = control_of(link);
    const char *tls = stream_tls_description(&link->stream);
    if (tls)
        snprintf(control->tls, sizeof control->tls, "%s", tls);
    control->state = REDIS_CONTROL_READY;
}

static void link_refused(struct redis_link *link, const struct outcome *why, const char *text)
{
    struct redis_control *control = control_of(link);
    control->state = REDIS_CONTROL_REFUSED;
    control->outcome = *why;
    snprintf(control->text, sizeof control->text, "%s", text);
}

static void link_failed(struct redis_link *link, const struct outcome *why, const char *text)
{
    struct redis_control *control = control_of(link);
    control->state = REDIS_CONTROL_FAILED;
    control->outcome = *why;
    snprintf(control->text, sizeof control->text, "%s", text);
}

static void copy_text(char *field, size_t size, const struct resp_token *token)
{
    snprintf(field, size, "%.*s", token->length < size ? (int)token->length : (int)size - 1,
             token->text ? token->text : "");
}

/* HELLO answers a map: server, version, proto, id, mode, role, modules. */
static void link_welcomed(struct redis_link *link, const char *reply, size_t length)
{
    struct redis_control *control = control_of(link);
    struct resp_cursor cursor = {reply + link->reader.value_offset, reply + length};
    struct resp_token map, key, value;
    if (!resp_next(&cursor, &map))
        return;
    for (uint64_t i = 0; i + 1 < map.count && resp_next(&cursor, &key); i += 2) {
        struct resp_cursor at = cursor;
        if (!resp_skip(&cursor) || !resp_next(&at, &value) || key.type != RESP_BULK)
            return;
        if (key.length == 6 && memcmp(key.text, "server", 6) == 0)
            copy_text(control->server, sizeof control->server, &value);
        else if (key.length == 7 && memcmp(key.text, "version", 7) == 0)
            copy_text(control->version, sizeof control->version, &value);
        else if (key.length == 4 && memcmp(key.text, "mode", 4) == 0)
            copy_text(control->mode, sizeof control->mode, &value);
        else if (key.length == 4 && memcmp(key.text, "role", 4) == 0)
            copy_text(control->role, sizeof control->role, &value);
    }
}

static bool link_reply(struct redis_link *link, const char *reply, size_t length)
{
    struct redis_control *control = control_of(link);
    if (control->expected == 0)
        return false;
    if (control->reply)
        control->reply(control, reply, length);
    if (--control->expected == 0)
        control->state = REDIS_CONTROL_READY;
    return true;
}

static void link_settled(struct redis_link *link)
{
    redis_link_flush(link);
}

static const struct redis_link_events link_events = {
    .ready = link_ready,
    .refused = link_refused,
    .welcomed = link_welcomed,
    .reply = link_reply,
    .settled = link_settled,
    .failed = link_failed,
};
