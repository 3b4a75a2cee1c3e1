/* What the kernel says of a process: /proc/PID/stat, statm and fd. */
#ifndef CICADA_MONITOR_PROCESS_H
#define CICADA_MONITOR_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct process_sample {
    uint64_t cpu_ns; /* user and system, since it began; in steps of a clock tick (10 ms) */
    uint64_t resident_bytes;
    uint32_t threads;
    uint32_t descriptors; /* 0 when they may not be counted: a process of another user */
};

/* -1 when there is no such process (any more). */
int process_sample(pid_t pid, struct process_sample *sample);

#endif
