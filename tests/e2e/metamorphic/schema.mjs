// Random schemas. A spec is plain data, so that a failing case can be printed, cut down and run again:
//
//   {enums: [{name, values: [{name, map?}]}],
//    models: [{name, map?, id: [field, ...], uniques: [[field, ...]], fields: [{name, map?, type, optional?, unique?, enum?}]}],
//    relations: [{name, kind: '1-1' | '1-n' | 'm-n', from: {model, field}, to: {model, field}, fk: [field], ref: [field], optional}]}
//
// `from` holds the foreign key; its model never comes before the model that it refers to, so that rows can be inserted in the order of the
// models. Of a many-to-many relation `from` is the side whose column is A.

const types = ['Int', 'BigInt', 'Float', 'Decimal', 'Boolean', 'String', 'DateTime', 'Bytes', 'Json', 'Enum']
const idTypes = { Int: 5, String: 4, BigInt: 2, DateTime: 0.5, Enum: 0 }
const sqlTypes = { Int: 'INTEGER', BigInt: 'BIGINT', Float: 'REAL', Decimal: 'DECIMAL', Boolean: 'BOOLEAN', String: 'TEXT', DateTime: 'DATETIME', Bytes: 'BLOB', Json: 'JSONB', Enum: 'TEXT' }
// Names that need quoting, or that are words of SQL or of the protocol.
const oddNames = ['order', 'select', 'a b', 'we"ird', '`tick`', "it's", 'naïve', 'x.y', 'group', '%s', '$1', 'null', 'rowid2', 'AND', 'é😀', '_count', 'id?']

export function randomSchema(r) {
  const spec = { enums: [], models: [], relations: [] }
  const names = r.shuffle(['Apple', 'Berry', 'Cedar', 'Dune', 'Ember', 'Fjord'])
  for (let i = r.below(3); i > 0; i--) spec.enums.push(randomEnum(r, spec.enums.length))
  const n = r.between(1, 5)
  for (let i = 0; i < n; i++) spec.models.push(randomModel(r, names[i], spec))
  const wanted = n === 1 ? r.below(3) : r.between(n - 1, n + 2)
  for (let i = 0; i < wanted; i++) addRelation(r, spec, i)
  if (n > 1 && r.chance(0.3)) addExplicit(r, spec)
  return spec
}

function randomEnum(r, i) {
  const odd = r.shuffle(oddNames)
  const values = ['RED', 'green', 'Blue', 'x1'].slice(0, r.between(1, 4)).map((name, k) => r.chance(0.3) ? { name, map: odd[k] } : { name })
  return { name: `Kind${i}`, values }
}

function randomField(r, name, spec, odd) {
  let type = r.pick(types)
  if (type === 'Enum' && spec.enums.length === 0) type = 'String'
  const f = { name, type }
  if (type === 'Enum') f.enum = r.pick(spec.enums).name
  if (r.chance(0.5)) f.optional = true
  if (r.chance(0.2)) f.map = odd.pop()
  return f
}

function randomModel(r, name, spec) {
  const odd = r.shuffle(oddNames)
  const m = { name, id: ['id'], uniques: [], fields: [] }
  if (r.chance(0.25)) m.map = `${odd.pop()}_${name}`
  if (r.chance(0.25)) {
    m.id = ['ka', 'kb']
    for (const k of m.id) m.fields.push({ name: k, type: r.weighed(idTypes) })
  } else {
    m.fields.push({ name: 'id', type: r.weighed(idTypes) })
  }
  const n = r.between(1, 6)
  for (let i = 0; i < n; i++) m.fields.push(randomField(r, `f${i}`, spec, odd))
  const u = m.fields.find((f) => !m.id.includes(f.name) && ['Int', 'String', 'BigInt'].includes(f.type))
  if (u && r.chance(0.3)) u.unique = true
  const pair = m.fields.filter((f) => !m.id.includes(f.name) && !f.optional && ['Int', 'String', 'Boolean', 'BigInt'].includes(f.type)).slice(0, 2)
  if (pair.length === 2 && r.chance(0.2)) m.uniques.push(pair.map((f) => f.name))
  return m
}

export const modelOf = (spec, name) => spec.models.find((m) => m.name === name)
export const fieldOf = (m, name) => m.fields.find((f) => f.name === name)

function addForeignKey(r, spec, child, parent, name, ref, optional, unique) {
  const fk = ref.map((k, i) => {
    const target = fieldOf(parent, k)
    const f = { name: `${name}K${i}`, type: target.type }
    if (optional) f.optional = true
    if (r.chance(0.2)) f.map = `${name} key ${i}`
    child.fields.push(f)
    return f.name
  })
  if (unique) {
    if (fk.length === 1) fieldOf(child, fk[0]).unique = true
    else child.uniques.push(fk)
  }
  return fk
}

/** What a foreign key can refer to. */
function keysOf(m) {
  const out = [m.id]
  for (const f of m.fields) if (f.unique && !f.optional) out.push([f.name])
  for (const u of m.uniques) if (u.every((k) => !fieldOf(m, k).optional)) out.push(u)
  return out
}

function addRelation(r, spec, i) {
  const a = r.below(spec.models.length), b = r.chance(0.2) ? a : r.below(spec.models.length)
  const child = spec.models[Math.max(a, b)], parent = spec.models[Math.min(a, b)]
  const kind = r.weighed({ '1-n': 5, '1-1': 2, 'm-n': child.id.length === 1 && parent.id.length === 1 ? 3 : 0 })
  const name = `r${i}`
  const rel = { name, kind, from: { model: child.name, field: `${name}a` }, to: { model: parent.name, field: `${name}b` } }
  if (kind === 'm-n') {
    // The model whose name comes first has the column A.
    if (rel.from.model > rel.to.model) [rel.from, rel.to] = [{ ...rel.to, field: `${name}a` }, { ...rel.from, field: `${name}b` }]
  } else {
    rel.ref = r.pick(keysOf(parent))
    rel.optional = child === parent || r.chance(0.6)
    rel.fk = addForeignKey(r, spec, child, parent, name, rel.ref, rel.optional, kind === '1-1')
    rel.indexed = kind === '1-n' && r.chance(0.5)
  }
  spec.relations.push(rel)
}

/** A table of ties with a key of two foreign keys: an explicit many-to-many relation. */
function addExplicit(r, spec) {
  const [x, y] = [r.pick(spec.models), r.pick(spec.models)]
  if (x.id.length > 1 || y.id.length > 1) return
  const m = { name: 'Tie', id: [], uniques: [], fields: [randomField(r, 'f0', spec, r.shuffle(oddNames))] }
  for (const [i, parent] of [x, y].entries()) {
    const name = `t${i}`, rel = { name, kind: '1-n', from: { model: 'Tie', field: `${name}a` }, to: { model: parent.name, field: `${name}b` }, ref: parent.id, optional: false }
    rel.fk = addForeignKey(r, spec, m, parent, name, rel.ref, false, false)
    m.id.push(...rel.fk)
    spec.relations.push(rel)
  }
  spec.models.push(m)
}

/** The relation fields of a model: {name, target, list, optional, rel, holds (the foreign key), back}. */
export function relationFields(spec, model) {
  const out = []
  for (const rel of spec.relations) {
    const { from, to, kind } = rel
    if (from.model === model) out.push({ name: from.field, target: to.model, list: kind === 'm-n', optional: kind !== 'm-n' && rel.optional, rel, holds: kind !== 'm-n', back: to.field })
    if (to.model === model) out.push({ name: to.field, target: from.model, list: kind !== '1-1', optional: kind === '1-1', rel, holds: false, back: from.field })
  }
  return out
}
export const relationField = (spec, model, name) => relationFields(spec, model).find((f) => f.name === name)

/* --- as a schema and as SQL --------------------------------------------------------------------------------------- */

const quote = (s) => JSON.stringify(s)

export function toSchema(spec) {
  const out = ['datasource db {\n  provider = "sqlite"\n}\n\ngenerator client {\n  provider = "prisma-client-js"\n}']
  for (const e of spec.enums) out.push(`enum ${e.name} {\n${e.values.map((v) => `  ${v.name}${v.map ? ` @map(${quote(v.map)})` : ''}`).join('\n')}\n}`)
  for (const m of spec.models) {
    const lines = m.fields.map((f) => {
      const single = m.id.length === 1 && m.id[0] === f.name
      return `${f.name} ${f.enum ?? f.type}${f.optional ? '?' : ''}${single ? ' @id' : ''}${f.unique ? ' @unique' : ''}${f.map ? ` @map(${quote(f.map)})` : ''}`
    })
    for (const f of relationFields(spec, m.name)) {
      const args = f.holds ? `${quote(f.rel.name)}, fields: [${f.rel.fk.join(', ')}], references: [${f.rel.ref.join(', ')}], onDelete: NoAction, onUpdate: NoAction` : quote(f.rel.name)
      lines.push(`${f.name} ${f.target}${f.list ? '[]' : f.optional ? '?' : ''} @relation(${args})`)
      if (f.holds && f.rel.indexed) lines.push(`@@index([${f.rel.fk.join(', ')}])`)
    }
    if (m.id.length > 1) lines.push(`@@id([${m.id.join(', ')}])`)
    for (const u of m.uniques) lines.push(`@@unique([${u.join(', ')}])`)
    if (m.map) lines.push(`@@map(${quote(m.map)})`)
    out.push(`model ${m.name} {\n${lines.map((l) => '  ' + l).join('\n')}\n}`)
  }
  return out.join('\n\n') + '\n'
}

const sqlName = (s) => '"' + s.replaceAll('"', '""') + '"'
const tableName = (m) => m.map ?? m.name
const columnName = (f) => f.map ?? f.name

export function toSql(spec) {
  const out = []
  const columns = (m, names) => names.map((n) => sqlName(columnName(fieldOf(m, n)))).join(', ')
  for (const m of spec.models) {
    const lines = m.fields.map((f) => `${sqlName(columnName(f))} ${sqlTypes[f.type]}${f.optional ? '' : ' NOT NULL'}${m.id.length === 1 && m.id[0] === f.name ? ' PRIMARY KEY' : ''}`)
    if (m.id.length > 1) lines.push(`PRIMARY KEY (${columns(m, m.id)})`)
    for (const f of relationFields(spec, m.name).filter((x) => x.holds)) {
      const target = modelOf(spec, f.target)
      lines.push(`FOREIGN KEY (${columns(m, f.rel.fk)}) REFERENCES ${sqlName(tableName(target))} (${columns(target, f.rel.ref)}) ON DELETE NO ACTION ON UPDATE NO ACTION`)
    }
    out.push(`CREATE TABLE ${sqlName(tableName(m))} (\n  ${lines.join(',\n  ')}\n);`)
    for (const u of [...m.fields.filter((f) => f.unique).map((f) => [f.name]), ...m.uniques]) out.push(`CREATE UNIQUE INDEX ${sqlName(`${m.name}_${u.join('_')}_key`)} ON ${sqlName(tableName(m))}(${columns(m, u)});`)
    for (const f of relationFields(spec, m.name)) if (f.holds && f.rel.indexed) out.push(`CREATE INDEX ${sqlName(`${m.name}_${f.name}_idx`)} ON ${sqlName(tableName(m))}(${columns(m, f.rel.fk)});`)
  }
  for (const rel of spec.relations.filter((x) => x.kind === 'm-n')) {
    const side = (at) => { const m = modelOf(spec, at.model), f = fieldOf(m, m.id[0]); return [sqlTypes[f.type], `REFERENCES ${sqlName(tableName(m))} (${columns(m, m.id)}) ON DELETE CASCADE ON UPDATE CASCADE`] }
    const [ta, ra] = side(rel.from), [tb, rb] = side(rel.to), t = `_${rel.name}`
    out.push(`CREATE TABLE ${sqlName(t)} ("A" ${ta} NOT NULL, "B" ${tb} NOT NULL, FOREIGN KEY ("A") ${ra}, FOREIGN KEY ("B") ${rb});`)
    out.push(`CREATE UNIQUE INDEX ${sqlName(`${t}_AB_unique`)} ON ${sqlName(t)}("A", "B");`, `CREATE INDEX ${sqlName(`${t}_B_index`)} ON ${sqlName(t)}("B");`)
  }
  return out.join('\n') + '\n'
}
