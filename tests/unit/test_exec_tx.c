/* Transactions of the executor: interactive ones with and without a loop, time limits, nesting, batches; who waits for whom;
 * limits; and runs with memory that fails. */
#include "exec_fixture.h"

#include "base/clock.h"

static fixture f;
static arena *a;

static const char ddl[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT UNIQUE); INSERT INTO t VALUES(1, 10);";

#define INSERT(values) EXECUTE(SQL("INSERT INTO t(id,n) VALUES" values))
#define COUNT DATA_MAP(OBJECT("\"c\":" FIELD("c", "int")), N("unique", QUERY(SQL("SELECT count(*) AS c FROM t"))))

static const char *count_is(exec_tx *t)
{
    return fixture_ask_in(&f, COUNT, NULL, t);
}

static nicol_str start(int64_t wait, int64_t timeout, nicol_error *err)
{
    nicol_str id = {0};
    exec_tx_opts o = {.max_wait_ms = wait, .timeout_ms = timeout, .owner = S("me")};
    if (!exec_tx_start(f.e, &o, a, &id, err)) return (nicol_str){0};
    return id;
}

static const char *in_tx(nicol_str id, const char *plan_text)
{
    static char text[1000];
    nicol_error err = {0};
    exec_tx *t = exec_tx_take(f.e, id, S("me"), "query", a, &err);
    if (!t) {
        snprintf(text, sizeof text, "%s %.*s", err_client(err.code), (int)err.message.len, err.message.ptr);
        return text;
    }
    snprintf(text, sizeof text, "%s", fixture_ask_in(&f, plan_text, NULL, t));
    exec_tx_give(t);
    return text;
}

static const char *ended(bool (*fn)(exec *, nicol_str, nicol_str, arena *, nicol_error *), nicol_str id)
{
    static char text[1000];
    nicol_error err = {0};
    if (fn(f.e, id, S("me"), a, &err)) return "done";
    snprintf(text, sizeof text, "%s %.*s", err_client(err.code), (int)err.message.len, err.message.ptr);
    return text;
}

#define NOT_FOUND \
    "P2028 Transaction API error: Transaction not found. Transaction ID is invalid, refers to an old closed transaction Prisma doesn't have information about anymore, or was obtained before disconnecting."

static bool expired_text(const char *got, const char *op, const char *timeout)
{
    char head[200];
    snprintf(
        head, sizeof head,
        "P2028 Transaction API error: A %s cannot be executed on an expired transaction. The timeout for this transaction was %s ms, however ",
        op, timeout);
    bool good =
        strncmp(got, head, strlen(head)) == 0 &&
        strstr(
            got,
            " ms passed since the start of the transaction. Consider increasing the interactive transaction timeout or doing less work in the transaction.");
    if (!good) diag("%s", got);
    return good;
}

/* --- without a loop ------------------------------------------------------------------------------------------------- */

static void test_commit_rollback(void)
{
    nicol_error err = {0};
    nicol_str id = start(0, 0, &err);
    no_err(&err);
    is_int(id.len, 34);
    is_z(in_tx(id, INSERT("(2,20)")), "1");
    is_z(in_tx(id, COUNT), "{\"c\":2}");
    is_z(count_is(NULL), "{\"c\":1}"); /* from a reader of its own */
    is_z(
        fixture_ask(&f, INSERT("(3,30)"), NULL),
        "P2024 Timed out fetching a new connection from the connection pool: busy connections: 1 of 1, 1 in interactive transactions (the longest for 0.0 s). An open transaction of this thread holds one: end it first, or run the operation inside it");
    is_z(ended(exec_tx_commit, id), "done");
    is_z(count_is(NULL), "{\"c\":2}");
    is_z(
        ended(exec_tx_commit, id),
        "P2028 Transaction API error: Transaction already closed: A commit cannot be executed on a committed transaction.");
    is_z(
        in_tx(id, COUNT),
        "P2028 Transaction API error: Transaction already closed: A query cannot be executed on a committed transaction.");
    id = start(0, 0, &err);
    is_z(in_tx(id, INSERT("(3,20)")), "P2002 Unique constraint failed on the fields: (`n`)");
    is_z(in_tx(id, INSERT("(3,30)")), "1");
    is_z(ended(exec_tx_rollback, id), "done");
    is_z(count_is(NULL), "{\"c\":2}");
    is_z(
        ended(exec_tx_rollback, id),
        "P2028 Transaction API error: Transaction already closed: A rollback cannot be executed on a transaction that was rolled back.");
    is_z(in_tx(S("nonsense"), COUNT), NOT_FOUND);
    is_z(in_tx(S("0000000000000000000000000000000000"), COUNT), NOT_FOUND);
    id = start(0, 0, &err);
    exec_tx *t = exec_tx_take(f.e, id, S("someone else"), "query", a, &err);
    ok(!t, "another key can't use it");
    is_err(&err, NICOL_E_TRANSACTION);
    err_clear(&err);
    ok(!exec_tx_commit(f.e, id, S(""), a, &err), "nor nobody");
    is_z(ended(exec_tx_rollback, id), "done");
    err_clear(&err);
    exec_tx_opts o = {.isolation = ISOLATION_SNAPSHOT};
    ok(!exec_tx_start(f.e, &o, a, &id, &err), "no snapshots");
    is_strz(err.message, "Transaction API error: Invalid isolation level: SNAPSHOT");
    is_strz(err.meta, "{\"isolationLevel\":\"SNAPSHOT\"}");
}

static void test_nesting(void)
{
    nicol_error err = {0};
    nicol_str id = start(0, 0, &err);
    is_z(in_tx(id, INSERT("(100,100)")), "1");
    is_z(ended(exec_tx_nest, id), "done");
    is_z(in_tx(id, INSERT("(101,101)")), "1");
    is_z(ended(exec_tx_nest, id), "done");
    is_z(in_tx(id, INSERT("(102,102)")), "1");
    is_z(ended(exec_tx_rollback, id), "done"); /* 102 is gone */
    is_z(ended(exec_tx_commit, id), "done");   /* 101 stays */
    is_z(ended(exec_tx_nest, id), "done");
    is_z(in_tx(id, INSERT("(103,103)")), "1");
    is_z(ended(exec_tx_rollback, id), "done");
    is_z(in_tx(id, COUNT), "{\"c\":4}");
    is_z(ended(exec_tx_commit, id), "done");
    is_z(count_is(NULL), "{\"c\":4}");
}

static void test_expiry(void)
{
    nicol_error err = {0};
    nicol_str id = start(0, 20, &err);
    is_z(in_tx(id, INSERT("(200,200)")), "1");
    usleep(30000);
    ok(expired_text(in_tx(id, COUNT), "query", "20"), "too late for a query");
    ok(expired_text(ended(exec_tx_commit, id), "commit", "20"), "too late for the commit");
    ok(!exec_tx_rollback(f.e, id, S("me"), a, &err), "too late for the rollback");
    ok(str_starts(err.meta, S("{\"operation\":\"rollback\",\"timeout\":20,\"timeTaken\":")), "the meta");
    is_z(count_is(NULL), "{\"c\":4}");
    /* A statement that runs too long is stopped when the time is over. */
    id = start(0, 50, &err);
    const char *got = in_tx(
        id, QUERY(SQL("WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM x) SELECT count(*) AS c FROM x")));
    ok(expired_text(got, "query", "50"), "stopped");
    is_z(fixture_ask(&f, INSERT("(5,50)"), NULL), "1");
    is_z(fixture_ask(&f, EXECUTE(SQL("DELETE FROM t WHERE id=5")), NULL), "1");
    exec_figures fig;
    exec_get_figures(f.e, &fig);
    ok(fig.expired == 2 && fig.tx_open == 0, "figures");
}

static void between(void *ctx, size_t i, bool before, buf *out)
{
    (void)ctx;
    if (before && i) buf_char(out, ',');
}

static const char *batch(const char *const *texts, size_t n, exec_tx *t, size_t *failed)
{
    static char answer[2000];
    nicol_error err = {0};
    exec_batch_item items[8] = {{0}};
    arena *mine = arena_new(mem_default, 8 << 20);
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    buf_lit(&out, "[");
    for (size_t i = 0; i < n; i++) items[i].plan = fixture_plan(texts[i], mem_default, &err);
    exec_request common = {.a = mine, .deadline_us = IO_NEVER, .tx = t};
    bool good = exec_batch(f.e, items, n, ISOLATION_DEFAULT, &common, between, NULL, &out, failed, &err);
    if (good) snprintf(answer, sizeof answer, "%.*s]", (int)out.len, out.ptr);
    else
        snprintf(answer, sizeof answer, "%.*s %s %.*s", (int)out.len, out.ptr, err_client(err.code),
                 (int)err.message.len, err.message.ptr);
    for (size_t i = 0; i < n; i++) plan_free((plan *)(uintptr_t)items[i].plan);
    buf_free(&out);
    arena_free(mine);
    return answer;
}

static void test_batch(void)
{
    size_t failed = 99;
    exec_figures before, after;
    exec_get_figures(f.e, &before);
    is_z(batch((const char *const[]){INSERT("(300,300)"), COUNT, UNIT}, 3, NULL, &failed), "[1,{\"c\":5},null]");
    exec_get_figures(f.e, &after);
    is_int(after.commits - before.commits, 1);
    is_z(batch((const char *const[]){INSERT("(301,301)"), INSERT("(302,301)"), COUNT}, 3, NULL, &failed),
         "[ P2002 Unique constraint failed on the fields: (`n`)");
    is_int(failed, 1);
    is_z(count_is(NULL), "{\"c\":5}");
    is_z(batch((const char *const[]){COUNT, COUNT}, 2, NULL, &failed), "[{\"c\":5},{\"c\":5}]");
    nicol_error err = {0};
    nicol_str id = start(0, 0, &err);
    exec_tx *t = exec_tx_take(f.e, id, S("me"), "query", a, &err);
    is_z(batch((const char *const[]){INSERT("(303,303)"), INSERT("(304,303)")}, 2, t, &failed),
         "[ P2002 Unique constraint failed on the fields: (`n`)");
    is_z(batch((const char *const[]){INSERT("(305,305)"), COUNT}, 2, t, &failed), "[1,{\"c\":6}]");
    exec_tx_give(t);
    is_z(ended(exec_tx_commit, id), "done");
    is_z(count_is(NULL), "{\"c\":6}");
}

/* --- on a loop ------------------------------------------------------------------------------------------------------ */

static int done, late;

static void writer(void *arg)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "{\"type\":\"execute\",\"args\":{\"type\":\"rawSql\",\"sql\":\"INSERT INTO t(id) VALUES(%d)\",\"args\":[],\"argTypes\":[]}}",
        (int)(intptr_t)arg);
    const char *got = fixture_ask(&f, text, NULL);
    if (strcmp(got, "1") == 0) done++;
    else diag("%s", got);
}

static void impatient(void *arg)
{
    (void)arg;
    nicol_error err = {0};
    int64_t before = clock_mono_us();
    nicol_str id = start(30, 1000, &err);
    if (id.len) return;
    if (err.code == NICOL_E_TRANSACTION &&
        str_eq(err.message, S("Transaction API error: Unable to start a transaction in the given time.")) &&
        clock_mono_us() - before < 1400000) {
        late++;
    }
}

static void holder(void *arg)
{
    (void)arg;
    nicol_error err = {0};
    io_loop *l = io_loop_here();
    nicol_str id = start(2000, 1500, &err);
    no_err(&err);
    is_z(in_tx(id, INSERT("(1000,1000)")), "1");
    int spawned = 0;
    for (int i = 0; i < 200; i++) spawned += io_spawn(l, "writer", writer, (void *)(intptr_t)(2000 + i), &err);
    is_int(spawned, 200);
    ok(io_spawn(l, "impatient", impatient, NULL, &err), "spawned");
    for (int i = 0; i < 50 && !late; i++) io_sleep_until(clock_mono_us() + 20000);
    is_int(late, 1);
    is_int(done, 0);
    is_z(count_is(NULL), "{\"c\":6}"); /* reads don't wait for the writer */
    io_sleep_until(clock_mono_us() +
                   3000000 * (done < 200)); /* the sweeper ends the transaction at 1.5 s, then all go on */
    is_int(done, 200);
    ok(expired_text(in_tx(id, COUNT), "query", "1500"), "swept");
    is_z(count_is(NULL), "{\"c\":206}");
    /* Taken while it is being used: operations of one transaction queue up. */
    id = start(2000, 60000, &err);
    exec_tx *t = exec_tx_take(f.e, id, S("me"), "query", a, &err);
    exec_tx_give(t);
    is_z(ended(exec_tx_rollback, id), "done");
    exec_close(f.e); /* on the loop: ends the sweeper */
    f.e = NULL;
}

static void test_loop(void)
{
    nicol_error err = {0};
    io_loop *l = io_loop_new(&(io_loop_opts){.stack_bytes = NICOL_FIBER_STACK_BYTES}, &err);
    if (!ok(l && io_spawn(l, "holder", holder, NULL, &err), "a loop")) return;
    /* The loop ends when all fibers have. */
    io_loop_stop(l);
    ok(io_loop_run(l, &err), "it ran");
    io_loop_free(l);
}

/* --- limits and faults ---------------------------------------------------------------------------------------------- */

static void test_limits(void)
{
    nicol_error err = {0};
    exec_opts o = {.result_bytes_max = 1000};
    if (!ok(fixture_make(&f, "limits", ddl, &err) && fixture_open(&f, &o, &err), "a database")) return;
    is_z(
        fixture_ask(
            &f,
            EXECUTE(SQL(
                "INSERT INTO t(id) WITH RECURSIVE x(i) AS (SELECT 10 UNION ALL SELECT i+1 FROM x WHERE i<500) SELECT i FROM x")),
            NULL),
        "491");
    const char *want = "P6009 The result is larger than the limit of 0 MB: ask for fewer rows or fields";
    is_z(fixture_ask(&f, DATA_MAP(OBJECT("\"id\":" FIELD("id", "int")), QUERY(SQL("SELECT id FROM t"))), NULL), want);
    is_z(fixture_ask(&f, QUERY(SQL("SELECT id FROM t")), NULL), want);
    is_z(fixture_ask(&f, QUERY(RAW("SELECT id FROM t", "", "")), NULL), want);
    /* A write whose answer does not fit is not done. */
    is_z(fixture_ask(&f, QUERY(SQL("UPDATE t SET n = id RETURNING id, n")), NULL), want);
    is_z(fixture_ask(&f, DATA_MAP(OBJECT("\"c\":" FIELD("c", "int")), QUERY(SQL("SELECT count(n) AS c FROM t"))), NULL),
         "[{\"c\":1}]");
    fixture_close(&f);
    /* The request's memory. */
    if (!ok(fixture_make(&f, "limits", ddl, &err) && fixture_open(&f, NULL, &err), "a database")) return;
    arena *small = arena_new(mem_default, 1 << 20);
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    plan *p = fixture_plan(
        N("unique",
          N("reverse",
            QUERY(
                SQL("WITH RECURSIVE x(i) AS (SELECT 10 UNION ALL SELECT i+1 FROM x WHERE i<500000) SELECT i FROM x")))),
        mem_default, &err);
    ok(p && !fixture_run(&f, p, NULL, NULL, &out, &err, small), "too many rows to keep");
    is_err(&err, NICOL_E_RESULT_TOO_LARGE);
    plan_free(p);
    buf_free(&out);
    arena_free(small);
    fixture_close(&f);
}

static void test_faults(void)
{
    static const char read_text[] =
        DATA_MAP(OBJECT("\"n\":" FIELD("n", "int")),
                 QUERY(TEMPLATE(CHUNK("SELECT n FROM t WHERE id IN ") "," TUPLE, "[1,2]", T("int"))));
    static const char write_text[] = SEQ(EXECUTE(SQL("UPDATE t SET n=n")) "," N(
        "join",
        "{\"parent\":" QUERY(SQL("SELECT id FROM t")) ",\"children\":[{\"child\":" N(
            "process",
            "{\"expr\":" QUERY(SQL(
                "SELECT id, 'x' AS s FROM t")) ",\"operations\":{\"distinct\":[\"id\"],\"linkingFields\":[\"s\"],\"pagination\":{\"take\":1}}}") ",\"on\":[[\"id\",\"id\"]],\"parentField\":\"f\",\"isRelationUnique\":false}]}"));
    nicol_error err = {0};
    if (!ok(fixture_make(&f, "faults", ddl, &err), "a database")) return;
    plan *keep = fixture_plan(read_text, mem_default, &err), *write = fixture_plan(write_text, mem_default, &err);
    FOR_EACH_FAULT(m, "exec: open, read, write, transaction") {
        nicol_error bad = {0};
        plan *p = fixture_plan(read_text, m, &bad);
        arena *mine = arena_new(m, 1 << 20);
        f.m = m;
        buf out;
        buf_init(&out, m, 1 << 20);
        if (p && mine && fixture_open(&f, NULL, &bad)) {
            for (int i = 0; i < 2; i++) {
                bool good = fixture_run(&f, p, NULL, NULL, &out, &bad, mine);
                ok(good || tap_faulted(m), "reads");
                if (good) is_str(buf_view(&out), S("[{\"n\":10}]"));
                buf_clear(&out);
                err_clear(&bad);
            }
            plan *w = fixture_plan(write_text, m, &bad);
            bool good = w && fixture_run(&f, w, NULL, NULL, &out, &bad, mine);
            ok(good || tap_faulted(m), "writes");
            if (good) is_str(buf_view(&out), S("[{\"id\":1,\"f\":[{\"id\":1,\"s\":\"x\"}]}]"));
            if (!good) ok(bad.code != NICOL_E_OK, "an error says so");
            plan_free(w);
            err_clear(&bad);
            nicol_str id;
            if (exec_tx_start(f.e, &(exec_tx_opts){0}, mine, &id, &bad)) {
                exec_tx *t = exec_tx_take(f.e, id, S(""), "query", mine, &bad);
                if (t) exec_tx_give(t);
                if (!exec_tx_commit(f.e, id, S(""), mine, &bad)) ok(tap_faulted(m), "commit");
            }
        }
        exec_close(f.e);
        f.e = NULL;
        buf_free(&out);
        arena_free(mine);
        plan_free(p);
    }
    plan_free(keep);
    plan_free(write);
    fixture_close(&f);
}

/* The second run of a plan takes nothing but its arena's and its result's memory, which are there already. */
static void test_no_allocations(void)
{
    static const char *const texts[] = {
        DATA_MAP(OBJECT("\"n\":" FIELD("n", "int")),
                 N("unique", QUERY(TEMPLATE(CHUNK("SELECT n FROM t WHERE id = ") "," P, "1", T("int"))))),
        DATA_MAP(OBJECT("\"n\":" FIELD("n", "int")),
                 QUERY(TEMPLATE(CHUNK("SELECT n FROM t WHERE id IN ") "," TUPLE, "[1,2]", T("int")))),
        N("join",
          "{\"parent\":" QUERY(SQL("SELECT id FROM t")) ",\"children\":[{\"child\":" QUERY(
              SQL("SELECT id FROM t")) ",\"on\":[[\"id\",\"id\"]],\"parentField\":\"f\",\"isRelationUnique\":false}]}"),
        EXECUTE(SQL("UPDATE t SET n=n WHERE id=1")),
    };
    nicol_error err = {0};
    if (!ok(fixture_make(&f, "allocs", ddl, &err), "a database")) return;
    faulty counter;
    faulty_init(&counter, 0, false);
    f.m = &counter.m;
    if (!ok(fixture_open(&f, NULL, &err), "open")) return;
    arena *mine = arena_new(&counter.m, 1 << 20);
    buf out;
    buf_init(&out, &counter.m, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        plan *p = fixture_plan(texts[i], mem_default, &err);
        size_t before = 0;
        for (int k = 0; k < 4 && p; k++) {
            arena_reset(mine);
            buf_clear(&out);
            before = counter.calls;
            ok(fixture_run(&f, p, NULL, NULL, &out, &err, mine), "run %d of plan %zu", k, i);
        }
        is_int(counter.calls - before, 0);
        plan_free(p);
    }
    buf_free(&out);
    arena_free(mine);
    fixture_close(&f);
    is_int(counter.live_blocks, 0);
}

static void test_memory_db(void)
{
    nicol_error err = {0};
    fixture_make(&f, "unused", ddl, &err);
    fixture_forget(&f);
    snprintf(f.url, sizeof f.url, "file::memory:");
    if (!ok(fixture_open(&f, NULL, &err), "in memory")) return;
    is_z(fixture_ask(&f, EXECUTE(SQL("CREATE TABLE t(id INTEGER PRIMARY KEY, n INT)")), NULL), "0");
    is_z(fixture_ask(&f, INSERT("(1,2)"), NULL), "1");
    is_z(count_is(NULL), "{\"c\":1}");
    is_z(fixture_ask(&f, QUERY(RAW("INSERT INTO t VALUES(2,3) RETURNING id", "", "")), NULL),
         "{\"columns\":[\"id\"],\"types\":[\"int\"],\"rows\":[[2]]}");
    is_z(count_is(NULL), "{\"c\":2}");
    fixture_close(&f);
}

int main(void)
{
    nicol_error err = {0};
    a = arena_new(mem_default, 64 << 20);
    if (!ok(fixture_make(&f, "tx", ddl, &err) && fixture_open(&f, NULL, &err), "a database")) {
        diag("%.*s", (int)err.message.len, err.message.ptr);
        return done_testing();
    }
    test_commit_rollback();
    test_nesting();
    test_expiry();
    test_batch();
    test_loop();
    fixture_close(&f);
    test_limits();
    test_memory_db();
    test_no_allocations();
    test_faults();
    arena_free(a);
    return done_testing();
}
