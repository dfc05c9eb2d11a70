/**
 * Ceremonies under way: what was asked of the browser, kept until its answer comes. In memory only, each for one answer, so that a
 * restart or a second answer always means a new touch.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../ports.ts';
import { type EpochMs, type Ms, minutes } from '../units.ts';
import { canonicalJson } from './canonical-json.ts';
import { refusal } from './refusal.ts';

/** Longer than a browser waits for a touch. */
export const ceremonyLife: Ms = minutes(2);
const MOST = 64;

export interface Person {
  /** Null where whoever calls does not tell. */
  issuer: string | null;
  subject: string;
  username: string;
}

export interface EnrolCeremony {
  kind: 'enrol';
  origin: string;
  challenge: Buffer;
  person: Person;
  /** Ids of the keys there were when it began. */
  keysThen: readonly string[];
}

export interface TapCeremony {
  kind: 'tap';
  origin: string;
  nonce: Buffer;
  challenge: Buffer;
  /** Ids of the keys that may be touched. */
  allowed: readonly string[];
  userVerification: 'preferred' | 'required';
  prf: boolean;
}

type Kind = 'enrol' | 'tap';
type OfKind<K extends Kind> = Extract<EnrolCeremony | TapCeremony, { kind: K }>;

export interface OpenCeremonies {
  /** @returns the name under which the answer comes */
  open(ceremony: EnrolCeremony | TapCeremony): string;
  /**
   * Hands the ceremony out, once.
   * @throws AppError TAP_REFUSED (challenge): there is none of that name and kind, or its time is over
   */
  take<K extends Kind>(id: string, kind: K): OfKind<K>;
  forgetAll(): void;
}

/**
 * SHA-256 over a nonce of 32 bytes and the canonical JSON of what is shown: an answer proves a touch for this very value, and the
 * nonce keeps two ceremonies for the same value apart.
 */
export const tapChallenge = (nonce: Buffer, bound: unknown): Buffer =>
  createHash('sha256').update(nonce).update(canonicalJson(bound)).digest();

export function createOpenCeremonies({ clock, random }: { clock: Clock; random: (bytes: number) => Buffer }): OpenCeremonies {
  const ceremonies = new Map<string, { ceremony: EnrolCeremony | TapCeremony; at: EpochMs; since: Ms }>();

  /** By either clock: running time stands still while the machine sleeps, the wall may be moved. */
  const isOver = ({ at, since }: { at: EpochMs; since: Ms }): boolean =>
    clock.now() - at > ceremonyLife || clock.elapsed() - since > ceremonyLife;

  function makeRoom(): void {
    for (const [id, entry] of ceremonies) if (isOver(entry)) ceremonies.delete(id);
    // check: passkey-ceremonies-bounded
    const [oldest] = ceremonies.keys();
    if (ceremonies.size >= MOST && oldest !== undefined) ceremonies.delete(oldest);
    // end check
  }

  return {
    open(ceremony) {
      makeRoom();
      const id = random(16).toString('base64url');
      ceremonies.set(id, { ceremony, at: clock.now(), since: clock.elapsed() });
      return id;
    },
    take<K extends Kind>(id: string, kind: K): OfKind<K> {
      const found = ceremonies.get(id);
      // check: passkey-ceremony-once
      ceremonies.delete(id);
      // end check
      if (found === undefined) throw refusal('challenge');
      // check: passkey-ceremony-life
      if (isOver(found)) throw refusal('challenge');
      // end check
      const { ceremony } = found;
      // check: passkey-ceremony-kind
      if (ceremony.kind !== kind) throw refusal('challenge');
      // end check
      return ceremony as OfKind<K>;
    },
    forgetAll: () => ceremonies.clear(),
  };
}
