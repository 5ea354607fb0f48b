/* query/print.c - the request tree in one line of text: for tests, and for people who ask what a query means.
 *
 * where(id=1:Int) reads "id equals parameter, which holds 1 and is an Int"; a path is written a.b.c.
 */
#include "query/query_int.h"

static void print_val(val v, buf *out)
{
    char text[40];
    switch ((val_type)v.type) {
    case VAL_UNDEF:
        buf_lit(out, "undefined");
        return;
    case VAL_NULL:
        buf_lit(out, "null");
        return;
    case VAL_BOOL:
        buf_str(out, v.u.i ? S("true") : S("false"));
        return;
    case VAL_INT:
        buf_i64(out, v.u.i);
        return;
    case VAL_FLOAT:
        buf_bytes(out, text, float_format(text, v.u.f));
        return;
    case VAL_STR:
        json_put_str(out, val_str(v));
        return;
    case VAL_DECIMAL:
        buf_printf(out, "%.*sm", STR_FMT(val_str(v)));
        return;
    case VAL_DATETIME:
        buf_bytes(out, text, datetime_format(text, v.u.i));
        return;
    case VAL_JSON:
        buf_printf(out, "json'%.*s'", STR_FMT(val_str(v)));
        return;
    case VAL_BYTES:
        buf_printf(out, "bytes[%u]", v.n);
        return;
    case VAL_LIST:
        buf_char(out, '[');
        for (uint32_t i = 0; i < v.n; i++) {
            if (i) buf_char(out, ',');
            print_val(v.u.list[i], out);
        }
        buf_char(out, ']');
        return;
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    buf_char(out, '?');
}

static void print_value(const query_op *op, query_value v, buf *out)
{
    switch (v.kind) {
    case QVAL_NULL:
        buf_lit(out, "null");
        return;
    case QVAL_JSON_NULL:
        buf_lit(out, "jsonNull");
        return;
    case QVAL_ANY_NULL:
        buf_lit(out, "anyNull");
        return;
    case QVAL_FIELD:
        buf_printf(out, "&%.*s", STR_FMT(v.ref->name));
        return;
    case QVAL_PARAM:
        print_val(op->params[v.param].value, out);
        return;
    }
}

static const char *const op_names[] = {
    [QOP_EQ] = "=",
    [QOP_NE] = "!=",
    [QOP_IN] = " in ",
    [QOP_NOT_IN] = " notIn ",
    [QOP_LT] = "<",
    [QOP_LTE] = "<=",
    [QOP_GT] = ">",
    [QOP_GTE] = ">=",
    [QOP_CONTAINS] = " contains ",
    [QOP_NOT_CONTAINS] = " !contains ",
    [QOP_STARTS_WITH] = " startsWith ",
    [QOP_NOT_STARTS_WITH] = " !startsWith ",
    [QOP_ENDS_WITH] = " endsWith ",
    [QOP_NOT_ENDS_WITH] = " !endsWith ",
    [QOP_HAS] = " has ",
    [QOP_HAS_EVERY] = " hasEvery ",
    [QOP_HAS_SOME] = " hasSome ",
    [QOP_IS_EMPTY] = " isEmpty ",
    [QOP_SEARCH] = " search ",
    [QOP_NOT_SEARCH] = " !search ",
    [QOP_JSON_STRING_CONTAINS] = " string_contains ",
    [QOP_JSON_STRING_STARTS_WITH] = " string_starts_with ",
    [QOP_JSON_STRING_ENDS_WITH] = " string_ends_with ",
    [QOP_JSON_ARRAY_CONTAINS] = " array_contains ",
    [QOP_JSON_ARRAY_STARTS_WITH] = " array_starts_with ",
    [QOP_JSON_ARRAY_ENDS_WITH] = " array_ends_with ",
};
static const char *const agg_names[] = {
    [AGG_NONE] = "", [AGG_COUNT] = "count", [AGG_SUM] = "sum", [AGG_AVG] = "avg", [AGG_MIN] = "min", [AGG_MAX] = "max"};

static void print_agg(query_aggregate fn, const schema_field *f, buf *out)
{
    if (fn != AGG_NONE) buf_printf(out, "%s(", agg_names[fn]);
    buf_str(out, f ? f->name : S("*"));
    if (fn != AGG_NONE) buf_char(out, ')');
}

static void print_filter(const query_op *op, const query_filter *f, buf *out)
{
    static const char *const quantifiers[] = {[QUANT_SOME] = "some",
                                              [QUANT_EVERY] = "every",
                                              [QUANT_NONE] = "none",
                                              [QUANT_IS] = "is",
                                              [QUANT_IS_NOT] = "isNot"};
    if (f->kind == QFILTER_SCALAR) {
        print_agg(f->aggregate, f->field, out);
        if (f->has_path) {
            buf_lit(out, "->");
            print_val(op->params[f->path].value, out);
        }
        buf_str(out, str_c(op_names[f->op]));
        print_value(op, f->value, out);
        if (f->insensitive) buf_lit(out, " i");
        return;
    }
    if (f->kind == QFILTER_RELATION) {
        buf_printf(out, "%.*s.%s(", STR_FMT(f->field->name), quantifiers[f->quantifier]);
        if (f->sub) print_filter(op, f->sub, out);
        else buf_lit(out, "null");
        buf_char(out, ')');
        return;
    }
    buf_str(out, f->kind == QFILTER_AND ? S("and(") : f->kind == QFILTER_OR ? S("or(") : S("not("));
    for (uint32_t i = 0; i < f->kids_n; i++) {
        if (i) buf_lit(out, ", ");
        print_filter(op, f->kids[i], out);
    }
    buf_char(out, ')');
}

static void print_find(const query_op *op, const query_find *f, buf *out)
{
    if (f->where) {
        buf_lit(out, " where(");
        print_filter(op, f->where, out);
        buf_char(out, ')');
    }
    for (uint32_t i = 0; i < f->order_n; i++) {
        const query_order *o = &f->order[i];
        buf_str(out, i ? S(", ") : S(" order("));
        for (uint32_t k = 0; k < o->path_n; k++) buf_printf(out, "%.*s.", STR_FMT(o->path[k]->name));
        print_agg(o->aggregate, o->field, out);
        buf_str(out, o->descending ? S(" desc") : S(" asc"));
        if (o->nulls) buf_str(out, o->nulls == NULLS_FIRST ? S(" nulls first") : S(" nulls last"));
        if (i + 1 == f->order_n) buf_char(out, ')');
    }
    for (uint32_t i = 0; i < f->cursor_n; i++) {
        buf_printf(out, "%s%.*s=", i ? "," : " cursor(", STR_FMT(f->cursor_fields[i]->name));
        print_value(op, f->cursor_values[i], out);
        if (i + 1 == f->cursor_n) buf_char(out, ')');
    }
    if (f->has_take) buf_printf(out, " take %lld", (long long)f->take);
    if (f->has_skip) buf_printf(out, " skip %lld", (long long)f->skip);
    for (uint32_t i = 0; i < f->distinct_n; i++) {
        buf_printf(out, "%s%.*s", i ? "," : " distinct ", STR_FMT(f->distinct[i]->name));
    }
    if (f->load_strategy.len) buf_printf(out, " strategy %.*s", STR_FMT(f->load_strategy));
}

static void print_select(const query_op *op, const query_select *s, buf *out)
{
    buf_char(out, '{');
    for (uint32_t i = 0; i < s->items_n; i++) {
        const query_select_item *item = &s->items[i];
        if (i) buf_char(out, ' ');
        if (item->kind == SELECT_COUNT) {
            buf_lit(out, "_count[");
            for (uint32_t k = 0; k < item->counts_n; k++) {
                buf_printf(out, "%s%.*s", k ? " " : "", STR_FMT(item->counts[k]->name));
                if (!item->count_filters[k]) continue;
                buf_char(out, '(');
                print_filter(op, item->count_filters[k], out);
                buf_char(out, ')');
            }
            buf_char(out, ']');
            continue;
        }
        buf_str(out, item->field->name);
        if (item->kind == SELECT_RELATION) {
            print_find(op, &item->find, out);
            print_select(op, item->select, out);
        }
    }
    buf_char(out, '}');
}

static void print_write(const query_op *op, const query_write *w, buf *out);

static void print_nested(const query_op *op, const query_nested *n, buf *out)
{
    static const char *const kinds[] = {
        [NESTED_CREATE] = "create",         [NESTED_CREATE_MANY] = "createMany",
        [NESTED_CONNECT] = "connect",       [NESTED_CONNECT_OR_CREATE] = "connectOrCreate",
        [NESTED_DISCONNECT] = "disconnect", [NESTED_SET] = "set",
        [NESTED_UPDATE] = "update",         [NESTED_UPDATE_MANY] = "updateMany",
        [NESTED_UPSERT] = "upsert",         [NESTED_DELETE] = "delete",
        [NESTED_DELETE_MANY] = "deleteMany"};
    buf_printf(out, "%.*s.%s%s[", STR_FMT(n->field->name), kinds[n->kind], n->skip_duplicates ? " skip" : "");
    for (uint32_t i = 0; i < n->items_n; i++) {
        const query_nested_item *item = &n->items[i];
        const char *sep = i ? "; " : "";
        buf_str(out, str_c(sep));
        if (item->where) {
            buf_char(out, '(');
            print_filter(op, item->where, out);
            buf_char(out, ')');
        }
        if (item->create) print_write(op, item->create, out);
        if (item->update) {
            buf_lit(out, "set");
            print_write(op, item->update, out);
        }
    }
    buf_char(out, ']');
}

static void print_write(const query_op *op, const query_write *w, buf *out)
{
    static const char *const ops[] = {[SET_VALUE] = "=",     [SET_INCREMENT] = "+=", [SET_DECREMENT] = "-=",
                                      [SET_MULTIPLY] = "*=", [SET_DIVIDE] = "/=",    [SET_PUSH] = " push "};
    buf_char(out, '{');
    for (uint32_t i = 0; i < w->sets_n; i++) {
        if (i) buf_char(out, ' ');
        buf_str(out, w->sets[i].field->name);
        buf_str(out, str_c(ops[w->sets[i].op]));
        print_value(op, w->sets[i].value, out);
    }
    for (uint32_t i = 0; i < w->nested_n; i++) {
        if (i || w->sets_n) buf_char(out, ' ');
        print_nested(op, &w->nested[i], out);
    }
    buf_char(out, '}');
}

static void print_writes(const query_op *op, buf *out)
{
    if (op->create) {
        buf_lit(out, " create");
        print_write(op, op->create, out);
    }
    if (op->update) {
        buf_lit(out, " update");
        print_write(op, op->update, out);
    }
    for (uint32_t i = 0; i < op->rows_n; i++) {
        buf_lit(out, " row");
        print_write(op, op->rows[i], out);
    }
    if (op->skip_duplicates) buf_lit(out, " skipDuplicates");
    if (op->has_limit) buf_printf(out, " limit %lld", (long long)op->limit);
}

void query_print(const query_op *op, buf *out)
{
    buf_str(out, op->key);
    if (op->raw_sql.ptr) {
        buf_char(out, ' ');
        json_put_str(out, op->raw_sql);
        for (uint32_t i = 0; i < op->raw_args_n; i++) {
            buf_char(out, ' ');
            print_val(op->raw_args[i], out);
        }
    }
    print_find(op, &op->find, out);
    for (uint32_t i = 0; i < op->by_n; i++) buf_printf(out, "%s%.*s", i ? "," : " by ", STR_FMT(op->by[i]->name));
    if (op->having) {
        buf_lit(out, " having(");
        print_filter(op, op->having, out);
        buf_char(out, ')');
    }
    print_writes(op, out);
    for (uint32_t i = 0; i < op->aggs_n; i++) {
        buf_char(out, ' ');
        print_agg(op->aggs[i].fn, op->aggs[i].field, out);
    }
    if (op->select) {
        buf_char(out, ' ');
        print_select(op, op->select, out);
    }
}
