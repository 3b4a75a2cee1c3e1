/* See tls.h and stream.h. The socket BIO is ours because OpenSSL's own writes without MSG_NOSIGNAL.
 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_settings {
    SSL_CTX *context;
    BIO_METHOD *bio_method;
    bool insecure;
};

static BIO_METHOD *socket_bio_method(void);
static int load_files(SSL_CTX *context, const struct tls_options *options, struct error *error);
static enum tls_result judge(SSL *ssl, int result, bool handshake, struct tls_failure *failure);

struct tls_settings *tls_settings_open(const struct tls_options *options, struct error *error)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", only_http1[] = "\x08http/1.1";
    struct tls_settings *settings = calloc(1, sizeof *settings);
    if (settings) {
        settings->context = SSL_CTX_new(TLS_client_method());
        settings->bio_method = socket_bio_method();
        settings->insecure = options->insecure;
    }
    if (!settings || !settings->context || !settings->bio_method) {
        tls_settings_close(settings);
        error_set(error, ERROR_INTERNAL, "out of memory while preparing TLS");
        return NULL;
    }
    SSL_CTX *context = settings->context;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS); /* idle connections hold no record */
    /* Many servers close without close_notify; HTTP's own framing tells a cut answer from a whole.
     */
    SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1); /* one read(2) per record, not two */
    SSL_CTX_set_verify(context, options->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (options->offer_http2)
        SSL_CTX_set_alpn_protos(context, both, sizeof both - 1);
    else
        SSL_CTX_set_alpn_protos(context, only_http1, sizeof only_http1 - 1);
    if (load_files(context, options, error) < 0) {
        tls_settings_close(settings);
        return NULL;
    }
    return settings;
}

void tls_settings_close(struct tls_settings *settings)
{
    if (!settings)
        return;
    SSL_CTX_free(settings->context);
    BIO_meth_free(settings->bio_method);
    free(settings);
}

static int file_error(struct error *error, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SYS || !reason)
        reason = "no such file, or no PEM in it";
    error_set(error, ERROR_USAGE, "%s '%s': %s", what, file, reason);
    ERR_clear_error();
    return -1;
}

static int load_files(SSL_CTX *context, const struct tls_options *options, struct error *error)
{
    ERR_clear_error();
    if (options->ca_file && SSL_CTX_load_verify_file(context, options->ca_file) != 1)
        return file_error(error, "CA file", options->ca_file);
    if (!options->ca_file && !options->insecure && SSL_CTX_set_default_verify_paths(context) != 1)
        return error_set(
            error, ERROR_USAGE,
            "the system's CA certificates cannot be loaded; name a file with --cacert");
    if (!options->certificate_file && options->key_file)
        return error_set(error, ERROR_USAGE,
                         "a key without a certificate; give the client certificate too (--cert)");
    if (!options->certificate_file)
        return 0;
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1)
        return file_error(error, "client certificate", options->certificate_file);
    const char *key = options->key_file ? options->key_file : options->certificate_file;
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return file_error(error, "client key", key);
    if (SSL_CTX_check_private_key(context) != 1)
        return file_error(error, "client key (it is not that of the certificate)", key);
    return 0;
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

static bool is_address(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool set_peer_name(SSL *ssl, const char *host)
{
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

SSL *tls_session_open(const struct tls_settings *settings, const char *host, int fd)
{
    SSL *ssl = SSL_new(settings->context);
    BIO *bio = ssl ? BIO_new(settings->bio_method) : NULL;
    if (!bio || (host && !set_peer_name(ssl, host))) {
        BIO_free(bio);
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, (void *)(intptr_t)fd);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_connect_state(ssl);
    return ssl;
}

void tls_session_close(SSL *ssl, bool orderly)
{
    if (!ssl)
        return;
    if (orderly)
        SSL_shutdown(ssl); /* best effort: close_notify goes out if the socket takes it now */
    SSL_free(ssl);
    ERR_clear_error();
}

enum tls_result tls_handshake(SSL *ssl, struct tls_failure *failure)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(ssl);
    return result == 1 ? TLS_DONE : judge(ssl, result, true, failure);
}

enum tls_result tls_read(SSL *ssl, void *bytes, size_t size, size_t *count,
                         struct tls_failure *failure)
{
    *count = 0;
    do {
        size_t got = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(ssl, (char *)bytes + *count, size - *count, &got);
        if (result != 1) {
            enum tls_result verdict = judge(ssl, result, false, failure);
            bool blocked = verdict == TLS_WANT_READ || verdict == TLS_WANT_WRITE;
            return *count && blocked ? TLS_DONE : verdict;
        }
        *count += got;
    } while (*count < size && SSL_has_pending(ssl));
    return TLS_DONE;
}

enum tls_result tls_write(SSL *ssl, const void *bytes, size_t size, size_t *count,
                          struct tls_failure *failure)
{
    *count = 0;
    while (*count < size) {
        size_t written = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(ssl, (const char *)bytes + *count, size - *count, &written);
        if (result != 1)
            return judge(ssl, result, false, failure);
        *count += written;
    }
    return TLS_DONE;
}

/* ---- why it failed, in plain words --------------------------------------------------------------
 */

static void describe_verification(SSL *ssl, long code, struct tls_failure *failure)
{
    const char *remedy =
        "give the CA that signed it with --cacert FILE, or --insecure to go on unverified";
    if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH)
        remedy = "use the name the certificate was made for";
    else if (code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID)
        remedy = "renew the server's certificate, or check the clock";
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    failure->outcome = (struct outcome){.kind = OUTCOME_TLS, .detail = "certificate"};
    snprintf(failure->text, sizeof failure->text,
             "the certificate of the server%s%s is not trusted: %s; %s", host ? " " : "",
             host ? host : "", X509_verify_cert_error_string(code), remedy);
}

static void describe_protocol(bool handshake, struct tls_failure *failure)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    const char *hint = "";
    if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER ||
        ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST)
        hint = "; the port does not seem to speak TLS: try http:// in place of https://";
    failure->outcome =
        (struct outcome){.kind = OUTCOME_TLS, .detail = handshake ? "handshake" : "record"};
    snprintf(failure->text, sizeof failure->text, "TLS %s: %s%s",
             handshake ? "handshake failed" : "broke off", reason ? reason : "unknown reason",
             hint);
}

static void describe_system(bool handshake, int code, struct tls_failure *failure)
{
    failure->outcome = handshake
                           ? (struct outcome){.kind = OUTCOME_TLS, .detail = "handshake_closed"}
                           : (struct outcome){.kind = OUTCOME_CONNECTION_RESET, .detail = "reset"};
    snprintf(failure->text, sizeof failure->text, "%s%s",
             handshake ? "the server ended the connection during the TLS handshake: " : "",
             code ? strerror(code) : "closed");
}

static enum tls_result judge(SSL *ssl, int result, bool handshake, struct tls_failure *failure)
{
    int saved = errno;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        if (!handshake)
            return TLS_END;
        describe_system(true, 0, failure);
        break;
    case SSL_ERROR_SYSCALL:
        describe_system(handshake, saved, failure);
        break;
    default:
        if (handshake && SSL_get_verify_result(ssl) != X509_V_OK &&
            SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
            describe_verification(ssl, SSL_get_verify_result(ssl), failure);
        else
            describe_protocol(handshake, failure);
    }
    ERR_clear_error();
    return TLS_FAILED;
}

/* ---- the socket BIO
 * ------------------------------------------------------------------------------ */

static int socket_of(BIO *bio)
{
    return (int)(intptr_t)BIO_get_data(bio);
}

static bool is_temporary(int code)
{
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

static int socket_write(BIO *bio, const char *bytes, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t written = send(socket_of(bio), bytes, (size_t)size, MSG_NOSIGNAL);
    if (written < 0 && is_temporary(errno))
        BIO_set_retry_write(bio);
    return (int)written;
}

static int socket_read(BIO *bio, char *bytes, int size)
{
    BIO_clear_retry_flags(bio);
    ssize_t count = recv(socket_of(bio), bytes, (size_t)size, 0);
    if (count < 0 && is_temporary(errno))
        BIO_set_retry_read(bio);
    if (count == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)count;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (!method)
        return NULL;
    BIO_meth_set_write(method, socket_write);
    BIO_meth_set_read(method, socket_read);
    BIO_meth_set_ctrl(method, socket_control);
    return method;
}
