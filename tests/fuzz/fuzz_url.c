/* URLs: what is accepted has the shape its users rely on; resolving gives a URL of that shape
 * again. Input: a URL, and after a newline a reference to be resolved against it. */
#include "base/scrub.h"
#include "net/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct url *url)
{
    require(url->scheme && url->scheme[0] && url->host && url->path && url->path[0] == '/');
    for (const char *c = url->path; *c; c++)
        require(*c > ' ' && *c < 0x7f && *c != '#');
    if (strcmp(url->scheme, "http") == 0)
        require(url->host[0] && url->port);
    require(!url->password || url->user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct url url, resolved, again;
    struct error error;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *reference = strchr(text, '\n');
    if (reference)
        *reference++ = '\0';
    if (url_parse(&url, text, &error) == 0) {
        check(&url);
        if (url_resolve(&resolved, &url, reference ? reference : "", &error) == 0) {
            check(&resolved);
            /* A path resolved against the same base is already free of dots: it stays as it is. */
            if (reference && reference[0] == '/' && reference[1] != '/' &&
                url_resolve(&again, &url, resolved.path, &error) == 0) {
                require(resolved.path[1] == '/' || strcmp(again.path, resolved.path) == 0);
                url_free(&again);
            }
            url_free(&resolved);
        }
        url_free(&url);
    } else {
        require(error.code == ERROR_USAGE && error.text[0]);
    }
    scrub_forget_all();
    free(text);
    return 0;
}
