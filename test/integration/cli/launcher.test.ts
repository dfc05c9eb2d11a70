/** The short road of `lakepass token`: one curl shows the nonce and asks, and everything it cannot do is left to the long road. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { route } from '../../../main/control/door.ts';
import { tokenRequestSchema } from '../../../preload/contract/control.ts';
import { ended } from '../../product/product.ts';
import { type StandInAgent, startStandInAgent } from '../../unit/cli/stand-in-agent.ts';

const launcher = fileURLToPath(new URL('../../../main/cli/lakepass', import.meta.url));
const token = { access_token: 'eyJ.x.y', token_type: 'Bearer', expiry: '2026-01-01T00:00:00.0+00:00', expires_in: 60 };

let agent: StandInAgent;
let asked: unknown[];
let answer: () => unknown;
beforeEach(async () => {
  asked = [];
  answer = () => token;
  agent = await startStandInAgent([
    route(
      'POST',
      '/v1/token',
      tokenRequestSchema,
      ({ input, by }) => {
        asked.push({ ...input, by: by.process?.pid });
        return { json: answer() };
      },
      'attributed',
    ),
  ]);
  // Stands for the full command: says that it was called, and with what.
  writeFileSync(join(agent.home, 'long-road'), '#!/bin/sh\nshift\nprintf "long road: %s" "$*"\n');
  chmodSync(join(agent.home, 'long-road'), 0o755);
});
afterEach(() => agent.close());

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn('/bin/sh', [launcher, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LAKEPASS_HOME: agent.home, LAKEPASS_NODE: join(agent.home, 'long-road'), ...env },
  });
const run = (...args: string[]) => ended(start(args));

describe('the short road', () => {
  it('prints the token of the program that has shown its nonce', async () => {
    const { code, stdout, stderr } = await run('token', '-s', 'sql', '-s', 'files', '-w', 'main', '-p', 'acme');
    expect({ code, stderr, token: JSON.parse(stdout) }).toEqual({ code: 0, stderr: '', token });
    expect(asked).toEqual([{ scopes: ['sql', 'files'], workspace: 'main', profile: 'acme', by: 4711 }]);
  });

  it('takes the notebook bundle for granted where no scope is named', async () => {
    expect((await run('token')).code).toBe(0);
    expect(asked).toEqual([{ scopes: [], by: 4711 }]);
  });

  it('shows a nonce of 160 random bits, with the exact Host, and a new one each time', async () => {
    await run('token');
    await run('token');
    const [first, second] = agent.shown;
    expect(first).toMatchObject({
      method: 'GET',
      nonce: expect.stringMatching(/^[0-9a-f]{40}$/),
      host: expect.stringMatching(/^127\.0\.0\.1:\d{5}$/),
    });
    expect(second?.nonce).not.toBe(first?.nonce);
  });

  it('keeps the nonce out of every command line and of the environment', async () => {
    const held = Promise.withResolvers<void>();
    agent.slow = held.promise;
    const child = start(['token', '-s', 'sql'], { nonce: 'exported-by-somebody', port: 'exported-too' });
    const outcome = ended(child);
    await vi.waitUntil(() => agent.shown.length > 0, { timeout: 20_000 });
    const nonce = agent.shown[0]?.nonce ?? '';
    const processes = globSync('/proc/[0-9]*').map((folder) => ({
      cmdline: readOf(folder, 'cmdline'),
      environ: readOf(folder, 'environ'),
    }));
    held.resolve();
    expect((await outcome).code).toBe(0);
    expect(processes.filter(({ cmdline }) => cmdline.startsWith('curl\0') && cmdline.includes('--fail-early'))).not.toEqual([]);
    expect(processes.filter(({ cmdline, environ }) => cmdline.includes(nonce) || environ.includes(nonce))).toEqual([]);
    expect(nonce).not.toBe('');
  });

  it('goes through no proxy, to no port of the environment, and by no settings of curl', async () => {
    writeFileSync(join(agent.home, '.curlrc'), 'url = "http://127.0.0.1:1/"\n');
    const proxy = 'http://127.0.0.1:1';
    const env = {
      http_proxy: proxy,
      ALL_PROXY: proxy,
      all_proxy: proxy,
      CURL_HOME: agent.home,
      HOME: agent.home,
      port: '1',
      LAKEPASS_PORT: '1',
    };
    const { code, stdout } = await ended(start(['token'], env));
    expect({ code, token: JSON.parse(stdout) }).toEqual({ code: 0, token });
  });

  it('starts curl and no other program', async () => {
    const bin = join(agent.home, 'bin');
    const path = String(process.env['PATH']);
    const curl = path
      .split(delimiter)
      .map((folder) => join(folder, 'curl'))
      .find((file) => globSync(file).length > 0);
    mkdirSync(bin);
    symlinkSync(String(curl), join(bin, 'curl'));
    const { code, stderr } = await ended(start(['token'], { PATH: bin }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

const readOf = (folder: string, name: string): string => {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return ''; // The process has ended meanwhile.
  }
};

describe('the long road is taken', () => {
  const long = async (...args: string[]) => (await run(...args)).stdout;

  it.each([
    ['a person has to be asked', () => new AppError('TAP_NEEDED')],
    ['there is nothing to hand out', () => new AppError('SIGNED_OUT')],
    ['the agent fails', () => new Error('bug')],
  ])('where %s', async (_, error) => {
    answer = () => {
      throw error();
    };
    expect(await long('token', '-s', 'sql')).toBe('long road: token -s sql');
  });

  it('where the broker does not take the nonce, and the socket is not asked then', async () => {
    agent.status = 403;
    expect(await long('token', '-s', 'sql')).toBe('long road: token -s sql');
    expect(asked).toEqual([]);
  });

  it.each(['', '1234\n', 'evil.example\n', '12345/@evil.example\n', '-12345\n'])('where the port file says %j', async (text) => {
    writeFileSync(join(agent.places.state, 'port'), text);
    expect(await long('token')).toBe('long road: token');
    expect(asked).toEqual([]);
  });

  it('where no port is kept', async () => {
    rmSync(join(agent.places.state, 'port'));
    expect(await long('token')).toBe('long road: token');
  });

  it.each([
    [['token', '--json']],
    [['token', '-s', 'sql', '--wait', '5m']],
    [['token', '-s', 'a"b']],
    [['token', '-s', 'a\nurl = "http://evil.example"']],
    [['token', '-s', 'a\\']],
    [['token', '-s']],
    [['status']],
  ])('for %j', async (args) => {
    expect(await long(...args)).toBe(`long road: ${args.join(' ')}`);
    expect(agent.shown).toEqual([]);
  });
});
