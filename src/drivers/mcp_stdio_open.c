/* Opening a stdio target: start one process, find out what it speaks, read its catalog, end it. All
 * of it blocks, on a loop of its own. See mcp_stdio.h and the 2026-07-28 page on stdio, "Backward
 * Compatibility". */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "drivers/mcp_stdio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* A probe that is not answered means legacy; but processes may take long to start, so the answer is
 * accepted later too. A package runner may download first, hence the patience for the rest. */
#define PROBE_TIMEOUT_NS (3 * NS_PER_S)
#define START_TIMEOUT_NS (30 * NS_PER_S)
#define LIST_TIMEOUT_NS  (30 * NS_PER_S)

enum probe_result { PROBE_NONE, PROBE_DISCOVERED, PROBE_REFUSED, PROBE_LEGACY };

struct opening {
    struct target *target;
    struct stdio_target *stdio;
    struct loop loop;
    struct child child;
    struct loop_timer timer;
    bool exited, timed_out;
    int status;
    int64_t last_id, awaited_id, probe_id;
    json_t *result; /* of the awaited answer */
    bool answered;
    int64_t code;
    char refusal[400]; /* the awaited answer's error */
    /* Of the probe, whenever it came: */
    enum probe_result probe;
    json_t *discovered, *supported;
    char probe_refusal[400];
    uint64_t noise;
    char first_noise[120];
};

bool stdio_is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
            return false;
    return true;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static json_t *parse(struct span span)
{
    return span.start ? json_loadb(span.start, span.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
                      : NULL;
}

static void describe_error(const struct jsonrpc_message *message, char *text, size_t size)
{
    char sentence[300];
    span_unescape(message->error_message, sentence, sizeof sentence);
    snprintf(text, size, "error %lld: %s", (long long)message->error_code, sentence);
}

static void take_probe(struct opening *opening, const struct jsonrpc_message *message)
{
    switch (era_judge_probe(0, message)) {
    case ERA_IS_MODERN:
        if (message->kind == JSONRPC_RESULT) {
            opening->discovered = parse(message->result);
            opening->probe = opening->discovered ? PROBE_DISCOVERED : PROBE_LEGACY;
            return;
        }
        opening->probe = PROBE_REFUSED;
        break;
    case ERA_IS_MODERN_OTHER:
        opening->supported = parse(span_member(message->error_data, "supported"));
        opening->probe = PROBE_REFUSED;
        break;
    default:
        opening->probe = PROBE_LEGACY;
        break;
    }
    if (message->kind == JSONRPC_ERROR)
        describe_error(message, opening->probe_refusal, sizeof opening->probe_refusal);
}

static void take_answer(struct opening *opening, const struct jsonrpc_message *message)
{
    opening->answered = true;
    if (message->kind == JSONRPC_RESULT) {
        opening->result = parse(message->result);
        return;
    }
    opening->code = message->error_code;
    describe_error(message, opening->refusal, sizeof opening->refusal);
}

static void write_text(struct opening *opening, const char *text)
{
    struct iovec piece = {.iov_base = (char *)text, .iov_len = text ? strlen(text) : 0};
    if (text)
        child_write_line(&opening->child, &piece, 1);
}

static void note_noise(struct opening *opening, const char *bytes, size_t length)
{
    if (opening->noise++)
        return;
    size_t used = 0;
    for (; used < length && used < sizeof opening->first_noise - 1; used++)
        opening->first_noise[used] = bytes[used] >= 0x20 && bytes[used] < 0x7f ? bytes[used] : '?';
    opening->first_noise[used] = '\0';
}

/* No server asks for these: a program such as cat sends back what it was sent. */
static bool is_echo(const struct jsonrpc_message *message)
{
    return span_equals(message->method, "initialize") ||
           span_equals(message->method, "server/discover");
}

static void on_message(struct opening *opening, const struct jsonrpc_message *message,
                       const char *bytes, size_t length)
{
    bool ours = message->id_is_integer;
    if (message->kind == JSONRPC_REQUEST && is_echo(message)) {
        note_noise(opening, bytes, length);
    } else if (message->kind == JSONRPC_REQUEST) {
        char *answer = mcp_answer_server_request_text(message);
        write_text(opening, answer);
        free(answer);
    } else if (message->kind == JSONRPC_RESULT || message->kind == JSONRPC_ERROR) {
        if (ours && opening->probe == PROBE_NONE && message->id_integer == opening->probe_id)
            take_probe(opening, message);
        else if (ours && message->id_integer == opening->awaited_id && !opening->answered)
            take_answer(opening, message);
    }
}

static void on_line(struct child *child, const char *bytes, size_t length)
{
    struct opening *opening = container_of(child, struct opening, child);
    struct jsonrpc_message message;
    size_t position = 0;
    struct span element;
    if (stdio_is_blank(bytes, length))
        return;
    switch (jsonrpc_scan(&message, bytes, length)) {
    case JSONRPC_MALFORMED:
    case JSONRPC_INVALID:
        note_noise(opening, bytes, length);
        return;
    case JSONRPC_BATCH:
        while (jsonrpc_batch_next(bytes, length, &position, &element)) {
            jsonrpc_scan(&message, element.start, element.length);
            on_message(opening, &message, element.start, element.length);
        }
        return;
    default:
        on_message(opening, &message, bytes, length);
    }
}

static void on_exited(struct child *child, int status)
{
    struct opening *opening = container_of(child, struct opening, child);
    opening->exited = true;
    opening->status = status;
}

static void on_timeout(struct loop_timer *timer)
{
    container_of(timer, struct opening, timer)->timed_out = true;
}

static const struct child_events events = {.line = on_line, .exited = on_exited};

/* ---- words on how it went wrong ----------------------------------------------------------------
 */

/* The end of stderr on one line. */
static void quote_tail(const struct child *child, char *text, size_t size)
{
    size_t length = strlen(child->error_tail);
    while (length &&
           (child->error_tail[length - 1] == '\n' || child->error_tail[length - 1] == ' '))
        length--;
    size_t start = length + 1 > size ? length + 1 - size : 0;
    while (start && start < length && ((unsigned char)child->error_tail[start] & 0xc0) == 0x80)
        start++; /* not in the middle of a character */
    size_t count = length - start;
    memcpy(text, child->error_tail + start, count);
    text[count] = '\0';
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
}

void stdio_describe_exit(const struct child *child, int status, char *text, size_t size)
{
    char tail[300];
    int used = WIFSIGNALED(status)
                   ? snprintf(text, size, "the server was ended by signal %d (%s)",
                              WTERMSIG(status), strsignal(WTERMSIG(status)))
                   : snprintf(text, size, "the server exited with status %d", WEXITSTATUS(status));
    quote_tail(child, tail, sizeof tail);
    if (used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, *tail ? "; its stderr ends with: %s" : "%s",
                 tail);
}

static int no_answer(struct opening *opening, uint64_t timeout_ns, struct error *error)
{
    char text[STDIO_TEXT], tail[300];
    if (opening->exited) {
        stdio_describe_exit(&opening->child, opening->status, text, sizeof text);
        return error_set(error, ERROR_TARGET, "%s", text);
    }
    quote_tail(&opening->child, tail, sizeof tail);
    snprintf(text, sizeof text, "no answer within %.1f s", (double)timeout_ns / (double)NS_PER_S);
    if (opening->noise)
        return error_set(
            error, ERROR_TARGET,
            "%s; its stdout has %llu lines that are no message of a server, the first is \"%s\": "
            "is this an MCP server over stdio?",
            text, (unsigned long long)opening->noise, opening->first_noise);
    return error_set(error, ERROR_TARGET, "%s%s%s: is this an MCP server over stdio?", text,
                     *tail ? "; its stderr ends with: " : "", tail);
}

/* ---- one exchange ------------------------------------------------------------------------------
 */

static bool is_over(const struct opening *opening, bool or_probe)
{
    return opening->answered || opening->exited || opening->timed_out ||
           (or_probe && (opening->probe == PROBE_DISCOVERED || opening->probe == PROBE_REFUSED));
}

/* One turn of the loop; an interrupt ends the waiting as its time would. */
static void turn(struct opening *opening)
{
    loop_run_once(&opening->loop, interrupt_look_ns(UINT64_MAX));
    opening->timed_out = opening->timed_out || interrupt_requested();
}

static void await(struct opening *opening, uint64_t timeout_ns, bool or_probe)
{
    opening->timed_out = false;
    loop_timer_start(&opening->loop, &opening->timer, clock_now_ns() + timeout_ns);
    while (!is_over(opening, or_probe))
        turn(opening);
    loop_timer_stop(&opening->loop, &opening->timer);
}

static int send_request(struct opening *opening, const char *method, const json_t *params,
                        struct error *error)
{
    struct mcp_request_text text;
    char digits[24];
    if (mcp_request_text_build(&text, opening->stdio->mcp.revision, method, params, error) < 0)
        return -1;
    int length = snprintf(digits, sizeof digits, "%lld", (long long)++opening->last_id);
    struct iovec pieces[3] = {{text.prefix, text.prefix_length},
                              {digits, (size_t)length},
                              {text.suffix, text.suffix_length}};
    opening->answered = false;
    opening->code = 0;
    opening->awaited_id = opening->last_id;
    child_write_line(&opening->child, pieces, 3); /* a failure shows as an exit or a timeout */
    mcp_request_text_free(&text);
    return 0;
}

static int control_request(void *context, const char *method, const json_t *params, json_t **result,
                           int64_t *code, struct error *error)
{
    struct opening *opening = context;
    bool initializing = strcmp(method, "initialize") == 0;
    uint64_t given = opening->target->options->timeout_ns;
    uint64_t timeout = initializing ? opening->stdio->start_timeout_ns
                       : given      ? given
                                    : LIST_TIMEOUT_NS;
    *result = NULL;
    *code = 0;
    if (opening->exited)
        return no_answer(opening, timeout, error);
    if (send_request(opening, method, params, error) < 0)
        return -1;
    await(opening, timeout, initializing);
    if (!opening->answered)
        return no_answer(opening, timeout, error);
    *code = opening->code;
    *result = opening->result;
    opening->result = NULL;
    if (*result)
        return 0;
    return error_set(error, ERROR_TARGET, "%s", opening->refusal);
}

static int control_notify(void *context, const char *method, const json_t *params,
                          struct error *error)
{
    struct opening *opening = context;
    char *text = mcp_notification_text(opening->stdio->mcp.revision, method, params);
    if (!text)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    write_text(opening, text);
    free(text);
    return 0;
}

/* ---- the era -----------------------------------------------------------------------------------
 */

static int start_child(struct opening *opening, struct error *error)
{
    const struct target_options *options = opening->target->options;
    opening->exited = false;
    if (child_start(&opening->child, &opening->loop, options->command, options->environment,
                    STDIO_LINE_LIMIT, STDIO_INPUT_LIMIT, &events, error) < 0) {
        target_trace(opening->target, "start", false, "%s", error ? error->text : "");
        return -1;
    }
    target_trace(opening->target, "start", true, "process %d", (int)opening->child.pid);
    return 0;
}

static void await_probe(struct opening *opening)
{
    opening->timed_out = false;
    loop_timer_start(&opening->loop, &opening->timer,
                     clock_now_ns() + opening->stdio->probe_timeout_ns);
    while (opening->probe == PROBE_NONE && !opening->exited && !opening->timed_out)
        turn(opening);
    loop_timer_stop(&opening->loop, &opening->timer);
}

static int probe(struct opening *opening, struct error *error)
{
    opening->stdio->mcp.revision = mcp_revision_find(MCP_LATEST_MODERN);
    if (send_request(opening, "server/discover", NULL, error) < 0)
        return -1;
    opening->probe_id = opening->last_id;
    opening->awaited_id = 0; /* take_probe has it */
    await_probe(opening);
    return 0;
}

static int initialize(struct opening *opening, struct error *error)
{
    struct mcp_control control = {opening, control_request, control_notify};
    opening->stdio->mcp.revision = NULL;
    return mcp_control_initialize(&opening->stdio->mcp, &control, error);
}

/* The server has answered the probe as a modern one. */
static int settle_modern(struct opening *opening, struct error *error)
{
    struct mcp_target *mcp = &opening->stdio->mcp;
    if (opening->probe == PROBE_DISCOVERED)
        return mcp_control_accept_discover(mcp, opening->discovered, error);
    if (!opening->supported)
        return error_set(error, ERROR_TARGET, "server/discover: %s", opening->probe_refusal);
    if (mcp_control_accept_versions(mcp, opening->supported, error) < 0)
        return -1;
    if (mcp->revision->era == MCP_ERA_LEGACY)
        return initialize(opening, error);
    return error_set(error, ERROR_TARGET,
                     "server/discover: refused, though the server names the version asked for: %s",
                     opening->probe_refusal);
}

static int settle_legacy(struct opening *opening, struct error *error)
{
    const struct mcp_revision *forced = opening->stdio->mcp.forced;
    if (forced && forced->era == MCP_ERA_MODERN)
        return error_set(error, ERROR_TARGET,
                         "%s is forced, but the server does not answer server/discover as that "
                         "revision does%s%s: leave the protocol at auto",
                         forced->name, *opening->probe_refusal ? ": " : "", opening->probe_refusal);
    if (opening->exited && start_child(opening, error) < 0) /* it could not bear the question */
        return -1;
    int failed = initialize(opening, error);
    if (!failed)
        return 0;
    if (opening->answered) /* it was only slow to start, and the probe's answer is yet to come? */
        await_probe(opening);
    if (opening->probe == PROBE_DISCOVERED || opening->probe == PROBE_REFUSED)
        return settle_modern(opening, error);
    return failed;
}

static int settle_era(struct opening *opening, struct error *error)
{
    const struct mcp_revision *forced = opening->stdio->mcp.forced;
    int failed;
    if (forced && forced->era == MCP_ERA_LEGACY)
        failed = initialize(opening, error);
    else if (probe(opening, error) < 0)
        failed = -1;
    else if (opening->probe == PROBE_DISCOVERED || opening->probe == PROBE_REFUSED)
        failed = settle_modern(opening, error);
    else
        failed = settle_legacy(opening, error);
    const struct mcp_revision *revision = opening->stdio->mcp.revision;
    target_trace(opening->target, "era", !failed, "%s",
                 failed ? (error ? error->text : "") : revision->name);
    return failed;
}

/* ---- options, open, close ----------------------------------------------------------------------
 */

static int read_milliseconds(const json_t *value, uint64_t *ns)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > 3600000)
        return -1;
    *ns = (uint64_t)json_integer_value(value) * NS_PER_MS;
    return 0;
}

static int read_options(struct stdio_target *stdio, const struct target_options *options,
                        struct error *error)
{
    const char *where = options->where ? options->where : "target", *key;
    json_t *value;
    stdio->probe_timeout_ns = PROBE_TIMEOUT_NS;
    stdio->start_timeout_ns = START_TIMEOUT_NS;
    if (!options->command || !options->command[0])
        return error_set(error, ERROR_USAGE,
                         "%s: the stdio driver needs a command; give one after --", where);
    json_object_foreach(options->driver_options, key, value)
    {
        uint64_t *ns = strcmp(key, "probe_timeout_ms") == 0   ? &stdio->probe_timeout_ns
                       : strcmp(key, "start_timeout_ms") == 0 ? &stdio->start_timeout_ns
                                                              : NULL;
        if (!ns)
            return error_set(error, ERROR_USAGE,
                             "%s: unknown option \"%s\" of the stdio driver; known are "
                             "probe_timeout_ms and start_timeout_ms",
                             where, key);
        if (read_milliseconds(value, ns) < 0)
            return error_set(error, ERROR_USAGE,
                             "%s: %s must be a number of milliseconds, 1 to 3600000", where, key);
    }
    return 0;
}

/* What every new process is greeted with. */
static int make_greeting(struct stdio_target *stdio, struct error *error)
{
    const struct mcp_revision *revision = stdio->mcp.revision;
    if (revision->era == MCP_ERA_MODERN)
        return mcp_request_text_build(&stdio->hello, revision, "server/discover", NULL, error);
    json_t *params = mcp_control_initialize_params(&stdio->mcp);
    int failed = mcp_request_text_build(&stdio->hello, revision, "initialize", params, error);
    json_decref(params);
    stdio->initialized = mcp_notification_text(revision, "notifications/initialized", NULL);
    return failed;
}

static int talk(struct opening *opening, struct error *error)
{
    struct mcp_target *mcp = &opening->stdio->mcp;
    struct mcp_control control = {opening, control_request, control_notify};
    if (start_child(opening, error) < 0 || settle_era(opening, error) < 0 ||
        mcp_control_discover_offers(opening->target, mcp, &control, error) < 0)
        return -1;
    if (opening->noise) {
        log_warn("the server wrote %llu lines to stdout that are no JSON-RPC, the first: \"%s\"",
                 (unsigned long long)opening->noise, opening->first_noise);
        json_object_set_new(opening->target->facts, "stdout_noise",
                            json_integer((json_int_t)opening->noise));
    }
    return make_greeting(opening->stdio, error);
}

static void end_child(struct opening *opening)
{
    uint64_t deadline = clock_now_ns() + 5 * NS_PER_S / 2;
    if (opening->child.pid)
        child_stop(&opening->child);
    while (opening->child.pid && clock_now_ns() < deadline)
        loop_run_once(&opening->loop, deadline);
    child_kill(&opening->child);
}

int stdio_open(struct target *target, struct error *error)
{
    struct stdio_target *stdio = calloc(1, sizeof *stdio);
    struct opening *opening = calloc(1, sizeof *opening);
    int failed = -1;
    target->driver_data = stdio;
    if (!stdio || !opening)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else if (mcp_target_init(&stdio->mcp, target->options, "stdio", false, error) == 0 &&
             read_options(stdio, target->options, error) == 0 &&
             loop_open(&opening->loop, error) == 0) {
        opening->target = target;
        opening->stdio = stdio;
        opening->timer.fired = on_timeout;
        failed = talk(opening, error);
        end_child(opening);
        loop_close(&opening->loop);
        json_decref(opening->result);
        json_decref(opening->discovered);
        json_decref(opening->supported);
    }
    free(opening);
    target->max_connections = target->options->processes ? target->options->processes : 1;
    target->calls_per_connection = STDIO_CAPACITY;
    if (failed)
        stdio_close(target);
    return failed;
}

void stdio_close(struct target *target)
{
    static const char *const names[STRAYS] = {
        [STRAY_NOISE] = "that are no JSON-RPC message",
        [STRAY_ID] = "with an id that is none of ours",
        [STRAY_DUPLICATE] = "that answer a request again",
        [STRAY_TOO_LONG] = "longer than 64 MiB",
        [STRAY_REQUEST] = "with a request, which the revision does not allow",
    };
    struct stdio_target *stdio = target->driver_data;
    for (int i = 0; stdio && i < STRAYS; i++)
        if (stdio->strays[i])
            log_warn("%s: %llu lines on stdout %s, which could not be laid to one call",
                     target->description ? target->description : "stdio server",
                     (unsigned long long)stdio->strays[i], names[i]);
    target_free_offers(target);
    if (stdio) {
        mcp_request_text_free(&stdio->hello);
        free(stdio->initialized);
        mcp_target_free(&stdio->mcp);
        free(stdio);
    }
    target->driver_data = NULL;
}
