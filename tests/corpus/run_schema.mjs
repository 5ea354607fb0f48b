// The schema corpus: how many cases are accepted or refused as recorded, and how many with exactly the recorded
// diagnostics (as a set of severity, place and message; the order of several can vary). Prints both figures, and fails
// when one sinks below its floor. The corpus names what a schema of version 7 gets.
//
//   node run_schema.mjs PROGRAM [--show N] [--group NAME]
import { readFileSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FLOOR = { valid: 1096, exact: 1096 };
const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const program = args[0];
const show = Number(option('--show') ?? 0);
const group = option('--group');

const cases = readdirSync(join(here, 'schema'))
  .filter((f) => f.endsWith('.ndjson.gz'))
  .sort()
  .flatMap((f) => gunzipSync(readFileSync(join(here, 'schema', f))).toString().split('\n').filter(Boolean).map((l) => JSON.parse(l)))
  .filter((c) => !group || c.group === group);

const parts = [];
for (const c of cases) {
  parts.push(Buffer.from(`${c.files.length}\n`));
  for (const [path, text] of c.files) {
    const [p, t] = [Buffer.from(path), Buffer.from(text)];
    parts.push(Buffer.from(`${p.length} ${t.length}\n`), p, t);
  }
}
const run = spawnSync(program, { input: Buffer.concat(parts), maxBuffer: 1 << 28 });
if (run.status !== 0) {
  console.error(`${program} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  process.exit(1);
}

let at = 0;
const line = () => {
  const end = run.stdout.indexOf(10, at);
  const text = run.stdout.subarray(at, end).toString();
  at = end + 1;
  return text;
};
const key = (d) => JSON.stringify([d.severity, d.file, d.start, d.end, d.message]);
const perGroup = {};
let valid = 0, exact = 0, shown = 0;
for (const c of cases) {
  const [verdict, n] = line().split(' ');
  const got = [];
  for (let i = 0; i < Number(n); i++) {
    const [severity, file, start, end, bytes] = line().split(' ');
    const message = run.stdout.subarray(at, at + Number(bytes)).toString();
    at += Number(bytes) + 1;
    got.push({ severity: severity === 'W' ? 'warning' : 'error', file: c.files[file][0], start: +start, end: +end, message });
  }
  const g = (perGroup[c.group] ??= { cases: 0, valid: 0, exact: 0 });
  const want = new Set(c.diagnostics.map(key));
  const have = new Set(got.map(key));
  const sameVerdict = (verdict === 'valid') === c.valid;
  const same = sameVerdict && want.size === have.size && [...want].every((k) => have.has(k));
  g.cases++;
  if (sameVerdict) g.valid++, valid++;
  if (same) g.exact++, exact++;
  if (!same && shown < show) {
    shown++;
    console.log(`--- ${c.name}: recorded ${c.valid ? 'valid' : 'invalid'}, got ${verdict}`);
    console.log(c.files.map((f) => f[1]).join('=====\n').replace(/^datasource db \{\n  provider = "\w+"\n\}\n/, ''));
    const at16 = (d) => JSON.stringify((c.files.find((f) => f[0] === d.file) ?? ['', ''])[1].slice(d.start, d.end));
    for (const d of c.diagnostics) if (!have.has(key(d))) console.log(`  missing ${d.severity} ${d.start}-${d.end} ${at16(d)} ${d.message}`);
    for (const d of got) if (!want.has(key(d))) console.log(`  extra   ${d.severity} ${d.start}-${d.end} ${at16(d)} ${d.message}`);
  }
}
if (show || args.includes('--groups')) console.table(perGroup);
console.log(`schema corpus: ${cases.length} cases, ${valid} accepted or refused as recorded, ${exact} with exactly the recorded diagnostics`);
console.log(`${exact} passed, ${cases.length - exact} failed`);
if (!group && (valid < FLOOR.valid || exact < FLOOR.exact)) {
  console.error(`below the floor of ${FLOOR.valid} and ${FLOOR.exact}`);
  process.exit(1);
}
