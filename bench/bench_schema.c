/* bench/bench_schema.c - what reading a large schema costs: time, and memory at its peak, against the schema's size.
 *
 *     bench_schema [MODELS [FIELDS [text]]]       default 1,000 models of 20 fields; text: prints the schema instead
 *
 * Memory is counted twice: what was taken from the allocator at most (every byte goes through a counting mem), and what
 * the process grew by. The text of the data model is many times the size of the schema by its nature, so its buffer is
 * shown apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/limits.h"
#include "schema/schema.h"

typedef struct counter {
    size_t live, peak;
} counter;

static void count(counter *c, size_t taken, size_t given)
{
    c->live += taken;
    if (c->live > c->peak) c->peak = c->live;
    c->live -= given;
}

static void *count_alloc(void *ctx, size_t size)
{
    void *p = mem_default->alloc(mem_default->ctx, size);
    if (p) count(ctx, size, 0);
    return p;
}

static void *count_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    void *q = mem_default->resize(mem_default->ctx, p, old_size, new_size);
    if (q) count(ctx, new_size, old_size);
    return q;
}

static void count_free(void *ctx, void *p, size_t size)
{
    mem_default->free(mem_default->ctx, p, size);
    if (p) count(ctx, 0, size);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double rss_peak(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_maxrss * 1024;
}

/* Models that refer to the one before them, with the attributes that real ones have. */
static void generate(buf *b, int models, int fields)
{
    buf_lit(b, "datasource db {\n  provider = \"postgresql\"\n}\n\nenum Role {\n  USER\n  ADMIN\n}\n");
    for (int m = 0; m < models; m++) {
        buf_printf(b, "\nmodel Model%d {\n  id Int @id @default(autoincrement())\n", m);
        buf_lit(b, "  createdAt DateTime @default(now())\n  updatedAt DateTime @updatedAt\n");
        buf_lit(b, "  email String @unique\n  role Role @default(USER)\n");
        for (int f = 5; f < fields - 3; f++)
            buf_printf(b,
                       f % 3 == 0   ? "  field%d String? @db.VarChar(%d)\n"
                       : f % 3 == 1 ? "  field%d Int @default(%d)\n"
                                    : "  field%d Boolean @map(\"column_%d\")\n",
                       f, f);
        if (m + 1 < models) buf_printf(b, "  children Model%d[]\n", m + 1);
        if (m > 0)
            buf_printf(b, "  parentId Int\n  parent Model%d @relation(fields: [parentId], references: [id])\n", m - 1);
        buf_lit(b, "\n  @@index([createdAt])\n}\n");
    }
}

static bool measure(const schema_file *file, int runs)
{
    double size = (double)file->text.len, parse_s = 1e9, describe_s = 1e9, format_s = 1e9, rss = rss_peak(), grown = 0;
    counter c = {0, 0}, out_c = {0, 0}, format_c = {0, 0};
    mem m = {count_alloc, count_resize, count_free, &c}, out_m = {count_alloc, count_resize, count_free, &out_c};
    mem format_m = {count_alloc, count_resize, count_free, &format_c};
    size_t kept = 0, text = 0;
    for (int i = 0; i < runs; i++) {
        arena *a = arena_new(&m, (size_t)256 << 20);
        schema_diags d;
        nicol_error err = {0};
        double t = now_s();
        schema *s = a ? schema_parse(file, 1, &(schema_opts){.version = 7, .m = &m}, a, &d, &err) : NULL;
        if (!s) {
            fprintf(stderr, "bench_schema: %.*s\n", STR_FMT(err.message));
            return false;
        }
        if (now_s() - t < parse_s) parse_s = now_s() - t;
        if (i == 0) grown = rss_peak() - rss;
        kept = c.live;
        buf out;
        buf_init(&out, &out_m, (size_t)256 << 20);
        t = now_s();
        if (!schema_describe(s, &out, &err)) return false;
        if (now_s() - t < describe_s) describe_s = now_s() - t;
        text = out.len;
        buf_free(&out);
        schema_free(s);
        arena_free(a);
        nicol_str *texts;
        a = arena_new(&format_m, (size_t)256 << 20);
        t = now_s();
        if (!a || !schema_format(file, 1, &format_m, a, &texts, &err)) return false;
        if (now_s() - t < format_s) format_s = now_s() - t;
        arena_free(a);
    }
    printf("schema           %10.0f bytes\n", size);
    printf("validate         %10.1f ms  %8.1f MB/s\n", parse_s * 1e3, size / parse_s / 1e6);
    printf("  memory, peak   %10.1f x the schema (goal: at most 10)\n", (double)c.peak / size);
    printf("  process grew   %10.1f x\n", grown / size);
    printf("  kept           %10.1f x\n", (double)kept / size);
    printf("describe         %10.1f ms  %8.1f MB/s of output\n", describe_s * 1e3, (double)text / describe_s / 1e6);
    printf("  its text       %10.1f x, its buffer at its peak %.1f x\n", (double)text / size,
           (double)out_c.peak / size);
    printf("format           %10.1f ms  %8.1f MB/s\n", format_s * 1e3, size / format_s / 1e6);
    printf("  memory, peak   %10.1f x the schema\n", (double)format_c.peak / size);
    return true;
}

int main(int argc, char **argv)
{
    int models = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
    int fields = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 20;
    buf b;
    buf_init(&b, mem_default, NICOL_SCHEMA_BYTES_MAX);
    generate(&b, models, fields);
    schema_file file = {S("generated.prisma"), buf_view(&b)};
    bool good = !buf_failed(&b);
    if (good && argc > 3) good = fwrite(b.ptr, 1, b.len, stdout) == b.len;
    else if (good) good = measure(&file, 20);
    buf_free(&b);
    return good ? 0 : 1;
}
