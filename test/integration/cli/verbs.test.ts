/**
 * Every verb as a process, against the real control door and its real table of routes, behind which a scripted agent answers. What
 * the agent itself makes of a request is tested elsewhere.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type ControlledAgent, controlRoutes } from '../../../main/control/routes.ts';
import type { CallerView } from '../../../preload/contract/caller.ts';
import type { AskView } from '../../../preload/contract/consent.ts';
import type { GrantNews, GrantView, StatusView } from '../../../preload/contract/control.ts';
import type { OfferView } from '../../../preload/contract/enroll.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';
import type { HealthView } from '../../../preload/contract/health.ts';
import type { KeyProof } from '../../../preload/contract/key-registration.ts';
import type { LockView } from '../../../preload/contract/lock.ts';
import type { SettingsView } from '../../../preload/contract/settings.ts';
import type { Ended } from '../../machine/accounts.ts';
import { ended } from '../../product/product.ts';
import { type StandInAgent, startStandInAgent } from '../../unit/cli/stand-in-agent.ts';

const entry = fileURLToPath(new URL('../../../main/cli/main.ts', import.meta.url));
const page = 'http://127.0.0.1:12345/#code';
const grantUrl = 'http://127.0.0.1:12345/v1/metadata/secret';

const jupyter: CallerView = {
  ...{ kind: 'program', title: 'jupyter-lab', pid: 7 },
  facts: [{ name: 'notebook', value: 'churn.ipynb', proof: 'claimed' }],
};
const grant: GrantView = {
  ...{ id: 'g1', profile: 'acme', workspace: 'main', scopes: ['sql'], label: 'jupyter', createdAt: '2026-01-01T00:00:00Z' },
  ...{
    until: '2999-01-01T00:00:00Z',
    approved: 'tap',
    binding: 'run',
    caller: jupyter,
    members: 3,
    state: 'live',
    paused: false,
    lastUsedAt: null,
    served: 0,
  },
};
const ask: AskView = {
  ...{
    id: 'a1',
    purpose: 'create',
    caller: jupyter,
    expected: null,
    profile: 'acme',
    workspace: 'main',
    scopes: ['sql'],
    words: ['Run SQL'],
  },
  ...{ grant: null, label: 'jupyter', until: null, approval: 'tap', spans: ['grant'], askedAt: '2026-01-01T00:00:00Z' },
  ...{ answerableAt: null, openUntil: '2026-01-01T00:10:00Z', requests: 1 },
};
const open: LockView = { state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: 'keychain' };
const locked: LockView = { ...open, state: 'locked', why: 'command', unlockBy: ['passphrase', 'sign-in'], sealing: 'passphrase' };
const status = (lock: LockView): StatusView => ({
  ...{
    version: '0',
    pid: 1,
    startedAt: '2026-01-01T00:00:00Z',
    vault: 'memory',
    port: 12345,
    configFile: '/c',
    host: 'headless',
    profiles: [],
    servicePrincipals: [],
    grants: [grant],
  },
  ...{ lock, queue: { asks: [ask], snoozedUntil: null, quiet: true, history: [] }, problems: [], next: 'lakepass ui' },
  tapKeys: [
    {
      ...{ id: 'k', name: 'blue\u001b[2J', aaguid: '0', model: 'YubiKey 5', attested: false, hardwareBound: true },
      ...{ enrolledAt: '2026-01-01T00:00:00Z', lastTouchedAt: null, canSeal: true, seals: true },
    },
  ],
  policy: { id: 'acme', revision: 3, hash: 'abc', mode: 'observe', source: '/etc/policy.yaml', expires: null },
  warnings: ['A plain click approves.'],
});

let agent: StandInAgent;
/** What the agent was asked, in order. */
let asked: unknown[][];
type Scripted = Parameters<typeof controlRoutes>[0];
let answers: Partial<Scripted>;
let lock: LockView;
let withdrawn: PromiseWithResolvers<string>;
let news: (send: (line: GrantNews) => void) => void;

beforeEach(async () => {
  asked = [];
  lock = open;
  withdrawn = Promise.withResolvers();
  news = () => undefined;
  const usual: Partial<ControlledAgent> = {
    status: () => status(lock),
    grants: () => [grant],
    makeGrant: (request, by) => async (send) => {
      asked.push(['grant', request, by.process?.pid]);
      send({ asking: ask, url: page });
      send({ made: { grant, host: 'https://acme.example', url: grantUrl } });
    },
    async addChild(request, by) {
      asked.push(['child', request.grant, by.process?.pid]);
      appendFileSync(join(agent.home, 'registered'), `${request.pid}\n`);
      return grant;
    },
    async followGrant(_id, _by, send, signal) {
      news(send);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
    widen: (request) => async (send) => {
      asked.push(['widen', request]);
      send({ asking: { ...ask, purpose: 'widen' }, url: null });
      send({ widened: { ...grant, scopes: ['sql', 'mlflow'] } });
    },
    async unlock(request, by) {
      asked.push(['unlock', request, by.process?.pid]);
      if (request.passphrase === 'right') lock = open;
      else if (request.passphrase !== undefined) throw new AppError('PASSPHRASE_WRONG');
      return { lock, url: lock.unlockBy.includes('key') ? page : null, browser: 'none' };
    },
    async seal(request) {
      asked.push(['seal', request]);
      return open;
    },
    async reset(by) {
      asked.push(['reset', by.process?.pid]);
      return { grants: 2, keys: 1 };
    },
    openUi: async () => ({ url: page, browser: 'none' }),
    async lock() {
      lock = locked;
      return lock;
    },
  };
  answers = {};
  // A method that a test replaces is found at the moment it is called.
  const scripted = new Proxy(usual, { get: (target, name) => Reflect.get(answers, name) ?? Reflect.get(target, name) });
  agent = await startStandInAgent(controlRoutes(scripted as Scripted));
});
afterEach(() => agent.close());

const environment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
  LAKEPASS_HOME: agent.home,
  TERM: 'dumb',
  ...env,
});
const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment(env) });
const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> => ended(start(args, env));
const failing = (code: FailureCode) => () => {
  throw new AppError(code);
};
const registered = (): string[] => readFileSync(join(agent.home, 'registered'), 'utf8').trim().split('\n');

describe('run', () => {
  it('asks for the notebook bundle without a scope, says what is asked and where, and goes on', async () => {
    const { code, stdout, stderr } = await run(['run', '--', 'sh', '-c', 'echo $$; echo $DATABRICKS_METADATA_SERVICE_URL']);
    expect(code).toBe(0);
    const [pid, url] = stdout.trim().split('\n');
    expect(url).toBe(grantUrl);
    expect(asked[0]).toEqual(['grant', { scopes: [], binding: 'run', label: 'sh', program: 'sh' }, 4711]);
    expect(stderr).toMatch(
      /^lakepass: you are asked whether jupyter-lab \(verified\), notebook churn\.ipynb \(claimed\) may have a grant: sql on main; .*\n$/,
    );
    expect(stderr).toContain(page);
    expect(registered()).toEqual([pid]);
    expect(asked[1]).toEqual(['child', 'g1', 4711]);
  });

  it('does not end the grant itself: what the program left behind may still use it', async () => {
    answers.endGrants = async (request) => asked.push(['end', request]);
    await run(['run', '--', 'true']);
    expect(asked.map(([what]) => what)).toEqual(['grant', 'child']);
  });

  it('starts nothing after a refusal, and says which', async () => {
    answers.makeGrant = () => async (send) => send({ failure: new AppError('CONSENT_DENIED').toFailure() });
    const { code, stdout, stderr } = await run(['run', '--', 'echo', 'started']);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toContain('[CONSENT_DENIED]');
  });

  it('withdraws its request on Ctrl-C', async () => {
    answers.makeGrant = () => async (send, signal) => {
      send({ asking: ask, url: page });
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      withdrawn.resolve('withdrawn');
    };
    const child = start(['run', '--', 'echo', 'started']);
    const outcome = ended(child);
    child.stderr?.on('data', (text) => String(text).includes(page) && child.kill('SIGINT'));
    expect(await withdrawn.promise).toBe('withdrawn');
    expect(await outcome).toMatchObject({ signal: 'SIGINT', stdout: '' });
  });

  it('tells the terminal what becomes of the grant, each thing once', async () => {
    news = (send) => {
      const refused = new AppError('CONSENT_PENDING').toFailure();
      for (const line of [
        { refused },
        { refused },
        { asking: { ...ask, purpose: 'use' as const }, url: page },
        { answered: 'denied' as const },
      ])
        send(line);
      send({ ended: 'revoked' });
    };
    const { stderr } = await run(['run', '--', 'sh', '-c', 'sleep 1']);
    expect(stderr.match(/CONSENT_PENDING/g)).toHaveLength(1);
    expect(stderr).toContain('may use a grant made for another program');
    expect(stderr).toContain('you refused it');
    expect(stderr).toContain('the grant has ended (revoked)');
  });

  it('runs the program although it cannot be made known, and says so', async () => {
    answers.addChild = failing('CALLER_REFUSED');
    const { code, stderr } = await run(['run', '--', 'sh', '-c', 'sleep 1; exit 7']);
    expect(code).toBe(7);
    expect(stderr).toContain('[CALLER_REFUSED]');
  });

  it('says nothing of a program that has ended before it could be made known', async () => {
    const known = Promise.withResolvers<void>();
    answers.addChild = async ({ pid }) => {
      await vi.waitUntil(() => !existsSync(`/proc/${pid}`), { timeout: 20_000 });
      known.resolve();
      throw new AppError('CALLER_REFUSED');
    };
    const { code, stderr } = await run(['run', '--', 'true']);
    await known.promise;
    expect(code).toBe(0);
    expect(stderr).not.toContain('CALLER_REFUSED');
  });
});

describe('run, where a systemd user manager is', () => {
  let env: NodeJS.ProcessEnv;
  let manager: ReturnType<typeof createServer>;
  beforeEach(async () => {
    const [runtime, bin] = [join(agent.home, 'xdg'), join(agent.home, 'bin')];
    mkdirSync(join(runtime, 'systemd'), { recursive: true });
    mkdirSync(bin);
    manager = createServer();
    await new Promise<void>((resolve) => manager.listen(join(runtime, 'systemd', 'private'), resolve));
    // As `systemd-run --scope` does: says nothing, makes the scope, and becomes the program.
    const lines = [
      '#!/bin/sh',
      `echo "$@" >>"${agent.home}/scopes"`,
      '[ -z "$MANAGER_FAILS" ] || { echo "Failed to start transient scope unit" >&2; exit 1; }',
      'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    ];
    writeFileSync(join(bin, 'systemd-run'), `${lines.join('\n')}\n`);
    chmodSync(join(bin, 'systemd-run'), 0o755);
    env = { PATH: `${bin}:${process.env['PATH']}`, XDG_RUNTIME_DIR: runtime };
  });
  afterEach(() => new Promise<void>((resolve) => manager.close(() => resolve())));
  const scopes = () => readFileSync(join(agent.home, 'scopes'), 'utf8');

  it('puts the program into a scope that is named after the grant, and makes that very process known', async () => {
    const { code, stdout } = await run(['run', '--', 'sh', '-c', 'echo $$; (: >&3) 2>/dev/null || echo closed; exit 9'], env);
    expect(code).toBe(9);
    expect(scopes()).toMatch(/^--user --scope --quiet --collect --unit=lakepass-run-g1\.scope -- /);
    expect(registered()).toEqual([stdout.split('\n')[0]]);
    // The sign of the start is not left open in the program.
    expect(stdout.split('\n')[1]).toBe('closed');
  });

  it.each([
    [['sh', '-c', 'kill -TERM $$'], 143],
    [['no-such-program-anywhere'], 127],
    [['/etc/passwd'], 126],
    [['sh', '-c', 'exit 1'], 1],
  ])('gives back the exit code of %j', async (words, expected) => {
    expect((await run(['run', '--', ...words], env)).code).toBe(expected);
  });

  it('passes arguments on as they are', async () => {
    const odd = ['a b', '$HOME', '--', '"', "'", '%h', ''];
    const { stdout } = await run(['run', '--', 'printf', '[%s]', ...odd], env);
    expect(stdout).toBe(odd.map((word) => `[${word}]`).join(''));
  });

  it('runs the program without a scope where the manager makes none, once', async () => {
    const { code, stdout, stderr } = await run(['run', '--', 'sh', '-c', 'echo ran; exit 3'], { ...env, MANAGER_FAILS: '1' });
    expect({ code, stdout }).toEqual({ code: 3, stdout: 'ran\n' });
    expect(stderr).toContain('no scope of its own');
  });

  it('does not ask for a scope where no manager listens', async () => {
    await run(['run', '--', 'true'], { ...env, XDG_RUNTIME_DIR: agent.home });
    expect(scopes).toThrow();
  });
});

describe('env', () => {
  it('binds to the shell', async () => {
    const { code, stdout } = await run(['env', '-s', 'sql']);
    expect(code).toBe(0);
    expect(stdout).toContain(`export DATABRICKS_METADATA_SERVICE_URL='${grantUrl}'`);
    expect(asked[0]).toEqual(['grant', { scopes: ['sql'], binding: 'tree', label: 'shell' }, 4711]);
  });

  it('prints a section for a profile file, whose grant opens nothing by itself', async () => {
    const { stdout } = await run(['env', '--databrickscfg', 'analytics', '-s', 'sql']);
    expect(stdout.split('\n')).toEqual([
      '[analytics]',
      'host                 = https://acme.example',
      'auth_type            = metadata-service',
      `metadata_service_url = ${grantUrl}`,
      '',
    ]);
    expect(asked[0]).toEqual(['grant', { scopes: ['sql'], binding: 'file', label: 'profile analytics' }, 4711]);
  });

  it.each(['a]\n[DEFAULT', 'a\nhost = https://evil.example', '', 'a b', '-x'])('refuses the section name %j', async (name) => {
    const { code, stdout } = await run(['env', `--databrickscfg=${name}`, '-s', 'sql', '--json']);
    expect({ code, failure: JSON.parse(stdout).failure }).toMatchObject({
      code: 2,
      failure: { code: 'INPUT_INVALID', reason: 'databrickscfg' },
    });
    expect(asked).toEqual([]);
  });
});

describe('token', () => {
  const token = { access_token: 'eyJ', token_type: 'Bearer' as const, expiry: '2026-01-01T00:00:00Z', expires_in: 60 };

  it('asks nobody where a grant covers it', async () => {
    answers.token = async () => token;
    answers.askForToken = failing('INTERNAL');
    const { code, stdout, stderr } = await run(['token']);
    expect({ code, stderr, token: JSON.parse(stdout) }).toEqual({ code: 0, stderr: '', token });
  });

  it.each<FailureCode>(['TAP_NEEDED', 'CONSENT_PENDING', 'CONSENT_UNANSWERED'])('asks the person after %s', async (code) => {
    answers.token = failing(code);
    answers.askForToken = (request, by) => async (send) => {
      asked.push(['token', request, by.process?.pid]);
      send({ asking: ask, url: page });
      send({ token });
    };
    const { stdout, stderr } = await run(['token', '-s', 'sql']);
    expect(JSON.parse(stdout)).toEqual(token);
    expect(stderr).toContain(page);
    expect(asked).toEqual([['token', { scopes: ['sql'] }, 4711]]);
  });

  it.each<[string[], FailureCode, number]>([
    [[], 'CONSENT_DENIED', 5],
    [[], 'POLICY_DENIED', 5],
    [[], 'LOCKED', 6],
    [[], 'AWAY', 6],
    [[], 'SIGNED_OUT', 3],
    [['--wait', '0'], 'TAP_NEEDED', 5],
  ])('does not ask with %j after %s', async (options, failure, expected) => {
    answers.token = failing(failure);
    const { code, stdout } = await run(['token', '--json', ...options]);
    expect({ code, failure: JSON.parse(stdout).failure.code }).toEqual({ code: expected, failure });
  });
});

describe('grants', () => {
  it('shows what each is bound to, for which program, and how many processes use it', async () => {
    answers.grants = () => [grant, { ...grant, id: 'g2', paused: true }];
    const { stdout } = await run(['grants']);
    expect(stdout).toMatch(/^g1 +live .*\ng2 +paused /m);
    for (const part of ['g1', 'run', 'jupyter-lab (verified)', 'notebook churn.ipynb (claimed)', '3']) expect(stdout).toContain(part);
  });

  it('asks for more scopes on a live one', async () => {
    const { code, stdout, stderr } = await run(['grants', 'add', 'g1', 'ml', 'sql,files']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'g1 now has sql mlflow.\n' });
    expect(stderr).toContain('may widen its grant');
    expect(asked).toEqual([['widen', { grant: 'g1', scopes: ['ml', 'sql', 'files'] }]]);
  });
});

describe('locks', () => {
  const fd = (...lines: string[]): { stdio: number } => {
    const file = join(agent.home, 'passphrase');
    writeFileSync(file, lines.join('\n'));
    return { stdio: openSync(file, 'r') };
  };
  const withFd = (args: string[], opened: { stdio: number }): Promise<Ended> =>
    ended(spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe', opened.stdio], env: environment({}) })).finally(
      () => closeSync(opened.stdio),
    );

  it('lock says what that means', async () => {
    expect((await run(['lock'])).stdout).toBe('Lakepass is locked (command): no tokens; opened by passphrase or sign-in.\n');
  });

  it.each([
    ['the first of two lines', ['right', 'more'], 0],
    ['a line without its end', ['right'], 0],
    ['a line of Windows', ['right\r', ''], 0],
    ['the wrong words', ['wrong'], 6],
    ['nothing', [''], 2],
    ['far too much', ['x'.repeat(5000)], 2],
  ])('unlock reads %s from a descriptor', async (_, lines, expected) => {
    lock = locked;
    expect((await withFd(['unlock', '--passphrase-fd', '3'], fd(...lines))).code).toBe(expected);
    if (expected === 0) expect(asked).toEqual([['unlock', { passphrase: 'right' }, 4711]]);
  });

  it('unlock reads no further than the line, although the pipe stays open', async () => {
    lock = locked;
    const child = spawn(process.execPath, [entry, 'unlock', '--passphrase-fd', '0'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment({}),
    });
    child.stdin?.write('right\nmore');
    expect((await ended(child)).code).toBe(0);
  });

  it.each(['x', '-1', '99999', '77'])('unlock refuses the descriptor %j', async (number) => {
    const { code, stdout } = await run(['unlock', '--json', `--passphrase-fd=${number}`]);
    expect({ code, failure: JSON.parse(stdout).failure }).toMatchObject({
      code: 2,
      failure: { code: 'INPUT_INVALID', reason: 'passphrase-fd' },
    });
  });

  it('unlock says PASSPHRASE_NEEDED where there is no terminal to ask at', async () => {
    lock = locked;
    const { code, stdout } = await ended(
      spawn('setsid', ['--wait', process.execPath, entry, 'unlock', '--json'], { stdio: ['ignore', 'pipe', 'pipe'], env: environment({}) }),
    );
    expect({ code, failure: JSON.parse(stdout).failure.code }).toEqual({ code: 6, failure: 'PASSPHRASE_NEEDED' });
    expect(asked).toEqual([]);
  });

  it('unlock leads to the page where a key is the way, and is not done yet', async () => {
    lock = { ...locked, unlockBy: ['key', 'passphrase'] };
    const { code, stdout } = await run(['unlock']);
    expect(code).toBe(6);
    expect(stdout).toContain(page);
  });

  it('seal goes back to the keychain', async () => {
    expect((await run(['seal', 'keychain'])).code).toBe(0);
    expect(asked).toEqual([['seal', { how: 'keychain' }]]);
  });

  it('seal takes no short passphrase', async () => {
    expect((await withFd(['seal', 'passphrase', '--passphrase-fd', '3'], fd('short'))).code).toBe(2);
    expect((await withFd(['seal', 'passphrase', '--passphrase-fd', '3'], fd('long enough'))).code).toBe(0);
    expect(asked).toEqual([['seal', { how: 'passphrase', passphrase: 'long enough' }]]);
  });
});

describe('at a terminal', () => {
  /** Runs the command on a terminal of its own; answers each prompt in turn. */
  function atTerminal(
    args: readonly string[],
    answers: readonly (readonly [prompt: string, typed: string])[],
  ): Promise<Ended & { screen: string }> {
    const line = [process.execPath, entry, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'], env: environment({}) });
    let screen = '';
    let next = 0;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const [prompt, typed] = answers[next] ?? [];
      if (prompt === undefined || !screen.includes(prompt)) return;
      next += 1;
      child.stdin?.write(String(typed));
    });
    return ended(child).then((outcome) => ({ ...outcome, screen }));
  }

  it('unlock does not show what is typed, and lets it be corrected', async () => {
    lock = locked;
    const { code, screen } = await atTerminal(['unlock'], [['Passphrase', 'wrong\u0015rik\u007fght\r']]);
    expect(screen).toContain('Lakepass is open.');
    expect(code).toBe(0);
    expect(screen).not.toMatch(/right|wrong|rik/);
    expect(asked).toEqual([['unlock', { passphrase: 'right' }, 4711]]);
  });

  it('unlock is given up by Ctrl-C', async () => {
    lock = locked;
    const { code } = await atTerminal(['unlock'], [['Passphrase', 'ri\u0003']]);
    expect(code).toBe(130);
    expect(asked).toEqual([]);
  });

  it.each([
    ['the same words at once', 0],
    ['something else', 2],
  ])('seal asks twice, and %s ends with %s', async (second, expected) => {
    const { code } = await atTerminal(
      ['seal', 'passphrase'],
      [
        ['New passphrase', 'the same words at once\r'],
        ['once more', `${second}\r`],
      ],
    );
    expect(code).toBe(expected);
    expect(asked).toHaveLength(expected === 0 ? 1 : 0);
  });

  it('keys register waits until a person says that it is done on the provider’s page', async () => {
    answers.registerKey = async () => ({ profile: 'acme', how: 'page', url: 'https://idp.acme.example/keys', browser: 'opened' });
    answers.proveKey = async () => {
      asked.push(['prove']);
      return { profile: 'acme', url: 'https://idp.acme.example/', browser: 'opened' };
    };
    const assurance = { level: 'config-asserted', because: 'Your IT declares it.' } as const;
    answers.keyProof = async () => ({
      profile: 'acme',
      how: 'page',
      said: 'unsaid',
      verified: false,
      assurance,
      words: 'It was not said.',
    });
    const { code, screen } = await atTerminal(['keys', 'register'], [['Press Enter', '\r']]);
    expect([code, asked]).toEqual([0, [['prove']]]);
    expect(screen).toContain('It was not said.');
  });

  it.each([
    ['reset', 0],
    ['yes', 2],
    ['', 2],
  ])('reset asks for the word, and %j ends with %s', async (typed, expected) => {
    const { code } = await atTerminal(['reset'], [['Type "reset"', `${typed}\r`]]);
    expect(code).toBe(expected);
    expect(asked).toEqual(expected === 0 ? [['reset', 4711]] : []);
  });
});

describe('reset', () => {
  it('does nothing where nobody can be asked, unless it is told to', async () => {
    const alone = (...args: string[]) =>
      ended(
        spawn('setsid', ['--wait', process.execPath, entry, 'reset', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: environment({}) }),
      );
    expect((await alone()).code).toBe(2);
    expect(asked).toEqual([]);
    expect((await alone('--yes', '--json')).stdout).toBe(`${JSON.stringify({ grants: 2, keys: 1 }, null, 2)}\n`);
  });
});

describe('ui and status', () => {
  it('ui prints where the page is', async () => {
    expect((await run(['ui'])).stdout).toContain(page);
    expect(JSON.parse((await run(['ui', '--json'])).stdout)).toEqual({ url: page, browser: 'none' });
    answers.openUi = async () => ({ url: null, browser: 'shown' });
    expect((await run(['ui'])).stdout).toBe('The window of Lakepass is open.\n');
  });

  it('status says until when the day’s limit leaves it open', async () => {
    lock = { ...open, locksAt: '2026-01-02T18:00:30.000Z' };
    expect((await run(['status'])).stdout).toContain('open until 2026-01-02 18:00 UTC, the day’s limit;');
  });

  it('status shows lock, policy, keys, prompts and warnings, and nothing that moves the cursor', async () => {
    lock = { ...open, state: 'away', why: 'screen-lock', continuing: 2 };
    const { stdout } = await run(['status']);
    expect(stdout).toContain('agent 1 without a window, broker 127.0.0.1:12345');
    for (const part of [
      'away (screen-lock)',
      '2 runs continue',
      'acme revision 3',
      '/etc/policy.yaml',
      'observe',
      'YubiKey 5',
      'model unproven',
    ])
      expect(stdout).toContain(part);
    for (const part of ['jupyter-lab (verified)', 'A plain click approves.', 'several requests went unanswered', 'keychain alone'])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain('\u001b');
  });
});

it('says that its caller could not be proven where the broker is not there', async () => {
  writeFileSync(join(agent.places.state, 'port'), '10240\n');
  const { code, stdout } = await run(['env', '-s', 'sql', '--json']);
  expect({ code, failure: JSON.parse(stdout).failure }).toMatchObject({
    code: 5,
    failure: { code: 'CALLER_UNPROVEN', reason: 'unreachable' },
  });
});

describe('keys', () => {
  const id = `3f9a2c${'0'.repeat(26)}`;
  const [key] = status(open).tapKeys;

  beforeEach(() => {
    const tapKeys = [
      { ...key, id, verdict: 'refused', because: 'status', status: 'REVOKED' },
      { ...key, id: `3f9a2d${'0'.repeat(26)}`, state: 'lost' },
    ];
    answers.status = () => ({ ...status(open), tapKeys }) as StatusView;
    answers.keyLost = async (lost) => {
      asked.push(['lost', lost]);
      return { profiles: ['acme'] };
    };
    answers.keyRetired = async () => {
      throw new AppError('INPUT_INVALID', { reason: 'last-key' });
    };
  });

  it('lists what is proven of each', async () => {
    const { stdout } = await run(['keys']);
    expect(stdout).toMatch(/3f9a2c00 .*in use .*refused \(status\) REVOKED/);
    expect(stdout).toMatch(/3f9a2d00 .*lost .*not judged yet/);
    expect(stdout).not.toContain('\u001b');
  });

  it('lost says who was signed out, and what is left to do', async () => {
    const { code, stdout } = await run(['keys', 'lost', '3f9a2c']);
    expect([code, asked]).toEqual([0, [['lost', id]]]);
    expect(stdout).toMatch(/signed out of acme[\s\S]*identity provider/);
  });

  it('refuses a name that is too short or fits no key, and passes refusals on', async () => {
    for (const name of ['3f9a2', 'ffffffff']) expect((await run(['keys', 'lost', name])).stderr).toContain('[INPUT_INVALID: key]');
    expect(asked).toEqual([]);
    expect((await run(['keys', 'retire', id])).stderr).toContain('[INPUT_INVALID: last-key]');
  });
});

describe('keys register', () => {
  const there = 'https://idp.acme.example/authorize';
  const proof: KeyProof = {
    ...{ profile: 'acme', how: 'action', said: 'success', verified: true, words: 'Proven: by acr "phr".' },
    assurance: { level: 'phr', because: 'by acr "phr".' },
  };
  const begun = (how: 'action' | 'page') => ({ profile: 'acme', how, url: `${there}?${how}`, browser: 'none' as const });

  beforeEach(() => {
    answers.registerKey = async (request, by) => {
      asked.push(['register', request, by.process?.pid]);
      return begun('action');
    };
    answers.keyRegistration = async (profile) => {
      asked.push(['heard', profile]);
      return { profile: 'acme', said: 'success' };
    };
    answers.proveKey = async (request, by) => {
      asked.push(['prove', request, by.process?.pid]);
      return { profile: 'acme', url: `${there}?prove`, browser: 'none' as const };
    };
    answers.keyProof = async (profile) => {
      asked.push(['proof', profile]);
      return proof;
    };
  });

  it('says where to go, waits for the provider, and then for the sign-in that proves it', async () => {
    const { code, stdout, stderr } = await run(['keys', 'register', '--profile', 'acme']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Proven: by acr "phr".\n' });
    expect(stderr).toMatch(/register your key:\n {2}\S+\?action\n[\s\S]*sign in with the key:\n {2}\S+\?prove\n/);
    expect(asked).toEqual([
      ['register', { profile: 'acme' }, 4711],
      ['heard', 'acme'],
      ['prove', { profile: 'acme' }, 4711],
      ['proof', 'acme'],
    ]);
    expect(JSON.parse((await run(['keys', 'register', '--json'])).stdout)).toEqual(proof);
  });

  it('asks for no sign-in after one that came to nothing', async () => {
    answers.keyRegistration = failing('KEY_NOT_REGISTERED');
    const { code, stderr } = await run(['keys', 'register']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('[KEY_NOT_REGISTERED]');
    expect(asked.map(([what]) => what)).toEqual(['register']);
  });

  it('says who knows where it is not known, and ends with a failure', async () => {
    answers.registerKey = failing('KEY_PAGE_UNKNOWN');
    const { code, stderr } = await run(['keys', 'register']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/Ask your IT where keys are registered/);
  });

  it('only proves one that is there already', async () => {
    answers.keyProof = failing('KEY_UNPROVEN');
    const { code, stderr } = await run(['keys', 'register', '--prove']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('[KEY_UNPROVEN]');
    expect(asked.map(([what]) => what)).toEqual(['prove']);
  });

  it('proves nothing where nobody can say that it is registered, and says how to go on', async () => {
    answers.registerKey = async () => begun('page');
    const { code, stderr } = await ended(
      spawn('setsid', ['--wait', process.execPath, entry, 'keys', 'register'], { stdio: ['ignore', 'pipe', 'pipe'], env: environment({}) }),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/\?page\n[\s\S]*`lakepass keys register --prove`/);
    expect(asked).toEqual([]);
  });

  it('is cancelled in the agent by Ctrl-C', async () => {
    const cancelled = Promise.withResolvers<string | undefined>();
    answers.keyRegistration = async () => {
      await cancelled.promise;
      throw new AppError('LOGIN_CANCELLED');
    };
    answers.cancelSignIn = (profile) => {
      cancelled.resolve(profile);
      return true;
    };
    const child = start(['keys', 'register', '--profile', 'acme']);
    const outcome = ended(child);
    child.stderr?.on('data', (text) => String(text).includes('?action') && child.kill('SIGINT'));
    expect(await cancelled.promise).toBe('acme');
    expect((await outcome).stderr).toContain('[LOGIN_CANCELLED]');
  });
});

describe('settings', () => {
  const view: SettingsView = {
    machine: { managedBy: 'Acme\u001b[2J', source: '/etc/lakepass/managed.json', hash: 'ab'.repeat(32) },
    bundle: { organization: 'Acme', revision: 7 },
    settings: [
      { name: 'lease', means: 'How long.', value: '2 min', by: 'it', mode: 'locked', ofIt: '2 min', choices: null },
      { name: 'theme', means: 'Light or dark.', value: null, by: null, mode: null, ofIt: null, choices: ['light'] },
    ],
  };

  it('lists each with whose it is, and who manages the device', async () => {
    answers.settings = () => view;
    const { stdout } = await run(['settings']);
    expect(stdout).toMatch(/Managed by Acme.* \(\/etc\/lakepass\/managed\.json, abababababab\)\nBundle of Acme, revision 7/);
    expect(stdout).toMatch(/lease +2 min +IT +locked\n.*theme +- +- +-/);
    expect(stdout).not.toContain('\u001b');
  });

  it('are set and unset by name, and refusals are passed on', async () => {
    answers.changeSetting = async (change, by) => {
      asked.push([change, by.process?.pid !== undefined]);
      return view;
    };
    expect((await run(['settings', 'set', 'lease', '60 s'])).stdout).toBe('lease is 60 s.\n');
    expect((await run(['settings', 'unset', 'lease'])).stdout).toContain('is gone');
    expect(asked).toEqual(['60 s', null].map((value) => [{ name: 'lease', value }, true]));
    answers.changeSetting = failing('SETTING_LOCKED');
    expect((await run(['settings', 'set', 'lease', '1 h'])).stderr).toContain('[SETTING_LOCKED]');
  });
});

describe('enroll', () => {
  const hash = '5c'.repeat(32);
  const offer: OfferView = {
    ...{ organization: 'Acme\u001b[2J', url: 'https://it.acme.example/b.json', signedBy: 'K'.repeat(43), revision: 4, hash },
    ...{ expires: '2026-09-01T00:00:00.000Z', restricts: ['Lease: 2 min; you cannot change it.'], tapKeys: null, records: null },
    needsTap: false,
  };
  const link = 'lakepass://enroll?url=x&key=y';

  it('shows who asks, from where, and what it may restrict; joins what was shown, and says what comes next', async () => {
    answers.lookAtOffer = async (given, by) => {
      asked.push(['look', given, by.process?.pid !== undefined]);
      return offer;
    };
    answers.acceptOffer = async (request) => void asked.push(['accept', request]);
    const { code, stdout } = await run(['enroll', link, '--yes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/it\.acme\.example[\s\S]*K{43}[\s\S]*revision 4[\s\S]*- Lease: 2 min[\s\S]*Next: lakepass login/);
    expect(stdout).not.toContain('\u001b');
    expect(asked).toEqual([
      ['look', link, true],
      ['accept', { link, hash }],
    ]);
  });

  it('keeps nothing without a yes, and passes refusals on', async () => {
    answers.lookAtOffer = async () => offer;
    answers.acceptOffer = failing('OFFER_CHANGED');
    expect((await run(['enroll', link])).stderr).toContain('say --yes');
    expect((await run(['enroll', link, '--yes'])).stderr).toContain('[OFFER_CHANGED]');
    answers.lookAtOffer = failing('INVITATION_INVALID');
    expect((await run(['enroll', link, '--yes'])).stderr).toContain('[INVITATION_INVALID]');
    for (const words of [['enroll'], ['enroll', link, '--leave']]) expect((await run(words)).stderr).toContain('[INPUT_INVALID: link]');
  });

  it('--leave leaves the company that manages the device', async () => {
    answers.leaveCompany = async () => void asked.push(['leave']);
    expect((await run(['enroll', '--leave', '--yes'])).stderr).toContain('[NOT_ENROLLED]');
    const nothing = { organization: null, revision: null, hash: null, signedBy: null, expires: null, device: null, acceptedAt: null };
    answers.status = () => ({
      ...status(open),
      managed: {
        ...{ managedBy: 'Acme', source: 'link', url: null, ...nothing, askedAt: null, answeredAt: null, problem: null },
        ...{ revoked: false, exemptions: [], tapKeys: null, record: null },
      },
    });
    expect((await run(['enroll', '--leave', '--yes'])).stdout).toContain('Acme no longer manages this device');
    expect(asked).toEqual([['leave']]);
  });
});

describe('mds', () => {
  const mds = { no: 7, nextUpdate: '2026-10-01', importedAt: '2026-09-01T00:00:00.000Z', models: 3, stale: false };

  it('says which issue is here, and that revocation is not checked', async () => {
    answers.metadata = () => null;
    expect((await run(['mds'])).stdout).toContain('lakepass mds import');
    answers.metadata = () => ({ ...mds, stale: true });
    expect((await run(['mds'])).stdout).toMatch(/No\. 7 with 3 models[\s\S]*not checked[\s\S]*was due on 2026-10-01/);
  });

  it('import names the file by its whole path, and passes refusals on', async () => {
    answers.importMetadata = async (file) => {
      asked.push(['import', file]);
      return { mds, judged: 1 };
    };
    expect((await run(['mds', 'import', 'blob.jwt'])).stdout).toMatch(/^Imported: No\. 7[\s\S]*One key is judged differently/);
    expect(asked).toEqual([['import', join(process.cwd(), 'blob.jwt')]]);
    answers.importMetadata = failing('MDS_OLD');
    expect((await run(['mds', 'import', 'blob.jwt'])).stderr).toContain('[MDS_OLD]');
  });
});

describe('health', () => {
  it('ends with 1 where something fails, and with 4 where there is no agent, which it does not start', async () => {
    const ok: HealthView['dependencies'][number] = { kind: 'vault', name: '', state: 'ok', tookMs: 1, problem: null };
    const problem = new AppError('WORKSPACE_BUSY').toFailure();
    let dependencies = [ok];
    answers.health = async () => ({ state: dependencies.length > 1 ? 'failing' : 'ok', at: '2026-01-01T00:00:00Z', dependencies });
    expect(await run(['health'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok +vault +1 ms/) });
    dependencies = [ok, { ...ok, kind: 'workspace', name: 'acme/main', state: 'failing', problem }];
    const { code, stdout } = await run(['health', '--json']);
    expect([code, JSON.parse(stdout).dependencies[1].problem.code]).toEqual([1, 'WORKSPACE_BUSY']);
    expect(await run(['health', '--home', join(agent.home, 'nobody')])).toMatchObject({ code: 4 });
  });
});

describe('denied', () => {
  const program = { id: 'd1', profile: 'acme', executable: '/usr/bin/python3\u001b[2J', script: 'etl.py', folder: '/work', aiAgent: null };

  it('lists what was refused for good, what is claimed marked, nothing that moves a terminal', async () => {
    answers.denied = () => ({ denied: [{ ...program, deniedAt: '2026-01-01T00:00:00Z' }] });
    const { code, stdout } = await run(['denied']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/d1 +acme +\/usr\/bin\/python3\ufffd\[2J +etl\.py \(claimed\)/);
  });

  it('takes one back, proves who asks, and says when there is none of that name', async () => {
    answers.forgetDenial = (id, by) => {
      asked.push(['forget', id, by.process?.pid]);
      return id === 'd1';
    };
    expect(await run(['denied', 'forget', 'd1'])).toMatchObject({ code: 0 });
    expect(await run(['denied', 'forget', 'd9'])).toMatchObject({ code: 2 });
    expect(asked).toEqual([
      ['forget', 'd1', 4711],
      ['forget', 'd9', 4711],
    ]);
  });
});
