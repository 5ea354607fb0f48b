// Metamorphic tests of the query engine: random schemas, rows and operations, judged by relations that must hold between answers and by
// an oracle over plain rows. A failing case is cut down and printed with what is needed to run it again.
//
//   node tests/e2e/metamorphic/main.mjs                        the fixed seeds of CI
//   SEED=17 ROUNDS=500 node tests/e2e/metamorphic/main.mjs     500 databases from seed 17 on
//   CHECKS=filter,read   only these       CASE=file.json   one printed case again
import fs from 'node:fs'
import path from 'node:path'
import { check, done, tmp } from '../lib/harness.mjs'
import { Base, Failure, Unfit, closeAll, firstState, state } from './doors.mjs'
import { bulk } from './bulk.mjs'
import * as doorways from './doorways.mjs'
import { operations } from './operations.mjs'
import { source } from './random.mjs'
import * as reads from './reads.mjs'
import { randomSchema } from './schema.mjs'
import { report, shrink } from './shrink.mjs'
import { randomData } from './values.mjs'
import { witness } from './witness.mjs'
import * as writes from './writes.mjs'

const { filter, read, unique, outside, pages, nestedPages, totals, groups, shapes } = reads
const { doors, together, longLists } = doorways
const { createMany, updateMany, deleteMany, upsert, nested, named, atomic } = writes
const all = { filter, read, unique, outside, pages, nestedPages, totals, groups, shapes, doors, together, longLists, createMany, updateMany, deleteMany, upsert, nested, named, atomic, witness }
const wanted = process.env.CHECKS ? process.env.CHECKS.split(',') : Object.keys(all)
const weights = { filter: 8, read: 6, unique: 3, outside: 3, pages: 2, nestedPages: 2, totals: 3, groups: 3, shapes: 3, doors: 1.5, together: 2, longLists: 0.1, createMany: 1, updateMany: 1.5, deleteMany: 1, upsert: 1, nested: 2, named: 1.5, atomic: 1, witness: 2 }

/** The rows are there as they were sent. */
async function stored(base) {
  const got = await state(base), want = firstState(base.world)
  for (const m of base.spec.models) if (got[m.name].join() !== want[m.name].join()) throw new Failure('stored', { model: m.name, got: got[m.name].filter((x) => !want[m.name].includes(x)), want: want[m.name].filter((x) => !got[m.name].includes(x)) })
}

/** A case on a database of its own: null, or what failed. */
export async function runCase(c) {
  let base
  try {
    base = await Base.make(c.spec, c.data)
    await stored(base)
    for (const [i, s] of c.steps.entries()) {
      try { await all[s.check].run(base, s.args) } catch (e) {
        if (i < c.steps.length - 1 && !(e instanceof Failure && e.kind === 'crash')) continue
        throw e
      }
    }
    await base.close()
    base = null
    return null
  } catch (e) {
    if (e instanceof Failure) return e
    if (e instanceof Unfit) return null
    // A case that was cut too far names something that is gone.
    if (e instanceof TypeError) return null
    throw e
  } finally { await base?.close().catch(() => {}) }
}

/** One random database and its checks; null, or {failure, case}. */
async function round(seed, per) {
  const r = source(seed), spec = randomSchema(r), data = randomData(r, spec), steps = []
  let base, failure
  try {
    base = await Base.make(spec, data)
    await stored(base)
    const gen = operations(r, spec, data)
    for (let i = 0; i < per; i++) {
      const name = r.weighed(Object.fromEntries(wanted.map((n) => [n, weights[n]]))), args = all[name].make(r, gen, base)
      if (!args) continue
      steps.push({ check: name, args })
      try { await all[name].run(base, args) } catch (e) { if (!(e instanceof Unfit)) throw e }
      ran[name] = (ran[name] ?? 0) + 1
    }
    await base.close()
    base = null
  } catch (e) {
    if (!(e instanceof Failure)) throw e
    failure = e
  } finally { await base?.close().catch(() => {}) }
  return failure ? { failure, case: { seed, spec, data, steps } } : null
}

const ran = {}
if (process.env.CASE) {
  const c = JSON.parse(fs.readFileSync(process.env.CASE, 'utf8')), failure = await runCase(c)
  console.log(failure ? report(c, failure) : 'this case passes')
  process.exit(failure ? 1 : 0)
}

const first = Number(process.env.SEED ?? 1), rounds = Number(process.env.ROUNDS ?? 30), per = Number(process.env.CHECKS_PER_ROUND ?? 30)
for (let seed = first; seed < first + rounds; seed++) {
  await check(`seed ${seed}`, async () => {
    const bad = await round(seed, per)
    if (!bad) return
    const small = process.env.SHRINK === '0' ? bad : await shrink(bad.case, bad.failure, runCase)
    const file = path.join(tmp, `case-${seed}.json`)
    fs.writeFileSync(file, JSON.stringify(small.case))
    const e = new Error()
    e.stack = report(small.case, small.failure, small.alone === false ? ' (not again when run alone)' : '') + `\n\nagain: SEED=${seed} ROUNDS=1 or CASE=${file}, node tests/e2e/metamorphic/main.mjs`
    throw e
  })
}
await check('every check ran', () => { for (const n of wanted) if (rounds >= 20 && !(ran[n] > 0)) throw new Error(`${n} never ran`) })
console.log(Object.entries(ran).map(([k, v]) => `${k} ${v}`).join(', '))
if (!process.env.CHECKS) await bulk()
await closeAll()
await done()
