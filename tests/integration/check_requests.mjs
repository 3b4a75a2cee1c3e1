// Every request cicada sends to a real server is valid under the published schema of the revision
// it agreed on, as ajv reads it; and every operation of the server ends as it should.
//
// usage: check_requests.mjs DRIVE_TARGET [drive_target options] (URL | -- COMMAND...)
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const { default: Ajv } = require('ajv');
const { default: Ajv2020 } = require('ajv/dist/2020');
const addFormats = require('ajv-formats');

function requestValidator(revision) {
    const document = JSON.parse(readFileSync(new URL(`../mcp-schema/${revision}.json`, import.meta.url)));
    const Dialect = document.$defs ? Ajv2020 : Ajv;
    const ajv = new Dialect({ strict: false, allErrors: true });
    (addFormats.default ?? addFormats)(ajv);
    ajv.addFormat('byte', true);
    ajv.addSchema(document, 'mcp');
    return ajv.compile({ $ref: `mcp#/${document.$defs ? '$defs' : 'definitions'}/ClientRequest` });
}

const [drive, ...rest] = process.argv.slice(2);
const done = spawnSync(drive, ['--kind', 'all', '--requests', '--variants', '6', '--repeat', '6', ...rest],
    { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });
if (done.status !== 0) {
    console.error(`drive_target: exit ${done.status}`);
    process.exit(1);
}
const report = JSON.parse(done.stdout);
const validate = requestValidator(report.target.facts.protocol);
let checked = 0;
let failed = 0;
const outcomes = {};
const unexpected = new Set(['protocol_violation', 'schema_violation', 'timeout', 'connection_reset', 'not_prepared']);
for (const result of report.results) {
    outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
    if (unexpected.has(result.outcome)) {
        console.error(`${result.name}: ${result.outcome}: ${result.text}`);
        failed++;
    }
    if (!result.request)
        continue;
    checked++;
    if (!validate(result.request)) {
        console.error(`${JSON.stringify(result.request)}: ${JSON.stringify(validate.errors.slice(0, 3))}`);
        failed++;
    }
}
console.log(`${report.target.description}: ${checked} requests checked, ${failed} failures, ${JSON.stringify(outcomes)}`);
process.exit(failed || checked < 10 ? 1 : 0);
