/* cli/main.c - the commands, and what they share: flags, help, messages. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/cli_int.h"
#include "driver/driver.h"
#include "nicol/nicol.h"

static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv); /* NULL: not in this version */
} commands[] = {
    {"serve", "serve Prisma-compatible clients over HTTP", cmd_serve},
    {"query", "run operations from standard input", cmd_query},
    {"validate", "check a schema", cmd_validate},
    {"format", "lay out a schema", cmd_format},
    {"describe", "print a schema's data model", cmd_describe},
    {"keys", "create, list and revoke API keys", cmd_keys},
    {"db", "run SQL files against the database", cmd_db},
    {"generate", "make the typed C client", NULL},
    {"migrate", "migrations", NULL},
    {"doctor", "check configuration and database", NULL},
};
#define COMMANDS_N (sizeof commands / sizeof *commands)

int cli_usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("error: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_USAGE;
}

int cli_fail(const nicol_error *err)
{
    const char *code = err_client(err->code);
    fprintf(stderr, "error: %.*s%s%s%s\n", (int)err->message.len, err->message.ptr ? err->message.ptr : "",
            *code ? " [" : "", code, *code ? "]" : "");
    return err->code == NICOL_E_USAGE ? CLI_USAGE : CLI_FAILED;
}

int cli_number(const char *flag, const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!text) return CLI_OK;
    if (str_to_i64(str_c(text), out) && *out >= min && *out <= max) return CLI_OK;
    return cli_usage("--%s must be a whole number from %lld to %lld, not '%s'", flag, (long long)min, (long long)max,
                     text);
}

int cli_log(const char *format, const char *level)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    log_format f = LOG_FORMAT_JSON;
    int least = LOG_INFO;
    if (format && strcmp(format, "text") == 0) f = LOG_FORMAT_TEXT;
    else if (format && strcmp(format, "json") != 0) return cli_usage("--log-format is json or text, not '%s'", format);
    if (level) {
        for (least = 0; least < 4 && strcmp(level, levels[least]) != 0; least++) {
        }
        if (least == 4) return cli_usage("--log-level is debug, info, warn or error, not '%s'", level);
    }
    log_setup(2, f, (log_level)least);
    return CLI_OK;
}

static void print_help(const cli_flag *flags, const char *usage, const char *about)
{
    printf("usage: nicol %s\n\n%s\n", usage, about);
    if (flags->name) printf("\n");
    for (; flags->name; flags++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", flags->name, flags->value ? " " : "", flags->value ? flags->value : "");
        printf("  %-26s %s\n", left, flags->help);
    }
}

static const cli_flag *find_flag(const cli_flag *flags, nicol_str name)
{
    for (; flags->name; flags++) {
        if (str_eq(name, str_c(flags->name))) return flags;
    }
    return NULL;
}

int cli_parse(int argc, char **argv, const cli_flag *flags, const char *usage, const char *about, const char **rest,
              int rest_max)
{
    int rest_n = 0;
    for (int i = 1; i < argc; i++) {
        nicol_str arg = str_c(argv[i]);
        if (str_eq(arg, S("--help")) || str_eq(arg, S("-h"))) {
            print_help(flags, usage, about);
            return -1;
        }
        if (!str_starts(arg, S("--"))) {
            if (rest_n == rest_max) return cli_usage("unexpected argument '%s'; usage: nicol %s", argv[i], usage);
            rest[rest_n++] = argv[i];
            continue;
        }
        size_t eq = str_find_char(arg, '=', 0);
        nicol_str name = str_sub(arg, 2, eq == SIZE_MAX ? arg.len : eq);
        const cli_flag *f = find_flag(flags, name);
        if (!f)
            return cli_usage("unknown flag '--%.*s'; `nicol %.*s --help` lists what there is", (int)name.len, name.ptr,
                             (int)strcspn(usage, " "), usage);
        if (!f->value) {
            if (eq != SIZE_MAX) return cli_usage("--%s takes no value", f->name);
            *f->text = "";
        } else if (eq != SIZE_MAX) {
            *f->text = argv[i] + eq + 1;
        } else if (i + 1 < argc) {
            *f->text = argv[++i];
        } else {
            return cli_usage("--%s needs a value: %s", f->name, f->value);
        }
    }
    return CLI_OK;
}

static void print_commands(FILE *to)
{
    fprintf(to, "usage: nicol COMMAND [flags]\n\n");
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (commands[i].run) fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].about);
    }
    fprintf(to, "\n`nicol COMMAND --help` tells more. Not in this version yet:");
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (!commands[i].run) fprintf(to, " %s", commands[i].name);
    }
    fprintf(to, "\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("nicol %s\n", NICOL_VERSION);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return CLI_OK;
    }
    driver_own_process();
    for (size_t i = 0; i < COMMANDS_N; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        if (commands[i].run) return commands[i].run(argc - 1, argv + 1);
        return cli_usage("`nicol %s` is not in this version yet", argv[1]);
    }
    return cli_usage("unknown command '%s'; `nicol --help` lists what there is", argv[1]);
}
