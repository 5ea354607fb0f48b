// What a point read costs the server, through the version 7 protocol and the JSON protocol on SQLite, as a ratio to the same HTTP core with a
// constant answer. wrk drives both in alternating rounds; CPU is the server process's own, from /proc. The plan is the one that a
// real 7.10.0 client sends for user.findFirst({ where: { id } }).
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const nicol = process.env.NICOL, build = process.env.BUILD
const tmp = fs.mkdtempSync(path.join(os.tmpdir(), 'nicol-bench-'))
const rounds = 7, seconds = 2, clients = 32
const must = (r, what) => { if (r.status !== 0) { console.error(`${what}: ${r.stderr ?? r.error}`); process.exit(1) } return r }

const schema = path.join(tmp, 'schema.prisma'), ddl = path.join(tmp, 'ddl.sql'), db = `file:${tmp}/bench.db`
fs.writeFileSync(schema, 'datasource db {\n  provider = "sqlite"\n}\nmodel User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  name String?\n  createdAt DateTime\n  score Float\n}\n')
fs.writeFileSync(ddl, `CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT, "createdAt" DATETIME NOT NULL, "score" REAL NOT NULL);
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO "User" SELECT i, 'user' || i || '@example.com', 'Name ' || i, '2026-01-02T03:04:05.678+00:00', i % 100 / 4.0 FROM n;`)
must(spawnSync(nicol, ['db', 'execute', '--create', '--url', db, '--file', ddl], { encoding: 'utf8' }), 'db execute')

const field = (n, t, arity = 'scalar') => [n, { type: 'field', dbName: n, fieldType: { arity, type: t } }]
const cols = ['id', 'email', 'name', 'createdAt', 'score']
const plan = { type: 'dataMap', args: { expr: { type: 'unique', args: { type: 'query', args: { type: 'templateSql', fragments: [{ type: 'stringChunk', chunk: `SELECT ${cols.map((c) => '`main`.`User`.`' + c + '`').join(', ')} FROM \`main\`.\`User\` WHERE \`main\`.\`User\`.\`id\` = ` }, { type: 'parameter' }, { type: 'stringChunk', chunk: ' LIMIT ' }, { type: 'parameter' }, { type: 'stringChunk', chunk: ' OFFSET ' }, { type: 'parameter' }], args: [{ prisma__type: 'param', prisma__value: { name: '%1', type: 'Int' } }, '1', '0'], argTypes: [{ arity: 'scalar', scalarType: 'int', dbType: null }, { arity: 'scalar', scalarType: 'bigint', dbType: null }, { arity: 'scalar', scalarType: 'bigint', dbType: null }], placeholderFormat: { prefix: '?', hasNumbering: false }, chunkable: true } } }, structure: { type: 'object', serializedName: null, skipNulls: false, fields: Object.fromEntries([field('id', 'int'), field('email', 'string'), field('name', 'string'), field('createdAt', 'datetime'), field('score', 'float')]) }, enums: {} } }
const bodies = {
  plan: JSON.stringify({ model: 'User', operation: 'findFirst', plan, params: { '%1': 4711 } }).replace('4711', '@'),
  json: JSON.stringify({ modelName: 'User', action: 'findFirst', query: { arguments: { where: { id: 4711 } }, selection: { $composites: true, $scalars: true } } }).replace('4711', '@'),
}
const paths = { plan: '/query', json: '/json' }
for (const k of Object.keys(bodies)) {
  fs.writeFileSync(path.join(tmp, `${k}.lua`), `local a, b = [====[${bodies[k].split('@')[0]}]====], [====[${bodies[k].split('@')[1]}]====]
wrk.method = "POST"; wrk.headers["Authorization"] = "Bearer any"; wrk.headers["Content-Type"] = "application/json"
request = function() return wrk.format(nil, "${paths[k]}", nil, a .. math.random(10000) .. b) end\n`)
}

async function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise((resolve, reject) => { child.stdout.once('data', (d) => resolve(String(d))); child.once('exit', (c) => reject(new Error(`${command} ended with ${c}`))) })
  return { child, port: line.match(/(\d+)\s*$/)[1] }
}
const ticks = Number(must(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }), 'getconf').stdout)
function cpu(pid) { const s = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' '); return (Number(s[11]) + Number(s[12])) / ticks * 1e6 }
function load(server, k) {
  const before = cpu(server.child.pid)
  const r = must(spawnSync('wrk', ['-t1', `-c${clients}`, `-d${seconds}s`, '-s', path.join(tmp, `${k}.lua`), `http://127.0.0.1:${server.port}${paths[k]}`], { encoding: 'utf8' }), 'wrk (package wrk)')
  const n = Number(r.stdout.match(/(\d+) requests in/)[1])
  if (/Non-2xx/.test(r.stdout)) { console.error(r.stdout); process.exit(1) }
  return { us: (cpu(server.child.pid) - before) / n, rate: n / seconds }
}
const median = (v) => [...v].sort((a, b) => a - b)[v.length >> 1]

const server = await start(nicol, ['serve', '--schema', schema, '--url', db, '--listen', '127.0.0.1:0', '--log-level', 'error', '--state', path.join(tmp, 'state')])
const answer = await (await fetch(`http://127.0.0.1:${server.port}/query`, { method: 'POST', headers: { authorization: 'Bearer any' }, body: bodies.plan.replace('@', '4711') })).text()
if (!answer.includes('user4711@example.com')) { console.error('wrong answer: ' + answer); process.exit(1) }
fs.writeFileSync(path.join(tmp, 'answer'), answer)
const floor = await start(path.join(build, 'release/bench/constant_server'), [path.join(tmp, 'answer')])
for (const [k, name] of [['plan', 'version 7 protocol'], ['json', 'JSON protocol']]) {
  const ours = [], base = [], ratio = []
  load(server, k); load(floor, k)
  for (let i = 0; i < rounds; i++) { const b = load(floor, k), o = load(server, k); ours.push(o); base.push(b); ratio.push(o.us / b.us) }
  console.log(`${name}, point read, ${clients} clients: ${median(ours.map((x) => x.us)).toFixed(1)} us of server CPU, ${Math.round(median(ours.map((x) => x.rate)))} a second; constant answer ${median(base.map((x) => x.us)).toFixed(1)} us, ${Math.round(median(base.map((x) => x.rate)))} a second`)
  console.log(`RATIO server CPU of a point read (${name}) to a constant answer: ${median(ratio).toFixed(2)} (least ${Math.min(...ratio).toFixed(2)}, most ${Math.max(...ratio).toFixed(2)})`)
}
for (const s of [server, floor]) s.child.kill('SIGTERM')
await Promise.all([server, floor].map((s) => new Promise((r) => s.child.once('exit', r))))
fs.rmSync(tmp, { recursive: true, force: true })
