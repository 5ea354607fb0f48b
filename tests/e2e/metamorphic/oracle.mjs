// What an operation must answer, computed over plain rows: filters with three truth values (true, false, null), order, pages, distinct,
// aggregates. Deliberately simple: no indexes, nothing shared with the product.
import { fieldOf, relationField, relationFields } from './schema.mjs'
import { atPath, canon, compare, isRef, isWord, like, print, same } from './values.mjs'

/* --- three truth values ------------------------------------------------------------------------------------------- */

const not = (a) => a === null ? null : !a
const and = (a, b) => a === false || b === false ? false : a === null || b === null ? null : true
const or = (a, b) => a === true || b === true ? true : a === null || b === null ? null : false
const all = (list) => list.reduce(and, true), any = (list) => list.reduce(or, false)

/* --- a filter on one row ------------------------------------------------------------------------------------------ */

/** true, false or null. at: {odd: under an odd number of NOTs, two: the own condition of an UPDATE or DELETE}. */
export function holds(world, row, where, at = {}) {
  return all(parts(world, row, where, at))
}

/** Whether a filter says nothing, so that inside AND, OR and NOT it is passed over. */
function empty(m, where) {
  return Object.entries(where).every(([k, v]) => ['AND', 'OR', 'NOT'].includes(k) ? [].concat(v).every((w) => empty(m, w)) : silent(v, fieldOf(m, k)?.type === 'Json'))
}
/** Conditions on one field that are none: {}, {not: {}}, a path alone. Of Json, {not: {}} compares with an object. */
function silent(v, json) {
  return isFilter(v) && !Array.isArray(v) && Object.entries(v).every(([op, x]) => op === 'path' || op === 'mode' || (op === 'not' && !json && silent(x)))
}

function parts(world, row, where, at) {
  const out = []
  for (const [k, v] of Object.entries(where)) {
    if (k === 'AND') out.push(...kids(row, v).map((w) => inner(world, row, w, at)))
    else if (k === 'OR') out.push(any(kids(row, v).map((w) => inner(world, row, w, at))))
    else if (k === 'NOT') out.push(...kids(row, v).map((w) => not(inner(world, row, w, { ...at, odd: !at.odd }))))
    else {
      const f = fieldOf(row.model, k)
      if (f) out.push(...scalarParts(world, row, f, v, at))
      else if (relationField(world.spec, row.model.name, k)) out.push(...relationParts(world, row, relationField(world.spec, row.model.name, k), v, at))
      else out.push(...Object.entries(v).map(([n, x]) => operate(world, row, fieldOf(row.model, n), 'equals', x))) // a compound key
    }
  }
  return out
}
const kids = (row, v) => [].concat(v).filter((w) => !empty(row.model, w))
/** Below AND, OR and NOT an empty part of any depth says nothing; an empty OR beside other parts, too. */
function inner(world, row, w, at) {
  const { AND: _a, OR: list, NOT: _n, ...rest } = w
  if (list !== undefined && kids(row, list).length === 0) w = { ...rest, ...(w.AND === undefined ? {} : { AND: w.AND }), ...(w.NOT === undefined ? {} : { NOT: w.NOT }) }
  return holds(world, row, w, at)
}

const reversed = { equals: 'not', in: 'notIn', notIn: 'in', lt: 'gte', gte: 'lt', gt: 'lte', lte: 'gt' }
const isFilter = (v) => v !== null && typeof v === 'object' && v.$type === undefined

function scalarParts(world, row, f, v, at, turned = false) {
  if (f.type === 'Json') return Object.entries(v).filter(([op]) => op !== 'path' && op !== 'mode').map(([op, x]) => json(world, row, f, op, x, v.path, at))
  if (!isFilter(v)) return [operate(world, row, f, 'equals', v)]
  const out = []
  for (const [op, x] of Object.entries(v)) {
    if (op === 'not') out.push(...isFilter(x) ? scalarParts(world, row, f, x, at, !turned) : [operate(world, row, f, 'not', x)]) // a value is one to differ from, at any depth
    else if (turned && reversed[op]) out.push(operate(world, row, f, reversed[op], x))
    else out.push(turned ? not(operate(world, row, f, op, x)) : operate(world, row, f, op, x))
  }
  return out
}

function operate(world, row, f, op, x) {
  const a = row.v[f.name]
  if (op === 'in' || op === 'notIn') {
    if (x === null) return op === 'in' ? a === null : a !== null
    if (x.length === 0) return op === 'notIn'
    if (a === null) return null
    return x.some((y) => same(a, canon(f, y, world.spec))) === (op === 'in')
  }
  if (x === null) return op === 'equals' ? a === null : a !== null
  const b = isRef(x) ? row.v[x.value._ref] : ['contains', 'startsWith', 'endsWith'].includes(op) ? x : canon(f, x, world.spec)
  if (a === null || b === null) return null
  switch (op) {
    case 'equals': return same(a, b)
    case 'not': return !same(a, b)
    case 'lt': return compare(a, b) < 0
    case 'lte': return compare(a, b) <= 0
    case 'gt': return compare(a, b) > 0
    case 'gte': return compare(a, b) >= 0
    case 'contains': return like(a, `%${b}%`)
    case 'startsWith': return like(a, `${b}%`)
    case 'endsWith': return like(a, `%${b}`)
  }
  throw new Error(`no such operator: ${op}`)
}

/** Json. What is no string (or list) is found neither by a condition on strings nor by its negation. */
function json(world, row, f, op, x, path, at) {
  const a = row.v[f.name]
  const v = a === null ? undefined : path === undefined ? a.json : atPath(a.json, path)
  const text = (j) => JSON.stringify(j)
  if (op === 'equals' || op === 'not') {
    const yes = op === 'equals'
    if (isWord(x, 'DbNull')) return (v === undefined) === yes
    if (isWord(x, 'AnyNull')) return (v === undefined || v === null) === yes
    const b = isRef(x) ? row.v[x.value._ref] : isWord(x, 'JsonNull') ? { json: null } : { json: x }
    if (v === undefined || b === null) return null
    return (text(v) === text(b.json)) === yes
  }
  let good, type
  if (op.startsWith('string_')) {
    // Without a path it is the stored text that is looked at, quotation marks included.
    const s = v === undefined || (path !== undefined && v === null) ? null : path !== undefined && typeof v === 'string' ? v : text(v)
    const pattern = { string_contains: `%${x}%`, string_starts_with: `${x}%`, string_ends_with: `%${x}` }[op]
    good = s === null ? null : like(s, pattern)
    type = v === undefined ? null : typeof v === 'string'
  } else {
    const item = Array.isArray(v) ? (op === 'array_starts_with' ? v[0] : v[v.length - 1]) : undefined
    good = item === undefined ? null : text(item) === text(isWord(x, 'JsonNull') ? null : x)
    type = v === undefined ? null : Array.isArray(v)
  }
  return at.odd ? or(good, not(type)) : and(good, type)
}

function relationParts(world, row, f, v, at) {
  if (f.list) return Object.entries(v).map(([q, w]) => quantified(world, row, f, q, w, at))
  if (v === null) return [isNothing(world, row, f)]
  if (Object.keys(v).every((k) => k === 'is' || k === 'isNot')) return Object.entries(v).map(([q, w]) => one(world, row, f, q, w, at))
  return [one(world, row, f, 'is', v, at)]
}
function quantified(world, row, f, q, w, at) {
  const sub = world.related(row, f.name).map((x) => holds(world, x, w, { odd: at.odd }))
  return q === 'some' ? sub.includes(true) : q === 'none' ? !sub.includes(true) : !sub.includes(false)
}
const isNothing = (world, row, f) => f.holds ? f.rel.fk.every((k) => row.v[k] === null) : world.related(row, f.name).length === 0
/** A missing row does not fit. In the own condition of an UPDATE or DELETE a related row on which the filter is null does not fit, either. */
function one(world, row, f, q, w, at) {
  const turned = q === 'isNot'
  if (w === null) return turned ? !isNothing(world, row, f) : isNothing(world, row, f)
  const [x] = world.related(row, f.name)
  const odd = turned && !at.two ? !at.odd : at.odd
  let fits = x ? holds(world, x, w, { odd }) : false
  if (at.two) fits = fits === true
  return turned ? not(fits) : fits
}

/* --- order and pages ---------------------------------------------------------------------------------------------- */

/** [{value(row), desc, nulls}] of an orderBy. */
export function orderKeys(world, model, orderBy) {
  return [].concat(orderBy ?? []).flatMap((o) => Object.entries(o).map(([k, v]) => orderKey(world, model, k, v)))
}
function orderKey(world, model, k, v) {
  const rf = relationField(world.spec, model, k)
  if (!rf) return { value: (row) => row === undefined ? null : row.v[k], desc: (v.sort ?? v) === 'desc', nulls: v.nulls }
  if (rf.list) return { value: (row) => row === undefined ? 0 : world.related(row, k).length, desc: v._count === 'desc' }
  const [[k2, v2]] = Object.entries(v)
  const deeper = orderKey(world, rf.target, k2, v2)
  return { ...deeper, value: (row) => deeper.value(row === undefined ? undefined : world.related(row, k)[0]) }
}
export function sorted(rows, keys) {
  const at = (a, b) => {
    for (const k of keys) {
      const x = k.value(a), y = k.value(b)
      if (x === null || y === null) {
        if (x === y) continue
        // SQLite takes NULL for the smallest value.
        const first = k.nulls ? k.nulls === 'first' : !k.desc
        return (x === null) === first ? -1 : 1
      }
      const c = compare(x, y)
      if (c) return k.desc ? -c : c
    }
    return 0
  }
  return [...rows].sort(at)
}

/** Rows in a total order, cut as take, skip, cursor and distinct say. `among`: a cursor that is not among the rows finds nothing. */
export function page(rows, { take, skip, cursor, distinct }) {
  let out = take < 0 ? [...rows].reverse() : [...rows]
  if (distinct) {
    const seen = new Set()
    out = out.filter((row) => { const k = [].concat(distinct).map((n) => print(row.v[n])).join(); return seen.has(k) ? false : seen.add(k) })
  }
  if (cursor) { const i = out.findIndex(cursor); out = i < 0 ? [] : out.slice(i) }
  out = out.slice(skip ?? 0)
  if (take !== undefined) out = out.slice(0, Math.abs(take))
  return take < 0 ? out.reverse() : out
}

/** The rows of a find, in order. */
export function find(world, rows, args, at) {
  const keep = rows.filter((row) => holds(world, row, args.where ?? {}, at) === true)
  const model = rows[0]?.model
  if (!model) return []
  const cursor = args.cursor && ((row) => fits(world, row, args.cursor))
  return page(sorted(keep, orderKeys(world, model.name, args.orderBy)), { ...args, cursor })
}
/** Whether a unique filter names this row. */
export function fits(world, row, where) {
  return Object.entries(where).every(([k, v]) => fieldOf(row.model, k) ? same(row.v[k], canon(fieldOf(row.model, k), v, world.spec)) : fits(world, row, v))
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/** What an answer to a selection must be: rows with canonical values. */
export function shape(world, row, selection) {
  const out = {}
  for (const [k, v] of Object.entries(selection)) {
    if (k === '$composites' || v === false) continue
    if (k === '$scalars') { for (const f of row.model.fields) if (selection[f.name] !== false) out[f.name] = row.v[f.name] }
    else if (k === '_count') {
      const of = v === true ? Object.fromEntries(relationFields(world.spec, row.model.name).filter((f) => f.list).map((f) => [f.name, true])) : v.selection
      out._count = Object.fromEntries(Object.entries(of).map(([n, c]) => [n, find(world, world.related(row, n), c.arguments ?? {}).length]))
    } else if (fieldOf(row.model, k)) out[k] = row.v[k]
    else {
      const f = relationField(world.spec, row.model.name, k)
      const rows = find(world, world.related(row, k), v.arguments ?? {}).map((x) => shape(world, x, v.selection))
      out[k] = f.list ? rows : rows[0] ?? null
    }
  }
  return out
}
/** An answer with its values made canonical, to be compared with `shape`. */
export function decode(world, model, v) {
  if (v === null || v === undefined) return v
  if (Array.isArray(v)) return v.map((x) => decode(world, model, x))
  const out = {}
  for (const [k, x] of Object.entries(v)) {
    const f = fieldOf(model, k), rf = f ? null : relationField(world.spec, model.name, k)
    out[k] = f ? canon(f, x, world.spec) : rf ? decode(world, world.spec.models.find((m) => m.name === rf.target), x) : x
  }
  return out
}
/** One text for equal answers: keys sorted, lists as they come. */
export function text(v) {
  if (Array.isArray(v)) return `[${v.map(text).join()}]`
  if (v !== null && typeof v === 'object') return `{${Object.keys(v).sort().map((k) => `${k}:${text(v[k])}`).join()}}`
  return typeof v === 'bigint' ? `${v}n` : v === undefined ? 'undefined' : JSON.stringify(v)
}

/* --- aggregates --------------------------------------------------------------------------------------------------- */

/** One aggregate over rows; fields of numbers for _sum and _avg. */
export function aggregate(fn, f, rows) {
  const values = rows.map((x) => x.v[f.name]).filter((v) => v !== null)
  if (fn === '_count') return values.length
  if (values.length === 0) return null
  if (fn === '_min' || fn === '_max') return values.reduce((a, b) => (compare(a, b) < 0) === (fn === '_min') ? a : b)
  const sum = values.reduce((a, b) => a + b)
  return fn === '_sum' ? sum : Number(sum) / values.length
}
