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
import { builtInPolicy } from '../../../main/policy/built-in.ts';
import type { EpochMs } from '../../../main/units.ts';
import { memoryVault } from '../../../main/vault/memory-vault.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { signedBundle, signingKey } from '../enroll/setting.ts';
import { policyOf, question } from '../policy/asking.ts';
import { signedIn } from './setting.ts';

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
  const state: { vault: 'erased' | 'failed' } = { vault: 'erased' };
  let view = signedIn(subject, { profile: name });
  const session = {
    view: () => view,
    async signOut(why: string) {
      ends.push(why);
      view = signedIn(subject, { profile: name, phase: 'signed-out', identity: null });
      return { vault: state.vault };
    },
  };
  const tokens = { forget: vi.fn() };
  return { ends, state, tokens, company: { profile: { name }, session, tokens } as unknown as Company };
}

async function setting(minted: object[] = []) {
  const key = await signingKey();
  const state = { bytes: Buffer.alloc(0) as Buffer, revision: 0 };
  const fetch: typeof globalThis.fetch = async () => new Response(new Uint8Array(state.bytes), { status: 200 });
  const clock = fakeClock();
  const audit = { ...recordingAudit(), tail: () => minted as never };
  let count = 0;
  const random = (bytes: number): Buffer => {
    count += 1;
    return Buffer.alloc(bytes, count);
  };
  const managed = { url: 'https://it.acme.example/b.json', thumbprint: await thumbprintOf(key.publicKey) };
  const enrollment = await openEnrollment({ vault: memoryVault(), managed, fetch, clock, random, audit, log: () => undefined });
  const people = [company('acme', 'alice'), company('globex', 'bob')];
  const files = { own: builtInPolicy() };
  const ended: [string[], string][] = [];
  const started = { afresh: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'managing-'));
  const managing = createManaging({
    ...{ enrollment, audit, clock, random, folder, servicePrincipals: new Map(), forgetTokens: () => undefined },
    companies: new Map(people.map(({ company: each }) => [each.profile.name, each])),
    files: {
      policy: () => files.own,
      view: () => ({ id: 'x', revision: 1, hash: 'x', mode: 'enforce', source: 'built-in', expires: null }),
    },
    grants: {
      async endWhere(which, why) {
        ended.push([['acme', 'globex'].filter((profile) => which({ profile } as never)), why]);
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
  return { managing, enrollment, publish, people, files, ended, started, audit, clock, proofs };
}

const now = Date.parse('2026-01-05T09:00:00Z') as EpochMs;
const asked = (scopes: string[], username = 'alice@acme.example') =>
  question({ at: now, scopes, person: { issuer: 'https://idp.acme.example', subject: username.split('@')[0] ?? '', username } });

describe('the policy of a managed device', () => {
  it('is the company’s, in the place of the one that comes with the program', async () => {
    const { managing, publish } = await setting();
    expect(managing.policy().id).toBe('self-managed');
    await publish();
    expect(managing.policyView()).toMatchObject({ id: 'acme', revision: 4, source: 'the bundle of Acme' });
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'allow', obligations: { approval: 'click' } });
    expect(managing.policy().evaluate(asked(['jobs'])).verdict).toBe('deny');
  });

  it('beside which the person’s own only takes away', async () => {
    const { managing, publish, files } = await setting();
    await publish();
    files.own = own;
    expect(managing.policy().evaluate(asked(['sql']))).toMatchObject({ verdict: 'allow', obligations: { approval: 'tap' } });
    expect(managing.policy().id).toBe('acme');
  });

  it('says what a person is exempt from, and until when', async () => {
    const { managing, publish } = await setting();
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
    expect(managing.notes()).toEqual(['You are exempt from the rule no-jobs until 2026-01-05T12:00:00.000Z: month end']);
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
    expect(ended).toEqual([[['acme'], 'revoked']]);
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
    expect(ended[0]).toEqual([['acme', 'globex'], 'revoked']);
    expect(started.afresh).toBe(1);
    expect(managing.problems()).toMatchObject([{ code: 'DEVICE_REVOKED' }]);
    expect(managing.view()).toMatchObject({ revoked: true });
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
