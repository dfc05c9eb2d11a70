/** What status says: which step comes next, what a person should know, what is wrong. */
import { describe, expect, it } from 'vitest';
import type { Company } from '../../../main/agent/agent.ts';
import { createGrantView, type StatusParts, statusOf } from '../../../main/agent/status.ts';
import { AppError } from '../../../main/app-error.ts';
import type { EpochMs } from '../../../main/units.ts';
import { statusViewSchema } from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import type { TapKeyView } from '../../../preload/contract/tap-key.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { askOf } from '../../fakes/pages-agent.ts';
import { nobody, notAsked, profileNamed, setting, signedIn, strictSession } from './setting.ts';

const clock = fakeClock();
const key: TapKeyView = {
  ...{ id: 'k', name: 'Blue', aaguid: 'a', model: 'YubiKey', attested: true, hardwareBound: true, enrolledAt: '2026-01-01T00:00:00.000Z' },
  ...{ lastTouchedAt: null, canSeal: true, seals: true },
};

const company = (name: string, view: SessionView): [string, Company] => [
  name,
  {
    profile: profileNamed(name),
    session: { ...strictSession, view: () => view },
    tokens: { peek: notAsked, get: notAsked, forget: notAsked, health: () => 'ok' as const },
    ...{ browser: notAsked, actsAs: () => undefined },
  },
];

interface Told {
  sessions?: [string, SessionView][];
  lock?: Partial<ReturnType<StatusParts['lockView']>>;
  keys?: TapKeyView[];
  asks?: number;
  parts?: Partial<StatusParts>;
}
const status = ({ sessions = [['acme', signedIn('00u1')]], lock = {}, keys = [key, key], asks = 0, parts = {} }: Told = {}) =>
  statusOf({
    ...{ version: '1.2.3', startedAt: clock.now() as EpochMs, vault: { kind: 'secret-service' as const }, port: () => 12_345 },
    ...{ host: 'headless' as const, configFile: '/config.yaml', companies: new Map(sessions.map(([name, view]) => company(name, view))) },
    servicePrincipals: new Map(),
    ...{ grants: { list: () => [] }, members: { count: () => 0 }, tapKeys: { list: () => keys } },
    consents: {
      view: () => ({ asks: Array.from({ length: asks }, () => askOf(clock)), snoozedUntil: null, quiet: false, history: [] }),
    },
    lockView: () => ({ state: 'open', since: null, why: null, locksAt: null, unlockBy: [], continuing: 0, sealing: 'key', ...lock }),
    policyView: () => ({ id: 'self-managed', revision: 1, hash: 'built-in', mode: 'enforce', source: 'built-in', expires: null }),
    ...{ problems: () => [], notes: () => [] },
    ...parts,
  });

describe('the next step', () => {
  it.each<[string, Told, RegExp]>([
    ['there is no profile, whatever else is', { sessions: [], lock: { state: 'locked' }, asks: 1 }, /\/config\.yaml/],
    ['all is locked, although somebody asks', { lock: { state: 'locked' }, asks: 1 }, /^lakepass unlock$/],
    ['somebody asks', { asks: 1, keys: [] }, /lakepass ui/],
    ['a sign-in waits', { sessions: [['acme', { ...nobody, phase: 'signing-in' }]] }, /browser/],
    ['nobody is signed in', { sessions: [['acme', nobody]] }, /^lakepass login$/],
    ['the session has ended', { sessions: [['acme', { ...nobody, phase: 'ended' }]] }, /^lakepass login$/],
    [
      'there are several profiles',
      {
        sessions: [
          ['acme', nobody],
          ['other', nobody],
        ],
      },
      /^lakepass login --profile acme$/,
    ],
    ['there is no tap key', { keys: [] }, /^lakepass login, .*tap key/],
    ['every tap key is lost', { keys: [{ ...key, state: 'lost' }] }, /^lakepass reset/],
    ['all is well', {}, /^lakepass run/],
    [
      'one of two profiles is ready',
      {
        sessions: [
          ['acme', nobody],
          ['other', signedIn('00u1')],
        ],
      },
      /^lakepass run/,
    ],
    ['it is away: runs go on', { lock: { state: 'away' } }, /^lakepass run/],
  ])('where %s', (_, told, next) => {
    expect(status(told).next).toMatch(next);
  });
});

describe('warnings', () => {
  it.each<[string, Told, number]>([
    ['none where a key seals the vault and there are two', {}, 0],
    ['one where nothing but the keychain seals it', { lock: { sealing: 'keychain' } }, 1],
    ['one where there is a single key', { keys: [key] }, 1],
    ['one where there is a single key beside a lost one', { keys: [key, { ...key, state: 'lost' }] }, 1],
    ['both', { lock: { sealing: 'keychain' }, keys: [key] }, 2],
    ['none for want of a key: that is the next step', { keys: [] }, 0],
    ['none for a vault in memory', { lock: { sealing: 'memory' } }, 0],
    ['what others note', { parts: { notes: () => ['The desktop cannot be heard.'] } }, 1],
  ])('are %s', (_, told, count) => {
    expect(status(told).warnings).toHaveLength(count);
  });
});

describe('status', () => {
  it('fits the contract, and names every problem of every profile', () => {
    const [corrupt, lost, busy] = (['GRANTS_CORRUPT', 'SESSION_LOST', 'ISSUER_UNREACHABLE'] as const).map((code) =>
      new AppError(code).toFailure(),
    );
    const view = status({
      sessions: [
        ['acme', { ...nobody, phase: 'ended', lastFailure: lost ?? null }],
        ['other', signedIn('00u1', { renewalProblem: busy ?? null })],
      ],
      parts: { problems: () => (corrupt === undefined ? [] : [corrupt]) },
    });
    expect(statusViewSchema.parse(view)).toEqual(view);
    expect(view.problems.map(({ code }) => code)).toEqual(['GRANTS_CORRUPT', 'SESSION_LOST', 'ISSUER_UNREACHABLE']);
    expect(view.profiles).toMatchObject([{ name: 'acme', workspaces: [{ name: 'main', health: 'ok' }] }, { name: 'other' }]);
  });

  it('says which file of authorities is believed, and what was approved of it', () => {
    const of = (network: object) => statusViewSchema.parse(status({ parts: { network: () => network } })).authorities;
    expect(of({})).toBeUndefined();
    expect(of({ caFile: '/ca.pem', caContent: 'ab' })).toEqual({ caFile: '/ca.pem', caContent: 'ab' });
    expect(of({ caFile: '/ca.pem' })).toEqual({ caFile: '/ca.pem', caContent: null });
  });

  it('lists live grants alone, with their members and their maker, and no secret', async () => {
    const all = await setting();
    const { grant, caller } = await all.run({ maker: { title: '/usr/bin/claude', kind: 'ai-agent', aiAgent: 'claude' } });
    const { grant: ended } = await all.run();
    await all.grants.end(ended.id, 'revoked');
    all.members.admits(grant, caller);
    const view = status({ parts: { grants: all.grants, members: all.members } });
    expect(statusViewSchema.parse(view)).toEqual(view);
    expect(view.grants).toMatchObject([
      {
        id: grant.id,
        binding: 'run',
        members: 1,
        state: 'live',
        lastUsedAt: null,
        caller: { kind: 'ai-agent', title: 'claude', pid: null },
      },
    ]);
    expect(view.grants[0]?.caller?.facts.map(({ name, value }) => [name, value])).toEqual([
      ['program', '/usr/bin/claude'],
      ['ai-agent', 'claude'],
    ]);
    all.grants.used(grant);
    expect(createGrantView({ members: all.members, companies: new Map(), servicePrincipals: new Map() })(grant)).toMatchObject({
      served: 1,
      lastUsedAt: new Date(all.clock.now()).toISOString(),
    });
  });
});
