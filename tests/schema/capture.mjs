// Writes fixtures/servers.json anew: the inputSchema and outputSchema of every tool of the official
// servers in tests/npm, as they send them. Run by hand after a version there changes; the tests read
// only the stored file.
import { writeFileSync, mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "../npm/node_modules");
const require = createRequire(join(here, "../npm/package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");

const scratch = mkdtempSync(join(tmpdir(), "capture-"));
const servers = [
  ["everything", "mcp-server-everything", ["stdio"]],
  ["memory", "mcp-server-memory", []],
  ["filesystem", "mcp-server-filesystem", [scratch]],
];

const entries = [];
for (const [name, command, args] of servers) {
  const transport = new StdioClientTransport({
    command: join(modules, ".bin", command),
    args,
    env: { ...process.env, MEMORY_FILE_PATH: join(scratch, "memory.json") },
    stderr: "ignore",
  });
  const client = new Client({ name: "capture", version: "1" }, { capabilities: {} });
  await client.connect(transport);
  const { tools } = await client.listTools();
  for (const tool of tools)
    for (const kind of ["inputSchema", "outputSchema"])
      if (tool[kind]) entries.push({ name: `${name}/${tool.name}/${kind}`, schema: tool[kind] });
  await client.close();
}
writeFileSync(
  join(here, "fixtures/servers.json"),
  "[\n" + entries.map((e) => JSON.stringify(e)).join(",\n") + "\n]\n",
);
console.log(`${entries.length} schemas`);
