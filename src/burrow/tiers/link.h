/* A connection to the server of a tier, which a call waits for: TCP or a Unix socket, with TLS when
 * asked. Everything has a deadline, since calls wait for each other under the store's lock. And how
 * long a tier leaves a server alone after it failed. */
#ifndef BURROW_TIERS_LINK_H
#define BURROW_TIERS_LINK_H

#include "base/error.h"
#include "net/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_REASON_LIMIT 512

struct link {
    bool open;
    int fd;
    void *ssl;
    char reason[LINK_REASON_LIMIT]; /* why the last function failed: "connection refused" */
};

/* Try the addresses in turn until one answers; `tls` NULL: plain. Deadlines are of clock_now_ns. -1
 * with `reason` set; the link is closed then, as after every failure of the others. */
int link_open(struct link *link, const struct stream_address *address,
              const struct tls_settings *tls, uint64_t deadline_ns);
void link_close(struct link *link); /* harmless twice, and on a zeroed one */

/* All of the bytes. */
int link_write(struct link *link, const void *bytes, size_t length, uint64_t deadline_ns);
/* At least one byte, at most `size`: how many. The end of the input is a failure. */
int64_t link_read(struct link *link, void *bytes, size_t size, uint64_t deadline_ns);
/* Nothing is due from the server: false when it closed the connection, or says something. */
bool link_is_quiet(const struct link *link);

/* After a failure the server is not asked again at once: the wait doubles from one failure to the
 * next up to LINK_LONGEST_WAIT_MS, and begins anew after a success. */
#define LINK_FIRST_WAIT_MS   50
#define LINK_LONGEST_WAIT_MS 5000
struct link_backoff {
    uint64_t wait_ms, until_ns;
};
bool link_backoff_waits(const struct link_backoff *backoff);
/* `least_ms`: wait so long at least. */
void link_backoff_failed(struct link_backoff *backoff, uint64_t least_ms);
void link_backoff_succeeded(struct link_backoff *backoff);

#endif
