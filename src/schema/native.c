/* schema/native.c - native types: one row per provider and type. */
#include "schema/schema_int.h"

nicol_str native_text(sc_ctx *c, const field_info *f)
{
    return f->a_native == NULL ? (nicol_str){0} : ctx_text(c, "%.*s", STR_FMT(f->f->native));
}

native_key native_key_use(const sc_ctx *c, const field_info *f)
{
    (void)c;
    (void)f;
    return NATIVE_KEY_OK;
}

void native_check(sc_ctx *c, field_info *f)
{
    (void)c;
    (void)f;
}

void native_unsupported_check(sc_ctx *c, const field_info *f)
{
    (void)c;
    (void)f;
}
