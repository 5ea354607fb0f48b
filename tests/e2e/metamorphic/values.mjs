// Values of every scalar type: what to try, how they travel, how they compare. Rows and filters hold values as they travel
// (a BigInt is {"$type": "BigInt", "value": "1"}), so that cases can be printed; `canon` turns them into something to compare.
import { fieldOf, relationField } from './schema.mjs'

const tag = (type, value) => ({ $type: type, value })
const longText = 'long '.repeat(60)

/** Values worth trying, beyond those that the rows hold. */
const pools = {
  Int: [0, 1, -1, 2, 3, 7, 100, 2147483647, -2147483648],
  BigInt: ['0', '1', '-1', '5', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  Float: [0, 1, -1, 0.1, 0.5, 1.5, -2.25, 1e300, 5e-324, 3.141592653589793, 123456789.125],
  Decimal: ['0', '1', '-1', '0.1', '1.5', '-2.25', '12345.678', '1000000', '0.000001'],
  Boolean: [true, false],
  String: ['', ' ', 'a', 'A', 'ab', 'AB', 'abc', '%', '_', 'a%b', 'a_b', '\\', "it's", '"', 'é', 'É', 'ß', '😀', 'x😀y', 'null', '1', '01', '\t\n', '日本', 'İ', longText],
  DateTime: ['0001-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '2024-02-29T12:00:00.001Z', '2024-02-29T12:00:00.000Z', '2026-11-22T00:44:21.667Z', '9999-12-31T23:59:59.999Z'],
  Bytes: ['', 'AA==', 'AAE=', 'AQ==', '/w==', 'AAAA', Buffer.from('abc').toString('base64'), Buffer.alloc(300, 7).toString('base64')],
}
const texts = ['', 'a', 'A', 'ab', 'abc', '%', '_', 'é', 'b', '"', 'null', '1']
const jsonValues = [1, 0, -5, 2.5, true, false, '', 'a', 'abc', 'Abc', '1', 'é"q', [], [1, 2, 3], ['a', 'b'], [[1], 'x'], {}, { a: 1 }, { a: 'abc' }, { a: { b: 'Help' } }, { a: [1, 'b', null] }, { a: null }, { b: 2, a: 'x' }, { a: { b: [true] } }, [null], [{ a: 1 }]]
const jsonPaths = ['$.a', '$.a', '$.b', '$.a.b', '$[0]', '$.a[0]', '$.zzz', '$']

/** A value of a field, as it travels; never null. */
export function randomValue(r, f, spec) {
  switch (f.type) {
    case 'BigInt': case 'Bytes': return tag(f.type, r.pick(pools[f.type]))
    case 'Decimal': { const v = r.pick(pools.Decimal); return r.chance(0.7) ? tag('Decimal', v) : r.chance(0.5) ? v : Number(v) }
    case 'DateTime': { const v = r.pick(pools.DateTime); return r.chance(0.7) ? tag('DateTime', v) : v }
    case 'Json': return r.pick(jsonValues)
    case 'Enum': return r.pick(spec.enums.find((e) => e.name === f.enum).values).name
    default: return r.pick(pools[f.type])
  }
}
/** The n-th value of a key. */
export function keyValue(f, n) {
  switch (f.type) {
    case 'BigInt': return tag('BigInt', String(BigInt(n) * 3037000500n - 5n))
    case 'String': return ['k', 'K', 'k ', 'ké', 'k😀', "k'", 'k%', ''][n % 8] + (n < 8 ? '' : n)
    case 'DateTime': return tag('DateTime', new Date(Date.UTC(2020, 0, 1) + n * 1001).toISOString())
    default: return n * 7 - 3
  }
}
export const someText = (r) => r.pick(texts)
export const somePath = (r) => r.pick(jsonPaths)
export const JsonNull = tag('Enum', 'JsonNull'), DbNull = tag('Enum', 'DbNull'), AnyNull = tag('Enum', 'AnyNull')
export const isWord = (v, word) => v !== null && typeof v === 'object' && v.$type === 'Enum' && (word === undefined || v.value === word)
export const isRef = (v) => v !== null && typeof v === 'object' && v.$type === 'FieldRef'

/* --- comparing ---------------------------------------------------------------------------------------------------- */

const bare = (v) => v !== null && typeof v === 'object' && typeof v.$type === 'string' ? v.value : v

/** A value in a form that `compare` understands; null is the database's NULL. Json: {json: value}. */
export function canon(f, v, spec) {
  if (v === null || v === undefined) return null
  switch (f.type) {
    case 'Int': case 'Float': return Number(v) || 0
    case 'Decimal': return Number(bare(v))
    case 'BigInt': return BigInt(bare(v))
    case 'Boolean': return v ? 1 : 0
    case 'DateTime': return new Date(bare(v)).toISOString()
    case 'Bytes': return Buffer.from(bare(v), 'base64').toString('hex')
    case 'Enum': { const e = spec.enums.find((x) => x.name === f.enum).values.find((x) => x.name === v); return e ? e.map ?? e.name : `?${v}` }
    case 'Json':
      if (isWord(v, 'DbNull')) return null
      if (isWord(v, 'JsonNull')) return { json: null }
      return { json: v?.$type === 'Json' ? JSON.parse(v.value) : v }
    default: return v
  }
}
/** Below, above or equal, as SQLite orders the stored form: text by its bytes. */
export function compare(a, b) {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}
export const same = (a, b) => a !== null && typeof a === 'object' ? b !== null && typeof b === 'object' && JSON.stringify(a.json) === JSON.stringify(b.json) : a === b
/** A text that equal values share. */
export const print = (v) => v === null ? 'null' : typeof v === 'bigint' ? `${v}n` : JSON.stringify(v)

/** SQLite's LIKE: % and _ are wildcards, letters of ASCII match in either case. */
export function like(text, pattern) {
  const low = (s) => Array.from(s, (c) => c >= 'A' && c <= 'Z' ? c.toLowerCase() : c)
  const t = low(text), p = low(pattern)
  let fits = new Array(t.length + 1).fill(false)
  fits[0] = true
  for (const c of p) {
    const next = new Array(t.length + 1).fill(false)
    if (c === '%') { let any = false; for (let i = 0; i <= t.length; i++) next[i] = any ||= fits[i] }
    else for (let i = 0; i < t.length; i++) next[i + 1] = fits[i] && (c === '_' || c === t[i])
    fits = next
  }
  return fits[t.length]
}

/** The value at a path like $.a.b or $[0].c; undefined: there is none. */
export function atPath(json, path) {
  let v = json
  for (const [, name, index] of path.matchAll(/\.([A-Za-z_]\w*)|\[(\d+)\]/g)) {
    if (name !== undefined) v = v !== null && typeof v === 'object' && !Array.isArray(v) && Object.hasOwn(v, name) ? v[name] : undefined
    else v = Array.isArray(v) ? v[Number(index)] : undefined
    if (v === undefined) return undefined
  }
  return v
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/** Random rows for a schema: {rows: {Model: [row]}, ties: {relation: [[row of from, row of to]]}}. */
export function randomData(r, spec) {
  const data = { rows: {}, ties: {} }
  for (const m of spec.models) {
    const rows = data.rows[m.name] = [], n = r.chance(0.08) ? 0 : r.between(2, r.chance(0.2) ? 25 : 9)
    const taken = new Set()
    for (let i = 0; i < n; i++) {
      const row = randomRow(r, spec, m, data, i)
      if (row && claim(spec, m, row, taken)) rows.push(row)
    }
  }
  for (const rel of spec.relations.filter((x) => x.kind === 'm-n')) {
    const a = data.rows[rel.from.model].length, b = data.rows[rel.to.model].length, p = r.pick([0.1, 0.3, 0.6])
    data.ties[rel.name] = []
    for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) if (r.chance(p)) data.ties[rel.name].push([i, j])
  }
  return data
}

function randomRow(r, spec, m, data, i) {
  const row = {}, few = r.chance(0.5)
  const taken = new Set(spec.relations.filter((x) => x.fk && x.from.model === m.name).flatMap((x) => x.fk))
  for (const f of m.fields) {
    if (taken.has(f.name)) continue
    if (m.id.includes(f.name)) row[f.name] = keyValue(f, m.id.length > 1 ? (f.name === m.id[0] ? i % 3 : Math.floor(i / 3)) : i)
    else if (f.optional && r.chance(0.3)) row[f.name] = f.type === 'Json' ? DbNull : null
    else if (f.type === 'Json' && r.chance(0.1)) row[f.name] = JsonNull
    // Few different values make duplicates, which filters, distinct and groups need.
    else row[f.name] = few && data.rows[m.name].length && r.chance(0.6) ? data.rows[m.name][r.below(data.rows[m.name].length)][f.name] : randomValue(r, f, spec)
  }
  for (const rel of spec.relations.filter((x) => x.fk && x.from.model === m.name)) {
    const parents = data.rows[rel.to.model]
    const parent = parents.length ? r.pick(parents) : null
    if (!parent && !rel.optional) return null
    const none = !parent || (rel.optional && r.chance(0.25))
    rel.fk.forEach((k, n) => { row[k] = none ? null : parent[rel.ref[n]] })
    // A key of two fields with one of them null refers to nothing.
    if (rel.optional && rel.fk.length > 1 && r.chance(0.2)) row[rel.fk[r.below(rel.fk.length)]] = null
  }
  return row
}

/** A row that is not there yet, with keys that no other has; foreign keys of rows that are there. null: its parent is missing. */
export function newRow(r, spec, m, data, n) {
  const row = randomRow(r, spec, m, { ...data, rows: { ...data.rows, [m.name]: data.rows[m.name] } }, 0)
  if (!row) return null
  const held = spec.relations.filter((x) => x.fk && x.from.model === m.name)
  for (const f of m.fields) if ((m.id.includes(f.name) || f.unique) && !held.some((x) => x.fk.includes(f.name))) row[f.name] = keyValue(f, 100 + n)
  for (const rel of held) if (rel.kind === '1-1' && rel.optional) for (const k of rel.fk) row[k] = null
  return row
}

/** Whether a row breaks no unique key; if so, its keys are taken. */
function claim(spec, m, row, taken) {
  const keys = [m.id, ...m.uniques, ...m.fields.filter((f) => f.unique).map((f) => [f.name])]
  const texts = keys.map((k) => k.some((n) => row[n] === null) ? null : k.join() + ':' + k.map((n) => print(canon(fieldOf(m, n), row[n], spec))).join())
  if (texts.some((t) => t !== null && taken.has(t))) return false
  for (const t of texts) if (t !== null) taken.add(t)
  return true
}

/* --- rows as the oracle sees them --------------------------------------------------------------------------------- */

/** Rows with their canonical values and relations: world.rows[Model] = [{model, index, v: {field: canonical}, raw}]. */
export function makeWorld(spec, data) {
  const world = { spec, data, rows: {} }
  for (const m of spec.models) {
    world.rows[m.name] = data.rows[m.name].map((raw, index) => ({ model: m, index, raw, v: Object.fromEntries(m.fields.map((f) => [f.name, canon(f, raw[f.name], spec)])) }))
  }
  const kept = new Map()
  /** The related rows of a row, in the order of their table. */
  world.related = (row, name) => {
    const key = `${row.model.name}.${name}#${row.index}`
    if (!kept.has(key)) kept.set(key, find(row, relationField(spec, row.model.name, name)))
    return kept.get(key)
  }
  function find(row, f) {
    const { rel } = f
    if (rel.kind === 'm-n') {
      const here = rel.from.model === row.model.name && rel.from.field === f.name ? 0 : 1
      const there = new Set(data.ties[rel.name].filter((t) => t[here] === row.index).map((t) => t[1 - here]))
      return world.rows[f.target].filter((x) => there.has(x.index))
    }
    const own = f.holds ? rel.fk : rel.ref, other = f.holds ? rel.ref : rel.fk
    return world.rows[f.target].filter((x) => own.every((k, i) => row.v[k] !== null && x.v[other[i]] !== null && row.v[k] === x.v[other[i]]))
  }
  return world
}
/** The unique filter of a row. */
export function whereKey(m, raw) {
  const key = Object.fromEntries(m.id.map((k) => [k, raw[k]]))
  return m.id.length > 1 ? { [m.id.join('_')]: key } : key
}
