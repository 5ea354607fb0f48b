// Money moves between accounts in interactive transactions, of 8 clients at once: with Serializable isolation and retries, and with
// SELECT ... FOR UPDATE. The sum never changes, and no lock is left. Seats: 1,000 optimistic updates race, none is lost.
// MONEY_SECONDS: how long each way runs (2; the long form is 60).
import assert from 'node:assert'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, done, op, serve, sleep, tmp } from './lib/harness.mjs'
import * as my from './lib/mariadb.mjs'
import * as pg from './lib/pg.mjs'

const SECONDS = Number(process.env.MONEY_SECONDS ?? 2), CLIENTS = 8, ACCOUNTS = 100, START = 1000
const db = (u) => new URL(u).pathname.slice(1)
const databases = [
  { provider: 'postgresql', q: '"', ph: (n) => `$${n}`, make: (ddl) => pg.database(ddl), ask: (u, t) => pg.sql(u, t), waiting: (u) => pg.sql(u, 'SELECT count(*) FROM pg_locks WHERE NOT granted') },
  { provider: 'mysql', q: '`', ph: () => '?', make: (ddl) => my.database(ddl), ask: (u, t) => my.sql(t, db(u)), waiting: () => my.sql("SELECT count(*) FROM information_schema.innodb_trx") },
]

for (const d of databases) {
  const t = (name) => d.q + name + d.q
  const rows = Array.from({ length: ACCOUNTS }, (_, i) => `(${i + 1}, ${START})`).join(', ')
  const url = d.make(`CREATE TABLE ${t('Account')} (${t('id')} INTEGER PRIMARY KEY, ${t('balance')} INTEGER NOT NULL); INSERT INTO ${t('Account')} VALUES ${rows}; CREATE TABLE ${t('Seat')} (${t('id')} INTEGER PRIMARY KEY, ${t('taken')} INTEGER NOT NULL, ${t('version')} INTEGER NOT NULL); INSERT INTO ${t('Seat')} VALUES (1, 0, 0);`)
  const file = path.join(tmp, `money-${d.provider}.prisma`)
  fs.writeFileSync(file, `datasource db {\n  provider = "${d.provider}"\n  url = env("U")\n}\nmodel Account {\n  id Int @id\n  balance Int\n}\nmodel Seat {\n  id Int @id\n  taken Int\n  version Int\n}\n`)
  const s = await serve(['--url', url + (url.includes('?') ? '&' : '?') + 'connection_limit=10', '--schema', file, '--log-level', 'error'])
  const raw = async (tx, kind, sql, args) => {
    const types = args.map(() => ({ arity: 'scalar', scalarType: 'int', dbType: 'INT4' }))
    const r = await ask(s, { plan: { type: kind, args: { type: 'rawSql', sql, args, argTypes: types } }, params: {} }, { path: `/transaction/${tx}/query` })
    if (r.status !== 200) throw Object.assign(new Error(r.text), { code: r.json?.code, text: r.text })
    return r.json.data
  }
  /** One transfer; false when the database asked to try again. */
  async function transfer(isolationLevel, lock) {
    const a = 1 + Math.floor(Math.random() * ACCOUNTS), b = 1 + (a + Math.floor(Math.random() * (ACCOUNTS - 1))) % ACCOUNTS
    const amount = 1 + Math.floor(Math.random() * 20)
    const begin = await ask(s, { maxWait: 10000, timeout: 10000, isolationLevel }, { path: '/transaction/start' })
    assert.equal(begin.status, 200, begin.text)
    const tx = begin.json.id
    const end = (how) => ask(s, {}, { path: `/transaction/${tx}/${how}` })
    try {
      // With locks the order must be the same for everybody, or two would wait for each other.
      const balance = {}
      for (const id of [a, b].sort((x, y) => x - y)) {
        const r = await raw(tx, 'query', `SELECT ${t('balance')} FROM ${t('Account')} WHERE ${t('id')} = ${d.ph(1)}${lock}`, [id])
        balance[id] = Number(Array.isArray(r) ? Object.values(r[0])[0] : r.rows[0][0])
      }
      for (const [id, n] of [[a, balance[a] - amount], [b, balance[b] + amount]]) {
        await raw(tx, 'execute', `UPDATE ${t('Account')} SET ${t('balance')} = ${d.ph(1)} WHERE ${t('id')} = ${d.ph(2)}`, [n, id])
      }
      const c = await end('commit')
      if (c.status === 200) return true
      if (/40001|40P01|1213|P2034|deadlock|serialize/i.test(c.text)) return false
      throw new Error(c.text)
    } catch (e) {
      await end('rollback')
      if (/40001|40P01|1213|P2034|deadlock|serialize/i.test(e.text ?? '')) return false
      throw e
    }
  }
  const sum = () => Number(d.ask(url, `SELECT sum(${t('balance')}) FROM ${t('Account')}`))

  for (const [name, level, lock] of [['Serializable with retries', 'SERIALIZABLE', ''], ['FOR UPDATE', undefined, ' FOR UPDATE']]) {
    await check(`${d.provider}: money moves, ${name}`, async () => {
      let moved = 0, again = 0
      const until = Date.now() + SECONDS * 1000
      await Promise.all(Array.from({ length: CLIENTS }, async () => {
        while (Date.now() < until) (await transfer(level, lock)) ? moved++ : again++
      }))
      assert.ok(moved > 0)
      assert.equal(sum(), ACCOUNTS * START)
      if (lock) assert.equal(again, 0, 'locks in one order need no second try')
      let left
      for (let i = 0; i < 50 && (left = Number(d.waiting(url))) > 0; i++) await sleep(20)
      assert.equal(left, 0, 'no lock is left')
      console.log(`# ${d.provider}, ${name}: ${moved} transfers in ${SECONDS} s (${Math.round(moved / SECONDS)} a second), ${again} tried again`)
    })
  }

  await check(`${d.provider}: seats: 1,000 racing optimistic updates, none lost`, async () => {
    let won = 0, lost = 0
    const one = async () => {
      for (;;) {
        const seat = (await ask(s, op('Seat', 'findUnique', { where: { id: 1 } }))).json.data
        const { taken, version } = Object.values(seat)[0]
        const r = await ask(s, op('Seat', 'updateMany', { where: { id: 1, version }, data: { taken: taken + 1, version: version + 1 } }, { count: true }))
        const n = Object.values(r.json.data)[0].count
        if (n === 1) { won++; return }
        assert.equal(n, 0)
        lost++
      }
    }
    let left = 1000
    await Promise.all(Array.from({ length: CLIENTS }, async () => { while (left-- > 0) await one() }))
    assert.equal(won, 1000)
    assert.equal(d.ask(url, `SELECT ${t('taken')} FROM ${t('Seat')}`), '1000')
    console.log(`# ${d.provider}: 1,000 updates won, ${lost} tries lost against another`)
  })
  await s.stop()
}
await done()
