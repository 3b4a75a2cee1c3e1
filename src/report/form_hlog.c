/* An interval log of HdrHistogram (format 1.3), one line for each second: the histograms of the
 * successful operations' latency in the compressed V2 encoding, as HdrHistogram's own tools write
 * it. Our buckets are the counts array of an HdrHistogram with lowest value 1, highest one hour and
 * 3 significant digits, index for index, so that nothing is lost on the way.
 *
 * V2: cookie, length of the counts, normalizing offset, digits, lowest, highest, conversion ratio
 * (all big endian), then the counts as ZigZag LEB128, a negative one for a run of zeros; deflated,
 * with a cookie and a length in front; Base64. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "report/form_timeline.h"
#include "report/form_write.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define COOKIE_V2            UINT32_C(0x1c849313) /* the low byte's 0x10: counts of variable length */
#define COOKIE_V2_COMPRESSED UINT32_C(0x1c849314)
#define SIGNIFICANT_DIGITS   3
#define HEADER_BYTES         40
#define ENCODED_LIMIT        ((size_t)4 << 20) /* 33,792 counts take 304 KB at most */

static void put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void put_u64(unsigned char *at, uint64_t value)
{
    put_u32(at, (uint32_t)(value >> 32));
    put_u32(at + 4, (uint32_t)value);
}

/* ZigZag, then seven bits a byte from the lowest on; the ninth byte, if any, has all eight. */
static int append_zigzag(struct buffer *output, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (int i = 0; i < 8; i++) {
        if (rest < 0x80)
            return buffer_append_char(output, (char)rest);
        if (buffer_append_char(output, (char)(rest | 0x80)) < 0)
            return -1;
        rest >>= 7;
    }
    return buffer_append_char(output, (char)rest);
}

static int append_counts(struct buffer *output, const struct histogram *histogram)
{
    uint32_t at = 0, bucket, next = 0;
    uint64_t count;
    while (histogram_next(histogram, &at, &bucket, &count)) {
        uint32_t zeros = bucket - next;
        if (zeros > 0 && append_zigzag(output, zeros == 1 ? 0 : -(int64_t)zeros) < 0)
            return -1;
        if (append_zigzag(output, (int64_t)count) < 0)
            return -1;
        next = bucket + 1;
    }
    return 0;
}

static int encode_v2(struct buffer *output, const struct histogram *histogram)
{
    double ratio = 1;
    uint64_t ratio_bits;
    memcpy(&ratio_bits, &ratio, sizeof ratio_bits);
    unsigned char *header = (unsigned char *)buffer_reserve(output, HEADER_BYTES);
    if (!header)
        return -1;
    buffer_commit(output, HEADER_BYTES);
    if (append_counts(output, histogram) < 0)
        return -1;
    header = (unsigned char *)buffer_bytes(output); /* it may have moved */
    put_u32(header, COOKIE_V2);
    put_u32(header + 4, (uint32_t)(buffer_length(output) - HEADER_BYTES));
    put_u32(header + 8, 0);
    put_u32(header + 12, SIGNIFICANT_DIGITS);
    put_u64(header + 16, 1);
    put_u64(header + 24, HISTOGRAM_HIGHEST_NS);
    put_u64(header + 32, ratio_bits);
    return 0;
}

static int compress_v2(struct buffer *output, const struct buffer *plain)
{
    uLongf length = compressBound(buffer_length(plain));
    unsigned char *bytes = (unsigned char *)buffer_reserve(output, length + 8);
    if (!bytes || compress2(bytes + 8, &length, (const unsigned char *)buffer_bytes(plain),
                            buffer_length(plain), Z_BEST_COMPRESSION) != Z_OK)
        return -1;
    put_u32(bytes, COOKIE_V2_COMPRESSED);
    put_u32(bytes + 4, (uint32_t)length);
    buffer_commit(output, length + 8);
    return 0;
}

static int write_histogram(FILE *file, const struct histogram *histogram)
{
    struct buffer plain, compressed;
    buffer_init(&plain, ENCODED_LIMIT);
    buffer_init(&compressed, ENCODED_LIMIT);
    int status = encode_v2(&plain, histogram);
    if (status == 0)
        status = compress_v2(&compressed, &plain);
    buffer_clear(&plain);
    if (status == 0)
        status =
            buffer_append_base64(&plain, buffer_bytes(&compressed), buffer_length(&compressed));
    if (status == 0)
        fwrite(buffer_bytes(&plain), 1, buffer_length(&plain), file);
    buffer_free(&plain);
    buffer_free(&compressed);
    return status;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* A tag ends at a comma, and a log's line at a blank; nor is anything in it that is not shown. */
static void write_tag(FILE *file, const char *tag)
{
    fputs("Tag=", file);
    while (*tag) {
        uint32_t code;
        size_t length = utf8_decode((const unsigned char *)tag, &code);
        bool plain = length > 0 && !utf8_is_unsafe(code) && !strchr(" ,\"", *tag);
        fprintf(file, "%.*s", plain ? (int)length : 1, plain ? tag : "_");
        tag += length ? length : 1;
    }
    fputc(',', file);
}

static int write_lines(FILE *file, const struct result *result, int target,
                       enum timeline_phases phases, const char *tag)
{
    struct timeline timeline;
    struct timeline_point point;
    int status = timeline_init(&timeline, result, target, phases);
    int more = status;
    while (status == 0 && (more = timeline_next(&timeline, 1, &point)) > 0) {
        if (tag)
            write_tag(file, tag);
        uint64_t max_ns = point.latency.count ? point.latency.max_ns : 0;
        fprintf(file, "%" PRIu32 ".000,1.000,%.6f,", point.at_s,
                (double)max_ns / (double)NS_PER_MS);
        status = write_histogram(file, &point.latency);
        fputc('\n', file);
        timeline_point_free(&point);
    }
    timeline_free(&timeline);
    return more < 0 ? -1 : status;
}

int form_hlog(FILE *file, const struct result *result)
{
    char started[40] = "";
    struct tm tm;
    time_t seconds = (time_t)(result->started_wall_ns / NS_PER_S);
    if (gmtime_r(&seconds, &tm))
        strftime(started, sizeof started, "%a %b %d %H:%M:%S UTC %Y", &tm);
    fprintf(file,
            "#[Histogram log format version 1.3]\n"
            "#[StartTime: %.3f (seconds since epoch), %s]\n"
            "#[Latency of successful operations in nanoseconds; Interval_Max in milliseconds]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_"
            "Histogram\"\n",
            (double)result->started_wall_ns / (double)NS_PER_S, started);
    int status = write_lines(file, result, -1, TIMELINE_COUNTED, NULL);
    for (uint32_t t = 0; status == 0 && result->target_count > 1 && t < result->target_count; t++)
        status = write_lines(file, result, (int)t, TIMELINE_COUNTED,
                             result->targets[t].name ? result->targets[t].name : "target");
    return status < 0 ? -1 : write_lines(file, result, -1, TIMELINE_WARMUP, "warmup");
}
