// The server's HTTP parser against Node's (llhttp, strict) on the same bytes, mutated from the unit test's tables.
// What ours accepts, Node's must accept and read alike: method, target, headers, body, and where the request ends. (The
// other way round does not hold: ours refuses more.) Usage: node http_against_node.js BUILD_DIR [ROUNDS]
'use strict';
const { execFileSync } = require('node:child_process');
const path = require('node:path');

const tool = path.join(process.argv[2] || process.env.NICOL_BUILD || 'build', 'tests/unit/test_http');
const rounds = Number(process.argv[3] || 30000);
process.removeAllListeners('warning');
process.on('warning', () => {});
const { HTTPParser, methods } = process.binding('http_parser');

function readRecords(b) {
    const out = [];
    for (let at = 0; at < b.length;) {
        const n = b.readUInt32LE(at);
        out.push(b.subarray(at + 4, at + 4 + n));
        at += 4 + n;
    }
    return out;
}

function writeRecords(list) {
    const parts = [];
    for (const b of list) {
        const n = Buffer.alloc(4);
        n.writeUInt32LE(b.length);
        parts.push(n, b);
    }
    return Buffer.concat(parts);
}

// A small generator with a fixed seed, so that a failure can be repeated.
let state = 12345;
function random(n) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
}

const pieces = ['\r\n', '\n', '\r', ' ', '\t', ':', ',', ';', '0', '1', 'chunked', 'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n', 'Host: a.example\r\n', 'Connection: close\r\n', '\0', '\x7f', '\xe9', '%', '/', '?', '0\r\n\r\n',
    'HTTP/1.1', 'HTTP/1.0', 'GET / HTTP/1.1\r\n', 'X: y\r\n', 'abc', '3\r\nabc\r\n'].map((s) => Buffer.from(s, 'latin1'));

function mutate(seed) {
    let b = Buffer.from(seed);
    for (let k = random(3) + 1; k > 0; k--) {
        const at = random(b.length + 1);
        const kind = random(4);
        if (kind === 0) b = Buffer.concat([b.subarray(0, at), pieces[random(pieces.length)], b.subarray(at)]);
        else if (kind === 1) b = Buffer.concat([b.subarray(0, at), b.subarray(at + 1 + random(4))]);
        else if (kind === 2 && at < b.length) b[at] = random(256);
        else b = Buffer.concat([b.subarray(0, at), b.subarray(Math.max(0, at - random(12)), at), b.subarray(at)]);
    }
    return b;
}

function byNode(bytes) {
    const r = { headers: [], body: [], done: false };
    const p = new HTTPParser();
    p.initialize(HTTPParser.REQUEST, {});
    // Node's parser hands over headers in batches when there are many, and trailers the same way after the head.
    p[HTTPParser.kOnHeaders | 0] = (headers, url) => {
        if (r.head) return;
        r.headers.push(...headers);
        r.url = (r.url || '') + url;
    };
    p[HTTPParser.kOnHeadersComplete | 0] = (major, minor, headers, method, url, code, text, upgrade, keep) => {
        r.head = true;
        if (headers) r.headers.push(...headers);
        if (url) r.url = (r.url || '') + url;
        r.method = methods[method];
        r.keep = keep;
        return 0;
    };
    p[HTTPParser.kOnBody | 0] = (b) => { r.body.push(Buffer.from(b)); };
    p[HTTPParser.kOnMessageComplete | 0] = () => { r.done = true; };
    // Byte by byte, so that the end of the first request is known.
    for (let i = 0; i < bytes.length && !r.done; i++) {
        const got = p.execute(bytes.subarray(i, i + 1));
        if (got instanceof Error) { r.error = got.reason || got.code; break; }
        r.consumed = i + 1;
    }
    p.close();
    return r;
}

const seeds = readRecords(execFileSync(tool, ['--seeds'], { maxBuffer: 1 << 26 }));
const inputs = [...seeds];
for (let i = 0; i < rounds; i++) inputs.push(mutate(seeds[random(seeds.length)]));
const lines = execFileSync(tool, ['--verdicts'], { input: writeRecords(inputs), maxBuffer: 1 << 28 }).toString().trim().split('\n');
let accepted = 0, both = 0, stricter = 0, bad = 0;
for (let i = 0; i < inputs.length; i++) {
    const ours = JSON.parse(lines[i]);
    const n = byNode(inputs[i]);
    if (ours.verdict !== 2) {
        if (n.done && ours.verdict === 3) stricter++;
        continue;
    }
    accepted++;
    const text = (h) => Buffer.from(h, 'hex').toString('latin1');
    const method = text(ours.method);
    let wrong = null;
    if (!n.done) {
        // Node knows a fixed list of methods; any token is one by the standard.
        if (!methods.includes(method)) continue;
        // Blanks after a coding or a length are allowed by the standard and carry no ambiguity.
        if (/(transfer-encoding|content-length):[^\r]*[ \t]\r/i.test(inputs[i].toString('latin1'))) continue;
        wrong = `Node refuses: ${n.error}`;
    } else {
        const nodeHeaders = n.headers;
        const oursHeaders = ours.headers.flatMap((h) => [text(h.name), text(h.value)]);
        if (n.method !== method) wrong = `method ${n.method}`;
        else if (n.url !== text(ours.target)) wrong = `target ${n.url}`;
        else if (Buffer.concat(n.body).toString('latin1') !== text(ours.body)) wrong = 'body';
        else if (n.consumed !== ours.consumed) wrong = `ends at ${n.consumed}, ours ${ours.consumed}`;
        else if (nodeHeaders.length !== oursHeaders.length ||
            nodeHeaders.some((s, k) => (k % 2 ? s : s.toLowerCase()) !== oursHeaders[k])) wrong = `headers ${JSON.stringify(nodeHeaders)}`;
        else if (n.keep !== ours.keep) wrong = 'keep-alive';
    }
    if (!wrong) { both++; continue; }
    if (bad++ < 10) console.log(`# ${wrong}: ${JSON.stringify(inputs[i].toString('latin1'))}`);
}
console.log(`# ${inputs.length} requests: ${accepted} accepted here, ${both} read alike by Node, ${stricter} refused only here`);
console.log(`${bad ? 'not ok' : 'ok'} 1 - what is accepted here is read alike by Node`);
console.log(bad ? '0 passed, 1 failed' : '1 passed, 0 failed');
process.exit(bad ? 1 : 0);
