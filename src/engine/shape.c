/* engine/shape.c - the shape of a JSON-protocol request: its structure, keys and literals, without its values.
 *
 * Which scalars are values is known only after compiling (take, booleans and sort orders are not: they change the SQL).
 * So the hash leaves out the text of every scalar below the top level, and a candidate is then compared token by token,
 * all but the tokens that were its values: two requests of one structure have the same token numbers. A hash collision
 * costs time, never a wrong plan.
 */
#include "engine/engine_int.h"

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static uint64_t mix_text(uint64_t h, nicol_str s)
{
    return mix(h, hash_bytes(s.ptr, s.len, s.len));
}

hash128 shape_hash(json_val request)
{
    const json_doc *d = request.doc;
    uint32_t end = d->tok[request.i].next;
    uint64_t h = 0x4e69636f6c;
    /* Containers that are open, innermost last: an object's tokens alternate between keys and values. */
    struct {
        uint32_t end;
        bool object;
        bool key_next;
    } open[NICOL_JSON_DEPTH_MAX + 2];
    int depth = -1;
    for (uint32_t i = request.i; i < end; i++) {
        while (depth >= 0 && i >= open[depth].end) depth--;
        const json_tok *t = &d->tok[i];
        if (depth >= 0 && open[depth].object && open[depth].key_next) {
            h = mix_text(h, str_of(d->text + t->at, t->len));
            open[depth].key_next = false;
            continue;
        }
        if (depth >= 0) open[depth].key_next = true;
        h = mix(h, (uint64_t)t->type << 32 | t->n);
        bool container = t->type == JSON_OBJECT || t->type == JSON_ARRAY;
        if (container) {
            depth++;
            open[depth].end = t->next;
            open[depth].object = open[depth].key_next = t->type == JSON_OBJECT;
        } else if (depth == 0) {
            h = mix_text(h, str_of(d->text + t->at, t->len)); /* modelName, action */
        }
    }
    return (hash128){h, end - request.i};
}

bool shape_matches(const kept *k, json_val request)
{
    const json_doc *d = request.doc;
    uint32_t base = request.i, n = d->tok[base].next - base;
    if (n != k->tok_n) return false;
    uint32_t p = 0;
    for (uint32_t i = 0; i < n; i++) {
        const json_tok *t = &d->tok[base + i], *o = &k->tok[i];
        if (t->type != o->type || t->n != o->n || t->next - base != o->next) return false;
        while (p < k->params_n && k->params[p].token < i) p++;
        if (p < k->params_n && k->params[p].token == i) {
            i = o->next - 1; /* a value, and whatever it is made of */
            continue;
        }
        if (t->type == JSON_OBJECT || t->type == JSON_ARRAY) continue;
        if (t->len != o->len || memcmp(d->text + t->at, k->doc_text + o->at, t->len) != 0) return false;
    }
    return true;
}
