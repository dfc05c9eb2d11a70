/**
 * Whether what came to the callback is the answer to our sign-in (RFC 6749 section 4.1.2, RFC 9207).
 *
 * Anything else must leave the sign-in waiting, or every web page could end it. Nothing of a foreign answer is ever shown.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type ActionOutcome, actionOutcomes } from '../../preload/contract/key-registration.ts';
import { type OAuthError, oauthErrorFrom } from './library.ts';

/** What was sent with the browser. */
export interface PendingSignIn {
  state: string;
  issuer: string;
  /** The metadata promises `iss` on every answer. */
  issPromised: boolean;
  /** The parameter in which the provider says what came of an act that was asked for (`kc_action_status`). */
  actionAnswer?: string;
}

export type Judgement =
  /** `said`: where an act was asked for. */
  | { kind: 'code'; code: string; said?: ActionOutcome }
  | { kind: 'error'; error: OAuthError }
  /** Not the answer: the wait goes on. */
  | { kind: 'foreign'; reason: 'duplicate' | 'state' | 'iss' | 'form' };

const foreign = (reason: Extract<Judgement, { kind: 'foreign' }>['reason']): Judgement => ({ kind: 'foreign', reason });

/** Parameters of other flows (fragments, JARM): we never ask for them. */
const otherFlows = ['response', 'id_token', 'token', 'access_token'];

export function judgeResponse(params: URLSearchParams, pending: PendingSignIn): Judgement {
  const names = [...params.keys()];
  // check: callback-duplicate
  if (new Set(names).size !== names.length) return foreign('duplicate');
  // end check
  // check: callback-state
  if (!isSameSecret(params.get('state') ?? '', pending.state)) return foreign('state');
  // end check
  const iss = params.get('iss');
  // check: callback-iss-missing
  if (iss === null && pending.issPromised) return foreign('iss');
  // end check
  // check: callback-iss
  if (iss !== null && iss !== pending.issuer) return foreign('iss');
  // end check
  // check: callback-other-flows
  if (otherFlows.some((name) => params.has(name))) return foreign('form');
  // end check
  const [code, error] = [params.get('code'), params.get('error')];
  if (error !== null && code === null) return { kind: 'error', error: oauthErrorFrom(error) };
  // check: callback-code
  if (!code || error !== null || code.length > 4096) return foreign('form');
  // end check
  const { actionAnswer } = pending;
  return { kind: 'code', code: code ?? '', ...(actionAnswer === undefined ? {} : { said: outcomeOf(params.get(actionAnswer)) }) };
}

const outcomeOf = (word: string | null): ActionOutcome => actionOutcomes.find((outcome) => outcome === word) ?? 'unsaid';

/** Constant in time, whatever the lengths. */
function isSameSecret(actual: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(actual), digest(expected));
}
