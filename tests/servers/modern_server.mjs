// The server both modern_stdio.mjs and modern_http.mjs serve: a little of everything that revision
// 2026-07-28 knows, made with the official SDK. Its tools are the cases a client has to handle.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const sdk = require('@modelcontextprotocol/server');
const { z } = require('zod');
const { McpServer, ResourceTemplate, acceptedContent, completable, fromJsonSchema, inputRequired, inputResponse } = sdk;

export { require, sdk };

const text = (value) => ({ content: [{ type: 'text', text: String(value) }] });

const object = (properties, required = Object.keys(properties)) =>
    fromJsonSchema({ type: 'object', properties, required, additionalProperties: false });

function addTools(server) {
    server.registerTool('echo', {
        description: 'Answers what it was given',
        inputSchema: object({ message: { type: 'string' } }),
        annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
    }, async ({ message }) => text(message));

    server.registerTool('weather', {
        description: 'Structured content under an outputSchema',
        inputSchema: object({ city: { type: 'string', minLength: 1 } }),
        outputSchema: object({ city: { type: 'string' }, temperature: { type: 'number' } }),
        annotations: { readOnlyHint: true },
    }, async ({ city }) => ({ ...text(`22.5 in ${city}`), structuredContent: { city, temperature: 22.5 } }));

    server.registerTool('numbers', {
        description: 'Structured content that is an array',
        inputSchema: object({ count: { type: 'integer', minimum: 0, maximum: 20 } }),
        outputSchema: fromJsonSchema({ type: 'array', items: { type: 'integer' } }),
        annotations: { readOnlyHint: true },
    }, async ({ count }) => {
        const structuredContent = Array.from({ length: count }, (_, i) => i);
        return { ...text(structuredContent), structuredContent };
    });

    server.registerTool('region_query', {
        description: 'Parameters that have to be mirrored into headers over HTTP',
        inputSchema: object({
            region: { type: 'string', maxLength: 40, 'x-mcp-header': 'Region' },
            limit: { type: 'integer', minimum: -10, maximum: 10, 'x-mcp-header': 'Limit' },
            options: {
                type: 'object',
                properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry' } },
            },
        }, ['region', 'limit']),
        annotations: { readOnlyHint: true },
    }, async ({ region, limit }) => text(`${region}: ${limit}`));

    server.registerTool('greet', {
        description: 'Asks for a name by elicitation, in one round',
        inputSchema: object({}),
    }, async (_, ctx) => {
        const form = acceptedContent(ctx.mcpReq.inputResponses, 'who');
        if (form)
            return text(`Hello ${form.name}, ${form.mood}`);
        return inputRequired({
            requestState: 'state "one" \u00e9',
            inputRequests: {
                who: inputRequired.elicit({
                    message: 'Who are you?',
                    requestedSchema: {
                        type: 'object',
                        properties: {
                            name: { type: 'string', default: 'Ada' },
                            mood: { type: 'string', enum: ['calm', 'merry'], default: 'merry' },
                        },
                        required: ['name'],
                    },
                }),
            },
        });
    });

    server.registerTool('survey', {
        description: 'Asks for sampling, then for roots, in two rounds',
        inputSchema: object({}),
    }, async (_, ctx) => {
        const responses = ctx.mcpReq.inputResponses ?? {};
        if (responses.roots)
            return text(`roots: ${responses.roots.roots.length}`);
        if (responses.words)
            return inputRequired({ inputRequests: { roots: inputRequired.listRoots() } });
        return inputRequired({
            inputRequests: {
                words: inputRequired.createMessage({
                    messages: [{ role: 'user', content: { type: 'text', text: 'A word, please' } }],
                    maxTokens: 10,
                }),
            },
        });
    });

    server.registerTool('insatiable', {
        description: 'Asks again without end: the client has to give up',
        inputSchema: object({}),
    }, async () => inputRequired({ requestState: 'again' }));

    server.registerTool('fail', {
        description: 'Reports an error of its own',
        inputSchema: object({}),
    }, async () => ({ ...text('nothing works today'), isError: true }));

    server.registerTool('erase', {
        description: 'Says that it destroys',
        inputSchema: object({}),
        annotations: { destructiveHint: true },
    }, async () => text('gone'));

    server.registerTool('slow', {
        description: 'Takes as long as it is told',
        inputSchema: object({ ms: { type: 'integer', minimum: 0, maximum: 100 } }),
        annotations: { readOnlyHint: true },
    }, async ({ ms }) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        return text(`slept ${ms}`);
    });
}

function addOthers(server) {
    server.registerResource('readme', 'memo://readme', { description: 'A text' }, async (uri) => ({
        contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'read me' }],
    }));
    server.registerResource('note', new ResourceTemplate('memo://notes/{id}', { list: undefined }), {
        description: 'A note by its number',
    }, async (uri, { id }) => ({ contents: [{ uri: uri.href, text: `note ${id}` }] }));
    server.registerPrompt('review', {
        description: 'A prompt with a completable argument',
        argsSchema: z.object({
            language: completable(z.string(), (value) => ['c', 'cobol', 'rust'].filter((l) => l.startsWith(value))),
        }),
    }, async ({ language }) => ({
        messages: [{ role: 'user', content: { type: 'text', text: `Review this ${language}` } }],
    }));
    server.registerPrompt('plain', { description: 'A prompt without arguments' }, async () => ({
        messages: [{ role: 'user', content: { type: 'text', text: 'Go on' } }],
    }));
}

export function makeServer() {
    const server = new McpServer({ name: 'modern-test-server', version: '1.0.0' });
    addTools(server);
    addOthers(server);
    return server;
}
