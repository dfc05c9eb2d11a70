/**
 * An identity provider in memory, as strict as one on the network: it rotates refresh tokens, takes a rotated one again only
 * inside its grace period, and ends the whole family at a reuse outside it. What goes wrong on the way is said by a test.
 */
import { AppError } from '../../main/app-error.ts';
import type {
  Assurance,
  AssuranceLevel,
  Identity,
  IdentityProvider,
  Refreshed,
  Revocation,
  SignedIn,
  SubjectToken,
} from '../../main/idp/signed-in.ts';
import type { Clock } from '../../main/ports.ts';
import { Secret } from '../../main/secret.ts';
import { type EpochMs, hours, later, type Ms, ms, seconds } from '../../main/units.ts';
import type { ActionOutcome } from '../../preload/contract/key-registration.ts';

/** What happens to one refresh. 'lost-…' and 'hang-…' are the ones nobody can tell apart: the work was or was not done. */
export type RefreshFault =
  | 'unsent'
  | 'answered'
  | 'lost-request'
  | 'lost-answer'
  | 'hang-request'
  | 'hang-answer'
  | 'refused'
  | 'id-token'
  | 'clock'
  | 'bug';

export interface StrictIdp extends IdentityProvider {
  /** Life of the tokens to come. */
  ttl: Ms;
  grace: Ms;
  rotates: boolean;
  givesRefreshToken: boolean;
  identity: Identity;
  assurance: Assurance;
  /** Hits the next refreshes, one each. */
  fail(...faults: RefreshFault[]): void;
  /** Hits every refresh until null. */
  outage: RefreshFault | null;
  /** What the next sign-in does instead of succeeding; 'waits' waits for the person until it is cancelled or `finishSignIn()`. */
  signInFails: AppError | 'waits' | null;
  finishSignIn(): void;
  /** What it says of the next registrations of a key; 'waits' waits for the person until it is cancelled. */
  registers: ActionOutcome | 'waits';
  revocation: Revocation['refreshToken'] | 'hang';
  /** Of the sign-ins and refreshes, in their order. */
  readonly requestIds: readonly string[];
  /** Refresh requests that left, oldest first. `counted` is false where the provider answered that it did nothing. */
  readonly refreshes: readonly { token: string; at: EpochMs; counted: boolean }[];
  readonly revoked: readonly string[];
  /** Of each sign-in: how strong it has to be at least after the registration of a key; null for one that follows none. */
  readonly floors: readonly (AssuranceLevel | null)[];
  /** Tokens that would still be taken. */
  live(): string[];
}

export const alice: Identity = {
  issuer: 'https://idp.example',
  subject: 'sub-alice',
  username: 'alice@example.com',
  displayName: 'Alice',
  groups: ['data'],
  claims: {},
};
export const bob: Identity = { ...alice, subject: 'sub-bob', username: 'bob@example.com', displayName: 'Bob' };

/** The time limit of the real line to a provider. */
const TIME_LIMIT = seconds(10);

export function strictIdp(clock: Clock): StrictIdp {
  const families = new Map<string, { members: string[]; rotatedAt: EpochMs | null; ended: boolean }>();
  const requestIds: string[] = [];
  const refreshes: { token: string; at: EpochMs; counted: boolean }[] = [];
  const revoked: string[] = [];
  const floors: (AssuranceLevel | null)[] = [];
  const faults: RefreshFault[] = [];
  let made = 0;
  let finish = (): void => undefined;

  const subjectToken = (): SubjectToken => ({
    jwt: new Secret(`jwt-${++made}`),
    issuedAt: clock.now(),
    expiresAt: later(clock.now(), idp.ttl),
  });
  const unreachable = (reason: string) => new AppError('ISSUER_UNREACHABLE', { reason });
  const timeLimit = () => new Promise<void>((resolve) => void clock.after(TIME_LIMIT, resolve));

  const rotate = (token: string, identity: Identity): Refreshed => {
    refreshes.push({ token, at: clock.now(), counted: true });
    const family = [...families.values()].find(({ members }) => members.includes(token));
    if (family === undefined || family.ended) throw new AppError('SESSION_REFUSED', { reason: 'invalid_grant' });
    const newest = family.members.at(-1) === token;
    const inGrace = family.members.at(-2) === token && family.rotatedAt !== null && clock.now() - family.rotatedAt < idp.grace;
    if (!newest && !inGrace) {
      family.ended = true;
      throw new AppError('SESSION_REFUSED', { reason: 'invalid_grant' });
    }
    if (idp.rotates && newest) {
      family.members.push(`rt-${++made}`);
      family.rotatedAt = clock.now();
    }
    return {
      subjectToken: subjectToken(),
      refreshToken: new Secret(family.members.at(-1) ?? token),
      groups: idp.identity.subject === identity.subject ? idp.identity.groups : identity.groups,
      claims: idp.identity.subject === identity.subject ? idp.identity.claims : identity.claims,
    };
  };

  const idp: StrictIdp = {
    ttl: hours(1),
    grace: ms(0),
    rotates: true,
    givesRefreshToken: true,
    identity: alice,
    assurance: { level: 'phr', because: 'acr phr with amr hwk', acr: 'phr', amr: ['hwk'], authTime: clock.now() },
    outage: null,
    signInFails: null,
    registers: 'success',
    revocation: 'revoked',
    refreshes,
    requestIds,
    revoked,
    floors,
    fail: (...more) => void faults.push(...more),
    finishSignIn: () => finish(),
    live: () => [...families.values()].filter(({ ended }) => !ended).flatMap(({ members }) => members.slice(-1)),

    async signIn({ signal, onUrl, provesKey, requestId = '' }): Promise<SignedIn> {
      requestIds.push(requestId);
      floors.push(provesKey?.floor ?? null);
      onUrl(new URL('https://idp.example/authorize?state=x'));
      if (idp.signInFails === 'waits')
        await new Promise<void>((resolve, reject) => {
          finish = resolve;
          signal.addEventListener('abort', () => reject(new AppError('LOGIN_CANCELLED')));
        });
      else if (idp.signInFails !== null) throw idp.signInFails;
      const token = `rt-${++made}`;
      if (idp.givesRefreshToken) families.set(token, { members: [token], rotatedAt: null, ended: false });
      return {
        signedInAt: clock.now(),
        identity: idp.identity,
        assurance: idp.assurance,
        subjectToken: subjectToken(),
        refreshToken: idp.givesRefreshToken ? new Secret(token) : null,
        nonceDigest: 'digest of the nonce',
        proofKey: null,
        binding: 'none',
      };
    },

    async registerKey({ signal, onUrl }) {
      onUrl(new URL('https://idp.example/authorize?kc_action=x'));
      if (idp.registers !== 'waits') return idp.registers;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new AppError('LOGIN_CANCELLED'))));
    },

    async refresh(refreshToken, { identity }, requestId = '') {
      requestIds.push(requestId);
      const fault = faults.shift() ?? idp.outage;
      const token = refreshToken.reveal();
      await Promise.resolve();
      if (fault === 'unsent') throw unreachable('unsent');
      if (fault === 'answered' || fault === 'lost-request' || fault === 'hang-request' || fault === 'refused') {
        refreshes.push({ token, at: clock.now(), counted: fault !== 'answered' });
        if (fault === 'refused') throw new AppError('SESSION_REFUSED', { reason: 'invalid_grant' });
        if (fault === 'hang-request') await timeLimit();
        throw unreachable(fault === 'answered' ? 'answered' : 'sent');
      }
      const answer = rotate(token, identity);
      if (fault === 'hang-answer') await timeLimit();
      if (fault === 'hang-answer' || fault === 'lost-answer') throw unreachable('sent');
      if (fault === 'id-token') throw new AppError('ID_TOKEN_REJECTED', { reason: 'sub' });
      if (fault === 'clock') throw new AppError('CLOCK_SKEW', { reason: 'iat' });
      if (fault === 'bug') throw new TypeError('a bug on the way');
      return answer;
    },

    async revoke(refreshToken) {
      if (idp.revocation === 'hang') await new Promise<never>(() => undefined);
      const outcome = idp.revocation as Revocation['refreshToken'];
      if (outcome === 'revoked') {
        const token = refreshToken.reveal();
        revoked.push(token);
        for (const family of families.values()) if (family.members.includes(token)) family.ended = true;
      }
      return { refreshToken: outcome, detail: `It is ${outcome}.` };
    },
  };
  return idp;
}
