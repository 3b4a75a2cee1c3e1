// The official JavaScript driver, reading one record at a time as fast as it can.
//
//   bolt_peer.mjs URL prepare
//   bolt_peer.mjs URL read CONNECTIONS READS     prints: reads answered, reads that failed
import { createRequire } from 'node:module';

const require = createRequire(new URL('../tests/npm/package.json', import.meta.url));
const neo4j = require('neo4j-driver');

const [address, action, connections, reads] = process.argv.slice(2);
const url = new URL(address);
const driver = neo4j.driver(`bolt://${url.host}`, neo4j.auth.basic(url.username, url.password),
  { maxConnectionPoolSize: Number(connections ?? 1), disableLosslessIntegers: true });

async function prepare() {
  const session = driver.session();
  await session.run('CREATE INDEX cicada_bench IF NOT EXISTS FOR (n:CicadaBench) ON (n.key)');
  await session.run('CALL db.awaitIndexes(60)');
  await session.run("UNWIND range(0, 999) AS i CREATE (:CicadaBench {key: 'key ' + i, id: i, name: 'node ' + i, value: 0})");
  await session.close();
}

let left = Number(reads ?? 0), answered = 0, failed = 0;
async function read() {
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  while (left-- > 0) {
    const key = `key ${Math.floor(Math.random() * 1000)}`;
    try {
      const { records } = await session.run('MATCH (n:CicadaBench {key: $key}) RETURN n', { key });
      if (records.length === 1 && records[0].get('n').properties.key === key) answered++;
      else failed++;
    } catch {
      failed++;
    }
  }
  await session.close();
}

if (action === 'prepare') await prepare();
else await Promise.all(Array.from({ length: Number(connections) }, read));
await driver.close();
if (action === 'read') console.log(answered + failed, failed);
