/* query/query_int.h - what the files of this module share.
 *
 * A request is read twice at most. The first reading (parse.c, find.c, where.c, write.c) is written by hand, straight
 * from JSON to the tree, and only says "does not match" when it meets something that the language does not have. Then,
 * and only then, the second reading (explain.c over types.c) matches the request against the typed description of the
 * language, input type by input type, and collects the errors that clients show. So a valid request pays nothing for
 * the error texts.
 */
#ifndef QUERY_QUERY_INT_H
#define QUERY_QUERY_INT_H

#include "query/query.h"

/* One first reading. A function that returns false has either filled *err (memory, a limit) or left it empty: then the
 * request does not match. */
typedef struct reader {
    const schema *s;
    arena *a;
    query_op *op;
    nicol_error *err;
    uint32_t params_cap;
    unsigned depth;
    size_t work; /* levels that may still be entered: see reader_enter */
} reader;

typedef struct filter_list {
    query_filter **v;
    uint32_t n, cap;
} filter_list;

enum { WHERE_ALL = 0, WHERE_SCALARS = 1, WHERE_UNIQUE = 2 };

/* Room for item n of an array that doubles; `cap` is in items. NULL: *err is filled. */
void *reader_grow(reader *r, void *array, uint32_t n, uint32_t *cap, size_t item);
void *reader_array(reader *r, size_t n, size_t item); /* zeroed */
#define READER_NEW(r, type) ((type *)reader_array((r), 1, sizeof(type)))
#define READER_ARRAY(r, n, type) ((type *)reader_array((r), (n), sizeof(type)))
/* One level deeper; false when too deep, or when the levels entered in all are out of proportion to the request: a
 * value that may be read in two ways is tried in both, and a schema could make that double at every level. reader_leave
 * undoes the depth. */
bool reader_enter(reader *r);
static inline void reader_leave(reader *r)
{
    r->depth--;
}

/* Iteration step that also notices a key that could not be decoded. */
static inline bool reader_more(reader *r, json_iter *it)
{
    if (!json_more(it)) return false;
    if (it->object && it->key.ptr == NULL) {
        (void)nicol_fail_oom(r->err);
        return false;
    }
    return true;
}

/* Inline, so that the length of a literal is known when compiling. */
static inline bool reader_key_is(nicol_str key, const char *text)
{
    size_t n = strlen(text);
    return key.len == n && memcmp(key.ptr, text, n) == 0;
}

/* --- values.c --- */
/* `$type` of a tagged value ("DateTime", "Enum", ...) with its value; empty when v is no tagged value. */
nicol_str query_tag(json_val v, json_val *value);
bool query_is_ref(json_val v);
/* Adds a parameter of the field's type; explicit null gives QVAL_NULL when `nullable`. */
bool reader_value(reader *r, json_val v, const schema_field *f, bool list, bool nullable, query_value *out);
bool reader_typed(reader *r, json_val v, scalar_type type, const schema_field *f, bool list, query_value *out);
bool reader_int(json_val v, int64_t *out); /* an Int argument; a fraction is cut as the reference does */
/* A {"$type":"FieldRef"} to a column of the same model and type. */
bool reader_ref(reader *r, json_val v, const schema_field *f, scalar_type type, bool list, query_value *out);
/* The first text of an RFC 3339 problem, in the words that clients know. */
const char *query_datetime_problem(nicol_str text);

/* --- where.c --- */
bool reader_where(reader *r, json_val v, const schema_model *m, unsigned flags, query_filter **out);
bool reader_having(reader *r, json_val v, const schema_model *m, query_filter **out);
/* The unique selectors of a WhereUniqueInput as columns and values, for cursors. */
bool reader_cursor(reader *r, json_val v, const schema_model *m, query_find *find);

/* --- find.c --- */
bool reader_order(reader *r, json_val v, const schema_model *m, bool grouped, query_find *find);
bool reader_find_args(reader *r, json_val args, const schema_model *m, unsigned allowed, query_find *find);
bool reader_select(reader *r, json_val sel, const schema_model *m, query_select **out);
bool reader_counts_only(json_val sel);
bool reader_aggregates(reader *r, json_val sel, const schema_model *m, bool grouped);
bool reader_field_names(reader *r, json_val v, const schema_model *m, const schema_field ***out, uint32_t *n);
enum {
    FIND_ORDER = 1,
    FIND_CURSOR = 2,
    FIND_TAKE = 4,
    FIND_DISTINCT = 8,
    FIND_WHERE = 16,
    FIND_UNIQUE = 32,
    FIND_MANY = FIND_WHERE | FIND_ORDER | FIND_CURSOR | FIND_TAKE | FIND_DISTINCT
};

/* --- write.c --- */
/* `without`: the relation field on m that leads back to the parent, or NULL. */
bool reader_create(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out);
bool reader_update(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out);
bool reader_create_row(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out);
bool reader_update_row(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out);

/* --- raw.c --- */
bool reader_raw(reader *r, json_val args);

/* --- facts about the schema that both readings use (names.c) --- */
bool query_visible(const schema_field *f); /* clients may name it */
bool query_is_fk(const schema_field *f);   /* a scalar that some relation of its model writes */
bool query_is_fk_of(const schema_field *f, const schema_field *relation);
bool query_is_auto_id(const schema_field *f); /* an id that the database numbers: not in "checked" inputs */
bool query_is_numeric(scalar_type t);
bool query_relation_needed(const schema_field *f); /* in "checked" creates */
bool query_scalar_needed(const schema_field *f);   /* in creates */
bool query_field_unique(const schema_field *f);    /* alone */
/* A compound key that where clauses may name, by that name. */
const schema_index *query_compound(const schema_model *m, nicol_str name);
bool query_compound_usable(const schema_index *x);
bool query_has_insensitive(const schema *s);
bool query_has_lists(const schema *s);
bool query_has_json_compare(const schema *s);
bool query_has_search(const schema *s);
bool query_has_skip_duplicates(const schema *s);
bool query_json_path_is_list(const schema *s);
bool query_has_strategy(const schema *s);

/* --- explain.c --- */
/* Fills err with what is wrong with a request that the first reading refused. */
void query_explain(const schema *s, query_action action, const schema_model *m, json_val args, json_val sel,
                   nicol_str key, arena *a, nicol_error *err);
/* Fails with P2019 and its meta. */
bool query_fail_input(arena *a, nicol_error *err, const char *fmt, ...) NICOL_PRINTF(3, 4);

#endif
