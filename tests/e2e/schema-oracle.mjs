// Schemas in thousands, made from a seed, judged by us and by npm's @prisma/prisma-schema-wasm of version 7.10: the same
// verdict and the same datamodel, always; the same messages at the same places and the same layout, in the shares that
// schema-oracle/known.mjs gives with the reasons. SEED and CASES change which schemas and how many; SHOW=N prints the first
// differences, CLASSES=1 counts them by what differs.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { count, done, root } from './lib/harness.mjs'
import { install } from './lib/client.mjs'
import { PROVIDERS, generate, move, mutate, random } from './schema-oracle/generate.mjs'
import { FLOOR, reason } from './schema-oracle/known.mjs'

const dir = path.join(root, 'tests/e2e/schema-oracle'), build = process.env.BUILD ?? path.join(root, 'build')
const program = (name) => process.env[name.toUpperCase()] ?? path.join(build, 'release/tests/unit', name)
const seed = Number(process.env.SEED ?? 1), total = Number(process.env.CASES ?? 4000), show = Number(process.env.SHOW ?? 0)

install(dir)
const require = createRequire(path.join(dir, 'x.js'))
let wasm = require('@prisma/prisma-schema-wasm')

const recorded = fs.readdirSync(path.join(root, 'tests/corpus/schema')).filter((f) => f.endsWith('.ndjson.gz')).sort()
  .flatMap((f) => gunzipSync(fs.readFileSync(path.join(root, 'tests/corpus/schema', f))).toString().split('\n').filter(Boolean).map((l) => JSON.parse(l).files))
const r = random(seed), cases = []
for (let i = 0; i < total; i++) {
  const how = i % 8
  if (how < 4) cases.push(generate(r))
  else if (how === 4) cases.push(move(r.pick(recorded), r.pick(PROVIDERS)))
  else if (how === 5) cases.push(mutate(r, generate(r), r.pick(recorded)))
  else cases.push(mutate(r, move(r.pick(recorded), how === 6 ? 'postgresql' : r.pick(PROVIDERS)), r.pick(recorded)))
}

// The reference's answer, or undefined where it fails itself: a panic leaves its memory unusable, so it is loaded anew.
function ask(files) {
  const list = JSON.stringify(files)
  try {
    const diags = JSON.parse(wasm.lint(list)).map((d) => [d.is_warning ? 'W' : 'E', d.file_name, d.start, d.end, d.text])
    const options = JSON.stringify({ textDocument: { uri: `file:/${files[0][0]}` }, options: { tabSize: 2, insertSpaces: true } })
    const formatted = JSON.parse(wasm.format(list, options))
    const valid = !diags.some((d) => d[0] === 'E')
    return { valid, diags, formatted, datamodel: valid ? JSON.parse(wasm.get_dmmf(JSON.stringify({ prismaSchema: files }))).datamodel : undefined }
  } catch (e) {
    for (const k of Object.keys(require.cache)) if (k.includes('prisma-schema-wasm')) delete require.cache[k]
    wasm = require('@prisma/prisma-schema-wasm')
    return undefined
  }
}

function input(all) {
  return Buffer.concat(all.flatMap((files) => [Buffer.from(`${files.length}\n`), ...files.flatMap(([p, t]) => { const a = Buffer.from(p), b = Buffer.from(t); return [Buffer.from(`${a.length} ${b.length}\n`), a, b] })]))
}
function answers(name, all) {
  const run = spawnSync(program(name), { input: input(all), maxBuffer: 1 << 29 })
  if (run.status !== 0) throw new Error(`${name} ended with ${run.status ?? run.signal}: ${run.error ?? run.stderr}`)
  let at = 0
  const line = () => { const end = run.stdout.indexOf(10, at), s = run.stdout.toString('utf8', at, end); at = end + 1; return s }
  const text = (n) => { const s = run.stdout.toString('utf8', at, at + n); at += n + 1; return s }
  return { line, text }
}
function ours(all) {
  const s = answers('run_schema', all), f = answers('run_format', all)
  return all.map((files) => {
    const [verdict, n] = s.line().split(' ')
    const diags = Array.from({ length: Number(n) }, () => { const [severity, file, start, end, bytes] = s.line().split(' '); return [severity, files[file][0], Number(start), Number(end), s.text(Number(bytes))] })
    const formatted = files.map(([p]) => [p, f.text(Number(f.line()))])
    const json = f.text(Number(f.line()))
    return { valid: verdict === 'valid', diags, formatted, datamodel: json === '' ? undefined : JSON.parse(json) }
  })
}

const key = (d) => JSON.stringify(d)
const shape = (s) => s.replace(/`[^`]*`|"[^"]*"|'[^']*'/g, '`_`').replace(/\d+/g, '9')
const figures = { verdict: 0, messages: 0, layout: 0, datamodel: 0 }, of = { verdict: 0, messages: 0, layout: 0, datamodel: 0 }
const classes = new Map(), excused = new Map()
let panics = 0, shown = 0, failed = 0
function differ(what, files, lines, i) {
  const why = reason(what, files, lines)
  if (why) excused.set(why, (excused.get(why) ?? 0) + 1)
  if (what === 'verdict' || what === 'datamodel') failed++
  for (const l of lines) classes.set(`${what}: ${shape(l[0])}`, (classes.get(`${what}: ${shape(l[0])}`) ?? 0) + 1)
  if (shown++ >= show || (process.env.ONLYSHAPE && !lines.some((l) => `${what}: ${l[0]}`.includes(process.env.ONLYSHAPE)) && shown-- )) return
  console.log(`--- case ${i}: ${what}\n${files.map(([p, t]) => (files.length > 1 ? `==== ${p}\n${t}` : t)).join('')}\n${lines.map((l) => `  ${l.join(' ')}`).join('\n')}`)
}
const mine = ours(cases)
cases.forEach((files, i) => {
  const want = ask(files), got = mine[i]
  if (!want) { panics++; return }
  of.verdict++; of.messages++; of.layout++
  const w = new Set(want.diags.map(key)), g = new Set(got.diags.map(key))
  const part = (d) => JSON.stringify(files.find((f) => f[0] === d[1])?.[1].slice(d[2], d[3]))
  const lines = [...want.diags.filter((d) => !g.has(key(d))).map((d) => [`missing ${d[0]} ${d[4]}`, `${d[2]}-${d[3]}`, part(d)]), ...got.diags.filter((d) => !w.has(key(d))).map((d) => [`extra ${d[0]} ${d[4]}`, `${d[2]}-${d[3]}`, part(d)])]
  if (want.valid === got.valid) figures.verdict++
  else differ('verdict', files, lines, i)
  if (lines.length === 0) figures.messages++
  else if (want.valid === got.valid) differ('messages', files, lines, i)
  if (isDeepStrictEqual(want.formatted, got.formatted)) figures.layout++
  else differ('layout', files, want.formatted.flatMap(([, t], k) => { const a = t.split('\n'), b = got.formatted[k][1].split('\n'); let n = 0; while (a[n] === b[n] && n < a.length) n++; return a.join() === b.join() ? [] : [[`line`, `${n + 1}: wanted ${JSON.stringify(a.slice(n, n + 3))}, got ${JSON.stringify(b.slice(n, n + 3))}`]] }), i)
  if (!want.valid || !got.valid) return
  of.datamodel++
  if (isDeepStrictEqual(want.datamodel, got.datamodel)) figures.datamodel++
  else differ('datamodel', files, [[`differs`, firstDifference(want.datamodel, got.datamodel, '')]], i)
})
function firstDifference(a, b, at) {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return isDeepStrictEqual(a, b) ? '' : `${at}: wanted ${JSON.stringify(a)}, got ${JSON.stringify(b)}`
  for (const k of new Set([...Object.keys(a), ...Object.keys(b)])) { const d = firstDifference(a[k], b[k], `${at}.${k}`); if (d) return d }
  return ''
}
if (process.env.CLASSES) for (const [k, n] of [...classes].sort((a, b) => b[1] - a[1]).slice(0, 120)) console.log(String(n).padStart(6), k)
console.log(`seed ${seed}: ${cases.length} schemas, ${panics} of which the reference itself fails on`)
for (const k of Object.keys(figures)) console.log(`${k}: ${figures[k]} of ${of[k]} equal`)
for (const [k, n] of excused) console.log(`known, ${n} times: ${k}`)
for (const [k, share] of Object.entries(FLOOR)) {
  if (figures[k] >= share * of[k]) continue
  failed += Math.ceil(share * of[k]) - figures[k]
  console.log(`${k}: below ${share * 100} of a hundred`)
}
count(figures.verdict + figures.messages + figures.layout + figures.datamodel, failed)
await done()
