/** How long a token is good for: three moments in its life, all shares of it, so that 20 s tokens work as well as 1 h ones. */
import type { Clock } from '../ports.ts';
import { type Ms, minutes, ms, seconds } from '../units.ts';
import type { ExchangedToken, MintedToken } from './minted-token.ts';

export interface HeldToken {
  readonly minted: MintedToken;
  /** Running time when it came. */
  readonly heldFrom: Ms;
  /** Below this it is not handed out: the client would be refused before its next look. */
  readonly floor: Ms;
  /** Below this a new one is fetched, while this one still serves. */
  readonly renewBelow: Ms;
}

const HIGHEST_FLOOR = seconds(120);
const LONGEST_RENEWAL = minutes(5);

/** The whole life of a token. */
export const lifeOf = ({ mintedAt, expiresAt }: ExchangedToken): Ms => ms(expiresAt - mintedAt);

/** With less than this left a token is not handed out. */
export const floorOf = (minted: ExchangedToken): Ms => ms(Math.min(HIGHEST_FLOOR, lifeOf(minted) / 4));

export function holdToken(minted: MintedToken, clock: Clock): HeldToken {
  const floor = floorOf(minted);
  return { minted, heldFrom: clock.elapsed(), floor, renewBelow: ms(floor + Math.min(LONGEST_RENEWAL, lifeOf(minted) / 4)) };
}

/**
 * What is left of it, by whichever clock says less: running time stands still while a machine sleeps, and the wall clock may be
 * set back.
 */
export function lifeLeft({ minted, heldFrom }: HeldToken, clock: Clock): Ms {
  return ms(Math.min(minted.expiresAt - clock.now(), lifeOf(minted) - (clock.elapsed() - heldFrom)));
}
