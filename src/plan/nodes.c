/* plan/nodes.c - the compiler's constructors of plan nodes and values. Each copies what it is given and passes failure
 * on, so that the parts which build plans read like the plans they build. */
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/num.h"
#include "plan/compile_int.h"

bool cc_oom(cc *c)
{
    c->failed = true;
    return nicol_fail_oom(c->err);
}

#define INPUT_META_BYTES_MAX 8192

/* The plan's arena goes with the failure: what the error points to lives in the request's. */
bool cc_input_error(cc *c, nicol_str details)
{
    bool first = !c->failed && c->err && !err_is(c->err);
    c->failed = true;
    (void)nicol_fail(c->err, NICOL_E_INPUT, "Input error. %.*s", STR_FMT(details));
    if (!first || !c->request) return false;
    buf b;
    buf_init(&b, c->m, INPUT_META_BYTES_MAX);
    buf_lit(&b, "{\"details\":");
    json_put_str(&b, details);
    buf_char(&b, '}');
    if (!buf_failed(&b)) c->err->meta = arena_str(c->request, buf_view(&b));
    buf_free(&b);
    return false;
}

bool cc_enter(cc *c)
{
    if (c->depth++ < NICOL_PLAN_DEPTH_MAX) return true;
    c->failed = true;
    return nicol_fail(c->err, NICOL_E_LIMIT, "The query nests deeper than %d levels", NICOL_PLAN_DEPTH_MAX);
}

void cc_leave(cc *c)
{
    c->depth--;
}

void *cc_zalloc(cc *c, size_t n, size_t size)
{
    if (c->failed) return NULL;
    void *p = arena_array(c->a, n ? n : 1, size);
    if (!p) cc_oom(c);
    return p;
}

static void *copy(cc *c, const void *p, size_t n, size_t size)
{
    void *q = cc_zalloc(c, n, size);
    if (q && n) memcpy(q, p, n * size);
    return q;
}

nicol_str cc_str(cc *c, nicol_str s)
{
    if (c->failed) return (nicol_str){"", 0};
    nicol_str t = arena_str(c->a, s);
    if (t.ptr) return t;
    cc_oom(c);
    return (nicol_str){"", 0};
}

static nicol_str *copy_strs(cc *c, const nicol_str *v, uint32_t n)
{
    nicol_str *out = CC_ARRAY(c, n, nicol_str);
    for (uint32_t i = 0; out && i < n; i++) out[i] = cc_str(c, v[i]);
    return out;
}

nicol_str cc_printf(cc *c, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0) n = 0;
    if ((size_t)n < sizeof text) return cc_str(c, str_of(text, (size_t)n));
    char *p = CC_ARRAY(c, (size_t)n + 1, char);
    if (!p) return (nicol_str){"", 0};
    va_start(args, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    return str_of(p, (size_t)n);
}

uint32_t cc_slot(cc *c)
{
    return c->p->slots_n++;
}

uint32_t cc_site(cc *c)
{
    return c->p->sites_n++;
}

nicol_str cc_alias(cc *c)
{
    for (;;) {
        nicol_str name = cc_printf(c, "t%u", c->aliases++);
        bool taken = false;
        const schema *s = c->op->schema;
        for (size_t i = 0; s && !taken && i < s->models_n; i++) taken = str_ieq(s->models[i].db_name, name);
        if (!taken || c->failed) return name;
    }
}

/* --- values --------------------------------------------------------------------------------------------------------- */

static bool copy_val(cc *c, val v, unsigned depth, val *out)
{
    *out = v;
    if (val_is_text(v)) {
        *out = val_text((val_type)v.type, cc_str(c, val_str(v)));
        out->flags = v.flags;
    } else if (v.type == VAL_LIST) {
        if (depth > NICOL_JSON_DEPTH_MAX) {
            c->failed = true;
            return nicol_fail(c->err, NICOL_E_LIMIT, "A list value nests too deeply");
        }
        val *items = CC_ARRAY(c, v.n, val);
        for (uint32_t i = 0; items && i < v.n; i++) {
            if (!copy_val(c, v.u.list[i], depth + 1, &items[i])) return false;
        }
        out->u.list = items;
    }
    return !c->failed;
}

pval cc_const(cc *c, val v)
{
    pval p = {.kind = PVAL_CONST};
    if (!copy_val(c, v, 0, &p.c)) p.c = val_null();
    return p;
}

pval cc_int(int64_t n)
{
    return (pval){.kind = PVAL_CONST, .c = val_int(n)};
}

pval cc_null(void)
{
    return (pval){.kind = PVAL_CONST, .c = val_null()};
}

pval cc_text(cc *c, nicol_str s)
{
    return (pval){.kind = PVAL_CONST, .c = val_text(VAL_STR, cc_str(c, s))};
}

pval cc_param(uint32_t param)
{
    return (pval){.kind = PVAL_PARAM, .slot = param};
}

pval cc_var(cc *c, uint32_t slot, nicol_str name)
{
    return (pval){.kind = PVAL_VAR, .slot = slot, .name = cc_str(c, name)};
}

pval cc_generator(cc *c, plan_generator g, const pval *items, uint32_t n, uint32_t len)
{
    pval p = {.kind = PVAL_GENERATOR, .gen = (uint8_t)g, .n = n ? n : len};
    p.items = copy(c, items, n, sizeof *items);
    return p;
}

pval cc_list(cc *c, const pval *items, uint32_t n)
{
    pval p = {.kind = PVAL_LIST, .n = n};
    p.items = copy(c, items, n, sizeof *items);
    return p;
}

pval cc_value_of(cc *c, const query_value *v)
{
    switch (v->kind) {
    case QVAL_PARAM:
        return cc_param(v->param);
    case QVAL_NULL:
    case QVAL_ANY_NULL:
        return cc_null();
    case QVAL_JSON_NULL:
        return (pval){.kind = PVAL_CONST, .c = val_text(VAL_JSON, NICOL_STR("null"))};
    case QVAL_FIELD:
        break;
    }
    c->failed = true;
    nicol_fail(c->err, NICOL_E_UNSUPPORTED, "A reference to another field can't be used as a value here");
    return cc_null();
}

plan_arg_type cc_scalar(scalar_type t)
{
    return (plan_arg_type){.scalar = t};
}

plan_arg_type cc_type_item(cc *c, const schema_field *f)
{
    plan_arg_type t = {.scalar = f->kind == FIELD_ENUM ? SCALAR_ENUM : f->type};
    if (f->native && c->dialect != DIALECT_SQLITE) t.db_type = cc_str(c, f->native->name);
    return t;
}

plan_arg_type cc_type(cc *c, const schema_field *f)
{
    plan_arg_type t = cc_type_item(c, f);
    t.list = f->arity == ARITY_LIST;
    return t;
}

/* --- nodes ---------------------------------------------------------------------------------------------------------- */

static plan_node *node(cc *c, plan_type type)
{
    if (c->failed) return NULL;
    if (++c->nodes > NICOL_PLAN_NODES_MAX) {
        c->failed = true;
        nicol_fail(c->err, NICOL_E_LIMIT, "The query needs more than %d steps: split it", NICOL_PLAN_NODES_MAX);
        return NULL;
    }
    plan_node *n = CC_NEW(c, plan_node);
    if (n) n->type = type;
    return n;
}

const plan_node *cc_value(cc *c, pval v)
{
    plan_node *n = node(c, PLAN_VALUE);
    if (n) n->u.value = v;
    return n;
}

const plan_node *cc_unit(cc *c)
{
    return node(c, PLAN_UNIT);
}

const plan_node *cc_get(cc *c, uint32_t slot)
{
    plan_node *n = node(c, PLAN_GET);
    if (n) n->u.get.slot = slot;
    return n;
}

const plan_node *cc_first(cc *c, const uint32_t *slots, uint32_t n)
{
    plan_node *x = node(c, PLAN_GET_FIRST);
    if (!x) return NULL;
    x->u.first.slots = copy(c, slots, n, sizeof *slots);
    x->u.first.n = n;
    return x->u.first.slots ? x : NULL;
}

plan_binding cc_bind(uint32_t slot, nicol_str name, const plan_node *expr)
{
    return (plan_binding){slot, name, expr};
}

const plan_node *cc_let(cc *c, const plan_binding *v, uint32_t n, const plan_node *expr)
{
    if (n == 0 || !expr) return expr;
    plan_node *x = node(c, PLAN_LET);
    if (!x) return NULL;
    plan_binding *b = copy(c, v, n, sizeof *v);
    for (uint32_t i = 0; b && i < n; i++) b[i].name = cc_str(c, b[i].name);
    x->u.let.v = b;
    x->u.let.n = n;
    x->u.let.expr = expr;
    return b ? x : NULL;
}

const plan_node *cc_let1(cc *c, uint32_t slot, nicol_str name, const plan_node *value, const plan_node *expr)
{
    plan_binding b = cc_bind(slot, name, value);
    return cc_let(c, &b, 1, expr);
}

static const plan_node *list_node(cc *c, plan_type type, const plan_node *const *v, uint32_t n)
{
    plan_node *x = node(c, type);
    if (!x) return NULL;
    x->u.list.v = copy(c, v, n, sizeof *v);
    x->u.list.n = n;
    return x->u.list.v ? x : NULL;
}

const plan_node *cc_seq(cc *c, const plan_node *const *v, uint32_t n)
{
    return list_node(c, PLAN_SEQ, v, n);
}

const plan_node *cc_concat(cc *c, const plan_node *const *v, uint32_t n)
{
    return list_node(c, PLAN_CONCAT, v, n);
}

const plan_node *cc_sum(cc *c, const plan_node *const *v, uint32_t n)
{
    return list_node(c, PLAN_SUM, v, n);
}

static const plan_node *one_node(cc *c, plan_type type, const plan_node *x)
{
    plan_node *n = node(c, type);
    if (n) n->u.one = x;
    return n;
}

const plan_node *cc_unique(cc *c, const plan_node *x)
{
    return one_node(c, PLAN_UNIQUE, x);
}

const plan_node *cc_required(cc *c, const plan_node *x)
{
    return one_node(c, PLAN_REQUIRED, x);
}

const plan_node *cc_reverse(cc *c, const plan_node *x)
{
    return one_node(c, PLAN_REVERSE, x);
}

const plan_node *cc_transaction(cc *c, const plan_node *x)
{
    c->p->writes = true;
    return one_node(c, PLAN_TRANSACTION, x);
}

const plan_node *cc_map_field(cc *c, nicol_str column, const plan_node *records)
{
    plan_node *n = node(c, PLAN_MAP_FIELD);
    if (!n) return NULL;
    n->u.map_field.field = cc_str(c, column);
    n->u.map_field.records = records;
    n->u.map_field.site = cc_site(c);
    return n;
}

const plan_node *cc_join(cc *c, const plan_node *parent, const plan_join_child *v, uint32_t n)
{
    if (n == 0) return parent;
    plan_node *x = node(c, PLAN_JOIN);
    if (!x) return NULL;
    plan_join_child *k = copy(c, v, n, sizeof *v);
    for (uint32_t i = 0; k && i < n; i++) {
        k[i].on_parent = copy_strs(c, v[i].on_parent, v[i].on_n);
        k[i].on_child = copy_strs(c, v[i].on_child, v[i].on_n);
        k[i].field = cc_str(c, v[i].field);
    }
    x->u.join.parent = parent;
    x->u.join.v = k;
    x->u.join.n = n;
    x->u.join.strict = true;
    x->u.join.site = cc_site(c);
    return k ? x : NULL;
}

const plan_node *cc_diff(cc *c, const plan_node *from, const plan_node *to, const nicol_str *columns, uint32_t n)
{
    plan_node *x = node(c, PLAN_DIFF);
    if (!x) return NULL;
    x->u.diff.from = from;
    x->u.diff.to = to;
    x->u.diff.fields = copy_strs(c, columns, n);
    x->u.diff.n = n;
    return x;
}

const plan_node *cc_if(cc *c, const plan_node *value, plan_rule rule, const plan_node *then, const plan_node *otherwise)
{
    plan_node *x = node(c, PLAN_IF);
    if (!x) return NULL;
    x->u.cond.value = value;
    x->u.cond.rule = rule;
    x->u.cond.then = then;
    x->u.cond.otherwise = otherwise;
    return x;
}

static void put_member(buf *b, const char *name, nicol_str text)
{
    if (text.len == 0) return;
    buf_char(b, b->len ? ',' : '{');
    json_put_str(b, str_c(name));
    buf_char(b, ':');
    json_put_str(b, text);
}

/* The members that clients of version 7 find in `meta`, by the names that the validate node's context has. */
static bool context_json(cc *c, plan_context *x)
{
    buf b;
    buf_init(&b, c->m, (size_t)1 << 20);
    put_member(&b, "model", x->model);
    put_member(&b, "relation", x->relation);
    put_member(&b, "relationType", x->relation_type);
    put_member(&b, "operation", x->operation);
    put_member(&b, "neededFor", x->needed_for);
    if (x->relation_type.len && x->operation.len && !x->needed_for.len) buf_lit(&b, ",\"neededFor\":null");
    put_member(&b, "modelA", x->model_a);
    put_member(&b, "modelB", x->model_b);
    put_member(&b, "parent", x->parent);
    put_member(&b, "child", x->child);
    if (x->expected_rows) {
        buf_char(&b, b.len ? ',' : '{');
        buf_lit(&b, "\"expectedRows\":");
        buf_i64(&b, x->expected_rows);
    }
    if (b.len == 0) buf_char(&b, '{');
    buf_char(&b, '}');
    bool good = !buf_failed(&b);
    if (good) x->json = cc_str(c, buf_view(&b));
    else cc_oom(c);
    buf_free(&b);
    return good;
}

static nicol_str violation_name(plan_violation v)
{
    switch (v) {
    case VIOLATION_RELATION:
        return NICOL_STR("RELATION_VIOLATION");
    case VIOLATION_NOT_CONNECTED:
        return NICOL_STR("RECORDS_NOT_CONNECTED");
    case VIOLATION_CONNECT_OUTPUT:
        return NICOL_STR("INCOMPLETE_CONNECT_OUTPUT");
    case VIOLATION_MISSING_RECORD:
        return NICOL_STR("MISSING_RECORD");
    case VIOLATION_MISSING_RELATED:
        return NICOL_STR("MISSING_RELATED_RECORD");
    case VIOLATION_CONNECT_INPUT:
        return NICOL_STR("INCOMPLETE_CONNECT_INPUT");
    case VIOLATION_UNKNOWN:
        break;
    }
    return NICOL_STR("UNKNOWN");
}

const plan_node *cc_validate(cc *c, const plan_node *x, plan_rule rule, plan_violation v, const plan_context *ctx)
{
    plan_node *n = node(c, PLAN_VALIDATE);
    plan_context *k = CC_NEW(c, plan_context);
    if (!n || !k) return NULL;
    *k = (plan_context){.operation = cc_str(c, ctx->operation),
                        .model = cc_str(c, ctx->model),
                        .relation = cc_str(c, ctx->relation),
                        .relation_type = cc_str(c, ctx->relation_type),
                        .needed_for = cc_str(c, ctx->needed_for),
                        .model_a = cc_str(c, ctx->model_a),
                        .model_b = cc_str(c, ctx->model_b),
                        .parent = cc_str(c, ctx->parent),
                        .child = cc_str(c, ctx->child),
                        .expected_rows = ctx->expected_rows};
    if (!context_json(c, k)) return NULL;
    n->u.validate.expr = x;
    n->u.validate.rules = copy(c, &rule, 1, sizeof rule);
    n->u.validate.n = 1;
    n->u.validate.violation = v;
    n->u.validate.violation_name = violation_name(v);
    n->u.validate.context = k;
    return n->u.validate.rules ? n : NULL;
}

const plan_node *cc_process(cc *c, const plan_node *x, const plan_ops *ops)
{
    plan_node *n = node(c, PLAN_PROCESS);
    if (!n) return NULL;
    n->u.process.expr = x;
    n->u.process.ops = ops;
    return n;
}

const plan_node *cc_data_map(cc *c, const plan_node *x, const plan_shape *shape)
{
    plan_node *n = node(c, PLAN_DATA_MAP);
    if (!n) return NULL;
    n->u.data_map.expr = x;
    n->u.data_map.shape = shape;
    return n;
}

static const plan_node *record_node(cc *c, plan_type type, const plan_node *x, const plan_init_field *v, uint32_t n)
{
    plan_node *k = node(c, type);
    if (!k) return NULL;
    plan_init_field *f = copy(c, v, n, sizeof *v);
    for (uint32_t i = 0; f && i < n; i++) f[i].name = cc_str(c, v[i].name);
    k->u.record.expr = x;
    k->u.record.v = f;
    k->u.record.n = n;
    return f ? k : NULL;
}

const plan_node *cc_init_record(cc *c, const plan_node *x, const plan_init_field *v, uint32_t n)
{
    return record_node(c, PLAN_INIT_RECORD, x, v, n);
}

const plan_node *cc_map_record(cc *c, const plan_node *x, const plan_init_field *v, uint32_t n)
{
    return record_node(c, PLAN_MAP_RECORD, x, v, n);
}
