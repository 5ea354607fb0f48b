// Validating, describing and formatting a generated schema of 1,000 models with 20 fields and relations, as ratios to npm's
// @prisma/prisma-schema-wasm of version 7.10, in alternating rounds. Each side is measured inside of its process, at its best of
// several runs of a round, so that starting up counts for neither.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { install } from '../tests/e2e/lib/client.mjs'

const here = path.dirname(fileURLToPath(import.meta.url)), dir = path.join(here, 'schema')
const program = path.join(process.env.BUILD ?? path.join(here, '../build'), 'release/bench/bench_schema')
const must = (r) => { if (r.status !== 0) { console.error(r.stderr?.toString() || r.error); process.exit(1) } return r.stdout }
const rounds = 5, runs = 5

install(dir)
const wasm = createRequire(path.join(dir, 'x.js'))('@prisma/prisma-schema-wasm')
const text = must(spawnSync(program, ['1000', '20', 'text'], { maxBuffer: 1 << 28 })).toString()
const files = JSON.stringify([['schema.prisma', text]]), input = JSON.stringify({ prismaSchema: [['schema.prisma', text]] })
const options = JSON.stringify({ textDocument: { uri: 'file:/schema.prisma' }, options: { tabSize: 2, insertSpaces: true } })
const theirs = { validate: () => wasm.validate(input), describe: () => wasm.get_dmmf(input), format: () => wasm.format(files, options) }

// The same work is done: the same datamodel and the same text come out.
const nicol = process.env.NICOL
if (nicol) {
  const ours = (args) => must(spawnSync(nicol, [...args, '--schema', '-'], { input: text, maxBuffer: 1 << 28 })).toString()
  if (!isDeepStrictEqual(JSON.parse(ours(['describe'])), JSON.parse(theirs.describe()).datamodel)) { console.error('the datamodels differ'); process.exit(1) }
  if (ours(['format']) !== JSON.parse(theirs.format())[0][1]) { console.error('the formatted texts differ'); process.exit(1) }
}

function measureOurs() {
  const out = must(spawnSync(program, ['1000', '20'], { maxBuffer: 1 << 28 })).toString()
  const ms = (what) => Number(out.match(new RegExp(`^${what} +([\\d.]+) ms`, 'm'))[1])
  return { validate: ms('validate'), describe: ms('validate') + ms('describe'), format: ms('format') }
}
function best(fn) {
  let least = Infinity
  for (let i = 0; i < runs; i++) { const t = process.hrtime.bigint(); fn(); least = Math.min(least, Number(process.hrtime.bigint() - t) / 1e6) }
  return least
}
const median = (v) => [...v].sort((a, b) => a - b)[v.length >> 1]
const got = { validate: [], describe: [], format: [] }
for (const f of Object.values(theirs)) f()
for (let i = 0; i < rounds; i++) {
  const ours = measureOurs()
  for (const k of Object.keys(got)) got[k].push({ ours: ours[k], theirs: best(theirs[k]) })
}
for (const [k, v] of Object.entries(got)) {
  const ratio = v.map((x) => x.theirs / x.ours)
  console.log(`${k} ${text.length} bytes: ${median(v.map((x) => x.ours)).toFixed(1)} ms, prisma-schema-wasm ${median(v.map((x) => x.theirs)).toFixed(1)} ms`)
  console.log(`RATIO ${k} a schema of 1,000 models, speed to prisma-schema-wasm: ${median(ratio).toFixed(1)} (least ${Math.min(...ratio).toFixed(1)}, most ${Math.max(...ratio).toFixed(1)}; to be at least 10)`)
}
