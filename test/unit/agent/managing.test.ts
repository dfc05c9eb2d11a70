/** What a company's bundle makes hold on a device, and how whoever it has revoked ends. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactVerify, importJWK } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import type { Company } from '../../../main/agent/agent.ts';
import { createManaging } from '../../../main/agent/managing.ts';
import { thumbprintOf } from '../../../main/enroll/bundle.ts';
import { openEnrollment } from '../../../main/enroll/enrollment.ts';
import { servicePrincipalIssuer } from '../../../main/grant/grant.ts';
import type { RegisteredKey } from '../../../main/passkey/tap-keys.ts';
import { builtInPolicy } from '../../../main/policy/built-in.ts';
import { type EpochMs, hours } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { signedBundle, signingKey } from '../enroll/setting.ts';
import { policyOf, question } from '../policy/asking.ts';
import { ISSUER, signedIn } from './setting.ts';

const its = `version: 1
id: acme
revision: 4
identities: [{ match: { anyone: true }, roles: [person] }]
roles: { person: { grants: [{ id: all, workspaces: ["*"], scopes: [sql, jobs], approval: click }] } }
deny: [{ id: no-jobs, scopes: [jobs] }]
`;
const own = policyOf(its.replace('[sql, jobs], approval: click', '[sql], approval: tap').replace('id: acme', 'id: mine'));

/** A session of one person, as far as an end needs it. */
function company(name: string, subject: string) {
  const ends: string[] = [];
  const hold = { answer: Promise.resolve() };
  const state: { vault: 'erased' | 'failed' } = { vault: 'erased' };
  let view = signedIn(subject, { profile: name });
  const session = {
    view: () => view,
    async signOut(why: string) {
      ends.push(why);
      await hold.answer;
      view = signedIn(subject, { profile: name, phase: 'signed-out', identity: null });
      return { vault: state.vault };
    },
  };
  const tokens = { forget: vi.fn() };
  const lock = (): void => {
    view = signedIn(subject, { profile: name, phase: 'locked', identity: null });
  };
  return { ends, hold, lock, state, tokens, company: { profile: { name }, session, tokens } as unknown as Company };
}

async function setting(minted: object[] = [], { named = true } = {}) {
  const key = await signingKey();
  const state = { bytes: Buffer.alloc(0) as Buffer, revision: 0, isAway: false };
  const fetch: typeof globalThis.fetch = async () => {
    if (state.isAway) throw new TypeError('fetch failed');
    return new Response(new Uint8Array(state.bytes), { status: 200 });
  };
  const clock = fakeClock();
  const audit = { ...recordingAudit(), tail: () => minted as never };
  let count = 0;
  const random = (bytes: number): Buffer => {
    count += 1;
    return Buffer.alloc(bytes, count);
  };
  const managed = named ? { url: 'https://it.acme.example/b.json', thumbprint: await thumbprintOf(key.publicKey) } : null;
  const enrollment = await openEnrollment({ vault: memoryVault(), managed, fetch, clock, random, audit, log: () => undefined });
  const people = [company('acme', 'alice'), company('globex', 'bob')];
  const keys: RegisteredKey[] = [];
  const files = { own: builtInPolicy() };
  const ended: [string[], string][] = [];
  const started = { afresh: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'managing-'));
  const principals = new Map([['ci', { tokens: { forget: vi.fn() }, session: { resume: async () => undefined } }]]);
  const managing = createManaging({
    managedBy: 'Acme',
    ...{ enrollment, audit, clock, random, folder, servicePrincipals: principals as never, forgetTokens: () => undefined },
    tapKeys: { registered: () => keys },
    record: () => null,
    companies: new Map(people.map(({ company: each }) => [each.profile.name, each])),
    files: {
      policy: () => files.own,
      view: () => ({ id: 'x', revision: 1, hash: 'x', mode: 'enforce', source: 'built-in', expires: null }),
    },
    grants: {
      async endWhere(which, why) {
        ended.push([['acme', 'globex', 'ci'].filter((profile) => which({ profile } as never)), why]);
        return 1;
      },
    },
    locking: () => ({
      async startAfresh() {
        started.afresh += 1;
      },
    }),
    log: (event) => {
      throw new Error(event);
    },
  });
  const publish = async (changes: Parameters<typeof signedBundle>[1] = {}): Promise<void> => {
    state.revision += 1;
    state.bytes = await signedBundle([key], { policy: its, revision: state.revision, ...changes });
    await enrollment.poll();
    expect(enrollment.problem()).toBeNull();
  };
  const proofs = (): { statement: Record<string, unknown>; jws: string }[] =>
    readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  return { managing, enrollment, publish, people, keys, files, ended, started, audit, clock, proofs, host: state };
}

const now = Date.parse('2026-01-05T09:00:00Z') as EpochMs;
const asked = (scopes: string[], username = 'alice@acme.example') =>
  question({ at: now, scopes, person: { issuer: 'https://idp.acme.example', subject: username.split('@')[0] ?? '', username } });

describe('who manages a device', () => {
  const nothing = { organization: null, revision: null, hash: null, signedBy: null, expires: null, device: null, acceptedAt: null };

  it('is said from the settings of the machine while its bundle is awaited, with what keeps it away', async () => {
    const { managing, enrollment, publish, host } = await setting();
    expect(managing.view()).toMatchObject({
      managedBy: 'Acme',
      source: 'managed',
      url: 'https://it.acme.example/b.json',
      ...nothing,
      problem: null,
    });
    host.isAway = true;
    await enrollment.poll();
    expect(managing.view()).toMatchObject({ ...nothing, problem: { code: 'BUNDLE_UNREACHABLE' } });
    host.isAway = false;
    await publish();
    expect(managing.view()).toMatchObject({ managedBy: 'Acme', organization: 'Acme', revision: 1, problem: null });
  });

  it('is said as well where the settings name no bundle, and then nothing is awaited', async () => {
    const { managing } = await setting([], { named: false });
    expect(managing.view()).toMatchObject({ managedBy: 'Acme', source: 'managed', url: null, ...nothing });
    expect([managing.problems(), managing.policy().id]).toEqual([[], 'self-managed']);
  });

  it('and cannot be heard for a week: what was said goes on to its end, and from then on nothing is given', async () => {
    const { managing, enrollment, publish, clock, host } = await setting();
    await publish({ expires: '2026-01-11T09:00:00Z' });
    host.isAway = true;
    const after = async (days: number) => {
      const at = (now + days * 86_400_000) as EpochMs;
      clock.set(at);
      await enrollment.poll();
      return [managing.policy().evaluate({ ...asked(['sql']), at }), managing.problems().map(({ code }) => code)];
    };
    for (const days of [1, 3, 5]) expect(await after(days)).toMatchObject([{ verdict: 'allow' }, ['BUNDLE_UNREACHABLE']]);
    expect(await after(6)).toMatchObject([{ verdict: 'deny', code: 'POLICY_EXPIRED' }, ['BUNDLE_EXPIRED']]);
    expect(await after(7)).toMatchObject([{ verdict: 'deny' }, ['BUNDLE_EXPIRED']]);
  });
});

describe('the policy of a managed device', () => {
  it('is the company’s, in the place of the one that comes with the program', async () => {
    const { managing, publish } = await setting();
    await publish();
    expect(managing.policyView()).toMatchObject({ id: 'acme', revision: 4, source: 'the bundle of Acme' });
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'allow', obligations: { approval: 'click' } });
    expect(managing.policy().evaluate(asked(['jobs'])).verdict).toBe('deny');
  });

  it('gives nothing until the company has been heard, whatever the person’s own says', async () => {
    const { managing, files, publish } = await setting();
    files.own = own;
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'deny', code: 'BUNDLE_AWAITED' });
    expect(managing.policyView()).toMatchObject({ id: 'awaited', source: 'the settings of this machine' });
    expect(managing.problems()).toMatchObject([{ code: 'BUNDLE_AWAITED' }]);
    await publish();
    expect(managing.policy().evaluate(asked(['sql'])).verdict).toBe('allow');
    expect(managing.problems()).toEqual([]);
  });

  it('beside which the person’s own only takes away', async () => {
    const { managing, publish, files } = await setting();
    await publish();
    files.own = own;
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'allow', obligations: { approval: 'tap' } });
    expect(managing.policy().id).toBe('acme');
  });

  it('says what a person is exempt from, and until when', async () => {
    const { managing, publish, clock } = await setting();
    const exemption = {
      id: `e${'1'.repeat(16)}`,
      rule: 'no-jobs',
      reason: 'month end',
      from: '2026-01-05T08:00:00Z',
      until: '2026-01-05T12:00:00Z',
    };
    await publish({ exemptions: [{ ...exemption, username: 'Alice@acme.example' }] });
    expect(managing.policy().evaluate(asked(['jobs'])).verdict).toBe('allow');
    expect(managing.policy().evaluate(asked(['jobs'], 'bob@acme.example')).verdict).toBe('deny');
    expect(managing.view()?.exemptions).toEqual([{ rule: 'no-jobs', until: '2026-01-05T12:00:00.000Z', reason: 'month end' }]);
    await clock.advance(hours(4));
    expect(managing.view()?.exemptions).toEqual([]);
  });
});

describe('tap keys that the company wants', () => {
  const rules = { atLeast: 2, attested: false, hardwareBound: true };
  const keyOf = (subject: string, id: number, changes: Partial<RegisteredKey> = {}): RegisteredKey => ({
    ...{ id: String(id).repeat(32), publicKey: 'x', aaguid: '4c616b65-7061-7373-4b65-790000000001', judgement: null, state: 'active' },
    ...{ backupEligible: false, backedUp: false, userVerified: true, enrolledAt: now },
    ...{ attestation: { format: 'none', object: 'x', clientDataHash: 'x' } },
    person: { issuer: ISSUER, subject, username: `${subject}@acme.example` },
    ...changes,
  });
  const by = (subject: string, issuer = ISSUER) => question({ at: now, scopes: ['sql'], person: { issuer, subject, username: subject } });

  it('are counted for each person, and whoever has too few gets nothing new', async () => {
    const { managing, publish, keys } = await setting();
    await publish({ tapKeys: rules });
    keys.push(keyOf('alice', 1), keyOf('alice', 2, { backupEligible: true }), keyOf('bob', 3), keyOf('bob', 4));
    expect(managing.policy().evaluate(by('alice'))).toMatchObject({ verdict: 'deny', code: 'TAP_KEYS_WANTED' });
    expect(() => managing.requireTapKeys({ issuer: ISSUER, subject: 'alice' })).toThrow(
      expect.objectContaining({ code: 'TAP_KEYS_WANTED' }),
    );
    expect(managing.policy().evaluate(by('bob')).verdict).toBe('allow');
    managing.requireTapKeys({ issuer: ISSUER, subject: 'bob' });
    expect(managing.policy().evaluate(by('bob', 'https://other.example')).verdict).toBe('deny');
    managing.requireTapKeys({ issuer: servicePrincipalIssuer, subject: 'app-1' });
    expect(managing.view()?.tapKeys).toMatchObject({ wanted: rules, counted: 1 });
    expect(managing.view()?.tapKeys?.keys.map(({ because }) => because)).toEqual(['allowed', 'synced', 'allowed', 'allowed']);
    expect(managing.notes()).toEqual(['Acme wants 2 tap keys of you; 1 of 2 is enrolled and counts.']);
  });

  it('count at once when they are enrolled, and no longer when they are lost', async () => {
    const { managing, publish, keys } = await setting();
    await publish({ tapKeys: rules });
    keys.push(keyOf('alice', 1), keyOf('alice', 2));
    expect(managing.policy().evaluate(by('alice')).verdict).toBe('allow');
    keys[1] = keyOf('alice', 2, { state: 'lost' });
    expect(managing.policy().evaluate(by('alice')).verdict).toBe('deny');
  });

  it('are told of before one is removed that would be missed', async () => {
    const { managing, publish, keys } = await setting();
    await publish({ tapKeys: { ...rules, atLeast: 1 } });
    keys.push(keyOf('alice', 1), keyOf('alice', 2, { backupEligible: true }), keyOf('bob', 3), keyOf('bob', 4));
    const missed = [1, 2, 3, 4, 5].map((id) => managing.keysMissingWithout(String(id).repeat(32)));
    expect(missed).toEqual(['Acme wants 1 tap key of you; 0 of 1 are enrolled and count.', null, null, null, null]);
  });

  it('are nobody’s concern where the company says nothing of them', async () => {
    const { managing, publish } = await setting();
    await publish();
    expect(managing.policy().evaluate(by('alice')).verdict).toBe('allow');
    expect(managing.view()?.tapKeys).toBeNull();
    managing.requireTapKeys({ issuer: ISSUER, subject: 'alice' });
  });
});

describe('whoever is revoked', () => {
  it('as a person loses their session and grants, and nobody else does', async () => {
    const { managing, publish, people, ended, started } = await setting();
    await publish({ revoked: { persons: [{ username: 'alice@acme.example' }] } });
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'deny', code: 'PERSON_REVOKED' });
    await managing.enforce();
    expect(people.map(({ ends }) => ends)).toEqual([['revoked'], []]);
    expect(people[0]?.tokens.forget).toHaveBeenCalled();
    // With the grants of service principals, to which that person had said yes.
    expect(ended).toEqual([
      [['ci'], 'revoked'],
      [['acme'], 'revoked'],
    ]);
    expect(started.afresh).toBe(0);
    expect(managing.policy().evaluate(asked(['sql'], 'bob@acme.example')).verdict).toBe('allow');
  });

  it('with the device loses everything it keeps, once', async () => {
    const { managing, enrollment, publish, people, ended, started } = await setting();
    await publish();
    await publish({ revoked: { devices: [enrollment.held()?.device.id as string] } });
    expect(managing.policy().evaluate(asked(['sql'], 'bob@acme.example'))).toMatchObject({ verdict: 'deny', code: 'DEVICE_REVOKED' });
    await managing.enforce();
    await managing.enforce();
    expect(people.map(({ ends }) => ends)).toEqual([['revoked'], ['revoked']]);
    expect(ended[0]).toEqual([['acme', 'globex', 'ci'], 'revoked']);
    expect(started.afresh).toBe(1);
    expect(managing.problems()).toMatchObject([{ code: 'DEVICE_REVOKED' }]);
    expect(managing.view()).toMatchObject({ revoked: true });
  });

  it('loses their grants while the provider has yet to answer, and holds up nobody else’s end', async () => {
    const { managing, publish, people, ended } = await setting();
    const slow = Promise.withResolvers<void>();
    for (const { hold } of people.slice(0, 1)) hold.answer = slow.promise;
    await publish({ revoked: { persons: [{ username: 'alice@acme.example' }, { username: 'bob@acme.example' }] } });
    const enforced = managing.enforce();
    await vi.waitFor(() => expect(people.map(({ ends }) => ends)).toEqual([['revoked'], ['revoked']]), { timeout: 30_000 });
    expect(ended.map(([profiles]) => profiles)).toEqual([['ci'], ['acme'], ['globex']]);
    expect(people[0]?.tokens.forget).toHaveBeenCalled();
    slow.resolve();
    await enforced;
  });

  it('with a device that is locked leaves a statement all the same, of nobody that could be seen', async () => {
    const alive = { type: 'token.minted', workspace: 'https://w.example', scopes: ['sql'], requestId: 'r', profile: 'globex' };
    const { managing, enrollment, publish, people, proofs, audit } = await setting([{ ...alive, expiresAt: '2026-01-05T09:30:00.000Z' }]);
    await publish();
    for (const { lock } of people) lock();
    await publish({ revoked: { devices: [enrollment.held()?.device.id as string] } });
    await managing.enforce();
    await managing.enforce();
    expect(proofs()).toHaveLength(1);
    expect(proofs()[0]?.statement).toMatchObject({
      ...{ person: null, profile: null, vault: 'erased', tokensAlive: [{ profile: 'globex' }] },
    });
    expect(audit.events.at(-1)).toMatchObject({ type: 'offboarding.done', person: '' });
  });

  it('does not get in any more, under whatever spelling', async () => {
    const { managing, publish } = await setting();
    const at = { issuer: 'https://idp.acme.example', subject: '1' };
    await publish({ revoked: { persons: [{ username: 'alice@acme.example' }] } });
    expect(managing.revocationOf({ ...at, username: 'Alice@Acme.example' })).toBe('PERSON_REVOKED');
    expect(managing.revocationOf({ ...at, username: 'bob@acme.example' })).toBeNull();
    const { device = '' } = managing.view() ?? {};
    await publish({ revision: 9, revoked: { devices: [device ?? ''] } });
    expect(managing.revocationOf({ ...at, username: 'bob@acme.example' })).toBe('DEVICE_REVOKED');
  });

  it('whose sealed session could not be erased is not said to have none left', async () => {
    const all = await setting();
    for (const { state } of all.people) state.vault = 'failed';
    await all.publish({ revoked: { persons: [{ username: 'alice@acme.example' }] } });
    await all.managing.enforce();
    expect(all.proofs()[0]?.statement).toMatchObject({ vault: 'failed' });
    expect(all.audit.events.at(-1)).toMatchObject({ type: 'offboarding.done', vault: 'failed' });
  });

  it('leaves a statement, signed by the device, of each token that still lives and when it ends', async () => {
    const minted = (profile: string, expiresAt: string) => ({
      ...{
        type: 'token.minted',
        profile,
        workspace: 'https://acme.cloud.databricks.com',
        scopes: ['sql'],
        requestId: 'r1',
        subject: 'alice',
      },
      expiresAt,
    });
    const all = await setting([
      minted('acme', '2026-01-05T09:30:00.000Z'),
      minted('acme', '2026-01-05T09:10:00.000Z'),
      minted('acme', '2026-01-05T08:59:59.000Z'),
      minted('globex', '2026-01-05T09:50:00.000Z'),
      { type: 'grant.ended', profile: 'acme' },
    ]);
    await all.publish({ revoked: { persons: [{ username: 'alice@acme.example' }] } });
    await all.managing.enforce();
    const [proof, ...others] = all.proofs();
    expect(others).toEqual([]);
    expect(proof?.statement).toMatchObject({
      person: { username: 'alice@acme.example' },
      allEndedBy: '2026-01-05T09:30:00.000Z',
      vault: 'erased',
      tokensAlive: [{ expiresAt: '2026-01-05T09:30:00.000Z' }, { expiresAt: '2026-01-05T09:10:00.000Z' }],
    });
    const device = all.enrollment.held()?.device;
    const { payload, protectedHeader } = await compactVerify(proof?.jws ?? '', await importJWK(device?.publicKey as never, 'ES256'));
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(proof?.statement);
    expect(protectedHeader).toMatchObject({ typ: 'lakepass-offboarding+jws', kid: device?.thumbprint });
    expect(all.audit.events.at(-1)).toMatchObject({ type: 'offboarding.done', tokens: 2, lastEnds: '2026-01-05T09:30:00.000Z' });
  });
});
