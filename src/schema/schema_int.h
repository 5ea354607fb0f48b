/* schema/schema_int.h - what the phases of schema_parse share.
 *
 * The phases run in the reference's order, and like there a phase whose predecessors failed does not run, because its
 * messages would be consequences: names, types, attributes, configuration, then the checks on the finished model. Beside
 * each public object stands an info with its syntax node, so that a check can point at the text.
 */
#ifndef SCHEMA_SCHEMA_INT_H
#define SCHEMA_SCHEMA_INT_H

#include "schema/ast_int.h"

/* --- providers (provider.c) ----------------------------------------------------------------------------------------- */

typedef enum provider_cap {
    CAP_SCALAR_LISTS = 1u << 0,
    CAP_ENUMS = 1u << 1,
    CAP_JSON = 1u << 2,
    CAP_AUTOINC = 1u << 3,
    CAP_AUTOINC_MULTIPLE = 1u << 4,
    CAP_AUTOINC_NON_ID = 1u << 5,
    CAP_AUTOINC_NON_INDEXED = 1u << 6,
    CAP_NAMED_FK = 1u << 7,
    CAP_NAMED_PK = 1u << 8,
    CAP_NAMED_DEFAULT = 1u << 9,
    CAP_LENGTH_PREFIX = 1u << 10,
    CAP_FULLTEXT = 1u << 11,
    CAP_CLUSTERED = 1u << 12,
    CAP_SCHEMAS = 1u << 13,
    CAP_COMPOSITE_TYPES = 1u << 14,
    CAP_COMPOUND_IDS = 1u << 15,
    CAP_ANY_ID = 1u << 16,
    CAP_PK_SORT = 1u << 17,
    CAP_RELATIONS_REF_NON_UNIQUE = 1u << 18,
    CAP_RELATION_FIELDS_IN_ANY_ORDER = 1u << 19,
    CAP_IMPLICIT_M2M = 1u << 20,
    CAP_EMBEDDED_M2M = 1u << 21,
    CAP_DECIMAL = 1u << 22,
    CAP_VIEWS = 1u << 23,
    CAP_JSON_LISTS = 1u << 24,
    CAP_INDEX_TYPES = 1u << 25,
    CAP_OPS = 1u << 26,
    CAP_PARTIAL_INDEXES = 1u << 27
} provider_cap;

/* Where names of constraints must differ (check_names.c says who is in which). */
typedef enum name_scope {
    SCOPE_GLOBAL_INDEX,
    SCOPE_GLOBAL_FK,
    SCOPE_GLOBAL_PK_INDEX,
    SCOPE_GLOBAL_PK_FK_DEFAULT,
    SCOPE_MODEL_INDEX,
    SCOPE_MODEL_PK_INDEX,
    SCOPE_MODEL_PK_INDEX_FK,
    SCOPES_N
} name_scope;

#define ACTION_BIT(a) (1u << (a))

typedef struct provider_row {
    schema_provider id;
    const char *name, *alias; /* as written in `provider` */
    const char *label;        /* as messages call it */
    unsigned caps;
    size_t name_max;                       /* bytes of a constraint's name */
    unsigned actions_fk, actions_emulated; /* ACTION_BIT sets */
    bool emulated_default;                 /* relationMode defaults to prisma */
    unsigned scopes;                       /* bits of name_scope */
} provider_row;

const provider_row *provider_by_name(nicol_str name);

/* --- infos ------------------------------------------------------------------------------------------------------------ */

typedef struct model_info model_info;
typedef struct field_info field_info;

typedef struct rel_info { /* of a relation field: what @relation says */
    model_info *target;
    nicol_str name, map; /* empty: not written */
    const schema_field **fields, **refs;
    uint32_t fields_n, refs_n;
    uint32_t attr_at; /* 0: there is no @relation */
    bool has_fields, has_refs;
    schema_action on_delete, on_update;
    uint32_t relation; /* index in ctx->rels; UINT32_MAX: none */
    /* Relation fields of one model to another under one name are a group. */
    uint32_t group_n;                    /* of the first field of a group: how many there are */
    field_info *next;                    /* of the same group */
    field_info *group_last, *group_next; /* of the first: the last one; the first of another group of the model */
} rel_info;

struct field_info {
    schema_field *f;
    model_info *owner;
    rel_info *rel;  /* relation fields */
    bool composite; /* of a composite type */
    bool unknown_function;
    bool unknown_type; /* nothing is known of it, and its attributes are not looked at */
    bool has_default, has_default_map, has_map, has_native; /* those attributes stand there and fit */
};

/* "address.street": a column inside of a composite type. */
typedef struct index_path {
    field_info *leaf;   /* the last field */
    nicol_str text, db; /* as written; the names in the database joined by "_" */
} index_path;

typedef struct index_col {
    field_info *f;
    const index_path *path; /* mostly NULL */
    int64_t length;         /* -1: none */
    const nicol_str *ops;   /* NULL: none */
    bool ops_raw;           /* written as raw("...") */
    schema_sort sort;
} index_col;

typedef struct index_info {
    schema_index_kind kind;
    int8_t clustered; /* -1: not written */
    bool partial;     /* has a condition: tells no rows apart */
    bool mapped;      /* db_name is written; else it is made on first use */
    span at;
    field_info *source; /* @id and @unique on a field */
    index_col *cols;
    uint32_t cols_n;
    nicol_str name; /* empty: not written */
    nicol_str db_name;
    uint64_t set_sum;      /* over the columns, whatever their order */
    const char *algorithm; /* "Hash"; NULL: the default */
    struct index_info *next;
} index_info;

struct model_info {
    schema_model *m;
    const ast_top *ast;
    field_info *fields; /* parallel to m->fields */
    map *by_name;       /* field_info by name; NULL in small models */
    index_info *id, *indexes, **indexes_tail;
    uint32_t map_at, shard_at; /* where @@map and @@shardKey stand; 0: nowhere */
    span schema_at;
    bool is_type;            /* a composite type: `m` is among schema.types */
    field_info *group_first; /* the groups of its relation fields */
    map *groups;             /* the same by model and name; NULL while there are few */
    size_t groups_n;
};

typedef struct enum_info {
    schema_enum *e;
    const ast_top *ast;
    nicol_str schema;
    span schema_at;
} enum_info;

/* A relation while it is being found; one end may be missing. One-to-x: `fwd` is the end that holds the key, or should. */
typedef struct relation_info {
    schema_relation *r;
    field_info *fwd, *back;
    schema_relation_kind kind;
    bool embedded;     /* many-to-many with fields on a list */
    nicol_str fk_name; /* made on first use */
} relation_info;

typedef struct sc_ctx {
    arena *a;    /* the result */
    arena *t;    /* everything that schema_parse alone needs */
    arena *tree; /* the syntax tree, which goes before the result is completed */
    arena *line; /* what is read of one line, as long as somebody looks at it */
    mem tmem;    /* maps of the work, in t */
    mem *amem;   /* maps of the result, in a */
    const mem *m;
    const schema_file *files;
    size_t files_n;
    diag_list diags;
    ast_top *tops;
    schema *s;
    const provider_row *prov; /* NULL: no usable datasource */
    int version;
    map *names; /* tops by name */
    model_info *models;
    model_info *types; /* composite ones */
    enum_info *enums;
    relation_info *rels;
    size_t rels_n;
    map *taken;      /* names of constraints, and how often each is used; NULL when none is there twice */
    bool keep_lines; /* the tree is to be printed back */
    const ast_top *datasource;
    const ast_expr *schemas; /* value of `schemas` */
    const ast_prop *extensions;
    nicol_str *schema_names;
    size_t schema_names_n;
    bool oom;
} sc_ctx;

/* Takes the files and parses them; ctx_end gives all memory back, whether that went well or not. Diagnostics go to `diags`,
 * or nowhere that lasts. */
bool ctx_begin(sc_ctx *c, const schema_file *files, size_t n, arena *diags, nicol_error *err) NICOL_MUST_CHECK;
void ctx_end(sc_ctx *c);
/* Runs the phases up to relations_infer; false when there were errors, or memory ran out (c->oom). */
bool ctx_link(sc_ctx *c);

/* --- phases ----------------------------------------------------------------------------------------------------------- */

bool names_resolve(sc_ctx *c);    /* tops, fields, values: allocates models and enums */
void types_resolve(sc_ctx *c);    /* fields to scalars, enums, models */
void attrs_resolve(sc_ctx *c);    /* every attribute */
void config_resolve(sc_ctx *c);   /* datasource, generators */
bool relations_infer(sc_ctx *c);  /* pairs relation fields */
void check_extensions(sc_ctx *c); /* config.c */
void checks_run(sc_ctx *c);       /* everything that needs the provider */
bool model_finish(sc_ctx *c);     /* fills what the public structs promise */
bool lookups_finish(sc_ctx *c);   /* the tables for looking things up; needs nothing but the public structs */

enum { SMALL_SET = 24 }; /* up to here a loop over names costs less than a map, in memory above all */

/* The known name that is nearest to what was written (near.c). Looking costs time, so only the first HELPED errors get
 * a suggestion. */
enum { HELPED = 100 };
typedef struct near {
    nicol_str written, best; /* best: empty when nothing is near */
    size_t least;
} near;
near near_of(nicol_str written);
void near_try(near *n, nicol_str known);

/* --- shared helpers --------------------------------------------------------------------------------------------------- */

#define NEW(c, type) ((type *)ctx_alloc((c), (c)->t, 1, sizeof(type)))
#define NEW_ARRAY(c, n, type) ((type *)ctx_alloc((c), (c)->t, (n), sizeof(type)))
#define KEEP_ARRAY(c, n, type) ((type *)ctx_alloc((c), (c)->a, (n), sizeof(type)))
void *ctx_alloc(sc_ctx *c, arena *a, size_t n,
                size_t size);               /* zeroed; NULL also for n = 0; failure is noted in c->oom */
mem mem_in_arena(arena *a);                 /* a source of memory for maps that live in an arena */
map *map_for(const mem *m, size_t entries); /* in an arena, which frees it */
bool map_add(sc_ctx *c, map *h, nicol_str key, void *value);
nicol_str ctx_text(sc_ctx *c, const char *fmt, ...) NICOL_PRINTF(2, 3);
nicol_str ctx_source(const sc_ctx *c, span at);

const char *block_word(const model_info *m); /* "model", "view", "composite type" */
void error_attr(sc_ctx *c, const ast_attr *a, const char *fmt, ...) NICOL_PRINTF(3, 4);
void error_attr_at(sc_ctx *c, nicol_str attr, span at, const char *fmt, ...) NICOL_PRINTF(4, 5);
void error_model(sc_ctx *c, const model_info *m, span at, const char *fmt, ...) NICOL_PRINTF(4, 5);
void error_field(sc_ctx *c, const field_info *f, const char *fmt, ...) NICOL_PRINTF(3, 4);

/* attributes and arguments (attrs.c) */
ast_attr *attr_one(sc_ctx *c, ast_attr *list, nicol_str name);
ast_attr *attr_next(sc_ctx *c, ast_attr *list, nicol_str name); /* repeated: one unused after the other */
const ast_expr *arg_opt(ast_attr *a, nicol_str name);
const ast_expr *arg_main(sc_ctx *c, ast_attr *a, nicol_str name, bool required);
void args_done(sc_ctx *c, ast_attr *a);
void attrs_done(sc_ctx *c, ast_attr *list);

/* expressions (expr.c) */
bool expr_string(sc_ctx *c, const ast_expr *e, nicol_str *out);
bool expr_constant(sc_ctx *c, const ast_expr *e, nicol_str *out);
bool expr_boolean(sc_ctx *c, const ast_expr *e, bool *out);
bool expr_integer(sc_ctx *c, const ast_expr *e, int64_t *out);
nicol_str expr_text(sc_ctx *c, const ast_expr *e);      /* as messages quote it */
nicol_str expr_text_keep(sc_ctx *c, const ast_expr *e); /* the same in the result's arena */
bool is_call(const ast_expr *e, nicol_str name);
const char *expr_kind_name(const ast_expr *e);                /* "string", "numeric", ... */
nicol_str arg_string(sc_ctx *c, ast_attr *a, nicol_str name); /* optional; empty: not written */
const ast_arg *arg_find(const ast_attr *a, nicol_str name);   /* whether somebody took it or not */

/* Attributes are not kept, but read again when they are needed (again.c). For the rules: in c->line, NULL when there are
 * none; strings are kept. */
ast_attr *attrs_read(sc_ctx *c, uint32_t file, uint32_t at);
/* For the checks, where it is known to be there: never NULL, in c->t. */
const ast_attr *attr_again(sc_ctx *c, uint32_t file, uint32_t at);
const ast_attr *field_attr(sc_ctx *c, const field_info *f, nicol_str name);
const ast_attr *native_attr(sc_ctx *c, const field_info *f);
const ast_attr *index_attr(sc_ctx *c, const index_info *x);
const ast_attr *relation_attr(sc_ctx *c, const field_info *f);
const ast_expr *default_expr(sc_ctx *c, const field_info *f);
nicol_str default_map(sc_ctx *c, const field_info *f); /* the name that it gives its constraint, or empty */
ast_field type_again(sc_ctx *c, uint32_t file, const ast_decl *d);
const ast_decl *decl_of(const field_info *f);
span field_at(const field_info *f);
span arg_span(const ast_attr *a, nicol_str name); /* of the argument, else of the attribute */

field_info *field_find(const model_info *m, nicol_str name);
model_info *model_of(const sc_ctx *c, const schema_model *m);
model_info *composite_of(const sc_ctx *c, const field_info *f); /* the type of a composite field */
const field_info *last_field(const index_col *col); /* what is stored: of a path into composite types its last field */
bool is_required(const field_info *f);
bool scalar_of(nicol_str name, scalar_type *out);
nicol_str join_names(sc_ctx *c, arena *a, const schema_field *const *f, size_t n, const char *between);

/* composite.c */
void composite_refuse_attrs(sc_ctx *c, const ast_attr *list); /* attributes of the block */
void composite_refuse_field_attrs(sc_ctx *c, const field_info *f, const ast_attr *list);
void check_composites(sc_ctx *c);
/* where.c: the condition of a partial index */
void where_check(sc_ctx *c, const model_info *m, const ast_attr *a, const ast_expr *e);
/* defaults.c */
extern const schema_default NO_DEFAULT;
void default_resolve(sc_ctx *c, field_info *f, ast_attr *a);
void default_unknown_function(sc_ctx *c, const ast_expr *e);
void default_check(sc_ctx *c, field_info *f);
void default_finish(sc_ctx *c, field_info *f); /* what of f->f->def needs all attributes */
bool jsontext_valid(nicol_str s, buf *why);    /* jsontext.c */
/* native.c */
void native_check(sc_ctx *c, field_info *f);
void native_unsupported_check(sc_ctx *c, const field_info *f);
nicol_str native_text(sc_ctx *c, const field_info *f); /* "VarChar(30)" */
/* Whether this native type may stand in a key or an index of the provider. */
typedef enum native_key { NATIVE_KEY_OK, NATIVE_KEY_NEVER, NATIVE_KEY_WITH_LENGTH } native_key;
native_key native_key_use(sc_ctx *c, const field_info *f);
/* names of constraints (model.c) */
nicol_str default_name(sc_ctx *c, arena *a, const schema_model *m, const nicol_str *columns, size_t n,
                       const char *suffix);

nicol_str index_algorithm(const index_info *x); /* empty: not written */
nicol_str index_db_name(sc_ctx *c, const schema_model *m, index_info *x);
/* relations */
field_info *rel_group_of(const sc_ctx *c, const model_info *from, const schema_model *to, nicol_str name);
nicol_str relation_name_of(sc_ctx *c, const field_info *f);
schema_action relation_on_delete(const sc_ctx *c, const relation_info *r);
schema_action relation_on_update(const relation_info *r);
nicol_str relation_fk_name(sc_ctx *c, relation_info *r);

/* checks */
void check_model(sc_ctx *c, model_info *m);
void check_model_functions(sc_ctx *c, model_info *m);
bool check_ambiguity(sc_ctx *c, const field_info *f);
void sum_indexes(model_info *m);
void check_relation(sc_ctx *c, relation_info *r);
void check_relation_field(sc_ctx *c, field_info *f);
void check_index(sc_ctx *c, model_info *m, index_info *x);
bool name_too_long(const sc_ctx *c, nicol_str name);
void check_name_length(sc_ctx *c, const model_info *m, const ast_attr *a, nicol_str name, bool block);
void names_gather(sc_ctx *c); /* check_names.c: which constraint names are taken where */
void check_index_name(sc_ctx *c, const model_info *m, index_info *x);
void check_fk_name(sc_ctx *c, relation_info *r);
void check_custom_name(sc_ctx *c, const model_info *m, const index_info *x);
void check_default_name(sc_ctx *c, const field_info *f);
void check_tables(sc_ctx *c);
void check_client_name(sc_ctx *c, const field_info *f);
void check_mongo(sc_ctx *c, const model_info *m); /* check_mongo.c */
void check_embedded(sc_ctx *c, const relation_info *r);
void check_mongo_relation_field(sc_ctx *c, const field_info *f);
void check_cascade(sc_ctx *c, const relation_info *r);
void check_index_classes(sc_ctx *c, const index_info *x);
const char *action_name(schema_action a);
bool same_type(const schema_field *a, const schema_field *b);
nicol_str attr_title(sc_ctx *c, const index_info *x); /* "@id", "@@unique" */

#endif
