/* The map against a plain array, under faults, and at its limit. */
#include "base/map.h"

#include "tap.h"

#define KEYS 2000

static char names[KEYS][8];

static nicol_str key_of(size_t i)
{
    return str_c(names[i]);
}

static void test_faults(void)
{
    FOR_EACH_FAULT(m, "map: put, get, delete") {
        map *h = map_new(m, 200);
        if (!h) continue;
        size_t in = 0;
        for (size_t i = 0; i < 200; i++) {
            size_t before = map_len(h);
            if (map_put(h, key_of(i), names[i])) in++;
            else ok(map_len(h) == before && !map_get(h, key_of(i)), "a failed put changes nothing");
        }
        ok(map_len(h) == in && (in == 200) == !tap_faulted(m), "all in");
        for (size_t i = 0; i < 200; i++) ok(!map_get(h, key_of(i)) || map_get(h, key_of(i)) == names[i]);
        if (in == 200) ok(!map_put(h, key_of(200), names[0]) && map_len(h) == 200, "one past the limit");
        if (in == 200)
            ok(map_put(h, key_of(5), names[9]) && map_get(h, key_of(5)) == names[9], "replacing is no growth");
        map_free(h);
    }
    map_free(NULL);
}

/* Random puts and deletes; an array says what must be there. Finds a wrong backward shift quickly. */
static void test_model(void)
{
    map *h = map_new(mem_default, KEYS);
    void *want[KEYS] = {0};
    uint64_t state = 88172645463325252u;
    size_t len = 0;
    bool right = true;
    for (int step = 0; step < 200000; step++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size_t i = state % (step % 3 ? KEYS : 50);
        if (state >> 60 & 1) {
            right = right && map_put(h, key_of(i), names[state >> 32 & 127]);
            len += !want[i];
            want[i] = names[state >> 32 & 127];
        } else {
            right = right && map_del(h, key_of(i)) == want[i];
            len -= want[i] != NULL;
            want[i] = NULL;
        }
        size_t j = (state >> 20) % KEYS;
        right = right && map_get(h, key_of(j)) == want[j] && map_len(h) == len;
    }
    ok(right, "200000 steps like the model");
    size_t pos = 0, seen = 0;
    nicol_str key;
    void *value;
    while (map_next(h, &pos, &key, &value)) {
        size_t i = (size_t)atoi(key.ptr + 1);
        right = right && want[i] == value;
        seen++;
    }
    ok(right && seen == len, "iteration sees each entry once");
    map_free(h);
}

static void test_edges(void)
{
    map *h = map_new(mem_default, 10);
    ok(!map_get(h, S("a")) && !map_del(h, S("a")) && map_len(h) == 0, "empty");
    size_t pos = 0;
    nicol_str key;
    void *value;
    ok(!map_next(h, &pos, &key, &value));
    ok(!map_put(h, S("a"), NULL), "NULL is no value");
    ok(map_put(h, S(""), names) && map_get(h, (nicol_str){NULL, 0}) == (void *)names, "the empty key");
    ok(map_put(h, (nicol_str){"a\0b", 3}, names[1]) && !map_get(h, (nicol_str){"a\0c", 3}), "NUL in a key");
    map_free(h);
    h = map_new(mem_default, 0);
    ok(h && !map_put(h, S("a"), names), "limit 0");
    map_free(h);
    ok(hash_bytes("abc", 3, 1) != hash_bytes("abc", 3, 2), "the seed counts");
    ok(hash_bytes("abc", 3, 0) == 0x78af5f94892f3950u, "XXH3's published value");
    hash128 x = hash_bytes128("abc", 3, 0), y = hash_bytes128("abd", 3, 0);
    ok(x.lo != y.lo && x.hi != y.hi);
    (void)hash_bytes(NULL, 0, 0);
}

static void test_reserve(void)
{
    FOR_EACH_FAULT(m, "room in advance") {
        map *h = map_new(m, SIZE_MAX);
        if (!h) continue;
        if (map_reserve(h, KEYS)) {
            bool right = true;
            for (size_t i = 0; i < KEYS; i++) right = map_put(h, key_of(i), names[i]) && right;
            ok(right && map_len(h) == KEYS, "everything comes in without more memory");
            ok(map_reserve(h, 1) && map_get(h, key_of(KEYS - 1)) == (void *)names[KEYS - 1], "a table never shrinks");
        } else {
            ok(map_len(h) == 0 && !map_reserve(h, SIZE_MAX / 2), "no room is no harm");
        }
        map_free(h);
    }
}

int main(void)
{
    for (size_t i = 0; i < KEYS; i++) snprintf(names[i], sizeof names[i], "k%zu", i);
    test_faults();
    test_model();
    test_edges();
    test_reserve();
    return done_testing();
}
