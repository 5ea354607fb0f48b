// A PostgreSQL server of the suite's own: started when first asked for, stopped with the suite.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { root } from './harness.mjs'

const script = path.join(root, 'tests/servers/pg.sh')
let server, made = 0

/** {url: of the database "postgres", dir, port, socket: the same URL over the Unix socket} */
export function postgres() {
  if (server) return server
  // Not below the suite's folder: paths of Unix sockets are short, and the server runs as another user.
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'nicol-pg-'))
  const r = spawnSync(script, ['start', dir], { encoding: 'utf8', timeout: 120000 })
  if (r.status !== 0) throw new Error(`no PostgreSQL: ${r.stdout}${r.stderr}`)
  const url = r.stdout.trim(), port = fs.readFileSync(path.join(dir, 'port'), 'utf8').trim()
  server = { url, dir, port, socket: `postgresql://nicol@${encodeURIComponent(dir)}:${port}/postgres` }
  process.on('exit', () => {
    spawnSync(script, ['stop', dir], { timeout: 60000 })
    fs.rmSync(dir, { recursive: true, force: true })
  })
  return server
}

/** "kill": as a crash would; "again": starts it once more. Does not block. */
export const serverDo = (what) => new Promise((resolve, reject) => {
  const p = spawn(script, [what, postgres().dir], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  p.stderr.on('data', (d) => { err += d })
  p.on('exit', (c) => (c === 0 ? resolve() : reject(new Error(err))))
})

/** Runs SQL statements on the database `url`, each on its own; what psql printed. */
export function sql(url, text) {
  const r = spawnSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', url], { input: text, encoding: 'utf8', timeout: 60000 })
  if (r.status !== 0) throw new Error(`${r.stderr}${r.stdout}`)
  return r.stdout.trim()
}

/** A new database with these tables: its URL over the Unix socket. */
export function database(ddl = '', params = '') {
  const s = postgres(), name = `t${made++}`
  sql(s.socket, `CREATE DATABASE ${name}`)
  const url = s.socket.replace(/postgres$/, name)
  if (ddl) sql(url, ddl)
  return url + params
}

/** Drops everything in the database `url` and makes these tables: much quicker than a new database. */
export function renew(url, ddl) {
  sql(url, `DO $$ DECLARE s text; BEGIN
    FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP;
  END $$; CREATE SCHEMA public; ${ddl}`)
  return url
}

/** The same without blocking: what else is under way goes on. */
export const sqlBeside = (url, text) => new Promise((resolve) => spawn('psql', ['-X', '-q', '-A', '-t', url, '-c', text], { stdio: 'ignore' }).on('exit', resolve))
