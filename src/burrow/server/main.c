/* burrow: a memory for agents, served over MCP. Options, and the order in which things open. */
#include "base/log.h"
#include "base/scrub.h"
#include "burrow/server/allocator.h"
#include "burrow/server/http_server.h"
#include "burrow/server/stdio_server.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_LIMIT ((size_t)64 << 20)
#define TICK_MS     1000

static const char help[] =
    "burrow " CICADA_VERSION ": a memory for agents, served over MCP\n\n"
    "usage: burrow serve [OPTIONS]   serve over HTTP, or over stdio with --stdio\n"
    "       burrow tools             print docs/tools.md\n\n"
    "  --listen ADDR:PORT   where to listen; 127.0.0.1:8765. Port 0 takes a free one\n"
    "  --stdio              one message a line on standard input and output\n"
    "  --data DIR           where the memory is kept; ./burrow-data. :memory: keeps nothing\n"
    "  --redis URL          cache in Redis, redis://user:password@host:port/db, rediss:// or\n"
    "                       unix:///path; in process by default\n"
    "  --neo4j URL          graph in Neo4j, bolt://user:password@host:port; embedded by default\n"
    "  --embeddings URL     vectors from this /v1/embeddings endpoint; burrow's own by default\n"
    "  --model NAME         of the embeddings\n"
    "  --embeddings-key @FILE|$NAME  its API key, from a file or an environment variable\n"
    "  --token @FILE|$NAME  demand this bearer token, from a file or an environment variable\n"
    "  --rate-limit N/s     answer 429 above so many requests a second\n"
    "  --confirm-destructive  ask the user before a destructive tool runs\n"
    "  --threads N          threads that serve; one for each core\n"
    "  --port-file FILE     write the port to a file once it listens\n";

struct options {
    struct store_options store;
    struct http_server_options http;
    bool stdio, confirm_destructive;
    const char *port_file;
    char *token, *embeddings_key;
};

/* --- options --- */

static char *read_secret_file(const char *option, const char *path, struct error *error)
{
    char text[4096];
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set(error, ERROR_USAGE, "%s @%s: %s", option, path, strerror(errno));
        return NULL;
    }
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    return strdup(text);
}

/* Never on the command line itself, where every user of the machine could read it. */
static char *read_secret(const char *option, const char *text, struct error *error)
{
    char *secret = NULL;
    if (text[0] == '@')
        secret = read_secret_file(option, text + 1, error);
    else if (text[0] == '$' && getenv(text + 1))
        secret = strdup(getenv(text + 1));
    else
        error_set(error, ERROR_USAGE,
                  "%s takes @FILE or $NAME of an environment variable that is set", option);
    if (secret)
        scrub_remember(secret);
    return secret;
}

static int read_embeddings_key(struct options *options, const char *text, struct error *error)
{
    options->embeddings_key = read_secret("--embeddings-key", text, error);
    options->store.embeddings_key = options->embeddings_key;
    return options->embeddings_key ? 0 : -1;
}

static int read_token(struct options *options, const char *text, struct error *error)
{
    options->token = read_secret("--token", text, error);
    if (!options->token)
        return -1;
    if (strlen(options->token) < 8)
        return error_set(error, ERROR_USAGE, "--token: a token has at least 8 characters");
    options->http.token = options->token;
    return 0;
}

static int read_rate(struct options *options, const char *text, struct error *error)
{
    char *end;
    options->http.rate_limit = strtod(text, &end);
    if (end == text || (*end && strcmp(end, "/s") != 0) || !(options->http.rate_limit > 0) ||
        options->http.rate_limit > 1e9)
        return error_set(error, ERROR_USAGE, "--rate-limit %s: write it as 100/s", text);
    return 0;
}

static int read_threads(struct options *options, const char *text, struct error *error)
{
    char *end;
    unsigned long threads = strtoul(text, &end, 10);
    if (*end || threads < 1 || threads > 256)
        return error_set(error, ERROR_USAGE, "--threads %s: 1 to 256", text);
    options->http.threads = (unsigned)threads;
    return 0;
}

enum {
    LISTEN = 256,
    STDIO,
    DATA,
    REDIS,
    NEO4J,
    EMBEDDINGS,
    MODEL,
    EMBEDDINGS_KEY,
    TOKEN,
    RATE,
    THREADS,
    CONFIRM,
    PORT_FILE,
    HELP
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, LISTEN},
    {"stdio", no_argument, NULL, STDIO},
    {"data", required_argument, NULL, DATA},
    {"redis", required_argument, NULL, REDIS},
    {"neo4j", required_argument, NULL, NEO4J},
    {"embeddings", required_argument, NULL, EMBEDDINGS},
    {"model", required_argument, NULL, MODEL},
    {"embeddings-key", required_argument, NULL, EMBEDDINGS_KEY},
    {"token", required_argument, NULL, TOKEN},
    {"rate-limit", required_argument, NULL, RATE},
    {"threads", required_argument, NULL, THREADS},
    {"confirm-destructive", no_argument, NULL, CONFIRM},
    {"port-file", required_argument, NULL, PORT_FILE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* A URL may hold a password: it is copied, and no longer shown by ps. */
static const char *take_url(char *argument)
{
    char *copy = strdup(argument);
    scrub_argument(argument);
    return copy;
}

static int take_option(struct options *options, int option, struct error *error)
{
    switch (option) {
    case LISTEN:
        options->http.listen = optarg;
        return 0;
    case STDIO:
        options->stdio = true;
        return 0;
    case DATA:
        options->store.folder = optarg;
        return 0;
    case REDIS:
        options->store.redis_url = take_url(optarg);
        return 0;
    case NEO4J:
        options->store.neo4j_url = take_url(optarg);
        return 0;
    case EMBEDDINGS:
        options->store.embeddings_url = take_url(optarg);
        return 0;
    case MODEL:
        options->store.embeddings_model = optarg;
        return 0;
    case EMBEDDINGS_KEY:
        return read_embeddings_key(options, optarg, error);
    case TOKEN:
        return read_token(options, optarg, error);
    case RATE:
        return read_rate(options, optarg, error);
    case THREADS:
        return read_threads(options, optarg, error);
    case CONFIRM:
        options->confirm_destructive = true;
        return 0;
    case PORT_FILE:
        options->port_file = optarg;
        return 0;
    default:
        return error_set(error, ERROR_USAGE, "burrow --help tells the options");
    }
}

/* 1: help was printed. */
static int read_options(struct options *options, int argc, char **argv, struct error *error)
{
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == HELP || option == 'h') {
            fputs(help, stdout);
            return 1;
        }
        if (take_option(options, option, error) < 0)
            return -1;
    }
    if (!options->store.embeddings_url != !options->store.embeddings_model)
        return error_set(error, ERROR_USAGE,
                         "--embeddings URL and --model NAME belong together: give both or none");
    if (optind < argc)
        return error_set(error, ERROR_USAGE, "\"%s\" is no option; burrow --help tells them",
                         argv[optind]);
    return 0;
}

/* --- serving --- */

static int write_port(const char *path, unsigned port, struct error *error)
{
    char text[16], beside[4096];
    int length = snprintf(text, sizeof text, "%u\n", port);
    if (!path)
        return 0;
    /* renamed when it is whole: whoever waits for the file never reads half a port */
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    bool good = file && fwrite(text, 1, (size_t)length, file) == (size_t)length;
    if (file && fclose(file) != 0)
        good = false;
    if (good && rename(beside, path) == 0)
        return 0;
    return error_set(error, ERROR_USAGE, "--port-file %s: %s", path, strerror(errno));
}

static int serve_http(struct service *service, struct subscriptions *subscriptions,
                      const struct options *options, int stop, struct error *error)
{
    struct http_server *server = http_server_start(service, subscriptions, &options->http, error);
    if (!server)
        return -1;
    int result = write_port(options->port_file, http_server_port(server), error);
    if (result == 0) {
        struct pollfd ready = {.fd = stop, .events = POLLIN};
        printf("burrow serves %zu tools at http://%s:%u/mcp\n", service->count,
               http_server_host(server), http_server_port(server));
        fflush(stdout);
        while (poll(&ready, 1, TICK_MS) <= 0) {
            http_server_tick(server);
            allocator_tidy();
        }
    }
    http_server_stop(server);
    return result;
}

static int serve(const struct options *options, int stop, struct error *error)
{
    struct store store;
    if (store_open(&store, &options->store, error) < 0)
        return -1;
    struct service *service = service_open(&store, error);
    struct subscriptions *subscriptions = service ? subscriptions_open(&store) : NULL;
    int result = -1;
    if (service)
        service->confirm_destructive = options->confirm_destructive;
    if (service && !subscriptions)
        error_set(error, ERROR_INTERNAL, "out of memory");
    else if (subscriptions && options->stdio)
        result = stdio_serve(service, subscriptions, STDIN_FILENO, STDOUT_FILENO, stop, error);
    else if (subscriptions)
        result = serve_http(service, subscriptions, options, stop, error);
    subscriptions_close(subscriptions);
    service_close(service);
    store_close(&store);
    return result;
}

static int make_folder(const char *folder, struct error *error)
{
    if (strcmp(folder, ":memory:") == 0 || mkdir(folder, 0700) == 0 || errno == EEXIST)
        return 0;
    return error_set(error, ERROR_USAGE, "--data %s: %s", folder, strerror(errno));
}

/* SIGTERM and SIGINT become a descriptor; blocked before any thread starts, so that no thread
 * takes them. */
static int catch_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* A connection is a descriptor: take as many as the system lets us. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int command_serve(int argc, char **argv)
{
    struct error error = {0};
    struct options options = {
        .store = {.folder = "burrow-data", .cache_limit_bytes = CACHE_LIMIT},
        .http = {.listen = "127.0.0.1:8765"},
    };
    int result = read_options(&options, argc, argv, &error);
    if (result == 0)
        result = make_folder(options.store.folder, &error);
    if (result == 0) {
        int stop = catch_signals();
        raise_descriptor_limit();
        result = serve(&options, stop, &error);
        close(stop);
    }
    free(options.token);
    free(options.embeddings_key);
    free((char *)options.store.embeddings_url);
    free((char *)options.store.redis_url);
    free((char *)options.store.neo4j_url);
    if (result < 0) {
        char *text = scrub_text(error.text, strlen(error.text));
        log_error("%s", text ? text : "");
        free(text);
        return error.code ? (int)error.code : ERROR_INTERNAL;
    }
    return 0;
}

static int command_tools(void)
{
    struct buffer text;
    buffer_init(&text, (size_t)16 << 20);
    int result = service_document(&text);
    if (result == 0)
        fwrite(buffer_bytes(&text), 1, buffer_length(&text), stdout);
    buffer_free(&text);
    return result == 0 && fflush(stdout) == 0 ? 0 : ERROR_INTERNAL;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    log_set_program("burrow");
    if (strcmp(command, "serve") == 0)
        return command_serve(argc - 1, argv + 1);
    if (strcmp(command, "tools") == 0)
        return command_tools();
    if (strcmp(command, "--version") == 0) {
        puts("burrow " CICADA_VERSION);
        return 0;
    }
    bool asked = strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 ||
                 strcmp(command, "help") == 0;
    fputs(help, asked ? stdout : stderr);
    return asked ? 0 : ERROR_USAGE;
}
