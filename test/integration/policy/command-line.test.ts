/** `lakepass policy` as a process: no agent, no network, exit codes for scripts. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openAuditLog } from '../../../main/audit/log.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { grantText } from '../../unit/policy/asking.ts';

const command = fileURLToPath(new URL('../../../main/cli/main.ts', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakepass-policy-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
});

const run = (...args: string[]): Promise<{ status: number; out: string; err: string }> =>
  new Promise((done) => {
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    const env = { PATH, NODE_COMPILE_CACHE, HOME: folder, LAKEPASS_HOME: folder };
    const child = execFile(process.execPath, [command, 'policy', ...args], { env }, (_, out, err) =>
      done({ status: child.exitCode ?? -1, out, err }),
    );
  });
const file = async (text: string): Promise<string> => {
  const path = join(folder, 'policy.yaml');
  await writeFile(path, text);
  return path;
};
const alice = ['--as', 'alice@acme.example', '-w', 'acme.cloud.databricks.com'];

describe('lakepass policy check', () => {
  it('says what a good file holds, and what a person may not have meant', async () => {
    const path = await file(grantText('approval: click', 'tests: [{ name: sql, given: { scopes: [sql] }, expect: allow }]'));
    const { status, out } = await run('check', path);
    expect([status, out]).toEqual([0, expect.stringMatching(/"acme", revision 1.*1 grants, 0 denials; 1 tests.*Note: .*click/s)]);
    expect(JSON.parse((await run('check', path, '--json')).out)).toMatchObject({
      id: 'acme',
      counts: { tests: 1 },
      warnings: [expect.any(String)],
    });
  });

  it('says where a bad file is wrong, and fails', async () => {
    const { status, err } = await run('check', await file(grantText('', 'mode: warn')));
    expect(status).toBe(1);
    expect(err).toContain('POLICY_INVALID');
    expect(err).toContain('policy.yaml:14:7');
    expect(await run('check', join(folder, 'nothing.yaml'))).toMatchObject({ status: 1, err: expect.stringContaining('ENOENT') });
  });

  it('does not take a file whose own tests fail, and names the test', async () => {
    const { status, err } = await run(
      'check',
      await file(grantText('', 'tests: [{ name: no files, given: { scopes: [files] }, expect: allow }]')),
    );
    expect(status).toBe(1);
    expect(err).toMatch(/"no files".*POLICY_INVALID: tests/s);
  });
});

describe('lakepass policy explain', () => {
  it('prints the decision, every rule that took part, and what would change it', async () => {
    const path = await file(grantText('callers: [editor]', 'callers: { editor: { executable: ["**/code"] } }'));
    const { status, out } = await run('explain', path, ...alice, '-s', 'sql', '--caller', '/usr/bin/python3');
    expect(status).toBe(5);
    expect(out).toMatch(
      /^DENIED {2}\[POLICY_DENIED\]\n.*the-grant\n.*does not hold: the caller is editor\n.*What would change it:\n.*asking from editor/s,
    );
  });

  it('allows what the file allows, with what goes with it', async () => {
    const { status, out } = await run(
      'explain',
      await file(grantText('maxLife: 90 min')),
      ...alice,
      '-s',
      'sql,jobs',
      '--caller',
      '/usr/bin/python3',
    );
    expect([status, out]).toEqual([0, expect.stringMatching(/^ALLOWED\n.*90 min at most/s)]);
  });

  it.each([
    ['a group', ['--group', 'ds'], 'match: { anyone: true }', 'match: { group: ds }'],
    ['a claim', ['--claim', 'department=risk'], 'match: { anyone: true }', 'match: { claim: { name: department, value: risk } }'],
  ])('takes %s of the person', async (_, args, before, after) => {
    const path = await file(grantText().replace(before, after));
    const asked = [...alice, '-s', 'sql', '--caller', '/usr/bin/python3'];
    expect((await run('explain', path, ...asked)).status).toBe(5);
    expect((await run('explain', path, ...asked, ...args)).status).toBe(0);
  });

  it('answers scripts in JSON and by exit code: 3 where a sign-in would do', async () => {
    const path = await file(grantText('when: [fresh]', 'conditions: { fresh: { authAgeMax: 1 h } }'));
    const args = ['explain', path, ...alice, '-s', 'sql', '--caller', '/usr/bin/python3', '--json'];
    const late = await run(...args, '--auth-age', '61');
    expect(late.status).toBe(3);
    expect(JSON.parse(late.out)).toMatchObject({ decision: { verdict: 'step-up', code: 'STEP_UP_NEEDED', stepUp: { maxAge: 3_600_000 } } });
    expect((await run(...args, '--auth-age', '59')).status).toBe(0);
  });

  it('explains the built-in policy by its name: an AI agent gets an hour, a container nothing, everything nobody', async () => {
    const asked = ['explain', 'built-in', ...alice];
    expect(await run(...asked, '-s', 'notebook', '--caller', '/usr/bin/python3', '--ai-agent', 'claude')).toMatchObject({
      status: 0,
      out: expect.stringContaining('1 h at most'),
    });
    expect(await run(...asked, '-s', 'sql', '--kind', 'container')).toMatchObject({
      status: 5,
      out: expect.stringContaining('CALLER_REFUSED'),
    });
    expect(await run(...asked, '-s', 'all-apis', '--caller', '/usr/bin/python3')).toMatchObject({ status: 5 });
  });

  it('shows hostile names for what they are', async () => {
    const { out } = await run(
      'explain',
      'built-in',
      '--as',
      'a\u001b[2J@b.c',
      '-w',
      'acme.cloud.databricks.com',
      '-s',
      'sql',
      '--kind',
      'container',
    );
    expect(out).not.toContain('\u001b');
  });

  it.each([
    ['a scope that is none', ['-s', 'sqll']],
    ['a kind that is none', ['-s', 'sql', '--kind', 'robot']],
    ['a time that is none', ['-s', 'sql', '--at', 'tomorrow']],
    ['an assurance that is none', ['-s', 'sql', '--assurance', 'high']],
    ['a claim without a value', ['-s', 'sql', '--claim', 'x']],
    ['an age that is none', ['-s', 'sql', '--auth-age', '5 min']],
    ['no scope', []],
  ])('says that %s is wrong usage', async (_, args) => {
    expect((await run('explain', 'built-in', ...alice, ...args)).status).toBe(2);
  });
});

describe('lakepass policy suggest', () => {
  it('writes a policy from the log that allows what was used; checked, it can be used', async () => {
    const log = await openAuditLog({ folder: join(folder, 'audit'), clock: fakeClock(), random: randomBytes, log: () => undefined });
    const person = { profile: 'acme', subject: 'alice-1' };
    const workspace = 'https://acme.cloud.databricks.com';
    log.append({
      ...{ type: 'session.signed-in', ...person, issuer: 'https://issuer.example', username: 'alice@acme.example' },
      ...{ assurance: 'phr', acr: 'phr', amr: [], authTime: null },
    });
    log.append({
      ...{ type: 'grant.created', ...person, grant: 'g1', workspace, scopes: ['sql'], until: '2030-01-01T00:00:00.000Z', label: '' },
      ...{ approved: 'tap', caller: '/usr/bin/node', callerKind: 'program' },
    });
    log.append({
      ...{ type: 'token.served', grant: 'g1', workspace, scopes: ['sql'], expiresAt: '2030-01-01T00:00:00.000Z' },
      ...{ lease: '2030-01-01T00:00:00.000Z', fingerprint: '0', caller: '/usr/bin/python3', callerKind: 'program' },
    });
    await log.close();
    for (const from of [join(folder, 'audit'), join(folder, 'audit', (await readdir(join(folder, 'audit')))[0] ?? '')]) {
      const { status, out } = await run('suggest', '--from', from);
      expect(status).toBe(0);
      const path = await file(out);
      expect((await run('check', path)).out).toContain('tests pass');
      const asked = ['explain', path, ...alice, '--issuer', 'https://issuer.example'];
      expect((await run(...asked, '-s', 'sql', '--caller', '/usr/bin/python3')).status).toBe(0);
      expect((await run(...asked, '-s', 'sql', '--caller', '/usr/bin/R')).status).toBe(5);
      expect((await run(...asked, '-s', 'jobs', '--caller', '/usr/bin/python3')).status).toBe(5);
    }
  });

  it('says when there is no such log', async () => {
    expect(await run('suggest', '--from', join(folder, 'nowhere'))).toMatchObject({ status: 2, err: expect.stringContaining('ENOENT') });
  });
});
