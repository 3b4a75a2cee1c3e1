/* Walking over JSON text without building anything: the part of the JSON-RPC scan that knows JSON
 * (RFC 8259) and UTF-8 (RFC 3629) but no message. A scanner never reads at or past `end`, so the
 * text needs no terminator and no padding. */
#ifndef CICADA_MCP_JSON_SCAN_H
#define CICADA_MCP_JSON_SCAN_H

#include <stdbool.h>

struct json_scanner {
    const char *end;
    const char *problem;    /* static text, once a function returned NULL */
    const char *problem_at; /* where */
};

/* Record what is wrong and return NULL. */
const char *json_scan_fail(struct json_scanner *scanner, const char *at, const char *problem);

/* `at` is the first byte of a value (no space before it). Returns one past its last byte, NULL on
 * an error. `depth` is how many more levels of arrays and objects may be entered. */
const char *json_scan_value(struct json_scanner *scanner, const char *at, unsigned depth);

/* `at` is just past an opening quote. Returns the closing quote, NULL on an error. *escaped tells
 * whether there is a backslash in between. */
const char *json_scan_string(struct json_scanner *scanner, const char *at, bool *escaped);

/* Space, tab, line feed and carriage return only. */
static inline const char *json_skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* Call `member` for every member of the object whose "{" is at `at`. `member` gets the key (between
 * its quotes) and the first byte of the value, and returns one past the value, or NULL to stop with
 * an error. Returns one past the "}". */
typedef const char *json_member_function(struct json_scanner *scanner, void *context,
                                         const char *key, const char *key_end, bool key_escaped,
                                         const char *value);
const char *json_scan_members(struct json_scanner *scanner, const char *at,
                              json_member_function *member, void *context);

#endif
