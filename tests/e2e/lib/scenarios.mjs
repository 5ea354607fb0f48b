// The recorded scenarios (tests/corpus/query), their databases, and the JSON protocol of version 6 as a way to run them.
import { spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { root, run, serve, tmp } from './harness.mjs'

/** All scenarios, by name; those only whose name matches ONLY when it is set. */
export function scenarios() {
  const data = path.join(tmp, 'corpus')
  fs.mkdirSync(data, { recursive: true })
  const tar = spawnSync('tar', ['-xJf', path.join(root, 'tests/corpus/query/sqlite.tar.xz'), '-C', data], { encoding: 'utf8' })
  if (tar.status !== 0) throw new Error(tar.stderr)
  const find = (d) => fs.readdirSync(d, { withFileTypes: true }).flatMap((e) => e.isDirectory() ? find(path.join(d, e.name)) : e.name.endsWith('.json') ? [path.join(d, e.name)] : [])
  const all = find(data).sort().map((f) => JSON.parse(fs.readFileSync(f, 'utf8')))
  return process.env.ONLY ? all.filter((sc) => new RegExp(process.env.ONLY).test(sc.name)) : all
}

/** A new database of the scenario: its path. */
export function fresh(sc, name) {
  const file = path.join(tmp, `${name}.db`), ddl = path.join(tmp, 'ddl.sql')
  for (const s of ['', '-wal', '-shm']) fs.rmSync(file + s, { force: true })
  fs.writeFileSync(ddl, sc.ddl)
  const r = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', ddl])
  if (r.status !== 0) throw new Error(`${sc.name}: ${r.stderr}`)
  return file
}

const failure = (errs) => { const u = errs[0].user_facing_error; return { error: { error_code: u.error_code ?? null, message: u.message, meta: u.meta } } }
const entry = (r) => r.errors ? failure(r.errors) : { data: Object.values(r.data)[0] }
/** What came over the JSON protocol, in the form of a step's `expect`. */
export function decode(status, j) {
  if (j?.errors) return failure(j.errors)
  if (j?.batchResult) return { batch: j.batchResult.map(entry) }
  if (status >= 400 || !j) return { error: { error_code: j?.error_code ?? `HTTP ${status}`, message: j?.message } }
  return j.data === null ? { data: null } : entry(j)
}

/** A server on the database `file` that speaks the JSON protocol: {step(step): what it answered, server, stop()}. */
export async function jsonDoor(sc, file) {
  const s = await serve(['--url', `file:${file}`, '--log-level', 'error', '--sqlite-sync', 'normal'])
  const b64 = Buffer.from(sc.schema).toString('base64'), at = `${s.url}/6.19.3/${crypto.createHash('sha256').update(b64).digest('hex')}`
  const http = async (method, url, body) => {
    const r = await fetch(url, { method, headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(30000) })
    const text = await r.text()
    let json
    try { json = JSON.parse(text) } catch { json = undefined }
    return { status: r.status, json, text }
  }
  const missing = await http('POST', at + '/graphql', '{}')
  if (missing.status !== 404 || missing.json?.EngineNotStarted?.reason !== 'SchemaMissing') throw new Error('an unknown schema must be asked for: ' + missing.text)
  const put = await http('PUT', at + '/schema', b64)
  if (put.status >= 300) throw new Error(`${sc.name}: schema refused: ${put.text}`)
  const tx = {}
  async function step(step) {
    if (step.itx === 'start') {
      const r = await http('POST', at + '/transaction/start', JSON.stringify({ max_wait: step.options.maxWait, timeout: step.options.timeout, isolation_level: step.options.isolationLevel ?? undefined }))
      tx[step.tx] = r.json?.['data-proxy']?.endpoint
      return r.json?.id ? { data: null } : decode(r.status, r.json)
    }
    if (step.itx) {
      const r = await http('POST', `${tx[step.tx]}/${step.itx}`)
      return r.status >= 300 ? decode(r.status, r.json) : { data: null }
    }
    const body = step.batch ? { batch: step.batch, transaction: step.transaction ? { isolationLevel: step.transaction.isolationLevel ?? undefined } : undefined } : step.request
    const r = await http('POST', (step.tx ? tx[step.tx] : at) + '/graphql', JSON.stringify(body))
    return decode(r.status, r.json)
  }
  async function stop() {
    const end = await s.stop()
    if (end.code !== 0) throw new Error(`${sc.name}: the server ended with ${JSON.stringify(end)}: ${s.log()}`)
  }
  return { step, stop, server: s }
}
