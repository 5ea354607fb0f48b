/* tests/unit/tls_cert.h - a self-signed certificate for 127.0.0.1 in two files, made on the spot. */
#ifndef TESTS_TLS_CERT_H
#define TESTS_TLS_CERT_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct tls_files {
    char dir[64], cert[80], key[80];
} tls_files;

static inline void tls_files_make(tls_files *f)
{
    snprintf(f->dir, sizeof f->dir, "/tmp/nicol-tls-XXXXXX");
    if (!mkdtemp(f->dir)) abort();
    snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->dir);
    snprintf(f->key, sizeof f->key, "%s/key.pem", f->dir);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    if (!key || !x) abort();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1,
                               0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    if (X509_sign(x, key, EVP_sha256()) == 0) abort();
    FILE *c = fopen(f->cert, "w"), *k = fopen(f->key, "w");
    if (!c || !k || PEM_write_X509(c, x) != 1 || PEM_write_PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) != 1) abort();
    if (fclose(c) != 0 || fclose(k) != 0) abort();
    X509_free(x);
    EVP_PKEY_free(key);
}

static inline void tls_files_remove(const tls_files *f)
{
    (void)unlink(f->cert);
    (void)unlink(f->key);
    (void)rmdir(f->dir);
}

#endif
