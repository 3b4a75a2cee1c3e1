/* See embedded.h. One folder and a few children per process: their state is static, because a
 * signal handler must find it. */
#include "cicada/embedded.h"

#include "base/clock.h"
#include "base/interrupt.h"

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

#define START_NS      (10 * NS_PER_S)
#define START_POLL_US 2000

/* A server of our own. It is ready when `answers` fills the target's url (1), not yet (0). */
struct embedded_child {
    const char *program;  /* for messages */
    const char *missing;  /* what to do where it is not installed */
    void (*become)(void); /* in the child; does not return */
    int (*answers)(struct target_options *target);
    volatile pid_t pid;
};

static char folder[64]; /* "" until it is made; short enough for a socket's path in it */

static int make_folder(struct error *error);
static void remove_folder(void);
static int set_url(struct target_options *target, const char *scheme, const char *name);
static int start_child(struct embedded_child *child, struct target_options *target,
                       struct error *error);
static void end_child(struct embedded_child *child, int signal);
static _Noreturn void become_redis(void);
static int redis_answers(struct target_options *target);
static _Noreturn void become_burrow(void);
static int burrow_answers(struct target_options *target);

static struct embedded_child redis = {
    .program = "redis-server",
    .missing = "redis-server is not installed, and no --redis URL was given",
    .become = become_redis,
    .answers = redis_answers};
static struct embedded_child burrow = {
    .program = "burrow",
    .missing = "burrow is neither beside cicada nor in PATH; install it, or name a target",
    .become = become_burrow,
    .answers = burrow_answers};

int embedded_start(struct target_options *target, struct error *error)
{
    if (strcmp(target->driver, "faiss") == 0) {
        target->url = strdup("faiss:generated");
        return target->url ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
    }
    if (make_folder(error) < 0)
        return -1;
    if (strcmp(target->driver, "sqlite") == 0)
        return set_url(target, "sqlite:", "memory.sqlite") == 1
                   ? 0
                   : error_set(error, ERROR_INTERNAL, "out of memory");
    return start_child(strcmp(target->driver, "redis") == 0 ? &redis : &burrow, target, error);
}

void embedded_stop(void)
{
    end_child(&redis, SIGKILL); /* it holds nothing that is worth a farewell */
    end_child(&burrow, SIGTERM);
    remove_folder();
}

void embedded_abandon(void)
{
    if (redis.pid > 0)
        kill(redis.pid, SIGKILL);
    if (burrow.pid > 0)
        kill(burrow.pid, SIGKILL);
    remove_folder();
}

/* 1, or -1 when memory is out. */
static int set_url(struct target_options *target, const char *scheme, const char *name)
{
    if (asprintf(&target->url, "%s%s/%s", scheme, folder, name) >= 0)
        return 1;
    target->url = NULL;
    return -1;
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

/* ---- children ------------------------------------------------------------------------------ */

static int describe_end(const struct embedded_child *child, int status, struct error *error)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return error_set(error, ERROR_TARGET, "%s", child->missing);
    return error_set(error, ERROR_TARGET, "%s ended as soon as it was started (%s %d)",
                     child->program, WIFEXITED(status) ? "status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* The child goes when we go; a Ctrl-C at the terminal is for us alone. */
static _Noreturn void become(const struct embedded_child *child, pid_t parent)
{
    int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    child->become();
    _exit(126);
}

static int start_child(struct embedded_child *child, struct target_options *target,
                       struct error *error)
{
    int status, ready;
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return error_set(error, ERROR_TARGET, "cannot start %s: %s", child->program,
                         strerror(errno));
    if (pid == 0)
        become(child, parent);
    child->pid = pid;
    for (uint64_t until = clock_now_ns() + START_NS; (ready = child->answers(target)) == 0;) {
        if (waitpid(pid, &status, WNOHANG) == pid) {
            child->pid = 0;
            return describe_end(child, status, error);
        }
        if (clock_now_ns() > until || interrupt_requested()) {
            end_child(child, SIGKILL);
            return error_set(error, ERROR_TARGET, "%s did not listen within 10 s", child->program);
        }
        usleep(START_POLL_US);
    }
    return ready > 0 ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

/* An orderly end is given 5 s. */
static void end_child(struct embedded_child *child, int signal)
{
    pid_t pid = child->pid, ended = 0;
    if (pid <= 0)
        return;
    kill(pid, signal);
    for (uint64_t until = clock_now_ns() + 5 * NS_PER_S; signal != SIGKILL && ended == 0;) {
        ended = waitpid(pid, NULL, WNOHANG);
        if (ended == 0 && clock_now_ns() > until)
            break;
        if (ended == 0)
            usleep(START_POLL_US);
    }
    if (ended == 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    child->pid = 0;
}

/* ---- redis-server -------------------------------------------------------------------------- */

#define REDIS_SOCKET "redis.sock"

static _Noreturn void become_redis(void)
{
    char socket[sizeof folder + sizeof REDIS_SOCKET];
    snprintf(socket, sizeof socket, "%s/" REDIS_SOCKET, folder);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket,
           "--unixsocketperm", "700", "--dir", folder, "--save", "", "--appendonly", "no",
           "--daemonize", "no", (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

static int redis_answers(struct target_options *target)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" REDIS_SOCKET, folder);
    bool connected =
        handle >= 0 && connect(handle, (struct sockaddr *)&address, sizeof address) == 0;
    if (handle >= 0)
        close(handle);
    return connected ? set_url(target, "unix://", REDIS_SOCKET) : 0;
}

/* ---- burrow -------------------------------------------------------------------------------- */

#define BURROW_PORT_FILE "burrow.port" /* it writes the port it got once it listens */

/* Installed beside cicada; in a build folder, in its own. */
static _Noreturn void become_burrow(void)
{
    static const char *const places[] = {"burrow", "../burrow/burrow"};
    char port_file[sizeof folder + sizeof BURROW_PORT_FILE], own[4096], program[4200];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = 0;
    char *slash = strrchr(own, '/');
    if (slash)
        slash[1] = 0;
    snprintf(port_file, sizeof port_file, "%s/" BURROW_PORT_FILE, folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(program, sizeof program, "%s%s", own, places[i]);
        execl(program, "burrow", "serve", "--listen", "127.0.0.1:0", "--data", folder,
              "--port-file", port_file, (char *)NULL);
    }
    execlp("burrow", "burrow", "serve", "--listen", "127.0.0.1:0", "--data", folder, "--port-file",
           port_file, (char *)NULL);
    _exit(errno == ENOENT ? 127 : 126);
}

static int burrow_answers(struct target_options *target)
{
    char path[sizeof folder + sizeof BURROW_PORT_FILE];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/" BURROW_PORT_FILE, folder);
    FILE *file = fopen(path, "re");
    bool whole = file && fscanf(file, "%u", &port) == 1 && fgetc(file) == '\n';
    if (file)
        fclose(file);
    if (!whole)
        return 0;
    if (asprintf(&target->url, "http://127.0.0.1:%u/mcp", port) >= 0)
        return 1;
    target->url = NULL;
    return -1;
}
