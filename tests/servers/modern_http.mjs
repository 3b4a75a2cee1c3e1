// modern_server.mjs over Streamable HTTP on 127.0.0.1, path /mcp. Arguments: --port N (0: any free
// one), --legacy stateless|reject (reject by default). Prints the URL once it listens.
import { createServer } from 'node:http';
import { makeServer, require, sdk } from './modern_server.mjs';

const { localhostHostValidation, localhostOriginValidation, toNodeHandler } = require('@modelcontextprotocol/node');
const argument = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : process.argv[at + 1];
};

const handler = toNodeHandler(sdk.createMcpHandler(makeServer, { legacy: argument('--legacy', 'reject') }));
const hostAllowed = localhostHostValidation();
const originAllowed = localhostOriginValidation();

const server = createServer((request, response) => {
    if (!hostAllowed(request, response) || !originAllowed(request, response))
        return;
    if (new URL(request.url, 'http://localhost').pathname !== '/mcp') {
        response.writeHead(404).end();
        return;
    }
    handler(request, response);
});
server.listen(Number(argument('--port', 0)), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/mcp`);
});
