/* The TLS side of a stream: OpenSSL on a non-blocking socket. Internal to src/net. */
#ifndef CICADA_NET_TLS_H
#define CICADA_NET_TLS_H

#include "net/stream.h"

#include <openssl/ssl.h>

enum tls_result {
    TLS_DONE,
    TLS_WANT_READ,
    TLS_WANT_WRITE,
    TLS_END,    /* the peer said it sends no more, or closed */
    TLS_FAILED, /* `outcome` and `text` are set */
};

struct tls_failure {
    struct outcome outcome;
    char text[256];
};

/* A client session on `fd`; the host is verified unless the settings say insecure. NULL: no memory.
 */
SSL *tls_session_open(const struct tls_settings *settings, const char *host, int fd);
void tls_session_close(SSL *ssl, bool orderly);

enum tls_result tls_handshake(SSL *ssl, struct tls_failure *failure);
/* As much as is there, up to `size`; *count is set with TLS_DONE, and with TLS_END or TLS_FAILED
 * when bytes came before that. */
enum tls_result tls_read(SSL *ssl, void *bytes, size_t size, size_t *count,
                         struct tls_failure *failure);
enum tls_result tls_write(SSL *ssl, const void *bytes, size_t size, size_t *count,
                          struct tls_failure *failure);

#endif
