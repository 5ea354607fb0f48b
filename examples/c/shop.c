/* examples/c/shop.c - the shop from C: a schema, a database file, operations, transactions. No server, no thread.
 *
 *     make example-c && build/examples/shop build/shop/shop.db
 *
 * After `make install`: cc shop.c $(pkg-config --cflags --libs nicol)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nicol/nicol.h"

static void fail(nicol_db *db, const char *what)
{
    const nicol_error *e = nicol_last_error(db);
    fprintf(stderr, "%s: %.*s %s\n", what, (int)e->message.len, e->message.ptr, nicol_error_code(e));
    nicol_close(db);
    exit(1);
}

/* Runs one operation or ends the program with its error. */
static nicol_result *run(nicol_db *db, nicol_tx *tx, const char *json)
{
    nicol_result *r = nicol_query_in(db, tx, json, strlen(json));
    if (!r) fail(db, "query");
    return r;
}

static int64_t count_orders(nicol_db *db, nicol_tx *tx)
{
    int64_t n = -1;
    nicol_result *r = run(db, tx,
                          "{\"modelName\":\"Order\",\"action\":\"aggregate\",\"query\":{\"arguments\":{},"
                          "\"selection\":{\"_count\":{\"arguments\":{},\"selection\":{\"_all\":true}}}}}");
    nicol_rows rows = nicol_result_rows(r);
    if (!nicol_rows_next(&rows) || !nicol_row_int(&rows, "_count._all", &n)) fail(db, "count");
    nicol_free(r);
    return n;
}

static void list_orders(nicol_db *db)
{
    nicol_result *r =
        run(db, NULL,
            "{\"modelName\":\"Order\",\"action\":\"findMany\",\"query\":{\"arguments\":{"
            "\"where\":{\"status\":\"DELIVERED\",\"amount\":{\"gte\":3}},\"orderBy\":{\"id\":\"desc\"},\"take\":3},"
            "\"selection\":{\"$scalars\":true,\"user\":{\"selection\":{\"email\":true}},"
            "\"product\":{\"selection\":{\"name\":true,\"price\":true}}}}}");
    nicol_rows rows = nicol_result_rows(r);
    while (nicol_rows_next(&rows)) {
        int64_t id = 0, amount = 0;
        double price = 0;
        nicol_str email = {0}, product = {0}, at = {0};
        if (!nicol_row_int(&rows, "id", &id) || !nicol_row_int(&rows, "amount", &amount) ||
            !nicol_row_text(&rows, "user.email", &email) || !nicol_row_text(&rows, "product.name", &product) ||
            !nicol_row_double(&rows, "product.price", &price) || !nicol_row_text(&rows, "createdAt", &at)) {
            fail(db, "row");
        }
        printf("order %" PRId64 ": %" PRId64 " x %.*s at %.2f for %.*s, %.*s\n", id, amount, (int)product.len,
               product.ptr, price, (int)email.len, email.ptr, (int)at.len, at.ptr);
    }
    nicol_free(r);
}

/* A batch is all or nothing: the second operation fails, so the first one leaves nothing behind. */
static void failing_batch(nicol_db *db)
{
    static const char batch[] =
        "{\"transaction\":{},\"batch\":["
        "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"email\":\"twice@example.org\"}},"
        "\"selection\":{\"id\":true}}},"
        "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"email\":\"twice@example.org\"}},"
        "\"selection\":{\"id\":true}}}]}";
    nicol_result *r = nicol_query(db, batch, sizeof batch - 1);
    if (r || strcmp(nicol_error_code(nicol_last_error(db)), "P2002") != 0)
        fail(db, "the batch should have failed with P2002");
    printf("batch: refused with P2002\n");
}

static void transactions(nicol_db *db)
{
    int64_t before = count_orders(db, NULL), n = 0;
    nicol_tx *tx = nicol_begin(db, NICOL_ISOLATION_DEFAULT, 5000);
    if (!tx) fail(db, "begin");
    nicol_result *r = run(db, tx,
                          "{\"modelName\":\"Order\",\"action\":\"deleteMany\",\"query\":{\"arguments\":{\"where\":"
                          "{\"status\":\"CANCELLED\"}},\"selection\":{\"count\":true}}}");
    if (!nicol_result_count(r, &n)) fail(db, "deleteMany");
    nicol_free(r);
    printf("in the transaction: %" PRId64 " deleted, %" PRId64 " left\n", n, count_orders(db, tx));
    if (!nicol_rollback(db, tx)) fail(db, "rollback");
    if (count_orders(db, NULL) != before) fail(db, "rolled back, yet the count changed");
    printf("rolled back: %" PRId64 " orders\n", before);

    tx = nicol_begin(db, NICOL_SERIALIZABLE, 0);
    if (!tx) fail(db, "begin");
    nicol_free(run(db, tx,
                   "{\"modelName\":\"Product\",\"action\":\"updateOne\",\"query\":{\"arguments\":{\"where\":{\"id\":1},"
                   "\"data\":{\"stock\":{\"increment\":1}}},\"selection\":{\"stock\":true}}}"));
    if (!nicol_commit(db, tx)) fail(db, "commit");
    printf("committed: one more in stock\n");
}

int main(int argc, char **argv)
{
    char url[1024];
    snprintf(url, sizeof url, "file:%s", argc > 1 ? argv[1] : "build/shop/shop.db");
    nicol_open_opts o = {
        .size = sizeof o, .schema_path = argc > 2 ? argv[2] : "examples/shop/schema.prisma", .url = url};
    nicol_db *db = nicol_open(&o);
    if (!db) return 1;
    if (!nicol_ok(db)) fail(db, "open");
    printf("nicol %s\n", nicol_version());
    list_orders(db);
    failing_batch(db);
    transactions(db);
    nicol_close(db);
    printf("shop: all good\n");
    return 0;
}
