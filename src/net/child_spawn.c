/* See child_spawn.h. */
#include "net/child_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { PIPES = 3 };

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

/* A pipe whose ends are not 0, 1 or 2, even if this process runs without those. */
static int open_pipe(int pair[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        pair[i] =
            low[i] > STDERR_FILENO ? low[i] : fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int saved = errno;
    for (int i = 0; i < 2; i++)
        if (low[i] <= STDERR_FILENO)
            close(low[i]);
    errno = saved;
    return pair[0] < 0 || pair[1] < 0 ? -1 : 0;
}

/* Ours with `additions` put over it. The strings are borrowed; the caller frees the array. */
static char **merge_environment(char *const additions[])
{
    size_t count = 0, added = 0, used = 0;
    while (environ[count])
        count++;
    while (additions && additions[added])
        added++;
    char **merged = calloc(count + added + 1, sizeof *merged);
    if (!merged)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name = strcspn(environ[i], "=") + 1;
        bool replaced = false;
        for (size_t j = 0; j < added && !replaced; j++)
            replaced = strncmp(environ[i], additions[j], name) == 0;
        if (!replaced)
            merged[used++] = environ[i];
    }
    for (size_t j = 0; j < added; j++)
        merged[used++] = additions[j];
    return merged;
}

static int spawn_failed(const char *program, int code, struct error *error)
{
    bool is_path = strchr(program, '/') != NULL;
    if (code == ENOENT && !is_path)
        return error_set(error, ERROR_TARGET,
                         "%s: not found in PATH; install it or give its full path", program);
    if (code == ENOENT)
        return error_set(error, ERROR_TARGET, "%s: %s", program,
                         access(program, F_OK) == 0
                             ? "the interpreter that its first line names does not exist"
                             : "no such file");
    if (code == EACCES)
        return error_set(error, ERROR_TARGET, "%s: is not executable; try chmod +x", program);
    if (code == ENOEXEC)
        return error_set(error, ERROR_TARGET,
                         "%s: is no program; a script needs a first line #!...", program);
    return error_set(error, ERROR_TARGET, "%s: cannot be started: %s", program, strerror(code));
}

/* posix_spawn reports why exec failed, as it shares our memory until that. In a group of its own,
 * with default signal handling, whatever ours is. Returns errno. */
static int spawn(pid_t *pid, char *const argv[], char *const environment[], int pipes[PIPES][2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    code = posix_spawn_file_actions_adddup2(&actions, pipes[STDIN_FILENO][0], STDIN_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, pipes[STDOUT_FILENO][1], STDOUT_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, pipes[STDERR_FILENO][1], STDERR_FILENO);
    if (code == 0)
        code = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int spawn_with_pipes(pid_t *pid, char *const argv[], char *const environment[], int ours[3],
                     struct error *error)
{
    int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    char **merged = merge_environment(environment);
    int code = merged ? 0 : ENOMEM;
    for (int i = 0; i < PIPES && code == 0; i++)
        if (open_pipe(pipes[i]) < 0)
            code = errno;
    if (code == 0)
        code = spawn(pid, argv, merged, pipes);
    free(merged);
    if (code != 0) {
        *pid = 0;
        for (int i = 0; i < PIPES; i++)
            close_pair(pipes[i]);
        return spawn_failed(argv[0], code, error);
    }
    for (int i = 0; i < PIPES; i++) {
        int our_end = i == STDIN_FILENO ? 1 : 0;
        ours[i] = pipes[i][our_end];
        close(pipes[i][!our_end]);
        fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}
