// Checks of writes: one operation against several that must come to the same, or against what it must leave in the tables. All run in
// transactions that are rolled back, so every check starts from the same rows.
import { modelOf, relationField, relationFields } from './schema.mjs'
import { decode, fits, holds, text } from './oracle.mjs'
import { Failure, Unfit, errorOf, firstState, op, state, value } from './doors.mjs'
import { need, rowsOf, withRows } from './reads.mjs'
import { canon, makeWorld, newRow, whereKey } from './values.mjs'

const flat = (s) => Object.entries(s).map(([k, rows]) => `${k}:\n${rows.join('\n')}`).join('\n')
function sameState(kind, told, got, want) {
  if (flat(got) === flat(want)) return
  const out = {}
  for (const k of Object.keys(want)) if (got[k].join('\n') !== want[k].join('\n')) out[k] = { got: got[k].filter((x) => !want[k].includes(x)), want: want[k].filter((x) => !got[k].includes(x)), rows: [got[k].length, want[k].length] }
  throw new Failure(kind, { ...told, differ: out })
}
/** Runs operations in order; {state} or {error}. */
async function outcome(base, list) {
  return base.inTransaction(async (ask) => {
    const answers = []
    for (const o of list) {
      const a = await ask(o)
      if (a.errors) return { error: errorOf(a), message: a.errors[0].user_facing_error?.message, at: o }
      answers.push(a)
    }
    return { state: await state(base, ask), answers }
  })
}
const invalid = (x) => x.error === 'P2009' || x.error === 'P2012' || x.error === 'none'
/** Two ways that must come to the same: the same tables, or an error of the same code. */
function agree(kind, one, other, told) {
  for (const x of [one, other]) if (x.error && invalid(x)) throw new Failure(`error ${x.error}`, { ...told, message: x.message, at: x.at })
  if (one.error || other.error) {
    if (one.error !== other.error) throw new Failure(`${kind}: errors`, { ...told, got: one.error ?? 'none', want: other.error ?? 'none', message: one.message ?? other.message })
    return false
  }
  sameState(kind, told, one.state, other.state)
  return true
}
const keyOnly = (m) => Object.fromEntries(m.id.map((k) => [k, true]))
const heldBy = (spec, m) => new Set(spec.relations.filter((x) => x.fk && x.from.model === m.name).flatMap((x) => x.fk))

/** New values for some fields, none of a key. */
function change(r, gen, base, m, { operators = true } = {}) {
  const keys = new Set([...m.id, ...m.uniques.flat(), ...m.fields.filter((f) => f.unique).map((f) => f.name), ...heldBy(base.spec, m)])
  const out = {}
  for (const f of r.some(m.fields.filter((x) => !keys.has(x.name)), 0).slice(0, 3)) {
    const small = base.world.rows[m.name].every((row) => row.v[f.name] === null || Math.abs(Number(row.v[f.name])) < 1e6)
    if (operators && small && ['Int', 'BigInt'].includes(f.type) && r.chance(0.5)) {
      const n = r.between(1, 5)
      out[f.name] = { [r.pick(['increment', 'decrement', 'multiply'])]: f.type === 'BigInt' ? { $type: 'BigInt', value: String(n) } : n }
    } else {
      const v = f.optional && r.chance(0.2) ? (f.type === 'Json' ? { $type: 'Enum', value: 'DbNull' } : null) : gen.valueOf(m, f)
      out[f.name] = f.type !== 'Json' && r.chance(0.3) ? { set: v } : v
    }
  }
  return out
}

/* --- create ------------------------------------------------------------------------------------------------------- */

export const createMany = {
  make(r, gen, base) {
    const m = r.pick(base.spec.models)
    const rows = Array.from({ length: r.between(0, 5) }, (_, i) => newRow(r, base.spec, m, base.world.data, i)).filter(Boolean)
    // Sometimes one that breaks a key: then neither way may leave anything.
    if (rows.length && base.world.rows[m.name].length && r.chance(0.15)) for (const k of m.id) rows[rows.length - 1][k] = r.pick(base.world.rows[m.name]).raw[k]
    for (const row of rows) for (const f of m.fields) if (f.optional && row[f.name] === null && r.chance(0.5)) delete row[f.name]
    return { model: m.name, rows }
  },
  async run(base, { model, rows }) {
    const m = need(modelOf(base.spec, model), model), told = { model, rows }
    const many = await outcome(base, [op(model, 'createMany', { data: rows }, { count: true })])
    const single = await outcome(base, rows.map((row) => op(model, 'createOne', { data: row }, keyOnly(m))))
    if (!agree('createMany is not creates', many, single, told)) return
    const count = value(many.answers[0]).count
    if (count !== rows.length) throw new Failure('count of createMany', { ...told, got: count, want: rows.length })
    const back = await outcome(base, [op(model, 'createManyAndReturn', { data: rows }, { $scalars: true })])
    agree('createManyAndReturn is not createMany', back, many, told)
    const got = decode(base.world, m, value(back.answers[0])).map(text).sort()
    const want = rows.map((row) => text(Object.fromEntries(m.fields.map((f) => [f.name, canon(f, row[f.name], base.spec)])))).sort()
    if (got.join('\n') !== want.join('\n')) throw new Failure('rows of createManyAndReturn', { ...told, got, want })
    // What was created and is deleted again leaves nothing.
    const gone = await outcome(base, [...rows.map((row) => op(model, 'createOne', { data: row }, keyOnly(m))), ...rows.reverse().map((row) => op(model, 'deleteOne', { where: whereKey(m, row) }, keyOnly(m)))])
    if (!gone.error) sameState('delete is not the inverse of create', told, gone.state, firstState(base.world))
    else if (gone.error !== 'P2003') throw new Failure(`error ${gone.error}`, { ...told, message: gone.message, at: gone.at })
  },
}

/* --- Many with a filter --------------------------------------------------------------------------------------------- */

export const updateMany = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const m = modelOf(base.spec, model), data = change(r, gen, base, m)
    if (Object.keys(data).length === 0) return null
    return { model, where: gen.where(model, 2), data, limit: r.chance(0.15) ? r.below(4) : null }
  },
  async run(base, { model, where, data, limit }) {
    const m = need(modelOf(base.spec, model), model), told = { model, where, data }
    if (Object.keys(data).length === 0) throw new Unfit('nothing to set')
    const hit = rowsOf(base, model).filter((row) => holds(base.world, row, where, { two: true }) === true)
    const many = await outcome(base, [op(model, 'updateMany', { where, data }, { count: true })])
    const single = await outcome(base, hit.map((row) => op(model, 'updateOne', { where: whereKey(m, row.raw), data }, keyOnly(m))))
    if (!agree('updateMany is not updates', many, single, told)) return
    const count = value(many.answers[0]).count
    if (count !== hit.length) throw new Failure('count of updateMany', { ...told, got: count, want: hit.length })
    const back = await outcome(base, [op(model, 'updateManyAndReturn', { where, data }, { $scalars: true })])
    agree('updateManyAndReturn is not updateMany', back, many, told)
    const rows = decode(base.world, m, value(back.answers[0])).map(text)
    if (rows.length !== hit.length || rows.some((x) => !back.state[model].some((y) => y === x || y.startsWith(x.slice(0, -1)) || withoutTies(base, m, y, x)))) throw new Failure('rows of updateManyAndReturn', { ...told, got: rows, want: back.state[model] })
    if (limit === null) return
    const some = await outcome(base, [op(model, 'updateMany', { where, data, limit }, { count: true })])
    const n = some.error ? some.error : value(some.answers[0]).count
    if (n !== Math.min(limit, hit.length)) throw new Failure('count of a limited updateMany', { ...told, limit, got: n, want: Math.min(limit, hit.length) })
  },
}
/** Whether a row of the state, printed with its ties, is this row. */
function withoutTies(base, m, printed, row) {
  const ties = relationFields(base.spec, m.name).filter((f) => f.rel.kind === 'm-n').map((f) => f.name)
  return ties.length > 0 && row.slice(1, -1).split(/,(?=\w+:)/).every((part) => printed.includes(part))
}

/** Plain data without some rows and their ties. */
export function without(spec, data, model, gone) {
  const out = { rows: { ...data.rows }, ties: { ...data.ties } }
  const place = new Map()
  out.rows[model] = data.rows[model].filter((_, i) => { if (gone.has(i)) return false; place.set(i, place.size); return true })
  for (const rel of spec.relations.filter((x) => x.kind === 'm-n')) {
    let ties = data.ties[rel.name]
    if (rel.from.model === model) ties = ties.filter((t) => !gone.has(t[0])).map((t) => [place.get(t[0]), t[1]])
    if (rel.to.model === model) ties = ties.filter((t) => !gone.has(t[1])).map((t) => [t[0], place.get(t[1])])
    out.ties[rel.name] = ties
  }
  return out
}

export const deleteMany = {
  make(r, gen, base) { const model = withRows(r, base); return model ? { model, where: gen.where(model, 2) } : null },
  async run(base, { model, where }) {
    const m = need(modelOf(base.spec, model), model), told = { model, where }
    const hit = rowsOf(base, model).filter((row) => holds(base.world, row, where, { two: true }) === true)
    const many = await outcome(base, [op(model, 'deleteMany', { where }, { count: true })])
    const gone = new Set(hit.map((row) => row.index))
    // Rows that others still refer to stay, and all the rest with them.
    const tied = hit.some((row) => relationFields(base.spec, model).some((f) => f.rel.fk && !f.holds && base.world.related(row, f.name).some((x) => x.model !== m || !gone.has(x.index))))
    if (tied) { if (many.error !== 'P2003') throw new Failure('deleteMany of rows that others refer to', { ...told, got: many.error ?? 'none', want: 'P2003' }); return }
    if (many.error) throw new Failure(`deleteMany: error ${many.error}`, { ...told, message: many.message })
    const count = value(many.answers[0]).count
    if (count !== hit.length) throw new Failure('count of deleteMany', { ...told, got: count, want: hit.length })
    sameState('deleteMany', told, many.state, firstState(makeWorld(base.spec, without(base.spec, base.world.data, model, gone))))
    const single = await outcome(base, hit.map((row) => op(model, 'deleteOne', { where: whereKey(m, row.raw) }, keyOnly(m))))
    if (!single.error) sameState('deleteMany is not deletes', told, many.state, single.state)
  },
}

/* --- upsert ------------------------------------------------------------------------------------------------------- */

export const upsert = {
  make(r, gen, base) {
    const m = r.pick(base.spec.models), row = newRow(r, base.spec, m, base.world.data, 0)
    if (!row) return null
    const there = base.world.rows[m.name].length && r.chance(0.6) ? r.pick(base.world.rows[m.name]).raw : null
    const where = whereKey(m, there ?? row)
    // The one-statement form needs what `create` inserts to be what `where` asks for: with and without, in one shape and one process.
    const creates = [row, { ...row, ...Object.fromEntries(m.id.map((k) => [k, (there ?? row)[k]])) }]
    return { model: m.name, where, creates: r.shuffle([...creates, r.pick(creates)]), update: change(r, gen, base, m, { operators: false }) }
  },
  async run(base, { model, where, creates, update }) {
    const m = need(modelOf(base.spec, model), model), there = rowsOf(base, model).some((row) => fits(base.world, row, where))
    for (const create of creates) {
      const told = { model, where, create, update }
      const up = op(model, 'upsertOne', { where, create, update }, { $scalars: true })
      const once = await outcome(base, [up])
      const other = await outcome(base, [there ? op(model, 'updateOne', { where, data: update }, { $scalars: true }) : op(model, 'createOne', { data: create }, { $scalars: true })])
      if (!agree('upsert is neither create nor update', once, other, told)) continue
      const [a, b] = [once, other].map((x) => text(decode(base.world, m, value(x.answers[0]))))
      if (a !== b) throw new Failure('row of an upsert', { ...told, got: a, want: b })
      // Where the row that `create` makes is another one, a second upsert would make it again.
      if (!there && text(whereKey(m, create)) !== text(where)) continue
      const updated = await outcome(base, [up, op(model, 'updateOne', { where, data: update }, keyOnly(m))]), twice = await outcome(base, [up, up]), thrice = await outcome(base, [up, up, up])
      agree('a second upsert is not an update', twice, updated, told)
      agree('upsert is not idempotent', thrice, twice, told)
    }
  },
}

/* --- nested writes -------------------------------------------------------------------------------------------------- */

/** Plain data that nested operations on a list relation change as they must. */
class Sheet {
  constructor(spec, data) {
    this.spec = spec
    this.data = { rows: Object.fromEntries(Object.entries(data.rows).map(([k, v]) => [k, v.map((x) => ({ ...x }))])), ties: Object.fromEntries(Object.entries(data.ties).map(([k, v]) => [k, v.map((t) => [...t])])) }
  }
  world() { return makeWorld(this.spec, this.data) }
  index(m, where) { const w = this.world(); return w.rows[m.name].findIndex((row) => holds(w, row, where) === true) }
  linked(f, model, at) { const w = this.world(); return w.related(w.rows[model][at], f.name).map((x) => x.index) }
  link(f, at, child) {
    if (f.rel.kind === 'm-n') {
      const t = f.rel.from.field === f.name ? [at, child] : [child, at]
      if (!this.data.ties[f.rel.name].some((x) => x[0] === t[0] && x[1] === t[1])) this.data.ties[f.rel.name].push(t)
    } else f.rel.fk.forEach((k, i) => { this.data.rows[f.target][child][k] = at === null ? null : this.data.rows[f.rel.to.model][at][f.rel.ref[i]] })
  }
  unlink(f, at, child) {
    if (f.rel.kind === 'm-n') { const side = f.rel.from.field === f.name ? 0 : 1; this.data.ties[f.rel.name] = this.data.ties[f.rel.name].filter((t) => !(t[side] === at && t[1 - side] === child)) } else this.link(f, null, child)
  }
}

export const nested = {
  make(r, gen, base) {
    const model = withRows(r, base), fields = model ? relationFields(base.spec, model).filter((f) => f.list) : []
    if (fields.length === 0) return null
    const f = r.pick(fields), child = modelOf(base.spec, f.target), rows = base.world.rows[f.target]
    // A foreign key that is part of the child's key moves the row: left to the checks of single rows.
    const free = f.rel.kind === 'm-n' || (f.rel.fk.every((k) => !child.id.includes(k)) && model !== f.target)
    if (!free || (model === f.target && f.rel.kind !== 'm-n')) return null
    const loose = f.rel.kind === 'm-n' || f.rel.optional
    const key = () => whereKey(child, r.pick(rows).raw)
    const keys = () => r.some(rows, 1).slice(0, 3).map((x) => whereKey(child, x.raw))
    const kinds = { create: () => [newRow(r, base.spec, child, base.world.data, 0)].filter(Boolean) }
    if (rows.length) {
      kinds.connect = keys
      if (loose) { kinds.disconnect = keys; kinds.set = () => r.chance(0.2) ? [] : keys() }
      const data = () => change(r, gen, base, child, { operators: false })
      kinds.updateMany = () => [{ where: gen.where(f.target, 0), data: data() }]
      kinds.update = () => [{ where: key(), data: data() }]
      kinds.deleteMany = () => [gen.where(f.target, 0)]
    }
    const names = r.shuffle(Object.keys(kinds)).slice(0, r.chance(0.7) ? 1 : 2)
    return { model, field: f.name, where: whereKey(modelOf(base.spec, model), r.pick(base.world.rows[model]).raw), data: Object.fromEntries(names.map((n) => [n, kinds[n]()])) }
  },
  async run(base, { model, field, where, data }) {
    const m = need(modelOf(base.spec, model), model), f = need(relationField(base.spec, model, field), field), child = modelOf(base.spec, f.target)
    const sheet = new Sheet(base.spec, base.world.data), at = sheet.index(m, where), told = { model, where, field, data }
    if (at < 0) throw new Unfit('no such row')
    const unset = (row) => f.rel.fk ? Object.fromEntries(Object.entries(row).filter(([k]) => !f.rel.fk.includes(k))) : row
    const sent = { ...data, ...(data.create ? { create: data.create.map(unset) } : {}) }
    const got = await outcome(base, [op(model, 'updateOne', { where, data: { [field]: sent } }, keyOnly(m))])
    if (got.error && invalid(got)) throw new Failure(`error ${got.error}`, { ...told, sent, message: got.message })
    const wanted = apply(sheet, f, model, at, child, data)
    if (wanted.error) { if (!wanted.error.includes(got.error)) throw new Failure('nested: no error', { ...told, got: got.error ?? 'none', want: wanted.error, message: got.message }); return }
    if (got.error) throw new Failure(`nested: error ${got.error}`, { ...told, message: got.message })
    sameState('nested is not flat', told, got.state, firstState(sheet.world()))
  },
}
/** Rows named once and twice in lists of one length: the plan of the one must not serve the other. */
export const named = {
  make(r, gen, base) {
    const args = nested.make(r, gen, base)
    if (!args) return null
    const f = relationField(base.spec, args.model, args.field), child = modelOf(base.spec, f.target), rows = base.world.rows[f.target]
    if (rows.length === 0) return null
    const loose = f.rel.kind === 'm-n' || f.rel.optional
    const kind = r.pick(loose ? ['connect', 'set', 'disconnect'] : ['connect']), n = r.between(2, 3)
    const lists = Array.from({ length: 4 }, () => Array.from({ length: n }, () => whereKey(child, r.pick(rows).raw)))
    return { model: args.model, field: args.field, where: args.where, kind, lists: [...lists, lists[0].map(() => lists[0][0]), lists[0]] }
  },
  async run(base, { model, field, where, kind, lists }) {
    for (const list of lists) await nested.run(base, { model, field, where, data: { [kind]: list } })
  },
}
function assign(row, data) { for (const [k, v] of Object.entries(data)) row[k] = v !== null && typeof v === 'object' && 'set' in v && Object.keys(v).length === 1 ? v.set : v }
/** Whether two rows have the same key. */
function repeats(sheet, m) {
  const rows = sheet.world().rows[m.name]
  return [m.id, ...m.uniques, ...m.fields.filter((x) => x.unique).map((x) => [x.name])].some((key) => {
    const held = rows.filter((x) => key.every((k) => x.v[k] !== null)).map((x) => text(key.map((k) => x.v[k])))
    return new Set(held).size < held.length
  })
}
/** What nested operations leave; {error: [codes]} when they must fail. */
function apply(sheet, f, model, at, child, data) {
  const rows = () => sheet.data.rows[f.target], spec = sheet.spec
  for (const [kind, items] of Object.entries(data)) {
    const linked = () => sheet.linked(f, model, at)
    if (kind === 'create') for (const row of items) {
      rows().push({ ...Object.fromEntries(child.fields.map((x) => [x.name, null])), ...row })
      if (f.rel.fk) f.rel.fk.forEach((k) => { rows()[rows().length - 1][k] = null })
      sheet.link(f, at, rows().length - 1)
      if (repeats(sheet, child)) return { error: ['P2002'] }
    } else if (kind === 'connect') {
      const found = items.map((w) => sheet.index(child, w))
      if (found.includes(-1)) return { error: ['P2018', 'P2025'] }
      for (const i of found) sheet.link(f, at, i)
    } else if (kind === 'disconnect') for (const w of items) { const i = sheet.index(child, w); if (i >= 0 && linked().includes(i)) sheet.unlink(f, at, i) }
    else if (kind === 'set') {
      const found = items.map((w) => sheet.index(child, w))
      if (found.includes(-1)) return { error: ['P2018', 'P2025'] }
      for (const i of linked()) if (!found.includes(i)) sheet.unlink(f, at, i)
      for (const i of found) sheet.link(f, at, i)
    } else if (kind === 'update') for (const { where, data: d } of items) {
      if (Object.keys(d).length === 0) continue // an update of nothing is passed over, whether the row is there or not
      const i = sheet.index(child, where)
      if (i < 0 || !linked().includes(i)) return { error: ['P2025', 'P2016', 'P2017'] }
      assign(rows()[i], d)
    } else if (kind === 'updateMany') for (const { where, data: d } of items) {
      const w = sheet.world(), hit = linked().filter((i) => holds(w, w.rows[f.target][i], where) === true)
      for (const i of hit) assign(rows()[i], d)
    } else for (const where of items) {
      const w = sheet.world(), hit = new Set(linked().filter((i) => holds(w, w.rows[f.target][i], where) === true))
      const tied = [...hit].some((i) => relationFields(spec, f.target).some((x) => x.rel.fk && !x.holds && w.related(w.rows[f.target][i], x.name).some((y) => y.model !== child || !hit.has(y.index))))
      if (tied) return { error: ['P2003', 'P2014'] }
      if (model === f.target && hit.has(at)) throw new Unfit('the parent itself is gone')
      sheet.data = without(spec, sheet.data, f.target, hit)
    }
  }
  return {}
}

/* --- batches -------------------------------------------------------------------------------------------------------- */

/** A transactional batch does what its operations do one after the other, or nothing. */
export const atomic = {
  make(r, gen, base) {
    const list = []
    for (let i = r.between(1, 4); i > 0; i--) {
      const model = withRows(r, base)
      if (!model) return null
      const m = modelOf(base.spec, model)
      const data = change(r, gen, base, m, { operators: false }), row = newRow(r, base.spec, m, base.world.data, i)
      if (row && r.chance(0.5)) list.push(op(model, 'createOne', { data: row }, keyOnly(m)))
      else if (Object.keys(data).length) list.push(op(model, 'updateMany', { where: gen.where(model, 1), data }, { count: true }))
      else list.push(op(model, 'deleteMany', { where: gen.where(model, 1) }, { count: true }))
    }
    const model = withRows(r, base), m = modelOf(base.spec, model), raw = r.pick(base.world.rows[model]).raw
    return { list, bad: op(model, 'createOne', { data: raw }, keyOnly(m)), at: r.below(list.length + 1), http: r.chance(0.3) }
  },
  async run(base, { list, bad, at, http }) {
    const told = { list, bad }
    // Twice, since what stands before may have deleted the row that is in its way.
    const failing = { batch: [...list.slice(0, at), bad, bad, ...list.slice(at)], transaction: {} }
    for (const ask of [(o) => base.query.ask(o), ...(http ? [async (o) => (await base.http()).ask(o)] : [])]) {
      const a = await ask(failing)
      if (!a.errors) throw new Failure('a batch with an error succeeds', { ...told, got: a })
      sameState('a failed batch leaves something', told, await state(base), firstState(base.world))
    }
    const one = await outcome(base, list), batch = await base.inTransaction(async (ask) => {
      const a = await ask({ batch: list, transaction: {} })
      const error = a.errors ?? a.batchResult.find((x) => x.errors)?.errors
      return error ? { error: errorOf({ errors: error }), message: error[0].user_facing_error?.message } : { state: await state(base, ask) }
    })
    agree('a batch is not its operations', batch, one, told)
  },
}
