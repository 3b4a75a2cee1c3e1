/* Resolving where a stream connects to; see stream.h. */
#include "base/clock.h"
#include "net/stream.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int resolve_unix(struct stream_address *address, const char *path, struct error *error);
static int resolve_name(struct stream_address *address, const char *host, uint16_t port,
                        struct outcome *outcome, struct error *error);

int stream_address_resolve(struct stream_address *address, const char *host, uint16_t port,
                           struct outcome *outcome, struct error *error)
{
    *address = (struct stream_address){0};
    uint64_t started = clock_now_ns();
    address->preferred = calloc(1, sizeof *address->preferred);
    address->host = host[0] == '/' ? NULL : strdup(host);
    int result = -1;
    if (!address->preferred || (host[0] != '/' && !address->host))
        error_set(error, ERROR_INTERNAL, "out of memory while resolving '%s'", host);
    else if (host[0] == '/')
        result = resolve_unix(address, host, error);
    else
        result = resolve_name(address, host, port, outcome, error);
    address->resolve_ns = clock_now_ns() - started;
    if (result < 0)
        stream_address_free(address);
    return result;
}

void stream_address_free(struct stream_address *address)
{
    free(address->host);
    free(address->preferred);
    *address = (struct stream_address){0};
}

static int resolve_unix(struct stream_address *address, const char *path, struct error *error)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path)
        return error_set(error, ERROR_USAGE,
                         "the socket path '%s' is longer than the %zu bytes allowed", path,
                         sizeof name.sun_path - 1);
    strcpy(name.sun_path, path);
    memcpy(&address->candidates[0], &name, sizeof name);
    address->candidate_lengths[0] = sizeof name;
    address->candidate_count = 1;
    return 0;
}

static int resolve_failed(int code, const char *host, struct outcome *outcome, struct error *error)
{
    const char *reason = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
    const char *detail = code == EAI_AGAIN ? "temporary_failure" : "name_not_found";
    if (outcome)
        *outcome = (struct outcome){.kind = OUTCOME_DNS, .detail = detail};
    return error_set(
        error, ERROR_TARGET,
        "the host name '%s' cannot be resolved: %s; check its spelling and /etc/resolv.conf", host,
        reason);
}

static int resolve_name(struct stream_address *address, const char *host, uint16_t port,
                        struct outcome *outcome, struct error *error)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    int code = getaddrinfo(host, service, &hints, &found);
    if (code != 0)
        return resolve_failed(code, host, outcome, error);
    int limit = (int)(sizeof address->candidates / sizeof address->candidates[0]);
    for (struct addrinfo *next = found; next && address->candidate_count < limit;
         next = next->ai_next) {
        if (next->ai_family != AF_INET && next->ai_family != AF_INET6)
            continue;
        int i = address->candidate_count++;
        memcpy(&address->candidates[i], next->ai_addr, next->ai_addrlen);
        address->candidate_lengths[i] = next->ai_addrlen;
    }
    freeaddrinfo(found);
    return address->candidate_count ? 0 : resolve_failed(EAI_NONAME, host, outcome, error);
}
