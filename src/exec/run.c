/* exec/run.c - the nodes of a plan.
 *
 * Two walks: run_emit is for what stands at the end of a plan, whose result only the answer reads, and writes text;
 * run_eval is for everything else and gives a value. A result structure over a query goes from the database's cells to
 * the text in one step.
 */
#include <math.h>

#include "exec/exec_int.h"

bool run_oom(run *r)
{
    if (arena_failed(r->a) && arena_bytes(r->a) > arena_limit(r->a) / 2) {
        return nicol_fail(r->err, NICOL_E_RESULT_TOO_LARGE,
                          "The result needs more memory than the limit of %zu MB: ask for fewer rows or fields",
                          arena_limit(r->a) >> 20);
    }
    return nicol_fail_oom(r->err);
}

#define BREATHE_BYTES ((size_t)256 << 10) /* about a millisecond of writing */

bool run_breathe(run *r, const buf *out)
{
    if (out->len < r->breathed + BREATHE_BYTES) return true;
    r->breathed = out->len;
    if (clock_mono_us() >= r->deadline_us) return nicol_fail(r->err, NICOL_E_QUERY_TIMEOUT, NULL);
    /* A sleep to a moment that has passed lets the others run once. */
    if (!io_self() || io_sleep_until(0) != IO_CANCELLED) return true;
    return nicol_fail(r->err, NICOL_E_CANCELLED, NULL);
}

/* --- lists and numbers ---------------------------------------------------------------------------------------------- */

static bool unique(run *r, val v, val *out)
{
    *out = v;
    uint32_t n = v.type == VAL_ROWS ? v.u.rows->n : v.n;
    if (v.type == VAL_JSON && v.flags & EXEC_RAW_JSON) {
        val parsed;
        return val_from_json(r, val_str(v), &parsed) && (parsed.type == VAL_JSON || unique(r, parsed, out));
    }
    if (v.type != VAL_ROWS && v.type != VAL_LIST) return true;
    if (n > 1) return nicol_fail(r->err, NICOL_E_INTERNAL, "Expected zero or one element, got %u", n);
    if (n == 0) *out = val_null();
    else if (v.type == VAL_LIST) *out = v.u.list[0];
    else *out = v.u.rows->v[0].cells ? val_record(&v.u.rows->v[0]) : val_null();
    return true;
}

static bool is_empty(val v)
{
    if (val_is_nullish(v)) return true;
    return (v.type == VAL_LIST && v.n == 0) || (v.type == VAL_ROWS && v.u.rows->n == 0);
}

static bool reverse(run *r, val v, val *out)
{
    *out = v;
    if (v.type == VAL_ROWS) {
        exec_rows *rows = rows_new(r->a, v.u.rows->n);
        if (!rows) return run_oom(r);
        for (uint32_t i = 0; i < rows->n; i++) rows->v[i] = v.u.rows->v[rows->n - 1 - i];
        *out = val_rows(rows);
    } else if (v.type == VAL_LIST) {
        val *list = ARENA_ARRAY(r->a, v.n ? v.n : 1, val);
        if (!list) return run_oom(r);
        for (uint32_t i = 0; i < v.n; i++) list[i] = v.u.list[v.n - 1 - i];
        out->u.list = list;
    }
    return true;
}

static uint32_t items_in(val v)
{
    return v.type == VAL_ROWS ? v.u.rows->n : v.type == VAL_LIST ? v.n : 1;
}

static bool only_records(val v)
{
    if (v.type == VAL_LIST) {
        for (uint32_t i = 0; i < v.n; i++) {
            if (v.u.list[i].type != VAL_RECORD && !val_is_nullish(v.u.list[i])) return false;
        }
        return true;
    }
    return v.type == VAL_ROWS || v.type == VAL_RECORD || val_is_nullish(v);
}

static bool concat_rows(run *r, const val *parts, uint32_t n, uint32_t total, val *out)
{
    exec_rows *rows = rows_new(r->a, total);
    if (!rows) return run_oom(r);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        exec_rows one;
        if (val_is_nullish(parts[i])) {
            at++;
            continue;
        }
        if (!rows_of(r, parts[i], &one)) return false;
        if (one.n) memcpy(&rows->v[at], one.v, one.n * sizeof *one.v);
        at += one.n;
    }
    *out = val_rows(rows);
    return true;
}

static bool concat_values(run *r, const val *parts, uint32_t n, uint32_t total, val *out)
{
    val *list = ARENA_ARRAY(r->a, total ? total : 1, val);
    if (!list) return run_oom(r);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (parts[i].type == VAL_LIST) {
            for (uint32_t k = 0; k < parts[i].n; k++) list[at++] = parts[i].u.list[k];
        } else if (parts[i].type == VAL_ROWS) {
            exec_rows *rows = parts[i].u.rows;
            for (uint32_t k = 0; k < rows->n; k++) list[at++] = rows->v[k].cells ? val_record(&rows->v[k]) : val_null();
        } else {
            list[at++] = parts[i];
        }
    }
    *out = (val){.type = VAL_LIST, .n = total, .u.list = list};
    return true;
}

static bool eval_concat(run *r, const plan_node *n, val *out)
{
    val *parts = ARENA_ARRAY(r->a, n->u.list.n ? n->u.list.n : 1, val);
    if (!parts) return run_oom(r);
    uint64_t total = 0;
    bool records = true;
    for (uint32_t i = 0; i < n->u.list.n; i++) {
        if (!run_eval(r, n->u.list.v[i], &parts[i])) return false;
        if (parts[i].type == VAL_JSON && parts[i].flags & EXEC_RAW_JSON &&
            !val_from_json(r, val_str(parts[i]), &parts[i]))
            return false;
        total += items_in(parts[i]);
        records = records && only_records(parts[i]);
    }
    r->has_lid = false;
    if (total > UINT32_MAX / 2) return run_oom(r);
    return records ? concat_rows(r, parts, n->u.list.n, (uint32_t)total, out)
                   : concat_values(r, parts, n->u.list.n, (uint32_t)total, out);
}

static bool eval_sum(run *r, const plan_node *n, val *out)
{
    int64_t sum = 0;
    double fsum = 0;
    bool whole = true;
    for (uint32_t i = 0; i < n->u.list.n; i++) {
        val v;
        double f;
        if (!run_eval(r, n->u.list.v[i], &v)) return false;
        if (!val_number(v, &f)) return nicol_fail(r->err, NICOL_E_INTERNAL, "Expected a number to sum");
        whole = whole && v.type == VAL_INT && !__builtin_add_overflow(sum, v.u.i, &sum);
        fsum += f;
    }
    r->has_lid = false;
    *out = whole ? val_int(sum) : fabs(fsum) < 9e15 && fsum == trunc(fsum) ? val_int((int64_t)fsum) : val_float(fsum);
    return true;
}

/* --- rules ---------------------------------------------------------------------------------------------------------- */

static bool rule_holds(run *r, const plan_rule *rule, val v)
{
    switch (rule->type) {
    case RULE_COUNT_EQ:
        return (int64_t)val_count(r, v) == rule->n;
    case RULE_COUNT_NEQ:
        return (int64_t)val_count(r, v) != rule->n;
    case RULE_AFFECTED_EQ:
        return v.type == VAL_INT && v.u.i == rule->n;
    case RULE_NEVER:
        break;
    }
    return false;
}

static bool eval_validate(run *r, const plan_node *n, val *out)
{
    if (!run_eval(r, n->u.validate.expr, out)) return false;
    for (uint32_t i = 0; i < n->u.validate.n; i++) {
        if (!rule_holds(r, &n->u.validate.rules[i], *out)) return fail_rule(r, n, *out);
    }
    return true;
}

static bool choose(run *r, const plan_node *n, const plan_node **branch)
{
    val v;
    if (!run_eval(r, n->u.cond.value, &v)) return false;
    *branch = rule_holds(r, &n->u.cond.rule, v) ? n->u.cond.then : n->u.cond.otherwise;
    return true;
}

/* --- records -------------------------------------------------------------------------------------------------------- */

static bool new_record(run *r, const exec_record *base, const plan_node *n, exec_record **out)
{
    uint32_t total = (base ? base->shape->n : 0) + n->u.record.n;
    nicol_str *names = ARENA_ARRAY(r->a, total ? total : 1, nicol_str);
    exec_record *rec = *out = ARENA_NEW(r->a, exec_record);
    exec_shape *s = names ? shape_new(r->a, names, 0) : NULL;
    if (!rec || !s) return run_oom(r);
    rec->cells = ARENA_ARRAY(r->a, total ? total : 1, val);
    rec->shape = s;
    if (!rec->cells) return run_oom(r);
    for (uint32_t i = 0; base && i < base->shape->n; i++) {
        names[s->n] = base->shape->names[i];
        rec->cells[s->n++] = base->cells[i];
    }
    for (uint32_t i = 0; i < n->u.record.n; i++) {
        if (shape_find(s, n->u.record.v[i].name) == EXEC_NO_COLUMN) names[s->n++] = n->u.record.v[i].name;
    }
    return true;
}

static bool eval_init_record(run *r, const plan_node *n, val *out)
{
    val ignored;
    exec_record *rec;
    if (!run_eval(r, n->u.record.expr, &ignored) || !new_record(r, NULL, n, &rec)) return false;
    for (uint32_t i = 0; i < n->u.record.n; i++) {
        const plan_init_field *f = &n->u.record.v[i];
        val *to = &rec->cells[shape_find(rec->shape, f->name)];
        if (f->last_id) *to = r->has_lid ? val_int(r->lid) : val_null();
        else if (!eval_pval(r, &f->value, to)) return false;
    }
    *out = val_record(rec);
    return true;
}

static bool arithmetic(run *r, plan_field_op op, val a, val b, val *out)
{
    double x, y;
    int64_t i = 0;
    if (val_is_nullish(a) || val_is_nullish(b)) {
        *out = val_null();
        return true;
    }
    bool ints = a.type == VAL_INT && b.type == VAL_INT;
    if (!val_number(a, &x) || !val_number(b, &y))
        return nicol_fail(r->err, NICOL_E_INTERNAL, "Expected a number in a record's field");
    bool exact = (op == OP_ADD && ints && !__builtin_add_overflow(a.u.i, b.u.i, &i)) ||
                 (op == OP_SUBTRACT && ints && !__builtin_sub_overflow(a.u.i, b.u.i, &i)) ||
                 (op == OP_MULTIPLY && ints && !__builtin_mul_overflow(a.u.i, b.u.i, &i));
    double f = op == OP_ADD ? x + y : op == OP_SUBTRACT ? x - y : op == OP_MULTIPLY ? x * y : x / y;
    if (op == OP_DIVIDE && y == 0) *out = val_null();
    else if (exact) *out = val_int(i);
    else *out = f == trunc(f) && fabs(f) < 9e15 ? val_int((int64_t)f) : val_float(f);
    return true;
}

static bool eval_map_record(run *r, const plan_node *n, val *out)
{
    val base;
    exec_record *rec;
    if (!run_eval(r, n->u.record.expr, &base)) return false;
    if (base.type != VAL_RECORD && !val_is_nullish(base))
        return nicol_fail(r->err, NICOL_E_INTERNAL, "mapRecord needs a record");
    bool given = base.type == VAL_RECORD && base.u.rec->cells;
    if (!new_record(r, given ? base.u.rec : NULL, n, &rec)) return false;
    for (uint32_t i = 0; i < n->u.record.n; i++) {
        const plan_init_field *f = &n->u.record.v[i];
        val *to = &rec->cells[shape_find(rec->shape, f->name)], v;
        if (!eval_pval(r, &f->value, &v)) return false;
        if (f->op == OP_SET) *to = v;
        else if (!arithmetic(r, f->op, *to, v, to)) return false;
    }
    *out = val_record(rec);
    return true;
}

/* --- statements and the rest ---------------------------------------------------------------------------------------- */

static bool into_text(run *r, const plan_node *n, val *out)
{
    buf b;
    bool has;
    buf_init(&b, r->e->m, r->e->o.result_bytes_max);
    bool good = run_emit(r, n, &b, &has);
    if (!good && buf_failed(&b)) {
        if (b.over) nicol_fail(r->err, NICOL_E_RESULT_TOO_LARGE, NULL);
        else nicol_fail_oom(r->err);
    }
    nicol_str text = good ? arena_str(r->a, buf_view(&b)) : (nicol_str){0};
    buf_free(&b);
    if (!good) return false;
    if (!text.ptr || text.len > VAL_TEXT_BYTES_MAX) return run_oom(r);
    *out = val_text(VAL_JSON, text);
    out->flags = EXEC_RAW_JSON;
    return true;
}

static bool eval_query(run *r, const plan_node *n, val *out)
{
    if (n->u.stmt->raw) return into_text(r, n, out);
    r->has_lid = false;
    if (!rows_read(r, n->u.stmt, out)) return false;
    r->has_lid = !n->u.stmt->reads;
    if (r->has_lid) r->lid = r->d->last_id(r->conn->c);
    return true;
}

static bool eval_execute(run *r, const plan_node *n, val *out)
{
    int64_t affected;
    if (!stmt_affected(r, n->u.stmt, &affected)) return false;
    r->has_lid = true;
    r->lid = r->d->last_id(r->conn->c);
    *out = val_int(affected);
    return true;
}

static bool bind_all(run *r, const plan_node *n)
{
    for (uint32_t i = 0; i < n->u.let.n; i++) {
        val v;
        if (!run_eval(r, n->u.let.v[i].expr, &v)) return false;
        r->slots[n->u.let.v[i].slot] = v;
    }
    r->has_lid = false;
    return true;
}

static bool eval_first(run *r, const plan_node *n, val *out)
{
    *out = (val){.type = VAL_LIST};
    for (uint32_t i = 0; i < n->u.first.n; i++) {
        val v = val_get_slot(r, n->u.first.slots[i]);
        if (is_empty(v)) continue;
        *out = v;
        break;
    }
    return true;
}

static bool eval_rest(run *r, const plan_node *n, val *out)
{
    val v;
    switch ((unsigned)n->type) {
    case PLAN_UNIQUE:
        return run_eval(r, n->u.one, &v) && unique(r, v, out);
    case PLAN_REQUIRED:
        if (!run_eval(r, n->u.one, out)) return false;
        return !is_empty(*out) || nicol_fail(r->err, NICOL_E_INTERNAL, "Required value is empty");
    case PLAN_REVERSE:
        return run_eval(r, n->u.one, &v) && reverse(r, v, out);
    case PLAN_MAP_FIELD:
        return run_eval(r, n->u.map_field.records, &v) && map_field(r, n->u.map_field.field, v, out);
    case PLAN_PROCESS:
        return run_eval(r, n->u.process.expr, &v) && run_process(r, v, n->u.process.ops, out);
    default:
        break;
    }
    return nicol_fail(r->err, NICOL_E_INTERNAL, "unknown node %d in a plan", (int)n->type);
}

bool run_eval(run *r, const plan_node *n, val *out)
{
    for (;;) {
        switch (n->type) {
        case PLAN_VALUE:
            r->has_lid = false;
            return eval_pval(r, &n->u.value, out);
        case PLAN_UNIT:
            r->has_lid = false;
            *out = (val){0};
            return true;
        case PLAN_GET:
            r->has_lid = false;
            *out = val_get_slot(r, n->u.get.slot);
            return true;
        case PLAN_GET_FIRST:
            r->has_lid = false;
            return eval_first(r, n, out);
        case PLAN_LET:
            if (!bind_all(r, n)) return false;
            n = n->u.let.expr;
            continue;
        case PLAN_SEQ:
            *out = (val){0};
            if (n->u.list.n == 0) return true;
            for (uint32_t i = 0; i + 1 < n->u.list.n; i++) {
                if (!run_eval(r, n->u.list.v[i], out)) return false;
            }
            n = n->u.list.v[n->u.list.n - 1];
            continue;
        case PLAN_IF:
            if (!choose(r, n, &n)) return false;
            continue;
        case PLAN_TRANSACTION:
            n = n->u.one;
            continue; /* the run has its transaction */
        case PLAN_CONCAT:
            return eval_concat(r, n, out);
        case PLAN_SUM:
            return eval_sum(r, n, out);
        case PLAN_JOIN:
            return run_join(r, n, out);
        case PLAN_DIFF:
            return run_diff(r, n, out);
        case PLAN_VALIDATE:
            return eval_validate(r, n, out);
        case PLAN_DATA_MAP:
            return into_text(r, n, out);
        case PLAN_INIT_RECORD:
            return eval_init_record(r, n, out);
        case PLAN_MAP_RECORD:
            return eval_map_record(r, n, out);
        case PLAN_QUERY:
            return eval_query(r, n, out);
        case PLAN_EXECUTE:
            return eval_execute(r, n, out);
        case PLAN_UNIQUE:
        case PLAN_REQUIRED:
        case PLAN_REVERSE:
        case PLAN_MAP_FIELD:
        case PLAN_PROCESS:
        case PLAN_N:
            break;
        }
        return eval_rest(r, n, out);
    }
}

/* --- at the end of a plan ------------------------------------------------------------------------------------------- */

static bool emit_data_map(run *r, const plan_node *n, buf *out)
{
    if (r->p->lookup.n) return emit_items(r, n, out);
    const plan_node *x = n->u.data_map.expr;
    const plan_shape *shape = n->u.data_map.shape;
    bool one = x->type == PLAN_UNIQUE;
    if (one) x = x->u.one;
    if (x->type == PLAN_QUERY && !x->u.stmt->raw && shape->type == SHAPE_OBJECT)
        return map_stream(r, x->u.stmt, shape, one, out);
    val v;
    return run_eval(r, n->u.data_map.expr, &v) && map_value(r, shape, v, out);
}

bool run_emit(run *r, const plan_node *n, buf *out, bool *has_value)
{
    *has_value = true;
    for (;;) {
        switch ((unsigned)n->type) {
        case PLAN_LET:
            if (!bind_all(r, n)) return false;
            n = n->u.let.expr;
            continue;
        case PLAN_SEQ:
            for (uint32_t i = 0; i + 1 < n->u.list.n; i++) {
                val ignored;
                if (!run_eval(r, n->u.list.v[i], &ignored)) return false;
            }
            if (n->u.list.n == 0) {
                *has_value = false;
                return true;
            }
            n = n->u.list.v[n->u.list.n - 1];
            continue;
        case PLAN_IF:
            if (!choose(r, n, &n)) return false;
            continue;
        case PLAN_TRANSACTION:
            n = n->u.one;
            continue;
        case PLAN_DATA_MAP:
            return emit_data_map(r, n, out);
        case PLAN_QUERY:
            if (n->u.stmt->raw) return emit_raw_rows(r, n->u.stmt, out);
            break;
        default:
            break;
        }
        val v;
        if (!run_eval(r, n, &v)) return false;
        *has_value = v.type != VAL_UNDEF;
        return !*has_value || emit_value(r, v, out);
    }
}
