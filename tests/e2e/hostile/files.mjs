// Database files that are missing, not files, not writable, not databases, damaged, or gone while the server runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, op, run, serve, shop, shopSchema, tmp } from '../lib/harness.mjs'
import { assertError, assertServing, eventually, runRaw, sqlite } from '../lib/raw.mjs'

const start = (url, more = [], opts) => run(['serve', '--schema', shopSchema, '--url', url, '--listen', '127.0.0.1:0', '--state', path.join(tmp, 'files-state'), ...more], opts)
const find = (s) => ask(s, op('User', 'findFirst', {}, { id: true }))
const write = (s) => ask(s, op('User', 'createOne', { data: { email: `w-${process.hrtime.bigint()}@example.com` } }, { id: true }))

export default async function ({ db }) {
  const at = (name) => path.join(tmp, name)
  fs.mkdirSync(at('folder.db'), { recursive: true })
  fs.writeFileSync(at('text.db'), 'This is not a database. '.repeat(1000))
  fs.writeFileSync(at('short.db'), 'x'.repeat(600))
  for (const [name, url, code, why] of [
    ['is missing', `file:${at('missing.db')}`, 'P1003', /missing\.db does not exist/],
    ['is in a folder that is missing', `file:${at('no/such/folder.db')}`, 'P1003', /folder\.db does not exist/],
    ['is a folder', `file:${at('folder.db')}`, 'P1001', /folder\.db is a folder/],
    ['is text', `file:${at('text.db')}`, '', /text\.db.*not an SQLite database: check the path/],
    ['is cut off', `file:${at('short.db')}`, '', /short\.db/],
    ['has no path', 'file:', '', /path/], ['has no path but a query', 'file:?mode=memory', '', /path/],
    ['is of a kind that is not served', 'mongodb://localhost/x', '', /file:/],
  ]) {
    await check(`a database file that ${name}: does not start, and says why`, () => {
      const r = start(url)
      assert.ok(r.status === 1 || r.status === 2, `${r.status} ${r.stderr}`)
      assert.match(r.stderr, why)
      if (code) assert.match(r.stderr, new RegExp(code))
      assert.equal(r.stdout, '')
    })
  }
  await check('--create in a folder that is missing', () => {
    const r = start(`file:${at('no/such/new.db')}`, ['--create'])
    assert.equal(r.status, 1)
    assert.match(r.stderr, /new\.db cannot be made: its folder/)
  })
  await check('a database that may not be written', () => {
    const file = shop('readonly.db')
    sqlite(file, 'PRAGMA journal_mode=DELETE')
    fs.chmodSync(file, 0o444)
    // root may write everything: such a run is made as nobody.
    const as = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}
    fs.chmodSync(tmp, 0o755)
    const r = spawnSync(process.env.NICOL, ['serve', '--url', `file:${file}`, '--listen', '127.0.0.1:0', '--state', at('none')], { ...as, encoding: 'utf8', timeout: 10000 })
    assert.equal(r.status, 1, `${r.status} ${r.stderr}`)
    assert.match(r.stderr, /readonly\.db is not writable.*permissions/)
    fs.chmodSync(file, 0o644)
  })
  await check('damaged pages: clear errors, and the rest is served', async () => {
    const file = shop('damaged.db')
    sqlite(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
    const root = Number(sqlite(file, "SELECT rootpage FROM sqlite_master WHERE name = 'Product'")), size = Number(sqlite(file, 'PRAGMA page_size'))
    const fd = fs.openSync(file, 'r+')
    fs.writeSync(fd, Buffer.alloc(size, 0xa5), 0, size, (root - 1) * size)
    fs.closeSync(fd)
    const s = await serve(['--schema', shopSchema, '--url', `file:${file}`])
    assertError(await ask(s, op('Product', 'findMany')), 200, 'P2039', /SQLITE_CORRUPT/, /malformed/)
    assertError(await runRaw(s, 'SELECT * FROM Product'), 400, 'P2010', /SQLITE_CORRUPT/, /malformed/)
    assertError(await ask(s, op('Product', 'updateMany', { data: { stock: 1 } }, { count: true })), 200, 'P2039', /SQLITE_CORRUPT/)
    await assertServing(s)
    assert.ok((await write(s)).json.data)
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
  await check('a file that is cut short while the server runs', async () => {
    const file = shop('cut.db')
    const s = await serve(['--schema', shopSchema, '--url', `file:${file}`])
    assert.ok((await find(s)).json.data)
    sqlite(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
    fs.truncateSync(file, 5000)
    for (let i = 0; i < 5; i++) {
      for (const r of [await ask(s, op('Order', 'findMany', { take: 100 })), await write(s), await runRaw(s, 'SELECT * FROM Product')]) {
        assert.ok(r.status === 200 || r.status === 400, r.text)
      }
    }
    assert.equal((await fetch(`${s.url}/health`)).status, 200)
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
  await check('a file that is deleted while the server runs, and comes back', async () => {
    const file = shop('deleted.db')
    const kept = `${file}.kept`
    const s = await serve(['--schema', shopSchema, '--url', `file:${file}`])
    assert.ok((await find(s)).json.data && (await write(s)).json.data)
    sqlite(file, 'PRAGMA wal_checkpoint(TRUNCATE)')
    fs.copyFileSync(file, kept)
    for (const x of ['', '-wal', '-shm']) fs.rmSync(file + x, { force: true })
    // What was open may still read for a moment; soon everything says that the file is not there, and nothing makes a new one.
    await eventually(async () => { const r = await find(s); return r.json.errors && /deleted\.db does not exist/.test(r.text) }, 'reads say that the file is missing', 5000)
    const w = await eventually(async () => { const r = await write(s); return r.json.errors && r }, 'writes are refused', 5000)
    assertError(w, 200, 'P1003', /deleted\.db does not exist/)
    assert.ok(!fs.existsSync(file))
    assert.equal((await fetch(`${s.url}/ready`)).status, 503)
    assert.equal((await fetch(`${s.url}/health`)).status, 200)
    fs.copyFileSync(kept, file)
    await eventually(async () => (await find(s)).json.data, 'reads work again', 5000)
    assert.ok((await write(s)).json.data)
    assert.equal((await fetch(`${s.url}/ready`)).status, 200)
    assert.equal(sqlite(file, "SELECT count(*) FROM User WHERE email LIKE 'w-%'"), '2')
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
}
