// The recorded scenarios of PostgreSQL: see lib/recorded.mjs.
import { done } from './lib/harness.mjs'
import { database, renew } from './lib/pg.mjs'
import { replay } from './lib/recorded.mjs'

const base = database()
await replay('postgresql', (sc) => renew(base, sc.ddl))
await done()
