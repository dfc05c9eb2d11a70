/**
 * What a key is touched for. A ticket stands for one ceremony: it is made where the wish arises, shown on the ceremony page alone,
 * and spent by the touch. What the person is shown is what the challenge is made from; what the touch then does hangs on nothing else.
 */
import type { z } from 'zod';
import type { AskView, Span } from '../../preload/contract/consent.ts';
import type { CeremonyView, ceremonyFinishedSchema, ceremonyFinishSchema } from '../../preload/contract/pages.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import type { CeremonyRequest } from '../../preload/contract/ui.ts';
import { AppError } from '../app-error.ts';
import type { Consents } from '../grant/consents.ts';
import type { TapKeys, Touch } from '../passkey/tap-keys.ts';
import type { Clock } from '../ports.ts';
import { type EpochMs, later, minutes } from '../units.ts';

type Finished = z.output<typeof ceremonyFinishedSchema>;

export interface Person {
  issuer: string;
  subject: string;
  username: string;
  signedInAt: EpochMs;
  /**
   * When the provider says it saw them last: a browser that was still signed in there brings an older moment than the sign-in here. Null
   * where it does not say, as a workspace that signs people in itself does not.
   */
  provenAt: EpochMs | null;
}

/** Null where nobody is signed in. */
export function personIn({ phase, identity, signedInAt, assurance }: SessionView): Person | null {
  if (phase !== 'signed-in' || identity === null || signedInAt === null) return null;
  const { issuer, subject, username } = identity;
  const at = Date.parse(signedInAt) as EpochMs;
  const seenAt = assurance?.authTime ?? null;
  return { issuer, subject, username, signedInAt: at, provenAt: seenAt === null ? null : (Math.min(at, Date.parse(seenAt)) as EpochMs) };
}

export interface Ceremonies {
  /** @returns the ticket. @throws AppError TAP_KEY_NEEDED | SIGN_IN_STALE | SIGNED_OUT | ASK_UNKNOWN | LOCKED */
  begin(request: CeremonyRequest): string;
  /** For the tab that has just completed a sign-in, while there is no key: the only road to the first one. */
  beginFirst(signedIn: Promise<Person>): string;
  view(ticket: string): CeremonyView;
  options(ticket: string, origin: string): Promise<{ id: string; options: Record<string, unknown> }>;
  finish(ticket: string, answer: z.output<typeof ceremonyFinishSchema>): Promise<Finished>;
  refuse(ticket: string): void;
}

interface Ticket {
  readonly request: CeremonyRequest;
  readonly until: EpochMs;
  /** Set on the first key's ticket: who must still be signed in when it is enrolled. */
  readonly first: Promise<Person> | null;
  /** Tells this ceremony's challenge from every other's. */
  readonly nonce: string;
  /** Who has touched an existing key for this; their new one comes next. */
  tapped: Person | null;
  /** A touch is being judged. */
  busy: boolean;
}

const spanWords: Record<Span, string> = {
  once: 'Your yes is good for this one time.',
  program: 'Your yes lasts until this program exits.',
  hours: 'Your yes lasts for eight hours.',
  grant: 'Your yes lasts as long as the grant.',
};

/**
 * Whoever enrolled the oldest key of this machine, where they are signed in. Policy, configuration and vault are one for all
 * profiles: whoever may sign in to one of these must not decide over the others.
 *
 * @throws AppError SIGNED_OUT: nobody is | TAP_KEY_NEEDED: there is no key, or its person is not signed in
 */
export function keeperOf<P extends Pick<Person, 'issuer' | 'subject'>>(
  signedIn: readonly P[],
  tapKeys: Pick<TapKeys, 'list' | 'ownedBy'>,
): P {
  if (signedIn.length === 0) throw new AppError('SIGNED_OUT');
  const oldest = tapKeys.list()[0]?.id;
  const keeper = signedIn.find((person) => oldest !== undefined && tapKeys.ownedBy(person).includes(oldest));
  if (keeper === undefined)
    throw new AppError('TAP_KEY_NEEDED', { reason: 'keeper', detail: 'It takes the person who enrolled the first key.' });
  return keeper;
}

/**
 * Who approves what is asked in a profile: its own person, whoever signed in last where it is about none; for a service principal, which
 * is nobody's, the keeper.
 *
 * @throws AppError SIGNED_OUT | TAP_KEY_NEEDED
 */
export function approverIn<P extends Pick<Person, 'issuer' | 'subject'>>(
  profile: string | null,
  parts: {
    /** The last one first; of that profile, of all for null. */
    people: (profile: string | null) => readonly P[];
    tapKeys: Pick<TapKeys, 'list' | 'ownedBy'>;
    isServicePrincipal: (profile: string) => boolean;
  },
): P {
  // check: principal-approved-by-keeper
  if (profile !== null && parts.isServicePrincipal(profile)) return keeperOf(parts.people(null), parts.tapKeys);
  // end check
  const [last] = parts.people(profile);
  if (last === undefined) throw new AppError('SIGNED_OUT');
  return last;
}

const LIFE = minutes(10);
const MOST = 64;
/** Changing keys is for the person who is there now. */
const FRESH = minutes(5);

export function createCeremonies(parts: {
  clock: Clock;
  random: (bytes: number) => Buffer;
  tapKeys: TapKeys;
  consents: Consents;
  /** The request as it stands, exactly as it is shown. */
  askView: (id: string) => AskView | undefined;
  /** Who is signed in: in this profile; null: in whatever one. @throws AppError SIGNED_OUT | LOCKED */
  person: (profile: string | null) => Person;
  /** Whose keys count for what holds in every profile; see `keeperOf`. @throws AppError SIGNED_OUT | LOCKED | TAP_KEY_NEEDED */
  keeper: () => Person;
  /** Where the UI is, for the way back. */
  home: () => Promise<string | null>;
  seal: (key: string, prf: Buffer) => Promise<void>;
  unlock: (key: string, prf: Buffer) => Promise<void>;
  isLocked: () => boolean;
  /** A tap key is about to be removed: whatever it opens must open without it. @throws AppError INPUT_INVALID (last-key) */
  removed: (key: string) => Promise<void>;
  /** In words what the company of this device would then want of its person; null: nothing. */
  lackedWithout?: (key: string) => string | null;
}): Ceremonies {
  const { clock, tapKeys, consents } = parts;
  const tickets = new Map<string, Ticket>();

  function issue(request: CeremonyRequest, first: Promise<Person> | null = null): string {
    for (const [id, { until }] of tickets) if (clock.now() >= until) tickets.delete(id);
    const [oldest] = tickets.keys();
    if (tickets.size >= MOST && oldest !== undefined) tickets.delete(oldest);
    const id = parts.random(16).toString('base64url');
    const nonce = parts.random(16).toString('base64url');
    tickets.set(id, { request, until: later(clock.now(), LIFE), first, nonce, tapped: null, busy: false });
    return id;
  }

  function ticketOf(id: string): Ticket {
    const ticket = tickets.get(id);
    // check: ceremony-ticket
    if (ticket === undefined || clock.now() >= ticket.until) throw new AppError('PAGE_REFUSED', { reason: 'ticket' });
    // end check
    return ticket;
  }

  function requireFresh(): Person {
    const person = parts.person(null);
    // check: ceremony-fresh-sign-in
    if (clock.now() - (person.provenAt ?? person.signedInAt) > FRESH) throw new AppError('SIGN_IN_STALE');
    // end check
    return person;
  }

  /** Another profile's person has no say in what is asked in this one, nor in what would hold for all. */
  function answerable(request: CeremonyRequest): Person {
    const profile = request.kind === 'tap' ? requireAsk(request.ask).profile : null;
    // check: ceremony-keeper
    if (request.kind === 'seal' || (request.kind === 'tap' && profile === null)) return parts.keeper();
    // end check
    // check: ceremony-person-of-profile
    if (profile !== null) return parts.person(profile);
    // end check
    return parts.person(null);
  }

  /** The keys that may be touched for this. While all is locked nobody is signed in, and only what seals the vault can open it. */
  function touchable(request: CeremonyRequest): readonly string[] {
    const { kind } = request;
    const sealing = (): string[] => tapKeys.list().flatMap(({ id, seals }) => (seals ? id : []));
    const keys = kind === 'unlock' ? sealing() : tapKeys.ownedBy(answerable(request));
    // check: ceremony-needs-key
    if (keys.length === 0) throw new AppError('TAP_KEY_NEEDED');
    // end check
    // check: ceremony-own-key
    if ('key' in request && !keys.includes(request.key)) throw new AppError('INPUT_INVALID', { reason: 'key' });
    // end check
    return kind === 'seal' && 'key' in request ? [request.key] : keys;
  }

  function requireAsk(id: string): AskView {
    const ask = parts.askView(id);
    if (ask === undefined) throw new AppError('ASK_UNKNOWN');
    return ask;
  }

  /** Exactly what the person is shown, as the challenge is made from it. Times and counts that move by themselves are left out. */
  function boundOf({ request, nonce }: Ticket): unknown {
    if (request.kind !== 'tap') return { ...request, nonce };
    const { id, purpose, caller, expected, profile, workspace, scopes, words, grant, label, until } = requireAsk(request.ask);
    return {
      kind: 'tap',
      span: request.span,
      ask: { id, purpose, caller, expected, profile, workspace, scopes, words, grant, label, until },
    };
  }

  const takesNewKey = ({ request, first, tapped }: Ticket): boolean => request.kind === 'enrol' && (first !== null || tapped !== null);
  const opensVault = ({ request }: Ticket): boolean => request.kind === 'seal' || request.kind === 'unlock';
  /** Keys are changed by a person who is there. Where the sign-in does not show that, the key does, by PIN or finger. */
  const needsVerification = ({ request }: Ticket): boolean =>
    (request.kind === 'enrol' || request.kind === 'remove') && parts.person(null).provenAt === null;

  function viewOf(ticket: Ticket): CeremonyView {
    const { request, first, tapped } = ticket;
    const ask = request.kind === 'tap' ? requireAsk(request.ask) : null;
    if (ask !== null) consents.shown(ask.id);
    const steps = request.kind === 'enrol' && first === null ? 2 : 1;
    return {
      kind: request.kind,
      ask,
      ...wordsOf(ticket),
      step: tapped === null ? 1 : 2,
      steps,
      touch: takesNewKey(ticket) ? 'create' : 'get',
    };
  }

  function wordsOf({ request, first, tapped }: Ticket): { title: string; words: string[] } {
    const nameOfKey = (id: string): string => tapKeys.list().find((key) => key.id === id)?.name ?? '';
    switch (request.kind) {
      case 'tap':
        return { title: 'Touch your key to approve this', words: [spanWords[request.span]] };
      case 'enrol':
        if (first !== null)
          return {
            title: 'Enrol your first tap key',
            words: ['Its touch will approve what programs ask for.', 'Two keys are better than one: add a second one when this is done.'],
          };
        return tapped === null
          ? { title: 'First touch a key that is enrolled', words: ['A new key is added only with the touch of one you have.'] }
          : { title: 'Now touch the new key', words: ['The new key will be able to approve requests.'] };
      case 'remove':
        return {
          title: `Remove ${nameOfKey(request.key)}`,
          words: [
            'It will no longer approve anything.',
            ...[parts.lackedWithout?.(request.key) ?? []].flat(),
            'Touch any key that is enrolled.',
          ],
        };
      case 'seal':
        return {
          title: `Seal the vault with ${nameOfKey(request.key)}`,
          words: ['Afterwards the vault opens only with a touch of a key that seals it, or a fresh sign-in.'],
        };
      case 'unlock':
        return { title: 'Unlock Lakepass', words: ['Touch a key that seals the vault.'] };
    }
  }

  /** The first key is for whoever has just signed in; a later one for whoever has touched one of theirs. */
  async function ownerOfNewKey({ first, tapped }: Ticket): Promise<Person> {
    if (first !== null) return first;
    const person = requireFresh();
    return tapped ?? person;
  }

  async function finishNewKey(ticket: Ticket, { id, response, name }: z.output<typeof ceremonyFinishSchema>): Promise<void> {
    const person = await ownerOfNewKey(ticket);
    // check: ceremony-first-key-once
    if (ticket.first !== null && tapKeys.ownedBy(person).length > 0) throw new AppError('PAGE_REFUSED', { reason: 'first-key' });
    // end check
    // check: ceremony-same-person
    const now = parts.person(null);
    if (now.subject !== person.subject || now.issuer !== person.issuer) throw new AppError('GRANT_OTHER_PERSON');
    // end check
    await tapKeys.finishEnrol(id, response, name);
  }

  async function act(ticket: Ticket, touch: Touch, prf: Buffer | null): Promise<void> {
    const { request } = ticket;
    // check: ceremony-unproven-sign-in-verified
    if (needsVerification(ticket) && !touch.userVerified) throw new AppError('TAP_REFUSED', { reason: 'verification' });
    // end check
    switch (request.kind) {
      case 'tap':
        return consents.answer(request.ask, { verdict: 'approved', how: 'tap', span: request.span, tapKey: touch.keyId });
      case 'enrol':
        ticket.tapped = requireFresh();
        return;
      case 'remove':
        requireFresh();
        await parts.removed(request.key);
        return tapKeys.remove(request.key);
      case 'seal':
      case 'unlock':
        // check: ceremony-prf-needed
        if (prf === null) throw new AppError('TAP_REFUSED', { reason: 'prf', detail: 'This key, or this browser, cannot open a vault.' });
        // end check
        return request.kind === 'seal' ? parts.seal(request.key, prf) : parts.unlock(touch.keyId, prf);
    }
  }

  /** One touch at a time, and a ticket that has done its work is gone before its work shows. */
  async function withTicket<T>(id: string, run: (ticket: Ticket) => Promise<T>): Promise<T> {
    const ticket = ticketOf(id);
    // check: ceremony-one-at-a-time
    if (ticket.busy) throw new AppError('PAGE_REFUSED', { reason: 'busy' });
    // end check
    ticket.busy = true;
    try {
      return await run(ticket);
    } finally {
      ticket.busy = false;
    }
  }

  return {
    begin(request) {
      if (request.kind === 'unlock') {
        touchable(request);
        return issue(request);
      }
      // check: ceremony-not-while-locked
      if (parts.isLocked()) throw new AppError('LOCKED');
      // end check
      touchable(request);
      if (request.kind === 'tap') requireAsk(request.ask);
      if (request.kind === 'enrol' || request.kind === 'remove') requireFresh();
      return issue(request);
    },

    beginFirst(signedIn) {
      // A sign-in that fails in its last step is reported to whoever waits for it; the ticket is then worth nothing.
      signedIn.catch(() => undefined);
      return issue({ kind: 'enrol' }, signedIn);
    },

    view: (id) => viewOf(ticketOf(id)),

    async options(id, origin) {
      const ticket = ticketOf(id);
      if (takesNewKey(ticket)) {
        const { issuer, subject, username } = await ownerOfNewKey(ticket);
        return tapKeys.beginEnrol({ origin, person: { issuer, subject, username } });
      }
      const { request } = ticket;
      return tapKeys.beginTap({
        origin,
        bound: boundOf(ticket),
        userVerification: opensVault(ticket) || needsVerification(ticket) ? 'required' : 'preferred',
        prf: opensVault(ticket),
        only: touchable(request),
      });
    },

    finish: (id, answer) =>
      withTicket(id, async (ticket) => {
        if (takesNewKey(ticket)) {
          await finishNewKey(ticket, answer);
        } else {
          const { touch, prf } = await tapKeys.finishTap(answer.id, answer.response, boundOf(ticket));
          try {
            // check: ceremony-key-of-who-is-there
            if (ticket.request.kind !== 'unlock' && !tapKeys.ownedBy(answerable(ticket.request)).includes(touch.keyId))
              throw new AppError('TAP_REFUSED', { reason: 'key' });
            // end check
            await act(ticket, touch, prf);
          } finally {
            prf?.fill(0);
          }
          if (takesNewKey(ticket)) return { done: false, view: viewOf(ticket), next: null };
        }
        tickets.delete(id);
        return { done: true, view: null, next: await parts.home() };
      }),

    refuse(id) {
      const { request } = ticketOf(id);
      tickets.delete(id);
      if (request.kind === 'tap') consents.answer(request.ask, { verdict: 'denied', reach: 'once' });
    },
  };
}
