/* See process.h. proc(5) describes the fields. */
#include "monitor/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int read_file(pid_t pid, const char *name, char *text, size_t size);
static uint32_t count_descriptors(pid_t pid);

int process_sample(pid_t pid, struct process_sample *sample)
{
    char text[1024];
    unsigned long long user = 0, system = 0, resident = 0;
    long threads = 0;
    if (read_file(pid, "stat", text, sizeof text) < 0)
        return -1;
    /* The second field is the name in parentheses, which may itself hold spaces and parentheses. */
    const char *fields = strrchr(text, ')');
    if (!fields || sscanf(fields + 1,
                          " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu"
                          " %*d %*d %*d %*d %ld",
                          &user, &system, &threads) != 3)
        return -1;
    if (read_file(pid, "statm", text, sizeof text) < 0 || sscanf(text, "%*u %llu", &resident) != 1)
        return -1;
    uint64_t tick_ns = UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK);
    *sample = (struct process_sample){
        .cpu_ns = (user + system) * tick_ns,
        .resident_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE),
        .threads = (uint32_t)threads,
        .descriptors = count_descriptors(pid),
    };
    return 0;
}

static int read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    if (length <= 0)
        return -1;
    text[length] = 0;
    return 0;
}

static uint32_t count_descriptors(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *directory = opendir(path);
    if (!directory)
        return 0;
    uint32_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}
