// What users of real clients see when a call fails: name, code, meta and message of each error in errors/cases.mjs, through 7.10.0, 6.19.3 with
// engineType = "client" and 6.19.3 over the JSON protocol, against what the same clients gave in process (errors/expected.json, made by
// errors/record.mjs). errors/known.json lists what differs, with the reasons.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { check, done, root, run, serve, tmp } from './lib/harness.mjs'
import { generate, install } from './lib/client.mjs'
import { client7, urlOf } from './lib/client7.mjs'
import { cases, provoke } from './errors/cases.mjs'

const here = path.join(root, 'tests/e2e/errors'), v6 = path.join(root, 'examples/js/v6'), require = createRequire(import.meta.url)
const models = fs.readFileSync(path.join(here, 'models.prisma'), 'utf8')
const expected = JSON.parse(fs.readFileSync(path.join(here, 'expected.json'), 'utf8')), known = JSON.parse(fs.readFileSync(path.join(here, 'known.json'), 'utf8'))
install(v6)
const six = (name, engineType) => (s) => new (require(generate(v6, path.join(tmp, name), models, { version: '6.19.3', engineType })).PrismaClient)({ datasourceUrl: urlOf(s), errorFormat: 'minimal' })
const clients = {
  '7.10.0': (s) => client7(`generator client {\n  provider = "prisma-client-js"\n}\n\ndatasource db {\n  provider = "sqlite"\n}\n\n${models}`, { accelerateUrl: urlOf(s) }),
  '6.19.3 compiled': six('compiled', 'client'),
  '6.19.3': six('remote'),
}

/** The server adds two things on purpose, and they are looked at elsewhere: the table of a P2002 also for compiled clients whose own adapter did not
 *  know it yet, and, for clients of version 5, their name of the facts of a P2003. */
function without(name, seen) {
  const { table, field_name: field, ...meta } = seen.meta ?? {}
  if (name === '6.19.3 compiled' && meta.driverAdapterError) {
    const { table: also, ...cause } = meta.driverAdapterError.cause
    if (cause.kind === 'UniqueConstraintViolation') return { ...seen, meta: { ...meta, driverAdapterError: { ...meta.driverAdapterError, cause } } }
  }
  return name === '6.19.3' && seen.code === 'P2003' && field === 'foreign key' ? { ...seen, meta } : seen
}

for (const [name, open] of Object.entries(clients)) {
  const file = path.join(tmp, `errors-${name.replace(' ', '-')}.db`)
  const made = run(['db', 'execute', '--create', '--url', `file:${file}`, '--file', path.join(here, 'data.sql')])
  assert.equal(made.status, 0, made.stderr)
  const server = await serve(['--url', `file:${file}`, '--log-level', 'error'])
  const client = open(server), got = await provoke(client)
  for (const what of Object.keys(cases)) {
    const differs = known[what]?.[name]
    await check(`${name}: ${what}`, () => differs ? assert.deepEqual(without(name, got[what]), differs.nicol) : assert.deepEqual(without(name, got[what]), expected[name][what]))
    if (differs) await check(`${name}: ${what}: the reference differs`, () => assert.notDeepEqual(differs.nicol, expected[name][what]))
  }
  await client.$disconnect()
  await check(`${name}: the server ends well`, async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }))
}
await check('what is listed as different was met', () => {
  for (const [what, by] of Object.entries(known)) for (const name of Object.keys(by)) assert.ok(cases[what] && clients[name], `${what}, ${name}`)
})
await done()
