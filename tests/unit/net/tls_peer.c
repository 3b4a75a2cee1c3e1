/* See tls_peer.h. The thread never asserts: what goes wrong there shows at the client. */
#include "tls_peer.h"

#include "peer.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void certificate_make(const char *folder, const char *name, const char *names, int days)
{
    char path[512];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_true(key && certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2L * 24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * 24 * 3600);
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_subject_alt_name, names);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);

    snprintf(path, sizeof path, "%s/%s.crt", folder, name);
    FILE *file = fopen(path, "w");
    assert_true(file && PEM_write_X509(file, certificate) == 1);
    fclose(file);
    snprintf(path, sizeof path, "%s/%s.key", folder, name);
    file = fopen(path, "w");
    assert_true(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                           const unsigned char *offered, unsigned offered_length, void *context)
{
    struct tls_peer *peer = context;
    (void)ssl;
    for (unsigned i = 0; i < offered_length; i += offered[i] + 1u)
        if (offered[i] == strlen(peer->alpn) &&
            memcmp(offered + i + 1, peer->alpn, offered[i]) == 0) {
            *chosen = offered + i + 1;
            *length = offered[i];
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

static void serve(struct tls_peer *peer, int fd)
{
    SSL *ssl = SSL_new(peer->context);
    size_t written;
    char byte;
    SSL_set_fd(ssl, fd);
    SSL_set_accept_state(ssl);
    if (peer->speak_first) {
        SSL_set_num_tickets(ssl, 0); /* nothing follows that would wake the client */
        if (SSL_read_early_data(ssl, &byte, 1, &written) == SSL_READ_EARLY_DATA_FINISH)
            SSL_write_early_data(ssl, peer->speak_first, strlen(peer->speak_first), &written);
        atomic_store(&peer->spoke, true);
    }
    if (SSL_accept(ssl) == 1 && peer->serve) {
        peer->serve(ssl, peer->data);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
}

static void *run(void *argument)
{
    struct tls_peer *peer = argument;
    sigset_t broken_pipe; /* OpenSSL's here; the client's must not come up at all */
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
    for (int fd; (fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd)) {
        struct timeval limit = {.tv_sec = 10};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (peer->serve_plain)
            peer->serve_plain(fd, peer->data);
        else
            serve(peer, fd);
    }
    return NULL;
}

void tls_peer_start(struct tls_peer *peer, const char *folder, const char *name,
                    const char *client_ca)
{
    char path[512];
    peer->listener = peer_listen(&peer->port);
    peer->context = SSL_CTX_new(TLS_server_method());
    snprintf(path, sizeof path, "%s/%s.crt", folder, name);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(peer->context, path), 1);
    snprintf(path, sizeof path, "%s/%s.key", folder, name);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(peer->context, path, SSL_FILETYPE_PEM), 1);
    if (client_ca) {
        assert_int_equal(SSL_CTX_load_verify_file(peer->context, client_ca), 1);
        SSL_CTX_set_verify(peer->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (peer->alpn)
        SSL_CTX_set_alpn_select_cb(peer->context, choose_protocol, peer);
    assert_int_equal(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void tls_peer_stop(struct tls_peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR); /* accept fails */
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    SSL_CTX_free(peer->context);
}

void tls_serve_json(SSL *ssl, void *body)
{
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE), head[200];
    size_t body_length = strlen(body), length = 0;
    int head_length = snprintf(head, sizeof head,
                               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n",
                               body_length);
    for (int count; (count = SSL_read(ssl, text + length, (int)(SIZE - 1 - length))) > 0;) {
        length += (size_t)count;
        text[length] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *header = strstr(text, "Content-Length: ");
        if (!end ||
            length < (size_t)(end + 4 - text) + (header ? strtoul(header + 16, NULL, 10) : 0))
            continue;
        length = 0;
        if (SSL_write(ssl, head, head_length) <= 0 || SSL_write(ssl, body, (int)body_length) <= 0)
            break;
    }
    free(text);
}
