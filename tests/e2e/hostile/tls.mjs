// The TLS port: what is not TLS, half a handshake, certificates that do not fit.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { check, run, serve, shopSchema, sleep, tmp } from '../lib/harness.mjs'
import { assertServing, eventually, look } from '../lib/raw.mjs'

export default async function ({ db }) {
  const cert = path.join(tmp, 'tls-cert.pem'), key = path.join(tmp, 'tls-key.pem'), other = path.join(tmp, 'tls-other.pem')
  for (const k of [other, key]) {
    const r = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', k, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { encoding: 'utf8' })
    assert.equal(r.status, 0, r.stderr)
  }
  const args = (c, k) => ['--schema', shopSchema, '--url', `file:${db}`, '--tls-listen', '127.0.0.1:0', '--tls-cert', c, '--tls-key', k]
  for (const [name, c, k, why] of [
    ['a key of another certificate', cert, other, /key|certificate/], ['a certificate that is missing', `${cert}.no`, key, /no such file|cannot|tls-cert\.pem\.no/i],
    ['a key that is no key', cert, shopSchema, /schema\.prisma|key/],
  ]) {
    await check(`TLS with ${name}: does not start, and says why`, () => {
      const r = run(['serve', ...args(c, k), '--listen', '127.0.0.1:0', '--state', path.join(tmp, 'tls-state')])
      assert.equal(r.status, 1, r.stderr)
      assert.match(r.stderr, why)
    })
  }
  await check('the TLS port: noise, plain HTTP, half a handshake, renegotiation of old versions', async () => {
    const s = await serve(args(cert, key))
    const port = Number(new URL(s.tlsUrl).port)
    const ca = fs.readFileSync(cert)
    const get = () => new Promise((resolve, reject) => https.get({ host: '127.0.0.1', port, path: '/health', ca, servername: 'localhost', agent: false }, (r) => r.resume().on('end', () => resolve(r.statusCode))).on('error', reject))
    assert.equal(await get(), 200)
    const before = look(s.pid).fds
    const held = []
    for (let i = 0; i < 300; i++) {
      const c = net.connect(port, '127.0.0.1')
      c.on('error', () => {})
      const kind = i % 5
      if (kind === 0) c.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      if (kind === 1) c.write(Buffer.from(Array.from({ length: 500 }, (_, k) => (k * 31 + i) & 255)))
      if (kind === 2) c.write(Buffer.from('16030102000100', 'hex'))
      if (kind === 3) { c.write(Buffer.from('1603010005010000', 'hex')); c.end() }
      held.push(c)
    }
    await sleep(300)
    assert.equal(await get(), 200)
    await assertServing(s)
    await assert.rejects(new Promise((resolve, reject) => tls.connect({ host: '127.0.0.1', port, ca, servername: 'localhost', maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }, resolve).on('error', reject)))
    for (const c of held) c.destroy()
    await eventually(() => look(s.pid).fds <= before + 4, 'the descriptors come back')
    // A client that goes away in the middle of an encrypted request.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => {
        const c = tls.connect({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => { c.write(`POST /query HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 1000\r\n\r\n{`, () => { c.destroy(); resolve() }) })
        c.on('error', resolve)
      })
    }
    assert.equal(await get(), 200)
    await eventually(() => look(s.pid).fds <= before + 4, 'the descriptors come back')
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
    assert.doesNotMatch(s.log(), /AddressSanitizer|runtime error|LeakSanitizer/)
  })
}
