/* schema/format_missing.c - what relations lack, as text to be inserted.
 *
 * A relation that was written at one end only gets the other end; an end that should hold the foreign key gets its
 * `fields` and `references`, and the model the scalar fields that they name. Names are made from the models' names; they
 * are a proposal that a person may change, and are not checked against what else the schema has.
 */
#include <stdlib.h>

#include "schema/format_int.h"

typedef struct finder {
    sc_ctx *c;
    missing_list *out;
    buf b;
    bool oom;
} finder;

static void add_bit(finder *f, uint32_t file, uint32_t at)
{
    missing_list *l = f->out;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        missing_bit *v = arena_grow(f->c->t, l->v, l->cap * sizeof(*v), cap * sizeof(*v));
        if (v == NULL) {
            f->oom = true;
            return;
        }
        l->v = v;
        l->cap = cap;
    }
    nicol_str text = arena_str(f->c->t, buf_view(&f->b));
    if (text.ptr == NULL || buf_failed(&f->b)) f->oom = true;
    else l->v[l->n] = (missing_bit){.file = file, .at = at, .order = (uint32_t)l->n, .text = text};
    l->n += !f->oom;
}

/* Ends a line that is to be a field of the model: it goes right before the closing brace. */
static void add_field(finder *f, const model_info *m)
{
    buf_char(&f->b, '\n');
    add_bit(f, m->ast->at.file, m->ast->at.end - 1);
}

/* --- the key that a foreign key points at ------------------------------------------------------------------------------ */

static bool is_strict(const index_info *x)
{
    for (size_t i = 0; i < x->cols_n; i++) {
        const field_info *f = x->cols[i].f;
        if (f == NULL || f->f->arity != ARITY_REQUIRED || f->f->kind == FIELD_UNSUPPORTED) return false;
    }
    return true;
}

/* The id, else the first unique key; strict: whose fields all have values. NULL: there is none. */
static const index_info *key_of(const model_info *m, bool strict)
{
    if (m->id != NULL && (!strict || is_strict(m->id))) return m->id;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->kind == INDEX_UNIQUE && !x->partial && (!strict || is_strict(x))) return x;
    return NULL;
}

/* --- texts ----------------------------------------------------------------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* "user" + "id": userId. */
static void put_key_name(buf *b, const model_info *to, const field_info *f)
{
    nicol_str model = to->m->name, field = f->f->name;
    buf_char(b, lower(model.ptr[0]));
    buf_str(b, str_sub(model, 1, model.len));
    buf_char(b, upper(field.ptr[0]));
    buf_str(b, str_sub(field, 1, field.len));
}

static void put_fields_arg(buf *b, const model_info *to)
{
    const index_info *key = key_of(to, false);
    buf_lit(b, "fields: [");
    for (size_t i = 0; key != NULL && i < key->cols_n; i++) {
        if (key->cols[i].f == NULL) continue;
        if (i != 0) buf_lit(b, ", ");
        put_key_name(b, to, key->cols[i].f);
    }
    buf_char(b, ']');
}

static void put_references_arg(buf *b, const model_info *to)
{
    const index_info *key = key_of(to, true);
    buf_lit(b, "references: [");
    for (size_t i = 0; key != NULL && i < key->cols_n; i++) {
        if (i != 0) buf_lit(b, ", ");
        buf_str(b, key->cols[i].f->f->name);
    }
    buf_char(b, ']');
}

/* A relation with a name needs it at both ends; without it the new end would belong to another one, and be added again
 * and again. */
static void put_relation_name(finder *f, const field_info *end)
{
    if (end->rel->name.len == 0) return;
    const ast_attr *a = relation_attr(f->c, end);
    for (const ast_arg *x = a->args.first; x != NULL; x = x->next) {
        if (x->name.name.len != 0 && !str_eq(x->name.name, S("name"))) continue;
        buf_str(&f->b, ctx_source(f->c, x->value->at));
        return;
    }
}

static void put_arity(buf *b, schema_arity a)
{
    if (a == ARITY_OPTIONAL) buf_char(b, '?');
    if (a == ARITY_LIST) buf_lit(b, "[]");
}

/* --- what is missing ----------------------------------------------------------------------------------------------------- */

/* Arguments of @relation at the end that holds the foreign key. */
static void find_arguments(finder *f, const field_info *end)
{
    const rel_info *r = end->rel;
    if (r->has_fields && r->has_refs) return;
    const ast_attr *a = r->attr_at == 0 ? NULL : relation_attr(f->c, end);
    buf_clear(&f->b);
    uint32_t at = type_again(f->c, field_at(end).file, decl_of(end)).type_at.end;
    bool open = a != NULL && f->c->files[a->at.file].text.ptr[a->at.end - 1] == ')';
    if (a == NULL) {
        buf_lit(&f->b, " @relation(");
    } else if (open) {
        at = a->args.comma.end != 0 ? a->args.comma.start : a->at.end - 1;
        if (a->args.n != 0) buf_lit(&f->b, ", ");
    } else {
        at = a->name.at.end;
        buf_char(&f->b, '(');
    }
    if (!r->has_fields) put_fields_arg(&f->b, end->rel->target);
    if (!r->has_fields && !r->has_refs) buf_lit(&f->b, ", ");
    if (!r->has_refs) put_references_arg(&f->b, end->rel->target);
    if (!open) buf_char(&f->b, ')');
    add_bit(f, field_at(end).file, at);
}

static void find_back(finder *f, const relation_info *r)
{
    nicol_str name = r->fwd->owner->m->name;
    buf word;
    if (r->back != NULL) return;
    buf_init(&word, &f->c->tmem, SIZE_MAX / 2);
    words_camel(name, &word);
    buf_clear(&f->b);
    if (r->kind == RELATION_ONE_ONE) buf_str(&f->b, buf_view(&word));
    else words_plural(buf_view(&word), &f->b);
    if (buf_failed(&word)) f->oom = true;
    buf_char(&f->b, ' ');
    buf_str(&f->b, name);
    put_arity(&f->b, r->kind == RELATION_ONE_ONE ? ARITY_OPTIONAL : ARITY_LIST);
    if (r->fwd->rel->name.len != 0) {
        buf_lit(&f->b, " @relation(");
        put_relation_name(f, r->fwd);
        buf_char(&f->b, ')');
    }
    if (r->fwd->owner->m->is_ignored) buf_lit(&f->b, " @ignore");
    add_field(f, r->fwd->rel->target);
}

/* Whether all scalar fields of a foreign key to `to` are there and have values: then so has the relation. */
static bool key_is_there(finder *f, const model_info *from, const model_info *to)
{
    const index_info *key = key_of(to, false);
    for (size_t i = 0; key != NULL && i < key->cols_n; i++) {
        if (key->cols[i].f == NULL) return false;
        buf_clear(&f->b);
        put_key_name(&f->b, to, key->cols[i].f);
        const field_info *there = field_find(from, buf_view(&f->b));
        if (there == NULL || there->f->kind == FIELD_RELATION || there->f->arity == ARITY_OPTIONAL) return false;
    }
    return true;
}

static void find_forward(finder *f, const field_info *back)
{
    const model_info *from = back->rel->target, *to = back->owner;
    bool required = key_is_there(f, from, to);
    buf_clear(&f->b);
    words_camel(to->m->name, &f->b);
    buf_char(&f->b, ' ');
    buf_str(&f->b, to->m->name);
    put_arity(&f->b, required ? ARITY_REQUIRED : ARITY_OPTIONAL);
    buf_lit(&f->b, " @relation(");
    put_relation_name(f, back);
    if (back->rel->name.len != 0) buf_lit(&f->b, ", ");
    put_fields_arg(&f->b, to);
    buf_lit(&f->b, ", ");
    put_references_arg(&f->b, to);
    buf_char(&f->b, ')');
    add_field(f, from);
}

static void put_native(finder *f, const field_info *key)
{
    if (!key->has_native) return;
    buf_char(&f->b, ' ');
    buf_str(&f->b, str_trim(ctx_source(f->c, native_attr(f->c, key)->at)));
}

/* The scalar fields of the foreign key that the model does not have yet. */
static void find_scalars(finder *f, const model_info *from, const model_info *to, schema_arity arity)
{
    const index_info *key = key_of(to, false);
    for (size_t i = 0; key != NULL && i < key->cols_n && !f->oom; i++) {
        const field_info *k = key->cols[i].f;
        if (k == NULL || k->f->kind != FIELD_SCALAR) continue;
        buf_clear(&f->b);
        put_key_name(&f->b, to, k);
        const field_info *there = field_find(from, buf_view(&f->b));
        if (there != NULL && there->f->kind != FIELD_RELATION) continue;
        buf_char(&f->b, ' ');
        buf_str(&f->b, schema_scalar_name(k->f->type));
        put_arity(&f->b, arity);
        put_native(f, k);
        add_field(f, from);
    }
}

static void find_in_relation(finder *f, const relation_info *r)
{
    if (r->kind == RELATION_MANY_MANY) return;
    const model_info *from = r->fwd != NULL ? r->fwd->owner : r->back->rel->target;
    const model_info *to = r->fwd != NULL ? r->fwd->rel->target : r->back->owner;
    if (r->fwd != NULL) {
        find_arguments(f, r->fwd);
        find_back(f, r);
    } else {
        find_forward(f, r->back);
    }
    if (r->fwd == NULL || !r->fwd->rel->has_fields)
        find_scalars(f, from, to, r->fwd != NULL ? r->fwd->f->arity : ARITY_OPTIONAL);
}

static int by_place(const void *a, const void *b)
{
    const missing_bit *x = a, *y = b;
    if (x->file != y->file) return x->file < y->file ? -1 : 1;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

bool missing_find(sc_ctx *c, missing_list *out, nicol_error *err)
{
    finder f = {.c = c, .out = out};
    buf_init(&f.b, &c->tmem, SIZE_MAX / 2);
    for (size_t i = 0; i < c->rels_n && !f.oom; i++) find_in_relation(&f, &c->rels[i]);
    if (f.oom || buf_failed(&f.b)) return nicol_fail_oom(err);
    if (out->n != 0) qsort(out->v, out->n, sizeof(out->v[0]), by_place);
    return true;
}
