/* cicada run: plan -> targets -> engine -> verdict -> result. Reading it is reading the five phases
 * from outside: what a phase does stands in the plan, how it is done in the engine. */
#include "base/interrupt.h"
#include "base/log.h"
#include "cicada/command.h"
#include "cicada/run_targets.h"
#include "cicada/signals.h"
#include "cicada/views.h"
#include "engine/engine.h"
#include "plan/options.h"
#include "report/form_write.h"
#include "report/judge.h"
#include "report/result_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Users need descriptors; the soft limit of 1024 is a default for programs that use select(2). */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct run {
    struct run_options options;
    struct plan plan;
    struct target **targets;
    struct views views;
};

#define PLAN_TEXT_LIMIT (16 << 20)
#define PLAN_KEPT_LIMIT (1 << 20) /* a longer plan is left out of the result */

/* The plan for the result: YAML that `cicada run` takes, without its secrets. */
static json_t *plan_to_keep(const struct plan *plan)
{
    struct buffer text;
    buffer_init(&text, PLAN_KEPT_LIMIT);
    json_t *kept = plan_print(plan, &text) == 0
                       ? json_stringn(buffer_bytes(&text), buffer_length(&text))
                       : NULL;
    buffer_free(&text);
    return kept;
}

static int print_plan(const struct plan *plan)
{
    struct buffer text;
    buffer_init(&text, PLAN_TEXT_LIMIT);
    int printed = plan_print(plan, &text);
    if (printed == 0)
        fwrite(buffer_bytes(&text), 1, buffer_length(&text), stdout);
    buffer_free(&text);
    return printed == 0 ? 0 : ERROR_INTERNAL;
}

/* One run of the plan against the opened targets. Returns the exit code. */
static int run_once(struct run *run, unsigned repetition)
{
    struct error error = {0}, written = {0};
    struct result result;
    struct engine engine = {.plan = &run->plan,
                            .targets = run->targets,
                            .target_count = run->plan.target_count,
                            .observer = &run->views.observer};
    if (views_begin(&run->views, &run->options, &run->plan, repetition, &engine.interrupted,
                    &error) < 0)
        return command_fail(&error);
    result_init(&result);
    result.plan = plan_to_keep(&run->plan);
    signals_end(&engine);
    int ran = engine_run(&engine, &result, &error);
    signals_end(NULL);
    views_ran(&run->views);

    result_judge(&result, &run->plan, ran < 0 ? &error : NULL, atomic_load(&engine.interrupted));
    int code = result.exit_code;
    char path[4096];
    run_options_output_path(&run->options, repetition, path, sizeof path);
    if (result.phase_count && result_write_json(&result, path, &error) < 0)
        code = command_fail(&error);
    if (result.phase_count && forms_write(&result, &run->options, repetition, NULL, &written) < 0)
        code = command_fail(&written);
    if (result.phase_count)
        terminal_print_summary(stdout, &result, path);
    if (ran < 0)
        command_fail(&error);
    views_end(&run->views, &result, result.phase_count ? path : NULL,
              code == 0 && repetition + 1 < run->plan.repeat);
    result_free(&result);
    return code;
}

int command_run(int argc, char **argv)
{
    struct run run = {0};
    struct error error = {0};
    int parsed = run_options_parse(&run.options, &run.plan, argc, argv, &error);
    int code = 0;
    if (parsed < 0)
        code = command_fail(&error);
    else if (parsed > 0) /* --help was asked for and printed */
        code = 0;
    else if (run.options.show_plan)
        code = print_plan(&run.plan);
    else {
        raise_descriptor_limit();
        signals_catch();
        if (forms_prepare(&run.options, run.plan.repeat, &error) == 0 &&
            views_open(&run.views, &run.options, &run.plan, &error) == 0)
            run.targets = run_targets_open(&run.plan, &error);
        if (!run.targets)
            code = command_fail(&error);
        for (unsigned i = 0; code == 0 && i < run.plan.repeat; i++)
            code = interrupt_requested() ? ERROR_INTERRUPTED : run_once(&run, i);
    }
    views_close(&run.views);
    run_targets_close(run.targets, run.plan.target_count);
    run_options_free(&run.options);
    plan_free(&run.plan);
    return code;
}
