// More rows than one statement binds: relations of 40,000 parents, and writes of as many rows. One schema, since here the numbers matter.
import assert from 'node:assert/strict'
import { check } from '../lib/harness.mjs'
import { Base, op } from './doors.mjs'

const spec = {
  enums: [],
  models: [
    { name: 'Box', id: ['id'], uniques: [], fields: [{ name: 'id', type: 'Int' }, { name: 'n', type: 'Int' }, { name: 'upId', type: 'Int', optional: true }] },
    { name: 'Thing', id: ['id'], uniques: [], fields: [{ name: 'id', type: 'Int' }, { name: 'n', type: 'Int' }, { name: 'boxId', type: 'Int' }] },
  ],
  relations: [
    { name: 'up', kind: '1-n', from: { model: 'Box', field: 'up' }, to: { model: 'Box', field: 'down' }, fk: ['upId'], ref: ['id'], optional: true, indexed: true },
    { name: 'things', kind: '1-n', from: { model: 'Thing', field: 'box' }, to: { model: 'Box', field: 'things' }, fk: ['boxId'], ref: ['id'], optional: false, indexed: true },
    { name: 'marks', kind: 'm-n', from: { model: 'Box', field: 'marks' }, to: { model: 'Thing', field: 'marked' } },
  ],
}
const total = 40000
const all = { $scalars: true }
const number = async (base, model, where = {}) => (await base.answer(op(model, 'aggregate', { where }, { _count: { arguments: {}, selection: { _all: true } } })))._count._all

export async function bulk() {
  const base = await Base.make(spec, { rows: { Box: [], Thing: [] }, ties: { up: [], things: [], marks: [] } })
  try {
    await check(`createMany of ${total} rows`, async () => {
      // Each box hangs under the one of half its number, so that lists of keys hold many values twice.
      const boxes = Array.from({ length: total }, (_, i) => ({ id: i + 1, n: i % 7, upId: i === 0 ? null : (i + 1) >> 1 }))
      assert.deepEqual(await base.answer(op('Box', 'createMany', { data: boxes }, { count: true })), { count: total })
      const things = Array.from({ length: total }, (_, i) => ({ id: i + 1, n: i % 5, boxId: total - i }))
      assert.deepEqual(await base.answer(op('Thing', 'createMany', { data: things }, { count: true })), { count: total })
    })
    await check('relations of all rows, several levels', async () => {
      const one = { arguments: { orderBy: { id: 'asc' } }, selection: all }
      const rows = await base.answer(op('Box', 'findMany', { orderBy: { id: 'asc' } }, { id: true, up: { arguments: {}, selection: { id: true, things: one, down: { arguments: { orderBy: { id: 'asc' } }, selection: { id: true } } } }, things: one, down: { arguments: { orderBy: { id: 'desc' }, take: 1 }, selection: { id: true } } }))
      assert.equal(rows.length, total)
      const down = (id) => [2 * id, 2 * id + 1].filter((x) => x <= total && x > 1)
      for (const { id, up, things, down: last } of rows) {
        const thing = (box) => [{ id: total + 1 - box, n: (total - box) % 5, boxId: box }]
        assert.deepEqual(things, thing(id))
        assert.deepEqual(last, down(id).slice(-1).map((x) => ({ id: x })))
        assert.deepEqual(up, id === 1 ? null : { id: id >> 1, things: thing(id >> 1), down: down(id >> 1).map((x) => ({ id: x })) })
      }
    })
    const ids = Array.from({ length: total }, (_, i) => i + 1)
    await check('updateMany and deleteMany of a list of all, some of them twice', () => base.inTransaction(async (ask) => {
      const value = (a) => { assert.ok(a.data, JSON.stringify(a).slice(0, 500)); return Object.values(a.data)[0] }
      assert.deepEqual(value(await ask(op('Thing', 'updateMany', { where: { id: { in: [...ids, 1, 2, 3] } }, data: { n: { increment: 10 } } }, { count: true }))), { count: total })
      assert.equal(value(await ask(op('Thing', 'aggregate', { where: { n: { gte: 20 } } }, { _count: { arguments: {}, selection: { _all: true } } })))._count._all, 0)
      assert.deepEqual(value(await ask(op('Thing', 'deleteMany', { where: { id: { in: [...ids, 1, 2, 3] } } }, { count: true }))), { count: total })
    }))
    await check('a nested connect of 30,000, then set to none', () => base.inTransaction(async (ask) => {
      const value = (a) => { assert.ok(a.data, JSON.stringify(a).slice(0, 500)); return Object.values(a.data)[0] }
      const counts = async () => value(await ask(op('Box', 'findUnique', { where: { id: 5 } }, { _count: { arguments: {}, selection: { things: true, marks: true } } })))._count
      const some = ids.slice(0, 30000).map((id) => ({ id }))
      value(await ask(op('Box', 'updateOne', { where: { id: 5 }, data: { things: { connect: some }, marks: { connect: some } } }, { id: true })))
      assert.deepEqual(await counts(), { things: 30001, marks: 30000 })
      value(await ask(op('Box', 'updateOne', { where: { id: 5 }, data: { marks: { set: [] } } }, { id: true })))
      assert.deepEqual(await counts(), { things: 30001, marks: 0 })
    }))
    await check('a nested connect of more than a statement binds is refused', async () => {
      const a = await base.query.ask(op('Box', 'updateOne', { where: { id: 5 }, data: { n: 99, things: { connect: ids.map((id) => ({ id })) } } }, { id: true }))
      assert.equal(a.errors?.[0].user_facing_error?.error_code, 'P2029')
      assert.equal(await number(base, 'Box', { n: 99 }), 0)
    })
    await check('nothing of that stayed', async () => {
      assert.equal(await number(base, 'Thing', { n: { lt: 5 } }), total)
      assert.equal(await number(base, 'Thing', { box: { is: { id: 5 } } }), 1)
    })
  } finally { await base.close() }
}
