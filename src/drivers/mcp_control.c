/* The control conversation of open(), see mcp_target.h: agreeing on a revision and reading every
 * list. What comes of it are the offers, made in mcp_offers.c. */
#include "base/log.h"
#include "drivers/mcp_offers.h"
#include "drivers/mcp_suggest.h"
#include "drivers/mcp_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_INFO_KEY "io.modelcontextprotocol/serverInfo"

/* No catalog worth loading is longer; a server that pages without end is stopped here. */
enum { MOST_PAGES = 1000, METHOD_NOT_FOUND = -32601 };

/* ---- versions ----------------------------------------------------------------------------------
 */

static bool names_version(const json_t *versions, const char *name)
{
    size_t index;
    json_t *version;
    json_array_foreach((json_t *)versions, index, version)
    {
        const char *text = json_string_value(version);
        if (text && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

static void list_versions(const json_t *versions, char *text, size_t size)
{
    size_t index, used = 0;
    json_t *version;
    snprintf(text, size, "nothing");
    json_array_foreach((json_t *)versions, index, version)
    {
        const char *name = json_string_value(version);
        if (name && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%.40s", used ? ", " : "", name);
    }
}

int mcp_control_accept_versions(struct mcp_target *mcp, const json_t *versions, struct error *error)
{
    char theirs[300];
    for (const struct mcp_revision *revision = mcp_revisions(); revision->name; revision++) {
        if ((mcp->forced && revision != mcp->forced) || !names_version(versions, revision->name))
            continue;
        mcp->revision = revision;
        return 0;
    }
    list_versions(versions, theirs, sizeof theirs);
    if (mcp->forced)
        return error_set(error, ERROR_TARGET,
                         "the server does not speak %s, which is forced; it speaks %s: leave the "
                         "protocol at auto, or choose one of these",
                         mcp->forced->name, theirs);
    return error_set(
        error, ERROR_TARGET,
        "no protocol revision in common: the server speaks %s; cicada speaks " MCP_LATEST_MODERN
        " and, by initialize, " MCP_LATEST_LEGACY " and older",
        theirs);
}

static void take_server(struct mcp_target *mcp, const json_t *server_info, const json_t *result)
{
    const char *instructions = json_string_value(json_object_get(result, "instructions"));
    json_decref(mcp->server_info);
    json_decref(mcp->capabilities);
    free(mcp->instructions);
    mcp->server_info = json_incref((json_t *)server_info);
    mcp->capabilities = json_incref(json_object_get(result, "capabilities"));
    mcp->instructions = instructions ? strdup(instructions) : NULL;
}

int mcp_control_accept_discover(struct mcp_target *mcp, const json_t *result, struct error *error)
{
    json_t *versions = json_object_get(result, "supportedVersions");
    if (!json_is_array(versions))
        return error_set(error, ERROR_TARGET,
                         "server/discover: the result has no array \"supportedVersions\"");
    if (mcp_control_accept_versions(mcp, versions, error) < 0)
        return error_wrap(error, "server/discover");
    take_server(mcp, json_object_get(json_object_get(result, "_meta"), SERVER_INFO_KEY), result);
    return 0;
}

static int accept_initialize(struct mcp_target *mcp, const json_t *result, struct error *error)
{
    const char *name = json_string_value(json_object_get(result, "protocolVersion"));
    const struct mcp_revision *revision = name ? mcp_revision_find(name) : NULL;
    if (!name)
        return error_set(error, ERROR_TARGET,
                         "initialize: the result has no string \"protocolVersion\"");
    if (!revision || revision->era != MCP_ERA_LEGACY)
        return error_set(error, ERROR_TARGET,
                         "initialize: the server answered revision %.60s, which is none that "
                         "initialize can agree on",
                         name);
    if (mcp->forced && mcp->forced != revision)
        return error_set(error, ERROR_TARGET,
                         "initialize: %s is forced, but the server answered %s: leave the protocol "
                         "at auto, or choose that",
                         mcp->forced->name, name);
    mcp->revision = revision;
    take_server(mcp, json_object_get(result, "serverInfo"), result);
    return 0;
}

json_t *mcp_control_initialize_params(const struct mcp_target *mcp)
{
    const struct mcp_revision *revision = mcp->revision;
    if (!revision || revision->era != MCP_ERA_LEGACY)
        revision = mcp->forced ? mcp->forced : mcp_revision_find(MCP_LATEST_LEGACY);
    return json_pack("{s:s, s:o, s:o}", "protocolVersion", revision->name, "capabilities",
                     mcp_client_capabilities(revision), "clientInfo", mcp_client_info());
}

int mcp_control_initialize(struct mcp_target *mcp, const struct mcp_control *control,
                           struct error *error)
{
    json_t *result = NULL;
    int64_t code = 0;
    if (mcp->forced && mcp->forced->era == MCP_ERA_MODERN)
        return error_set(error, ERROR_TARGET,
                         "%s is forced, but the server does not speak it: leave the protocol at "
                         "auto",
                         mcp->forced->name);
    if (!mcp->revision || mcp->revision->era != MCP_ERA_LEGACY)
        mcp->revision = mcp->forced ? mcp->forced : mcp_revision_find(MCP_LATEST_LEGACY);
    json_t *params = mcp_control_initialize_params(mcp);
    int failed = control->request(control->context, "initialize", params, &result, &code, error);
    json_decref(params);
    if (failed)
        return error_wrap(error, "initialize");
    failed = accept_initialize(mcp, result, error);
    json_decref(result);
    if (failed)
        return -1;
    if (control->notify(control->context, "notifications/initialized", NULL, error) < 0)
        return error_wrap(error, "notifications/initialized");
    return 0;
}

/* ---- lists -------------------------------------------------------------------------------------
 */

struct list_rule {
    enum mcp_catalog_list list;
    const char *method, *capability;
    bool optional; /* -32601 in spite of the capability is no reason to give up */
};
static const struct list_rule lists[] = {
    {MCP_LIST_TOOLS, "tools/list", "tools", false},
    {MCP_LIST_RESOURCES, "resources/list", "resources", true},
    {MCP_LIST_TEMPLATES, "resources/templates/list", "resources", true},
    {MCP_LIST_PROMPTS, "prompts/list", "prompts", true},
};

static void note(struct mcp_target *mcp, const char *format, const char *method, int number)
{
    char text[200];
    snprintf(text, sizeof text, format, method, number);
    if (!mcp->notes)
        mcp->notes = json_array();
    json_array_append_new(mcp->notes, json_string(text));
    log_warn("%s", text);
}

/* Cursors are opaque, but one that comes again leads over the same pages again. */
static bool is_known_cursor(const json_t *cursors, const json_t *cursor)
{
    size_t index;
    json_t *known;
    json_array_foreach((json_t *)cursors, index, known)
    {
        if (json_equal(known, cursor))
            return true;
    }
    return false;
}

static int fetch_page(struct mcp_target *mcp, const struct mcp_control *control,
                      const struct list_rule *rule, const json_t *cursor, json_t **next,
                      int64_t *code, struct error *error)
{
    json_t *result = NULL, *params = cursor ? json_pack("{s:O}", "cursor", cursor) : NULL;
    *next = NULL;
    int failed = control->request(control->context, rule->method, params, &result, code, error);
    json_decref(params);
    if (failed)
        return error_wrap(error, "%s", rule->method);
    bool modern = mcp->revision->era == MCP_ERA_MODERN;
    if (mcp_catalog_add_page(&mcp->catalog, rule->list, result, mcp->http && modern, error) < 0) {
        json_decref(result);
        return error_wrap(error, "%s", rule->method);
    }
    json_t *cursor_next = json_object_get(result, "nextCursor");
    if (json_is_string(cursor_next))
        *next = json_incref(cursor_next);
    json_decref(result);
    return 0;
}

static int fetch_list(struct mcp_target *mcp, const struct mcp_control *control,
                      const struct list_rule *rule, struct error *error)
{
    json_t *cursors = json_array(), *cursor = NULL;
    int failed = 0, pages = 0;
    for (;;) {
        int64_t code = 0;
        json_t *next;
        failed = fetch_page(mcp, control, rule, cursor, &next, &code, error);
        json_decref(cursor);
        cursor = next;
        if (failed && pages == 0 && rule->optional && code == METHOD_NOT_FOUND) {
            note(mcp, "%s is not answered, though the server names the capability (error %d)",
                 rule->method, METHOD_NOT_FOUND);
            failed = 0;
            break;
        }
        pages++;
        if (failed || !cursor)
            break;
        if (is_known_cursor(cursors, cursor)) {
            note(mcp, "%s: the cursor after page %d was there before; listing stopped",
                 rule->method, pages);
            break;
        }
        if (pages == MOST_PAGES) {
            note(mcp, "%s: more than %d pages; listing stopped", rule->method, MOST_PAGES);
            break;
        }
        json_array_append(cursors, cursor);
    }
    json_decref(cursor);
    json_decref(cursors);
    return failed;
}

int mcp_control_discover_offers(struct target *target, struct mcp_target *mcp,
                                const struct mcp_control *control, struct error *error)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (!json_object_get(mcp->capabilities, lists[i].capability))
            continue;
        if (fetch_list(mcp, control, &lists[i], error) < 0) {
            target_trace(target, lists[i].capability, false, "%s", error ? error->text : "");
            return -1;
        }
    }
    mcp_suggest_ask(mcp, control);
    return mcp_offers_make(target, mcp, error);
}
