/* See otlp.h. The coordinator's thread makes the text, the other one sends it: a receiver that is
 * slow delays neither. What was not sent by then is replaced by what is newer, which loses nothing,
 * since all of it counts from the start. */
#include "cicada/otlp.h"

#include "base/clock.h"
#include "cicada/otlp_push.h"
#include "report/form_otlp.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_NS   (10 * NS_PER_S)
#define TIMEOUT_NS (5 * NS_PER_S)

struct otlp {
    const char *url;
    struct engine_observer next;
    struct otlp_live live; /* the coordinator's thread alone */
    uint64_t pushed_ns;    /* run time of the last one; 0: none */
    bool told;             /* that one failed */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *text; /* to be sent; NULL: nothing */
    bool quit, failed;
    struct error failure; /* the first */
};

static void *send_all(void *context);
static void observe(struct otlp *otlp, struct engine_observer *observer);

struct otlp *otlp_begin(const char *url, const struct engine_observer *next,
                        struct engine_observer *observer, struct error *error)
{
    struct otlp *otlp = calloc(1, sizeof *otlp);
    if (!otlp) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    otlp->url = url;
    otlp->next = *next;
    otlp_live_init(&otlp->live);
    pthread_mutex_init(&otlp->lock, NULL);
    pthread_cond_init(&otlp->changed, NULL);
    sigset_t all, before; /* signals are for the thread that coordinates */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&otlp->thread, NULL, send_all, otlp);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        error_set(error, ERROR_INTERNAL, "--otlp: no thread: %s", strerror(failed));
        free(otlp);
        return NULL;
    }
    observe(otlp, observer);
    return otlp;
}

int otlp_push_result(const char *url, const struct result *result, struct error *error)
{
    char *text = otlp_result_text(result);
    if (!text)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    int pushed = otlp_push(url, text, TIMEOUT_NS, error);
    free(text);
    return pushed;
}

int otlp_end(struct otlp *otlp, const struct result *result, struct error *error)
{
    pthread_mutex_lock(&otlp->lock);
    otlp->quit = true;
    pthread_cond_signal(&otlp->changed);
    pthread_mutex_unlock(&otlp->lock);
    pthread_join(otlp->thread, NULL);
    int pushed = result->phase_count ? otlp_push_result(otlp->url, result, error) : 0;
    otlp_live_free(&otlp->live);
    free(otlp->text);
    pthread_cond_destroy(&otlp->changed);
    pthread_mutex_destroy(&otlp->lock);
    free(otlp);
    return pushed;
}

/* ---- the sender ----------------------------------------------------------------------------- */

static void *send_all(void *context)
{
    struct otlp *otlp = context;
    pthread_mutex_lock(&otlp->lock);
    while (!otlp->quit) {
        char *text = otlp->text;
        otlp->text = NULL;
        if (!text) {
            pthread_cond_wait(&otlp->changed, &otlp->lock);
            continue;
        }
        struct error error;
        pthread_mutex_unlock(&otlp->lock);
        int sent = otlp_push(otlp->url, text, TIMEOUT_NS, &error);
        free(text);
        pthread_mutex_lock(&otlp->lock);
        if (sent < 0 && !otlp->failed) {
            otlp->failed = true;
            otlp->failure = error;
        }
    }
    pthread_mutex_unlock(&otlp->lock);
    return NULL;
}

/* ---- the observer's calls ------------------------------------------------------------------- */

/* Once; that it goes on failing would be told at the end. */
static void warn(struct otlp *otlp)
{
    char text[sizeof otlp->failure.text + 64];
    pthread_mutex_lock(&otlp->lock);
    bool news = otlp->failed && !otlp->told;
    if (news)
        snprintf(text, sizeof text, "--otlp: the metrics were not pushed: %s", otlp->failure.text);
    pthread_mutex_unlock(&otlp->lock);
    if (!news)
        return;
    otlp->told = true;
    if (otlp->next.notice)
        otlp->next.notice(otlp->next.context, text);
}

static void push_live(struct otlp *otlp, const struct engine_progress *progress)
{
    char *text = otlp_live_text(&otlp->live, progress->result, clock_wall_ns());
    if (!text)
        return; /* memory is out: the next one has it all */
    pthread_mutex_lock(&otlp->lock);
    free(otlp->text);
    otlp->text = text;
    pthread_cond_signal(&otlp->changed);
    pthread_mutex_unlock(&otlp->lock);
}

static void phase_began(void *context, const struct engine_progress *progress)
{
    struct otlp *otlp = context;
    if (otlp->next.phase_began)
        otlp->next.phase_began(otlp->next.context, progress);
}

static void second_passed(void *context, const struct engine_progress *progress)
{
    struct otlp *otlp = context;
    if (otlp->next.second)
        otlp->next.second(otlp->next.context, progress);
    warn(otlp);
    otlp_live_add(&otlp->live, progress);
    if (progress->run_elapsed_ns < otlp->pushed_ns + EVERY_NS)
        return;
    otlp->pushed_ns = progress->run_elapsed_ns;
    push_live(otlp, progress);
}

static void phase_ended(void *context, const struct engine_progress *progress,
                        const struct result_phase *phase)
{
    struct otlp *otlp = context;
    if (otlp->next.phase_ended)
        otlp->next.phase_ended(otlp->next.context, progress, phase);
}

static void alert(void *context, const struct result *result, const struct alert *alert, bool began)
{
    struct otlp *otlp = context;
    if (otlp->next.alert)
        otlp->next.alert(otlp->next.context, result, alert, began);
}

static void notice(void *context, const char *text)
{
    struct otlp *otlp = context;
    if (otlp->next.notice)
        otlp->next.notice(otlp->next.context, text);
}

static void observe(struct otlp *otlp, struct engine_observer *observer)
{
    *observer = (struct engine_observer){.context = otlp,
                                         .phase_began = phase_began,
                                         .second = second_passed,
                                         .phase_ended = phase_ended,
                                         .alert = alert,
                                         .notice = notice};
}
