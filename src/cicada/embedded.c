/* See embedded.h. One folder and one redis-server per process: their state is static, because a
 * signal handler must find it. */
#include "cicada/embedded.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REDIS_START_NS (10 * NS_PER_S)
#define REDIS_POLL_US  5000

static char folder[64]; /* "" until it is made; short enough for a socket's path in it */
static volatile pid_t redis_pid;

static int make_folder(struct error *error);
static void remove_folder(void);
static int start_redis(struct target_options *target, struct error *error);
static void end_redis(void);
static int set_url(struct target_options *target, const char *scheme, const char *name,
                   struct error *error);

int embedded_start(struct target_options *target, struct error *error)
{
    if (strcmp(target->driver, "faiss") == 0) {
        target->url = strdup("faiss:generated");
        return target->url ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    }
    if (make_folder(error) < 0)
        return -1;
    if (strcmp(target->driver, "sqlite") == 0)
        return set_url(target, "sqlite:", "memory.sqlite", error);
    return start_redis(target, error);
}

void embedded_stop(void)
{
    end_redis();
    remove_folder();
}

void embedded_abandon(void)
{
    if (redis_pid > 0)
        kill(redis_pid, SIGKILL);
    remove_folder();
}

static int set_url(struct target_options *target, const char *scheme, const char *name,
                   struct error *error)
{
    if (asprintf(&target->url, "%s%s/%s", scheme, folder, name) >= 0)
        return 0;
    target->url = NULL;
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* ---- the folder ---------------------------------------------------------------------------- */

static int make_folder(struct error *error)
{
    static const char name[] = "cicada-XXXXXX";
    const char *parent = getenv("TMPDIR");
    if (folder[0])
        return 0;
    if (!parent || !*parent || strlen(parent) + sizeof name + 1 > sizeof folder)
        parent = "/tmp";
    char made[sizeof folder];
    snprintf(made, sizeof made, "%s/%s", parent, name);
    if (!mkdtemp(made))
        return error_set(error, ERROR_TARGET, "cannot make a folder in %s: %s", parent,
                         strerror(errno));
    memcpy(folder, made, sizeof folder);
    return 0;
}

/* With system calls only, since it may be called in a signal handler. */
static void remove_folder(void)
{
    struct entry { /* getdents64(2) */
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    _Alignas(struct entry) char entries[4096];
    int directory = folder[0] ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    long read;
    if (directory < 0)
        return;
    while ((read = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
        for (long at = 0; at < read;) {
            const struct entry *entry = (const struct entry *)(entries + at);
            unlinkat(directory, entry->name, 0); /* "." and ".." refuse */
            at += entry->length;
        }
    close(directory);
    rmdir(folder);
    folder[0] = 0;
}

/* ---- redis-server -------------------------------------------------------------------------- */

/* The child goes when we go; a Ctrl-C at the terminal is for us alone. */
static _Noreturn void become_redis(const char *socket, pid_t parent)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket,
           "--unixsocketperm", "700", "--dir", folder, "--save", "", "--appendonly", "no",
           "--daemonize", "no", (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    bool connected =
        handle >= 0 && connect(handle, (struct sockaddr *)&address, sizeof address) == 0;
    if (handle >= 0)
        close(handle);
    return connected;
}

static int describe_end(int status, struct error *error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return error_set(error, ERROR_TARGET,
                         "redis-server is not installed, and no --redis URL was given");
    return error_set(error, ERROR_TARGET, "redis-server ended as soon as it was started (%s %d)",
                     WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int start_redis(struct target_options *target, struct error *error)
{
    char socket[sizeof folder + 16];
    int status;
    pid_t parent = getpid();
    snprintf(socket, sizeof socket, "%s/redis.sock", folder);
    pid_t child = fork();
    if (child < 0)
        return error_set(error, ERROR_TARGET, "cannot start redis-server: %s", strerror(errno));
    if (child == 0)
        become_redis(socket, parent);
    redis_pid = child;
    for (uint64_t until = clock_now_ns() + REDIS_START_NS; !answers(socket);) {
        if (waitpid(child, &status, WNOHANG) == child) {
            redis_pid = 0;
            return describe_end(status, error);
        }
        if (clock_now_ns() > until) {
            end_redis();
            return error_set(error, ERROR_TARGET, "redis-server did not listen within 10 s");
        }
        usleep(REDIS_POLL_US);
    }
    return set_url(target, "unix://", "redis.sock", error);
}

static void end_redis(void)
{
    pid_t child = redis_pid;
    if (child <= 0)
        return;
    kill(child, SIGKILL); /* it holds nothing that is worth a farewell */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    redis_pid = 0;
}
