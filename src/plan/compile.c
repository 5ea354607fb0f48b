/* plan/compile.c - the compiler's door: a checked request in, a finished plan out. The parts are one file each
 * (filters, order, rows, aggregates, writes); compile_int.h is what they share. */
#include "base/limits.h"
#include "plan/compile_int.h"

#define PLAN_BYTES_MAX ((size_t)256 << 20) /* a createMany of tens of thousands of rows is one plan */

static const sql_dialect *dialect_of(plan_dialect d)
{
    switch (d) {
    case DIALECT_POSTGRESQL:
        return &sql_postgresql;
    case DIALECT_MYSQL:
        return &sql_mysql;
    case DIALECT_SQLITE:
        break;
    }
    return &sql_sqlite;
}

/* Raw SQL goes to the database as it came; its arguments are typed by themselves. */
const plan_node *cc_compile_raw(cc *c)
{
    const query_op *op = c->op;
    plan_stmt *s = CC_NEW(c, plan_stmt);
    plan_node *n = CC_NEW(c, plan_node);
    pval *args = CC_ARRAY(c, op->raw_args_n, pval);
    plan_arg_type *types = CC_ARRAY(c, op->raw_args_n, plan_arg_type);
    if (!s || !n || !args || !types) return NULL;
    for (uint32_t i = 0; i < op->raw_args_n; i++) args[i] = cc_const(c, op->raw_args[i]);
    *s = (plan_stmt){.raw = true,
                     .sql = cc_str(c, op->raw_sql),
                     .args = args,
                     .types = types,
                     .args_n = op->raw_args_n,
                     .site = cc_site(c)};
    c->p->statements_n++;
    c->p->writes = true; /* nobody knows: the driver says of each statement whether it reads */
    c->p->raw_query = op->action == QUERY_RAW;
    c->p->raw_execute = !c->p->raw_query;
    n->type = c->p->raw_query ? PLAN_QUERY : PLAN_EXECUTE;
    n->u.stmt = s;
    return n;
}

static const plan_node *compile(cc *c)
{
    switch (c->op->action) {
    case QUERY_FIND_UNIQUE:
    case QUERY_FIND_UNIQUE_OR_THROW:
    case QUERY_FIND_FIRST:
    case QUERY_FIND_FIRST_OR_THROW:
    case QUERY_FIND_MANY:
        return cc_compile_find(c);
    case QUERY_AGGREGATE:
        return cc_compile_aggregate(c);
    case QUERY_GROUP_BY:
        return cc_compile_group_by(c);
    case QUERY_RAW:
    case QUERY_EXECUTE_RAW:
        return cc_compile_raw(c);
    case QUERY_CREATE_ONE:
    case QUERY_CREATE_MANY:
    case QUERY_CREATE_MANY_RETURN:
    case QUERY_UPDATE_ONE:
    case QUERY_UPDATE_MANY:
    case QUERY_UPDATE_MANY_RETURN:
    case QUERY_UPSERT_ONE:
    case QUERY_DELETE_ONE:
    case QUERY_DELETE_MANY:
        return cc_compile_write(c);
    case QUERY_ACTION_N:
        break;
    }
    c->failed = true;
    nicol_fail(c->err, NICOL_E_INTERNAL, "Unknown action %d", (int)c->op->action);
    return NULL;
}

static plan *compile_with(const query_op *op, const plan_compile_opts *opts, const plan_node *(*root)(cc *c),
                          nicol_error *err)
{
    const mem *m = opts->m ? opts->m : mem_default;
    arena *a = arena_new(m, PLAN_BYTES_MAX);
    plan *p = a ? ARENA_NEW(a, plan) : NULL;
    if (!p) {
        arena_free(a);
        nicol_fail_oom(err);
        return NULL;
    }
    p->a = a;
    p->params_n = op->params_n;
    cc c = {.a = a,
            .m = m,
            .request = opts->a,
            .op = op,
            .p = p,
            .d = dialect_of(opts->dialect),
            .dialect = opts->dialect,
            .binds_max = opts->binds_max ? opts->binds_max : NICOL_SQLITE_BINDS_MAX,
            .err = err};
    p->root = root(&c);
    if (c.failed || !p->root) {
        if (!c.failed && root == compile) nicol_fail_oom(err);
        arena_free(a);
        return NULL;
    }
    p->root_is_transaction = p->root->type == PLAN_TRANSACTION;
    return p;
}

plan *plan_compile(const query_op *op, const plan_compile_opts *opts, nicol_error *err)
{
    return compile_with(op, opts, compile, err);
}

plan *plan_compile_lookup(const query_op *op, const plan_compile_opts *opts, nicol_error *err)
{
    return compile_with(op, opts, cc_compile_lookup, err);
}

void plan_free(plan *p)
{
    if (!p) return;
    if (p->runtime_free) p->runtime_free(p->runtime);
    arena_free(p->a);
}

size_t plan_bytes(const plan *p)
{
    if (!p) return 0;
    return arena_bytes(p->a) + (p->runtime && p->runtime_bytes ? p->runtime_bytes(p->runtime) : 0);
}
