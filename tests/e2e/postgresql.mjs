// PostgreSQL beyond answers: TLS, PgBouncer in front, sessions that stay clean between clients, clients that go away.
import { spawn } from 'node:child_process'
import assert from 'node:assert'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import crypto from 'node:crypto'
import { check, done, serve, sleep } from './lib/harness.mjs'
import { database, postgres, sql } from './lib/pg.mjs'

const schema = 'datasource db {\n  provider = "postgresql"\n}\nmodel Item {\n  id Int @id @default(autoincrement())\n  name String @unique\n}\n'
const ddl = 'CREATE TABLE "Item" (id SERIAL PRIMARY KEY, name TEXT NOT NULL UNIQUE); INSERT INTO "Item"(name) SELECT \'i\' || n FROM generate_series(1, 100) n;'
const b64 = Buffer.from(schema).toString('base64'), hash = crypto.createHash('sha256').update(b64).digest('hex')

/** A server and its operations over the JSON protocol. */
async function door(url, args = []) {
  const s = await serve(['--url', url, '--log-level', 'error', ...args]), at = `${s.url}/6.19.3/${hash}`
  const post = async (where, body, opts = {}) => (await fetch(where, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, ...opts })).json()
  await fetch(at + '/schema', { method: 'PUT', body: b64, headers: { authorization: 'Bearer any' } })
  const op = (action, args, o = {}) => post((o.at ?? at) + '/graphql', action.endsWith('Raw') ? { action, query: { arguments: { query: args, parameters: '[]' }, selection: {} } } : { modelName: 'Item', action, query: { arguments: args, selection: { $scalars: true } } }, o.signal ? { signal: o.signal } : {})
  const raw = async (text, o) => { const r = await op('queryRaw', text, o); return r.errors ? r.errors[0].user_facing_error : r.data.queryRaw.rows }
  const start = async () => (await post(at + '/transaction/start', { max_wait: 5000, timeout: 10000 }))['data-proxy'].endpoint
  return { s, at, op, raw, post, start }
}

function tcp(url) {
  const s = postgres()
  return s.url.replace('/postgres?', new URL(url).pathname + '?')
}
const base = database(ddl)

await check('a password with every awkward character, over TLS, with the certificate checked', async () => {
  const crt = path.join(postgres().dir, 'copy.crt')
  fs.copyFileSync(path.join(postgres().dir, 'server.crt'), crt)
  const d = await door(tcp(base).replace('sslmode=disable', `sslmode=require&sslcert=${encodeURIComponent(crt)}&sslaccept=strict`))
  assert.deepEqual(await d.raw('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'), [[true]])
  await d.s.stop()
})

await check('what one client does to its session, the next one does not see', async () => {
  const d = await door(base + '?connection_limit=1')
  const [[before]] = await d.raw('SHOW search_path')
  for (const text of ['SET search_path = pg_catalog', "SELECT set_config('search_path', 'pg_catalog', false)", 'SET statement_timeout = 1', 'CREATE TEMP TABLE "Item" (id int, name text)', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY']) {
    const r = await d.op('executeRaw', text)
    assert.ok(r.data, JSON.stringify(r))
    assert.deepEqual(await d.raw('SHOW search_path'), [[before]], text)
    assert.equal((await d.op('findMany', {})).data.findManyItem.length, 100, text)
    assert.deepEqual(await d.raw('SELECT pg_sleep(0.01)::text'), [['']], text)
  }
  for (const text of ['BEGIN', 'COMMIT', 'ROLLBACK', 'START TRANSACTION', 'SAVEPOINT a', 'PREPARE TRANSACTION \'x\'']) assert.equal((await d.raw(text)).error_code, 'P2010', text)
  const tx = await d.start()
  await d.raw("SELECT set_config('my.user', 'ann', true)", { at: tx })
  assert.deepEqual(await d.raw("SELECT current_setting('my.user')", { at: tx }), [['ann']])
  await d.post(tx + '/commit', '')
  assert.deepEqual(await d.raw("SELECT coalesce(current_setting('my.user', true), '')"), [['']])
  await d.s.stop()
})

await check('a client that goes away takes its statement with it', async () => {
  const d = await door(base + '?connection_limit=2')
  const running = () => Number(sql(base, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()"))
  const gone = new AbortController()
  const lost = d.raw('SELECT pg_sleep(60)::text', { signal: gone.signal }).catch((e) => e.name)
  for (let i = 0; i < 200 && running() === 0; i++) await sleep(20)
  assert.equal(running(), 1)
  gone.abort()
  assert.equal(await lost, 'AbortError')
  for (let i = 0; i < 200 && running() > 0; i++) await sleep(50)
  assert.equal(running(), 0)
  assert.deepEqual(await d.raw('SELECT 1'), [[1]])
  await d.s.stop()
})

/** PgBouncer with two connections in transaction mode: [port, stop()]. */
async function pgbouncer() {
  const s = postgres(), dir = fs.mkdtempSync(path.join(s.dir, 'bouncer-'))
  const probe = net.createServer().listen(0, '127.0.0.1')
  await new Promise((r) => probe.on('listening', r))
  const port = probe.address().port
  await new Promise((r) => probe.close(r))
  fs.chmodSync(dir, 0o755)
  const ini = path.join(dir, 'bouncer.ini'), u = new URL(s.url)
  fs.writeFileSync(ini, `[databases]\n* = host=127.0.0.1 port=${s.port} user=nicol password='${decodeURIComponent(u.password)}'\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\nunix_socket_dir =\n`)
  fs.chmodSync(ini, 0o644)
  const as = process.getuid() === 0 ? ['setpriv', '--reuid=nobody', `--regid=nogroup`, '--clear-groups'] : []
  fs.chmodSync(s.dir, 0o755)
  const program = fs.existsSync('/usr/sbin/pgbouncer') ? '/usr/sbin/pgbouncer' : 'pgbouncer'
  const argv = [...as, program, ini]
  const child = spawn(argv[0], argv.slice(1), { stdio: 'ignore' })
  const alive = () => new Promise((r) => { const c = net.connect(port, '127.0.0.1', () => { c.destroy(); r(true) }); c.on('error', () => r(false)) })
  for (let i = 0; i < 200 && !(await alive()); i++) await sleep(25)
  return [port, async () => { child.kill('SIGINT'); await new Promise((r) => child.on('exit', r)) }]
}

await check('PgBouncer in transaction mode, with pgbouncer=true and without', async () => {
  const [port, stop] = await pgbouncer()
  try {
    for (const params of ['?sslmode=disable&connection_limit=8&pgbouncer=true', '?sslmode=disable&connection_limit=8']) {
      const d = await door(`postgresql://nicol@127.0.0.1:${port}${new URL(base).pathname}${params}`)
      const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => d.op('findUnique', { where: { id: 1 + i % 100 } })))
      answers.forEach((r, i) => assert.equal(r.data?.findUniqueItem?.name, `i${1 + i % 100}`, JSON.stringify(r)))
      assert.deepEqual(await d.raw('SHOW TimeZone'), [['UTC']])
      // Two transactions hold both server connections; each sees its own write only.
      const a = await d.start(), b = await d.start()
      for (const [tx, name] of [[a, 'from a'], [b, 'from b']]) assert.ok((await d.op('createOne', { data: { name } }, { at: tx })).data)
      assert.equal((await d.op('findMany', { where: { name: { startsWith: 'from' } } }, { at: a })).data.findManyItem.length, 1)
      for (const tx of [a, b]) await d.post(tx + '/rollback', '')
      assert.equal((await d.op('findMany', { where: { name: { startsWith: 'from' } } })).data.findManyItem.length, 0)
      assert.equal((await d.s.stop()).code, 0)
    }
  } finally {
    await stop()
  }
})

await done()
