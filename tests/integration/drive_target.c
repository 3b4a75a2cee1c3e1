/* Drives one target through the driver interface alone, without the engine: opens it, prepares
 * every offer of the kinds asked for, submits each on one connection, and prints what came of it as
 * JSON.
 *
 *   drive_target [options] URL
 *   drive_target [options] -- COMMAND...
 *
 * --kind KIND (tool by default, may be repeated, "all"), --name NAME (only offers so called),
 * --repeat N, --variants N, --in-flight N, --timeout SECONDS, --protocol REVISION, --transport T,
 * --driver NAME, --arguments JSON (for every tool), --responses (print them), --requests. */
#include "base/clock.h"
#include "base/log.h"
#include "drivers/driver.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KINDS = 16, MOST_IN_FLIGHT = 256 };

struct settings {
    const char *kinds[MOST_KINDS], *name;
    int kind_count;
    unsigned repeat, variants, in_flight;
    uint64_t timeout_ns;
    json_t *arguments;
    bool responses, requests;
};

struct lane; /* one call at a time, one after the other */
struct drive {
    struct settings settings;
    struct target target;
    struct loop loop;
    struct driver_worker *worker;
    struct connection *connection;
    struct session *session;
    struct operation *operations;
    size_t operation_count;
    json_t *report, *results; /* array, one entry per call */
    uint64_t next, total, finished;
    struct lane *lanes;
    bool opened, closed;
    char closed_text[600];
};
struct lane {
    struct drive *drive;
    struct call *call;
    struct loop_timer timer;
    bool busy;
};

/* ---- reporting ---------------------------------------------------------------------------------
 */

static void report_outcome(json_t *entry, const struct outcome *outcome, const char *text)
{
    json_object_set_new(entry, "outcome", json_string(outcome_kind_name(outcome->kind)));
    if (outcome->code)
        json_object_set_new(entry, "code", json_integer(outcome->code));
    if (outcome->detail)
        json_object_set_new(entry, "detail", json_string(outcome->detail));
    if (text)
        json_object_set_new(entry, "text", json_string(text));
}

static void report_call(struct drive *drive, const struct call *call)
{
    const struct driver *driver = drive->target.driver;
    json_t *entry =
        json_pack("{s:s, s:i}", "name", call->operation->name, "variant", (int)call->variant);
    char *arguments = driver->arguments_text(call->operation, call->variant);
    report_outcome(entry, &call->outcome, call->text);
    json_object_set_new(entry, "round_trips", json_integer(call->round_trips));
    json_object_set_new(entry, "bytes_sent", json_integer((json_int_t)call->bytes_sent));
    json_object_set_new(entry, "bytes_received", json_integer((json_int_t)call->bytes_received));
    bool ordered = call->send_ns && call->sent_ns >= call->send_ns &&
                   call->first_byte_ns >= call->sent_ns && call->end_ns >= call->first_byte_ns;
    json_object_set_new(entry, "times_in_order", json_boolean(ordered));
    if (arguments)
        json_object_set_new(entry, "arguments", json_loads(arguments, JSON_DECODE_ANY, NULL));
    if (drive->settings.responses && call->response)
        json_object_set_new(entry, "response",
                            json_loadb(call->response, call->response_length, 0, NULL));
    char *request =
        drive->settings.requests && driver->request_text ? driver->request_text(call) : NULL;
    if (request)
        json_object_set_new(entry, "request", json_loads(request, 0, NULL));
    json_array_append_new(drive->results, entry);
    free(request);
    free(arguments);
}

static json_t *report_target(const struct target *target)
{
    json_t *offers = json_object(), *excluded = json_array();
    for (size_t i = 0; i < target->offer_count; i++) {
        json_t *count = json_object_get(offers, target->offers[i].kind);
        json_object_set_new(offers, target->offers[i].kind,
                            json_integer(json_integer_value(count) + 1));
    }
    for (size_t i = 0; i < target->excluded_count; i++)
        json_array_append_new(excluded, json_pack("{s:s, s:s}", "name", target->excluded[i].name,
                                                  "reason", target->excluded[i].reason));
    return json_pack("{s:s, s:s, s:O, s:o, s:o}", "driver", target->driver->name, "description",
                     target->description, "facts", target->facts, "offers", offers, "excluded",
                     excluded);
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static void start_next(struct lane *lane);

static void on_complete(struct call *call)
{
    struct lane *lane = call->engine_data;
    struct drive *drive = lane->drive;
    loop_timer_stop(&drive->loop, &lane->timer);
    lane->busy = false;
    drive->finished++;
    report_call(drive, call);
    start_next(lane);
}

static void on_deadline(struct loop_timer *timer)
{
    struct lane *lane = container_of(timer, struct lane, timer);
    struct outcome why = {.kind = OUTCOME_TIMEOUT};
    lane->drive->target.driver->cancel(lane->call, &why);
}

static void submit(struct lane *lane, const struct operation *operation, uint32_t variant)
{
    struct drive *drive = lane->drive;
    struct call *call = lane->call;
    *call = (struct call){.operation = operation,
                          .connection = drive->connection,
                          .session = drive->session,
                          .context = call->context,
                          .variant = variant,
                          .deadline_ns = clock_now_ns() + drive->settings.timeout_ns,
                          .want_response = drive->settings.responses,
                          .keep_request = drive->settings.requests,
                          .complete = on_complete,
                          .engine_data = lane};
    lane->busy = true;
    loop_timer_start(&drive->loop, &lane->timer, call->deadline_ns);
    drive->target.driver->submit(call);
}

static void start_next(struct lane *lane)
{
    struct drive *drive = lane->drive;
    if (drive->next == drive->total || drive->closed || !drive->connection->reusable)
        return;
    uint64_t number = drive->next++;
    submit(lane, &drive->operations[number % drive->operation_count],
           (uint32_t)(number / drive->operation_count));
}

/* ---- the connection ----------------------------------------------------------------------------
 */

static void on_opened(struct connection *connection)
{
    ((struct drive *)connection->engine_data)->opened = true;
}

static void on_closed(struct connection *connection, const struct outcome *why, const char *text)
{
    struct drive *drive = connection->engine_data;
    drive->closed = true;
    snprintf(drive->closed_text, sizeof drive->closed_text, "%s: %s", outcome_kind_name(why->kind),
             text ? text : "");
}

static bool any_busy(const struct drive *drive)
{
    for (unsigned i = 0; i < drive->settings.in_flight; i++)
        if (drive->lanes[i].busy)
            return true;
    return false;
}

/* A call of its own for session_open and session_close. */
static void run_setup(struct drive *drive, const struct operation *operation)
{
    uint64_t next = drive->next, finished = drive->finished;
    drive->next = drive->total;
    submit(&drive->lanes[0], operation, 0);
    while (any_busy(drive))
        loop_run_once(&drive->loop, UINT64_MAX);
    drive->next = next;
    drive->finished = finished;
}

static int make_objects(struct drive *drive)
{
    const struct driver *driver = drive->target.driver;
    drive->worker = calloc(1, sizeof *drive->worker + driver->worker_size);
    drive->connection = calloc(1, sizeof *drive->connection + driver->connection_size);
    drive->session = calloc(1, sizeof *drive->session + driver->session_size);
    drive->lanes = calloc(drive->settings.in_flight, sizeof *drive->lanes);
    if (!drive->worker || !drive->connection || !drive->session || !drive->lanes)
        return -1;
    *drive->worker = (struct driver_worker){.target = &drive->target, .loop = &drive->loop};
    *drive->connection = (struct connection){
        .worker = drive->worker, .opened = on_opened, .closed = on_closed, .engine_data = drive};
    drive->session->worker = drive->worker;
    for (unsigned i = 0; i < drive->settings.in_flight; i++) {
        drive->lanes[i] = (struct lane){
            .drive = drive,
            .call = calloc(1, sizeof(struct call) + driver->call_size),
            .timer = {.fired = on_deadline},
        };
        if (!drive->lanes[i].call)
            return -1;
    }
    return 0;
}

static void free_objects(struct drive *drive)
{
    for (unsigned i = 0; i < drive->settings.in_flight; i++)
        free(drive->lanes[i].call);
    free(drive->lanes);
    free(drive->session);
    free(drive->connection);
    free(drive->worker);
}

static int drive_all(struct drive *drive, struct error *error)
{
    const struct driver *driver = drive->target.driver;
    if (make_objects(drive) < 0 || driver->worker_open(drive->worker, error) < 0)
        return -1;
    driver->connect(drive->connection);
    while (!drive->opened && !drive->closed)
        loop_run_once(&drive->loop, UINT64_MAX);
    if (drive->opened && drive->target.needs_session)
        run_setup(drive, &drive->target.session_open);
    unsigned most = drive->connection->capacity < drive->settings.in_flight
                        ? drive->connection->capacity
                        : drive->settings.in_flight;
    for (unsigned i = 0; i < most && drive->opened; i++)
        start_next(&drive->lanes[i]);
    while (any_busy(drive))
        loop_run_once(&drive->loop, UINT64_MAX);
    if (drive->session->open && !drive->closed)
        run_setup(drive, &drive->target.session_close);
    driver->session_discard(drive->session);
    driver->disconnect(drive->connection);
    driver->worker_close(drive->worker);
    free_objects(drive);
    return 0;
}

/* ---- operations --------------------------------------------------------------------------------
 */

static bool is_wanted(const struct settings *settings, const struct offer *offer)
{
    if (settings->name && strcmp(settings->name, offer->name) != 0)
        return false;
    for (int i = 0; i < settings->kind_count; i++)
        if (strcmp(settings->kinds[i], offer->kind) == 0 || strcmp(settings->kinds[i], "all") == 0)
            return strcmp(offer->kind, "connection_churn") != 0;
    return false;
}

static void prepare_all(struct drive *drive)
{
    struct target *target = &drive->target;
    drive->operations = calloc(target->offer_count + 1, sizeof *drive->operations);
    for (size_t i = 0; i < target->offer_count && drive->operations; i++) {
        struct error error = {0};
        struct operation_spec spec = {.offer = &target->offers[i],
                                      .arguments = drive->settings.arguments,
                                      .variants = drive->settings.variants,
                                      .where = "command line"};
        if (!is_wanted(&drive->settings, spec.offer))
            continue;
        if (target->driver->prepare(target, &spec, &drive->operations[drive->operation_count],
                                    &error) == 0)
            drive->operation_count++;
        else
            json_array_append_new(drive->results,
                                  json_pack("{s:s, s:s, s:s}", "name", spec.offer->name, "outcome",
                                            "not_prepared", "text", error.text));
    }
    drive->total = drive->operation_count * drive->settings.repeat;
}

static void trace(struct target *target, const char *step, bool ok, const char *text)
{
    (void)target;
    fprintf(stderr, "%s: %s: %s\n", ok ? "ok" : "FAILED", step, text);
}

static int run(struct drive *drive, const struct target_options *options)
{
    struct error error = {0};
    const struct driver *driver = driver_for(options, &error);
    drive->target = (struct target){.driver = driver, .options = options, .trace = trace};
    drive->results = json_array();
    if (!driver || driver->open(&drive->target, &error) < 0) {
        fprintf(stderr, "drive_target: %s\n", error.text);
        json_decref(drive->results);
        return error.code ? (int)error.code : 1;
    }
    prepare_all(drive);
    int failed = loop_open(&drive->loop, &error);
    if (!failed && drive->total)
        failed = drive_all(drive, &error);
    drive->report = json_pack("{s:o, s:O, s:I, s:I}", "target", report_target(&drive->target),
                              "results", drive->results, "submitted", (json_int_t)drive->next,
                              "finished", (json_int_t)drive->finished);
    if (drive->closed)
        json_object_set_new(drive->report, "closed", json_string(drive->closed_text));
    for (size_t i = 0; i < drive->operation_count; i++)
        driver->release(&drive->target, &drive->operations[i]);
    free(drive->operations);
    driver->close(&drive->target);
    loop_close(&drive->loop);
    json_dumpf(drive->report, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(drive->report);
    json_decref(drive->results);
    return failed ? 1 : 0;
}

/* ---- the command line --------------------------------------------------------------------------
 */

static int read_options(int argc, char **argv, struct settings *settings,
                        struct target_options *options)
{
    static const struct option known[] = {{"kind", required_argument, NULL, 'k'},
                                          {"repeat", required_argument, NULL, 'r'},
                                          {"variants", required_argument, NULL, 'v'},
                                          {"in-flight", required_argument, NULL, 'f'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"protocol", required_argument, NULL, 'p'},
                                          {"transport", required_argument, NULL, 'T'},
                                          {"driver", required_argument, NULL, 'd'},
                                          {"arguments", required_argument, NULL, 'a'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"responses", no_argument, NULL, 'R'},
                                          {"requests", no_argument, NULL, 'Q'},
                                          {"driver-options", required_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;) {
        if (option == 'k' && settings->kind_count < MOST_KINDS)
            settings->kinds[settings->kind_count++] = optarg;
        else if (option == 'r')
            settings->repeat = (unsigned)atoi(optarg);
        else if (option == 'v')
            settings->variants = (unsigned)atoi(optarg);
        else if (option == 'f')
            settings->in_flight = (unsigned)atoi(optarg);
        else if (option == 't')
            settings->timeout_ns = (uint64_t)(atof(optarg) * (double)NS_PER_S);
        else if (option == 'p')
            options->protocol = optarg;
        else if (option == 'T')
            options->transport = optarg;
        else if (option == 'd')
            options->driver = optarg;
        else if (option == 'n')
            settings->name = optarg;
        else if (option == 'a')
            settings->arguments = json_loads(optarg, 0, NULL);
        else if (option == 'o')
            options->driver_options = json_loads(optarg, 0, NULL);
        else if (option == 'R')
            settings->responses = true;
        else if (option == 'Q')
            settings->requests = true;
        else
            return -1;
    }
    bool command = optind > 0 && optind < argc && strcmp(argv[optind - 1], "--") == 0;
    if (command)
        options->command = argv + optind;
    else if (optind < argc)
        options->url = argv[optind];
    return options->command || options->url ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct drive drive = {
        .settings = {.repeat = 1, .variants = 1, .in_flight = 1, .timeout_ns = 20 * NS_PER_S}};
    struct target_options options = {.name = "target",
                                     .http2 = true,
                                     .listen = true,
                                     .connect_timeout_ns = 5 * NS_PER_S,
                                     .timeout_ns = 20 * NS_PER_S,
                                     .seed = 1,
                                     .where = "command line"};
    log_set_program("drive_target");
    if (read_options(argc, argv, &drive.settings, &options) < 0 || !drive.settings.in_flight ||
        drive.settings.in_flight > MOST_IN_FLIGHT) {
        fprintf(stderr, "usage: drive_target [options] URL | -- COMMAND...\n");
        return 2;
    }
    if (!drive.settings.kind_count)
        drive.settings.kinds[drive.settings.kind_count++] = "tool";
    int status = run(&drive, &options);
    json_decref(drive.settings.arguments);
    json_decref(options.driver_options);
    return status;
}
