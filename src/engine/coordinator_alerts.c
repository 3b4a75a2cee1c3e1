/* The alert rules over the seconds of a phase as they come: tell of each event that begins or ends,
 * and end the run where a rule asks for it. What the result holds is derived from the stored
 * seconds, by the same steps. */
#include "base/clock.h"
#include "engine/coordinator.h"

#include <stdio.h>

static void tell(struct coordinator *coordinator, const struct alert *event, bool began)
{
    const struct engine_observer *observer = coordinator->engine->observer;
    if (observer && observer->alert)
        observer->alert(observer->context, coordinator->result, event, began);
}

static void abort_run(struct coordinator *coordinator, const struct alert *event)
{
    const struct result *result = coordinator->result;
    bool latency = alert_metric_is_latency(alert_metric_from_name(event->metric));
    if (!coordinator->phase.deal || coordinator->stop != STOP_NONE)
        return;
    snprintf(coordinator->stop_text, sizeof coordinator->stop_text,
             "aborted in phase %s: alert %s on %s has abort: true; %s was %s %.4g%s since %u s (it "
             "came to %.4g%s)",
             coordinator->result_phase->name, event->rule,
             event->target < 0 ? "cicada itself" : result->targets[event->target].name,
             event->metric, event->below ? "below" : "above",
             latency ? event->threshold / 1e6 : event->threshold, latency ? " ms" : "",
             event->start_s, latency ? event->peak / 1e6 : event->peak, latency ? " ms" : "");
    coordinator_stop(coordinator, STOP_ABORTED);
}

static void step(struct coordinator *coordinator, const struct alert_window *window)
{
    struct alerts *alerts = &coordinator->alerts;
    struct alert_changes changes;
    if (alerts_step(alerts, window, &changes) < 0) {
        coordinator->failed = true;
        return;
    }
    for (size_t i = 0; i < alerts->rule_count; i++) {
        bool began = changes.began >> i & 1;
        if (!began && !(changes.ended >> i & 1))
            continue;
        const struct alert *event = &alerts->events[changes.event[i]];
        tell(coordinator, event, began);
        if (began && alerts->rules[i].abort)
            abort_run(coordinator, event);
    }
}

/* Whether load was offered all through the second; as far as is known while the phase goes on. */
static bool is_whole(const struct coordinator_lane *lane, const struct second *second)
{
    const struct coordinator *coordinator = lane->coordinator;
    const struct engine_phase *phase = &coordinator->phase;
    uint64_t end_ns =
        phase->start_ns + (uint64_t)(second->at_s - lane->series.first_second + 1) * NS_PER_S;
    return end_ns <= phase->end_ns &&
           (coordinator->stop == STOP_NONE || end_ns <= coordinator->stop_ns) &&
           !atomic_load(&phase->exhausted);
}

void coordinator_alert_second(struct coordinator_lane *lane, const struct second *second)
{
    struct coordinator *coordinator = lane->coordinator;
    struct alert_window window;
    if (!result_phase_counts(coordinator->result_phase))
        return;
    alert_window_of_second(&window, coordinator->result, coordinator->phase_index, lane->result,
                           second, is_whole(lane, second));
    step(coordinator, &window);
    if (lane->index + 1u == coordinator->phase.lane_count &&
        alert_window_of_generator(&window, coordinator->result, coordinator->phase_index,
                                  second->at_s))
        step(coordinator, &window);
}
