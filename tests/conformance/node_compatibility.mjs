// The conformance suite is bundled for Node.js 22 and imports fs.globSync, which only its commands for
// servers use. On an older Node.js this gives it a name to import, so that its client scenarios run.
//   node --import ./node_compatibility.mjs .../conformance/dist/index.js client ...
import fs from 'node:fs';
import { register } from 'node:module';

const source = `
export * from 'node:fs';
export { default } from 'node:fs';
export function globSync() { throw new Error('fs.globSync needs Node.js 22'); }
`;
const hooks = `
export async function resolve(specifier, context, next) {
    if (specifier === 'fs' && context.parentURL?.includes('@modelcontextprotocol/conformance'))
        return { url: 'compatibility:fs', format: 'module', shortCircuit: true };
    return next(specifier, context);
}
export async function load(url, context, next) {
    if (url === 'compatibility:fs')
        return { format: 'module', shortCircuit: true, source: ${JSON.stringify(source)} };
    return next(url, context);
}
`;

if (!fs.globSync)
    register('data:text/javascript,' + encodeURIComponent(hooks), import.meta.url);
