/* config/settings.h - the settings of a server: what there is, from the file, from flags, or as they stand by themselves.
 *
 * One table says everything about a setting: where it stands in the file, its flag, what it may be, what it is when
 * nobody says anything, and its help. The file is read by the schema language's parser. A flag wins over the file.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "schema/schema.h"

#define CONFIG_FILE "nicol.conf" /* read when it lies in the current folder */

typedef enum config_type {
    CONFIG_TEXT,
    CONFIG_PATH,   /* in the file: relative to the file's folder */
    CONFIG_URL,    /* of a database; the path of "file:" as CONFIG_PATH */
    CONFIG_LISTEN, /* HOST:PORT */
    CONFIG_SWITCH, /* true or false */
    CONFIG_COUNT,
    CONFIG_MS,
    CONFIG_SIZE, /* bytes, or "64MB" */
    CONFIG_WORD  /* one of `words`; kept as its index */
} config_type;

enum { CONFIG_LOG_JSON, CONFIG_LOG_TEXT };
enum { CONFIG_SYNC_FULL, CONFIG_SYNC_NORMAL };
enum { CONFIG_TIMES_ISO, CONFIG_TIMES_UNIX_MS };

/* Texts are NULL, numbers 0 when a setting without a value of its own was not given. */
typedef struct config_settings {
    const char *listen, *schema, *state, *tls_listen, *tls_cert, *tls_key, *url;
    int64_t body_max, result_max, connections_max, drain_ms, slow_ms, slow_plan_ms, statement_timeout_ms;
    int64_t log_format, log_level; /* log_level as in base/log.h */
    int64_t sqlite_sync, timestamp_format;
    bool create, slow_values;
} config_settings;

typedef struct config_row {
    const char *block, *name; /* in the file */
    const char *flag;         /* on the command line, without the dashes */
    config_type type;
    bool needed;         /* a block of this kind is of no use without it */
    const char *initial; /* as one would write it; NULL: none */
    int64_t min, max;    /* numbers and sizes */
    const char *words;   /* CONFIG_WORD: "full|normal" */
    const char *help;
    size_t at; /* in config_settings */
} config_row;

enum { CONFIG_ROWS_N = 20 };
extern const config_row config_rows[CONFIG_ROWS_N];

typedef struct config_opts {
    const char *const *flags; /* CONFIG_ROWS_N texts as given on the command line; NULL where not, or for none at all */
    const char *(*env)(void *ctx, const char *name); /* NULL: the process's environment */
    void *ctx;
    const mem *m; /* NULL: mem_default */
} config_opts;

void config_initial(config_settings *s);
/* Reads a file over *s. Settings that a flag overrides are checked, but their environment variables need not be set.
 * False: *diags has every error with its place, and *err the first (NICOL_E_INPUT); or memory or a limit ran out. */
bool config_file(config_settings *s, const schema_file *file, const config_opts *opts, arena *a, schema_diags *diags,
                 nicol_error *err) NICOL_MUST_CHECK;
/* Puts the flags over *s. False: NICOL_E_USAGE. */
bool config_flags(config_settings *s, const config_opts *opts, arena *a, nicol_error *err) NICOL_MUST_CHECK;

/* "HOST:PORT", "[::1]:PORT". */
bool config_listen_split(nicol_str text, nicol_str *host, uint16_t *port) NICOL_MUST_CHECK;
/* What a setting takes, for help and documentation: "HOST:PORT", "full|normal". */
const char *config_placeholder(const config_row *r);
/* What a setting may be, in words: "a whole number of milliseconds from 1 to 3600000". */
void config_expects(const config_row *r, buf *out);

#endif
