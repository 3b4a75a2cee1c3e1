/* What an error reply means. Its first word is a code in capitals; of the general ERR, the words
 * behind it tell more. */
#include "drivers/redis.h"

#include <stdio.h>
#include <string.h>

/* How an error begins -> the detail of its outcome, and what a person can do about it. The longer
 * beginning comes first. */
static const struct {
    const char *beginning, *detail, *remedy;
} errors[] = {
    {"NOAUTH", "auth", "give user and password in the URL: redis://USER:PASSWORD@HOST"},
    {"WRONGPASS", "auth", "check user and password in the URL"},
    {"ERR invalid password", "auth", "check the password in the URL"},
    {"ERR AUTH <password> called without", "auth", "the server has no password; leave it out"},
    {"ERR Client sent AUTH, but no password", "auth", "the server has no password; leave it out"},
    {"ERR unknown command", "unknown_command", NULL},
    {"ERR unknown subcommand", "unknown_command", NULL},
    {"ERR wrong number of arguments", "arguments", NULL},
    {"ERR syntax error", "syntax", NULL},
    {"ERR max number of clients", "max_clients", "raise maxclients, or lower users or pool"},
    {"ERR DB index is out of range", "database", "choose a database the server has"},
    {"ERR invalid DB index", "database", "choose a database the server has"},
    {"ERR SELECT is not allowed in cluster mode", "database", "a cluster has database 0 only"},
    {"ERR", "ERR", NULL},
    {"ASK", "ASK", "the key's slot is moving to that node; redirects are counted, not followed"},
    {"BUSYGROUP", "BUSYGROUP", NULL},
    {"BUSYKEY", "BUSYKEY", NULL},
    {"BUSY", "BUSY", "a script blocks the server"},
    {"CLUSTERDOWN", "CLUSTERDOWN", NULL},
    {"CROSSSLOT", "CROSSSLOT", "keys of one command need a common {hash tag}"},
    {"DENIED", "DENIED", "the server is in protected mode: set a password or bind it"},
    {"EXECABORT", "EXECABORT", NULL},
    {"INVALIDOBJ", "INVALIDOBJ", NULL},
    {"IOERR", "IOERR", NULL},
    {"LOADING", "LOADING", "the server still reads its data set"},
    {"MASTERDOWN", "MASTERDOWN", NULL},
    {"MISCONF", "MISCONF", "the server cannot save its data and refuses writes"},
    {"MOVED", "MOVED", "the key belongs to that node; redirects are counted, not followed"},
    {"NOGROUP", "NOGROUP", NULL},
    {"NOPERM", "NOPERM", "the ACL of this user does not allow it"},
    {"NOPROTO", "NOPROTO", NULL},
    {"NOREPLICAS", "NOREPLICAS", NULL},
    {"NOSCRIPT", "NOSCRIPT", NULL},
    {"NOTBUSY", "NOTBUSY", NULL},
    {"OOM", "OOM", "the server is at maxmemory"},
    {"READONLY", "READONLY", "this is a replica; load its master to write"},
    {"TRYAGAIN", "TRYAGAIN", NULL},
    {"UNBLOCKED", "UNBLOCKED", NULL},
    {"UNKILLABLE", "UNKILLABLE", NULL},
    {"WRONGTYPE", "WRONGTYPE", NULL},
};

bool redis_error_is(const char *text, size_t length, const char *beginning)
{
    size_t own = strlen(beginning);
    if (length < own || memcmp(text, beginning, own) != 0)
        return false;
    /* "ASK" does not begin "ASKING"; a phrase may end anywhere. */
    return length == own || strchr(beginning, ' ') || text[own] == ' ' || text[own] == ':';
}

struct outcome redis_error_outcome(const char *text, size_t length, char *sentence, size_t size)
{
    const char *detail = "other", *remedy = NULL;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (!redis_error_is(text, length, errors[i].beginning))
            continue;
        detail = errors[i].detail;
        remedy = errors[i].remedy;
        break;
    }
    int shown = length > 200 ? 200 : (int)length;
    snprintf(sentence, size, "%.*s%s%s%s", shown, text, remedy ? " (" : "", remedy ? remedy : "",
             remedy ? ")" : "");
    for (char *at = sentence; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return (struct outcome){.kind = OUTCOME_SOURCE_ERROR, .detail = detail};
}
