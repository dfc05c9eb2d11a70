/**
 * Seals the log while the agent runs: a signed checkpoint at its start and end, when a policy begins to hold, and otherwise within 60 s of
 * the first record that has none, or after 256 of them. A crash leaves no more than that unsealed, until the next start seals it.
 *
 * Signing takes about a tenth of a millisecond, in a turn of the loop of its own and never within `append`, and what is signed is the record
 * right before. It needs no vault once it has begun, so it goes on while everything else is locked.
 */
import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, ms, seconds } from '../units.ts';
import { checkpointText, originOf, signedNote } from './checkpoint.ts';
import { keyIdOf, pemOf, type VerifierKey, verifierText } from './checkpoint-key.ts';
import type { AuditEvent } from './event.ts';
import type { OpenAuditLog } from './log.ts';

/** At most so long, and so many records, without a checkpoint. */
export const SEAL_WITHIN = seconds(60);
export const SEAL_AFTER_RECORDS = 256;

/** The device, as far as it signs. */
export interface Signer {
  readonly id: string;
  readonly publicKey: { readonly kty: 'EC'; readonly crv: 'P-256'; readonly x: string; readonly y: string };
  /** RFC 7638. */
  readonly thumbprint: string;
  signText(text: string): Buffer;
}

/** What a verifier elsewhere needs to know of this log. */
export interface LogKey {
  origin: string;
  thumbprint: string;
  /** For `--key`, and for other readers of C2SP notes. */
  verifier: string;
  pem: string;
}

export interface Sealed {
  size: number;
  /** Hash of that record, hex. */
  root: string;
  at: EpochMs;
}

type Why = Extract<AuditEvent, { type: 'audit.checkpoint' }>['why'];

export interface Checkpoints {
  /**
   * From now on checkpoints are written; the first one at once.
   * @param bootId of this start of the machine; only a hash of it, with the device's id, is written
   */
  begin(signer: Signer, bootId: string): void;
  /** The newest of this run; null: none yet. */
  last(): Sealed | null;
  /** null: not begun. */
  key(): LogKey | null;
  verifier(): VerifierKey | null;
  /** Told of each; must not throw. */
  onSealed(listener: (sealed: Sealed) => void): void;
  /** Seals what is there, and ends. */
  close(): void;
}

/** Whatever follows is under other rules. */
const sealedAtOnce: ReadonlySet<string> = new Set<AuditEvent['type']>(['policy.activated', 'bundle.accepted']);

export function createCheckpoints(parts: {
  audit: Pick<OpenAuditLog, 'append' | 'head' | 'onAppend'>;
  clock: Clock;
  log: Log;
}): Checkpoints {
  const { audit, clock, log } = parts;
  const listeners: ((sealed: Sealed) => void)[] = [];
  let signing: { signer: Signer; name: string; id: string; boot: string; publicKey: KeyObject } | null = null;
  let last: Sealed | null = null;
  /** Records since the last checkpoint, and when the first of them was written. */
  let unsealed = 0;
  let since = clock.now();
  let cancel: (() => void) | undefined;
  let isDue = false;
  let failing = false;
  let isNamed = false;

  const stopWatching = audit.onAppend(({ type }) => {
    if (type === 'audit.checkpoint') return;
    if (unsealed === 0) since = clock.now();
    unsealed += 1;
    if (signing === null || isDue) return;
    if (sealedAtOnce.has(type)) return soon('policy');
    if (unsealed >= SEAL_AFTER_RECORDS) return soon('records');
    // The machine slept, or its clock was set: the timer does not know.
    if (clock.now() - since >= SEAL_WITHIN) return soon('time');
    cancel ??= clock.after(SEAL_WITHIN, () => seal('time'));
  });

  function disarm(): void {
    cancel?.();
    cancel = undefined;
  }

  function soon(why: Why): void {
    disarm();
    isDue = true;
    cancel = clock.after(ms(0), () => seal(why));
  }

  function seal(why: Why): void {
    disarm();
    isDue = false;
    if (signing === null || (unsealed === 0 && isNamed)) return;
    const at = clock.now();
    let size = 0;
    let root = '';
    try {
      nameKey(signing);
      ({ seq: size, hash: root } = audit.head());
      audit.append({
        type: 'audit.checkpoint',
        size,
        root: Buffer.from(root, 'hex').toString('base64'),
        why,
        note: noteOf(size, root, at),
      });
    } catch (error) {
      if (!failing) log('audit.unsealed', { code: asAppError(error).code });
      failing = true;
      cancel = clock.after(SEAL_WITHIN, () => seal('time'));
      return;
    }
    failing = false;
    disarm(); // the record that names the key has set the timer
    unsealed = 0;
    last = { size, root, at };
    for (const listener of listeners) listener(last);
  }

  function nameKey({ signer, name }: { signer: Signer; name: string }): void {
    if (isNamed) return;
    const { kty, crv, x, y } = signer.publicKey;
    audit.append({ type: 'audit.key', origin: name, thumbprint: signer.thumbprint, jwk: JSON.stringify({ kty, crv, x, y }) });
    isNamed = true;
  }

  function noteOf(size: number, root: string, at: EpochMs): string {
    if (signing === null) throw new TypeError('nobody signs');
    const { signer, boot } = signing;
    const up = Math.round(clock.sinceBoot());
    const run = Math.round(clock.elapsed());
    const text = checkpointText({ origin: signing.name, size, root, time: at, boot: { id: boot, up }, run });
    return signedNote(text, signing, signer.signText(text));
  }

  return {
    begin(signer, bootId) {
      const publicKey = createPublicKey({ key: { ...signer.publicKey }, format: 'jwk' });
      const name = originOf(signer.id);
      const boot = hash('sha256', `${name}\n${bootId}`, 'hex').slice(0, 16);
      signing = { signer, name, id: keyIdOf(publicKey), boot, publicKey };
      seal('start');
    },
    last: () => last,
    key() {
      if (signing === null) return null;
      const { signer, name, publicKey } = signing;
      return { origin: name, thumbprint: signer.thumbprint, verifier: verifierText(name, publicKey), pem: pemOf(publicKey) };
    },
    verifier: () => (signing === null ? null : { name: signing.name, id: signing.id, key: signing.publicKey }),
    onSealed: (listener) => void listeners.push(listener),
    close() {
      seal('exit');
      disarm();
      stopWatching();
      signing = null;
    },
  };
}
