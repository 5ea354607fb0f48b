// Checks of the ways an operation can take: alone, again, in a batch, in a new process, over HTTP, with lists longer than a statement can
// bind. None may change an answer.
import { fieldOf, modelOf } from './schema.mjs'
import { decode, find, text } from './oracle.mjs'
import { Failure, errorOf, op } from './doors.mjs'
import { compareRows, need, rowsOf, withRows } from './reads.mjs'
import { keyValue } from './values.mjs'

/** An answer as one text; of an error the code. */
const brief = (a) => a?.errors ? `error ${errorOf(a)}` : text(Object.values(a.data)[0])
function readsFor(r, gen, base, n) {
  return Array.from({ length: n }, () => {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model)
    return r.weighed({ many: 3, first: 1, unique: 2, missing: 0.5, count: 1 }) === 'many'
      ? op(model, 'findMany', { where: gen.where(model, 2), orderBy: gen.orderBy(model), ...gen.pageArgs(model) }, gen.selection(model, 1))
      : r.pick([
        () => op(model, 'findFirst', { where: gen.where(model, 1), orderBy: gen.orderBy(model) }, gen.selection(model, 1)),
        () => op(model, 'findUnique', { where: gen.cursorAt(model, r.pick(base.world.rows[model]).raw) }, gen.selection(model, 1)),
        () => op(model, 'findUniqueOrThrow', { where: Object.fromEntries(m.id.length === 1 ? [[m.id[0], keyValue(fieldOf(m, m.id[0]), 500)]] : [[m.id.join('_'), Object.fromEntries(m.id.map((k) => [k, keyValue(fieldOf(m, k), 500)]))]]) }, { $scalars: true }),
        () => op(model, 'aggregate', { where: gen.where(model, 2) }, { _count: { arguments: {}, selection: { _all: true } } }),
      ])()
  })
}

/** The same reads alone, again, in a batch, in a transaction, in a new process the other way round, over HTTP. */
export const doors = {
  make(r, gen, base) {
    const list = readsFor(r, gen, base, r.between(2, 6))
    return list.includes(null) ? null : { list, http: r.chance(0.5) }
  },
  async run(base, { list, http }) {
    for (const o of list) need(modelOf(base.spec, o.modelName), o.modelName)
    const alone = []
    for (const o of list) alone.push(brief(await base.query.ask(o)))
    const same = (kind, got, which = list) => { for (const [i, x] of got.entries()) if (x !== alone[i]) throw new Failure(kind, { operation: which[i], batch: which, got: x, want: alone[i] }) }
    const batched = async (ask, transaction) => {
      const a = await ask({ batch: list, ...(transaction ? { transaction } : {}) })
      if (a.errors) return a
      return a.batchResult.map(brief)
    }
    // In a transaction the first error is the answer.
    const transacted = (kind, got) => {
      const bad = alone.find((x) => x.startsWith('error'))
      if (bad ? !got.errors || `error ${errorOf(got)}` !== bad : got.errors) throw new Failure(kind, { batch: list, got, want: bad ?? alone })
      if (!bad) same(kind, got)
    }
    const again = []
    for (const o of list) again.push(brief(await base.query.ask(o)))
    same('again', again)
    same('batch', await batched((o) => base.query.ask(o)))
    transacted('transactional batch', await batched((o) => base.query.ask(o), {}))
    const door = await base.fresh()
    try {
      const got = new Array(list.length)
      for (let i = list.length - 1; i >= 0; i--) got[i] = brief(await door.ask(list[i]))
      same('a new process, the other way round', got)
    } finally { await door.close() }
    await base.inTransaction(async (ask) => {
      const got = []
      for (const o of list) got.push(brief(await ask(o)))
      same('in a transaction', got)
      same('batch in a transaction', await batched(ask))
    })
    if (!http) return
    const server = await base.http()
    const got = []
    for (const o of list) got.push(brief(await server.ask(o)))
    same('HTTP', got)
    same('HTTP at once', (await Promise.all(list.map((o) => server.ask(o)))).map(brief))
    same('HTTP batch', await batched((o) => server.ask(o)))
    transacted('HTTP transactional batch', await batched((o) => server.ask(o), {}))
  },
}

/** Several findUnique of one shape in a batch, as clients make of those of one tick: rows that are there, twice or not at all. */
export const together = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model), rows = base.world.rows[model]
    const keys = [m.id, ...m.uniques, ...m.fields.filter((f) => f.unique).map((f) => [f.name])]
    const key = r.pick(keys), also = r.chance(0.3) ? gen.where(model, 1) : {}
    for (const f of m.fields) if (f.unique || m.id.includes(f.name)) delete also[f.name]
    const list = Array.from({ length: r.pick([2, 3, 5, 8, 30]) }, (_, i) => {
      const raw = r.chance(0.75) ? r.pick(rows).raw : null
      const values = key.map((k) => raw?.[k] ?? keyValue(fieldOf(m, k), 700 + i))
      return key.length > 1 ? { [key.join('_')]: Object.fromEntries(key.map((k, n) => [k, values[n]])) } : { [key[0]]: values[0] }
    })
    return { model, list, also, action: r.chance(0.8) ? 'findUnique' : 'findUniqueOrThrow', selection: gen.selection(model, r.pick([0, 0, 1, 2])), http: r.chance(0.3), mixed: r.chance(0.2) }
  },
  async run(base, { model, list, also, action, selection, http, mixed }) {
    need(modelOf(base.spec, model), model)
    const ops = list.map((where, i) => op(model, mixed && i % 2 ? 'findUniqueOrThrow' : action, { where: { ...where, ...also } }, selection))
    const alone = []
    for (const o of ops) alone.push(brief(await base.query.ask(o)))
    const judge = (kind, a) => {
      if (a.errors) throw new Failure(kind, { batch: ops, got: a, want: alone })
      a.batchResult.forEach((x, i) => { if (brief(x) !== alone[i]) throw new Failure(kind, { batch: ops, index: i, got: brief(x), want: alone[i] }) })
    }
    for (let i = 0; i < 2; i++) judge('findUnique together', await base.query.ask({ batch: ops }))
    judge('findUnique together, the other way round', { batchResult: (await base.query.ask({ batch: [...ops].reverse() })).batchResult.reverse() })
    if (http) judge('findUnique together over HTTP', await (await base.http()).ask({ batch: ops }))
  },
}

/* --- long lists --------------------------------------------------------------------------------------------------- */

const pad = { Int: (i) => 1000000 + i, BigInt: (i) => ({ $type: 'BigInt', value: String(4000000000000 + i) }), String: (i) => `pad ${i}`, Float: (i) => 1e6 + i + 0.25, Decimal: (i) => ({ $type: 'Decimal', value: `${2000000 + i}.5` }), DateTime: (i) => ({ $type: 'DateTime', value: new Date(Date.UTC(2100, 0, 1) + i * 1000).toISOString() }) }
function stretch(list, f, n) {
  const long = Array.from({ length: n }, (_, i) => pad[f.type](i))
  // Values stand at both ends, the first at both, so that each part of a split list has some and one is in two of them.
  return [...list, ...long, list[0]]
}
/** A list that is longer than what a statement binds finds what the short one finds, or is refused as too long. */
export const longLists = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model), fields = m.fields.filter((f) => pad[f.type])
    if (fields.length === 0) return null
    const f = r.pick(fields)
    const list = Array.from({ length: r.between(1, 4) }, () => gen.valueOf(m, f))
    const args = { orderBy: gen.orderBy(model), ...gen.pageArgs(model) }
    return { model, field: f.name, list, n: r.pick([32764, 32765, 32766, 40000, 70000]), kind: r.weighed({ in: 4, notIn: 1, or: 1, not: 1, and: 1, count: 1, page: 2 }), other: gen.where(model, 1), args, selection: r.chance(0.3) ? gen.selection(model, 1) : { $scalars: true } }
  },
  async run(base, { model, field, list, n, kind, other, args, selection }) {
    const m = need(modelOf(base.spec, model), model), f = need(fieldOf(m, field), field)
    if (list.length === 0) return
    const filters = (l) => ({
      in: { [field]: { in: l } }, notIn: { [field]: { notIn: l } }, or: { OR: [{ [field]: { in: l } }, other] }, not: { NOT: { [field]: { in: l } } },
      and: { AND: [{ [field]: { in: l } }, other] }, count: { [field]: { in: l } }, page: { [field]: { in: l } },
    })[kind]
    const paged = kind === 'page' ? args : {}
    const want = find(base.world, rowsOf(base, model), { ...paged, where: filters(list) })
    const where = filters(stretch(list, f, n)), shown = filters([`${list.length} values, ${n} others, the first again`])
    if (kind === 'count') {
      const a = await base.query.ask(op(model, 'aggregate', { where }, { _count: { arguments: {}, selection: { _all: true } } }))
      if (errorOf(a) === 'P2029') return
      if (Object.values(a.data ?? {})[0]?._count?._all !== want.length) throw new Failure('count of a long list', { model, where: shown, list, got: a, want: want.length })
      return
    }
    const a = await base.query.ask(op(model, 'findMany', { ...paged, where }, selection))
    // Where another list stands in the same statement, or the condition looks at the list otherwise, none is split.
    if (errorOf(a) === 'P2029' && (kind !== 'in' || !selection.$scalars || selection._count)) return
    if (a.errors) throw new Failure(`a long list: error ${errorOf(a)}`, { model, where: shown, list, answer: a.errors[0].user_facing_error ?? a.errors[0] })
    compareRows(base, 'a long list', op(model, 'findMany', { ...paged, where: shown }, selection), decode(base.world, m, Object.values(a.data)[0]), want, { ordered: kind === 'page', selection })
  },
}
