/* schema/load.c - schema files from the disk. Nothing is followed but what the path names: links to folders are not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "schema/schema.h"

enum { FILES_MAX = 1000, DEPTH_MAX = 16, ENTRIES_MAX = 100000 };

typedef struct loader {
    arena *a;
    schema_file *v;
    size_t n, cap, bytes, entries;
    nicol_error *err;
} loader;

static bool system_fail(loader *l, const char *path, const char *what)
{
    return nicol_fail_in(l->a, l->err, NICOL_E_SYSTEM, "%s: %s: %s", path, what, strerror(errno));
}

static bool read_all(loader *l, int fd, const char *path, size_t size, nicol_str *out)
{
    if (size > NICOL_SCHEMA_BYTES_MAX - l->bytes)
        return nicol_fail_in(l->a, l->err, NICOL_E_LIMIT, "%s: the schema is larger than %zu bytes", path,
                             NICOL_SCHEMA_BYTES_MAX);
    char *p = arena_alloc(l->a, size + 1);
    size_t n = 0;
    if (p == NULL) return nicol_fail_oom(l->err);
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_fail(l, path, "cannot be read");
        if (got == 0) break;
        n += (size_t)got;
    }
    p[n] = 0;
    l->bytes += n;
    *out = str_of(p, n);
    return true;
}

static bool add_file(loader *l, const char *path)
{
    struct stat st;
    nicol_str text;
    if (l->n >= FILES_MAX)
        return nicol_fail_in(l->a, l->err, NICOL_E_LIMIT, "%s: more than %d schema files", path, FILES_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return system_fail(l, path, "cannot be opened");
    bool ok = fstat(fd, &st) == 0 || system_fail(l, path, "cannot be read");
    if (ok && !S_ISREG(st.st_mode)) ok = nicol_fail_in(l->a, l->err, NICOL_E_SYSTEM, "%s: is not a file", path);
    ok = ok && read_all(l, fd, path, (size_t)st.st_size, &text);
    close(fd);
    if (!ok) return false;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 8 : l->cap * 2;
        schema_file *v = arena_grow(l->a, l->v, l->cap * sizeof(*v), cap * sizeof(*v));
        if (v == NULL) return nicol_fail_oom(l->err);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = (schema_file){.path = str_c(path), .text = text};
    return true;
}

static bool add_folder(loader *l, const char *path, int depth);

static bool add_entry(loader *l, const char *folder, const char *name, int depth)
{
    struct stat st;
    if (++l->entries > ENTRIES_MAX)
        return nicol_fail_in(l->a, l->err, NICOL_E_LIMIT, "%s: more than %d entries: name the schema's own folder",
                             folder, ENTRIES_MAX);
    if (name[0] == '.') return true;
    nicol_str path = arena_printf(l->a, "%s/%s", folder, name);
    if (path.ptr == NULL) return nicol_fail_oom(l->err);
    if (lstat(path.ptr, &st) != 0) return true; /* gone meanwhile */
    if (S_ISDIR(st.st_mode)) return str_eq(str_c(name), S("node_modules")) || add_folder(l, path.ptr, depth + 1);
    return !str_ends(path, S(".prisma")) || add_file(l, path.ptr);
}

static bool add_folder(loader *l, const char *path, int depth)
{
    if (depth > DEPTH_MAX)
        return nicol_fail_in(l->a, l->err, NICOL_E_LIMIT, "%s: folders are nested more than %d deep", path, DEPTH_MAX);
    DIR *d = opendir(path);
    if (d == NULL) return system_fail(l, path, "cannot be opened");
    bool ok = true;
    for (struct dirent *e; ok && (e = readdir(d)) != NULL;) ok = add_entry(l, path, e->d_name, depth);
    closedir(d);
    return ok;
}

static void sort_files(schema_file *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        schema_file x = v[i];
        size_t k = i;
        for (; k > 0 && str_cmp(v[k - 1].path, x.path) > 0; k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

bool schema_load(const char *path, arena *a, schema_file **files, size_t *n, nicol_error *err)
{
    loader l = {.a = a, .err = err};
    struct stat st;
    nicol_str own = arena_str(a, str_c(path));
    if (own.ptr == NULL) return nicol_fail_oom(err);
    if (stat(own.ptr, &st) != 0) return system_fail(&l, own.ptr, "cannot be opened");
    if (!S_ISDIR(st.st_mode)) {
        if (!add_file(&l, own.ptr)) return false;
    } else {
        while (own.len > 1 && own.ptr[own.len - 1] == '/') own.len--;
        nicol_str folder = arena_str(a, own);
        if (folder.ptr == NULL) return nicol_fail_oom(err);
        if (!add_folder(&l, folder.ptr, 0)) return false;
        if (l.n == 0)
            return nicol_fail_in(a, err, NICOL_E_USAGE, "%s: there is no *.prisma file in this folder", folder.ptr);
        sort_files(l.v, l.n);
    }
    *files = l.v;
    *n = l.n;
    return true;
}
