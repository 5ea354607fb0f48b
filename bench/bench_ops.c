/* bench/bench_ops.c - five operations through the C library against the sqlite3 C interface by hand.
 *
 * Both sides have a database file of their own with the same rows, WAL, foreign keys on and synchronous=NORMAL, and take
 * turns within a round. Each is measured for two results: the answer as JSON text, the very same bytes (compared before
 * anything is timed), and the answer as typed values that a program reads.
 *
 * The library: a request of the JSON protocol, made by copying its three parts together; then nicol_result_json, or
 * nicol_row_int and its like for each value.
 *
 * By hand: what a careful C programmer writes for exactly this result and these columns. Statements are prepared once and
 * kept; values are bound and taken by type; JSON is copied together from literal pieces, with one look at each byte of text
 * for escapes and a short cut for numbers with two decimals; typed values go into structs that own their text, as a result
 * of the library does. The include is one LEFT JOIN that reads a user's columns once, which is the fastest way here: one
 * posts statement per user, or one with IN, take longer. The nested create is a transaction of plain INSERTs that
 * answers from what it wrote, without RETURNING (slower) and without a read afterwards. What the caller knows is not looked up: names, types, the form of stored times.
 *
 * Usage: bench_ops                                          all of it
 *        bench_ops OPERATION hand|library json|rows CALLS   only that, for a profiler
 *        bench_ops OPERATION hand nothing CALLS             the statements alone: what SQLite itself costs
 *        bench_ops files FOLDER                             schema.prisma and ddl.sql, for other benchmarks
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <math.h>

#include "nicol/nicol.h"

#define ROUNDS 15
#define USERS 10000
#define POSTS_EACH 5
#define TEAM 10 /* users with the same team */

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  name String?\n  team Int\n  score Float\n"
    "  active Boolean @default(true)\n  createdAt DateTime @default(now())\n  visits BigInt @default(0)\n  posts Post[]\n}\n"
    "model Post {\n  id Int @id @default(autoincrement())\n  title String\n  body String\n  likes Int @default(0)\n"
    "  createdAt DateTime @default(now())\n  authorId Int\n  author User @relation(fields: [authorId], references: [id])\n}\n";

static const char ddl[] =
    "CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"email\" TEXT NOT NULL, \"name\" TEXT,"
    " \"team\" INTEGER NOT NULL, \"score\" REAL NOT NULL, \"active\" BOOLEAN NOT NULL DEFAULT true,"
    " \"createdAt\" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, \"visits\" BIGINT NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");"
    "CREATE INDEX \"User_team_idx\" ON \"User\"(\"team\");"
    "CREATE TABLE \"Post\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"title\" TEXT NOT NULL, \"body\" TEXT NOT NULL,"
    " \"likes\" INTEGER NOT NULL DEFAULT 0, \"createdAt\" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,"
    " \"authorId\" INTEGER NOT NULL, CONSTRAINT \"Post_authorId_fkey\" FOREIGN KEY (\"authorId\") REFERENCES \"User\" (\"id\")"
    " ON DELETE RESTRICT ON UPDATE CASCADE);"
    "CREATE INDEX \"Post_authorId_idx\" ON \"Post\"(\"authorId\");"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO \"User\""
    " SELECT i, 'user' || i || '@example.com', 'Name ' || i, (i - 1) / 10, (i * 37 % 10000) / 100.0, i % 2,"
    " '2026-01-02T03:04:05.678+00:00', 9007199254740993 + i FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO \"Post\""
    " SELECT i, 'Title of post ' || i, 'Some words that stand in the post number ' || i, i % 17,"
    " '2026-01-02T03:04:05.678+00:00', (i - 1) / 5 + 1 FROM n;";

#define USER_COLUMNS "u.id, u.email, u.name, u.team, u.score, u.active, u.createdAt, u.visits"
#define POST_COLUMNS "p.id, p.title, p.body, p.likes, p.createdAt, p.authorId"
#define USER_N 8
#define POST_N 6

static void must(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "bench_ops: %s\n", what);
    exit(1);
}

/* --- by hand: text ---------------------------------------------------------------------------------------------------- */

typedef struct text {
    char *p;
    size_t n, cap;
} text;

static char *room(text *t, size_t n)
{
    if (t->cap - t->n < n) {
        t->cap = (t->cap + n) * 2;
        t->p = realloc(t->p, t->cap);
        must(t->p != NULL, "out of memory");
    }
    return t->p + t->n;
}

static void put(text *t, const void *p, size_t n)
{
    memcpy(room(t, n), p, n);
    t->n += n;
}
#define LIT(t, s) put((t), (s), sizeof(s) - 1)

static size_t write_int(char *out, int64_t v)
{
    static const char pairs[] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    char tmp[24], *end = tmp + sizeof tmp, *p = end;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    for (; u >= 100; u /= 100) {
        p -= 2;
        memcpy(p, pairs + u % 100 * 2, 2);
    }
    if (u >= 10) {
        p -= 2;
        memcpy(p, pairs + u * 2, 2);
    } else {
        *--p = (char)('0' + u);
    }
    if (v < 0) *--p = '-';
    memcpy(out, p, (size_t)(end - p));
    return (size_t)(end - p);
}

static void put_int(text *t, int64_t v)
{
    t->n += write_int(room(t, 24), v);
}

static void put_double(text *t, double d)
{
    double cents = nearbyint(d * 100);
    if (fabs(cents) < 1e15 && cents / 100 == d) {
        int64_t c = (int64_t)cents;
        if (c < 0) LIT(t, "-");
        c = c < 0 ? -c : c;
        put_int(t, c / 100);
        if (c % 100 == 0) return;
        char part[3] = {'.', (char)('0' + c % 100 / 10), (char)('0' + c % 10)};
        put(t, part, part[2] == '0' ? 2 : 3);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        char *p = room(t, 40);
        int n = snprintf(p, 40, "%.*g", digits, d);
        if (digits < 17 && strtod(p, NULL) != d) continue;
        t->n += (size_t)n;
        return;
    }
}

static void put_quoted(text *t, const unsigned char *s, size_t n)
{
    char *p = room(t, n * 6 + 2);
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = s[i];
        if (c >= 0x20 && c != '"' && c != '\\') *p++ = (char)c;
        else if (c == '"' || c == '\\') *p++ = '\\', *p++ = (char)c;
        else p += snprintf(p, 7, "\\u%04x", c);
    }
    *p++ = '"';
    t->n = (size_t)(p - t->p);
}

/* Times are stored as 2026-01-02T03:04:05.678+00:00 and told with a Z. */
static void put_time(text *t, const unsigned char *s, size_t n)
{
    must(n == 29 && memcmp(s + 23, "+00:00", 6) == 0, "a stored time has another form");
    LIT(t, "{\"$type\":\"DateTime\",\"value\":\"");
    put(t, s, 23);
    LIT(t, "Z\"}");
}

static void put_text_cell(text *t, sqlite3_stmt *s, int i)
{
    const unsigned char *p = sqlite3_column_text(s, i);
    put_quoted(t, p, (size_t)sqlite3_column_bytes(s, i));
}

static void put_time_cell(text *t, sqlite3_stmt *s, int i)
{
    const unsigned char *p = sqlite3_column_text(s, i);
    put_time(t, p, (size_t)sqlite3_column_bytes(s, i));
}

/* Without the closing brace. */
static void put_user(text *t, sqlite3_stmt *s)
{
    LIT(t, "{\"id\":");
    put_int(t, sqlite3_column_int64(s, 0));
    LIT(t, ",\"email\":");
    put_text_cell(t, s, 1);
    LIT(t, ",\"name\":");
    if (sqlite3_column_type(s, 2) == SQLITE_NULL) LIT(t, "null");
    else put_text_cell(t, s, 2);
    LIT(t, ",\"team\":");
    put_int(t, sqlite3_column_int64(s, 3));
    LIT(t, ",\"score\":");
    put_double(t, sqlite3_column_double(s, 4));
    if (sqlite3_column_int(s, 5)) LIT(t, ",\"active\":true,\"createdAt\":");
    else LIT(t, ",\"active\":false,\"createdAt\":");
    put_time_cell(t, s, 6);
    LIT(t, ",\"visits\":{\"$type\":\"BigInt\",\"value\":\"");
    put_int(t, sqlite3_column_int64(s, 7));
    LIT(t, "\"}");
}

static void put_post(text *t, sqlite3_stmt *s, int at)
{
    LIT(t, "{\"id\":");
    put_int(t, sqlite3_column_int64(s, at));
    LIT(t, ",\"title\":");
    put_text_cell(t, s, at + 1);
    LIT(t, ",\"body\":");
    put_text_cell(t, s, at + 2);
    LIT(t, ",\"likes\":");
    put_int(t, sqlite3_column_int64(s, at + 3));
    LIT(t, ",\"createdAt\":");
    put_time_cell(t, s, at + 4);
    LIT(t, ",\"authorId\":");
    put_int(t, sqlite3_column_int64(s, at + 5));
    LIT(t, "}");
}

/* --- by hand: values -------------------------------------------------------------------------------------------------- */

typedef struct user {
    int64_t id, team, visits;
    double score;
    bool active, named;
    size_t email, name, created; /* where they start in the result's text; each ends with a NUL */
    size_t posts, posts_n;
} user;
typedef struct post {
    int64_t id, likes, author;
    size_t title, body, created;
} post;
/* A result: one block of users, one of posts, one of text; made and freed with each call, as the library's are. */
typedef struct result {
    text users, posts, words;
} result;

static size_t keep_text(result *r, sqlite3_stmt *s, int i)
{
    size_t at = r->words.n;
    const unsigned char *p = sqlite3_column_text(s, i);
    put(&r->words, p, (size_t)sqlite3_column_bytes(s, i) + 1);
    return at;
}

static user *keep_user(result *r, sqlite3_stmt *s)
{
    user *u = (user *)(void *)room(&r->users, sizeof *u);
    r->users.n += sizeof *u;
    u->id = sqlite3_column_int64(s, 0);
    u->email = keep_text(r, s, 1);
    u->named = sqlite3_column_type(s, 2) != SQLITE_NULL;
    u->name = u->named ? keep_text(r, s, 2) : 0;
    u->team = sqlite3_column_int64(s, 3);
    u->score = sqlite3_column_double(s, 4);
    u->active = sqlite3_column_int(s, 5) != 0;
    u->created = keep_text(r, s, 6);
    u->visits = sqlite3_column_int64(s, 7);
    u->posts = r->posts.n / sizeof(post);
    u->posts_n = 0;
    return u;
}

static void keep_post(result *r, user *u, sqlite3_stmt *s, int at)
{
    post *p = (post *)(void *)room(&r->posts, sizeof *p);
    r->posts.n += sizeof *p;
    u->posts_n++;
    p->id = sqlite3_column_int64(s, at);
    p->title = keep_text(r, s, at + 1);
    p->body = keep_text(r, s, at + 2);
    p->likes = sqlite3_column_int64(s, at + 3);
    p->created = keep_text(r, s, at + 4);
    p->author = sqlite3_column_int64(s, at + 5);
}

/* What the program does with the values: the sums must be those that by_library comes to. */
static uint64_t read_result(const result *r)
{
    uint64_t sum = 0;
    const char *w = r->words.p;
    const user *u = (const user *)(const void *)r->users.p;
    for (size_t i = 0; i < r->users.n / sizeof *u; i++, u++) {
        sum += (uint64_t)(u->id + u->team + u->visits) + (uint64_t)(u->score * 100) + u->active;
        sum += (unsigned char)w[u->email] + (u->named ? (unsigned char)w[u->name] : 0u) + (unsigned char)w[u->created];
        const post *p = (const post *)(const void *)r->posts.p + u->posts;
        for (size_t k = 0; k < u->posts_n; k++, p++) {
            sum += (uint64_t)(p->id + p->likes + p->author);
            sum += (unsigned char)w[p->title] + (unsigned char)w[p->body] + (unsigned char)w[p->created];
        }
    }
    return sum;
}

/* --- by hand: the operations ------------------------------------------------------------------------------------------ */

enum { S_UNIQUE, S_MANY, S_INCLUDE, S_BEGIN, S_COMMIT, S_INSERT_USER, S_INSERT_POST, S_UPDATE, S_N };
static const char *const sql[S_N] = {
    [S_UNIQUE] = "SELECT " USER_COLUMNS " FROM User u WHERE u.id = ?",
    [S_MANY] = "SELECT " USER_COLUMNS " FROM User u WHERE u.id > ? ORDER BY u.id LIMIT 100",
    [S_INCLUDE] = "SELECT " USER_COLUMNS ", " POST_COLUMNS
                  " FROM User u LEFT JOIN Post p ON p.authorId = u.id WHERE u.team = ? ORDER BY u.id",
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_INSERT_USER] =
        "INSERT INTO User(email, name, team, score, active, createdAt, visits) VALUES(?, ?, ?, ?, true, ?, 0)",
    [S_INSERT_POST] = "INSERT INTO Post(title, body, likes, createdAt, authorId) VALUES(?, ?, 0, ?, ?)",
    [S_UPDATE] = "UPDATE User SET visits = visits + ? WHERE team = ?",
};

typedef struct hand {
    sqlite3 *c;
    sqlite3_stmt *st[S_N];
    text out; /* kept from call to call, as a program that sends answers keeps it */
    bool rows;
    bool nothing; /* only the statements: nothing is read or delivered */
} hand;

static void hand_open(hand *h, const char *file)
{
    must(sqlite3_open_v2(file, &h->c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ==
             SQLITE_OK,
         "open");
    must(sqlite3_exec(h->c, "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL", NULL, NULL,
                      NULL) == SQLITE_OK,
         "pragmas");
    must(sqlite3_exec(h->c, "BEGIN", NULL, NULL, NULL) == SQLITE_OK &&
             sqlite3_exec(h->c, ddl, NULL, NULL, NULL) == SQLITE_OK &&
             sqlite3_exec(h->c, "COMMIT", NULL, NULL, NULL) == SQLITE_OK,
         sqlite3_errmsg(h->c));
    for (int i = 0; i < S_N; i++)
        must(sqlite3_prepare_v3(h->c, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &h->st[i], NULL) == SQLITE_OK,
             sqlite3_errmsg(h->c));
}

static void hand_close(hand *h)
{
    for (int i = 0; i < S_N; i++) sqlite3_finalize(h->st[i]);
    sqlite3_close(h->c);
    free(h->out.p);
}

static uint64_t finish(hand *h, result *r)
{
    if (!h->rows) return h->out.n;
    uint64_t sum = read_result(r);
    free(r->users.p);
    free(r->posts.p);
    free(r->words.p);
    return sum;
}

static uint64_t only_steps(sqlite3_stmt *s)
{
    uint64_t n = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) n++;
    must(rc == SQLITE_DONE, "a statement by hand");
    sqlite3_reset(s);
    return n;
}

static uint64_t hand_unique(hand *h, int64_t k)
{
    sqlite3_stmt *s = h->st[S_UNIQUE];
    result r = {0};
    h->out.n = 0;
    sqlite3_bind_int64(s, 1, k % USERS + 1);
    if (h->nothing) return only_steps(s);
    int rc = sqlite3_step(s);
    if (h->rows && rc == SQLITE_ROW) {
        keep_user(&r, s);
    } else if (rc == SQLITE_ROW) {
        LIT(&h->out, "{\"data\":{\"findUniqueUser\":");
        put_user(&h->out, s);
        LIT(&h->out, "}}}");
    } else {
        LIT(&h->out, "{\"data\":{\"findUniqueUser\":null}}");
    }
    sqlite3_reset(s);
    must(rc == SQLITE_ROW || rc == SQLITE_DONE, "findUnique by hand");
    return finish(h, &r);
}

static uint64_t hand_many(hand *h, int64_t k)
{
    sqlite3_stmt *s = h->st[S_MANY];
    result r = {0};
    h->out.n = 0;
    if (!h->rows) LIT(&h->out, "{\"data\":{\"findManyUser\":[");
    sqlite3_bind_int64(s, 1, k * 100 % USERS);
    if (h->nothing) return only_steps(s);
    int rc;
    for (bool first = true; (rc = sqlite3_step(s)) == SQLITE_ROW; first = false) {
        if (h->rows) {
            keep_user(&r, s);
            continue;
        }
        if (!first) LIT(&h->out, ",");
        put_user(&h->out, s);
        LIT(&h->out, "}");
    }
    sqlite3_reset(s);
    must(rc == SQLITE_DONE, "findMany by hand");
    if (!h->rows) LIT(&h->out, "]}}");
    return finish(h, &r);
}

static uint64_t hand_include(hand *h, int64_t k)
{
    sqlite3_stmt *s = h->st[S_INCLUDE];
    result r = {0};
    user *u = NULL;
    int64_t last = -1;
    bool first_post = true;
    h->out.n = 0;
    if (!h->rows) LIT(&h->out, "{\"data\":{\"findManyUser\":[");
    sqlite3_bind_int64(s, 1, k % (USERS / TEAM));
    if (h->nothing) return only_steps(s);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(s, 0);
        if (id != last) {
            first_post = true;
            if (h->rows) {
                u = keep_user(&r, s);
            } else {
                if (last >= 0) LIT(&h->out, "]},");
                put_user(&h->out, s);
                LIT(&h->out, ",\"posts\":[");
            }
            last = id;
        }
        if (sqlite3_column_type(s, USER_N) == SQLITE_NULL) continue;
        if (h->rows) {
            keep_post(&r, u, s, USER_N);
            continue;
        }
        if (!first_post) LIT(&h->out, ",");
        first_post = false;
        put_post(&h->out, s, USER_N);
    }
    sqlite3_reset(s);
    must(rc == SQLITE_DONE, "include by hand");
    if (!h->rows && last >= 0) LIT(&h->out, "]}");
    if (!h->rows) LIT(&h->out, "]}}");
    return finish(h, &r);
}

static void now_text(char out[32])
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03d+00:00", (int)(t.tv_nsec / 1000000));
}

static void hand_simple(hand *h, int which)
{
    must(sqlite3_step(h->st[which]) == SQLITE_DONE, sqlite3_errmsg(h->c));
    sqlite3_reset(h->st[which]);
}

typedef struct words {
    const char *p;
    size_t n;
} words;
#define WORDS(literal)                 \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

static void bind(sqlite3_stmt *s, int i, words w)
{
    sqlite3_bind_text(s, i, w.p, (int)w.n, SQLITE_STATIC);
}

static size_t keep_words(result *r, words w)
{
    size_t at = r->words.n;
    put(&r->words, w.p, w.n + 1);
    return at;
}

#define QUOTED(t, w) put_quoted((t), (const unsigned char *)(w).p, (w).n)
#define TIME(t, w) put_time((t), (const unsigned char *)(w).p, (w).n)

/* The new rows, from what was just written. */
static user *deliver_new_user(hand *h, result *r, int64_t id, words email, words name, words now)
{
    if (h->nothing) return NULL;
    if (h->rows) {
        user *u = (user *)(void *)room(&r->users, sizeof *u);
        r->users.n += sizeof *u;
        *u = (user){.id = id, .team = -1, .score = 1.25, .active = true, .named = true};
        u->email = keep_words(r, email);
        u->name = keep_words(r, name);
        u->created = keep_words(r, now);
        return u;
    }
    text *t = &h->out;
    LIT(t, "{\"data\":{\"createOneUser\":{\"id\":");
    put_int(t, id);
    LIT(t, ",\"email\":");
    QUOTED(t, email);
    LIT(t, ",\"name\":");
    QUOTED(t, name);
    LIT(t, ",\"team\":");
    put_int(t, -1);
    LIT(t, ",\"score\":");
    put_double(t, 1.25);
    LIT(t, ",\"active\":true,\"createdAt\":");
    TIME(t, now);
    LIT(t, ",\"visits\":{\"$type\":\"BigInt\",\"value\":\"0\"},\"posts\":[");
    return NULL;
}

static void deliver_new_post(hand *h, result *r, user *u, int64_t id, words title, words body, words now,
                             int64_t author)
{
    if (h->nothing) return;
    if (h->rows) {
        post *p = (post *)(void *)room(&r->posts, sizeof *p);
        r->posts.n += sizeof *p;
        u->posts_n++;
        *p = (post){.id = id, .author = author};
        p->title = keep_words(r, title);
        p->body = keep_words(r, body);
        p->created = keep_words(r, now);
        return;
    }
    text *t = &h->out;
    LIT(t, "{\"id\":");
    put_int(t, id);
    LIT(t, ",\"title\":");
    QUOTED(t, title);
    LIT(t, ",\"body\":");
    QUOTED(t, body);
    LIT(t, ",\"likes\":0,\"createdAt\":");
    TIME(t, now);
    LIT(t, ",\"authorId\":");
    put_int(t, author);
    LIT(t, "}");
}

static uint64_t hand_create(hand *h, int64_t k)
{
    static const words said[3][2] = {
        {WORDS("first"), WORDS("one")}, {WORDS("second"), WORDS("two")}, {WORDS("third"), WORDS("three")}};
    sqlite3_stmt *s = h->st[S_INSERT_USER], *p = h->st[S_INSERT_POST];
    result r = {0};
    char now_chars[32], email_chars[48];
    now_text(now_chars);
    words now = {now_chars, 29}, name = WORDS("New"), email = {email_chars, 0};
    email.n = (size_t)snprintf(email_chars, sizeof email_chars, "new%lld@example.com", (long long)k);
    h->out.n = 0;
    hand_simple(h, S_BEGIN);
    bind(s, 1, email);
    bind(s, 2, name);
    sqlite3_bind_int64(s, 3, -1);
    sqlite3_bind_double(s, 4, 1.25);
    bind(s, 5, now);
    hand_simple(h, S_INSERT_USER);
    int64_t id = sqlite3_last_insert_rowid(h->c);
    user *u = deliver_new_user(h, &r, id, email, name, now);
    for (int i = 0; i < 3; i++) {
        bind(p, 1, said[i][0]);
        bind(p, 2, said[i][1]);
        bind(p, 3, now);
        sqlite3_bind_int64(p, 4, id);
        hand_simple(h, S_INSERT_POST);
        if (i && !h->rows) LIT(&h->out, ",");
        deliver_new_post(h, &r, u, sqlite3_last_insert_rowid(h->c), said[i][0], said[i][1], now, id);
    }
    hand_simple(h, S_COMMIT);
    if (!h->rows) LIT(&h->out, "]}}}");
    return finish(h, &r);
}

static uint64_t hand_update(hand *h, int64_t k)
{
    sqlite3_stmt *s = h->st[S_UPDATE];
    sqlite3_bind_int64(s, 1, 1);
    sqlite3_bind_int64(s, 2, k % (USERS / TEAM));
    must(sqlite3_step(s) == SQLITE_DONE, sqlite3_errmsg(h->c));
    sqlite3_reset(s);
    int n = sqlite3_changes(h->c);
    if (h->rows) return (uint64_t)n;
    h->out.n = 0;
    LIT(&h->out, "{\"data\":{\"updateManyUser\":{\"count\":");
    put_int(&h->out, n);
    LIT(&h->out, "}}}");
    return h->out.n;
}

/* --- the library ------------------------------------------------------------------------------------------------------ */

typedef struct library {
    nicol_db *db;
    bool rows;
    char answer[65536]; /* of the last call, for the comparison; filled only when asked for */
    size_t answer_n;
    bool keep;
} library;

#define SCALARS "\"$composites\":true,\"$scalars\":true"
#define WITH_POSTS SCALARS ",\"posts\":{\"arguments\":{},\"selection\":{" SCALARS "}}"

static nicol_result *ask(library *l, const char *before, size_t before_n, int64_t v, const char *after, size_t after_n)
{
    char q[1024];
    memcpy(q, before, before_n);
    size_t n = before_n + write_int(q + before_n, v);
    memcpy(q + n, after, after_n);
    nicol_result *r = nicol_query(l->db, q, n + after_n);
    if (!r) fprintf(stderr, "%.*s\n", (int)nicol_last_error(l->db)->message.len, nicol_last_error(l->db)->message.ptr);
    must(r != NULL, "no result from the library");
    return r;
}
#define ASK(l, before, v, after) ask((l), (before), sizeof(before) - 1, (v), (after), sizeof(after) - 1)

static uint64_t first_byte(const nicol_rows *rows, const char *field)
{
    nicol_str s;
    return nicol_row_text(rows, field, &s) ? (unsigned char)s.ptr[0] : 0;
}

static int64_t int_of(const nicol_rows *rows, const char *field)
{
    int64_t v = 0;
    must(nicol_row_int(rows, field, &v), field);
    return v;
}

static uint64_t read_rows(nicol_rows rows, bool with_posts)
{
    uint64_t sum = 0;
    while (nicol_rows_next(&rows)) {
        double score = 0;
        bool active = false;
        must(nicol_row_double(&rows, "score", &score) && nicol_row_bool(&rows, "active", &active), "score, active");
        sum += (uint64_t)(int_of(&rows, "id") + int_of(&rows, "team") + int_of(&rows, "visits"));
        sum += (uint64_t)(score * 100) + active;
        sum += first_byte(&rows, "email") + first_byte(&rows, "name") + first_byte(&rows, "createdAt");
        if (!with_posts) continue;
        nicol_rows posts = nicol_row_rows(&rows, "posts");
        while (nicol_rows_next(&posts)) {
            sum += (uint64_t)(int_of(&posts, "id") + int_of(&posts, "likes") + int_of(&posts, "authorId"));
            sum += first_byte(&posts, "title") + first_byte(&posts, "body") + first_byte(&posts, "createdAt");
        }
    }
    return sum;
}

/* Either the text or the values. */
static uint64_t delivered(library *l, nicol_result *r, bool with_posts)
{
    nicol_str s = nicol_result_json(r);
    if (l->keep) {
        l->answer_n = s.len < sizeof l->answer ? s.len : 0;
        memcpy(l->answer, s.ptr, l->answer_n);
    }
    uint64_t sum = l->rows ? read_rows(nicol_result_rows(r), with_posts) : s.len;
    nicol_free(r);
    return sum;
}

static uint64_t library_unique(library *l, int64_t k)
{
    return delivered(
        l,
        ASK(l, "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":",
            k % USERS + 1, "}},\"selection\":{" SCALARS "}}}"),
        false);
}

static uint64_t library_many(library *l, int64_t k)
{
    return delivered(
        l,
        ASK(l, "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":{\"id\":{\"gt\":",
            k * 100 % USERS, "}},\"orderBy\":[{\"id\":\"asc\"}],\"take\":100},\"selection\":{" SCALARS "}}}"),
        false);
}

static uint64_t library_include(library *l, int64_t k)
{
    return delivered(
        l,
        ASK(l, "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":{\"team\":",
            k % (USERS / TEAM), "},\"orderBy\":[{\"id\":\"asc\"}]},\"selection\":{" WITH_POSTS "}}}"),
        true);
}

static uint64_t library_create(library *l, int64_t k)
{
    return delivered(
        l,
        ASK(l, "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"email\":\"new",
            k,
            "@example.com\",\"name\":\"New\",\"team\":-1,\"score\":1.25,\"posts\":{\"create\":["
            "{\"title\":\"first\",\"body\":\"one\"},{\"title\":\"second\",\"body\":\"two\"},"
            "{\"title\":\"third\",\"body\":\"three\"}]}}},\"selection\":{" WITH_POSTS "}}}"),
        true);
}

static uint64_t library_update(library *l, int64_t k)
{
    nicol_result *r =
        ASK(l, "{\"modelName\":\"User\",\"action\":\"updateMany\",\"query\":{\"arguments\":{\"where\":{\"team\":",
            k % (USERS / TEAM), "},\"data\":{\"visits\":{\"increment\":1}}},\"selection\":{\"count\":true}}}");
    if (!l->rows) return delivered(l, r, false);
    int64_t n = 0;
    must(nicol_result_count(r, &n), "count");
    nicol_free(r);
    return (uint64_t)n;
}

/* --- measuring -------------------------------------------------------------------------------------------------------- */

typedef struct operation {
    const char *name, *title;
    uint64_t (*hand)(hand *h, int64_t k);
    uint64_t (*library)(library *l, int64_t k);
    unsigned calls; /* of one side in one round */
    bool creates;   /* its answers hold the time of day */
} operation;

static const operation operations[] = {
    {"findUnique", "findUnique, 1 row", hand_unique, library_unique, 10000, false},
    {"findMany", "findMany, 100 rows", hand_many, library_many, 300, false},
    {"include", "findMany with include, 10 x 5", hand_include, library_include, 600, false},
    {"create", "nested create, 1 + 3 rows", hand_create, library_create, 500, true},
    {"updateMany", "updateMany, 10 rows", hand_update, library_update, 1000, false},
};
#define OPERATIONS_N (sizeof operations / sizeof *operations)

typedef struct both {
    hand hand;
    library library;
    int64_t next; /* one sequence of keys for both sides */
    volatile uint64_t sink;
} both;

typedef struct spent {
    double cpu, wall; /* microseconds */
} spent;

static double clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Kept apart so that a profiler can be told to count only in here. */
__attribute__((noinline)) static spent timed_calls(both *b, const operation *op, bool by_library, unsigned calls,
                                                   int64_t from)
{
    uint64_t sum = 0;
    spent s = {clock_us(CLOCK_THREAD_CPUTIME_ID), clock_us(CLOCK_MONOTONIC)};
    for (unsigned i = 0; i < calls; i++)
        sum += by_library ? op->library(&b->library, from + i * 7) : op->hand(&b->hand, from + i * 7);
    s.cpu = clock_us(CLOCK_THREAD_CPUTIME_ID) - s.cpu;
    s.wall = clock_us(CLOCK_MONOTONIC) - s.wall;
    b->sink = b->sink + sum;
    return s;
}

/* Times of day differ between the two sides: the digits of every time are made alike before the comparison. */
static void blank_times(char *p, size_t n)
{
    static const char mark[] = "\"DateTime\",\"value\":\"";
    for (char *at = p; (at = memmem(at, n - (size_t)(at - p), mark, sizeof mark - 1)) != NULL;) {
        at += sizeof mark - 1;
        for (; *at != '"'; at++) {
            if (*at >= '0' && *at <= '9') *at = '0';
        }
    }
}

static void same_answers(both *b, const operation *op)
{
    b->library.keep = true;
    for (int i = 0; i < 20; i++, b->next += 7) {
        hand *h = &b->hand;
        library *l = &b->library;
        h->rows = l->rows = false;
        op->hand(h, b->next);
        op->library(l, b->next);
        if (op->creates) {
            blank_times(h->out.p, h->out.n);
            blank_times(l->answer, l->answer_n);
        }
        if (h->out.n != l->answer_n || memcmp(h->out.p, l->answer, h->out.n) != 0) {
            fprintf(stderr, "by hand: %.*s\nlibrary: %.*s\n", (int)h->out.n, h->out.p, (int)l->answer_n, l->answer);
            must(false, "the two answers differ");
        }
        b->next += 7;
        h->rows = l->rows = true;
        must(op->hand(h, b->next) == op->library(l, b->next), "the values of the two sides differ");
    }
    b->library.keep = false;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void compare(both *b, const operation *op, bool rows)
{
    double h[ROUNDS], l[ROUNDS], ratio[ROUNDS], wall[ROUNDS];
    b->hand.rows = b->library.rows = rows;
    unsigned calls = op->calls;
    for (int i = -1; i < ROUNDS; i++) { /* the first round only warms */
        bool library_first = i & 1;
        spent first = timed_calls(b, op, library_first, calls, b->next),
              second = timed_calls(b, op, !library_first, calls, b->next);
        b->next += calls * 7;
        if (i < 0) continue;
        spent hs = library_first ? second : first, ls = library_first ? first : second;
        h[i] = hs.cpu / calls;
        l[i] = ls.cpu / calls;
        ratio[i] = ls.cpu / hs.cpu;
        wall[i] = ls.wall / hs.wall;
    }
    double r = median(ratio), w = median(wall);
    printf("%-30s %-5s by hand %8.2f us, library %8.2f us; RATIO of CPU %.2f (%.2f to %.2f), of wall time %.2f\n",
           op->title, rows ? "rows:" : "JSON:", median(h), median(l), r, ratio[0], ratio[ROUNDS - 1], w);
    fflush(stdout);
}

static void both_open(both *b, const char *dir)
{
    char file[128], url[160];
    memset(b, 0, sizeof *b);
    snprintf(file, sizeof file, "%s/library.db", dir);
    snprintf(url, sizeof url, "file:%s", file);
    hand_open(&b->hand, file);
    hand_close(&b->hand);
    memset(&b->hand, 0, sizeof b->hand);
    snprintf(file, sizeof file, "%s/hand.db", dir);
    hand_open(&b->hand, file);
    nicol_open_opts o = {.size = sizeof o, .schema_text = schema_text, .url = url, .sync_normal = true};
    b->library.db = nicol_open(&o);
    must(b->library.db && nicol_ok(b->library.db),
         b->library.db ? nicol_last_error(b->library.db)->message.ptr : "out of memory");
}

static void both_close(both *b, const char *dir)
{
    static const char *const ends[] = {"hand.db",    "hand.db-wal",    "hand.db-shm",
                                       "library.db", "library.db-wal", "library.db-shm"};
    nicol_close(b->library.db);
    hand_close(&b->hand);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", dir, ends[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void only(both *b, char **argv)
{
    bool by_library = strcmp(argv[2], "library") == 0;
    b->hand.rows = b->library.rows = strcmp(argv[3], "rows") == 0;
    b->hand.nothing = strcmp(argv[3], "nothing") == 0;
    for (size_t i = 0; i < OPERATIONS_N; i++) {
        if (strcmp(argv[1], operations[i].name) != 0) continue;
        unsigned calls = (unsigned)strtoul(argv[4], NULL, 10);
        must(calls > 0 && !(by_library && b->hand.nothing), "no such call");
        timed_calls(b, &operations[i], by_library, calls / 10 + 1, 1000000000);
        spent s = timed_calls(b, &operations[i], by_library, calls, 0);
        printf("%s %s %s: %.2f us of CPU\n", argv[1], argv[2], argv[3], s.cpu / calls);
        return;
    }
    must(false, "no such operation");
}

static void write_file(const char *dir, const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    must(f && fputs(content, f) >= 0 && fclose(f) == 0, path);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/nicol-bench-XXXXXX";
    static both b;
    must(argc == 1 || argc == 3 || argc == 5, "usage: bench_ops [OPERATION hand|library json|rows|nothing CALLS]");
    if (argc == 3) {
        write_file(argv[2], "schema.prisma", schema_text);
        write_file(argv[2], "ddl.sql", ddl);
        return 0;
    }
    must(mkdtemp(dir) != NULL, "no temporary folder");
    both_open(&b, dir);
    if (argc == 5) {
        only(&b, argv);
    } else {
        printf("C library to sqlite3 by hand, per call: medians of %d rounds (least to most); to be at most 1.5\n",
               ROUNDS);
        for (size_t i = 0; i < OPERATIONS_N; i++) {
            same_answers(&b, &operations[i]);
            compare(&b, &operations[i], false);
            compare(&b, &operations[i], true);
        }
    }
    both_close(&b, dir);
    return 0;
}
