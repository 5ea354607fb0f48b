/* config/keys.h - API keys: made once, shown once, kept only as a hash.
 *
 * They live in `nicol.db` in the state folder, so that the command line and a running server share them: the server sees
 * a new or revoked key within a second. A key is "nk_" and 43 characters of 32 random bytes; what is kept is its SHA-256.
 * One object belongs to one thread.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "base/err.h"

enum { KEY_QUERY = 1, KEY_STREAM = 2, KEY_INVALIDATE = 4, KEY_ADMIN = 8 };
#define KEY_TEXT_LEN 46
#define KEYS_MAX 10000

typedef struct keys keys;
typedef struct key_info {
    char id[13];     /* 12 hex digits: names the key in lists and logs */
    unsigned scopes; /* KEY_... bits */
    char label[65];
    int64_t created_ms; /* Unix milliseconds */
} key_info;

/* Opens the store in `state_dir`. create: makes the folder and file when they are missing; otherwise a missing store is
 * one without keys. NULL: *err. */
keys *keys_open(const char *state_dir, bool create, const mem *m, nicol_error *err) NICOL_MUST_CHECK;
void keys_close(keys *k);
/* Makes a key; text gets KEY_TEXT_LEN characters and a NUL. The only time that the key itself is seen. */
bool keys_create(keys *k, unsigned scopes, nicol_str label, key_info *info, char text[KEY_TEXT_LEN + 1],
                 nicol_error *err) NICOL_MUST_CHECK;
/* False with *err empty when no key has that id. */
bool keys_revoke(keys *k, nicol_str id, nicol_error *err) NICOL_MUST_CHECK;
/* The keys in order of creation, borrowed until the next call. */
bool keys_list(keys *k, const key_info **list, size_t *n, nicol_error *err) NICOL_MUST_CHECK;
size_t keys_count(keys *k);
/* True while the store can be read and has never held a key: only then may a server be open to everybody. With its last
 * key revoked a server is closed, not open. */
bool keys_none_ever(keys *k);
/* Grows when the store has changed: who got in by a key may have to go. */
uint64_t keys_changes(const keys *k);
/* The key with this text, or NULL. Looks at the store again when it has changed (at most five times a second). The
 * comparison is of hashes, so that its time tells nothing. */
const key_info *keys_find(keys *k, nicol_str text);

/* "query,stream" to bits; false on an unknown word. */
bool keys_scopes_parse(nicol_str s, unsigned *scopes, nicol_error *err) NICOL_MUST_CHECK;
void keys_scopes_print(unsigned scopes, char out[64]);

#endif
