// Cuts a failing case down: fewer steps, relations, models, fields and rows, smaller arguments, as long as it fails in the same way. Prints it.
import { deepStrictEqual } from 'node:assert'
import { relationFields, toSchema } from './schema.mjs'

const clone = (x) => structuredClone(x)
const equal = (a, b) => { try { deepStrictEqual(a, b); return true } catch { return false } }

/** The case without some rows: their ties go, and rows that refer to them refer to nothing or go, too. */
function dropRows(c, model, gone) {
  const out = clone(c), place = new Map(), kept = []
  out.data.rows[model].forEach((row, i) => { if (!gone.has(i)) { place.set(i, kept.length); kept.push(row) } })
  const lost = out.data.rows[model].filter((_, i) => gone.has(i))
  out.data.rows[model] = kept
  for (const rel of out.spec.relations) {
    if (rel.kind === 'm-n') {
      for (const [side, at] of [[0, rel.from], [1, rel.to]]) {
        if (at.model !== model) continue
        out.data.ties[rel.name] = out.data.ties[rel.name].filter((t) => place.has(t[side])).map((t) => { const n = [...t]; n[side] = place.get(t[side]); return n })
      }
    }
  }
  for (const rel of out.spec.relations.filter((x) => x.fk && x.to.model === model)) {
    const refers = (row) => lost.some((p) => rel.ref.every((k, i) => equal(p[k], row[rel.fk[i]])))
    const rows = out.data.rows[rel.from.model]
    if (rel.optional) for (const row of rows) { if (refers(row)) for (const k of rel.fk) row[k] = null } else {
      const children = new Set(rows.map((row, i) => refers(row) ? i : -1).filter((i) => i >= 0))
      if (children.size) return dropRows(out, rel.from.model, children)
    }
  }
  return out
}

function dropRelation(c, i) {
  const out = clone(c), [rel] = out.spec.relations.splice(i, 1)
  delete out.data.ties[rel.name]
  if (rel.fk) {
    const m = out.spec.models.find((x) => x.name === rel.from.model)
    if (rel.fk.some((k) => m.id.includes(k))) return null
    m.fields = m.fields.filter((f) => !rel.fk.includes(f.name))
    m.uniques = m.uniques.filter((u) => !u.some((k) => rel.fk.includes(k)))
    for (const row of out.data.rows[m.name]) for (const k of rel.fk) delete row[k]
  }
  return out
}

/** Cases that are a step smaller, the largest steps first. */
function* smaller(c) {
  if (c.steps.length > 1) {
    yield { ...clone(c), steps: [clone(c.steps[c.steps.length - 1])] }
    for (let n = Math.ceil((c.steps.length - 1) / 2); n >= 1; n = n === 1 ? 0 : Math.ceil(n / 2)) {
      for (let i = 0; i + n < c.steps.length; i += n) { const out = clone(c); out.steps.splice(i, n); yield out }
    }
  }
  for (let i = c.spec.relations.length - 1; i >= 0; i--) { const out = dropRelation(c, i); if (out) yield out }
  for (let i = c.spec.models.length - 1; i >= 0; i--) {
    if (relationFields(c.spec, c.spec.models[i].name).length || c.spec.models.length === 1) continue
    const out = clone(c), [m] = out.spec.models.splice(i, 1)
    delete out.data.rows[m.name]
    yield out
  }
  for (const m of c.spec.models) {
    const n = c.data.rows[m.name].length
    for (let step = Math.ceil(n / 2); step >= 1; step = step === 1 ? 0 : Math.ceil(step / 2)) {
      for (let i = 0; i < n; i += step) yield dropRows(c, m.name, new Set(Array.from({ length: step }, (_, k) => i + k)))
    }
  }
  for (const [name, ties] of Object.entries(c.data.ties)) for (let i = ties.length - 1; i >= 0; i--) { const out = clone(c); out.data.ties[name].splice(i, 1); yield out }
  yield* lessArguments(c)
  for (const [mi, m] of c.spec.models.entries()) {
    const held = new Set(c.spec.relations.flatMap((x) => [...(x.fk && x.from.model === m.name ? x.fk : []), ...(x.ref && x.to.model === m.name ? x.ref : [])]))
    for (const f of m.fields) {
      if (m.id.includes(f.name) || held.has(f.name)) continue
      const out = clone(c), t = out.spec.models[mi]
      t.fields = t.fields.filter((x) => x.name !== f.name)
      t.uniques = t.uniques.filter((u) => !u.includes(f.name))
      for (const row of out.data.rows[m.name]) delete row[f.name]
      yield out
    }
    for (const key of ['map', 'unique']) {
      for (const [fi, f] of m.fields.entries()) if (f[key] && !held.has(f.name)) { const out = clone(c); delete out.spec.models[mi].fields[fi][key]; yield out }
    }
    if (m.map) { const out = clone(c); delete out.spec.models[mi].map; yield out }
    for (let i = 0; i < m.uniques.length; i++) if (!m.uniques[i].some((k) => held.has(k))) { const out = clone(c); out.spec.models[mi].uniques.splice(i, 1); yield out }
  }
  for (let i = 0; i < c.spec.enums.length; i++) if (!c.spec.models.some((m) => m.fields.some((f) => f.enum === c.spec.enums[i].name))) { const out = clone(c); out.spec.enums.splice(i, 1); yield out }
  yield* simplerRows(c)
}

/** Every place of a value in a tree, the outer before the inner. */
function* places(v, at = []) {
  if (v === null || typeof v !== 'object') return
  for (const k of Object.keys(v)) { yield [...at, k]; yield* places(v[k], [...at, k]) }
}
function edit(c, at, fn) {
  const out = clone(c)
  let v = out
  for (const k of at.slice(0, -1)) v = v[k]
  fn(v, at[at.length - 1])
  return out
}
const remove = (v, k) => { if (Array.isArray(v)) v.splice(Number(k), 1); else delete v[k] }
function* lessArguments(c) {
  if (c.steps.length === 0) return
  for (const at of places(c.steps[c.steps.length - 1].args)) {
    const full = ['steps', String(c.steps.length - 1), 'args', ...at]
    let v = c
    for (const k of full) v = v[k]
    yield edit(c, full, remove)
    // A part of AND, OR and NOT in the place of the whole.
    if (v !== null && typeof v === 'object' && !Array.isArray(v)) {
      for (const k of ['AND', 'OR', 'NOT']) for (const part of [].concat(v[k] ?? [])) yield edit(c, full, (x, n) => { x[n] = clone(part) })
    }
    if (Array.isArray(v) && v.length === 1 && typeof v[0] === 'object') yield edit(c, full, (x, n) => { x[n] = clone(v[0]) })
  }
}
/** The plainest value that a row can have instead. */
function* simplerRows(c) {
  for (const m of c.spec.models) {
    const bound = new Set([...m.id, ...c.spec.relations.flatMap((x) => [...(x.fk && x.from.model === m.name ? x.fk : []), ...(x.ref && x.to.model === m.name ? x.ref : [])])])
    for (const f of m.fields) {
      if (bound.has(f.name)) continue
      const plain = { Int: 0, Float: 0, Boolean: false, String: 'a', BigInt: { $type: 'BigInt', value: '0' }, Decimal: { $type: 'Decimal', value: '0' } }[f.type]
      for (const [i, row] of c.data.rows[m.name].entries()) {
        if (f.optional && f.type !== 'Json' && row[f.name] !== null) { const out = clone(c); out.data.rows[m.name][i][f.name] = null; yield out }
        if (plain !== undefined && row[f.name] !== null && !equal(row[f.name], plain)) { const out = clone(c); out.data.rows[m.name][i][f.name] = plain; yield out }
      }
    }
  }
}

/** {case, failure}: the smallest that was found within `tries` runs. */
export async function shrink(c, failure, runCase, { tries = Number(process.env.TRIES ?? 600) } = {}) {
  let best = { case: c, failure }, left = tries
  const again = await runCase(c)
  if (!again || again.kind !== failure.kind) return { ...best, alone: false }
  best.failure = again
  for (let found = true; found && left > 0;) {
    found = false
    for (const next of smaller(best.case)) {
      if (left-- <= 0) break
      let f = null
      try { f = await runCase(next) } catch { /* cut too far */ }
      if (f && f.kind === failure.kind) { best = { case: next, failure: f }; found = true; break }
    }
  }
  return { ...best, alone: true, runs: tries - left }
}

/* --- printing ----------------------------------------------------------------------------------------------------- */

const line = (v) => JSON.stringify(v, (_, x) => typeof x === 'bigint' ? `${x}n` : typeof x === 'string' && x.length > 300 ? x.slice(0, 300) + '...' : x)
export function report(c, f, note = '') {
  const out = [`seed ${c.seed}: ${f.kind}${note}`, '', toSchema(c.spec).replace(/^[^]*?generator[^]*?\n}\n\n/, '').trimEnd(), '']
  for (const [m, rows] of Object.entries(c.data.rows)) for (const row of rows) out.push(`${m} ${line(row)}`)
  for (const [t, ties] of Object.entries(c.data.ties)) if (ties.length) out.push(`${t} ${line(ties)}`)
  out.push('', ...c.steps.slice(-5).map((s) => `${s.check} ${line(s.args)}`), '')
  for (const [k, v] of Object.entries(f.told ?? {})) {
    if (Array.isArray(v) && v.length > 1) out.push(`${k}:`, ...v.slice(0, 40).map((x) => '  ' + (typeof x === 'string' ? x : line(x))))
    else out.push(`${k}: ${line(v)}`)
  }
  return out.join('\n')
}
