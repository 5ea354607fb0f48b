// What a program does with a real client, step by step: node exercise.cjs CLIENT URL [LOGS]. Prints one line of JSON, the
// answer of each step by its name; with LOGS also every query event. Ids and times that differ from run to run are
// replaced by what they are.
const [file, url, logs] = process.argv.slice(2)
const { PrismaClient, Prisma } = require(file)
const major = Number(Prisma.prismaVersion.client.split('.')[0])
const events = []
const prisma = new PrismaClient({ ...(major >= 7 ? { accelerateUrl: url } : { datasourceUrl: url }), ...(logs ? { log: [{ emit: 'event', level: 'query' }] } : {}) })
if (logs) prisma.$on('query', (e) => events.push({ ...e, timestamp: e.timestamp instanceof Date ? e.timestamp.toISOString() : e.timestamp }))

const failure = (e) => ({ name: e.constructor.name, code: e.code, message: e.message.split('\n').pop(), meta: e.meta, full: e.message })
const failing = async (p) => { try { return { none: await p } } catch (e) { return failure(e) } }
const boom = new Error('boom')

const steps = {
  createNested: () => prisma.user.create({ data: { email: 'a@x.io', name: 'A', profile: { create: { bio: 'hi' } }, posts: { create: [{ title: 'p1', tags: { connectOrCreate: { where: { name: 't1' }, create: { name: 't1' } } } }, { title: 'p2', published: true, views: 5 }] } }, include: { posts: { orderBy: { title: 'asc' } }, profile: true } }),
  createMany: () => prisma.user.createMany({ data: [{ email: 'b@x.io' }, { email: 'c@x.io', role: 'ADMIN' }] }),
  createManyAndReturn: () => prisma.user.createManyAndReturn({ data: [{ email: 'd@x.io' }, { email: 'e@x.io', role: 'ADMIN' }] }),
  findMany: () => prisma.user.findMany({ where: { OR: [{ email: { contains: 'x' } }, { name: null }], role: { in: ['USER', 'ADMIN'] }, posts: { none: { title: 'zzz' } } }, include: { posts: { where: { published: true }, orderBy: { views: 'desc' }, take: 2 } }, orderBy: [{ email: 'asc' }, { id: 'desc' }], take: 10, skip: 0 }),
  findManySelect: () => prisma.post.findMany({ where: { author: { is: { email: 'a@x.io' } }, tags: { some: { name: { startsWith: 't' } } } }, select: { title: true, author: { select: { email: true } }, tags: { select: { name: true } }, _count: { select: { tags: true } } } }),
  cursor: () => prisma.user.findMany({ cursor: { email: 'b@x.io' }, take: -2, distinct: ['role'], orderBy: { email: 'asc' }, select: { email: true, role: true } }),
  nestedPaginate: () => prisma.user.findMany({ select: { email: true, posts: { take: 1, skip: 0, distinct: ['published'], orderBy: { title: 'desc' }, select: { title: true } } }, orderBy: { id: 'asc' } }),
  findUnique: () => prisma.user.findUnique({ where: { email: 'a@x.io' } }),
  findUniqueMiss: () => prisma.user.findUnique({ where: { email: 'nope@x.io' } }),
  findUniqueBatch: () => Promise.all(['a@x.io', 'b@x.io', 'nope'].map((email) => prisma.user.findUnique({ where: { email } }))),
  fluent: () => prisma.user.findUnique({ where: { email: 'a@x.io' } }).posts({ select: { title: true }, orderBy: { title: 'asc' } }),
  updateMany: () => prisma.post.updateMany({ where: { published: false }, data: { views: { increment: 3 } } }),
  update: () => prisma.user.update({ where: { email: 'a@x.io' }, data: { name: { set: 'AA' }, posts: { updateMany: { where: {}, data: { views: { multiply: 2 } } } } }, select: { id: true, name: true, posts: { select: { views: true }, orderBy: { views: 'asc' } } } }),
  upsertNew: () => prisma.user.upsert({ where: { email: 'u@x.io' }, create: { email: 'u@x.io' }, update: { name: 'u' }, select: { name: true } }),
  upsertOld: () => prisma.user.upsert({ where: { email: 'u@x.io' }, create: { email: 'u@x.io' }, update: { name: 'u' }, select: { name: true } }),
  delete: () => prisma.user.delete({ where: { email: 'u@x.io' } }),
  deleteMany: () => prisma.user.deleteMany({ where: { email: { in: ['d@x.io', 'e@x.io'] } } }),
  count: () => prisma.user.count({ where: { role: 'USER' } }),
  countSelect: () => prisma.user.count({ select: { _all: true, name: true } }),
  aggregate: () => prisma.post.aggregate({ _count: true, _sum: { views: true }, _avg: { views: true }, _max: { views: true } }),
  groupBy: () => prisma.user.groupBy({ by: ['role'], _count: { _all: true }, orderBy: { role: 'asc' }, having: { id: { _count: { gt: 0 } } } }),
  allTypes: () => prisma.allTypes.create({ data: { big: 9007199254740993n, dec: new Prisma.Decimal('123.4500'), flt: 1.5, bool: true, bytes: Buffer.from([1, 2, 255]), dt: new Date('2024-01-02T03:04:05.678Z') } }),
  allTypesFind: () => prisma.allTypes.findMany({ where: { big: { gt: 5n }, dec: { lt: 1000 }, dt: { gte: new Date('2020-01-01') }, bytes: Buffer.from([1, 2, 255]) } }),
  dateText: () => prisma.allTypes.create({ data: { dt: '2024-01-02T03:04:05+02:00' }, select: { dt: true, big: true } }),
  fieldRef: () => prisma.post.findMany({ where: { NOT: { title: { equals: prisma.post.fields.content } } }, select: { title: true } }),
  txArray: () => prisma.$transaction([prisma.user.findMany({ select: { id: true } }), prisma.user.update({ where: { email: 'a@x.io' }, data: { name: 'tx' } }), prisma.post.count()], { isolationLevel: 'Serializable' }),
  txArrayRaw: () => prisma.$transaction([prisma.$queryRaw`select 1 as a`, prisma.$executeRaw`update users set name = name where id < ${0}`]),
  txArrayUnique: () => prisma.$transaction([prisma.user.findUnique({ where: { email: 'a@x.io' } }), prisma.user.findUnique({ where: { email: 'b@x.io' } })]),
  txArrayFail: () => failing(prisma.$transaction([prisma.user.create({ data: { email: 'rb@x.io' } }), prisma.user.create({ data: { email: 'a@x.io' } })])),
  txArrayUndone: () => prisma.user.count({ where: { email: 'rb@x.io' } }),
  itx: () => prisma.$transaction(async (tx) => { const u = await tx.user.create({ data: { email: 'itx@x.io' } }); const c = await tx.user.count(); await tx.user.delete({ where: { id: u.id } }); return c }, { maxWait: 3000, timeout: 20000 }),
  itxBatch: () => prisma.$transaction((tx) => Promise.all(['a@x.io', 'b@x.io'].map((email) => tx.user.findUnique({ where: { email }, select: { email: true } }))), { timeout: 20000 }),
  itxRollback: () => failing(prisma.$transaction(async (tx) => { await tx.user.create({ data: { email: 'itx2@x.io' } }); throw boom }, { timeout: 20000 })),
  itxUndone: () => prisma.user.count({ where: { email: 'itx2@x.io' } }),
  itxTimeout: () => failing(prisma.$transaction(async (tx) => { await new Promise((r) => setTimeout(r, 400)); await tx.user.count() }, { timeout: 100 })),
  queryRaw: () => prisma.$queryRaw`select ${1} as i, ${'s'} as s, ${9007199254740993n} as b, ${Buffer.from([1, 2])} as y, ${1.5} as f, ${true} as t, null as nul`,
  queryRawColumns: () => prisma.$queryRaw`select big, dec, flt, bool, bytes, dt from "AllTypes" where big is not null`,
  queryRawUnsafe: () => prisma.$queryRawUnsafe('select ? + ? as x', 1, 2),
  executeRaw: () => prisma.$executeRaw`update "Post" set views = views + ${1}`,
  executeRawUnsafe: () => prisma.$executeRawUnsafe('delete from "Tag" where name = ?', 'none'),
  rawError: () => failing(prisma.$queryRaw`select * from nope`),
  uniqueError: () => failing(prisma.user.create({ data: { email: 'a@x.io' } })),
  foreignKeyError: () => failing(prisma.post.create({ data: { title: 'x', authorId: 99999 } })),
  requiredRelation: () => failing(prisma.user.delete({ where: { email: 'a@x.io' } })),
  notFound: () => failing(prisma.user.update({ where: { email: 'nope' }, data: { name: 'x' } })),
  orThrow: () => failing(prisma.user.findUniqueOrThrow({ where: { email: 'nope' } })),
  validation: () => failing(prisma.user.findMany({ where: { bogus: 1 } })),
}

;(async () => {
  const out = {}
  for (const [name, step] of Object.entries(steps)) {
    try { out[name] = await step() } catch (e) { out[name] = { threw: failure(e) } }
  }
  await prisma.$disconnect()
  const text = JSON.stringify(out, function (k, v) {
    const raw = this[k]
    if (typeof v === 'bigint') return `bigint ${v}`
    if (raw instanceof Date) return ['createdAt', 'updatedAt'].includes(k) ? 'date' : `date ${v}`
    if (raw instanceof Uint8Array) return `bytes ${Buffer.from(raw).toString('hex')}`
    if (Prisma.Decimal.isDecimal(raw)) return `decimal ${v}`
    if (typeof v === 'string' && /^c[a-z0-9]{24}$/.test(v)) return 'cuid'
    if (typeof v === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(v)) return 'uuid'
    if (raw === undefined) return 'undefined'
    return v
  })
  console.log(JSON.stringify({ version: Prisma.prismaVersion.client, answers: JSON.parse(text), events }))
})()
