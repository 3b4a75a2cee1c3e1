// The two HTTP drivers against real servers: the official reference server over Streamable HTTP and
// HTTP+SSE, a server of the official SDK that speaks 2026-07-28, and one that uses every liberty of
// the legacy revisions, plain and over HTTP/2. http_drive prints an outcome per operation; each case
// here says which are expected.
//
//   node http_servers.mjs HTTP_DRIVE [CASE...]
//
// With MCP_SCHEMA_DIR (the published schemas, REVISION.json) what is sent is checked against them too.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, '../npm/node_modules/@modelcontextprotocol');
const [drive, ...only] = process.argv.slice(2);
if (!existsSync(packages)) {
    console.log("http_servers: tests/npm/node_modules is missing; run 'make deps'");
    process.exit(77);
}

const children = [];
const folder = mkdtempSync(join(tmpdir(), 'cicada-http-'));

function start(file, args = [], env = {}) {
    const child = spawn(process.execPath, [file, ...args], {
        env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
}

// Resolves with the first group that `pattern` finds in what the server prints.
function printed(child, pattern) {
    return new Promise((resolve, reject) => {
        let text = '';
        const take = (chunk) => {
            text += chunk;
            const match = pattern.exec(text);
            if (match)
                resolve(match[1]);
        };
        child.stdout.on('data', take);
        child.stderr.on('data', take);
        child.on('exit', (code) => reject(new Error(`server exited with ${code}: ${text}`)));
    });
}

async function freePort() {
    const probe = createServer();
    await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address();
    await new Promise((resolve) => probe.close(resolve));
    return port;
}

async function everything(transport, path) {
    const port = await freePort();
    const child = start(join(packages, 'server-everything/dist/index.js'), [transport], { PORT: String(port) });
    await printed(child, /(listening|running) on port/);
    return `http://127.0.0.1:${port}${path}`;
}

const modern = (...args) => printed(start(join(here, '../servers/modern_http.mjs'), args), /(http:\S+)\n/);
const odd = (...args) => printed(start(join(here, 'http_odd_server.mjs'), args), /(https?:\S+)\n/);

function certificate() {
    const key = join(folder, 'key.pem');
    const cert = join(folder, 'cert.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key,
        '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
    return { key, cert };
}

// Runs http_drive; resolves with its exit code and its lines, split at tabs.
function run(url, args = [], through = [drive]) {
    return new Promise((resolve) => {
        const [command, ...first] = through;
        const child = spawn(command, [...first, ...(first.length ? ['{url}'] : [url]), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (chunk) => { text += chunk; });
        child.on('exit', (code) => resolve({ code, text, lines: text.split('\n').map((line) => line.split('\t')) }));
    });
}

let failures = 0;
function expect(name, condition, evidence) {
    if (!condition) {
        failures++;
        console.log(`FAIL  ${name}`);
        console.log(String(evidence).replace(/^/gm, '      '));
    } else {
        console.log(`pass  ${name}`);
    }
}

// Every operation ended as `expected` says ("outcome" or "outcome code"), else ok.
function outcomes(result, expected = {}) {
    const wrong = result.lines.filter(([name, outcome, code]) =>
        outcome !== undefined && !['open', 'total', 'step', 'excluded', 'connection'].includes(name) &&
        !name.startsWith('  ') && !['sent:'].includes(name) &&
        !(Array.isArray(expected[name]) ? expected[name] : [expected[name] ?? 'ok']).some((e) => e === outcome || e === `${outcome} ${code}`));
    return { wrong, opened: result.lines.find(([name]) => name === 'open') ?? [] };
}

function check(name, result, { expected = {}, driver, revision, least = 1, more = () => true } = {}) {
    const { wrong, opened } = outcomes(result, expected);
    const total = Number(/^total\t(\d+) finished/m.exec(result.text)?.[1] ?? 0);
    expect(name, opened[1] === 'ok' && opened[2] === driver && (!revision || opened[3].includes(`MCP ${revision}`)) &&
        wrong.length === 0 && total >= least && more(result), result.text);
}

// A tool that fetches from the Internet, and a prompt whose argument has no schema to generate from.
const everythingExpected = {
    'gzip-file-as-resource': ['tool_error', 'ok'],
    'prompts/get resource-prompt': ['jsonrpc_error -32603', 'ok'],
};
const modernExpected = { insatiable: 'input_required', fail: 'tool_error' };
const all = ['--kind', '*'];

function checkingProxy(revision, url, exit) {
    const schema = join(process.env.MCP_SCHEMA_DIR, `${revision}.json`);
    return [process.execPath, join(here, 'http_check_sent.mjs'), '--schema', schema, '--upstream', url, '--expect', String(exit), '--', drive];
}
const sentRight = (result) => /^0 wrong/m.test(result.text);

const cases = {
    async 'everything-http'() {
        const url = await everything('streamableHttp', '/mcp');
        for (const revision of ['2025-11-25', '2025-06-18', '2025-03-26']) {
            // once is enough of a tool that takes ten seconds (trigger-long-running-operation)
            const names = revision === '2025-11-25' ? '*' : '*[!n]';
            const args = [...all, '--name', names, '--protocol', revision];
            check(`everything, Streamable HTTP, ${revision}`, await run(url, args),
                { expected: everythingExpected, driver: 'mcp_http', revision, least: 38 });
            if (process.env.MCP_SCHEMA_DIR)
                check(`everything, ${revision}, what is sent`, await run(url, args, checkingProxy(revision, url, 1)),
                    { expected: everythingExpected, driver: 'mcp_http', revision, least: 38, more: sentRight });
        }
        check('everything, Streamable HTTP, 10 in flight',
            await run(url, ['--name', '[eg][ce][ht]*', '--users', '5', '--in-flight', '2', '--operations', '600']),
            { expected: everythingExpected, driver: 'mcp_http', least: 600 });
    },
    async 'everything-sse'() {
        const url = await everything('sse', '/sse');
        check('everything, HTTP+SSE found by falling back', await run(url, all),
            { expected: everythingExpected, driver: 'mcp_sse', least: 40 });
        check('everything, HTTP+SSE, 10 in flight',
            await run(url, ['--transport', 'sse', '--name', '[eg][ce][ht]*', '--users', '2', '--in-flight', '5', '--share', '--operations', '600']),
            { expected: everythingExpected, driver: 'mcp_sse', least: 600 });
        const refused = await run(url, ['--transport', 'http']);
        expect('everything, HTTP+SSE, but --transport http', refused.code === 3 && refused.text.includes('HTTP 404'), refused.text);
    },
    async modern() {
        const url = await modern();
        const revision = '2026-07-28';
        check('SDK server, 2026-07-28', await run(url, [...all, '--variants', '3', '--operations', '66']),
            { expected: modernExpected, driver: 'mcp_http', revision, least: 66 });
        check('SDK server, 2026-07-28, 10 in flight',
            await run(url, ['--name', '[!i]*', '--users', '2', '--in-flight', '5', '--operations', '500']),
            { expected: modernExpected, driver: 'mcp_http', revision, least: 500 });
        check('SDK server, templated arguments mirrored in headers',
            await run(url, ['--name', 'region_query', '--operations', '20', '--arguments', '{"region":" r\u00e4g \\"${user} ${random(1,99)}","limit":"${random(-9,9):json}"}']),
            { driver: 'mcp_http', revision, least: 20 });
        if (process.env.MCP_SCHEMA_DIR) {
            check('SDK server, what is sent', await run(url, [...all, '--variants', '3', '--operations', '66'], checkingProxy(revision, url, 1)),
                { expected: modernExpected, driver: 'mcp_http', revision, least: 66, more: sentRight });
            check('SDK server, what is sent of templated arguments',
                await run(url, ['--name', 'region_query', '--operations', '20', '--arguments', '{"region":" r\u00e4g \\"${random(1,99)}","limit":"${random(-9,9):json}"}'], checkingProxy(revision, url, 0)),
                { driver: 'mcp_http', revision, least: 20, more: sentRight });
        }
        const forced = await run(url, ['--protocol', '2025-11-25']);
        expect('SDK server that is modern only, forced legacy', forced.code === 3 && forced.text.includes('open\tfailed'), forced.text);
    },
    async 'dual-era'() {
        const url = await modern('--legacy', 'stateless');
        check('dual-era server is modern unless told', await run(url, ['--name', 'echo']), { driver: 'mcp_http', revision: '2026-07-28' });
        check('dual-era server, forced legacy', await run(url, ['--name', 'echo', '--protocol', '2025-06-18', '--users', '3', '--operations', '30']),
            { driver: 'mcp_http', revision: '2025-06-18', least: 30 });
    },
    async 'sse-faults'() {
        const base = await printed(start(join(here, 'http_sse_server.mjs')), /(http:\S+)\n/);
        const connecting = {
            'other-origin': 'another origin', 'no-endpoint': 'no "endpoint" event', 'not-a-stream': 'text/html',
            refuses: 'HTTP 403',
        };
        for (const [path, says] of Object.entries(connecting)) {
            const result = await run(`${base}/${path}`, ['--transport', 'sse', '--connect-timeout', '500']);
            expect(`HTTP+SSE, ${path}`, result.code === 3 && result.text.includes(says), result.text);
        }
        const calling = {
            '': 'ok', early: 'ok', duplicate: 'ok', asks: 'ok', 'refuses-posts': 'http_status 500',
            ends: 'connection_reset', 'wrong-id': 'protocol_violation', garbage: 'protocol_violation',
        };
        for (const [path, outcome] of Object.entries(calling))
            check(`HTTP+SSE, ${path || 'right'}`,
                await run(`${base}/${path}`, ['--transport', 'sse', '--users', '2', '--operations', '12', '--timeout', '1000']),
                { expected: { tool: outcome }, driver: 'mcp_sse', revision: '2024-11-05', least: 12 });
    },
    async odd() {
        for (const [kind, url, flags] of await oddServers()) {
            const counts = async () => JSON.parse(execFileSync('curl', ['-sk', url.replace(/mcp$/, 'counts')]));
            check(`odd server, ${kind}, 2025-03-26`, await run(url, [...flags, '--protocol', '2025-03-26', '--name', '[!c]*', '--timeout', '1500', '--pause', '60']),
                { expected: { slow: 'timeout' }, driver: 'mcp_http', revision: '2025-03-26', least: 12 });
            const seen = await counts();
            expect(`odd server, ${kind}, what it saw`,
                seen.initialize === 3 && seen.initialized === 3 && // ours in open, the user's, the user's renewed
                seen.deleted === 2 && // the third had expired
                seen.cancelled === 1 && // slow
                seen.answers.result >= 4 && // asks, asks_on_get, a ping on each GET stream
                seen.resumed.filter((id) => id === 'event').length === 4 && seen.resumed.includes('get') &&
                !('2025-03-26' in seen.versions), JSON.stringify(seen, null, 1));
            check(`odd server, ${kind}, 2025-11-25, 9 in flight`, await run(url, [...flags, '--name', '[!bce]*', '--users', '3', '--in-flight', '3', '--share', '--operations', '90', '--timeout', '1500']),
                // between two GET streams there is none to be asked on
                { expected: { slow: 'timeout', asks_on_get: ['ok', 'tool_error'] }, driver: 'mcp_http', least: 90 });
            check(`odd server, ${kind}, cancelling`, await run(url, [...flags, '--name', 'slow', '--users', '2', '--in-flight', '2', '--share', '--operations', '20', '--cancel-after', '20']),
                { expected: { slow: 'cancelled' }, driver: 'mcp_http', least: 20 });
            const changed = await run(url, [...flags, '--kind', '[ts]*', '--name', '[sc][eh]*']);
            check(`odd server, ${kind}, becomes modern meanwhile`, changed,
                { expected: { session_churn: 'protocol_violation' }, driver: 'mcp_http', least: 2, more: ({ text }) => text.includes('era_changed') });
        }
    },
};

async function oddServers() {
    const { key, cert } = certificate();
    const untrusted = await odd('--tls', key, cert);
    const refused = await run(untrusted);
    expect('TLS, an unknown authority', refused.code === 3 && refused.text.includes('--cacert'), refused.text);
    return [
        ['HTTP/1.1', await odd(), []],
        ['HTTP/2', untrusted, ['--cacert', cert]],
    ];
}

try {
    for (const [name, body] of Object.entries(cases))
        if (only.length === 0 || only.includes(name))
            await body();
} catch (error) {
    failures++;
    console.log(error);
} finally {
    for (const child of children)
        child.kill();
    rmSync(folder, { recursive: true, force: true });
}
process.exit(failures ? 1 : 0);
