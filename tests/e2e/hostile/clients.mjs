// Clients that do not read, go away, or ask for endless work; and the end of the server while requests run.
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { ask, op, serve, shopSchema, sleep } from '../lib/harness.mjs'
import { answered, assertServing, attack, auth, cpu, eventually, jsonRaw, look, planBody, rawPlan, requestText, runRaw, sendRaw, sqlite } from '../lib/raw.mjs'

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n'
const slow = (n) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${n}) SELECT count(*) AS c FROM n`
const big = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400) SELECT i, hex(zeroblob(50000)) AS x FROM n"
const post = (s, path, body) => requestText(s, 'POST', path, { headers: auth, body: JSON.stringify(body) })
const open = (s, bytes) => new Promise((resolve, reject) => {
  const c = net.connect(Number(s.host.split(':')[1]), '127.0.0.1', () => { c.write(bytes); resolve(c) })
  c.on('error', reject)
})
const figures = (s) => fetch(`${s.url}/status.json`, { headers: { authorization: 'Bearer any' } }).then((r) => r.json())
async function worst(s, during) {
  let most = 0, on = true
  const watch = (async () => { while (on) { const from = Date.now(); await fetch(`${s.url}/health`); most = Math.max(most, Date.now() - from); await sleep(5) } })()
  try { await during() } finally { on = false }
  await watch
  return most
}

export default async function ({ server: s, db }) {
  await attack(s, 'clients that do not read a large answer hold up nobody', async () => {
    const before = look(s.pid)
    const stopped = []
    for (let i = 0; i < 20; i++) {
      const c = await open(s, post(s, '/query', planBody(rawPlan(big))))
      c.pause()
      stopped.push(c)
    }
    await sleep(1000)
    const from = Date.now()
    for (let i = 0; i < 50; i++) await assertServing(s)
    const per = (Date.now() - from) / 50
    const w = await runRaw(s, 'UPDATE Product SET stock = stock', [], { type: 'execute' })
    assert.equal(w.status, 200, w.text)
    console.log(`# 20 clients do not read 40 MB each: ${per.toFixed(1)} ms for two queries, RSS ${((look(s.pid).rss - before.rss) / 1e6).toFixed(0)} MB more`)
    assert.ok(per < 1000, `${per} ms`)
    for (const c of stopped) c.destroy()
    await eventually(async () => (await figures(s)).busy <= 1, 'their requests end')
  })
  await attack(s, 'a client that does not read is dropped at the end of a drain', async () => {
    const t = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--drain-ms', '1000'])
    const c = await open(t, post(t, '/query', planBody(rawPlan(big))))
    c.pause()
    await sleep(700)
    const from = Date.now()
    assert.deepEqual(await t.stop(), { code: 0, signal: null })
    assert.ok(Date.now() - from < 4000, `${Date.now() - from} ms`)
    c.destroy()
  })
  await attack(s, 'clients that leave in the middle of a request', async () => {
    const before = look(s.pid).fds
    const bytes = post(s, '/query', planBody(rawPlan('UPDATE Product SET stock = stock + 1', [], 'execute')))
    const stock = () => Number(sqlite(db, 'SELECT sum(stock) FROM Product'))
    const at = stock()
    for (let i = 0; i < 200; i++) {
      const c = await open(s, bytes.slice(0, 1 + Math.floor((bytes.length - 2) * i / 200)))
      if (i % 2) c.destroy()
      else c.end()
    }
    await eventually(() => look(s.pid).fds <= before + 4, 'the descriptors come back')
    assert.equal(stock(), at, 'half a request was run')
    // Whole requests, but nobody waits for the answer: each is done once or not at all.
    const n = Number(sqlite(db, 'SELECT count(*) FROM Product'))
    for (let i = 0; i < 50; i++) { const c = await open(s, bytes); c.destroy() }
    await eventually(async () => (await figures(s)).busy <= 1, 'their requests end')
    assert.equal((stock() - at) % n, 0)
    assert.ok(stock() - at <= 50 * n)
  })
  await attack(s, 'an endless query of a client that has left is ended', async () => {
    const gone = []
    for (let i = 0; i < 6; i++) gone.push(await open(s, post(s, '/query', planBody(rawPlan(ENDLESS)))))
    gone.push(await open(s, post(s, '/query', planBody(rawPlan(`INSERT INTO Product (sku, name, price) ${ENDLESS.replace('count(*) AS c', "'e' || i, 'x', 1")}`, [], 'execute')))))
    await sleep(300)
    for (const c of gone) c.destroy()
    const from = Date.now()
    await eventually(async () => (await figures(s)).busy <= 1, 'the endless queries end', 8000)
    console.log(`# endless queries ended ${Date.now() - from} ms after their clients had left`)
    const c0 = cpu(s.pid)
    await sleep(500)
    assert.ok(cpu(s.pid) - c0 < 0.25, `${cpu(s.pid) - c0} s of CPU in 0.5 s`)
    assert.equal(sqlite(db, "SELECT count(*) FROM Product WHERE sku LIKE 'e%'"), '0')
  })
  await attack(s, 'long queries of others hold up nobody for long', async () => {
    const t = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--statement-timeout-ms', '1500'])
    const most = await worst(t, async () => {
      const r = await Promise.all([runRaw(t, ENDLESS), runRaw(t, ENDLESS), jsonRaw(t, ENDLESS), runRaw(t, slow(2000))])
      assert.equal(r[0].status, 422, r[0].text)
      assert.match(r[0].json.error, /timeout/i)
      assert.ok(r[2].json.errors, r[2].text)
      assert.equal(r[3].status, 200, r[3].text)
    })
    console.log(`# /health took ${most} ms at most beside endless queries`)
    assert.ok(most < 500, `${most} ms`)
    await assertServing(t)
    await t.stop()
  })
  await attack(s, 'an answer that grows without end holds up nobody: it stops at the limit, others go on', async () => {
    let inner = { id: true }
    for (let i = 0; i < 29; i++) inner = i % 2 ? { user: { arguments: {}, selection: inner } } : { orders: { arguments: {}, selection: inner } }
    const most = await worst(s, async () => {
      const r = await ask(s, op('User', 'findMany', { take: 1, where: { orders: { some: {} } } }, { orders: { arguments: {}, selection: { user: { arguments: {}, selection: inner } } } }))
      assert.equal(r.json.errors[0].user_facing_error.error_code, 'P6009', r.text.slice(0, 300))
    })
    console.log(`# /health took ${most} ms at most beside an answer of 256 MB`)
    assert.ok(most < 500, `${most} ms`)
  })
  await attack(s, 'SIGTERM while requests run: they finish, and it ends with 0', async () => {
    const t = await serve(['--schema', shopSchema, '--url', `file:${db}`])
    const idle = await open(t, '')
    const agent = new http.Agent({ keepAlive: true })
    await new Promise((resolve) => http.get(`${t.url}/health`, { agent }, (r) => r.resume().on('end', resolve)))
    const running = [runRaw(t, slow(800000)), jsonRaw(t, slow(800000)), runRaw(t, slow(500000))]
    const tx = await ask(t, { maxWait: 2000, timeout: 60000 }, { path: '/transaction/start' })
    await runRaw(t, 'SELECT 1')
    await ask(t, planBody(rawPlan("UPDATE Product SET stock = -1 WHERE sku = 'SKU002'", [], 'execute')), { path: `/transaction/${tx.json.id}/query` })
    await sleep(100)
    const ended = t.stop()
    const closed = new Promise((resolve) => idle.on('close', resolve))
    const answers = await Promise.all(running)
    for (const r of answers) assert.equal(r.status, 200, r.text)
    assert.ok(answers.every((r) => r.headers.get('connection') === 'close'))
    await closed
    assert.deepEqual(await ended, { code: 0, signal: null })
    assert.notEqual(sqlite(db, "SELECT stock FROM Product WHERE sku = 'SKU002'"), '-1')
    assert.equal(sqlite(db, 'PRAGMA integrity_check'), 'ok')
    await assert.rejects(fetch(`${t.url}/health`))
    agent.destroy()
  })
  await attack(s, 'endless requests do not keep a drain: it ends them', async () => {
    const t = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--drain-ms', '700'])
    const all = [runRaw(t, ENDLESS), jsonRaw(t, ENDLESS)].map((p) => p.catch((e) => e))
    await sleep(200)
    const from = Date.now()
    assert.deepEqual(await t.stop(), { code: 0, signal: null })
    assert.ok(Date.now() - from < 4000, `${Date.now() - from} ms`)
    await Promise.all(all)
  })
  await attack(s, 'more connections than the limit', async () => {
    const t = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--connections-max', '10'])
    const held = []
    for (let i = 0; i < 10; i++) held.push(await open(t, ''))
    await eventually(async () => (await sendRaw(t, requestText(t, 'GET', '/health'), { until: answered })).status === 503, 'the eleventh is turned away')
    for (const c of held) c.destroy()
    await eventually(async () => (await fetch(`${t.url}/health`).catch(() => ({}))).status === 200, 'there is room again')
    await assertServing(t)
    await t.stop()
  })
}
