/* See web.h: from the observer's calls to what is published. */
#include "report/web.h"

#include "report/form_html.h"
#include "report/web_server.h"
#include "report/web_state.h"

#include <pthread.h>
#include <stdlib.h>

struct web {
    struct web_server *server;
    struct web_state state; /* the coordinator's thread alone */
    struct engine_observer next;
    pthread_mutex_t lock;
    atomic_bool *interrupted; /* with the lock; NULL: no run goes on */
};

static bool stop(void *context);
static void publish(struct web *web, bool anew);
static void phase_began(void *context, const struct engine_progress *progress);
static void second_passed(void *context, const struct engine_progress *progress);
static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase);
static void alert(void *context, const struct result *result, const struct alert *alert,
                  bool began);
static void notice(void *context, const char *text);

struct web *web_open(const struct plan *plan, struct error *error)
{
    struct web *web = calloc(1, sizeof *web);
    if (!web) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&web->lock, NULL);
    const struct web_server_options options = {
        .page = live_html_page, .policy = live_html_policy, .stop = stop, .context = web};
    if (web_state_init(&web->state, plan) < 0)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else
        web->server = web_server_start(&options, error);
    if (!web->server) {
        web_close(web);
        return NULL;
    }
    publish(web, true);
    return web;
}

const char *web_url(const struct web *web)
{
    return web_server_url(web->server);
}

static void set_interrupted(struct web *web, atomic_bool *interrupted)
{
    pthread_mutex_lock(&web->lock);
    web->interrupted = interrupted;
    pthread_mutex_unlock(&web->lock);
}

void web_begin(struct web *web, unsigned repetition, atomic_bool *interrupted,
               const struct engine_observer *next, struct engine_observer *observer)
{
    web->next = next ? *next : (struct engine_observer){0};
    web_state_begin(&web->state, repetition);
    set_interrupted(web, interrupted);
    *observer = (struct engine_observer){.context = web,
                                         .phase_began = phase_began,
                                         .second = second_passed,
                                         .phase_ended = phase_ended,
                                         .alert = alert,
                                         .notice = notice};
    publish(web, true);
}

void web_ran(struct web *web)
{
    set_interrupted(web, NULL);
}

void web_end(struct web *web, const struct result *result, const char *path, bool more)
{
    web_state_end(&web->state, result, path, more);
    publish(web, false);
}

void web_close(struct web *web)
{
    if (!web)
        return;
    web_server_stop(web->server);
    web_state_free(&web->state);
    pthread_mutex_destroy(&web->lock);
    free(web);
}

/* On the server's thread. */
static bool stop(void *context)
{
    struct web *web = context;
    pthread_mutex_lock(&web->lock);
    bool runs = web->interrupted != NULL;
    if (runs)
        atomic_store(web->interrupted, true);
    pthread_mutex_unlock(&web->lock);
    return runs;
}

static void publish(struct web *web, bool anew)
{
    web_server_publish(web->server, anew ? NULL : web_state_news(&web->state),
                       web_state_whole(&web->state));
}

/* ---- the observer's calls ------------------------------------------------------------------- */

static void phase_began(void *context, const struct engine_progress *progress)
{
    struct web *web = context;
    if (web->next.phase_began)
        web->next.phase_began(web->next.context, progress);
    web_state_phase_began(&web->state, progress);
    publish(web, false);
}

static void second_passed(void *context, const struct engine_progress *progress)
{
    struct web *web = context;
    if (web->next.second)
        web->next.second(web->next.context, progress);
    publish(web, web_state_second(&web->state, progress));
}

static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase)
{
    struct web *web = context;
    if (web->next.phase_ended)
        web->next.phase_ended(web->next.context, progress, phase);
    web_state_phase_ended(&web->state, progress, phase);
    publish(web, false);
}

static void alert(void *context, const struct result *result, const struct alert *alert, bool began)
{
    struct web *web = context;
    if (web->next.alert)
        web->next.alert(web->next.context, result, alert, began);
    web_state_alert(&web->state, result, alert, began);
    publish(web, false);
}

static void notice(void *context, const char *text)
{
    struct web *web = context;
    if (web->next.notice)
        web->next.notice(web->next.context, text);
    web_state_notice(&web->state, text);
    publish(web, false);
}
