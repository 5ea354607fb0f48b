// A MariaDB server of the suite's own: started when first asked for, stopped with the suite.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './harness.mjs'

const script = path.join(root, 'tests/servers/mariadb.sh')
let server, made = 0

/** {url: of the database "test", dir, port, socket: the same URL over the Unix socket} */
export function mariadb() {
  if (server) return server
  // Not below the suite's folder: paths of Unix sockets are short, and the server runs as another user.
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'nicol-my-'))
  fs.chmodSync(dir, 0o755)
  const r = spawnSync(script, ['start', dir], { encoding: 'utf8', timeout: 120000 })
  if (r.status !== 0) throw new Error(`no MariaDB: ${r.stdout}${r.stderr}`)
  const url = r.stdout.trim(), port = fs.readFileSync(path.join(dir, 'port'), 'utf8').trim()
  server = { url, dir, port, socket: `${url.replace(/@.*/, '')}@localhost/test?socket=${encodeURIComponent(path.join(dir, 's'))}` }
  process.on('exit', () => {
    spawnSync(script, ['stop', dir], { timeout: 60000 })
    fs.rmSync(dir, { recursive: true, force: true })
  })
  return server
}
/** "kill": as a crash would; "again": starts it once more. Does not block. */
export const serverDo = (what) => new Promise((resolve, reject) => {
  const p = spawn(script, [what, mariadb().dir], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  p.stderr.on('data', (d) => { err += d })
  p.on('exit', (c) => (c === 0 ? resolve() : reject(new Error(err))))
})

/** Runs SQL statements as root; what the client printed. */
export function sql(text, db = 'test') {
  const s = mariadb()
  const r = spawnSync('mariadb', ['--no-defaults', `--socket=${s.dir}/s`, '-u', 'root', '--default-character-set=utf8mb4', '-N', '-B', db], { input: text, encoding: 'utf8', timeout: 60000 })
  if (r.status !== 0) throw new Error(`${r.stderr}${r.stdout}`)
  return r.stdout.trim()
}

/** A new database with these tables: its URL over the Unix socket. */
export function database(ddl = '', params = '') {
  const s = mariadb(), name = `t${made++}`
  sql(`CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`)
  if (ddl) sql(ddl, name)
  return s.socket.replace('/test?', `/${name}?`) + params
}

/** Drops the database of `url` and makes it anew with these tables. */
export function renew(url, ddl) {
  const name = new URL(url).pathname.slice(1)
  sql(`DROP DATABASE ${name}; CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; USE ${name};\n${ddl}`)
  return url
}

/** The same without blocking: what else is under way goes on. */
export const sqlBeside = (text) => new Promise((resolve) => spawn('mariadb', ['--no-defaults', `--socket=${mariadb().dir}/s`, '-u', 'root', 'test', '-e', text], { stdio: 'ignore' }).on('exit', resolve))
