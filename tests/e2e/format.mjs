// `nicol format` and `nicol describe` as commands; the recorded schemas are compared by tests/corpus/run_format.mjs, whose
// figures this suite prints and counts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { check, count, done, root, run, tmp } from './lib/harness.mjs'

const build = process.env.BUILD ?? path.join(root, 'build')
const program = (kind) => ['release', 'asan'].map((k) => path.join(build, k, 'tests/unit/run_format')).sort((a) => (a.includes(`/${kind}/`) ? -1 : 1)).find((p) => fs.existsSync(p))
const figures = spawnSync(process.execPath, [path.join(root, 'tests/corpus/run_format.mjs'), process.env.RUN_FORMAT ?? program('release'), '--mutate', process.env.RUN_FORMAT ?? program('asan')], { encoding: 'utf8' })
process.stdout.write(figures.stdout + figures.stderr)
const tally = figures.stdout.match(/(\d+) passed, (\d+) failed/)
count(Number(tally?.[1] ?? 0), Number(tally?.[2] ?? 1) || (figures.status ? 1 : 0))

const rough = 'model   A {\n id Int @id\n  b   B  // why\n}\n', other = 'model B {\n  id Int @id\n}\n'
const neat = 'model A {\n  id  Int @id\n  b   B   @relation(fields: [bId], references: [id]) // why\n  bId Int\n}\n'
const otherNeat = 'model B {\n  id Int @id\n  as A[]\n}\n'
let n = 0
const folder = (files) => {
  const dir = path.join(tmp, `format-${n++}`)
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true })
    fs.writeFileSync(path.join(dir, name), text)
  }
  return dir
}
const read = (...p) => fs.readFileSync(path.join(...p), 'utf8')

await check('format writes in place and keeps the mode', () => {
  const dir = folder({ 'schema.prisma': rough + other })
  fs.chmodSync(path.join(dir, 'schema.prisma'), 0o640)
  const r = run(['format'], { cwd: dir })
  assert.equal(r.status, 0)
  assert.equal(r.stdout, 'formatted schema.prisma\n')
  assert.equal(read(dir, 'schema.prisma'), neat + '\n' + otherNeat)
  assert.equal(fs.statSync(path.join(dir, 'schema.prisma')).mode & 0o777, 0o640)
  assert.deepEqual(fs.readdirSync(dir), ['schema.prisma'])
})
await check('a formatted file is not touched', () => {
  const dir = folder({ 'schema.prisma': neat + '\n' + otherNeat })
  const before = fs.statSync(path.join(dir, 'schema.prisma'))
  const r = run(['format'], { cwd: dir })
  assert.deepEqual([r.status, r.stdout, r.stderr], [0, '', ''])
  const after = fs.statSync(path.join(dir, 'schema.prisma'))
  assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs])
})
await check('a folder: only what changes is written', () => {
  const dir = folder({ 's/a.prisma': rough, 's/sub/b.prisma': other, 's/c.prisma': 'enum E {\n  A\n}\n', 's/d.txt': 'x' })
  const r = run(['format', '--schema', 's'], { cwd: dir })
  assert.equal(r.stdout, 'formatted s/a.prisma\nformatted s/sub/b.prisma\n')
  assert.equal(read(dir, 's/a.prisma'), neat)
  assert.equal(read(dir, 's/sub/b.prisma'), otherNeat)
})
await check('--check changes nothing and says which', () => {
  const dir = folder({ 's/a.prisma': rough, 's/b.prisma': otherNeat })
  const r = run(['format', '--check', '--schema', 's'], { cwd: dir })
  assert.equal(r.status, 1)
  assert.equal(r.stdout, 'not formatted: s/a.prisma\n')
  assert.match(r.stderr, /1 of 2 files are not formatted/)
  assert.equal(read(dir, 's/a.prisma'), rough)
  assert.equal(run(['format', '--check'], { cwd: folder({ 'schema.prisma': otherNeat.replace('  as A[]\n', '') }) }).status, 0)
})
await check('--stdout and standard input', () => {
  const dir = folder({ 'schema.prisma': rough + other })
  assert.equal(run(['format', '--stdout'], { cwd: dir }).stdout, neat + '\n' + otherNeat)
  assert.equal(read(dir, 'schema.prisma'), rough + other)
  assert.equal(run(['format', '--schema', '-'], { input: rough + other }).stdout, neat + '\n' + otherNeat)
  assert.equal(run(['format', '--schema', '-', '--check'], { input: rough }).status, 1)
})
await check('a link is followed', () => {
  const dir = folder({ 'real.prisma': rough + other })
  fs.symlinkSync('real.prisma', path.join(dir, 'schema.prisma'))
  assert.equal(run(['format'], { cwd: dir }).status, 0)
  assert.ok(fs.lstatSync(path.join(dir, 'schema.prisma')).isSymbolicLink())
  assert.equal(read(dir, 'real.prisma'), neat + '\n' + otherNeat)
})
await check('wrong usage', () => {
  const dir = folder({ 's/a.prisma': rough, 's/b.prisma': other, 'bad.prisma': Buffer.from([0x2f, 0x2f, 0xff, 0x0a]) })
  assert.equal(run(['format', '--check', '--stdout'], { cwd: dir }).status, 2)
  assert.match(run(['format', '--stdout', '--schema', 's'], { cwd: dir }).stderr, /prints one file/)
  assert.match(run(['format'], { cwd: dir }).stderr, /schema\.prisma: cannot be opened/)
  const r = run(['format', '--schema', 'bad.prisma'], { cwd: dir })
  assert.equal(r.status, 1)
  assert.match(r.stderr, /bad\.prisma is not valid UTF-8 \(byte 2\)/)
})

await check('describe prints the data model', () => {
  const dir = folder({ 'schema.prisma': 'datasource db {\n  provider = "sqlite"\n}\n' + neat + otherNeat })
  const r = run(['describe'], { cwd: dir })
  assert.equal(r.status, 0)
  const d = JSON.parse(r.stdout)
  assert.deepEqual(Object.keys(d), ['enums', 'models', 'types', 'indexes'])
  assert.deepEqual(d.models.map((m) => m.name), ['A', 'B'])
  assert.deepEqual(JSON.parse(run(['describe', '--schema', '-'], { input: read(dir, 'schema.prisma') }).stdout), d)
})
await check('describe of a schema with errors', () => {
  const dir = folder({ 'schema.prisma': 'model A {\n  id Nope @id\n}\n' })
  const r = run(['describe'], { cwd: dir })
  assert.deepEqual([r.status, r.stdout], [1, ''])
  assert.match(r.stderr, /Type "Nope"/)
  const json = JSON.parse(run(['describe', '--json'], { cwd: dir }).stdout)
  assert.equal(json.valid, false)
  assert.equal(json.diagnostics[0].file, 'schema.prisma')
})
await check('versions', () => {
  const dir = folder({ 'schema.prisma': 'datasource db {\n  provider = "sqlite"\n  url = "file:x.db"\n}\nmodel A {\n  id Int @id\n}\n' })
  assert.equal(run(['describe'], { cwd: dir }).status, 1)
  assert.equal(run(['describe', '--schema-version', '6'], { cwd: dir }).status, 0)
})

await done()
