/* API keys: made, found, revoked, shared between processes, with every allocation failing in turn. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/keys.h"
#include "tap.h"

static char dir[] = "/tmp/nicol-test-keys-XXXXXX";

/* A clock that the test moves: the store looks at its file only so often. */
static int64_t now_us = 1000000;
static int64_t mono(void *ctx)
{
    (void)ctx;
    return now_us += 1000;
}
static int64_t wall(void *ctx)
{
    (void)ctx;
    return 1767225600000 + now_us / 1000;
}

static void remove_store(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/s/nicol.db%s", dir, ends[i]);
        unlink(path);
    }
}

static void test_scopes(void)
{
    unsigned bits = 0;
    char text[64];
    nicol_error err = {0};
    ok(keys_scopes_parse(S("query, admin"), &bits, &err) && bits == (KEY_QUERY | KEY_ADMIN));
    keys_scopes_print(bits, text);
    is_z(text, "query,admin");
    ok(!keys_scopes_parse(S("query,root"), &bits, &err) && str_find(err.message, S("'root'"), 0) != SIZE_MAX,
       "the unknown word is named");
    err_clear(&err);
    ok(!keys_scopes_parse(S(""), &bits, &err), "a key needs a scope");
}

static void test_life(const char *state)
{
    nicol_error err = {0};
    keys *none = keys_open(state, false, NULL, &err);
    ok(none && keys_count(none) == 0 && !keys_find(none, S("nk_x")), "no store: no keys");
    keys *k = keys_open(state, true, NULL, &err);
    char text[KEY_TEXT_LEN + 1], other[KEY_TEXT_LEN + 1];
    key_info info, second;
    ok(k && keys_create(k, KEY_QUERY, S("first"), &info, text, &err), "create");
    ok(strlen(text) == KEY_TEXT_LEN && strncmp(text, "nk_", 3) == 0 && strlen(info.id) == 12);
    const key_info *found = keys_find(k, str_c(text));
    ok(found && strcmp(found->id, info.id) == 0 && found->scopes == KEY_QUERY);
    text[10] = text[10] == 'A' ? 'B' : 'A';
    ok(!keys_find(k, str_c(text)) && !keys_find(k, S("")), "another text is no key");
    ok(keys_create(k, KEY_ADMIN, S("second"), &second, other, &err));
    const key_info *list = NULL;
    size_t n = 0;
    ok(keys_list(k, &list, &n, &err) && n == 2 && strcmp(list[0].label, "first") == 0 &&
       strcmp(list[1].label, "second") == 0);
    ok(!keys_create(k, KEY_QUERY,
                    (nicol_str){"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 65}, &info, text,
                    &err));
    err_clear(&err);
    /* `none` was opened before there was a file: it sees the keys of the other one within its looking time. */
    now_us += 1000000;
    ok(keys_find(none, str_c(other)) != NULL, "a running server sees a new key");
    ok(keys_revoke(k, str_c(second.id), &err) && !keys_find(k, str_c(other)), "revoked");
    now_us += 1000000;
    ok(!keys_find(none, str_c(other)) && keys_count(none) == 1, "a running server sees that too");
    ok(!keys_revoke(k, S("nope"), &err) && err.code == NICOL_E_OK,
       "an id that is not there is no error, only not found");
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/nicol.db", state);
    ok(stat(path, &st) == 0 && (st.st_mode & 077) == 0, "nobody else reads the store");
    keys_close(k);
    keys_close(none);
    keys_close(NULL);
}

static void test_faults(const char *state)
{
    FOR_EACH_FAULT(m, "keys: open, create, find, revoke") {
        nicol_error err = {0};
        char text[KEY_TEXT_LEN + 1];
        key_info info;
        remove_store();
        keys *k = keys_open(state, true, m, &err);
        ok(k || err.code != NICOL_E_OK);
        if (k && keys_create(k, KEY_QUERY, S("x"), &info, text, &err)) {
            now_us += 1000000;
            const key_info *found = keys_find(k, str_c(text));
            ok(found || tap_faulted(m), "found");
            ok(keys_revoke(k, str_c(info.id), &err) || tap_faulted(m), "revoked");
        }
        keys_close(k);
    }
}

int main(void)
{
    char state[64];
    if (!mkdtemp(dir)) return 1;
    snprintf(state, sizeof state, "%s/s", dir);
    clock_set(&(clock_src){.mono_us = mono, .wall_ms = wall});
    test_scopes();
    test_life(state);
    remove_store();
    test_faults(state);
    remove_store();
    rmdir(state);
    rmdir(dir);
    clock_set(NULL);
    return done_testing();
}
