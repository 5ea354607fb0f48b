// Plans that no client would send: unknown nodes, wrong types everywhere, too deep, unbound names.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { ask, root, run, serve, tmp } from '../lib/harness.mjs'
import { assertError, attack, cell, look, planBody, rawPlan, runPlan, sqlite, templatePlan } from '../lib/raw.mjs'

const param = (name, type = 'Int') => ({ prisma__type: 'param', prisma__value: { name, type } })
const value = (v) => ({ type: 'value', args: v })
const call = (name, args = []) => value({ prisma__type: 'generatorCall', prisma__value: { name, args } })

/** Every place of a tree, as a list of steps. */
function* places(node, at = []) {
  yield at
  if (node && typeof node === 'object') for (const k of Object.keys(node)) yield* places(node[k], [...at, k])
}
/** The tree with another value in one place; undefined takes it out. */
function changed(tree, at, to) {
  if (at.length === 0) return to
  const copy = Array.isArray(tree) ? [...tree] : { ...tree }
  const [k, ...rest] = at
  const v = changed(tree[k], rest, to)
  if (v === undefined) { if (Array.isArray(copy)) copy.splice(k, 1); else delete copy[k] } else copy[k] = v
  return copy
}
const wrong = [undefined, null, true, -1, 1e300, 9007199254740993, '', 'nonsense', '\u0000', [], {}, [[[]]], { type: 'value' }, { type: 'query', args: {} }, param('nobody'), 'x'.repeat(70000)]

export default async function ({ server: s }) {
  await attack(s, 'unknown nodes and generators', async () => {
    for (const type of ['nonsense', '', 'Query', 'constructor', '__proto__', 'toString']) {
      assertError(await runPlan(s, { type, args: {} }), 400, 'P6000', /node|type/i)
      assertError(await runPlan(s, { type: 'seq', args: [value(1), { type, args: {} }] }), 400, 'P6000', /node|type/i)
    }
    assertError(await runPlan(s, call('nonsense')), 400, 'P6000', /nonsense/)
    for (const [name, args] of [['uuid', [5]], ['uuid', ['x']], ['cuid', [3]], ['nanoid', [-1]], ['nanoid', [1e9]], ['nanoid', ['x']], ['product', []], ['product', [1]]]) {
      const r = await runPlan(s, call(name, args))
      assert.ok(r.status >= 400 && r.json.error, `${name} ${JSON.stringify(args)}: ${r.text.slice(0, 200)}`)
    }
    const many = Array.from({ length: 100000 }, (_, i) => i)
    const r = await runPlan(s, call('product', [many, many]))
    assert.ok(r.status >= 400 && r.json.error, r.text.slice(0, 300))
  })
  await attack(s, 'names that nothing is bound to', async () => {
    const r = assertError(await runPlan(s, value(param('nobody'))), 500, 'P6000', /Missing value for query variable nobody/)
    assert.ok(r)
    assertError(await runPlan(s, templatePlan('SELECT ?', [param('%1')])), 500, 'P6000', /%1/)
    const g = await runPlan(s, { type: 'get', args: { name: 'nobody' } })
    assert.deepEqual(g.json, {})
    const self = await runPlan(s, { type: 'let', args: { bindings: [{ name: 'a', expr: value(param('a')) }], expr: value(1) } })
    assertError(self, 500, 'P6000', /a/)
    const loop = await runPlan(s, { type: 'let', args: { bindings: [{ name: 'a', expr: value(param('b')) }, { name: 'b', expr: value(param('a')) }], expr: value(1) } })
    assertError(loop, 500, 'P6000', /b/)
  })
  await attack(s, 'plans that are too deep or too long', async () => {
    let deep = value(1)
    for (let i = 0; i < 1000; i++) deep = { type: 'unique', args: deep }
    assertError(await runPlan(s, deep), 413, 'P6000', /deep/)
    let flat = value(1)
    for (let i = 0; i < 100; i++) flat = { type: 'required', args: flat }
    assert.deepEqual((await runPlan(s, flat)).json, { data: 1 })
    const nodes = { type: 'seq', args: Array(200001).fill(value(1)) }
    assertError(await runPlan(s, nodes), 413, 'P6000', /200000|limit/)
    const list = value(Array(1000000).fill(7))
    const r = await runPlan(s, list)
    assert.ok(r.status === 200 || r.json.error, r.text.slice(0, 200))
    // Doubling at each step: small to write, endless to run.
    let twice = value(['x'.repeat(1000)])
    for (let i = 0; i < 20; i++) twice = { type: 'let', args: { bindings: [{ name: `v${i}`, expr: twice }], expr: { type: 'concat', args: [{ type: 'get', args: { name: `v${i}` } }, { type: 'get', args: { name: `v${i}` } }] } } }
    const t = await runPlan(s, twice)
    assert.ok(t.status === 413 || t.status === 400 || t.status === 503, `${t.status} ${t.text.slice(0, 200)}`)
  })
  await attack(s, 'sums, joins and maps over the wrong things', async () => {
    for (const plan of [
      { type: 'sum', args: [value('x'), value(1)] }, { type: 'sum', args: [value({}), value([1])] },
      { type: 'unique', args: value([1, 2]) }, { type: 'required', args: value([]) },
      { type: 'mapField', args: { field: 'x', records: value([1, 'a', null]) } },
      { type: 'join', args: { parent: value(7), children: [{ child: value(8), on: [['a', 'b']], parentField: 'c', isRelationUnique: false }], canAssumeStrictEquality: true } },
      { type: 'diff', args: { from: value(7), to: value({}), fields: ['a'] } },
      { type: 'if', args: { value: value(1), rule: { type: 'nonsense' }, then: value(1), else: value(2) } },
      { type: 'validate', args: { expr: value(1), rules: [{ type: 'rowCountEq', args: 'x' }], errorIdentifier: 'RELATION_VIOLATION', context: {} } },
      { type: 'validate', args: { expr: value([]), rules: [{ type: 'never' }], errorIdentifier: 'NONSENSE', context: {} } },
      { type: 'mapRecord', args: { expr: value(null), fields: { a: { type: 'divide', value: value(0) } } } },
      { type: 'initializeRecord', args: { expr: value(1), fields: { a: { type: 'lastInsertId' } } } },
      { type: 'transaction', args: { type: 'transaction', args: { type: 'transaction', args: value(1) } } },
      { type: 'dataMap', args: { expr: value([{ a: 'x' }]), structure: { type: 'object', fields: { a: { type: 'field', dbName: 'a', fieldType: { arity: 'required', type: 'int' } } } }, enums: {} } },
      { type: 'dataMap', args: { expr: value([{ a: 'x' }]), structure: { type: 'object', fields: { a: { type: 'field', dbName: 'a', fieldType: { arity: 'required', type: 'enum', name: 'Nobody' } } } }, enums: {} } },
      { type: 'dataMap', args: { expr: value([{}]), structure: { type: 'object', fields: { a: { type: 'object', serializedName: 'b', fields: {} } } }, enums: {} } },
    ]) {
      const r = await runPlan(s, plan)
      assert.ok(r.json && (r.status === 200 || r.json.error), `${JSON.stringify(plan)}: ${r.status} ${r.text}`)
    }
  })
  await attack(s, 'templates whose parts do not fit', async () => {
    const t = (fragments, args = [], more = {}) => ({ type: 'query', args: { type: 'templateSql', fragments, args, argTypes: args.map(() => ({ arity: 'scalar', scalarType: 'int' })), placeholderFormat: { prefix: '?', hasNumbering: false }, chunkable: true, ...more } })
    const c = (chunk) => ({ type: 'stringChunk', chunk }), p = { type: 'parameter' }
    for (const [plan, why] of [
      [t([c('SELECT '), p]), /argument|parameter/i], [t([c('SELECT 1')], [1]), /argument|parameter/i],
      [t([c('SELECT '), { type: 'nonsense' }], [1]), /fragment|nonsense/], [t([], []), /statement|fragment/],
    ]) {
      const r = await runPlan(s, plan)
      if (r.status === 200) assert.fail(`${JSON.stringify(plan.args.fragments)} ran: ${r.text}`)
      assert.match(r.json.error, why, JSON.stringify(plan.args.fragments))
    }
    // What the server does not need from a client does no harm: the mark of a placeholder, types that it does not know.
    for (const more of [{ argTypes: [] }, { argTypes: [{ arity: 'scalar', scalarType: 'nonsense' }] }, { placeholderFormat: { prefix: "'; DROP TABLE User; --", hasNumbering: false } }]) {
      const r = await runPlan(s, t([c('SELECT '), p, c(' AS a')], [1], more))
      if (r.status === 200) assert.deepEqual(r.json, { data: [{ a: 1 }] })
      else assert.match(assertError(r, 400, r.json.code).code, /^P(6000|2039)$/)
    }
    assert.ok(Number(await cell(s, 'SELECT count(*) FROM `User`')) > 0)
  })
  await attack(s, 'comments that would end the comment', async () => {
    const r = await ask(s, planBody(rawPlan('SELECT 1 AS one'), {}, { comments: { '*/ DROP TABLE User; /*': '*/ DROP TABLE User; --', "'": "'\\'", nul: '\u0000' } }), { path: '/query' })
    assert.equal(r.status, 200, r.text)
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']))
    assertError(await ask(s, planBody(rawPlan('SELECT 1'), {}, { comments: many }), { path: '/query' }), 413, 'P6000', /65 entries; the limit is 64/)
    assertError(await ask(s, planBody(rawPlan('SELECT 1'), {}, { comments: { a: 'x'.repeat(5000) } }), { path: '/query' }), 413, 'P6000', /longer than 4096/)
  })
  await attack(s, 'real plans with something wrong in each place, on the tables that they are for', async () => {
    const file = path.join(tmp, 'mutated.db')
    const made = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', path.join(root, 'tests/e2e/census/data.sql')])
    assert.equal(made.status, 0, made.stderr)
    const own = await serve(['--url', `file:${file}`, '--log-level', 'error'])
    const census = zlib.gunzipSync(fs.readFileSync(path.join(root, 'tests/corpus/census/plans-7.10.0-sqlite.jsonl.gz'))).toString().trim().split('\n').map((l) => JSON.parse(l))
    const seen = new Map(), jobs = []
    let n = 0, seed = 12345
    const random = () => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed / 0x7fffffff }
    for (const op of census) {
      const all = [...places(op.plan)].slice(1), want = Number(process.env.MUTATIONS ?? 20)
      for (const at of all) if (random() < want / all.length) jobs.push({ op, at, to: wrong[Math.floor(random() * wrong.length)] })
    }
    const work = async () => {
      for (let job; (job = jobs.pop());) {
        const { op, at, to } = job, what = `${op.op} ${at.join('.')} = ${JSON.stringify(to)?.slice(0, 60)}`
        let r
        try { r = await ask(own, { ...op, plan: changed(op.plan, at, to) }, { path: '/query' }) } catch (e) { throw new Error(`${what}: ${e.message} ${e.cause?.message ?? ''}`) }
        n++
        seen.set(r.status, (seen.get(r.status) ?? 0) + 1)
        assert.ok(r.json && (r.status === 200 || (typeof r.json.error === 'string' && r.json.error.length > 8 && r.json.code)), `${what}: ${r.status} ${r.text.slice(0, 300)}`)
        if (r.status === 500) assert.match(r.json.error, /^(Missing value for query variable|Expected zero or one element|Required value is empty|Unknown validation error|Malformed query template|[A-Z].* needs? )/, `${what}: ${r.text.slice(0, 300)}`)
      }
    }
    await Promise.all([work(), work(), work(), work()])
    console.log(`# ${n} mutated plans: ${[...seen].map(([k, v]) => `${v} x ${k}`).join(', ')}; RSS ${(look(own.pid).rss / 1e6).toFixed(0)} MB`)
    assert.equal((await runPlan(own, templatePlan('SELECT 1 AS one'))).status, 200)
    assert.equal(sqlite(file, 'PRAGMA integrity_check'), 'ok')
    assert.deepEqual(await own.stop(), { code: 0, signal: null })
    assert.doesNotMatch(own.log(), /AddressSanitizer|runtime error|LeakSanitizer/)
  })
}
