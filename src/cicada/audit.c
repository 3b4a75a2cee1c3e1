/* cicada audit RESULT.json: every figure derived again from what was counted, every verdict from
 * its rule. Exit code 1 when anything does not add up. */
#include "report/audit.h"
#include "cicada/command.h"

#include <stdio.h>
#include <string.h>

int command_audit(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: cicada audit RESULT.json\n\n"
             "Derive every figure of a result again and compare; 0 when all of it adds up, 1 when\n"
             "something does not, 2 when the file is no result.");
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "cicada: audit takes one result file; cicada audit --help tells more\n");
        return ERROR_USAGE;
    }
    struct error error = {0};
    int audited = audit_result(argv[1], stdout, &error);
    if (audited < 0)
        return command_fail(&error);
    return audited > 0 ? ERROR_VERDICT : 0;
}
