/** Each check on the states of a machine it is about. What is told is told in the contract's words, and never with a value of a variable. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { type Check, runChecks } from '../../../main/doctor/check.ts';
import { checks } from '../../../main/doctor/checks.ts';
import type { Facts } from '../../../main/doctor/facts.ts';
import { type EpochMs, hours, minutes, ms, seconds } from '../../../main/units.ts';
import { type DoctorView, doctorViewSchema } from '../../../preload/contract/doctor.ts';
import type { FailureCode } from '../../../preload/contract/failure.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { NOW, profile, session, status, tapKey, temporaryFolder, wellMachine } from './setting.ts';

const logged: unknown[] = [];
const looking = (facts: Facts, table: readonly Check[] = checks) =>
  runChecks(table, facts, { clock: fakeClock(), log: (event, fields) => void logged.push([event, fields]) });
async function found(id: string, changes: Partial<Facts> | ((home: string) => Partial<Facts>)): Promise<DoctorView['checks'][number]> {
  const well = await wellMachine();
  const view = await looking({ ...well, ...(typeof changes === 'function' ? changes(well.home) : changes) });
  const check = view.checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
}
const failure = (code: FailureCode, options = {}) => new AppError(code, options).toFailure();

describe('the page', () => {
  it('is good all over on a machine on which all is well, each check with an id and a title of its own', async () => {
    const view = await looking(await wellMachine());
    expect(doctorViewSchema.parse(view)).toEqual(view);
    expect(view.checks.filter(({ state }) => state !== 'good')).toEqual([]);
    expect(view.checks.filter(({ next, code }) => next !== null || code !== null)).toEqual([]);
    expect(new Set(view.checks.map(({ id }) => id)).size).toBe(view.checks.length);
    expect(new Set(view.checks.map(({ title }) => title)).size).toBe(view.checks.length);
    expect(view.checks.length).toBe(16);
  });

  it('says something in whole sentences of everything, also where nothing is well', async () => {
    const broken: Partial<Facts> = {
      status: status({ profiles: [profile(session({ phase: 'ended' }), 'WORKSPACE_BUSY')], tapKeys: [], port: 1 }),
      ...{ portMoved: true, fileNotes: ['A note.'], configApproved: false, lockNotes: ['Nothing is heard.'], auditVerified: null },
      ...{ clockDrift: ms(-9000), env: { HOME: temporaryFolder(), PATH: '/none', DATABRICKS_TOKEN: 'x' } },
    };
    const view = await looking({ ...(await wellMachine()), ...broken });
    for (const { finding, next, state } of view.checks) {
      expect(finding).toMatch(/^[A-Z"0-9].*\.$/);
      if (state !== 'good') expect(next).toMatch(/^[A-Z].*\.$/);
    }
    expect(view.checks.filter(({ state }) => state !== 'good').length).toBeGreaterThan(9);
  });

  it('shows what a check throws as unknown, with its code, in its place, and logs it', async () => {
    const table: Check[] = [
      { id: 'first', title: 'First', look: () => ({ state: 'good', finding: 'Well.' }) },
      {
        id: 'bug',
        title: 'Bug',
        look: () => {
          throw new TypeError('secret-canary');
        },
      },
      { id: 'known', title: 'Known', look: async () => Promise.reject(new AppError('DISK_FULL')) },
      { id: 'each', title: 'Each', look: () => [{ id: 'a', title: 'A', state: 'weak', finding: 'So.', next: 'Do.' }] },
    ];
    logged.length = 0;
    const view = await looking(await wellMachine(), table);
    expect(view.checks.map(({ id, state, code }) => [id, state, code])).toEqual([
      ['first', 'good', null],
      ['bug', 'unknown', 'INTERNAL'],
      ['known', 'unknown', 'DISK_FULL'],
      ['each-a', 'weak', null],
    ]);
    expect(logged).toEqual([
      ['doctor.check-failed', { check: 'bug', code: 'INTERNAL', error: 'TypeError' }],
      ['doctor.check-failed', { check: 'known', code: 'DISK_FULL', error: 'AppError' }],
    ]);
    expect(JSON.stringify([view, logged])).not.toContain('canary');
  });

  it('does not wait for a check that never ends', async () => {
    const clock = fakeClock();
    const table: Check[] = [{ id: 'stuck', title: 'Stuck', look: () => new Promise(() => undefined) }];
    const view = runChecks(table, await wellMachine(), { clock, log: () => undefined });
    await clock.advance(seconds(5));
    expect((await view).checks).toMatchObject([{ id: 'stuck', state: 'unknown', code: null }]);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind', async () => {
    const clock = fakeClock();
    await runChecks(checks, await wellMachine(), { clock, log: () => undefined });
    expect(clock.pending).toBe(0);
  });
});

type Row = [string, string, Partial<Facts> | ((home: string) => Partial<Facts>), DoctorView['checks'][number]['state'], FailureCode | null];
describe('a check', () => {
  it.each<Row>([
    ['the configuration that is broken', 'config', { fileProblems: [failure('CONFIG_INVALID')] }, 'bad', 'CONFIG_INVALID'],
    ['one that waits for a tap', 'config', { fileProblems: [failure('CONFIG_UNAPPROVED')] }, 'weak', 'CONFIG_UNAPPROVED'],
    ['one that is lost', 'config', { fileProblems: [failure('CONFIG_UNAPPROVED', { reason: 'lost' })] }, 'bad', 'CONFIG_UNAPPROVED'],
    [
      'what is worst of both',
      'config',
      { fileProblems: [failure('CONFIG_UNAPPROVED'), failure('CONFIG_PLAIN_HTTP')] },
      'bad',
      'CONFIG_PLAIN_HTTP',
    ],
    ['the policy apart from it', 'config', { fileProblems: [failure('POLICY_INVALID')] }, 'good', null],
    ['no profile', 'config', { status: status({ profiles: [] }) }, 'weak', 'CONFIG_MISSING'],
    ['a change that holds from the next start', 'config', { fileNotes: ['A change.'] }, 'weak', null],
    ['one that nobody has used', 'config', { configApproved: false }, 'weak', null],
    ['a policy that is broken', 'policy', { fileProblems: [failure('POLICY_INVALID')] }, 'bad', 'POLICY_INVALID'],
    ['a policy that waits', 'policy', { fileProblems: [failure('POLICY_UNAPPROVED')] }, 'weak', 'POLICY_UNAPPROVED'],
    [
      'a policy past its date',
      'policy',
      { status: status({ policy: { ...status().policy, expires: new Date(NOW).toISOString() } }) },
      'bad',
      'POLICY_EXPIRED',
    ],
    [
      'a policy before its date',
      'policy',
      { status: status({ policy: { ...status().policy, expires: new Date(NOW + 1).toISOString() } }) },
      'good',
      null,
    ],
    ['a policy that observes', 'policy', { status: status({ policy: { ...status().policy, mode: 'observe' } }) }, 'weak', null],
    ['the built-in policy', 'policy', { status: status({ policy: { ...status().policy, source: 'built-in' } }) }, 'good', null],
    ['a vault under the keychain alone', 'vault', { status: status({ lock: { ...status().lock, sealing: 'keychain' } }) }, 'weak', null],
    ['a vault in memory', 'vault', { status: status({ lock: { ...status().lock, sealing: 'memory' } }) }, 'good', null],
    ['a vault under a passphrase', 'vault', { status: status({ lock: { ...status().lock, sealing: 'passphrase' } }) }, 'good', null],
    ['no tap key', 'tap-keys', { status: status({ tapKeys: [] }) }, 'weak', 'TAP_KEY_NEEDED'],
    ['one tap key', 'tap-keys', { status: status({ tapKeys: [tapKey('Blue')] }) }, 'weak', null],
    [
      'one tap key beside a lost one',
      'tap-keys',
      { status: status({ tapKeys: [tapKey('Blue'), tapKey('Red', { state: 'lost' })] }) },
      'weak',
      null,
    ],
    ['a lost tap key alone', 'tap-keys', { status: status({ tapKeys: [tapKey('Blue', { state: 'lost' })] }) }, 'bad', null],
    [
      'a tap key of a broken model',
      'tap-keys',
      { status: status({ tapKeys: [tapKey('Blue', { because: 'status', status: 'REVOKED' }), tapKey('Red')] }) },
      'bad',
      null,
    ],
    [
      'a key that may have a copy',
      'tap-keys',
      { status: status({ tapKeys: [tapKey('Blue'), tapKey('Red', { suspect: true })] }) },
      'bad',
      null,
    ],
    ['keys that could not be read', 'tap-keys', { tapKeyProblem: failure('VAULT_CORRUPT') }, 'bad', 'VAULT_CORRUPT'],
    ['a port that moved', 'broker-port', { portMoved: true }, 'weak', 'PORT_TAKEN'],
    ['a folder that is gone', 'control-socket', { isRuntimeOwn: async () => false }, 'bad', 'AGENT_NOT_RUNNING'],
    [
      'a folder of others',
      'control-socket',
      { isRuntimeOwn: () => Promise.reject(new AppError('RUNTIME_UNSAFE', { reason: 'owner' })) },
      'bad',
      'RUNTIME_UNSAFE',
    ],
    ['a socket that is gone', 'control-socket', (home) => ({ socket: join(home, 'none.sock') }), 'bad', 'AGENT_NOT_RUNNING'],
    ['a socket that is a folder', 'control-socket', (home) => ({ socket: home }), 'bad', 'AGENT_NOT_RUNNING'],
    ['a folder that cannot be looked at', 'control-socket', { isRuntimeOwn: () => Promise.reject(new Error('x')) }, 'unknown', 'INTERNAL'],
    [
      'a disk that took nothing',
      'audit-log',
      { auditSynced: () => Promise.reject(new AppError('AUDIT_UNWRITABLE', { reason: 'disk-full' })) },
      'bad',
      'AUDIT_UNWRITABLE',
    ],
    ['a log that is gone', 'audit-log', (home) => ({ auditFolder: join(home, 'none') }), 'bad', 'AUDIT_UNWRITABLE'],
    ['a bug of the log', 'audit-log', { auditSynced: () => Promise.reject(new Error('x')) }, 'unknown', 'INTERNAL'],
    ['a log nobody has checked', 'audit-verified', { auditVerified: null }, 'unknown', null],
    [
      'a log that is broken',
      'audit-verified',
      { auditVerified: { isWhole: false, records: 3, at: NOW, clockWentBack: false } },
      'bad',
      'AUDIT_BROKEN',
    ],
    ['a clock set back', 'clock', { clockDrift: ms(-minutes(10)) }, 'weak', 'CLOCK_SKEW'],
    ['a clock slewed a little', 'clock', { clockDrift: ms(-1999) }, 'good', null],
    ['a machine that slept', 'clock', { clockDrift: hours(8) }, 'good', null],
    [
      'a clock that the log tells of',
      'clock',
      { auditVerified: { isWhole: true, records: 3, at: NOW, clockWentBack: true } },
      'weak',
      'CLOCK_SKEW',
    ],
    [
      'a clock that a server finds wrong',
      'clock',
      { status: status({ profiles: [profile(session(), 'CLOCK_SKEW')] }) },
      'bad',
      'CLOCK_SKEW',
    ],
    ['a desktop that is not heard', 'desktop', { lockNotes: ['Nothing is heard.'] }, 'weak', null],
    ['an agent in a window', 'agent', { status: status({ host: 'desktop' }) }, 'good', null],
  ])('tells of %s', async (_, id, changes, state, code) => {
    expect(await found(id, changes)).toMatchObject({ state, code });
  });

  it.each<[string, Parameters<typeof session>[0], DoctorView['checks'][number]['state'], FailureCode | null]>([
    ['nobody is signed in', { phase: 'signed-out' }, 'weak', 'SIGNED_OUT'],
    ['the last sign-in failed', { phase: 'signed-out', lastFailure: failure('LOGIN_REFUSED') }, 'weak', 'LOGIN_REFUSED'],
    ['a sign-in waits', { phase: 'signing-in' }, 'weak', null],
    ['the session has ended', { phase: 'ended' }, 'bad', 'SIGNED_OUT'],
    ['the session was lost', { phase: 'ended', lastFailure: failure('SESSION_LOST') }, 'bad', 'SESSION_LOST'],
    ['all is locked', { phase: 'locked' }, 'weak', 'LOCKED'],
    ['it cannot be renewed just now', { renewalProblem: failure('ISSUER_UNREACHABLE') }, 'weak', 'ISSUER_UNREACHABLE'],
    ['nobody renews it', { renewable: false }, 'weak', null],
    ['its end is not known', { endsAt: null }, 'good', null],
  ])('of a session tells that %s', async (_, changes, state, code) => {
    const two = status({ profiles: [profile(session()), profile(session({ profile: 'other', ...changes }))] });
    expect(await found('session-acme', { status: two })).toMatchObject({ state: 'good', title: 'Session: acme' });
    expect(await found('session-other', { status: two })).toMatchObject({ state, code, title: 'Session: other' });
  });

  it.each<[string, DoctorView['checks'][number]['state'], FailureCode | null]>([
    ['ok', 'good', null],
    ['unknown', 'unknown', null],
    ['EXCHANGE_WRONG_AUDIENCE', 'bad', 'EXCHANGE_WRONG_AUDIENCE'],
    ['WORKSPACE_UNREACHABLE', 'bad', 'WORKSPACE_UNREACHABLE'],
    ['a word of a newer version', 'bad', null],
  ])('of a workspace whose health is %s', async (health, state, code) => {
    const view = await found('workspace-acme-main', { status: status({ profiles: [profile(session(), health)] }) });
    expect(view).toMatchObject({ state, code, title: 'Workspace: acme / main' });
  });

  it('tells what an answer of the log is worth: how long ago it was', async () => {
    const at = (NOW - hours(50)) as EpochMs;
    expect((await found('audit-verified', { auditVerified: { isWhole: true, records: 3, at, clockWentBack: false } })).finding).toContain(
      '2 d 2 h',
    );
  });
});

describe('the check of the browser', () => {
  it.each<[string, NodeJS.ProcessEnv, 'good' | 'weak']>([
    ['a program that is named', { BROWSER: '/usr/bin/firefox' }, 'good'],
    ['none, by choice', { BROWSER: 'none', DISPLAY: ':0' }, 'weak'],
    ['no display', {}, 'weak'],
    ['an empty display', { DISPLAY: '' }, 'weak'],
    ['a display, and nothing to open with', { DISPLAY: ':0', PATH: '/none' }, 'weak'],
    ['a name that is nowhere', { BROWSER: 'no-such-browser', PATH: '/usr/bin' }, 'weak'],
  ])('finds %s', async (_, env, state) => {
    expect(await found('browser', { env })).toMatchObject({ state });
  });

  it('finds the opener of the desktop on the PATH', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'xdg-open'), '#!/bin/sh\n', { mode: 0o755 });
    for (const env of [{ DISPLAY: ':0' }, { WAYLAND_DISPLAY: 'wayland-0' }])
      expect(await found('browser', { env: { ...env, PATH: `/none:${folder}` } })).toMatchObject({ state: 'good' });
  });
});

describe('the checks of other Databricks settings', () => {
  const canary = 'dapi0123456789abcdef0123';

  it('name the variables that win, in order, and never their values', async () => {
    const env = {
      ...{ DATABRICKS_TOKEN: canary, ARM_CLIENT_SECRET: canary, DATABRICKS_CONFIG_PROFILE: 'x', DATABRICKS_CLIENT_ID: '' },
      ...{ DATABRICKS_HOST: 'https://acme', DATABRICKS_BUNDLE_ENV: 'dev', databricks_token: canary },
    };
    const { state, finding } = await found('databricks-variables', { env });
    expect(state).toBe('weak');
    expect(finding).toContain('ARM_CLIENT_SECRET, DATABRICKS_CONFIG_PROFILE, DATABRICKS_TOKEN.');
    for (const name of ['CLIENT_ID', 'HOST', 'BUNDLE', canary]) expect(finding).not.toContain(name);
  });

  it('find nothing where the environment itself asks Lakepass', async () => {
    expect(
      await found('databricks-variables', { env: { DATABRICKS_AUTH_TYPE: 'metadata-service', DATABRICKS_TOKEN: canary } }),
    ).toMatchObject({ state: 'good' });
  });

  it.each<[string, string, 'good' | 'weak', RegExp]>([
    ['a default with a token', `[DEFAULT]\nhost = https://acme\ntoken = ${canary}\n`, 'weak', /DEFAULT has token\./],
    ['a default of another kind', '[DEFAULT]\nauth_type: databricks-cli\n', 'weak', /DEFAULT has auth_type\./],
    [
      'a default that asks Lakepass',
      '[DEFAULT]\nauth_type = metadata-service\nmetadata_service_url = http://127.0.0.1:1/x\n',
      'good',
      /No section/,
    ],
    [
      'a default that asks Lakepass in spite of a token',
      `[DEFAULT]\nauth_type = metadata-service\ntoken = ${canary}\n`,
      'good',
      /No section/,
    ],
    ['an empty default', '[DEFAULT]\nhost = https://acme\ntoken =\n', 'good', /No section/],
    ['another section with a secret', `[dev]\r\nclient_id = a\r\nclient_secret = ${canary}\r\n`, 'weak', /in: dev\./],
    ['sections without secrets', '[dev]\nauth_type = databricks-cli\n[prod]\nauth_type = azure-cli\n', 'good', /dev, prod\./],
    [
      'comments, and lines before any section',
      `token = ${canary}\n; [dev]\n# token = ${canary}\n[DEFAULT]\n; token = x\n`,
      'good',
      /No section/,
    ],
    ['a name that could be anything', `[${canary} x]\ntoken = ${canary}\n`, 'weak', /a section of another name/],
    ['the same section twice', '[dev]\nusername = a\n[dev]\npassword = b\n', 'weak', /in: dev\./],
    ['nothing', '', 'good', /No section/],
    ['a run of spaces without an end', `[dev]\ntoken = a${' '.repeat(1_000_000)}b\n`, 'weak', /in: dev\./],
    ['bytes that are no text', '\xff\xfe[DEFAULT\n]]\0=', 'good', /No section/],
  ])('read a file with %s', async (_, text, state, finding) => {
    const view = await found('databricks-profiles', (home) => {
      writeFileSync(join(home, '.databrickscfg'), text, 'latin1');
      return {};
    });
    expect(view).toMatchObject({ state, finding: expect.stringMatching(finding) });
    expect(JSON.stringify(view)).not.toContain(canary);
  });

  it('read the file that a variable names, with ~ for home', async () => {
    const view = await found('databricks-profiles', (home) => {
      mkdirSync(join(home, 'conf'));
      writeFileSync(join(home, 'conf/cfg'), '[DEFAULT]\ntoken = x\n');
      return { env: { HOME: home, DATABRICKS_CONFIG_FILE: '~/conf/cfg' } };
    });
    expect(view.state).toBe('weak');
  });

  it('say that there is none', async () => {
    expect(await found('databricks-profiles', {})).toMatchObject({ state: 'good', finding: 'There is none.' });
  });

  it.each<[string, (file: string) => void]>([
    ['a folder', (file) => mkdirSync(file)],
    ['larger than any', (file) => writeFileSync(file, 'x'.repeat(1024 * 1024 + 1))],
  ])('do not read what is %s', async (_, make) => {
    const view = await found('databricks-profiles', (home) => {
      make(join(home, '.databrickscfg'));
      return {};
    });
    expect(view).toMatchObject({ state: 'unknown', code: 'INTERNAL' });
  });

  it('do not take a file that cannot be reached for none', async () => {
    const view = await found('databricks-profiles', (home) => {
      writeFileSync(join(home, 'file'), '');
      return { env: { HOME: join(home, 'file') } };
    });
    expect(view.state).toBe('unknown');
  });

  it('do not wait at a pipe', async () => {
    const view = await found('databricks-profiles', (home) => {
      expect(spawnSync('mkfifo', [join(home, '.databrickscfg')]).status).toBe(0);
      return {};
    });
    expect(view.state).toBe('unknown');
  });
});
