// Recorded scenarios of a database on the network (tests/corpus/query/PROVIDER.tar.xz), each on an emptied database: over HTTP as
// clients of version 6 speak, through `nicol query`, and as plans of the real client of version 7. Steps that differ for a known
// reason stand in known-PROVIDER.json, those of plans with "plan " before them; one that passes although it stands there is a
// failure too. DOORS=query runs only some doors, ONLY=regex some scenarios, ALL=1 shows all failures.
import { spawn, spawnSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { count, nicol, root, serve, tmp } from './harness.mjs'
import { client7, dmmf, urlOf } from './client7.mjs'
import { diffStep } from '../../corpus/tools/compare.mjs'

const failure = (errs) => { const u = errs[0].user_facing_error; return { error: { error_code: u.error_code ?? null, message: u.message, meta: u.meta } } }
const entry = (r) => r.errors ? failure(r.errors) : { data: Object.values(r.data)[0] }
function decode(status, j) {
  if (j?.errors) return failure(j.errors)
  if (j?.batchResult) return { batch: j.batchResult.map(entry) }
  if (status >= 400 || !j) return { error: { error_code: j?.error_code ?? `HTTP ${status}`, message: j?.message } }
  return j.data === null ? { data: null } : entry(j)
}

async function overHttp(sc, fresh) {
  const s = await serve(['--url', fresh(sc), '--log-level', 'error'])
  const b64 = Buffer.from(sc.schema).toString('base64'), at = `${s.url}/6.19.3/${crypto.createHash('sha256').update(b64).digest('hex')}`
  const http = async (method, url, body) => {
    const r = await fetch(url, { method, headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(30000) })
    const text = await r.text()
    let json
    try { json = JSON.parse(text) } catch { json = undefined }
    return { status: r.status, json, text }
  }
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

async function throughQuery(sc, fresh) {
  const url = fresh(sc), schema = path.join(tmp, 'recorded.prisma')
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

/** What the compiler hands out besides JSON. */
const plain = (_, v) => typeof v === 'bigint' ? Number(v) : v instanceof Map ? Object.fromEntries(v) : v
/** An error of the client as the recording has it: the adapter's facts without the words of the database. */
function clientFailure(e) {
  if (!e.code) return { error: { error_code: null, message: e.message } }
  const { driverAdapterError, table, ...meta } = e.meta ?? {}
  if (driverAdapterError) {
    const { originalMessage, extendedCode, ...db } = driverAdapterError.cause
    return { error: { error_code: e.code, message: e.message, meta: { ...meta, db: { ...db, ...(table ? { table } : {}) } } } }
  }
  return { error: { error_code: e.code, message: e.message, meta: JSON.parse(JSON.stringify(meta, plain)) } }
}
const clientEntry = (r) => r instanceof Error ? clientFailure(r) : { data: Object.values(r.data)[0] }

async function asPlans(sc, fresh) {
  const s = await serve(['--url', fresh(sc), '--log-level', 'error']), out = [], tx = {}
  const client = client7(sc.schema, { accelerateUrl: urlOf(s) }, dmmf(sc.schema)), engine = client._engine
  const step7 = async (step) => {
    const level = (o) => ({ ...o, isolationLevel: o.isolationLevel ?? undefined })
    if (step.itx === 'start') { tx[step.tx] = await engine.transaction('start', {}, level(step.options)); return { data: null } }
    if (step.itx) { await engine.transaction(step.itx, {}, tx[step.tx]); return { data: null } }
    const requests = step.batch ?? [step.request]
    if (requests.length === 1) { // as the client does it: a batch of one is a request
      const r = clientEntry(await engine.request(requests[0], { interactiveTransaction: tx[step.tx] }))
      return step.batch ? { batch: [r] } : r
    }
    const transaction = step.tx ? { kind: 'itx', options: tx[step.tx] } : step.transaction ? { kind: 'batch', options: level(step.transaction) } : undefined
    return { batch: (await engine.requestBatch(requests, { transaction })).map(clientEntry) }
  }
  for (const step of sc.steps) out.push(await step7(step).catch(clientFailure))
  await client.$disconnect()
  const end = await s.stop()
  if (end.code !== 0) throw new Error(`${sc.name}: the server ended with ${JSON.stringify(end)}: ${s.log()}`)
  return out
}

/** fresh: a scenario's URL, of a database with its tables and nothing else. */
export async function replay(provider, fresh) {
  const corpus = path.join(root, 'tests/corpus/query'), data = path.join(tmp, 'recorded')
  fs.mkdirSync(data, { recursive: true })
  const tar = spawnSync('tar', ['-xJf', path.join(corpus, `${provider}.tar.xz`), '-C', data], { encoding: 'utf8' })
  if (tar.status !== 0) throw new Error(tar.stderr)
  const folder = path.join(data, provider), known = JSON.parse(fs.readFileSync(path.join(corpus, `known-${provider}.json`), 'utf8'))
  const doors = (process.env.DOORS ?? 'http query plan').split(' '), totals = { http: [0, 0], query: [0, 0], plan: [0, 0] }
  let shown = 0
  for (const file of fs.readdirSync(folder).sort()) {
    const sc = JSON.parse(fs.readFileSync(path.join(folder, file), 'utf8'))
    if (process.env.ONLY && !new RegExp(process.env.ONLY).test(sc.name)) continue
    for (const how of doors) {
      const answers = await { http: overHttp, query: throughQuery, plan: asPlans }[how](sc, fresh)
      sc.steps.forEach((step, i) => {
        const reason = known[`${how === 'plan' ? 'plan ' : ''}${sc.name}#${step.id}`], d = diffStep(step, answers[i])
        const good = reason ? Boolean(d) : !d
        totals[how][good ? 0 : 1]++
        if (!good && (process.env.ALL || shown++ < 60)) console.log(`not ok - ${how} ${sc.name}#${step.id} [${step.cat}] ${reason ? 'passes, but is listed as known: ' + reason : d}`)
      })
    }
  }
  for (const how of doors) console.log(`${how}: ${totals[how][0]} of ${totals[how][0] + totals[how][1]} steps`)
  console.log(`${Object.keys(known).length} steps are known to differ`)
  for (const how of doors) count(...totals[how])
}
