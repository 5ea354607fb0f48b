// Interactive transactions that are left alone, used wrongly, or used after their end, through both protocols.
import assert from 'node:assert/strict'
import net from 'node:net'
import { ask, sleep } from '../lib/harness.mjs'
import { assertError, attack, eventually, jsonRaw, planBody, rawPlan, runRaw, sendRaw, sqlite, templatePlan } from '../lib/raw.mjs'

const NOT_FOUND = "Transaction API error: Transaction not found. Transaction ID is invalid, refers to an old closed transaction Prisma doesn't have information about anymore, or was obtained before disconnecting."
const one = planBody(templatePlan('SELECT 1 AS one'))

/** The two protocols, as the same four calls. */
const doors = (s, sha) => [
  { name: 'plan protocol', status: 409,
    start: (o = {}) => ask(s, { maxWait: 2000, timeout: 5000, ...o }, { path: '/transaction/start' }),
    id: (r) => r.json.id,
    run: (id, sql, args = [], type) => ask(s, planBody(rawPlan(sql, args, type)), { path: `/transaction/${id}/query` }),
    end: (id, how) => ask(s, null, { path: `/transaction/${id}/${how}`, raw: '' }) },
  { name: 'JSON protocol', status: 200,
    start: ({ maxWait = 2000, timeout = 5000, isolationLevel } = {}) => ask(s, { max_wait: maxWait, timeout, isolation_level: isolationLevel }, { path: `/6.19.3/${sha}/transaction/start` }),
    id: (r) => r.json.id,
    run: (id, sql, args = [], type) => jsonRaw(s, sql, args, { action: type === 'execute' ? 'executeRaw' : 'queryRaw', path: `/6.19.3/${sha}/itx/${id}/graphql` }),
    end: (id, how) => ask(s, null, { path: `/6.19.3/${sha}/itx/${id}/${how}`, raw: '' }) },
]

export default async function ({ server: s, db }) {
  const { default: fs } = await import('node:fs')
  const { createHash } = await import('node:crypto')
  const { shopSchema } = await import('../lib/harness.mjs')
  const b64 = Buffer.from(fs.readFileSync(shopSchema)).toString('base64')
  const sha = createHash('sha256').update(b64).digest('hex')
  await fetch(`${s.url}/6.19.3/${sha}/schema`, { method: 'PUT', headers: { authorization: 'Bearer any' }, body: b64 })
  const stock = () => Number(sqlite(db, "SELECT stock FROM Product WHERE sku = 'SKU001'"))

  for (const d of doors(s, sha)) {
    const take = 'UPDATE Product SET stock = stock - 1 WHERE sku = ?'
    await attack(s, `${d.name}: a transaction that is left alone expires, its lock is free, the others proceed`, async () => {
      const before = stock()
      const t = d.id(await d.start({ timeout: 700 }))
      assert.equal((await d.run(t, take, ['SKU001'], 'execute')).status, 200)
      const from = Date.now()
      const w = await runRaw(s, take, ['SKU001'], { type: 'execute' })
      const waited = Date.now() - from
      assert.deepEqual(w.json, { data: 1 }, w.text)
      assert.ok(waited > 250 && waited < 2500, `${waited} ms`)
      assert.equal(stock(), before - 1)
      const e = assertError(await d.run(t, 'SELECT 1'), d.status, 'P2028', /^Transaction API error: (Transaction already closed: )?A query cannot be executed on an expired transaction\. The timeout for this transaction was 700 ms, however \d+ ms passed since the start of the transaction\. Consider increasing the interactive transaction timeout or doing less work in the transaction\.$/)
      if (d.status === 409) assert.ok(e.meta.operation === 'query' && e.meta.timeout === 700 && e.meta.timeTaken >= 700, JSON.stringify(e.meta))
      assertError(await d.end(t, 'commit'), 409, 'P2028', /A commit cannot be executed on an expired transaction\. The timeout for this transaction was 700 ms/)
      assertError(await d.end(t, 'rollback'), 409, 'P2028', /A rollback cannot be executed on an expired transaction/)
    })
    await attack(s, `${d.name}: after the end`, async () => {
      const before = stock()
      let t = d.id(await d.start())
      await d.run(t, take, ['SKU001'], 'execute')
      assert.equal((await d.end(t, 'rollback')).status, 200)
      for (const how of ['commit', 'rollback']) assertError(await d.end(t, how), 409, 'P2028', new RegExp(`^Transaction API error: Transaction already closed: A ${how} cannot be executed on a transaction that was rolled back\\.$`))
      assertError(await d.run(t, 'SELECT 1'), d.status, 'P2028', /^Transaction API error: Transaction already closed: A query cannot be executed on a transaction that was rolled back\.$/)
      assert.equal(stock(), before)
      t = d.id(await d.start())
      await d.run(t, take, ['SKU001'], 'execute')
      assert.equal((await d.end(t, 'commit')).status, 200)
      for (const how of ['commit', 'rollback']) assertError(await d.end(t, how), 409, 'P2028', new RegExp(`^Transaction API error: Transaction already closed: A ${how} cannot be executed on a committed transaction\\.$`))
      assertError(await d.run(t, 'SELECT 1'), d.status, 'P2028', /already closed: A query cannot be executed on a committed transaction\.$/)
      assert.equal(stock(), before - 1)
    })
    await attack(s, `${d.name}: transactions that never were`, async () => {
      for (const id of ['x', '0'.repeat(34), 'f'.repeat(34), '00' + 'g'.repeat(32), '../commit', '%2e%2e', '0'.repeat(3000)]) {
        const r = await d.run(encodeURIComponent(id), 'SELECT 1')
        if (r.status !== 404) assert.equal(assertError(r, d.status, 'P2028').message, NOT_FOUND)
        const c = await d.end(encodeURIComponent(id), 'commit')
        if (c.status !== 404) assert.equal(assertError(c, 409, 'P2028').message, NOT_FOUND)
      }
    })
    await attack(s, `${d.name}: starts that cannot be`, async () => {
      for (const [o, why] of [[{ isolationLevel: 7 }, /Invalid isolation level: 7/], [{ isolationLevel: 'NONSENSE' }, /Invalid isolation level: "?NONSENSE/], [{ isolationLevel: d.status === 409 ? 'SNAPSHOT' : 'Snapshot' }, /Invalid isolation level: SNAPSHOT/i]]) {
        assertError(await d.start(o), d.status === 409 ? 409 : 400, 'P2028', why)
      }
      const holder = d.id(await d.start({ timeout: 3000 }))
      const from = Date.now()
      const late = await d.start({ maxWait: 300 })
      assert.equal(assertError(late, d.status === 409 ? 409 : 400, 'P2028').message, 'Transaction API error: Unable to start a transaction in the given time.')
      assert.ok(Date.now() - from < 1500, `${Date.now() - from} ms`)
      // Reads are not kept out by a writer.
      assert.equal((await runRaw(s, 'SELECT 1')).status, 200)
      assert.equal((await d.end(holder, 'rollback')).status, 200)
    })
    await attack(s, `${d.name}: SQL cannot end the transaction it runs in`, async () => {
      const before = stock()
      const t = d.id(await d.start())
      await d.run(t, take, ['SKU001'], 'execute')
      for (const sql of ['COMMIT', 'ROLLBACK', 'END', 'RELEASE nicol_sp_1', 'BEGIN', 'SELECT 1; COMMIT']) assertError(await d.run(t, sql), d.status === 409 ? 400 : 200, 'P2010')
      assertError(await d.run(t, 'SELECT nonsense'), d.status === 409 ? 400 : 200, 'P2010', /nonsense/)
      assert.equal(stock(), before)
      assert.equal((await d.end(t, 'rollback')).status, 200)
      assert.equal(stock(), before)
    })
    await attack(s, `${d.name}: a constraint that fails does not end the transaction, ROLLBACK in a conflict clause does`, async () => {
      const before = stock()
      const t = d.id(await d.start())
      await d.run(t, take, ['SKU001'], 'execute')
      assertError(await d.run(t, "INSERT INTO Product (sku, name, price) VALUES ('SKU001', 'x', 1)", [], 'execute'), d.status === 409 ? 400 : 200, 'P2010', /UNIQUE/)
      await d.run(t, take, ['SKU001'], 'execute')
      assertError(await d.run(t, "INSERT OR ROLLBACK INTO Product (sku, name, price) VALUES ('SKU001', 'x', 1)", [], 'execute'), d.status === 409 ? 400 : 200, 'P2010', /UNIQUE/)
      // The database has rolled back by itself: nothing may be written outside, nothing may be told as committed.
      const after = await d.run(t, take, ['SKU001'], 'execute')
      const end = await d.end(t, 'commit')
      assertError(after, d.status, 'P2028', /A query cannot be executed on a transaction that was rolled back/)
      assertError(end, 409, 'P2028', /A commit cannot be executed on a transaction that was rolled back/)
      assert.equal(stock(), before)
      const u = d.id(await d.start())
      await d.run(u, take, ['SKU001'], 'execute')
      await d.run(u, "INSERT OR ROLLBACK INTO Product (sku, name, price) VALUES ('SKU001', 'x', 1)", [], 'execute')
      assert.equal((await d.end(u, 'rollback')).status, 200)
      assert.equal(stock(), before)
    })
  }
  await attack(s, 'a client that goes away in a transaction: others wait for its timeout at most', async () => {
    const before = stock()
    const t = await ask(s, { maxWait: 2000, timeout: 1000 }, { path: '/transaction/start' })
    const body = JSON.stringify(planBody(rawPlan('UPDATE Product SET stock = stock - 5 WHERE sku = ?', ['SKU001'], 'execute')))
    await sendRaw(s, `POST /transaction/${t.json.id}/query HTTP/1.1\r\nHost: ${s.host}\r\nAuthorization: Bearer any\r\nContent-Length: ${body.length}\r\n\r\n${body}`, { wait: 100 })
    const from = Date.now()
    const w = await runRaw(s, 'UPDATE Product SET stock = stock - 1 WHERE sku = ?', ['SKU001'], { type: 'execute' })
    assert.deepEqual(w.json, { data: 1 })
    assert.ok(Date.now() - from < 2500)
    assert.equal(stock(), before - 1)
  })
  await attack(s, 'a client that goes away before its start is answered leaves no transaction', async () => {
    const t = await ask(s, { maxWait: 2000, timeout: 1500 }, { path: '/transaction/start' })
    const gone = []
    for (let i = 0; i < 20; i++) {
      gone.push(new Promise((resolve) => {
        const c = net.connect(Number(s.host.split(':')[1]), '127.0.0.1', () => {
          const body = '{"maxWait":20000,"timeout":60000}'
          c.write(`POST /transaction/start HTTP/1.1\r\nHost: ${s.host}\r\nAuthorization: Bearer any\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
          setTimeout(() => { c.destroy(); resolve() }, 200)
        })
      }))
    }
    await Promise.all(gone)
    const from = Date.now()
    const w = await runRaw(s, 'UPDATE Product SET stock = stock WHERE sku = ?', ['SKU001'], { type: 'execute' })
    assert.equal(w.status, 200, w.text)
    assert.ok(Date.now() - from < 5000, `${Date.now() - from} ms`)
    await ask(s, null, { path: `/transaction/${t.json.id}/rollback`, raw: '' })
    await eventually(async () => (await fetch(`${s.url}/status.json`, { headers: { authorization: 'Bearer any' } }).then((r) => r.json())).tx_open === 0, 'no transaction is open')
  })
  await attack(s, 'nested transactions: savepoints to their limit', async () => {
    const t = (await ask(s, { maxWait: 2000, timeout: 5000 }, { path: '/transaction/start' })).json.id
    let depth = 0, r
    for (; depth < 1000; depth++) {
      r = await ask(s, { newTxId: t, maxWait: 2000, timeout: 5000 }, { path: '/transaction/start' })
      if (r.status !== 200) break
      assert.equal(r.json.id, t)
    }
    assertError(r, 413, 'P6000', /nested deeper than \d+/)
    for (let i = 0; i < depth; i++) assert.equal((await ask(s, null, { path: `/transaction/${t}/${i % 2 ? 'commit' : 'rollback'}`, raw: '' })).status, 200)
    assert.equal((await ask(s, one, { path: `/transaction/${t}/query` })).status, 200)
    assert.equal((await ask(s, null, { path: `/transaction/${t}/commit`, raw: '' })).status, 200)
    assertError(await ask(s, { newTxId: 'nobody' }, { path: '/transaction/start' }), 409, 'P2028', /not found/)
  })
  await attack(s, 'a batch in a transaction that the database rolls back: what follows is not done on its own', async () => {
    const before = stock()
    const t = (await ask(s, { max_wait: 2000, timeout: 5000 }, { path: `/6.19.3/${sha}/transaction/start` })).json.id
    const raw = (query) => ({ action: 'executeRaw', query: { arguments: { query, parameters: '[]' }, selection: {} } })
    const r = await ask(s, { batch: [
      raw("UPDATE Product SET stock = stock - 1 WHERE sku = 'SKU001'"),
      raw("INSERT OR ROLLBACK INTO Product (sku, name, price) VALUES ('SKU001', 'x', 1)"),
      raw("UPDATE Product SET stock = stock - 1 WHERE sku = 'SKU001'"),
    ] }, { path: `/6.19.3/${sha}/itx/${t}/graphql` })
    assert.deepEqual(r.json.batchResult.map((b) => b.errors?.[0].user_facing_error.error_code), [undefined, 'P2010', 'P2028'], r.text)
    assertError(await ask(s, null, { path: `/6.19.3/${sha}/itx/${t}/commit`, raw: '' }), 409, 'P2028', /rolled back/)
    assert.equal(stock(), before)
  })
  await attack(s, 'many queries on one transaction at once: in order, none lost', async () => {
    const before = stock()
    const t = (await ask(s, { maxWait: 2000, timeout: 10000 }, { path: '/transaction/start' })).json.id
    const run = () => ask(s, planBody(rawPlan('UPDATE Product SET stock = stock + 1 WHERE sku = ?', ['SKU001'], 'execute')), { path: `/transaction/${t}/query` })
    const all = await Promise.all([...Array.from({ length: 100 }, run), sleep(1).then(() => 0)])
    assert.ok(all.slice(0, 100).every((r) => r.status === 200))
    const ends = await Promise.all(Array.from({ length: 5 }, () => ask(s, null, { path: `/transaction/${t}/commit`, raw: '' })))
    assert.equal(ends.filter((r) => r.status === 200).length, 1)
    for (const r of ends.filter((e) => e.status !== 200)) assertError(r, 409, 'P2028', /committed transaction/)
    assert.equal(stock(), before + 100)
  })
}
