#include "report/form_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_directly(const char *path, file_content *content, const void *context,
                          struct error *error);
static int write_atomically(const char *path, file_content *content, const void *context,
                            struct error *error);

int file_write(const char *path, file_content *content, const void *context, struct error *error)
{
    struct stat stat_of;
    bool special = stat(path, &stat_of) == 0 && !S_ISREG(stat_of.st_mode);
    return special ? write_directly(path, content, context, error)
                   : write_atomically(path, content, context, error);
}

static int fail_file(struct error *error, const char *path, const char *what)
{
    return error_set(error, ERROR_INTERNAL, "%s: cannot %s: %s", path, what, strerror(errno));
}

static int fill(FILE *file, file_content *content, const void *context)
{
    if (content(file, context) < 0 || fflush(file) == EOF)
        return -1;
    return ferror(file) ? -1 : 0;
}

static int write_directly(const char *path, file_content *content, const void *context,
                          struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return fail_file(error, path, "open");
    int status = fill(file, content, context);
    if (fclose(file) == EOF || status < 0)
        return fail_file(error, path, "write");
    return 0;
}

/* The folder of `path`, with a slash at its end, or ".". */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (slash && (size_t)(slash - path) + 2 > PATH_MAX)
        return false;
    snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return true;
}

/* The rename is durable only once the folder is. Failing at that loses nothing that was promised.
 */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    if (!folder_of(path, folder))
        return;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static mode_t file_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static int write_atomically(const char *path, file_content *content, const void *context,
                            struct error *error)
{
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
        return error_set(error, ERROR_USAGE, "%.200s...: the path is too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail_file(error, path, "create a file in its folder");
    FILE *file = fdopen(fd, "w");
    if (!file) {
        fail_file(error, path, "write");
        close(fd);
        unlink(temporary);
        return -1;
    }
    int status = 0;
    if (fchmod(fd, file_mode()) < 0 || fill(file, content, context) < 0 || fsync(fd) < 0)
        status = fail_file(error, path, "write");
    if (fclose(file) == EOF && status == 0)
        status = fail_file(error, path, "write");
    if (status == 0 && rename(temporary, path) < 0)
        status = fail_file(error, path, "replace");
    if (status < 0)
        unlink(temporary);
    else
        sync_folder(path);
    return status;
}

/* ---- before a run --------------------------------------------------------------------------- */

int file_make_folder(const char *path, struct error *error)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return error_set(error, ERROR_USAGE, "%.200s: is no folder name", path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char kept = part[i];
        part[i] = 0;
        if (mkdir(part, 0777) < 0 && errno != EEXIST)
            return error_set(error, ERROR_USAGE, "%.500s: cannot make this folder: %s", part,
                             strerror(errno));
        part[i] = kept;
    }
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
        return error_set(error, ERROR_USAGE, "%.500s: is a file; name a folder", path);
    return file_check_writable(path, error);
}

int file_check_writable(const char *path, struct error *error)
{
    char folder[PATH_MAX];
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        if (access(path, W_OK) == 0)
            return 0;
        return error_set(error, ERROR_USAGE, "%.500s: cannot be written to: %s", path,
                         strerror(errno));
    }
    if (!folder_of(path, folder))
        return error_set(error, ERROR_USAGE, "%.200s...: the path is too long", path);
    if (access(folder, W_OK | X_OK) < 0)
        return error_set(error, ERROR_USAGE,
                         "%.400s: its folder %.400s cannot be written to: %s; make it, or name "
                         "another",
                         path, folder, strerror(errno));
    return 0;
}
