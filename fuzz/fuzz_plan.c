/* Any JSON as a query plan: the reader refuses or reads it, and what it read can be printed and freed. */
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 20) return 0;
    arena *a = arena_new(mem_default, 64 << 20);
    json_doc doc;
    nicol_error err = {0};
    if (a && json_parse(a, str_of((const char *)data, size), NICOL_JSON_DEPTH_MAX, &doc, &err)) {
        json_val root = json_root(&doc), node = json_get(root, S("plan"));
        plan *p = plan_read(json_present(node) ? node : root, mem_default, &err);
        if (p) {
            buf out;
            buf_init(&out, mem_default, 64 << 20);
            plan_print(p, &out);
            buf_free(&out);
            val *params = ARENA_ARRAY(a, p->params_n ? p->params_n : 1, val);
            err_clear(&err);
            if (params && !plan_take_params(p, json_get(root, S("params")), a, params, &err) && !err_is(&err))
                __builtin_trap();
            plan_free(p);
        } else if (!err_is(&err)) {
            __builtin_trap();
        }
    }
    arena_free(a);
    return 0;
}
