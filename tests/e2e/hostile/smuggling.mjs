// Two readers of one byte stream must never see different requests: what could be read in two ways is refused, and the
// connection ends, so that nothing after it is taken for a request.
import assert from 'node:assert/strict'
import { answered, attack, auth, requestText, sendRaw } from '../lib/raw.mjs'

const body = '{"a":1}'
const table = (host) => [
  ['two different lengths', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n${body}`],
  ['the same length twice', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n${body}`],
  ['a list of lengths', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 7, 7\r\n\r\n${body}`],
  ['length and chunks', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['chunks and length', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n0\r\n\r\n`],
  ['a length with a sign', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: +7\r\n\r\n${body}`],
  ['a negative length', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: -1\r\n\r\n${body}`],
  ['a hexadecimal length', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0x7\r\n\r\n${body}`],
  ['an empty length', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length:\r\n\r\n${body}`],
  ['a length with words', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 7 7\r\n\r\n${body}`],
  ['transfer-encoding identity', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: identity\r\n\r\n${body}`],
  ['transfer-encoding gzip, chunked', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding chunked, identity', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding twice', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding in quotes', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding with a vertical tab', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding in HTTP/1.0', `POST /query HTTP/1.0\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a blank before the colon', `POST /query HTTP/1.1\r\nHost: ${host}\r\nContent-Length : 7\r\n\r\n${body}`],
  ['a blank before the name', `POST /query HTTP/1.1\r\n Host: ${host}\r\nContent-Length: 7\r\n\r\n${body}`],
  ['a folded line', `POST /query HTTP/1.1\r\nHost: ${host}\r\nX-A: b\r\n c\r\nContent-Length: 7\r\n\r\n${body}`],
  ['a header without a colon', `POST /query HTTP/1.1\r\nHost: ${host}\r\nnonsense\r\n\r\n`],
  ['a header without a name', `POST /query HTTP/1.1\r\nHost: ${host}\r\n: x\r\n\r\n`],
  ['bare line feeds', `POST /query HTTP/1.1\nHost: ${host}\nContent-Length: 7\n\n${body}`],
  ['one bare line feed', `POST /query HTTP/1.1\r\nHost: ${host}\nContent-Length: 7\r\n\r\n${body}`],
  ['bare carriage return', `POST /query HTTP/1.1\r\nHost: ${host}\r\nX-A: b\rContent-Length: 7\r\n\r\n`],
  ['NUL in a value', `POST /query HTTP/1.1\r\nHost: ${host}\r\nX-A: b\0c\r\n\r\n`],
  ['NUL in the path', `GET /health\0 HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['no Host', 'GET /health HTTP/1.1\r\n\r\n'],
  ['two Hosts', `GET /health HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\n\r\n`],
  ['another host in the target', `GET http://evil.example/health HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['two Authorizations', `POST /query HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 7\r\n\r\n${body}`],
  ['HTTP/2.0', `GET /health HTTP/2.0\r\nHost: ${host}\r\n\r\n`],
  ['HTTP/1.2', `GET /health HTTP/1.2\r\nHost: ${host}\r\n\r\n`],
  ['HTTP/0.9', 'GET /health\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS to the plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a proxy request', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'],
  ['two blanks in the request line', `GET  /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['a tab in the request line', `GET\t/health\tHTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['a method with a colon', `G:T /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['a path without a slash', `GET health HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ['a chunk size with a sign', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n+7\r\n${body}\r\n0\r\n\r\n`],
  ['a chunk size with 0x', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n0x7\r\n${body}\r\n0\r\n\r\n`],
  ['a chunk size of 17 digits', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000007\r\n${body}\r\n0\r\n\r\n`],
  ['a chunk longer than its size', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n${body}\r\n0\r\n\r\n`],
  ['a chunk with bare line feeds', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n7\n${body}\n0\n\n`],
  ['a length as a trailer', `POST /query HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n${body}\r\n0\r\nContent-Length: 9\r\n\r\n`],
  ['101 headers', `GET /health HTTP/1.1\r\nHost: ${host}\r\n${Array.from({ length: 101 }, (_, i) => `X-${i}: y\r\n`).join('')}\r\n`],
  ['a head of 100 KB', `GET /health HTTP/1.1\r\nHost: ${host}\r\nX-A: ${'y'.repeat(100000)}\r\n\r\n`],
  ['a request line of 100 KB', `GET /${'y'.repeat(100000)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
]

export default async function ({ server: s }) {
  await attack(s, 'what could be read as two different requests is refused', async () => {
    const next = `GET /health HTTP/1.1\r\nHost: ${s.host}\r\n\r\n`
    for (const [name, bytes] of table(s.host)) {
      const r = await sendRaw(s, [Buffer.from(bytes + next, 'latin1')], { wait: 5000 })
      assert.ok([400, 413, 414, 417, 431, 501, 505].includes(r.status), `${name}: ${r.status} ${r.text.slice(0, 300)}`)
      assert.ok(r.closed, `${name}: the connection was kept`)
      assert.equal(r.text.match(/HTTP\/1\.1 \d{3} /g).length, 1, `${name}: more than one answer: ${r.text.slice(0, 500)}`)
      assert.match(r.text, /\r\nconnection: close\r\n/i, name)
      assert.ok(r.body.trim().length > 10, `${name}: says nothing`)
    }
  })
  await attack(s, 'what is unusual but clear is served', async () => {
    const one = (text, until) => sendRaw(s, [Buffer.from(text, 'latin1')], { until })
    assert.equal((await one(`GET /health HTTP/1.1\r\nhOsT:${s.host}\r\n\r\n`, answered)).status, 200)
    assert.equal((await one(`GET http://${s.host}/health HTTP/1.1\r\nHost: ${s.host}\r\n\r\n`, answered)).status, 200)
    assert.equal((await one(`GET /%68ealth?x=1 HTTP/1.1\r\nHost: ${s.host}\r\n\r\n`, answered)).status, 200)
    assert.equal((await one(`GET /%00 HTTP/1.1\r\nHost: ${s.host}\r\n\r\n`, answered)).status, 400)
    assert.equal((await one(`GET /%ff HTTP/1.1\r\nHost: ${s.host}\r\n\r\n`, answered)).status, 400)
    const two = await sendRaw(s, requestText(s, 'GET', '/health').repeat(50), { until: (t) => t.split('"status":"ok"').length === 51 })
    assert.equal(two.text.split('HTTP/1.1 200').length, 51)
    const bytes = Buffer.from(`POST /json HTTP/1.1\r\nHost: ${s.host}\r\n${auth}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n`)
    const c = await sendRaw(s, [bytes, '1;x=y\r\n{\r\n', '1\r\n}\r\n', '0\r\nX-Trailer: z\r\n\r\n'], { until: (t) => answered(t) && /200/.test(t) })
    assert.match(c.text, /^HTTP\/1\.1 (100|200)/)
    assert.match(c.text, /errors/)
    const http10 = await sendRaw(s, 'GET /health HTTP/1.0\r\n\r\n')
    assert.equal(http10.status, 200)
    assert.ok(http10.closed)
    const close = await sendRaw(s, `GET /health HTTP/1.1\r\nHost: ${s.host}\r\nConnection: close\r\n\r\n`)
    assert.ok(close.closed && close.status === 200 && /\r\nconnection: close\r\n/i.test(close.text), close.text)
  })
  await attack(s, 'answers cannot be split', async () => {
    for (const id of ['a%0d%0aX-Evil: 1', '<script>', 'x'.repeat(129), 'a b', '']) {
      const r = await sendRaw(s, requestText(s, 'GET', '/health', { headers: `X-Request-Id: ${id}\r\n` }), { until: answered })
      assert.match(r.text, /\r\nx-request-id: [0-9a-f-]{36}\r\n/i)
      assert.doesNotMatch(r.text, /evil|script/i)
    }
    const r = await sendRaw(s, requestText(s, 'GET', '/health', { headers: 'X-Request-Id: mine-1.2_3\r\n' }), { until: answered })
    assert.match(r.text, /\r\nx-request-id: mine-1\.2_3\r\n/i)
  })
}
