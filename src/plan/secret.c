#include "plan/secret.h"

#include "base/buffer.h"
#include "base/scrub.h"
#include "plan/values.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_LIMIT ((size_t)64 * 1024)

char *path_join(const char *folder, const char *path)
{
    char *joined = NULL;
    if (*path == '/')
        return strdup(path);
    return asprintf(&joined, "%s%s", folder, path) < 0 ? NULL : joined;
}

char *path_folder(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? strndup(file, (size_t)(slash - file) + 1) : strdup("");
}

/* Everything of an open descriptor; -1 with errno set, EFBIG beyond the limit of the buffer. */
static int read_all(int fd, struct buffer *content)
{
    for (;;) {
        char *room = buffer_reserve(content, 4096);
        char last;
        ssize_t count = read(fd, room ? room : &last, room ? 4096 : 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -1 : 0;
        if (!room) {
            errno = EFBIG;
            return -1;
        }
        buffer_commit(content, (size_t)count);
    }
}

char *file_read(const char *path, size_t limit, size_t *length, struct error *error)
{
    struct buffer content;
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    buffer_init(&content, limit + 4096);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        close(fd);
        fd = -1;
        errno = EISDIR;
    }
    int failed = fd < 0 ? -1 : read_all(fd, &content);
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (failed == 0 && buffer_length(&content) > limit) {
        failed = -1;
        problem = EFBIG;
    }
    if (failed < 0) {
        buffer_free(&content);
        error_set(error, ERROR_USAGE, "cannot read %s: %s", path, strerror(problem));
        return NULL;
    }
    if (length)
        *length = buffer_length(&content);
    char *text = buffer_take_string(&content);
    if (!text)
        error_out_of_memory(error);
    return text;
}

static bool is_name_byte(char byte, bool first)
{
    return byte == '_' || isalpha((unsigned char)byte) || (!first && isdigit((unsigned char)byte));
}

/* The variable at *text, which stands behind the dollar sign and moves behind the name. */
static int append_variable(struct buffer *output, const char **text, struct error *error)
{
    char name[256];
    const char *start = *text;
    bool braces = *start == '{';
    size_t length = 0;
    start += braces;
    while (is_name_byte(start[length], length == 0))
        length++;
    if (length == 0 || length >= sizeof name || (braces && start[length] != '}'))
        return error_set(error, ERROR_USAGE,
                         "has a \"$\" without the name of a variable behind it; write $NAME, "
                         "${NAME}, or $$ for a dollar sign");
    memcpy(name, start, length);
    name[length] = '\0';
    *text = start + length + braces;
    const char *value = getenv(name);
    if (!value)
        return error_set(error, ERROR_USAGE,
                         "the environment variable %s is not set; export it, or write $$ for a "
                         "dollar sign",
                         name);
    return buffer_append_text(output, value) < 0 ? error_out_of_memory(error) : 0;
}

static int append_file(struct buffer *output, const char *path, const char *folder,
                       struct error *error)
{
    size_t length;
    char *resolved = path_join(folder, path);
    if (!resolved)
        return error_out_of_memory(error);
    char *content = file_read(resolved, SECRET_LIMIT, &length, error);
    free(resolved);
    if (!content)
        return -1;
    if (length > 0 && content[length - 1] == '\n')
        content[--length] = '\0';
    if (length > 0 && content[length - 1] == '\r')
        content[--length] = '\0';
    scrub_remember(content);
    int failed = buffer_append_text(output, content);
    free(content);
    return failed < 0 ? error_out_of_memory(error) : 0;
}

static int resolve(struct buffer *output, const char *value, const char *folder,
                   struct error *error)
{
    const char *space = strrchr(value, ' ');
    const char *last_word = space ? space + 1 : value;
    while (*value) {
        if (value == last_word && value[0] == '@' && value[1] != '@' && value[1])
            return append_file(output, value + 1, folder, error);
        if (value == last_word && value[0] == '@' && value[1] == '@')
            value++;
        if (value[0] == '$' && value[1] == '$')
            value++;
        else if (value[0] == '$') {
            value++;
            if (append_variable(output, &value, error) < 0)
                return -1;
            continue;
        }
        if (buffer_append_char(output, *value++) < 0)
            return error_set(error, ERROR_USAGE, "is longer than %zu bytes", SECRET_LIMIT);
    }
    return 0;
}

char *secret_resolve(const char *name, const char *value, const char *folder, struct error *error)
{
    struct buffer output;
    buffer_init(&output, SECRET_LIMIT * 2);
    if (resolve(&output, value, folder, error) < 0) {
        buffer_free(&output);
        return NULL;
    }
    char *resolved = buffer_take_string(&output);
    if (!resolved) {
        error_out_of_memory(error);
        return NULL;
    }
    if (scrub_name_is_secret(name)) {
        const char *space = strchr(resolved, ' '); /* "Bearer TOKEN": the token by itself too */
        scrub_remember(resolved);
        if (space)
            scrub_remember(space + 1);
    }
    return resolved;
}

char *secret_escape(const char *value)
{
    const char *space = strrchr(value, ' ');
    const char *last_word = space ? space + 1 : value;
    char *escaped = malloc(strlen(value) * 2 + 1), *to = escaped;
    for (; escaped && *value; value++) {
        if (*value == '$' || (*value == '@' && value == last_word))
            *to++ = *value;
        *to++ = *value;
    }
    if (escaped)
        *to = '\0';
    return escaped;
}
