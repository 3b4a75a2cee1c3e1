/* The requests of a Bolt client; see bolt_message.h. */
#include "net/bolt_message.h"

#include <string.h>

/* A request is put together with `ok &= 0 == ...`; at the end it stands framed, or not at all. */
struct request {
    struct buffer *output;
    size_t before, position;
    bool ok;
};

static struct request request_begin(struct buffer *output, enum bolt_tag tag, unsigned fields)
{
    struct request request = {.output = output, .before = buffer_length(output)};
    request.ok = bolt_message_begin(output, &request.position) == 0 &&
                 packstream_put_structure(output, (uint8_t)tag, fields) == 0;
    return request;
}

static int request_end(struct request *request)
{
    if (request->ok && bolt_message_end(request->output, request->position) == 0)
        return 0;
    request->output->end = request->output->start + request->before;
    return -1;
}

static void put_pair(struct request *request, const char *key, const char *text)
{
    request->ok = request->ok && packstream_put_text(request->output, key) == 0 &&
                  packstream_put_text(request->output, text) == 0;
}

static unsigned credential_pairs(const struct bolt_identity *identity)
{
    return identity->authentication == BOLT_AUTH_BASIC    ? 3
           : identity->authentication == BOLT_AUTH_BEARER ? 2
                                                          : 1;
}

static void put_credentials(struct request *request, const struct bolt_identity *identity)
{
    static const char *const schemes[] = {"none", "basic", "bearer"};
    put_pair(request, "scheme", schemes[identity->authentication]);
    if (identity->authentication == BOLT_AUTH_BASIC)
        put_pair(request, "principal", identity->principal ? identity->principal : "");
    if (identity->authentication != BOLT_AUTH_NONE)
        put_pair(request, "credentials", identity->credentials ? identity->credentials : "");
}

int bolt_put_hello(struct buffer *output, struct bolt_version version,
                   const struct bolt_identity *identity)
{
    bool logon_follows = bolt_version_at_least(version, 5, 1);
    bool names_itself = bolt_version_at_least(version, 5, 3); /* bolt_agent is then required */
    struct request request = request_begin(output, BOLT_HELLO, 1);
    request.ok =
        request.ok &&
        packstream_put_map(output, 1u + names_itself +
                                       (logon_follows ? 0 : credential_pairs(identity))) == 0;
    put_pair(&request, "user_agent", identity->user_agent);
    if (names_itself) {
        request.ok = request.ok && packstream_put_text(output, "bolt_agent") == 0 &&
                     packstream_put_map(output, 1) == 0;
        put_pair(&request, "product", identity->user_agent);
    }
    if (!logon_follows)
        put_credentials(&request, identity);
    return request_end(&request);
}

int bolt_put_logon(struct buffer *output, const struct bolt_identity *identity)
{
    struct request request = request_begin(output, BOLT_LOGON, 1);
    request.ok = request.ok && packstream_put_map(output, credential_pairs(identity)) == 0;
    put_credentials(&request, identity);
    return request_end(&request);
}

int bolt_put_bare(struct buffer *output, enum bolt_tag tag)
{
    struct request request = request_begin(output, tag, 0);
    return request_end(&request);
}

int bolt_put_pull(struct buffer *output, enum bolt_tag tag, int64_t count, int64_t query)
{
    struct request request = request_begin(output, tag, 1);
    request.ok = request.ok && packstream_put_map(output, query >= 0 ? 2 : 1) == 0 &&
                 packstream_put_text(output, "n") == 0 &&
                 packstream_put_integer(output, count) == 0;
    if (query >= 0)
        request.ok = request.ok && packstream_put_text(output, "qid") == 0 &&
                     packstream_put_integer(output, query) == 0;
    return request_end(&request);
}

int bolt_put_scope(struct buffer *output, const struct bolt_scope *scope)
{
    size_t before = buffer_length(output);
    struct request request = {.output = output};
    request.ok = packstream_put_map(output, (scope->database != NULL) + (size_t)scope->read +
                                                (scope->timeout_ms != 0)) == 0;
    if (scope->database)
        put_pair(&request, "db", scope->database);
    if (scope->read)
        put_pair(&request, "mode", "r");
    if (scope->timeout_ms)
        request.ok = request.ok && packstream_put_text(output, "tx_timeout") == 0 &&
                     packstream_put_integer(output, (int64_t)scope->timeout_ms) == 0;
    if (request.ok)
        return 0;
    output->end = output->start + before;
    return -1;
}

int bolt_put_begin(struct buffer *output, const struct bolt_scope *scope)
{
    struct request request = request_begin(output, BOLT_BEGIN, 1);
    request.ok = request.ok && bolt_put_scope(output, scope) == 0;
    return request_end(&request);
}

static void put_map_bytes(struct request *request, const void *bytes, size_t length)
{
    request->ok = request->ok && (length ? buffer_append(request->output, bytes, length)
                                         : packstream_put_map(request->output, 0)) == 0;
}

int bolt_put_run(struct buffer *output, const char *cypher, size_t cypher_length,
                 const void *parameters, size_t parameters_length, const void *scope,
                 size_t scope_length)
{
    struct request request = request_begin(output, BOLT_RUN, 3);
    request.ok = request.ok && packstream_put_string(output, cypher, cypher_length) == 0;
    put_map_bytes(&request, parameters, parameters_length);
    put_map_bytes(&request, scope, scope_length);
    return request_end(&request);
}
