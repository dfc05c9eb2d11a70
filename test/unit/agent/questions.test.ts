/** What policy is asked: facts of this moment, each from the noun that knows it. */
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createQuestions } from '../../../main/agent/questions.ts';
import { type EpochMs, hours } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { machine, python } from '../grant/setting.ts';
import { HOST, ISSUER, nobody, signedIn } from './setting.ts';

const processes = machine();
const shell = processes.start({ executable: '/usr/bin/bash' });
const nameless = processes.start({ executable: null, parent: shell });
const caller = processes.callerOf(processes.start({ executable: '/usr/bin/python3', parent: nameless }), python('a.py'));

function asking(view = signedIn('00u1')) {
  const clock = fakeClock();
  const touch = { aaguid: 'a', attested: true, userVerified: true, hardwareBound: false, touchedAt: clock.now(), keyId: 'k', name: 'n' };
  const questions = createQuestions({
    session: (name) => (name === 'acme' ? { view: () => view, claims: () => ({ department: 'sales' }) } : undefined),
    approver: () => undefined,
    tapKeys: {
      touches: () => [touch, { ...touch, keyId: 'of somebody else' }],
      ownedBy: ({ issuer, subject }) => (issuer === ISSUER && subject === '00u1' ? ['k'] : ['of somebody else']),
    },
    clock,
  });
  return { clock, questions, touch };
}
const asked = { action: 'create', profile: 'acme', caller, workspace: HOST, scopes: ['sql'], life: hours(1) } as const;

describe('a question', () => {
  it('names the person, how they signed in, the keys touched, and the program with those above it', () => {
    const { clock, questions, touch } = asking();
    expect(questions(asked)).toEqual({
      ...{ action: 'create', at: clock.now(), profile: 'acme', workspace: HOST, scopes: ['sql'], life: hours(1), tapKeys: [touch] },
      identity: 'person',
      person: { issuer: ISSUER, subject: '00u1', username: '00u1@acme.example', groups: [], claims: { department: 'sales' } },
      session: { assurance: 'phr', authTime: null, acr: 'phr' },
      caller: { kind: 'program', executable: '/usr/bin/python3', parents: ['/usr/bin/bash'], aiAgent: null, interpreter: 'python' },
      addresses: Object.values(networkInterfaces()).flatMap((all) =>
        (all ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
      ),
    });
  });

  it('counts no touch of another person’s key', () => {
    const { questions, touch } = asking();
    expect(questions(asked)?.tapKeys).toEqual([touch]);
  });

  it('is about a service principal where one asks, with the touches of whoever approves for it, and none where nobody is there', () => {
    const { clock, touch } = asking();
    const view = signedIn('8d1f20c2-0000-4000-8000-00000000aaaa', {
      identity: { ...signedIn('x').identity, issuer: 'service-principal' } as never,
    });
    const ask = (keeper: { issuer: string; subject: string } | null) =>
      createQuestions({
        ...{ session: () => ({ view: () => view, claims: () => ({}) }), clock, approver: () => keeper },
        tapKeys: { touches: () => [touch], ownedBy: ({ subject }) => (subject === '00u1' ? ['k'] : []) },
      })(asked);
    expect(ask({ issuer: ISSUER, subject: '00u1' })).toMatchObject({ identity: 'service-principal', tapKeys: [touch] });
    expect(ask(null)).toMatchObject({ identity: 'service-principal', tapKeys: [] });
  });

  it('says when the sign-in was, where the provider said so', () => {
    const assurance = { level: 'mfa', because: '', acr: null, amr: [], authTime: '2026-01-05T08:00:00.000Z' } as const;
    const { questions } = asking(signedIn('00u1', { assurance: { ...assurance, amr: [] } }));
    expect(questions(asked)?.session).toEqual({ assurance: 'mfa', authTime: Date.UTC(2026, 0, 5, 8) as EpochMs, acr: null });
  });

  it('knows nothing of a program that could not be named', () => {
    const { questions } = asking();
    const unknown = { ...caller, kind: 'unknown', process: null, ancestors: [], interpreter: null } as const;
    expect(questions({ ...asked, caller: unknown })?.caller).toEqual({
      kind: 'unknown',
      executable: null,
      parents: [],
      aiAgent: null,
      interpreter: null,
    });
  });

  it.each([
    ['nobody is signed in', nobody, 'acme'],
    ['nothing is known of how', signedIn('00u1', { assurance: null }), 'acme'],
    ['there is no such profile', signedIn('00u1'), 'other'],
  ])('is none where %s', (_, view, profile) => {
    expect(asking(view).questions({ ...asked, profile })).toBeNull();
  });
});
