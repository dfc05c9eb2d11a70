/** What the agent makes of a request before a noun is asked: which profile, which session, which limits. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Agent, type Company, createAgent } from '../../../main/agent.ts';
import { AppError } from '../../../main/app-error.ts';
import { type Grants, openGrants } from '../../../main/grant/grants.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import type { EpochMs } from '../../../main/units.ts';
import { hours, later } from '../../../main/units.ts';
import type { GrantNews } from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';

const host = 'https://acme.cloud.databricks.com';
const profileNamed = (name: string): Profile => ({
  ...profileSchema.parse({
    idp: { issuer: 'https://login.acme.example', clientId: 'lakepass' },
    workspaces: [{ name: 'main', host }],
    limits: { grant: '8 h' },
  }),
  name,
});

const person = (subject: string): SessionView => ({
  profile: 'acme',
  phase: 'signed-in',
  signInWaiting: false,
  identity: { issuer: 'https://login.acme.example', subject, username: `${subject}@acme.example`, displayName: subject, groups: [] },
  assurance: { level: 'phr', because: 'said so', acr: 'phr', amr: ['hwk'], authTime: null },
  signedInAt: null,
  renewedAt: null,
  endsAt: null,
  idleEndsAt: null,
  renewable: true,
  survivesRestart: true,
  renewalProblem: null,
  lastFailure: null,
});
const nobody: SessionView = { ...person('nobody'), phase: 'signed-out', identity: null, assurance: null };

/** A company whose session is what the test says, and whose sign-in is decided by the test. */
function company(
  name: string,
  view: () => SessionView,
  signIn: () => Promise<SessionView> = () => Promise.reject(new AppError('LOGIN_CANCELLED')),
): Company {
  const notAsked = (): never => {
    throw new Error('this test does not come here');
  };
  return {
    profile: profileNamed(name),
    session: {
      ...{ view, touch: () => undefined, onEnd: () => undefined, cancelSignIn: () => false },
      ...{ resume: notAsked, subjectToken: notAsked, signOut: notAsked, close: async () => undefined },
      async signIn({ onUrl }) {
        onUrl(new URL('https://login.acme.example/authorize'));
        return signIn();
      },
    },
    tokens: {
      peek: () => ({
        token: new Secret('held'),
        subject: 'ann',
        scopes: ['sql'],
        mintedAt: clock.now(),
        expiresAt: later(clock.now(), hours(1)),
      }),
      ...{ get: notAsked, forget: () => undefined, health: () => 'unknown' as const },
    },
    browser: async () => 'none',
  };
}

let clock: ReturnType<typeof fakeClock>;
let folder: string;
let grants: Grants;
let log: RecordingAudit;
beforeEach(async () => {
  clock = fakeClock();
  log = recordingAudit();
  folder = mkdtempSync(join(tmpdir(), 'lpa-'));
  grants = await openGrants({ file: join(folder, 'grants.json'), clock, random: randomBytes, audit: recordingAudit() });
});
afterEach(async () => {
  await grants.close();
  rmSync(folder, { recursive: true });
});

const agentOf = (...companies: Company[]): Agent =>
  createAgent({
    ...{ version: '0', startedAt: clock.now() as EpochMs, vault: 'memory', configFile: '/config.yaml', grants, clock },
    companies: new Map(companies.map((each) => [each.profile.name, each])),
    broker: { port: 12345, grantUrl: (secret) => `http://127.0.0.1:12345/v1/metadata/${secret.reveal()}` },
    audit: { append: (event) => log.append(event), tail: () => [], folder },
    problems: [],
    stop: () => undefined,
  });

const sql = { scopes: ['sql'], label: '' };

describe('which profile is meant', () => {
  it('is asked where there are several and none was named', async () => {
    const agent = agentOf(
      company('acme', () => person('ann')),
      company('other', () => person('ann')),
    );
    await expect(agent.makeGrant(sql)).rejects.toMatchObject({ code: 'PROFILE_NEEDED', detail: 'acme, other' });
    expect((await agent.makeGrant({ ...sql, profile: 'other' })).grant.profile).toBe('other');
  });

  it('is refused where the name is unknown, and where none is configured', async () => {
    await expect(agentOf(company('acme', () => person('ann'))).makeGrant({ ...sql, profile: 'nobody' })).rejects.toMatchObject({
      code: 'PROFILE_UNKNOWN',
    });
    await expect(agentOf().makeGrant(sql)).rejects.toMatchObject({ code: 'CONFIG_MISSING' });
  });
});

describe('a grant', () => {
  it('is for the person who is signed in, for the longest the profile allows unless a shorter time was asked', async () => {
    const agent = agentOf(company('acme', () => person('ann')));
    const longest = await agent.makeGrant(sql);
    expect(Date.parse(longest.grant.until)).toBe(later(clock.now(), hours(8)));
    expect(grants.get(longest.grant.id)).toMatchObject({ subject: 'ann', workspace: host });
    expect(Date.parse((await agent.makeGrant({ ...sql, seconds: 60 })).grant.until)).toBe(clock.now() + 60_000);
  });

  it('is not made for longer, for nobody, or for a session that has ended', async () => {
    await expect(agentOf(company('acme', () => person('ann'))).makeGrant({ ...sql, seconds: 8 * 3600 + 1 })).rejects.toMatchObject({
      code: 'GRANT_LIMIT',
      reason: 'time',
    });
    await expect(agentOf(company('acme', () => nobody)).makeGrant(sql)).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    const ended: SessionView = { ...nobody, phase: 'ended', lastFailure: new AppError('SESSION_LOST').toFailure() };
    await expect(agentOf(company('acme', () => ended)).makeGrant(sql)).rejects.toMatchObject({ code: 'SESSION_LOST' });
    expect(grants.list()).toEqual([]);
  });

  it('of one person ends when another one signs in', async () => {
    let view = person('ann');
    const agent = agentOf(
      company(
        'acme',
        () => view,
        async () => (view = person('bob')),
      ),
    );
    const { grant } = await agent.makeGrant(sql);
    await agent.beginSignIn('acme');
    await agent.signInOutcome('acme');
    await new Promise((resolve) => setImmediate(resolve));
    expect(grants.get(grant.id)).toMatchObject({ state: 'revoked' });
    const { grant: bobs } = await agent.makeGrant(sql);
    expect(grants.get(bobs.id)).toMatchObject({ subject: 'bob', state: 'live' });
  });

  it('can be followed: refusals, then its end', async () => {
    const agent = agentOf(company('acme', () => person('ann')));
    const { grant } = await agent.makeGrant(sql);
    const news: GrantNews[] = [];
    const followed = agent.followGrant(grant.id, (each) => news.push(each), new AbortController().signal);
    const failure = new AppError('WORKSPACE_MISMATCH').toFailure();
    agent.grantRefused(grant.id, failure);
    await agent.endGrants({ ids: [grant.id], why: 'revoked' });
    await followed;
    expect(news).toEqual([{ refused: failure }, { ended: 'revoked' }]);
  });
});

describe('a sign-in that fails', () => {
  it('is reported to whoever waits for it', async () => {
    const agent = agentOf(company('acme', () => nobody));
    await agent.beginSignIn(undefined);
    await expect(agent.signInOutcome(undefined)).rejects.toMatchObject({ code: 'LOGIN_CANCELLED' });
  });
});

describe('a token for the terminal', () => {
  it('is in the audit log before it leaves, every time', async () => {
    const agent = agentOf(company('acme', () => person('ann')));
    await agent.token({ scopes: ['sql'] });
    await agent.token({ scopes: ['sql'] });
    const record = {
      type: 'token.printed',
      profile: 'acme',
      workspace: host,
      scopes: ['sql'],
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    };
    expect(log.events).toEqual([expect.objectContaining(record), expect.objectContaining(record)]);
    expect(JSON.stringify(log.events)).not.toContain('held');
  });

  it('does not leave when the audit log cannot be written', async () => {
    log.fail();
    await expect(agentOf(company('acme', () => person('ann'))).token({ scopes: ['sql'] })).rejects.toMatchObject({
      code: 'AUDIT_UNWRITABLE',
    });
  });
});
