/* The words of a target. */
#include "plan/read.h"

#include "plan/secret.h"
#include "plan/target.h"
#include "plan/target_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_LIMIT ((size_t)100)

/* A word of a command may be empty. */
static int read_word(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place, "must be a single word of the command");
    return string_list_add(field, node->text) < 0 ? read_out_of_memory(reader) : 0;
}

static int read_command(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    char ***command = field;
    int failed;
    if (node->kind == NODE_SCALAR)
        failed = command_split(node->text, command, reader->error) < 0
                     ? read_fail_here(reader, node, place)
                     : 0;
    else
        failed = read_list(reader, node, place, read_word, command);
    if (failed == 0 && !*command)
        return read_fail(reader, node, place,
                         "is empty; write e.g. command: [npx, -y, some-server]");
    if (failed == 0)
        target_hide_command_secrets(*command);
    return failed;
}

static int read_header(struct reader *reader, const struct node *node, const struct place *place,
                       void *field)
{
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place, "must be a single value");
    if (target_set_header(field, place->key, node->text, reader->folder, reader->error) < 0)
        return read_fail_here(reader, node, place);
    return 0;
}

static int read_headers(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    return read_each(reader, node, place, read_header, field);
}

static int read_variable(struct reader *reader, const struct node *node, const struct place *place,
                         void *field)
{
    if (node->kind != NODE_SCALAR)
        return read_fail(reader, node, place, "must be a single value");
    if (target_set_environment(field, place->key, node->text, reader->folder, reader->error) < 0)
        return read_fail_here(reader, node, place);
    return 0;
}

static int read_environment(struct reader *reader, const struct node *node,
                            const struct place *place, void *field)
{
    return read_each(reader, node, place, read_variable, field);
}

static int read_path(struct reader *reader, const struct node *node, const struct place *place,
                     void *field)
{
    char **path = field;
    if (read_scalar(reader, node, place, value_text, path) < 0)
        return -1;
    char *joined = path_join(reader->folder, *path);
    free(*path);
    *path = joined;
    return joined ? 0 : read_out_of_memory(reader);
}

static int read_options(struct reader *reader, const struct node *node, const struct place *place,
                        void *field)
{
    if (node->kind != NODE_MAP)
        return read_fail(reader, node, place,
                         "must be a mapping of the driver's own settings to values");
    return read_json(reader, node, place, field);
}

#define FIELD(member) offsetof(struct target_options, member)
static const struct key target_keys[] = {
    {"name", value_text, NULL, FIELD(name)},
    {"url", value_url, NULL, FIELD(url)},
    {"command", NULL, read_command, FIELD(command)},
    {"env", NULL, read_environment, 0},
    {"processes", value_count, NULL, FIELD(processes)},
    {"driver", value_text, NULL, FIELD(driver)},
    {"protocol", value_protocol, NULL, FIELD(protocol)},
    {"transport", value_transport, NULL, FIELD(transport)},
    {"headers", NULL, read_headers, 0},
    {"cacert", NULL, read_path, FIELD(ca_file)},
    {"cert", NULL, read_path, FIELD(certificate_file)},
    {"key", NULL, read_path, FIELD(key_file)},
    {"insecure", value_flag, NULL, FIELD(insecure)},
    {"http2", value_flag, NULL, FIELD(http2)},
    {"listen", value_flag, NULL, FIELD(listen)},
    {"timeout", value_duration, NULL, FIELD(timeout_ns)},
    {"connect_timeout", value_duration, NULL, FIELD(connect_timeout_ns)},
    {"pool", value_count, NULL, FIELD(pool_size)},
    {"seed", value_seed, NULL, FIELD(seed)},
    {"embedded", value_flag, NULL, FIELD(embedded)},
    {"tiers", NULL, read_string_list, FIELD(tiers)},
    {"options", NULL, read_options, FIELD(driver_options)},
    {NULL, NULL, NULL, 0}};

/* `field` is not used: the target goes to the plan. */
int read_target(struct reader *reader, const struct node *node, const struct place *place,
                void *field)
{
    struct plan *plan = reader->plan;
    (void)field;
    if (plan->target_count >= TARGET_LIMIT)
        return read_fail(reader, node, place, "is one too many; a plan takes %zu targets",
                         TARGET_LIMIT);
    struct target_options *target = array_add(&plan->targets, &plan->target_count, sizeof *target);
    if (!target || target_options_init(target, "target") < 0)
        return read_out_of_memory(reader);
    target->where = read_where(reader, node);
    if (!target->where)
        return read_out_of_memory(reader);
    if (node->kind == NODE_SCALAR)
        return read_scalar(reader, node, place, value_url, &target->url);
    if (read_map(reader, node, place, target_keys, target) < 0)
        return -1;
    if (target_check(target, reader->error) < 0)
        return read_fail_below(reader, node, place);
    return 0;
}
