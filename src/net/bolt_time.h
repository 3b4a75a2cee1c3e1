/* The temporal structures of Bolt as ISO 8601 text. Internal to src/net. */
#ifndef CICADA_NET_BOLT_TIME_H
#define CICADA_NET_BOLT_TIME_H

#include "net/packstream.h"

enum { BOLT_TIME_TEXT = 192 };

/* `value` is the header of a structure whose fields are next in `reader`. True, and the fields
 * consumed, when it is a date, time or duration within what a calendar can say; false, with the
 * reader unmoved, when it is anything else. */
bool bolt_time_text(struct packstream_reader *reader, const struct packstream_value *value,
                    char text[BOLT_TIME_TEXT]);

#endif
