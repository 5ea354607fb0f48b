/* cli/schema_cmds.c - `nicol format` and `nicol describe`.
 *
 * format replaces a file only when its text changes, and then whole: a new file beside it takes its name, so that nobody
 * ever reads half a schema and a full disk loses nothing.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cli/settings_int.h"

#define WORK_BYTES_MAX ((size_t)256 << 20)
#define DESCRIPTION_BYTES_MAX ((size_t)256 << 20)

/* --- reading and writing ---------------------------------------------------------------------------------------------- */

/* The schema at `path`; "-" is standard input, for editors. */
static bool load(const char *path, arena *a, schema_file **files, size_t *n, nicol_error *err)
{
    if (strcmp(path, "-") != 0) return schema_load(path, a, files, n, err);
    size_t len = 0;
    char *text = arena_alloc(a, NICOL_SCHEMA_BYTES_MAX + 1);
    *files = ARENA_NEW(a, schema_file);
    if (!text || !*files) return nicol_fail_oom(err);
    for (size_t got; (got = fread(text + len, 1, NICOL_SCHEMA_BYTES_MAX + 1 - len, stdin)) > 0;) len += got;
    if (ferror(stdin)) return nicol_fail(err, NICOL_E_SYSTEM, "standard input cannot be read");
    if (len > NICOL_SCHEMA_BYTES_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "the schema is larger than %zu bytes", NICOL_SCHEMA_BYTES_MAX);
    **files = (schema_file){.path = S("standard input"), .text = str_of(text, len)};
    *n = 1;
    return true;
}

static bool cannot_write(const char *path, nicol_error *err)
{
    return nicol_fail(err, NICOL_E_SYSTEM, "%s cannot be written: %s", path, strerror(errno));
}

static bool write_all(int fd, nicol_str text)
{
    while (text.len != 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text = str_sub(text, (size_t)n, text.len);
    }
    return fsync(fd) == 0;
}

/* A link is followed: what it names is replaced, not the link. */
static bool replace_file(const char *path, nicol_str text, arena *a, nicol_error *err)
{
    struct stat st;
    char *real = arena_alloc(a, PATH_MAX);
    if (!real) return nicol_fail_oom(err);
    if (!realpath(path, real)) return cannot_write(path, err);
    nicol_str temp = arena_printf(a, "%s.XXXXXX", real);
    if (!temp.ptr) return nicol_fail_oom(err);
    int fd = -1;
    /* Renaming needs no permission on the file itself: one that may not be written stays as it is. */
    bool good = access(real, W_OK) == 0 && stat(real, &st) == 0 && (fd = mkstemp((char *)temp.ptr)) >= 0;
    bool made = good;
    good = good && fchmod(fd, st.st_mode & 07777) == 0 && write_all(fd, text);
    if (fd >= 0 && close(fd) != 0) good = false;
    good = good && rename(temp.ptr, real) == 0;
    if (!good) cannot_write(path, err);
    if (!good && made) unlink(temp.ptr);
    return good;
}

/* --- format ------------------------------------------------------------------------------------------------------------- */

static int finish_format(const schema_file *files, const nicol_str *texts, size_t n, bool check, arena *a,
                         nicol_error *err)
{
    size_t changed = 0;
    for (size_t i = 0; i < n; i++) {
        if (str_eq(files[i].text, texts[i])) continue;
        changed++;
        const char *path = nicol_cstr(a, files[i].path, err);
        if (!path || (!check && !replace_file(path, texts[i], a, err))) return cli_fail(err);
        printf("%s %s\n", check ? "not formatted:" : "formatted", path);
    }
    if (check && changed != 0) {
        fprintf(stderr, "error: %zu of %zu file%s not formatted: `nicol format` does it\n", changed, n,
                n == 1 ? " is" : "s are");
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cmd_format(int argc, char **argv)
{
    const char *path = "schema.prisma", *check = NULL, *print = NULL;
    const cli_flag flags[] = {
        {"schema", "FILE", "schema, or a folder of them (default schema.prisma); - is standard input", &path},
        {"check", NULL, "change nothing; status 1 when a file is not formatted", &check},
        {"stdout", NULL, "print the text instead of writing the file", &print},
        {0},
    };
    int rc = cli_parse(argc, argv, flags, "format [flags]",
                       "Lays out a schema and adds missing back relations and their fields.", NULL, 0);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    if (strcmp(path, "-") == 0 && !check) print = "";
    if (check && print) return cli_usage("--check prints no text: leave --stdout out");
    arena *a = arena_new(mem_default, WORK_BYTES_MAX);
    nicol_error err = {0};
    schema_file *files = NULL;
    nicol_str *texts = NULL;
    size_t n = 0;
    if (!a) return CLI_FAILED;
    if (!load(path, a, &files, &n, &err) || !schema_format(files, n, NULL, a, &texts, &err)) {
        rc = cli_fail(&err);
    } else if (print && n != 1) {
        rc = cli_usage("--stdout prints one file, and %s has %zu: name the one", path, n);
    } else if (print) {
        bool good = fwrite(texts[0].ptr, 1, texts[0].len, stdout) == texts[0].len && fflush(stdout) == 0;
        rc = good ? CLI_OK : CLI_FAILED;
    } else {
        rc = finish_format(files, texts, n, check != NULL, a, &err);
    }
    arena_free(a);
    return rc;
}

/* --- describe ----------------------------------------------------------------------------------------------------------- */

static int describe(const schema *s, nicol_error *err)
{
    buf out;
    buf_init(&out, mem_default, DESCRIPTION_BYTES_MAX);
    int rc = CLI_OK;
    if (!schema_describe(s, &out, err)) rc = cli_fail(err);
    buf_char(&out, '\n');
    if (rc == CLI_OK && (fwrite(out.ptr, 1, out.len, stdout) != out.len || fflush(stdout) != 0)) rc = CLI_FAILED;
    buf_free(&out);
    return rc;
}

int cmd_describe(int argc, char **argv)
{
    const char *path = "schema.prisma", *json = NULL, *version = "7";
    const cli_flag flags[] = {
        {"schema", "FILE", "schema, or a folder of them (default schema.prisma); - is standard input", &path},
        {"schema-version", "5|6|7", "whose rules (default 7)", &version},
        {"json", NULL, "print errors as JSON too", &json},
        {0},
    };
    int rc =
        cli_parse(argc, argv, flags, "describe [flags]", "Prints the data model of a schema as JSON (DMMF).", NULL, 0);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    int64_t v = 7;
    rc = cli_number("schema-version", version, 5, 7, &v);
    if (rc != CLI_OK) return rc;
    arena *a = arena_new(mem_default, WORK_BYTES_MAX);
    nicol_error err = {0};
    schema_file *files = NULL;
    schema_diags diags = {0};
    size_t n = 0;
    if (!a) return CLI_FAILED;
    schema *s = NULL;
    if (load(path, a, &files, &n, &err)) s = schema_parse(files, n, &(schema_opts){.version = (int)v}, a, &diags, &err);
    if (s) {
        rc = describe(s, &err);
    } else if (json && diags.n != 0) {
        settings_print_json(files, &diags, false);
        rc = CLI_FAILED;
    } else {
        settings_print_diags(files, &diags);
        rc = diags.n != 0 ? CLI_FAILED : cli_fail(&err);
    }
    schema_free(s);
    arena_free(a);
    return rc;
}
