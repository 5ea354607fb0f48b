// Replays the recorded scenarios (tests/corpus/query) twice, each on a fresh database: over HTTP as clients of version 6 speak, and
// through `nicol query`. Both must give what the reference gave. Steps that differ for a known reason stand in
// tests/corpus/query/known.json, each with its reason; one that passes although it stands there is a failure too.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import readline from 'node:readline'
import { count, done, nicol, root, tmp } from './lib/harness.mjs'
import { decode, fresh, jsonDoor, scenarios } from './lib/scenarios.mjs'
import { diffStep } from '../corpus/tools/compare.mjs'

const known = JSON.parse(fs.readFileSync(path.join(root, 'tests/corpus/query/known.json'), 'utf8'))

/** Answers of every step over HTTP. */
async function overHttp(sc) {
  const door = await jsonDoor(sc, fresh(sc, 'http')), out = []
  for (const step of sc.steps) out.push(await door.step(step))
  await door.stop()
  return out
}

/** The same through `nicol query`, line by line. */
async function throughQuery(sc) {
  const url = `file:${fresh(sc, 'query')}`, schema = path.join(tmp, 'query.prisma')
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
for (const sc of scenarios()) {
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
