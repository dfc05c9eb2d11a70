/** Why a touch is not taken. The reasons are a fixed vocabulary: nothing of the untrusted answer is ever repeated. */
import { AppError } from '../app-error.ts';

export type TapRefusal =
  /** No such ceremony: unknown, over, answered before, of the other kind; or the answer is to another challenge. */
  | 'challenge'
  /** What is shown now is not what the challenge was made for. */
  | 'bound'
  /** Another scheme, host or port, or a page inside a page. */
  | 'origin'
  | 'rp-id'
  /** Nobody touched the key. */
  | 'presence'
  /** The key did not tell its owner from others, by PIN or finger, where that was asked for. */
  | 'verification'
  /** The counter did not go up: there may be two of this key. */
  | 'counter'
  /** Not a key of the registry, not one of those asked for, or not the kind of key that was enrolled. */
  | 'key'
  | 'duplicate'
  /** The very key is another person's, or was reported lost. */
  | 'taken'
  /** The registry holds as many keys as it may. */
  | 'full'
  /** Not an answer a browser gives, or its signature is wrong. */
  | 'response';

export const refusal = (reason: TapRefusal, cause?: unknown): AppError => new AppError('TAP_REFUSED', { reason, cause });
