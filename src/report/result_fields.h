/* The tables of struct result: docs/result.schema.json as C knows it. */
#ifndef CICADA_REPORT_RESULT_FIELDS_H
#define CICADA_REPORT_RESULT_FIELDS_H

#include "report/json_record.h"

extern const struct json_record record_result;

#endif
