// burrow's server as clients that others wrote see it: the official SDKs of both eras, over HTTP and stdio.
//
//   node burrow_clients.mjs BURROW_TEST_SERVER
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const npm = join(dirname(fileURLToPath(import.meta.url)), '../npm');
if (!existsSync(join(npm, 'node_modules/@modelcontextprotocol'))) {
    console.log("burrow_clients: tests/npm/node_modules is missing; run 'make deps'");
    process.exit(77);
}
const require = createRequire(join(npm, 'package.json'));
const modern = require('@modelcontextprotocol/client');
const modernStdio = require('@modelcontextprotocol/client/stdio');
const legacy = {
    ...require('@modelcontextprotocol/sdk/client/index.js'),
    ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    ...require('@modelcontextprotocol/sdk/client/stdio.js'),
};

const program = process.argv[2];
const options = ['serve', '--data', ':memory:'];
const server = spawn(program, [...options, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = new Promise((resolve) => server.on('exit', (code) => resolve(code)));
const { value: line } = await createInterface(server.stdout)[Symbol.asyncIterator]().next();
const url = new URL(/http:\S+/.exec(line)[0]);
const child = { command: program, args: [...options, '--stdio'] };
const information = { name: 'burrow-test', version: '1.0.0' };

// What every client must get, whatever its era.
async function everything(client) {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), ['count', 'echo', 'fail', 'keep']);
    const echoed = await client.callTool({ name: 'echo', arguments: { text: 'a "é"' } });
    assert.deepEqual(echoed.structuredContent, { text: 'a "é"' });
    const failed = await client.callTool({ name: 'fail', arguments: {} });
    assert.equal(failed.isError, true);
    await assert.rejects(client.callTool({ name: 'none', arguments: {} }), /none/);
    const kept = await client.callTool({ name: 'keep', arguments: { text: 'remember' } });
    const uri = `memory://${kept.structuredContent.id}`;
    const { resources } = await client.listResources();
    assert.ok(resources.some((resource) => resource.uri === uri));
    const { contents } = await client.readResource({ uri });
    assert.equal(JSON.parse(contents[0].text).content, 'remember');
    await assert.rejects(client.readResource({ uri: 'memory://999999' }), /no resource/);
    assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 3);
    const { prompts } = await client.listPrompts();
    assert.ok(prompts.some((prompt) => prompt.name === 'recall'));
    const prompt = await client.getPrompt({ name: 'recall', arguments: { topic: 'bees' } });
    assert.match(prompt.messages[0].content.text, /bees/);
    const { completion } = await client.complete({
        ref: { type: 'ref/prompt', name: 'explain_tool' }, argument: { name: 'tool', value: 'ec' },
    });
    assert.deepEqual(completion.values, ['echo']);
}

const modernCall = (client, params, options) => client.callTool(params, options);
const legacyCall = (client, params, options) => client.callTool(params, undefined, options);

// Progress comes while a call runs; one that is aborted leaves nothing behind.
async function progressAndCancellation(client, call) {
    const steps = [];
    const counted = await call(client, { name: 'count', arguments: { steps: 300 } },
        { onprogress: ({ progress, total }) => steps.push([progress, total]) });
    assert.deepEqual(counted.structuredContent, { counted: 300 });
    // the client drops what comes in one piece with the answer
    assert.ok(steps.length > 2 && steps.every(([, total]) => total === 300), `${steps}`);
    const { resources } = await client.listResources();
    const abort = new AbortController();
    await assert.rejects(call(client, { name: 'count', arguments: { steps: 100000 } },
        { signal: abort.signal, onprogress: () => abort.abort() }));
    assert.equal((await client.listResources()).resources[0].uri, resources[0].uri);
}

// The stream of a legacy session: log messages, a resource that is subscribed to, the list.
async function legacyNotifications(client, schemas) {
    const heard = [];
    const told = new Promise((resolve) => {
        for (const schema of Object.values(schemas))
            client.setNotificationHandler(schema, ({ method }) => {
                heard.push(method);
                if (new Set(heard).size === 3)
                    resolve();
            });
    });
    await client.setLoggingLevel('debug');
    const kept = await client.callTool({ name: 'keep', arguments: { text: 'first' } });
    await client.subscribeResource({ uri: `memory://${kept.structuredContent.id + 1}` });
    await client.callTool({ name: 'keep', arguments: { text: 'second' } });
    await told;
    await client.unsubscribeResource({ uri: `memory://${kept.structuredContent.id + 1}` });
    assert.ok(client.getServerCapabilities().resources.subscribe);
}

async function subscription(client) {
    const listed = new Promise((resolve) =>
        client.setNotificationHandler('notifications/resources/list_changed', resolve));
    const open = await client.listen({ resourcesListChanged: true });
    assert.equal(open.honoredFilter.resourcesListChanged, true);
    await client.callTool({ name: 'keep', arguments: { text: 'told' } });
    await listed;
    await open.close();
    assert.equal(await open.closed, 'local');
}

const cases = {
    'modern, HTTP': [modern.Client, { mode: { pin: '2026-07-28' } }, () => new modern.StreamableHTTPClientTransport(url)],
    'modern, stdio': [modern.Client, { mode: { pin: '2026-07-28' } }, () => new modernStdio.StdioClientTransport(child)],
    'either era, HTTP': [modern.Client, { mode: 'auto' }, () => new modern.StreamableHTTPClientTransport(url)],
    'either era, stdio': [modern.Client, { mode: 'auto' }, () => new modernStdio.StdioClientTransport(child)],
    'legacy, HTTP': [legacy.Client, null, () => new legacy.StreamableHTTPClientTransport(url)],
    'legacy, stdio': [legacy.Client, null, () => new legacy.StdioClientTransport(child)],
};
let failures = 0;
for (const [name, [Client, versionNegotiation, transport]] of Object.entries(cases)) {
    const client = new Client(information, versionNegotiation ? { versionNegotiation } : {});
    try {
        const carrier = transport();
        await client.connect(carrier);
        assert.equal(client.getServerVersion().name, 'burrow');
        await everything(client);
        await progressAndCancellation(client, versionNegotiation ? modernCall : legacyCall);
        if (versionNegotiation)
            await subscription(client);
        else {
            const types = require('@modelcontextprotocol/sdk/types.js');
            await legacyNotifications(client, {
                log: types.LoggingMessageNotificationSchema,
                list: types.ResourceListChangedNotificationSchema,
                resource: types.ResourceUpdatedNotificationSchema,
            });
            await client.ping();
            await client.setLoggingLevel('info');
            await carrier.terminateSession?.();
        }
        await client.close();
        console.log(`ok   ${name}`);
    } catch (error) {
        failures++;
        console.log(`FAIL ${name}: ${error.stack}`);
    }
}
server.kill('SIGTERM');
assert.equal(await ended, 0);
process.exit(failures ? 1 : 0);
