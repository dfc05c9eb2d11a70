/** Run as a user who is not root: opens a door, lets a child of its own connect, and prints who that was. */
import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createCallers } from '../../../main/caller/callers.ts';

const callers = createCallers({ worker: pathToFileURL(join(process.argv[2] ?? '', 'caller-worker.mjs')) });
const client = 'import socket, sys, time; s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); time.sleep(60)';

const server = createServer({ pauseOnConnect: true }, async ({ localPort = 0, remotePort = 0 }) => {
  const peer = { localPort, remotePort };
  const attribution = await callers.attribute(peer);
  const holders = (await callers.holders(peer)).length;
  process.stdout.write(JSON.stringify({ pid: child.pid, attribution, holders }), () => {
    child.kill();
    process.exit(0);
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const child = spawn('/usr/bin/python3', ['-c', client, String((server.address() as AddressInfo).port)]);
