// What the suites of faults share: requests over bare sockets, bodies of both protocols, and a look at the server's process.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import { ask, check, op, sleep } from './harness.mjs'

export const auth = 'Authorization: Bearer any\r\n'

/** Sends bytes as they are; resolves to what came back: {text, status, body, closed}. Ends when the server closes, when
 *  `until(text)` holds, or after `wait` ms. */
export function sendRaw(s, bytes, { wait = 3000, until, end = false } = {}) {
  return new Promise((resolve, reject) => {
    const [host, port] = [s.host.slice(0, s.host.lastIndexOf(':')), Number(s.host.slice(s.host.lastIndexOf(':') + 1))]
    const c = net.connect(port, host)
    let text = ''
    const finish = (closed) => {
      clearTimeout(t)
      c.destroy()
      resolve({ text, closed, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), body: text.slice(text.indexOf('\r\n\r\n') + 4) })
    }
    const t = setTimeout(() => finish(false), wait)
    c.on('connect', () => { for (const b of [bytes].flat()) c.write(b); if (end) c.end() })
    c.on('data', (d) => { text += d.toString('latin1'); if (until?.(text)) finish(false) })
    c.on('close', () => finish(true))
    c.on('error', (e) => { if (e.code === 'ECONNRESET' || e.code === 'EPIPE') finish(true); else { clearTimeout(t); reject(e) } })
  })
}

/** A request that may have any head. */
export const requestText = (s, method, path, { headers = '', body = '', host = s.host } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** An answer is complete: its Content-Length bytes are here. */
export const answered = (text) => {
  const m = /\r\ncontent-length: (\d+)\r\n/i.exec(text)
  return m && text.length >= text.indexOf('\r\n\r\n') + 4 + Number(m[1])
}

// --- bodies of the plan protocol ---------------------------------------------------------------------------------------

const argType = (v) => ({ arity: 'scalar', scalarType: typeof v === 'number' ? (Number.isInteger(v) ? 'int' : 'decimal') : typeof v === 'string' ? 'string' : 'unknown', dbType: null })
export const rawPlan = (sql, args = [], type = 'query') => ({ type, args: { type: 'rawSql', sql, args, argTypes: args.map(argType) } })
/** A compiled statement: `?` in the text marks the arguments. */
export function templatePlan(sql, args = [], type = 'query', types = args.map(argType)) {
  const fragments = []
  sql.split('?').forEach((chunk, i) => { if (i) fragments.push({ type: 'parameter' }); if (chunk) fragments.push({ type: 'stringChunk', chunk }) })
  return { type, args: { type: 'templateSql', fragments, args, argTypes: types, placeholderFormat: { prefix: '?', hasNumbering: false }, chunkable: true } }
}
export const planBody = (plan, params = {}, more = {}) => ({ model: 'User', operation: 'findMany', plan, params, ...more })
export const runPlan = (s, plan, params, opts = {}) => ask(s, planBody(plan, params), { path: '/query', ...opts })
export const runRaw = (s, sql, args = [], opts = {}) => ask(s, planBody(rawPlan(sql, args, opts.type)), { path: '/query', ...opts })
/** The same raw text through the JSON protocol. */
export const jsonRaw = (s, sql, args = [], { action = 'queryRaw', ...opts } = {}) =>
  ask(s, { action, query: { arguments: { query: sql, parameters: JSON.stringify(args) }, selection: {} } }, opts)

/** One value of one row, by raw SQL. */
export async function cell(s, sql, opts) {
  const r = await runRaw(s, sql, [], opts)
  assert.equal(r.status, 200, r.text)
  return r.json.data.rows[0][0]
}

// --- errors and health -------------------------------------------------------------------------------------------------

/** The error of an answer, whichever protocol it is in: {status, code, message, meta}. */
export function errorOf(r) {
  const j = r.json
  if (j?.errors) return { status: r.status, code: j.errors[0].user_facing_error.error_code, message: j.errors[0].error, meta: j.errors[0].user_facing_error.meta }
  if (j && 'is_panic' in j) return { status: r.status, code: j.error_code, message: j.message, meta: j.meta }
  if (j && 'error' in j) return { status: r.status, code: j.code, message: j.error, meta: j.meta }
  return { status: r.status, code: undefined, message: r.text }
}
/** Asserts an error: HTTP status, code (undefined: none), and every pattern in the message. */
export function assertError(r, status, code, ...patterns) {
  const e = errorOf(r)
  const seen = `${e.status} ${e.code}: ${String(e.message).slice(0, 600)}`
  assert.equal(e.status, status, seen)
  assert.equal(e.code, code, seen)
  for (const p of patterns) assert.match(String(e.message), p, seen)
  return e
}

/** Queries of both protocols, as if nothing had happened. */
export async function assertServing(s, opts = {}) {
  if (s.ended) throw new Error(`the server has ended: ${JSON.stringify(s.ended)}\n${s.log().slice(-3000)}`)
  const a = await ask(s, op('User', 'findFirst', { orderBy: [{ id: 'asc' }] }, { id: true }), opts)
  assert.equal(a.status, 200, `not serving any more (JSON protocol): ${a.text.slice(0, 500)}`)
  assert.ok(a.json.data?.findFirstUser?.id, `not serving any more (JSON protocol): ${a.text.slice(0, 500)}`)
  const b = await runPlan(s, templatePlan('SELECT id FROM `User` LIMIT ?', [1]), {}, opts)
  assert.equal(b.json?.data?.length, 1, `not serving any more (plan protocol): ${b.text.slice(0, 500)}`)
}
/** A check after which the server must still be serving. */
export const attack = (s, name, fn, opts) => check(name, async () => { await fn(); await assertServing(s, opts) })

/** {rss: bytes, fds: count} of a process. */
export function look(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  return { rss: Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024, fds: fs.readdirSync(`/proc/${pid}/fd`).length }
}
/** CPU seconds that a process has used. */
export function cpu(pid) {
  const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(f[11]) + Number(f[12])) / 100
}
/** Waits until fn gives something true. */
export async function eventually(fn, what, ms = 5000) {
  const end = Date.now() + ms
  for (;;) {
    const v = await fn()
    if (v) return v
    if (Date.now() > end) throw new Error(`did not happen in ${ms} ms: ${what}`)
    await sleep(25)
  }
}
/** The sqlite3 program on a file. */
export function sqlite(file, sql) {
  const r = spawnSync('sqlite3', ['-batch', '-cmd', '.timeout 10000', file, sql], { encoding: 'utf8' })
  assert.equal(r.status, 0, r.stderr)
  return r.stdout.trim()
}
