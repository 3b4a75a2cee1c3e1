/* The methods: from params to the members of a result. */
#ifndef BURROW_SERVER_METHODS_H
#define BURROW_SERVER_METHODS_H

#include "burrow/server/protocol.h"

struct method_call {
    struct service *service;
    const struct mcp_revision *revision;
    const json_t *params; /* an object or NULL */
    const json_t *id;
    struct protocol_answer *answer;
    struct buffer *out;  /* members of the result go here, separated by commas */
    bool input_required; /* `out` asks the client for something before it gets its result */
    bool cancelled;      /* the client wants no answer */
    const struct protocol_peer *peer; /* may be NULL */
    /* Of a failure. */
    int code;
    json_t *data;
    char problem[512];
};

enum method_eras { METHOD_LEGACY = 1, METHOD_MODERN = 2, METHOD_BOTH = 3 };

struct method {
    const char *name;
    enum method_eras eras;
    const char *cacheable; /* cacheScope of the result in the modern era; NULL: it has none */
    unsigned ttl_ms;
    const char *name_header;              /* the member of params that Mcp-Name repeats */
    int (*run)(struct method_call *call); /* 0, or -1 after method_fail */
};

const struct method *method_find(const char *name);

int method_fail(struct method_call *call, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Append the members of an object, which is released; -1 when it is NULL or memory is out. */
int method_give(struct method_call *call, json_t *members);

static inline bool method_is_modern(const struct method_call *call)
{
    return call->revision->era == MCP_ERA_MODERN;
}

/* A text of params; NULL when it is absent or no string. */
const char *method_text(const struct method_call *call, const char *name);

/* Elsewhere. */
int method_initialize(struct method_call *call);
int method_discover(struct method_call *call);
int method_listen(struct method_call *call);
int method_resources_list(struct method_call *call);
int method_resources_read(struct method_call *call);
int method_resource_templates(struct method_call *call);
int method_prompts_list(struct method_call *call);
int method_prompts_get(struct method_call *call);
int method_complete(struct method_call *call);
int method_set_level(struct method_call *call);
int method_subscribe(struct method_call *call);
int method_unsubscribe(struct method_call *call);

#define SERVER_INFO                                                                                \
    "{\"name\":\"burrow\",\"title\":\"burrow, a memory\",\"version\":\"" CICADA_VERSION "\"}"

#endif
