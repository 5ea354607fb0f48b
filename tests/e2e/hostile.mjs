// Everything that a client, a page, a disk or a file may do wrong. Each part gets one server of its own or starts what
// it needs; each case asserts the error's status, code and text, and that the server still serves.
import assert from 'node:assert/strict'
import { check, done, serve, shop, shopSchema, sleep } from './lib/harness.mjs'
import { assertServing, eventually, look } from './lib/raw.mjs'

const parts = ['bodies', 'sql', 'plans', 'smuggling', 'strangers', 'keys', 'schemas', 'transactions', 'clients', 'tls', 'writers', 'files', 'disk', 'idle']
const db = shop('hostile.db')
const server = await serve(['--schema', shopSchema, '--url', `file:${db}`, '--create'])
await assertServing(server)
const before = look(server.pid)
for (const part of process.env.PART?.split(',') ?? parts) {
  const { default: run } = await import(`./hostile/${part}.mjs`)
  await run({ server, db })
}
await check('nothing has leaked: descriptors are back, memory is within reason', async () => {
  // Readers and their files may have come to stay: 4 connections with database, WAL and shared memory.
  await eventually(() => look(server.pid).fds <= before.fds + 16, 'the descriptors come back', 8000)
  await sleep(2500)
  const after = look(server.pid)
  console.log(`# RSS ${(before.rss / 1e6).toFixed(1)} MB at the start, ${(after.rss / 1e6).toFixed(1)} MB at the end; ${before.fds} and ${after.fds} descriptors`)
  assert.ok(process.env.SLOW_BUILD || after.rss < before.rss + 100e6, `${after.rss} bytes after, ${before.rss} before`)
})
await check('the server ends in good order', async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  assert.doesNotMatch(server.log(), /AddressSanitizer|runtime error|LeakSanitizer/)
})
await done()
