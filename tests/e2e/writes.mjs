// Two promises about writes. Optimistic updates: the predicate stands in the one UPDATE, so of several clients that read the same version exactly
// one wins, whatever they do at once. Size: a nested write of any size is done as a whole, or refused with a clear error before anything is written.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, done, op, run, serve, tmp } from './lib/harness.mjs'
import { client7, urlOf } from './lib/client7.mjs'
import { reader } from './lib/state.mjs'

const models = `model Seat {
  id      Int @id
  version Int @default(0)
  taken   Int @default(0)
}

model Node {
  id       Int    @id @default(autoincrement())
  n        Int    @default(0)
  parentId Int?
  parent   Node?  @relation("tree", fields: [parentId], references: [id])
  children Node[] @relation("tree")

  @@index([parentId])
}
`
const schema = `datasource db {\n  provider = "sqlite"\n}\n\n${models}`, schemaFile = path.join(tmp, 'writes.prisma'), ddl = path.join(tmp, 'writes.sql'), file = path.join(tmp, 'writes.db')
fs.writeFileSync(schemaFile, schema)
fs.writeFileSync(ddl, `CREATE TABLE "Seat" ("id" INTEGER NOT NULL PRIMARY KEY, "version" INTEGER NOT NULL DEFAULT 0, "taken" INTEGER NOT NULL DEFAULT 0);
CREATE TABLE "Node" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "n" INTEGER NOT NULL DEFAULT 0, "parentId" INTEGER REFERENCES "Node" ("id"));
CREATE INDEX "Node_parentId_idx" ON "Node" ("parentId");
INSERT INTO "Seat" ("id") VALUES (1);\n`)
const made = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', ddl])
assert.equal(made.status, 0, made.stderr)
const server = await serve(['--schema', schemaFile, '--url', `file:${file}`, '--log-level', 'error', '--sqlite-sync', 'normal'])

/* --- races -------------------------------------------------------------------------------------------------------- */

// Four clients speak the plan protocol, four the JSON protocol; both may try in three ways. Each says whether it won.
const compiled = Array.from({ length: 4 }, () => client7(schema, { accelerateUrl: urlOf(server) }))
const plans = {
  updateMany: async (p, where, data) => (await p.seat.updateMany({ where, data })).count === 1,
  update: (p, where, data) => p.seat.update({ where, data }).then(() => true, (e) => { assert.equal(e.code, 'P2025', e.message); return false }),
  updateManyAndReturn: async (p, where, data) => (await p.seat.updateManyAndReturn({ where, data })).length === 1,
}
async function json(action, where, data) {
  const { json: r } = await ask(server, op('Seat', action === 'update' ? 'updateOne' : action, { where, data }))
  if (action === 'update') { if (r.errors) assert.equal(r.errors[0].user_facing_error.error_code, 'P2025'); return !r.errors }
  const value = Object.values(r.data)[0]
  return (action === 'updateMany' ? value.count : value.length) === 1
}
const ways = Object.keys(plans)
const attempt = (i, way, where, data) => i < 4 ? plans[way](compiled[i], where, data) : json(way, where, data)
const seat = async (id) => Object.values((await ask(server, op('Seat', 'findUnique', { where: { id } }))).json.data)[0]
const taking = { version: { increment: 1 }, taken: { increment: 1 } }

await check('1,000 racing updates of 8 clients: one winner a round', async () => {
  for (let round = 0; round < 125; round++) {
    const won = await Promise.all(Array.from({ length: 8 }, (_, i) => attempt(i, ways[(i + round) % 3], { id: 1, version: round }, taking)))
    assert.equal(won.filter(Boolean).length, 1, `round ${round}: ${won}`)
  }
  assert.deepEqual(await seat(1), { id: 1, version: 125, taken: 125 })
})
await check('8 clients that read, try and begin anew: none of 200 updates is lost', async () => {
  await Promise.all(Array.from({ length: 8 }, async (_, i) => {
    for (let wins = 0; wins < 25;) {
      const { version } = i < 4 ? await compiled[i].seat.findUnique({ where: { id: 1 } }) : await seat(1)
      if (await attempt(i, ways[(i + wins) % 3], { id: 1, version }, taking)) wins++
    }
  }))
  assert.deepEqual(await seat(1), { id: 1, version: 325, taken: 325 })
})
await check('the predicate stands in the one UPDATE', async () => {
  for (const way of ['updateMany', 'updateOne', 'updateManyAndReturn']) {
    const { json: r } = await ask(server, op('Seat', way, { where: { id: 1, version: 325 }, data: { taken: 1 } }), { headers: { 'x-capture-telemetry': 'query' } })
    const statements = r.extensions.logs.filter((l) => l.level === 'query').map((l) => l.attributes.query)
    assert.equal(statements.length, 1, statements.join('\n'))
    assert.match(statements[0], /^UPDATE .*WHERE .*`id`.*`version`/)
  }
})

/* --- sizes -------------------------------------------------------------------------------------------------------- */

const db = reader(file)
const commits = () => db.version()
const create = (data) => `{"modelName":"Node","action":"createOne","query":{"arguments":{"data":${data}},"selection":{"id":true}}}`
const list = (n, item) => `[${(item + ',').repeat(n - 1)}${item}]`
// Each makes a request and says how many rows it writes.
const shapes = {
  'a list of rows': (n) => [create(`{"children":{"create":${list(n, '{}')}}}`), n + 1],
  'a list of rows with a row below each': (n) => [create(`{"children":{"create":${list(n, '{"children":{"create":{}}}')}}}`), 2 * n + 1],
  'a chain of rows': (n) => [create('{"children":{"create":'.repeat(n) + '{}' + '}}'.repeat(n)), n + 1],
  'a list of connectOrCreate': (n) => [create(`{"children":{"connectOrCreate":${list(n, '{"where":{"id":999999999},"create":{"id":999999999}}')}}}`), null],
}
const rows = async () => (await ask(server, op('Node', 'aggregate', {}, { _count: { arguments: {}, selection: { _all: true } } }))).json.data.aggregateNode._count._all
/** Sends one request: true when it was done, false when it was refused. Either way the table must say the same. */
async function send(raw, writes, path) {
  const before = await rows(), state = await commits(), r = await ask(server, null, { raw, ...(path ? { path } : {}) })
  const error = r.json?.errors?.[0].user_facing_error.message ?? r.json?.error ?? (r.status >= 400 ? r.json?.message : undefined)
  if (error === undefined) {
    assert.equal(r.status, 200, r.text.slice(0, 200))
    if (writes !== null) assert.equal(await rows() - before, writes)
    return true
  }
  assert.match(error, /needs more memory than its limit allows|needs more than \d+ steps|more than \d+ nodes|nested deeper than/)
  assert.deepEqual([await rows(), await commits()], [before, state], 'nothing was written')
  return false
}
for (const [what, make] of Object.entries(shapes)) {
  await check(`${what}, ever more: done as a whole or refused before anything is written`, async () => {
    let done = 0, refused = 0
    for (let n = what === 'a chain of rows' ? 10 : 1000; refused < 2; n *= what === 'a chain of rows' ? 2 : 4) {
      const [raw, writes] = make(n)
      if (await send(raw, writes)) { assert.equal(refused, 0, `${n} after a smaller one was refused`); done++ } else refused++
    }
    assert.ok(done >= 2, `${done} sizes were done`)
  })
}
await check('a long list of createMany is done as a whole', async () => {
  assert.ok(await send(create(`{"children":{"createMany":{"data":${list(100000, '{"n":1}')}}}}`), 100001))
})
// A plan that inserts a row and then does nothing `n` times.
const plan = (n) => {
  const insert = { type: 'execute', args: { type: 'rawSql', sql: 'INSERT INTO Node (n) VALUES (7)', args: [], argTypes: [] } }
  return JSON.stringify({ model: 'Node', operation: 'createOne', plan: { type: 'seq', args: [insert, ...Array.from({ length: n }, () => ({ type: 'unit' }))] }, params: {} })
}
await check('plans, ever longer', async () => {
  let done = 0, refused = 0
  for (let n = 1000; refused < 2; n *= 4) if (await send(plan(n), 1, '/query')) done++; else refused++
  assert.ok(done >= 3, `${done} sizes were done`)
})
await check('one that is refused leaves its transaction as it was', async () => {
  const before = await rows(), post = async (path, raw) => (await ask(server, null, { path, raw })).json
  const { id } = await post('/transaction/start', '{"maxWait":5000,"timeout":60000}')
  assert.equal((await post(`/transaction/${id}/query`, plan(1))).error, undefined)
  assert.match((await post(`/transaction/${id}/query`, plan(300000))).error, /more than \d+ nodes/)
  assert.equal((await post(`/transaction/${id}/query`, plan(1))).error, undefined)
  assert.deepEqual(await post(`/transaction/${id}/commit`, ''), {})
  assert.equal(await rows() - before, 2)
})
await check('an answer that is too long: nothing was written', async () => {
  const small = await serve(['--schema', schemaFile, '--url', `file:${file}`, '--log-level', 'error', '--result-max', '100KB'])
  const before = await rows(), state = await commits(), data = Array.from({ length: 20000 }, (_, n) => ({ n }))
  const { json: r } = await ask(small, op('Node', 'createManyAndReturn', { data }))
  assert.equal(r.errors?.[0].user_facing_error.error_code ?? r.error_code, 'P6009')
  assert.deepEqual([await rows(), await commits()], [before, state])
  await small.stop()
})
await check('the server stayed within its memory and ends well', async () => {
  const peak = Number(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+) kB/)[1])
  // The limit of one request's working memory is 512 MB; its body and its answer are limited apart.
  assert.ok(peak < 900 * 1024, `${peak} KB`)
  db.close()
  for (const p of compiled) await p.$disconnect()
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
})
await done()
