/* See views.h. */
#include "cicada/views.h"

#include "report/text.h"

#include <stdio.h>
#include <string.h>

int views_open(struct views *views, const struct run_options *options, const struct plan *plan,
               struct error *error)
{
    if (strcmp(options->ui, "web") != 0)
        return 0;
    views->web = web_open(plan, error);
    if (!views->web)
        return -1;
    fprintf(stderr, "watch the run at %s\n", web_url(views->web));
    return 0;
}

int views_begin(struct views *views, const struct run_options *options, const struct plan *plan,
                unsigned repetition, atomic_bool *interrupted, struct error *error)
{
    struct engine_observer before;
    views->tui = NULL;
    views->otlp = NULL;
    terminal_init(&views->terminal, plan, options->ui, &views->observer);
    if (strcmp(options->ui, "tui") == 0) {
        views->tui = tui_open(plan, &views->observer, error);
        if (!views->tui)
            return -1;
    }
    if (options->otlp) {
        before = views->observer;
        views->otlp = otlp_begin(options->otlp, &before, &views->observer, error);
        if (!views->otlp) {
            tui_close(views->tui);
            return -1;
        }
    }
    if (views->web) {
        before = views->observer;
        web_begin(views->web, repetition, interrupted, &before, &views->observer);
    }
    return 0;
}

void views_ran(struct views *views)
{
    if (views->web)
        web_ran(views->web);
    terminal_finish(&views->terminal);
    tui_close(views->tui);
    views->tui = NULL;
}

void views_end(struct views *views, const struct result *result, const char *path, bool more)
{
    struct error error;
    if (views->web)
        web_end(views->web, result, path, more);
    if (views->otlp && otlp_end(views->otlp, result, &error) < 0) {
        fputs("cicada: warning: --otlp: the metrics were not pushed: ", stderr);
        text_print_safe(stderr, error.text, sizeof error.text);
        fputc('\n', stderr);
    }
    views->otlp = NULL;
}

void views_close(struct views *views)
{
    web_close(views->web);
    views->web = NULL;
}
