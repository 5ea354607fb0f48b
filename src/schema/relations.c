/* schema/relations.c - which relation fields belong together, and what kind of relation they make.
 *
 * Two fields are ends of one relation when each one's type is the other's model and both have the same name or none. The
 * end that holds the foreign key is the "forward" one; where nothing decides, the first by name is, as in the reference,
 * so that messages and the columns of join tables agree.
 */
#include "schema/schema_int.h"

/* Whether f is one of the fields to `to` under that name. */
static bool is_in_group(const field_info *f, const schema_model *to, nicol_str name)
{
    return f->f->target == to && str_eq(f->rel->name, name);
}

/* The key of m->groups. A name is empty or not, so it need not be said whether there is one. */
static nicol_str group_key(char *key, const schema_model *to, nicol_str name)
{
    memcpy(key, &to->index, sizeof(to->index));
    if (name.len != 0) memcpy(key + sizeof(to->index), name.ptr, name.len);
    return str_of(key, sizeof(to->index) + name.len);
}

/* Fields of one model to another under one name, in the order of the text: the first of them. */
field_info *rel_group_of(const sc_ctx *c, const model_info *from, const schema_model *to, nicol_str name)
{
    char small[256];
    size_t n = sizeof(to->index) + name.len;
    if (from->groups == NULL) {
        field_info *f = from->group_first;
        while (f != NULL && !is_in_group(f, to, name)) f = f->rel->group_next;
        return f;
    }
    char *key = n > sizeof(small) ? arena_alloc(c->t, n) : small;
    return key == NULL ? NULL : map_get(from->groups, group_key(key, to, name));
}

static void map_group(sc_ctx *c, model_info *m, field_info *f)
{
    char *key = arena_alloc(c->t, sizeof(f->f->target->index) + f->rel->name.len);
    if (key == NULL) c->oom = true;
    else map_add(c, m->groups, group_key(key, f->f->target, f->rel->name), f);
}

/* Few groups are looked through one by one; many are found by a map. */
static void new_group(sc_ctx *c, model_info *m, field_info *f)
{
    f->rel->group_next = m->group_first;
    m->group_first = f;
    if (m->groups != NULL) map_group(c, m, f);
    if (++m->groups_n != SMALL_SET) return;
    m->groups = map_new(&c->tmem, SIZE_MAX / 64);
    if (m->groups == NULL) c->oom = true;
    for (field_info *g = m->group_first; g != NULL && !c->oom; g = g->rel->group_next) map_group(c, m, g);
}

static void add_to_group(sc_ctx *c, field_info *f)
{
    field_info *first = rel_group_of(c, f->owner, f->f->target, f->rel->name);
    if (first == NULL) {
        new_group(c, f->owner, f);
        first = f;
    } else {
        first->rel->group_last->rel->next = f;
    }
    first->rel->group_last = f;
    first->rel->group_n++;
}

static field_info *opposite_of(const sc_ctx *c, const field_info *f)
{
    field_info *o = rel_group_of(c, f->rel->target, f->owner->m, f->rel->name);
    return o == f ? o->rel->next : o;
}

static int order(const field_info *a, const field_info *b)
{
    int d = str_cmp(a->owner->m->name, b->owner->m->name);
    return d != 0 ? d : str_cmp(a->f->name, b->f->name);
}

static bool fields_unique(const model_info *m, const rel_info *r)
{
    for (const index_info *x = m->indexes; x != NULL; x = x->next) {
        if (x->kind != INDEX_UNIQUE || x->cols_n != r->fields_n) continue;
        size_t i = 0;
        while (i < x->cols_n && x->cols[i].f->f == r->fields[i]) i++;
        if (i == x->cols_n) return true;
    }
    return false;
}

/* What f and its opposite o (or NULL) make, seen from f. False when the relation is told from the other end. */
static bool classify(const field_info *f, const field_info *o, relation_info *r)
{
    bool list = f->f->arity == ARITY_LIST, self = o != NULL && f->owner == o->owner;
    r->fwd = (field_info *)f;
    r->back = (field_info *)o;
    if (o == NULL) {
        r->kind = !list && f->rel->has_fields && fields_unique(f->owner, f->rel) ? RELATION_ONE_ONE : RELATION_ONE_MANY;
        if (list) {
            r->back = r->fwd;
            r->fwd = NULL;
        }
        return true;
    }
    bool o_list = o->f->arity == ARITY_LIST;
    if (list && o_list) {
        r->kind = RELATION_MANY_MANY;
        r->embedded = f->rel->has_fields || o->rel->has_fields;
        if (self) return str_cmp(f->f->name, o->f->name) <= 0;
        return str_cmp(f->owner->m->name, o->owner->m->name) <= 0;
    }
    r->kind = list || o_list ? RELATION_ONE_MANY : RELATION_ONE_ONE;
    if (r->kind == RELATION_ONE_MANY) return !list;
    bool required = f->f->arity == ARITY_REQUIRED, o_required = o->f->arity == ARITY_REQUIRED;
    if (required != o_required) return required;
    if (required) return order(f, o) <= 0;
    if (f->rel->has_fields) return true;
    return !o->rel->has_fields && order(f, o) <= 0;
}

nicol_str relation_name_of(sc_ctx *c, const field_info *f)
{
    nicol_str a = f->owner->m->name, b = f->f->target->name;
    if (f->rel->name.len != 0) return f->rel->name;
    if (str_cmp(a, b) > 0) {
        a = f->f->target->name;
        b = f->owner->m->name;
    }
    char *p = arena_alloc(c->a, a.len + b.len + 2);
    if (p == NULL) {
        c->oom = true;
        return (nicol_str){0};
    }
    memcpy(p, a.ptr, a.len);
    memcpy(p + a.len, "To", 2);
    memcpy(p + a.len + 2, b.ptr, b.len);
    return str_of(p, a.len + b.len + 2);
}

bool relations_infer(sc_ctx *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->s->models_n; i++) {
        for (size_t k = 0; k < c->models[i].m->fields_n; k++) {
            field_info *f = &c->models[i].fields[k];
            if (f->f->kind != FIELD_RELATION) continue;
            add_to_group(c, f);
            n++;
        }
    }
    c->rels = NEW_ARRAY(c, n, relation_info);
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        for (size_t k = 0; k < c->models[i].m->fields_n; k++) {
            field_info *f = &c->models[i].fields[k];
            relation_info r = {0};
            if (f->f->kind != FIELD_RELATION || !classify(f, opposite_of(c, f), &r)) continue;
            if (r.fwd != NULL) r.fwd->rel->relation = (uint32_t)c->rels_n;
            if (r.back != NULL) r.back->rel->relation = (uint32_t)c->rels_n;
            c->rels[c->rels_n++] = r;
        }
    }
    return !c->oom;
}
