/* cicada: load testing and performance validation for MCP servers. Finds the subcommand and runs
 * it. */
#include "cicada/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    const char *arguments;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "TARGET | PLAN.yaml", "load a target with a plan and judge the result", command_run},
    {"tools", "TARGET", "discover tools, show generated arguments, probe each once", command_tools},
    {"diagnose", "TARGET", "reach a target step by step; say what fails and why", command_diagnose},
    {"report", "RESULT.json", "write any form of report from a stored result", command_report},
    {"audit", "RESULT.json", "re-derive every figure of a result; fail on any that is off",
     command_audit},
    {"compare", "BASELINE CURRENT", "tell a regression between two results from noise",
     command_compare},
    {"find", "TARGET --slo ...", "find the highest load that still meets the SLO", command_find},
    {"merge", "A.json B.json ...", "combine the results of several generators, losslessly",
     command_merge},
};

static void print_help(FILE *output)
{
    fprintf(output,
            "cicada " CICADA_VERSION ": load testing and performance validation for MCP servers\n\n"
            "usage: cicada COMMAND [OPTIONS] ...\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(output, "  %-9s %-19s %s\n", commands[i].name, commands[i].arguments,
                commands[i].summary);
    fprintf(output, "\nA TARGET is a URL or a command after --:\n"
                    "  cicada run http://127.0.0.1:3000/mcp\n"
                    "  cicada run --quick -- npx -y @modelcontextprotocol/server-everything\n\n"
                    "cicada COMMAND --help tells the options of a command.\n");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error value, not an end */
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "-h") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? ERROR_USAGE : 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("cicada " CICADA_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "cicada: there is no command \"%s\"; cicada --help lists them\n", argv[1]);
    return ERROR_USAGE;
}
