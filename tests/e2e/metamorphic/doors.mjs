// A database with random rows, and the ways to ask it: `nicol query` in this process' child, line by line, and a server over HTTP.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { nicol, run, serve, tmp } from '../lib/harness.mjs'
import { modelOf, relationFields, toSchema, toSql } from './schema.mjs'
import { decode, shape, text } from './oracle.mjs'
import { makeWorld, whereKey } from './values.mjs'

/** What a check found: kind says what went wrong in a word (a case is cut down while that stays), the rest is for people. */
export class Failure extends Error {
  constructor(kind, told) { super(kind); this.kind = kind; this.told = told }
}
/** Why this case could not be judged: it is not a failure. */
export class Unfit extends Error {}

export const op = (modelName, action, args = {}, selection = { $scalars: true }) => ({ modelName, action, query: { arguments: args, selection } })

let serial = 0
const open = new Set()
export async function closeAll() { for (const x of [...open]) await x.close() }

/** `nicol query` on a file: ask(line) gives the parsed answer. */
export class QueryDoor {
  constructor(schemaFile, url) {
    this.child = spawn(nicol, ['query', '--schema', schemaFile, '--url', url], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.told = ''
    this.child.stderr.setEncoding('utf8').on('data', (d) => { this.told += d })
    this.waiting = []
    readline.createInterface({ input: this.child.stdout }).on('line', (l) => this.waiting.shift()?.resolve(JSON.parse(l)))
    this.ended = new Promise((r) => this.child.on('close', (code, signal) => {
      this.over = { code, signal }
      for (const w of this.waiting.splice(0)) w.reject(new Failure('crash', { ended: this.over, told: this.told.slice(-4000) }))
      open.delete(this)
      r(this.over)
    }))
    this.child.stdin.on('error', () => {})
    open.add(this)
  }
  ask(line) {
    if (this.over) return Promise.reject(new Failure('crash', { ended: this.over, told: this.told.slice(-4000) }))
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.child.stdin.write(JSON.stringify(line) + '\n')
    })
  }
  async close() {
    this.child.stdin.end()
    const end = await this.ended
    // 1: one of the operations failed, which may be what a check wanted.
    if (end.signal || end.code > 1) throw new Failure('crash', { ended: end, told: this.told.slice(-4000) })
  }
}

/** The same file behind a server, asked as clients of version 6 do. */
export class HttpDoor {
  static async open(schema, file) {
    const d = new HttpDoor()
    d.server = await serve(['--url', `file:${file}`, '--log-level', 'error', '--sqlite-sync', 'normal'])
    const b64 = Buffer.from(schema).toString('base64')
    d.at = `${d.server.url}/6.19.3/${crypto.createHash('sha256').update(b64).digest('hex')}`
    await d.send('PUT', d.at + '/schema', b64)
    open.add(d)
    return d
  }
  async send(method, url, body) {
    const r = await fetch(url, { method, headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body })
    const answer = await r.text()
    try { return JSON.parse(answer) } catch { return answer }
  }
  ask(body) { return this.send('POST', this.at + '/graphql', JSON.stringify(body)) }
  async close() {
    open.delete(this)
    const end = await this.server.stop()
    if (end.code !== 0) throw new Failure('crash', { ended: end, told: this.server.log().slice(-4000) })
  }
}

/** A case's database with its rows. */
export class Base {
  static async make(spec, data) {
    const b = new Base()
    b.spec = spec
    b.world = makeWorld(spec, data)
    b.schema = toSchema(spec)
    b.name = path.join(tmp, `m${process.pid}-${serial++}`)
    fs.writeFileSync(b.name + '.prisma', b.schema)
    fs.writeFileSync(b.name + '.sql', toSql(spec))
    b.file = b.name + '.db'
    const made = run(['db', 'execute', '--create', '--url', `file:${b.file}`, '--file', b.name + '.sql'])
    if (made.status !== 0) throw new Failure('ddl', { stderr: made.stderr })
    b.query = new QueryDoor(b.name + '.prisma', `file:${b.file}`)
    try { await b.fill(data) } catch (e) { await b.close().catch(() => {}); throw e }
    return b
  }
  async fill(data) {
    for (const m of this.spec.models) {
      const rows = data.rows[m.name]
      if (rows.length === 0) continue
      const made = await this.answer(op(m.name, 'createMany', { data: rows }, { count: true }))
      if (made.count !== rows.length) throw new Failure('fill', { model: m.name, count: made.count })
    }
    for (const rel of this.spec.relations.filter((x) => x.kind === 'm-n')) {
      const a = modelOf(this.spec, rel.from.model), b = modelOf(this.spec, rel.to.model)
      for (const [i, row] of data.rows[a.name].entries()) {
        const to = data.ties[rel.name].filter((t) => t[0] === i).map((t) => whereKey(b, data.rows[b.name][t[1]]))
        if (to.length) await this.answer(op(a.name, 'updateOne', { where: whereKey(a, row), data: { [rel.from.field]: { connect: to } } }, { [a.id[0]]: true }))
      }
    }
  }
  /** The value of one operation; an error is a failure, unless it is about the operation itself. */
  async answer(operation, line = operation, door = this.query) {
    const a = await door.ask(line)
    return value(a, operation)
  }
  /** Runs in an interactive transaction that is rolled back: fn(ask). One process keeps the names of 64 transactions. */
  async inTransaction(fn) {
    if (this.transactions === 60) { await this.query.close(); this.query = await this.fresh(); this.transactions = 0 }
    const tx = `t${this.transactions = (this.transactions ?? 0) + 1}`
    const begun = await this.query.ask({ itx: 'start', tx, options: { maxWait: 20000, timeout: 120000 } })
    if (begun.errors) throw new Failure('start of a transaction', { answer: begun })
    try { return await fn((o) => this.query.ask(o.batch ? { tx, ...o } : { tx, request: o })) } finally { if (!this.query.over) await this.query.ask({ itx: 'rollback', tx }) }
  }
  async http() { return this.server ??= await HttpDoor.open(this.schema, this.file) }
  /** The answer of another door that starts with nothing kept. */
  async fresh() { return new QueryDoor(this.name + '.prisma', `file:${this.file}`) }
  async close() {
    const doors = [this.query, this.server].filter(Boolean)
    const ends = await Promise.allSettled(doors.map((d) => d.close()))
    for (const s of ['.db', '.db-wal', '.db-shm', '.sql', '.prisma']) fs.rmSync(this.name + s, { force: true })
    for (const e of ends) if (e.status === 'rejected') throw e.reason
  }
}

const known = (e) => e.user_facing_error?.error_code ?? 'none'
/** What an answer holds, or a failure. */
export function value(a, operation) {
  if (a?.errors) {
    const e = a.errors[0], code = known(e)
    throw new Failure(`error ${code}`, { operation, answer: e.user_facing_error?.message ?? e.error, meta: e.user_facing_error?.meta })
  }
  if (!a || typeof a !== 'object' || !a.data) throw new Failure('no answer', { operation, answer: a })
  return Object.values(a.data)[0]
}
export const errorOf = (a) => a?.errors ? known(a.errors[0]) : null

/** Everything that the tables hold, as one text: rows in the order of their keys, ties as the rows at the other end. */
export async function state(base, ask = (o) => base.query.ask(o)) {
  const out = {}
  for (const m of base.spec.models) {
    const ties = relationFields(base.spec, m.name).filter((f) => f.rel.kind === 'm-n')
    const selection = { $scalars: true, ...Object.fromEntries(ties.map((f) => { const t = modelOf(base.spec, f.target); return [f.name, { arguments: {}, selection: Object.fromEntries(t.id.map((k) => [k, true])) }] })) }
    const o = op(m.name, 'findMany', {}, selection)
    const rows = decode(base.world, m, value(await ask(o), o))
    for (const row of rows) for (const f of ties) row[f.name] = row[f.name].map(text).sort()
    out[m.name] = rows.map(text).sort()
  }
  return out
}
/** The same of the rows that a case started with. */
export function firstState(world) {
  const out = {}
  for (const m of world.spec.models) {
    const ties = relationFields(world.spec, m.name).filter((f) => f.rel.kind === 'm-n')
    out[m.name] = world.rows[m.name].map((row) => text({
      ...shape(world, row, { $scalars: true }),
      ...Object.fromEntries(ties.map((f) => [f.name, world.related(row, f.name).map((x) => text(Object.fromEntries(x.model.id.map((k) => [k, x.v[k]])))).sort()])),
    })).sort()
  }
  return out
}
