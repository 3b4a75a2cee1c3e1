/* What the live page is told: a model of the run, filled by the calls of an observer, and the JSON
 * it is made into. Everything has a limit: a run that goes on for days is kept in 600 points, which
 * stand for more and more seconds each and are merged exactly. */
#ifndef CICADA_REPORT_WEB_STATE_H
#define CICADA_REPORT_WEB_STATE_H

#include "analysis/alert_text.h"
#include "engine/engine.h"
#include "report/form_timeline.h"

#define WEB_POINTS  600
#define WEB_ALERTS  50 /* the last ones */
#define WEB_NOTICES 20

struct web_phase {
    bool began, ended, not_run, partial;
    uint64_t from_ns, to_ns; /* since the run began; `to` while it goes on: the last second */
    uint64_t duration_ns, finished, failed;
    uint64_t p99_ns; /* 0: not known */
};

struct web_alert {
    char text[ALERT_TEXT_SIZE];
    char rule[64], metric[32]; /* with the target and the start: which alert it is */
    int target;
    uint32_t start_s, end_s;
    bool over;
};

/* A line of the charts on processes: cicada's own, or a target's. */
struct web_watch {
    uint32_t at_s;
    double cpu;     /* busiest worker, 0..1; of a target: cores */
    uint64_t value; /* lag in ns; of a target: bytes */
};
struct web_watched {
    struct web_watch rows[WEB_POINTS];
    size_t count;
};

struct web_state {
    const struct plan *plan;
    unsigned repetition; /* from 0 */
    struct web_phase *phases;
    struct timeline_point *points; /* WEB_POINTS; each of `step` seconds */
    char **texts;                  /* of each point, its JSON */
    size_t point_count;
    uint32_t step;
    size_t changed; /* points from here on are news */
    struct web_watched self;
    struct web_watched *targets; /* of the plan's targets */
    struct engine_progress now;  /* its pointers are used in the call that brought it only */
    bool running;
    uint32_t phase_first_s; /* at_s of the first second of the phase under way */
    bool phase_has_seconds;
    uint64_t outcomes[OUTCOME_KINDS]; /* of the run */
    struct web_alert alerts[WEB_ALERTS];
    size_t alert_count; /* ever */
    char notices[WEB_NOTICES][ALERT_TEXT_SIZE];
    size_t notice_count; /* ever */
    char *second;        /* JSON: what the last second said */
    char *end;           /* JSON: how it ended; NULL: it has not */
};

/* `plan` must outlive it. -1 when memory is out; free in any case. */
int web_state_init(struct web_state *state, const struct plan *plan);
void web_state_free(struct web_state *state);
void web_state_begin(struct web_state *state,
                     unsigned repetition); /* as after init, but for that */

/* The observer's calls. True, where it is returned: the points were merged, and whoever knew them
 * needs the whole anew. Where memory is out the page lacks something; the run does not. */
void web_state_phase_began(struct web_state *state, const struct engine_progress *progress);
bool web_state_second(struct web_state *state, const struct engine_progress *progress);
void web_state_phase_ended(struct web_state *state, const struct engine_progress *progress,
                           const struct result_phase *phase);
void web_state_alert(struct web_state *state, const struct result *result,
                     const struct alert *alert, bool began);
void web_state_notice(struct web_state *state, const char *text);
/* The run is judged. `path`: where the result is; `more`: another repetition follows. */
void web_state_end(struct web_state *state, const struct result *result, const char *path,
                   bool more);

/* web_state_json.c: one line of JSON each, from malloc; NULL when memory is out. */
char *web_state_second_text(const struct web_state *state, const struct engine_progress *progress);
char *web_state_end_text(const struct result *result, const char *path, bool more);
char *web_point_text(const struct timeline_point *point);
char *web_state_news(const struct web_state *state);  /* what changed in the last second */
char *web_state_whole(const struct web_state *state); /* all of it */

#endif
