// The oracle itself is judged by a witness: the query compiler inside @prisma/client 7.10.0 makes a plan of a read, the plan runs here, and
// its answer must be what the oracle says. So a misunderstanding that product and oracle share shows.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { install } from '../lib/client.mjs'
import { root } from '../lib/harness.mjs'
import { Failure, errorOf, op } from './doors.mjs'
import { decode, find, holds } from './oracle.mjs'
import { compareRows, need, rowsOf, withRows } from './reads.mjs'
import { modelOf, toSql } from './schema.mjs'

const client = path.join(root, 'examples/js/v7')
let glue
function load() {
  install(client)
  const require = createRequire(import.meta.url)
  const part = (name) => require(path.join(client, 'node_modules/@prisma/client/runtime', `query_compiler_fast_bg.sqlite.${name}`))
  glue = part('js')
  const module = new WebAssembly.Module(Buffer.from(part('wasm-base64.js').wasm, 'base64'))
  const instance = new WebAssembly.Instance(module, { [WebAssembly.Module.imports(module)[0].module]: glue })
  glue.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start?.()
}
const plain = (_, v) => typeof v === 'bigint' ? Number(v) : v instanceof Map ? Object.fromEntries(v) : v

function compilerOf(base) {
  if (!glue) load()
  base.compiler ??= new glue.QueryCompiler({ datamodel: fs.readFileSync(base.name + '.prisma', 'utf8'), provider: 'sqlite', connectionInfo: { supportsRelationJoins: false } })
  return base.compiler
}

/** The answer of the reference's plan; null: it has none. */
async function asPlan(base, operation) {
  let plan
  try { plan = JSON.parse(JSON.stringify(compilerOf(base).compile(JSON.stringify(operation)), plain)) } catch (e) {
    if (e instanceof WebAssembly.RuntimeError) { glue = null; base.compiler = null }
    return null
  }
  const server = (await base.http()).server
  const r = await fetch(server.url + '/query', { method: 'POST', headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body: JSON.stringify({ model: operation.modelName, operation: operation.action, plan, params: {} }) })
  const answer = await r.json()
  if (!('data' in answer)) throw new Failure('a plan of the reference fails', { operation, answer, plan })
  return answer.data
}

/** Filters: the reference's, the oracle's and ours. Whole reads with orders, pages and relations. */
export const witness = {
  make(r, gen, base) {
    const model = withRows(r, base)
    if (!model) return null
    const args = { where: gen.where(model, 3), orderBy: gen.orderBy(model) }
    if (r.chance(0.5)) return { model, args, selection: { $scalars: true } }
    Object.assign(args, gen.pageArgs(model))
    const among = base.world.rows[model].filter((row) => holds(base.world, row, args.where) === true)
    if (!args.distinct && among.length && r.chance(0.3)) args.cursor = gen.cursorAt(model, r.pick(among).raw)
    return { model, args, selection: gen.selection(model, 2) }
  },
  async run(base, { model, args, selection }) {
    // It writes such names as they are, which is no SQL.
    if (toSql(base.spec).includes('`')) return
    const m = need(modelOf(base.spec, model), model), operation = op(model, 'findMany', args, selection)
    const mine = await base.query.ask(operation)
    if (errorOf(mine)) throw new Failure(`error ${errorOf(mine)}`, { operation, answer: mine.errors[0].user_facing_error })
    const theirs = await asPlan(base, operation)
    if (theirs !== null) compareRows(base, 'the witness and the oracle differ', operation, decode(base.world, m, theirs), find(base.world, rowsOf(base, model), args), { ordered: true, selection })
  },
}
