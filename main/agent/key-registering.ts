/**
 * A security key at the identity provider: the provider's page is opened, and what came of it is shown by a sign-in with the key. Until
 * that has gone well nothing here changes; the word of the provider, or of the person, that a key was registered counts for nothing.
 */
import type { CallerView } from '../../preload/contract/caller.ts';
import type { ActionOutcome, KeyProof, KeyRegistrationBegun, KeyRegistrationView } from '../../preload/contract/key-registration.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Caller } from '../caller/caller.ts';
import { keyRoad, proofWords } from '../idp/key-registration.ts';
import { presets } from '../idp/presets.ts';
import type { Lock } from '../lock/lock.ts';
import type { Ports } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { nameOf } from './access.ts';
import type { Agent, Company } from './agent.ts';

interface Asked {
  profile?: string | undefined;
}

export interface KeyRegistering {
  /**
   * Opens the provider's page.
   * @param mayOpen false where whoever asks opens the address itself
   * @throws AppError CALLER_REFUSED (an AI agent) | LOCKED | KEY_PAGE_UNKNOWN | LOGIN_* | ISSUER_*; which profile: as of a sign-in
   */
  registerKey(asked: Asked, by: Caller, mayOpen?: boolean): Promise<KeyRegistrationBegun>;
  /** Waits for what the provider says of it. @throws AppError KEY_NOT_REGISTERED: it says no | LOGIN_* */
  keyRegistration(profile: string | undefined): Promise<{ profile: string; said: ActionOutcome }>;
  /** Begins the sign-in that shows whether a key was used. @throws AppError CALLER_REFUSED (an AI agent) | LOCKED and as a sign-in */
  proveKey(asked: Asked, by: Caller, mayOpen?: boolean): ReturnType<Agent['beginSignIn']>;
  /** Waits for what it shows. @throws AppError KEY_UNPROVEN and as a sign-in | INPUT_INVALID (proof): none was begun */
  keyProof(profile: string | undefined): Promise<KeyProof>;
  /** Undefined where nothing was begun. */
  view(profile: string): KeyRegistrationView | undefined;
}

interface Registration {
  view: KeyRegistrationView;
  heard: Promise<ActionOutcome>;
  proof: Promise<KeyProof> | null;
}

export function createKeyRegistering(parts: {
  company: (name: string | undefined) => Pick<Company, 'profile' | 'session' | 'browser'>;
  agent: Pick<Agent, 'beginSignIn' | 'signInOutcome'>;
  lock: Pick<Lock, 'state'>;
  openBrowser: Ports['openBrowser'];
  describe: (caller: Caller) => CallerView;
  audit: Pick<AuditLog, 'append'>;
  changed: () => void;
}): KeyRegistering {
  const registrations = new Map<string, Registration>();

  function requirePerson(by: Caller): void {
    // check: key-not-registered-by-ai-agent
    if (by.aiAgent !== null) throw new AppError('CALLER_REFUSED', { reason: by.kind });
    // end check
    // check: key-not-registered-while-locked
    if (parts.lock.state() === 'locked') throw new AppError('LOCKED');
    // end check
  }

  function begin(profile: Profile, how: KeyRegistrationView['how'], heard: Promise<ActionOutcome>): Registration {
    heard.catch(() => undefined);
    const phase = how === 'action' ? 'registering' : 'registered';
    const registration: Registration = { view: { how, phase, said: 'unsaid', proof: null, failure: null }, heard, proof: null };
    registrations.set(profile.name, registration);
    parts.changed();
    return registration;
  }

  function show(registration: Registration, news: Partial<KeyRegistrationView>): void {
    registration.view = { ...registration.view, ...news };
    parts.changed();
  }

  const record = ({ name }: Profile, { how, said }: KeyRegistrationView, assurance: string, failure?: AppError): void =>
    parts.audit.append({
      type: 'key.registered-at-provider',
      ...{ profile: name, how, said, verified: assurance === 'phr' ? 'yes' : 'no', assurance },
      ...(failure === undefined ? {} : { code: failure.code }),
    });

  /** What is over without a proof: told, recorded, and thrown on. */
  function fail(profile: Profile, registration: Registration, error: unknown): never {
    const failure = asAppError(error);
    show(registration, { phase: 'over', failure: failure.toFailure() });
    record(profile, registration.view, (failure.code === 'KEY_UNPROVEN' && failure.reason) || 'unknown', failure);
    throw failure;
  }

  async function hear(profile: Profile, outcome: Promise<ActionOutcome>, registration: () => Registration): Promise<ActionOutcome> {
    try {
      const said = await outcome;
      show(registration(), { said, phase: 'registered' });
      if (said === 'cancelled' || said === 'error') throw new AppError('KEY_NOT_REGISTERED', { reason: said });
      return said;
    } catch (error) {
      return fail(profile, registration(), error);
    }
  }

  async function conclude(profile: Profile, registration: Registration): Promise<KeyProof> {
    try {
      const { session } = await parts.agent.signInOutcome(profile.name);
      if (session.assurance === null) throw new AppError('SIGNED_OUT');
      const { level, because } = session.assurance;
      const { how, said } = registration.view;
      const words = proofWords(profile, { level, because });
      const proof: KeyProof = { profile: profile.name, how, said, verified: level === 'phr', assurance: { level, because }, words };
      record(profile, registration.view, level);
      show(registration, { phase: 'over', proof });
      return proof;
    } catch (error) {
      return fail(profile, registration, error);
    }
  }

  return {
    async registerKey({ profile: name }, by, mayOpen = true) {
      requirePerson(by);
      const { profile, session, browser } = parts.company(name);
      const road = keyRoad(profile);
      if (road === null)
        throw new AppError('KEY_PAGE_UNKNOWN', { detail: `Profile ${profile.name}: ${presets[profile.idp.preset].displayName}.` });
      parts.audit.append({ type: 'session.sign-in-asked', profile: profile.name, ...nameOf(by, parts.describe) });
      if (road.how === 'page') {
        begin(profile, 'page', Promise.resolve('unsaid'));
        const outcome = mayOpen ? await parts.openBrowser(road.page, road.page) : 'none';
        return { profile: profile.name, how: 'page', url: road.page.href, browser: outcome };
      }
      const opened = browser(mayOpen);
      const asked = Promise.withResolvers<URL>();
      const outcome = session.registerKey({ onUrl: asked.resolve });
      outcome.catch(asked.reject);
      const url = await asked.promise;
      const registration: Registration = begin(
        profile,
        'action',
        hear(profile, outcome, () => registration),
      );
      return { profile: profile.name, how: 'action', url: url.href, browser: await opened };
    },

    async keyRegistration(name) {
      const { profile } = parts.company(name);
      return { profile: profile.name, said: (await registrations.get(profile.name)?.heard) ?? 'unsaid' };
    },

    async proveKey({ profile: name }, by, mayOpen = true) {
      requirePerson(by);
      const { profile } = parts.company(name);
      const started = await parts.agent.beginSignIn({ profile: profile.name, stepUp: false }, by, mayOpen, true);
      const known = registrations.get(profile.name);
      // Whoever registered it without us, or before this start, proves it all the same.
      const registration =
        known?.view.phase === 'registered' ? known : begin(profile, keyRoad(profile)?.how ?? 'page', Promise.resolve('unsaid'));
      show(registration, { phase: 'proving' });
      registration.proof = conclude(profile, registration);
      registration.proof.catch(() => undefined);
      return started;
    },

    async keyProof(name) {
      const { profile } = parts.company(name);
      const proof = registrations.get(profile.name)?.proof ?? null;
      if (proof === null) throw new AppError('INPUT_INVALID', { reason: 'proof', detail: 'No such sign-in was begun.' });
      return proof;
    },

    view: (profile) => registrations.get(profile)?.view,
  };
}
