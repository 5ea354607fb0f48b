/* Any plan, run: {"plan": ..., "params": ...} on a small database in memory. Whatever a client sends, a run gives a result
 * that is JSON, or an error, and leaves no transaction open. */
#include "exec/exec.h"

static exec *database(void)
{
    nicol_error err = {0};
    exec_opts o = {.db = {.url = S("file::memory:")}, .statement_timeout_us = 20000, .result_bytes_max = 1 << 20};
    return exec_open(&o, &err);
}

static void run(exec *e, json_val root, plan *p, arena *a)
{
    nicol_error err = {0};
    bool has = false;
    buf out;
    json_doc doc;
    val *params = ARENA_ARRAY(a, p->params_n ? p->params_n : 1, val);
    buf_init(&out, mem_default, 2 << 20);
    exec_request rq = {.plan = p, .params = params, .a = a, .deadline_us = IO_NEVER};
    bool good = params && plan_take_params(p, json_get(root, S("params")), a, params, &err) &&
                exec_run(e, &rq, &out, &has, &err);
    if (!good && params && !err_is(&err)) __builtin_trap();
    if (!good && out.len) __builtin_trap();
    /* The reader is stricter in depth than a result may be deep. */
    if (good && has && !json_parse(a, buf_view(&out), NICOL_JSON_DEPTH_MAX, &doc, &err) && err.code == NICOL_E_BAD_JSON)
        __builtin_trap();
    exec_figures f;
    exec_get_figures(e, &f);
    if (f.tx_open) __builtin_trap();
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16) return 0;
    arena *a = arena_new(mem_default, 32 << 20);
    exec *e = database();
    json_doc doc;
    nicol_error err = {0};
    if (a && e && json_parse(a, str_of((const char *)data, size), NICOL_JSON_DEPTH_MAX, &doc, &err)) {
        plan *p = plan_read(json_get(json_root(&doc), S("plan")), mem_default, &err);
        if (p) run(e, json_root(&doc), p, a);
        if (p) run(e, json_root(&doc), p, a); /* with what it has learnt */
        plan_free(p);
    }
    exec_close(e);
    arena_free(a);
    return 0;
}
