// SQL that would leave the database, the transaction or the connection it was given.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ask, tmp } from '../lib/harness.mjs'
import { assertError, attack, cell, jsonRaw, runRaw } from '../lib/raw.mjs'

const other = path.join(tmp, 'other.db')
const refused = [
  [`ATTACH DATABASE '${other}' AS x`, /ATTACH/],
  [`aTtAcH '${other}' as x`, /ATTACH/],
  ['DETACH DATABASE main', /DETACH/],
  ['BEGIN', /\$transaction/], ['BEGIN EXCLUSIVE', /\$transaction/], ['COMMIT', /\$transaction/], ['END', /\$transaction/],
  ['ROLLBACK', /\$transaction/], ['SAVEPOINT a', /\$transaction/], ['RELEASE a', /\$transaction/], ['ROLLBACK TO a', /\$transaction/],
  ['/* c */ COMMIT', /\$transaction/], ['-- c\nCOMMIT', /\$transaction/],
  ['PRAGMA journal_mode=DELETE', /PRAGMA/], ['PRAGMA foreign_keys=OFF', /PRAGMA/], ['PRAGMA writable_schema=1', /PRAGMA/], ['PRAGMA synchronous=OFF', /PRAGMA/],
  ['PRAGMA locking_mode=EXCLUSIVE', /PRAGMA/], ['PRAGMA user_version=7', /PRAGMA/], ['PRAGMA temp_store_directory="/tmp"', /PRAGMA/], ['PRAGMA wal_checkpoint(TRUNCATE)', /PRAGMA/],
  ['PRAGMA busy_timeout=0', /PRAGMA/], ['PRAGMA hard_heap_limit=1', /PRAGMA/], ['PRAGMA trusted_schema=1', /PRAGMA/], ['PRAGMA optimize', /PRAGMA/], ['PRAGMA mmap_size=1', /PRAGMA/],
  ['VACUUM', /VACUUM/], [`VACUUM INTO '${other}'`, /VACUUM/], [` ;; /* x */ vacuum main into '${other}'`, /VACUUM/],
  ["SELECT load_extension('/tmp/x.so')", /not authorized|no such function/],
  ['SELECT 1; SELECT 2', /more than one statement/], ["INSERT INTO User (id, email) VALUES ('zz', 'zz'); DELETE FROM User", /more than one statement/],
  ['SELECT 1; COMMIT', /more than one statement/], ["SELECT 1 --\n; DELETE FROM User", /more than one statement/],
  ['CREATE TEMP TABLE t (a)', /TEMP/], ['CREATE TABLE temp.t (a)', /TEMP/], ['CREATE TEMP TRIGGER t AFTER INSERT ON User BEGIN SELECT 1; END', /TEMP/], ['CREATE TEMPORARY VIEW v AS SELECT 1', /TEMP/],
  ["UPDATE sqlite_master SET sql = 'x'", /sqlite_master/], ['DELETE FROM sqlite_schema', /sqlite_master|sqlite_schema/],
  ['', /no statement/], ['  -- nothing', /no statement/], [';', /no statement/],
  ['SELECT', /incomplete|syntax/], ['SELEC 1', /syntax/], ['SELECT * FROM nobody', /no such table/], ['SELECT ?', /parameters/], ['\u0000SELECT 1', /NUL|no statement/],
  ['SELECT ' + '('.repeat(5000) + '1' + ')'.repeat(5000), /too deep|overflow|nests|depth/], ['SELECT 1' + ' UNION ALL SELECT 1'.repeat(5000), /too many terms|nests too deeply/],
  ["SELECT randomblob(1000000000)", /too big/], ["SELECT zeroblob(2000000000)", /too big/],
  ["SELECT 'x' LIKE '" + '%'.repeat(100000) + "'", /too complex/],
]

export default async function ({ server: s, db }) {
  const users = await cell(s, 'SELECT count(*) FROM `User`')
  for (const [type, action] of [['query', 'queryRaw'], ['execute', 'executeRaw']]) {
    await attack(s, `${action}: what SQL may not do, through both protocols`, async () => {
      for (const [sql, why] of refused) {
        const note = sql.slice(0, 60)
        try {
          assertError(await runRaw(s, sql, [], { type }), 400, 'P2010', why)
          assertError(await jsonRaw(s, sql, [], { action }), 200, 'P2010', why)
        } catch (e) { e.message = `${note}: ${e.message}`; throw e }
      }
    })
  }
  await attack(s, 'nothing of it has happened', async () => {
    assert.equal(await cell(s, 'SELECT count(*) FROM `User`'), users)
    assert.equal(await cell(s, 'PRAGMA journal_mode'), 'wal')
    assert.equal(await cell(s, 'PRAGMA foreign_keys'), '1')
    assert.equal(await cell(s, 'PRAGMA synchronous'), '2')
    assert.equal(await cell(s, 'SELECT count(*) FROM pragma_database_list'), '1')
    assert.ok(!fs.existsSync(other))
    assert.ok(fs.existsSync(db))
  })
  await attack(s, 'a statement that is too long', async () => {
    const sql = `SELECT '${'x'.repeat(17 << 20)}'`
    assertError(await runRaw(s, sql), 413, 'P6000', /SQL text has \d+ bytes; the limit is \d+/)
    const j = await jsonRaw(s, sql)
    assert.ok(j.json.errors || j.status === 413, j.text.slice(0, 300))
  })
  await attack(s, 'arguments that do not fit', async () => {
    assertError(await runRaw(s, 'SELECT ?, ?', [1]), 400, 'P2010', /takes 2 parameters, 1 were given/)
    assertError(await runRaw(s, 'SELECT 1', [1]), 400, 'P2010', /takes 0 parameters, 1 were given/)
    for (const parameters of ['', '{', '[', '7', 'null', '[1', '{"a":1}', '[' + '['.repeat(200) + ']'.repeat(200) + ']', 7, null, {}, [1]]) {
      const r = await ask(s, { action: 'queryRaw', query: { arguments: { query: 'SELECT 1', parameters }, selection: {} } })
      assert.ok(r.status === 200, `${JSON.stringify(parameters)}: ${r.status} ${r.text}`)
      if (![null, 'null', ''].includes(parameters)) assert.ok(r.json.errors, `${JSON.stringify(parameters)}: ${r.text}`)
    }
  })
  await attack(s, 'an answer larger than the limit', async () => {
    const sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) SELECT i, hex(zeroblob(50000)) AS x FROM n"
    assertError(await runRaw(s, sql), 400, 'P6009', /larger than the limit/)
    assertError(await jsonRaw(s, sql), 200, 'P6009', /larger than the limit/)
  })
}
