// The rows of two databases on which the same steps ran, compared after each. What a database makes up itself, ids and times, differs
// between the two; it is not left out but must correspond: an id of the one always stands where its counterpart of the other stands, in
// every table and until the end, and a time must lie within the step that wrote it.
import { spawn } from 'node:child_process'
import crypto from 'node:crypto'

/** Reads a database beside the server: one sqlite3 for all steps. */
export function reader(file) {
  const child = spawn('sqlite3', ['-batch', '-init', '/dev/null', '-readonly', file], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = '', waiting
  const mark = crypto.randomBytes(12).toString('hex'), end = `'${mark}'\n`
  child.stdout.setEncoding('utf8').on('data', (d) => { text += d; if (text.endsWith(end)) waiting(text.slice(0, -end.length)) })
  child.on('exit', (code) => waiting?.(Promise.reject(new Error(`sqlite3 ended with ${code}`))))
  child.stdin.write('.timeout 5000\n.mode quote\n')
  const ask = (sql) => new Promise((resolve) => { waiting = (r) => { text = ''; waiting = undefined; resolve(r) }; child.stdin.write(`${sql};\nSELECT '${mark}';\n`) })
  const name = (s) => `"${s.replaceAll('"', '""')}"`
  let tables
  return {
    /** A number that changes when somebody wrote. */
    version: async () => (await ask('PRAGMA data_version')).trim(),
    /** {table: {columns, rows: Map of rowid to [text as SQLite quotes it]}} */
    async rows() {
      tables ??= rowsOf(await ask("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).map(([t]) => t.slice(1, -1).replaceAll("''", "'"))
      const out = {}
      for (const t of tables) {
        const columns = rowsOf(await ask(`SELECT name FROM pragma_table_info('${t.replaceAll("'", "''")}') ORDER BY cid`)).map(([c]) => c.slice(1, -1).replaceAll("''", "'"))
        out[t] = { columns, rows: new Map(rowsOf(await ask(`SELECT rowid, * FROM ${name(t)} ORDER BY rowid`)).map(([id, ...row]) => [id, row])) }
      }
      return out
    },
    close: () => child.stdin.end('.quit\n'),
  }
}

/** Cells as `.mode quote` writes them: numbers, NULL, 'text' with doubled quotes and line feeds as they are, X'00ff'. */
function rowsOf(text) {
  const rows = []
  let row = [], at = 0
  const cell = /'(?:[^']|'')*'|X'[0-9a-fA-F]*'|[^',\n]+/y
  while (at < text.length) {
    cell.lastIndex = at
    const m = cell.exec(text)
    if (!m) throw new Error(`not a quoted cell: ${text.slice(at, at + 80)}`)
    row.push(m[0])
    at = cell.lastIndex + 1
    if (text[cell.lastIndex] === '\n') { rows.push(row); row = [] } else if (text[cell.lastIndex] !== ',') throw new Error(`not a separator: ${text.slice(at - 1, at + 80)}`)
  }
  return rows
}

const looks = {
  uuid: () => /^'[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'$/, ulid: () => /^'[0-9A-HJKMNP-TV-Z]{26}'$/,
  cuid: ([version]) => version === 2 ? /^'[a-z][a-z0-9]{23}'$/ : /^'c[a-z0-9]{24}'$/, nanoid: ([length]) => new RegExp(`^'[A-Za-z0-9_-]{${length ?? 21}}'$`),
}

/** Which columns hold what the database makes up: {table: {column: RegExp of an id, or "time"}}. */
function madeUp(datamodel) {
  const kinds = {}, byModel = {}
  for (const m of datamodel.models) {
    const of = byModel[m.name] = {}
    for (const f of m.fields) {
      if (f.isUpdatedAt || f.default?.name === 'now') of[f.name] = 'time'
      else if (looks[f.default?.name]) of[f.name] = looks[f.default.name](f.default.args)
    }
  }
  // A foreign key holds what it points at, over any number of tables.
  for (let changed = true; changed;) {
    changed = false
    for (const m of datamodel.models) for (const f of m.fields) {
      for (const [i, from] of (f.relationFromFields ?? []).entries()) {
        const to = byModel[f.type][f.relationToFields[i]]
        if (to && !byModel[m.name][from]) { byModel[m.name][from] = to; changed = true }
      }
    }
  }
  for (const m of datamodel.models) {
    kinds[m.dbName ?? m.name] = Object.fromEntries(m.fields.filter((f) => byModel[m.name][f.name]).map((f) => [f.dbName ?? f.name, byModel[m.name][f.name]]))
    for (const f of m.fields) {
      const other = f.kind === 'object' && f.isList && datamodel.models.find((o) => o.name === f.type)
      const back = other && other.fields.find((g) => g.relationName === f.relationName && g.isList && (g.name !== f.name || other.name !== m.name))
      if (!back) continue
      const id = (of) => byModel[of][datamodel.models.find((o) => o.name === of).fields.find((g) => g.isId)?.name]
      const [a, b] = [m.name, other.name].sort()
      kinds[`_${f.relationName}`] = { A: id(a), B: id(b) }
    }
  }
  return kinds
}

/** A comparison that lasts for a scenario. */
export function correspondence(datamodel) {
  const kinds = madeUp(datamodel), ids = new Map(), back = new Map(), times = new Set()
  const ms = (text) => /^\d+$/.test(text) ? Number(text) : Date.parse(text.slice(1, -1))
  const within = (t, [from, to]) => t >= from && t <= to
  function cell(kind, a, b, windows) {
    if (a === b) return true
    if (kind === 'time') {
      if (times.has(`${a} ${b}`)) return true
      if (!within(ms(a), windows[0]) || !within(ms(b), windows[1])) return false
      times.add(`${a} ${b}`)
      return true
    }
    if (!(kind instanceof RegExp) || !kind.test(a) || !kind.test(b)) return false
    if (ids.has(a) || back.has(b)) return ids.get(a) === b
    ids.set(a, b)
    back.set(b, a)
    return true
  }
  const seen = new Set()
  /** What differs between the states and did not before, or null. `windows`: [begin, end] in milliseconds of the step on either side. */
  return function differ(a, b, windows) {
    const found = []
    for (const t of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (!a[t] || !b[t]) return `table ${t} is only in one`
      for (const id of new Set([...a[t].rows.keys(), ...b[t].rows.keys()])) {
        const x = a[t].rows.get(id), y = b[t].rows.get(id)
        const columns = x && y ? a[t].columns.filter((column, j) => !cell(kinds[t]?.[column], x[j], y[j], windows)) : ['all']
        const text = `table ${t}, row ${id}, ${columns}: ${x?.join(',') ?? 'no row'} and ${y?.join(',') ?? 'no row'}`
        if (columns.length && !seen.has(text)) { seen.add(text); found.push(text) }
      }
    }
    return found.length ? found.join('; ') : null
  }
}
