/* config/keys.c - the store of API keys: a small SQLite file, read whole into memory when it has changed. */
#include "config/keys.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "driver/driver.h"

#define LOOK_EVERY_US 200000
#define ARENA_BYTES_MAX ((size_t)32 << 20)

typedef struct held {
    key_info info;
    char hash[65];
} held;

struct keys {
    const mem *m;
    char path[4096];
    driver_conn *c; /* NULL while there is no file */
    arena *a;       /* of what was read last */
    arena *work;
    map *by_hash;
    key_info *list;
    size_t n;
    int64_t looked_us;
    int64_t version; /* PRAGMA data_version */
    int64_t own_changes;
    uint64_t changes; /* how often it was read */
    bool seen;        /* it has held a key */
};

static const char ddl[] =
    "CREATE TABLE IF NOT EXISTS api_key (id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scopes INTEGER NOT NULL,"
    " label TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;";

static const struct {
    const char *name;
    unsigned bit;
} scope_names[] = {{"query", KEY_QUERY}, {"stream", KEY_STREAM}, {"invalidate", KEY_INVALIDATE}, {"admin", KEY_ADMIN}};

bool keys_scopes_parse(nicol_str s, unsigned *scopes, nicol_error *err)
{
    *scopes = 0;
    while (s.len > 0) {
        nicol_str one = str_trim(str_cut(&s, ','));
        unsigned bit = 0;
        for (size_t i = 0; i < 4; i++) bit |= str_eq(one, str_c(scope_names[i].name)) ? scope_names[i].bit : 0;
        if (!bit) {
            return nicol_fail(err, NICOL_E_USAGE, "unknown scope '%.*s': scopes are query, stream, invalidate, admin",
                              STR_FMT(one));
        }
        *scopes |= bit;
    }
    return *scopes != 0 || nicol_fail(err, NICOL_E_USAGE, "a key needs a scope: query, stream, invalidate or admin");
}

void keys_scopes_print(unsigned scopes, char out[64])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        if (scopes & scope_names[i].bit)
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? "," : "", scope_names[i].name);
    }
}

static bool hash_text(nicol_str text, char out[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(text.ptr, text.len, md, &len, EVP_sha256(), NULL) != 1 || len != 32) return false;
    for (unsigned i = 0; i < 32; i++) snprintf(out + 2 * i, 3, "%02x", md[i]);
    return true;
}

/* Says which file it is: the text of an error of SQLite does not. */
static bool cannot_use(keys *k, const nicol_error *why, nicol_error *err)
{
    return nicol_fail(err, why->code, "the API keys in %s cannot be used: %.*s", k->path, STR_FMT(why->message));
}

/* Opens the file when it is there (or may be made). True with c NULL: no file, so no keys. */
static bool connect(keys *k, bool create, nicol_error *err)
{
    if (k->c) return true;
    struct stat st;
    if (stat(k->path, &st) != 0 && !create) return true;
    char url[4096 + 8];
    snprintf(url, sizeof url, "file:%s", k->path);
    arena_reset(k->work);
    driver_opts o = {.url = str_c(url), .create = create, .trusted = true, .m = k->m, .stmt_cache_max = 16};
    nicol_error why = {0};
    k->c = driver_sqlite.open(&o, k->work, &why);
    if (!k->c) return cannot_use(k, &why, err);
    if (create) chmod(k->path, 0600); /* hashes only, but nobody else's business */
    return driver_sqlite.script(k->c, str_c(ddl), k->work, &why) || cannot_use(k, &why, err);
}

keys *keys_open(const char *state_dir, bool create, const mem *m, nicol_error *err)
{
    m = m ? m : mem_default;
    keys *k = m->alloc(m->ctx, sizeof *k);
    if (!k) {
        nicol_fail_oom(err);
        return NULL;
    }
    memset(k, 0, sizeof *k);
    k->m = m;
    k->version = -1;
    k->looked_us = INT64_MIN / 2;
    int n = snprintf(k->path, sizeof k->path, "%s/nicol.db", state_dir);
    bool good = (n > 0 && (size_t)n < sizeof k->path) ||
                nicol_fail(err, NICOL_E_USAGE, "the path of the state folder is too long");
    k->a = arena_new(m, ARENA_BYTES_MAX);
    k->work = arena_new(m, ARENA_BYTES_MAX);
    if (good && (!k->a || !k->work)) good = nicol_fail_oom(err);
    if (good && create && mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        good = nicol_fail(err, NICOL_E_SYSTEM, "the state folder %s cannot be made: %s", state_dir, strerror(errno));
    }
    if (good && connect(k, create, err)) return k;
    keys_close(k);
    return NULL;
}

void keys_close(keys *k)
{
    if (!k) return;
    if (k->c) driver_sqlite.close(k->c);
    map_free(k->by_hash);
    arena_free(k->a);
    arena_free(k->work);
    k->m->free(k->m->ctx, k, sizeof *k);
}

/* Runs one statement; the first row's first cell as an integer when wanted. */
static bool run(keys *k, const char *sql, const val *args, size_t n, int64_t *first, nicol_error *err)
{
    driver_stmt *s = driver_sqlite.prepare(k->c, str_c(sql), k->work, err);
    if (!s) return false;
    bool row = false;
    bool good =
        driver_sqlite.run(s, args, NULL, n, IO_NEVER, k->work, err) && driver_sqlite.step(s, &row, k->work, err);
    if (good && first) *first = row ? driver_sqlite.cell(s, 0).u.i : 0;
    if (good && !first) k->own_changes = driver_sqlite.affected(s);
    driver_sqlite.stmt_done(s);
    return good;
}

static void put_text(char *to, size_t size, val v)
{
    nicol_str s = val_str(v);
    size_t n = s.len < size - 1 ? s.len : size - 1;
    memcpy(to, s.ptr ? s.ptr : "", n);
    to[n] = '\0';
}

static bool read_rows(keys *k, driver_stmt *s, map *by_hash, size_t *count, nicol_error *err)
{
    bool row = false;
    size_t cap = 0;
    k->list = NULL;
    *count = 0;
    while (true) {
        if (!driver_sqlite.step(s, &row, k->work, err)) return false;
        if (!row || *count >= KEYS_MAX) return true;
        held *h = ARENA_NEW(k->a, held);
        if (*count == cap) {
            key_info *grown = arena_grow(k->a, k->list, cap * sizeof *grown, (cap + 64) * sizeof *grown);
            if (!grown) return nicol_fail_oom(err);
            k->list = grown;
            cap += 64;
        }
        if (!h) return nicol_fail_oom(err);
        put_text(h->info.id, sizeof h->info.id, driver_sqlite.cell(s, 0));
        put_text(h->hash, sizeof h->hash, driver_sqlite.cell(s, 1));
        h->info.scopes = (unsigned)driver_sqlite.cell(s, 2).u.i;
        put_text(h->info.label, sizeof h->info.label, driver_sqlite.cell(s, 3));
        h->info.created_ms = driver_sqlite.cell(s, 4).u.i;
        k->list[(*count)++] = h->info;
        if (!map_put(by_hash, str_c(h->hash), h)) return nicol_fail_oom(err);
    }
}

static bool reload(keys *k, nicol_error *err)
{
    arena_reset(k->a);
    map_free(k->by_hash);
    k->n = 0;
    k->by_hash = map_new(k->m, KEYS_MAX);
    if (!k->by_hash) return nicol_fail_oom(err);
    if (!k->c) return true;
    driver_stmt *s = driver_sqlite.prepare(
        k->c, S("SELECT id, hash, scopes, label, created_ms FROM api_key ORDER BY created_ms, id"), k->work, err);
    if (!s) return false;
    size_t n = 0;
    bool good = driver_sqlite.run(s, NULL, NULL, 0, IO_NEVER, k->work, err) && read_rows(k, s, k->by_hash, &n, err);
    driver_sqlite.stmt_done(s);
    k->n = good ? n : 0;
    k->seen |= n > 0;
    k->changes++;
    return good;
}

/* Reads the store anew when somebody has changed it. */
static bool refresh(keys *k, bool now, nicol_error *err)
{
    int64_t t = clock_mono_us();
    if (!now && t - k->looked_us < LOOK_EVERY_US) return true;
    k->looked_us = t;
    arena_reset(k->work);
    if (!connect(k, false, err)) return false;
    int64_t version = 0;
    if (k->c && !run(k, "PRAGMA data_version", NULL, 0, &version, err)) return false;
    if (!now && k->by_hash && version == k->version) return true;
    if (!reload(k, err)) return false;
    k->version = version;
    return true;
}

bool keys_create(keys *k, unsigned scopes, nicol_str label, key_info *info, char text[KEY_TEXT_LEN + 1],
                 nicol_error *err)
{
    if (!connect(k, true, err)) return false;
    if (label.len > 64 || str_utf8_bad(label) != SIZE_MAX) {
        return nicol_fail(err, NICOL_E_USAGE, "a label is at most 64 bytes of UTF-8");
    }
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[KEY_TEXT_LEN - 3 + 6];
    rand_bytes(raw, sizeof raw);
    memcpy(text, "nk_", 3);
    for (size_t i = 0; i < KEY_TEXT_LEN - 3; i++) text[3 + i] = alphabet[raw[i] & 63];
    text[KEY_TEXT_LEN] = '\0';
    *info = (key_info){.scopes = scopes, .created_ms = clock_wall_ms()};
    for (size_t i = 0; i < 6; i++) snprintf(info->id + 2 * i, 3, "%02x", raw[KEY_TEXT_LEN - 3 + i]);
    memcpy(info->label, label.ptr ? label.ptr : "", label.len);
    char hash[65];
    if (!hash_text(str_of(text, KEY_TEXT_LEN), hash))
        return nicol_fail(err, NICOL_E_SYSTEM, "SHA-256 is not available");
    arena_reset(k->work);
    val args[] = {val_text(VAL_STR, str_c(info->id)), val_text(VAL_STR, str_c(hash)), val_int(scopes),
                  val_text(VAL_STR, label), val_int(info->created_ms)};
    return run(k, "INSERT INTO api_key VALUES (?, ?, ?, ?, ?)", args, 5, NULL, err) && refresh(k, true, err);
}

bool keys_revoke(keys *k, nicol_str id, nicol_error *err)
{
    arena_reset(k->work);
    if (!connect(k, false, err) || !k->c) return false;
    val arg = val_text(VAL_STR, id);
    if (!run(k, "DELETE FROM api_key WHERE id = ?", &arg, 1, NULL, err)) return false;
    bool found = k->own_changes > 0;
    return refresh(k, true, err) && found;
}

bool keys_list(keys *k, const key_info **list, size_t *n, nicol_error *err)
{
    if (!refresh(k, true, err)) return false;
    *list = k->list;
    *n = k->n;
    return true;
}

size_t keys_count(keys *k)
{
    nicol_error ignored = {0};
    (void)!refresh(k, false, &ignored);
    return k->n;
}

bool keys_none_ever(keys *k)
{
    nicol_error ignored = {0};
    return refresh(k, false, &ignored) && k->n == 0 && !k->seen;
}

uint64_t keys_changes(const keys *k)
{
    return k->changes;
}

const key_info *keys_find(keys *k, nicol_str text)
{
    nicol_error ignored = {0};
    char hash[65];
    if (!refresh(k, false, &ignored)) return NULL; /* an unreadable store lets nobody in */
    if (text.len == 0 || text.len > 1024 || !hash_text(text, hash)) return NULL;
    const held *h = map_get(k->by_hash, str_c(hash));
    return h ? &h->info : NULL;
}
