// Checks of reads. A check is {make(r, gen, base): arguments as plain data, or null; run(base, arguments): throws a Failure}. Arguments
// hold everything that the run does, so that a failing case can be printed, cut down and run again.
import { fieldOf, modelOf, relationField, relationFields } from './schema.mjs'
import { aggregate, decode, find, fits, holds, orderKeys, page, shape, sorted, text } from './oracle.mjs'
import { Failure, Unfit, errorOf, op, value } from './doors.mjs'
import { AnyNull, DbNull, JsonNull, canon, isRef, print, whereKey } from './values.mjs'

const anyModel = (r, base) => r.pick(base.spec.models).name
const withRows = (r, base) => { const l = base.spec.models.filter((m) => base.world.rows[m.name].length > 0); return l.length ? r.pick(l).name : null }
const need = (x, what) => { if (x === undefined || x === null) throw new Unfit(`no ${what}`); return x }
const rowsOf = (base, model) => need(base.world.rows[model], `model ${model}`)
const texts = (base, rows, selection = { $scalars: true }) => rows.map((row) => text(shape(base.world, row, selection)))

/** Asks and compares with what the oracle says; `ordered`: as lists. */
async function expectRows(base, kind, operation, want, { ordered = true, selection = { $scalars: true }, door } = {}) {
  const got = await base.answer(operation, operation, door)
  compareRows(base, kind, operation, decode(base.world, modelOf(base.spec, operation.modelName), got), want, { ordered, selection })
}
function compareRows(base, kind, operation, got, want, { ordered, selection }) {
  const a = [].concat(got ?? []).map(text), b = texts(base, want, selection)
  const [x, y] = ordered ? [a, b] : [[...a].sort(), [...b].sort()]
  if (x.join('\n') !== y.join('\n')) throw new Failure(kind, { operation, got: a, want: b })
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

/** rows(P), rows(NOT P) and the rows on which P is unknown are all rows, each where the oracle puts it. */
export const filter = {
  make: (r, gen, base) => { const model = anyModel(r, base); return { model, where: gen.where(model, 3) } },
  async run(base, { model, where }) {
    const rows = rowsOf(base, model)
    const isTrue = (w) => rows.filter((row) => holds(base.world, row, w) === true)
    for (const [name, w] of [['P', where], ['NOT P', { NOT: where }], ['NOT NOT P', { NOT: { NOT: where } }], ['NOT of a list', { NOT: [where, where] }], ['in AND and OR', { AND: [{ OR: [where, where] }] }], ['OR NOT', { OR: [where, { NOT: [where] }] }]]) {
      await expectRows(base, `filter ${name}`, op(model, 'findMany', { where: w }), isTrue(w), { ordered: false })
    }
    const want = isTrue(where).length
    const counted = await base.answer(op(model, 'aggregate', { where }, { _count: { arguments: {}, selection: { _all: true } } }))
    if (counted._count._all !== want) throw new Failure('count', { operation: { model, where }, got: counted, want })
    const first = op(model, 'findFirst', { where })
    const one = await base.answer(first)
    if ((one === null) !== (want === 0)) throw new Failure('findFirst', { operation: first, got: one, want: `${want} rows` })
    if (one && !texts(base, isTrue(where)).includes(text(decode(base.world, modelOf(base.spec, model), one)))) throw new Failure('findFirst', { operation: first, got: one, want: texts(base, isTrue(where)) })
  },
}

/* --- whole reads -------------------------------------------------------------------------------------------------- */

export const read = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const args = { orderBy: gen.orderBy(model), ...gen.pageArgs(model) }
    if (r.chance(0.6)) args.where = gen.where(model, 2)
    if (r.chance(0.25)) {
      const among = base.world.rows[model].filter((row) => holds(base.world, row, args.where ?? {}) === true)
      if (among.length) args.cursor = gen.cursorAt(model, r.pick(among).raw)
    }
    return { model, args, selection: gen.selection(model, 2) }
  },
  async run(base, { model, args, selection }) {
    const rows = rowsOf(base, model)
    // With distinct, whether the cursor's row is still there depends on where the page is cut: not asked.
    if (args.cursor && args.distinct) return
    await expectRows(base, 'read', op(model, 'findMany', args, selection), find(base.world, rows, args), { selection })
    if (args.take === undefined) {
      const want = find(base.world, rows, { ...args, take: 1 })
      await expectRows(base, 'read first', op(model, 'findFirst', args, selection), want, { selection })
    }
  },
}

/** A record by each of its unique keys, with a selection; with a further condition; one that is not there. */
export const unique = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model), row = r.pick(base.world.rows[model]).raw
    const keys = [m.id, ...m.uniques, ...m.fields.filter((f) => f.unique).map((f) => [f.name])].filter((k) => k.every((n) => row[n] !== null && row[n] !== undefined))
    const key = r.pick(keys)
    const named = Object.fromEntries(key.map((k) => [k, row[k]]))
    const where = key.length > 1 ? { [key.join('_')]: named } : named
    const also = r.chance(0.5) ? gen.where(model, 2) : {}
    // Beside the key a unique field takes a plain value only.
    for (const [k] of keys.filter((k) => k.length === 1)) delete also[k]
    for (const f of m.fields) if (f.unique) delete also[f.name]
    return { model, where, also, selection: gen.selection(model, 2) }
  },
  async run(base, { model, where, also, selection }) {
    const rows = rowsOf(base, model)
    const full = { ...also, ...where }
    const want = rows.filter((row) => fits(base.world, row, where) && holds(base.world, row, full) === true)
    await expectRows(base, 'unique', op(model, 'findUnique', { where: full }, selection), want, { selection })
    const thrown = op(model, 'findUniqueOrThrow', { where: full }, selection), answer = await base.query.ask(thrown)
    if (want.length === 0) { if (errorOf(answer) !== 'P2025') throw new Failure('unique: nothing to throw about', { operation: thrown, got: answer, want: 'P2025' }) } else compareRows(base, 'unique or throw', thrown, decode(base.world, modelOf(base.spec, model), value(answer, thrown)), want, { ordered: true, selection })
  },
}

/** A filter (order, page, count) on a relation in a selection is the same asked of the other model, with the parent as a condition. */
export const outside = {
  make(r, gen, base) {
    const model = withRows(r, base)
    const fields = model ? relationFields(base.spec, model).filter((f) => f.list) : []
    if (fields.length === 0) return null
    const f = r.pick(fields), args = gen.listArgs(f.target)
    return { model, field: f.name, args, cursor: r.chance(0.3) ? r.below(1000) : null, selection: gen.selection(f.target, 1) }
  },
  async run(base, { model, field, args, cursor, selection }) {
    const m = modelOf(base.spec, model), f = need(m && relationField(base.spec, model, field), field)
    const child = modelOf(base.spec, f.target)
    const key = Object.fromEntries(child.id.map((k) => [k, true]))
    const inside = op(model, 'findMany', {}, { ...Object.fromEntries(m.id.map((k) => [k, true])), [field]: { arguments: args, selection: { ...selection, ...key } }, _count: { arguments: {}, selection: { [field]: { arguments: args.where ? { where: args.where } : {}, selection: {} } } } })
    const answer = await base.answer(inside)
    for (const parent of answer) {
      const at = whereKey(m, parent), link = f.rel.kind === 'm-n' ? { [f.back]: { some: { AND: [at] } } } : { [f.back]: { is: { AND: [Object.fromEntries(m.id.map((k) => [k, parent[k]]))] } } }
      // Side by side: inside AND an OR of nothing would be passed over, by itself it is false.
      if (args.where && f.back in args.where && args.where.OR) throw new Unfit('no place for the parent')
      const where = args.where && f.back in args.where ? { AND: [args.where, link] } : { ...args.where, ...link }
      const outer = op(child.name, 'findMany', { ...args, where }, { ...selection, ...key })
      const got = await base.answer(outer)
      if (text(got) !== text(parent[field])) throw new Failure('inside is not outside', { operation: inside, alone: outer, parent: at, got: parent[field], want: got })
      const counted = await base.answer(op(child.name, 'aggregate', { where }, { _count: { arguments: {}, selection: { _all: true } } }))
      if (counted._count._all !== parent._count[field]) throw new Failure('_count is not count', { operation: inside, parent: at, got: parent._count[field], want: counted._count._all })
      // The same with a cursor at one of this parent's rows, read through the parent alone.
      if (cursor === null || args.distinct || got.length === 0) continue
      const start = whereKey(child, got[cursor % got.length])
      const one = op(model, 'findUnique', { where: at }, { [field]: { arguments: { ...args, cursor: start }, selection: { ...selection, ...key } } })
      const alone = op(child.name, 'findMany', { ...args, where, cursor: start }, { ...selection, ...key })
      const [x, y] = [await base.answer(one), await base.answer(alone)]
      if (text(x[field]) !== text(y)) throw new Failure('a cursor inside is not one outside', { operation: one, alone, got: x[field], want: y })
    }
  },
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

/** Pages put together are the whole: by skip, by cursor, from the end. */
export const pages = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    return { model, args: { orderBy: gen.orderBy(model), ...(r.chance(0.5) ? { where: gen.where(model, 2) } : {}) }, size: r.between(1, 4), distinct: r.chance(0.3) ? gen.distinct(model) : null }
  },
  async run(base, { model, args, size, distinct }) {
    const m = need(modelOf(base.spec, model), model), ask = (more) => base.answer(op(model, 'findMany', { ...args, ...more }))
    const whole = await ask({}), n = whole.length
    const pagesBy = async (step) => { const out = []; for (let i = 0; i <= n + size && i < 400; i += size) { const p = await step(i, out); if (p === null) break; out.push(...p) } return out }
    const same = (kind, got, want) => { if (text(got) !== text(want)) throw new Failure(kind, { operation: op(model, 'findMany', args), size, got, want }) }
    same('pages by skip', await pagesBy((i) => ask({ skip: i, take: size })), whole)
    same('pages by cursor', await pagesBy((i, out) => out.length === 0 ? (i ? null : ask({ take: size })) : ask({ cursor: whereKey(m, out[out.length - 1]), skip: 1, take: size })), whole)
    const back = await pagesBy(async (i) => (await ask({ skip: i, take: -size })).reverse())
    same('pages from the end', back.reverse(), whole)
    if (n) {
      const last = await pagesBy(async (i, out) => out.length === 0 ? (i ? null : (await ask({ take: -size })).reverse()) : (await ask({ cursor: whereKey(m, out[out.length - 1]), skip: 1, take: -size })).reverse())
      same('pages by cursor from the end', last.reverse(), whole)
    }
    if (!distinct) return
    const kept = await ask({ distinct })
    const fields = [].concat(distinct), seen = new Set()
    same('distinct', kept, whole.filter((row) => { const k = text(fields.map((f) => row[f])); return seen.has(k) ? false : seen.add(k) }))
    same('distinct pages by skip', await pagesBy((i) => ask({ distinct, skip: i, take: size })), kept)
    const counted = await base.answer(op(model, 'groupBy', { by: fields, ...(args.where ? { where: args.where } : {}) }, Object.fromEntries(fields.map((f) => [f, true]))))
    if (counted.length !== kept.length) throw new Failure('distinct is not groupBy', { operation: op(model, 'findMany', { ...args, distinct }), got: kept.length, want: counted.length })
  },
}

/** A parent's pages of a relation, put together. */
export const nestedPages = {
  make(r, gen, base) {
    const model = withRows(r, base), fields = model ? relationFields(base.spec, model).filter((f) => f.list) : []
    if (fields.length === 0) return null
    const f = r.pick(fields)
    return { model, field: f.name, args: { orderBy: gen.orderBy(f.target), ...(r.chance(0.4) ? { where: gen.where(f.target, 1) } : {}) }, size: r.between(1, 3) }
  },
  async run(base, { model, field, args, size }) {
    const m = need(modelOf(base.spec, model), model), f = need(relationField(base.spec, model, field), field)
    const ask = async (more) => (await base.answer(op(model, 'findMany', { orderBy: m.id.map((k) => ({ [k]: 'asc' })) }, { [m.id[0]]: true, [f.name]: { arguments: { ...args, ...more }, selection: { $scalars: true } } }))).map((p) => p[f.name])
    const whole = await ask({}), longest = Math.max(0, ...whole.map((l) => l.length))
    const same = (kind, got) => { if (text(got) !== text(whole)) throw new Failure(kind, { operation: { model, field, args }, size, got, want: whole }) }
    const ahead = whole.map(() => []), back = whole.map(() => [])
    for (let i = 0; i < longest; i += size) {
      for (const [p, l] of (await ask({ skip: i, take: size })).entries()) ahead[p].push(...l)
      for (const [p, l] of (await ask({ skip: i, take: -size })).entries()) back[p].unshift(...l)
    }
    same('nested pages by skip', ahead)
    same('nested pages from the end', back)
  },
}

/* --- aggregates --------------------------------------------------------------------------------------------------- */

const numeric = new Set(['Int', 'Float', 'Decimal', 'BigInt'])
const safe = new Set(['Int', 'Decimal'])
/** What can be added without a question of rounding or range. Sums of 64-bit numbers may leave their range, which is an error. */
const addable = (f, rows) => safe.has(f.type) || (f.type === 'BigInt' && rows.every((x) => x.v[f.name] === null || (x.v[f.name] < 1n << 40n && x.v[f.name] > -(1n << 40n)))) || (f.type === 'Float' && rows.every((x) => x.v[f.name] === null || Math.abs(x.v[f.name]) < 1e9))
function aggregatesOf(m, rows) {
  const out = { _count: m.fields, _min: [], _max: [], _sum: [], _avg: [] }
  for (const f of m.fields) {
    if (!['Json', 'Bytes', 'Boolean', 'Enum'].includes(f.type)) { out._min.push(f); out._max.push(f) }
    if (numeric.has(f.type) && addable(f, rows)) { out._sum.push(f); out._avg.push(f) }
  }
  return out
}
const near = (a, b) => a === b || (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b)))
function checkAggregates(base, m, rows, got, operation) {
  for (const [fn, fields] of Object.entries(got)) {
    if (!fn.startsWith('_') || typeof fields !== 'object') continue
    for (const [name, v] of Object.entries(fields)) {
      if (name === '_all') { if (v !== rows.length) throw new Failure('_count._all', { operation, got: v, want: rows.length }); continue }
      const f = fieldOf(m, name), want = aggregate(fn, f, rows)
      const have = fn === '_count' ? v : fn === '_avg' && v !== null ? Number(v.value ?? v) : canon(f, v, base.spec)
      if (!near(have, want)) throw new Failure(`aggregate ${fn}`, { operation, field: name, got: v, want: print(want) })
    }
  }
}
const aggregateSelection = (parts, all) => Object.fromEntries(Object.entries(parts).filter(([, l]) => l.length).map(([fn, l]) => [fn, { arguments: {}, selection: { ...(fn === '_count' && all ? { _all: true } : {}), ...Object.fromEntries(l.map((n) => [n, true])) } }]))
function pickAggregates(r, base, model) {
  const m = modelOf(base.spec, model), can = aggregatesOf(m, base.world.rows[model]), out = {}
  for (const [fn, fields] of Object.entries(can)) if (fields.length && r.chance(0.6)) out[fn] = r.some(fields, 1).map((f) => f.name)
  if (Object.keys(out).length === 0) out._count = [m.id[0]]
  return out
}

export const totals = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const args = r.chance(0.6) ? { where: gen.where(model, 2) } : {}
    if (r.chance(0.3)) Object.assign(args, { orderBy: gen.orderBy(model, { plain: true }), take: r.pick([1, 2, 3, -2]), ...(r.chance(0.5) ? { skip: r.below(3) } : {}) })
    return { model, args, parts: pickAggregates(r, base, model) }
  },
  async run(base, { model, args, parts }) {
    const operation = op(model, 'aggregate', args, aggregateSelection(parts, true))
    checkAggregates(base, need(modelOf(base.spec, model), model), find(base.world, rowsOf(base, model), args), await base.answer(operation), operation)
  },
}

export const groups = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model), can = m.fields.filter((f) => f.type !== 'Json')
    const by = r.some(can, 1).slice(0, 2).map((f) => f.name)
    const args = { by, ...(r.chance(0.5) ? { where: gen.where(model, 2) } : {}) }
    if (r.chance(0.4)) args.having = { [by[0]]: { _count: { [r.pick(['gt', 'gte', 'lt', 'equals'])]: r.between(0, 2) } } }
    else if (r.chance(0.3)) args.having = { [by[0]]: gen.condition(m, fieldOf(m, by[0])) }
    if (JSON.stringify(args.having ?? null).includes('FieldRef')) delete args.having
    if (r.chance(0.6)) args.orderBy = by.map((f) => ({ [f]: r.pick(['asc', 'desc']) }))
    if (args.orderBy && r.chance(0.4)) Object.assign(args, { take: r.between(1, 3), ...(r.chance(0.5) ? { skip: r.below(2) } : {}) })
    return { model, args, parts: pickAggregates(r, base, model) }
  },
  async run(base, { model, args, parts }) {
    const m = need(modelOf(base.spec, model), model), w = base.world
    const made = new Map()
    for (const row of find(w, rowsOf(base, model), { where: args.where })) {
      const k = args.by.map((n) => print(row.v[need(fieldOf(m, n), n).name])).join()
      if (!made.has(k)) made.set(k, [])
      made.get(k).push(row)
    }
    let want = [...made.values()]
    if (args.having) {
      const [[name, c]] = Object.entries(args.having)
      if (c !== null && typeof c === 'object' && c._count) {
        const [[how, n]] = Object.entries(c._count)
        want = want.filter((rows) => { const x = aggregate('_count', fieldOf(m, name), rows); return how === 'equals' ? x === n : how === 'gt' ? x > n : how === 'gte' ? x >= n : x < n })
      } else want = want.filter((rows) => holds(w, rows[0], args.having) === true)
    }
    if (args.orderBy) { const first = sorted(want.map((rows) => rows[0]), orderKeys(w, model, args.orderBy)); want = page(first, args).map((row) => want.find((rows) => rows[0] === row)) }
    const operation = op(model, 'groupBy', args, { ...Object.fromEntries(args.by.map((n) => [n, true])), ...aggregateSelection(parts, true) })
    const got = await base.answer(operation)
    const key = (g) => args.by.map((n) => print(canon(fieldOf(m, n), g[n], base.spec))).join()
    const keys = want.map((rows) => args.by.map((n) => print(rows[0].v[n])).join()), have = got.map(key)
    const [x, y] = args.orderBy ? [have, keys] : [[...have].sort(), [...keys].sort()]
    if (x.join('\n') !== y.join('\n')) throw new Failure('groups', { operation, got: have, want: keys })
    for (const g of got) checkAggregates(base, m, made.get(key(g)), g, operation)
  },
}

/* --- other values in the same shape --------------------------------------------------------------------------------- */

/** A filter with other values in the same places: other lengths of lists, null and not null, texts and numbers of other kinds. */
export function vary(r, gen, spec, model, where) {
  const m = modelOf(spec, model), out = {}
  for (const [k, v] of Object.entries(where)) {
    const f = fieldOf(m, k), rf = f ? null : relationField(spec, model, k)
    if (k === 'AND' || k === 'OR' || k === 'NOT') out[k] = Array.isArray(v) ? v.map((w) => vary(r, gen, spec, model, w)) : vary(r, gen, spec, model, v)
    else if (f) out[k] = varyCondition(r, gen, m, f, v)
    else if (rf) out[k] = v === null ? null : rf.list || Object.keys(v).every((q) => q === 'is' || q === 'isNot') ? Object.fromEntries(Object.entries(v).map(([q, w]) => [q, w === null ? null : vary(r, gen, spec, rf.target, w)])) : vary(r, gen, spec, rf.target, v)
    else out[k] = v
  }
  return out
}
function varyCondition(r, gen, m, f, v) {
  const fresh = () => gen.valueOf(m, f)
  if (f.type === 'Json') {
    const value = (x) => isRef(x) ? x : r.chance(0.2) ? r.pick([DbNull, JsonNull, AnyNull]) : fresh()
    return Object.fromEntries(Object.entries(v).map(([op, x]) => [op, op === 'equals' || op === 'not' ? value(x) : typeof x === 'string' && op.startsWith('string_') ? r.pick(['', 'a', '%', 'H', x]) : op === 'path' ? r.pick([x, '$.a', '$.b', '$[0]']) : x]))
  }
  if (v === null || typeof v !== 'object' || v.$type) return isRef(v) ? v : f.optional && r.chance(0.15) ? null : fresh()
  return Object.fromEntries(Object.entries(v).map(([op, x]) => {
    if (isRef(x)) return [op, x]
    if (op === 'not' && x !== null && typeof x === 'object' && !x.$type) return [op, varyCondition(r, gen, m, f, x)]
    if (op === 'in' || op === 'notIn') return [op, f.optional && r.chance(0.1) ? null : Array.from({ length: r.pick([0, 1, 1, 2, 3, 7, 20]) }, fresh)]
    if (op === 'contains' || op === 'startsWith' || op === 'endsWith') return [op, r.pick(['', 'a', 'A', '%', '_', 'é', '😀', x])]
    return [op, f.optional && (op === 'equals' || op === 'not') && r.chance(0.15) ? null : fresh()]
  }))
}

/** The plan of one shape serves many values; every answer is the oracle's, in every order of asking. */
export const shapes = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const where = gen.where(model, 2), other = gen.where(model, 1)
    const list = [where, other, ...Array.from({ length: 5 }, () => vary(r, gen, base.spec, model, where)), vary(r, gen, base.spec, model, other)]
    return { model, wheres: [...r.shuffle(list), ...r.shuffle(list).slice(0, 3)], selection: r.chance(0.3) ? gen.selection(model, 1) : { $scalars: true }, paged: r.chance(0.4) ? { orderBy: gen.orderBy(model), take: r.between(1, 4), skip: r.below(2) } : null }
  },
  async run(base, { model, wheres, selection, paged }) {
    const rows = rowsOf(base, model)
    for (const [i, where] of wheres.entries()) {
      const args = { where, ...(paged ? { ...paged, take: paged.take + (i % 3), skip: paged.skip } : {}) }
      await expectRows(base, 'shapes', op(model, 'findMany', args, selection), find(base.world, rows, args), { ordered: !!paged, selection })
    }
  },
}

export { compareRows, need, rowsOf, withRows }
