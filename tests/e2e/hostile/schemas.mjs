// Models that do not exist, and schemas that clients upload.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import fs from 'node:fs'
import { ask, check, op, run, shopSchema } from '../lib/harness.mjs'
import { assertError, attack, look } from '../lib/raw.mjs'

const text = fs.readFileSync(shopSchema, 'utf8')
const sha = (b) => crypto.createHash('sha256').update(b).digest('hex')

export default async function ({ server: s, db }) {
  async function put(schema, { hash, raw } = {}) {
    const body = raw ?? Buffer.from(schema).toString('base64')
    const h = hash ?? sha(body)
    const r = await fetch(`${s.url}/6.19.3/${h}/schema`, { method: 'PUT', headers: { authorization: 'Bearer any' }, body })
    const t = await r.text()
    let json
    try { json = JSON.parse(t) } catch { /* the hash */ }
    return { status: r.status, text: t, json, hash: h }
  }
  await attack(s, 'unknown models, actions, fields', async () => {
    for (const [body, why] of [
      [op('Nobody', 'findMany'), /Nobody/], [op('user', 'findMany'), /user/], [op('', 'findMany'), /model|findMany/i], [op('__proto__', 'findMany'), /__proto__|model/],
      [op('User', 'nonsense'), /nonsense/], [op('User', 'findMany', { nonsense: 1 }), /nonsense/], [op('User', 'findMany', { where: { nonsense: 1 } }), /nonsense/],
      [op('User', 'findMany', {}, { nonsense: true }), /nonsense/], [op('User', 'findMany', {}, {}), /select|Selection|EmptySelection|empty/i], [op('User', 'createOne', {}), /data/],
      [op('User', 'findMany', { take: 'x' }), /take/], [op('User', 'findMany', { where: 7 }), /where/], [op('Order', 'findMany', { where: { status: 'NONSENSE' } }), /NONSENSE|status/],
      [op('Order', 'findMany', { where: { createdAt: 'yesterday' } }), /createdAt|yesterday/],
      [{}, /./], [{ modelName: 'User' }, /./], [{ modelName: 7, action: [], query: '' }, /./], [{ modelName: 'User', action: 'findMany', query: { arguments: [], selection: [] } }, /./],
    ]) {
      const r = await ask(s, body)
      assert.equal(r.status, 200, r.text)
      assert.ok(r.json.errors, JSON.stringify(body))
      assert.match(JSON.stringify(r.json.errors), why)
    }
    let deep = { id: 'x' }
    for (let i = 0; i < 60; i++) deep = { AND: deep }
    assert.ok((await ask(s, op('User', 'findMany', { where: deep }, { id: true }))).status < 500)
    let deeper = { id: true }
    for (let i = 0; i < 30; i++) deeper = i % 2 ? { user: { arguments: {}, selection: deeper } } : { orders: { arguments: {}, selection: deeper } }
    const r = await ask(s, op('User', 'findMany', { take: 1 }, deeper.orders ? deeper : deeper.user.selection))
    assert.ok(r.json.errors || r.json.data || r.status === 413, r.text.slice(0, 300))
  })
  await attack(s, 'a schema that is not known: the client is told to send it', async () => {
    const r = await ask(s, op('User', 'findFirst'), { path: `/6.19.3/${'0'.repeat(64)}/graphql` })
    assert.equal(r.status, 404)
    assert.deepEqual(r.json, { EngineNotStarted: { reason: 'SchemaMissing' } })
  })
  await attack(s, 'schemas that are refused, with their place', async () => {
    assertError(await put(text.replace('model User {', 'model User [')), 400, 'P1012', /schema\.prisma:\d+/)
    assertError(await put(`${text}\nmodel User { id Int @id }`), 400, 'P1012', /User/)
    assertError(await put(text.replace('Int         @default(1)', 'Nonsense @default(1)')), 400, 'P1012', /Nonsense/)
    const e = assertError(await put(text.replaceAll('String', 'Strnig')), 400, 'P1012', /Strnig/)
    assert.ok((e.message.match(/Strnig/g) ?? []).length > 3, 'all errors, not only the first')
    const other = await put(text.replace('"sqlite"', '"postgresql"'))
    assertError(other, 400, 'P1012', /provider = "sqlite"/)
    for (const [what, o] of [['no base64', { raw: '!!!!' }], ['cut short', { raw: Buffer.from(text).toString('base64').slice(0, 101) }], ['empty', { raw: '' }]]) {
      const r = await put('', o)
      assert.equal(r.status, 400, `${what}: ${r.text}`)
      assert.ok(r.json.message.length > 10, what)
    }
    assertError(await put(text, { hash: 'f'.repeat(64) }), 400, 'P2019', /hash/)
    const bytes = Buffer.from([0xff, 0xfe, 0, 1]).toString('base64')
    assert.equal((await put('', { raw: bytes })).status, 400)
    assertError(await put('/'.repeat(5 << 20)), 400, 'P6000', /limit of \d+ bytes/)
    const deep = `model A { id Int @id @default(${'f('.repeat(20000)}1${')'.repeat(20000)}) }`
    assert.equal((await put(`datasource db {\n provider = "sqlite"\n}\n${deep}`)).status, 400)
  })
  await attack(s, '70 uploads: the oldest go, none is lost for a client', async () => {
    const before = look(s.pid).rss
    const hashes = []
    for (let i = 0; i < 70; i++) {
      const r = await put(`${text}\n// ${i}\n`)
      assert.equal(r.status, 200, r.text)
      assert.equal(r.text, r.hash)
      hashes.push(r.hash)
      const q = await ask(s, op('User', 'findFirst', {}, { id: true }), { path: `/6.19.3/${r.hash}/graphql` })
      assert.ok(q.json.data, q.text)
    }
    const old = await ask(s, op('User', 'findFirst', {}, { id: true }), { path: `/6.19.3/${hashes[0]}/graphql` })
    assert.equal(old.status, 404, old.text)
    assert.equal((await put(`${text}\n// 0\n`)).status, 200)
    assert.equal((await ask(s, op('User', 'findFirst', {}, { id: true }), { path: `/6.19.3/${hashes[0]}/graphql` })).status, 200)
    console.log(`# 70 schemas: RSS ${((look(s.pid).rss - before) / 1e6).toFixed(1)} MB more`)
  })
  await check('a schema file that does not parse: does not start, and says where', () => {
    const file = `${db}.bad.prisma`
    fs.writeFileSync(file, text.replace('model User {', 'model User ['))
    for (const [args, why] of [[['--schema', file], /bad\.prisma:\d+/], [['--schema', `${file}.missing`], /missing/]]) {
      const r = run(['serve', ...args, '--url', `file:${db}`, '--listen', '127.0.0.1:0', '--state', `${db}.state`])
      assert.equal(r.status, 1, r.stderr)
      assert.match(r.stderr, why)
    }
  })
}
