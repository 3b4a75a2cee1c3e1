/* See examples.h. */
#include "engine/examples.h"

#include "base/buffer.h"
#include "base/scrub.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRUB_MARGIN = 4096, OK_MOST = 120 };

static char *bounded_text(const char *text, size_t length);
static char *repeat_command(const struct target *target, const struct operation *operation,
                            const char *arguments);

void examples_offer(struct examples *examples, struct example_quota *quota,
                    const struct target *target, uint32_t target_index, uint32_t phase_index,
                    const struct operation *operation, uint32_t variant, const struct call *call,
                    const struct outcome *outcome, const char *text, uint64_t latency_ns)
{
    bool ok = outcome->kind == OUTCOME_OK;
    if (quota->gathered[outcome->kind] >= EXAMPLES_EACH)
        return;
    if (ok ? examples->ok_count >= OK_MOST : examples->count - examples->ok_count >= EXAMPLES_MOST)
        return;
    if (!examples->list) {
        examples->list = calloc(EXAMPLES_MOST + OK_MOST, sizeof *examples->list);
        if (!examples->list)
            return;
    }
    struct gathered_example *gathered = &examples->list[examples->count++];
    examples->ok_count += ok;
    gathered->phase_index = phase_index;
    gathered->rank = quota->gathered[outcome->kind]++;
    /* Once a kind of failure shows, keep the requests until its quota is full. */
    quota->keep = !ok && quota->gathered[outcome->kind] < EXAMPLES_EACH;

    char *arguments = target->driver->arguments_text(operation, variant);
    char *request = call && call->keep_request && target->driver->request_text
                        ? target->driver->request_text(call)
                        : NULL;
    const char *shown = request ? request : arguments;
    gathered->example = (struct example){
        .target = target_index,
        .operation = operation->index,
        .outcome = *outcome,
        .request = shown ? bounded_text(shown, strlen(shown)) : NULL,
        .response =
            call && call->response ? bounded_text(call->response, call->response_length) : NULL,
        .text = text ? bounded_text(text, strlen(text)) : NULL,
        .latency_ns = latency_ns,
        .repeat = repeat_command(target, operation, arguments),
    };
    free(request);
    free(arguments);
}

static void example_free(struct example *example)
{
    free(example->phase);
    free(example->request);
    free(example->response);
    free(example->text);
    free(example->repeat);
    *example = (struct example){0};
}

void examples_free(struct examples *examples)
{
    for (size_t i = 0; i < examples->count; i++)
        example_free(&examples->list[i].example);
    free(examples->list);
    *examples = (struct examples){0};
}

/* Failures before successes; the first of each kind before the second. */
static int by_worth(const void *left, const void *right)
{
    const struct gathered_example *a = left, *b = right;
    int a_ok = a->example.outcome.kind == OUTCOME_OK, b_ok = b->example.outcome.kind == OUTCOME_OK;
    if (a_ok != b_ok)
        return a_ok - b_ok;
    if (a->rank != b->rank)
        return a->rank - b->rank;
    if (a->phase_index != b->phase_index)
        return a->phase_index < b->phase_index ? -1 : 1;
    if (a->example.target != b->example.target)
        return a->example.target < b->example.target ? -1 : 1;
    if (a->example.operation != b->example.operation)
        return a->example.operation < b->example.operation ? -1 : 1;
    return (int)a->example.outcome.kind - (int)b->example.outcome.kind;
}

static bool enough_of(const struct result *result, const struct example *example)
{
    unsigned same = 0;
    for (size_t i = 0; i < result->example_count; i++)
        same += result->examples[i].target == example->target &&
                result->examples[i].operation == example->operation &&
                result->examples[i].outcome.kind == example->outcome.kind;
    return same >= EXAMPLES_EACH;
}

int examples_collect(struct examples *const *gathered, size_t count, struct result *result)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += gathered[i]->count;
    if (total == 0)
        return 0;
    struct gathered_example *all = calloc(total, sizeof *all);
    result->examples = calloc(EXAMPLES_MOST, sizeof *result->examples);
    if (!all || !result->examples) {
        free(all);
        return -1;
    }
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < gathered[i]->count; k++)
            all[taken++] = gathered[i]->list[k];
        gathered[i]->count = gathered[i]->ok_count = 0; /* they are ours now */
    }
    qsort(all, total, sizeof *all, by_worth);
    for (size_t i = 0; i < total; i++) {
        struct example *example = &all[i].example;
        if (result->example_count == EXAMPLES_MOST || enough_of(result, example)) {
            example_free(example);
            continue;
        }
        if (all[i].phase_index < result->phase_count)
            example->phase = strdup(result->phases[all[i].phase_index].name);
        result->examples[result->example_count++] = *example;
    }
    free(all);
    return 0;
}

/* Redact first, then cut: a secret cut in two would not be recognised. */
static char *bounded_text(const char *text, size_t length)
{
    bool cut = length > EXAMPLE_TEXT;
    char *scrubbed = scrub_text(
        text, length < EXAMPLE_TEXT + SCRUB_MARGIN ? length : EXAMPLE_TEXT + SCRUB_MARGIN);
    if (!scrubbed || (!cut && strlen(scrubbed) <= EXAMPLE_TEXT))
        return scrubbed;
    size_t end = strlen(scrubbed);
    if (end > EXAMPLE_TEXT - 4)
        end = EXAMPLE_TEXT - 4;
    while (end && ((unsigned char)scrubbed[end] & 0xc0) == 0x80)
        end--; /* not within a character */
    memcpy(scrubbed + end, "...", 4);
    return scrubbed;
}

static bool is_plain(const char *text)
{
    uint32_t code;
    for (size_t length; *text; text += length)
        if ((length = utf8_decode((const unsigned char *)text, &code)) == 0 || utf8_is_unsafe(code))
            return false;
    return true;
}

/* $'...', which bash, zsh and ksh read: every byte that no report shows as it is, in hexadecimal.
 */
static void append_escaped(struct buffer *buffer, const char *text)
{
    uint32_t code;
    buffer_append_text(buffer, "$'");
    while (*text) {
        size_t length = utf8_decode((const unsigned char *)text, &code);
        bool shown = length > 0 && !utf8_is_unsafe(code) && !strchr("'\\", *text);
        for (size_t i = 0; i < (length ? length : 1); i++)
            if (shown)
                buffer_append_char(buffer, text[i]);
            else
                buffer_printf(buffer, "\\x%02x", (unsigned char)text[i]);
        text += length ? length : 1;
    }
    buffer_append_char(buffer, '\'');
}

/* As one word of a shell, whatever is in it. */
static void append_quoted(struct buffer *buffer, const char *text)
{
    if (!is_plain(text)) {
        append_escaped(buffer, text);
        return;
    }
    buffer_append_char(buffer, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buffer_append_text(buffer, "'\\''");
        else
            buffer_append_char(buffer, *text);
    }
    buffer_append_char(buffer, '\'');
}

/* cicada tools TARGET --call NAME --arguments '{...}': what a person runs to see it again. */
static char *repeat_command(const struct target *target, const struct operation *operation,
                            const char *arguments)
{
    if (!operation->offer || strcmp(operation->offer->kind, "tool") != 0)
        return NULL;
    const struct target_options *options = target->options;
    struct buffer command;
    buffer_init(&command, (size_t)64 * 1024);
    buffer_append_text(&command, "cicada tools ");
    if (options->url && !options->embedded) {
        char *url = scrub_url(options->url);
        append_quoted(&command, url ? url : "");
        buffer_append_char(&command, ' ');
        free(url);
    }
    buffer_append_text(&command, "--call ");
    append_quoted(&command, operation->offer->name);
    if (arguments) {
        buffer_append_text(&command, " --arguments ");
        append_quoted(&command, arguments);
    }
    if (options->embedded) { /* the one of the run is gone: another, as empty as that was */
        buffer_append_text(&command, " -- burrow serve --stdio --data :memory:");
    } else if (!options->url && options->command) {
        buffer_append_text(&command, " --");
        for (char **word = options->command; *word; word++) {
            buffer_append_char(&command, ' ');
            append_quoted(&command, *word);
        }
    }
    char *whole = buffer_take_string(&command);
    char *scrubbed = whole ? scrub_text(whole, strlen(whole)) : NULL;
    free(whole);
    return scrubbed;
}
