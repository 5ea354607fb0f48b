// Records what real clients make of cases.mjs in process, over better-sqlite3: 7.10.0, 6.19.3 with engineType = "client", and 6.19.3 with its
// query engine, the program that answers clients of version 6 everywhere else (here its wasm build).
//
// Not part of a test run: better-sqlite3 must be built from source for it. In an empty folder:
//   npm i --ignore-scripts @prisma/adapter-better-sqlite3@7.10.0 six@npm:@prisma/adapter-better-sqlite3@6.19.3 better-sqlite3@12.4.1
//   (cd node_modules/better-sqlite3 && npx node-gyp rebuild --release)
//   node .../record.mjs > expected.json
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { generate } from '../lib/client.mjs'
import { client7, clientConfig } from '../lib/client7.mjs'
import { provoke } from './cases.mjs'

const here = path.dirname(fileURLToPath(import.meta.url)), v6 = path.join(here, '../../../examples/js/v6')
const require = createRequire(path.join(process.cwd(), 'package.json'))
const { PrismaBetterSqlite3 } = require('@prisma/adapter-better-sqlite3'), { PrismaBetterSQLite3 } = require('six'), Database = require('better-sqlite3')
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'errors-')), models = fs.readFileSync(path.join(here, 'models.prisma'), 'utf8')
const fresh = (name) => {
  const file = path.join(dir, `${name}.db`), db = new Database(file)
  db.exec(fs.readFileSync(path.join(here, 'data.sql'), 'utf8'))
  db.close()
  return `file:${file}`
}

/** 6.19.3 with its query engine. */
function engine6() {
  const from6 = createRequire(path.join(v6, 'x.js')), runtime = path.join(v6, 'node_modules/@prisma/client/runtime')
  const schema = `generator client {\n  provider = "prisma-client-js"\n}\n\ndatasource db {\n  provider = "sqlite"\n}\n\n${models}`, { runtimeDataModel } = clientConfig(schema)
  const PrismaClient = from6(path.join(runtime, 'wasm-engine-edge.js')).getPrismaClient({
    generator: { name: 'client', provider: { value: 'prisma-client-js' }, config: {}, previewFeatures: [] }, relativePath: '.', dirname: dir, clientVersion: '6.19.3', engineVersion: '0', copyEngine: true,
    datasourceNames: ['db'], activeProvider: 'sqlite', inlineDatasources: { db: { url: { fromEnvVar: null, value: 'file:x.db' } } }, inlineSchemaHash: '0', injectableEdgeEnv: () => ({ parsed: {} }),
    inlineSchema: schema.replace('provider = "sqlite"', 'provider = "sqlite"\n  url      = "file:x.db"'), runtimeDataModel: { ...runtimeDataModel, models: runtimeDataModel.models },
    engineWasm: {
      getRuntime: async () => from6(path.join(runtime, 'query_engine_bg.sqlite.js')),
      getQueryEngineWasmModule: async () => new WebAssembly.Module(Buffer.from(from6(path.join(runtime, 'query_engine_bg.sqlite.wasm-base64.js')).wasm, 'base64')),
    },
  })
  return new PrismaClient({ adapter: new PrismaBetterSQLite3({ url: fresh('engine6') }), errorFormat: 'minimal' })
}
const seven = `generator client {\n  provider = "prisma-client-js"\n}\n\ndatasource db {\n  provider = "sqlite"\n}\n\n${models}`
const compiled6 = createRequire(import.meta.url)(generate(v6, path.join(dir, 'compiled6'), models, { version: '6.19.3', engineType: 'client' }))
const out = {
  '7.10.0': await provoke(client7(seven, { adapter: new PrismaBetterSqlite3({ url: fresh('seven') }) })),
  '6.19.3 compiled': await provoke(new compiled6.PrismaClient({ adapter: new PrismaBetterSQLite3({ url: fresh('compiled6') }), errorFormat: 'minimal' })),
  '6.19.3': await provoke(engine6()),
}
console.log(JSON.stringify(out, null, 1))
process.exit(0)
