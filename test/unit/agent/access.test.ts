/** May this program use this grant now? Each step of the order, and what is remembered between two questions. */
import { describe, expect, it } from 'vitest';
import type { Leave } from '../../../main/broker/gate.ts';
import { later, minutes, seconds } from '../../../main/units.ts';
import { python } from '../grant/setting.ts';
import { codeOf, nobody, policyFrom, policyText, type Setting, setting, signedIn, wordOf } from './setting.ts';

const claude = { kind: 'ai-agent', aiAgent: 'claude' } as const;
const peer = { localPort: 1, remotePort: 2 };

function asking(leave: Leave): Extract<Leave, { kind: 'ask' }> {
  if (leave.kind !== 'ask') throw new Error(`expected a question to a person, not ${wordOf(leave)}`);
  return leave;
}

describe('a member of a grant', () => {
  it('has leave without anybody being asked, and so has what it starts', async () => {
    const { run, access, consents, processes } = await setting();
    const { grant, caller } = await run();
    const child = processes.callerOf(processes.start(caller.process === null ? {} : { parent: caller.process }));
    expect([caller, child].map((each) => access.leave(grant, each))).toEqual([
      { kind: 'yes', lease: seconds(300), maxTokenLife: null, failClosed: false },
      { kind: 'yes', lease: seconds(300), maxTokenLife: null, failClosed: false },
    ]);
    expect(consents.view().asks).toEqual([]);
  });

  it('gets what policy obliges with it', async () => {
    const { run, access } = await setting(policyFrom(policyText('tap', { more: ', lease: 90 s, maxTokenLife: 30 min, failClosed: true' })));
    const { grant, caller } = await run();
    expect(access.leave(grant, caller)).toEqual({ kind: 'yes', lease: seconds(90), maxTokenLife: minutes(30), failClosed: true });
  });

  it('is asked of policy as a renewal, a program that nothing covers as a use', async () => {
    const policy = policyFrom(policyText('tap'));
    const { run, access, stranger } = await setting(policy);
    const { grant, caller } = await run();
    access.leave(grant, caller);
    access.leave(grant, stranger());
    expect(new Set(policy.asked.map(({ action, caller: { executable } }) => `${action} ${executable}`))).toEqual(
      new Set(['renew /usr/bin/jupyter', 'use /usr/bin/curl']),
    );
  });

  it('is left to the session where nobody is signed in; a stranger is refused', async () => {
    const { run, access, state, stranger } = await setting();
    const { grant, caller } = await run();
    state.session = nobody;
    expect(access.leave(grant, caller)).toEqual({ kind: 'yes', lease: minutes(1), maxTokenLife: null, failClosed: false });
    expect(wordOf(access.leave(grant, stranger()))).toBe('SIGNED_OUT');
  });

  it.each([
    ['another subject', signedIn('bob')],
    ['the same subject of another issuer', signedIn('00u1', { identity: { ...identityOf('00u1'), issuer: 'https://other.example' } })],
  ])('has no leave while %s is signed in', async (_, view) => {
    const { run, access, state } = await setting();
    const { grant, caller } = await run();
    state.session = view;
    expect(wordOf(access.leave(grant, caller))).toBe('GRANT_OTHER_PERSON');
  });
});

function identityOf(subject: string) {
  return { issuer: 'x', subject, username: `${subject}@acme.example`, displayName: subject, groups: [] };
}

describe('while a person has paused the grant', () => {
  it('nobody has leave, whoever they are and whatever was said before, until it goes on', async () => {
    const { run, access, grants, stranger, person, consents } = await setting();
    const { grant, caller } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'hours');
    expect([caller, curl].map((each) => wordOf(access.leave(grant, each)))).toEqual(['yes', 'yes']);
    await grants.pause(grant.id, true);
    expect([caller, curl, stranger()].map((each) => wordOf(access.leave(grant, each)))).toEqual([
      'GRANT_PAUSED',
      'GRANT_PAUSED',
      'GRANT_PAUSED',
    ]);
    expect(consents.view().asks).toEqual([]);
    await grants.pause(grant.id, false);
    expect([caller, curl].map((each) => wordOf(access.leave(grant, each)))).toEqual(['yes', 'yes']);
  });
});

describe('while locked', () => {
  it('nobody has leave, member or approved, whatever was said before', async () => {
    const { run, access, lock, stranger, person } = await setting();
    const { grant, caller } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'hours');
    expect([caller, curl].map((each) => wordOf(access.leave(grant, each)))).toEqual(['yes', 'yes']);
    await lock.lock('command');
    expect([caller, curl, stranger()].map((each) => wordOf(access.leave(grant, each)))).toEqual(['LOCKED', 'LOCKED', 'LOCKED']);
    lock.unlocked();
    await lock.lock('command').then(() => lock.unlocked());
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
  });
});

describe('while away', () => {
  it('approved runs go on until the grace limit, and nobody new is asked about', async () => {
    const { run, access, lock, clock, stranger, consents } = await setting(
      policyFrom(policyText('tap', { top: 'limits: { awayGrace: 30 min }' })),
    );
    const { grant, caller } = await run();
    lock.away('screen-lock');
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    expect(wordOf(access.leave(grant, stranger()))).toBe('AWAY');
    expect(consents.view().asks).toEqual([]);
    await clock.advance(minutes(30) - 1);
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    await clock.advance(1);
    expect(wordOf(access.leave(grant, caller))).toBe('AWAY');
    lock.back();
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
  });
});

describe('what a person has answered', () => {
  it('with no holds against a stranger, at once', async () => {
    const { run, stranger, access, permissions, consents } = await setting();
    const { grant } = await run();
    const other = stranger();
    permissions.remember(grant, other, { verdict: 'denied', reach: 'run' });
    access.changed();
    expect(wordOf(access.leave(grant, other))).toBe('CONSENT_DENIED');
    expect(consents.view().asks).toEqual([]);
  });

  it('with no to a stranger leaves a member alone that is the same program', async () => {
    const { run, stranger, access, permissions } = await setting();
    const { grant, caller } = await run();
    permissions.remember(grant, stranger(caller.process?.executable ?? ''), { verdict: 'denied', reach: 'run' });
    access.changed();
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
  });

  it('with yes is leave for as long as it was said, and asked again afterwards', async () => {
    const { run, access, clock, stranger, person } = await setting();
    const { grant } = await run();
    const curl = stranger();
    const { answered } = asking(access.leave(grant, curl));
    await person.approves('tap', 'hours');
    await answered;
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
    expect(wordOf(access.leave(grant, stranger()))).toBe('yes');
    expect(wordOf(access.leave(grant, stranger('/usr/bin/wget')))).toBe('ask');
    await clock.advance(minutes(8 * 60));
    expect(wordOf(access.leave(grant, curl))).not.toBe('yes');
  });

  it('for once is spent by the token that leaves, and not before', async () => {
    const { run, access, stranger, person } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'once');
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
    access.used(grant, curl);
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
  });

  it('for longer is not spent by a token', async () => {
    const { run, access, stranger, person } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'program');
    access.leave(grant, curl);
    access.used(grant, curl);
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
  });

  it('about a process ends with it', async () => {
    const { run, access, stranger, person, processes, clock } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'program');
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
    processes.exit(curl.process ?? { pid: 0, startTicks: 0 });
    await clock.advance(seconds(30));
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
  });
});

describe('policy', () => {
  const deny = 'deny: [{ id: no-jupyter, callers: [jupyter] }]';
  const callers = 'callers: { jupyter: { executable: ["/usr/bin/jupyter"] }, ';

  it('refuses a member too; that is in the audit log at once, and then counted', async () => {
    const { run, access, audit, clock } = await setting(policyFrom(policyText('tap', { top: deny }).replace('callers: { ', callers)));
    const { grant, caller } = await run();
    for (let i = 0; i < 5; i += 1) expect(wordOf(access.leave(grant, caller))).toBe('POLICY_DENIED');
    const record = {
      ...{ type: 'policy.denied', action: 'renew', grant: grant.id, caller: '/usr/bin/jupyter', callerKind: 'program' },
      ...{ workspace: grant.workspace, scopes: ['sql'], code: 'POLICY_DENIED', rules: ['no-jupyter', 'program'] },
    };
    expect(audit.of('policy.denied')).toEqual([{ ...record, count: 1 }]);
    await clock.advance(minutes(1));
    expect(audit.of('policy.denied')).toEqual([
      { ...record, count: 1 },
      { ...record, count: 4 },
    ]);
  });

  it('may want a fresh sign-in first', async () => {
    const { run, access, state, clock } = await setting(policyFrom(policyText('tap', { more: ', stepUp: { maxAge: 1 h }' })));
    const { grant, caller } = await run();
    expect(wordOf(access.leave(grant, caller))).toBe('STEP_UP_NEEDED');
    const authTime = new Date(clock.now()).toISOString();
    state.session = signedIn('00u1', { assurance: { level: 'phr', because: '', acr: 'phr', amr: [], authTime } });
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    expect(state.due).toEqual([]);
    await clock.advance(minutes(55));
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    await clock.advance(minutes(1));
    access.leave(grant, caller);
    expect(state.due).toEqual([[grant.id, 'STEP_UP_NEEDED']]);
    await clock.advance(minutes(5));
    expect(wordOf(access.leave(grant, caller))).toBe('STEP_UP_NEEDED');
  });

  const touchRule = 'conditions: { touched: { tapKey: { attested: true, maxAge: 30 min } } }';
  const touchOf = (clock: Setting['clock'], attested: boolean) => ({
    ...{ keyId: 'key-1', name: 'Blue', aaguid: 'a', attested, hardwareBound: true, userVerified: true, touchedAt: clock.now() },
  });

  it('that misses a touch has it asked of the person, and goes on with it', async () => {
    const { run, access, state, clock, consents, person } = await setting(
      policyFrom(policyText('none', { more: ', when: [touched]', top: touchRule })),
    );
    const { grant, caller } = await run();
    expect(wordOf(access.leave(grant, caller))).toBe('ask');
    expect(consents.view().asks).toMatchObject([{ approval: 'tap' }]);
    state.touches = [touchOf(clock, true)];
    await person.approves('tap');
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
  });

  it('that misses another touch than the person gave says so, and does not ask in a circle', async () => {
    const { run, access, state, clock, consents, person } = await setting(
      policyFrom(policyText('none', { more: ', when: [touched]', top: touchRule })),
    );
    const { grant, caller } = await run();
    access.leave(grant, caller);
    state.touches = [touchOf(clock, false)];
    await person.approves('tap');
    expect(wordOf(access.leave(grant, caller))).toBe('TAP_NEEDED');
    expect(consents.view().asks).toEqual([]);
    await clock.advance(minutes(1));
    expect(wordOf(access.leave(grant, caller))).toBe('ask');
  });

  it('that misses a touch has nobody asked while away', async () => {
    const { run, access, lock, consents } = await setting(policyFrom(policyText('none', { more: ', when: [touched]', top: touchRule })));
    const { grant, caller } = await run();
    lock.away('screen-lock');
    expect(wordOf(access.leave(grant, caller))).toBe('TAP_NEEDED');
    expect(consents.view().asks).toEqual([]);
  });

  it('that only observes lets through and says so in the audit log', async () => {
    const { run, access, audit } = await setting(
      policyFrom(policyText('tap', { top: `mode: observe\n${deny}` }).replace('callers: { ', callers)),
    );
    const { grant, caller } = await run();
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    expect(audit.of('policy.observed')).toMatchObject([{ action: 'renew', grant: grant.id, caller: '/usr/bin/jupyter', count: 1 }]);
    expect(audit.of('policy.denied')).toEqual([]);
  });

  it('without approval gives a stranger leave; that it was none of the grant is in the audit log', async () => {
    const { run, access, audit, stranger, consents } = await setting(policyFrom(policyText('none')));
    const { grant } = await run();
    expect(wordOf(access.leave(grant, stranger()))).toBe('yes');
    expect(consents.view().asks).toEqual([]);
    expect(audit.of('caller.unexpected')).toEqual([
      { type: 'caller.unexpected', grant: grant.id, caller: '/usr/bin/curl', callerKind: 'program', count: 1 },
    ]);
  });
});

describe('a stranger', () => {
  it('is asked about once, however often and in however many processes it comes', async () => {
    const { run, access, consents, stranger, person } = await setting();
    const { grant } = await run();
    const [one, two] = [stranger(), stranger()];
    const leaves = [one, one, two].map((each) => asking(access.leave(grant, each)));
    expect(leaves.map(({ error }) => error.code)).toEqual(['CONSENT_PENDING', 'CONSENT_PENDING', 'CONSENT_PENDING']);
    expect(consents.view().asks).toMatchObject([
      {
        purpose: 'use',
        requests: 3,
        grant: grant.id,
        label: 'jupyter lab',
        scopes: ['sql'],
        approval: 'tap',
        spans: ['program', 'hours', 'once'],
      },
    ]);
    expect(consents.view().asks[0]?.expected).toMatchObject({ title: 'lakepass', kind: 'program' });
    await person.approves('tap', 'program');
    await Promise.all(leaves.map(({ answered }) => answered));
    expect([one, two].map((each) => wordOf(access.leave(grant, each)))).toEqual(['yes', 'yes']);
  });

  it('with two interpreters is two questions: a yes to one script is none to another', async () => {
    const { run, access, consents, stranger } = await setting();
    const { grant } = await run();
    for (const script of ['a.py', 'b.py']) access.leave(grant, stranger('/usr/bin/python3', python(script)));
    expect(consents.view().asks).toHaveLength(2);
  });

  it('that is denied hears so, and may ask anew after a moment where it was for once', async () => {
    const { run, access, stranger, person, clock } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.denies('once');
    expect(wordOf(access.leave(grant, curl))).toBe('CONSENT_DENIED');
    await clock.advance(seconds(2));
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
  });

  it('that nobody answers is told so for five seconds before it can ask again', async () => {
    const { run, access, stranger, clock, consents } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await clock.advance(minutes(10));
    expect(wordOf(access.leave(grant, curl))).toBe('CONSENT_UNANSWERED');
    await clock.advance(seconds(5) - 1);
    expect(wordOf(access.leave(grant, curl))).toBe('CONSENT_UNANSWERED');
    expect(consents.view().asks).toEqual([]);
    await clock.advance(1);
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
  });

  it('is not asked about where a tap is wanted and there is no key', async () => {
    const { run, access, stranger, state, consents } = await setting();
    const { grant } = await run();
    state.canTap = false;
    expect(wordOf(access.leave(grant, stranger()))).toBe('TAP_KEY_NEEDED');
    expect(consents.view().asks).toEqual([]);
  });

  it('is refused where the queue is full or quiet', async () => {
    const { run, access, stranger, clock } = await setting();
    const { grant } = await run();
    for (let i = 0; i < 32; i += 1) expect(wordOf(access.leave(grant, stranger(`/usr/bin/tool-${i}`)))).toBe('ask');
    expect(wordOf(access.leave(grant, stranger('/usr/bin/one-more')))).toBe('CONSENT_QUEUE_FULL');
    await clock.advance(minutes(10));
    expect(wordOf(access.leave(grant, stranger('/usr/bin/later')))).toBe('CONSENT_QUIET');
  });

  it('that nobody can name can be allowed once, and no longer', async () => {
    const { run, access, stranger, consents } = await setting();
    const { grant } = await run();
    access.leave(grant, { ...stranger(), kind: 'unknown', process: null, ancestors: [] });
    expect(consents.view().asks).toMatchObject([{ spans: ['once'] }]);
  });

  it('that stops waiting leaves its request standing while it runs', async () => {
    const { run, access, stranger, consents } = await setting();
    const { grant } = await run();
    asking(access.leave(grant, stranger())).withdraw();
    expect(consents.view().asks).toHaveLength(1);
  });

  it('that has exited, or could not be named, takes its request along', async () => {
    const { run, access, stranger, consents, processes } = await setting();
    const { grant } = await run();
    const curl = stranger();
    const nameless = { ...stranger(), kind: 'unknown', process: null, ancestors: [] } as const;
    const leaves = [curl, nameless].map((each) => asking(access.leave(grant, each)));
    if (curl.process !== null) processes.exit(curl.process);
    for (const { withdraw } of leaves) withdraw();
    expect(consents.view().asks).toEqual([]);
    await Promise.all(leaves.map(({ answered }) => answered));
  });
});

describe('an AI agent', () => {
  it('in a person’s shell is asked about although it is a child of the grant', async () => {
    const { run, access, consents, processes } = await setting();
    const { grant, caller } = await run();
    const agent = processes.callerOf(
      processes.start({ executable: '/usr/bin/claude', ...(caller.process === null ? {} : { parent: caller.process }) }),
      claude,
    );
    expect(wordOf(access.leave(grant, agent))).toBe('ask');
    expect(consents.view().asks).toMatchObject([{ caller: { kind: 'ai-agent' } }]);
  });

  it('uses the grant that was made for it, and no other AI agent does', async () => {
    const { run, access } = await setting();
    const { grant, caller } = await run({ maker: { title: '/usr/bin/claude', kind: 'ai-agent', aiAgent: 'claude' } });
    expect(wordOf(access.leave(grant, { ...caller, ...claude }))).toBe('yes');
    expect(wordOf(access.leave(grant, { ...caller, ...claude, aiAgent: 'codex' }))).toBe('ask');
  });

  it('gets nothing by a yes to the same program of a person', async () => {
    const { run, access, stranger, person } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'hours');
    expect(wordOf(access.leave(grant, stranger()))).toBe('yes');
    expect(wordOf(access.leave(grant, stranger('/usr/bin/curl', claude)))).toBe('ask');
  });
});

describe('another holder of the connection', () => {
  it('that is a member is nothing to speak of', async () => {
    const { run, access, state, processes, audit } = await setting();
    const { grant, caller } = await run();
    state.holders = [caller, processes.callerOf(processes.start(caller.process === null ? {} : { parent: caller.process }))];
    expect(await access.soleHolder(grant, caller, peer)).toBe(true);
    expect(audit.of('caller.extra-holder')).toEqual([]);
  });

  it('that is a stranger ends it, and members are asked about until a person has answered', async () => {
    const { run, access, state, stranger, audit, person } = await setting();
    const { grant, caller } = await run();
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    state.holders = [caller, stranger()];
    expect(await access.soleHolder(grant, caller, peer)).toBe(false);
    expect(audit.of('caller.extra-holder')).toEqual([
      { type: 'caller.extra-holder', grant: grant.id, caller: '/usr/bin/curl', callerKind: 'program' },
    ]);
    expect(wordOf(access.leave(grant, caller))).toBe('ask');
    await person.approves('tap', 'program');
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
  });

  it('leaves one member refused although a person then approves another', async () => {
    const { run, access, state, stranger, processes, person } = await setting();
    const { grant, caller } = await run();
    const parent = caller.process === null ? {} : { parent: caller.process };
    const child = processes.callerOf(processes.start({ executable: '/usr/bin/dbt', ...parent }));
    state.holders = [caller, stranger()];
    await access.soleHolder(grant, caller, peer);
    expect(wordOf(access.leave(grant, child))).toBe('ask');
    await person.denies('run');
    expect(wordOf(access.leave(grant, caller))).toBe('ask');
    await person.approves('tap', 'program');
    expect(wordOf(access.leave(grant, caller))).toBe('yes');
    expect(wordOf(access.leave(grant, child))).toBe('CONSENT_DENIED');
  });

  it('that is an AI agent is a stranger, although the run has started it', async () => {
    const { run, access, state, processes } = await setting();
    const { grant, caller } = await run();
    const agent = processes.start({ executable: '/usr/bin/claude', ...(caller.process === null ? {} : { parent: caller.process }) });
    state.holders = [caller, processes.callerOf(agent, claude)];
    expect(await access.soleHolder(grant, caller, peer)).toBe(false);
  });

  it('makes what was answered for the caller be asked again', async () => {
    const { run, access, state, stranger, person } = await setting();
    const { grant } = await run();
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'hours');
    state.holders = [curl, stranger('/usr/bin/socat')];
    expect(await access.soleHolder(grant, curl, peer)).toBe(false);
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
  });

  it('is in the audit log, or the connection does not end quietly', async () => {
    const { run, access, state, stranger, audit } = await setting();
    const { grant, caller } = await run();
    state.holders = [stranger()];
    audit.fail();
    expect(await codeOf(access.soleHolder(grant, caller, peer))).toBe('AUDIT_UNWRITABLE');
    audit.mend();
    expect(wordOf(access.leave(grant, caller))).toBe('ask');
  });
});

describe('a yes to a program that uses somebody else’s grant', () => {
  it('is for the scopes that were shown: a grant that grew while it was read is asked about anew', async () => {
    const { run, access, grants, stranger, person, consents } = await setting();
    const { grant } = await run();
    const curl = stranger();
    const { answered } = asking(access.leave(grant, curl));
    await grants.widen(grant.id, ['jobs'], 'tap:key-1');
    await person.approves('tap', 'hours');
    await answered;
    expect(wordOf(access.leave(grant, curl))).toBe('ask');
    expect(consents.front()?.ask.scopes).toEqual(['jobs', 'sql']);
    await person.approves('tap', 'hours');
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
  });
});

describe('an answer that was given', () => {
  async function settled() {
    const policy = policyFrom(policyText('tap'));
    const all = await setting(policy);
    const { grant, caller } = await all.run();
    all.access.leave(grant, caller);
    return { ...all, policy, grant, caller, asked: policy.asked.length };
  }

  it('is kept: a thousand requests ask policy no more often than one', async () => {
    const { access, policy, grant, caller, asked } = await settled();
    for (let i = 0; i < 1000; i += 1) expect(wordOf(access.leave(grant, caller))).toBe('yes');
    expect(policy.asked).toHaveLength(asked);
  });

  it.each<[string, (all: Awaited<ReturnType<typeof settled>>) => unknown]>([
    ['something changed', ({ access }) => access.changed()],
    ['the grant was widened', ({ grants, grant }) => grants.widen(grant.id, ['jobs'], 'click')],
    ['a minute has passed', ({ clock }) => clock.advance(minutes(1))],
    ['the wall clock was set back', ({ clock }) => clock.set(clock.now() - 1)],
    ['a grant has ended', async ({ grants, run }) => grants.end((await run()).grant.id, 'revoked')],
  ])('is asked anew when %s', async (_, change) => {
    const all = await settled();
    await change(all);
    all.access.leave(all.grant, all.caller);
    expect(all.policy.asked.length).toBeGreaterThan(all.asked);
  });

  it('is for that grant and that caller alone', async () => {
    const { access, policy, grant, caller, asked, run } = await settled();
    const other = await run();
    expect(wordOf(access.leave(other.grant, caller))).toBe('ask');
    expect(wordOf(access.leave(grant, other.caller))).toBe('ask');
    expect(policy.asked.length).toBeGreaterThan(asked);
  });

  it('is not kept beyond the grace of being away', async () => {
    const all = await setting(policyFrom(policyText('tap', { top: 'limits: { awayGrace: 30 s }' })));
    const { grant, caller } = await all.run();
    all.lock.away('screen-lock');
    expect(wordOf(all.access.leave(grant, caller))).toBe('yes');
    await all.clock.advance(seconds(30));
    expect(wordOf(all.access.leave(grant, caller))).toBe('AWAY');
  });

  it('is not kept beyond what a person has said', async () => {
    const { run, access, stranger, person, clock, grants } = await setting();
    const { grant } = await run({ until: later(clock.now(), seconds(40)) });
    const curl = stranger();
    access.leave(grant, curl);
    await person.approves('tap', 'hours');
    expect(wordOf(access.leave(grant, curl))).toBe('yes');
    await clock.advance(seconds(40));
    expect(grants.get(grant.id)?.state).toBe('expired');
    expect(wordOf(access.leave(grant, curl))).not.toBe('yes');
  });
});
