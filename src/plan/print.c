/* plan/print.c - a plan as text for people: one node a line, indented by its depth. */
#include "plan/plan.h"

#define DEPTH_SHOWN 64 /* deeper nodes are told by "..." */

static const char *const names[PLAN_N] = {
    [PLAN_VALUE] = "value",
    [PLAN_UNIT] = "unit",
    [PLAN_GET] = "get",
    [PLAN_GET_FIRST] = "first",
    [PLAN_LET] = "let",
    [PLAN_SEQ] = "seq",
    [PLAN_CONCAT] = "concat",
    [PLAN_SUM] = "sum",
    [PLAN_UNIQUE] = "unique",
    [PLAN_REQUIRED] = "required",
    [PLAN_REVERSE] = "reverse",
    [PLAN_MAP_FIELD] = "mapField",
    [PLAN_JOIN] = "join",
    [PLAN_DIFF] = "diff",
    [PLAN_IF] = "if",
    [PLAN_VALIDATE] = "validate",
    [PLAN_PROCESS] = "process",
    [PLAN_DATA_MAP] = "dataMap",
    [PLAN_INIT_RECORD] = "initializeRecord",
    [PLAN_MAP_RECORD] = "mapRecord",
    [PLAN_QUERY] = "query",
    [PLAN_EXECUTE] = "execute",
    [PLAN_TRANSACTION] = "transaction",
};
static const char *const generators[GEN_N] = {
    [GEN_NOW] = "now",     [GEN_UUID4] = "uuid4", [GEN_UUID7] = "uuid7",   [GEN_CUID] = "cuid",
    [GEN_CUID2] = "cuid2", [GEN_ULID] = "ulid",   [GEN_NANOID] = "nanoid", [GEN_PRODUCT] = "product",
};
static const char *const rules[] = {[RULE_COUNT_EQ] = "count =",
                                    [RULE_COUNT_NEQ] = "count <>",
                                    [RULE_AFFECTED_EQ] = "affected =",
                                    [RULE_NEVER] = "never"};

typedef struct printer {
    const plan *p;
    buf *out;
    bool bare; /* without constants, which may be a user's values */
} printer;

static void put_node(printer *w, const plan_node *n, unsigned depth, const char *label);

static void indent(printer *w, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) buf_lit(w->out, "  ");
}

/* Text on one line, cut when long. */
static void put_text(printer *w, nicol_str s, size_t max)
{
    for (size_t i = 0; i < s.len && i < max; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        buf_char(w->out, c < 0x20 ? ' ' : (char)c);
    }
    if (s.len > max) buf_lit(w->out, "...");
}

static void put_val(printer *w, val v)
{
    switch ((val_type)v.type) {
    case VAL_UNDEF:
        buf_lit(w->out, "undefined");
        return;
    case VAL_NULL:
        buf_lit(w->out, "null");
        return;
    case VAL_BOOL:
        buf_str(w->out, v.u.i ? S("true") : S("false"));
        return;
    case VAL_INT:
        buf_i64(w->out, v.u.i);
        return;
    case VAL_FLOAT:
        json_put_f64(w->out, v.u.f);
        return;
    case VAL_DATETIME:
        buf_printf(w->out, "datetime %lld", (long long)v.u.i);
        return;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
        buf_char(w->out, '\'');
        put_text(w, val_str(v), 60);
        buf_char(w->out, '\'');
        return;
    case VAL_BYTES:
        buf_printf(w->out, "%u bytes", v.n);
        return;
    case VAL_LIST:
        buf_printf(w->out, "list of %u", v.n);
        return;
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    buf_lit(w->out, "rows");
}

static void put_pval(printer *w, const pval *v, unsigned depth)
{
    switch ((pval_kind)v->kind) {
    case PVAL_CONST:
        if (w->bare && !val_is_nullish(v->c)) buf_char(w->out, '?');
        else put_val(w, v->c);
        return;
    case PVAL_PARAM:
        buf_printf(w->out, ":%u", v->slot);
        return;
    case PVAL_VAR:
        buf_printf(w->out, "$%u", v->slot);
        return;
    case PVAL_GENERATOR:
        buf_printf(w->out, "%s()", v->gen < GEN_N ? generators[v->gen] : "?");
        return;
    case PVAL_LIST:
        buf_char(w->out, '[');
        for (uint32_t i = 0; i < v->n && i < 10 && depth < 4; i++) {
            if (i) buf_lit(w->out, ", ");
            put_pval(w, &v->items[i], depth + 1);
        }
        buf_str(w->out, v->n > 10 || depth >= 4 ? S(", ...]") : S("]"));
        return;
    }
}

static void put_slot(printer *w, uint32_t slot)
{
    if (slot == PLAN_NO_SLOT) buf_lit(w->out, "unbound");
    else if (slot & PLAN_PARAM_SLOT) buf_printf(w->out, ":%u", slot & ~PLAN_PARAM_SLOT);
    else buf_printf(w->out, "$%u", slot);
}

static void put_names(printer *w, const nicol_str *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_char(w->out, ',');
        put_text(w, v[i], 60);
    }
}

static void put_stmt(printer *w, const plan_stmt *s)
{
    buf_str(w->out, s->raw ? S(" raw") : S(""));
    buf_str(w->out, s->reads ? S(" reads: ") : S(": "));
    if (s->sql.len) put_text(w, s->sql, 2000);
    for (uint32_t i = 0; s->sql.len == 0 && i < s->frags_n; i++) {
        if (s->frags[i].type == FRAG_TEXT) put_text(w, s->frags[i].text, 2000);
        else buf_str(w->out, s->frags[i].type == FRAG_PARAM ? S("?") : S("(?...)"));
    }
    buf_lit(w->out, " [");
    for (uint32_t i = 0; i < s->args_n && i < 20; i++) {
        if (i) buf_lit(w->out, ", ");
        put_pval(w, &s->args[i], 0);
    }
    buf_str(w->out, s->args_n > 20 ? S(", ...]\n") : S("]\n"));
}

static void put_join(printer *w, const plan_node *n, unsigned depth)
{
    buf_str(w->out, n->u.join.strict ? S("\n") : S(" (coerced)\n"));
    put_node(w, n->u.join.parent, depth, "parent: ");
    for (uint32_t i = 0; i < n->u.join.n; i++) {
        const plan_join_child *c = &n->u.join.v[i];
        indent(w, depth);
        put_text(w, c->field, 80);
        buf_str(w->out, c->unique ? S(" (one) on ") : S(" on "));
        put_names(w, c->on_parent, c->on_n);
        buf_lit(w->out, " = ");
        put_names(w, c->on_child, c->on_n);
        buf_char(w->out, '\n');
        put_node(w, c->child, depth + 1, "");
    }
}

static void put_ops(printer *w, const plan_ops *o)
{
    if (o->has_cursor) {
        buf_lit(w->out, " cursor ");
        put_names(w, o->cursor_fields, o->cursor_n);
    }
    if (o->has_skip) buf_printf(w->out, " skip %lld", (long long)o->skip);
    if (o->has_take) buf_printf(w->out, " take %lld", (long long)o->take);
    if (o->has_distinct) {
        buf_lit(w->out, " distinct ");
        put_names(w, o->distinct, o->distinct_n);
    }
    if (o->has_linking) {
        buf_lit(w->out, " per ");
        put_names(w, o->linking, o->linking_n);
    }
    if (o->reverse) buf_lit(w->out, " reversed");
    if (o->nested_n) buf_printf(w->out, " nested %u", o->nested_n);
    buf_char(w->out, '\n');
}

static void put_shape(printer *w, const plan_shape *s)
{
    if (s->type == SHAPE_AFFECTED) buf_lit(w->out, " count");
    if (s->type == SHAPE_FIELD) {
        buf_char(w->out, ' ');
        put_text(w, s->db_name, 60);
    }
    if (s->type == SHAPE_OBJECT) {
        buf_lit(w->out, " {");
        put_names(w, s->names, s->fields_n < 30 ? s->fields_n : 30);
        buf_char(w->out, '}');
    }
    buf_char(w->out, '\n');
}

static void put_rules(printer *w, const plan_rule *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) buf_printf(w->out, " %s %lld", rules[v[i].type], (long long)v[i].n);
}

static void put_record(printer *w, const plan_node *n, unsigned depth)
{
    buf_lit(w->out, " {");
    for (uint32_t i = 0; i < n->u.record.n; i++) {
        if (i) buf_lit(w->out, ", ");
        put_text(w, n->u.record.v[i].name, 60);
        buf_lit(w->out, ": ");
        if (n->u.record.v[i].last_id) buf_lit(w->out, "last id");
        else put_pval(w, &n->u.record.v[i].value, 0);
    }
    buf_lit(w->out, "}\n");
    put_node(w, n->u.record.expr, depth, "");
}

/* The nodes whose own line holds more than their name. */
static void put_rest(printer *w, const plan_node *n, unsigned depth)
{
    switch ((unsigned)n->type) {
    case PLAN_MAP_FIELD:
        buf_char(w->out, ' ');
        put_text(w, n->u.map_field.field, 60);
        buf_char(w->out, '\n');
        put_node(w, n->u.map_field.records, depth, "");
        return;
    case PLAN_DIFF:
        buf_char(w->out, ' ');
        put_names(w, n->u.diff.fields, n->u.diff.n);
        buf_char(w->out, '\n');
        put_node(w, n->u.diff.from, depth, "from: ");
        put_node(w, n->u.diff.to, depth, "to: ");
        return;
    case PLAN_IF:
        put_rules(w, &n->u.cond.rule, 1);
        buf_char(w->out, '\n');
        put_node(w, n->u.cond.value, depth, "value: ");
        put_node(w, n->u.cond.then, depth, "then: ");
        put_node(w, n->u.cond.otherwise, depth, "else: ");
        return;
    case PLAN_VALIDATE:
        put_rules(w, n->u.validate.rules, n->u.validate.n);
        buf_char(w->out, ' ');
        put_text(w, n->u.validate.violation_name, 60);
        buf_char(w->out, '\n');
        put_node(w, n->u.validate.expr, depth, "");
        return;
    case PLAN_PROCESS:
        put_ops(w, n->u.process.ops);
        put_node(w, n->u.process.expr, depth, "");
        return;
    case PLAN_DATA_MAP:
        put_shape(w, n->u.data_map.shape);
        put_node(w, n->u.data_map.expr, depth, "");
        return;
    default:
        buf_char(w->out, '\n');
        return;
    }
}

static void put_node(printer *w, const plan_node *n, unsigned depth, const char *label)
{
    indent(w, depth);
    buf_str(w->out, str_c(label));
    if (depth > DEPTH_SHOWN) {
        buf_lit(w->out, "...\n");
        return;
    }
    buf_str(w->out, str_c(n->type < PLAN_N ? names[n->type] : "?"));
    switch ((unsigned)n->type) {
    case PLAN_VALUE:
        buf_char(w->out, ' ');
        put_pval(w, &n->u.value, 0);
        buf_char(w->out, '\n');
        return;
    case PLAN_GET:
        buf_char(w->out, ' ');
        put_slot(w, n->u.get.slot);
        buf_char(w->out, '\n');
        return;
    case PLAN_GET_FIRST:
        for (uint32_t i = 0; i < n->u.first.n; i++) {
            buf_char(w->out, ' ');
            put_slot(w, n->u.first.slots[i]);
        }
        buf_char(w->out, '\n');
        return;
    case PLAN_LET:
        buf_char(w->out, '\n');
        for (uint32_t i = 0; i < n->u.let.n; i++) {
            indent(w, depth + 1);
            buf_printf(w->out, "$%u (%.*s) =\n", n->u.let.v[i].slot, STR_FMT(n->u.let.v[i].name));
            put_node(w, n->u.let.v[i].expr, depth + 2, "");
        }
        put_node(w, n->u.let.expr, depth + 1, "in: ");
        return;
    case PLAN_SEQ:
    case PLAN_CONCAT:
    case PLAN_SUM:
        buf_char(w->out, '\n');
        for (uint32_t i = 0; i < n->u.list.n; i++) put_node(w, n->u.list.v[i], depth + 1, "");
        return;
    case PLAN_UNIQUE:
    case PLAN_REQUIRED:
    case PLAN_REVERSE:
    case PLAN_TRANSACTION:
        buf_char(w->out, '\n');
        put_node(w, n->u.one, depth + 1, "");
        return;
    case PLAN_JOIN:
        put_join(w, n, depth + 1);
        return;
    case PLAN_INIT_RECORD:
    case PLAN_MAP_RECORD:
        put_record(w, n, depth + 1);
        return;
    case PLAN_QUERY:
    case PLAN_EXECUTE:
        put_stmt(w, n->u.stmt);
        return;
    default:
        put_rest(w, n, depth + 1);
        return;
    }
}

void plan_print(const plan *p, buf *out)
{
    printer w = {p, out, false};
    put_node(&w, p->root, 0, "");
}

void plan_print_bare(const plan *p, buf *out)
{
    printer w = {p, out, true};
    put_node(&w, p->root, 0, "");
}
