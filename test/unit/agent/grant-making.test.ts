/** How a grant comes about and how it grows: what is asked, what is asked again after the answer, and what becomes of the grant. */
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { Caller } from '../../../main/caller/caller.ts';
import { hours, later, minutes, seconds } from '../../../main/units.ts';
import type { AskView } from '../../../preload/contract/consent.ts';
import { grantRequestSchema } from '../../../preload/contract/control.ts';
import { refOf } from '../grant/setting.ts';
import { codeOf, HOST, nobody, policyFrom, policyText, type Setting, setting, signedIn, until, waiting } from './setting.ts';

const claude = { kind: 'ai-agent', aiAgent: 'claude' } as const;
const request = (changes: z.input<typeof grantRequestSchema> | Record<string, unknown> = {}) =>
  grantRequestSchema.parse({ binding: 'run', scopes: ['sql'], ...changes });

/** `lakepass` in a shell in a terminal, or in what else is named. */
function commandUnder(
  all: Setting,
  parents: readonly string[] = ['/usr/bin/gnome-terminal', '/usr/bin/bash'],
  changes: Partial<Caller> = {},
) {
  const started: ReturnType<typeof all.processes.start>[] = [];
  for (const executable of parents) {
    const above = started.at(-1);
    started.push(all.processes.start({ executable, ...(above === undefined ? {} : { parent: above }) }));
  }
  const parent = started.at(-1);
  const process = all.processes.start({ executable: '/usr/bin/node', ...(parent === undefined ? {} : { parent }) });
  return { by: all.processes.callerOf(process, changes), process, started };
}

/** Begins to make a grant, and waits until it is asked about. */
async function begun(all: Setting, changes: Record<string, unknown> = {}, by: Caller = commandUnder(all).by) {
  const asking: AskView[] = [];
  const outcome = all.making.make(
    request(changes),
    by,
    waiting((told) => asking.push(told.asking)),
  );
  outcome.catch(() => undefined);
  await all.clock.advance(0);
  return { outcome, asking };
}

/** The code with which a grant is refused before anybody is asked. Whoever is asked has yet to answer: there is nothing to wait for. */
async function refusedUnasked(all: Setting): Promise<string> {
  const { outcome } = await begun(all);
  expect(all.consents.view().asks).toEqual([]);
  return codeOf(outcome);
}

describe('a grant', () => {
  it('is asked of a person in the words of its scopes, and made as it was shown', async () => {
    const all = await setting();
    const { by, process } = commandUnder(all);
    const { outcome, asking } = await begun(all, { label: 'jupyter lab', seconds: 3600, scopes: ['sql', 'sql'] }, by);
    const ends = later(all.clock.now(), hours(1));
    expect(asking).toMatchObject([
      { purpose: 'create', profile: 'acme', workspace: HOST, label: 'jupyter lab', until: new Date(ends).toISOString(), spans: ['grant'] },
    ]);
    expect(asking[0]?.words.length).toBeGreaterThan(0);
    await all.person.approves('tap');
    const { grant, secret } = await outcome;
    expect(grant).toMatchObject({
      ...{ profile: 'acme', issuer: 'https://idp.acme.example', subject: '00u1', workspace: HOST, scopes: asking[0]?.scopes, until: ends },
      ...{ label: 'jupyter lab', approved: 'tap:key-1', binding: { kind: 'run', root: refOf(process), cgroup: null } },
      maker: { title: '/usr/bin/node', kind: 'program', aiAgent: null },
    });
    expect(all.grants.find(secret.reveal())).toBe(grant);
    expect(all.members.admits(grant, by)).toBe(true);
  });

  it('is of the bundle for notebooks where no scopes are named', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { grant } = await all.making.make(request({ scopes: [] }), commandUnder(all).by, waiting());
    expect(grant.scopes.length).toBeGreaterThan(1);
    expect(grant.approved).toBe('policy');
    expect(all.consents.view().history).toEqual([]);
  });

  it('does not run on past the end that was shown, however long the answer took', async () => {
    const all = await setting();
    const { outcome } = await begun(all, { seconds: 3600 });
    const ends = later(all.clock.now(), hours(1));
    await all.clock.advance(minutes(9));
    await all.person.approves('tap');
    expect((await outcome).grant.until).toBe(ends);
  });

  it.each<[string, (all: Setting) => unknown, string]>([
    [
      'policy has come to deny it',
      ({ state }) => (state.policy = policyFrom(policyText('tap', { top: 'deny: [{ id: no, scopes: [sql] }]' }))),
      'POLICY_DENIED',
    ],
    [
      'policy has come to ask for a fresh sign-in',
      ({ state }) => (state.policy = policyFrom(policyText('tap', { more: ', stepUp: { maxAge: 1 h }' }))),
      'STEP_UP_NEEDED',
    ],
    ['another person has signed in', ({ state }) => (state.session = signedIn('bob')), 'GRANT_OTHER_PERSON'],
    ['the person has signed out', ({ state }) => (state.session = nobody), 'SIGNED_OUT'],
  ])('is not made when %s while it was asked about', async (_, change, code) => {
    const all = await setting();
    const { outcome } = await begun(all);
    change(all);
    await all.person.approves('tap');
    expect(await codeOf(outcome)).toBe(code);
    expect(all.grants.list()).toEqual([]);
  });

  it.each([
    ['locked', 'LOCKED'],
    ['away', 'AWAY'],
  ] as const)('is not made when the agent was %s in the moment of the answer', async (state, code) => {
    const all = await setting();
    const { outcome } = await begun(all);
    // The answer has been given; whoever asked hears of it only afterwards.
    const approving = all.person.approves('tap');
    all.consents.onChange(() => {
      if (all.consents.view().asks.length > 0) return;
      if (state === 'away') all.lock.away('screen-lock');
      else void all.lock.lock('command');
    });
    await approving;
    expect(await codeOf(outcome)).toBe(code);
    expect(all.grants.list()).toEqual([]);
  });

  it('is not made by a click when policy has come to ask for a tap', async () => {
    const all = await setting(policyFrom(policyText('click')));
    const { outcome } = await begun(all);
    all.state.policy = policyFrom(policyText('tap'));
    await all.person.approves('click');
    expect(await codeOf(outcome)).toBe('TAP_NEEDED');
    expect(all.grants.list()).toEqual([]);
  });

  it.each([
    ['locked', 'LOCKED'],
    ['away', 'AWAY'],
  ] as const)('is not even asked about while %s', async (state, code) => {
    const all = await setting();
    if (state === 'away') all.lock.away('screen-lock');
    else await all.lock.lock('command');
    expect(await refusedUnasked(all)).toBe(code);
    expect(all.consents.view().history).toEqual([]);
  });

  it.each([
    ['nobody is signed in', nobody, 'SIGNED_OUT'],
    ['the session has ended', { ...nobody, phase: 'ended', lastFailure: { code: 'SESSION_LOST' } }, 'SESSION_LOST'],
    ['the session is locked, although it is known whose it is', signedIn('00u1', { phase: 'locked' }), 'LOCKED'],
  ])('is not asked about where %s', async (_, view, code) => {
    const all = await setting();
    all.state.session = view as typeof nobody;
    expect(await refusedUnasked(all)).toBe(code);
  });

  it('that policy refuses is in the audit log, and nobody is asked', async () => {
    const all = await setting(policyFrom(policyText('tap', { top: 'deny: [{ id: no, scopes: [sql] }]' })));
    expect(await refusedUnasked(all)).toBe('POLICY_DENIED');
    expect(all.audit.of('policy.denied')).toMatchObject([
      { action: 'create', caller: '/usr/bin/node', callerKind: 'program', code: 'POLICY_DENIED' },
    ]);
  });

  it('that policy only observes is made, asked about, and in the audit log', async () => {
    const all = await setting(policyFrom(policyText('tap', { top: 'mode: observe\ndeny: [{ id: no, scopes: [sql] }]' })));
    const { outcome } = await begun(all);
    await all.person.approves('tap');
    expect((await outcome).grant.state).toBe('live');
    expect(all.audit.of('policy.observed')[0]).toMatchObject({ action: 'create', caller: '/usr/bin/node' });
  });

  it.each([
    ['is made with a touch that policy misses', true, 'done'],
    ['is not made with a touch of another key than policy wants', false, 'TAP_NEEDED'],
  ])('%s', async (_, attested, code) => {
    const top = 'conditions: { touched: { tapKey: { attested: true } } }';
    const all = await setting(policyFrom(policyText('none', { more: ', when: [touched]', top })));
    const { outcome, asking } = await begun(all);
    expect(asking).toMatchObject([{ approval: 'tap' }]);
    const touch = { keyId: 'k', name: '', aaguid: 'a', attested, hardwareBound: true, userVerified: true, touchedAt: all.clock.now() };
    all.state.touches = [touch];
    await all.person.approves('tap');
    expect(await codeOf(outcome)).toBe(code);
  });

  it('that a person denies is not made', async () => {
    const all = await setting();
    const { outcome } = await begun(all);
    await all.person.denies();
    expect(await codeOf(outcome)).toBe('CONSENT_DENIED');
    expect(all.grants.list()).toEqual([]);
  });
});

describe('a program that was denied', () => {
  it('for good is not asked about again for this profile, until a person takes that back', async () => {
    const all = await setting();
    const { by } = commandUnder(all);
    const first = await begun(all, {}, by);
    await all.person.denies('always');
    await expect(first.outcome).rejects.toMatchObject({ code: 'CONSENT_DENIED' });
    const { outcome, asking } = await begun(all, {}, by);
    expect([asking, all.consents.view().asks]).toEqual([[], []]);
    await expect(outcome).rejects.toMatchObject({ code: 'CONSENT_DENIED' });
    all.state.policy = policyFrom(policyText('none'));
    expect(await codeOf(all.making.make(request(), by, waiting()))).toBe('CONSENT_DENIED');
    for (const { id } of all.permissions.denied()) all.permissions.forgive(id);
    expect(await codeOf(all.making.make(request(), by, waiting()))).toBe('done');
  });

  it('once may ask again', async () => {
    const all = await setting();
    const { by } = commandUnder(all);
    await begun(all, {}, by);
    await all.person.denies('once');
    expect((await begun(all, {}, by)).asking).toHaveLength(1);
  });

  it.each(['run', 'always'] as const)('more access with reach %s is not asked about again', async (reach) => {
    const all = await setting();
    const { grant, caller } = await all.run();
    const widen = (): Promise<unknown> => all.making.widen({ grant: grant.id, scopes: ['jobs'] }, caller, waiting());
    const refused = codeOf(widen());
    await all.person.denies(reach);
    expect(await refused).toBe('CONSENT_DENIED');
    expect(await codeOf(() => all.making.postWiden({ grant: grant.id, scopes: ['jobs'] }, caller))).toBe('CONSENT_DENIED');
    expect(await codeOf(widen())).toBe('CONSENT_DENIED');
    expect(all.consents.view().asks).toEqual([]);
    expect(grant.scopes).toEqual(['sql']);
  });

  it.each(['run', 'always'] as const)('what was left in the queue, with reach %s, is not asked about again', async (reach) => {
    const all = await setting();
    const { grant, caller } = await all.run();
    const post = (): unknown => all.making.postWiden({ grant: grant.id, scopes: ['jobs'] }, caller);
    post();
    await all.person.denies(reach);
    expect(await codeOf(post)).toBe('CONSENT_DENIED');
  });
});

describe('the length of a grant', () => {
  it.each([
    ['run', undefined, hours(24)],
    ['tree', undefined, hours(8)],
    ['file', undefined, hours(24)],
    ['tree', 8 * 3600, hours(8)],
    ['run', 60, seconds(60)],
  ])('bound to a %s and asked for %s seconds is %i ms', async (binding, asked, long) => {
    const all = await setting(policyFrom(policyText('none')));
    const { grant } = await all.making.make(
      request({ binding, ...(asked === undefined ? {} : { seconds: asked }) }),
      commandUnder(all).by,
      waiting(),
    );
    expect(grant.until - all.clock.now()).toBe(long);
  });

  it.each([
    ['the profile allows', 'run', 24 * 3600 + 1, ''],
    ['a shell gets', 'tree', 8 * 3600 + 1, ''],
    ['policy allows', 'run', 3601, ', maxLife: 1 h'],
  ])('is refused, before anybody is asked, where it is more than %s', async (_, binding, asked, more) => {
    const all = await setting(policyFrom(policyText('tap', { more })));
    const { outcome } = await begun(all, { binding, seconds: asked });
    expect(all.consents.view().asks).toEqual([]);
    await expect(outcome).rejects.toMatchObject({ code: 'GRANT_LIMIT', reason: 'time' });
  });

  it('is what policy allows where nothing was asked for', async () => {
    const all = await setting(policyFrom(policyText('none', { more: ', maxLife: 1 h' })));
    const { grant } = await all.making.make(request(), commandUnder(all).by, waiting());
    expect(grant.until - all.clock.now()).toBe(hours(1));
  });
});

describe('what a grant is bound to', () => {
  it('is the shell that the command was run in', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { by, started } = commandUnder(all);
    const { grant } = await all.making.make(request({ binding: 'tree' }), by, waiting());
    expect(grant.binding).toEqual({ kind: 'tree', root: refOf(started[1] ?? { pid: 0, startTicks: 0 }) });
  });

  it('is refused where there is no shell', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { by } = commandUnder(all, ['/usr/bin/code']);
    const made = all.making.make(request({ binding: 'tree' }), by, waiting());
    await expect(made).rejects.toMatchObject({ code: 'CALLER_REFUSED', reason: 'shell' });
  });

  it('is refused to a program that nobody can name, but for a file’s grant', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const unknown: Caller = { ...commandUnder(all).by, kind: 'unknown', process: null, ancestors: [] };
    for (const binding of ['run', 'tree'])
      await expect(all.making.make(request({ binding }), unknown, waiting())).rejects.toMatchObject({ code: 'CALLER_UNPROVEN' });
    const { grant } = await all.making.make(request({ binding: 'file' }), unknown, waiting());
    expect(grant.binding).toEqual({ kind: 'file' });
  });
});

describe('a run of a known AI agent', () => {
  it.each(['claude', '/opt/bin/claude', '/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js'])(
    '%s is judged by the rules for AI agents',
    async (program) => {
      const policy = policyFrom(policyText('none', { aiAgent: 'tap' }));
      const all = await setting(policy);
      const { outcome, asking } = await begun(all, { program });
      expect(policy.asked.map(({ caller: { kind, aiAgent } }) => [kind, aiAgent])).toEqual([['ai-agent', 'claude']]);
      expect(asking).toMatchObject([{ caller: { kind: 'ai-agent' }, approval: 'tap' }]);
      await all.person.approves('tap');
      expect((await outcome).grant.maker).toEqual({ title: '/usr/bin/node', kind: 'ai-agent', aiAgent: 'claude' });
    },
  );

  it('may be of one that policy names, whose grant is then for that one alone', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { grant } = await all.making.make(request({ program: '/opt/acme/acme-coder' }), commandUnder(all).by, waiting());
    expect(grant.maker).toMatchObject({ kind: 'ai-agent', aiAgent: 'acme-coder' });
  });

  it('is no way for an AI agent to pass for another, or for a person’s program', async () => {
    const policy = policyFrom(policyText('none'));
    const all = await setting(policy);
    for (const program of ['jupyter', 'codex', undefined])
      await all.making.make(request(program === undefined ? {} : { program }), commandUnder(all, undefined, claude).by, waiting());
    expect(policy.asked.map(({ caller: { kind, aiAgent } }) => [kind, aiAgent])).toEqual(
      Array.from({ length: 3 }, () => ['ai-agent', 'claude']),
    );
    expect(all.grants.list().map(({ maker }) => maker.aiAgent)).toEqual(['claude', 'claude', 'claude']);
  });

  it('of a container stays a container’s', async () => {
    const policy = policyFrom(policyText('none'));
    const all = await setting(policy);
    await all.making.make(request({ program: 'claude' }), commandUnder(all, undefined, { kind: 'container' }).by, waiting());
    expect(policy.asked.map(({ caller: { kind, aiAgent } }) => [kind, aiAgent])).toEqual([['container', 'claude']]);
  });
});

describe('widening', () => {
  it('is asked for the scopes that are new, and keeps the rest of the grant', async () => {
    const all = await setting();
    const { grant, caller } = await all.run();
    const asking: AskView[] = [];
    const widened = all.making.widen(
      { grant: grant.id, scopes: ['sql', 'jobs'] },
      caller,
      waiting((told) => asking.push(told.asking)),
    );
    await all.person.approves('tap');
    expect(await widened).toBe(grant);
    expect(asking).toMatchObject([{ purpose: 'widen', grant: grant.id, label: 'jupyter lab' }]);
    expect(asking[0]?.scopes).not.toContain('sql');
    expect(grant.scopes).toEqual(expect.arrayContaining(['sql', ...(asking[0]?.scopes ?? [])]));
  });

  it('by what is there already asks nobody', async () => {
    const all = await setting();
    const { grant, caller } = await all.run();
    expect(await all.making.widen({ grant: grant.id, scopes: ['sql'] }, caller, waiting())).toBe(grant);
    expect(all.making.postWiden({ grant: grant.id, scopes: ['sql'] }, caller)).toBe(grant);
    expect(all.consents.view().asks).toEqual([]);
  });

  it('by an AI agent waits for a person although programs need nobody', async () => {
    const all = await setting(policyFrom(policyText('none', { aiAgent: 'tap' })));
    const { grant, caller } = await all.run();
    const before = grant.scopes;
    const widened = all.making.widen({ grant: grant.id, scopes: ['jobs'] }, { ...caller, ...claude }, waiting());
    widened.catch(() => undefined);
    await all.clock.advance(0);
    expect(grant.scopes).toBe(before);
    await all.person.denies();
    expect(await codeOf(widened)).toBe('CONSENT_DENIED');
    expect(grant.scopes).toBe(before);
    await all.making.widen({ grant: grant.id, scopes: ['jobs'] }, caller, waiting());
    expect(grant.scopes).not.toBe(before);
  });

  it.each<[string, (all: Setting, grant: string) => unknown, string]>([
    ['has been revoked', ({ grants }, grant) => grants.end(grant, 'revoked'), 'GRANT_REVOKED'],
    ['has run out', ({ clock }) => clock.advance(hours(8)), 'GRANT_EXPIRED'],
    ['is another person’s', ({ state }) => (state.session = signedIn('bob')), 'GRANT_OTHER_PERSON'],
    ['belongs to nobody who is signed in', ({ state }) => (state.session = nobody), 'SIGNED_OUT'],
    ['is served while away', ({ lock }) => lock.away('screen-lock'), 'AWAY'],
  ])('a grant that %s is refused, posted or not', async (_, change, code) => {
    const all = await setting();
    const { grant, caller } = await all.run();
    await change(all, grant.id);
    const asked = { grant: grant.id, scopes: ['jobs'] };
    expect(await codeOf(() => all.making.postWiden(asked, caller))).toBe(code);
    expect(await codeOf(all.making.widen(asked, caller, waiting()))).toBe(code);
    expect(all.consents.view().asks).toEqual([]);
  });

  it('a grant that nobody knows is refused', async () => {
    const all = await setting();
    expect(await codeOf(all.making.widen({ grant: 'gaaaaaaaa', scopes: ['jobs'] }, all.stranger(), waiting()))).toBe('GRANT_UNKNOWN');
  });

  it('does nothing to a grant that ended while it was asked about', async () => {
    const all = await setting();
    const { grant, caller } = await all.run();
    const before = grant.scopes;
    const widened = all.making.widen({ grant: grant.id, scopes: ['jobs'] }, caller, waiting());
    widened.catch(() => undefined);
    await all.grants.end(grant.id, 'revoked');
    await all.person.approves('tap');
    expect(await codeOf(widened)).toBe('GRANT_REVOKED');
    expect(grant.scopes).toBe(before);
  });
});

describe('a widening that is left in the queue', () => {
  it('takes effect with the answer', async () => {
    const all = await setting();
    const { grant, caller } = await all.run();
    const before = grant.scopes;
    all.making.postWiden({ grant: grant.id, scopes: ['jobs'] }, caller);
    expect(grant.scopes).toBe(before);
    await all.person.approves('tap');
    await until(() => grant.scopes !== before);
    expect(grant.scopes).toContain('sql');
    expect(all.audit.of('grant.widened')).toMatchObject([{ grant: grant.id, approved: 'tap:key-1' }]);
  });

  it('still gets a click where policy asks for nothing', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { grant, caller } = await all.run();
    all.making.postWiden({ grant: grant.id, scopes: ['jobs'] }, caller);
    expect(all.consents.view().asks).toMatchObject([{ approval: 'click' }]);
  });

  it.each<[string, (all: Setting) => unknown]>([
    ['wants a tap for what was clicked', ({ state }) => (state.policy = policyFrom(policyText('tap')))],
    ['denies it', ({ state }) => (state.policy = policyFrom(policyText('click', { top: 'deny: [{ id: no, scopes: [jobs] }]' })))],
  ])('does nothing when policy by then %s', async (_, change) => {
    const all = await setting(policyFrom(policyText('click')));
    const { grant, caller } = await all.run();
    const before = grant.scopes;
    all.making.postWiden({ grant: grant.id, scopes: ['jobs'] }, caller);
    change(all);
    await all.person.approves('click');
    await until(() => all.logged.includes('approvals.not-settled'));
    expect(grant.scopes).toBe(before);
  });
});

describe('a tool that runs `lakepass token`', () => {
  it('gets a grant for itself and what it starts, named after it', async () => {
    const all = await setting();
    const { by, started } = commandUnder(all, ['/usr/bin/gnome-terminal', '/usr/bin/bash', '/usr/bin/terraform']);
    const made = all.making.makeForTool({ scopes: ['sql'] }, by, waiting());
    await all.person.approves('tap');
    const { grant } = await made;
    expect(grant).toMatchObject({ label: 'terraform', binding: { kind: 'tree', root: refOf(started[2] ?? { pid: 0, startTicks: 0 }) } });
    expect(grant.until - all.clock.now()).toBeLessThanOrEqual(hours(8));
  });

  it('is refused where nothing is known of it', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const alone = commandUnder(all, []).by;
    expect(await codeOf(async () => all.making.makeForTool({ scopes: ['sql'] }, alone, waiting()))).toBe('CALLER_UNPROVEN');
    expect(all.grants.list()).toEqual([]);
  });

  it('is covered by a live grant of its own with these scopes, and by no other', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { by } = commandUnder(all, ['/usr/bin/gnome-terminal', '/usr/bin/bash', '/usr/bin/terraform']);
    const { grant } = await all.making.makeForTool({ scopes: ['sql'] }, by, waiting());
    expect(all.making.covering({ scopes: ['sql'] }, by)).toMatchObject({ grant: { id: grant.id } });
    expect(all.making.covering({ scopes: ['sql', 'jobs'] }, by)).toBeUndefined();
    expect(all.making.covering({ scopes: [] }, by)).toBeUndefined();
    expect(all.making.covering({ scopes: ['sql'] }, all.stranger())).toBeUndefined();
    await all.grants.end(grant.id, 'revoked');
    expect(all.making.covering({ scopes: ['sql'] }, by)).toBeUndefined();
  });

  it('is covered by one that goes on before one that is paused, and by the paused one where there is no other', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { by } = commandUnder(all, ['/usr/bin/gnome-terminal', '/usr/bin/bash', '/usr/bin/terraform']);
    const { grant: paused } = await all.making.makeForTool({ scopes: ['sql'] }, by, waiting());
    const { grant: other } = await all.making.makeForTool({ scopes: ['sql'] }, by, waiting());
    await all.grants.pause(paused.id, true);
    expect(all.making.covering({ scopes: ['sql'] }, by)).toMatchObject({ grant: { id: other.id } });
    await all.grants.end(other.id, 'revoked');
    expect(all.making.covering({ scopes: ['sql'] }, by)).toMatchObject({ grant: { id: paused.id } });
  });
});

describe('a grant for a profile file', () => {
  const forFile = { scopes: ['sql'], label: 'profile DEFAULT' };
  const { binding: _, ...wanted } = request({ ...forFile });

  it('is made without a touch on the word of the person in Lakepass, and asked about when a program comes with it', async () => {
    const all = await setting(policyFrom(policyText('tap')));
    const { grant } = await all.making.makeForFile(wanted, commandUnder(all).by);
    expect(grant).toMatchObject({ binding: { kind: 'file' }, approved: 'each-program', scopes: ['sql'] });
    expect(all.consents.front()).toBeUndefined();
    const program = commandUnder(all).by;
    expect(all.access.leave(grant, program)).toMatchObject({ kind: 'ask' });
    expect(all.consents.front()?.ask).toMatchObject({ purpose: 'use', approval: 'tap', grant: grant.id });
  });

  it('is asked about even by the program it was made with', async () => {
    const all = await setting(policyFrom(policyText('click')));
    const { by } = commandUnder(all);
    const { grant } = await all.making.makeForFile(wanted, by);
    expect(all.access.leave(grant, by)).toMatchObject({ kind: 'ask' });
  });

  it('is not made for an AI agent that drives the page', async () => {
    const all = await setting(policyFrom(policyText('tap')));
    expect(await codeOf(all.making.makeForFile(wanted, commandUnder(all, ['/usr/bin/bash'], claude).by))).toBe('CALLER_REFUSED');
    expect(all.grants.list()).toEqual([]);
  });

  it('is not made where a setting forbids it, by whichever door it is asked for', async () => {
    const all = await setting(policyFrom(policyText('none')));
    const { by } = commandUnder(all);
    all.state.fileGrants = 'forbidden';
    for (const attempt of [all.making.makeForFile(wanted, by), all.making.make({ ...wanted, binding: 'file' }, by, waiting())])
      expect(await codeOf(attempt)).toBe('SETTING_FORBIDS');
    expect(all.grants.list()).toEqual([]);
  });

  it('is not made where policy says no, beyond its longest life, or while nobody is there', async () => {
    const all = await setting(policyFrom(policyText('tap', { more: ', maxLife: 1 h' })));
    const { by } = commandUnder(all);
    expect(await codeOf(all.making.makeForFile({ ...wanted, scopes: ['secrets'] }, by))).toBe('POLICY_DENIED');
    expect(await codeOf(all.making.makeForFile({ ...wanted, seconds: 7200 }, by))).toBe('GRANT_LIMIT');
    all.state.session = nobody;
    expect(await codeOf(all.making.makeForFile(wanted, by))).toBe('SIGNED_OUT');
    expect(all.grants.list()).toEqual([]);
  });
});
