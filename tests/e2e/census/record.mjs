// Records what the real 7.10 runtime gives in process, with better-sqlite3, for every recorded plan: node record.mjs > expected.json
//
// Not part of a test run: better-sqlite3 must be built from source for it. In an empty folder:
//   npm i --ignore-scripts @prisma/adapter-better-sqlite3@7.10.0 @prisma/client-engine-runtime@7.10.0 better-sqlite3@12.4.1
//   (cd node_modules/better-sqlite3 && npx node-gyp rebuild --release)
//   node .../record.mjs .../plans-7.10.0-sqlite.jsonl .../data.sql > expected.json
// Each plan runs twice, on fresh databases: what differs between the runs (ids, times) is recorded as {"$any": kind}.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createRequire } from 'node:module'

const require = createRequire(path.join(process.cwd(), 'package.json'))
const { PrismaBetterSqlite3 } = require('@prisma/adapter-better-sqlite3')
const { QueryInterpreter, TransactionManager, noopTracingHelper, normalizeJsonProtocolValues, normalizeRawJsonProtocolResponse } = require('@prisma/client-engine-runtime')
const Database = require('better-sqlite3')

const [plans, data] = process.argv.slice(2)
const tables = ['User', 'Profile', 'Post', 'Comment', 'Tag', 'Membership', 'Group', '_PostToTag']
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'census-'))

async function once(op, n) {
  const file = path.join(dir, `${n}.db`)
  fs.rmSync(file, { force: true })
  const setup = new Database(file)
  setup.exec(fs.readFileSync(data, 'utf8'))
  setup.close()
  const adapter = await new PrismaBetterSqlite3({ url: `file:${file}` }).connect()
  const manager = new TransactionManager({ driverAdapter: adapter, transactionOptions: { maxWait: 2000, timeout: 5000 }, tracingHelper: noopTracingHelper, provider: 'sqlite' })
  const interpreter = QueryInterpreter.forSql({ tracingHelper: noopTracingHelper, provider: 'sqlite', connectionInfo: { supportsRelationJoins: false } })
  let answer
  try {
    const r = await interpreter.run(op.plan, { queryable: adapter, transactionManager: { enabled: true, manager }, scope: op.params })
    answer = { data: op.operation === 'queryRaw' ? normalizeRawJsonProtocolResponse(r) : normalizeJsonProtocolValues(r) }
  } catch (e) {
    answer = { error: { code: e.code ?? null, message: e.message, meta: e.meta ?? {} } }
  }
  await adapter.dispose()
  const db = new Database(file)
  db.defaultSafeIntegers(true)
  const state = Object.fromEntries(tables.map((t) => [t, db.prepare(`SELECT * FROM "${t}" ORDER BY rowid`).raw().all().map((row) => row.map((c) => typeof c === 'bigint' ? String(c) : c))]))
  db.close()
  return JSON.parse(JSON.stringify({ ...answer, state }, (_, v) => typeof v === 'bigint' ? String(v) : v))
}

const kind = (v) => typeof v !== 'string' ? 'any'
  : /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(v) ? 'uuid' : /^\d{4}-\d\d-\d\dT/.test(v) ? 'DateTime' : /^[0-9A-HJKMNP-TV-Z]{26}$/.test(v) ? 'ulid' : /^c[a-z0-9]{24}$/.test(v) ? 'cuid' : /^[a-z][a-z0-9]{23}$/.test(v) ? 'cuid2' : 'nanoid'
function merge(a, b) {
  if (a && b && typeof a === 'object' && typeof b === 'object') return Array.isArray(a) ? a.map((x, i) => merge(x, b[i])) : Object.fromEntries(Object.keys(a).map((k) => [k, merge(a[k], b[k])]))
  return a === b ? a : { $any: kind(a) }
}

const ops = fs.readFileSync(plans, 'utf8').trim().split('\n').map((l) => JSON.parse(l))
const out = []
for (const [i, op] of ops.entries()) {
  const first = await once(op, `${i}a`)
  await new Promise((r) => setTimeout(r, 5))
  out.push({ op: op.op, ...merge(first, await once(op, `${i}b`)) })
}
fs.rmSync(dir, { recursive: true })
console.log('[\n' + out.map((o) => JSON.stringify(o)).join(',\n') + '\n]')
