// Random filters, orders, pages and selections for a schema and its rows.
import { fieldOf, modelOf, relationFields } from './schema.mjs'
import { AnyNull, DbNull, JsonNull, isWord, randomValue, somePath, someText, whereKey } from './values.mjs'

const ordered = new Set(['Int', 'BigInt', 'Float', 'Decimal', 'String', 'DateTime'])
const listed = new Set([...ordered, 'Enum', 'Bytes'])

/** A generator over rows: base rows make values that are found. */
export function operations(r, spec, data) {
  const rowsOf = (model) => data.rows[model]

  /** A value of the field, most often one that a row has. */
  function valueOf(m, f) {
    const rows = rowsOf(m.name)
    if (rows.length && r.chance(0.7)) {
      const v = r.pick(rows)[f.name]
      if (v !== null && v !== undefined && !isWord(v)) return v
    }
    return randomValue(r, f, spec)
  }
  const refTo = (m, f) => {
    const like = m.fields.filter((x) => x.type === f.type && x.enum === f.enum)
    return { $type: 'FieldRef', value: { _ref: r.pick(like).name, _container: m.name } }
  }
  const operand = (m, f) => r.chance(0.15) ? refTo(m, f) : valueOf(m, f)

  function list(m, f) {
    const n = r.pick([0, 1, 1, 2, 3, 5])
    return Array.from({ length: n }, () => valueOf(m, f))
  }
  function condition(m, f, depth = 0) {
    if (f.type === 'Json') return jsonCondition(m, f)
    if (depth === 0 && r.chance(0.2)) return f.optional && r.chance(0.3) ? null : valueOf(m, f)
    const out = {}
    for (let i = r.chance(0.8) ? 1 : 2; i > 0; i--) {
      const kinds = { equals: 2, not: 2 }
      if (listed.has(f.type)) Object.assign(kinds, { in: 2, notIn: 2 })
      if (ordered.has(f.type)) Object.assign(kinds, { lt: 1, lte: 1, gt: 1, gte: 1 })
      if (f.type === 'String') Object.assign(kinds, { contains: 1.5, startsWith: 1.5, endsWith: 1.5 })
      const kind = r.weighed(kinds)
      switch (kind) {
        case 'equals': out.equals = f.optional && r.chance(0.2) ? null : operand(m, f); break
        case 'not': out.not = r.chance(0.4) && depth < 3 ? condition(m, f, depth + 1) : f.optional && r.chance(0.2) ? null : valueOf(m, f); break
        case 'in': case 'notIn': out[kind] = f.optional && r.chance(0.1) ? null : list(m, f); break
        case 'contains': case 'startsWith': case 'endsWith': out[kind] = r.chance(0.1) ? refTo(m, f) : text(m, f); break
        default: out[kind] = operand(m, f)
      }
    }
    if (depth === 0 && r.chance(0.02)) return {}
    return out
  }
  /** A part of a text that a row has, or any. */
  function text(m, f) {
    const v = valueOf(m, f)
    if (r.chance(0.4)) return someText(r)
    const c = Array.from(v), from = r.below(c.length + 1)
    return c.slice(from, from + r.between(0, 4)).join('')
  }
  function jsonCondition(m, f) {
    const out = {}
    if (r.chance(0.7)) out.path = somePath(r)
    const kind = r.weighed({ equals: 3, not: 3, string_contains: 1, string_starts_with: 1, string_ends_with: 1, array_starts_with: 1, array_ends_with: 1 })
    if (kind === 'equals' || kind === 'not') {
      const v = r.chance(0.25) ? r.pick([DbNull, JsonNull, AnyNull]) : out.path && r.chance(0.6) ? r.pick(['abc', 'Help', 'x', 1, true, 'a', { b: 'Help' }, [1, 'b', null]]) : valueOf(m, f)
      // With a path only whole values are compared; a reference there would compare with another column's text.
      out[kind] = !out.path && r.chance(0.1) ? { $type: 'FieldRef', value: { _ref: r.pick(m.fields.filter((x) => x.type === 'Json')).name, _container: m.name } } : v
    } else if (kind.startsWith('string_')) out[kind] = someText(r)
    else out[kind] = r.chance(0.1) ? JsonNull : r.pick([1, 'a', 'b', 3, 'x', [1], { a: 1 }])
    return out
  }

  function relationCondition(f, depth) {
    const sub = () => r.chance(0.1) ? {} : where(f.target, depth - 1)
    if (f.list) {
      const out = {}
      for (let i = r.chance(0.85) ? 1 : 2; i > 0; i--) out[r.pick(['some', 'every', 'none'])] = sub()
      return out
    }
    if (f.optional && r.chance(0.12)) return null
    if (r.chance(0.15)) return sub()
    const out = {}
    for (let i = r.chance(0.85) ? 1 : 2; i > 0; i--) out[r.pick(['is', 'isNot'])] = f.optional && r.chance(0.15) ? null : sub()
    return out
  }

  /** A filter on a model. `scalars`: without relations. */
  function where(model, depth = 3, scalars = false) {
    const m = modelOf(spec, model), relations = scalars ? [] : relationFields(spec, model)
    const out = {}
    for (let i = r.weighed({ 1: 6, 2: 3, 3: 1, 0: 0.3 }); i > 0; i--) {
      const kind = r.weighed({ scalar: 5, relation: relations.length && depth > 0 ? 4 : 0, AND: depth > 0 ? 1 : 0, OR: depth > 0 ? 1.5 : 0, NOT: depth > 0 ? 2 : 0 })
      const sub = () => r.chance(0.06) ? {} : where(model, depth - 1, scalars)
      const subs = () => Array.from({ length: r.pick([0, 1, 1, 2, 2, 3]) }, sub)
      if (kind === 'scalar') { const f = r.pick(m.fields); out[f.name] = condition(m, f) }
      else if (kind === 'relation') { const f = r.pick(relations); out[f.name] = relationCondition(f, depth) }
      else if (kind === 'OR') out.OR = subs()
      else out[kind] = r.chance(0.5) ? sub() : subs()
    }
    return out
  }

  /** Scalars that one can order by. Json is stored as whatever its text looks like, so its order means nothing. */
  const sortable = (m) => m.fields.filter((f) => f.type !== 'Json')
  function orderStep(model, depth) {
    const m = modelOf(spec, model), relations = depth > 0 ? relationFields(spec, model) : []
    const dir = r.pick(['asc', 'desc'])
    if (relations.length && r.chance(0.3)) {
      const f = r.pick(relations)
      return { [f.name]: f.list ? { _count: dir } : orderStep(f.target, depth - 1) }
    }
    const f = r.pick(sortable(m))
    return { [f.name]: f.optional && r.chance(0.4) ? { sort: dir, ...(r.chance(0.8) ? { nulls: r.pick(['first', 'last']) } : {}) } : dir }
  }
  /** An order that leaves nothing open: the key comes last. */
  function orderBy(model, { plain = false } = {}) {
    const m = modelOf(spec, model)
    const steps = Array.from({ length: r.weighed({ 0: 2, 1: 4, 2: 2, 3: 1 }) | 0 }, () => orderStep(model, plain ? 0 : 2))
    const dir = r.pick(['asc', 'desc'])
    return [...steps, ...m.id.map((k) => ({ [k]: r.chance(0.8) ? dir : r.pick(['asc', 'desc']) }))]
  }
  const distinct = (model) => { const m = modelOf(spec, model); const fields = r.some(sortable(m), 1).slice(0, 2).map((f) => f.name); return fields.length === 1 && r.chance(0.5) ? fields[0] : fields }
  /** take, skip, distinct. */
  function pageArgs(model) {
    const out = {}
    if (r.chance(0.5)) out.take = r.pick([0, 1, 1, 2, 3, 5, 100, -1, -2, -3, -100])
    if (r.chance(0.4)) out.skip = r.pick([0, 1, 2, 4, 50])
    if (r.chance(0.25)) out.distinct = distinct(model)
    return out
  }
  const cursorAt = (model, raw) => whereKey(modelOf(spec, model), raw)

  function selection(model, depth = 2) {
    const m = modelOf(spec, model), out = {}
    if (r.chance(0.7)) out.$scalars = true
    else for (const f of r.some(m.fields, 1)) out[f.name] = true
    if (out.$scalars && r.chance(0.1)) out[r.pick(m.fields).name] = false
    const relations = relationFields(spec, model), lists = relations.filter((f) => f.list)
    for (const f of relations) {
      if (depth > 0 && r.chance(0.4)) out[f.name] = { arguments: f.list ? listArgs(f.target) : f.optional && r.chance(0.3) ? { where: where(f.target, 1) } : {}, selection: selection(f.target, depth - 1) }
    }
    if (lists.length && r.chance(0.25)) {
      out._count = { arguments: {}, selection: Object.fromEntries(r.some(lists, 1).map((f) => [f.name, r.chance(0.5) ? true : { arguments: { where: where(f.target, 1) } }])) }
    }
    if (Object.values(out).every((v) => v === false)) out[m.id[0]] = true
    return out
  }
  /** Arguments of a list relation in a selection. */
  function listArgs(target) {
    const out = { orderBy: orderBy(target) }
    if (r.chance(0.5)) out.where = where(target, 1)
    return { ...out, ...pageArgs(target) }
  }
  return { where, orderBy, distinct, pageArgs, cursorAt, selection, listArgs, valueOf, condition, sortable, fieldOf }
}
