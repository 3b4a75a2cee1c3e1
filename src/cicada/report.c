/* cicada report RESULT.json: the summary of a stored result, as the run printed it. */
#include "cicada/command.h"
#include "report/result_json.h"
#include "report/terminal.h"

#include <stdio.h>
#include <string.h>

int command_report(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: cicada report RESULT.json\n\nPrint the summary of a stored result.");
        return 0;
    }
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "cicada: report takes one result file; cicada report --help tells more\n");
        return ERROR_USAGE;
    }
    struct error error = {0};
    struct result result;
    if (result_read_json(&result, argv[1], &error) < 0)
        return command_fail(&error);
    terminal_print_summary(stdout, &result, argv[1]);
    result_free(&result);
    return 0;
}
