/* schema/schema.h - the schema language: text to a checked model of the data.
 *
 * schema_parse reads, checks and links. It recovers from errors and reports every one with its span; it never stops at
 * the first. The result is immutable, lives in its own arena and may be shared by threads.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/map.h"
#include "value/value.h"

/* A large schema has many of these: one byte each. */
#define NICOL_PACKED __attribute__((packed))

typedef enum schema_provider {
    PROVIDER_NONE = 0,
    PROVIDER_SQLITE,
    PROVIDER_POSTGRESQL,
    PROVIDER_MYSQL,
    PROVIDER_SQLSERVER,
    PROVIDER_COCKROACHDB,
    PROVIDER_MONGODB
} schema_provider;

typedef enum NICOL_PACKED schema_arity { ARITY_REQUIRED, ARITY_OPTIONAL, ARITY_LIST } schema_arity;
typedef enum NICOL_PACKED schema_field_kind {
    FIELD_SCALAR,
    FIELD_ENUM,
    FIELD_RELATION,
    FIELD_UNSUPPORTED
} schema_field_kind;

/* What @default holds. */
typedef enum NICOL_PACKED schema_default_kind {
    DEFAULT_NONE = 0,
    DEFAULT_VALUE,         /* a literal: `value` (a VAL_LIST for list fields); enums: the database name as VAL_STR */
    DEFAULT_AUTOINCREMENT, /* made by the database */
    DEFAULT_DBGENERATED,   /* made by the database; `text` is the SQL, maybe empty */
    DEFAULT_SEQUENCE,      /* made by the database (CockroachDB) */
    DEFAULT_NOW,           /* the rest is made by the engine */
    DEFAULT_UUID4,
    DEFAULT_UUID7,
    DEFAULT_CUID,
    DEFAULT_CUID2,
    DEFAULT_ULID,
    DEFAULT_NANOID, /* `arg`: length */
    DEFAULT_AUTO    /* MongoDB's auto() */
} schema_default_kind;

typedef struct schema_default {
    schema_default_kind kind;
    uint32_t literals_n;
    val value;
    int64_t arg;
    nicol_str text; /* of the literals the first: dbgenerated's SQL */
    /* As written, strings decoded: the literal, the items of a list, or the arguments of a function. */
    const nicol_str *literals;
} schema_default;

typedef enum NICOL_PACKED schema_action {
    ACTION_UNSET = 0,
    ACTION_CASCADE,
    ACTION_RESTRICT,
    ACTION_NO_ACTION,
    ACTION_SET_NULL,
    ACTION_SET_DEFAULT
} schema_action;

typedef struct schema schema;
typedef struct schema_model schema_model;
typedef struct schema_field schema_field;
typedef struct schema_enum schema_enum;
typedef struct schema_relation schema_relation;

typedef struct schema_enum_value {
    nicol_str name;    /* as clients see it */
    nicol_str db_name; /* @map, else the same */
    nicol_str doc;
} schema_enum_value;

struct schema_enum {
    nicol_str name, db_name, doc;
    schema_enum_value *values;
    size_t values_n;
    map *by_name, *by_db; /* large enums; else NULL (use schema_enum_value_get and _by_db) */
};

/* @db.VarChar(30); or what Unsupported("...") says, as a name. */
typedef struct schema_native {
    nicol_str name;
    nicol_str args[2]; /* empty where there is none */
} schema_native;

/* A large schema is almost only these. */
struct schema_field {
    nicol_str name;
    nicol_str db_name;         /* column; empty for relation fields */
    const nicol_str *doc;      /* NULL: none */
    const schema_model *model; /* the owner */
    uint32_t index;            /* in model->fields: the order of the text */
    schema_field_kind kind;
    schema_arity arity;
    bool is_id;                  /* @id on this field */
    bool is_unique;              /* @unique on this field */
    bool is_updated_at;          /* @updatedAt */
    bool is_ignored;             /* @ignore: clients do not see it */
    int8_t side;                 /* relations: 0: this is relation->field[0] (side A), 1: relation->field[1] (side B) */
    scalar_type type;            /* FIELD_SCALAR, and SCALAR_ENUM for FIELD_ENUM */
    const schema_enum *en;       /* FIELD_ENUM */
    const schema_native *native; /* NULL: none */
    const schema_default *def;   /* never NULL: DEFAULT_NONE */
    const schema_model *target;  /* FIELD_RELATION; FIELD_UNSUPPORTED: the composite type that it is of, or NULL */
    /* FIELD_RELATION */
    const schema_relation *relation;
};

typedef enum NICOL_PACKED schema_relation_kind {
    RELATION_ONE_ONE,
    RELATION_ONE_MANY,
    RELATION_MANY_MANY
} schema_relation_kind;

/* A relation between two models (or one and itself).
 * One-to-one, one-to-many: side 1 (B) is the child: it holds the foreign key `fk` that references `ref` on side 0 (A).
 * Many-to-many (implicit): table `join_table` with columns A and B; column A holds the id of model[0], B of model[1];
 * model[0] is the one whose name sorts first (self relations: whose field name sorts first). */
struct schema_relation {
    nicol_str name; /* explicit, or "AToB" as the reference makes it */
    bool named;     /* explicit */
    schema_relation_kind kind;
    const schema_model *model[2];
    const schema_field *field[2];
    const schema_field **fk;  /* on model[1] */
    const schema_field **ref; /* on model[0], same length */
    size_t fk_n;
    bool fk_required;                   /* field[1] is required */
    schema_action on_delete, on_update; /* with the reference's defaults filled in */
    bool on_delete_set, on_update_set;  /* written in the schema */
    nicol_str fk_name;                  /* map: of the constraint, or the default name */
    nicol_str join_table;               /* many-to-many: "_AToB" */
};

/* The id, a unique constraint or an index. */
typedef enum NICOL_PACKED schema_index_kind { INDEX_ID, INDEX_UNIQUE, INDEX_NORMAL, INDEX_FULLTEXT } schema_index_kind;
typedef enum NICOL_PACKED schema_sort { SORT_NONE, SORT_ASC, SORT_DESC } schema_sort; /* SORT_NONE: not written */
/* What an index says of one of its columns. */
typedef struct schema_index_col {
    schema_sort sort;
    int64_t length; /* of the prefix; -1: the whole column */
    nicol_str ops;  /* operator class, or empty */
    nicol_str path; /* "address.street": a field of a composite type, in `fields` is the model's own; mostly empty */
} schema_index_col;

typedef struct schema_index {
    schema_index_kind kind;
    const schema_field **fields;
    size_t fields_n;
    nicol_str name;      /* name: argument, or for compound keys the fields joined by "_": the key in where clauses */
    nicol_str db_name;   /* map: argument, or the default constraint name */
    bool compound;       /* written as @@id, @@unique or @@index */
    bool named, mapped;  /* name: and map: are written */
    bool partial;        /* a @unique or @@unique with a condition: `kind` is INDEX_NORMAL, since it is no key */
    int8_t clustered;    /* as written; -1: not written */
    nicol_str algorithm; /* type: "Hash", ...; empty when not written */
    const schema_index_col *cols; /* parallel to `fields`; NULL when nothing is said of any of them */
} schema_index;

struct schema_model {
    nicol_str name;
    nicol_str db_name;   /* table */
    nicol_str db_schema; /* @@schema, or empty */
    nicol_str doc;
    const schema *owner;
    uint32_t index;
    bool is_view;
    bool is_ignored;
    schema_field *fields; /* in the order of the text */
    size_t fields_n;
    schema_index *indexes; /* id first, then uniques and indexes in the order of the text (field attributes first) */
    size_t indexes_n;
    const schema_index *id; /* NULL for views and models identified by a unique key */
    const schema_index
        *identity; /* id, else the first usable unique whose fields are all required: how rows are told apart */
    struct schema_field_table *fields_by_name, *fields_by_column; /* many fields; else NULL (use schema_field_get) */
};

struct schema {
    arena *a;
    schema_provider provider;
    nicol_str datasource_name;
    nicol_str url;               /* literal of `url`, or empty */
    nicol_str url_env;           /* NAME of url = env("NAME"), or empty */
    bool relation_mode_emulated; /* relationMode = "prisma" */
    nicol_str *previews;         /* previewFeatures of the client generator */
    size_t previews_n;
    schema_model *models; /* models and views, in the order of the text */
    size_t models_n;
    schema_model *types; /* composite types (MongoDB): only name, doc and fields are filled */
    size_t types_n;
    schema_enum *enums;
    size_t enums_n;
    schema_relation *relations;
    size_t relations_n;
    map *models_by_name;
    map *enums_by_name;
};

typedef struct schema_file {
    nicol_str path; /* for messages */
    nicol_str text;
} schema_file;

typedef struct schema_diag {
    bool warning;
    uint32_t file;       /* index */
    uint32_t start, end; /* byte offsets, end exclusive */
    nicol_str message;
    nicol_str help; /* what to change, for people; often empty */
} schema_diag;

typedef struct schema_diags {
    schema_diag *v;
    size_t n;
} schema_diags;

typedef struct schema_opts {
    int version; /* 5, 6 or 7: 7 refuses `url` in a datasource. 0: all are accepted (serve, uploads) */
    const mem *m;
} schema_opts;

/* Returns the schema, or NULL when there was an error. Diagnostics (errors and warnings, in the reference's order) go to
 * `a` with *diags; *err says "N errors" with the first one, or that memory or a limit ran out. */
schema *schema_parse(const schema_file *files, size_t files_n, const schema_opts *opts, arena *a, schema_diags *diags,
                     nicol_error *err) NICOL_MUST_CHECK;
/* Gives back the schema and everything in it (not the diagnostics, which are in the caller's arena). NULL is fine. */
void schema_free(schema *s);

/* Reads one file, or the *.prisma files of a folder and its subfolders, sorted by path; bounded in number, depth and
 * size. Paths and texts are in `a`. */
bool schema_load(const char *path, arena *a, schema_file **files, size_t *n, nicol_error *err) NICOL_MUST_CHECK;

/* Lays out the files and adds what their relations lack: back relations, foreign keys, arguments of @relation (only where
 * the schema has no errors of its own). (*texts)[i] is the i-th file's text, in `a`. Works on files with mistakes; lines
 * that cannot be read stay as they are. False when a file is not UTF-8, or memory or a limit ran out. m may be NULL. */
bool schema_format(const schema_file *files, size_t files_n, const mem *m, arena *a, nicol_str **texts,
                   nicol_error *err) NICOL_MUST_CHECK;
/* Writes the datamodel as JSON (DMMF: enums, models, types, indexes), as the reference's tools give it. */
bool schema_describe(const schema *s, buf *out, nicol_error *err) NICOL_MUST_CHECK;

/* Text for people: message, "path:line:col", the source line with a mark under the span. colour: ANSI. */
void schema_diag_render(const schema_file *files, const schema_diag *d, bool colour, buf *out);
/* How many letters must be changed, added, left out or swapped to make one name of the other; SIZE_MAX for long names. */
size_t schema_name_distance(nicol_str a, nicol_str b);
/* The offset in UTF-16 code units of byte `offset` of `text`, as editors count. */
size_t schema_utf16_offset(nicol_str text, size_t offset);

const schema_model *schema_model_get(const schema *s, nicol_str name);
const schema_enum *schema_enum_get(const schema *s, nicol_str name);
const schema_field *schema_field_get(const schema_model *m, nicol_str name);
const schema_field *schema_field_by_column(const schema_model *m, nicol_str column);
const schema_enum_value *schema_enum_value_get(const schema_enum *e, nicol_str name);
const schema_enum_value *schema_enum_value_by_db(const schema_enum *e, nicol_str db_name);
bool schema_preview(const schema *s, nicol_str feature);
/* Of a relation field f: the field at the other end, and whether f's own model holds the foreign key. */
const schema_field *schema_opposite(const schema_field *f);
bool schema_holds_fk(const schema_field *f);
nicol_str schema_scalar_name(scalar_type t); /* "Int", "DateTime", ... */

/* --- configuration blocks --------------------------------------------------------------------------------------------
 *
 * The same language without models: blocks of settings, "server {", one "name = value" a line, "}". What blocks and
 * settings mean is their reader's business, and so is saying what is wrong with them, in the same list. */

typedef struct schema_span {
    uint32_t start, end; /* byte offsets in the file, end exclusive */
} schema_span;

typedef enum schema_setting_kind {
    SETTING_MISSING, /* "name =" without a value */
    SETTING_STRING,
    SETTING_NUMBER,
    SETTING_WORD, /* true, json, ... without quotes */
    SETTING_ENV,  /* env("NAME"): `text` is NAME */
    SETTING_OTHER /* a list, another function */
} schema_setting_kind;

typedef struct schema_setting {
    nicol_str name;
    schema_setting_kind kind;
    nicol_str text;           /* strings decoded */
    schema_span at, value_at; /* name to value; the value */
} schema_setting;

typedef struct schema_block {
    nicol_str name;
    schema_span at; /* of the name */
    schema_setting *settings;
    size_t settings_n;
} schema_block;

typedef struct schema_conf {
    schema_block *blocks; /* in the order of the text */
    size_t blocks_n;
    struct diag_list *diags;
} schema_conf;

/* Reads a configuration. Lines that could not be read are among the diagnostics, and the rest is there all the same.
 * False only when memory or a limit ran out. The text must live as long as the result, which is in `a`. */
bool schema_conf_parse(const schema_file *file, arena *a, const mem *m, schema_conf *out,
                       nicol_error *err) NICOL_MUST_CHECK;
/* Adds an error at `at`. */
void schema_conf_error(schema_conf *c, schema_span at, const char *fmt, ...) NICOL_PRINTF(3, 4);
/* All diagnostics in the order of the text. */
bool schema_conf_diags(schema_conf *c, schema_diags *out, nicol_error *err) NICOL_MUST_CHECK;

#endif
