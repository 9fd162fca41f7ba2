// Speaks LSP on stdin and stdout for the npm package @taplo/lsp: the language server that the VS Code extension
// Even Better TOML carries. The package itself hands JSON messages over by function call.
//
//     node taplo_stdio.mjs FOLDER        (FOLDER holds node_modules/@taplo/lsp)
//
// Nothing is fetched: every HTTP request is refused and told on stderr as "refused: URL".

import { accessSync, promises as files } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const { TaploLsp } = createRequire(path.join(path.resolve(process.argv[2]), "here.js"))("@taplo/lsp");

globalThis.fetch = async (request) => {
  process.stderr.write(`refused: ${request.url ?? request}\n`);
  throw new TypeError("offline");
};

function configFile(folder) {
  return [".taplo.toml", "taplo.toml"].map((name) => path.join(folder, name)).find((file) => {
    try {
      accessSync(file);
      return true;
    } catch {
      return false;
    }
  });
}

const environment = {
  now: () => new Date(),
  envVar: (name) => process.env[name],
  envVars: () => Object.entries(process.env),
  stdErrAtty: () => false,
  stdin: async () => new Uint8Array(),
  stdout: async (bytes) => bytes.length,
  stderr: async (bytes) => (process.stderr.write(bytes), bytes.length),
  glob: () => [],
  readFile: (file) => files.readFile(file),
  writeFile: (file, bytes) => files.writeFile(file, bytes),
  urlToFilePath: (url) => (url.startsWith("file:") ? fileURLToPath(url) : url),
  isAbsolute: (file) => path.isAbsolute(file),
  isWindows: () => process.platform === "win32",
  cwd: () => process.cwd(),
  findConfigFile: configFile,
  fetch: { fetch: globalThis.fetch, Headers, Request, Response },
};

function answer(message) {
  const body = Buffer.from(JSON.stringify(message));
  process.stdout.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
}

const server = await TaploLsp.initialize(environment, { onMessage: answer });
let waiting = Buffer.alloc(0);

for await (const chunk of process.stdin) {
  waiting = Buffer.concat([waiting, chunk]);
  for (;;) {
    const end = waiting.indexOf("\r\n\r\n");
    if (end < 0) break;
    const length = Number(/Content-Length: *(\d+)/i.exec(waiting.subarray(0, end).toString())[1]);
    if (waiting.length < end + 4 + length) break;
    const message = JSON.parse(waiting.subarray(end + 4, end + 4 + length).toString());
    waiting = waiting.subarray(end + 4 + length);
    if (message.method === "exit") process.exit(0);
    server.send(message);
  }
}
process.exit(0);
