// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS by libssl, of cocosecret-agent-tls. Who the server is, the image alone says: neither the
 * system's certificate authorities nor the clock, which is the host's, have a say in it.
 */
#include "agent/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "agent/transport.h"
#include "config/pins.h"
#include "lib/exitcode.h"

/* Those of TLS 1.2 that TLS 1.3 would do as well: Trustee's own server offers no newer one. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* Keys of 112 bits, so no RSA below 2048, and no SHA-1. */
enum { SECURITY_LEVEL = 2 };

/* Less for a stranger to reach before it is known who he is; newer libssl would undo zlib for him. */
#ifndef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define SSL_OP_NO_RX_CERTIFICATE_COMPRESSION 0
#endif
static const uint64_t options = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				SSL_OP_NO_RX_CERTIFICATE_COMPRESSION;

static struct {
	struct tls tls;
	const char *host;
	struct pins pins;
	SSL_CTX *context;
	SSL *ssl; /* of the connection that is there, or NULL */
} own;

/* A pinned key is its owner's proof; a certificate of a pinned CA's has to be of this server. */
static int verify(X509_STORE_CTX *chain, void *unused)
{
	const X509 *certificate = X509_STORE_CTX_get0_cert(chain);

	(void)unused;
	if (!pins_have(&own.pins, X509_get0_pubkey(certificate)))
		return X509_verify_cert(chain) == 1;
	X509_STORE_CTX_set_error(chain, X509_V_OK);
	return 1;
}

static int explain_failure(void)
{
	switch (SSL_get_verify_result(own.ssl)) {
	case X509_V_OK:
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return -TLS_MISNAMED;
	default:
		return -TLS_UNKNOWN;
	}
	return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? -ECONNRESET :
	       -TLS_FOREIGN;
}

/* After what libssl could not do at once: 1 to try it again, 0 at the end, or negative errno. */
static int go_on(int result, uint64_t deadline_us)
{
	int error = errno, r;

	switch (SSL_get_error(own.ssl, result)) {
	case SSL_ERROR_WANT_READ:
		r = transport_wait(SSL_get_fd(own.ssl), POLLIN, deadline_us);
		return r < 0 ? r : 1;
	case SSL_ERROR_WANT_WRITE:
		r = transport_wait(SSL_get_fd(own.ssl), POLLOUT, deadline_us);
		return r < 0 ? r : 1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return error ? -error : -ECONNRESET;
	default:
		return explain_failure();
	}
}

/* What is said of a failure must not be that of an earlier one. */
static void forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* The name that its certificate must have, if it is not the key that says who it is. */
static bool expect_host(void)
{
	X509_VERIFY_PARAM *wanted = SSL_get0_param(own.ssl);

	X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_ip_asc(wanted, own.host) == 1)
		return true;
	return X509_VERIFY_PARAM_set1_host(wanted, own.host, 0) == 1 &&
	       SSL_set_tlsext_host_name(own.ssl, own.host) == 1;
}

static int begin(struct tls *tls, int fd, uint64_t deadline_us)
{
	int result, r;

	(void)tls;
	own.ssl = SSL_new(own.context);
	if (!own.ssl || SSL_set_fd(own.ssl, fd) != 1 || !expect_host())
		return -ENOMEM;
	do {
		forget_errors();
		result = SSL_connect(own.ssl);
		r = result == 1 ? 0 : go_on(result, deadline_us);
	} while (r > 0);
	return result != 1 && r == 0 ? -ECONNRESET : r;
}

static int send_all(struct tls *tls, const char *bytes, size_t size, uint64_t deadline_us)
{
	size_t sent;
	int result, r;

	(void)tls;
	do {
		forget_errors();
		result = SSL_write_ex(own.ssl, bytes, size, &sent);
		r = result == 1 ? 0 : go_on(result, deadline_us);
	} while (r > 0);
	return result != 1 && r == 0 ? -ECONNRESET : r;
}

static ssize_t receive(struct tls *tls, void *bytes, size_t size, uint64_t deadline_us)
{
	size_t got = 0;
	int r;

	(void)tls;
	do {
		int result;

		forget_errors();
		result = SSL_read_ex(own.ssl, bytes, size, &got);
		r = result == 1 ? 0 : go_on(result, deadline_us);
	} while (r > 0);
	return r < 0 ? r : (ssize_t)got;
}

/* The server's own word that this is the end is not waited for. */
static void end(struct tls *tls)
{
	(void)tls;
	forget_errors();
	if (own.ssl)
		SSL_shutdown(own.ssl);
	SSL_free(own.ssl);
	own.ssl = NULL;
}

/* Any of them may be where a chain ends, also a CA that another one made. */
static bool trust_pins(void)
{
	X509_STORE *store = SSL_CTX_get_cert_store(own.context);

	for (size_t i = 0; i < own.pins.count; i++)
		if (own.pins.list[i].certificate &&
		    X509_STORE_add_cert(store, own.pins.list[i].certificate) != 1)
			return false;
	return X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

/* By name, as libcrypto weighs a signature's digest: derive_settle() has left all of them out. */
static bool add_digests(void)
{
	return EVP_add_digest(EVP_sha256()) && EVP_add_digest(EVP_sha384()) && EVP_add_digest(EVP_sha512());
}

static bool set_up(void)
{
	own.context = SSL_CTX_new(TLS_client_method());
	if (!own.context)
		return false;
	SSL_CTX_set_options(own.context, options);
	SSL_CTX_set_security_level(own.context, SECURITY_LEVEL);
	SSL_CTX_set_session_cache_mode(own.context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(own.context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(own.context, verify, NULL);
	return SSL_CTX_set_min_proto_version(own.context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(own.context, CIPHERS_1_2) == 1 && add_digests() && trust_pins();
}

int tls_prepare(struct tls **tls, const char *host, char **argv, struct fault *fault)
{
	(void)argv;
	if (pins_read(PINS_FILE, &own.pins, fault) < 0)
		return EXIT_CONFIG;
	own.host = host;
	own.tls = (struct tls){ begin, send_all, receive, end };
	*tls = &own.tls;
	if (set_up())
		return EXIT_OPENED;
	fault_set(fault, "libssl cannot be set up: %s", ERR_reason_error_string(ERR_peek_last_error()));
	return EXIT_IO;
}
