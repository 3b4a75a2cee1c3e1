// A legacy server that uses every liberty the revisions give it: batches, GET streams that are cut and
// taken up again, sessions that expire, requests of its own, answers that are resumed by GET. It keeps
// count of what the client did, at /counts.
//
//   node http_odd_server.mjs [--tls KEY CERT]      prints its URL; with TLS it speaks HTTP/2 too
import http from 'node:http';
import http2 from 'node:http2';
import { readFileSync } from 'node:fs';

const tools = ['plain', 'batch', 'batch_stream', 'stream', 'left_open', 'resumed', 'resumed_twice', 'torn', 'expires', 'asks', 'asks_on_get', 'slow', 'refused', 'changes_era'];
const sessions = new Map();
const counts = { initialize: 0, initialized: 0, deleted: 0, gets: 0, resumed: [], answers: {}, cancelled: 0, unknownSession: 0, versions: {} };
const pending = new Map(); // event id -> what to send when the stream is resumed
let number = 0;
let modernNow = false;

const result = (id, text) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
const notification = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } };

function json(response, status, body, headers = {}) {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
}

function stream(response) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders?.();
    return response;
}

const event = (response, data, id) => response.write(`${id ? `id: ${id}\n` : ''}data: ${data === null ? '' : JSON.stringify(data)}\n\n`);

function initialize(response, message) {
    const session = { id: `session-${++number}`, get: null, asked: new Map() };
    sessions.set(session.id, session);
    counts.initialize++;
    json(response, 200, {
        jsonrpc: '2.0', id: message.id,
        result: { protocolVersion: message.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'odd', version: '1' } },
    }, { 'mcp-session-id': session.id });
}

function call(response, message, session) {
    const { id, params: { name } } = message;
    switch (name) {
    case 'batch':
        return json(response, 200, [notification, result(id, 'first of a batch')]);
    case 'batch_stream': {
        const body = stream(response);
        event(body, [notification, notification]);
        event(body, [result(id, 'in a batch')]);
        return body.end();
    }
    case 'stream': {
        const body = stream(response);
        body.write(': a comment\n\n');
        event(body, notification);
        event(body, result(id, 'by stream'));
        return body.end();
    }
    case 'left_open':
        return event(stream(response), result(id, 'and then nothing'));
    case 'resumed':
    case 'resumed_twice': {
        const eventId = `event-${++number}`;
        pending.set(eventId, { message: result(id, 'resumed'), again: name === 'resumed_twice' });
        const body = stream(response);
        body.write('retry: 20\n');
        event(body, null, eventId);
        return body.end();
    }
    case 'torn': { // the connection goes in the middle of a message
        const eventId = `event-${++number}`;
        pending.set(eventId, { message: result(id, 'mended') });
        const body = stream(response);
        body.write(`retry: 20\nid: ${eventId}\ndata:\n\ndata: {"jsonrpc":"2.`);
        return setTimeout(() => (response.stream ?? response.socket).destroy(), 20).unref();
    }
    case 'expires': // once per session: the first call of each finds it gone
        if (session.old)
            return json(response, 200, result(id, 'renewed'));
        sessions.delete(session.id);
        number++;
        sessions.next = true;
        return response.writeHead(404).end();
    case 'asks': {
        const body = stream(response);
        session.asked.set(`ask-${id}`, () => { event(body, result(id, 'thank you')); body.end(); });
        return event(body, { jsonrpc: '2.0', id: `ask-${id}`, method: 'roots/list' });
    }
    case 'asks_on_get':
        if (!session.get)
            return json(response, 200, { ...result(id, 'no GET stream'), result: { content: [], isError: true } });
        session.asked.set(`ask-${id}`, () => json(response, 200, result(id, 'thank you')));
        return event(session.get, { jsonrpc: '2.0', id: `ask-${id}`, method: 'ping' });
    case 'slow':
        return setTimeout(() => json(response, 200, result(id, 'at last')), 2000).unref();
    case 'refused': // over HTTP/2: every other time, as a server does that is about to close the connection
        if (response.stream && (counts.refused = (counts.refused ?? 0) + 1) % 2)
            return response.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
        return json(response, 200, result(id, 'at the second attempt'));
    case 'changes_era':
        modernNow = true;
        return json(response, 200, result(id, 'from now on modern'));
    default:
        return json(response, 200, result(id, 'plain'));
    }
}

function post(request, response, text) {
    const message = JSON.parse(text);
    if (modernNow)
        return json(response, message.method === 'initialize' ? 400 : 200, message.method === 'server/discover'
            ? { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} } }
            : { jsonrpc: '2.0', id: message.id, error: { code: -32022, message: 'Unsupported protocol version', data: { supported: ['2026-07-28'] } } });
    if (message.method === 'initialize')
        return initialize(response, message);
    if (message.params?._meta?.['io.modelcontextprotocol/protocolVersion'])
        return json(response, 400, { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Server not initialized' } });
    const session = sessions.get(request.headers['mcp-session-id']);
    if (!session) {
        counts.unknownSession++;
        return json(response, 404, { jsonrpc: '2.0', id: message.id, error: { code: -32001, message: 'Session not found' } });
    }
    const version = request.headers['mcp-protocol-version'] ?? 'none';
    counts.versions[version] = (counts.versions[version] ?? 0) + 1;
    if (message.method === undefined) {
        const kind = message.error ? 'error' : 'result';
        counts.answers[kind] = (counts.answers[kind] ?? 0) + 1;
        session.asked.get(message.id)?.();
        return response.writeHead(202).end();
    }
    if (message.id === undefined) {
        counts.initialized += message.method === 'notifications/initialized';
        counts.cancelled += message.method === 'notifications/cancelled';
        if (sessions.next && message.method === 'notifications/initialized') {
            session.old = true;
            sessions.next = false;
        }
        return response.writeHead(202).end();
    }
    if (message.method === 'tools/list')
        return json(response, 200, { jsonrpc: '2.0', id: message.id, result: { tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) } });
    if (message.method === 'tools/call')
        return call(response, message, session);
    return json(response, 200, { jsonrpc: '2.0', id: message.id, result: {} });
}

function get(request, response) {
    const session = sessions.get(request.headers['mcp-session-id']);
    if (!session)
        return response.writeHead(404).end();
    const last = request.headers['last-event-id'];
    if (last)
        counts.resumed.push(last.replace(/-.*/, ''));
    const waiting = pending.get(last);
    const body = stream(response);
    if (waiting?.again) { // cut once more, with a new id
        pending.set(`${last}b`, { message: waiting.message });
        body.write('retry: 10\n');
        event(body, null, `${last}b`);
        return body.end();
    }
    if (waiting) {
        pending.delete(last);
        event(body, waiting.message, `${last}c`);
        return body.end();
    }
    counts.gets++;
    session.get = body;
    body.write('retry: 30\n');
    event(body, null, `get-${session.id}`);
    event(body, { jsonrpc: '2.0', id: 'hello', method: 'ping' });
    if (!last) // the first one is cut
        setTimeout(() => { session.get = null; body.end(); }, 300).unref();
    return undefined;
}

function handle(request, response) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', () => {
        if (request.url === '/counts')
            return json(response, 200, counts);
        if (request.method === 'POST')
            return post(request, response, Buffer.concat(chunks).toString());
        if (request.method === 'GET')
            return get(request, response);
        counts.deleted += sessions.delete(request.headers['mcp-session-id']);
        return response.writeHead(200).end();
    });
}

const tls = process.argv.indexOf('--tls');
const server = tls < 0 ? http.createServer(handle) : http2.createSecureServer({
    key: readFileSync(process.argv[tls + 1]), cert: readFileSync(process.argv[tls + 2]), allowHTTP1: true,
}, handle);
server.listen(0, '127.0.0.1', () => {
    console.log(`${tls < 0 ? 'http' : 'https'}://127.0.0.1:${server.address().port}/mcp`);
});
