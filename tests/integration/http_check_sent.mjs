// Stands between a client and a server over HTTP, and checks every request the client sends: its body
// against the JSON Schema of the revision, its headers against the specification's pages.
//
//   node http_check_sent.mjs --schema schema.json --upstream http://127.0.0.1:PORT/mcp -- CLIENT ARGS...
//
// `{url}` in ARGS becomes the URL of this proxy. Prints what is wrong and a summary; exit 0 when all
// requests were right and the client exited 0 (or with --expect CODE, that).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import http from 'node:http';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const Ajv2020 = require('ajv/dist/2020').default;
const Ajv = require('ajv').default;
const addFormats = require('ajv-formats').default;

const split = process.argv.indexOf('--');
const options = {};
for (let i = 2; i < split; i += 2)
    options[process.argv[i].slice(2)] = process.argv[i + 1];
const [command, ...commandArguments] = process.argv.slice(split + 1);

const schema = JSON.parse(readFileSync(options.schema, 'utf8'));
const definitions = schema.$defs ? '$defs' : 'definitions';
const ajv = new (schema.$defs ? Ajv2020 : Ajv)({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(schema, 'mcp');

// method -> name of its definition
const byMethod = {};
for (const [name, definition] of Object.entries(schema[definitions])) {
    const method = definition.properties?.method?.const;
    if (method)
        byMethod[method] = name;
}

const problems = [];
const counts = {};
const ids = new Map(); // session id -> ids used in it; in the modern era, ids without an answer
let legacyVersion = null;
let sessionId = null;
const states = new Map(); // name of the operation -> requestState of its last answer

function complain(what, body) {
    problems.push(what);
    console.log(`WRONG ${what}: ${JSON.stringify(body)?.slice(0, 600)}`);
}

function decodeHeader(value) {
    const match = /^=\?base64\?(.*)\?=$/.exec(value ?? '');
    return match ? Buffer.from(match[1], 'base64').toString('utf8') : value;
}

// Ids are unique within a session; without sessions, among the requests not answered yet.
function checkId(request, body) {
    const scope = request.headers['mcp-session-id'] ?? (body.method === 'initialize' ? {} : '');
    const used = ids.get(scope) ?? new Set();
    if (used.has(body.id))
        complain(`id ${body.id} was used before`, body);
    used.add(body.id);
    ids.set(scope, used);
}

function checkBody(request, body) {
    if (Array.isArray(body))
        return complain('a batch was sent', body);
    const definition = byMethod[body.method];
    if (body.method === undefined) {
        if (!('id' in body) || !('result' in body || 'error' in body))
            complain('neither request, notification nor response', body);
        return;
    }
    if (!definition && body.method !== 'notifications/cancelled')
        return complain(`unknown method ${body.method}`, body);
    const validate = ajv.getSchema(`mcp#/${definitions}/${definition}`);
    if (!validate(body))
        complain(`${body.method} does not match ${definition}: ${ajv.errorsText(validate.errors)}`, body);
    for (const member of Object.keys(body))
        if (!['jsonrpc', 'id', 'method', 'params'].includes(member))
            complain(`${member} does not belong into a request`, body);
    if ('id' in body)
        checkId(request, body);
}

function mirrored(tool, value, path = []) {
    let found = [];
    for (const [name, property] of Object.entries(tool?.properties ?? {})) {
        if (property['x-mcp-header'])
            found.push([`mcp-param-${property['x-mcp-header'].toLowerCase()}`, value?.[name]]);
        found = found.concat(mirrored(property, value?.[name], [...path, name]));
    }
    return found;
}

const tools = new Map();

function checkModern(request, body) {
    const headers = request.headers;
    const meta = body.params?._meta ?? {};
    const version = meta['io.modelcontextprotocol/protocolVersion'];
    if (headers['mcp-protocol-version'] !== version)
        complain(`MCP-Protocol-Version ${headers['mcp-protocol-version']} but ${version} in _meta`, body);
    if (headers['mcp-method'] !== body.method)
        complain(`Mcp-Method ${headers['mcp-method']}`, body);
    const name = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }[body.method];
    const expected = name ? body.params[name] : undefined;
    if (decodeHeader(headers['mcp-name']) !== expected)
        complain(`Mcp-Name ${headers['mcp-name']}, expected ${expected}`, body);
    if ('mcp-session-id' in headers)
        complain('a session id in the modern era', body);
    if (!('id' in body) || body.method === undefined)
        complain('neither notifications nor responses are sent in the modern era over HTTP', body);
    if (!meta['io.modelcontextprotocol/clientInfo']?.name)
        complain('no clientInfo', body);
    for (const capability of ['elicitation', 'sampling', 'roots'])
        if (!meta['io.modelcontextprotocol/clientCapabilities']?.[capability])
            complain(`capability ${capability} is not declared`, body);
    const params = Object.fromEntries(Object.entries(headers).filter(([key]) => key.startsWith('mcp-param-')));
    for (const [header, value] of mirrored(tools.get(body.params?.name), body.params?.arguments)) {
        const sent = decodeHeader(params[header]);
        delete params[header];
        if (value === undefined || value === null ? sent !== undefined : sent !== String(value))
            complain(`${header} is ${sent}, expected ${value}`, body);
    }
    if (Object.keys(params).length)
        complain(`superfluous ${Object.keys(params)}`, body);
    const key = `${body.method} ${expected}`;
    if (body.params?.inputResponses || body.params?.requestState !== undefined) {
        counts['(retries)'] = (counts['(retries)'] ?? 0) + 1;
        if (body.params.requestState !== states.get(key))
            complain(`requestState ${body.params.requestState}, expected ${states.get(key)}`, body);
    }
    return key;
}

function checkLegacy(request, body) {
    const headers = request.headers;
    for (const header of ['mcp-method', 'mcp-name'])
        if (header in headers)
            complain(`${header} in the legacy era`, body);
    if (body?.method === 'initialize') {
        if ('mcp-session-id' in headers || 'mcp-protocol-version' in headers)
            complain('initialize carries headers of a session', body);
        return;
    }
    if (sessionId && !headers['mcp-session-id'])
        complain('no Mcp-Session-Id', body);
    const expected = legacyVersion >= '2025-06-18' ? legacyVersion : undefined;
    if (headers['mcp-protocol-version'] !== expected)
        complain(`MCP-Protocol-Version ${headers['mcp-protocol-version']}, expected ${expected}`, body);
}

function checkRequest(request, text) {
    const accept = request.headers.accept ?? '';
    let body = null;
    counts[request.method] = (counts[request.method] ?? 0) + 1;
    if (request.method === 'POST') {
        if (request.headers['content-type'] !== 'application/json')
            complain(`Content-Type ${request.headers['content-type']}`, text);
        if (!accept.includes('application/json') || !accept.includes('text/event-stream'))
            complain(`Accept ${accept}`, text);
        try {
            body = JSON.parse(text);
        } catch (error) {
            complain(`no JSON: ${error.message}`, text);
            return {};
        }
    } else if (request.method === 'GET' && accept !== 'text/event-stream') {
        complain(`Accept ${accept} of a GET`, null);
    }
    const modern = body?.params?._meta?.['io.modelcontextprotocol/protocolVersion'];
    const schemaIsModern = definitions === '$defs' && 'DiscoverRequest' in schema.$defs;
    if (!modern === !schemaIsModern) {
        if (body)
            checkBody(request, body);
        counts[body?.method ?? '(response)'] = (counts[body?.method ?? '(response)'] ?? 0) + 1;
    } else if (body?.method !== 'server/discover') {
        complain('a request of another era', body);
    }
    return { body, key: modern ? checkModern(request, body) : checkLegacy(request, body) };
}

function learn(key, body, response, text) {
    sessionId = response.headers['mcp-session-id'] ?? sessionId;
    for (const line of text.startsWith('{') ? [text] : text.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5))) {
        let message;
        try {
            message = JSON.parse(line);
        } catch {
            continue;
        }
        if (message.method === undefined && !sessionId)
            ids.get('')?.delete(message.id);
        if (body?.method === 'initialize' && message.result)
            legacyVersion = message.result.protocolVersion;
        if (body?.method === 'tools/list' && message.result)
            for (const tool of message.result.tools)
                tools.set(tool.name, tool.inputSchema);
        if (message.result?.resultType === 'input_required')
            states.set(key, message.result.requestState);
    }
}

const upstream = new URL(options.upstream);
const proxy = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
        const sent = Buffer.concat(chunks);
        const { body, key } = checkRequest(request, sent.toString('utf8'));
        const forward = http.request({
            host: upstream.hostname,
            port: upstream.port,
            path: upstream.pathname,
            method: request.method,
            headers: { ...request.headers, host: upstream.host },
        }, (answer) => {
            const received = [];
            response.writeHead(answer.statusCode, answer.headers);
            response.flushHeaders();
            answer.on('data', (chunk) => {
                received.push(chunk);
                learn(key, body, answer, Buffer.concat(received).toString('utf8'));
                response.write(chunk);
            });
            answer.on('end', () => {
                learn(key, body, answer, Buffer.concat(received).toString('utf8'));
                response.end();
            });
            answer.on('error', () => response.destroy());
        });
        forward.on('error', () => response.destroy());
        response.on('close', () => forward.destroy());
        forward.end(sent);
    });
});

proxy.listen(0, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${proxy.address().port}${upstream.pathname}`;
    const client = spawn(command, commandArguments.map((a) => a.replace('{url}', url)), {
        stdio: ['ignore', options.quiet ? 'ignore' : 'inherit', 'inherit'],
    });
    client.on('exit', (code) => {
        console.log(`sent: ${JSON.stringify(counts)}`);
        console.log(`${problems.length} wrong, client exited ${code}`);
        process.exit(problems.length || code !== Number(options.expect ?? 0) ? 1 : 0);
    });
});
