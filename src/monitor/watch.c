/* See watch.h. */
#include "monitor/watch.h"

#include "base/clock.h"
#include "monitor/process.h"

#include <stdlib.h>
#include <unistd.h>

static double cores_since(struct process_watch *watch, uint64_t cpu_ns, uint64_t now_ns);
static void *grow(void *list, size_t count, size_t size);

void process_watch_begin(struct process_watch *watch, pid_t pid, uint64_t now_ns)
{
    struct process_sample sample;
    *watch = (struct process_watch){.pid = pid};
    if (pid <= 0)
        return;
    if (pid == getpid())
        watch->cpu_ns = clock_process_cpu_ns();
    else if (process_sample(pid, &sample) == 0)
        watch->cpu_ns = sample.cpu_ns;
    watch->at_ns = now_ns;
}

int self_watch_second(struct process_watch *watch, struct result *result, uint32_t at_s,
                      uint64_t now_ns, const struct self_figures *figures)
{
    struct process_sample sample = {0};
    struct self_second *list = grow(result->self, result->self_count, sizeof *list);
    if (!list)
        return -1;
    result->self = list;
    process_sample(watch->pid, &sample);
    list[result->self_count++] = (struct self_second){
        .at_s = at_s,
        .cpu_utilisation = figures->busiest_worker,
        .process_cpu = cores_since(watch, clock_process_cpu_ns(), now_ns),
        .scheduling_lag_ns = figures->scheduling_lag_ns,
        .send_delay_p99_ns = figures->send_delay_p99_ns,
        .resident_bytes = sample.resident_bytes,
    };
    return 0;
}

void target_watch_before(const struct process_watch *watch, struct result_target *target)
{
    struct process_sample sample;
    if (watch->pid <= 0 || process_sample(watch->pid, &sample) < 0)
        return;
    target->resident_before = sample.resident_bytes;
    target->descriptors_before = sample.descriptors;
    target->threads_before = sample.threads;
}

int target_watch_second(struct process_watch *watch, struct result *result, uint32_t target,
                        uint32_t at_s, uint64_t now_ns)
{
    struct process_sample sample;
    if (watch->pid <= 0 || process_sample(watch->pid, &sample) < 0)
        return 0;
    struct target_second *list = grow(result->watch, result->watch_count, sizeof *list);
    if (!list)
        return -1;
    result->watch = list;
    list[result->watch_count++] = (struct target_second){
        .at_s = at_s,
        .target = target,
        .cpu_cores = cores_since(watch, sample.cpu_ns, now_ns),
        .resident_bytes = sample.resident_bytes,
        .descriptors = sample.descriptors,
        .threads = sample.threads,
    };
    return 0;
}

static double cores_since(struct process_watch *watch, uint64_t cpu_ns, uint64_t now_ns)
{
    uint64_t elapsed = now_ns > watch->at_ns ? now_ns - watch->at_ns : 0;
    uint64_t used = cpu_ns > watch->cpu_ns ? cpu_ns - watch->cpu_ns : 0;
    bool known = watch->at_ns && elapsed;
    watch->cpu_ns = cpu_ns;
    watch->at_ns = now_ns;
    return known ? (double)used / (double)elapsed : 0;
}

/* Room for one more: the list doubles at every power of two. */
static void *grow(void *list, size_t count, size_t size)
{
    if (count & (count - 1) || (count < 16 && count > 0))
        return list;
    return realloc(list, (count < 16 ? 16 : count * 2) * size);
}
