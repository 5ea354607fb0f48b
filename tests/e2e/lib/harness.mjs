// What the end-to-end suites share: a check that counts, the server as a child process, the shop's database.
// Environment: NICOL (the program), SUITE_TMP (an empty folder).
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..')
export const nicol = process.env.NICOL ?? path.join(root, 'build/nicol')
export const tmp = process.env.SUITE_TMP ?? fs.mkdtempSync(path.join(os.tmpdir(), 'nicol-e2e-'))

let passed = 0, failed = 0
/** Runs one named test; a thrown error is a failure. Only names that match ONLY (a regular expression) run when it is set. */
export async function check(name, fn) {
  if (process.env.ONLY && !new RegExp(process.env.ONLY).test(name)) return
  const start = Date.now()
  try { await fn(); passed++; console.log(`ok - ${name} (${Date.now() - start} ms)`) } catch (e) { failed++; console.log(`not ok - ${name}\n${String(e.stack ?? e).split('\n').map((l) => '    ' + l).join('\n')}`) }
}
/** Counts results that were judged elsewhere. */
export function count(good, bad) { passed += good; failed += bad }
/** Ends the suite with its closing line. */
export async function done() {
  for (const s of [...servers]) await s.stop().catch(() => {})
  console.log(`${passed} passed, ${failed} failed`)
  process.exit(failed ? 1 : 0)
}

const servers = new Set()
let started = 0
export const sleep = (ms) => new Promise((r) => setTimeout(r, ms))

/** Runs the program to its end: {status, stdout, stderr}. */
export function run(args, { input, cwd, env } = {}) {
  const r = spawnSync(nicol, args, { input, cwd, env: { ...process.env, ...env }, encoding: 'utf8', maxBuffer: 1 << 30, timeout: 300000 })
  return { status: r.status, signal: r.signal, stdout: r.stdout, stderr: r.stderr }
}

/** Starts `nicol serve ARGS` on a free port; resolves when it says that it is ready.
 *  {url, host, tlsUrl?, pid, log: () => text of standard error, lines(): its JSON lines, stop(signal): exit status} */
export async function serve(args, { env, prefix = [], ready = 15000 } = {}) {
  const argv = [...prefix, nicol, 'serve', ...args]
  if (!args.includes('--listen')) argv.push('--listen', '127.0.0.1:0')
  if (!args.includes('--state')) argv.push('--state', path.join(tmp, `state-${process.pid}-${servers.size}-${Date.now()}`))
  // To a file, not a pipe: a suite that blocks (spawnSync) reads nothing meanwhile, and the server must not wait for it.
  const logFile = path.join(tmp, `log-${process.pid}-${started++}`), logFd = fs.openSync(logFile, 'w')
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', logFd], env: { ...process.env, ...env } })
  fs.closeSync(logFd)
  const s = { child, pid: child.pid, stdout: '', urls: [], get stderr() { return fs.readFileSync(logFile, 'utf8') } }
  const ended = new Promise((r) => child.on('exit', (code, signal) => { s.ended = { code, signal }; servers.delete(s); r(s.ended) }))
  s.log = () => s.stderr
  s.lines = () => s.stderr.split('\n').filter(Boolean).map((l) => JSON.parse(l))
  s.stop = async (signal = 'SIGTERM', wait = 20000) => {
    if (!s.ended) child.kill(signal)
    const t = setTimeout(() => child.kill('SIGKILL'), wait)
    const r = await ended
    clearTimeout(t)
    return r
  }
  const want = args.includes('--tls-listen') ? 2 : 1
  await new Promise((resolve, reject) => {
    const t = setTimeout(() => { child.kill('SIGKILL'); reject(new Error(`not ready after ${ready} ms: ${s.stderr}`)) }, ready)
    child.on('error', reject)
    child.on('exit', (code) => { clearTimeout(t); reject(new Error(`nicol serve ended with ${code}: ${s.stderr}`)) })
    child.stdout.setEncoding('utf8').on('data', (d) => {
      s.stdout += d
      s.urls = [...s.stdout.matchAll(/^nicol: ready on (\S+)$/gm)].map((m) => m[1])
      if (s.urls.length === want) { clearTimeout(t); resolve() }
    })
  })
  s.url = s.urls[0]
  s.tlsUrl = s.urls[1]
  s.host = new URL(s.url).host
  servers.add(s)
  return s
}

/** A new shop database, with its rows unless `empty`. Returns its path. */
export function shop(name = 'shop.db', { empty = false } = {}) {
  const file = path.join(tmp, name)
  for (const s of ['', '-wal', '-shm']) fs.rmSync(file + s, { force: true })
  const sql = (f, extra) => { const r = run(['db', 'execute', '--url', `file:${file}`, '--file', path.join(root, 'examples/shop', f), ...extra]); if (r.status !== 0) throw new Error(`${f}: ${r.stderr}`) }
  sql('schema.sql', ['--create'])
  if (!empty) sql('seed.sql', [])
  return file
}
export const shopSchema = path.join(root, 'examples/shop/schema.prisma')

/** One operation on the server's own schema: the parsed answer, with its HTTP status. */
export async function ask(s, body, { key = 'any', headers = {}, path: at = '/json', raw } = {}) {
  const r = await fetch(s.url + at, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers }, body: raw ?? JSON.stringify(body) })
  const text = await r.text()
  let json
  try { json = JSON.parse(text) } catch { /* the caller looks at text */ }
  return { status: r.status, headers: r.headers, text, json }
}
export const op = (modelName, action, args = {}, selection = { $scalars: true }) => ({ modelName, action, query: { arguments: args, selection } })
