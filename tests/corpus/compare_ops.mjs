// Runs run_ops on scenarios and judges its lines: node compare_ops.mjs PROGRAM KNOWN.json [-v] scenario.json...
// KNOWN.json names the steps that differ for a known reason; one that agrees although it stands there is a failure too.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { diffStep } from './tools/compare.mjs'

const args = process.argv.slice(2).filter((a) => a !== '-v'), verbose = process.argv.includes('-v')
const [program, knownFile, ...files] = args
const known = JSON.parse(readFileSync(knownFile, 'utf8'))

const entry = (x) => {
  if (!x) return { error: { error_code: '?', message: 'no answer' } }
  if (x.failed) return { error: x.failed }
  if (x.errors?.length) return { error: x.errors[0].user_facing_error ?? { error_code: '?', message: x.errors[0].error } }
  return { data: x.data && Object.values(x.data)[0] }
}
const answer = (x) => (x?.batchResult ? { batch: x.batchResult.map(entry) } : entry(x))

let passed = 0, failed = 0
const fail = (text) => { failed++; console.log(text) }
for (const file of files) {
  const name = basename(file, '.json'), steps = JSON.parse(readFileSync(file, 'utf8')).steps
  const r = spawnSync(program, [file], { encoding: 'utf8', maxBuffer: 1 << 30 })
  if (r.status !== 0) fail(`${name}: the program ended with ${r.status ?? r.signal}\n${r.stderr.slice(0, 4000)}`)
  const lines = new Map(r.stdout.split('\n').filter(Boolean).map((l) => { const o = JSON.parse(l); return [o.id, o.answer] }))
  for (const step of steps) {
    const key = `${name}#${step.id}`, d = lines.has(step.id) ? diffStep(step, answer(lines.get(step.id))) : 'no answer'
    if ((d === null) !== (key in known)) passed++
    else fail(`${key} ${step.cat}: ${d ?? 'stands among the known differences, but agrees'}`)
    if (d !== null && verbose) console.log(`    ${JSON.stringify(step.request ?? step.batch ?? step.itx).slice(0, 600)}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
