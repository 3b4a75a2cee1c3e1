/* Why a target could not be opened: one sentence that names the URL, what happened, and what to do.
 * For open() of the HTTP drivers; under load an outcome is counted, not explained. */
#include "base/scrub.h"
#include "drivers/mcp_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {400, "the server finds the request wrong; is this an MCP endpoint?"},
    {401, "the server wants credentials; pass --header 'Authorization: Bearer $TOKEN'"},
    {403, "the server refuses us; pass other credentials with --header 'Authorization: Bearer "
          "$TOKEN', or allow this client on the server"},
    {404, "nothing is served under this path; MCP servers mostly listen on /mcp, or on /sse for "
          "HTTP+SSE: check the path"},
    {405, "the path takes no POST; it is no MCP endpoint, or one of HTTP+SSE: check the path, or "
          "pass --transport sse"},
    {406, "the server will not send what the Accept header asks for (application/json, "
          "text/event-stream); is this an MCP endpoint?"},
    {407, "a proxy on the way wants credentials"},
    {415, "the server does not take application/json; is this an MCP endpoint?"},
    {421, "the server does not answer for this host name; check the host in the URL"},
    {429, "the server limits our rate; wait, or raise its limit for the test"},
    {500, "the server failed; its log will say why"},
    {502, "a gateway did not get an answer from the server behind it; is that running?"},
    {503, "the server, or a gateway before it, is not ready; try again later"},
    {504, "a gateway waited in vain for the server behind it; is that running?"},
};

static int explain_status(const char *url, const char *what, const struct mcp_http_failure *failure,
                          struct error *error);
static int explain_violation(const char *url, const char *what,
                             const struct mcp_http_failure *failure, struct error *error);
static bool is_html(const struct http_exchange *exchange);

int mcp_http_explain(const struct target *target, const struct mcp_http_failure *failure,
                     struct error *error)
{
    char *scrubbed = scrub_url(target->options->url);
    const char *url = scrubbed ? scrubbed : "the target";
    const char *text = failure->text && failure->text[0] ? failure->text : "no further reason";
    char what[80] = "";
    if (failure->what)
        snprintf(what, sizeof what, "%s: ", failure->what);
    switch (failure->outcome.kind) {
    case OUTCOME_CONNECT_REFUSED:
        error_set(error, ERROR_TARGET,
                  "%s: connection refused; is the server running, and is this its port?", url);
        break;
    case OUTCOME_CONNECT_TIMEOUT:
        error_set(error, ERROR_TARGET,
                  "%s: no connection in time (%s); is the host right, and is the port open in the "
                  "firewall?",
                  url, text);
        break;
    case OUTCOME_TLS: /* the text has the remedy */
        error_set(error, ERROR_TARGET, "%s: TLS failed: %s", url, text);
        break;
    case OUTCOME_CONNECTION_RESET:
        error_set(error, ERROR_TARGET,
                  "%s: %sno whole answer came (%s); does an HTTP server listen there, and is TLS "
                  "(https://) needed or not?",
                  url, what, text);
        break;
    case OUTCOME_TIMEOUT:
        error_set(error, ERROR_TARGET,
                  "%s: %sno answer in time; is the server stuck? --timeout gives it longer", url,
                  what);
        break;
    case OUTCOME_HTTP_STATUS:
        explain_status(url, what, failure, error);
        break;
    case OUTCOME_PROTOCOL_VIOLATION:
        explain_violation(url, what, failure, error);
        break;
    case OUTCOME_JSONRPC_ERROR:
        error_set(error, ERROR_TARGET, "%s: %sanswered with %s", url, what, text);
        break;
    default:
        error_set(error, ERROR_TARGET, "%s: %s%s: %s", url, what,
                  outcome_kind_name(failure->outcome.kind), text);
        break;
    }
    free(scrubbed);
    return -1;
}

static int explain_status(const char *url, const char *what, const struct mcp_http_failure *failure,
                          struct error *error)
{
    int status = failure->outcome.code;
    const struct http_exchange *exchange = failure->exchange;
    const char *html = is_html(exchange) ? " with an HTML page" : "";
    if (status / 100 == 3 && exchange && exchange->location[0])
        return error_set(error, ERROR_TARGET,
                         "%s: HTTP %d sends us to %s; give that URL if you "
                         "trust it",
                         url, status, exchange->location);
    char wait[48] = "";
    if (exchange && exchange->retry_after_s >= 0)
        snprintf(wait, sizeof wait, " (Retry-After: %d s)", exchange->retry_after_s);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return error_set(error, ERROR_TARGET, "%s: HTTP %d%s%s: %s", url, status, html, wait,
                             statuses[i].text);
    return error_set(
        error, ERROR_TARGET,
        "%s: %sHTTP %d%s%s; is this an MCP endpoint? Another HTTP service takes --driver http", url,
        what, status, html, wait);
}

static int explain_violation(const char *url, const char *what,
                             const struct mcp_http_failure *failure, struct error *error)
{
    if (is_html(failure->exchange))
        return error_set(error, ERROR_TARGET,
                         "%s: an HTML page came instead of JSON: this is a web page and no MCP "
                         "endpoint; MCP servers mostly listen on /mcp, or on /sse for HTTP+SSE: "
                         "check the path",
                         url);
    return error_set(error, ERROR_TARGET, "%s: %s%s; is this an MCP endpoint?", url, what,
                     failure->text ? failure->text : "the answer breaks the protocol");
}

static bool is_html(const struct http_exchange *exchange)
{
    return exchange && strncasecmp(exchange->content_type, "text/html", 9) == 0;
}
