/* See stored.h. */
#include "cicada/stored.h"

#include "report/audit.h"
#include "report/result_json.h"

#include <stdio.h>

static int audit_quietly(const char *path, struct error *error)
{
    struct error found = {0};
    FILE *nowhere = fopen("/dev/null", "w");
    if (!nowhere)
        return error_set(error, ERROR_INTERNAL, "/dev/null: cannot be opened");
    int audited = audit_result(path, nowhere, &found);
    fclose(nowhere);
    if (audited == 0)
        return 0;
    if (found.code == ERROR_VERDICT)
        return error_set(error, ERROR_USAGE,
                         "%.700s; the file was edited or damaged; cicada audit shows where",
                         found.text);
    *error = found;
    return -1;
}

int stored_read(struct result *result, const char *path, bool partial_allowed, struct error *error)
{
    if (result_read_json(result, path, error) < 0)
        return -1;
    int status = 0;
    if (result->partial && !partial_allowed)
        status = error_set(error, ERROR_USAGE,
                           "%.300s: is of a partial run (%.200s); a part is not what a whole run "
                           "measures: run it to its end",
                           path, result->partial_reason ? result->partial_reason : "no reason");
    if (status == 0)
        status = audit_quietly(path, error);
    if (status < 0)
        result_free(result);
    return status;
}
