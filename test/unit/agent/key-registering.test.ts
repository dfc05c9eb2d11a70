/** A security key at the provider, as the agent has it registered: by whom, by which road, and what is said, shown and recorded of it. */
import { describe, expect, it } from 'vitest';
import { createKeyRegistering } from '../../../main/agent/key-registering.ts';
import { AppError } from '../../../main/app-error.ts';
import { type Caller, unknownCaller } from '../../../main/caller/caller.ts';
import { type PresetName, presets } from '../../../main/idp/presets.ts';
import type { AssuranceLevel } from '../../../main/idp/signed-in.ts';
import { type ActionOutcome, keyRegistrationViewSchema } from '../../../preload/contract/key-registration.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';
import { describeCaller } from '../grant/setting.ts';
import { codeOf, profileNamed, signedIn } from './setting.ts';

const person: Caller = { ...unknownCaller, kind: 'program' };
const aiAgent: Caller = { ...person, kind: 'ai-agent', aiAgent: 'claude' };
const authorize = new URL('https://idp.acme.example/authorize');

function registering(preset: PresetName = 'keycloak') {
  const audit = recordingAudit();
  const heard = Promise.withResolvers<ActionOutcome>();
  const shown = Promise.withResolvers<{ level: AssuranceLevel; because: string }>();
  const given = { lock: 'open' as 'open' | 'locked', fails: null as AppError | null, waits: false };
  const opened: (string | undefined)[][] = [];
  const begun: unknown[] = [];
  const changes: string[] = [];
  const parsed = profileNamed('acme');
  const { example, pattern: _ } = presets[preset].issuer;
  const profile = { ...parsed, idp: { ...parsed.idp, preset, issuer: example } };
  const registered = async ({ onUrl }: { onUrl: (url: URL) => void }): Promise<ActionOutcome> => {
    if (given.waits) throw new AppError('LOGIN_IN_PROGRESS');
    if (given.fails !== null) throw given.fails;
    onUrl(authorize);
    return heard.promise;
  };
  const keys = createKeyRegistering({
    company: () => ({ profile, session: { registerKey: registered } as never, browser: async (mayOpen) => (mayOpen ? 'opened' : 'none') }),
    agent: {
      async beginSignIn(...asked) {
        if (given.fails !== null) throw given.fails;
        begun.push(asked);
        return { profile: 'acme', url: authorize.href, browser: 'opened' };
      },
      async signInOutcome() {
        const assurance = { ...(await shown.promise), acr: null, amr: [], authTime: null };
        return { profile: 'acme', session: signedIn('00u1', { assurance }) };
      },
    },
    lock: { state: () => given.lock },
    async openBrowser(url, announced) {
      opened.push([url.href, announced?.href]);
      return 'opened';
    },
    describe: describeCaller,
    audit,
    changed: () => void changes.push(keys.view('acme')?.phase ?? 'none'),
  });
  const view = () => keyRegistrationViewSchema.parse(keys.view('acme'));
  const records = () => audit.of('key.registered-at-provider');
  return { keys, audit, heard, shown, given, opened, begun, view, records, changes };
}

const phr = { level: 'phr', because: 'The provider answered with acr "phr".' } as const;
const low = { level: 'unknown', because: 'The provider does not confirm it.' } as const;

describe('a key that is registered while people sign in at the provider', () => {
  it('counts once a sign-in with it has proven it, and is recorded then', async () => {
    const { keys, heard, shown, view, records, begun, audit, changes } = registering();
    expect(await keys.registerKey({ profile: 'acme' }, person)).toEqual({
      ...{ profile: 'acme', how: 'action', url: authorize.href, browser: 'opened' },
    });
    expect(view()).toMatchObject({ phase: 'registering', said: 'unsaid', proof: null });
    expect(audit.of('session.sign-in-asked')).toMatchObject([{ profile: 'acme', callerKind: 'program' }]);
    heard.resolve('success');
    expect(await keys.keyRegistration('acme')).toEqual({ profile: 'acme', said: 'success' });
    expect(view()).toMatchObject({ phase: 'registered', said: 'success', proof: null });
    expect(records()).toEqual([]);
    await keys.proveKey({}, person);
    expect(begun).toEqual([[{ profile: 'acme', stepUp: false }, person, true, true]]);
    expect(view().phase).toBe('proving');
    shown.resolve(phr);
    const proof = await keys.keyProof('acme');
    expect(proof).toMatchObject({ profile: 'acme', how: 'action', said: 'success', verified: true, assurance: phr });
    expect(view()).toMatchObject({ phase: 'over', proof, failure: null });
    expect(changes).toEqual(['registering', 'registered', 'proving', 'over']);
    expect(records()).toMatchObject([{ profile: 'acme', how: 'action', said: 'success', verified: 'yes', assurance: 'phr' }]);
  });

  it('is not proven by the word of the provider: a sign-in that shows none is a failure', async () => {
    const { keys, heard, shown, view, records } = registering();
    await keys.registerKey({}, person);
    heard.resolve('success');
    await keys.keyRegistration(undefined);
    await keys.proveKey({}, person);
    shown.reject(new AppError('KEY_UNPROVEN', { reason: 'mfa' }));
    expect(await codeOf(keys.keyProof(undefined))).toBe('KEY_UNPROVEN');
    expect(view()).toMatchObject({ phase: 'over', proof: null, failure: { code: 'KEY_UNPROVEN' } });
    expect(records()).toMatchObject([{ said: 'success', verified: 'no', assurance: 'mfa', code: 'KEY_UNPROVEN' }]);
  });

  it.each(['cancelled', 'error'] as const)('ends where the provider says "%s"', async (said) => {
    const { keys, heard, view, records, begun } = registering();
    await keys.registerKey({}, person);
    heard.resolve(said);
    expect(await codeOf(keys.keyRegistration(undefined))).toBe('KEY_NOT_REGISTERED');
    expect(view()).toMatchObject({ phase: 'over', said, failure: { code: 'KEY_NOT_REGISTERED', reason: said } });
    expect(records()).toMatchObject([{ said, verified: 'no', code: 'KEY_NOT_REGISTERED' }]);
    expect(begun).toEqual([]);
  });

  it('may be proven where the provider says nothing of it', async () => {
    const { keys, heard, shown } = registering();
    await keys.registerKey({}, person);
    heard.resolve('unsaid');
    await keys.keyRegistration(undefined);
    await keys.proveKey({}, person);
    shown.resolve(phr);
    expect(await keys.keyProof(undefined)).toMatchObject({ said: 'unsaid', verified: true });
  });

  it('that nobody ends in time is over, and told', async () => {
    const { keys, heard, view, records } = registering();
    await keys.registerKey({}, person);
    heard.reject(new AppError('LOGIN_TIMED_OUT'));
    expect(await codeOf(keys.keyRegistration(undefined))).toBe('LOGIN_TIMED_OUT');
    expect(view()).toMatchObject({ phase: 'over', failure: { code: 'LOGIN_TIMED_OUT' } });
    expect(records()).toMatchObject([{ verified: 'no', code: 'LOGIN_TIMED_OUT' }]);
  });

  it('is not forgotten for a second one that is refused while it waits', async () => {
    const { keys, heard, given, view } = registering();
    await keys.registerKey({}, person);
    given.waits = true;
    expect(await codeOf(keys.registerKey({}, person))).toBe('LOGIN_IN_PROGRESS');
    expect(view().phase).toBe('registering');
    heard.resolve('success');
    expect(await keys.keyRegistration(undefined)).toMatchObject({ said: 'success' });
  });

  it('begins nothing where the provider cannot be reached', async () => {
    const { keys, given } = registering();
    given.fails = new AppError('ISSUER_UNREACHABLE');
    expect(await codeOf(keys.registerKey({}, person))).toBe('ISSUER_UNREACHABLE');
    expect(await codeOf(keys.proveKey({}, person))).toBe('ISSUER_UNREACHABLE');
    expect(keys.view('acme')).toBeUndefined();
  });
});

describe('a key that is registered on a page of the provider’s', () => {
  it('has that page opened, and no other', async () => {
    const { keys, opened, view } = registering('okta');
    const page = 'https://acme.okta.com/enduser/settings';
    expect(await keys.registerKey({}, person)).toEqual({ profile: 'acme', how: 'page', url: page, browser: 'opened' });
    expect(opened).toEqual([[page, page]]);
    expect(view()).toMatchObject({ how: 'page', phase: 'registered', said: 'unsaid' });
    expect(await keys.keyRegistration(undefined)).toMatchObject({ said: 'unsaid' });
  });

  it('is left to whoever opens it itself', async () => {
    const { keys, opened } = registering('okta');
    expect(await keys.registerKey({}, person, false)).toMatchObject({ browser: 'none' });
    expect(opened).toEqual([]);
  });

  it('of a provider that never says so is called what it is', async () => {
    const { keys, shown, records } = registering('google');
    await keys.registerKey({}, person);
    await keys.proveKey({}, person);
    shown.resolve({ level: 'config-asserted', because: 'Your IT declares it.' });
    const proof = await keys.keyProof(undefined);
    expect(proof).toMatchObject({ how: 'page', verified: false, assurance: { level: 'config-asserted' } });
    expect(proof.words).toMatch(/did not say that a key was used.*config-asserted.*Google never says/);
    expect(records()).toMatchObject([{ how: 'page', said: 'unsaid', verified: 'no', assurance: 'config-asserted' }]);
    expect(records()[0]).not.toHaveProperty('code');
  });

  it.each<PresetName>(['generic', 'auth0', 'pingone', 'okta-custom', 'databricks'])('is none with %s: IT knows where', async (preset) => {
    const { keys, opened, audit } = registering(preset);
    expect(await codeOf(keys.registerKey({}, person))).toBe('KEY_PAGE_UNKNOWN');
    expect([opened, audit.events]).toEqual([[], []]);
  });
});

describe('a key that is there already', () => {
  it('is proven without a registration before it', async () => {
    const { keys, shown, records } = registering('generic');
    expect(await codeOf(keys.keyProof(undefined))).toBe('INPUT_INVALID');
    await keys.proveKey({}, person);
    shown.resolve(low);
    expect(await keys.keyProof(undefined)).toMatchObject({ verified: false, assurance: low });
    expect(records()).toHaveLength(1);
  });
});

describe('nobody has a key registered or proven', () => {
  it('as an AI agent', async () => {
    const { keys, opened, begun, audit } = registering('okta');
    for (const act of [keys.registerKey({}, aiAgent), keys.proveKey({}, aiAgent)]) expect(await codeOf(act)).toBe('CALLER_REFUSED');
    expect([opened, begun, audit.events]).toEqual([[], [], []]);
  });

  it('while Lakepass is locked', async () => {
    const { keys, given, opened, begun } = registering('okta');
    given.lock = 'locked';
    for (const act of [keys.registerKey({}, person), keys.proveKey({}, person)]) expect(await codeOf(act)).toBe('LOCKED');
    expect([opened, begun]).toEqual([[], []]);
  });
});
