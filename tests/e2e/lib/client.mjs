// Installs a pinned package-lock.json of the tests, once: npm ci without install scripts.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** Runs a program in `dir`, with the stub in place of native engines; throws with its output when it fails. */
export function must(what, command, args, { dir, env } = {}) {
  const r = spawnSync(command, args, {
    cwd: dir, encoding: 'utf8',
    env: { ...process.env, PATH: path.dirname(process.execPath) + path.delimiter + process.env.PATH, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', NO_UPDATE_NOTIFIER: '1', ...env },
  })
  if (r.status !== 0) throw new Error(`${what} failed:\n${r.error ?? ''}${r.stdout ?? ''}${r.stderr ?? ''}`)
  return r.stdout
}

/** node_modules in `dir` as its lock says. */
export function install(dir) {
  const lock = fs.readFileSync(path.join(dir, 'package-lock.json'))
  const done = path.join(dir, 'node_modules/.installed-lock')
  if (fs.existsSync(done) && fs.readFileSync(done).equals(lock)) return
  must('npm ci', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { dir })
  fs.writeFileSync(done, lock)
}

/** Generates a client of the models in `models` (text without generator and datasource) into OUT, a folder outside of `dir`
 *  whose node_modules is that of `dir`. `prisma generate` only looks whether native engines exist: a stub stands in for them. */
export function generate(dir, out, models, { version, engineType }) {
  const stub = path.join(dir, 'node_modules/.stub-engine'), major = Number(version.split('.')[0])
  fs.writeFileSync(stub, '#!/bin/sh\nexit 0\n', { mode: 0o755 })
  fs.mkdirSync(out, { recursive: true })
  fs.rmSync(path.join(out, 'node_modules'), { force: true })
  fs.symlinkSync(path.join(dir, 'node_modules'), path.join(out, 'node_modules'))
  const schema = path.join(out, 'schema.prisma')
  fs.writeFileSync(schema, `generator client {\n  provider = "prisma-client-js"\n  output   = "./client"\n${engineType ? `  engineType = "${engineType}"\n` : ''}}\n\ndatasource db {\n  provider = "sqlite"\n${major < 7 ? '  url      = env("DATABASE_URL")\n' : ''}}\n\n${models}`)
  must('prisma generate', process.execPath, [path.join(dir, 'node_modules/prisma/build/index.js'), 'generate', '--schema', schema, ...(major < 7 && !engineType ? ['--no-engine'] : [])],
    { dir: out, env: { PRISMA_QUERY_ENGINE_LIBRARY: stub, PRISMA_QUERY_ENGINE_BINARY: stub, PRISMA_SCHEMA_ENGINE_BINARY: stub, PRISMA_SKIP_POSTINSTALL_GENERATE: '1' } })
  return path.join(out, 'client/index.js')
}
