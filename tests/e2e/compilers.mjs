// Two compilers, one executor: random writes on related models go to the server once as operations, which its own
// compiler turns into plans, and once as the plans that the query compiler inside @prisma/client 7.10.0 makes of them. Answers and
// tables afterwards must be the same. Each runs in a transaction that is rolled back, so all start from the same rows.
//
//   SEED=7 COUNT=400 node tests/e2e/compilers.mjs      other operations, more of them
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { install } from './lib/client.mjs'
import { check, done, root, run, serve, tmp } from './lib/harness.mjs'

const here = path.join(root, 'tests/e2e/compilers')
const client = path.join(root, 'examples/js/v7')
install(client)

/** The reference's compiler for a schema: an operation in, a plan out. */
function reference(datamodel) {
  const require = createRequire(import.meta.url)
  const part = (name) => require(path.join(client, 'node_modules/@prisma/client/runtime', `query_compiler_fast_bg.sqlite.${name}`))
  const glue = part('js')
  const module = new WebAssembly.Module(Buffer.from(part('wasm-base64.js').wasm, 'base64'))
  const instance = new WebAssembly.Instance(module, { [WebAssembly.Module.imports(module)[0].module]: glue })
  glue.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start?.()
  const compiler = new glue.QueryCompiler({ datamodel, provider: 'sqlite', connectionInfo: { supportsRelationJoins: false } })
  return (op) => compiler.compile(JSON.stringify(op))
}

/* --- random operations ------------------------------------------------------------------------------------------- */

// relation: [model, list, required, field at the other end, where the foreign key is: here, there, join table]
const models = {
  User: {
    keys: ['id', 'email'], relations: {
      card: ['Card', false, false, 'user', 'there'], badge: ['Badge', false, false, 'user', 'there'], posts: ['Post', true, false, 'author', 'there'],
      boss: ['User', false, false, 'staff', 'here'], staff: ['User', true, false, 'boss', 'there'],
      next: ['User', false, false, 'prev', 'here'], prev: ['User', false, false, 'next', 'there'],
      follows: ['User', true, false, 'followers', 'join'], followers: ['User', true, false, 'follows', 'join'],
    },
  },
  Card: { keys: ['id'], relations: { user: ['User', false, true, 'card', 'here'] } },
  Badge: { keys: ['id'], relations: { user: ['User', false, false, 'badge', 'here'] } },
  Post: { keys: ['id', 'title'], relations: { author: ['User', false, false, 'posts', 'here'], comments: ['Comment', true, false, 'post', 'there'], tags: ['Tag', true, false, 'posts', 'join'] } },
  Comment: { keys: ['id'], relations: { post: ['Post', false, true, 'comments', 'here'] } },
  Tag: { keys: ['id', 'name'], relations: { posts: ['Post', true, false, 'tags', 'join'] } },
  Seat: { keys: ['row_col'], relations: { tickets: ['Ticket', true, false, 'seat', 'there'] } },
  Ticket: { keys: ['id'], relations: { seat: ['Seat', false, false, 'tickets', 'here'] } },
}
const textKey = { User: ['email', 'e'], Post: ['title', 't'], Tag: ['name', 'g'] }

function generator(seed) {
  let serial = 100
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n) => Math.floor(random() * n), pick = (list) => list[below(list.length)], chance = (p) => random() < p
  const some = (make) => { const list = Array.from({ length: 1 + below(3) }, make); return list.length === 1 && chance(0.5) ? list[0] : list }

  function unique(model) {
    const key = pick(models[model].keys)
    if (key === 'row_col') return { row_col: { row: 1 + below(2), col: 1 + below(2) } }
    const n = chance(0.08) ? 77 : 1 + below(4)
    return { [key]: key === 'id' ? n : textKey[model][1] + n, ...(chance(0.1) ? { n: below(4) } : {}) }
  }
  const filter = () => pick([{}, { n: 1 + below(3) }, { n: { gt: 1 } }, { n: { lte: 2 } }])
  function fresh(model) {
    const data = model === 'Seat' ? { row: 1 + below(3), col: serial++ } : { id: chance(0.95) ? serial++ : 1 + below(4) }
    if (textKey[model]) data[textKey[model][0]] = 'x' + serial++
    return chance(0.6) ? { ...data, n: below(9) } : data
  }
  // Never empty: what the reference does with an empty nested update depends on where in its list it stands.
  function change(model) {
    const data = { n: pick([below(9), { increment: 2 }, { multiply: 3 }, { set: 4 }]) }
    return chance(0.1) ? { ...data, [model === 'Seat' ? 'col' : 'id']: serial++ } : data
  }
  function create(model, depth, from) {
    const data = fresh(model)
    for (const [field, [target, list, required, back, fk]] of Object.entries(models[model].relations)) {
      if (field !== from && (required || (depth > 0 && chance(0.3)))) data[field] = nestedCreate(target, list, back, fk, depth - 1)
    }
    return data
  }
  function nestedCreate(target, list, back, fk, depth) {
    const row = () => create(target, depth, back), either = () => ({ where: unique(target), create: row() })
    if (!list) return pick([() => ({ create: row() }), () => ({ connect: unique(target) }), () => ({ connectOrCreate: either() })])()
    const out = {}
    if (chance(0.5)) out.create = some(row)
    if (chance(0.4)) out.connect = some(() => unique(target))
    if (chance(0.3)) out.connectOrCreate = some(either)
    if (fk === 'there' && chance(0.2)) out.createMany = { data: [fresh(target), fresh(target)] }
    return out
  }
  function update(model, depth, from) {
    const data = change(model)
    let nested = 0
    for (const [field, relation] of Object.entries(models[model].relations)) {
      if (field !== from && depth > 0 && chance(nested ? 0.15 : 0.45)) { data[field] = nestedUpdate(...relation, depth - 1); nested++ }
    }
    return data
  }
  function nestedUpdate(target, list, required, back, fk, depth) {
    const row = () => create(target, depth, back), data = () => update(target, depth, back)
    const either = () => ({ where: unique(target), create: row() })
    const needed = models[target].relations[back][2]
    if (!list) {
      const kinds = {
        create: row, connect: () => unique(target), connectOrCreate: either,
        update: () => chance(0.5) ? data() : { where: filter(), data: data() }, upsert: () => ({ create: row(), update: data() }),
        // With a filter the reference lets go of a row that the parent refers to even when the filter does not fit.
        ...(required || needed ? {} : { disconnect: () => fk === 'here' ? true : pick([true, filter()]) }),
        ...(required ? {} : { delete: () => pick([true, filter()]) }),
      }
      const kind = pick(Object.keys(kinds))
      return { [kind]: kinds[kind]() }
    }
    const kinds = {
      create: () => some(row), connect: () => some(() => unique(target)), connectOrCreate: () => some(either), disconnect: () => some(() => unique(target)),
      set: () => pick([[], some(() => unique(target))]), update: () => some(() => ({ where: unique(target), data: data() })),
      updateMany: () => some(() => ({ where: filter(), data: change(target) })), upsert: () => some(() => ({ ...either(), update: data() })),
      delete: () => some(() => unique(target)), deleteMany: () => some(filter),
    }
    return Object.fromEntries(Array.from({ length: chance(0.7) ? 1 : 2 }, () => pick(Object.keys(kinds))).map((kind) => [kind, kinds[kind]()]))
  }
  const scalars = { $scalars: true, $composites: true }
  function selection(model, depth) {
    const out = { ...scalars }
    for (const [field, [target]] of Object.entries(models[model].relations)) {
      if (depth > 0 && chance(0.25)) out[field] = { arguments: {}, selection: selection(target, depth - 1) }
    }
    return out
  }
  const many = {
    updateMany: (model) => ({ where: filter(), data: change(model), ...(chance(0.2) ? { limit: below(3) } : {}) }),
    deleteMany: () => ({ where: filter(), ...(chance(0.2) ? { limit: below(3) } : {}) }),
    updateManyAndReturn: (model) => ({ where: filter(), data: change(model) }),
    createMany: (model) => ({ data: [row(model), row(model)] }),
    createManyAndReturn: (model) => ({ data: [row(model), row(model)] }),
  }
  const row = (model) => ({ ...fresh(model), ...(model === 'Card' ? { userId: 1 + below(5) } : model === 'Comment' ? { postId: 1 + below(5) } : {}) })
  const one = {
    createOne: (model, depth) => ({ data: create(model, depth) }),
    updateOne: (model, depth) => ({ where: unique(model), data: update(model, depth) }),
    deleteOne: (model) => ({ where: unique(model) }),
    upsertOne(model, depth) {
      const where = unique(model), data = { create: create(model, chance(0.5) ? 0 : depth), update: update(model, chance(0.5) ? 0 : depth) }
      const { row_col: seat, n, ...key } = where
      if (n === data.create.n) delete where.n // the reference then asks the database to decide, which may answer null
      if (chance(0.5)) Object.assign(data.create, seat ?? key)
      return { where, ...data }
    },
  }
  return () => {
    const modelName = pick(['User', 'User', 'User', ...Object.keys(models)])
    const action = pick(['updateOne', 'updateOne', 'updateOne', ...Object.keys(one), ...Object.keys(many)])
    const query = { arguments: (one[action] ?? many[action])(modelName, 1 + below(3)), selection: one[action] ? selection(modelName, 1) : scalars }
    return { modelName, action, query }
  }
}

/* --- the two ways ------------------------------------------------------------------------------------------------- */

const schema = fs.readFileSync(path.join(here, 'schema.prisma'), 'utf8')
const file = path.join(tmp, 'compilers.db')
const made = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', path.join(here, 'data.sql')])
assert.equal(made.status, 0, made.stderr)
const server = await serve(['--url', `file:${file}`, '--log-level', 'error'])
const b64 = Buffer.from(schema).toString('base64')
const at = `${server.url}/6.19.3/${crypto.createHash('sha256').update(b64).digest('hex')}`

async function http(method, url, body) {
  const r = await fetch(url, { method, headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body, plain) })
  const text = await r.text()
  try { return { status: r.status, json: JSON.parse(text) } } catch { return { status: r.status, json: text } }
}
/** What the reference's compiler hands out besides JSON. */
function plain(key, v) { return typeof v === 'bigint' ? Number(v) : v instanceof Map ? Object.fromEntries(v) : v }
const put = await http('PUT', at + '/schema', b64)
assert.ok(put.status < 300, JSON.stringify(put.json))

const compile = reference(schema)
const tables = Object.keys(models).map((modelName) => ({ modelName, action: 'findMany', query: { arguments: {}, selection: {
  $scalars: true, $composites: true,
  ...Object.fromEntries(Object.entries(models[modelName].relations).filter(([, r]) => r[4] === 'join').map(([f]) => [f, { arguments: {}, selection: { id: true } }])),
} } }))
const tablePlans = tables.map((op) => ({ model: op.modelName, operation: op.action, plan: compile(op), params: {} }))

/** {data, state}, or {failed: code}. The state of a failed operation is not looked at: its transaction would be over. */
async function asOperation(op) {
  const tx = (await http('POST', at + '/transaction/start', { max_wait: 5000, timeout: 20000 })).json['data-proxy'].endpoint
  try {
    const r = (await http('POST', tx + '/graphql', op)).json
    if (r.errors) return { failed: r.errors[0].user_facing_error?.error_code ?? r.errors[0].error }
    const state = (await http('POST', tx + '/graphql', { batch: tables })).json.batchResult.map((t) => Object.values(t.data)[0])
    return { data: Object.values(r.data)[0], state }
  } finally { await http('POST', tx + '/rollback', {}) }
}
async function asPlan(op) {
  let plan
  try { plan = compile(op) } catch (e) { return { refused: String(e.message ?? e) } }
  const id = (await http('POST', server.url + '/transaction/start', { maxWait: 5000, timeout: 20000 })).json.id
  const ask = async (body) => http('POST', `${server.url}/transaction/${id}/query`, body)
  try {
    const r = await ask({ model: op.modelName, operation: op.action, plan, params: {} })
    if (r.status >= 400) return { failed: r.json.code ?? r.json }
    const state = []
    for (const t of tablePlans) state.push((await ask(t)).json.data)
    return { data: r.json.data, state }
  } finally { await http('POST', `${server.url}/transaction/${id}/rollback`, {}) }
}

/** Lists in one order; times only as "old" (of data.sql) or "new". */
function normal(x) {
  if (Array.isArray(x)) return x.map(normal).map((v) => JSON.stringify(v)).sort()
  if (x && typeof x === 'object') {
    if (x.$type === 'DateTime') return x.value.startsWith('2000-') ? 'old' : 'new'
    return Object.fromEntries(Object.keys(x).sort().map((k) => [k, normal(x[k])]))
  }
  return x
}

const seed = Number(process.env.SEED ?? 1), total = Number(process.env.COUNT ?? 150)
const next = generator(seed)
let both = 0
for (let i = 0; i < total; i++) {
  const op = next()
  await check(`${seed}/${i} ${op.action} ${op.modelName}`, async () => {
    const want = await asPlan(op), got = await asOperation(op)
    try {
      // Which of several errors comes first is not compared.
      if (want.refused || want.failed) assert.ok(got.failed, `the reference fails (${want.refused ?? want.failed}), we do not`)
      else {
        assert.ok(!got.failed, `we fail: ${got.failed}`)
        assert.deepEqual(normal(got), normal(want))
        both++
      }
    } catch (e) { throw new Error(`${e.message}\n${JSON.stringify(op)}`) }
  })
}
await check('most of them succeed', () => assert.ok(both > total / 3, `${both} of ${total}`))
await done()
