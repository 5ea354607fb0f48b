// Thousands of connections that do nothing, while queries go on.
import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { ask, check, op, serve, shopSchema, sleep } from '../lib/harness.mjs'
import { answered, assertServing, eventually, look, requestText, runPlan, templatePlan } from '../lib/raw.mjs'

const COUNT = Number(process.env.IDLE ?? 5000)

export default async function ({ db }) {
  await check(`${COUNT} idle connections, and queries go on`, async () => {
    const s = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--log-level', 'warn'], { prefix: ['sh', '-c', 'ulimit -Sn 1024; exec "$@"', 'sh'] })
    const port = Number(s.host.split(':')[1])
    await assertServing(s)
    await sleep(200)
    const before = look(s.pid)
    const held = []
    // Half of them have never sent a byte; the others have had an answer and are kept alive.
    for (let i = 0; i < COUNT; i += 100) {
      held.push(...await Promise.all(Array.from({ length: 100 }, (_, k) => new Promise((resolve, reject) => {
        const c = net.connect(port, '127.0.0.1')
        let text = ''
        c.on('error', reject)
        c.on('connect', () => { if (k % 2) c.write(requestText(s, 'GET', '/health')); else resolve(c) })
        c.on('data', (d) => { text += d; if (answered(text)) resolve(c) })
      }))))
    }
    await sleep(300)
    const times = []
    for (let i = 0; i < 300; i++) {
      const from = process.hrtime.bigint()
      const r = await runPlan(s, templatePlan('SELECT id, email FROM `User` LIMIT ?', [3]))
      times.push(Number(process.hrtime.bigint() - from) / 1e6)
      assert.equal(r.json.data.length, 3)
    }
    times.sort((a, b) => a - b)
    const after = look(s.pid)
    assert.ok(after.fds >= before.fds + COUNT, `${after.fds} descriptors`)
    await eventually(() => (look(s.pid).rss - before.rss) / COUNT < 2048 || process.env.SLOW_BUILD, 'memory of the burst goes back', 5000).catch(() => {})
    const per = (look(s.pid).rss - before.rss) / COUNT
    console.log(`# ${COUNT} idle connections: ${per.toFixed(0)} bytes RSS each (${((after.rss - before.rss) / COUNT).toFixed(0)} right after); query beside them: median ${times[150].toFixed(2)} ms, 99th ${times[297].toFixed(2)} ms`)
    assert.ok(process.env.SLOW_BUILD || per < 3000, `${per} bytes each`)
    assert.ok(times[150] < 50, `${times[150]} ms`)
    // They are alive: any of them may send its request now.
    const answers = await Promise.all(held.filter((_, i) => i % 50 === 0).map((c) => new Promise((resolve) => {
      let text = ''
      c.on('data', (d) => { text += d; if (answered(text)) resolve(text) })
      c.write(requestText(s, 'GET', '/health'))
    })))
    assert.ok(answers.every((t) => t.startsWith('HTTP/1.1 200')))
    for (const c of held) c.destroy()
    await eventually(() => look(s.pid).fds <= before.fds + 8, 'the descriptors come back', 10000)
    await assertServing(s)
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
  await check('no descriptors left: what is connected is served, the rest waits', async () => {
    const s = await serve(['--schema', shopSchema, '--url', `file:${db}`], { prefix: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] })
    assert.match(s.log(), /few_descriptors/)
    const port = Number(s.host.split(':')[1])
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const health = () => new Promise((resolve, reject) => http.get(`${s.url}/health`, { agent }, (r) => r.resume().on('end', () => resolve(r.statusCode))).on('error', reject))
    assert.equal(await health(), 200)
    const held = await Promise.all(Array.from({ length: 200 }, () => new Promise((resolve, reject) => { const c = net.connect(port, '127.0.0.1', () => resolve(c)); c.on('error', reject) })))
    await sleep(300)
    for (let i = 0; i < 20; i++) assert.equal(await health(), 200)
    for (const c of held) c.destroy()
    await assertServing(s)
    for (let i = 0; i < 20; i++) assert.ok((await ask(s, op('User', 'findFirst', {}, { id: true }))).json.data)
    agent.destroy()
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
}
