// The real client of version 7.10 for any schema, without generating files: what `prisma generate` writes into a client (its
// models, the description of what may become a parameter, where the compiler lies) is made here with the packages that the generator
// itself uses, and handed to the runtime's own getPrismaClient. One process can so be a client of fifty schemas.
import { createRequire } from 'node:module'
import path from 'node:path'
import { install } from './client.mjs'
import { root } from './harness.mjs'

const client = path.join(root, 'examples/js/v7'), parts = path.join(root, 'tests/e2e/replay7')
install(client)
install(parts)
const fromClient = createRequire(path.join(client, 'x.js')), fromParts = createRequire(path.join(parts, 'x.js'))
const runtime = path.join(client, 'node_modules/@prisma/client/runtime')
const { getPrismaClient } = fromClient(path.join(runtime, 'client.js'))
const { get_dmmf: describe } = fromParts('@prisma/prisma-schema-wasm')
const { buildAndSerializeParamGraph } = fromParts('@prisma/param-graph-builder')
const { clientVersion, engineVersion } = { clientVersion: fromClient('@prisma/client/package.json').version, engineVersion: fromParts('@prisma/prisma-schema-wasm/package.json').version.split('.').pop() }

/** The schema as the generators see it: they call four actions by shorter names. */
export function dmmf(schema) {
  const d = JSON.parse(describe(JSON.stringify({ prismaSchema: schema, noColor: true })))
  d.mappings.modelOperations = d.mappings.modelOperations.map(({ createOne: create, updateOne: update, deleteOne: del, upsertOne: upsert, ...o }) => ({ ...o, create, update, delete: del, upsert }))
  return d
}

const pick = (o, keys) => Object.fromEntries(keys.filter((k) => k in o).map((k) => [k, o[k]]))
const prune = (m) => ({ dbName: m.dbName, schema: m.schema, fields: m.fields.map((f) => pick(f, ['name', 'kind', 'type', 'relationName', 'dbName'])) })

const providerOf = (schema) => /^\s*provider\s*=\s*"(sqlite|postgresql|mysql)"/m.exec(schema)[1]

/** What a generated client hands to the runtime. */
export const clientConfig = (schema, document = dmmf(schema)) => ({
  previewFeatures: [], clientVersion, engineVersion, activeProvider: providerOf(schema), inlineSchema: schema,
  runtimeDataModel: { models: Object.fromEntries(document.datamodel.models.map((m) => [m.name, prune(m)])), enums: {}, types: {} },
  parameterizationSchema: buildAndSerializeParamGraph(document),
})

/** A PrismaClient of `schema`. `options` are those of its constructor: accelerateUrl, or adapter. */
export function client7(schema, options, document) {
  const compiler = path.join(runtime, `query_compiler_fast_bg.${providerOf(schema)}`)
  const PrismaClient = getPrismaClient({
    ...clientConfig(schema, document),
    compilerWasm: {
      getRuntime: async () => fromClient(`${compiler}.js`),
      getQueryCompilerWasmModule: async () => new WebAssembly.Module(Buffer.from(fromClient(`${compiler}.wasm-base64.js`).wasm, 'base64')),
      importName: './query_compiler_fast_bg.js',
    },
  })
  return new PrismaClient({ errorFormat: 'minimal', ...options })
}
export const urlOf = (server, key = 'any') => `prisma+postgres://${server.host}/?api_key=${key}`
