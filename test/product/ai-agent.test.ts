/**
 * An AI agent with a shell cannot help itself. A child of a program that is known as one, and the same program after a double fork,
 * tries every verb, every route of the control door, every page, and the files, before and after the first tap key is there. Through
 * Lakepass it gets no scope beyond its grant, and every try is in the audit log.
 *
 * What a program of the same user takes without Lakepass is tested too, so that nobody is told otherwise.
 */
import { createHash } from 'node:crypto';
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Idp, startIdp } from '../fixtures/idp/idp.ts';
import { scriptedPerson, throughCurl } from '../fixtures/scripted-person.ts';
import { createSoftwareKey } from '../fixtures/software-key/software-key.ts';
import type { Terminal } from '../machine/terminal.ts';
import { type Keyring, startKeyring } from './keyring.ts';
import { ended, isAlive, type Product, printedUrl, quietPolicy, startProduct, usualConfig } from './product.ts';
import type { Table } from './self-help.ts';

let product: Product;
/** What the provider has given out, to know it by when it turns up. */
const plainTokens = new Set<string>();
let keyring: Keyring;
let claude: Terminal;
let selfHelp: string;
const env: NodeJS.ProcessEnv = { LAKEPASS_VAULT: 'keychain' };

beforeEach(async () => {
  plainTokens.clear();
  const secrets = (kind: string, value: string): void => {
    if (kind === 'refresh_token') plainTokens.add(value);
  };
  product = await startProduct({ env, policy: null, secrets });
  keyring = await startKeyring(product.machine.user, product.home);
  Object.assign(env, keyring.env);
  const tools = join(product.home, 'tools');
  mkdirSync(tools);
  copyFileSync('/bin/bash', join(tools, 'claude'));
  for (const path of [tools, join(tools, 'claude')]) chownSync(path, product.machine.user.uid, product.machine.user.gid);
  claude = await product.openTerminal(join(tools, 'claude'));
  selfHelp = await product.machine.program('test/product/self-help.ts');
});
afterEach(async () => {
  await product.close();
  await keyring.close();
});

/** Signs in without the steps that follow: nobody has enrolled a key. */
async function signInOnly(): Promise<void> {
  await product.idp.enrol('alice', product.key);
  const login = product.start(['login', '--json']);
  const outcome = ended(login);
  await product.browse(await printedUrl(login), { key: product.key, username: 'alice' });
  expect((await outcome).code).toBe(0);
}

/** A grant of the AI agent's own, which the person approves: `sql`, for a shell that goes on. */
async function ownGrant(): Promise<string> {
  const { words, env: own } = product.command;
  const asking = claude.start(words[0] ?? '', [...words.slice(1), 'env', '-s', 'sql', '--json'], { env: own });
  const outcome = ended(asking);
  const ui = await product.openUi();
  const prompt = await ui.prompt();
  expect(prompt).toMatchObject({ purpose: 'create', approval: 'tap', caller: { kind: 'ai-agent' }, scopes: ['sql'] });
  await ui.approve(prompt.id);
  const { code, stdout, stderr } = await outcome;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return (JSON.parse(stdout) as { grant: { id: string } }).grant.id;
}

/** Lets the program try everything: as a child of the AI agent, or by a double fork as a child of nobody. */
async function tryEverything(how: 'child' | 'double fork', grant?: string): Promise<Table> {
  const { words, env: own } = product.command;
  const out = join(product.home, 'table.json');
  const args = [selfHelp, words.at(-1) ?? '', out];
  const mine = { ...own, ...(grant === undefined ? {} : { GRANT: grant }) };
  if (how === 'child') {
    const { code, stderr } = await ended(claude.start(product.machine.node, args, { env: mine }));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  } else {
    const line = `("${[product.machine.node, ...args].join('" "')}"; true) >/dev/null 2>&1 &`;
    await ended(claude.start('setsid', ['/bin/sh', '-c', line], { env: mine }));
    for (let looks = 0; looks < 1200 && !existsSync(out); looks += 1) await wait(50);
  }
  return JSON.parse(readFileSync(out, 'utf8')) as Table;
}

interface AuditRecord {
  type: string;
  [field: string]: unknown;
}
const auditRecords = async (): Promise<AuditRecord[]> =>
  ((await product.json('audit', '--limit', '1000')) as { records: AuditRecord[] }).records;

/** Scopes of all tokens that left the workspace. */
const mintedScopes = (): string[] => [
  ...new Set(
    product.workspace.requests
      .filter(({ path, status }) => path === '/oidc/v1/token' && status === 200)
      .flatMap(({ scopes }) => scopes ?? []),
  ),
];

/** What a program may do that gives it nothing. */
const harmless = ['lakepass ui', 'lakepass unlock', '/v1/unlock with its own proof'];

/** Failures whose record is not a refusal but what was asked, or the touch that was refused. */
const recordOf: Record<string, string> = {
  CONSENT_UNANSWERED: 'consent.asked',
  CONSENT_PENDING: 'consent.asked',
  GIVEN_UP: 'consent.asked',
  TAP_REFUSED: 'tap.refused',
};

async function expectNothingGained(table: Table, allowed: readonly string[]): Promise<void> {
  const done = Object.entries(table).flatMap(([name, outcome]) =>
    ['done', 'TOKEN', 'GRANT'].includes(outcome) ? [`${name}: ${outcome}`] : [],
  );
  expect(done.sort()).toEqual(allowed.map((name) => `${name}: done`).sort());
  expect(Object.entries(table).filter(([, outcome]) => outcome.startsWith('REFUSED'))).toEqual([]);
  const records = await auditRecords();
  const unrecorded = Object.entries(table).filter(
    ([name, outcome]) =>
      !allowed.includes(name) && !records.some(({ type, code }) => code === outcome || type === (recordOf[outcome] ?? 'no such record')),
  );
  expect(unrecorded).toEqual([]);
}

describe('every verb, every route and every page, tried by a child of an AI agent', () => {
  it('before the first tap key is there: nothing, and each try is in the audit log with its name', { timeout: 60_000 }, async () => {
    await signInOnly();
    await expectNothingGained(await tryEverything('child'), harmless);
    expect(mintedScopes()).toEqual([]);
    await expectNamed();
  });

  it('with a tap key and a grant of its own: no scope beyond it', { timeout: 60_000 }, async () => {
    await product.signIn();
    const grant = await ownGrant();
    await expectNothingGained(await tryEverything('child', grant), harmless);
    expect(mintedScopes().filter((scope) => scope !== 'sql')).toEqual([]);
    await expectNamed();
    expect(await grantsNow()).toMatchObject([{ id: grant, state: 'live', scopes: ['sql'] }]);
  });
});

describe('the same, tried by a program that it has let go of, so that nothing shows whose it is', () => {
  // It may begin everything anew, and have the agent stop, for anybody may: that takes rights away and gives none. A grant in a profile
  // file opens nothing by itself, and the first query asks for itself. A profile that it adds lies in a file that it could write as well,
  // and waits for the person's touch. A setting of the person's own gives nobody more. A sign-in that it begins waits for the person.
  const steps = ['page: setup/default/write', 'page: setup/default/undo', 'page: setup/query'];
  const added = ['workspace', 'draft', 'add'].map((step) => `/v1/profiles/${step} with its own proof`);
  const allowed = [
    ...harmless,
    ...steps,
    ...added,
    'lakepass reset --yes',
    '/v1/hand-over with its own proof',
    '/v1/settings with its own proof',
    '/v1/keys/prove with its own proof',
  ];

  it('before the first tap key is there: nothing', { timeout: 60_000 }, async () => {
    await signInOnly();
    await expectNothingGained(await tryEverything('double fork'), allowed);
    expect(mintedScopes()).toEqual([]);
  });

  it('with a tap key and a grant: nothing; it can only have all of it erased, which is recorded', { timeout: 60_000 }, async () => {
    await product.signIn();
    const grant = await ownGrant();
    await expectNothingGained(await tryEverything('double fork', grant), allowed);
    expect(mintedScopes().filter((scope) => scope !== 'sql')).toEqual([]);
    expect(await auditRecords()).toContainEqual(expect.objectContaining({ type: 'agent.reset', keys: 1 }));
    expect((await grantsNow()).filter(({ state }) => state === 'live')).toEqual([]);
  });
});

const grantsNow = async () => (await product.json('grants'))['grants'] as { id: string; state: string; scopes: string[] }[];

/** Whatever says who asked says that it was the AI agent. */
async function expectNamed(): Promise<void> {
  const proven = (await auditRecords()).filter(
    ({ type, code }) => ['control.refused', 'consent.asked'].includes(type) && code !== 'CALLER_UNPROVEN',
  );
  expect(proven.length).toBeGreaterThan(5);
  expect(new Set(proven.filter(({ caller }) => caller !== undefined).map(({ aiAgent }) => aiAgent))).toEqual(new Set(['claude']));
}

/** A line in the AI agent's shell. */
const inItsShell = (line: string) => ended(claude.start('/bin/sh', ['-c', line], { env: product.command.env }));
async function itsVerb(...args: string[]): Promise<{ code: string; stdout: string }> {
  const { words, env: own } = product.command;
  const { stdout } = await ended(claude.start(words[0] ?? '', [...words.slice(1), ...args, '--json'], { env: own }));
  return { code: /"code":\s*"([A-Z_]+)"/.exec(stdout)?.[1] ?? 'done', stdout };
}
const tryMore = async (): Promise<string> => (await itsVerb('env', '-s', 'ml', '--wait', '0')).code;
const problemCodes = async (): Promise<string[]> =>
  ((await product.json('status'))['problems'] as { code: string }[]).map(({ code }) => code);
async function restartByIt(before = ''): Promise<void> {
  await product.json('status');
  const pid = await product.agentPid();
  await itsVerb('agent', '--stop');
  while (isAlive(pid)) await wait(20);
  if (before !== '') expect((await inItsShell(before)).code).toBe(0);
}
const share = (): string => join(product.home, '.local/share/lakepass');
const state = (): string => join(product.home, '.local/state/lakepass');

describe('the files, written by an AI agent', { timeout: 90_000 }, () => {
  beforeEach(async () => void (await product.signIn()));

  it('a policy that asks for nothing is not activated, nor after a restart; a configuration neither', async () => {
    product.writePolicy(quietPolicy);
    await expect.poll(problemCodes, { interval: 500 }).toContain('POLICY_UNAPPROVED');
    expect(await tryMore()).toBe('CONSENT_UNANSWERED');
    product.writeConfig(usualConfig(product.idp, product.workspaces).replace(/host: '[^']+'/, "host: 'http://127.0.0.1:9'"));
    await restartByIt();
    expect(await problemCodes()).toEqual(expect.arrayContaining(['POLICY_UNAPPROVED', 'CONFIG_UNAPPROVED']));
    expect(await tryMore()).toBe('CONSENT_UNANSWERED');
    const { profiles, policy } = (await product.json('status')) as {
      profiles: { workspaces: { host: string }[] }[];
      policy: { source: string };
    };
    expect(profiles[0]?.workspaces.map(({ host }) => host)).toEqual(product.workspaces.map(({ host }) => host));
    expect(policy.source).toBe('built-in');
    expect(mintedScopes()).toEqual([]);
  });

  it.each([
    ['scopes', `s/"scopes":\\["sql"\\]/"scopes":["sql","model-serving"]/`],
    ['binding', `s/"binding":{[^}]*}[^}]*}/"binding":{"kind":"file"}/`],
  ])('a grant whose file was edited (%s) is set aside with all others, and its address is unknown', async (_, edit) => {
    await ownGrant();
    const file = join(state(), 'grants.json');
    const before = readFileSync(file, 'utf8');
    await restartByIt(`sed -i '${edit}' '${file}'`);
    expect(readFileSync(file, 'utf8')).not.toBe(before);
    expect(await problemCodes()).toContain('GRANTS_CORRUPT');
    expect(await grantsNow()).toEqual([]);
  });

  it('answers, approvals, locks and sockets that were deleted make nothing wider', async () => {
    for (const path of [
      join(state(), 'answers.json'),
      join(share(), 'device', 'approved-policy.sealed'),
      join(product.home, 'run/lakepass'),
    ])
      await restartByIt(`rm -rf '${path}'`);
    expect(await tryMore()).toBe('CONSENT_UNANSWERED');
    expect(mintedScopes()).toEqual([]);
  });

  describe('without the keys and approvals (deleted), its own provider and its own key', () => {
    let itsIdp: Idp;
    beforeEach(async () => {
      itsIdp = await startIdp({});
    });
    afterEach(() => itsIdp.close());

    /** Beside the profile of the person, one of its own. */
    function addItsProfile(): void {
      const itsProfile = usualConfig(itsIdp, product.workspaces).split('\n').slice(2).join('\n').replace('  acme:', '  beta:');
      product.writeConfig(`${usualConfig(product.idp, product.workspaces)}${itsProfile}`);
    }

    it('come to nothing while a session lies there: what was approved is lost, no profile holds, and the next step is said', async () => {
      await restartByIt(`rm -rf '${join(share(), 'device')}'`);
      addItsProfile();
      for (const profile of ['beta', 'acme']) expect((await itsVerb('login', '--profile', profile)).code).toBe('CONFIG_UNAPPROVED');
      expect(await tryMore()).toBe('CONFIG_UNAPPROVED');
      const { profiles, problems } = (await product.json('status')) as { profiles: unknown[]; problems: unknown[] };
      expect(profiles).toEqual([]);
      expect(problems).toContainEqual(
        expect.objectContaining({ code: 'CONFIG_UNAPPROVED', detail: expect.stringContaining('lakepass reset') }),
      );
      expect(mintedScopes()).toEqual([]);
    });

    it('approve nothing in the profile of the person, where the session was deleted as well', async () => {
      await restartByIt(`rm -rf '${join(share(), 'device')}' '${join(share(), 'vault')}'`);
      addItsProfile();
      const itsKey = createSoftwareKey();
      await itsIdp.enrol('bob', itsKey);
      const { words, env: own } = product.command;
      const login = claude.start(words[0] ?? '', [...words.slice(1), 'login', '--profile', 'beta', '--json'], { env: own });
      const outcome = ended(login);
      const page = await product.browse(await printedUrl(login), { key: itsKey, username: 'bob' });
      expect((await outcome).code).toBe(0);
      const tapKey = createSoftwareKey();
      const itself = scriptedPerson({ key: tapKey, send: throughCurl((args) => ended(claude.start('curl', args))) });
      const home = await (await itself.openCeremony(page ?? '')).tap('mine');
      const asking = itsVerb('env', '-p', 'acme', '-s', 'ml', '--wait', '8s');
      const ui = await itself.openUi(home ?? '');
      const gained = await ui.approve().then(
        () => 'approved',
        () => 'not approved',
      );
      expect(gained).toBe('not approved');
      expect(['SIGNED_OUT', 'TAP_KEY_NEEDED', 'CONSENT_UNANSWERED']).toContain((await asking).code);
      expect(mintedScopes()).toEqual([]);
    });
  });
});

/** Opens the stored session as any program of this user could; says the hash of the refresh token it finds, or why there is none. */
const thief = `
const { AsyncEntry } = require(process.argv[1] + '/node_modules/@napi-rs/keyring');
const { createDecipheriv, createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
(async () => {
  const key = await new AsyncEntry('lakepass', 'vault-key', { linux: { store: 'secret-service' } }).getSecret();
  if (!key) return console.log('no key');
  const file = readFileSync(process.argv[2]);
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key), file.subarray(9, 21), { authTagLength: 16 });
  decipher.setAAD(Buffer.concat([file.subarray(0, 9), Buffer.from('session-acme')]));
  decipher.setAuthTag(file.subarray(file.length - 16));
  const plain = Buffer.concat([decipher.update(file.subarray(21, file.length - 16)), decipher.final()]);
  console.log(createHash('sha256').update(JSON.parse(plain).refreshToken).digest('hex'));
})().catch((error) => console.log('it does not open: ' + error.message));`;
const steal = async (): Promise<string> =>
  (
    await ended(
      claude.start(product.machine.node, ['-e', thief, product.machine.dist, join(share(), 'vault/session-acme.sealed')], {
        env: product.command.env,
      }),
    )
  ).stdout.trim();

describe('what a program of the same user takes without Lakepass', () => {
  it('is the refresh token, where the vault is sealed by the keychain alone', async () => {
    await product.signIn();
    const hashes = [...plainTokens].map((token) => createHash('sha256').update(token).digest('hex'));
    expect(hashes).toContain(await steal());
  });

  it('is nothing that can be used, once the vault is sealed by a key', async () => {
    await product.signIn();
    const ui = await product.openUi();
    const [key] = (await ui.state()).status.tapKeys;
    await (await ui.begin({ kind: 'seal', key: key?.id ?? '' })).tap();
    expect(await steal()).toMatch(/^(no key|it does not open)/);
    for (const { content } of product.files()) for (const token of plainTokens) expect(content.includes(token)).toBe(false);
  });
});
