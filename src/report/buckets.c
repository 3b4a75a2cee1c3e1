/* The compact text of filled buckets. */
#include "report/buckets.h"

#include <ctype.h>

int buckets_write(struct buckets_writer *writer, uint32_t bucket, uint64_t count)
{
    int status = writer->any ? buffer_append_char(writer->output, ' ') : 0;
    if (status == 0)
        status = buffer_append_uint(writer->output, bucket - writer->last);
    if (status == 0 && count != 1)
        status = buffer_append_char(writer->output, 'x');
    if (status == 0 && count != 1)
        status = buffer_append_uint(writer->output, count);
    writer->last = bucket;
    writer->any = true;
    return status;
}

static int fail(struct buckets_reader *reader, const char *problem)
{
    reader->problem = problem;
    return -1;
}

/* Decimal digits, at least one; counts stay below 2^62 so that sums of a few cannot overflow. */
static int read_uint(struct buckets_reader *reader, uint64_t *value)
{
    if (!isdigit((unsigned char)*reader->at))
        return fail(reader, "a number is expected");
    for (*value = 0; isdigit((unsigned char)*reader->at); reader->at++) {
        if (*value > (UINT64_C(1) << 58))
            return fail(reader, "the number is too large");
        *value = *value * 10 + (uint64_t)(*reader->at - '0');
    }
    return 0;
}

int buckets_read(struct buckets_reader *reader, uint32_t *bucket, uint64_t *count)
{
    if (!*reader->at && !reader->any)
        return 0;
    if (reader->any) {
        if (!*reader->at)
            return 0;
        if (*reader->at != ' ')
            return fail(reader, "a space is expected");
        reader->at++;
    }
    uint64_t distance;
    if (read_uint(reader, &distance) < 0)
        return -1;
    if (distance == 0 && reader->any)
        return fail(reader, "the same bucket twice");
    if (distance >= reader->limit || reader->last + distance >= reader->limit)
        return fail(reader, "there is no such bucket");
    *count = 1;
    if (*reader->at == 'x') {
        reader->at++;
        if (read_uint(reader, count) < 0)
            return -1;
        if (*count == 0)
            return fail(reader, "a count of 0");
    }
    reader->last += (uint32_t)distance;
    reader->any = true;
    *bucket = reader->last;
    return 1;
}
