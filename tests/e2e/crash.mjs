// kill -9 while several clients write in every way there is. After each restart: what was acknowledged is there, what was
// not is there as a whole or not at all, no money was made or lost, and the file is sound.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, done, op, run, serve, sleep, tmp } from './lib/harness.mjs'
import { planBody, rawPlan, sqlite, templatePlan } from './lib/raw.mjs'

const ACCOUNTS = 8, START = 1000, WANTED = 1000
const schemaFile = path.join(tmp, 'bank.prisma'), db = path.join(tmp, 'bank.db')
fs.writeFileSync(schemaFile, `datasource db {
  provider = "sqlite"
}
model Account {
  id      Int @id
  balance Int
}
model Entry {
  id   Int    @id @default(autoincrement())
  tag  String @unique
  part Int    @default(0)
}
model Part {
  id  Int    @id @default(autoincrement())
  tag String
}
`)
const ddl = path.join(tmp, 'bank.sql')
fs.writeFileSync(ddl, `CREATE TABLE "Account" ("id" INTEGER NOT NULL PRIMARY KEY, "balance" INTEGER NOT NULL);
CREATE TABLE "Entry" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "tag" TEXT NOT NULL, "part" INTEGER NOT NULL DEFAULT 0);
CREATE TABLE "Part" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "tag" TEXT NOT NULL);
CREATE UNIQUE INDEX "Entry_tag_key" ON "Entry"("tag");
CREATE INDEX "Part_tag_idx" ON "Part"("tag");
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${ACCOUNTS}) INSERT INTO "Account" SELECT i, ${START} FROM n;
`)
const made = run(['db', 'execute', '--url', `file:${db}`, '--file', ddl, '--create'])
assert.equal(made.status, 0, made.stderr)

/** What was tried: tag -> {kind, acked}. Each piece of work leaves its tag in Entry, and in Part as often as its kind says. */
const work = new Map()
const parts = { plan: 0, json: 0, nested: 0, many: 5, batch: 2, itx: 3, planTx: 3, clientBatch: 2, rolledBack: 0 }
const kinds = Object.keys(parts)
const update = (id, by) => ({ modelName: 'Account', action: 'updateOne', query: { arguments: { where: { id }, data: { balance: { increment: by } } }, selection: { id: true } } })
const entry = (tag) => ({ modelName: 'Entry', action: 'createOne', query: { arguments: { data: { tag } }, selection: { id: true } } })
const part = (tag) => ({ modelName: 'Part', action: 'createOne', query: { arguments: { data: { tag } }, selection: { id: true } } })
const param = (name, type) => ({ prisma__type: 'param', prisma__value: { name, type } })
const insert = (tag) => planBody(templatePlan('INSERT INTO `Entry` (`tag`) VALUES (?)', [param('%1', 'String')], 'execute', [{ arity: 'scalar', scalarType: 'string', dbType: null }]), { '%1': tag })
const exec = (sql, args) => planBody(rawPlan(sql, args, 'execute'))

const good = (r) => { if (r.status !== 200 || r.json?.errors) throw new Error(`refused: ${r.status} ${r.text}`); return r.json }
const two = () => { const a = 1 + Math.floor(Math.random() * ACCOUNTS); return [a, 1 + a % ACCOUNTS, 1 + Math.floor(Math.random() * 50)] }
const ways = {
  plan: async (s, tag) => good(await ask(s, insert(tag), { path: '/query' })),
  json: async (s, tag) => good(await ask(s, entry(tag))),
  nested: async (s, tag) => good(await ask(s, { modelName: 'Entry', action: 'upsertOne', query: { arguments: { where: { tag }, create: { tag, part: 1 }, update: { part: 2 } }, selection: { id: true } } })),
  many: async (s, tag) => good(await ask(s, { batch: [{ modelName: 'Part', action: 'createMany', query: { arguments: { data: Array(5).fill({ tag }) }, selection: { count: true } } }, entry(tag)], transaction: {} })),
  batch: async (s, tag) => { const [a, b, n] = two(); good(await ask(s, { batch: [update(a, -n), part(tag), entry(tag), part(tag), update(b, n)], transaction: {} })) },
  itx: async (s, tag) => {
    const [a, b, n] = two()
    const t = good(await ask(s, { maxWait: 20000, timeout: 20000 }, { path: '/transaction/start' })).id
    const q = async (sql, args) => good(await ask(s, exec(sql, args), { path: `/transaction/${t}/query` }))
    await q('UPDATE Account SET balance = balance - ? WHERE id = ?', [n, a])
    for (let i = 0; i < 3; i++) await q('INSERT INTO Part (tag) VALUES (?)', [tag])
    good(await ask(s, insert(tag), { path: `/transaction/${t}/query` }))
    await q('UPDATE Account SET balance = balance + ? WHERE id = ?', [n, b])
    good(await ask(s, null, { path: `/transaction/${t}/commit`, raw: '' }))
  },
  planTx: async (s, tag) => {
    const [a, b, n] = two()
    const node = (sql, args) => exec(sql, args).plan
    good(await ask(s, planBody({ type: 'transaction', args: { type: 'seq', args: [
      node('UPDATE Account SET balance = balance - ? WHERE id = ?', [n, a]), node('INSERT INTO Part (tag) VALUES (?), (?), (?)', [tag, tag, tag]),
      node('INSERT INTO Entry (tag) VALUES (?)', [tag]), node('UPDATE Account SET balance = balance + ? WHERE id = ?', [n, b])] } }), { path: '/query' }))
  },
  // $transaction([...]) of a version 7 client: start, one query after the other, commit.
  clientBatch: async (s, tag) => {
    const t = good(await ask(s, { maxWait: 20000, timeout: 20000 }, { path: '/transaction/start' })).id
    for (const body of [exec('INSERT INTO Part (tag) VALUES (?)', [tag]), insert(tag), exec('INSERT INTO Part (tag) VALUES (?)', [tag])]) good(await ask(s, body, { path: `/transaction/${t}/query` }))
    good(await ask(s, null, { path: `/transaction/${t}/commit`, raw: '' }))
  },
  rolledBack: async (s, tag) => {
    const t = good(await ask(s, { maxWait: 20000, timeout: 20000 }, { path: '/transaction/start' })).id
    good(await ask(s, insert(tag), { path: `/transaction/${t}/query` }))
    good(await ask(s, null, { path: `/transaction/${t}/rollback`, raw: '' }))
  },
}

/** One client: piece after piece until the server is gone or `left` is used up. */
async function client(s, round, name, left) {
  for (let i = 0; left.n > 0 && !s.ended; i++) {
    left.n--
    const kind = kinds[Math.floor(Math.random() * kinds.length)], tag = `${round}-${name}-${i}-${kind}`
    const w = { kind, acked: false }
    work.set(tag, w)
    try {
      await ways[kind](s, tag)
      w.acked = true
      left.acked++
    } catch (e) {
      if (e.message.startsWith('refused')) left.refused.push(e.message)
      return
    }
  }
}

function judge() {
  assert.equal(sqlite(db, 'PRAGMA integrity_check'), 'ok')
  assert.equal(sqlite(db, 'PRAGMA foreign_key_check'), '')
  assert.equal(Number(sqlite(db, 'SELECT sum(balance) FROM Account')), ACCOUNTS * START, 'money was made or lost')
  const entries = new Map(), pieces = new Map()
  for (const tag of sqlite(db, 'SELECT tag FROM Entry').split('\n').filter(Boolean)) entries.set(tag, (entries.get(tag) ?? 0) + 1)
  for (const tag of sqlite(db, 'SELECT tag FROM Part').split('\n').filter(Boolean)) pieces.set(tag, (pieces.get(tag) ?? 0) + 1)
  const wrong = []
  let unknown = 0, unknownThere = 0
  for (const [tag, w] of work) {
    const n = entries.get(tag) ?? 0, p = pieces.get(tag) ?? 0
    if (w.kind === 'rolledBack') { if (n || p) wrong.push(`${tag}: rolled back, but there`); continue }
    if (w.acked && n !== 1) wrong.push(`${tag}: acknowledged, but ${n} times there`)
    if (n > 1 || p !== n * parts[w.kind]) wrong.push(`${tag}: half done: ${n} entries, ${p} parts`)
    if (!w.acked) { unknown++; unknownThere += n }
  }
  for (const tag of entries.keys()) if (!work.has(tag)) wrong.push(`${tag}: from nowhere`)
  assert.deepEqual(wrong, [])
  return { unknown, unknownThere }
}

const CLIENTS = 8
const begun = Date.now()
let acked = 0, kills = 0
await check(`kill -9 in the middle of ${WANTED} transactions from ${CLIENTS} clients, again and again`, async () => {
  // Early, in the middle, late; and then at moments of chance until enough was acknowledged.
  const moments = [3, 15, 40, 80, 150, 300]
  for (let round = 0; (acked < WANTED || round < 8) && Date.now() - begun < 100000; round++) {
    const s = await serve(['--schema', schemaFile, '--url', `file:${db}`, '--log-level', 'warn'])
    judge() // before anything is written: recovery alone must have put all in order
    const left = { n: WANTED, acked: 0, refused: [] }
    const all = Array.from({ length: CLIENTS }, (_, i) => client(s, round, `c${i}`, left))
    await sleep(moments[round] ?? 100 + Math.random() * 900)
    assert.equal(s.ended, undefined, `the server ended by itself: ${JSON.stringify(s.ended)} ${s.log()}`)
    await s.stop('SIGKILL')
    // Node's fetch may stay pending for ever when its connection dies in its first moment.
    await Promise.race([Promise.all(all), sleep(2000)])
    assert.deepEqual(left.refused, [], 'a write was refused')
    acked += left.acked
    kills++
    const { unknown, unknownThere } = judge()
    if (round < 3 || round % 4 === 0) console.log(`# kill ${kills}: ${left.acked} acknowledged; of ${unknown} without an answer so far ${unknownThere} are there`)
  }
  assert.ok(acked >= WANTED || process.env.SLOW_BUILD, `only ${acked} were acknowledged in time`)
})
await check('the rest of the work is done after the last crash, and a normal end loses nothing', async () => {
  const s = await serve(['--schema', schemaFile, '--url', `file:${db}`, '--log-level', 'warn'])
  const left = { n: 60, acked: 0, refused: [] }
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(s, 'end', `c${i}`, left)))
  assert.deepEqual({ acked: left.acked, refused: left.refused }, { acked: 60, refused: [] })
  const later = { n: 1e6, acked: 0, refused: [] }
  const all = Array.from({ length: CLIENTS }, (_, i) => client(s, 'drain', `c${i}`, later))
  await sleep(300)
  assert.deepEqual(await s.stop(), { code: 0, signal: null })
  await Promise.all(all)
  judge()
  console.log(`# ${acked} acknowledged over ${kills} kills in ${((Date.now() - begun) / 1000).toFixed(1)} s; ${later.acked} more until a drain`)
})
await done()
