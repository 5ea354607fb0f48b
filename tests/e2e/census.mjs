// Runs every recorded plan through the server, each on a fresh database, and compares the answer and the state of every
// table afterwards with what the real runtime gave in process (census/expected.json, made by census/record.mjs).
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { ask, check, done, root, run, serve, tmp } from './lib/harness.mjs'

const here = path.join(root, 'tests/e2e/census')
const ops = zlib.gunzipSync(fs.readFileSync(path.join(root, 'tests/corpus/census/plans-7.10.0-sqlite.jsonl.gz'))).toString().trim().split('\n').map((l) => JSON.parse(l))
const expected = JSON.parse(fs.readFileSync(path.join(here, 'expected.json'), 'utf8'))
assert.equal(ops.length, expected.length)

const kinds = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, DateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$/, ulid: /^[0-9A-HJKMNP-TV-Z]{26}$/,
  cuid: /^c[a-z0-9]{24}$/, cuid2: /^[a-z][a-z0-9]{23}$/, nanoid: /^[A-Za-z0-9_-]{10}$/,
}
function same(want, got, at) {
  if (want && typeof want === 'object' && '$any' in want) return assert.match(String(got), kinds[want.$any], at)
  if (want && typeof want === 'object') {
    assert.ok(got && typeof got === 'object' && Array.isArray(got) === Array.isArray(want), `${at}: expected ${JSON.stringify(want)}, got ${JSON.stringify(got)}`)
    assert.deepEqual(Object.keys(got), Object.keys(want), at)
    for (const k of Object.keys(want)) same(want[k], got[k], `${at}.${k}`)
  } else assert.equal(got, want, at)
}
function state(file, want) {
  const out = {}
  for (const t of Object.keys(want)) {
    const r = spawnSync('sqlite3', ['-json', file, `SELECT * FROM "${t}" ORDER BY rowid`], { encoding: 'utf8' })
    if (r.status !== 0) throw new Error(r.stderr)
    // Integers as text, as they were recorded: some are wider than a double.
    const text = r.stdout.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (t) => /^-?\d+$/.test(t) ? `"${t}"` : t)
    out[t] = text.trim() === '' ? [] : JSON.parse(text).map((row) => Object.values(row))
  }
  return out
}

const base = path.join(tmp, 'base.db')
const made = run(['db', 'execute', '--create', '--url', `file:${base}`, '--file', path.join(here, 'data.sql')])
assert.equal(made.status, 0, made.stderr)
for (const [i, op] of ops.entries()) {
  const want = expected[i]
  await check(`${op.op} ${op.operation} ${op.model ?? ''}`, async () => {
    const file = path.join(tmp, `${i}.db`)
    fs.copyFileSync(base, file)
    const s = await serve(['--url', `file:${file}`, '--log-level', 'error'])
    const r = await ask(s, null, { path: '/query', raw: JSON.stringify({ model: op.model, operation: op.operation, plan: op.plan, params: op.params }) })
    const again = want.error ? await ask(s, null, { path: '/query', raw: JSON.stringify({ model: op.model, operation: op.operation, plan: op.plan, params: op.params }) }) : null
    await s.stop()
    if (want.error) {
      assert.ok(r.status >= 400, r.text)
      // Without a code it is a TypeError or RangeError of the reference's own JavaScript (here: more values than placeholders).
      if (want.error.code !== null) same({ code: want.error.code, error: want.error.message, meta: want.error.meta }, r.json, 'error')
      assert.equal(again.text, r.text)
    } else {
      assert.equal(r.status, 200, r.text)
      same(want.data ?? null, r.json.data ?? null, 'data')
    }
    same(want.state, state(file, want.state), 'state')
  })
}
await done()
