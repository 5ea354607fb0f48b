// Installs and generates the real clients, unmodified: node setup.mjs v6|v7
//
// `prisma generate` only looks whether its native engines exist and never runs them, so a stub stands in for them and
// nothing but npm packages is fetched.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const which = process.argv[2]
if (!['v6', 'v7'].includes(which)) { console.error('usage: node setup.mjs v6|v7'); process.exit(2) }
const dir = path.join(here, which)

// The models of the shop; each client gets its own generator and datasource blocks.
const models = fs.readFileSync(path.join(here, '../shop/schema.prisma'), 'utf8').replace(/^(generator|datasource) [^{]*\{[^}]*\}\n/gm, '')
const clients = which === 'v7'
  ? [{ name: 'client', generator: '', url: '', flags: [] }]
  : [
      { name: 'remote', generator: '', url: '  url      = env("DATABASE_URL")\n', flags: ['--no-engine'] },
      { name: 'compiled', generator: '  engineType = "client"\n', url: '  url      = env("DATABASE_URL")\n', flags: [] },
    ]

const stub = path.join(dir, 'node_modules/.stub-engine')
const env = {
  ...process.env, PRISMA_QUERY_ENGINE_LIBRARY: stub, PRISMA_QUERY_ENGINE_BINARY: stub, PRISMA_SCHEMA_ENGINE_BINARY: stub,
  CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', PRISMA_SKIP_POSTINSTALL_GENERATE: '1', NO_UPDATE_NOTIFIER: '1',
  PATH: path.dirname(process.execPath) + path.delimiter + process.env.PATH,
}
function run(what, command, args) {
  const r = spawnSync(command, args, { cwd: dir, env, encoding: 'utf8' })
  if (r.status !== 0) { console.error(`${what} failed:\n${r.error ?? ''}${r.stdout ?? ''}${r.stderr ?? ''}`); process.exit(1) }
}

const lock = fs.readFileSync(path.join(dir, 'package-lock.json'))
const done = path.join(dir, 'node_modules/.installed-lock')
if (!(fs.existsSync(done) && fs.readFileSync(done).equals(lock))) {
  run('npm ci', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  fs.writeFileSync(done, lock)
}
fs.writeFileSync(stub, '#!/bin/sh\nexit 0\n', { mode: 0o755 })
for (const c of clients) {
  const schema = path.join(dir, `${c.name}.prisma`)
  const text = `generator client {\n  provider = "prisma-client-js"\n  output   = "./generated/${c.name}"\n${c.generator}}\n\ndatasource db {\n  provider = "sqlite"\n${c.url}}\n${models}`
  if (fs.existsSync(schema) && fs.readFileSync(schema, 'utf8') === text && fs.existsSync(path.join(dir, 'generated', c.name, 'index.js'))) continue
  fs.writeFileSync(schema, text)
  run('prisma generate', process.execPath, [path.join(dir, 'node_modules/prisma/build/index.js'), 'generate', '--schema', schema, ...c.flags])
}
