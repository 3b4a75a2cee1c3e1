/* How the members of a result that are no plain numbers and texts stand in result.json. */
#include "report/result_codecs.h"

#include "drivers/driver.h"
#include "metrics/result.h"
#include "report/buckets.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_TEXT_LIMIT ((size_t)1 << 24)

static int fail_buckets(struct json_reader *reader, const struct buckets_reader *buckets)
{
    return json_reader_fail(reader, "%s at character %td", buckets->problem,
                            buckets->at - buckets->text);
}

static int read_member_integer(struct json_reader *reader, const json_t *object, const char *name,
                               uint64_t *integer)
{
    const json_t *value = json_reader_member(reader, object, name, JSON_INTEGER);
    if (!value)
        return -1;
    if (json_integer_value(value) < 0)
        return json_reader_fail(reader, "\"%s\" is negative", name);
    *integer = (uint64_t)json_integer_value(value);
    return 0;
}

/* ---- histogram ------------------------------------------------------------------------------ */

static json_t *text_of_buffer(struct buffer *buffer)
{
    json_t *text = json_stringn_nocheck(buffer_length(buffer) ? buffer_bytes(buffer) : "",
                                        buffer_length(buffer));
    buffer_free(buffer);
    return text;
}

static json_t *write_histogram(const void *member)
{
    const struct histogram *histogram = member;
    if (histogram->count == 0)
        return json_null();
    struct buffer text;
    buffer_init(&text, BUCKETS_TEXT_LIMIT);
    struct buckets_writer writer = {.output = &text};
    uint32_t index = 0, bucket;
    uint64_t count;
    while (histogram_next(histogram, &index, &bucket, &count))
        if (buckets_write(&writer, bucket, count) < 0) {
            buffer_free(&text);
            return NULL;
        }
    if (histogram->sum_ns > INT64_MAX) {
        buffer_free(&text);
        return NULL;
    }
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)histogram->count, "sum_ns",
                  (json_int_t)histogram->sum_ns, "min_ns", (json_int_t)histogram->min_ns, "max_ns",
                  (json_int_t)histogram->max_ns, "buckets", text_of_buffer(&text));
    if (object && histogram->clamped_low)
        json_object_set_new(object, "clamped_low",
                            json_integer((json_int_t)histogram->clamped_low));
    if (object && histogram->clamped_high)
        json_object_set_new(object, "clamped_high",
                            json_integer((json_int_t)histogram->clamped_high));
    return object;
}

/* Count, sum and extremes are taken as stored, not computed: whether they agree with the buckets is
 * for the audit to say. */
static int read_histogram(struct json_reader *reader, const json_t *value, void *member)
{
    static const char *const known[] = {"count",   "sum_ns",      "min_ns",       "max_ns",
                                        "buckets", "clamped_low", "clamped_high", NULL};
    struct histogram *histogram = member;
    if (!json_is_object(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    if (json_reader_only(reader, value, known) < 0)
        return -1;
    const json_t *text = json_reader_member(reader, value, "buckets", JSON_STRING);
    if (!text)
        return -1;
    size_t length = json_reader_enter(reader, ".buckets");
    struct buckets_reader buckets = {
        .text = json_string_value(text), .at = json_string_value(text), .limit = HISTOGRAM_BUCKETS};
    uint32_t bucket;
    uint64_t count;
    int more;
    while ((more = buckets_read(&buckets, &bucket, &count)) > 0)
        if (histogram_add_bucket(histogram, bucket, count) < 0)
            return json_reader_fail(reader, "out of memory");
    if (more < 0)
        return fail_buckets(reader, &buckets);
    json_reader_leave(reader, length);
    if (read_member_integer(reader, value, "count", &histogram->count) < 0 ||
        read_member_integer(reader, value, "sum_ns", &histogram->sum_ns) < 0 ||
        read_member_integer(reader, value, "min_ns", &histogram->min_ns) < 0 ||
        read_member_integer(reader, value, "max_ns", &histogram->max_ns) < 0)
        return -1;
    if (json_object_get(value, "clamped_low") &&
        read_member_integer(reader, value, "clamped_low", &histogram->clamped_low) < 0)
        return -1;
    if (json_object_get(value, "clamped_high") &&
        read_member_integer(reader, value, "clamped_high", &histogram->clamped_high) < 0)
        return -1;
    return 0;
}

const struct json_codec codec_histogram = {write_histogram, read_histogram};

/* ---- parts of the latency ------------------------------------------------------------------- */

static json_t *write_parts(const void *member)
{
    const struct histogram *parts = member;
    json_t *object = json_object();
    for (unsigned part = 0; object && part < PARTS; part++) {
        if (parts[part].count == 0)
            continue;
        if (json_object_set_new(object, latency_part_name((enum latency_part)part),
                                write_histogram(&parts[part])) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static int part_by_name(const char *name)
{
    for (unsigned part = 0; part < PARTS; part++)
        if (strcmp(latency_part_name((enum latency_part)part), name) == 0)
            return (int)part;
    return -1;
}

static int read_parts(struct json_reader *reader, const json_t *value, void *member)
{
    struct histogram *parts = member;
    const char *name;
    json_t *histogram;
    if (!json_is_object(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    json_object_foreach((json_t *)value, name, histogram)
    {
        int part = part_by_name(name);
        if (part < 0)
            return json_reader_fail(reader, "\"%.60s\" is no part of a latency", name);
        size_t length = json_reader_enter(reader, ".%s", name);
        if (read_histogram(reader, histogram, &parts[part]) < 0)
            return -1;
        json_reader_leave(reader, length);
    }
    return 0;
}

const struct json_codec codec_parts = {write_parts, read_parts};

/* ---- outcomes ------------------------------------------------------------------------------- */

static json_t *write_outcomes(const void *member)
{
    const uint64_t *outcomes = member;
    json_t *object = json_object();
    for (unsigned kind = 0; object && kind < OUTCOME_KINDS; kind++)
        if (outcomes[kind] &&
            json_object_set_new(object, outcome_kind_name((enum outcome_kind)kind),
                                json_integer((json_int_t)outcomes[kind])) < 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static int read_outcomes(struct json_reader *reader, const json_t *value, void *member)
{
    uint64_t *outcomes = member;
    const char *name;
    json_t *count;
    if (!json_is_object(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    json_object_foreach((json_t *)value, name, count)
    {
        enum outcome_kind kind = outcome_kind_from_name(name);
        int64_t integer;
        if (kind == OUTCOME_KINDS)
            return json_reader_fail(reader, "\"%.60s\" is no outcome", name);
        size_t length = json_reader_enter(reader, ".%s", name);
        if (json_reader_integer(reader, count, 0, INT64_MAX / OUTCOME_KINDS, &integer) < 0)
            return -1;
        outcomes[kind] = (uint64_t)integer;
        json_reader_leave(reader, length);
    }
    return 0;
}

const struct json_codec codec_outcomes = {write_outcomes, read_outcomes};

static json_t *write_outcome(const void *member)
{
    const struct outcome *outcome = member;
    json_t *object = json_pack("{s:s}", "kind", outcome_kind_name(outcome->kind));
    if (object && outcome->code)
        json_object_set_new(object, "code", json_integer(outcome->code));
    if (object && outcome->detail)
        json_object_set_new(object, "detail", json_text(outcome->detail));
    return object;
}

static int read_outcome_members(struct json_reader *reader, const json_t *value,
                                struct outcome *outcome)
{
    const json_t *kind = json_reader_member(reader, value, "kind", JSON_STRING);
    if (!kind)
        return -1;
    outcome->kind = outcome_kind_from_name(json_string_value(kind));
    if (outcome->kind == OUTCOME_KINDS) {
        outcome->kind = OUTCOME_OK;
        return json_reader_fail(reader, "\"%.60s\" is no outcome", json_string_value(kind));
    }
    const json_t *code = json_object_get(value, "code");
    int64_t integer = 0;
    if (code && json_reader_integer(reader, code, INT32_MIN, INT32_MAX, &integer) < 0)
        return -1;
    outcome->code = (int32_t)integer;
    if (!json_object_get(value, "detail"))
        return 0;
    const json_t *detail = json_reader_member(reader, value, "detail", JSON_STRING);
    if (!detail)
        return -1;
    outcome->detail = result_intern(reader->context, json_string_value(detail));
    return outcome->detail ? 0 : json_reader_fail(reader, "out of memory");
}

static int read_outcome(struct json_reader *reader, const json_t *value, void *member)
{
    static const char *const known[] = {"kind", "code", "detail", NULL};
    if (!json_is_object(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    if (json_reader_only(reader, value, known) < 0)
        return -1;
    return read_outcome_members(reader, value, member);
}

const struct json_codec codec_outcome = {write_outcome, read_outcome};

static json_t *write_reasons(const void *base)
{
    const struct measurement *measurement = base;
    json_t *array = json_array();
    for (unsigned i = 0; array && i < measurement->reason_count; i++) {
        json_t *reason = write_outcome(&measurement->reasons[i].outcome);
        if (reason)
            json_object_set_new(reason, "count",
                                json_integer((json_int_t)measurement->reasons[i].count));
        if (json_array_append_new(array, reason) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static int read_reason(struct json_reader *reader, const json_t *value,
                       struct outcome_count *reason)
{
    static const char *const known[] = {"kind", "code", "detail", "count", NULL};
    if (!json_is_object(value))
        return json_reader_fail(reader, "is %s, not an object", json_type_name(value));
    if (json_reader_only(reader, value, known) < 0 ||
        read_outcome_members(reader, value, &reason->outcome) < 0)
        return -1;
    if (reason->outcome.kind == OUTCOME_OK)
        return json_reader_fail(reader, "\"ok\" is no failure");
    return read_member_integer(reader, value, "count", &reason->count);
}

static int read_reasons(struct json_reader *reader, const json_t *value, void *base)
{
    struct measurement *measurement = base;
    if (!json_is_array(value))
        return json_reader_fail(reader, "is %s, not an array", json_type_name(value));
    if (json_array_size(value) > MEASUREMENT_REASONS)
        return json_reader_fail(reader, "has %zu reasons, more than %d", json_array_size(value),
                                MEASUREMENT_REASONS);
    for (size_t i = 0; i < json_array_size(value); i++) {
        size_t length = json_reader_enter(reader, "[%zu]", i);
        if (read_reason(reader, json_array_get(value, i), &measurement->reasons[i]) < 0)
            return -1;
        measurement->reason_count = (unsigned)i + 1;
        json_reader_leave(reader, length);
    }
    return 0;
}

const struct json_codec codec_reasons = {write_reasons, read_reasons};

/* ---- enumerations --------------------------------------------------------------------------- */

static const struct {
    unsigned hint;
    const char *name;
} hint_names[] = {
    {OFFER_READ_ONLY, "read_only"},
    {OFFER_DESTRUCTIVE, "destructive"},
    {OFFER_DESTRUCTIVE_UNSAID, "destructive_unsaid"},
    {OFFER_IDEMPOTENT, "idempotent"},
    {OFFER_OPEN_WORLD, "open_world"},
};
#define HINTS (sizeof hint_names / sizeof *hint_names)

static json_t *write_hints(const void *member)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < HINTS; i++)
        if (*(const unsigned *)member & hint_names[i].hint)
            json_array_append_new(array, json_string(hint_names[i].name));
    return array;
}

static int read_hints(struct json_reader *reader, const json_t *value, void *member)
{
    size_t index;
    json_t *name;
    if (!json_is_array(value))
        return json_reader_fail(reader, "is %s, not an array", json_type_name(value));
    json_array_foreach(value, index, name)
    {
        size_t i = 0;
        const char *text = json_string_value(name);
        while (i < HINTS && (!text || strcmp(text, hint_names[i].name) != 0))
            i++;
        if (i == HINTS)
            return json_reader_fail(reader, "[%zu] is no hint", index);
        *(unsigned *)member |= hint_names[i].hint;
    }
    return 0;
}

const struct json_codec codec_hints = {write_hints, read_hints};

static json_t *write_verdict(const void *member)
{
    return json_string(verdict_name(*(const enum verdict *)member));
}

static int read_verdict(struct json_reader *reader, const json_t *value, void *member)
{
    const char *name = json_string_value(value);
    for (int verdict = VERDICT_PASS; name && verdict <= VERDICT_INFORMATION; verdict++)
        if (strcmp(verdict_name((enum verdict)verdict), name) == 0) {
            *(enum verdict *)member = (enum verdict)verdict;
            return 0;
        }
    return json_reader_fail(reader, "is no verdict (pass, fail, inconclusive, information)");
}

const struct json_codec codec_verdict = {write_verdict, read_verdict};

static json_t *write_readiness(const void *member)
{
    return json_string(readiness_name(*(const enum readiness *)member));
}

static int read_readiness(struct json_reader *reader, const json_t *value, void *member)
{
    const char *name = json_string_value(value);
    for (int readiness = 0; name && readiness <= READINESS_INCONCLUSIVE; readiness++)
        if (strcmp(readiness_name((enum readiness)readiness), name) == 0) {
            *(enum readiness *)member = (enum readiness)readiness;
            return 0;
        }
    return json_reader_fail(
        reader, "is no readiness (ready, ready with findings, not ready, inconclusive)");
}

const struct json_codec codec_readiness = {write_readiness, read_readiness};

/* ---- alerts --------------------------------------------------------------------------------- */

/* cicada itself is null. */
static json_t *write_alert_target(const void *member)
{
    int target = *(const int *)member;
    return target < 0 ? json_null() : json_integer(target);
}

static int read_alert_target(struct json_reader *reader, const json_t *value, void *member)
{
    int64_t integer = -1;
    if (!json_is_null(value) && json_reader_integer(reader, value, 0, INT32_MAX, &integer) < 0)
        return -1;
    *(int *)member = (int)integer;
    return 0;
}

const struct json_codec codec_alert_target = {write_alert_target, read_alert_target};

/* One that held at the end is null. */
static json_t *write_alert_end(const void *member)
{
    const struct alert_end *end = member;
    return end->known ? json_integer(end->at_s) : json_null();
}

static int read_alert_end(struct json_reader *reader, const json_t *value, void *member)
{
    struct alert_end *end = member;
    int64_t integer = 0;
    if (!json_is_null(value) && json_reader_integer(reader, value, 0, UINT32_MAX, &integer) < 0)
        return -1;
    *end = (struct alert_end){.known = !json_is_null(value), .at_s = (uint32_t)integer};
    return 0;
}

const struct json_codec codec_alert_end = {write_alert_end, read_alert_end};

/* ---- operations of a second ----------------------------------------------------------------- */

static json_t *write_second_operation(const struct second_operation *operation)
{
    struct buffer text;
    buffer_init(&text, BUCKETS_TEXT_LIMIT);
    struct buckets_writer writer = {.output = &text};
    for (uint32_t i = 0; i < operation->bucket_count; i++)
        if (buckets_write(&writer, operation->buckets[i], operation->counts[i]) < 0) {
            buffer_free(&text);
            return NULL;
        }
    return json_pack("[I, I, I, o]", (json_int_t)operation->operation, (json_int_t)operation->ok,
                     (json_int_t)operation->failed, text_of_buffer(&text));
}

static json_t *write_second_operations(const void *base)
{
    const struct second *second = base;
    json_t *array = json_array();
    for (size_t i = 0; array && i < second->operation_count; i++)
        if (json_array_append_new(array, write_second_operation(&second->operations[i])) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static int read_coarse_buckets(struct json_reader *reader, const char *text,
                               struct second_operation *operation)
{
    struct buckets_reader buckets = {.text = text, .at = text, .limit = HISTOGRAM_COARSE_BUCKETS};
    uint32_t bucket, filled = 0;
    uint64_t count;
    int more;
    while ((more = buckets_read(&buckets, &bucket, &count)) > 0)
        filled++;
    if (more < 0)
        return fail_buckets(reader, &buckets);
    operation->buckets = calloc(filled ? filled : 1, sizeof *operation->buckets);
    operation->counts = calloc(filled ? filled : 1, sizeof *operation->counts);
    if (!operation->buckets || !operation->counts)
        return json_reader_fail(reader, "out of memory");
    buckets = (struct buckets_reader){.text = text, .at = text, .limit = HISTOGRAM_COARSE_BUCKETS};
    while (buckets_read(&buckets, &bucket, &count) > 0) {
        if (count > UINT32_MAX)
            return json_reader_fail(reader, "a count is too large");
        operation->buckets[operation->bucket_count] = (uint16_t)bucket;
        operation->counts[operation->bucket_count++] = (uint32_t)count;
    }
    return 0;
}

static int read_second_operation(struct json_reader *reader, const json_t *value,
                                 struct second_operation *operation)
{
    if (json_array_size(value) != 4 || !json_is_string(json_array_get(value, 3)))
        return json_reader_fail(reader, "is not [operation, ok, failed, buckets]");
    uint32_t *const members[] = {&operation->operation, &operation->ok, &operation->failed};
    for (size_t i = 0; i < 3; i++) {
        int64_t integer;
        if (json_reader_integer(reader, json_array_get(value, i), 0, UINT32_MAX, &integer) < 0)
            return -1;
        *members[i] = (uint32_t)integer;
    }
    return read_coarse_buckets(reader, json_string_value(json_array_get(value, 3)), operation);
}

static int read_second_operations(struct json_reader *reader, const json_t *value, void *base)
{
    struct second *second = base;
    if (!json_is_array(value))
        return json_reader_fail(reader, "is %s, not an array", json_type_name(value));
    size_t count = json_array_size(value);
    second->operations = calloc(count ? count : 1, sizeof *second->operations);
    if (!second->operations)
        return json_reader_fail(reader, "out of memory");
    for (size_t i = 0; i < count; i++) {
        size_t length = json_reader_enter(reader, "[%zu]", i);
        second->operation_count = i + 1;
        if (read_second_operation(reader, json_array_get(value, i), &second->operations[i]) < 0)
            return -1;
        json_reader_leave(reader, length);
    }
    return 0;
}

const struct json_codec codec_second_operations = {write_second_operations, read_second_operations};
