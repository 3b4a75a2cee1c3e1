// The independent half of the cross-check: every value that cicada makes is judged by ajv, and so are
// mutations of them, where both must say the same.
//
//   node check_with_ajv.mjs PROGRAM FILE...
//
// Exits 77 (skipped) when tests/npm has not been installed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SEEDS = 6;
const MUTATIONS = 4; // per generated value
const LEAST_SCHEMAS = 300;

const [program, ...files] = process.argv.slice(2);
const npm = join(dirname(fileURLToPath(import.meta.url)), "../npm");
if (!existsSync(join(npm, "node_modules/ajv"))) {
  console.log("tests/npm is not installed: run `npm ci` there");
  process.exit(77);
}
const require = createRequire(join(npm, "package.json"));
const Ajv = require("ajv").default;
const Ajv2019 = require("ajv/dist/2019").default;
const Ajv2020 = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;

const sets = files.map((file) => JSON.parse(readFileSync(file, "utf8")));

// One instance per schema, so that equal $id's do not meet.
function compile(schema) {
  const dialect = String(schema?.$schema ?? "");
  const options = { strict: false, allErrors: false, logger: false, validateSchema: false };
  const ajv = dialect.includes("draft-07")
    ? new Ajv(options)
    : dialect.includes("2019-09")
      ? new Ajv2019(options)
      : new Ajv2020(options);
  addFormats(ajv);
  return ajv.compile(schema);
}
const validators = sets.map((set) => set.map((entry) => compile(entry.schema)));

function run(args, input) {
  const result = spawnSync(program, args, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status !== 0) {
    console.error(`${program} ${args[0]}: exit ${result.status} ${result.signal ?? ""}\n${result.stderr}`);
    process.exit(1);
  }
  return result.stdout;
}
const parse = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));

// A small generator of its own, so that a run can be repeated.
let state = 12345;
const below = (bound) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return Math.floor((state / 2 ** 32) * bound);
};
const odd = [null, true, false, 0, 1, -1, 2.5, 100, -7, "", "a", "zz top", "x".repeat(40), [], [1, 1], {}, { a: 1 }, "2020-02-30", "é", 1e9];

// Change one place of a value: replace, drop, repeat, rename, nudge.
function mutate(value) {
  if (Array.isArray(value) && value.length && below(4)) {
    const copy = structuredClone(value), at = below(copy.length);
    const kind = below(4);
    if (kind === 0) copy.splice(at, 1);
    else if (kind === 1) copy.push(structuredClone(copy[at]));
    else copy[at] = mutate(copy[at]);
    return copy;
  }
  if (value && typeof value === "object" && !Array.isArray(value) && below(5)) {
    const copy = structuredClone(value), names = Object.keys(copy);
    const kind = below(5), name = names[below(names.length)];
    if (kind === 0 || name === undefined) copy[["extra", "a", "b", "id_q", "zzz"][below(5)]] = odd[below(odd.length)];
    else if (kind === 1) delete copy[name];
    else copy[name] = mutate(copy[name]);
    return copy;
  }
  if (typeof value === "number" && below(2)) return value + [1, -1, 0.5, 10, -100][below(5)];
  if (typeof value === "string" && below(2)) {
    const points = Array.from(value), at = below(points.length + 1);
    return [[...points.slice(0, at), "~", ...points.slice(at)].join(""), points.slice(1).join(""), value + value, value.toUpperCase()][below(4)];
  }
  return odd[below(odd.length)];
}

// Where the two are known to differ, by intent (docs in src/mcp/schema_format.c): formats of which ajv
// uses its own regular expressions, and multipleOf, where ajv takes the plain quotient of doubles.
function differsByIntent(errors, problem) {
  if (errors) return errors.every((e) => e.keyword === "format" || e.keyword === "multipleOf");
  return /must be of format|multiple of/.test(problem ?? "");
}

let failures = 0;
const told = new Set(); // one message per schema will do
const fail = (text, name = text) => {
  failures++;
  if (!told.has(name) && told.add(name).size <= 20) console.error(text);
};

// 1. Everything generated is valid, and the same again for the same seed.
const generated = run(["generate", String(SEEDS), ...files]);
if (generated !== run(["generate", String(SEEDS), ...files])) fail("the same seeds gave other values");
const lines = parse(generated);
const schemas = new Set(), varied = new Map();
for (const line of lines) {
  const key = `${line.file}/${line.index}`;
  schemas.add(key);
  if ("error" in line) {
    fail(`${line.name} ${line.style} ${line.seed}: not generated: ${line.error}`, line.name);
    continue;
  }
  varied.set(key, (varied.get(key) ?? new Set()).add(JSON.stringify(line.value)));
  const validate = validators[line.file][line.index];
  if (!validate(line.value))
    fail(`${line.name} ${line.style} ${line.seed}: ${JSON.stringify(line.value)}\n    ajv: ${JSON.stringify(validate.errors)}`, line.name);
}
if (schemas.size < LEAST_SCHEMAS) fail(`only ${schemas.size} schemas`);

// 2. Both say the same of mutations.
const cases = [];
for (const line of lines)
  if ("value" in line)
    for (let i = 0; i < MUTATIONS; i++)
      cases.push({ file: line.file, index: line.index, name: line.name, value: mutate(line.value) });
const verdicts = parse(run(["validate", ...files], cases.map((c) => JSON.stringify(c)).join("\n") + "\n"));
if (verdicts.length !== cases.length) fail(`${verdicts.length} verdicts on ${cases.length} cases`);
let invalid = 0, excused = 0;
cases.forEach((item, i) => {
  const validate = validators[item.file][item.index];
  const expected = validate(item.value);
  const actual = verdicts[i]?.valid;
  if (!expected) invalid++;
  if (expected === actual) return;
  if (differsByIntent(expected ? null : validate.errors, verdicts[i]?.problem)) excused++;
  else
    fail(`${item.name}: ${JSON.stringify(item.value)}\n    ajv: ${expected} ${JSON.stringify(validate.errors)}\n    cicada: ${actual} ${verdicts[i]?.problem ?? ""}`, item.name);
});
if (invalid < cases.length / 10) fail("too few mutations were invalid to tell anything");

console.log(`${schemas.size} schemas, ${lines.length} values valid under ajv; ${cases.length} mutations (${invalid} invalid), ${excused} verdicts differ by intent`);
console.log(`${schemas.size - told.size} passed, ${told.size} failed`);
process.exit(failures ? 1 : 0);
