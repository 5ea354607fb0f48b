// Replays the recorded scenarios (tests/corpus/query) twice, each on a fresh database: over HTTP as clients of version 6 speak, and
// through `nicol query`. Both must give what the reference gave. Steps that differ for a known reason stand in
// tests/corpus/query/known.json, each with its reason; one that passes although it stands there is a failure too.
import { spawn, spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { count, done, nicol, root, run, serve, tmp } from './lib/harness.mjs'
import { diffStep } from '../corpus/tools/compare.mjs'

const data = path.join(tmp, 'corpus')
fs.mkdirSync(data, { recursive: true })
const tar = spawnSync('tar', ['-xJf', path.join(root, 'tests/corpus/query/sqlite.tar.xz'), '-C', data], { encoding: 'utf8' })
if (tar.status !== 0) throw new Error(tar.stderr)
const find = (d) => fs.readdirSync(d, { withFileTypes: true }).flatMap((e) => e.isDirectory() ? find(path.join(d, e.name)) : e.name.endsWith('.json') ? [path.join(d, e.name)] : [])
const known = JSON.parse(fs.readFileSync(path.join(root, 'tests/corpus/query/known.json'), 'utf8'))

function fresh(sc, name) {
  const file = path.join(tmp, `${name}.db`), ddl = path.join(tmp, 'ddl.sql')
  for (const s of ['', '-wal', '-shm']) fs.rmSync(file + s, { force: true })
  fs.writeFileSync(ddl, sc.ddl)
  const r = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', ddl])
  if (r.status !== 0) throw new Error(`${sc.name}: ${r.stderr}`)
  return `file:${file}`
}

const failure = (errs) => { const u = errs[0].user_facing_error; return { error: { error_code: u.error_code ?? null, message: u.message, meta: u.meta } } }
const entry = (r) => r.errors ? failure(r.errors) : { data: Object.values(r.data)[0] }
function decode(status, j) {
  if (j?.errors) return failure(j.errors)
  if (j?.batchResult) return { batch: j.batchResult.map(entry) }
  if (status >= 400 || !j) return { error: { error_code: j?.error_code ?? `HTTP ${status}`, message: j?.message } }
  return j.data === null ? { data: null } : entry(j)
}

/** Answers of every step over HTTP. */
async function overHttp(sc) {
  const s = await serve(['--url', fresh(sc, 'http'), '--log-level', 'error', '--sqlite-sync', 'normal'])
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
  const tx = {}, out = []
  for (const step of sc.steps) {
    if (step.itx === 'start') {
      const r = await http('POST', at + '/transaction/start', JSON.stringify({ max_wait: step.options.maxWait, timeout: step.options.timeout, isolation_level: step.options.isolationLevel ?? undefined }))
      tx[step.tx] = r.json?.['data-proxy']?.endpoint
      out.push(r.json?.id ? { data: null } : decode(r.status, r.json))
    } else if (step.itx) {
      const r = await http('POST', `${tx[step.tx]}/${step.itx}`)
      out.push(r.status >= 300 ? decode(r.status, r.json) : { data: null })
    } else {
      const body = step.batch ? { batch: step.batch, transaction: step.transaction ? { isolationLevel: step.transaction.isolationLevel ?? undefined } : undefined } : step.request
      const r = await http('POST', (step.tx ? tx[step.tx] : at) + '/graphql', JSON.stringify(body))
      out.push(decode(r.status, r.json))
    }
  }
  const end = await s.stop()
  if (end.code !== 0) throw new Error(`${sc.name}: the server ended with ${JSON.stringify(end)}: ${s.log()}`)
  return out
}

/** The same through `nicol query`, line by line. */
async function throughQuery(sc) {
  const url = fresh(sc, 'query'), schema = path.join(tmp, 'query.prisma')
  fs.writeFileSync(schema, sc.schema)
  const child = spawn(nicol, ['query', '--schema', schema, '--url', url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const out = []
  for (const step of sc.steps) {
    const line = step.itx ? { itx: step.itx, tx: step.tx, options: step.options } : step.batch ? { tx: step.tx, batch: step.batch, transaction: step.transaction } : step.tx ? { tx: step.tx, request: step.request } : step.request
    child.stdin.write(JSON.stringify(line) + '\n')
    const { value, done: ended } = await lines.next()
    if (ended) throw new Error(`${sc.name}: nicol query ended at step ${step.id}`)
    out.push(decode(200, JSON.parse(value)))
  }
  child.stdin.end()
  await new Promise((r) => child.on('exit', r))
  return out
}

const must = /^(app-.*|batch-transactions|compound-id|filter-.*|write-.*|relquery-.*|logic-combinations|nested-create-.*|mapped-names|raw-queries)$/
const totals = { http: [0, 0], query: [0, 0], same: [0, 0] }
let inMust = 0
const show = (what) => { if (totals.http[1] + totals.query[1] + totals.same[1] <= 60) console.log(what) }
for (const file of find(data).sort()) {
  const sc = JSON.parse(fs.readFileSync(file, 'utf8'))
  if (process.env.ONLY && !new RegExp(process.env.ONLY).test(sc.name)) continue
  const [a, b] = [await overHttp(sc), await throughQuery(sc)]
  sc.steps.forEach((step, i) => {
    const reason = known[`${sc.name}#${step.id}`]
    for (const [how, act] of [['http', a[i]], ['query', b[i]]]) {
      const d = diffStep(step, act)
      const good = reason ? Boolean(d) : !d
      totals[how][good ? 0 : 1]++
      if (!good) show(`not ok - ${how} ${sc.name}#${step.id} [${step.cat}] ${reason ? 'passes, but is listed as known: ' + reason : d}`)
      if (good && must.test(sc.name)) inMust++
    }
    // Two fresh databases make different ids and times: those are compared by their kind, all else exactly.
    const varies = JSON.stringify(step.expect).includes('"$any"')
    const same = varies || JSON.stringify(a[i]) === JSON.stringify(b[i])
    totals.same[same ? 0 : 1]++
    if (!same) show(`not ok - ${sc.name}#${step.id}: HTTP and query differ: ${JSON.stringify(a[i]).slice(0, 200)} / ${JSON.stringify(b[i]).slice(0, 200)}`)
  })
}
console.log(`over HTTP ${totals.http[0]} of ${totals.http[0] + totals.http[1]} steps, through query ${totals.query[0]} of ${totals.query[0] + totals.query[1]}, the same answer ${totals.same[0]} of ${totals.same[0] + totals.same[1]}; ${Object.keys(known).length} steps are known to differ`)
count(totals.http[0] + totals.query[0] + totals.same[0], totals.http[1] + totals.query[1] + totals.same[1])
await done()
