// The status page in Chromium: wide and small, light and dark, under load, without the server, after a restart, behind a
// key. SHOTS=DIR keeps screenshots.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import { ask, check, done, op, root, run, serve, shop, shopSchema, sleep, tmp } from './lib/harness.mjs'
import { install } from './lib/client.mjs'

const here = path.join(root, 'tests/e2e/page')
install(here)
const { chromium } = createRequire(path.join(here, 'package.json'))('playwright-core')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const shots = process.env.SHOTS

async function open(url, { width = 1280, height = 900, scheme = 'light', options = {} } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ...options })
  const page = await context.newPage()
  page.said = []
  page.on('console', (m) => page.said.push(`${m.type()}: ${m.text()}`))
  page.on('pageerror', (e) => page.said.push(`error: ${e.message}`))
  page.on('dialog', (d) => { page.said.push(`dialog: ${d.message()}`); d.dismiss() })
  await page.goto(url)
  return page
}
const text = (page, id) => page.locator(`#${id}`).innerText()
const number = async (page, id) => Number((await text(page, id)).replace(/[^\d.].*$/s, (m) => m.replace(/,/g, '').match(/^\d*/)[0]))
const counted = async (page, id) => Number((await text(page, id)).replaceAll(',', '').match(/\d+/)[0])
const shot = async (page, name) => { if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true }) }
async function until(what, good, ms = 15000) {
  const end = Date.now() + ms
  for (;;) {
    if (await good()) return
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await sleep(100)
  }
}
const freePort = () => new Promise((resolve) => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)) }) })

const port = await freePort()
const args = ['--schema', shopSchema, '--url', `file:${shop()}`, '--listen', `127.0.0.1:${port}`, '--log-level', 'error', '--slow-ms', '100', '--state', path.join(tmp, 'state')]
let server = await serve(args)

const sizes = [['wide', 1280, 900], ['small', 360, 740]].flatMap(([name, width, height]) => ['light', 'dark'].map((scheme) => ({ name: `${name}-${scheme}`, width, height, scheme })))
const pages = {}
const overflow = (page) => page.evaluate(() => {
  const w = document.documentElement.clientWidth, out = []
  for (const e of document.querySelectorAll('body *')) if (!e.closest('svg') && e.getBoundingClientRect().right > w + 0.5) out.push(`${e.tagName}#${e.id}`)
  return document.documentElement.scrollWidth > w ? [`scrollWidth ${document.documentElement.scrollWidth}`, ...out] : out
})

for (const size of sizes) {
  await check(`${size.name}: it renders, without an operation`, async () => {
    const page = pages[size.name] = await open(server.url, size)
    await until('live', async () => await text(page, 'state') === 'live')
    await until('a first second', async () => await text(page, 'rate') === '0')
    assert.match(await text(page, 'p99'), /no operation yet/)
    assert.match(await text(page, 'slow'), /None so far/)
    assert.match(await text(page, 'how'), new RegExp(`accelerateUrl: 'prisma\\+postgres://127.0.0.1:${port}/\\?api_key=any'`))
    const rows = await page.locator('#models tbody tr').allInnerTexts()
    assert.deepEqual(rows.map((r) => r.split(/\s+/)), [['User', '5', '300'], ['Product', '6', '60'], ['Order', '9', '4,000']])
    assert.deepEqual(await overflow(page), [])
    const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0])
    assert.ok(size.scheme === 'dark' ? back < 60 : back > 200, `background ${back}`)
  })
}
await check('its text can be read: contrast of 4.5 and more, light and dark', async () => {
  for (const name of ['wide-light', 'wide-dark']) {
    const bad = await pages[name].evaluate(() => {
      const lum = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
      const rgb = (s) => { const v = s.match(/[\d.]+/g).map(Number); return v.length > 3 && v[3] === 0 ? null : v.slice(0, 3) }
      const out = []
      for (const e of document.querySelectorAll('main *')) {
        if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest('svg') || !e.getClientRects().length) continue
        let up = e, back = null
        while (up && !(back = rgb(getComputedStyle(up).backgroundColor))) up = up.parentElement
        const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(back ?? [255, 255, 255])]
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
        if (ratio < 4.5) out.push(`${e.tagName}#${e.id}.${e.className} ${ratio.toFixed(2)}`)
      }
      return out
    })
    assert.deepEqual(bad, [], name)
  }
})
await check('what can be used is reached by keyboard, and seen to be', async () => {
  const page = pages['wide-light']
  await page.keyboard.press('Tab')
  const seen = await page.evaluate(() => { const e = document.activeElement; return [e.tagName, getComputedStyle(e).outlineStyle, e.parentElement.open] })
  assert.deepEqual(seen, ['SUMMARY', 'solid', true])
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.parentElement.open), false)
})

let stop = false
const load = async (i) => {
  while (!stop) {
    const r = await ask(server, i % 2 ? op('Order', 'findMany', { where: { status: 'PENDING' }, take: 5 + i }) : op('User', 'updateOne', { where: { email: 'nobody@example.com' }, data: { name: 'x' } }))
    assert.equal(r.status, 200)
    await sleep(5)
  }
}
await check('its figures move under load', async () => {
  const loads = [1, 2, 3, 5].map(load)
  const page = pages['wide-light']
  try {
    await until('a rate', async () => await number(page, 'rate') > 20)
    const before = await counted(page, 'total'), errors = await counted(page, 'errtotal')
    await until('operations are counted', async () => await counted(page, 'total') > before + 40)
    await until('errors are counted', async () => await counted(page, 'errtotal') > errors)
    assert.match(await text(page, 'p50'), /^[\d.]+ (µs|ms)$/)
    assert.match(await text(page, 'p99'), /^99 % within [\d.]+ (µs|ms|s)$/)
    assert.ok(Number((await text(page, 'r1')).match(/^peak ([\d,.]+) \/s$/)[1].replace(',', '')) >= 20)
    assert.ok(await counted(page, 'conns') >= 4)
    for (const id of ['c1', 'c2']) await until(`${id} shows a line`, async () => (await page.locator(`#${id} .line`).first().getAttribute('d')).split('L').length > 2)
    const plot = await page.locator('#c1').boundingBox()
    await page.mouse.move(plot.x + plot.width - 2, plot.y + plot.height / 2)
    await until('pointing at a moment tells its figure', async () => /^\d\d:\d\d:\d\d · [\d.,]+ \/s$/.test(await text(page, 'r1')))
    await page.mouse.move(5, 5)
  } finally { stop = true; await Promise.all(loads) }
})
await check('a new row is counted', async () => {
  const r = await ask(server, op('Product', 'createOne', { data: { sku: 'NEW', name: 'New', price: '1.5' } }))
  assert.equal(r.status, 200, r.text)
  await until('61 products', async () => (await pages['wide-light'].locator('#models').innerText()).includes('61'))
})

const script = '<img src=x onerror="window.hit=1"><script>window.hit=1</scr' + 'ipt>'
const slowSql = `WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t WHERE x < 900000) SELECT COUNT(*) AS n, '${script}' AS "{{nonce}}{{token}}" FROM t`
const raw = (query, headers) => ask(server, { action: 'queryRaw', query: { arguments: { query, parameters: '[]' }, selection: {} } }, { headers })
await check('a slow statement is shown as it is, hostile text and all', async () => {
  const r = await raw(slowSql, { 'x-request-id': 'from-the-test.1' })
  assert.equal(r.json.data.queryRaw.rows[0][1], script, r.text)
  assert.equal(r.headers.get('x-request-id'), 'from-the-test.1')
  const hostile = await raw(slowSql, { 'x-request-id': `a${script}` })
  assert.match(hostile.headers.get('x-request-id'), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const failing = await raw(`${slowSql} WHERE nope('${script}')`)
  assert.ok(failing.json.errors, failing.text)
  for (const { name } of sizes) {
    const page = pages[name]
    await until('both are shown', async () => (await page.locator('#slow').innerText()).includes('2 times'))
    const item = page.locator('#slow .item').first()
    assert.match(await item.innerText(), /^queryRaw/)
    assert.equal(await item.locator('summary').textContent(), slowSql)
    assert.ok((await item.innerText()).includes(hostile.headers.get('x-request-id')))
    assert.equal(await page.evaluate(() => [window.hit, document.querySelectorAll('img').length, document.querySelectorAll('script').length].join()), ',0,1')
    await item.locator('summary').click()
    assert.deepEqual(await overflow(page), [], name)
  }
  await sleep(1500)
  assert.equal(await pages['wide-light'].locator('#slow details[open]').count(), 1, 'what was opened stays open')
  for (const { name } of sizes) await shot(pages[name], name)
})
await check('no console message, no error, in any of them', async () => {
  for (const { name } of sizes) assert.deepEqual(pages[name].said, [], name)
})
await check('nothing of the page comes from elsewhere, and nothing may be framed', async () => {
  const r = await fetch(server.url)
  const policy = r.headers.get('content-security-policy')
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /frame-ancestors 'none'/)
  assert.doesNotMatch(policy, /unsafe/)
  const html = await r.text()
  assert.doesNotMatch(html.replaceAll('http://www.w3.org/2000/svg', ''), /https?:\/\//)
})

await check('a server that stops is shown as not reachable, one that comes back as restarted', async () => {
  await server.stop()
  for (const { name } of sizes) await until(`${name}: not reachable`, async () => await text(pages[name], 'state') === 'not reachable')
  assert.match(await pages['wide-light'].title(), /not reachable/)
  await shot(pages['wide-light'], 'stopped')
  server = await serve(args)
  for (const { name } of sizes) {
    await until(`${name}: live again`, async () => await text(pages[name], 'state').catch(() => '') === 'live')
    assert.match(await text(pages[name], 'note'), /^The server was restarted at/)
    assert.deepEqual(await overflow(pages[name]), [], name)
  }
  await shot(pages['wide-light'], 'restarted')
  for (const { name } of sizes) {
    assert.deepEqual(pages[name].said.filter((m) => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of 401/.test(m)), [], name)
    await pages[name].context().close()
  }
  await server.stop()
})

await check('a server without a schema of its own says so', async () => {
  const s = await serve(['--url', `file:${shop('none.db')}`, '--log-level', 'error'])
  const page = await open(s.url, { width: 360, height: 740 })
  await until('live', async () => await text(page, 'state') === 'live')
  assert.match(await text(page, 'models'), /--schema/)
  assert.deepEqual(await overflow(page), [])
  assert.deepEqual(page.said, [])
  await s.stop()
})

await check('off loopback it takes a key with scope admin', async () => {
  // Another spelling of 127.0.0.1, which the server does not take for a loopback name: only this machine can reach it.
  const state = path.join(tmp, 'state-keys')
  fs.mkdirSync(state, { recursive: true })
  const key = (scope) => { const r = run(['keys', 'create', '--state', state, '--scope', scope]); assert.equal(r.status, 0, r.stderr); return r.stdout.trim() }
  const [query, admin] = [key('query'), key('admin')]
  const s = await serve(['--schema', shopSchema, '--url', `file:${shop('keys.db')}`, '--state', state, '--listen', '[::ffff:127.0.0.1]:0', '--log-level', 'error'])
  const url = `http://127.0.0.1:${new URL(s.url).port}`
  for (const at of ['/', '/status.json', '/metrics']) {
    const bare = await fetch(url + at)
    assert.equal(bare.status, 401, at)
    assert.ok(bare.headers.get('www-authenticate'), at)
    assert.doesNotMatch(await bare.text(), /Order/)
    for (const scheme of ['Bearer', 'Basic']) {
      const as = (k) => fetch(url + at, { headers: { authorization: `${scheme} ${scheme === 'Basic' ? Buffer.from(`me:${k}`).toString('base64') : k}` } })
      assert.equal((await as(query)).status, 403, `${at} with a query key, ${scheme}`)
      assert.equal((await as(admin.slice(0, -1) + (admin.endsWith('a') ? 'b' : 'a'))).status, 401, `${at} with a wrong key, ${scheme}`)
      assert.equal((await as(admin)).status, 200, `${at} with an admin key, ${scheme}`)
    }
  }
  assert.match((await fetch(url)).headers.get('www-authenticate'), /^Basic realm=/, 'so that a browser asks')
  const page = await open(url, { options: { httpCredentials: { username: 'me', password: admin } } })
  await until('live', async () => await text(page, 'state') === 'live')
  assert.match(await text(page, 'how'), /YOUR_KEY/)
  assert.match(await page.locator('#models').innerText(), /4,000/)
  assert.doesNotMatch(await page.content(), /token = '[0-9a-f]+'/, 'no token off loopback')
  assert.equal((await fetch(url + '/health')).status, 200)
  assert.equal((await fetch(url + '/ready')).status, 200)
  await s.stop()
})

await browser.close()
await done()
