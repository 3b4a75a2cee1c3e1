// The official JavaScript driver as the other side: runs one query and prints its records as JSON.
//
//   neo4j_peer.mjs URL CYPHER [PARAMETERS]
//
// PARAMETERS is JavaScript, with `neo4j` in scope, so that values JSON has no word for can be sent.
// Integers are printed as numbers, or as text where a number would not be exact; times, dates and
// durations as ISO 8601 text, points as {srid, x, y, z}, bytes as arrays.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const neo4j = require('neo4j-driver');

function plain(value) {
  if (value === null || typeof value !== 'object') return value;
  if (neo4j.isInt(value)) return value.inSafeRange() ? value.toNumber() : value.toString();
  if (neo4j.isPoint(value)) {
    const point = { srid: plain(value.srid), x: value.x, y: value.y };
    return value.z === undefined ? point : { ...point, z: value.z };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (neo4j.isNode(value) || neo4j.isRelationship(value)) return plain(value.properties);
  if (value.constructor !== Object) return value.toString();
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

const [address, cypher, text] = process.argv.slice(2);
const url = new URL(address);
const driver = neo4j.driver(`${url.protocol}//${url.host}`,
  neo4j.auth.basic(decodeURIComponent(url.username), decodeURIComponent(url.password)));
const session = driver.session();
try {
  const parameters = text ? new Function('neo4j', `return (${text});`)(neo4j) : {};
  const { records } = await session.run(cypher, parameters);
  console.log(JSON.stringify(records.map((record) => plain(record.toObject()))));
} finally {
  await session.close();
  await driver.close();
}
