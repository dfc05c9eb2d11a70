/** The user on the other end, asked of the real kernel about real sockets. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '../../../main/build.ts';
import { createPeerUid, type PeerUid } from '../../../main/caller/peer-uid.ts';
import { attacker, itWithSecondUser, makeHome, spawnAs } from '../../machine/accounts.ts';

const ourUid = process.getuid?.() ?? -1;
const execute = promisify(execFile);

let peerUid: PeerUid;
let server: Server;
let port: number;
let accepted: Socket[];
let opened: Socket[];
beforeEach(async () => {
  peerUid = createPeerUid();
  accepted = [];
  opened = [];
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const socket of [...accepted, ...opened]) socket.destroy();
  server.close();
  await peerUid.close();
});

async function open(host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true });
  opened.push(socket);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}
const askAbout = (socket: { localPort?: number | undefined }) => peerUid.lookup({ localPort: port, remotePort: socket.localPort ?? 0 });

describe('the user on the other end of a connection', () => {
  it('is us when we connect', async () => {
    expect(await askAbout(await open())).toBe(ourUid);
  });

  it('is known for an IPv4 connection made by an IPv6 socket, as Java makes it', async () => {
    expect(await askAbout(await open('::ffff:127.0.0.1'))).toBe(ourUid);
  });

  it('is still known when the client has finished sending', async () => {
    const socket = await open();
    socket.end();
    await expect.poll(() => accepted.length).toBe(1);
    expect(await askAbout(socket)).toBe(ourUid);
  });

  it('is nobody once the client has closed its socket, which the kernel then shows as root’s', async () => {
    const socket = await open();
    const { localPort } = socket;
    await expect.poll(() => accepted.length).toBe(1);
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await askAbout({ localPort })).toBeNull();
  });

  it('is nobody where there is no such connection', async () => {
    expect(await peerUid.lookup({ localPort: port, remotePort: 1 })).toBeNull();
  });

  itWithSecondUser('is the other user when another user connects', async () => {
    const other = attacker();
    const home = makeHome(other);
    const child = spawnAs(other, 'python3', ['-c', clientIn.python, String(port)], { home });
    try {
      await expect.poll(() => accepted.length).toBe(1);
      expect(await peerUid.lookup({ localPort: port, remotePort: accepted[0]?.remotePort ?? 0 })).toBe(other.uid);
    } finally {
      child.kill();
      rmSync(home, { recursive: true });
    }
  });

  it('is answered for a thousand connections that come at once', async () => {
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => open()));
    const owners = await Promise.all(sockets.map(askAbout));
    expect(owners.filter((owner) => owner !== ourUid)).toEqual([]);
  });

  it('is found among thousands of sockets that wait for their end, and the loop goes on meanwhile', async () => {
    await makeTimeWait(4000);
    const socket = await open();
    let turns = 0;
    let running = true;
    const turn = (): void => {
      turns++;
      if (running) setImmediate(turn);
    };
    turn();
    const owner = await askAbout(socket);
    running = false;
    expect(owner).toBe(ourUid);
    expect(turns).toBeGreaterThan(10);
  });

  it('is nobody for those who wait when it is closed, and afterwards', async () => {
    const socket = await open();
    const waiting = askAbout(socket);
    await peerUid.close();
    expect([null, ourUid]).toContain(await waiting);
    expect(await askAbout(socket)).toBeNull();
  });

  it('is nobody, not ours, when the thread that reads the table cannot run', async () => {
    const broken = createPeerUid({ worker: new URL('./no-such-worker.ts', import.meta.url) });
    const socket = await open();
    expect(await broken.lookup({ localPort: port, remotePort: socket.localPort ?? 0 })).toBeNull();
    await broken.close();
  });
});

describe('the thread that reads the table', () => {
  const program = `
    import { connect, createServer } from 'node:net';
    import { createPeerUid } from PEER_UID;
    const peerUid = createPeerUid();
    const server = createServer(async (socket) => {
      const uid = await peerUid.lookup({ localPort: socket.localPort, remotePort: socket.remotePort });
      process.stdout.write(String(uid));
      socket.destroy();
      server.close();
    }).listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1').resume());`;

  it('does not keep a program alive that has nothing else to do', async () => {
    const source = fileURLToPath(new URL('../../../main/caller/peer-uid.ts', import.meta.url));
    expect(await run(program.replace('PEER_UID', JSON.stringify(source)))).toBe(String(ourUid));
  });

  it('is found beside a bundle', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lp-bundle-'));
    try {
      await bundle('main/caller/peer-uid.ts', folder, 'peer-uid.mjs');
      await bundle('main/caller/caller-worker.ts', folder, 'caller-worker.mjs');
      expect(await run(program.replace('PEER_UID', JSON.stringify(join(folder, 'peer-uid.mjs'))))).toBe(String(ourUid));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** @throws when the program does not end by itself */
  async function run(text: string): Promise<string> {
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', text], { timeout: 20_000 });
    return stdout;
  }
});

describe('other clients', () => {
  it('are known when they are not Node', async () => {
    const child = spawn('python3', ['-c', clientIn.python, String(port)]);
    try {
      await expect.poll(() => accepted.length).toBe(1);
      expect(await peerUid.lookup({ localPort: port, remotePort: accepted[0]?.remotePort ?? 0 })).toBe(ourUid);
    } finally {
      child.kill();
    }
  });
});

const clientIn = { python: 'import socket,sys,time; s=socket.create_connection(("127.0.0.1",int(sys.argv[1]))); time.sleep(60)' };

/** Connections whose client closed first: each leaves a row for a minute. */
async function makeTimeWait(count: number): Promise<void> {
  const sink = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => sink.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve));
  const { port: sinkPort } = sink.address() as AddressInfo;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(sinkPort, '127.0.0.1', () => socket.end()).resume();
      socket.once('close', () => resolve()).once('error', reject);
    });
  for (let made = 0; made < count; made += 200) await Promise.all(Array.from({ length: 200 }, one));
  sink.close();
}
