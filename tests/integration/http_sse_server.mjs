// HTTP+SSE (2024-11-05) that goes wrong in the way its path names. Prints its URL without a path.
//   /other-origin /no-endpoint /not-a-stream /refuses   while connecting
//   /ends /wrong-id /garbage /duplicate /early /refuses-posts /asks   in answer to tools/call
import http from 'node:http';

const streams = new Map();
let number = 0;

const event = (stream, data) => stream.write(`event: message\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);

function open(path, response) {
    if (path === '/refuses')
        return response.writeHead(403).end();
    response.writeHead(200, { 'content-type': path === '/not-a-stream' ? 'text/html' : 'text/event-stream' });
    if (path === '/not-a-stream')
        return response.end('<html></html>');
    if (path === '/no-endpoint')
        return response.write(': nothing comes\n\n');
    const id = String(++number);
    streams.set(id, { path, response, asked: null });
    const origin = path === '/other-origin' ? 'http://127.0.0.1:9' : '';
    return response.write(`event: endpoint\ndata: ${origin}/post?id=${id}\n\n`);
}

function answer(stream, message, accepted) {
    const { path, response } = stream;
    const reply = { jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text: 'hi' }] } };
    if (message.method === 'initialize')
        reply.result = { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'sse', version: '1' } };
    if (message.method === 'tools/list')
        reply.result = { tools: [{ name: 'tool', inputSchema: { type: 'object' } }] };
    const plain = message.method !== 'tools/call';
    if (plain || path === '/early' || path === '/duplicate') {
        event(response, reply);
        if (!plain && path === '/duplicate')
            event(response, reply);
        return setTimeout(accepted, plain ? 0 : 30);
    }
    if (path === '/refuses-posts')
        return accepted(500);
    accepted();
    if (path === '/ends')
        return response.end();
    if (path === '/wrong-id')
        return event(response, { ...reply, id: 'nobody' });
    if (path === '/garbage')
        return event(response, '{"jsonrpc":');
    if (path === '/asks') {
        stream.asked = reply;
        return event(response, { jsonrpc: '2.0', id: 'q', method: 'roots/list' });
    }
    return event(response, reply);
}

const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
        if (request.method === 'GET')
            return open(url.pathname, response);
        const stream = streams.get(url.searchParams.get('id'));
        if (!stream)
            return response.writeHead(404).end();
        const message = JSON.parse(Buffer.concat(chunks).toString());
        const accepted = (status = 202) => response.writeHead(status).end(status === 202 ? 'Accepted' : 'no');
        if (message.method === undefined && stream.asked)
            event(stream.response, stream.asked);
        if (message.method === undefined || message.id === undefined)
            return accepted();
        return answer(stream, message, accepted);
    });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
