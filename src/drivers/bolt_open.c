/* Opening and closing a Neo4j target. See bolt.h. */
#include "drivers/bolt.h"

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/scrub.h"
#include "drivers/setting.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NODES_DEFAULT = 1000, NODES_LEAST = 10, FETCH_DEFAULT = 1000 };
#define CONTROL_TIMEOUT_NS (60 * NS_PER_S)
#define LOCK_PATIENCE_NS   (8 * NS_PER_S) /* a Neo4j locks a user for 5 s unless told otherwise */
#define LOCK_PAUSE_NS      (1 * NS_PER_S)

extern const struct driver neo4j_driver;

static const struct setting setting_table[] = {
    {"database", SETTING_TEXT, offsetof(struct neo4j_settings, database), 0, 0, NULL},
    {"label", SETTING_TEXT, offsetof(struct neo4j_settings, label), 0, 0, NULL},
    {"nodes", SETTING_COUNT, offsetof(struct neo4j_settings, nodes), 0, 10000000, NULL},
    {"fetch_size", SETTING_COUNT, offsetof(struct neo4j_settings, fetch_size), 0, 1000000000, NULL},
    {"transaction_timeout", SETTING_DURATION,
     offsetof(struct neo4j_settings, transaction_timeout_ns), 0, 0, NULL},
    {"bolt", SETTING_CHOICE, offsetof(struct neo4j_settings, bolt), 0, 0,
     "4.4 5.0 5.1 5.2 5.3 5.4 5.5 5.6 5.7 5.8"},
    {NULL, SETTING_COUNT, 0, 0, 0, NULL},
};

static int check_label(const struct neo4j_settings *settings, const char *where,
                       struct error *error)
{
    const char *label = settings->label;
    bool valid = isalpha((unsigned char)label[0]) && strlen(label) <= 64;
    for (const char *at = label; *at; at++)
        valid = valid && (isalnum((unsigned char)*at) || *at == '_');
    if (valid)
        return 0;
    return error_set(error, ERROR_USAGE,
                     "%s: label: \"%.80s\" is no name of at most 64 letters, digits and _", where,
                     label);
}

static int read_settings(struct neo4j_target *neo4j, const struct target_options *options,
                         struct error *error)
{
    struct neo4j_settings *settings = &neo4j->settings;
    const char *where = options->where ? options->where : "target";
    settings->nodes = NODES_DEFAULT;
    settings->fetch_size = FETCH_DEFAULT;
    settings->label = strdup("CicadaNode");
    if (!settings->label)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    if (settings_read(settings, setting_table, "the neo4j driver", options, error) < 0 ||
        check_label(settings, where, error) < 0)
        return -1;
    if (settings->nodes && settings->nodes < NODES_LEAST)
        return error_set(error, ERROR_USAGE,
                         "%s: nodes: a graph of %llu is too small for the default mix; give at "
                         "least %d, or 0 for no dataset and no default mix",
                         where, (unsigned long long)settings->nodes, NODES_LEAST);
    return 0;
}

/* The token in "Authorization: Bearer TOKEN", the one header that means something here. */
static int find_token(const struct target_options *options, const char **token, struct error *error)
{
    *token = NULL;
    for (size_t i = 0; i < options->header_count; i++) {
        bool bearer = strcasecmp(options->header_names[i], "Authorization") == 0 &&
                      strncasecmp(options->header_values[i], "Bearer ", 7) == 0;
        if (!bearer)
            return error_set(error, ERROR_USAGE,
                             "%s: header %s: Bolt has no headers; only Authorization: Bearer TOKEN "
                             "is understood, user and password belong in the URL",
                             options->where ? options->where : "target", options->header_names[i]);
        *token = options->header_values[i] + 7;
    }
    return 0;
}

static int open_endpoint(struct neo4j_target *neo4j, struct target *target, struct error *error)
{
    const struct target_options *options = target->options;
    struct tls_options tls = {.ca_file = options->ca_file,
                              .certificate_file = options->certificate_file,
                              .key_file = options->key_file,
                              .insecure = options->insecure};
    const char *token;
    if (find_token(options, &token, error) < 0 ||
        bolt_endpoint_open(&neo4j->endpoint, options->url, token, &tls, NULL, error) < 0) {
        target_trace(target, "resolve", false, "%s", error->text);
        return -1;
    }
    target_trace(target, "resolve", true, "%s", neo4j->endpoint.url.host);
    if (options->connect_timeout_ns)
        neo4j->endpoint.connect_timeout_ns = options->connect_timeout_ns;
    if (neo4j->settings.bolt)
        neo4j->endpoint.settings.highest = (struct bolt_version){
            (uint8_t)(neo4j->settings.bolt[0] - '0'), (uint8_t)(neo4j->settings.bolt[2] - '0')};
    return 0;
}

/* Not the run's seed: two runs with the same one must not remove each other's nodes. */
static int name_run(struct neo4j_target *neo4j, struct error *error)
{
    struct random random;
    uint64_t seed[2];
    if (getrandom(seed, sizeof seed, 0) != sizeof seed)
        return error_set(error, ERROR_INTERNAL, "the system gives no random bytes");
    random_seed(&random, seed[0], seed[1]);
    random_uuid(&random, neo4j->run);
    return 0;
}

bool neo4j_explain_refusal(const struct outcome *why, const char *text, char *explained,
                           size_t size)
{
    if (why->kind != OUTCOME_SOURCE_ERROR || !why->detail || strcmp(why->detail, "auth") != 0)
        return false;
    const char *remedy = "check user and password in the URL, bolt://USER:PASSWORD@HOST:PORT, or "
                         "the token in the header Authorization: Bearer TOKEN";
    if (strstr(text, "RateLimit"))
        remedy = "after several wrong passwords the server locks the user for some seconds: "
                 "correct the password and wait a little";
    else if (strstr(text, "CredentialsExpired"))
        remedy = "the password is an initial one and must be changed once, with ALTER CURRENT USER "
                 "SET PASSWORD";
    else if (strstr(text, "Expired"))
        remedy = "get a new token";
    snprintf(explained, size, "the server refuses the credentials (%s); %s", text, remedy);
    return true;
}

/* Credentials that are refused leave a target that can be run against, with every call failing. */
static void accept_refusal(struct target *target, const char *text)
{
    struct neo4j_target *neo4j = target->driver_data;
    neo4j->refused = true;
    snprintf(neo4j->refusal, sizeof neo4j->refusal, "%s", text);
    target_trace(target, "auth", false, "%s", text);
    log_warn("target %s: %s", target->options->name ? target->options->name : "neo4j", text);
}

static int describe(struct target *target, const struct neo4j_control *control, struct error *error)
{
    const struct neo4j_target *neo4j = target->driver_data;
    const struct bolt_protocol *protocol = &control->bolt.protocol;
    const char *database = neo4j->settings.database;
    char version[16] = "unknown", text[256];
    if (protocol->version.major)
        snprintf(version, sizeof version, "%u.%u", protocol->version.major,
                 protocol->version.minor);
    snprintf(text, sizeof text, "%s, Bolt %s%s, database %s%s",
             protocol->server[0] ? protocol->server : "Neo4j", version,
             neo4j->endpoint.tls ? " over TLS" : "", database ? database : "(home)",
             neo4j->refused ? ", credentials refused" : "");
    target->description = strdup(text);
    target->facts = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I}", "protocol", "Bolt", "bolt", version,
        "label", neo4j->settings.label, "run", neo4j->run, "server", protocol->server, "database",
        database ? database : "", "tls", neo4j->endpoint.tls != NULL, "credentials_refused",
        (int)neo4j->refused, "nodes", (json_int_t)(neo4j->refused ? 0 : neo4j->settings.nodes));
    if (!target->description || !target->facts)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

/* Connect, and wait a while for the end of a lock that wrong passwords before us have caused. */
static int connect_patiently(struct neo4j_control *control, struct neo4j_target *neo4j,
                             struct error *error)
{
    uint64_t patience = clock_now_ns() + LOCK_PATIENCE_NS;
    while (neo4j_control_open(control, neo4j, CONTROL_TIMEOUT_NS, error) < 0) {
        if (!strstr(control->text, "RateLimit") || clock_now_ns() > patience ||
            interrupt_requested())
            return -1;
        neo4j_control_wait(control, LOCK_PAUSE_NS);
        neo4j_control_close(control);
    }
    return 0;
}

static int greet(struct target *target, struct neo4j_control *control, struct error *error)
{
    struct neo4j_target *neo4j = target->driver_data;
    char explained[NEO4J_TEXT];
    if (connect_patiently(control, neo4j, error) == 0) {
        target_trace(target, "handshake", true, "%s, Bolt %u.%u", control->bolt.protocol.server,
                     control->bolt.protocol.version.major, control->bolt.protocol.version.minor);
        return 0;
    }
    if (neo4j_explain_refusal(&control->why, control->text, explained, sizeof explained)) {
        accept_refusal(target, explained);
        return 0;
    }
    target_trace(target, "handshake", false, "%s", error->text);
    return -1;
}

/* Does the database answer? The dataset would tell, but a run may want none. */
static int ask(struct target *target, struct neo4j_control *control, struct error *error)
{
    struct neo4j_target *neo4j = target->driver_data;
    char explained[NEO4J_TEXT];
    if (neo4j_control_run(control, "RETURN 1", NULL, error) == 0) {
        target_trace(target, "query", true, "RETURN 1 is answered");
    } else if (neo4j_explain_refusal(&control->why, control->text, explained, sizeof explained)) {
        accept_refusal(target, explained); /* an initial password that must be changed first */
        return 0;
    } else {
        target_trace(target, "query", false, "%s", error->text);
        return error_wrap(error, "database %s",
                          neo4j->settings.database ? neo4j->settings.database : "(home)");
    }
    if (!neo4j->settings.nodes)
        return 0;
    if (neo4j_dataset_make(control, error) < 0) {
        target_trace(target, "dataset", false, "%s", error->text);
        return -1;
    }
    target_trace(target, "dataset", true, "%llu nodes with the label %s",
                 (unsigned long long)neo4j->settings.nodes, neo4j->settings.label);
    return 0;
}

int neo4j_open(struct target *target, struct error *error)
{
    struct neo4j_target *neo4j = calloc(1, sizeof *neo4j);
    if (!neo4j)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    target->driver_data = neo4j;
    target->calls_per_connection = 1;
    neo4j->opening = true;
    struct neo4j_control control = {0};
    int result =
        read_settings(neo4j, target->options, error) < 0 || name_run(neo4j, error) < 0 ||
                open_endpoint(neo4j, target, error) < 0 || greet(target, &control, error) < 0 ||
                (!neo4j->refused && ask(target, &control, error) < 0) ||
                describe(target, &control, error) < 0 || neo4j_dataset_offer(target, error) < 0
            ? -1
            : 0;
    neo4j_control_close(&control);
    neo4j->opening = false;
    if (result < 0)
        neo4j_close(target);
    return result;
}

/* What was made is removed; when the server is gone by now, the user is told how. */
static void clean_up(struct target *target)
{
    struct neo4j_target *neo4j = target->driver_data;
    struct neo4j_control control = {0};
    struct error error = {0};
    if (neo4j_control_open(&control, neo4j, CONTROL_TIMEOUT_NS, &error) < 0 ||
        neo4j_dataset_remove(&control, &error) < 0)
        log_warn("target %s: its dataset could not be removed: %s; remove it with: MATCH (n:%s "
                 "{run: '%s'}) DETACH DELETE n",
                 target->options->name ? target->options->name : "neo4j", error.text,
                 neo4j->settings.label, neo4j->run);
    neo4j_control_close(&control);
}

void neo4j_close(struct target *target)
{
    struct neo4j_target *neo4j = target->driver_data;
    if (neo4j) {
        if (neo4j->prepared)
            clean_up(target);
        bolt_endpoint_close(&neo4j->endpoint);
        settings_free(&neo4j->settings, setting_table);
    }
    free(neo4j);
    target->driver_data = NULL;
    target_free_offers(target);
}
