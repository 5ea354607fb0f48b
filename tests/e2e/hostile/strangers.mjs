// A stranger's web page in somebody's browser, and the world through a proxy, against a loopback server without keys.
import assert from 'node:assert/strict'
import { answered, attack, auth, errorOf, requestText, sendRaw } from '../lib/raw.mjs'

const hash = 'a'.repeat(64)
const routes = [
  ['POST', '/query', '{"plan":{"type":"query","args":{"type":"rawSql","sql":"DELETE FROM `Order`","args":[],"argTypes":[]}},"params":{}}'],
  ['GET', '/connection-info', ''], ['POST', '/transaction/start', '{"maxWait":100,"timeout":100}'], ['POST', '/transaction/x/query', '{}'],
  ['POST', '/transaction/x/commit', ''], ['POST', '/transaction/x/rollback', ''], ['POST', '/invalidate', '{}'],
  ['POST', '/json', '{"modelName":"Order","action":"deleteMany","query":{"arguments":{},"selection":{"count":true}}}'],
  ['POST', `/6.19.3/${hash}/graphql`, '{}'], ['PUT', `/6.19.3/${hash}/schema`, 'x'], ['POST', `/6.19.3/${hash}/transaction/start`, '{}'],
  ['POST', `/6.19.3/${hash}/itx/x/graphql`, '{}'], ['POST', `/6.19.3/${hash}/itx/x/commit`, ''], ['POST', `/6.19.3/${hash}/itx/x/rollback`, ''],
  ['GET', '/status.json', ''], ['GET', '/metrics', ''],
]

export default async function ({ server: s }) {
  const send = (method, path, o) => sendRaw(s, requestText(s, method, path, o), { until: (t) => answered(t) || /^HTTP\/1\.1 204/.test(t) })
  const refused = async (method, path, body, o, status, why) => {
    const r = await send(method, path, { body, ...o })
    const e = errorOf({ status: r.status, text: r.body, json: JSON.parse(r.body) })
    assert.equal(r.status, status, `${method} ${path}: ${r.text.slice(0, 300)}`)
    assert.equal(e.code, 'P6002', `${method} ${path}`)
    assert.match(e.message, why, `${method} ${path}`)
    assert.doesNotMatch(r.text, /access-control-allow/i)
  }
  await attack(s, 'no Authorization, no answer: on every route', async () => {
    for (const [method, path, body] of routes) {
      await refused(method, path, body, {}, 401, /Authorization/)
      await refused(method, path, body, { headers: 'Authorization: Bearer \r\n' }, 401, /Authorization/)
      // A browser's own dialogue may open the two that the status page reads.
      if (!/status|metrics/.test(path)) await refused(method, path, body, { headers: 'Authorization: Basic YTpi\r\n' }, 401, /Authorization/)
    }
  })
  for (const [name, headers, host, why] of [
    ['a foreign Origin', 'Origin: https://evil.example\r\n', s.host, /origin/],
    ['Origin null', 'Origin: null\r\n', s.host, /origin/],
    ['the same host by another scheme', `Origin: https://${s.host}\r\n`, s.host, /origin/],
    ['another port', 'Origin: http://127.0.0.1:1\r\n', s.host, /origin/],
    ['a rebound Host', '', 'evil.example', /loopback name/],
    ['a Host that starts like loopback', '', '127.0.0.1.evil.example', /loopback name/],
    ['a Host that ends like loopback', '', 'evil-localhost', /loopback name/],
    ['a Host with a port', '', `evil.example:${s.host.split(':')[1]}`, /loopback name/],
    ['X-Forwarded-For', 'X-Forwarded-For: 203.0.113.9\r\n', s.host, /forwarded/],
    ['Forwarded', 'Forwarded: for=203.0.113.9\r\n', s.host, /forwarded/],
  ]) {
    await attack(s, `${name} is refused on every route`, async () => {
      for (const [method, path, body] of routes) await refused(method, path, body, { headers: headers + auth, host }, 403, why)
      const page = await send('GET', '/', { headers, host })
      assert.ok(page.status === 403 || page.status === 401, page.text.slice(0, 200))
      assert.doesNotMatch(page.text, /<script/)
    })
  }
  await attack(s, 'a preflight gets no permission', async () => {
    for (const [, path] of routes) {
      const r = await send('OPTIONS', path, { headers: 'Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n' })
      assert.ok(r.status >= 400, `${path}: ${r.status}`)
      assert.doesNotMatch(r.text, /access-control/i)
      const own = await send('OPTIONS', path, { headers: auth })
      assert.ok(own.status >= 400)
    }
    for (const path of ['/', '*']) assert.doesNotMatch((await send('OPTIONS', path, { headers: 'Origin: https://evil.example\r\n' })).text, /access-control/i)
  })
  await attack(s, 'other loopback names are served', async () => {
    const port = s.host.split(':')[1]
    for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `shop.localhost:${port}`, `127.1.2.3:${port}`, `[::1]:${port}`, `localhost.:${port}`]) {
      assert.equal((await send('GET', '/connection-info', { headers: auth, host })).status, 200, host)
    }
    assert.equal((await send('GET', '/connection-info', { headers: `${auth}Origin: http://${s.host}\r\n` })).status, 200)
  })
  await attack(s, 'wrong methods and unknown paths', async () => {
    for (const [method, path] of routes) {
      for (const other of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'BREW'].filter((m) => m !== method)) {
        const r = await send(other, path, { headers: auth })
        assert.equal(r.status, 405, `${other} ${path}: ${r.text.slice(0, 300)}`)
        assert.match(r.text, new RegExp(`\\r\\nAllow: ${method}`, 'i'))
      }
    }
    for (const path of ['/nothing', '/query/', '/query/x', '/../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '//query', '/transaction', '/transaction/', '/transaction/x', '/transaction/x/y', '/transaction/x/commit/y', `/6.19.3/${hash}`, `/6.19.3/${hash}/nothing`, `/6.19.3/${'A'.repeat(64)}/graphql`, '/6.19.3/abc/graphql', `/x/${hash}/graphql`, '/QUERY', `/${'a/'.repeat(2000)}`]) {
      const r = await send('POST', path, { headers: auth, body: '{}' })
      assert.equal(r.status, 404, `${path}: ${r.text.slice(0, 300)}`)
      assert.match(r.body, /\/query/)
    }
  })
}
