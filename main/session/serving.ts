/** Gives out the provider's JWT to the part that exchanges it: a young one where it can be had, an older one while it will do. */
import { AppError } from '../app-error.ts';
import type { SubjectToken } from '../idp/signed-in.ts';
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';
import type { Backoff } from './backoff.ts';
import { type LiveSession, untilHalfLife } from './live-session.ts';
import type { Renewal } from './renewal.ts';
import { type SessionState, within } from './session-state.ts';

/** How long a renewal may keep somebody waiting for whom the JWT at hand would do. */
const PATIENCE: Ms = seconds(3);

interface Parts {
  state: SessionState;
  renewal: Renewal;
  backoff: Backoff;
  clock: Clock;
  enforceLimits: () => void;
}

/** See `Session.subjectToken`. */
export function createServing({ state, renewal, backoff, clock, enforceLimits }: Parts): (life: Ms) => Promise<SubjectToken> {
  const serve = async (life: Ms): Promise<SubjectToken> => {
    enforceLimits();
    // check: session-locked
    if (state.locked) throw new AppError('LOCKED');
    // end check
    const session = state.live;
    if (session === null) throw state.ended ?? new AppError('SIGNED_OUT');
    const { jwt } = session;
    const young = untilHalfLife(jwt) > 0;
    // check: session-token-long-enough
    if (jwt !== null && young && jwt.life <= life) throw tooShort();
    // end check
    const enough = covering(session, life);
    if (enough !== null && young) return enough;
    if (session.stored === null || session.spent !== null) return enough ?? refuse(session);
    await (enough === null ? renewOrSay(session) : renewIfQuick(session));
    // check: session-locked-while-waiting
    if (state.locked) return serve(life);
    // end check
    if (state.live !== session) return serve(life);
    return covering(session, life) ?? refuse(session);
  };

  const renewOrSay = (session: LiveSession): Promise<void> => {
    const waits = renewal.underWay()?.session === session;
    // check: session-retry-spacing
    if (!waits && backoff.shortPause() > 0 && state.renewalProblem !== null) throw state.renewalProblem;
    // end check
    return renewal.renew(session);
  };

  /** A provider that hangs or fails must not hold up somebody who need not wait for it. */
  const renewIfQuick = async (session: LiveSession): Promise<void> => {
    const underWay = renewal.underWay();
    const waited = underWay === null ? 0 : clock.elapsed() - underWay.since;
    if (waited >= PATIENCE || (underWay === null && backoff.pause() > 0)) return;
    // Why it failed is in the view; the JWT at hand is served all the same.
    await within(
      clock,
      ms(PATIENCE - waited),
      renewal.renew(session).catch(() => undefined),
    );
  };
  return serve;
}

const covering = ({ jwt }: LiveSession, life: Ms): SubjectToken | null => (jwt !== null && jwt.left() > life ? jwt.token : null);

function refuse({ stored, spent }: LiveSession): never {
  if (spent !== null) throw spent;
  throw stored === null ? new AppError('SESSION_EXPIRED', { reason: 'no-refresh-token' }) : tooShort();
}

const tooShort = (): AppError => new AppError('TOKEN_TOO_SHORT', { reason: 'subject-token' });
