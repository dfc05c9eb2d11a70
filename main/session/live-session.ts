/** A session while it lives in memory: who, until when, and the provider's JWT, which never touches a disk. */
import type { AppError } from '../app-error.ts';
import type { Assurance, Identity, SubjectToken } from '../idp/signed-in.ts';
import type { Clock } from '../ports.ts';
import type { Profile } from '../profile/profile.ts';
import { type EpochMs, later, type Ms, remaining } from '../units.ts';
import { type Deadline, deadline } from './deadline.ts';
import type { StoredSession } from './stored-session.ts';

export interface LiveSession {
  identity: Identity;
  readonly assurance: Assurance;
  readonly signedInAt: EpochMs;
  renewedAt: EpochMs;
  /** null where the provider gives no refresh token: there is nothing to keep and nothing to renew. */
  stored: StoredSession | null;
  /** null after a restart, until the first renewal. */
  jwt: HeldJwt | null;
  readonly ends: Deadline;
  idle: Deadline;
  lastUsedAt: EpochMs;
  /** The last use the disk knows of. */
  useKeptAt: EpochMs;
  /** The refresh token must never be sent again; the session lasts as long as the JWT. */
  spent: AppError | null;
  /** It was locked: what still arrives for it is dropped. The vault holds what becomes of it. */
  dropped: boolean;
}

/** What is left of a session in memory once it is locked: no token of any kind. */
export interface LockedSession {
  readonly identity: Identity;
  readonly assurance: Assurance;
  readonly signedInAt: EpochMs;
  readonly renewedAt: EpochMs;
  readonly endsAt: EpochMs;
  /** There is something in the vault to take up again. */
  readonly kept: boolean;
}

/** Takes the tokens out of a session and leaves who it was. */
export function dropTokens(session: LiveSession, kept: boolean): LockedSession {
  const { identity, assurance, signedInAt, renewedAt, ends } = session;
  const shell = { identity, assurance, signedInAt, renewedAt, endsAt: ends.at, kept: kept && session.stored !== null };
  session.stored = null;
  session.jwt = null;
  session.dropped = true;
  return shell;
}

export interface HeldJwt {
  readonly token: SubjectToken;
  readonly life: Ms;
  left(): Ms;
}

export function holdJwt(clock: Clock, token: SubjectToken): HeldJwt {
  const until = deadline(clock, token.expiresAt);
  return { token, life: remaining(token.expiresAt, token.issuedAt), left: until.left };
}

/** How long until half the life of the JWT is over, when it is renewed (zero: now). */
export const untilHalfLife = (jwt: HeldJwt | null): number => (jwt === null ? 0 : Math.max(0, jwt.left() - jwt.life / 2));

interface Beginning {
  clock: Clock;
  limits: Profile['limits'];
  identity: Identity;
  assurance: Assurance;
  signedInAt: EpochMs;
  renewedAt: EpochMs;
  lastUsedAt: EpochMs;
  stored: StoredSession | null;
  jwt: SubjectToken | null;
}

export function beginLife({ clock, limits, jwt, ...facts }: Beginning): LiveSession {
  const absolute = later(facts.signedInAt, limits.session);
  const end = facts.stored === null && jwt !== null ? (Math.min(absolute, jwt.expiresAt) as EpochMs) : absolute;
  return {
    ...facts,
    jwt: jwt === null ? null : holdJwt(clock, jwt),
    ends: deadline(clock, end),
    idle: deadline(clock, later(facts.lastUsedAt, limits.idle)),
    useKeptAt: facts.lastUsedAt,
    spent: null,
    dropped: false,
  };
}
