/* Figures as words. */
#include "analysis/quantity.h"

#include <stdio.h>
#include <string.h>

/* Three significant digits of a value below 10,000; "9.995" is already "10.0". */
static int digits(char *text, size_t size, double value, const char *unit)
{
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    return snprintf(text, size, "%.*f%s", decimals, value, unit);
}

const char *quantity_duration(char *text, size_t size, uint64_t ns)
{
    double value = (double)ns;
    if (ns < 1000)
        snprintf(text, size, "%uns", (unsigned)ns);
    else if (value < 999.5e3)
        digits(text, size, value / 1e3, "us");
    else if (value < 999.5e6)
        digits(text, size, value / 1e6, "ms");
    else
        digits(text, size, value / 1e9, "s");
    return text;
}

const char *quantity_count(char *text, size_t size, uint64_t count)
{
    char plain[24];
    int length = snprintf(plain, sizeof plain, "%llu", (unsigned long long)count);
    size_t at = 0;
    for (int i = 0; i < length && at + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = plain[i];
    }
    text[at] = 0;
    return text;
}

const char *quantity_rate(char *text, size_t size, double per_s)
{
    if (per_s < 999.5) {
        digits(text, size, per_s, "/s");
        return text;
    }
    char count[QUANTITY_SIZE];
    snprintf(text, size, "%s/s", quantity_count(count, sizeof count, quantity_whole(per_s)));
    return text;
}

/* A share that is not 0 never shows as 0, one that is not 1 never as 100 %. */
const char *quantity_share(char *text, size_t size, double share)
{
    double percent = share * 100;
    if (share <= 0)
        snprintf(text, size, "0%%");
    else if (percent < 0.01)
        snprintf(text, size, "<0.01%%");
    else if (share >= 1)
        snprintf(text, size, "100%%");
    else if (percent > 99.9)
        snprintf(text, size, ">99.9%%");
    else
        snprintf(text, size, "%.*f%%", percent < 9.995 ? 2 : 1, percent);
    return text;
}

const char *quantity_bytes(char *text, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    if (bytes < 1000) {
        snprintf(text, size, "%uB", (unsigned)bytes);
        return text;
    }
    for (value /= 1e3; value >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1e3;
    digits(text, size, value, units[unit]);
    return text;
}

uint64_t quantity_whole(double value)
{
    if (!(value > 0))
        return 0;
    return value < 9.2e18 ? (uint64_t)(value + 0.5) : INT64_MAX;
}

int quantity_cut(const char *text, int bytes)
{
    int length = (int)strnlen(text, (size_t)bytes);
    if (length == bytes)
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length--;
    return length;
}
