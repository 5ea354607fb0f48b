// Schemas from a seed: whole ones by a grammar, recorded ones moved to another provider, and both with some of their words
// changed. A case is a list of [path, text].

/** A generator of numbers from a seed (mulberry32): next() in [0, 1), and what is made of it. */
export function random(seed) {
  let a = seed >>> 0
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const int = (n) => Math.floor(next() * n)
  return { next, int, pick: (v) => v[int(v.length)], chance: (p) => next() < p }
}

export const PROVIDERS = ['sqlite', 'postgresql', 'mysql', 'cockroachdb', 'sqlserver', 'mongodb']
const SCALARS = ['Int', 'BigInt', 'Float', 'Boolean', 'String', 'DateTime', 'Json', 'Bytes', 'Decimal']
const NATIVE = {
  sqlite: ['Text'],
  postgresql: ['SmallInt', 'Integer', 'BigInt', 'Decimal', 'Money', 'Inet', 'Oid', 'Citext', 'Real', 'DoublePrecision', 'VarChar', 'Char', 'Text', 'ByteA', 'Timestamp', 'Timestamptz', 'Date', 'Time', 'Timetz', 'Boolean', 'Bit', 'VarBit', 'Uuid', 'Xml', 'Json', 'JsonB'],
  mysql: ['Int', 'UnsignedInt', 'SmallInt', 'UnsignedSmallInt', 'TinyInt', 'UnsignedTinyInt', 'MediumInt', 'UnsignedMediumInt', 'BigInt', 'UnsignedBigInt', 'Decimal', 'Float', 'Double', 'Bit', 'Char', 'VarChar', 'Binary', 'VarBinary', 'TinyBlob', 'Blob', 'MediumBlob', 'LongBlob', 'TinyText', 'Text', 'MediumText', 'LongText', 'Date', 'Time', 'DateTime', 'Timestamp', 'Year', 'Json'],
  cockroachdb: ['Bit', 'Bool', 'Bytes', 'Char', 'Date', 'Decimal', 'Float4', 'Float8', 'Inet', 'Int2', 'Int4', 'Int8', 'JsonB', 'Oid', 'CatalogSingleChar', 'String', 'Time', 'Timetz', 'Timestamp', 'Timestamptz', 'Uuid', 'VarBit'],
  sqlserver: ['TinyInt', 'SmallInt', 'Int', 'BigInt', 'Decimal', 'Money', 'SmallMoney', 'Bit', 'Float', 'Real', 'Date', 'Time', 'DateTime', 'DateTime2', 'DateTimeOffset', 'SmallDateTime', 'Char', 'NChar', 'VarChar', 'Text', 'NVarChar', 'NText', 'Binary', 'VarBinary', 'Image', 'Xml', 'UniqueIdentifier'],
  mongodb: ['ObjectId', 'String', 'Double', 'Int', 'Long', 'Decimal', 'Bool', 'Date', 'Timestamp', 'BinData', 'Json', 'Array'],
}
const ARGS = ['', '', '', '', '(1)', '(0)', '(3)', '(10)', '(30)', '(65)', '(255)', '(256)', '(1000)', '(4000)', '(8001)', '(65536)', '(10485761)', '(10, 2)', '(2, 10)', '(65, 30)', '(1001, 1)', '(38, 0)', '(-1)', '(Max)', '(max)', '("3")', '(1, 2, 3)', '()', '(6)', '(7)', '(9)', '(a)', '(1.5)', '(x: 3)', '([3])']
const LITERALS = {
  Int: ['0', '1', '-7', '2147483648', '1.5', '9223372036854775808', '007'], BigInt: ['0', '-1', '9223372036854775807', '9223372036854775808'], Float: ['0', '1.5', '-2.25', '3'],
  Boolean: ['true', 'false', 'yes'], String: ['""', '"a"', '"q\\"\\n"', '"é"', '"\\u0041"', '"\\x"', 'x'], DateTime: ['"2020-01-01T00:00:00Z"', '"2020-01-01"', '"2021-02-03T04:05:06.789+02:00"', '"x"', '"2020-13-01T00:00:00Z"'],
  Json: ['"{}"', '"[1, 2]"', '"{"', '"null"', '"1"', '"{\\"a\\": 1}"'], Bytes: ['"aGk="', '"aGk"', '""', '"!"'], Decimal: ['1', '1.50', '"1.5"', '"x"', '"1e3"', '-0.1'],
}
const FUNCTIONS = ['autoincrement()', 'now()', 'uuid()', 'uuid(4)', 'uuid(7)', 'uuid(5)', 'cuid()', 'cuid(1)', 'cuid(2)', 'cuid(3)', 'ulid()', 'ulid(1)', 'nanoid()', 'nanoid(8)', 'nanoid(1)', 'nanoid(256)', 'dbgenerated()', 'dbgenerated("x")', 'dbgenerated("")', 'dbgenerated(1)', 'dbgenerated("a", "b")', 'sequence()', 'sequence(start: 5, maxValue: 10)', 'sequence(wrong: 1)', 'sequence(virtual: 1)', 'auto()', 'auto(1)', 'foo()', 'foo(1)', 'now(1)', 'autoincrement(1)', 'uuid("a")', 'uuid(4, 7)', 'env("A")', 'uuid(x: 7)', 'sequence(cache: "a")']
const ACTIONS = ['Cascade', 'Restrict', 'NoAction', 'SetNull', 'SetDefault']
const OPS = ['InetOps', 'JsonbOps', 'JsonbPathOps', 'ArrayOps', 'TextOps', 'Int4MinMaxOps', 'TextBloomOps', 'Int8MinMaxMultiOps', 'InetInclusionOps', 'raw("x")', 'raw(1)', 'raw()', 'raw("a", "b")', 'Wrong', '"x"', 'UuidMinMaxOps', 'NumericBloomOps', 'BitMinMaxOps', 'DateMinMaxOps', 'Float8MinMaxMultiOps']
const PREVIEWS = ['fullTextSearchPostgres', 'nativeDistinct', 'partialIndexes', 'postgresqlExtensions', 'relationJoins', 'schemaEngineDriverAdapters', 'shardKeys', 'strictUndefinedChecks', 'typedSql', 'views']
const NAMES = ['A', 'B', 'C', 'D', 'Post', 'User', 'Blog_Entry', 'tag']
const FIELDS = ['a', 'b', 'c', 'name', 'title', 'x_1', 'createdAt', 'e', 'f', 'g', 'Value']
const LONG = 'n'.repeat(70)

class Maker {
  constructor(r, provider) { this.r = r; this.provider = provider; this.odd = r.pick([0, 0.02, 0.06, 0.15]) }
  sql() { return this.provider !== 'mongodb' }
  name() { const { r } = this; return r.chance(0.05) ? r.pick([LONG, 'é', 'with space', '', '$x', 'a.b', '_id', 'a-b']) : r.pick(['m1', 'm2', 'm3', 'table', 'A', 'B_idx', 'A_pkey', 'A_a_key', 'B_aId_fkey', 'n'.repeat(r.int(200)), 'é'.repeat(r.int(70))]) }
  field(m) { return this.r.pick(m.scalars).name }
  nativeAttr() { const { r } = this; return ` @${r.chance(this.odd) ? r.pick(['dB', 'x', 'db2']) : 'db'}.${r.chance(this.odd / 2) ? r.pick(NATIVE[r.pick(PROVIDERS)]) : r.pick(NATIVE[this.provider])}${r.chance(0.5) ? '' : r.pick(ARGS)}` }
  literal(type) { const { r } = this; return r.pick(LITERALS[r.chance(this.odd) ? r.pick(SCALARS) : type] ?? ['V1', 'V2', 'VX', '"V1"', '1']) }
  defaultValue(f) {
    const { r } = this
    if (r.chance(0.45)) return r.pick(FUNCTIONS)
    if (f.list || r.chance(this.odd)) return `[${Array.from({ length: r.int(3) }, () => this.literal(f.type)).join(', ')}]`
    return this.literal(f.type)
  }
  map() { return `map: "${this.name()}"` }
  fieldAttrs(f, id) {
    const { r } = this
    let s = ''
    if (id && !this.sql()) return r.chance(0.8) ? ' @id @default(auto()) @map("_id") @db.ObjectId' : r.pick([' @id @map("_id")', ' @id', ' @id @default(auto())', ' @id @map("id") @db.ObjectId', ' @id @unique @map("_id")'])
    if (id) s += r.chance(0.15) ? ` @id(${this.idArgs()})` : ' @id'
    if (r.chance(id ? 0.4 : 0.15)) s += ` @default(${this.defaultValue(f)}${r.chance(0.08) ? `, ${this.map()}` : ''})`
    if (!id && r.chance(0.12)) s += r.chance(0.5) ? ' @unique' : ` @unique(${this.idArgs()})`
    if (r.chance(0.1)) s += ` @map("${this.name()}")`
    if (r.chance(0.3)) s += this.nativeAttr()
    if (r.chance(f.type === 'DateTime' ? 0.2 : this.odd / 3)) s += ' @updatedAt'
    if (r.chance(0.03)) s += ' @ignore'
    if (r.chance(this.odd / 3)) s += r.pick([' @foo', ' @relation', ' @id', ' @unique', ' @map', ' @map()', ' @default()', ' @shardKey', ' @unique(sort: Up)', ' @id(length: "a")', ' @default(1, 2)', ' @ignore @ignore', ' @db', ' @db.', ' @unique(', ' @unique(map:)', ' @unique(map: "",)', ' @default(value: 1, map: "")', ' @ignore(1)'])
    return s
  }
  idArgs() {
    const { r } = this
    return [r.chance(0.4) && this.map(), r.chance(0.2) && `sort: ${r.pick(['Asc', 'Desc', 'Up'])}`, r.chance(0.2) && `length: ${r.pick(['10', '0', '-1', '"a"'])}`, r.chance(0.2) && `clustered: ${r.pick(['true', 'false', '1'])}`, r.chance(0.05) && `name: "x"`, r.chance(0.08) && `where: ${this.where()}`].filter(Boolean).join(', ')
  }
  where() {
    const { r } = this
    const value = () => r.pick(['1', '"a"', 'true', 'false', 'null', '{ not: null }', '{ not: 1 }', '{ not: "a" }', '{ gt: 1 }', '[1]', 'V1', 'raw("x")', '1.5', '{ not: true }', '{}', '"2020-01-01T00:00:00Z"', '{ not: null, gt: 1 }', '9223372036854775808', 'Null'])
    return r.chance(0.4) ? r.pick(['raw("a > 1")', 'raw("")', 'raw(1)', 'raw()', 'raw("a", "b")', '"a"', 'foo("x")', '{}', '[a]', 'a', '1']) : `{ ${Array.from({ length: 1 + r.int(2) }, () => `${r.pick(FIELDS)}: ${value()}`).join(', ')} }`
  }
  columns(m, kind) {
    const { r } = this
    const n = r.chance(0.03) ? 0 : 1 + r.int(3)
    const list = Array.from({ length: n }, () => {
      let f = r.chance(this.odd / 3) ? r.pick(['nope', 'id', 'as', '1', '"a"', 'a.b', 'addr.street', 'addr.x.y', 'addr']) : this.field(m)
      if (m.composites?.length && r.chance(0.3)) f = `${r.pick(m.composites).name}.${r.pick(['street', 'city', 'x', 'inner.street', 'num'])}`
      const a = [r.chance(0.12) && `sort: ${r.pick(['Asc', 'Desc', 'asc'])}`, r.chance(this.provider === 'mysql' ? 0.2 : 0.04) && `length: ${r.pick([5, 191, 0, -1, '"a"'])}`, kind === 'index' && r.chance(this.provider === 'postgresql' ? 0.15 : 0.03) && `ops: ${r.pick(OPS)}`, r.chance(this.odd / 6) && r.pick(['foo: 1', 'sort: "Asc"', 'Asc', 'length:'])].filter(Boolean)
      return a.length ? `${f}(${a.join(', ')})` : f
    })
    return r.chance(0.05) && n === 1 ? list[0] : `[${list.join(', ')}]`
  }
  blockAttr(m) {
    const { r } = this
    const kind = r.pick(['index', 'index', 'index', 'unique', 'unique', 'id', 'map', 'fulltext', 'ignore', 'schema', 'shardKey', 'foo', 'index'])
    if (kind === 'map') return r.chance(0.3) ? `@@map("${this.name()}")` : ''
    if (kind === 'ignore') return r.chance(0.15) ? '@@ignore' : ''
    if (kind === 'schema') return r.chance(this.schemas ? 0 : 0.1) ? `@@schema("${r.pick(['base', 'other', ''])}")` : ''
    if (kind === 'fulltext') return r.chance(this.provider === 'mysql' || this.provider === 'mongodb' ? 0.6 : 0.05) ? `@@fulltext(${this.columns(m, kind)}${r.chance(0.2) ? `, ${this.map()}` : ''})` : ''
    if (kind === 'foo') return r.chance(this.odd) ? r.pick(['@@foo', '@@index', '@@index()', '@@unique([], map:)', '@@id', '@@map', '@@index(fields: [a], [b])', '@@index([a], [b])', '@@index([a],)', '@@index(a: [a])', '@@index(fields: [a], fields: [b])', '@@ignore @@ignore', '@@schema(1)', '@@map(name: "a", "b")', '@@unique([a], name: "a b")', '@@id([a], name: "")', '@@index([a(ops:)])']) : ''
    if (kind === 'shardKey') return r.chance(0.05) ? `@@shardKey(${this.columns(m, kind)})` : ''
    if (kind === 'id' && !r.chance(0.1)) return ''
    const a = [this.columns(m, kind)]
    if (r.chance(0.25)) a.push(this.map())
    if (r.chance(0.15)) a.push(`name: "${r.pick(['k1', 'k2', 'a', 'a_b', 'bad name', ''])}"`)
    if (kind === 'index' && r.chance(this.provider === 'postgresql' ? 0.4 : 0.08)) a.push(`type: ${r.pick(['BTree', 'Hash', 'Gist', 'Gin', 'SpGist', 'Brin', 'Foo', '"BTree"'])}`)
    if (r.chance(this.provider === 'sqlserver' ? 0.2 : 0.02)) a.push(`clustered: ${r.pick(['true', 'false', '"a"'])}`)
    if (r.chance(this.wheres ? 0.4 : 0.03)) a.push(`where: ${this.where()}`)
    if (r.chance(this.odd / 3)) a.push(r.pick(['foo: 1', 'fields: [a]', 'sort: Desc', 'length: 5', '[b]']))
    return `@@${kind}(${a.join(', ')})`
  }
  comment() { const { r } = this; return r.chance(0.06) ? `  ${r.pick(['// c', '/// doc', '/// doc  ', '//', '////x', '/* b */'])}` : '' }
  relation(from, to, models) {
    const { r } = this
    const shape = r.pick(['1n', '1n', '1n', '1n', '11', 'mn', 'half', 'bad'])
    const relName = from === to || r.chance(0.25) ? r.pick(['R1', 'R2', 'R3', '']) : null
    const n = from.rels++
    const fk = `${from === to ? 'self' : to.name.toLowerCase()}${n}Id`
    const opt = r.chance(0.4)
    const key = r.pick(to.scalars.slice(0, 2))
    const type = r.chance(this.odd) ? r.pick(SCALARS) : key.type
    const lead = relName === null ? [] : [r.chance(0.5) ? `"${relName}"` : `name: "${relName}"`]
    const act = (k) => r.chance(0.3) ? [`${k}: ${r.chance(this.odd / 3) ? 'Wrong' : r.pick(ACTIONS)}`] : []
    const args = [...lead, `fields: [${r.chance(this.odd / 4) ? r.pick(['nope', 'id', '']) : fk}]`, `references: [${r.chance(this.odd / 4) ? r.pick(['nope', 'a', '']) : key.name}]`, ...act('onDelete'), ...act('onUpdate'), ...(r.chance(0.1) ? [this.map()] : [])]
    const q = r.chance(this.odd) ? !opt : opt
    const backAttr = relName === null && !r.chance(this.odd / 4) ? '' : ` @relation(${[...lead, ...(r.chance(this.odd / 5) ? act('onDelete') : []), ...(r.chance(this.odd / 5) ? ['fields: [id]'] : [])].join(', ')})`
    if (shape === 'mn') {
      if (!this.sql() && r.chance(0.7)) {
        const l = `${to.name.toLowerCase()}${n}Ids`
        from.lines.push(`${l} String[]${r.chance(0.8) ? ' @db.ObjectId' : ''}`, `${l}_ ${to.name}[] @relation(${[...lead, `fields: [${l}]`, `references: [${key.name}]`].join(', ')})`)
        const l2 = `${from.name.toLowerCase()}${n}Ids`
        to.lines.push(`${l2} String[]${r.chance(0.8) ? ' @db.ObjectId' : ''}`, `${l2}_ ${from.name}[] @relation(${[...lead, `fields: [${l2}]`, `references: [${r.pick(from.scalars.slice(0, 2)).name}]`].join(', ')})`)
        return
      }
      from.lines.push(`m${n} ${to.name}[]${backAttr}`)
      if (!r.chance(this.odd)) to.lines.push(`m${n}b ${from.name}[]${backAttr}`)
      return
    }
    const native = !this.sql() && r.chance(0.85) ? ' @db.ObjectId' : r.chance(0.1) ? this.nativeAttr() : ''
    if (shape !== 'half') from.lines.push(`${fk} ${type}${q ? '?' : ''}${shape === '11' && !r.chance(this.odd * 2) ? ' @unique' : ''}${native}`)
    from.lines.push(`r${n} ${to.name}${opt ? '?' : ''}${shape === 'half' && r.chance(0.7) ? '' : ` @relation(${args.join(', ')})`}`)
    if (shape === 'bad' && r.chance(0.5)) return
    to.lines.push(`r${n}b ${from.name}${shape === '11' || r.chance(this.odd / 4) ? (r.chance(this.odd) ? '' : '?') : '[]'}${backAttr}`)
  }
  type(name, others) {
    const { r } = this
    const lines = [`street String`, `city String?${r.chance(0.2) ? ' @default("x")' : ''}`, `num Int${r.chance(0.2) ? '[]' : ''}${r.chance(0.3) ? this.nativeAttr() : ''}`]
    if (others.length && r.chance(0.5)) lines.push(`inner ${r.pick(others)}${r.pick(['', '?', '[]'])}`)
    if (r.chance(0.1)) lines.push(`inner2 ${name}${r.pick(['', '?', '[]'])}`)
    if (r.chance(0.3)) lines.push(`f ${r.pick(SCALARS)}${this.fieldAttrs({ type: 'String' }, false)}`)
    if (r.chance(this.odd)) lines.push(r.pick(['id Int @id', 'u Unsupported("x")', '@@map("x")', '@@index([street])', 'm A', 'x Nope', 'street Int', 'z Int @updatedAt', 'w Int @unique', 'v Int @map("_x")', 'v Int @map("$x")', 'y DateTime @default(now())', 'o String @default(auto()) @db.ObjectId', 'g String @default(dbgenerated())', 'h Int @relation', 'k Int @ignore', '@@unique([a])', 'n Int @map("street")']))
    return `type ${name} {\n${lines.map((l) => `  ${l}\n`).join('')}}\n`
  }
  schema() {
    const { r } = this
    const previews = PREVIEWS.filter(() => r.chance(0.2))
    if (r.chance(0.05)) previews.push(r.pick(['foo', 'multiSchema', 'fullTextSearch', 'driverAdapters', 'metrics', '']))
    this.wheres = previews.includes('partialIndexes')
    this.schemas = ['postgresql', 'sqlserver', 'cockroachdb'].includes(this.provider) && r.chance(0.12)
    let out = `datasource db {\n  provider = "${this.provider}"\n`
    if (r.chance(0.1)) out += `  relationMode = ${r.pick(['"prisma"', '"foreignKeys"', '"x"', '1'])}\n`
    if (this.schemas) out += `  schemas = ${r.pick(['["base"]', '["base", "other"]', '[]', '"base"', '["base", "base"]', '[1]'])}\n`
    if (r.chance(previews.includes('postgresqlExtensions') ? 0.5 : 0.02)) out += `  extensions = ${r.pick(['[postgis]', '[uuidOssp(map: "uuid-ossp")]', '[a(version: "1"), b]', '["x"]', 'x', '[]', '[a(schema: "s", version: "2", map: "m")]', '[a(foo: "x")]', '[a, a]', '[a(1)]', '[a(version: 1)]', '[a.b]', '[a(map: "x"), b(map: "x")]', '[1]', '[a()]', '"x"'])}\n`
    if (r.chance(this.odd / 4)) out += `  ${r.pick(['foo = "x"', 'url = env("A")', 'url = "x"', 'directUrl = "y"', 'shadowDatabaseUrl = 1', 'provider = "mysql"', 'provider =', 'url =', 'previewFeatures = ["views"]', 'referentialIntegrity = "prisma"', 'extensions = [a]', 'schemas = ["x"]', 'relationMode ='])}\n`
    out += '}\n'
    if (previews.length || r.chance(0.1)) out += `\ngenerator client {\n  provider = ${r.pick(['"prisma-client-js"', '"prisma-client"', 'env("G")'])}\n${previews.length ? `  previewFeatures = [${previews.map((p) => JSON.stringify(p)).join(', ')}]\n` : ''}${r.chance(this.odd) ? `  ${r.pick(['output = env("O")', 'binaryTargets = ["native"]', 'engineType = 1', 'foo = [1, "a"]', 'bar = baz', 'bar = { a: 1 }', 'output = 1', 'x = foo("y")', 'binaryTargets = "native"', 'previewFeatures = "views"', 'y = env(1)', 'z = [env("A")]', 'a.b = 1'])}\n` : ''}}\n`
    const enums = this.provider === 'sqlserver' ? (r.chance(0.1) ? ['E1'] : []) : r.chance(0.5) ? ['E1'] : []
    const types = (this.sql() ? r.chance(0.02) : r.chance(0.5)) ? ['Address', 'Inner'].slice(0, 1 + r.int(2)) : []
    for (const e of enums) out += `\n${r.chance(0.1) ? '/// about\n' : ''}enum ${e} {\n  V1${r.chance(0.2) ? ` @map("${this.name()}")` : ''}${this.comment()}\n  V2\n${r.chance(this.odd / 2) ? `  ${r.pick(['V1', '1x', 'V3 @map("V2")', 'a-b', '@@map("e")', '@@schema("base")', '@@ignore', 'V3 @ignore', 'V3 = 1', 'V4 @map()', '@@map("E1") @@map("E2")', 'É'])}\n` : ''}${this.schemas ? '\n  @@schema("base")\n' : ''}}\n`
    types.forEach((t, i) => { out += `\n${this.type(t, types.slice(i + 1))}` })
    const models = NAMES.slice(0, 1 + r.int(4)).map((name) => ({ name, scalars: [], lines: [], rels: 0, composites: [] }))
    for (const m of models) {
      const idType = this.sql() ? r.pick(['Int', 'Int', 'String', 'BigInt', 'Int']) : 'String'
      const noId = r.chance(this.odd)
      m.view = r.chance(previews.includes('views') ? 0.2 : this.odd / 10)
      m.scalars.push({ name: 'id', type: idType })
      m.lines.push(`id ${idType}${noId || m.view ? (r.chance(0.5) ? ' @unique' : '') : this.fieldAttrs({ type: idType }, true)}`)
      const n = 1 + r.int(6)
      for (let i = 0; i < n; i++) {
        const f = { name: FIELDS[i], type: r.pick([...SCALARS, ...enums]), list: r.chance(['postgresql', 'cockroachdb', 'mongodb'].includes(this.provider) ? 0.15 : this.odd / 2) }
        m.scalars.push(f)
        const shown = r.chance(this.odd / 4) ? r.pick(['Unsupported("x")', 'Unsupported("varchar(3)")', 'Unsupported("int4")', 'Unsupported("")', 'Strin', 'string', 'Int!', 'É', 'db.Int', 'Nope', 'int']) : f.type
        m.lines.push(`${f.name} ${shown}${f.list ? '[]' : r.chance(0.25) ? '?' : ''}${this.fieldAttrs(f, false)}${this.comment()}`)
      }
      for (const t of types) if (r.chance(0.6)) { const name = t === 'Address' ? 'addr' : 'inn'; m.composites.push({ name }); m.lines.push(`${name} ${t}${r.pick(['', '?', '[]'])}${r.chance(this.odd) ? r.pick([' @id', ' @unique', ' @default("x")', ' @map("q")', ' @db.ObjectId', ' @ignore', ' @updatedAt', ' @relation', ' @default(dbgenerated())']) : ''}`) }
      if (r.chance(this.odd / 3)) m.lines.push(r.pick(['1bad Int', 'bad', 'bad-name Int', 'a Int', 'x.y Int', 'é String', 'naïve Int', 'x Int, y Int', '@id', 'x: Int', 'x [Int]', 'x Int[]?', 'x Int??', 'x Int @default(1)@map("x")', 'x Int ;', '_x Int', 'x_ Int', 'Int Int', 'model Int', 'enum String', '日本 Int', 'x日 Int', 'id Int @id']))
    }
    const pairs = r.int(models.length + 2)
    for (let i = 0; i < pairs; i++) { const f = r.pick(models); this.relation(f, r.chance(0.15) ? f : r.pick(models), models) }
    for (const m of models) {
      const attrs = Array.from({ length: r.int(4) }, () => this.blockAttr(m)).filter(Boolean)
      if (this.schemas && !r.chance(0.1)) attrs.push(`@@schema("${r.pick(['base', 'base', 'other', 'nope'])}")`)
      const word = m.view ? 'view' : 'model'
      out += `\n${r.chance(0.06) ? '/// A model\n' : ''}${word} ${r.chance(this.odd / 10) ? r.pick(['String', 'async', 'É', '1A', 'A-B', 'PrismaClient', 'delete', 'int']) : m.name} {\n${m.lines.map((l) => `  ${l}\n`).join('')}${attrs.length ? '\n' : ''}${attrs.map((l) => `  ${l}${this.comment()}\n`).join('')}}\n`
    }
    return out
  }
}

/** A schema by the grammar. */
export function generate(r) {
  const provider = r.pick(PROVIDERS), text = new Maker(r, provider).schema()
  if (!r.chance(0.12)) return [['schema.prisma', text]]
  // Blocks end at a line that begins with "}": each goes to one of several files, in an order of its own.
  const blocks = text.split(/(?<=^\}\n)\n?/m), files = Array.from({ length: 2 + r.int(3) }, () => '')
  for (const b of blocks) files[r.int(files.length)] += `${b}\n`
  return files.map((f, i) => [`${r.pick(['', 'sub/'])}f${i}.prisma`, f])
}

const WORD = /"(?:[^"\\\n]|\\.)*"|@@?[\w.]+|[\w-]+|[^\S\n]+|\n|./gu

/** Some words of a case changed: left out, doubled, swapped, or taken from another case. */
export function mutate(r, files, donor) {
  const out = files.map((f) => [...f]), f = r.pick(out), words = f[1].match(WORD) ?? []
  const others = r.pick(donor)[1].match(WORD) ?? ['x']
  for (let n = 1 + r.int(2); n > 0 && words.length; n--) {
    const at = r.int(words.length), how = r.int(6)
    if (how === 0) words.splice(at, 1)
    else if (how === 1) words.splice(at, 0, words[at])
    else if (how === 2) words.splice(at, 1, r.pick(others))
    else if (how === 3) words.splice(at, 0, r.pick(others))
    else if (how === 4) { const to = r.int(words.length), w = words[to]; words[to] = words[at]; words[at] = w }
    else words[at] = r.pick(['é', '日', '-', '_', '.', '{', '}', '(', ')', '[', ']', '"', '//', '///', ' ', '\n', '\t', '@', '@@', ',', ':', '=', '?', '!', '0', '-1', '1e5', '\u00a0', '\r\n', '\u200b', '🎉', '\\'])
  }
  f[1] = words.join('')
  return out
}

/** The same schema for another provider. */
export function move(files, provider) {
  return files.map(([p, t]) => [p, t.replace(/^(\s*provider\s*=\s*)"(sqlite|postgresql|postgres|mysql|sqlserver|cockroachdb|mongodb)"/gm, `$1"${provider}"`)])
}
