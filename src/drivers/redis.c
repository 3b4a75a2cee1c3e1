/* The Redis driver's table, its workers and its operations; see redis.h for its parts. */
#include "drivers/redis.h"

#include <stdlib.h>
#include <string.h>

extern const struct driver redis_driver;

enum { ARGUMENT_LIMIT = 64 * 1024 * 1024 /* bytes of one rendered argument */ };

static bool redis_accepts(const struct target_options *options)
{
    return redis_settings_accept(options->url);
}

/* ---- operations --------------------------------------------------------------------------------
 */

static void redis_release(struct target *target, struct operation *operation)
{
    struct redis_operation *redis = operation->driver_data;
    (void)target;
    if (redis)
        redis_program_free(&redis->program);
    free(redis);
    free(operation->name);
    operation->driver_data = NULL;
    operation->name = NULL;
}

static int compile(struct redis_target *target, const struct operation_spec *spec,
                   struct redis_program *program, struct error *error)
{
    const char *where = spec->where ? spec->where : "plan";
    if (spec->offer->driver_data && spec->arguments && json_object_size(spec->arguments))
        return error_set(error, ERROR_USAGE,
                         "%s: %s takes no arguments; a command of your own is command: custom with "
                         "arguments: {command: [%s, ...]}",
                         where, spec->offer->name, spec->offer->name);
    if (spec->offer->driver_data) {
        if (!(spec->offer->hints & OFFER_READ_ONLY))
            target->may_own_keys = true;
        return redis_defaults_compile(spec->offer->driver_data, &target->settings, program, error);
    }
    if (redis_program_compile(program, spec->arguments, target->settings.prefix, where, error) < 0)
        return -1;
    /* It may write under the prefix, if it asks for that. */
    char *text = json_dumps(spec->arguments, JSON_COMPACT);
    if (text && strstr(text, "{prefix}"))
        target->may_own_keys = true;
    free(text);
    return 0;
}

static int redis_prepare(struct target *target, const struct operation_spec *spec,
                         struct operation *operation, struct error *error)
{
    struct redis_operation *redis = calloc(1, sizeof *redis);
    *operation = (struct operation){.offer = spec->offer, .driver_data = redis};
    if (strcmp(spec->offer->kind, "connection_churn") == 0)
        operation->flags |= OPERATION_NEW_CONNECTION;
    if (redis && compile(target->driver_data, spec, &redis->program, error) < 0) {
        redis_release(target, operation);
        return -1;
    }
    operation->name =
        spec->offer->driver_data ? strdup(spec->offer->name) : redis_program_name(spec->arguments);
    if (redis && operation->name)
        return 0;
    redis_release(target, operation);
    return error_set(error, ERROR_INTERNAL, "out of memory");
}

static char *redis_arguments_text(const struct operation *operation, uint32_t variant)
{
    const struct redis_operation *redis = operation->driver_data;
    (void)variant;
    return json_dumps(redis->program.arguments, JSON_COMPACT);
}

/* ---- workers ------------------------------------------------------------------------------------
 */

static int redis_worker_open(struct driver_worker *worker, struct error *error)
{
    struct redis_worker *redis = driver_part_of_worker(worker);
    redis->input_space = malloc(REDIS_INPUT_SIZE);
    buffer_init(&redis->scratch, ARGUMENT_LIMIT);
    random_seed(&redis->random, worker->target->options->seed, worker->index);
    return redis->input_space ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

static void redis_worker_close(struct driver_worker *worker)
{
    struct redis_worker *redis = driver_part_of_worker(worker);
    free(redis->input_space);
    buffer_free(&redis->scratch);
}

static void redis_session_discard(struct session *session)
{
    (void)session; /* nothing of ours in it */
}

const struct driver redis_driver = {
    .name = "redis",
    .summary = "Redis over RESP2 and RESP3: redis://, rediss:// (TLS), unix:///path",
    .accepts = redis_accepts,
    .worker_size = sizeof(struct redis_worker),
    .connection_size = sizeof(struct redis_connection),
    .call_size = sizeof(struct redis_call),
    .open = redis_open,
    .close = redis_close,
    .prepare = redis_prepare,
    .release = redis_release,
    .arguments_text = redis_arguments_text,
    .request_text = redis_request_text,
    .worker_open = redis_worker_open,
    .worker_close = redis_worker_close,
    .connect = redis_connect,
    .disconnect = redis_disconnect,
    .submit = redis_submit,
    .cancel = redis_cancel,
    .session_discard = redis_session_discard,
};
