// Judges the lines of run_ops: node compare_ops.mjs RULES.mjs [-v] < lines. RULES.mjs is the corpus's compare.mjs.
import { createInterface } from 'node:readline'
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
const verbose = process.argv.includes('-v')
const { diffStep } = await import(resolve(process.argv[2]))
const files = new Map(), totals = new Map()
const stepsOf = (f) => {
  if (!files.has(f)) files.set(f, new Map(JSON.parse(readFileSync(f, 'utf8')).steps.map((s) => [s.id, s])))
  return files.get(f)
}
const entry = (x) => {
  if (!x) return { error: { error_code: '?', message: 'no answer' } }
  if (x.failed) return { error: x.failed }
  if (x.errors?.length) {
    const e = x.errors[0]
    return { error: e.user_facing_error ?? { error_code: '?', message: e.error } }
  }
  return { data: x.data && Object.values(x.data)[0] }
}
const raw = (q, e) => e
const answer = (step, x) => {
  if (x?.batchResult) return { batch: x.batchResult.map((y) => entry(y)) }
  const e = entry(x)
  return step.itx ? e : raw(step.request, e)
}
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let o
  try { o = JSON.parse(line) } catch (e) { console.log('unreadable line:', line.slice(0, 200)); continue }
  const step = stepsOf(o.file).get(o.id), name = basename(o.file, '.json')
  const t = totals.get(name) ?? totals.set(name, { pass: 0, all: 0 }).get(name)
  t.all++
  let d
  try { d = diffStep(step, answer(step, o.answer)) } catch (e) { d = 'compare: ' + e.message }
  if (d === null) t.pass++
  else if (verbose) console.log(`${name} #${o.id} ${step.cat}: ${d}\n    ${JSON.stringify(step.request ?? step.batch ?? step.itx).slice(0, 600)}`)
}
let pass = 0, all = 0
for (const [name, t] of [...totals].sort()) {
  if (t.pass < t.all || verbose) console.log(`${name}: ${t.pass} of ${t.all}`)
  pass += t.pass
  all += t.all
}
console.log(`${pass} passed, ${all - pass} failed`)
