/* The highest rate of arrivals that a target sustains: by trials, each at one rate. It doubles
 * until one breaks, halves the bracket, and confirms both of its ends. */
#ifndef CICADA_ANALYSIS_SEARCH_H
#define CICADA_ANALYSIS_SEARCH_H

#include "analysis/knee_interval.h"
#include "base/error.h"
#include "metrics/result.h"

#define SEARCH_TRIALS        40   /* at most */
#define SEARCH_AGAIN         2    /* times that an inconclusive trial is run again */
#define SEARCH_RESOLUTION    0.05 /* the bracket is narrow enough */
#define SEARCH_CONFIRMATIONS 2 /* of the rate that is sustained; what breaks is tried once more */

#define SEARCH_PROBES 5 /* above what breaks, for a rate that surely does */

struct search_trial {
    double rate;
    enum verdict verdict; /* pass, fail or inconclusive */
    bool kept, broken;    /* surely, at 95 % (search_judge) */
};

struct search {
    double min, max; /* the first rate tried, and the highest */
    /* One trial at trial->rate: fills the rest. -1 when the search cannot go on. */
    int (*run)(void *context, struct search_trial *trial, struct error *error);
    void *context;
    struct search_trial trials[SEARCH_TRIALS];
    size_t count;
    double low, high; /* sustained; not sustained (0: none found) */
};

/* -1 when there is no answer: a trial could not be run, was inconclusive again and again
 * (ERROR_INCONCLUSIVE), or there were too many. low and high then tell how far it came. low 0: even
 * `min` breaks it; high 0: `max` does not. */
int search_run(struct search *search, struct error *error);

/* Between which rates the limit lies, at 95 %: above the highest that a trial surely keeps, where
 * none at or below it surely breaks, and at or below the lowest above it that one surely breaks. A
 * rate that broke and then kept the limits was no evidence. The bracket itself lies in it. */
struct knee_interval search_interval(const struct search *search);

/* What a judged result of one rate is sure of (knee_interval); a backlog that grew is surely
 * broken. -1 when memory is out. */
int search_judge(const struct result *result, bool backlog, struct search_trial *trial);

#endif
