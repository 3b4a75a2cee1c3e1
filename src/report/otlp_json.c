/* See otlp_json.h. */
#include "report/otlp_json.h"

#include "base/clock.h"
#include "report/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUMULATIVE    2 /* AGGREGATION_TEMPORALITY_CUMULATIVE */
#define FINEST_SCALE  6 /* 64 buckets an octave: 1.1 % */
#define BUCKETS_LIMIT 160
#define TEXT_LIMIT    1000 /* columns of an attribute */

static json_t *decimal(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    return json_string(text);
}

/* Every object is set in the one it belongs to, and a NULL on the way shows at the end. */
static void put(struct otlp_metrics *metrics, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        metrics->failed = true;
}

static json_t *put_object(struct otlp_metrics *metrics, json_t *object, const char *key)
{
    json_t *made = json_object();
    put(metrics, object, key, made);
    return made;
}

void otlp_metrics_init(struct otlp_metrics *metrics, uint64_t start_wall_ns, uint64_t now_wall_ns)
{
    *metrics = (struct otlp_metrics){.list = json_array()};
    snprintf(metrics->start, sizeof metrics->start, "%" PRIu64, start_wall_ns);
    snprintf(metrics->now, sizeof metrics->now, "%" PRIu64, now_wall_ns);
    metrics->failed = !metrics->list;
}

/* ---- metrics -------------------------------------------------------------------------------- */

static json_t *metric_begin(struct otlp_metrics *metrics, const char *name, const char *unit,
                            const char *description, const char *kind)
{
    json_t *metric = json_object(), *points = json_array();
    put(metrics, metric, "name", json_string(name));
    put(metrics, metric, "description", json_string(description));
    put(metrics, metric, "unit", json_string(unit));
    json_t *data = put_object(metrics, metric, kind);
    put(metrics, data, "dataPoints", points);
    metrics->points = points; /* owned by the metric, that by the list */
    if (json_array_append_new(metrics->list, metric) < 0) {
        metrics->points = NULL;
        metrics->failed = true;
    }
    return data;
}

void otlp_gauge(struct otlp_metrics *metrics, const char *name, const char *unit,
                const char *description)
{
    metric_begin(metrics, name, unit, description, "gauge");
}

void otlp_sum(struct otlp_metrics *metrics, const char *name, const char *unit,
              const char *description)
{
    json_t *data = metric_begin(metrics, name, unit, description, "sum");
    put(metrics, data, "aggregationTemporality", json_integer(CUMULATIVE));
    put(metrics, data, "isMonotonic", json_true());
}

void otlp_histogram(struct otlp_metrics *metrics, const char *name, const char *unit,
                    const char *description)
{
    json_t *data = metric_begin(metrics, name, unit, description, "exponentialHistogram");
    put(metrics, data, "aggregationTemporality", json_integer(CUMULATIVE));
}

/* ---- points --------------------------------------------------------------------------------- */

static json_t *point_add(struct otlp_metrics *metrics, json_t *attributes)
{
    json_t *point = json_object();
    put(metrics, point, "attributes", attributes ? attributes : json_array());
    put(metrics, point, "startTimeUnixNano", json_string(metrics->start));
    put(metrics, point, "timeUnixNano", json_string(metrics->now));
    if (json_array_append_new(metrics->points, point) < 0) {
        metrics->failed = true;
        return NULL;
    }
    return point;
}

void otlp_add_number(struct otlp_metrics *metrics, json_t *attributes, double value)
{
    put(metrics, point_add(metrics, attributes), "asDouble", json_real(value));
}

void otlp_add_count(struct otlp_metrics *metrics, json_t *attributes, uint64_t value)
{
    put(metrics, point_add(metrics, attributes), "asInt", decimal(value));
}

/* The bucket of a value: (base^i, base^(i+1)] with base = 2^(2^-scale). */
static int bucket_index(uint64_t ns, int scale)
{
    return (int)ceil(ldexp(log2((double)ns / (double)NS_PER_S), scale)) - 1;
}

/* Ours are a thousandth wide: at most that share of a bucket's width is counted beside it. */
static json_t *bucket_counts(const struct histogram *histogram, int scale, int first, int last)
{
    json_t *list = json_array();
    uint32_t at = 0, bucket;
    uint64_t count, sum = 0;
    int open = first;
    while (histogram_next(histogram, &at, &bucket, &count)) {
        int index = bucket_index(histogram_bucket_high(bucket), scale);
        index = index > last ? last : index;
        for (; open < index; open++, sum = 0)
            json_array_append_new(list, decimal(sum));
        sum += count;
    }
    json_array_append_new(list, decimal(sum));
    return list;
}

static void put_buckets(struct otlp_metrics *metrics, json_t *point,
                        const struct histogram *histogram)
{
    uint32_t at = 0, bucket, lowest = 0, highest = 0;
    uint64_t count;
    bool any = false;
    while (histogram_next(histogram, &at, &bucket, &count)) {
        lowest = any ? lowest : bucket;
        highest = bucket;
        any = true;
    }
    int scale = FINEST_SCALE, first = 0, last = 0;
    for (; any; scale--) {
        first = bucket_index(histogram_bucket_high(lowest), scale);
        last = bucket_index(histogram_bucket_high(highest), scale);
        if (last - first < BUCKETS_LIMIT)
            break;
    }
    put(metrics, point, "scale", json_integer(scale));
    json_t *positive = put_object(metrics, point, "positive");
    put(metrics, positive, "offset", json_integer(first));
    put(metrics, positive, "bucketCounts",
        any ? bucket_counts(histogram, scale, first, last) : json_array());
}

void otlp_add_histogram(struct otlp_metrics *metrics, json_t *attributes,
                        const struct histogram *histogram)
{
    json_t *point = point_add(metrics, attributes);
    put(metrics, point, "count", decimal(histogram->count));
    put(metrics, point, "sum", json_real((double)histogram->sum_ns / (double)NS_PER_S));
    put(metrics, point, "zeroCount", decimal(0));
    put_buckets(metrics, point, histogram);
    if (histogram->count == 0)
        return;
    put(metrics, point, "min", json_real((double)histogram->min_ns / (double)NS_PER_S));
    put(metrics, point, "max", json_real((double)histogram->max_ns / (double)NS_PER_S));
}

/* ---- attributes ----------------------------------------------------------------------------- */

json_t *otlp_attributes(void)
{
    return json_array();
}

static json_t *with(json_t *attributes, const char *key, const char *kind, json_t *value)
{
    json_array_append_new(attributes,
                          json_pack("{s:s, s:{s:o}}", "key", key, "value", kind, value));
    return attributes;
}

json_t *otlp_with_text(json_t *attributes, const char *key, const char *text)
{
    struct buffer safe;
    buffer_init(&safe, (size_t)8 * TEXT_LIMIT);
    text_append_safe(&safe, text ? text : "", TEXT_LIMIT);
    char *shown = buffer_take_string(&safe);
    with(attributes, key, "stringValue", json_string(shown ? shown : ""));
    free(shown);
    return attributes;
}

json_t *otlp_with_number(json_t *attributes, const char *key, double value)
{
    return with(attributes, key, "doubleValue", json_real(value));
}

json_t *otlp_with_count(json_t *attributes, const char *key, uint64_t value)
{
    return with(attributes, key, "intValue", decimal(value));
}

/* ---- the request ---------------------------------------------------------------------------- */

char *otlp_request_text(struct otlp_metrics *metrics, json_t *resource, const char *version)
{
    json_t *request =
        json_pack("{s:[{s:{s:o}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceMetrics", "resource",
                  "attributes", resource, "scopeMetrics", "scope", "name", "cicada", "version",
                  version ? version : "", "metrics", metrics->list);
    metrics->list = metrics->points = NULL;
    char *text = request && !metrics->failed
                     ? json_dumps(request, JSON_COMPACT | JSON_REAL_PRECISION(15))
                     : NULL;
    json_decref(request);
    return text;
}
