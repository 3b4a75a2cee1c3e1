/* Drives a target over HTTP through the driver table, without the engine: opens it, runs what it
 * offers with a given number of users and calls in flight, and prints every outcome. The
 * integration and conformance scripts read what it prints.
 *
 *   http_drive URL [--protocol P] [--transport T] [--header 'K: V'] [--cacert FILE] [--insecure]
 *              [--kind GLOB] [--name GLOB] [--arguments JSON] [--variants N]
 *              [--users N] [--in-flight N] [--operations N] [--pause MS]
 *              [--cancel-after MS] [--timeout MS] [--connect-timeout MS]
 *              [--no-listen] [--show] [--trace]
 *              [--quiet] [--share]
 *
 * Without --operations each matching operation runs once. Exit: 0 all outcomes ok, 1 some not, 3
 * the target could not be opened. */
#include "base/clock.h"
#include "base/template.h"
#include "drivers/driver.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct link { /* a connection and its state */
    struct user *user;
    struct connection *connection;
    bool connected, connecting;
};

struct slot { /* one call at a time */
    struct user *user;
    struct call *call;
    struct link *link; /* its own, or with --share its user's */
    struct loop_task task;
    struct loop_timer timer; /* the time limit, or the pause before the next call */
    struct template_context context;
    struct random random;
    bool busy, pausing;
    const struct operation *operation;
};

struct user {
    struct session *session;
    struct slot *slots;
    struct link *links;
    unsigned setting_up; /* 0: not yet, 1: opening its session, 2: done */
};

static struct {
    struct target_options options;
    struct target target;
    struct loop loop;
    struct driver_worker *worker;
    struct operation *operations;
    size_t operation_count;
    struct user *users;
    unsigned user_count, in_flight, variants, started_users;
    uint64_t wanted, started, finished, next;
    uint64_t outcomes[OUTCOME_KINDS], round_trips, closes;
    uint64_t cancel_after_ns, pause_ns;
    const char *kind, *name;
    json_t *arguments;
    bool show, trace, quiet, share, closing, completing;
    unsigned open_sessions, busy;
} drive;

static const char *where_it_failed(const struct call *call)
{
    return call->text ? call->text : "";
}

static void report(const struct operation *operation, const struct call *call)
{
    const struct outcome *outcome = &call->outcome;
    printf("%s\t%s\t%d\t%s\t%s\trounds=%u\n", operation->name, outcome_kind_name(outcome->kind),
           outcome->code, outcome->detail ? outcome->detail : "-", where_it_failed(call),
           call->round_trips);
    if (drive.show) {
        char *request = drive.target.driver->request_text(call);
        printf("  > %s\n", request ? request : "-");
        free(request);
        if (call->response)
            printf("  < %.*s\n", (int)(call->response_length > 400 ? 400 : call->response_length),
                   call->response);
    }
    fflush(stdout);
}

/* ---- one call after another -------------------------------------------------------------------
 */

static void slot_next(struct slot *slot);

/* Users come in one after the other, or a listening queue overflows; each that is set up lets in
 * the next. */
static void start_user(void)
{
    if (drive.closing || drive.started_users == drive.user_count)
        return;
    struct user *user = &drive.users[drive.started_users++];
    for (unsigned j = 0; j < drive.in_flight; j++)
        slot_next(&user->slots[j]);
}

static void link_opened(struct connection *connection)
{
    struct link *link = connection->engine_data;
    struct user *user = link->user;
    link->connecting = false;
    link->connected = true;
    for (unsigned i = 0; i < drive.in_flight; i++)
        if (user->slots[i].link == link)
            slot_next(&user->slots[i]);
    if (!drive.target.needs_session)
        start_user();
}

static void link_closed(struct connection *connection, const struct outcome *why, const char *text)
{
    struct link *link = connection->engine_data;
    bool failed_to_open = link->connecting;
    link->connecting = link->connected = false;
    drive.target.driver->disconnect(connection);
    drive.closes++;
    if (failed_to_open) {
        printf("connection\t%s\t%d\t%s\t%s\n", outcome_kind_name(why->kind), why->code,
               why->detail ? why->detail : "-", text ? text : "");
        drive.outcomes[why->kind]++;
        drive.finished = drive.wanted; /* no use */
        loop_stop(&drive.loop);
    }
}

static void link_connect(struct link *link)
{
    memset(link->connection, 0, sizeof *link->connection + drive.target.driver->connection_size);
    *link->connection = (struct connection){
        .worker = drive.worker, .opened = link_opened, .closed = link_closed, .engine_data = link};
    link->connecting = true;
    drive.target.driver->connect(link->connection);
}

static void slot_submit(struct slot *slot, const struct operation *operation)
{
    struct call *call = slot->call;
    slot->operation = operation;
    slot->busy = true;
    drive.busy++;
    *call = (struct call){.operation = operation,
                          .connection = slot->link->connection,
                          .session = slot->user->session,
                          .context = &slot->context,
                          .variant = call->variant,
                          .deadline_ns = call->deadline_ns,
                          .keep_request = !drive.quiet,
                          .want_response = !drive.quiet,
                          .complete = call->complete,
                          .engine_data = call->engine_data};
    slot->context.iteration = drive.started;
    slot->link->connection->in_flight++;
    uint64_t limit = drive.cancel_after_ns ? drive.cancel_after_ns : drive.options.timeout_ns;
    loop_timer_start(&drive.loop, &slot->timer, clock_now_ns() + limit);
    drive.target.driver->submit(call);
}

/* What this slot does next: connect, open its user's session, or call. */
static void slot_next(struct slot *slot)
{
    struct user *user = slot->user;
    struct link *link = slot->link;
    if (slot->busy || slot->pausing || link->connecting)
        return;
    if (link->connected && !link->connection->reusable && !link->connection->in_flight) {
        if (drive.completing) { /* a driver is not disconnected from inside its callback */
            loop_defer(&drive.loop, &slot->task);
            return;
        }
        drive.target.driver->disconnect(link->connection);
        link->connected = false;
    }
    bool first = slot == &user->slots[0];
    bool more = !drive.closing && drive.started < drive.wanted;
    bool close = drive.closing && first && user->session && user->session->open;
    if (!link->connected) {
        if (more || close)
            link_connect(link);
        return;
    }
    if (!link->connection->reusable || link->connection->in_flight >= link->connection->capacity)
        return;
    if (drive.target.needs_session && user->setting_up < 2 && !drive.closing) {
        if (user->setting_up == 0) {
            user->setting_up = 1;
            slot_submit(slot, &drive.target.session_open);
        }
        return;
    }
    if (close) {
        slot_submit(slot, &drive.target.session_close);
    } else if (more) {
        drive.started++;
        slot->call->variant = (uint32_t)(drive.next / drive.operation_count);
        slot_submit(slot, &drive.operations[drive.next++ % drive.operation_count]);
    }
}

static void close_sessions(void)
{
    drive.closing = true;
    for (unsigned i = 0; i < drive.user_count; i++)
        slot_next(&drive.users[i].slots[0]);
    if (!drive.open_sessions)
        loop_stop(&drive.loop);
}

static void slot_complete(struct call *call)
{
    struct slot *slot = call->engine_data;
    const struct operation *operation = slot->operation;
    struct user *user = slot->user;
    bool setup = operation->flags & OPERATION_SETUP;
    loop_timer_stop(&drive.loop, &slot->timer);
    drive.completing = true;
    slot->busy = false;
    slot->link->connection->in_flight--;
    drive.busy--;
    if (call->outcome.kind != OUTCOME_OK || drive.show || (!setup && !drive.quiet))
        report(operation, call);
    if (operation == &drive.target.session_open) {
        user->setting_up = 2;
        drive.open_sessions += user->session->open;
        if (call->outcome.kind != OUTCOME_OK) {
            drive.outcomes[call->outcome.kind]++;
            drive.wanted = drive.started; /* no use */
        }
        for (unsigned i = 0; i < drive.in_flight; i++)
            slot_next(&user->slots[i]);
        start_user();
    } else if (operation == &drive.target.session_close) {
        drive.open_sessions--;
    } else {
        drive.outcomes[call->outcome.kind]++;
        drive.round_trips += call->round_trips;
        drive.finished++;
    }
    /* A connection that becomes free, or that has to be made anew, may be awaited by others. */
    for (unsigned i = 0; drive.share && i < drive.in_flight; i++)
        if (&user->slots[i] != slot)
            slot_next(&user->slots[i]);
    if (drive.pause_ns && !drive.closing) {
        slot->pausing = true;
        loop_timer_start(&drive.loop, &slot->timer, clock_now_ns() + drive.pause_ns);
    } else {
        slot_next(slot);
    }
    if (!drive.closing && drive.finished >= drive.wanted && !drive.busy)
        close_sessions();
    else if (drive.closing && !drive.open_sessions)
        loop_stop(&drive.loop);
    drive.completing = false;
}

static void slot_task(struct loop_task *task)
{
    slot_next(container_of(task, struct slot, task));
}

static void slot_timer(struct loop_timer *timer)
{
    struct slot *slot = container_of(timer, struct slot, timer);
    if (slot->pausing) {
        slot->pausing = false;
        slot_next(slot);
        return;
    }
    const struct outcome why = {drive.cancel_after_ns ? OUTCOME_CANCELLED : OUTCOME_TIMEOUT, 0,
                                NULL};
    drive.target.driver->cancel(slot->call, &why);
}

/* ---- before and after ---------------------------------------------------------------------------
 */

static void trace(struct target *target, const char *step, bool ok, const char *text)
{
    (void)target;
    printf("step\t%s\t%s\t%s\n", step, ok ? "ok" : "failed", text);
}

/* A target without tools gets a ping, or what stands for it in the modern era. */
static const char *default_kind(void)
{
    const char *kind = "discover";
    for (size_t i = 0; i < drive.target.offer_count; i++) {
        if (strcmp(drive.target.offers[i].kind, "tool") == 0)
            return "tool";
        if (strcmp(drive.target.offers[i].kind, "ping") == 0)
            kind = "ping";
    }
    return kind;
}

static int prepare_operations(struct error *error)
{
    if (!drive.kind)
        drive.kind = default_kind();
    for (size_t i = 0; i < drive.target.offer_count; i++) {
        const struct offer *offer = &drive.target.offers[i];
        if (fnmatch(drive.kind, offer->kind, 0) != 0 || fnmatch(drive.name, offer->name, 0) != 0)
            continue;
        struct operation_spec spec = {.offer = offer,
                                      .arguments = drive.arguments,
                                      .variants = drive.variants,
                                      .where = "command line"};
        drive.operations =
            realloc(drive.operations, (drive.operation_count + 1) * sizeof *drive.operations);
        struct operation *operation = &drive.operations[drive.operation_count];
        memset(operation, 0, sizeof *operation);
        if (drive.target.driver->prepare(&drive.target, &spec, operation, error) < 0) {
            printf("%s\tnot prepared\t%s\n", offer->name, error->text);
            continue;
        }
        operation->index = (uint32_t)drive.operation_count++;
    }
    return drive.operation_count ? 0 : error_set(error, ERROR_USAGE, "nothing offered matches");
}

static void make_users(void)
{
    const struct driver *driver = drive.target.driver;
    drive.users = calloc(drive.user_count, sizeof *drive.users);
    for (unsigned i = 0; i < drive.user_count; i++) {
        struct user *user = &drive.users[i];
        user->session = calloc(1, sizeof *user->session + driver->session_size);
        user->session->worker = drive.worker;
        user->slots = calloc(drive.in_flight, sizeof *user->slots);
        user->links = calloc(drive.in_flight, sizeof *user->links);
        for (unsigned j = 0; j < drive.in_flight; j++) {
            struct slot *slot = &user->slots[j];
            slot->user = user;
            slot->timer.fired = slot_timer;
            slot->task.run = slot_task;
            struct link *link = &user->links[drive.share ? 0 : j];
            if (!link->connection)
                link->connection = calloc(1, sizeof *link->connection + driver->connection_size);
            link->user = user;
            slot->link = link;
            slot->call = calloc(1, sizeof *slot->call + driver->call_size);
            slot->call->complete = slot_complete;
            slot->call->engine_data = slot;
            random_seed(&slot->random, 1, i * 1000 + j);
            slot->context = (struct template_context){.user = i, .random = &slot->random};
        }
    }
}

static void free_users(void)
{
    const struct driver *driver = drive.target.driver;
    for (unsigned i = 0; i < drive.user_count; i++) {
        struct user *user = &drive.users[i];
        for (unsigned j = 0; j < drive.in_flight; j++) {
            struct slot *slot = &user->slots[j];
            loop_timer_stop(&drive.loop, &slot->timer);
            loop_undefer(&drive.loop, &slot->task);
            free(slot->call);
            struct link *link = &user->links[j];
            if (link->connected || link->connecting)
                driver->disconnect(link->connection);
            free(link->connection);
        }
        driver->session_discard(user->session);
        free(user->session);
        free(user->slots);
        free(user->links);
    }
    free(drive.users);
}

static void run(void)
{
    struct error error = {0};
    const struct driver *driver = drive.target.driver;
    loop_open(&drive.loop, &error);
    drive.worker = calloc(1, sizeof *drive.worker + driver->worker_size);
    drive.worker->target = &drive.target;
    drive.worker->loop = &drive.loop;
    driver->worker_open(drive.worker, &error);
    make_users();
    if (!drive.wanted)
        drive.wanted = drive.operation_count;
    for (unsigned i = 0; i < 100; i++)
        start_user();
    loop_run(&drive.loop);
    free_users();
    driver->worker_close(drive.worker);
    free(drive.worker);
    loop_close(&drive.loop);
}

static void usage(const char *problem)
{
    fprintf(stderr, "http_drive: %s; see the head of http_drive.c\n", problem);
    exit(2);
}

static void parse(int argc, char **argv)
{
    struct target_options *options = &drive.options;
    *options = (struct target_options){.name = "target",
                                       .protocol = "auto",
                                       .transport = "auto",
                                       .http2 = true,
                                       .listen = true,
                                       .timeout_ns = 20 * NS_PER_S,
                                       .connect_timeout_ns = 5 * NS_PER_S,
                                       .where = "command line"};
    options->header_names = calloc((size_t)argc, sizeof(char *));
    options->header_values = calloc((size_t)argc, sizeof(char *));
    drive.name = "*";
    drive.user_count = drive.in_flight = drive.variants = 1;
    for (int i = 1; i < argc; i++) {
        const char *flag = argv[i];
        if (strcmp(flag, "--insecure") == 0) {
            options->insecure = true;
        } else if (strcmp(flag, "--no-listen") == 0) {
            options->listen = false;
        } else if (strcmp(flag, "--show") == 0) {
            drive.show = true;
        } else if (strcmp(flag, "--share") == 0) {
            drive.share = true;
        } else if (strcmp(flag, "--quiet") == 0) {
            drive.quiet = true;
        } else if (strcmp(flag, "--trace") == 0) {
            drive.trace = true;
        } else if (strncmp(flag, "--", 2) != 0) {
            options->url = argv[i];
        } else if (++i == argc) {
            usage("a flag without its value");
        } else if (strcmp(flag, "--protocol") == 0) {
            options->protocol = argv[i];
        } else if (strcmp(flag, "--transport") == 0) {
            options->transport = argv[i];
        } else if (strcmp(flag, "--cacert") == 0) {
            options->ca_file = argv[i];
        } else if (strcmp(flag, "--header") == 0) {
            char *colon = strchr(argv[i], ':');
            if (!colon)
                usage("--header needs 'K: V'");
            *colon = '\0';
            options->header_names[options->header_count] = argv[i];
            options->header_values[options->header_count++] = colon + 1 + strspn(colon + 1, " ");
        } else if (strcmp(flag, "--kind") == 0) {
            drive.kind = argv[i];
        } else if (strcmp(flag, "--name") == 0) {
            drive.name = argv[i];
        } else if (strcmp(flag, "--arguments") == 0) {
            drive.arguments = json_loads(argv[i], 0, NULL);
            if (!drive.arguments)
                usage("--arguments is no JSON object");
        } else if (strcmp(flag, "--variants") == 0) {
            drive.variants = (unsigned)atoi(argv[i]);
        } else if (strcmp(flag, "--users") == 0) {
            drive.user_count = (unsigned)atoi(argv[i]);
        } else if (strcmp(flag, "--in-flight") == 0) {
            drive.in_flight = (unsigned)atoi(argv[i]);
        } else if (strcmp(flag, "--operations") == 0) {
            drive.wanted = strtoull(argv[i], NULL, 10);
        } else if (strcmp(flag, "--pause") == 0) {
            drive.pause_ns = strtoull(argv[i], NULL, 10) * NS_PER_MS;
        } else if (strcmp(flag, "--cancel-after") == 0) {
            drive.cancel_after_ns = strtoull(argv[i], NULL, 10) * NS_PER_MS;
        } else if (strcmp(flag, "--connect-timeout") == 0) {
            options->connect_timeout_ns = strtoull(argv[i], NULL, 10) * NS_PER_MS;
        } else if (strcmp(flag, "--timeout") == 0) {
            options->timeout_ns = strtoull(argv[i], NULL, 10) * NS_PER_MS;
        } else {
            usage("an unknown flag");
        }
    }
    if (!options->url)
        usage("no URL");
}

int main(int argc, char **argv)
{
    struct error error = {0};
    parse(argc, argv);
    drive.target.options = &drive.options;
    drive.target.driver = driver_for(&drive.options, &error);
    if (drive.trace)
        drive.target.trace = trace;
    int code = 3;
    if (!drive.target.driver || drive.target.driver->open(&drive.target, &error) < 0) {
        printf("open\tfailed\t%s\n", error.text);
    } else {
        char *facts = json_dumps(drive.target.facts, JSON_COMPACT);
        printf("open\tok\t%s\t%s\t%s\tpid=%d\n", drive.target.driver->name,
               drive.target.description, facts, (int)drive.target.pid);
        free(facts);
        for (size_t i = 0; i < drive.target.excluded_count; i++)
            printf("excluded\t%s\t%s\n", drive.target.excluded[i].name,
                   drive.target.excluded[i].reason);
        if (prepare_operations(&error) < 0)
            printf("prepare\tfailed\t%s\n", error.text);
        else
            run();
        code = drive.finished == drive.outcomes[OUTCOME_OK] && drive.finished >= drive.wanted &&
                       drive.operation_count
                   ? 0
                   : 1;
        printf("total\t%llu finished\t%llu ok\t%llu round trips\t%llu connections closed\n",
               (unsigned long long)drive.finished, (unsigned long long)drive.outcomes[OUTCOME_OK],
               (unsigned long long)drive.round_trips, (unsigned long long)drive.closes);
        for (size_t i = 0; i < drive.operation_count; i++)
            drive.target.driver->release(&drive.target, &drive.operations[i]);
        drive.target.driver->close(&drive.target);
    }
    free(drive.operations);
    json_decref(drive.arguments);
    free(drive.options.header_names);
    free(drive.options.header_values);
    return code;
}
