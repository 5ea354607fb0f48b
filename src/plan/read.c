/* plan/read.c - reads a version 7 query plan: the nodes and the scope of their names.
 *
 * Four dialects are in the wild; they differ in a few keys, so one tolerant reader takes them all (`diff` without
 * fields, both spellings of the error identifier, join without its equality flag, tuples without affixes). What the
 * reader does not know is an error that names the place, never something to guess at: a plan runs with the rights of
 * the database user. Names are resolved here, once: a `let` binding gets a slot of its own, anything unbound is a
 * parameter of the request.
 */
#include "plan/read_int.h"

#include <stdarg.h>
#include <stdio.h>

#define PLAN_PARAMS_MAX 1000000

/* --- places and errors ---------------------------------------------------------------------------------------------- */

static void where_spell(const plan_where *at, char *out, size_t cap, size_t *len)
{
    if (!at) return;
    where_spell(at->up, out, cap, len);
    if (*len >= cap) return;
    int n = at->name ? snprintf(out + *len, cap - *len, "%s%s", *len ? "." : "", at->name)
                     : snprintf(out + *len, cap - *len, "[%u]", at->index);
    *len += n > 0 ? (size_t)n : 0;
}

bool plan_bad(plan_reader *r, const plan_where *at, const char *fmt, ...)
{
    char path[300], text[300];
    size_t len = 0;
    where_spell(at, path, sizeof path, &len);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return nicol_fail(r->err, NICOL_E_BAD_PLAN, "%s%s: %s", len ? path : "plan", len >= sizeof path ? "..." : "", text);
}

static const char *kind_name(json_type t)
{
    switch (t) {
    case JSON_NULL:
        return "null";
    case JSON_FALSE:
    case JSON_TRUE:
        return "a boolean";
    case JSON_NUMBER:
        return "a number";
    case JSON_STRING:
        return "a string";
    case JSON_ARRAY:
        return "a list";
    case JSON_OBJECT:
        return "an object";
    default:
        return "nothing";
    }
}

bool plan_member(plan_reader *r, json_val obj, const char *name, json_type kind, const plan_where *at, json_val *out)
{
    *out = json_get(obj, str_c(name));
    if (json_kind(*out) == kind) return true;
    return plan_bad(r, at, "'%s' must be %s, found %s", name, kind_name(kind), kind_name(json_kind(*out)));
}

bool plan_text(plan_reader *r, json_val v, const plan_where *at, nicol_str *out)
{
    if (json_kind(v) != JSON_STRING) return plan_bad(r, at, "expected a string, found %s", kind_name(json_kind(v)));
    nicol_str s = json_text(v);
    if (s.ptr) *out = arena_str(r->a, s);
    return (s.ptr && out->ptr) || nicol_fail_oom(r->err);
}

bool plan_text_member(plan_reader *r, json_val obj, const char *name, const plan_where *at, nicol_str *out)
{
    json_val v;
    return plan_member(r, obj, name, JSON_STRING, at, &v) && plan_text(r, v, WHERE(at, name), out);
}

bool plan_text_optional(plan_reader *r, json_val obj, const char *name, const plan_where *at, nicol_str *out)
{
    json_val v = json_get(obj, str_c(name));
    *out = (nicol_str){"", 0};
    if (!json_present(v) || json_kind(v) == JSON_NULL) return true;
    return plan_text(r, v, WHERE(at, name), out);
}

bool plan_texts(plan_reader *r, json_val v, const plan_where *at, nicol_str **out, uint32_t *n)
{
    if (json_kind(v) != JSON_ARRAY)
        return plan_bad(r, at, "expected a list of strings, found %s", kind_name(json_kind(v)));
    *n = 0;
    *out = ARENA_ARRAY(r->a, json_count(v) ? json_count(v) : 1, nicol_str);
    if (!*out) return nicol_fail_oom(r->err);
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!plan_text(r, it.value, WHERE_AT(at, *n), &(*out)[*n])) return false;
        ++*n;
    }
    return true;
}

bool plan_key(plan_reader *r, const json_iter *it, nicol_str *out)
{
    if (!it->key.ptr) return nicol_fail_oom(r->err);
    *out = arena_str(r->a, it->key);
    return out->ptr || nicol_fail_oom(r->err);
}

bool plan_enter(plan_reader *r, const plan_where *at)
{
    if (++r->nodes > NICOL_PLAN_NODES_MAX) {
        return nicol_fail(r->err, NICOL_E_LIMIT, "the query plan has more than %d nodes", NICOL_PLAN_NODES_MAX);
    }
    if (++r->depth > NICOL_PLAN_DEPTH_MAX) {
        (void)at;
        return nicol_fail(r->err, NICOL_E_LIMIT, "the query plan is nested deeper than %d", NICOL_PLAN_DEPTH_MAX);
    }
    return true;
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

static bool add_param(plan_reader *r, nicol_str name, uint32_t *index)
{
    plan *p = r->p;
    if (p->params_n == PLAN_PARAMS_MAX) {
        return nicol_fail(r->err, NICOL_E_LIMIT, "the query plan has more than %d parameters", PLAN_PARAMS_MAX);
    }
    if (p->params_n == r->params_cap) {
        uint32_t cap = r->params_cap ? r->params_cap * 2 : 8;
        nicol_str *grown = arena_grow(r->a, p->params, r->params_cap * sizeof(nicol_str), cap * sizeof(nicol_str));
        if (!grown) return nicol_fail_oom(r->err);
        p->params = grown;
        r->params_cap = cap;
    }
    /* The map holds index + 1, so that no value is NULL. */
    if (!map_put(r->params, name, (void *)(uintptr_t)(p->params_n + 1))) return nicol_fail_oom(r->err);
    p->params[p->params_n] = name;
    *index = p->params_n++;
    return true;
}

bool plan_resolve(plan_reader *r, nicol_str name, uint32_t *slot, bool *param)
{
    const plan_scope *s = map_get(r->scope, name);
    *param = !s;
    if (s) {
        *slot = s->slot;
        return true;
    }
    void *known = map_get(r->params, name);
    if (!known) return add_param(r, name, slot);
    *slot = (uint32_t)((uintptr_t)known - 1);
    return true;
}

static bool resolve_get(plan_reader *r, nicol_str name, uint32_t *slot)
{
    bool param;
    if (!plan_resolve(r, name, slot, &param)) return false;
    if (param) *slot |= PLAN_PARAM_SLOT;
    return true;
}

static bool bind_name(plan_reader *r, nicol_str name, uint32_t *slot)
{
    plan_scope *s = ARENA_NEW(r->a, plan_scope);
    if (!s) return nicol_fail_oom(r->err);
    *s = (plan_scope){.slot = r->p->slots_n, .outer = map_get(r->scope, name)};
    if (!map_put(r->scope, name, s)) return nicol_fail_oom(r->err);
    *slot = r->p->slots_n++;
    return true;
}

static bool unbind_name(plan_reader *r, nicol_str name)
{
    plan_scope *s = map_get(r->scope, name);
    if (!s) return true;
    if (s->outer) return map_put(r->scope, name, s->outer) || nicol_fail_oom(r->err);
    map_del(r->scope, name);
    return true;
}

/* --- nodes ---------------------------------------------------------------------------------------------------------- */

static bool read_node(plan_reader *r, json_val v, const plan_where *at, const plan_node **out);

static bool read_child(plan_reader *r, json_val args, const char *name, const plan_where *at, const plan_node **out)
{
    json_val v;
    return plan_member(r, args, name, JSON_OBJECT, at, &v) && read_node(r, v, WHERE(at, name), out);
}

static bool read_value_node(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    return plan_read_value(r, args, at, &n->u.value);
}

static bool read_unit(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    (void)r, (void)args, (void)at, (void)n;
    return true;
}

static bool read_get(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    return plan_text_member(r, args, "name", at, &n->u.get.name) && resolve_get(r, n->u.get.name, &n->u.get.slot);
}

static bool read_first(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    nicol_str *names;
    json_val v;
    if (!plan_member(r, args, "names", JSON_ARRAY, at, &v)) return false;
    if (!plan_texts(r, v, WHERE(at, "names"), &names, &n->u.first.n)) return false;
    n->u.first.slots = ARENA_ARRAY(r->a, n->u.first.n ? n->u.first.n : 1, uint32_t);
    if (!n->u.first.slots) return nicol_fail_oom(r->err);
    for (uint32_t i = 0; i < n->u.first.n; i++) {
        if (!resolve_get(r, names[i], &n->u.first.slots[i])) return false;
    }
    return true;
}

static bool read_let(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val list;
    if (!plan_member(r, args, "bindings", JSON_ARRAY, at, &list)) return false;
    uint32_t total = json_count(list);
    n->u.let.v = ARENA_ARRAY(r->a, total ? total : 1, plan_binding);
    if (!n->u.let.v) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "bindings");
    json_iter it = json_first(list);
    while (json_more(&it)) {
        plan_binding *b = &n->u.let.v[n->u.let.n];
        const plan_where *item = WHERE_AT(here, n->u.let.n);
        /* The expression first: it may read an outer binding of the very name that it is bound to. */
        if (!plan_text_member(r, it.value, "name", item, &b->name)) return false;
        if (!read_child(r, it.value, "expr", item, &b->expr)) return false;
        if (!bind_name(r, b->name, &b->slot)) return false;
        n->u.let.n++;
    }
    if (!read_child(r, args, "expr", at, &n->u.let.expr)) return false;
    for (uint32_t i = n->u.let.n; i > 0; i--) {
        if (!unbind_name(r, n->u.let.v[i - 1].name)) return false;
    }
    return true;
}

static bool read_list(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    if (json_kind(args) != JSON_ARRAY)
        return plan_bad(r, at, "expected a list of nodes, found %s", kind_name(json_kind(args)));
    n->u.list.v = ARENA_ARRAY(r->a, json_count(args) ? json_count(args) : 1, const plan_node *);
    if (!n->u.list.v) return nicol_fail_oom(r->err);
    json_iter it = json_first(args);
    while (json_more(&it)) {
        if (!read_node(r, it.value, WHERE_AT(at, n->u.list.n), &n->u.list.v[n->u.list.n])) return false;
        n->u.list.n++;
    }
    return true;
}

static bool read_one(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    return read_node(r, args, at, &n->u.one);
}

static bool read_transaction(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    r->p->writes = true;
    return read_node(r, args, at, &n->u.one);
}

static bool read_map_field(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    n->u.map_field.site = r->p->sites_n++;
    return plan_text_member(r, args, "field", at, &n->u.map_field.field) &&
           read_child(r, args, "records", at, &n->u.map_field.records);
}

static bool read_on(plan_reader *r, json_val on, const plan_where *at, plan_join_child *c)
{
    uint32_t total = json_count(on) ? json_count(on) : 1;
    c->on_parent = ARENA_ARRAY(r->a, total, nicol_str);
    c->on_child = ARENA_ARRAY(r->a, total, nicol_str);
    if (!c->on_parent || !c->on_child) return nicol_fail_oom(r->err);
    json_iter it = json_first(on);
    while (json_more(&it)) {
        const plan_where *item = WHERE_AT(at, c->on_n);
        nicol_str *pair;
        uint32_t n;
        if (!plan_texts(r, it.value, item, &pair, &n)) return false;
        if (n != 2) return plan_bad(r, item, "expected a pair of column names, found %u", n);
        c->on_parent[c->on_n] = pair[0];
        c->on_child[c->on_n] = pair[1];
        c->on_n++;
    }
    return true;
}

static bool read_join(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val list, strict = json_get(args, S("canAssumeStrictEquality"));
    n->u.join.site = r->p->sites_n++;
    n->u.join.strict = json_kind(strict) != JSON_FALSE;
    if (!read_child(r, args, "parent", at, &n->u.join.parent)) return false;
    if (!plan_member(r, args, "children", JSON_ARRAY, at, &list)) return false;
    n->u.join.v = ARENA_ARRAY(r->a, json_count(list) ? json_count(list) : 1, plan_join_child);
    if (!n->u.join.v) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "children");
    json_iter it = json_first(list);
    while (json_more(&it)) {
        plan_join_child *c = &n->u.join.v[n->u.join.n];
        const plan_where *item = WHERE_AT(here, n->u.join.n);
        json_val on;
        if (!read_child(r, it.value, "child", item, &c->child)) return false;
        if (!plan_member(r, it.value, "on", JSON_ARRAY, item, &on) || !read_on(r, on, WHERE(item, "on"), c))
            return false;
        if (!plan_text_member(r, it.value, "parentField", item, &c->field)) return false;
        c->unique = json_kind(json_get(it.value, S("isRelationUnique"))) == JSON_TRUE;
        n->u.join.n++;
    }
    return true;
}

static bool read_diff(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    if (!read_child(r, args, "from", at, &n->u.diff.from) || !read_child(r, args, "to", at, &n->u.diff.to))
        return false;
    json_val fields = json_get(args, S("fields"));
    n->u.diff.whole = !json_present(fields) || json_kind(fields) == JSON_NULL;
    return n->u.diff.whole || plan_texts(r, fields, WHERE(at, "fields"), &n->u.diff.fields, &n->u.diff.n);
}

static bool read_rule(plan_reader *r, json_val v, const plan_where *at, plan_rule *out)
{
    static const struct {
        const char *name;
        plan_rule_type type;
    } rules[] = {{"rowCountEq", RULE_COUNT_EQ},
                 {"rowCountNeq", RULE_COUNT_NEQ},
                 {"affectedRowCountEq", RULE_AFFECTED_EQ},
                 {"never", RULE_NEVER}};
    json_val type;
    if (!plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!json_is(type, str_c(rules[i].name))) continue;
        out->type = rules[i].type;
        if (out->type == RULE_NEVER || json_i64(json_get(v, S("args")), &out->n)) return true;
        return plan_bad(r, at, "rule '%s' needs a whole number in 'args'", rules[i].name);
    }
    nicol_str name = json_text(type);
    return plan_bad(r, at, "unknown rule '%.*s'", STR_FMT(str_sub(name, 0, 60)));
}

static bool read_if(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val rule;
    return read_child(r, args, "value", at, &n->u.cond.value) && plan_member(r, args, "rule", JSON_OBJECT, at, &rule) &&
           read_rule(r, rule, WHERE(at, "rule"), &n->u.cond.rule) && read_child(r, args, "then", at, &n->u.cond.then) &&
           read_child(r, args, "else", at, &n->u.cond.otherwise);
}

static bool read_context(plan_reader *r, json_val v, const plan_where *at, plan_context **out)
{
    plan_context *c = *out = ARENA_NEW(r->a, plan_context);
    if (!c) return nicol_fail_oom(r->err);
    if (json_kind(v) != JSON_OBJECT) {
        c->json = S("{}");
        return true;
    }
    const struct {
        const char *name;
        nicol_str *to;
    } texts[] = {
        {"operation", &c->operation},  {"model", &c->model},
        {"relation", &c->relation},    {"relationType", &c->relation_type},
        {"neededFor", &c->needed_for}, {"modelA", &c->model_a},
        {"modelB", &c->model_b},       {"parent", &c->parent},
        {"child", &c->child},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!plan_text_optional(r, v, texts[i].name, at, texts[i].to)) return false;
    }
    json_val rows = json_get(v, S("expectedRows"));
    if (json_present(rows) && !json_i64(rows, &c->expected_rows))
        return plan_bad(r, at, "'expectedRows' must be a whole number");
    c->json = arena_str(r->a, json_raw(v));
    return c->json.ptr || nicol_fail_oom(r->err);
}

static bool read_validate(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    static const struct {
        const char *name;
        plan_violation violation;
    } known[] = {
        {"RELATION_VIOLATION", VIOLATION_RELATION},
        {"RECORDS_NOT_CONNECTED", VIOLATION_NOT_CONNECTED},
        {"INCOMPLETE_CONNECT_OUTPUT", VIOLATION_CONNECT_OUTPUT},
        {"MISSING_RECORD", VIOLATION_MISSING_RECORD},
        {"MISSING_RELATED_RECORD", VIOLATION_MISSING_RELATED},
        {"INCOMPLETE_CONNECT_INPUT", VIOLATION_CONNECT_INPUT},
    };
    json_val rules;
    if (!read_child(r, args, "expr", at, &n->u.validate.expr)) return false;
    if (!plan_member(r, args, "rules", JSON_ARRAY, at, &rules)) return false;
    n->u.validate.rules = ARENA_ARRAY(r->a, json_count(rules) ? json_count(rules) : 1, plan_rule);
    if (!n->u.validate.rules) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "rules");
    json_iter it = json_first(rules);
    while (json_more(&it)) {
        if (!read_rule(r, it.value, WHERE_AT(here, n->u.validate.n), &n->u.validate.rules[n->u.validate.n]))
            return false;
        n->u.validate.n++;
    }
    /* Dialects before 7.4.2 spell it with an underscore. */
    const char *spelled = json_present(json_get(args, S("errorIdentifier"))) ? "errorIdentifier" : "error_identifier";
    if (!plan_text_member(r, args, spelled, at, &n->u.validate.violation_name)) return false;
    n->u.validate.violation = VIOLATION_UNKNOWN;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(n->u.validate.violation_name, str_c(known[i].name))) n->u.validate.violation = known[i].violation;
    }
    return read_context(r, json_get(args, S("context")), WHERE(at, "context"), &n->u.validate.context);
}

static bool read_process(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val ops;
    return read_child(r, args, "expr", at, &n->u.process.expr) &&
           plan_member(r, args, "operations", JSON_OBJECT, at, &ops) &&
           plan_read_ops(r, ops, WHERE(at, "operations"), &n->u.process.ops);
}

static bool read_data_map(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val structure;
    return read_child(r, args, "expr", at, &n->u.data_map.expr) &&
           plan_member(r, args, "structure", JSON_OBJECT, at, &structure) &&
           plan_read_shape(r, structure, json_get(args, S("enums")), WHERE(at, "structure"), &n->u.data_map.shape);
}

static bool read_init_field(plan_reader *r, json_val v, bool map_ops, const plan_where *at, plan_init_field *f)
{
    static const char *const names[] = {"set", "add", "subtract", "multiply", "divide"};
    json_val type;
    if (!plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    if (!map_ops && json_is(type, S("lastInsertId"))) {
        f->last_id = true;
        return true;
    }
    bool known = !map_ops && json_is(type, S("value"));
    for (size_t i = 0; map_ops && i < sizeof names / sizeof *names; i++) {
        if (!json_is(type, str_c(names[i]))) continue;
        f->op = (plan_field_op)i;
        known = true;
    }
    nicol_str name = json_text(type);
    if (!known) return plan_bad(r, at, "unknown field operation '%.*s'", STR_FMT(str_sub(name, 0, 60)));
    return plan_read_value(r, json_get(v, S("value")), WHERE(at, "value"), &f->value);
}

static bool read_record(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    json_val fields;
    if (!read_child(r, args, "expr", at, &n->u.record.expr)) return false;
    if (!plan_member(r, args, "fields", JSON_OBJECT, at, &fields)) return false;
    n->u.record.v = ARENA_ARRAY(r->a, json_count(fields) ? json_count(fields) : 1, plan_init_field);
    if (!n->u.record.v) return nicol_fail_oom(r->err);
    const plan_where *here = WHERE(at, "fields");
    json_iter it = json_first(fields);
    while (json_more(&it)) {
        plan_init_field *f = &n->u.record.v[n->u.record.n];
        if (!plan_key(r, &it, &f->name)) return false;
        if (!read_init_field(r, it.value, n->type == PLAN_MAP_RECORD, WHERE(here, f->name.ptr), f)) return false;
        n->u.record.n++;
    }
    return true;
}

static bool read_statement(plan_reader *r, json_val args, const plan_where *at, plan_node *n)
{
    if (!plan_read_stmt(r, args, at, &n->u.stmt)) return false;
    if (n->type == PLAN_EXECUTE || !n->u.stmt->reads) r->p->writes = true;
    r->p->statements_n++;
    return true;
}

static const struct {
    const char *name;
    plan_type type;
    bool (*read)(plan_reader *r, json_val args, const plan_where *at, plan_node *n);
} node_types[] = {
    {"value", PLAN_VALUE, read_value_node},
    {"unit", PLAN_UNIT, read_unit},
    {"get", PLAN_GET, read_get},
    {"getFirstNonEmpty", PLAN_GET_FIRST, read_first},
    {"let", PLAN_LET, read_let},
    {"seq", PLAN_SEQ, read_list},
    {"concat", PLAN_CONCAT, read_list},
    {"sum", PLAN_SUM, read_list},
    {"unique", PLAN_UNIQUE, read_one},
    {"required", PLAN_REQUIRED, read_one},
    {"reverse", PLAN_REVERSE, read_one},
    {"mapField", PLAN_MAP_FIELD, read_map_field},
    {"join", PLAN_JOIN, read_join},
    {"diff", PLAN_DIFF, read_diff},
    {"if", PLAN_IF, read_if},
    {"validate", PLAN_VALIDATE, read_validate},
    {"process", PLAN_PROCESS, read_process},
    {"dataMap", PLAN_DATA_MAP, read_data_map},
    {"initializeRecord", PLAN_INIT_RECORD, read_record},
    {"mapRecord", PLAN_MAP_RECORD, read_record},
    {"query", PLAN_QUERY, read_statement},
    {"execute", PLAN_EXECUTE, read_statement},
    {"transaction", PLAN_TRANSACTION, read_transaction},
};

static bool read_node(plan_reader *r, json_val v, const plan_where *at, const plan_node **out)
{
    json_val type;
    if (json_kind(v) != JSON_OBJECT) return plan_bad(r, at, "expected a node, found %s", kind_name(json_kind(v)));
    if (!plan_enter(r, at) || !plan_member(r, v, "type", JSON_STRING, at, &type)) return false;
    nicol_str name = json_text(type);
    if (!name.ptr) return nicol_fail_oom(r->err);
    for (size_t i = 0; i < sizeof node_types / sizeof *node_types; i++) {
        if (!str_eq(name, str_c(node_types[i].name))) continue;
        plan_node *n = ARENA_NEW(r->a, plan_node);
        if (!n) return nicol_fail_oom(r->err);
        n->type = node_types[i].type;
        *out = n;
        bool good = node_types[i].read(r, json_get(v, S("args")), WHERE(at, "args"), n);
        plan_leave(r);
        return good;
    }
    return plan_bad(r, at, "unknown node type '%.*s'", STR_FMT(str_sub(name, 0, 60)));
}

/* --- the plan ------------------------------------------------------------------------------------------------------- */

static void classify_root(plan *p)
{
    const plan_node *n = p->root;
    p->root_is_transaction = n->type == PLAN_TRANSACTION;
    p->raw_query = n->type == PLAN_QUERY && n->u.stmt->raw;
    p->raw_execute = n->type == PLAN_EXECUTE && n->u.stmt->raw;
}

plan *plan_read(json_val node, const mem *m, nicol_error *err)
{
    if (!m) m = mem_default;
    arena *a = arena_new(m, NICOL_REQUEST_ARENA_BYTES_MAX);
    plan *p = a ? ARENA_NEW(a, plan) : NULL;
    plan_reader r = {.p = p, .a = a, .m = m, .err = err};
    r.params = map_new(m, PLAN_PARAMS_MAX);
    r.scope = map_new(m, NICOL_PLAN_NODES_MAX);
    bool good = p && r.params && r.scope;
    if (!good) nicol_fail_oom(err);
    if (p) p->a = a;
    good = good && read_node(&r, node, WHERE(NULL, "plan"), &p->root);
    if (good) classify_root(p);
    map_free(r.params);
    map_free(r.scope);
    if (good) return p;
    arena_free(a);
    return NULL;
}
