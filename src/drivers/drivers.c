/* The table of drivers. Adding one is a file and a line here. The order matters to driver_for: the
 * first that accepts the URL or the command takes it. */
#include "base/scrub.h"
#include "drivers/driver.h"

#include <stdlib.h>
#include <string.h>

extern const struct driver cross_tier_driver;
extern const struct driver http_driver;
extern const struct driver mcp_http_driver;
extern const struct driver mcp_sse_driver;
extern const struct driver mcp_stdio_driver;
extern const struct driver neo4j_driver;
extern const struct driver faiss_driver;
extern const struct driver null_driver;
extern const struct driver redis_driver;
extern const struct driver sqlite_driver;
#ifdef CICADA_EXTRA_DRIVER /* the name of one that is built in without a line here:                \
                              examples/driver */
extern const struct driver CICADA_EXTRA_DRIVER;
#endif

const struct driver *const drivers[] = {
    &cross_tier_driver,
    &http_driver,
    &mcp_http_driver,
    &mcp_sse_driver,
    &mcp_stdio_driver,
    &neo4j_driver,
    &null_driver,
    &redis_driver,
    &sqlite_driver,
    &faiss_driver,
#ifdef CICADA_EXTRA_DRIVER
    &CICADA_EXTRA_DRIVER,
#endif
    NULL,
};

const struct driver *driver_by_name(const char *name)
{
    for (size_t i = 0; drivers[i]; i++)
        if (name && strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

const struct driver *driver_for(const struct target_options *options, struct error *error)
{
    const char *where = options->where ? options->where : "target";
    if (options->driver) {
        const struct driver *driver = driver_by_name(options->driver);
        if (!driver)
            error_set(error, ERROR_USAGE, "%s: unknown driver \"%s\"; see cicada run --help", where,
                      options->driver);
        return driver;
    }
    for (size_t i = 0; drivers[i]; i++)
        if (drivers[i]->accepts(options))
            return drivers[i];
    if (options->url) {
        char *url = scrub_url(options->url);
        error_set(error, ERROR_USAGE,
                  "%s: no driver for the URL \"%s\"; an MCP server over HTTP is "
                  "http://HOST:PORT/PATH or https://..., one over stdio a command after --",
                  where, url ? url : "");
        free(url);
    } else {
        error_set(error, ERROR_USAGE,
                  "%s: neither a URL nor a command; give one, as in http://127.0.0.1:3000/mcp",
                  where);
    }
    return NULL;
}
