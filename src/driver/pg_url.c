/* driver/pg_url.c - PostgreSQL URLs as users write them, into what libpq takes.
 *
 * libpq reads URLs itself but refuses every parameter that it does not know, and users' URLs hold those of their client
 * (schema, connection_limit, ...). So a URL is taken apart here: what libpq knows is handed to it by keyword, what is
 * meant for us is kept, and the rest is left alone, as clients leave it alone.
 */
#include "driver/pg_int.h"
#include "driver/url_int.h"

#include <stdio.h>

#define FORM "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=public"
#define CONNECT_TIMEOUT_DEFAULT_US 5000000

static bool wrong(nicol_error *err, const char *what)
{
    return url_wrong(err, FORM, what);
}

static const char *decoded(arena *a, nicol_str s, nicol_error *err)
{
    return url_decoded(a, s, FORM, err);
}

const char *pg_url_get(const pg_url *u, const char *key)
{
    for (size_t i = 0; i < u->n; i++) {
        if (strcmp(u->keys[i], key) == 0) return u->values[i];
    }
    return NULL;
}

bool pg_url_add(pg_url *u, const char *key, const char *value, nicol_error *err)
{
    for (size_t i = 0; i < u->n; i++) {
        if (strcmp(u->keys[i], key) != 0) continue;
        u->values[i] = value;
        return true;
    }
    if (u->n + 1 >= PG_KEYWORDS_MAX) return wrong(err, "has too many parameters");
    u->keys[u->n] = key;
    u->values[u->n++] = value;
    u->keys[u->n] = u->values[u->n] = NULL;
    return true;
}

/* --- parameters ----------------------------------------------------------------------------------------------------- */

/* What libpq takes as it is. */
static const char *const passed_on[] = {
    "host",
    "hostaddr",
    "port",
    "application_name",
    "client_encoding",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslkey",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "sslcompression",
    "sslpassword",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "channel_binding",
    "requirepeer",
    "krbsrvname",
    "target_session_attrs",
    "sslrootcert",
    "passfile",
    "user",
    "password",
    "dbname",
};

static bool seconds(const char *value, int64_t zero, int64_t *us, const char *name, nicol_error *err)
{
    int64_t n;
    if (!str_to_i64(str_c(value), &n) || n < 0 || n > 1000000000)
        return nicol_fail(err, NICOL_E_USAGE, "the database URL has %s=%.40s: write a number of seconds", name, value);
    *us = n == 0 ? zero : n * 1000000;
    return true;
}

static bool number(const char *value, int64_t max, int64_t *out, const char *name, nicol_error *err)
{
    if (str_to_i64(str_c(value), out) && *out >= 0 && *out <= max) return true;
    return nicol_fail(err, NICOL_E_USAGE, "the database URL has %s=%.40s: write a number from 0 to %lld", name, value,
                      (long long)max);
}

static bool ssl_mode(pg_url *u, const char *value, nicol_error *err)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i], value) == 0) return pg_url_add(u, "sslmode", modes[i], err);
    }
    return nicol_fail(err, NICOL_E_USAGE,
                      "the database URL has sslmode=%.40s: write disable, prefer, require, verify-ca or verify-full",
                      value);
}

static bool own_parameter(pg_url *u, const char *key, const char *value, bool *known, nicol_error *err)
{
    int64_t n = 0;
    *known = true;
    if (strcmp(key, "schema") == 0) {
        u->schema = str_c(value);
    } else if (strcmp(key, "options") == 0) {
        u->options = str_c(value);
    } else if (strcmp(key, "sslmode") == 0) {
        return ssl_mode(u, value, err);
    } else if (strcmp(key, "connection_limit") == 0) {
        if (!number(value, 100000, &n, key, err)) return false;
        u->pool.connection_limit = (unsigned)n;
    } else if (strcmp(key, "pool_timeout") == 0) {
        return seconds(value, IO_NEVER, &u->pool.pool_timeout_us, key, err);
    } else if (strcmp(key, "connect_timeout") == 0) {
        return seconds(value, IO_NEVER, &u->connect_timeout_us, key, err);
    } else if (strcmp(key, "socket_timeout") == 0) {
        return seconds(value, IO_NEVER, &u->socket_timeout_us, key, err);
    } else if (strcmp(key, "statement_cache_size") == 0) {
        return number(value, 100000, &u->cache_max, key, err);
    } else if (strcmp(key, "pgbouncer") == 0) {
        u->pgbouncer = strcmp(value, "true") == 0;
    } else {
        *known = false;
    }
    return true;
}

static bool parameter(pg_url *u, const char *key, const char *value, arena *a, nicol_error *err)
{
    bool known;
    if (!own_parameter(u, key, value, &known, err)) return false;
    if (known) return true;
    if (strcmp(key, "sslidentity") == 0) {
        return nicol_fail(err, NICOL_E_UNSUPPORTED,
                          "the database URL has sslidentity=: a PKCS #12 file is not read here. Take it apart (openssl "
                          "pkcs12 -in FILE -nodes) and name the parts with sslcert= and sslkey=");
    }
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) {
        if (strcmp(passed_on[i], key) == 0) return pg_url_add(u, passed_on[i], value, err);
    }
    if (strcmp(key, "sslcert") == 0 || strcmp(key, "sslaccept") == 0) {
        nicol_str k = arena_str(a, str_c(key));
        return k.ptr ? pg_url_add(u, k.ptr, value, err) : nicol_fail_oom(err);
    }
    return true;
}

static bool parameters(pg_url *u, nicol_str query, arena *a, nicol_error *err)
{
    while (query.len) {
        nicol_str one = str_cut(&query, '&');
        if (one.len == 0) continue;
        nicol_str name = str_cut(&one, '=');
        const char *key = decoded(a, name, err), *value = key ? decoded(a, one, err) : NULL;
        if (!value || !parameter(u, key, value, a, err)) return false;
    }
    return true;
}

/* --- who and where -------------------------------------------------------------------------------------------------- */

/* "host:port,[::1]:port": one list of hosts and one of ports, as libpq wants them. */
static bool hosts(pg_url *u, nicol_str authority, arena *a, nicol_error *err)
{
    char *names = arena_alloc(a, authority.len + 1), *ports = arena_alloc(a, authority.len + 1);
    if (!names || !ports) return nicol_fail_oom(err);
    size_t nn = 0, pn = 0;
    bool any_port = false;
    for (bool first = true; authority.len; first = false) {
        nicol_str one = str_cut(&authority, ',');
        size_t end = one.len && one.ptr[0] == '[' ? str_find_char(one, ']', 0) : SIZE_MAX;
        if (one.len && one.ptr[0] == '[' && end == SIZE_MAX)
            return wrong(err, "has an IPv6 address without its closing ]");
        size_t colon = str_find_char(one, ':', end == SIZE_MAX ? 0 : end);
        nicol_str host = end == SIZE_MAX ? str_sub(one, 0, colon) : str_sub(one, 1, end);
        nicol_str port = colon == SIZE_MAX ? (nicol_str){0} : str_sub(one, colon + 1, one.len);
        uint64_t number_;
        if (port.len && (!str_to_u64(port, &number_) || number_ == 0 || number_ > 65535))
            return wrong(err, "has a port that is not a number from 1 to 65535");
        if (!first) names[nn++] = ports[pn++] = ',';
        if (host.len) memcpy(names + nn, host.ptr, host.len);
        if (port.len) memcpy(ports + pn, port.ptr, port.len);
        nn += host.len;
        pn += port.len;
        any_port = any_port || port.len;
    }
    const char *host = nn ? decoded(a, str_of(names, nn), err) : NULL;
    if (nn && !host) return false;
    ports[pn] = '\0';
    if (host && !pg_url_add(u, "host", host, err)) return false;
    return !any_port || pg_url_add(u, "port", ports, err);
}

static bool identity(pg_url *u, nicol_str who, arena *a, nicol_error *err)
{
    size_t colon = str_find_char(who, ':', 0);
    const char *user = decoded(a, str_sub(who, 0, colon), err);
    if (!user) return false;
    if (*user && !pg_url_add(u, "user", user, err)) return false;
    if (colon == SIZE_MAX) return true;
    const char *password = decoded(a, str_sub(who, colon + 1, who.len), err);
    return password && pg_url_add(u, "password", password, err);
}

/* In clients' URLs sslcert is the server's certificate, in libpq's the client's own, which comes with a key. And
 * there "require" takes any certificate unless sslaccept=strict asks for more. */
static bool settle_tls(pg_url *u, nicol_error *err)
{
    const char *accept = pg_url_get(u, "sslaccept");
    bool strict = accept && strcmp(accept, "strict") == 0;
    for (size_t i = 0; i < u->n; i++) {
        bool drop = strcmp(u->keys[i], "sslaccept") == 0;
        if (strcmp(u->keys[i], "sslcert") == 0 && !pg_url_get(u, "sslkey")) {
            if (pg_url_get(u, "sslrootcert")) drop = true;
            else u->keys[i] = "sslrootcert";
        }
        if (!drop) continue;
        u->n--;
        memmove(&u->keys[i], &u->keys[i + 1], (u->n - i + 1) * sizeof *u->keys);
        memmove(&u->values[i], &u->values[i + 1], (u->n - i + 1) * sizeof *u->values);
        i--;
    }
    return !strict || pg_url_add(u, "sslmode", "verify-full", err);
}

bool pg_url_read(nicol_str url, arena *a, pg_url *out, nicol_error *err)
{
    *out = (pg_url){.pool = {.pool_timeout_us = -1},
                    .connect_timeout_us = CONNECT_TIMEOUT_DEFAULT_US,
                    .socket_timeout_us = IO_NEVER,
                    .cache_max = -1};
    url_parts p;
    if (!url_split(url, FORM, &p, err)) return false;
    if (p.has_who && !identity(out, p.who, a, err)) return false;
    if (!hosts(out, p.where, a, err)) return false;
    if (p.database.len) {
        const char *name = decoded(a, p.database, err);
        if (!name || !pg_url_add(out, "dbname", name, err)) return false;
    }
    return parameters(out, p.query, a, err) && settle_tls(out, err);
}

bool pg_url_facts(nicol_str url, driver_url_facts *out, nicol_error *err)
{
    pg_url u;
    arena *a = arena_new(mem_default, (size_t)1 << 20);
    if (!a) return nicol_fail_oom(err);
    bool good = pg_url_read(url, a, &u, err);
    if (good) *out = u.pool;
    else err_keep(err);
    arena_free(a);
    return good;
}
