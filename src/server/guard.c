/* server/guard.c - who may ask. Off loopback every request needs a key. On loopback without keys anyone on this machine
 * may, but not a web page of a stranger in somebody's browser (which can reach loopback too): it cannot set an
 * Authorization header without a preflight that nobody answers, it sends its Origin, and under DNS rebinding the Host
 * is its own name. A proxy that forwards the world to a loopback server is told apart by its headers.
 */
#include "server/server_int.h"

static bool is_loopback_name(nicol_str host)
{
    if (str_starts(host, S("["))) {
        size_t end = str_find_char(host, ']', 0);
        return end != SIZE_MAX && str_eq(str_sub(host, 1, end), S("::1"));
    }
    size_t colon = str_find_char(host, ':', 0);
    if (colon != SIZE_MAX) host.len = colon;
    if (str_ieq(host, S("localhost")) || str_ieq(host, S("localhost."))) return true;
    if (str_ends(host, S(".localhost"))) return true; /* RFC 6761: resolves to loopback only */
    if (!str_starts(host, S("127."))) return false;
    for (size_t i = 0; i < host.len; i++) {
        if (!(host.ptr[i] == '.' || (host.ptr[i] >= '0' && host.ptr[i] <= '9'))) return false;
    }
    return true;
}

static bool same_origin(const http_request *rq, nicol_str origin)
{
    nicol_str scheme = rq->is_tls ? S("https://") : S("http://");
    return str_starts(origin, scheme) && str_ieq(str_sub(origin, scheme.len, origin.len), rq->host);
}

/* Which of the signs of a stranger a request bears, or NULL. */
static const char *stranger(const http_request *rq)
{
    nicol_str origin = http_header_get(rq, S("origin"));
    if (origin.ptr && !same_origin(rq, origin)) return "a page of another origin may not use this server";
    if (!is_loopback_name(rq->host)) return "the Host of a request to a loopback server must be a loopback name";
    if (http_header_get(rq, S("forwarded")).ptr || http_header_get(rq, S("x-forwarded-for")).ptr) {
        return "forwarded requests need an API key: make one with `nicol keys create`";
    }
    return NULL;
}

/* A server on loopback that has no keys serves whoever is on this machine. */
static bool is_open(const server *s)
{
    return s->loopback && keys_none_ever(s->keys);
}

/* When the keys have changed: open transactions of a key that is gone would keep the others from writing. */
static void end_orphans(exchange *x)
{
    server *s = x->s;
    const key_info *list = NULL;
    size_t n = 0;
    nicol_error ignored = {0};
    bool open = is_open(s); /* looks at the store */
    if (keys_changes(s->keys) == s->keys_seen || !keys_list(s->keys, &list, &n, &ignored)) return;
    nicol_str *owners = ARENA_ARRAY(x->rq->arena, n + 1, nicol_str);
    if (!owners) return;
    for (size_t i = 0; i < n; i++) owners[i] = str_c(list[i].id);
    owners[n] = S("any");
    exec_tx_end_others(engine_exec(s->e), owners, open ? n + 1 : n);
    s->keys_seen = keys_changes(s->keys);
}

bool guard_stranger(exchange *x)
{
    const char *why = is_open(x->s) ? stranger(x->rq) : NULL;
    if (!why) return true;
    answer_error(x, 403, "P6002", "refused: %s", why);
    return false;
}

static nicol_str bearer(const http_request *rq)
{
    nicol_str v = http_header_get(rq, S("authorization"));
    if (v.len > 7 && str_ieq(str_sub(v, 0, 7), S("Bearer "))) return str_trim(str_sub(v, 7, v.len));
    return (nicol_str){0};
}

/* The password of Basic credentials: what a browser's own dialogue sends for the status page. */
static nicol_str basic_password(const http_request *rq)
{
    nicol_str v = http_header_get(rq, S("authorization")), raw;
    if (v.len <= 6 || !str_ieq(str_sub(v, 0, 6), S("Basic "))) return (nicol_str){0};
    if (!base64_read(rq->arena, str_trim(str_sub(v, 6, v.len)), &raw)) return (nicol_str){0};
    size_t colon = str_find_char(raw, ':', 0);
    return colon == SIZE_MAX ? (nicol_str){0} : str_sub(raw, colon + 1, raw.len);
}

static bool equal_in_time(nicol_str a, nicol_str b)
{
    unsigned diff = a.len != b.len;
    for (size_t i = 0; i < a.len && i < b.len; i++) diff |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return diff == 0;
}

static bool unauthorized(exchange *x, const char *why)
{
    http_add_header(x->rs, S("WWW-Authenticate"), S("Bearer"));
    answer_error(x, 401, "P6002", "%s", why);
    return false;
}

static bool key_has(exchange *x, nicol_str text, unsigned scope)
{
    const key_info *k = keys_find(x->s->keys, text);
    if (!k) return unauthorized(x, "The API key is not valid for this server");
    x->key_id = arena_str(x->rq->arena, str_c(k->id));
    if ((k->scopes & scope) == scope) return true;
    char names[64];
    keys_scopes_print(scope, names);
    answer_error(x, 403, "P6002", "The API key %s lacks the scope %s", k->id, names);
    return false;
}

bool guard_key(exchange *x, unsigned scope)
{
    nicol_str text = bearer(x->rq);
    end_orphans(x);
    if (text.len == 0) {
        return unauthorized(x,
                            "An Authorization: Bearer header is needed: the api_key of the client's URL, any text on a "
                            "loopback server without keys");
    }
    if (is_open(x->s)) {
        x->key_id = S("any");
        return true;
    }
    return key_has(x, text, scope);
}

bool guard_admin(exchange *x)
{
    nicol_str text = bearer(x->rq);
    if (x->s->loopback && equal_in_time(text, str_c(x->s->token)) && !stranger(x->rq)) return true;
    if (text.len == 0) text = basic_password(x->rq);
    if (text.len == 0) return guard_key(x, KEY_ADMIN);
    return is_open(x->s) || key_has(x, text, KEY_ADMIN);
}

bool guard_page(exchange *x)
{
    if (x->s->loopback && !stranger(x->rq)) return true;
    nicol_str text = basic_password(x->rq);
    if (text.len == 0) text = bearer(x->rq);
    if (text.len == 0) {
        http_add_header(x->rs, S("WWW-Authenticate"), S("Basic realm=\"an API key with scope admin as password\""));
        answer_error(x, 401, "P6002", "The status page needs an API key with scope admin");
        return false;
    }
    return key_has(x, text, KEY_ADMIN);
}
