// API keys: wrong ones, too little scope, revoked while the server runs; and addresses that need one.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, op, run, serve, shopSchema, sleep, tmp } from '../lib/harness.mjs'
import { assertError, assertServing, attack, eventually, planBody, templatePlan } from '../lib/raw.mjs'

const one = op('User', 'findFirst', {}, { id: true })

export default async function ({ server: open, db }) {
  const state = path.join(tmp, 'keys-state')
  const make = (...args) => {
    const r = run(['keys', 'create', '--state', state, ...args])
    assert.equal(r.status, 0, r.stderr)
    return { text: /nk_[A-Za-z0-9_-]+/.exec(r.stdout + r.stderr)[0], id: /\b[0-9a-f]{12}\b/.exec(r.stdout + r.stderr)[0] }
  }
  for (const host of ['0.0.0.0', '[::]', 'localhost.example']) {
    await check(`refuses to listen on ${host} without a key`, () => {
      const r = run(['serve', '--schema', shopSchema, '--url', `file:${db}`, '--listen', `${host}:0`, '--state', path.join(tmp, 'no-keys')])
      assert.equal(r.status, 2, r.stderr)
      assert.match(r.stderr, /refusing to listen on .* without an API key.*nicol keys create/)
    })
  }
  const query = make(), admin = make('--scope', 'admin'), stream = make('--scope', 'stream'), second = make('--scope', 'query,invalidate')
  const s = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--state', state])
  const as = (k) => ({ key: k.text })
  await attack(s, 'wrong keys', async () => {
    for (const key of ['any', 'nk_', 'nk_' + 'x'.repeat(40), query.text + 'x', query.text.slice(0, -1), query.text.toUpperCase(), query.id, 'x'.repeat(2000), `${query.text} ${query.text}`, "' OR 1=1 --"]) {
      assertError(await ask(s, one, { key }), 401, 'P6002', /key is not valid/)
      assertError(await ask(s, planBody(templatePlan('SELECT 1')), { key, path: '/query' }), 401, 'P6002', /key is not valid/)
      for (const p of ['/metrics', '/status.json', '/connection-info']) assert.equal((await fetch(s.url + p, { headers: { authorization: `Bearer ${key}` } })).status, 401)
    }
    assert.equal((await fetch(`${s.url}/query`, { method: 'POST', body: '{}' })).status, 401)
    assert.equal((await fetch(`${s.url}/health`)).status, 200)
    assert.equal((await fetch(`${s.url}/ready`)).status, 200)
  }, as(query))
  await attack(s, 'too little scope', async () => {
    for (const k of [admin, stream]) assertError(await ask(s, one, as(k)), 403, 'P6002', /lacks the scope query/)
    assertError(await ask(s, {}, { ...as(query), path: '/invalidate' }), 403, 'P6002', /lacks the scope invalidate/)
    assert.equal((await ask(s, {}, { ...as(second), path: '/invalidate' })).status, 200)
    for (const p of ['/metrics', '/status.json']) {
      assert.equal((await fetch(s.url + p, { headers: { authorization: `Bearer ${query.text}` } })).status, 403)
      assert.equal((await fetch(s.url + p, { headers: { authorization: `Bearer ${admin.text}` } })).status, 200)
    }
  }, as(query))
  await attack(s, "another key's transaction does not exist", async () => {
    const t = await ask(s, { maxWait: 2000, timeout: 5000 }, { ...as(query), path: '/transaction/start' })
    const id = t.json.id
    for (const what of ['query', 'commit', 'rollback']) {
      assertError(await ask(s, planBody(templatePlan('SELECT 1')), { ...as(second), path: `/transaction/${id}/${what}` }), 409, 'P2028', /^Transaction API error: Transaction not found\. Transaction ID is invalid/)
    }
    assertError(await ask(s, { newTxId: id }, { ...as(second), path: '/transaction/start' }), 409, 'P2028', /not found/)
    assert.equal((await ask(s, null, { ...as(query), path: `/transaction/${id}/commit`, raw: '' })).status, 200)
  }, as(query))
  await attack(s, 'a key that is revoked stops within a second, a new one works', async () => {
    const gone = make()
    await eventually(async () => (await ask(s, one, as(gone))).status === 200, 'the new key is seen', 2500)
    const t = await ask(s, { maxWait: 2000, timeout: 60000 }, { ...as(gone), path: '/transaction/start' })
    assert.equal(run(['keys', 'revoke', gone.id, '--state', state]).status, 0)
    const from = Date.now()
    await eventually(async () => (await ask(s, one, as(gone))).status === 401, 'the revoked key is refused', 2500)
    assert.ok(Date.now() - from < 1600, `${Date.now() - from} ms`)
    assertError(await ask(s, null, { ...as(gone), path: `/transaction/${t.json.id}/commit`, raw: '' }), 401, 'P6002')
    // What the revoked key holds must not keep the others out.
    const w = await ask(s, op('User', 'createOne', { data: { email: `after-${Date.now()}@example.com` } }, { id: true }), as(query))
    assert.equal(w.status, 200)
    assert.ok(w.json.data && Date.now() - from < 5000, w.text)
  }, as(query))
  await check('with its last key revoked the server lets nobody in', async () => {
    for (const k of [query, admin, stream, second]) assert.equal(run(['keys', 'revoke', k.id, '--state', state]).status, 0)
    await sleep(1300)
    for (const key of ['any', query.text]) assertError(await ask(s, one, { key }), 401, 'P6002')
    assert.equal((await fetch(`${s.url}/metrics`, { headers: { authorization: 'Bearer any' } })).status, 401)
    const again = make()
    await eventually(async () => (await ask(s, one, as(again))).status === 200, 'a new key opens it again', 2500)
  })
  await check('a key store that is damaged or gone lets nobody in', async () => {
    fs.writeFileSync(path.join(state, 'nicol.db'), 'nonsense')
    await sleep(1300)
    const r = await ask(s, one, { key: 'any' })
    assert.equal(r.status, 401, r.text)
    for (const f of fs.readdirSync(state)) fs.rmSync(path.join(state, f))
    await sleep(1300)
    assert.equal((await ask(s, one, { key: 'any' })).status, 401)
    assert.deepEqual(await s.stop(), { code: 0, signal: null })
  })
  await check('a key store that is no database: does not start', () => {
    const bad = path.join(tmp, 'bad-state')
    fs.mkdirSync(bad, { recursive: true })
    fs.writeFileSync(path.join(bad, 'nicol.db'), 'nonsense '.repeat(200))
    const r = run(['serve', '--schema', shopSchema, '--url', `file:${db}`, '--listen', '127.0.0.1:0', '--state', bad])
    assert.equal(r.status, 1, r.stderr)
    assert.match(r.stderr, /API keys in .*nicol\.db cannot be used/)
  })
  await attack(open, 'off loopback with a key: pages and proxies may come, keys are needed', async () => {
    const st = path.join(tmp, 'off-state')
    const r = run(['keys', 'create', '--state', st])
    const key = /nk_[A-Za-z0-9_-]+/.exec(r.stdout + r.stderr)[0]
    const wide = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--listen', '0.0.0.0:0', '--state', st])
    wide.url = wide.url.replace('0.0.0.0', '127.0.0.1')
    for (const p of ['/', '/metrics', '/status.json']) assert.equal((await fetch(wide.url + p)).status, 401, p)
    assert.equal((await fetch(`${wide.url}/`, { headers: { authorization: `Bearer ${key}` } })).status, 403)
    assertError(await ask(wide, one, { key: 'any' }), 401, 'P6002')
    assert.equal((await ask(wide, one, { key, headers: { 'x-forwarded-for': '203.0.113.9' } })).status, 200)
    await assertServing(wide, { key })
    await wide.stop()
  })
}
