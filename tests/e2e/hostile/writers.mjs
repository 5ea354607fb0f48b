// Another program that holds SQLite's write lock.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { ask, op } from '../lib/harness.mjs'
import { assertError, attack, runRaw, sqlite } from '../lib/raw.mjs'

/** sqlite3 in a process of its own that holds the lock until release(). */
async function hold(db) {
  const p = spawn('sqlite3', ['-batch', db], { stdio: ['pipe', 'pipe', 'inherit'] })
  p.stdin.write("BEGIN IMMEDIATE; UPDATE Product SET stock = stock + 1000 WHERE sku = 'SKU003'; SELECT 'held';\n")
  await new Promise((resolve) => p.stdout.on('data', (d) => { if (String(d).includes('held')) resolve() }))
  return (how = 'COMMIT') => new Promise((resolve) => { p.on('exit', resolve); p.stdin.end(`${how};\n`) })
}

export default async function ({ server: s, db }) {
  const stock = () => Number(sqlite(db, "SELECT stock FROM Product WHERE sku = 'SKU003'"))
  const bump = 'UPDATE Product SET stock = stock + 1 WHERE sku = ?'
  const plan = () => runRaw(s, bump, ['SKU003'], { type: 'execute' })
  const json = () => ask(s, op('Product', 'updateOne', { where: { sku: 'SKU003' }, data: { stock: { increment: 1 } } }, { stock: true }))
  await attack(s, 'another program holds the write lock for a second: writers wait their turn, readers go on', async () => {
    const before = stock()
    const release = await hold(db)
    const from = Date.now()
    const writers = [plan(), json(), plan(), json(), ask(s, { maxWait: 4000, timeout: 4000 }, { path: '/transaction/start' })]
    let reads = 0
    while (Date.now() - from < 1000) {
      const r = await runRaw(s, 'SELECT stock FROM Product WHERE sku = ?', ['SKU003'])
      assert.deepEqual(r.json.data.rows, [[before]])
      reads++
    }
    await release()
    const [a, b, c, d, t] = await Promise.all(writers)
    console.log(`# the last writer had waited ${Date.now() - from} ms; ${reads} reads meanwhile`)
    for (const r of [a, c]) assert.deepEqual(r.json, { data: 1 }, r.text)
    for (const r of [b, d]) assert.ok(r.json.data, r.text)
    assert.equal(t.status, 200, t.text)
    assert.equal((await ask(s, null, { path: `/transaction/${t.json.id}/commit`, raw: '' })).status, 200)
    assert.ok(reads > 10, `${reads} reads`)
    assert.equal(stock(), before + 1004)
  })
  await attack(s, 'another program holds the write lock for too long: a clear error, and it works again after', async () => {
    const before = stock()
    const release = await hold(db)
    const from = Date.now()
    const [a, b, t] = await Promise.all([plan(), json(), ask(s, { maxWait: 500, timeout: 1000 }, { path: '/transaction/start' })])
    const took = Date.now() - from
    assertError(a, 400, 'P2010', /SQLITE_BUSY/, /another program/)
    assertError(b, 200, 'P1008', /timed out/i)
    assertError(t, 409, 'P2028', /Unable to start a transaction in the given time/)
    assert.ok(took > 3000 && took < 20000, `${took} ms`)
    assert.equal((await runRaw(s, 'SELECT 1')).status, 200)
    await release('ROLLBACK')
    assert.deepEqual((await plan()).json, { data: 1 })
    assert.equal(stock(), before + 1)
  })
  await attack(s, 'another program that goes away without a word frees the lock', async () => {
    const before = stock()
    const p = spawn('sqlite3', ['-batch', db], { stdio: ['pipe', 'pipe', 'inherit'] })
    p.stdin.write("BEGIN IMMEDIATE; UPDATE Product SET stock = 0 WHERE sku = 'SKU003'; SELECT 'held';\n")
    await new Promise((resolve) => p.stdout.on('data', resolve))
    const w = plan()
    setTimeout(() => p.kill('SIGKILL'), 300)
    assert.deepEqual((await w).json, { data: 1 })
    assert.equal(stock(), before + 1)
  })
  await attack(s, 'another program changes the schema under prepared statements', async () => {
    const find = () => ask(s, op('Product', 'findFirst', { where: { sku: 'SKU003' } }, { sku: true, stock: true }))
    assert.ok((await find()).json.data.findFirstProduct)
    sqlite(db, 'ALTER TABLE Product ADD COLUMN extra TEXT DEFAULT 7')
    assert.ok((await find()).json.data.findFirstProduct)
    sqlite(db, 'ALTER TABLE Product RENAME COLUMN stock TO stock2')
    assertError(await find(), 200, 'P2022', /stock/)
    assertError(await json(), 200, 'P2022', /stock/)
    sqlite(db, 'ALTER TABLE Product RENAME COLUMN stock2 TO stock')
    sqlite(db, 'ALTER TABLE Product DROP COLUMN extra')
    assert.ok((await find()).json.data.findFirstProduct)
    sqlite(db, 'ALTER TABLE "Order" RENAME TO "Order2"')
    assertError(await ask(s, op('Order', 'findFirst')), 200, 'P2021', /Order/)
    sqlite(db, 'ALTER TABLE "Order2" RENAME TO "Order"')
    assert.ok((await ask(s, op('Order', 'findFirst'))).json.data.findFirstOrder)
    assert.ok((await json()).json.data)
  })
}
