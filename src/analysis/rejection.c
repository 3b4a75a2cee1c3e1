/* Did the server refuse the arguments it was given? See rejection.h. */
#include "analysis/rejection.h"

#include "analysis/quantity.h"

#include <stdio.h>
#include <string.h>

#define INVALID_PARAMS (-32602) /* JSON-RPC 2.0, section 5.1 */
#define NAME_BYTES     60
#define TEXT_BYTES     160

bool rejection_suspected(const struct outcome *outcome, const char *text)
{
    static const char *const words[] = {"invalid argument", "-32602",        "validation",
                                        "invalid input",    "invalid param", "required property",
                                        "invalid type",     "schema"};
    if (outcome->kind == OUTCOME_JSONRPC_ERROR)
        return outcome->code == INVALID_PARAMS;
    if (outcome->kind != OUTCOME_TOOL_ERROR || !text)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static const struct example *rejected_example(const struct result *result, uint32_t target,
                                              uint32_t operation)
{
    for (size_t i = 0; i < result->example_count; i++) {
        const struct example *example = &result->examples[i];
        if (example->target == target && example->operation == operation &&
            rejection_suspected(&example->outcome, example->text))
            return example;
    }
    return NULL;
}

static int judge_operation(struct result *result, uint32_t target, uint32_t operation)
{
    const struct example *example = rejected_example(result, target, operation);
    if (!example)
        return 0;
    struct measurement total;
    measurement_init(&total);
    if (result_operation_total(result, target, operation, &total) < 0) {
        measurement_free(&total);
        return -1;
    }
    uint64_t alike = total.outcomes[example->outcome.kind], sample = measurement_finished(&total);
    measurement_free(&total);
    const char *name = result->targets[target].operations[operation].name;
    const char *said = example->text ? example->text : "";
    char subject[NAME_BYTES + 16], text[800];
    name = name ? name : "?";
    int name_length = quantity_cut(name, NAME_BYTES);
    snprintf(subject, sizeof subject, "tool %.*s", name_length, name);
    snprintf(text, sizeof text,
             "tool %.*s: the server refused the arguments of some of its %llu calls (%llu %s): "
             "\"%.*s\"; a plan can give it ones that mean something: tools: [\"*\", {name: %.*s, "
             "arguments: {...}}]",
             name_length, name, (unsigned long long)sample, (unsigned long long)alike,
             outcome_kind_name(example->outcome.kind), quantity_cut(said, TEXT_BYTES), said,
             name_length, name);
    json_t *figures =
        json_pack("{s:I, s:I}", "failed_alike", (json_int_t)alike, "finished", (json_int_t)sample);
    return result_add_finding(result, "arguments_rejected", subject, VERDICT_INFORMATION, figures,
                              NULL, sample, text);
}

int rejection_judge(struct result *result)
{
    for (uint32_t target = 0; target < result->target_count; target++)
        for (uint32_t o = 0; o < result->targets[target].operation_count; o++)
            if (judge_operation(result, target, o) < 0)
                return -1;
    return 0;
}
