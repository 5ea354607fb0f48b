// The schema corpus once more: how many schemas are laid out as recorded, how many come out the same when they are laid
// out a second time, also after a byte of them was removed, doubled or replaced, and how many datamodels are equal to the
// recorded ones. Prints the figures, and fails when one sinks below its floor.
//
//   node run_format.mjs PROGRAM [--show N] [--group NAME] [--mutate PROGRAM]
import { readFileSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import { isDeepStrictEqual } from 'node:util';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FLOOR = { formatted: 1089, again: 1096, datamodel: 394 };
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

function input(all) {
  const parts = [];
  for (const files of all) {
    parts.push(Buffer.from(`${files.length}\n`));
    for (const [path, text] of files) {
      const [p, t] = [Buffer.from(path), Buffer.from(text)];
      parts.push(Buffer.from(`${p.length} ${t.length}\n`), p, t);
    }
  }
  return Buffer.concat(parts);
}

function start(command, argv, all) {
  const r = spawnSync(command, argv, { input: input(all), maxBuffer: 1 << 28 });
  if (r.status !== 0) {
    console.error(`${command} ended with ${r.status ?? r.signal}: ${r.stderr}`);
    process.exit(1);
  }
  return r;
}

// Each case's files to their formatted texts and the datamodel.
function run(all) {
  const r = start(program, [], all);
  let at = 0;
  const text = () => {
    const end = r.stdout.indexOf(10, at);
    const bytes = Number(r.stdout.subarray(at, end).toString());
    at = end + 1 + bytes + 1;
    return r.stdout.subarray(end + 1, end + 1 + bytes).toString();
  };
  return all.map((files) => {
    const formatted = files.map(([path]) => [path, text()]);
    const json = text();
    return { formatted, datamodel: json === '' ? undefined : JSON.parse(json) };
  });
}

const first = run(cases.map((c) => c.files));
const second = run(first.map((r) => r.formatted));
let formatted = 0, again = 0, datamodel = 0, valid = 0, shown = 0;
const tell = (what, c, want, got) => {
  if (shown++ < show) console.log(`--- ${c.name}: ${what}\n${want}\n------ got\n${got}`);
};
const plain = (files) => files.map((f) => f[1]).join('=====\n');
cases.forEach((c, i) => {
  if (isDeepStrictEqual(first[i].formatted, c.formatted)) formatted++;
  else tell('layout', c, plain(c.formatted), plain(first[i].formatted));
  if (isDeepStrictEqual(second[i].formatted, first[i].formatted)) again++;
  else tell('laid out twice', c, plain(first[i].formatted), plain(second[i].formatted));
  if (!c.valid) return;
  valid++;
  if (isDeepStrictEqual(first[i].datamodel, c.datamodel)) datamodel++;
  else tell('datamodel', c, JSON.stringify(c.datamodel, null, 1), JSON.stringify(first[i].datamodel, null, 1));
});
console.log(`schema corpus: ${cases.length} cases, ${formatted} laid out as recorded, ${again} the same when laid out twice`);
console.log(`schema corpus: ${valid} valid cases, ${datamodel} with exactly the recorded datamodel`);
let unstable = 0, mutations = 0;
if (option('--mutate')) {
  [mutations, unstable] = start(option('--mutate'), ['mutate'], cases.map((c) => c.files)).stdout.toString().split(' ').map(Number);
  console.log(`schema corpus: ${mutations} changed files, ${mutations - unstable} the same when laid out twice`);
}
const below = (floor, n) => (group ? 0 : Math.max(0, floor - n));
const failed = below(FLOOR.formatted, formatted) + below(FLOOR.again, again) + below(FLOOR.datamodel, datamodel) + unstable;
console.log(`${formatted + again + datamodel + mutations - unstable} passed, ${failed} failed`);
if (failed) {
  console.error(`below the floor of ${FLOOR.formatted}, ${FLOOR.again} and ${FLOOR.datamodel}`);
  process.exit(1);
}
