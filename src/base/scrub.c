/* See scrub.h. */
#include "base/scrub.h"
#include "base/buffer.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHORTEST_SECRET = 4, MOST_SECRETS = 256 };

static char *secrets[MOST_SECRETS];
static size_t secret_count;

bool scrub_name_is_secret(const char *name)
{
    static const char *const whole[] = {"authorization", "proxy-authorization", "cookie",
                                        "set-cookie"};
    static const char *const parts[] = {"token",       "secret",      "password", "passwd",
                                        "api-key",     "api_key",     "apikey",   "credential",
                                        "private-key", "private_key", "auth-key"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcasecmp(name, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

/* Append one query parameter, its value hidden if its name is a secret's. */
static int append_parameter(struct buffer *output, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    if (!equals)
        return buffer_append(output, text, length);
    char name[128];
    size_t name_length = (size_t)(equals - text);
    if (name_length >= sizeof name)
        name_length = sizeof name - 1;
    memcpy(name, text, name_length);
    name[name_length] = '\0';
    if (!scrub_name_is_secret(name))
        return buffer_append(output, text, length);
    return buffer_append(output, text, (size_t)(equals - text) + 1) < 0
               ? -1
               : buffer_append_text(output, "***");
}

static int append_query(struct buffer *output, const char *query)
{
    while (*query) {
        size_t length = strcspn(query, "&#");
        if (append_parameter(output, query, length) < 0)
            return -1;
        query += length;
        if (*query == '#')
            return buffer_append_text(output, query);
        if (*query && buffer_append_char(output, *query++) < 0)
            return -1;
    }
    return 0;
}

static int append_authority(struct buffer *output, const char *authority, size_t length)
{
    const char *at = memrchr(authority, '@', length);
    const char *colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
    if (!colon)
        return buffer_append(output, authority, length);
    if (buffer_append(output, authority, (size_t)(colon - authority) + 1) < 0 ||
        buffer_append_text(output, "***") < 0)
        return -1;
    return buffer_append(output, at, length - (size_t)(at - authority));
}

char *scrub_url(const char *text)
{
    struct buffer output;
    buffer_init(&output, SIZE_MAX / 2);
    const char *authority = strstr(text, "://");
    authority = authority ? authority + 3 : text;
    size_t authority_length = strcspn(authority, "/?#");
    const char *path = authority + authority_length;
    size_t path_length = strcspn(path, "?");
    if (buffer_append(&output, text, (size_t)(authority - text)) < 0 ||
        append_authority(&output, authority, authority_length) < 0 ||
        buffer_append(&output, path, path_length) < 0)
        goto failed;
    if (path[path_length] == '?' &&
        (buffer_append_char(&output, '?') < 0 || append_query(&output, path + path_length + 1) < 0))
        goto failed;
    return buffer_take_string(&output);
failed:
    buffer_free(&output);
    return NULL;
}

void scrub_remember(const char *secret)
{
    if (!secret || strlen(secret) < SHORTEST_SECRET || secret_count == MOST_SECRETS)
        return;
    for (size_t i = 0; i < secret_count; i++)
        if (strcmp(secrets[i], secret) == 0)
            return;
    char *copy = strdup(secret);
    if (copy)
        secrets[secret_count++] = copy;
}

/* Length of the secret that starts at text, 0 if none does; the longest one wins. */
static size_t secret_at(const char *text, size_t length)
{
    size_t longest = 0;
    for (size_t i = 0; i < secret_count; i++) {
        size_t size = strlen(secrets[i]);
        if (size > longest && size <= length && memcmp(text, secrets[i], size) == 0)
            longest = size;
    }
    return longest;
}

static size_t bearer_token_at(const char *text, size_t length)
{
    size_t prefix = sizeof "Bearer " - 1, end = prefix;
    if (length <= prefix || strncasecmp(text, "Bearer ", prefix) != 0)
        return 0;
    while (end < length && (isalnum((unsigned char)text[end]) || strchr("-._~+/=", text[end])))
        end++;
    return end > prefix ? end : 0;
}

char *scrub_text(const char *text, size_t length)
{
    struct buffer output;
    buffer_init(&output, SIZE_MAX / 2);
    size_t plain = 0;
    for (size_t i = 0; i < length;) {
        size_t bearer = bearer_token_at(text + i, length - i);
        size_t hidden = bearer ? bearer : secret_at(text + i, length - i);
        if (!hidden) {
            i++;
            continue;
        }
        if (buffer_append(&output, text + plain, i - plain) < 0 ||
            buffer_append_text(&output, bearer ? "Bearer ***" : "***") < 0)
            goto failed;
        i += hidden;
        plain = i;
    }
    if (buffer_append(&output, text + plain, length - plain) < 0)
        goto failed;
    return buffer_take_string(&output);
failed:
    buffer_free(&output);
    return NULL;
}

void scrub_forget_all(void)
{
    while (secret_count)
        free(secrets[--secret_count]);
}

void scrub_argument(char *argument)
{
    memset(argument, '*', strlen(argument));
}
