/* The faulty child process: one line in, one line out, but for its fault. */
#include "fault.h"

#include "base/buffer.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned calls;
static json_t *pending_ping_id; /* of the call that waits for the client's answer to our ping */

/* ---- writing ------------------------------------------------------------------------------------
 */

static void write_bytes(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(fd, bytes, length);
        if (written <= 0)
            exit(0); /* the client is gone */
        bytes += written;
        length -= (size_t)written;
    }
}

static void write_line(char *text)
{
    struct buffer line;
    buffer_init(&line, SIZE_MAX / 2);
    if (text && buffer_printf(&line, "%s\n", text) == 0)
        write_bytes(STDOUT_FILENO, buffer_bytes(&line), buffer_length(&line));
    buffer_free(&line);
    free(text);
}

static json_t *work_result(void)
{
    return json_pack("{s:[{s:s, s:s}], s:s}", "content", "type", "text", "text", "done",
                     "resultType", "complete");
}

static char *work_answer(const json_t *id)
{
    return message_result(id, work_result());
}

static void pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

/* ---- faults at the start ------------------------------------------------------------------------
 */

static void start_exit(void)
{
    exit(0);
}

static void start_exit_with_message(void)
{
    fputs("faulty: cannot read /etc/faulty.conf\n", stderr);
    exit(7);
}

static void start_noise(void)
{
    write_line(strdup("Server listening on nothing at all"));
    write_line(strdup("{\"level\":\"info\",\"message\":\"a log line that happens to be JSON\"}"));
    write_line(strdup(""));
}

static void start_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
}

/* ---- faults in the answer -----------------------------------------------------------------------
 */

static void answer_exit_after(const json_t *id)
{
    enum { CALLS = 3 };
    if (calls > CALLS)
        exit(1);
    write_line(work_answer(id));
}

static void answer_crash(const json_t *id)
{
    (void)id;
    raise(SIGKILL);
}

static void answer_with_noise(const json_t *id)
{
    write_line(strdup("DEBUG handling a call"));
    write_line(work_answer(id));
}

static void answer_flooding_stderr(const json_t *id)
{
    static char letters[64 * 1024];
    memset(letters, 'e', sizeof letters);
    for (int i = 0; i < 64; i++)
        write_bytes(STDERR_FILENO, letters, sizeof letters); /* 4 MiB without one newline */
    write_line(work_answer(id));
}

static void answer_stops_reading(const json_t *id)
{
    (void)id;
    wait_for_ever();
}

static void answer_late(const json_t *id)
{
    pause_ms(1500);
    write_line(work_answer(id));
}

static void answer_wrong_id(const json_t *id)
{
    json_t *other = json_integer(json_integer_value(id) + 1000000);
    write_line(work_answer(other));
    json_decref(other);
}

static void answer_string_id(const json_t *id)
{
    json_t *text = json_sprintf("%lld", (long long)json_integer_value(id));
    write_line(work_answer(text));
    json_decref(text);
}

static void answer_duplicate(const json_t *id)
{
    char *text = work_answer(id), *twice = NULL;
    if (asprintf(&twice, "%s\n%s", text, text) >= 0)
        write_line(twice);
    free(text);
}

static void answer_partial(const json_t *id)
{
    char *text = work_answer(id);
    write_bytes(STDOUT_FILENO, text, strlen(text) / 2);
    exit(0);
}

static void answer_giant(const json_t *id)
{
    static char letters[1 << 20];
    (void)id;
    memset(letters, 'g', sizeof letters);
    for (int i = 0; i < 80; i++)
        write_bytes(STDOUT_FILENO, letters, sizeof letters);
    write_bytes(STDOUT_FILENO, "\n", 1);
}

static void answer_garbage(const json_t *id)
{
    (void)id;
    write_line(strdup("}{ this is not JSON ]["));
}

static void answer_invalid_utf8(const json_t *id)
{
    char *text = NULL;
    if (asprintf(&text,
                 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[{\"type\":\"text\","
                 "\"text\":\"\xc3\x28\"}]}}",
                 (long long)json_integer_value(id)) >= 0)
        write_line(text);
}

static void answer_close_stdout(const json_t *id)
{
    (void)id;
    close(STDOUT_FILENO);
    wait_for_ever();
}

/* The pipes stay open in a grandchild: end of input alone does not tell that the child is gone. */
static void answer_leaving_grandchild(const json_t *id)
{
    (void)id;
    if (fork() == 0) {
        pause_ms(20000);
        _exit(0);
    }
    _exit(1);
}

static void answer_halves(const json_t *id)
{
    char *text = work_answer(id);
    size_t half = strlen(text) / 2;
    write_bytes(STDOUT_FILENO, text, half);
    pause_ms(5);
    write_line(strdup(text + half));
    free(text);
}

static void answer_crlf(const json_t *id)
{
    char *text = work_answer(id), *line = NULL;
    if (asprintf(&line, "%s\r", text) >= 0)
        write_line(line);
    free(text);
}

static void answer_unasked(const json_t *id)
{
    write_line(strdup("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                      "{\"level\":\"info\",\"data\":\"hello\"}}"));
    write_line(work_answer(id));
}

static void answer_after_ping(const json_t *id)
{
    pending_ping_id = json_deep_copy(id);
    write_line(strdup("{\"jsonrpc\":\"2.0\",\"id\":\"ping-1\",\"method\":\"ping\"}"));
}

static void answer_tool_error(const json_t *id)
{
    json_t *result = work_result();
    json_object_set_new(result, "isError", json_true());
    write_line(message_result(id, result));
}

static void answer_error(const json_t *id)
{
    write_line(message_error(id, -32603, "it broke", NULL));
}

/* ---- faults of the probe ------------------------------------------------------------------------
 */

static void discover_silent(const json_t *id)
{
    (void)id;
}

static void discover_invalid_params(const json_t *id)
{
    write_line(message_error(id, -32602, "Invalid request parameters", NULL));
}

static void discover_modern(const json_t *id)
{
    write_line(
        message_result(id, json_pack("{s:s, s:[s], s:{s:{}}, s:i, s:s, s:{s:{s:s, s:s}}}",
                                     "resultType", "complete", "supportedVersions", "2026-07-28",
                                     "capabilities", "tools", "ttlMs", 0, "cacheScope", "private",
                                     "_meta", "io.modelcontextprotocol/serverInfo", "name",
                                     "fault-child", "version", "1")));
}

static void discover_other_version(const json_t *id)
{
    write_line(message_error(
        id, -32022, "Unsupported protocol version",
        json_pack("{s:[s], s:s}", "supported", "2031-01-01", "requested", "2026-07-28")));
}

static void discover_never_reads(const json_t *id)
{
    (void)id;
    wait_for_ever();
}

const struct fault_child fault_children[] = {
    {"none", "serves (legacy)", "ok", 0, NULL, 0, NULL, NULL, NULL, NULL},
    {"modern", "serves (2026-07-28)", "ok", 0, NULL, 0, NULL, NULL, NULL, discover_modern},
    {"probe_silent", "legacy; ignores server/discover", "ok", 0, NULL, 0, NULL, NULL, NULL,
     discover_silent},
    {"probe_32602", "legacy; -32602 to server/discover", "ok", 0, NULL, 0, NULL, NULL, NULL,
     discover_invalid_params},
    {"other_version", "modern, but only a later revision", NULL, 0, NULL, 3, "2031-01-01", NULL,
     NULL, discover_other_version},
    {"exit_at_once", "exits before it reads anything", NULL, 0, NULL, 3, "exited", start_exit, NULL,
     NULL},
    {"exit_with_message", "explains itself on stderr and exits with 7", NULL, 0, NULL, 3,
     "cannot read /etc/faulty.conf", start_exit_with_message, NULL, NULL},
    {"never_answers", "reads one line and hangs", NULL, 0, NULL, 3, "", NULL, NULL,
     discover_never_reads},
    {"exit_after_calls", "exits at the fourth call", "ok+connection_reset", 0, NULL, 0, NULL, NULL,
     answer_exit_after, NULL},
    {"crash", "is killed by a signal at the first call", "connection_reset", 0, NULL, 0, NULL, NULL,
     answer_crash, NULL},
    {"noise_first", "log lines on stdout before anything else", "ok", 0, NULL, 0, NULL, start_noise,
     NULL, NULL},
    {"noise", "a log line on stdout before each answer", "protocol_violation|ok", 0, NULL, 0, NULL,
     NULL, answer_with_noise, NULL},
    {"stderr_flood", "4 MiB on stderr before each answer", "ok", 0, NULL, 0, NULL, NULL,
     answer_flooding_stderr, NULL},
    {"stops_reading", "hangs at the first call", "timeout", 0, NULL, 0, NULL, NULL,
     answer_stops_reading, NULL},
    {"late", "answers after 1.5 s, later than the client waits", "timeout", 0, NULL, 0, NULL, NULL,
     answer_late, NULL},
    {"wrong_id", "the answer to a request never made", "protocol_violation|timeout", 0, NULL, 0,
     NULL, NULL, answer_wrong_id, NULL},
    {"string_id", "the id as a string", "protocol_violation|timeout", 0, NULL, 0, NULL, NULL,
     answer_string_id, NULL},
    {"duplicate", "every answer twice", "protocol_violation|ok", 0, NULL, 0, NULL, NULL,
     answer_duplicate, NULL},
    {"partial_line", "half an answer, then exits", "protocol_violation|connection_reset", 0, NULL,
     0, NULL, NULL, answer_partial, NULL},
    {"giant_line", "a line of 80 MiB", "protocol_violation", 0, NULL, 0, NULL, NULL, answer_giant,
     NULL},
    {"garbage", "a line that is no JSON in place of the answer", "protocol_violation|timeout", 0,
     NULL, 0, NULL, NULL, answer_garbage, NULL},
    {"invalid_utf8", "an answer that is no UTF-8", "protocol_violation|timeout", 0, NULL, 0, NULL,
     NULL, answer_invalid_utf8, NULL},
    {"stdout_closed", "closes stdout and lives on", "connection_reset|timeout", 0, NULL, 0, NULL,
     NULL, answer_close_stdout, NULL},
    {"grandchild", "exits while a grandchild holds its pipes", "connection_reset|timeout", 0, NULL,
     0, NULL, NULL, answer_leaving_grandchild, NULL},
    {"stubborn", "ignores the end of stdin and SIGTERM", "ok", 0, NULL, 0, NULL, start_stubborn,
     NULL, NULL},
    {"halves", "each answer in two writes", "ok", 0, NULL, 0, NULL, NULL, answer_halves, NULL},
    {"crlf", "lines that end in CR LF", "ok", 0, NULL, 0, NULL, NULL, answer_crlf, NULL},
    {"notifies", "a notification before each answer", "ok", 0, NULL, 0, NULL, NULL, answer_unasked,
     NULL},
    {"asks_ping", "pings the client before each answer", "ok", 0, NULL, 0, NULL, NULL,
     answer_after_ping, NULL},
    {"tool_error", "a result with isError", "tool_error", 0, NULL, 0, NULL, NULL, answer_tool_error,
     NULL},
    {"error", "a JSON-RPC error", "jsonrpc_error", -32603, NULL, 0, NULL, NULL, answer_error, NULL},
    {0},
};

/* ---- serving ------------------------------------------------------------------------------------
 */

static void serve_initialize(const json_t *id)
{
    write_line(message_result(id, json_pack("{s:s, s:{s:{}}, s:{s:s, s:s}}", "protocolVersion",
                                            "2025-11-25", "capabilities", "tools", "serverInfo",
                                            "name", "fault-child", "version", "1")));
}

static void serve_list(const json_t *id)
{
    write_line(message_result(id, json_pack("{s:[{s:s, s:s, s:{s:s}, s:{s:b}}], s:s, s:i, s:s}",
                                            "tools", "name", "work", "description",
                                            "Does the work.", "inputSchema", "type", "object",
                                            "annotations", "readOnlyHint", 1, "resultType",
                                            "complete", "ttlMs", 0, "cacheScope", "private")));
}

static void serve_client_answer(void)
{
    if (!pending_ping_id)
        return;
    write_line(work_answer(pending_ping_id));
    json_decref(pending_ping_id);
    pending_ping_id = NULL;
}

static void serve_line(const struct fault_child *fault, const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *id = json_object_get(message, "id");
    if (!method) {
        serve_client_answer();
    } else if (!id) {
        return; /* a notification */
    } else if (strcmp(method, "initialize") == 0) {
        serve_initialize(id);
    } else if (strcmp(method, "ping") == 0) {
        write_line(message_result(id, json_object()));
    } else if (strcmp(method, "tools/list") == 0) {
        serve_list(id);
    } else if (strcmp(method, "tools/call") == 0) {
        calls++;
        if (fault->answer)
            fault->answer(id);
        else
            write_line(work_answer(id));
    } else if (strcmp(method, "server/discover") == 0 && fault->discover) {
        fault->discover(id);
    } else {
        write_line(message_error(id, -32601, "method not found", NULL));
    }
}

static const struct fault_child *child_find(const char *name)
{
    for (const struct fault_child *fault = fault_children; fault->name; fault++)
        if (strcmp(fault->name, name) == 0)
            return fault;
    return NULL;
}

int stdio_serve(const char *fault_name)
{
    const struct fault_child *fault = child_find(fault_name);
    if (!fault) {
        fprintf(stderr, "fault_server: no fault is called %s; --list names them\n", fault_name);
        return 2;
    }
    if (fault->start)
        fault->start();
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        json_t *message = json_loads(line, 0, NULL);
        if (message)
            serve_line(fault, message);
        json_decref(message);
    }
    free(line);
    if (strcmp(fault->name, "stubborn") == 0)
        wait_for_ever();
    return 0;
}
