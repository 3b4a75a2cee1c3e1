/* Figures as words: durations, counts, rates and shares, the same everywhere a person reads them.
 * Three significant digits; the units a plan is written in. Each returns `text`. */
#ifndef CICADA_ANALYSIS_QUANTITY_H
#define CICADA_ANALYSIS_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#define QUANTITY_SIZE 32 /* enough for any of them */

const char *quantity_duration(char *text, size_t size,
                              uint64_t ns); /* "812ns", "4.56ms", "75.0s" */
const char *quantity_count(char *text, size_t size, uint64_t count); /* "1,234,567" */
const char *quantity_rate(char *text, size_t size, double per_s);    /* "0.52/s", "1,234/s" */
const char *quantity_share(char *text, size_t size, double share);   /* 0.0123: "1.23%"; 0: "0%" */
const char *quantity_bytes(char *text, size_t size, uint64_t bytes); /* "512B", "1.50MB" (10^6) */

/* A double as a whole number: rounded, and brought into 0 to 2^63 - 1 (NaN: 0). */
uint64_t quantity_whole(double value);

/* Bytes of `text`, at most `bytes`, that end with a whole code point: for "%.*s". */
int quantity_cut(const char *text, int bytes);

#endif
