/** The ground that the tests with other users stand on: nothing under test is root, and the users are really apart. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it } from 'vitest';
import { attacker, itWithSecondUser, makeHome, runAs, spawnAs, uidsOf } from '../../machine/accounts.ts';
import { type Machine, prepareMachine } from '../../machine/machine.ts';

let machine: Machine;
beforeAll(async () => {
  machine = await prepareMachine();
});

async function inHome<T>(use: (home: string) => Promise<T>): Promise<T> {
  const home = makeHome(machine.user);
  try {
    return await use(home);
  } finally {
    rmSync(home, { recursive: true });
  }
}

describe('the test machine', () => {
  it('refuses to run anything as root', () => {
    expect(() => spawnAs({ name: 'root', uid: 0, gid: 0 }, '/bin/true', [], { home: '/' })).toThrow(/root/);
  });

  it('runs the built command as a user who is not root, on the pinned Node', async () => {
    await inHome(async (home) => {
      const ended = await runAs(machine.user, machine.node, [`${machine.dist}/lakepass.mjs`, '--version'], { home });
      const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
      expect(ended).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    });
  });

  it('gives the user the stock Python clients', async () => {
    const python = await machine.python();
    await inHome(async (home) => {
      const ended = await runAs(machine.user, python, ['-c', 'import databricks.sdk.version as v; print(v.__version__)'], { home });
      expect(ended.code, ended.stderr).toBe(0);
      expect(readFileSync('test/python/requirements.txt', 'utf8')).toContain(`databricks-sdk==${ended.stdout.trim()}\n`);
    });
  });

  it('starts an agent that has no uid of root, and none but its own', async () => {
    await inHome(async (home) => {
      const agent = spawnAs(machine.user, machine.node, [`${machine.dist}/headless.mjs`, '--home', home, '--vault', 'memory'], { home });
      const ended = new Promise((resolve) => agent.on('close', resolve));
      try {
        const first = await firstLineOf(agent.stdout);
        expect(JSON.parse(first)).toMatchObject({ ready: { pid: agent.pid } });
        expect(uidsOf(agent.pid ?? 0)).toEqual(Array(4).fill(machine.user.uid));
        expect(machine.user.uid).not.toBe(0);
      } finally {
        agent.kill('SIGTERM');
        await ended;
      }
    });
  });

  itWithSecondUser('keeps the second user out of the home of the first', async () => {
    await inHome(async (home) => {
      writeFileSync(`${home}/secret`, 'x', { mode: 0o644 });
      const mine = makeHome(attacker());
      const theirs = await runAs(attacker(), '/bin/cat', [`${home}/secret`], { home: mine });
      const own = await runAs(machine.user, '/bin/cat', [`${home}/secret`], { home });
      rmSync(mine, { recursive: true });
      expect([theirs.code, own.code]).toEqual([1, 0]);
      expect(theirs.stderr).toMatch(/Permission denied/);
    });
  });

  itWithSecondUser('lets neither user change what is under test', async () => {
    await inHome(async (home) => {
      for (const file of [machine.node, `${machine.dist}/lakepass.mjs`, `${machine.dist}/new-file`]) {
        expect((await runAs(machine.user, '/usr/bin/touch', [file], { home })).code).toBe(1);
      }
    });
  });
});

async function firstLineOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (!stream) throw new Error('the program has no output to read');
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error('the program ended without a word');
}
