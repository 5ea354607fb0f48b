// The example programs against the server: @prisma/client 7.10.0, 6.19.3 with both engine types, and C.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { check, done, root, run, serve, shop, shopSchema, tmp } from './lib/harness.mjs'

const js = path.join(root, 'examples/js')
function node(file, ...args) {
  const r = spawnSync(process.execPath, [path.join(js, file), ...args], { encoding: 'utf8', timeout: 600000 })
  assert.equal(r.status, 0, `${file} ${args.join(' ')}\n${r.stdout}${r.stderr}`)
  return r.stdout
}

const db = shop()
const server = await serve(['--schema', shopSchema, '--url', `file:${db}`])
for (const [which, setup, version] of [['v7', 'v7', '7.10.0'], ['v6', 'v6', '6.19.3'], ['v6c', 'v6', '6.19.3']]) {
  await check(`${which}: the real client runs the shop`, async () => {
    node('setup.mjs', setup)
    const out = node('shop.mjs', which, server.url)
    assert.match(out, new RegExp(`^@prisma/client ${version.replaceAll('.', '\\.')} on http`))
    assert.match(out, /^order +\{"id":\d+,"status":"(SHIPPED|DELIVERED)","amount":[345],"product":"[^"]+","user":"[^"]+"\}$/m)
    assert.match(out, /^created +\{"email":"[^"]+","order":2\}$/m)
    assert.match(out, /^updated +\{"status":"CONFIRMED","amount":3\}$/m)
    assert.match(out, /^count +1$/m)
    assert.match(out, /^errors +\["P2002","P2025"\]$/m)
    assert.match(out, /^transaction +\{"order":5,"stock":\d+\}$/m)
    assert.match(out, /^rolled back +\{"orders":2\}$/m)
    assert.match(out, /^by status +\{"CANCELLED":175,"CONFIRMED":876,"DELIVERED":1313,"PENDING":872,"SHIPPED":766\}$/m)
    assert.match(out, /^shop: all good$/m)
  })
}
await check('every request has an id, and a log line with it', async () => {
  const lines = server.lines().filter((l) => l.event === 'request')
  assert.ok(lines.length > 50, `${lines.length} lines: ${server.log().slice(0, 300)}`)
  for (const l of lines) assert.match(l.request_id, /^[A-Za-z0-9._-]{1,128}$/)
})
await check('SIGTERM ends it with status 0', async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
})
await check('the C example', async () => {
  const exe = path.join(tmp, 'shop')
  const build = process.env.BUILD ?? path.join(root, 'build')
  const cc = spawnSync('sh', ['-c', `cc -std=c11 -Wall -Wextra -Werror "${root}/examples/c/shop.c" -I"${root}/include" -L"${build}" -lnicol -o "${exe}"`], { encoding: 'utf8', cwd: root })
  assert.equal(cc.status, 0, cc.stderr)
  const r = spawnSync(exe, [db], { encoding: 'utf8', cwd: root, env: { ...process.env, LD_LIBRARY_PATH: build } })
  assert.equal(r.status, 0, r.stdout + r.stderr)
  assert.match(r.stdout, /^order \d+: [345] x [A-Za-z ]+ at \d+\.\d\d for [a-z0-9]+@example\.com, \d{4}-\d\d-\d\dT/m)
  assert.match(r.stdout, /batch: refused with P2002/)
  assert.match(r.stdout, /in the transaction: 173 deleted, 3827 left/)
  assert.match(r.stdout, /rolled back: 4000 orders/)
  assert.match(r.stdout, /shop: all good/)
})
await check('nicol query gives the same rows', async () => {
  const r = run(['query', '--schema', shopSchema, '--url', `file:${db}`], { input: '{"modelName":"Product","action":"findUnique","query":{"arguments":{"where":{"sku":"SKU002"}},"selection":{"name":true,"price":true}}}\n' })
  assert.equal(r.status, 0, r.stderr)
  assert.deepEqual(JSON.parse(r.stdout), { data: { findUniqueProduct: { name: 'Oak Desk', price: { $type: 'Decimal', value: '21.53' } } } })
})
await done()
