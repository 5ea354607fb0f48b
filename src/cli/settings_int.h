/* cli/settings_int.h - which schema and which database a command works on. */
#ifndef CLI_SETTINGS_INT_H
#define CLI_SETTINGS_INT_H

#include "cli/cli_int.h"
#include "schema/schema.h"

typedef struct settings {
    const char *schema;  /* --schema */
    const char *url;     /* --url */
    bool default_schema; /* schema.prisma in the current folder when --schema is not given */
    nicol_str url_text;  /* resolved; in the arena, the arguments or the environment */
} settings;

/* The database: --url, else the schema's url or the environment variable that it names. */
int settings_resolve(settings *s, arena *a, nicol_error *err);
void settings_print_diags(const schema_file *files, const schema_diags *diags);
/* {"valid": ..., "diagnostics": [...]} on standard output. */
void settings_print_json(const schema_file *files, const schema_diags *d, bool valid);

#endif
