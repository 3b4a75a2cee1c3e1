/* cicada diagnose TARGET: walk the way to a working call step by step, saying at each step what was
 * found, and at the first that fails why and what to do. The driver tells the steps of opening the
 * target; one call of a harmless tool, over a fresh connection, is the last. */
#include "base/clock.h"
#include "cicada/command.h"
#include "cicada/options.h"
#include "cicada/probe.h"
#include "cicada/signals.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diagnosis {
    struct terminal_style style;
    uint64_t step_started_ns;
    int failures;
};

static void print_step(struct diagnosis *diagnosis, const char *step, bool ok, uint64_t elapsed_ns,
                       const char *text)
{
    const struct terminal_style *style = &diagnosis->style;
    char elapsed[32];
    text_duration(elapsed, sizeof elapsed, elapsed_ns);
    printf("  %s%-4s%s  %-10s %9s  ", ok ? style->good : style->bad, ok ? "ok" : "FAIL",
           style->reset, step, elapsed);
    text_print_safe(stdout, text, 600);
    putchar('\n');
    fflush(stdout);
    if (!ok)
        diagnosis->failures++;
}

static void step_taken(struct target *target, const char *step, bool ok, const char *text)
{
    struct diagnosis *diagnosis = target->trace_context;
    uint64_t now = clock_now_ns();
    print_step(diagnosis, step, ok, now - diagnosis->step_started_ns, text);
    diagnosis->step_started_ns = now;
}

/* Of a memory tier; "custom" runs nothing by itself. */
static bool is_command(const struct offer *offer)
{
    return strcmp(offer->kind, "command") == 0 && strcmp(offer->name, "custom") != 0;
}

/* A tool that says it only reads comes first, then one that at least does not say it destroys; a
 * target without such tools is asked for its list. */
static const struct offer *harmless_offer(const struct target *target)
{
    const struct offer *best = NULL;
    for (size_t i = 0; i < target->offer_count; i++) {
        const struct offer *offer = &target->offers[i];
        bool tool = strcmp(offer->kind, "tool") == 0 || is_command(offer);
        if (tool && (offer->hints & OFFER_READ_ONLY))
            return offer;
        if (tool && !(offer->hints & OFFER_DESTRUCTIVE) &&
            (!best || strcmp(best->kind, offer->kind) != 0))
            best = offer;
        if (!best && (strcmp(offer->kind, "ping") == 0 || strcmp(offer->kind, "tools/list") == 0))
            best = offer;
    }
    return best;
}

static int diagnose_call(struct diagnosis *diagnosis, struct target *target, struct error *error)
{
    const struct offer *offer = harmless_offer(target);
    if (!offer) {
        print_step(diagnosis, "call", false, 0,
                   "the target offers no tool that may be called without --allow-destructive");
        return 0;
    }
    struct operation_spec spec = {.offer = offer, .variants = 1, .where = "diagnose"};
    struct operation operation = {0};
    struct probe probe;
    if (target->driver->prepare(target, &spec, &operation, error) < 0)
        return -1;
    if (probe_open(&probe, target, error) < 0) {
        target->driver->release(target, &operation);
        return -1;
    }
    struct probe_result result;
    probe_call(&probe, &operation, 0, target->options->timeout_ns, &result);
    bool ok = result.outcome.kind == OUTCOME_OK;
    char text[1024];
    snprintf(text, sizeof text, "%s: %s%s%s", operation.name,
             outcome_kind_name(result.outcome.kind), result.text ? ": " : "",
             result.text ? result.text : "");
    print_step(diagnosis, "call", ok, result.latency_ns, text);
    probe_result_free(&result);
    probe_close(&probe);
    target->driver->release(target, &operation);
    return 0;
}

int command_diagnose(int argc, char **argv)
{
    struct error error = {0};
    struct target_command_options options;
    int parsed = target_command_options_parse(&options, "diagnose", argc, argv, &error);
    if (parsed != 0)
        return parsed < 0 ? command_fail(&error) : 0;

    struct diagnosis diagnosis = {.step_started_ns = clock_now_ns()};
    terminal_style_init(&diagnosis.style, stdout);
    signals_catch();
    struct target *target = command_open_target(&options.target, step_taken, &diagnosis, &error);
    int code = 0;
    if (!target) {
        if (!diagnosis.failures)
            print_step(&diagnosis, "open", false, 0, error.text);
        code = error.code ? (int)error.code : ERROR_TARGET;
    } else if (diagnose_call(&diagnosis, target, &error) < 0) {
        code = command_fail(&error);
    }
    if (code == 0)
        code = diagnosis.failures ? ERROR_VERDICT : 0;
    printf("\n%s\n", code == 0 ? "The target works." : "The target does not work yet.");
    command_close_target(target);
    target_command_options_free(&options);
    return code;
}
