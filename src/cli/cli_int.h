/* cli/cli_int.h - what the commands share. Exit status: 0 done, 1 the input or the database said no, 2 wrong usage. */
#ifndef CLI_CLI_INT_H
#define CLI_CLI_INT_H

#include "base/err.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* One flag of a command. Flags are --name VALUE or --name=VALUE; switches take no value. */
typedef struct cli_flag {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, for the help text; NULL: a switch */
    const char *help;
    const char **text; /* where the value goes; a switch stores "" */
} cli_flag;

/* Reads argv into the flags (list ends with a NULL name). Rest arguments: at most rest_max go to rest. Returns CLI_OK,
 * or CLI_USAGE after saying what is wrong; -1 when --help was asked for and printed. */
int cli_parse(int argc, char **argv, const cli_flag *flags, const char *usage, const char *about, const char **rest,
              int rest_max);
/* "error: ..." on standard error. Returns CLI_FAILED, or CLI_USAGE for errors of usage. */
int cli_fail(const nicol_error *err);
int cli_usage(const char *fmt, ...) NICOL_PRINTF(1, 2);
/* --log-format and --log-level to the log. */
int cli_log(const char *format, const char *level);
/* A whole number in [min, max]; CLI_USAGE after saying what is wrong. */
int cli_number(const char *flag, const char *text, int64_t min, int64_t max, int64_t *out);

int cmd_serve(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_format(int argc, char **argv);
int cmd_describe(int argc, char **argv);
int cmd_keys(int argc, char **argv);
int cmd_db(int argc, char **argv);

#endif
