/* See bolt_time.h. Days and seconds count from 1970-01-01 in the proleptic Gregorian calendar. */
#include "net/bolt_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 86400, OFFSET_MOST = 18 * 3600, ZONE_MOST = 64 };
#define NANOSECONDS   INT64_C(1000000000)
#define YEARS_SECONDS (INT64_C(366000000000) * DAY) /* beyond any year that Cypher knows */

struct fields {
    int64_t integer[4];
    const char *zone; /* a text in place of the last number */
    size_t zone_length;
    size_t count;
};

/* What a temporal structure is: the number of its fields, whether the last is a text, and how it is
 * written. The writer says false when a field is out of its range. */
struct form {
    uint8_t tag, count;
    bool zone;
    bool (*write)(const struct fields *fields, char *text, size_t size);
};

static const struct form *form_of(const struct packstream_value *value);

bool bolt_time_text(struct packstream_reader *reader, const struct packstream_value *value,
                    char text[BOLT_TIME_TEXT])
{
    const struct form *form = form_of(value);
    struct packstream_reader at = *reader;
    struct fields fields = {.count = value->count};
    if (!form)
        return false;
    for (size_t i = 0; i < value->count; i++) {
        struct packstream_value field;
        if (packstream_read(&at, &field) < 0)
            return false;
        if (form->zone && i + 1 == value->count) {
            if (field.type != PACKSTREAM_STRING || field.length > ZONE_MOST)
                return false;
            fields.zone = field.bytes;
            fields.zone_length = field.length;
        } else if (field.type != PACKSTREAM_INTEGER) {
            return false;
        } else {
            fields.integer[i] = field.integer;
        }
    }
    if (!form->write(&fields, text, BOLT_TIME_TEXT))
        return false;
    *reader = at;
    return true;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static bool write_day(int64_t days, char *text, size_t size)
{
    if (days > YEARS_SECONDS / DAY || days < -YEARS_SECONDS / DAY)
        return false;
    /* Years that begin in March have their odd day last; 400 of them have 146097 days. */
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * march_month + 2) / 5 + 1;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    const char *format = year >= 0 && year <= 9999 ? "%04" PRId64 "-%02" PRId64 "-%02" PRId64
                                                   : "%+07" PRId64 "-%02" PRId64 "-%02" PRId64;
    snprintf(text, size, format, year, month, day);
    return true;
}

/* A fraction of a second, without trailing zeros; nothing when it is 0. */
static void append_fraction(int64_t nanoseconds, char *text, size_t size)
{
    size_t length = strlen(text);
    if (nanoseconds == 0)
        return;
    snprintf(text + length, size - length, ".%09" PRId64, nanoseconds);
    for (length = strlen(text); text[length - 1] == '0'; length--)
        text[length - 1] = 0;
}

static bool write_clock(int64_t second_of_day, int64_t nanoseconds, char *text, size_t size)
{
    if (second_of_day < 0 || second_of_day >= DAY || nanoseconds < 0 || nanoseconds >= NANOSECONDS)
        return false;
    snprintf(text, size, "%02d:%02d:%02d", (int)(second_of_day / 3600),
             (int)(second_of_day / 60 % 60), (int)(second_of_day % 60));
    append_fraction(nanoseconds, text, size);
    return true;
}

static bool write_instant(int64_t seconds, int64_t nanoseconds, char *text, size_t size)
{
    if (seconds > YEARS_SECONDS || seconds < -YEARS_SECONDS)
        return false;
    int64_t days = seconds / DAY - (seconds % DAY < 0);
    if (!write_day(days, text, size))
        return false;
    size_t length = strlen(text);
    text[length++] = 'T';
    return write_clock(seconds - days * DAY, nanoseconds, text + length, size - length);
}

static bool append_offset(int64_t offset, char *text, size_t size)
{
    size_t length = strlen(text);
    int64_t size_of = offset < 0 ? -offset : offset;
    if (offset < -OFFSET_MOST || offset > OFFSET_MOST)
        return false;
    if (offset == 0)
        snprintf(text + length, size - length, "Z");
    else if (size_of % 60)
        snprintf(text + length, size - length, "%c%02d:%02d:%02d", offset < 0 ? '-' : '+',
                 (int)(size_of / 3600), (int)(size_of / 60 % 60), (int)(size_of % 60));
    else
        snprintf(text + length, size - length, "%c%02d:%02d", offset < 0 ? '-' : '+',
                 (int)(size_of / 3600), (int)(size_of / 60 % 60));
    return true;
}

static void append_zone(const struct fields *fields, char *text, size_t size)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "[%.*s]", (int)fields->zone_length, fields->zone);
}

static bool write_date(const struct fields *fields, char *text, size_t size)
{
    return write_day(fields->integer[0], text, size);
}

static bool write_local_time(const struct fields *fields, char *text, size_t size)
{
    return fields->integer[0] >= 0 && write_clock(fields->integer[0] / NANOSECONDS,
                                                  fields->integer[0] % NANOSECONDS, text, size);
}

static bool write_time(const struct fields *fields, char *text, size_t size)
{
    return write_local_time(fields, text, size) && append_offset(fields->integer[1], text, size);
}

static bool write_local_date_time(const struct fields *fields, char *text, size_t size)
{
    return write_instant(fields->integer[0], fields->integer[1], text, size);
}

/* Before Bolt 5.0: the seconds are those of the local clock. */
static bool write_date_time_local(const struct fields *fields, char *text, size_t size)
{
    return write_local_date_time(fields, text, size) &&
           append_offset(fields->integer[2], text, size);
}

static bool write_date_time(const struct fields *fields, char *text, size_t size)
{
    int64_t seconds = fields->integer[0], offset = fields->integer[2];
    if (seconds > YEARS_SECONDS || seconds < -YEARS_SECONDS || offset < -OFFSET_MOST ||
        offset > OFFSET_MOST)
        return false;
    return write_instant(seconds + offset, fields->integer[1], text, size) &&
           append_offset(offset, text, size);
}

static bool write_zoned_local(const struct fields *fields, char *text, size_t size)
{
    if (!write_local_date_time(fields, text, size))
        return false;
    append_zone(fields, text, size);
    return true;
}

/* The instant is given in UTC and kept so: what the zone's clock showed needs its whole history. */
static bool write_zoned(const struct fields *fields, char *text, size_t size)
{
    if (!write_local_date_time(fields, text, size))
        return false;
    append_offset(0, text, size);
    append_zone(fields, text, size);
    return true;
}

static bool write_duration(const struct fields *fields, char *text, size_t size)
{
    int64_t seconds = fields->integer[2], nanoseconds = fields->integer[3];
    if (nanoseconds < 0 || nanoseconds >= NANOSECONDS)
        return false;
    const char *sign = "";
    if (seconds < 0 && nanoseconds > 0) { /* -2 s and 0.5 s are -1.5 s */
        seconds++;
        nanoseconds = NANOSECONDS - nanoseconds;
        sign = seconds == 0 ? "-" : "";
    }
    snprintf(text, size, "P%" PRId64 "M%" PRId64 "DT%s%" PRId64, fields->integer[0],
             fields->integer[1], sign, seconds);
    append_fraction(nanoseconds, text, size);
    size_t length = strlen(text);
    snprintf(text + length, size - length, "S");
    return true;
}

static const struct form *form_of(const struct packstream_value *value)
{
    static const struct form forms[] = {
        {'D', 1, false, write_date},
        {'T', 2, false, write_time},
        {'t', 1, false, write_local_time},
        {'I', 3, false, write_date_time},
        {'F', 3, false, write_date_time_local},
        {'i', 3, true, write_zoned},
        {'f', 3, true, write_zoned_local},
        {'d', 2, false, write_local_date_time},
        {'E', 4, false, write_duration},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].tag == value->tag)
            return forms[i].count == value->count ? &forms[i] : NULL;
    return NULL;
}
