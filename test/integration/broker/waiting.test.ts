/** A person is asked while a stock client waits: the Databricks SDK for Python with its ten seconds, and a client that goes away. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openQuestion, yes } from '../../fakes/strict-gate.ts';
import { ask, type Door, openDoor, request, TOKEN_MARK } from './door.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Longer than any one read of the SDK may take. */
const thinkingMs = 12_000;
/** Starting an interpreter, or a thread, on a machine that has other things to do. */
const slow = { timeout: 30_000 };

let door: Door;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.close());

/** The SDK asks a workspace about itself first; this one has nothing to say. */
async function openWorkspace() {
  const server = createServer((_, response) => response.writeHead(404).end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

/** The stock SDK, told where to ask as a notebook is; it prints the token it ends up with. */
function startPython(host: string, path: string) {
  const python = join(root, '.venv', 'bin', 'python');
  if (!existsSync(python)) throw new Error('There is no .venv: run `node test/setup.mjs --python` first.');
  const script = 'from databricks.sdk.core import Config; print(Config().authenticate()["Authorization"])';
  const env = {
    HOME: door.folder,
    DATABRICKS_HOST: host,
    DATABRICKS_AUTH_TYPE: 'metadata-service',
    DATABRICKS_METADATA_SERVICE_URL: `http://127.0.0.1:${door.port}${path}`,
  };
  const child = spawn(python, ['-c', script], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, outcome: Promise.all([ended, text(child.stdout)]) };
}

/** The door's clock goes with the real one, for a client that brings its own. */
function letTimePass(): () => void {
  const began = performance.now();
  let passed = 0;
  const timer = setInterval(() => {
    const by = performance.now() - began - passed;
    passed += by;
    void door.clock.advance(by);
  }, 100);
  return () => clearInterval(timer);
}

describe('the stock Databricks SDK for Python', () => {
  it('waits for a person who thinks for longer than its time-out, and gets its token', async () => {
    const question = openQuestion();
    door.gate.says = question.leave;
    const workspace = await openWorkspace();
    const { path, grant } = await door.grant({ workspace: workspace.host });
    const stop = letTimePass();
    const { child, outcome } = startPython(workspace.host, path);
    try {
      await expect.poll(() => door.gate.asked.length, slow).toBe(1);
      expect(door.gate.asked[0]?.caller.process?.pid).toBe(child.pid);
      await new Promise((resolve) => setTimeout(resolve, thinkingMs));
      expect(child.exitCode).toBeNull();
      door.gate.says = () => yes();
      question.answer();
      const [code, stdout] = await outcome;
      expect({ code, stdout }).toEqual({ code: 0, stdout: `Bearer ${TOKEN_MARK}-1-sql\n` });
    } finally {
      stop();
      child.kill();
      workspace.close();
    }
    // One connection, so one call: the SDK has not had to try twice.
    expect(new Set(door.gate.asked.map(({ caller }) => caller)).size).toBe(1);
    expect(door.audit.of('token.served').map(({ grant: id }) => id)).toEqual([grant.id]);
    expect(question.withdrawn).toBe(0);
  });
});

describe('a client that goes away while a person thinks', () => {
  it.each(['python-requests/2.34', 'curl/8.14.1'])('takes its question along (%s)', async (agent) => {
    const question = openQuestion();
    door.gate.says = question.leave;
    const { path } = await door.grant();
    const socket = connect(door.port, '127.0.0.1', () => socket.write(request(door.port, path, { headers: { 'User-Agent': agent } })));
    await expect.poll(() => door.gate.asked.length, slow).toBe(1);
    socket.destroy();
    await expect.poll(() => question.withdrawn, slow).toBe(1);
    expect(door.refused).toEqual([]);
    expect((await ask(door.port, '/v1/up')).status).toBe(200);
  });
});

describe('the end of the broker', () => {
  it('withdraws what is asked for those who still wait', async () => {
    const question = openQuestion();
    door.gate.says = question.leave;
    const { path } = await door.grant();
    const socket = connect(door.port, '127.0.0.1', () => socket.write(request(door.port, path)));
    socket.on('error', () => undefined);
    await expect.poll(() => door.gate.asked.length, slow).toBe(1);
    await door.broker.close();
    await expect.poll(() => question.withdrawn, slow).toBe(1);
  });
});

describe('a connection that somebody else was found to hold', () => {
  it('is ended after its answer, also for the request that follows on it', async () => {
    door.gate.sole = async () => false;
    const { path } = await door.grant();
    const answers: string[] = [];
    const socket = connect(door.port, '127.0.0.1').setEncoding('latin1');
    const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
    socket.on('data', (piece) => answers.push(String(piece)));
    socket.write(request(door.port, path, { headers: { Connection: 'keep-alive' } }));
    await expect.poll(() => answers.join(''), slow).toContain(TOKEN_MARK);
    const { localPort } = socket;
    await door.clock.advance(100);
    await closed;
    expect(door.gate.looks).toMatchObject([
      { peer: { localPort: door.port, remotePort: localPort }, caller: { process: { pid: process.pid } } },
    ]);
  });
});
