/* How late can a start be at best on this machine, now: a loop that does nothing but wait for one
 * deadline after the other, with the same call and timer slack as cicada's workers. What it
 * measures is the kernel's wake-up and whoever else runs; the start delay of a generator is held
 * against it.
 *
 *     timer_floor RATE SECONDS  ->  COUNT P50 P99 P999 MAX, in microseconds */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void wait_until(int epoll, uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    struct epoll_event event;
    if (now >= deadline_ns)
        return;
    struct timespec timeout = {.tv_sec = (time_t)((deadline_ns - now) / NS_PER_S),
                               .tv_nsec = (long)((deadline_ns - now) % NS_PER_S)};
    epoll_pwait2(epoll, &event, 1, &timeout, NULL);
}

int main(int argc, char **argv)
{
    double rate = argc > 1 ? strtod(argv[1], NULL) : 50000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 5;
    size_t count = rate > 0 && seconds > 0 && rate * seconds < 1e8 ? (size_t)(rate * seconds) : 0;
    uint64_t *delays = count ? calloc(count, sizeof *delays) : NULL;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!delays || epoll < 0) {
        fprintf(stderr, "usage: timer_floor RATE SECONDS\n");
        return 2;
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
    uint64_t start = clock_now_ns() + NS_PER_MS;
    for (size_t i = 0; i < count;) {
        wait_until(epoll, start + (uint64_t)((double)i / rate * 1e9));
        for (; i < count; i++) { /* all that are due by now, each with its own delay */
            uint64_t due = start + (uint64_t)((double)i / rate * 1e9), now = clock_now_ns();
            if (due > now)
                break;
            delays[i] = now - due;
        }
    }
    qsort(delays, count, sizeof *delays, by_value);
    printf("%zu %.1f %.1f %.1f %.1f\n", count, (double)delays[count / 2] / 1e3,
           (double)delays[count * 99 / 100] / 1e3, (double)delays[count * 999 / 1000] / 1e3,
           (double)delays[count - 1] / 1e3);
    free(delays);
    return 0;
}
