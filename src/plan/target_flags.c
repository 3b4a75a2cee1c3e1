#include "plan/target_flags.h"

#include "base/scrub.h"
#include "plan/target.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "K: V" or "K=V" cut in two; the name is the caller's to free. */
static char *split_pair(const char *text, char separator, const char **value)
{
    const char *at = strchr(text, separator);
    if (!at || at == text)
        return NULL;
    *value = at + 1 + strspn(at + 1, separator == ':' ? " \t" : "");
    return strndup(text, (size_t)(at - text));
}

static int value_header(const char *text, void *field, const char *label, struct error *error)
{
    const char *value;
    char *name = split_pair(text, ':', &value);
    if (!name)
        return error_set(error, ERROR_USAGE,
                         "must be a name and a value; write e.g. %s'Authorization: Bearer $TOKEN'",
                         label);
    int failed = target_set_header(field, name, value, "", error);
    if (scrub_name_is_secret(name))
        scrub_argument((char *)value); /* in argv, where anyone can read it */
    free(name);
    return failed;
}

static int value_variable(const char *text, void *field, const char *label, struct error *error)
{
    const char *value;
    char *name = split_pair(text, '=', &value);
    if (!name)
        return error_set(error, ERROR_USAGE,
                         "must be a variable and its value; write e.g. %sLOG_LEVEL=debug", label);
    int failed = target_set_environment(field, name, value, "", error);
    if (scrub_name_is_secret(name))
        scrub_argument((char *)value);
    free(name);
    return failed;
}

/* An option that switches something off. */
static int value_off(const char *text, void *field, const char *label, struct error *error)
{
    bool off;
    if (value_flag(text, &off, label, error) < 0)
        return -1;
    *(bool *)field = !off;
    return 0;
}

#define FIELD(member) offsetof(struct target_options, member)
const struct option_row target_option_rows[] = {
    {"protocol", "REVISION",
     "auto (default), 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, "
     "2024-11-05",
     value_protocol, FIELD(protocol)},
    {"transport", "NAME", "auto (default), http, sse, stdio", value_transport, FIELD(transport)},
    {"header", "'K: V'",
     "add a header; $NAME is the environment's, @FILE a file's content; repeatable", value_header,
     0},
    {"cacert", "FILE", "trust these certificates (PEM) in place of the system's", value_text,
     FIELD(ca_file)},
    {"cert", "FILE", "client certificate (PEM)", value_text, FIELD(certificate_file)},
    {"key", "FILE", "its private key (PEM)", value_text, FIELD(key_file)},
    {"insecure", NULL, "do not verify the server's certificate", value_flag, FIELD(insecure)},
    {"no-http2", NULL, "do not offer HTTP/2", value_off, FIELD(http2)},
    {"no-listen", NULL, "legacy sessions: do not keep the GET stream open", value_off,
     FIELD(listen)},
    {"env", "K=V", "a variable of the child process; $NAME and @FILE as above; repeatable",
     value_variable, 0},
    {"processes", "N", "children to start for a command (default 1)", value_count,
     FIELD(processes)},
    {"pool", "N", "connections for all users together (default: users x in flight)", value_count,
     FIELD(pool_size)},
    {"timeout", "T", "of one operation (default 30s); also how long a phase drains", value_duration,
     FIELD(timeout_ns)},
    {"connect-timeout", "T", "of connecting, with TLS (default 10s)", value_duration,
     FIELD(connect_timeout_ns)},
    {"driver", "NAME", "the operation source, where the URL does not say it", value_text,
     FIELD(driver)},
    {NULL, NULL, NULL, NULL, 0}};

int target_take_url(struct target_options *target, char *text, struct error *error)
{
    if (target->url || target->command)
        return error_set(error, ERROR_USAGE, "TARGET: is given twice; give one URL or one command");
    if (value_url(text, &target->url, "", error) < 0)
        return error && error->code == ERROR_INTERNAL ? -1 : error_wrap(error, "TARGET");
    char *shown = scrub_url(text);
    if (shown && strcmp(shown, text) != 0)
        scrub_argument(text);
    free(shown);
    return 0;
}

int target_take_command(struct target_options *target, char **words, struct error *error)
{
    if (target->url || target->command)
        return error_set(error, ERROR_USAGE, "TARGET: is given twice; give one URL or one command");
    if (!words[0] || !*words[0])
        return error_set(error, ERROR_USAGE,
                         "--: has no command behind it; write e.g. -- npx -y some-server");
    for (; *words; words++)
        if (string_list_add(&target->command, *words) < 0)
            return error_out_of_memory(error);
    target_hide_command_secrets(target->command);
    return 0;
}

/* "--api-key=VALUE", "TOKEN=VALUE", or "--token" before VALUE */
void target_hide_command_secrets(char *const *words)
{
    for (; words && *words; words++) {
        const char *value;
        char *name = split_pair(*words, '=', &value);
        if (name && scrub_name_is_secret(name))
            scrub_remember(value);
        else if (!name && (*words)[0] == '-' && scrub_name_is_secret(*words) && words[1] &&
                 words[1][0] != '-')
            scrub_remember(words[1]);
        free(name);
    }
}

/* ---- over a plan's target -----------------------------------------------------------------------
 */

void target_flags_init(struct target_options *given)
{
    *given = (struct target_options){.http2 = true, .listen = true};
}

static int override_text(char **field, const char *given)
{
    if (!given)
        return 0;
    char *copy = strdup(given);
    free(*field);
    *field = copy;
    return copy ? 0 : -1;
}

/* The headers and variables given have been resolved: "$" and "@" in them mean themselves. */
static int override_header(struct target_options *target, const char *name, const char *value)
{
    for (size_t i = 0; i < target->header_count; i++)
        if (strcasecmp(target->header_names[i], name) == 0)
            return override_text(&target->header_values[i], value);
    size_t count = target->header_count;
    char **names = realloc(target->header_names, (count + 1) * sizeof *names);
    if (names)
        target->header_names = names;
    char **values = realloc(target->header_values, (count + 1) * sizeof *values);
    if (values)
        target->header_values = values;
    if (!names || !values)
        return -1;
    names[count] = strdup(name);
    values[count] = strdup(value);
    target->header_count++;
    return names[count] && values[count] ? 0 : -1;
}

static int override_variable(struct target_options *target, const char *pair)
{
    size_t name = strcspn(pair, "=") + 1;
    for (char **item = target->environment; item && *item; item++)
        if (strncmp(*item, pair, name) == 0)
            return override_text(item, pair);
    return string_list_add(&target->environment, pair);
}

int target_override(struct target_options *target, const struct target_options *given)
{
    if (override_text(&target->protocol, given->protocol) < 0 ||
        override_text(&target->transport, given->transport) < 0 ||
        override_text(&target->driver, given->driver) < 0 ||
        override_text(&target->ca_file, given->ca_file) < 0 ||
        override_text(&target->certificate_file, given->certificate_file) < 0 ||
        override_text(&target->key_file, given->key_file) < 0)
        return -1;
    for (size_t i = 0; i < given->header_count; i++)
        if (override_header(target, given->header_names[i], given->header_values[i]) < 0)
            return -1;
    for (char **item = given->environment; item && *item; item++)
        if (override_variable(target, *item) < 0)
            return -1;
    target->insecure = target->insecure || given->insecure;
    target->http2 = target->http2 && given->http2;
    target->listen = target->listen && given->listen;
    if (given->processes)
        target->processes = given->processes;
    if (given->pool_size)
        target->pool_size = given->pool_size;
    if (given->timeout_ns)
        target->timeout_ns = given->timeout_ns;
    if (given->connect_timeout_ns)
        target->connect_timeout_ns = given->connect_timeout_ns;
    return 0;
}
