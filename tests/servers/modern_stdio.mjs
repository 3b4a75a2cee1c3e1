// modern_server.mjs over stdio. Arguments: --legacy serve|reject (what happens to initialize;
// reject by default, so that a client that falls back is found out), --start-delay MS.
import { makeServer, require } from './modern_server.mjs';

const { serveStdio } = require('@modelcontextprotocol/server/stdio');
const argument = (name, otherwise) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? otherwise : process.argv[at + 1];
};

await new Promise((resolve) => setTimeout(resolve, Number(argument('--start-delay', 0))));
serveStdio(makeServer, { legacy: argument('--legacy', 'reject') });
