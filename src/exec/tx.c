/* exec/tx.c - interactive transactions.
 *
 * On SQLite one holds the writer from its start (BEGIN IMMEDIATE): whoever reads first and writes later in one
 * transaction could otherwise be told to start anew. Its time runs from the begin. On a loop one fiber sweeps the
 * open transactions and rolls an overdue one back at once; without a loop it happens when somebody asks. Ids that
 * ended are remembered for a while, since clients want to know how.
 */
#include "exec/exec_int.h"

#include <stdio.h>

#define MAX_WAIT_DEFAULT_MS 2000
#define TIMEOUT_DEFAULT_MS 5000

#define NOT_FOUND_TEXT \
    "Transaction not found. Transaction ID is invalid, refers to an old closed transaction Prisma doesn't have information about anymore, or was obtained before disconnecting."

#define ROLLED_BACK_TEXT "Transaction already closed: A %s cannot be executed on a transaction that was rolled back."

static uint64_t owner_hash(nicol_str owner)
{
    return owner.len ? hash_bytes(owner.ptr, owner.len, 7) : 0;
}

/* --- how a transaction ended ---------------------------------------------------------------------------------------- */

bool txs_open(exec *e, nicol_error *err)
{
    e->closed = e->m->alloc(e->m->ctx, EXEC_CLOSED_MAX * sizeof *e->closed);
    if (!e->closed) return nicol_fail_oom(err);
    memset(e->closed, 0, EXEC_CLOSED_MAX * sizeof *e->closed);
    return true;
}

static void remember(exec *e, const exec_tx *t, tx_end how)
{
    exec_closed *c = &e->closed[e->closed_at];
    e->closed_at = (e->closed_at + 1) % EXEC_CLOSED_MAX;
    memcpy(c->id, t->id, EXEC_TX_ID);
    c->how = (uint8_t)how;
    c->timeout_ms = t->timeout_ms;
    c->started_us = t->started_us;
    c->owner = t->owner;
}

static bool fail_expired(const char *op, int64_t timeout_ms, int64_t started_us, arena *a, nicol_error *err)
{
    int64_t taken = (clock_mono_us() - started_us) / 1000;
    fail_tx(
        err, a,
        "A %s cannot be executed on an expired transaction. The timeout for this transaction was %lld ms, however %lld ms "
        "passed since the start of the transaction. Consider increasing the interactive transaction timeout or doing less "
        "work in the transaction.",
        op, (long long)timeout_ms, (long long)taken);
    nicol_str meta = arena_printf(a, "{\"operation\":\"%s\",\"timeout\":%lld,\"timeTaken\":%lld}", op,
                                  (long long)timeout_ms, (long long)taken);
    if (meta.ptr && err && err->code == NICOL_E_TRANSACTION) err->meta = meta;
    return false;
}

static bool fail_closed(exec *e, nicol_str id, uint64_t owner, const char *op, arena *a, nicol_error *err)
{
    for (unsigned i = 0; i < EXEC_CLOSED_MAX; i++) {
        const exec_closed *c = &e->closed[i];
        if (c->how == 0 || c->owner != owner || id.len != EXEC_TX_ID || memcmp(c->id, id.ptr, EXEC_TX_ID) != 0)
            continue;
        if (c->how == TX_EXPIRED) return fail_expired(op, c->timeout_ms, c->started_us, a, err);
        return fail_tx(err, a, "Transaction already closed: A %s cannot be executed on a %s.", op,
                       c->how == TX_COMMITTED ? "committed transaction" : "transaction that was rolled back");
    }
    return fail_tx(err, a, NOT_FOUND_TEXT);
}

/* --- the objects ---------------------------------------------------------------------------------------------------- */

static void unref(exec_tx *t)
{
    if (--t->refs == 0) t->e->m->free(t->e->m->ctx, t, sizeof *t);
}

/* Takes it out of the open ones and gives its connection back, which rolls back what is still open there. */
static void close_tx(exec_tx *t, tx_end how)
{
    exec *e = t->e;
    if (t->closed) return;
    t->closed = true;
    *(t->prev ? &t->prev->next : &e->open) = t->next;
    if (t->next) t->next->prev = t->prev;
    e->open_n--;
    remember(e, t, how);
    if (how == TX_EXPIRED) e->figures.expired++;
    if (how == TX_COMMITTED) e->figures.commits++;
    conn_give(e, t->conn);
    unref(t);
}

bool tx_expired(exec_tx *t, const char *op, arena *a, nicol_error *err)
{
    close_tx(t, TX_EXPIRED);
    return fail_expired(op, t->timeout_ms, t->started_us, a, err);
}

bool tx_alive(exec_tx *t, const char *op, arena *a, nicol_error *err)
{
    if (t->e->d->in_transaction(t->conn->c)) return true;
    close_tx(t, TX_ROLLED_BACK);
    return fail_tx(err, a, ROLLED_BACK_TEXT, op);
}

static exec_tx *find(exec *e, nicol_str id, uint64_t owner)
{
    if (id.len != EXEC_TX_ID) return NULL;
    for (exec_tx *t = e->open; t; t = t->next) {
        if (t->owner == owner && memcmp(t->id, id.ptr, EXEC_TX_ID) == 0) return t;
    }
    return NULL;
}

exec_tx *exec_tx_take(exec *e, nicol_str id, nicol_str owner, const char *op, arena *a, nicol_error *err)
{
    uint64_t who = owner_hash(owner);
    exec_tx *t = find(e, id, who);
    if (!t) {
        fail_closed(e, id, who, op, a, err);
        return NULL;
    }
    t->refs++;
    io_result got = io_lock_take(&t->lock, IO_NEVER);
    if (got != IO_READY) {
        if (got == IO_TIMEOUT)
            fail_tx(err, a, "A %s cannot be executed while another operation of the same transaction runs.", op);
        else nicol_fail(err, NICOL_E_CANCELLED, NULL);
        unref(t);
        return NULL;
    }
    if (t->closed) fail_closed(e, id, who, op, a, err);
    else if (clock_mono_us() >= t->deadline_us) tx_expired(t, op, a, err);
    else return t;
    exec_tx_give(t);
    return NULL;
}

void exec_tx_give(exec_tx *t)
{
    io_lock_give(&t->lock);
    unref(t);
}

/* --- time ----------------------------------------------------------------------------------------------------------- */

static void expire_overdue(exec *e)
{
    int64_t now = clock_mono_us();
    for (exec_tx *t = e->open; t;) {
        if (t->deadline_us > now) {
            t = t->next;
            continue;
        }
        t->refs++;
        /* An operation that runs on it ends by the same deadline; it may also close it. */
        if (io_lock_take(&t->lock, IO_NEVER) == IO_READY) {
            close_tx(t, TX_EXPIRED);
            io_lock_give(&t->lock);
        }
        unref(t);
        t = e->open; /* the list may have changed while this waited */
        if (e->closing) return;
    }
}

static void sweep(void *arg)
{
    exec *e = arg;
    while (e->open && !e->closing) {
        int64_t next = IO_NEVER;
        for (exec_tx *t = e->open; t; t = t->next) {
            if (t->deadline_us < next) next = t->deadline_us;
        }
        if (io_queue_wait(&e->sweeper_queue, next) == IO_CANCELLED) break;
        if (!e->closing) expire_overdue(e);
    }
    e->sweeping = false;
}

static bool ensure_sweeper(exec *e, nicol_error *err)
{
    io_loop *loop = io_loop_here();
    if (!loop) return true;
    if (e->sweeping) {
        io_queue_wake(&e->sweeper_queue);
        return true;
    }
    e->sweeping = io_spawn(loop, "transactions", sweep, e, err);
    return e->sweeping;
}

void txs_close(exec *e)
{
    while (e->open) {
        exec_tx *t = e->open;
        close_tx(t, TX_ROLLED_BACK);
    }
    io_queue_wake_all(&e->sweeper_queue);
    while (e->sweeping && io_self()) io_yield();
}

void exec_tx_end_others(exec *e, const nicol_str *owners, size_t n)
{
    bool any = false;
    for (exec_tx *t = e->open; t; t = t->next) {
        bool stays = false;
        for (size_t i = 0; i < n && !stays; i++) stays = owner_hash(owners[i]) == t->owner;
        if (stays) continue;
        t->deadline_us = clock_mono_us();
        any = true;
    }
    if (any) io_queue_wake(&e->sweeper_queue);
}

/* --- start, nest, end ----------------------------------------------------------------------------------------------- */

static void make_id(exec *e, char out[EXEC_TX_ID])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random[16];
    rand_bytes(random, sizeof random);
    out[0] = (char)('0' + e->o.loop_number / 10 % 10);
    out[1] = (char)('0' + e->o.loop_number % 10);
    for (size_t i = 0; i < sizeof random; i++) {
        out[2 + 2 * i] = hex[random[i] >> 4];
        out[3 + 2 * i] = hex[random[i] & 15];
    }
}

static const char *isolation_name(driver_isolation iso)
{
    switch (iso) {
    case ISOLATION_READ_UNCOMMITTED:
        return "READ UNCOMMITTED";
    case ISOLATION_READ_COMMITTED:
        return "READ COMMITTED";
    case ISOLATION_REPEATABLE_READ:
        return "REPEATABLE READ";
    case ISOLATION_SNAPSHOT:
        return "SNAPSHOT";
    case ISOLATION_SERIALIZABLE:
        return "SERIALIZABLE";
    case ISOLATION_DEFAULT:
        break;
    }
    return "DEFAULT";
}

static bool start_too_late(arena *a, nicol_error *err)
{
    if (err) err_clear(err);
    return fail_tx(err, a, "Unable to start a transaction in the given time.");
}

static bool start_on(exec *e, exec_tx *t, driver_isolation iso, int64_t deadline_us, arena *a, nicol_error *err)
{
    for (unsigned again = 0;; again++) {
        if (!conn_take(e, POOL_TRANSACTION, deadline_us, a, &t->conn, err)) {
            return err && err->code == NICOL_E_POOL_TIMEOUT && io_loop_here() ? start_too_late(a, err) : false;
        }
        if (e->d->begin(t->conn->c, iso, true, deadline_us, a, err)) break;
        if (again < CONNS_AGAIN_MAX && err && err->code == NICOL_E_DB_CLOSED) {
            conns_lost(e);
            conn_give(e, t->conn); /* closed by the database while it was idle: nothing ran */
            err_clear(err);
            continue;
        }
        bool late = err && (err->code == NICOL_E_DB_TIMEOUT || err->code == NICOL_E_QUERY_TIMEOUT);
        if (err) error_settle(err, false, a);
        conn_give(e, t->conn);
        return late ? start_too_late(a, err) : false;
    }
    e->figures.transactions++;
    return true;
}

bool exec_tx_start(exec *e, const exec_tx_opts *o, arena *a, nicol_str *id, nicol_error *err)
{
    int64_t wait = o->max_wait_ms > 0 ? o->max_wait_ms : MAX_WAIT_DEFAULT_MS;
    int64_t timeout = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_DEFAULT_MS;
    if (timeout > NICOL_TX_TIMEOUT_MS_MAX) timeout = NICOL_TX_TIMEOUT_MS_MAX;
    if (wait > NICOL_TX_TIMEOUT_MS_MAX) wait = NICOL_TX_TIMEOUT_MS_MAX;
    if (o->isolation == ISOLATION_SNAPSHOT) {
        fail_tx(err, a, "Invalid isolation level: %s", isolation_name(o->isolation));
        if (err && err->code == NICOL_E_TRANSACTION) err->meta = S("{\"isolationLevel\":\"SNAPSHOT\"}");
        return false;
    }
    if (e->open_n >= e->o.tx_max)
        return nicol_fail(err, NICOL_E_LIMIT, "%u interactive transactions are open, no more are allowed", e->open_n);
    exec_tx *t = e->m->alloc(e->m->ctx, sizeof *t);
    if (!t) return nicol_fail_oom(err);
    *t = (exec_tx){.e = e, .refs = 1, .owner = owner_hash(o->owner), .timeout_ms = timeout};
    make_id(e, t->id);
    *id = arena_str(a, str_of(t->id, EXEC_TX_ID));
    bool good = id->ptr || nicol_fail_oom(err);
    good = good && start_on(e, t, o->isolation, clock_mono_us() + wait * 1000, a, err);
    if (!good) {
        unref(t);
        return false;
    }
    t->started_us = clock_mono_us();
    t->deadline_us = t->started_us + timeout * 1000;
    t->next = e->open;
    if (e->open) e->open->prev = t;
    e->open = t;
    e->open_n++;
    if (ensure_sweeper(e, err)) return true;
    close_tx(t, TX_ROLLED_BACK);
    return false;
}

bool exec_tx_nest(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err)
{
    exec_tx *t = exec_tx_take(e, id, owner, "start", a, err);
    if (!t) return false;
    bool good;
    if (!tx_alive(t, "start", a, err)) {
        good = false;
    } else if (t->depth == EXEC_SAVEPOINTS_MAX) {
        good = nicol_fail(err, NICOL_E_LIMIT, "transactions are nested deeper than %d", EXEC_SAVEPOINTS_MAX);
    } else {
        good = e->d->savepoint(t->conn->c, t->counter + 1, a, err);
        if (good) t->savepoints[t->depth++] = ++t->counter;
        else if (err) error_settle(err, false, a);
    }
    exec_tx_give(t);
    return good;
}

bool exec_tx_commit(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err)
{
    exec_tx *t = exec_tx_take(e, id, owner, "commit", a, err);
    if (!t) return false;
    bool good;
    if (!tx_alive(t, "commit", a, err)) {
        good = false;
    } else if (t->depth > 0) {
        good = e->d->savepoint_release(t->conn->c, t->savepoints[--t->depth], a, err);
    } else {
        good = e->d->commit(t->conn->c, a, err);
        close_tx(t, good ? TX_COMMITTED : TX_ROLLED_BACK);
    }
    if (!good && err) error_settle(err, false, a);
    exec_tx_give(t);
    return good;
}

bool exec_tx_rollback(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err)
{
    exec_tx *t = exec_tx_take(e, id, owner, "rollback", a, err);
    if (!t) return false;
    bool good = true;
    if (t->depth > 0 && e->d->in_transaction(t->conn->c)) {
        good = e->d->savepoint_rollback(t->conn->c, t->savepoints[--t->depth], a, err);
    } else {
        good = e->d->rollback(t->conn->c, a, err);
        e->figures.rollbacks++;
        close_tx(t, TX_ROLLED_BACK);
    }
    if (!good && err) error_settle(err, false, a);
    exec_tx_give(t);
    return good;
}
