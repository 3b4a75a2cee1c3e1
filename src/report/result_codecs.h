/* How the members of a result that are no plain numbers and texts stand in result.json. */
#ifndef CICADA_REPORT_RESULT_CODECS_H
#define CICADA_REPORT_RESULT_CODECS_H

#include "report/json_record.h"

/* The reader's context is the struct result being read: details are interned there. */
extern const struct json_codec codec_histogram; /* struct histogram; null while empty */
extern const struct json_codec codec_parts; /* struct histogram[PARTS]: by name, the filled ones */
extern const struct json_codec
    codec_outcomes; /* uint64_t[OUTCOME_KINDS]: by name, the non-zero ones */
extern const struct json_codec codec_reasons;      /* struct measurement (offset 0): its reasons */
extern const struct json_codec codec_outcome;      /* struct outcome */
extern const struct json_codec codec_hints;        /* unsigned, enum offer_hint: names */
extern const struct json_codec codec_verdict;      /* enum verdict */
extern const struct json_codec codec_readiness;    /* enum readiness */
extern const struct json_codec codec_alert_target; /* int: an index, null for cicada itself */
extern const struct json_codec codec_alert_end;    /* struct alert_end: a second, or null */
extern const struct json_codec codec_second_operations; /* struct second (offset 0): its operations,
                                                           [operation, ok, failed, buckets] each */

#endif
