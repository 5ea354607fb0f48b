// Calls that fail, each with another error. They change nothing, so all can run on one database.
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))

export const cases = {
  'P2002 a unique field': (p) => p.user.create({ data: { email: 'a' } }),
  'P2002 two fields': (p) => p.post.create({ data: { title: 't', authorId: 1 } }),
  'P2002 two fields, by relation': (p) => p.post.create({ data: { title: 't', author: { connect: { id: 1 } } } }),
  'P2002 nested': (p) => p.user.create({ data: { email: 'new', posts: { create: [{ title: 'x' }, { title: 'x' }] } } }),
  'P2002 nested, other model': (p) => p.post.create({ data: { title: 'new', author: { create: { email: 'a' } } } }),
  'P2002 update': (p) => p.user.update({ where: { id: 2 }, data: { email: 'a' } }),
  'P2002 updateMany': (p) => p.user.updateMany({ data: { email: 'same' } }),
  'P2002 createMany': (p) => p.user.createMany({ data: [{ email: 'new' }, { email: 'b' }] }),
  'P2002 upsert': (p) => p.user.upsert({ where: { id: 77 }, create: { email: 'a' }, update: {} }),
  'P2002 a primary key': (p) => p.tag.create({ data: { id: 1, name: 'new' } }),
  'P2003 create': (p) => p.post.create({ data: { title: 'y', authorId: 99 } }),
  'P2003 createMany': (p) => p.post.createMany({ data: [{ title: 'y', authorId: 99 }] }),
  'P2003 update': (p) => p.post.update({ where: { id: 1 }, data: { authorId: 99 } }),
  'P2003 delete': (p) => p.user.delete({ where: { id: 1 } }),
  'P2003 deleteMany': (p) => p.user.deleteMany(),
  'P2011 create': (p) => p.strict.create({ data: { id: 1 } }),
  'P2014 set': (p) => p.user.update({ where: { id: 1 }, data: { posts: { set: [] } } }),
  'P2014 one-to-one create': (p) => p.user.update({ where: { id: 1 }, data: { card: { create: { id: 3 } } } }),
  'P2014 one-to-one connect': (p) => p.user.update({ where: { id: 1 }, data: { card: { connect: { id: 2 } } } }),
  'P2017 delete': (p) => p.user.update({ where: { id: 1 }, data: { notes: { delete: { id: 2 } } } }),
  'P2018 connect': (p) => p.user.update({ where: { id: 1 }, data: { notes: { connect: [{ id: 1 }, { id: 99 }] } } }),
  'P2025 update': (p) => p.user.update({ where: { id: 99 }, data: { n: 1 } }),
  'P2025 delete': (p) => p.user.delete({ where: { email: 'nobody' } }),
  'P2025 findUniqueOrThrow': (p) => p.user.findUniqueOrThrow({ where: { id: 99 } }),
  'P2025 findFirstOrThrow': (p) => p.user.findFirstOrThrow({ where: { name: 'nobody' } }),
  'P2025 connect': (p) => p.post.create({ data: { title: 'y', author: { connect: { id: 99 } } } }),
  'P2025 connect, optional': (p) => p.note.create({ data: { id: 9, owner: { connect: { id: 99 } } } }),
  'P2025 connect, many-to-many': (p) => p.post.update({ where: { id: 1 }, data: { tags: { connect: [{ id: 1 }, { id: 99 }] } } }),
  'P2025 nested update': (p) => p.user.update({ where: { id: 1 }, data: { posts: { update: { where: { id: 2 }, data: { title: 'z' } } } } }),
  'P2025 nested delete': (p) => p.note.update({ where: { id: 2 }, data: { owner: { delete: true } } }),
  'P2025 nested update, to one': (p) => p.note.update({ where: { id: 2 }, data: { owner: { update: { n: 1 } } } }),
  'P2019 updateMany': (p) => p.user.updateMany({ data: { n: 1 }, limit: -1 }),
  'P2019 deleteMany': (p) => p.user.deleteMany({ limit: -5 }),
  'P2021 findMany': (p) => p.gone.findMany(),
  'P2021 create': (p) => p.gone.create({ data: { id: 1 } }),
  'P2022 findMany': (p) => p.odd.findMany(),
  'P2022 create': (p) => p.odd.create({ data: { id: 1, missing: 'x' } }),
  'P2022 update': (p) => p.odd.updateMany({ data: { missing: 'x' } }),
  'P2010 no table': (p) => p.$queryRawUnsafe('SELECT * FROM nope'),
  'P2010 syntax': (p) => p.$queryRawUnsafe('SELEC 1'),
  'P2010 unique': (p) => p.$executeRawUnsafe("INSERT INTO User (email) VALUES ('a')"),
  'P2010 foreign key': (p) => p.$executeRawUnsafe("INSERT INTO Post (title, authorId) VALUES ('y', 99)"),
  'P2023 a time': (p) => p.bad.findUnique({ where: { id: 1 } }),
  'P2023 an enum': (p) => p.bad.findUnique({ where: { id: 2 } }),
  'P2023 a number': (p) => p.bad.findUnique({ where: { id: 3 } }),
  'P2023 a large number': (p) => p.bad.findMany({ where: { id: 4 } }),
  'P2023 a BigInt': (p) => p.bad.findFirst({ where: { id: 5 } }),
  'P2033 a value': (p) => p.user.findMany({ where: { n: 1e20 } }),
  'P2028 expired': (p) => p.$transaction(async (tx) => { await tx.user.count(); await sleep(250); await tx.user.count() }, { timeout: 100 }),
  'P2028 expired at the commit': (p) => p.$transaction(async (tx) => { await tx.user.count(); await sleep(250) }, { timeout: 100 }),
  'P2028 committed': async (p) => { let kept; await p.$transaction(async (tx) => { kept = tx; await tx.user.count() }); await kept.user.count() },
  'P2028 rolled back': async (p) => { let kept; await p.$transaction(async (tx) => { kept = tx; await tx.user.count(); throw new Error('no') }).catch(() => {}); await kept.user.count() },
  'a batch': (p) => p.$transaction([p.user.create({ data: { email: 'new' } }), p.post.create({ data: { title: 't', authorId: 1 } })]),
  'a batch, not found': (p) => p.$transaction([p.user.update({ where: { id: 1 }, data: { n: 5 } }), p.user.update({ where: { id: 99 }, data: { n: 5 } })]),
  'together, not found': (p) => Promise.all([p.user.findUniqueOrThrow({ where: { id: 1 } }), p.user.findUniqueOrThrow({ where: { id: 99 } })]),
  'in a transaction': (p) => p.$transaction(async (tx) => { await tx.user.create({ data: { email: 'new' } }); await tx.user.create({ data: { email: 'new' } }) }),
  'an unknown field': (p) => p.user.findMany({ where: { bogus: 1 } }),
  'a missing argument': (p) => p.user.create({ data: { name: 'x' } }),
  'a wrong type': (p) => p.user.findUnique({ where: { id: 'x' } }),
  'an unknown enum value': (p) => p.bad.findMany({ where: { kind: 'C' } }),
  'a text that is no time': (p) => p.bad.findMany({ where: { at: 'yesterday' } }),
  'no unique field': (p) => p.user.findUnique({ where: { name: 'x' } }),
  'an empty selection': (p) => p.user.findMany({ select: {} }),
  'a selection below a scalar': (p) => p.user.findMany({ select: { name: { select: { x: true } } } }),
}

/** What a user sees of each: {name, code, meta, message}. */
export async function provoke(p) {
  const out = {}
  for (const [what, call] of Object.entries(cases)) {
    try { out[what] = { answer: await call(p) } } catch (e) {
      out[what] = { name: e.name, ...(e.code ? { code: e.code } : {}), ...(e.meta ? { meta: e.meta } : {}), message: e.message.replace(/however \d+ ms/, 'however n ms') }
      if (out[what].meta) out[what].meta = JSON.parse(JSON.stringify(out[what].meta).replace(/however \d+ ms/, 'however n ms').replace(/"timeTaken":\d+/, '"timeTaken":"n"'))
    }
  }
  return JSON.parse(JSON.stringify(out, (_, v) => typeof v === 'bigint' ? `${v}n` : v))
}
