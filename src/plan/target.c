#include "plan/target.h"

#include "plan/secret.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT ((size_t)200)

static const struct choice protocols[] = {{"auto", 0},       {"2026-07-28", 0}, {"2025-11-25", 0},
                                          {"2025-06-18", 0}, {"2025-03-26", 0}, {"2024-11-05", 0},
                                          {NULL, 0}};
static const struct choice transports[] = {
    {"auto", 0}, {"http", 0}, {"sse", 0}, {"stdio", 0}, {NULL, 0}};

int target_options_init(struct target_options *target, const char *name)
{
    *target = (struct target_options){.processes = 1, .http2 = true, .listen = true};
    target->name = strdup(name);
    target->protocol = strdup("auto");
    target->transport = strdup("auto");
    return target->name && target->protocol && target->transport ? 0 : -1;
}

void target_options_free(struct target_options *target)
{
    free(target->name);
    free(target->driver);
    free(target->url);
    string_list_free(target->command);
    string_list_free(target->environment);
    free(target->protocol);
    free(target->transport);
    for (size_t i = 0; i < target->header_count; i++) {
        free(target->header_names[i]);
        free(target->header_values[i]);
    }
    free(target->header_names);
    free(target->header_values);
    free(target->ca_file);
    free(target->certificate_file);
    free(target->key_file);
    string_list_free(target->tiers);
    json_decref(target->driver_options);
    *target = (struct target_options){0};
}

/* ---- words -------------------------------------------------------------------------------------
 */

int value_protocol(const char *text, void *field, const char *label, struct error *error)
{
    int unused;
    if (value_choice(text, protocols, &unused, label, error) < 0)
        return -1;
    return value_text(text, field, label, error);
}

int value_transport(const char *text, void *field, const char *label, struct error *error)
{
    int unused;
    if (value_choice(text, transports, &unused, label, error) < 0)
        return -1;
    return value_text(text, field, label, error);
}

/* Files need no host, and so no "//": sqlite:notes.db. */
static bool names_file(const char *text)
{
    return strncmp(text, "sqlite:", 7) == 0 || strncmp(text, "faiss:", 6) == 0;
}

bool target_is_url(const char *text)
{
    return names_file(text) || strstr(text, "://");
}

/* The password in `text` if it points elsewhere: "neo4j://user:$NAME@host". NULL: it does not. */
static const char *find_reference(const char *text, size_t *length)
{
    const char *authority = strstr(text, "://");
    const char *end = authority ? authority + 3 + strcspn(authority + 3, "/?#") : NULL;
    const char *at = end ? memrchr(authority, '@', (size_t)(end - authority)) : NULL;
    const char *colon = at ? memchr(authority + 3, ':', (size_t)(at - authority - 3)) : NULL;
    if (!colon || colon[1] != '$')
        return NULL;
    *length = (size_t)(at - colon - 1);
    return colon + 1;
}

static int append_encoded(struct buffer *output, const char *text)
{
    for (; *text; text++)
        if ((isalnum((unsigned char)*text) || strchr("-._~", *text)
                 ? buffer_append_char(output, *text)
                 : buffer_printf(output, "%%%02X", (unsigned char)*text)) < 0)
            return -1;
    return 0;
}

/* Put what the password points to in its place; *resolved stays NULL when it points to nothing. */
static int resolve_password(const char *text, char **resolved, struct error *error)
{
    size_t length;
    const char *reference = find_reference(text, &length);
    if (!reference)
        return 0;
    char *written = strndup(reference, length);
    char *secret = written ? secret_resolve("password", written, "", error) : NULL;
    struct buffer output;
    buffer_init(&output, (size_t)64 * 1024);
    bool whole = secret && buffer_append(&output, text, (size_t)(reference - text)) == 0 &&
                 append_encoded(&output, secret) == 0 &&
                 buffer_append_text(&output, reference + length) == 0;
    *resolved = whole ? buffer_take_string(&output) : NULL;
    bool refused = written && !secret;
    buffer_free(&output);
    free(written);
    free(secret);
    if (refused)
        return -1;
    return *resolved ? 0 : error_out_of_memory(error);
}

int value_url(const char *text, void *field, const char *label, struct error *error)
{
    const char *p = text;
    while (isalnum((unsigned char)*p) || (p != text && strchr("+-._", *p) && *p))
        p++;
    if (!names_file(text) && (!isalpha((unsigned char)*text) || strncmp(p, "://", 3) != 0))
        return error_set(error, ERROR_USAGE,
                         "must be a URL with its scheme; write e.g. %shttp://127.0.0.1:3000/mcp",
                         label);
    for (p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return error_set(error, ERROR_USAGE,
                             "holds a blank or control character; write it as %%20 or the like");
    char *resolved = NULL;
    if (resolve_password(text, &resolved, error) < 0)
        return -1;
    int failed = value_text(resolved ? resolved : text, field, label, error);
    free(resolved);
    return failed;
}

/* ---- headers and environment --------------------------------------------------------------------
 */

static bool is_token(const char *name) /* RFC 9110, 5.6.2 */
{
    if (!*name)
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("!#$%&'*+-.^_`|~", *name))
            return false;
    return true;
}

static int add_header(struct target_options *target, const char *name, char *value,
                      struct error *error)
{
    size_t count = target->header_count;
    if (count >= HEADER_LIMIT)
        return error_set(error, ERROR_USAGE, "is one header too many; %zu are taken", HEADER_LIMIT);
    char **names = realloc(target->header_names, (count + 1) * sizeof *names);
    if (names)
        target->header_names = names;
    char **values = realloc(target->header_values, (count + 1) * sizeof *values);
    if (values)
        target->header_values = values;
    char *copy = strdup(name);
    if (!names || !values || !copy) {
        free(copy);
        return error_out_of_memory(error);
    }
    names[count] = copy;
    values[count] = value;
    target->header_count++;
    return 0;
}

int target_set_header(struct target_options *target, const char *name, const char *value,
                      const char *folder, struct error *error)
{
    if (!is_token(name))
        return error_set(error, ERROR_USAGE,
                         "is no name of a header; write e.g. X-Api-Key, letters, digits and "
                         "dashes");
    char *resolved = secret_resolve(name, value, folder, error);
    if (!resolved)
        return -1;
    for (const char *p = resolved; *p; p++) {
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) {
            free(resolved);
            return error_set(error, ERROR_USAGE,
                             "holds a line break or control character; a header is one line");
        }
    }
    for (size_t i = 0; i < target->header_count; i++) {
        if (strcasecmp(target->header_names[i], name) == 0) {
            free(target->header_values[i]);
            target->header_values[i] = resolved;
            return 0;
        }
    }
    if (add_header(target, name, resolved, error) < 0) {
        free(resolved);
        return -1;
    }
    return 0;
}

int target_set_environment(struct target_options *target, const char *name, const char *value,
                           const char *folder, struct error *error)
{
    if (!*name || strchr(name, '='))
        return error_set(error, ERROR_USAGE,
                         "is no name of a variable; write e.g. LOG_LEVEL, without \"=\"");
    char *resolved = secret_resolve(name, value, folder, error), *pair;
    if (!resolved)
        return -1;
    int length = asprintf(&pair, "%s=%s", name, resolved);
    free(resolved);
    if (length < 0)
        return error_out_of_memory(error);
    for (char **item = target->environment; item && *item; item++) {
        if (strncmp(*item, pair, strlen(name) + 1) == 0) {
            free(*item);
            *item = pair;
            return 0;
        }
    }
    int failed = string_list_add(&target->environment, pair);
    free(pair);
    return failed < 0 ? error_out_of_memory(error) : 0;
}

/* ---- commands -----------------------------------------------------------------------------------
 */

/* The word at *text into `word` (as long as the rest); moves behind it. -1 on a quote without end.
 */
static int split_word(const char **text, char *word)
{
    char quote = 0;
    for (; **text && (quote || !isspace((unsigned char)**text)); (*text)++) {
        if (quote ? **text == quote : (**text == '"' || **text == '\''))
            quote = quote ? 0 : **text;
        else if (**text == '\\' && quote != '\'' && (*text)[1])
            *word++ = *++*text;
        else
            *word++ = **text;
    }
    *word = '\0';
    return quote ? -1 : 0;
}

int command_split(const char *text, char ***command, struct error *error)
{
    char *word = malloc(strlen(text) + 1);
    int failed = word ? 0 : error_out_of_memory(error);
    while (failed == 0) {
        while (isspace((unsigned char)*text))
            text++;
        if (!*text)
            break;
        if (split_word(&text, word) < 0)
            failed = error_set(error, ERROR_USAGE,
                               "has a quote without its end; close it, or write the command as a "
                               "list");
        else if (string_list_add(command, word) < 0)
            failed = error_out_of_memory(error);
    }
    free(word);
    return failed;
}

/* A target that cicada starts, or makes of others: it has a driver, and no place. */
static int check_made(const struct target_options *target, struct error *error)
{
    static const char *const embedded[] = {"redis", "faiss", "sqlite", "mcp_http", NULL};
    if (target->command || target->url)
        return error_set(error, ERROR_USAGE,
                         "%s: cannot stand beside a url or a command; leave "
                         "one out",
                         target->tiers ? "tiers" : "embedded");
    if (target->tiers && (!target->driver || strcmp(target->driver, "cross_tier") != 0))
        return error_set(error, ERROR_USAGE,
                         "tiers: are of the driver cross_tier; write driver: cross_tier");
    for (size_t i = 0; target->driver && embedded[i]; i++)
        if (strcmp(target->driver, embedded[i]) == 0)
            return 0;
    return target->tiers ? 0
                         : error_set(error, ERROR_USAGE,
                                     "embedded: is for the drivers redis, faiss, sqlite and "
                                     "mcp_http (burrow); write e.g. driver: sqlite");
}

int target_check(const struct target_options *target, struct error *error)
{
    bool has_command = target->command != NULL;
    if (target->embedded || target->tiers)
        return check_made(target, error);
    if (has_command == (target->url != NULL))
        return error_set(error, ERROR_USAGE,
                         has_command ? "url: cannot stand beside a command; leave one out"
                                     : "url: is missing; give a url (http://...) or a command");
    if (has_command && !*target->command[0])
        return error_set(error, ERROR_USAGE, "command: begins with an empty word; name a program");
    const char *transport = target->transport;
    if (has_command && strcmp(transport, "auto") != 0 && strcmp(transport, "stdio") != 0)
        return error_set(error, ERROR_USAGE,
                         "transport: %s is for a url; a command is spoken to over stdio",
                         transport);
    if (!has_command && strcmp(transport, "stdio") == 0)
        return error_set(error, ERROR_USAGE,
                         "transport: stdio is for a command; give one in place of the url");
    if (!has_command && target->environment)
        return error_set(error, ERROR_USAGE, "env: is for a command; a url has no environment");
    if (!has_command && target->processes != 1)
        return error_set(error, ERROR_USAGE,
                         "processes: are of a command; a url has its own server");
    if (has_command && target->header_count)
        return error_set(error, ERROR_USAGE,
                         "headers: are for a url; a command takes env in their place");
    return 0;
}
