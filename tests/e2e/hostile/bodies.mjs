// Request bodies: no JSON, too much of it, too deep; and large ones that must work.
import assert from 'node:assert/strict'
import http from 'node:http'
import { ask, op, serve, shopSchema } from '../lib/harness.mjs'
import { assertError, assertServing, attack, cell, look, planBody, runPlan, sendRaw, sqlite, templatePlan } from '../lib/raw.mjs'

const doors = [['plan protocol', '/query'], ['JSON protocol', '/json'], ['transaction start', '/transaction/start']]

/** Sends a body in chunks of `size` bytes. */
function chunked(s, path, size, n) {
  return new Promise((resolve, reject) => {
    const rq = http.request(s.url + path, { method: 'POST', headers: { authorization: 'Bearer any', 'transfer-encoding': 'chunked' } }, (r) => {
      let text = ''
      r.on('data', (d) => { text += d }).on('end', () => resolve({ status: r.statusCode, text })).on('error', () => resolve({ status: r.statusCode, text }))
    })
    rq.on('error', (e) => resolve({ status: 0, text: e.code }))
    const piece = Buffer.alloc(size, ' ')
    const go = () => { while (n > 0) { n--; if (!rq.write(piece)) { rq.once('drain', go); return } } rq.end() }
    go()
  })
}

/** What a real client of version 7 sends for createMany: a time for each row, and one INSERT for as many rows as the
 *  server says that it can bind. */
function createManyBody(rows, prefix, binds) {
  const per = Math.floor(binds / 4), bindings = [], statements = [], params = {}
  const param = (name, type) => ({ prisma__type: 'param', prisma__value: { name, type } })
  for (let from = 0; from < rows; from += per) {
    const fragments = [], args = [], argTypes = []
    const chunk = (c) => fragments.push({ type: 'stringChunk', chunk: c })
    const arg = (v, scalarType) => { fragments.push({ type: 'parameter' }); args.push(v); argTypes.push({ arity: 'scalar', scalarType, dbType: null }) }
    chunk('INSERT INTO `main`.`User` (`id`, `email`, `name`, `createdAt`) VALUES (')
    for (let i = from; i < Math.min(rows, from + per); i++) {
      const time = `@generated$row${i}$createdAt`
      bindings.push({ name: time, expr: { type: 'value', args: { prisma__type: 'generatorCall', prisma__value: { name: 'now', args: [], returnType: { type: 'DateTime' } } } } })
      if (i > from) chunk('), (')
      for (const [k, v] of [`${prefix}_${i}`, `${prefix}-${i}@example.com`, `Many ${i}`].entries()) {
        params[`%${3 * i + k + 1}`] = v
        arg(param(`%${3 * i + k + 1}`, 'String'), 'string')
        chunk(',')
      }
      arg(param(time, 'DateTime'), 'datetime')
    }
    chunk(')')
    statements.push({ type: 'execute', args: { type: 'templateSql', fragments, args, argTypes, placeholderFormat: { prefix: '?', hasNumbering: false }, chunkable: true } })
  }
  const expr = { type: 'let', args: { bindings, expr: statements.length > 1 ? { type: 'sum', args: statements } : statements[0] } }
  return { model: 'User', operation: 'createMany', plan: { type: 'transaction', args: { type: 'dataMap', args: { expr, structure: { type: 'affectedRows' }, enums: {} } } }, params }
}

export default async function ({ server: s, db }) {
  for (const [name, path] of doors) {
    await attack(s, `${name}: what is not JSON`, async () => {
      for (const raw of ['', '{', '[', '{"plan":{"type":"query"', '{"a":1,}', '[1,2', '"\\u12', 'nul', '{"a":1}}', '{}{}', 'NaN', '\u0000', '{"a":01}', '{"a":"\t"}', "{'a':1}"]) {
        const r = await ask(s, null, { path, raw })
        assertError(r, 400, 'P6000', /JSON/)
      }
    })
    await attack(s, `${name}: JSON nested 100,000 deep`, async () => {
      for (const raw of ['['.repeat(100000), '{"a":'.repeat(100000), '['.repeat(100000) + ']'.repeat(100000), '{"plan":' + '{"args":'.repeat(100000) + '1' + '}'.repeat(100001)]) {
        assertError(await ask(s, null, { path, raw }), 413, 'P6000', /deeper than 128 levels at byte \d+/)
      }
    })
    await attack(s, `${name}: not UTF-8`, async () => {
      for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
        const raw = Buffer.concat([Buffer.from('{"plan":{"type":"'), Buffer.from(bytes), Buffer.from('"}}')])
        assertError(await ask(s, null, { path, raw }), 400, 'P6000', /UTF-8/)
      }
      for (const lone of ['"\\ud800"', '"\\udc00\\ud800"']) {
        const r = await ask(s, null, { path, raw: `{"plan":${lone}}` })
        assert.ok(r.status === 400, `${lone}: ${r.status} ${r.text}`)
      }
    })
    await attack(s, `${name}: JSON of the wrong kind`, async () => {
      for (const raw of ['null', '1', '"x"', '[]', 'true', ...(path === '/transaction/start' ? [] : ['{}'])]) {
        const r = await ask(s, null, { path, raw })
        assert.ok(r.status === 400 || (r.status === 200 && r.json.errors), `${raw}: ${r.status} ${r.text}`)
      }
    })
  }
  await attack(s, 'a key that comes twice: the last one holds, as in JavaScript', async () => {
    const raw = '{"modelName":"User","action":"deleteMany","action":"findMany","query":{"arguments":{},"arguments":{"take":1},"selection":{"id":true}}}'
    assert.equal((await ask(s, null, { raw })).json.data.findManyUser.length, 1)
    const plan = JSON.stringify(planBody(templatePlan('SELECT 1 AS one'))).replace('"plan":', '"plan":1,"plan":')
    assert.deepEqual((await ask(s, null, { path: '/query', raw: plan })).json, { data: [{ one: 1 }] })
  })
  await attack(s, 'a number that no machine holds', async () => {
    const r = await ask(s, null, { raw: '{"modelName":"User","action":"findMany","query":{"arguments":{"take":' + '9'.repeat(5000) + '},"selection":{"$scalars":true}}}' })
    assert.ok(r.json.errors, r.text)
    const p = await ask(s, null, { path: '/query', raw: JSON.stringify(planBody(templatePlan('SELECT ?', [{ prisma__type: 'param', prisma__value: { name: 'n', type: 'Int' } }], 'query', [{ arity: 'scalar', scalarType: 'int' }]))).replace('"params":{}', '"params":{"n":1e999}') })
    assert.ok(p.status === 400, p.text)
  })
  await attack(s, 'bodies past the limit, told by their length and in chunks', async () => {
    const small = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--body-max', '100000'])
    const told = await sendRaw(small, `POST /query HTTP/1.1\r\nHost: ${small.host}\r\nAuthorization: Bearer any\r\nContent-Length: 100001\r\n\r\n`)
    assert.equal(told.status, 413, told.text)
    assert.match(told.body, /larger than the limit/)
    assert.ok(told.closed)
    const huge = await sendRaw(small, `POST /query HTTP/1.1\r\nHost: ${small.host}\r\nAuthorization: Bearer any\r\nContent-Length: 99999999999999999999\r\n\r\n`)
    assert.ok(huge.status === 400 || huge.status === 413, huge.text)
    const pieces = await chunked(small, '/query', 1000, 200)
    assert.ok(pieces.status === 413 || pieces.text === 'EPIPE' || pieces.text === 'ECONNRESET', `${pieces.status} ${pieces.text}`)
    const one = await sendRaw(small, [`POST /query HTTP/1.1\r\nHost: ${small.host}\r\nAuthorization: Bearer any\r\nTransfer-Encoding: chunked\r\n\r\n`, `186a1\r\n`])
    assert.equal(one.status, 413, one.text)
    const atLimit = await ask(small, null, { path: '/query', raw: JSON.stringify(planBody(templatePlan('SELECT 1 AS one'))).padEnd(100000) })
    assert.equal(atLimit.status, 200, atLimit.text)
    await assertServing(small)
    await small.stop()
  })
  await attack(s, 'createMany of 30,000 rows, as a client of version 7 sends it', async () => {
    const info = await fetch(`${s.url}/connection-info`, { headers: { authorization: 'Bearer any' } }).then((r) => r.json())
    const binds = info.connectionInfo.maxBindValues
    const raw = JSON.stringify(createManyBody(30000, 'cm', binds))
    assert.ok(raw.length > 22e6, `${raw.length}`)
    const from = Date.now()
    const r = await ask(s, null, { path: '/query', raw })
    console.log(`# ${(raw.length / 1e6).toFixed(1)} MB, ${Date.now() - from} ms, RSS ${(look(s.pid).rss / 1e6).toFixed(0)} MB`)
    assert.deepEqual(r.json, { data: { count: 30000 } }, r.text.slice(0, 500))
    assert.equal(sqlite(db, "SELECT count(*), count(DISTINCT createdAt) FROM User WHERE id LIKE 'cm_%'"), '30000|1')
    const body = createManyBody(30000, 'cn', binds)
    body.params['%89999'] = 'cm-7@example.com'
    assertError(await ask(s, null, { path: '/query', raw: JSON.stringify(body) }), 400, 'P2002', /email/)
    assert.equal(sqlite(db, "SELECT count(*) FROM User WHERE id LIKE 'cn_%'"), '0')
    assertError(await ask(s, createManyBody(10000, 'co', 1e9), { path: '/query' }), 400, 'P2029', /limit/)
    sqlite(db, "DELETE FROM User WHERE id LIKE 'cm_%'")
  })
  await attack(s, 'createMany of 30,000 rows through the JSON protocol', async () => {
    const data = Array.from({ length: 30000 }, (_, i) => ({ email: `json-${i}@example.com`, name: `Json ${i}` }))
    const r = await ask(s, { modelName: 'User', action: 'createMany', query: { arguments: { data }, selection: { count: true } } })
    assert.deepEqual(r.json, { data: { createManyUser: { count: 30000 } } }, r.text.slice(0, 500))
    const bad = await ask(s, { modelName: 'User', action: 'createMany', query: { arguments: { data: data.map((d, i) => ({ ...d, email: i === 29999 ? 'json-0@example.com' : `jsoo-${i}@example.com` })) }, selection: { count: true } } })
    assertError(bad, 200, 'P2002', /email/)
    assert.equal(sqlite(db, "SELECT count(*) FROM User WHERE email LIKE 'jsoo-%'"), '0')
    const gone = await ask(s, { modelName: 'User', action: 'deleteMany', query: { arguments: { where: { email: { startsWith: 'json-' } } }, selection: { count: true } } })
    assert.deepEqual(gone.json, { data: { deleteManyUser: { count: 30000 } } }, gone.text.slice(0, 500))
  })
  await attack(s, 'lists of 40,000 and 70,000 ids', async () => {
    const users = Number(await cell(s, 'SELECT count(*) FROM `User`'))
    const some = sqlite(db, 'SELECT id FROM User ORDER BY id LIMIT 3').split('\n')
    for (const n of [40000, 70000]) {
      const ids = [...some, ...Array.from({ length: n - 3 }, (_, i) => `nobody-${i}`)]
      const j = await ask(s, op('User', 'findMany', { where: { id: { in: ids } } }, { id: true }))
      if (j.json.errors) assertError(j, 200, 'P2029', /limit/)
      else assert.equal(j.json.data.findManyUser.length, 3, `${n}`)
      const not = await ask(s, op('User', 'findMany', { where: { id: { notIn: ids } } }, { id: true }))
      if (not.json.errors) assertError(not, 200, 'P2029', /limit/)
      else assert.equal(not.json.data.findManyUser.length, users - 3)
      const both = await ask(s, op('User', 'findMany', { where: { id: { in: ids }, email: { notIn: ids } } }, { id: true }))
      if (both.json.errors) assertError(both, 200, 'P2029', /limit/)
      else assert.equal(both.json.data.findManyUser.length, 3)
      const del = await ask(s, { modelName: 'User', action: 'deleteMany', query: { arguments: { where: { id: { in: ids.slice(3) } } }, selection: { count: true } } })
      if (del.json.errors) assertError(del, 200, 'P2029', /limit/)
      else assert.deepEqual(del.json.data, { deleteManyUser: { count: 0 } })
      const plan = templatePlan('SELECT id FROM `User` WHERE id IN ')
      plan.args.fragments.push({ type: 'parameterTuple', itemPrefix: '', itemSeparator: ',', itemSuffix: '' })
      plan.args.args.push({ prisma__type: 'param', prisma__value: { name: 'ids', type: 'List<String>' } })
      plan.args.argTypes.push({ arity: 'list', scalarType: 'string', dbType: null })
      const p = await runPlan(s, plan, { ids })
      if (p.status === 200) assert.equal(p.json.data.length, 3)
      else assertError(p, 400, 'P2029', /limit/)
      plan.args.chunkable = false
      const q = await runPlan(s, plan, { ids })
      assertError(q, 400, 'P2029', /limit/)
    }
  })
  await attack(s, 'a batch of more operations than the limit', async () => {
    const one = op('User', 'findFirst', {}, { id: true })
    assertError(await ask(s, { batch: Array(10001).fill(one) }), 413, 'P6000', /10001.*10000/)
    assertError(await ask(s, { batch: {} }), 400, 'P6000', /batch/)
    const empty = await ask(s, { batch: [] })
    assert.deepEqual(empty.json, { batchResult: [] })
    const mixed = await ask(s, { batch: [one, 7, null, { action: 'findMany' }, { modelName: 'Nobody', action: 'findMany', query: {} }, one] })
    assert.equal(mixed.json.batchResult.length, 6, mixed.text)
    assert.ok(mixed.json.batchResult[0].data && mixed.json.batchResult[5].data)
    for (let i = 1; i < 5; i++) assert.ok(mixed.json.batchResult[i].errors, `${i}`)
  })
}
