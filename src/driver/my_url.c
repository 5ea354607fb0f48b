/* driver/my_url.c - MariaDB and MySQL URLs as users write them: mysql://USER:PASSWORD@HOST:PORT/DATABASE?parameters.
 *
 * Parameters that are not known here are left alone, as clients leave them alone.
 */
#include "driver/my_int.h"
#include "driver/url_int.h"

#define FORM "mysql://USER:PASSWORD@HOST:PORT/DATABASE"
#define PORT_DEFAULT 3306
#define CONNECT_TIMEOUT_DEFAULT_US 5000000

static bool wrong(nicol_error *err, const char *what)
{
    return url_wrong(err, FORM, what);
}

static const char *decoded(arena *a, nicol_str s, nicol_error *err)
{
    return url_decoded(a, s, FORM, err);
}

/* --- parameters ----------------------------------------------------------------------------------------------------- */

static bool seconds(nicol_str value, int64_t *us, const char *name, nicol_error *err)
{
    int64_t n;
    if (!str_to_i64(value, &n) || n < 0 || n > 1000000000)
        return nicol_fail(err, NICOL_E_USAGE, "the database URL has %s=%.*s: write a number of seconds", name,
                          STR_FMT(value));
    *us = n == 0 ? IO_NEVER : n * 1000000;
    return true;
}

static bool number(nicol_str value, int64_t *out, const char *name, nicol_error *err)
{
    if (str_to_i64(value, out) && *out >= 0 && *out <= 100000) return true;
    return nicol_fail(err, NICOL_E_USAGE, "the database URL has %s=%.*s: write a number from 0 to 100000", name,
                      STR_FMT(value));
}

static bool tls_parameter(my_url *u, nicol_str key, const char *value, bool *known, nicol_error *err)
{
    nicol_str v = str_c(value);
    *known = true;
    if (str_eq(key, S("sslcert")) || str_eq(key, S("sslca")) || str_eq(key, S("ssl-ca"))) {
        u->ca = value;
        u->tls = true;
    } else if (str_eq(key, S("sslclientcert")) || str_eq(key, S("ssl-cert"))) {
        u->cert = value;
        u->tls = true;
    } else if (str_eq(key, S("sslkey")) || str_eq(key, S("ssl-key"))) {
        u->key = value;
        u->tls = true;
    } else if (str_eq(key, S("sslaccept"))) {
        u->tls = true;
        if (str_eq(v, S("strict"))) u->verify = true;
        else if (!str_eq(v, S("accept_invalid_certs")))
            return nicol_fail(err, NICOL_E_USAGE,
                              "the database URL has sslaccept=%.40s: write strict or accept_invalid_certs", value);
    } else if (str_eq(key, S("sslmode")) || str_eq(key, S("ssl-mode"))) {
        bool off = str_ieq(v, S("disable")) || str_ieq(v, S("disabled"));
        bool prefer = str_ieq(v, S("prefer")) || str_ieq(v, S("preferred"));
        bool on = str_ieq(v, S("require")) || str_ieq(v, S("required"));
        bool verify = str_ieq(v, S("verify_ca")) || str_ieq(v, S("verify_identity"));
        if (!off && !prefer && !on && !verify)
            return nicol_fail(err, NICOL_E_USAGE,
                              "the database URL has sslmode=%.40s: write disable, prefer, require, verify_ca or "
                              "verify_identity",
                              value);
        u->tls = on || verify;
        u->verify = verify;
    } else if (str_eq(key, S("sslidentity"))) {
        return nicol_fail(err, NICOL_E_UNSUPPORTED,
                          "the database URL has sslidentity=: a PKCS #12 file is not read here. Take it apart (openssl "
                          "pkcs12 -in FILE -nodes) and name the parts with sslclientcert= and sslkey=");
    } else {
        *known = false;
    }
    return true;
}

static bool parameter(my_url *u, nicol_str key, const char *value, nicol_error *err)
{
    bool known;
    int64_t n;
    nicol_str v = str_c(value);
    if (!tls_parameter(u, key, value, &known, err)) return false;
    if (known) return true;
    if (str_eq(key, S("socket"))) u->socket = value;
    else if (str_eq(key, S("connection_limit"))) {
        if (!number(v, &n, "connection_limit", err)) return false;
        u->pool.connection_limit = (unsigned)n;
    } else if (str_eq(key, S("pool_timeout"))) return seconds(v, &u->pool.pool_timeout_us, "pool_timeout", err);
    else if (str_eq(key, S("connect_timeout"))) return seconds(v, &u->connect_timeout_us, "connect_timeout", err);
    else if (str_eq(key, S("socket_timeout"))) return seconds(v, &u->socket_timeout_us, "socket_timeout", err);
    else if (str_eq(key, S("statement_cache_size"))) return number(v, &u->cache_max, "statement_cache_size", err);
    return true;
}

static bool parameters(my_url *u, nicol_str query, arena *a, nicol_error *err)
{
    while (query.len) {
        nicol_str one = str_cut(&query, '&');
        nicol_str name = str_cut(&one, '=');
        const char *key = decoded(a, name, err), *value = key ? decoded(a, one, err) : NULL;
        if (!value || !parameter(u, str_c(key), value, err)) return false;
    }
    return true;
}

/* --- who and where -------------------------------------------------------------------------------------------------- */

static bool identity(my_url *u, nicol_str who, arena *a, nicol_error *err)
{
    size_t colon = str_find_char(who, ':', 0);
    u->user = decoded(a, str_sub(who, 0, colon), err);
    if (!u->user) return false;
    if (colon == SIZE_MAX) return true;
    u->password = decoded(a, str_sub(who, colon + 1, who.len), err);
    return u->password != NULL;
}

static bool place(my_url *u, nicol_str where, arena *a, nicol_error *err)
{
    bool bracket = where.len && where.ptr[0] == '[';
    size_t end = bracket ? str_find_char(where, ']', 0) : 0;
    if (end == SIZE_MAX) return wrong(err, "has an IPv6 address without its closing ]");
    size_t colon = str_find_char(where, ':', end);
    nicol_str host = bracket ? str_sub(where, 1, end) : str_sub(where, 0, colon);
    uint64_t port = PORT_DEFAULT;
    if (colon != SIZE_MAX && colon + 1 < where.len &&
        (!str_to_u64(str_sub(where, colon + 1, where.len), &port) || port == 0 || port > 65535))
        return wrong(err, "has a port that is not a number from 1 to 65535");
    u->port = (unsigned)port;
    u->host = decoded(a, host.len ? host : S("localhost"), err);
    return u->host != NULL;
}

bool my_url_read(nicol_str url, arena *a, my_url *out, nicol_error *err)
{
    *out = (my_url){.pool = {.pool_timeout_us = -1},
                    .connect_timeout_us = CONNECT_TIMEOUT_DEFAULT_US,
                    .socket_timeout_us = IO_NEVER,
                    .cache_max = -1};
    url_parts p;
    if (!url_split(url, FORM, &p, err)) return false;
    if (p.has_who && !identity(out, p.who, a, err)) return false;
    if (!place(out, p.where, a, err)) return false;
    if (p.database.len) {
        out->database = decoded(a, p.database, err);
        if (!out->database) return false;
    }
    return parameters(out, p.query, a, err);
}

bool my_url_facts(nicol_str url, driver_url_facts *out, nicol_error *err)
{
    my_url u;
    arena *a = arena_new(mem_default, (size_t)1 << 20);
    if (!a) return nicol_fail_oom(err);
    bool good = my_url_read(url, a, &u, err);
    if (good) *out = u.pool;
    else err_keep(err);
    arena_free(a);
    return good;
}
