/* MCP over standard input and output: one message a line. */
#ifndef BURROW_SERVER_STDIO_SERVER_H
#define BURROW_SERVER_STDIO_SERVER_H

#include "burrow/server/service.h"
#include "burrow/server/subscriptions.h"

#define STDIO_LINE_LIMIT ((size_t)4 << 20)

/* Serve until `input` ends or `stop` (a descriptor) becomes readable. 0, or -1 with an error when a
 * descriptor fails. A reader of `output` that is gone is an end, not an error. */
int stdio_serve(struct service *service, struct subscriptions *subscriptions, int input, int output,
                int stop, struct error *error);

#endif
