// A full disk: a small file system of its own as root, else a limit on the size of files. Every write that was refused
// is gone as a whole, every one that was acknowledged is there, and it goes on once there is room.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, op, serve, shop, shopSchema, tmp } from '../lib/harness.mjs'
import { assertError, assertServing, errorOf, jsonRaw, planBody, rawPlan, runRaw, sqlite } from '../lib/raw.mjs'

const pad = 'x'.repeat(3000)
const user = (n) => ({ email: `full-${n}@example.com`, name: pad })
const rows = (from, n) => Array.from({ length: n }, (_, i) => user(from + i))

/** Writes of every kind until `enough` were refused; returns the emails that were acknowledged. */
async function fill(s, name) {
  const kept = new Set()
  const codes = {}
  let n = 0, refused = 0
  const note = (r, emails) => {
    const bad = r.status !== 200 || r.json.errors
    if (bad) {
      const e = errorOf(r)
      assert.match(String(e.code), /^P(2039|2010|2028)$/, r.text.slice(0, 300))
      assert.match(e.message, /full|SQLITE_IOERR|rolled back/, r.text.slice(0, 300))
      codes[e.code] = (codes[e.code] ?? 0) + 1
      refused++
    } else for (const x of emails) kept.add(x)
  }
  for (let round = 0; round < 400 && refused < 24; round++) {
    const a = user(`${name}-${n++}`)
    note(await ask(s, op('User', 'createOne', { data: a }, { id: true })), [a.email])
    const b = user(`${name}-${n++}`)
    note(await runRaw(s, "INSERT INTO User (id, email, name) VALUES (?, ?, ?)", [b.email, b.email, pad], { type: 'execute' }), [b.email])
    const many = rows(`${name}-m${n++}-`, 20)
    note(await ask(s, { modelName: 'User', action: 'createMany', query: { arguments: { data: many }, selection: { count: true } } }), many.map((u) => u.email))
    const pair = [user(`${name}-p${n}a`), user(`${name}-p${n++}b`)]
    note(await ask(s, { batch: pair.map((data) => op('User', 'createOne', { data }, { id: true })), transaction: {} }), pair.map((u) => u.email))
    // An interactive transaction that goes on after its first refusal.
    const t = await ask(s, { maxWait: 2000, timeout: 5000 }, { path: '/transaction/start' })
    if (t.status !== 200) { note(t, []); continue }
    const mine = []
    let bad = false
    for (let i = 0; i < 5; i++) {
      const e = `full-${name}-t${n++}@example.com`
      const r = await ask(s, planBody(rawPlan('INSERT INTO User (id, email, name) VALUES (?, ?, ?)', [e, e, pad.repeat(4)], 'execute')), { path: `/transaction/${t.json.id}/query` })
      if (r.status === 200) mine.push(e)
      else bad = true
    }
    const c = await ask(s, null, { path: `/transaction/${t.json.id}/commit`, raw: '' })
    if (c.status === 200) { for (const e of mine) kept.add(e) } else { assert.ok(bad || /full|IOERR|rolled back/.test(c.text), c.text); note(c, []) }
  }
  assert.ok(refused >= 24, `the disk never was full: ${n} writes`)
  console.log(`# ${kept.size} rows acknowledged, refused: ${JSON.stringify(codes)}`)
  return kept
}
function compare(file, kept) {
  const there = new Set(sqlite(file, "SELECT email FROM User WHERE email LIKE 'full-%'").split('\n').filter(Boolean))
  const lost = [...kept].filter((e) => !there.has(e)), extra = [...there].filter((e) => !kept.has(e))
  assert.deepEqual({ lost: lost.slice(0, 5), extra: extra.slice(0, 5) }, { lost: [], extra: [] })
  assert.equal(sqlite(file, 'PRAGMA integrity_check'), 'ok')
}

export default async function () {
  const dir = path.join(tmp, 'small-disk')
  fs.mkdirSync(dir, { recursive: true })
  const mounted = process.getuid() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', dir]).status === 0
  if (mounted) {
    try {
      await check('a full disk: refused writes are gone as a whole, and it goes on once there is room', async () => {
        const ballast = path.join(dir, 'ballast')
        fs.copyFileSync(shop('disk.db'), path.join(dir, 'disk.db'))
        const file = path.join(dir, 'disk.db')
        fs.writeFileSync(ballast, Buffer.alloc(5 << 20))
        const s = await serve(['--schema', shopSchema, '--url', `file:${file}`])
        const kept = await fill(s, 'a')
        await assertServing(s)
        assert.equal((await fetch(`${s.url}/ready`)).status, 200)
        const e = assertError(await ask(s, op('User', 'createOne', { data: { email: 'full-last@example.com', name: pad.repeat(400) } }, { id: true })), 200, 'P2039', /full/, /free space/)
        assert.ok(e)
        fs.rmSync(ballast)
        const again = await ask(s, op('User', 'createOne', { data: user('room') }, { id: true }))
        assert.ok(again.json.data, again.text)
        kept.add(user('room').email)
        const gone = await jsonRaw(s, 'UPDATE User SET name = NULL WHERE email = ?', [user('room').email], { action: 'executeRaw' })
        assert.ok(gone.json.data, gone.text)
        assert.deepEqual(await s.stop(), { code: 0, signal: null })
        compare(file, kept)
      })
    } finally { spawnSync('umount', ['-l', dir]) }
  } else console.log('# no file system of its own: not root')
  await check('a file at its size limit: refused writes are gone as a whole', async () => {
    const file = shop('limit.db')
    const blocks = Math.ceil(fs.statSync(file).size / 512) + 4000
    const s = await serve(['--schema', shopSchema, '--url', `file:${file}`], { prefix: ['sh', '-c', `ulimit -f ${blocks}; exec "$@"`, 'sh'] })
    const kept = await fill(s, 'b')
    await assertServing(s)
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
    compare(file, kept)
  })
}
