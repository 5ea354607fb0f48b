/* exec/errors.c - the codes, texts and `meta` that clients get.
 *
 * A driver reports neutral facts; here they become what each protocol promises. The code depends on who asked: every
 * database error of a raw statement is P2010, the same error of a compiled one has its own code.
 */
#include "exec/exec_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "json/json.h"

/* --- texts ---------------------------------------------------------------------------------------------------------- */

/* Clients of version 7 and older ones know some texts in different words. */
typedef enum wording { WORDING_7, WORDING_6 } wording;

static void put_ticked(buf *b, nicol_str s)
{
    buf_char(b, '`');
    buf_str(b, s);
    buf_char(b, '`');
}

/* What a violated constraint is called. */
static void put_constraint(buf *b, const nicol_db_facts *f, wording w)
{
    /* The engine of clients up to version 6 names the columns where the database tells them. */
    if (f->constraint.len && !(w == WORDING_6 && f->fields_n)) {
        buf_lit(b, "constraint: ");
        put_ticked(b, f->constraint);
    } else if (f->fields_n) {
        buf_lit(b, "fields: (");
        for (size_t i = 0; i < f->fields_n; i++) {
            if (i) buf_str(b, w == WORDING_6 ? S(",") : S(", "));
            put_ticked(b, f->fields[i]);
        }
        buf_char(b, ')');
    } else if (str_eq(f->kind, S("ForeignKeyConstraintViolation"))) {
        buf_lit(b, "foreign key");
    } else {
        buf_lit(b, "(not available)");
    }
}

static void put_or_unknown(buf *b, nicol_str s)
{
    if (s.len) buf_str(b, s);
    else buf_lit(b, "(not available)");
}

/* The database's name that the reference's statements have before a table or column, and ours leave out: "main.T", "main.T.c". */
static nicol_str left_out(const nicol_db_facts *f, nicol_str name, unsigned dots)
{
    for (size_t i = 0; i < name.len; i++) dots -= name.ptr[i] == '.';
    return name.len && dots == 0 && str_starts(f->original_code, S("SQLITE_")) ? S("main.") : S("");
}

/* The text of a compiled statement's error. False: the message stays as it is. */
static bool put_text(buf *b, nicol_code code, const nicol_db_facts *f, wording w)
{
    switch ((unsigned)code) {
    case NICOL_E_UNIQUE_VIOLATION:
        buf_lit(b, "Unique constraint failed on the ");
        put_constraint(b, f, w);
        return true;
    case NICOL_E_FOREIGN_KEY:
        buf_lit(b, "Foreign key constraint violated on the ");
        put_constraint(b, f, w);
        return true;
    case NICOL_E_NULL_VIOLATION:
        buf_lit(b, "Null constraint violation on the ");
        put_constraint(b, f, w);
        return true;
    case NICOL_E_TABLE_MISSING:
        buf_lit(b, "The table `");
        if (w == WORDING_6) buf_str(b, left_out(f, f->table, 0));
        put_or_unknown(b, f->table);
        buf_lit(b, "` does not exist in the current database.");
        return true;
    case NICOL_E_COLUMN_MISSING:
        buf_lit(b, "The column `");
        if (w == WORDING_6) buf_str(b, left_out(f, f->column, 1));
        put_or_unknown(b, f->column);
        buf_lit(b, "` does not exist in the current database.");
        return true;
    case NICOL_E_VALUE_TOO_LONG:
        buf_lit(b, "The provided value for the column is too long for the column's type. Column: ");
        put_or_unknown(b, f->column);
        return true;
    case NICOL_E_OUT_OF_RANGE:
        buf_lit(b, "Value out of range for the type: ");
        buf_str(b, f->original_text);
        return true;
    case NICOL_E_DB_TIMEOUT:
        buf_lit(b, "Operation has timed out");
        return true;
    case NICOL_E_WRITE_CONFLICT:
        buf_lit(b, "Transaction failed due to a write conflict or a deadlock. Please retry your transaction");
        return true;
    case NICOL_E_DB_OTHER:
        buf_lit(b, "Database error. Code: ");
        put_ticked(b, f->original_code);
        buf_lit(b, ". Message: ");
        put_ticked(b, f->original_text);
        return true;
    default:
        return false;
    }
}

static void put_raw_text(buf *b, const nicol_db_facts *f)
{
    buf_lit(b, "Raw query failed. Code: ");
    put_ticked(b, f->original_code.len ? f->original_code : S("N/A"));
    buf_lit(b, ". Message: ");
    put_ticked(b, f->original_text);
}

void error_settle(nicol_error *err, bool raw, arena *a)
{
    const nicol_db_facts *f = err->db;
    if (!f) return;
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    nicol_code code = raw ? NICOL_E_RAW_FAILED : err->code == NICOL_E_RAW_FAILED ? NICOL_E_DB_OTHER : err->code;
    if (raw) put_raw_text(&b, f);
    else if (!put_text(&b, code, f, WORDING_7)) buf_str(&b, err->message);
    nicol_str text = buf_failed(&b) ? (nicol_str){0} : arena_str(a, buf_view(&b));
    buf_free(&b);
    err->code = code;
    if (text.ptr) err->message = text;
    else err->message = str_c(err_template(code)); /* no memory left for the full text */
}

bool fail_database(run *r, const plan_stmt *s)
{
    /* An error passes here more than once on its way out; the empty `meta` says that it is settled. */
    if (r->err && r->err->db && r->err->meta.ptr == NULL) {
        error_settle(r->err, s->raw, r->a);
        r->err->meta = (nicol_str){"", 0};
    }
    return false;
}

/* --- validation rules ----------------------------------------------------------------------------------------------- */

#define TX_HEAD "Transaction API error: "
#define NOT_FOUND "An operation failed because it depends on one or more records that were required but not found. "

static nicol_code rule_text(buf *b, const plan_node *n, int64_t found)
{
    const plan_context *c = n->u.validate.context;
    switch (n->u.validate.violation) {
    case VIOLATION_RELATION:
        buf_printf(
            b,
            "The change you are trying to make would violate the required relation '%.*s' between the `%.*s` and `%.*s` models.",
            STR_FMT(c->relation), STR_FMT(c->model_a), STR_FMT(c->model_b));
        return NICOL_E_RELATION_VIOLATION;
    case VIOLATION_NOT_CONNECTED:
        buf_printf(b, "The records for relation `%.*s` between the `%.*s` and `%.*s` models are not connected.",
                   STR_FMT(c->relation), STR_FMT(c->parent), STR_FMT(c->child));
        return NICOL_E_NOT_CONNECTED;
    case VIOLATION_CONNECT_OUTPUT:
        buf_printf(
            b,
            "The required connected records were not found. Expected %lld records to be connected after connect operation on %.*s relation '%.*s', found %lld.",
            (long long)c->expected_rows, STR_FMT(c->relation_type), STR_FMT(c->relation), (long long)found);
        return NICOL_E_CONNECT_INCOMPLETE;
    case VIOLATION_MISSING_RECORD:
        buf_printf(b, NOT_FOUND "No record was found for %.*s.", STR_FMT(c->operation));
        return NICOL_E_NOT_FOUND;
    case VIOLATION_MISSING_RELATED:
        buf_printf(b, NOT_FOUND "No '%.*s' record", STR_FMT(c->model));
        if (c->needed_for.len) buf_printf(b, " (needed to %.*s)", STR_FMT(c->needed_for));
        buf_printf(b, " was found for %.*s on %.*s relation '%.*s'.", STR_FMT(c->operation), STR_FMT(c->relation_type),
                   STR_FMT(c->relation));
        return NICOL_E_NOT_FOUND;
    case VIOLATION_CONNECT_INPUT:
        buf_printf(b, NOT_FOUND "Expected %lld records to be connected, found only %lld.", (long long)c->expected_rows,
                   (long long)found);
        return NICOL_E_NOT_FOUND;
    case VIOLATION_UNKNOWN:
        break;
    }
    buf_printf(b, "Unknown validation error '%.*s'", STR_FMT(n->u.validate.violation_name));
    return NICOL_E_INTERNAL;
}

bool fail_rule(run *r, const plan_node *n, val v)
{
    int64_t found = v.type == VAL_INT ? v.u.i : (int64_t)val_count(r, v);
    buf b;
    buf_init(&b, r->e->m, 1 << 16);
    nicol_code code = rule_text(&b, n, found);
    if (buf_failed(&b)) {
        buf_free(&b);
        return run_oom(r);
    }
    nicol_fail_in(r->a, r->err, code, "%.*s", (int)b.len, b.ptr);
    buf_free(&b);
    /* A copy: the plan may go before the error is told. */
    if (r->err && r->err->code == code) r->err->meta = arena_str(r->a, n->u.validate.context->json);
    return false;
}

bool fail_tx(nicol_error *err, arena *a, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    nicol_fail_in(a, err, NICOL_E_TRANSACTION, TX_HEAD "%s", text);
    if (err && err->code == NICOL_E_TRANSACTION && !err->meta.ptr) err->meta = S("{}");
    return false;
}

/* --- meta ----------------------------------------------------------------------------------------------------------- */

static void put_member(buf *out, const char *name, nicol_str v)
{
    if (v.len == 0) return;
    if (out->len && out->ptr[out->len - 1] != '{') buf_char(out, ',');
    json_put_str(out, str_c(name));
    buf_char(out, ':');
    json_put_str(out, v);
}

static void put_fields(buf *out, const nicol_db_facts *f)
{
    buf_char(out, '[');
    for (size_t i = 0; i < f->fields_n; i++) {
        if (i) buf_char(out, ',');
        json_put_str(out, f->fields[i]);
    }
    buf_char(out, ']');
}

static void put_cause(buf *out, const nicol_db_facts *f)
{
    buf_char(out, '{');
    put_member(out, "originalCode", f->original_code);
    put_member(out, "originalMessage", f->original_text);
    put_member(out, "kind", f->kind);
    if (f->constraint.len) {
        buf_lit(out, ",\"constraint\":{");
        put_member(out, "index", f->constraint);
        buf_char(out, '}');
    } else if (f->fields_n) {
        buf_lit(out, ",\"constraint\":{\"fields\":");
        put_fields(out, f);
        buf_char(out, '}');
    } else if (str_eq(f->kind, S("ForeignKeyConstraintViolation"))) {
        buf_lit(out, ",\"constraint\":{\"foreignKey\":{}}");
    }
    put_member(out, "table", f->table);
    put_member(out, "column", f->column);
    if (str_eq(f->kind, S("sqlite"))) {
        /* The reference's adapter knows only the generic code here: better-sqlite3 gives it the name, not the number. */
        buf_lit(out, ",\"extendedCode\":1");
        put_member(out, "message", f->original_text);
    } else if (str_eq(f->kind, S("postgres"))) {
        put_member(out, "code", f->original_code);
        put_member(out, "severity", f->severity);
        put_member(out, "message", f->original_text);
        put_member(out, "detail", f->detail);
        put_member(out, "hint", f->hint);
    } else if (str_eq(f->kind, S("ValueOutOfRange")) || str_eq(f->kind, S("TooManyConnections"))) {
        put_member(out, "cause", f->original_text);
    } else if (str_eq(f->kind, S("InvalidInputValue"))) {
        put_member(out, "message", f->original_text);
    }
    buf_char(out, '}');
}

void exec_error_meta_v7(const nicol_error *err, buf *out)
{
    if (err->db) {
        buf_lit(out, "{\"driverAdapterError\":{\"name\":\"DriverAdapterError\",\"cause\":");
        put_cause(out, err->db);
        buf_char(out, '}');
        if (err->code == NICOL_E_UNIQUE_VIOLATION) put_member(out, "table", err->db->table);
        buf_char(out, '}');
    } else if (err->meta.len) {
        buf_str(out, err->meta);
    } else {
        buf_lit(out, "{}");
    }
}

/* The members of a validation context under the names that the older protocol has for them. */
static void put_context_v6(const nicol_error *err, buf *out)
{
    static const struct {
        const char *from, *to;
    } names[] = {{"relation", "relation_name"},
                 {"modelA", "model_a_name"},
                 {"modelB", "model_b_name"},
                 {"parent", "parent_name"},
                 {"child", "child_name"}};
    arena *a = arena_new(mem_default, 1 << 20);
    json_doc doc;
    nicol_error ignored = {0};
    buf_char(out, '{');
    if (a && json_parse(a, err->meta, 16, &doc, &ignored)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            put_member(out, names[i].to, json_text(json_get(json_root(&doc), str_c(names[i].from))));
        }
    }
    buf_char(out, '}');
    arena_free(a);
}

/* A member whose text is the name with the database before it. */
static void put_name(buf *out, const char *member, const nicol_db_facts *f, nicol_str name, unsigned dots)
{
    nicol_str first = left_out(f, name, dots);
    if (first.len == 0) {
        put_member(out, member, name);
        return;
    }
    if (out->ptr && out->ptr[out->len - 1] != '{') buf_char(out, ',');
    json_put_str(out, str_c(member));
    buf_lit(out, ":\"");
    json_put_escaped(out, first);
    json_put_escaped(out, name);
    buf_char(out, '"');
}

static void put_facts_v6(const nicol_error *err, nicol_str model, buf *out)
{
    const nicol_db_facts *f = err->db;
    buf_char(out, '{');
    switch ((unsigned)err->code) {
    case NICOL_E_UNIQUE_VIOLATION:
        put_member(out, "modelName", model);
        if (model.len) buf_char(out, ',');
        buf_lit(out, "\"target\":");
        if (f->fields_n || !f->constraint.len) put_fields(out, f);
        else json_put_str(out, f->constraint);
        break;
    case NICOL_E_FOREIGN_KEY:
        put_member(out, "modelName", model);
        if (f->constraint.len) {
            put_member(out, "constraint", f->constraint);
        } else {
            put_member(out, "field_name", S("foreign key")); /* version 5 */
            buf_lit(out, ",\"constraint\":null");            /* version 6 */
        }
        break;
    case NICOL_E_NULL_VIOLATION:
        put_member(out, "modelName", model);
        if (model.len) buf_char(out, ',');
        buf_lit(out, "\"constraint\":");
        put_fields(out, f);
        break;
    case NICOL_E_RAW_FAILED:
        put_member(out, "code", f->original_code);
        put_member(out, "message", f->original_text);
        break;
    case NICOL_E_TABLE_MISSING:
        put_member(out, "modelName", model);
        put_name(out, "table", f, f->table, 0);
        break;
    case NICOL_E_COLUMN_MISSING:
        put_member(out, "modelName", model);
        put_name(out, "column", f, f->column, 1);
        break;
    case NICOL_E_VALUE_TOO_LONG:
        put_member(out, "modelName", model);
        put_member(out, "column_name", f->column);
        break;
    default:
        put_member(out, "modelName", model);
        put_member(out, "database_error", f->original_text);
        break;
    }
    buf_char(out, '}');
}

/* The text after the first sentence of a P2025. */
static nicol_str cause_of(nicol_str message)
{
    nicol_str head = S(NOT_FOUND);
    return str_starts(message, head) ? str_sub(message, head.len, message.len) : message;
}

/* What the older protocol's texts have and those of version 7 don't, between a text's head and its rest. */
static void put_rest_v6(buf *b, nicol_code code, nicol_str rest)
{
    if (code == NICOL_E_TRANSACTION && str_find(rest, S(" on an expired transaction."), 0) != SIZE_MAX) {
        buf_lit(b, "Transaction already closed: ");
    } else if (code == NICOL_E_COLUMN_DATA && !str_starts(rest, S("Conversion failed: "))) {
        buf_lit(b, "Conversion failed: ");
    }
    buf_str(b, rest);
}

static bool put_text_v6(buf *b, const nicol_error *err)
{
    nicol_str head = S(TX_HEAD), text = err->message;
    if (err->db) return err->code != NICOL_E_RAW_FAILED && put_text(b, err->code, err->db, WORDING_6);
    if (err->code == NICOL_E_COLUMN_DATA) {
        buf_lit(b, "Inconsistent column data: ");
        put_rest_v6(b, err->code, text);
        return true;
    }
    if (err->code != NICOL_E_TRANSACTION || !str_starts(text, head)) return false;
    buf_str(b, head);
    put_rest_v6(b, err->code, str_sub(text, head.len, text.len));
    return true;
}

void exec_error_text_v6(const nicol_error *err, buf *out)
{
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    bool older = put_text_v6(&b, err);
    json_put_str(out, older && !buf_failed(&b) ? buf_view(&b) : err->message);
    buf_free(&b);
}

/* The member that holds the text again, without its head. */
static void put_rest_member(buf *out, const char *name, const nicol_error *err, nicol_str rest)
{
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    put_rest_v6(&b, err->code, rest);
    put_member(out, name, buf_failed(&b) ? rest : buf_view(&b));
    buf_free(&b);
}

void exec_error_meta_v6(const nicol_error *err, nicol_str model, buf *out)
{
    if (err->db) {
        put_facts_v6(err, model, out);
        return;
    }
    if (err->code == NICOL_E_NOT_FOUND || err->code == NICOL_E_TRANSACTION || err->code == NICOL_E_CONNECT_INCOMPLETE ||
        err->code == NICOL_E_COLUMN_DATA) {
        nicol_str text = err->message, head = S(TX_HEAD);
        buf_char(out, '{');
        if (err->code != NICOL_E_TRANSACTION) put_member(out, "modelName", model);
        if (err->code == NICOL_E_NOT_FOUND) put_member(out, "cause", cause_of(text));
        else if (err->code == NICOL_E_CONNECT_INCOMPLETE)
            put_member(out, "details",
                       str_starts(text, S("The required connected records were not found. "))
                           ? str_sub(text, 47, text.len)
                           : text);
        else if (err->code == NICOL_E_COLUMN_DATA) put_rest_member(out, "message", err, text);
        else put_rest_member(out, "error", err, str_starts(text, head) ? str_sub(text, head.len, text.len) : text);
        buf_char(out, '}');
    } else if (err->code == NICOL_E_RELATION_VIOLATION || err->code == NICOL_E_NOT_CONNECTED) {
        put_context_v6(err, out);
    } else if (err->meta.len) {
        buf_str(out, err->meta);
    } else {
        buf_lit(out, "{}");
    }
}
