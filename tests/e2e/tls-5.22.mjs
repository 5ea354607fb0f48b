// Clients 5.22.0 (TLS, a certificate of our own), 6.19.3 and 7.10.0 (plain HTTP) run one program, exercise/exercise.cjs, each on a
// fresh database behind a key: what 5.22.0 answers is checked, and the others must answer the same.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { check, done, root, run, serve, tmp } from './lib/harness.mjs'
import { generate, install } from './lib/client.mjs'

const here = path.join(root, 'tests/e2e/exercise'), models = fs.readFileSync(path.join(here, 'models.prisma'), 'utf8')
const cert = path.join(tmp, 'cert.pem'), certKey = path.join(tmp, 'key.pem'), state = path.join(tmp, 'state')
const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
  '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', certKey, '-out', cert], { encoding: 'utf8' })
if (made.status !== 0) throw new Error(made.stderr)
fs.mkdirSync(state, { recursive: true })
const created = run(['keys', 'create', '--state', state, '--scope', 'query', '--label', 'clients'])
if (created.status !== 0) throw new Error(created.stderr)
const key = created.stdout.trim()

const clients = {}
for (const [name, dir, version, engineType] of [['5.22.0', 'tests/e2e/v522', '5.22.0'], ['6.19.3', 'examples/js/v6', '6.19.3'], ['6.19.3 compiled', 'examples/js/v6', '6.19.3', 'client'], ['7.10.0', 'examples/js/v7', '7.10.0']]) {
  install(path.join(root, dir))
  clients[name] = generate(path.join(root, dir), path.join(tmp, name.replace(' ', '-')), models, { version, engineType })
}

async function server(name) {
  const db = path.join(tmp, `${name.replace(' ', '-')}.db`)
  const r = run(['db', 'execute', '--create', '--url', `file:${db}`, '--file', path.join(here, 'schema.sql')])
  if (r.status !== 0) throw new Error(r.stderr)
  return serve(['--url', `file:${db}`, '--state', state, '--tls-listen', '127.0.0.1:0', '--tls-cert', cert, '--tls-key', certKey])
}
const urlOf = (s, name, k = key) => name === '5.22.0' ? `prisma://localhost:${new URL(s.tlsUrl).port}/?api_key=${k}` : `prisma+postgres://${s.host}/?api_key=${k}`
function node(args, env = {}) {
  const r = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 300000, env: { ...process.env, NODE_EXTRA_CA_CERTS: cert, NO_COLOR: '1', ...env } })
  assert.equal(r.status, 0, r.stdout + r.stderr)
  return r.stdout
}
const exercise = (s, name, ...more) => JSON.parse(node([path.join(here, 'exercise.cjs'), clients[name], urlOf(s, name), ...more]).trim().split('\n').pop())

const results = {}, logs = {}
for (const name of Object.keys(clients)) {
  await check(`${name} runs the whole program`, async () => {
    const s = await server(name)
    const r = results[name] = exercise(s, name, name === '6.19.3 compiled' ? '' : 'logs')
    logs[name] = s.lines()
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
    assert.equal(r.version, name.split(' ')[0])
    const threw = Object.entries(r.answers).filter(([, v]) => v?.threw)
    assert.deepEqual(threw, [])
  })
}

const five = results['5.22.0']?.answers ?? {}
const user = (id, email, role = 'USER', name = null) => ({ id, email, name, role, createdAt: 'date' })
await check('5.22.0 over TLS: reads and writes', () => {
  assert.deepEqual(five.createNested, {
    ...user(1, 'a@x.io', 'USER', 'A'), profile: { id: 'uuid', bio: 'hi', userId: 1 },
    posts: [{ id: 'cuid', title: 'p1', content: null, published: false, views: 0, authorId: 1, updatedAt: 'date' }, { id: 'cuid', title: 'p2', content: null, published: true, views: 5, authorId: 1, updatedAt: 'date' }],
  })
  assert.deepEqual(five.createMany, { count: 2 })
  assert.deepEqual(five.createManyAndReturn, [user(4, 'd@x.io'), user(5, 'e@x.io', 'ADMIN')])
  assert.deepEqual(five.findMany.map((u) => [u.email, u.posts.length]), [['a@x.io', 1], ['b@x.io', 0], ['c@x.io', 0], ['d@x.io', 0], ['e@x.io', 0]])
  assert.deepEqual(five.findManySelect, [{ title: 'p1', author: { email: 'a@x.io' }, tags: [{ name: 't1' }], _count: { tags: 1 } }])
  assert.deepEqual(five.findUniqueBatch.map((u) => u?.email ?? null), ['a@x.io', 'b@x.io', null])
  assert.deepEqual(five.fluent, [{ title: 'p1' }, { title: 'p2' }])
  assert.deepEqual(five.update, { id: 1, name: 'AA', posts: [{ views: 6 }, { views: 10 }] })
  assert.deepEqual([five.upsertNew, five.upsertOld], [{ name: null }, { name: 'u' }])
  assert.deepEqual([five.deleteMany, five.count, five.countSelect], [{ count: 2 }, 2, { _all: 3, name: 1 }])
  assert.deepEqual(five.aggregate, { _count: 2, _sum: { views: 16 }, _avg: { views: 8 }, _max: { views: 10 } })
  assert.deepEqual(five.groupBy, [{ _count: { _all: 1 }, role: 'ADMIN' }, { _count: { _all: 2 }, role: 'USER' }])
  assert.deepEqual(five.allTypes, { id: 1, big: 'bigint 9007199254740993', dec: 'decimal 123.45', flt: 1.5, bool: true, bytes: 'bytes 0102ff', dt: 'date 2024-01-02T03:04:05.678Z' })
  assert.deepEqual(five.allTypesFind, [five.allTypes])
  assert.deepEqual(five.dateText, { dt: 'date 2024-01-02T01:04:05.000Z', big: null })
})
await check('5.22.0 over TLS: transactions', () => {
  assert.deepEqual([five.txArray[0].length, five.txArray[1].name, five.txArray[2]], [3, 'tx', 2])
  assert.deepEqual([five.txArrayFail.code, five.txArrayUndone], ['P2002', 0])
  assert.deepEqual([five.itx, five.itxUndone, five.itxRollback.message], [4, 0, 'boom'])
  assert.equal(five.itxTimeout.code, 'P2028')
  assert.match(five.itxTimeout.message, /timeout for this transaction was 100 ms/)
})
await check('5.22.0 over TLS: raw queries keep their types', () => {
  assert.deepEqual(five.queryRaw, [{ i: 'bigint 1', s: 's', b: 'bigint 9007199254740993', y: 'bytes 0102', f: 1.5, t: 'bigint 1', nul: null }])
  assert.deepEqual(five.queryRawColumns, [{ big: 'bigint 9007199254740993', dec: 'decimal 123.45', flt: 1.5, bool: true, bytes: 'bytes 0102ff', dt: 'date 2024-01-02T03:04:05.678Z' }])
  assert.deepEqual([five.executeRaw, five.executeRawUnsafe], [2, 0])
  assert.equal(five.rawError.code, 'P2010')
})
await check('5.22.0 over TLS: errors', () => {
  assert.equal(five.uniqueError.code, 'P2002')
  assert.deepEqual(five.uniqueError.meta, { modelName: 'User', target: ['email'] })
  assert.equal(five.foreignKeyError.code, 'P2003')
  assert.equal(five.notFound.code, 'P2025')
  assert.equal(five.orThrow.code, 'P2025')
  assert.equal(five.validation.name, 'PrismaClientValidationError')
  assert.match(five.validation.full, /bogus: 1,\n\s+~~~~~/)
  assert.match(five.validation.message, /^Unknown argument `bogus`\. Did you mean `posts`\? Available options are marked with \?\.$/)
})

// What the versions themselves do differently: details of meta and the text around an error; 5 has an error class of its own
// for orThrow; 7 sends the numbers of a raw query as decimals, so that sums of them come back as such.
const comparable = (answers, version) => Object.fromEntries(Object.entries(answers).map(([k, v]) => {
  if (k === 'orThrow') return [k, v.code]
  if (version[0] === '7' && k === 'queryRaw') return [k, [{ ...v[0], i: `bigint ${v[0].i}` }]]
  if (version[0] === '7' && k === 'queryRawUnsafe') return [k, [{ x: `bigint ${v[0].x}` }]]
  return [k, v && v.full ? { name: v.name, code: v.code, message: v.message.replace(/however \d+ ms/, 'however n ms').replace('Transaction already closed: A query cannot be executed on an expired', 'A query cannot be executed on an expired') } : v]
}))
for (const name of Object.keys(clients).slice(1)) {
  await check(`${name} answers as 5.22.0 does`, () => {
    const [a, b] = [comparable(five, '5'), comparable(results[name].answers, name)]
    const differ = Object.keys(a).filter((k) => { try { assert.deepEqual(b[k], a[k]); return false } catch { return true } })
    assert.deepEqual(differ.map((k) => [k, b[k]]), differ.map((k) => [k, a[k]]))
  })
}

for (const name of Object.keys(clients)) {
  if (name === '6.19.3 compiled') continue
  await check(`${name}: $on('query') tells every statement`, () => {
    const { events } = results[name]
    assert.ok(events.length > 60, `${events.length} events`)
    for (const e of events) {
      assert.equal(typeof e.query, 'string')
      assert.ok(Array.isArray(JSON.parse(e.params)), e.params)
      assert.equal(typeof e.duration, 'number')
      assert.ok(e.target === 'nicol', e.target)
      const at = Array.isArray(e.timestamp) ? e.timestamp[0] * 1000 : Date.parse(e.timestamp)
      assert.ok(Math.abs(at - Date.now()) < 3600000, JSON.stringify(e.timestamp))
    }
    const one = events.find((e) => /SELECT/i.test(e.query) && e.params.includes('nope@x.io'))
    assert.ok(one && one.query.includes('email') && !one.query.includes('nope'), 'values are parameters')
    assert.ok(events.some((e) => e.params.includes('AQL/')), 'bytes as base64')
  })
}

await check('a wrong key is refused as P5007 (5, 6) and P6002 (7)', async () => {
  const s = await server('keys')
  const wrong = key.slice(0, -2) + (key.endsWith('aa') ? 'bb' : 'aa')
  const program = `const { PrismaClient, Prisma } = require(process.argv[1]); const url = process.argv[2]
    const p = new PrismaClient(Prisma.prismaVersion.client[0] >= 7 ? { accelerateUrl: url } : { datasourceUrl: url })
    p.user.count().then((n) => console.log('counted', n), (e) => console.log(e.code, e.message.includes(${JSON.stringify(wrong)})))`
  for (const [name, code] of [['5.22.0', 'P5007'], ['6.19.3', 'P5007'], ['7.10.0', 'P6002']]) {
    assert.equal(node(['-e', program, clients[name], urlOf(s, name, wrong)]).trim(), `${code} false`, name)
    assert.equal(node(['-e', program, clients[name], urlOf(s, name)]).trim(), 'counted 0', name)
  }
  assert.ok(!s.log().includes(key) && !s.log().includes(wrong), 'no key in the log')
  await s.stop()
})
await check('a client that does not trust the certificate gets nowhere', async () => {
  const s = await server('trust')
  const out = spawnSync(process.execPath, ['-e', 'fetch(process.argv[1]).then((r) => console.log(r.status), (e) => console.log(e.cause.code))', s.tlsUrl.replace('127.0.0.1', 'localhost') + '/health'], { encoding: 'utf8', env: { ...process.env, NODE_EXTRA_CA_CERTS: '' } })
  assert.equal(out.stdout.trim(), 'DEPTH_ZERO_SELF_SIGNED_CERT')
  assert.equal(node(['-e', 'fetch(process.argv[1]).then((r) => console.log(r.status), (e) => console.log(e.cause.code))', s.tlsUrl.replace('127.0.0.1', 'localhost') + '/health']).trim(), '200')
  await s.stop()
})

await check('spans come when tracing is asked for: unique, without a parent of ours, in the order of time', async () => {
  const s = await server('trace')
  const trace = '2d4992c4f716e705f19ab257d178b5af', span = '65f13aff4a69cf6c'
  const call = async (at, body, telemetry) => {
    const r = await fetch(s.url + at, { method: 'POST', body: body && JSON.stringify(body), headers: { authorization: `Bearer ${key}`, 'x-capture-telemetry': telemetry, traceparent: `00-${trace}-${span}-01` } })
    return r.json()
  }
  const plan = { type: 'query', args: { type: 'rawSql', sql: 'SELECT ? AS a', args: ['é'], argTypes: [{ arity: 'scalar', scalarType: 'string', dbType: null }] } }
  const body = { operation: 'queryRaw', plan, params: {} }
  const both = await call('/query', body, 'tracing, info, query')
  const { logs: seen, spans, traces } = both.extensions
  assert.deepEqual([seen.length, spans.length, traces], [1, 1, spans])
  assert.deepEqual([seen[0].level, seen[0].attributes.query, seen[0].attributes.params, seen[0].spanId === seen[0].span_id], ['query', 'SELECT ? AS a', '["é"]', true])
  const [one] = spans
  assert.deepEqual([one.name, one.kind, one.parentId, one.parent_span_id, one.trace_id, one.attributes], ['prisma:accelerate:db_query', 'client', null, span, trace, { 'db.query.text': 'SELECT ? AS a', 'db.system.name': 'sqlite' }])
  const nanos = ([a, b]) => BigInt(a) * 1000000000n + BigInt(b)
  assert.ok(nanos(one.endTime) >= nanos(one.startTime) && /^[0-9a-f]{16}$/.test(one.span_id))
  assert.equal((await call('/query', body, 'error')).extensions, undefined, 'not asked: nothing')
  const started = await call('/transaction/start', { maxWait: 2000, timeout: 5000 }, 'tracing, error')
  const inside = await call(`/transaction/${started.id}/query`, body, 'tracing, error')
  const ended = await call(`/transaction/${started.id}/commit`, undefined, 'tracing, error')
  assert.deepEqual([started, inside, ended].map((r) => r.extensions.spans[0].name.split(':').pop()), ['start_transaction', 'db_query', 'commit_transaction'])
  assert.equal(started.extensions.logs, undefined)
  const ids = [both, started, inside, ended].flatMap((r) => r.extensions.spans.map((x) => x.id))
  assert.equal(new Set(ids).size, ids.length)
  // Ids that are no ids are not taken over.
  const r = await fetch(s.url + '/query', { method: 'POST', body: JSON.stringify(body), headers: { authorization: `Bearer ${key}`, 'x-capture-telemetry': 'tracing', traceparent: `00-${'0'.repeat(32)}-"},{"evil-01` } })
  const odd = (await r.json()).extensions.spans[0]
  assert.match(odd.trace_id, /^(?!0{32})[0-9a-f]{32}$/)
  assert.equal(odd.parent_span_id, '')
  await s.stop()
})
await done()
