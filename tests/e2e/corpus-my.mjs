// The recorded scenarios of MySQL, on MariaDB: see lib/recorded.mjs.
import { done } from './lib/harness.mjs'
import { database, renew } from './lib/mariadb.mjs'
import { replay } from './lib/recorded.mjs'

const base = database()
await replay('mysql', (sc) => renew(base, sc.ddl))
await done()
