// The database goes away under load and comes back, connections are cut by its own admin command, it hangs: nothing that was
// acknowledged is lost, nothing is applied twice, everybody gets an answer with the right code, and the pool needs no help.
import assert from 'node:assert'
import net from 'node:net'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, done, op, serve, sleep, tmp } from './lib/harness.mjs'
import * as my from './lib/mariadb.mjs'
import * as pg from './lib/pg.mjs'

const CLIENTS = 50
const schema = (provider) => `datasource db {\n  provider = "${provider}"\n  url = env("U")\n}\nmodel Row {\n  id String @id\n  n Int @default(0)\n}\nmodel Account {\n  id Int @id\n  balance Int\n}\n`
const DDL = {
  postgresql: 'CREATE TABLE "Row" ("id" TEXT PRIMARY KEY, "n" INTEGER NOT NULL DEFAULT 0); CREATE TABLE "Account" ("id" INTEGER PRIMARY KEY, "balance" INTEGER NOT NULL);',
  mysql: 'CREATE TABLE `Row` (`id` VARCHAR(191) PRIMARY KEY, `n` INTEGER NOT NULL DEFAULT 0); CREATE TABLE `Account` (`id` INTEGER PRIMARY KEY, `balance` INTEGER NOT NULL);',
}
// What a request may get while its database is away: it did not run, or nobody knows whether it did.
const OUTAGE = new Set(['P1001', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P6004', 'P2039'])

const databases = [
  {
    provider: 'postgresql', tcp: (u) => { const s = pg.postgres(), name = /\/([^/?]+)(\?|$)/.exec(u.replace(/^[a-z]+:\/\//, ''))[1]; return s.url.replace('/postgres?', `/${name}?`) },
    make: () => { const u = pg.database(DDL.postgresql); pg.sql(u, `ALTER DATABASE ${u.split('/').pop()} SET synchronous_commit = on`); return u }, down: () => pg.serverDo('kill'), up: () => pg.serverDo('again'),
    rows: (u) => pg.sql(u, 'SELECT id FROM "Row" ORDER BY id').split('\n').filter(Boolean),
    connections: (u) => Number(pg.sql(u, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")),
    cut: (u) => pg.sqlBeside(u, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'),
    sum: (u) => Number(pg.sql(u, 'SELECT sum(balance) FROM "Account"')),
    locks: (u) => Number(pg.sql(u, "SELECT count(*) FROM pg_locks WHERE NOT granted")),
    sleep: 'SELECT pg_sleep(30)',
  },
  {
    provider: 'mysql', tcp: (u) => my.mariadb().url.replace('/test', new URL(u).pathname),
    make: () => my.database(DDL.mysql), down: () => my.serverDo('kill'), up: () => my.serverDo('again'),
    rows: (u) => my.sql('SELECT id FROM `Row` ORDER BY id', new URL(u).pathname.slice(1)).split('\n').filter(Boolean),
    connections: (u) => Number(my.sql(`SELECT count(*) FROM information_schema.processlist WHERE db = '${new URL(u).pathname.slice(1)}' AND id <> connection_id()`)),
    cut: () => my.sqlBeside("KILL USER 'nicol'"),
    sum: (u) => Number(my.sql('SELECT sum(balance) FROM `Account`', new URL(u).pathname.slice(1))),
    locks: () => Number(my.sql("SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")),
    sleep: 'SELECT SLEEP(30)',
  },
]

const code = (r) => r.json?.errors?.[0]?.user_facing_error?.error_code ?? r.json?.error_code ?? r.json?.code ?? (r.status >= 400 ? `HTTP ${r.status}` : null)
const metric = async (s, name) => {
  const text = await (await fetch(s.url + '/metrics', { headers: { authorization: 'Bearer any' } })).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)[1])
}

let made = 0
/** CLIENTS that create rows with ids of their own until `stop`: {acked, failed: {code: n}, wrong}. */
function load(s) {
  const out = { acked: [], failed: {}, wrong: [], stop: false }
  const client = async (k) => {
    while (!out.stop) {
      const id = `${k}-${made++}`
      const r = await ask(s, op('Row', 'createOne', { data: { id } }, { id: true }))
      const c = code(r)
      if (!c) out.acked.push(id)
      else if (OUTAGE.has(c)) out.failed[c] = (out.failed[c] ?? 0) + 1
      else out.wrong.push(`${c}: ${r.text.slice(0, 200)}`)
      if (c) await sleep(5)
    }
  }
  out.ended = Promise.all(Array.from({ length: CLIENTS }, (_, k) => client(k)))
  return out
}

async function settled(s, d, url) {
  for (let i = 0; i < 100; i++) {
    const open = await metric(s, 'prisma_pool_connections_open')
    if (open === d.connections(url) && await metric(s, 'prisma_pool_connections_busy') === 0) return open
    await sleep(50)
  }
  assert.fail(`the pool says ${await metric(s, 'prisma_pool_connections_open')} open connections, the database ${d.connections(url)}`)
}

for (const d of databases) {
  const url = d.make(), tcp = d.tcp(url), file = path.join(tmp, `faults-${d.provider}.prisma`)
  fs.writeFileSync(file, schema(d.provider))
  const join = tcp.includes('?') ? '&' : '?'
  const s = await serve(['--url', `${tcp}${join}connection_limit=10&pool_timeout=10&connect_timeout=2`, '--schema', file, '--log-level', 'error'])

  await check(`${d.provider}: killed and restarted under the load of ${CLIENTS} clients`, async () => {
    const l = load(s)
    await sleep(700)
    const before = l.acked.length
    assert.ok(before > 0, 'it worked before')
    await d.down()
    await sleep(700)
    await d.up()
    const back = l.acked.length, failedThen = { ...l.failed }
    for (let i = 0; i < 200 && l.acked.length < back + 200; i++) await sleep(50)
    assert.ok(l.acked.length >= back + 200, `it works again by itself: ${l.acked.length - back} rows since`)
    l.stop = true
    await l.ended
    assert.deepEqual(l.wrong.slice(0, 3), [])
    const rows = d.rows(url), have = new Set(rows)
    assert.equal(rows.length, have.size)
    const lost = l.acked.filter((id) => !have.has(id))
    // Nothing is flushed to the disk on the test servers, but a killed process loses nothing that it gave to the system.
    assert.deepEqual(lost, [], `${lost.length} acknowledged rows are lost`)
    console.log(`# ${d.provider}: ${l.acked.length} acknowledged, ${rows.length - l.acked.length} more in the table whose answer was an error; errors ${JSON.stringify(l.failed)}, of them before the restart ${JSON.stringify(failedThen)}`)
  })

  await check(`${d.provider}: after that no request waits in vain, and the counters are those of the database`, async () => {
    for (let i = 0; i < 100; i++) assert.equal(code(await ask(s, op('Row', 'findFirst', {}, { id: true }))), null)
    const open = await settled(s, d, url)
    assert.ok(open > 0 && open <= 10)
  })

  await check(`${d.provider}: connections that its admin cuts, again and again, under load`, async () => {
    const l = load(s)
    for (let i = 0; i < 8; i++) { await sleep(120); await d.cut(url) }
    await sleep(200)
    l.stop = true
    await l.ended
    assert.deepEqual(l.wrong.slice(0, 3), [])
    assert.deepEqual(Object.keys(l.failed).filter((c) => c !== 'P1017'), [], JSON.stringify(l.failed))
    const have = new Set(d.rows(url))
    assert.deepEqual(l.acked.filter((id) => !have.has(id)), [])
    await settled(s, d, url)
    console.log(`# ${d.provider}: 8 cuts, ${l.acked.length} acknowledged, ${JSON.stringify(l.failed)}`)
  })

  await check(`${d.provider}: idle connections that were cut are replaced, no request notices`, async () => {
    for (let i = 0; i < 5; i++) {
      await d.cut(url)
      await sleep(30)
      assert.equal(code(await ask(s, op('Row', 'findFirst', {}, { id: true }))), null)
      await d.cut(url)
      await sleep(30)
      assert.equal(code(await ask(s, op('Row', 'createOne', { data: { id: `cut-${i}` } }, { id: true }))), null)
    }
    assert.equal(d.rows(url).filter((id) => id.startsWith('cut-')).length, 5)
  })

  await check(`${d.provider}: a client that leaves in the middle of a transaction leaves nothing behind`, async () => {
    const begin = await ask(s, { maxWait: 5000, timeout: 700 }, { path: '/transaction/start' })
    const id = begin.json.id
    assert.ok(id, begin.text)
    const plan = await fetch(`${s.url}/transaction/${id}/query`, { method: 'POST', headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body: JSON.stringify({ plan: { type: 'execute', args: { type: 'rawSql', sql: d.provider === 'mysql' ? "INSERT INTO `Row` (`id`) VALUES ('gone')" : `INSERT INTO "Row" ("id") VALUES ('gone')`, args: [], argTypes: [] } }, params: {} }) })
    assert.equal(plan.status, 200, await plan.text())
    for (let i = 0; i < 100 && await metric(s, 'nicol_transactions_open') > 0; i++) await sleep(50)
    assert.ok(!d.rows(url).includes('gone'))
    await settled(s, d, url)
  })

  await check(`${d.provider}: all connections busy: the error says with what`, async () => {
    const held = []
    for (let i = 0; i < 10; i++) held.push((await ask(s, { maxWait: 5000, timeout: 20000 }, { path: '/transaction/start' })).json.id)
    assert.ok(held.every(Boolean))
    const late = await ask(s, { maxWait: 300, timeout: 1000 }, { path: '/transaction/start' })
    assert.equal(late.json.code, 'P2028')
    const r = await ask(s, op('Row', 'findFirst', {}, { id: true }))
    assert.equal(code(r), 'P2024')
    assert.match(r.text, /connection limit: 10\)\. busy connections: 10 of 10, 10 in interactive transactions \(the longest for \d+\.\d s\)/)
    for (const id of held) assert.equal((await ask(s, {}, { path: `/transaction/${id}/rollback` })).status, 200)
    assert.equal(code(await ask(s, op('Row', 'findFirst', {}, { id: true }))), null)
  })
  await s.stop()

  await check(`${d.provider}: a server that accepts and says nothing`, async () => {
    const silent = net.createServer(() => {})
    await new Promise((r) => silent.listen(0, '127.0.0.1', r))
    const at = tcp.replace(/@127\.0\.0\.1:\d+/, `@127.0.0.1:${silent.address().port}`)
    const h = await serve(['--url', `${at}${join}connect_timeout=1`, '--schema', file, '--log-level', 'error'], { ready: 20000 })
    const r = await ask(h, op('Row', 'findFirst', {}, { id: true }))
    assert.match(code(r), /^P100[12]$/, r.text)
    assert.equal((await h.stop()).code, 0)
    silent.close()
  })

  await check(`${d.provider}: nobody there: the server starts, says so, and works when the database is up`, async () => {
    await d.down()
    const h = await serve(['--url', `${tcp}${join}connect_timeout=1`, '--schema', file, '--log-level', 'warn', '--log-format', 'json'], { ready: 20000 })
    assert.equal(code(await ask(h, op('Row', 'findFirst', {}, { id: true }))), 'P1001')
    assert.match(h.log(), /database_unreachable/)
    await d.up()
    let c = 'none'
    for (let i = 0; i < 100 && c; i++) { c = code(await ask(h, op('Row', 'findFirst', {}, { id: true }))); if (c) await sleep(50) }
    assert.equal(c, null)
    assert.equal((await h.stop()).code, 0)
  })
}
await done()
