// The recorded scenarios (tests/corpus/query) as a client of version 7 sends them: the real client 7.10.0 compiles each operation
// into a plan, which the server runs. After each step the answer must be the recorded one, errors with their text and meta, and the
// tables must hold what they hold in a second database, where the same step came over the JSON protocol and went through our own compiler.
//
//   ONLY=write- node tests/e2e/replay7.mjs      scenarios whose name matches
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { check, count, done, root, serve, tmp } from './lib/harness.mjs'
import { generate } from './lib/client.mjs'
import { client7, clientConfig, dmmf, urlOf } from './lib/client7.mjs'
import { fresh, jsonDoor, scenarios } from './lib/scenarios.mjs'
import { correspondence, reader } from './lib/state.mjs'
import { diffStep } from '../corpus/tools/compare.mjs'

const known = JSON.parse(fs.readFileSync(path.join(root, 'tests/e2e/replay7/known.json'), 'utf8'))

/** What the compiler hands out besides JSON. */
const plain = (_, v) => typeof v === 'bigint' ? Number(v) : v instanceof Map ? Object.fromEntries(v) : v
/** An error of the client as the recording has it: the adapter's facts without the words of the database. */
function failure(e) {
  if (!e.code) return { error: { error_code: null, message: e.message } }
  const { driverAdapterError, table, ...meta } = e.meta ?? {}
  if (driverAdapterError) {
    const { originalMessage, extendedCode, ...db } = driverAdapterError.cause
    return { error: { error_code: e.code, message: e.message, meta: { ...meta, db: { ...db, ...(table ? { table } : {}) } } } }
  }
  return { error: { error_code: e.code, message: e.message, meta: JSON.parse(JSON.stringify(meta, plain)) } }
}
const entry = (r) => r instanceof Error ? failure(r) : { data: Object.values(r.data)[0] }

/** A server on `file` and a client of version 7: {step(step): what came back, sent: requests so far, stop()}. */
async function planDoor(sc, file, document) {
  const server = await serve(['--url', `file:${file}`, '--log-level', 'error', '--sqlite-sync', 'normal'])
  const client = client7(sc.schema, { accelerateUrl: urlOf(server) }, document), engine = client._engine, tx = {}
  const door = { sent: 0, server }
  const counted = (fetch) => (url, options) => { door.sent++; return fetch(url, options) }
  door.step = async (step) => {
    try {
      if (step.itx === 'start') { tx[step.tx] = await engine.transaction('start', {}, { ...step.options, isolationLevel: step.options.isolationLevel ?? undefined }); return { data: null } }
      if (step.itx) { await engine.transaction(step.itx, {}, tx[step.tx]); return { data: null } }
      const requests = step.batch ?? [step.request]
      // As the client does it: a batch of one is a request.
      if (requests.length === 1) {
        const r = entry(await engine.request(requests[0], { interactiveTransaction: tx[step.tx], customDataProxyFetch: counted }))
        return step.batch ? { batch: [r] } : r
      }
      const transaction = step.tx ? { kind: 'itx', options: tx[step.tx] } : step.transaction ? { kind: 'batch', options: { isolationLevel: step.transaction.isolationLevel ?? undefined } } : undefined
      return { batch: (await engine.requestBatch(requests, { transaction, customDataProxyFetch: counted })).map(entry) }
    } catch (e) { return failure(e) }
  }
  door.stop = async () => {
    await client.$disconnect()
    const end = await server.stop()
    if (end.code !== 0) throw new Error(`${sc.name}: the server ended with ${JSON.stringify(end)}: ${server.log()}`)
  }
  return door
}

/** Errors word for word, with their meta. */
function diffErrors(want, got) {
  const list = (x) => x.error ? [x.error] : (x.batch ?? []).filter((e) => e.error).map((e) => e.error)
  const [a, b] = [list(want), list(got)]
  for (const [i, e] of a.entries()) {
    if (e.message !== b[i]?.message) return `message: expected ${JSON.stringify(e.message)}, got ${JSON.stringify(b[i]?.message)}`
    if (!isDeepStrictEqual(e.meta ?? {}, b[i].meta ?? {})) return `meta: expected ${JSON.stringify(e.meta)}, got ${JSON.stringify(b[i].meta)}`
  }
  return null
}

const totals = { answers: [0, 0], states: [0, 0] }, notSent = {}, used = new Set()
let driven = 0, changed = 0, steps = 0, shown = 0
const show = (what) => { if (shown++ < 60) console.log(what.slice(0, 1500)) }

/** Counts one comparison; what is listed as known must differ. */
function judge(what, id, difference) {
  const reason = known[what][id]
  if (reason) used.add(`${what} ${id}`)
  const good = reason ? Boolean(difference) : !difference
  totals[what][good ? 0 : 1]++
  if (!good) show(`not ok - ${what} ${id}: ${reason ? `equal, but listed as different: ${reason}` : difference}`)
}

for (const sc of scenarios()) {
  const document = dmmf(sc.schema), files = [fresh(sc, 'plans'), fresh(sc, 'json')]
  const doors = [await planDoor(sc, files[0], document), await jsonDoor(sc, files[1])], readers = files.map(reader)
  const differ = correspondence(document.datamodel)
  let versions = [null, null]
  for (const step of sc.steps) {
    const id = `${sc.name}#${step.id}`, before = doors[0].sent
    const timed = async (door) => { const from = Date.now(), answer = await door.step(step); return { answer, window: [from, Date.now()] } }
    const ran = await Promise.all(doors.map(timed)), answers = ran.map((r) => r.answer), windows = ran.map((r) => r.window)
    steps++
    if (step.itx || doors[0].sent > before) driven++
    else { const reason = `${answers[0].error?.error_code} by the client's compiler`; notSent[reason] = (notSent[reason] ?? 0) + 1 }
    judge('answers', id, diffStep(step, answers[0]) ?? diffErrors(step.expect, answers[0]))
    const now = await Promise.all(readers.map((r) => r.version()))
    if (isDeepStrictEqual(now, versions)) judge('states', id, null)
    else {
      changed++
      versions = now
      const [a, b] = await Promise.all(readers.map((r) => r.rows()))
      judge('states', id, differ(a, b, windows))
    }
  }
  for (const r of readers) r.close()
  for (const door of doors) await door.stop()
}

console.log(`${driven} of ${steps} steps reached the server as plans; ${changed} of them changed a table`)
for (const [reason, n] of Object.entries(notSent)) console.log(`not sent: ${n} steps, refused with ${reason}`)
console.log(`answers equal ${totals.answers[0]} of ${steps}, states equal ${totals.states[0]} of ${steps}, ${used.size} listed as different`)
count(totals.answers[0] + totals.states[0], totals.answers[1] + totals.states[1])
if (!process.env.ONLY) {
  await check('the client is one that prisma generate makes', () => {
    const models = fs.readFileSync(path.join(root, 'tests/e2e/exercise/models.prisma'), 'utf8'), out = path.join(tmp, 'generated')
    const text = fs.readFileSync(generate(path.join(root, 'examples/js/v7'), out, models, { version: '7.10.0' }), 'utf8')
    const { runtimeDataModel, parameterizationSchema, ...config } = clientConfig(fs.readFileSync(path.join(out, 'client/schema.prisma'), 'utf8'))
    const written = (what, end) => { const at = text.indexOf(what) + what.length; assert.ok(at > what.length, what); return text.slice(at, text.indexOf(end, at)) }
    assert.deepEqual(JSON.parse(written('const config = ', '\n}\n') + '\n}'), config)
    assert.deepEqual(JSON.parse(JSON.parse(written('config.runtimeDataModel = JSON.parse(', ')\n'))), runtimeDataModel)
    assert.deepEqual(JSON.parse(JSON.parse(written('strings: JSON.parse(', '),\n'))), parameterizationSchema.strings)
    assert.equal(JSON.parse(written('graph: ', '\n')), parameterizationSchema.graph)
  })
  await check('at least 5,700 steps were sent, and 1,450 changed a table', () => assert.ok(driven >= 5700 && changed >= 1450, `${driven} and ${changed}`))
  await check('what is listed as different was met', () => assert.deepEqual(Object.keys(known).flatMap((what) => Object.keys(known[what]).map((id) => `${what} ${id}`)).filter((k) => !used.has(k)), []))
}
await done()
