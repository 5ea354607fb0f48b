// The shop through a real Prisma client of version 6 or 7, unmodified, against a Nicol server.
//
//   node setup.mjs v7 && node shop.mjs v7 http://127.0.0.1:4466
//
// v7: @prisma/client 7.10.0; v6: 6.19.3; v6c: 6.19.3 with engineType "client".
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const [which = 'v7', base = 'http://127.0.0.1:4466', key = 'any'] = process.argv.slice(2)
const client = { v7: './v7/generated/client/index.js', v6: './v6/generated/remote/index.js', v6c: './v6/generated/compiled/index.js' }[which]
if (!client) { console.error('usage: node shop.mjs v7|v6|v6c [http://HOST:PORT] [API_KEY]'); process.exit(2) }
const { PrismaClient, Prisma } = createRequire(import.meta.url)(client)

const url = new URL(base)
const address = `prisma+postgres://${url.host}/?api_key=${encodeURIComponent(key)}`
const prisma = new PrismaClient(which === 'v7' ? { accelerateUrl: address } : { datasourceUrl: address })
const say = (what, value) => console.log(what.padEnd(12), JSON.stringify(value))
const stamp = `${which}-${process.pid}-${Date.now()}`

console.log(`@prisma/client ${Prisma.prismaVersion.client} on ${base}`)

// list, filter, include
const shipped = await prisma.order.findMany({
  where: { status: { in: ['SHIPPED', 'DELIVERED'] }, amount: { gte: 3 }, user: { email: { endsWith: '@example.com' } } },
  orderBy: { createdAt: 'desc' }, take: 3,
  include: { product: true, user: { select: { name: true, email: true } } },
})
assert.equal(shipped.length, 3)
assert.ok(shipped.every((o) => o.amount >= 3 && ['SHIPPED', 'DELIVERED'].includes(o.status) && o.user.email.endsWith('@example.com')))
assert.ok(shipped[0].createdAt >= shipped[1].createdAt && shipped[0].product.price instanceof Prisma.Decimal)
for (const o of shipped) say('order', { id: o.id, status: o.status, amount: o.amount, product: o.product.name, user: o.user.name })

const users = await prisma.user.findMany({ orderBy: { orders: { _count: 'desc' } }, take: 2, select: { email: true, _count: { select: { orders: true } } } })
assert.ok(users[0]._count.orders >= users[1]._count.orders && users[1]._count.orders > 0)
say('most orders', users)

// create, nested
const user = await prisma.user.create({
  data: { email: `${stamp}@example.org`, name: 'New', orders: { create: [{ product: { connect: { sku: 'SKU001' } }, amount: 2 }] } },
  include: { orders: { include: { product: { select: { sku: true } } } } },
})
assert.equal(user.orders[0].status, 'PENDING')
assert.equal(user.orders[0].product.sku, 'SKU001')
say('created', { email: user.email, order: user.orders[0].amount })

// update, count
const id = user.orders[0].id
const updated = await prisma.order.update({ where: { id }, data: { status: 'CONFIRMED', amount: { increment: 1 } } })
assert.deepEqual([updated.status, updated.amount], ['CONFIRMED', 3])
assert.ok(updated.updatedAt >= user.orders[0].updatedAt)
say('updated', { status: updated.status, amount: updated.amount })
const mine = await prisma.order.count({ where: { userId: user.id } })
assert.equal(mine, 1)
say('count', mine)

// errors keep their codes
await assert.rejects(prisma.user.create({ data: { email: user.email } }), (e) => e.code === 'P2002')
await assert.rejects(prisma.order.update({ where: { id: -1 }, data: { amount: 1 } }), (e) => e.code === 'P2025')
say('errors', ['P2002', 'P2025'])

// several operations, all or nothing
const [order, product] = await prisma.$transaction([
  prisma.order.create({ data: { userId: user.id, productId: 2, amount: 5 } }),
  prisma.product.update({ where: { id: 2 }, data: { stock: { decrement: 5 } } }),
])
assert.equal(order.amount, 5)
say('transaction', { order: order.amount, stock: product.stock })
await assert.rejects(prisma.$transaction([
  prisma.order.create({ data: { userId: user.id, productId: 2, amount: 7 } }),
  prisma.user.create({ data: { email: user.email } }),
]), (e) => e.code === 'P2002')
assert.equal(await prisma.order.count({ where: { userId: user.id } }), 2)

// an interactive transaction that thinks better of it
await assert.rejects(prisma.$transaction(async (tx) => {
  await tx.order.deleteMany({ where: { userId: user.id } })
  assert.equal(await tx.order.count({ where: { userId: user.id } }), 0)
  throw new Error('changed my mind')
}), /changed my mind/)
const after = await prisma.order.count({ where: { userId: user.id } })
assert.equal(after, 2)
say('rolled back', { orders: after })
await prisma.$transaction(async (tx) => {
  await tx.order.updateMany({ where: { userId: user.id }, data: { status: 'CANCELLED' } })
}, { timeout: 10000 })
assert.equal(await prisma.order.count({ where: { userId: user.id, status: 'CANCELLED' } }), 2)

// groups, sums, raw SQL
const groups = await prisma.order.groupBy({ by: ['status'], _count: { _all: true }, _sum: { amount: true }, orderBy: { status: 'asc' } })
assert.equal(groups.length, 5)
say('by status', Object.fromEntries(groups.map((g) => [g.status, g._count._all])))
const rows = await prisma.$queryRaw`SELECT COUNT(*) AS n FROM "Order" WHERE "userId" = ${user.id}`
assert.equal(Number(rows[0].n), 2)

await prisma.order.deleteMany({ where: { userId: user.id } })
await prisma.user.delete({ where: { id: user.id } })
await prisma.$disconnect()
console.log('shop: all good')
