// Typical mistakes and what `nicol validate` shows for each: tests/e2e/validate/NAME.prisma and NAME.txt, byte for byte.
// UPDATE=1 writes the texts anew; read them before they are committed.
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { check, done, nicol, root, run, tmp } from './lib/harness.mjs'

const dir = path.join(root, 'tests/e2e/validate')
const cases = fs.readdirSync(dir).filter((f) => f.endsWith('.prisma')).sort()
assert.ok(cases.length >= 10)

for (const file of cases) {
  await check(file, () => {
    const want = path.join(dir, file.replace('.prisma', '.txt'))
    const r = run(['validate', '--schema', file], { cwd: dir })
    if (process.env.UPDATE) fs.writeFileSync(want, r.stderr)
    assert.equal(r.stderr, fs.readFileSync(want, 'utf8'))
    assert.equal(r.stdout, '')
    assert.equal(r.status, 1)
    // Nobody should have to guess what to do: a place, and help.
    assert.match(r.stderr, new RegExp(`--> ${file.replace('.', '\\.')}:\\d+:\\d+\n`))
    assert.match(r.stderr, / = help: /)
  })
}

const script = spawnSync('script', ['--version'], { encoding: 'utf8' })
await check('colour on a terminal, none with NO_COLOR, none in a file', () => {
  if (script.error) return console.log('# no `script` here to make a terminal with')
  const shown = (env) => spawnSync('script', ['-qec', `${nicol} validate --schema unknown-type.prisma`, path.join(tmp, 'typescript')], { cwd: dir, encoding: 'utf8', env: { ...process.env, ...env } }).stdout
  const colour = shown({})
  assert.match(colour, /^\x1b\[1;31merror\x1b\[0m\x1b\[1m: Type "Strng"/)
  assert.match(colour, /\x1b\[1;31m\^{5}\x1b\[0m/)
  const plain = shown({ NO_COLOR: '1' }).replaceAll('\r\n', '\n')
  assert.equal(plain, fs.readFileSync(path.join(dir, 'unknown-type.txt'), 'utf8'))
  assert.equal(colour.replaceAll('\r\n', '\n').replace(/\x1b\[[\d;]*m/g, ''), plain)
})

await check('--json has the same, for programs', () => {
  const r = run(['validate', '--json', '--schema', 'unknown-type.prisma'], { cwd: dir })
  const d = JSON.parse(r.stdout)
  assert.equal(r.stderr, '')
  assert.deepEqual([d.valid, d.diagnostics.length, d.diagnostics[0].file], [false, 1, 'unknown-type.prisma'])
})

await check('version 6 takes the url', () => {
  const r = run(['validate', '--schema-version', '6', '--schema', 'url-in-7.prisma'], { cwd: dir })
  assert.equal(r.status, 0)
  assert.equal(r.stderr, '')
})

await done()
