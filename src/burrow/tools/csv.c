/* See csv.h. */
#include "burrow/tools/csv.h"

#include <string.h>

int csv_append_field(struct buffer *out, const char *text)
{
    int failed = buffer_append_char(out, '"');
    if (*text && strchr("=+-@\t\r", *text))
        failed |= buffer_append_char(out, '\'');
    for (; *text; text++) {
        if (*text == '"')
            failed |= buffer_append_char(out, '"');
        failed |= buffer_append_char(out, *text);
    }
    return failed | buffer_append_char(out, '"');
}
