// Configuration files through the program: a file in the current folder, one that is named, flags over it, mistakes.
import assert from 'node:assert'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { ask, check, done, nicol, op, root, run, serve, shop, tmp } from './lib/harness.mjs'

const dir = path.join(tmp, 'config')
fs.mkdirSync(dir, { recursive: true })
const db = shop('config/shop.db')
fs.copyFileSync(path.join(root, 'examples/shop/schema.prisma'), path.join(dir, 'schema.prisma'))
const conf = path.join(dir, 'nicol.conf')
const write = (text, file = conf) => { fs.writeFileSync(file, text); return file }
const GOOD = 'server {\n  listen = "127.0.0.1:0"\n  schema = "schema.prisma"\n  body_max = 2048\n  log_format = json\n}\n\ndatabase {\n  url = "file:shop.db"\n}\n'

await check('a named file: schema and database lie beside it', async () => {
  const s = await serve(['--config', write(GOOD)])
  const r = await ask(s, op('User', 'findMany', { take: 1 }))
  assert.equal(r.status, 200)
  assert.equal(r.json.data.findManyUser?.length ?? Object.values(r.json.data)[0].length, 1)
  const big = await ask(s, null, { raw: ' '.repeat(4096) })
  assert.equal(big.status, 413, 'body_max of the file')
  assert.equal((await s.stop()).code, 0)
})

await check('a flag wins over the file, and its variable need not be set', async () => {
  const file = write(GOOD.replace('"file:shop.db"', 'env("NICOL_TEST_NOT_SET")'), path.join(dir, 'env.conf'))
  const s = await serve(['--config', file, '--url', `file:${db}`, '--body-max', '64KB'])
  assert.equal((await ask(s, null, { raw: ' '.repeat(4096) })).status, 400, 'body-max of the flag: read, and no JSON')
  assert.equal((await s.stop()).code, 0)
})

await check('env() in the file', async () => {
  const file = write(GOOD.replace('"file:shop.db"', 'env("NICOL_TEST_URL")'), path.join(dir, 'env.conf'))
  const s = await serve(['--config', file], { env: { NICOL_TEST_URL: `file:${db}` } })
  assert.equal((await ask(s, op('User', 'findMany', { take: 1 }))).status, 200)
  await s.stop()
})

await check('nicol.conf of the current folder', async () => {
  write(GOOD)
  const child = spawn(nicol, ['serve'], { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] })
  const line = await new Promise((resolve, reject) => { child.stdout.once('data', (d) => resolve(String(d))); child.once('exit', (c) => reject(new Error(`ended with ${c}`))) })
  assert.match(line, /^nicol: ready on http:\/\/127\.0\.0\.1:\d+\n$/)
  assert.ok(fs.existsSync(path.join(dir, 'schema.prisma')))
  const ended = new Promise((r) => child.once('exit', r))
  child.kill('SIGTERM')
  assert.equal(await ended, 0)
})

await check('every mistake is told with its place; nothing starts', () => {
  const r = run(['serve', '--config', write('server {\n  lisetn = "127.0.0.1:0"\n  slow_ms = 0\n}\ndatabse {\n}\n', path.join(dir, 'bad.conf'))], { cwd: dir })
  assert.equal(r.status, 1)
  assert.equal(r.stdout, '')
  assert.match(r.stderr, /There is no setting `lisetn` in `server`\. Did you mean `listen`\?\n {2}--> .*bad\.conf:2:3\n/)
  assert.match(r.stderr, /`slow_ms` is a whole number of milliseconds from 1 to 3600000, not `0`\.\n {2}--> .*bad\.conf:3:13\n/)
  assert.match(r.stderr, /There is no block `databse`\. Did you mean `database`\?\n {2}--> .*bad\.conf:5:1\n/)
  assert.match(r.stderr, /\n3 errors\n.*bad\.conf has errors: nothing was started\n$/)
})

await check('a missing environment variable is named, with a way out', () => {
  const r = run(['serve', '--config', write('database {\n  url = env("NICOL_TEST_NOT_SET")\n}\n', path.join(dir, 'bad.conf'))], { cwd: dir })
  assert.equal(r.status, 1)
  assert.match(r.stderr, /The environment variable NICOL_TEST_NOT_SET is not set\. Set it, or give --url\./)
})

await check('a file that is not there, and a folder', () => {
  const missing = run(['serve', '--config', path.join(dir, 'none.conf')], { cwd: dir })
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /none\.conf/)
  const folder = run(['serve', '--config', dir], { cwd: dir })
  assert.equal(folder.status, 2)
  assert.match(folder.stderr, /is a folder/)
})

await check('a flag out of range is wrong usage', () => {
  const r = run(['serve', '--slow-ms', '0'], { cwd: tmp })
  assert.equal(r.status, 2)
  assert.match(r.stderr, /--slow-ms is a whole number of milliseconds from 1 to 3600000, not '0'/)
})

await check('the example is a good configuration', async () => {
  const s = await serve(['--config', path.join(root, 'examples/shop/nicol.conf'), '--url', `file:${db}`])
  assert.equal((await ask(s, op('User', 'findMany', { take: 1 }))).status, 200)
  await s.stop()
})

await done()
