/**
 * Whether this device is managed, by whom, and what its company says now: the bundle that was accepted last, sealed, and asked after once a
 * minute. Whatever is wrong with a newer one, the older goes on holding until its own end.
 *
 * It decides nothing about tokens: it says what holds, who is revoked, and what is wrong, and tells whoever listens of each change.
 */
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import type { Records } from '../vault/vault.ts';
import { type Accepted, readAccepted, requireAcceptable, type VerifiedBundle, verifyBundle } from './bundle.ts';
import { fetchBundle } from './bundle-line.ts';
import { type Bundle, type SigningKey, signingKeySchema, thumbprintSchema } from './bundle-schema.ts';
import { type Device, obtainDevice, openDevice } from './device.ts';
import { createPoller } from './poller.ts';

const RECORD = 'enrollment';

/** Where a bundle is, and the one key it is believed by at first. */
export interface Invitation {
  readonly url: string;
  /** RFC 7638 thumbprint of IT's signing key. */
  readonly thumbprint: string;
}

/** What somebody is about to accept. */
export interface Offer extends VerifiedBundle {
  readonly invitation: Invitation;
  readonly bytes: Buffer;
  readonly etag: string | null;
}

export interface Held extends VerifiedBundle {
  readonly device: Device;
  readonly url: string;
  /** Managed settings of the machine, or a link that a person has accepted. */
  readonly source: 'managed' | 'link';
  readonly acceptedAt: EpochMs;
}

export interface Person {
  readonly issuer: string;
  readonly subject: string;
  readonly username: string;
}

export interface Enrollment {
  /** The bundle that holds; null: this device is nobody's, or its managed settings have not led to one yet. */
  held(): Held | null;
  /** A bundle holds that is not here: none was fetched yet, or the one that was kept cannot be read by this version of the program. */
  awaited(): Invitation | null;
  /** The settings of the machine do not hold it. */
  isLeavable(): boolean;
  /** When the host of the bundle was last asked, and last answered with something that could be used; null: not since the start. */
  times(): { asked: EpochMs | null; answered: EpochMs | null };
  /** Why the last question led to nothing; null: it did. */
  problem(): Failure | null;
  /** Fetches what an invitation offers; nothing is kept. @throws AppError BUNDLE_* | ENROLLED_ELSEWHERE */
  look(invitation: Invitation): Promise<Offer>;
  /** The person has seen what it may restrict, and accepts. @throws AppError ENROLLED_ELSEWHERE | DISK_FULL */
  accept(offer: Offer): Promise<void>;
  /** @throws AppError ENROLLED_BY_IT: the machine's own settings hold it */
  leave(): Promise<void>;
  /** This device is among the revoked. */
  isRevoked(): boolean;
  /** By the bundle that holds, whatever its date. */
  isPersonRevoked(person: Person): boolean;
  /** Asks now. */
  poll(): Promise<void>;
  onChange(listener: () => void): void;
  close(): void;
}

const recordSchema = z.strictObject({
  version: z.literal(1),
  url: z.string(),
  /** The thumbprint that the first bundle was believed by. */
  anchor: thumbprintSchema,
  source: z.enum(['managed', 'link']),
  etag: z.string().nullable(),
  acceptedAt: z.int().min(0),
  /** The key whose signature held. */
  signer: signingKeySchema,
  /** The file, to the byte. */
  bytes: z.base64(),
});
type Kept = z.output<typeof recordSchema>;

/**
 * @param parts.vault open while everything else is locked
 * @param parts.managed what the machine's own settings say; null: nothing
 * @throws AppError VAULT_CORRUPT | KEYCHAIN_*: a device that cannot tell whether it is managed does not start
 */
export async function openEnrollment(parts: {
  vault: Pick<Records, 'seal' | 'open' | 'erase'>;
  managed: Invitation | null;
  fetch: typeof globalThis.fetch;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
}): Promise<Enrollment> {
  const { vault, managed, clock, random, audit, log } = parts;
  const listeners: (() => void)[] = [];
  let kept: Kept | null = await openKept(vault);
  let held: Held | null = null;
  /** What the next bundle is measured by; also where the kept one cannot be read. */
  let accepted: (Accepted & { readonly keys: readonly SigningKey[] }) | null = null;
  let asked: EpochMs | null = null;
  let answered: EpochMs | null = null;
  let problem: Failure | null = null;
  /** What was told last. */
  let said = JSON.stringify(problem);
  if (kept !== null) await openHeld(kept);
  let changing: Promise<unknown> = Promise.resolve();
  if (held !== null) noteRevocation(null, held);

  const poller = createPoller({ clock, random, ask });

  /** A bundle that another version has taken need not make sense to this one; then nothing is given until the next that does. */
  async function openHeld(from: Kept): Promise<void> {
    accepted = readAccepted(Buffer.from(from.bytes, 'base64'));
    try {
      held = await heldOf(from, vault);
    } catch (error) {
      if (!hasCode(error, 'BUNDLE_INVALID')) throw error;
      problem = unreadable(error).toFailure();
      log('enrollment.unreadable', { reason: error.reason ?? '' });
      recordRejection(error);
    }
  }

  /** One at a time: a poll that was on its way must not bring back what has been left since. */
  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const next = changing.then(change, change);
    changing = next.catch(() => undefined);
    return next;
  }

  /** The managed settings' word is the machine's; a link counts where they say nothing. */
  const source = (): { invitation: Invitation; kind: 'managed' | 'link' } | null => {
    if (managed !== null) return { invitation: managed, kind: 'managed' };
    return kept === null ? null : { invitation: { url: kept.url, thumbprint: kept.anchor }, kind: 'link' };
  };

  /**
   * What the next bundle must be signed by: keys of the last one, or the anchor where IT has named another one in the machine's settings.
   * A link is no way back to a key that another one has taken over from.
   */
  function pinned(invitation: Invitation): { thumbprint: string } | readonly SigningKey[] {
    // check: enroll-keys-of-the-last
    if (accepted !== null && invitation.thumbprint === kept?.anchor) return accepted.keys;
    // end check
    return { thumbprint: invitation.thumbprint };
  }

  /** A key may have had its day since the person was shown the bundle. */
  async function requirePinned({ invitation, bytes }: Offer): Promise<void> {
    // check: enroll-key-still-pinned
    await verifyBundle(bytes, pinned(invitation));
    // end check
  }

  async function ask(): Promise<void> {
    const from = source();
    if (from === null) return;
    asked = clock.now();
    const before = JSON.stringify(problem);
    try {
      const isSame = held !== null && kept?.url === from.invitation.url && kept.anchor === from.invitation.thumbprint;
      const fetched = await fetchBundle(parts, from.invitation.url, isSame ? (kept?.etag ?? null) : null);
      if (fetched !== null) await inTurn(() => take(fetched.bytes, fetched.etag, from));
      answered = clock.now();
      problem = null;
    } catch (error) {
      const failure = asAppError(error);
      problem = failure.toFailure();
      if (JSON.stringify(problem) !== before) {
        log('enrollment.poll-failed', { code: failure.code, reason: failure.reason ?? '' });
        if (failure.code !== 'BUNDLE_UNREACHABLE') recordRejection(failure);
      }
    }
    if (JSON.stringify(problemNow()) !== said) changed();
  }

  /** On a full disk, or while the agent ends, it cannot be recorded; that must not keep the next question from being asked. */
  function recordRejection({ code, reason = '' }: AppError): void {
    try {
      audit.append({ type: 'bundle.rejected', code, reason });
    } catch (error) {
      log('enrollment.rejection-unrecorded', { code: asAppError(error).code });
    }
  }

  /** Past its date it is of no use, whatever came of asking for another one. */
  function problemNow(): Failure | null {
    const hasEnded = held !== null && clock.now() >= Date.parse(held.bundle.expires);
    return hasEnded ? new AppError('BUNDLE_EXPIRED').toFailure() : problem;
  }

  async function take(bytes: Buffer, etag: string | null, from: { invitation: Invitation; kind: 'managed' | 'link' }): Promise<void> {
    // Somebody has left, or accepted another one, since it was asked for.
    if (source()?.invitation.url !== from.invitation.url) return;
    const verified = await verifyBundle(bytes, pinned(from.invitation));
    let before = accepted;
    const isAnother = accepted?.bundleId !== verified.bundle.bundleId;
    // Another company has taken the machine over: its settings name another key.
    if (from.kind === 'managed' && isAnother && kept?.anchor !== from.invitation.thumbprint) before = null;
    requireAcceptable(verified, before, clock.now());
    if (held?.hash === verified.hash && kept?.etag === etag && kept.anchor === from.invitation.thumbprint) return;
    await keep(verified, bytes, etag, from);
  }

  async function keep(
    verified: VerifiedBundle,
    bytes: Buffer,
    etag: string | null,
    { invitation, kind }: { invitation: Invitation; kind: 'managed' | 'link' },
  ): Promise<void> {
    const device = await obtainDevice(vault, random);
    const next: Kept = {
      ...{ version: 1, url: invitation.url, anchor: invitation.thumbprint, source: kind, etag },
      // The same text under another ETag is nothing new: how old it is must not look younger for it.
      acceptedAt: kept !== null && held?.hash === verified.hash ? kept.acceptedAt : clock.now(),
      ...{ signer: verified.signer, bytes: bytes.toString('base64') },
    };
    const { organization, revision } = verified.bundle;
    const isFirst = accepted?.bundleId !== verified.bundle.bundleId;
    const before = held;
    // Before it holds: what nobody can read about later must not happen.
    if (isFirst) audit.append({ type: 'device.enrolled', organization, device: device.id, source: kind });
    if (before?.hash !== verified.hash)
      audit.append({ type: 'bundle.accepted', organization, revision, digest: verified.hash, signedBy: verified.signedBy });
    await vault.seal(RECORD, Buffer.from(JSON.stringify(next)));
    kept = next;
    problem = null;
    accepted = acceptedOf(verified);
    held = { ...verified, device, url: next.url, source: kind, acceptedAt: next.acceptedAt as EpochMs };
    noteRevocation(before, held);
    changed();
  }

  function noteRevocation(before: Held | null, now: Held): void {
    const isOut = (each: Held): boolean => each.bundle.revoked.devices.includes(each.device.id);
    if (isOut(now) && (before === null || !isOut(before))) audit.append({ type: 'device.revoked', device: now.device.id });
  }

  function changed(): void {
    said = JSON.stringify(problemNow());
    for (const listener of listeners) listener();
  }

  function requireFree(invitation: Invitation): void {
    // check: enroll-once
    if (managed !== null && (managed.thumbprint !== invitation.thumbprint || managed.url !== invitation.url))
      throw new AppError('ENROLLED_ELSEWHERE');
    if (kept !== null && kept.anchor !== invitation.thumbprint)
      throw new AppError('ENROLLED_ELSEWHERE', held === null ? {} : { detail: `It belongs to ${held.bundle.organization}.` });
    // end check
  }

  return {
    held: () => held,
    awaited: () => (held === null ? (source()?.invitation ?? null) : null),
    isLeavable: () => managed === null,
    times: () => ({ asked, answered }),
    problem: problemNow,
    async look(invitation) {
      requireFree(invitation);
      const fetched = await fetchBundle(parts, invitation.url, null);
      if (fetched === null) throw new AppError('BUNDLE_UNREACHABLE', { reason: 'status' });
      const verified = await verifyBundle(fetched.bytes, pinned(invitation));
      requireAcceptable(verified, accepted, clock.now());
      return { ...verified, invitation, bytes: fetched.bytes, etag: fetched.etag };
    },
    accept: (offer) =>
      inTurn(async () => {
        requireFree(offer.invitation);
        await requirePinned(offer);
        requireAcceptable(offer, accepted, clock.now());
        await keep(offer, offer.bytes, offer.etag, { invitation: offer.invitation, kind: managed === null ? 'link' : 'managed' });
      }),
    leave: () =>
      inTurn(async () => {
        // check: enroll-leave-managed
        if (managed !== null) throw new AppError('ENROLLED_BY_IT');
        // end check
        if (kept === null) return;
        const device = held?.device ?? (await openDevice(vault));
        audit.append({ type: 'device.left', organization: held?.bundle.organization ?? '', device: device?.id ?? '' });
        await vault.erase(RECORD);
        kept = null;
        held = null;
        accepted = null;
        problem = null;
        changed();
      }),
    isRevoked: () => held?.bundle.revoked.devices.includes(held.device.id) === true,
    isPersonRevoked: (person) => held !== null && isPersonOut(held.bundle, person),
    poll: () => poller.now(),
    onChange: (listener) => void listeners.push(listener),
    close: () => poller.close(),
  };
}

/** Whoever is out is out under every spelling that people would read as theirs; one too many is noticed, one too few is not. */
export const isPersonOut = ({ revoked }: Pick<Bundle, 'revoked'>, { issuer, subject, username }: Person): boolean =>
  revoked.persons.some((out) =>
    'username' in out
      ? folded(out.username) === folded(username)
      : withoutSlash(out.issuer) === withoutSlash(issuer) && out.subject === subject,
  );
const folded = (username: string): string => username.normalize('NFKC').toLowerCase().trim();
const withoutSlash = (issuer: string): string => issuer.replace(/\/+$/, '');

const acceptedOf = ({ bundle: { bundleId, revision, keys }, hash }: VerifiedBundle) => ({ bundleId, revision, keys, hash });

const unreadable = (error: AppError): AppError =>
  new AppError('BUNDLE_INVALID', {
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    detail: 'This version of Lakepass cannot read the one that was accepted last; until it gets another one, nothing is handed out.',
    cause: error,
  });

async function openKept(vault: Pick<Records, 'open'>): Promise<Kept | null> {
  const plain = await vault.open(RECORD);
  if (plain === null) return null;
  try {
    return recordSchema.parse(JSON.parse(plain.toString('utf8')));
  } catch (cause) {
    throw new AppError('VAULT_CORRUPT', { reason: RECORD, cause });
  }
}

async function heldOf(kept: Kept, vault: Pick<Records, 'seal' | 'open'>): Promise<Held> {
  const device = await openDevice(vault);
  // check: enroll-device-kept
  // The device goes before the enrollment: whoever took it away would be another one, which nobody has revoked.
  if (device === null) throw new AppError('VAULT_CORRUPT', { reason: 'enrolled-device' });
  // end check
  const verified = await verifyBundle(Buffer.from(kept.bytes, 'base64'), [kept.signer]);
  return { ...verified, device, url: kept.url, source: kept.source, acceptedAt: kept.acceptedAt as EpochMs };
}
