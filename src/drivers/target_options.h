/* How a target is named and reached, as plan or flags say it: plain data, owned by the plan. */
#ifndef CICADA_DRIVERS_TARGET_OPTIONS_H
#define CICADA_DRIVERS_TARGET_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_options {
    char *name;   /* unique in the plan; "target" when there is one */
    char *driver; /* "mcp_http", "mcp_sse", "mcp_stdio", "null", "redis", ...; NULL: from the URL */
    char *url;    /* NULL for a child process */
    char **command;      /* argv, NULL-ended; NULL for a URL */
    char **environment;  /* "K=V" of a child, NULL-ended, or NULL */
    unsigned processes;  /* children to start; 1 */
    char *protocol;      /* "auto" or a revision */
    char *transport;     /* "auto", "http", "sse", "stdio" */
    char **header_names; /* parallel arrays; values are resolved from @file and $ENV already */
    char **header_values;
    size_t header_count;
    char *ca_file, *certificate_file, *key_file;
    bool insecure;
    bool http2;  /* offer h2 by ALPN on https; true by default */
    bool listen; /* legacy: keep the GET stream of each session open; true by default */
    uint64_t connect_timeout_ns;
    uint64_t timeout_ns; /* of one operation */
    unsigned pool_size;  /* connections for all users together; 0: users x in flight */
    uint64_t seed;
    bool embedded; /* cicada starts it itself: a memory tier that was not given; no url then */
    bool left_out; /* it cannot be used, and the run goes on: what is made of it does without */
    char **tiers;  /* names of other targets it is made of, NULL-ended (cross_tier), or NULL */
    /* All targets of the plan, for those names; not owned. */
    const struct target_options *siblings;
    size_t sibling_count;
    json_t *driver_options; /* the driver's own settings, an object or NULL */
    const char *where;      /* "plan.yaml:12" or "command line", for messages */
};

#endif
