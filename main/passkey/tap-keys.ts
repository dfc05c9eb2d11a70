/**
 * Tap keys: enrolled at our own page, touched to approve one request. It proves that a key of the registry was touched for exactly
 * what was shown; it says nothing about which key was used at the identity provider.
 */
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import type { EpochMs } from '../units.ts';

/** RP ID of every ceremony, for ever. */
export const RP_ID = 'lakepass.localhost';

export interface Touch {
  keyId: string;
  name: string;
  aaguid: string;
  attested: boolean;
  hardwareBound: boolean;
  userVerified: boolean;
  touchedAt: EpochMs;
}

/** What the browser is given, as @simplewebauthn/browser takes it; `id` names the ceremony when its answer comes. */
export interface Ceremony {
  id: string;
  options: Record<string, unknown>;
}

export interface TapKeys {
  list(): readonly TapKeyView[];
  /** Touches since the last sign-in, newest of each key. */
  touches(): readonly Touch[];
  /**
   * Begins to enrol a key; the caller has made sure that it may be.
   * @param origin `http://lakepass.localhost:PORT`, port included
   */
  beginEnrol(request: { origin: string; person: { subject: string; username: string } }): Promise<Ceremony>;
  /** @throws AppError TAP_REFUSED (reason: challenge, origin, rp-id, presence, duplicate, response) | DISK_FULL */
  finishEnrol(id: string, response: unknown, name: string): Promise<TapKeyView>;
  /**
   * Begins a tap. Its challenge is derived from a nonce and from `bound`, so that an answer proves a touch for this and nothing else.
   * @param request.bound the exact value shown to the person; compared again, by its canonical JSON, when the answer comes
   * @param request.prf asks for the PRF output under each key's salt
   */
  beginTap(request: {
    origin: string;
    bound: unknown;
    userVerification: 'preferred' | 'required';
    prf?: boolean;
    only?: readonly string[];
  }): Promise<Ceremony>;
  /**
   * @param bound what is shown now; if it is not what the challenge was made for, the tap is refused
   * @throws AppError TAP_REFUSED (reason: challenge, origin, rp-id, presence, verification, counter, key, response, bound)
   */
  finishTap(id: string, response: unknown, bound: unknown): Promise<{ touch: Touch; prf: Buffer | null }>;
  rename(keyId: string, name: string): Promise<void>;
  remove(keyId: string): Promise<void>;
  /** A new sign-in: touches of the session before no longer count. */
  forgetTouches(): void;
  eraseAll(): Promise<void>;
  onChange(listener: () => void): void;
}
