/* fuzz/fuzz_settings.c - hostile text as a configuration file.
 *
 * Whatever comes in: settings or errors; every error lies within the text and can be shown; what is accepted is within
 * the table's ranges.
 */
#include <stdlib.h>

#include "config/settings.h"

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    return strlen(name) % 2 ? "64KB" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    MUST(a != NULL);
    /* A copy of just this length, so that reading past its end is seen. */
    char *copy = malloc(size + (size == 0));
    MUST(copy != NULL);
    if (size != 0) memcpy(copy, data, size);
    schema_file file = {S("dir/nicol.conf"), {copy, size}};
    config_opts opts = {.env = env};
    config_settings s;
    schema_diags diags;
    nicol_error err = {0};
    config_initial(&s);
    bool good = config_file(&s, &file, &opts, a, &diags, &err);
    MUST(good == (err.code == NICOL_E_OK));
    MUST(good == (diags.n == 0) || err.code == NICOL_E_LIMIT);
    buf b;
    buf_init(&b, mem_default, (size_t)64 << 20);
    for (size_t i = 0; i < diags.n; i++) {
        const schema_diag *d = &diags.v[i];
        MUST(!d->warning && d->start <= d->end && d->end <= size + 1 && d->message.len > 0);
        if (i < 16) schema_diag_render(&file, d, true, &b);
    }
    for (size_t i = 0; good && i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        if (r->type != CONFIG_COUNT && r->type != CONFIG_MS && r->type != CONFIG_SIZE) continue;
        int64_t n;
        memcpy(&n, (const char *)&s + r->at, sizeof n);
        MUST((n >= r->min && n <= r->max) || (n == 0 && r->initial == NULL));
    }
    buf_free(&b);
    arena_free(a);
    free(copy);
    return 0;
}
