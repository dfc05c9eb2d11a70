/** Who is on the other end, asked of the real kernel about real programs. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Caller, type Peer, unknownCaller } from '../../../main/caller/caller.ts';
import { createCallers, type LinuxCallers } from '../../../main/caller/callers.ts';
import { describeCaller } from '../../../main/caller/describe.ts';
import { attacker, itWithSecondUser, makeHome, runAs, spawnAs, testUser } from '../../machine/accounts.ts';
import { prepareMachine } from '../../machine/machine.ts';

const ourUid = process.getuid?.() ?? -1;
const isRoot = ourUid === 0;
const scripts = {
  'client.py': 'import socket, sys, time\ns = socket.create_connection(("127.0.0.1", int(sys.argv[1])))\ntime.sleep(60)\n',
  'forking.py': `import os, socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if os.fork() == 0: time.sleep(60)
print("forked", flush=True)
time.sleep(60)
`,
  'becoming.py': `import os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.set_inheritable(True)
sys.stdin.readline()
os.execv("/bin/sleep", ["sleep", "60"])
`,
  'parent.py': 'import os, time\npid = os.fork()\nif pid: print(pid, flush=True)\ntime.sleep(60)\n',
  'client.cjs': 'require("node:net").connect(Number(process.argv[2]), "127.0.0.1");\n',
  'client.sh': 'exec 3<>"/dev/tcp/127.0.0.1/$1"\nread -r _ <&3\n',
  'outside.sh': 'python3 "$(dirname "$0")/client.py" "$1"\n:\n',
  'detached.sh': 'setsid python3 "$(dirname "$0")/client.py" "$1" >/dev/null 2>&1 &\necho $!\n',
};

let callers: LinuxCallers;
let server: Server;
let port: string;
let accepted: Socket[];
let folder: string;
let children: ChildProcess[];
let strays: number[];
beforeEach(async () => {
  callers = createCallers();
  [accepted, children, strays] = [[], [], []];
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'lp-callers-')));
  chmodSync(folder, 0o755);
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text);
  server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = String((server.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  for (const pid of strays) process.kill(pid, 'SIGKILL');
  for (const socket of accepted) socket.destroy();
  server.close();
  await callers.close();
  rmSync(folder, { recursive: true });
});

const script = (name: keyof typeof scripts): string => join(folder, name);

function start(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'], ...options });
  children.push(child);
  return child;
}

/** The end of the latest connection, as the door sees it, once there is one. */
async function latestPeer(): Promise<Peer> {
  await expect.poll(() => accepted.length).toBeGreaterThan(0);
  const { localPort = 0, remotePort = 0 } = accepted.at(-1) ?? {};
  return { localPort, remotePort };
}

async function whoIs(command: string, args: string[], options?: SpawnOptions): Promise<Caller> {
  start(command, args, options);
  const { uid, caller } = await callers.attribute(await latestPeer());
  expect(uid).toBe(ourUid);
  return caller;
}

/** A program with another name: bash is one file that needs nothing beside it. */
function bashAs(name: string): string {
  copyFileSync('/bin/bash', join(folder, name));
  chmodSync(join(folder, name), 0o755);
  return join(folder, name);
}

const firstLine = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => child.stdout?.once('data', (text) => resolve(String(text).trim())));

describe('a program on the other end of a connection', () => {
  it('is known by its process, file, arguments, folder and parents when it is Python', async () => {
    const caller = await whoIs('python3', [script('client.py'), port], {
      env: { ...process.env, JPY_SESSION_NAME: 'churn.ipynb', MARK: 'marked' },
    });
    expect(caller).toMatchObject({
      ...{ kind: 'program', aiAgent: null, forwarder: null, notebook: 'churn.ipynb' },
      interpreter: { name: 'python', script: script('client.py') },
      process: { uid: ourUid, pid: children[0]?.pid, folder, executable: expect.stringMatching(/\/python3[.\d]*$/) },
    });
    expect(caller.process?.commandLine?.slice(1)).toEqual([script('client.py'), port]);
    expect(caller.ancestors[0]).toMatchObject({ pid: process.pid, executable: realpathSync(process.execPath), folder: process.cwd() });
    expect(JSON.stringify(caller)).not.toContain('marked');
    expect(describeCaller(caller).title).toMatch(/^python3[.\d]* under node$/);
  });

  it('is known when it is Node', async () => {
    const caller = await whoIs(process.execPath, ['--no-warnings', script('client.cjs'), port]);
    expect(caller).toMatchObject({ interpreter: { name: 'node', script: script('client.cjs') }, process: { pid: children[0]?.pid } });
  });

  it('is known when it is a shell', async () => {
    const caller = await whoIs('bash', [script('client.sh'), port]);
    expect(caller).toMatchObject({
      interpreter: { name: 'bash', script: script('client.sh') },
      process: { pid: children[0]?.pid, folder },
    });
  });

  it('is the door’s own process when that connects to itself', async () => {
    const self = connect(Number(port), '127.0.0.1');
    await once(self, 'connect');
    const { caller } = await callers.attribute(await latestPeer());
    expect(caller.process).toMatchObject({ pid: process.pid, folder: process.cwd() });
    self.destroy();
  });

  it('is what it has become, once it has become another program', async () => {
    const before = await whoIs('python3', [script('becoming.py'), port]);
    children[0]?.stdin?.write('\n');
    const peer = await latestPeer();
    await expect.poll(async () => (await callers.attribute(peer)).caller.process?.commandLine).toEqual(['sleep', '60']);
    const { caller } = await callers.attribute(peer);
    expect(caller).toMatchObject({ interpreter: null, process: { pid: before.process?.pid, startTicks: before.process?.startTicks } });
    expect(caller.process?.executable).not.toBe(before.process?.executable);
  });

  it('is the same when it is looked up again', async () => {
    const first = await whoIs('python3', [script('client.py'), port]);
    expect((await callers.attribute(await latestPeer())).caller).toEqual(first);
  });
});

describe('a socket that several processes hold', () => {
  it('has the newest as its caller and all of them as its holders', async () => {
    const forked = start('python3', [script('forking.py'), port]);
    expect(await firstLine(forked)).toBe('forked');
    const peer = await latestPeer();
    const { caller } = await callers.attribute(peer);
    const holders = await callers.holders(peer);
    strays = holders.flatMap(({ process: one }) => (one && one.pid !== forked.pid ? one.pid : []));
    expect(strays).toHaveLength(1);
    expect(holders.map((one) => one.process?.pid)).toEqual([strays[0], forked.pid]);
    expect(caller.process?.pid).toBe(strays[0]);
    expect(caller.ancestors[0]?.pid).toBe(forked.pid);
  });
});

describe('another user', () => {
  itWithSecondUser('has no program, though we could look', async () => {
    const other = attacker();
    const home = makeHome(other);
    const child = spawnAs(other, 'python3', ['-c', scripts['client.py'], port], { home });
    children.push(child);
    try {
      const peer = await latestPeer();
      expect(await callers.attribute(peer)).toEqual({ uid: other.uid, caller: unknownCaller });
      expect(await callers.holders(peer)).toEqual([]);
      expect(await callers.inspect(child.pid ?? 0)).toBeNull();
    } finally {
      child.kill();
      rmSync(home, { recursive: true });
    }
  });

  itWithSecondUser('does not hinder an agent that is not root, nor do the processes it cannot look at', async () => {
    const user = testUser();
    const { dist, node, program } = await prepareMachine();
    const home = makeHome(user);
    try {
      const { stdout, stderr, code } = await runAs(user, node, [await program('test/integration/caller/own-caller.ts'), dist], { home });
      expect([code, stderr]).toEqual([0, '']);
      const { pid, attribution, holders } = JSON.parse(stdout);
      expect(attribution).toMatchObject({ uid: user.uid, caller: { kind: 'program', process: { pid, uid: user.uid, folder: home } } });
      // The test that started it is root's: the chain ends below it.
      expect(attribution.caller.ancestors).toHaveLength(1);
      expect(holders).toBe(1);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});

describe('a container', () => {
  it.runIf(isRoot).each([
    ['mount', ['-m']],
    ['pid', ['-p', '-f']],
    ['user', ['-U']],
  ])('is whoever has a %s namespace of its own', async (_what, flags) => {
    const caller = await whoIs('unshare', [...flags, 'bash', script('client.sh'), port]);
    expect(caller).toMatchObject({ kind: 'container', interpreter: { name: 'bash' } });
    expect(describeCaller(caller).title).toBe('bash in a container');
    if (flags.includes('-f')) strays = [caller.process?.pid ?? 0];
  });
});

describe('a forwarder', () => {
  it('is ssh, the real one', async () => {
    const caller = await whoIs('ssh', ['-F', 'none', '-o', 'BatchMode=yes', '-p', port, '127.0.0.1']);
    expect(caller).toMatchObject({ kind: 'forwarder', forwarder: 'ssh', process: { pid: children[0]?.pid } });
  });

  it.each(['socat', 'docker-proxy', 'tailscaled'])('is a program whose file is called %s', async (name) => {
    expect(await whoIs(bashAs(name), [script('client.sh'), port])).toMatchObject({ kind: 'forwarder', forwarder: name });
  });
});

describe('an AI agent', () => {
  it('is seen above the programs it runs', async () => {
    const caller = await whoIs(bashAs('claude'), [script('outside.sh'), port]);
    expect(caller).toMatchObject({ kind: 'ai-agent', aiAgent: 'claude', process: { executable: expect.stringMatching(/python3[.\d]*$/) } });
    expect(describeCaller(caller).facts).toContainEqual({ name: 'ai-agent', value: 'claude', proof: 'verified' });
    expect(describeCaller(caller).title).toMatch(/ under claude$/);
    strays = [caller.process?.pid ?? 0];
  });

  it('is no longer seen above a program that it has let go of, which is why others must ask about it', async () => {
    const agent = start(bashAs('claude'), [script('detached.sh'), port]);
    strays = [Number(await firstLine(agent))];
    const peer = await latestPeer();
    await expect.poll(async () => (await callers.attribute(peer)).caller.kind).toBe('program');
    const { caller } = await callers.attribute(peer);
    expect(caller.process?.pid).toBe(strays[0]);
    expect(caller.ancestors.map(({ pid }) => pid)).not.toContain(agent.pid);
  });
});

describe('a process that was known', () => {
  it('is dead as soon as it has exited, though its parent has not noticed', async () => {
    const parent = start('python3', [script('parent.py')]);
    const pid = Number(await firstLine(parent));
    const known = (await callers.inspect(pid))?.process;
    if (!known) throw new Error('the child cannot be seen');
    expect(callers.isAlive(known)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => callers.isAlive(known)).toBe(false);
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
    expect(await callers.inspect(pid)).toBeNull();
  });

  it('is not another one of the same number', async () => {
    const self = (await callers.inspect(process.pid))?.process;
    expect(self && callers.isAlive(self)).toBe(true);
    expect(self && callers.isAlive({ ...self, startTicks: self.startTicks + 1 })).toBe(false);
  });
});
