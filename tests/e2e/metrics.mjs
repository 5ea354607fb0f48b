// The text of /metrics: well formed, and its counts are those of what was done.
import assert from 'node:assert'
import { ask, check, done, op, serve, shop, shopSchema, sleep } from './lib/harness.mjs'

const db = shop()
const s = await serve(['--url', `file:${db}`, '--schema', shopSchema])

/** Prometheus text format: {name: {type, samples: [{name, labels, value}]}}; throws at what a scraper would refuse. */
function parse(text) {
  const families = new Map()
  let now
  assert.ok(text.endsWith('\n'))
  for (const line of text.slice(0, -1).split('\n')) {
    let m
    if ((m = /^# HELP ([a-z_]+) (.+)$/.exec(line))) {
      assert.ok(!families.has(m[1]), `${m[1]} stands twice`)
      families.set(m[1], now = { name: m[1], samples: [] })
    } else if ((m = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line))) {
      assert.equal(m[1], now.name)
      now.type = m[2]
    } else {
      m = /^([a-z_]+)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? (-?[0-9.e+-]+)$/.exec(line)
      assert.ok(m, `no sample: ${line}`)
      assert.equal(m[1].replace(now.type === 'histogram' ? /_(bucket|sum|count)$/ : '', ''), now.name)
      now.samples.push({ name: m[1], labels: m[2] ?? '', value: Number(m[3]) })
    }
  }
  return families
}
async function scrape() {
  const r = await fetch(s.url + '/metrics', { headers: { authorization: 'Bearer any' } })
  assert.match(r.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const f = parse(await r.text())
  return Object.assign((name) => { assert.ok(f.has(name), name); assert.equal(f.get(name).samples.length, 1, name); return f.get(name).samples[0].value }, { families: f })
}

await check('every family is well formed, histograms are cumulative', async () => {
  const m = await scrape()
  let histograms = 0
  for (const f of m.families.values()) {
    if (f.type !== 'histogram') continue
    histograms++
    const buckets = f.samples.filter((x) => x.name.endsWith('_bucket'))
    assert.deepEqual(buckets.map((x) => /^le="(.*)"$/.exec(x.labels)[1]), ['0', '1', '5', '10', '50', '100', '500', '1000', '5000', '50000', '+Inf'])
    for (let i = 1; i < buckets.length; i++) assert.ok(buckets[i].value >= buckets[i - 1].value)
    assert.equal(f.samples.find((x) => x.name.endsWith('_count')).value, buckets.at(-1).value)
  }
  assert.equal(histograms, 3)
})

await check('counts grow by what was done', async () => {
  const before = await scrape()
  for (let i = 0; i < 7; i++) assert.equal((await ask(s, op('User', 'findMany', { take: 1 }))).status, 200)
  const after = await scrape()
  const grew = (name) => after(name) - before(name)
  assert.equal(grew('prisma_client_queries_total'), 7)
  assert.equal(grew('nicol_operations_total'), 7)
  assert.equal(grew('prisma_datasource_queries_total'), 7)
  assert.equal(grew('pgbouncer_stats_queries_pooled_total'), 7)
  const count = (m, name) => m.families.get(name).samples.find((x) => x.name === `${name}_count`).value
  for (const name of ['prisma_client_queries_duration_histogram_ms', 'prisma_datasource_queries_duration_histogram_ms', 'prisma_client_queries_wait_histogram_ms']) assert.equal(count(after, name) - count(before, name), 7, name)
  assert.equal(after('prisma_client_queries_active'), 0)
})

await check('an open transaction is a busy connection, a second one waits', async () => {
  const start = () => fetch(s.url + '/transaction/start', { method: 'POST', headers: { authorization: 'Bearer any', 'content-type': 'application/json' }, body: JSON.stringify({ maxWait: 5000, timeout: 10000 }) })
  const idle = await scrape()
  assert.equal(idle('prisma_pool_connections_busy'), 0)
  const r = await start()
  const one = await r.json()
  assert.equal(r.status, 200, JSON.stringify(one))
  const second = start()
  let m = await scrape()
  for (let i = 0; i < 200 && m('prisma_client_queries_wait') === 0; i++) { await sleep(10); m = await scrape() }
  assert.equal(m('prisma_client_queries_wait'), 1)
  const labelled = (name) => { assert.equal(m.families.get(name).samples[0].labels, 'database="sqlite",user="nicol"'); return m.families.get(name).samples[0].value }
  assert.equal(labelled('pgbouncer_pools_client_waiting_connections'), 1)
  assert.equal(labelled('pgbouncer_pools_server_active_connections'), 1)
  assert.ok(labelled('pgbouncer_pools_client_maxwait_seconds') > 0)
  assert.equal(m('prisma_pool_connections_busy'), 1)
  assert.equal(m('prisma_pool_connections_open'), m('prisma_pool_connections_busy') + m('prisma_pool_connections_idle'))
  const end = (id) => fetch(`${s.url}/transaction/${id}/rollback`, { method: 'POST', headers: { authorization: 'Bearer any' } })
  assert.equal((await end(one.id)).status, 200)
  const two = await (await second).json()
  assert.equal((await end(two.id)).status, 200)
  m = await scrape()
  assert.equal(m('prisma_pool_connections_busy'), 0)
  assert.equal(m('prisma_client_queries_wait'), 0)
})
await done()
