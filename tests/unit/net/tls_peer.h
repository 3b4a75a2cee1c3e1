/* A TLS server in a thread of the test, and the certificates for it, made on the spot. */
#ifndef CICADA_TESTS_NET_TLS_PEER_H
#define CICADA_TESTS_NET_TLS_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* A self-signed certificate for DNS:localhost and IP:127.0.0.1 (or whatever `names` says), valid
 * from yesterday until `days` from now, as PEM files NAME.crt and NAME.key in `folder`. */
void certificate_make(const char *folder, const char *name, const char *names, int days);

struct tls_peer {
    int listener;
    unsigned short port;
    SSL_CTX *context;
    pthread_t thread;
    const char *alpn; /* the one protocol accepted; NULL: none */
    void (*serve)(SSL *ssl,
                  void *data); /* after the handshake; the connection closes when it returns */
    void (*serve_plain)(int fd, void *data); /* in place of all TLS */
    const char
        *speak_first;  /* sent along with the handshake (TLS 1.3), before the client's end of it */
    atomic_bool spoke; /* it was */
    void *data;
};
/* Connections are served one after the other. `client_ca`: a certificate of the client is required.
 */
void tls_peer_start(struct tls_peer *peer, const char *folder, const char *name,
                    const char *client_ca);
void tls_peer_stop(struct tls_peer *peer);

/* For `serve`: answers every request on the connection with this body, as JSON. */
void tls_serve_json(SSL *ssl, void *body);

#endif
