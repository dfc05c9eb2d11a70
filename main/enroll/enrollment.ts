/**
 * Whether this device is managed, by whom, and what its company says now: the bundle that was accepted last, sealed, and asked after once a
 * minute. Whatever is wrong with a newer one, the older goes on holding until its own end.
 *
 * It decides nothing about tokens: it says what holds, who is revoked, and what is wrong, and tells whoever listens of each change.
 */
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import type { Clock, Log } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import type { Records } from '../vault/vault.ts';
import { requireAcceptable, type VerifiedBundle, verifyBundle } from './bundle.ts';
import { fetchBundle } from './bundle-line.ts';
import { type SigningKey, signingKeySchema, thumbprintSchema } from './bundle-schema.ts';
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
  /** The managed settings name a bundle, and none has been fetched yet. */
  awaited(): Invitation | null;
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
  let held: Held | null = kept === null ? null : await heldOf(kept, vault);
  let asked: EpochMs | null = null;
  let answered: EpochMs | null = null;
  let problem: Failure | null = null;
  let changing: Promise<unknown> = Promise.resolve();
  if (held !== null) noteRevocation(null, held);

  const poller = createPoller({ clock, random, ask });

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

  /** What the next bundle must be signed by: keys of the last one, or the anchor where IT has named another one in the machine's settings. */
  function pinned(invitation: Invitation): { thumbprint: string } | readonly SigningKey[] {
    return held === null || invitation.thumbprint !== kept?.anchor ? { thumbprint: invitation.thumbprint } : held.bundle.keys;
  }

  async function ask(): Promise<void> {
    const from = source();
    if (from === null) return;
    asked = clock.now();
    const before = JSON.stringify(problem);
    try {
      const sameUrl = kept?.url === from.invitation.url && kept.anchor === from.invitation.thumbprint;
      const fetched = await fetchBundle(parts, from.invitation.url, sameUrl ? (kept?.etag ?? null) : null);
      if (fetched !== null) await inTurn(() => take(fetched.bytes, fetched.etag, from));
      answered = clock.now();
      problem = held !== null && clock.now() >= Date.parse(held.bundle.expires) ? new AppError('BUNDLE_EXPIRED').toFailure() : null;
    } catch (error) {
      const failure = asAppError(error);
      problem = failure.toFailure();
      if (JSON.stringify(problem) !== before) {
        log('enrollment.poll-failed', { code: failure.code, reason: failure.reason ?? '' });
        if (failure.code !== 'BUNDLE_UNREACHABLE')
          audit.append({ type: 'bundle.rejected', code: failure.code, reason: failure.reason ?? '' });
      }
    }
    if (JSON.stringify(problem) !== before) changed();
  }

  async function take(bytes: Buffer, etag: string | null, from: { invitation: Invitation; kind: 'managed' | 'link' }): Promise<void> {
    // Somebody has left, or accepted another one, since it was asked for.
    if (source()?.invitation.url !== from.invitation.url) return;
    const verified = await verifyBundle(bytes, pinned(from.invitation));
    const sameCompany = held !== null && (from.kind === 'link' || held.bundle.bundleId === verified.bundle.bundleId);
    requireAcceptable(verified, sameCompany && held !== null ? acceptedOf(held) : null, clock.now());
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
      ...{ version: 1, url: invitation.url, anchor: invitation.thumbprint, source: kind, etag, acceptedAt: clock.now() },
      ...{ signer: verified.signer, bytes: bytes.toString('base64') },
    };
    const { organization, revision } = verified.bundle;
    const isFirst = held === null || held.bundle.bundleId !== verified.bundle.bundleId;
    const before = held;
    // Before it holds: what nobody can read about later must not happen.
    if (isFirst) audit.append({ type: 'device.enrolled', organization, device: device.id, source: kind });
    if (before?.hash !== verified.hash)
      audit.append({ type: 'bundle.accepted', organization, revision, digest: verified.hash, signedBy: verified.signedBy });
    await vault.seal(RECORD, Buffer.from(JSON.stringify(next)));
    kept = next;
    held = { ...verified, device, url: next.url, source: kind, acceptedAt: next.acceptedAt as EpochMs };
    noteRevocation(before, held);
    changed();
  }

  function noteRevocation(before: Held | null, now: Held): void {
    const isOut = (each: Held): boolean => each.bundle.revoked.devices.includes(each.device.id);
    if (isOut(now) && (before === null || !isOut(before))) audit.append({ type: 'device.revoked', device: now.device.id });
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  function requireFree(invitation: Invitation): void {
    // check: enroll-once
    if (managed !== null && managed.thumbprint !== invitation.thumbprint) throw new AppError('ENROLLED_ELSEWHERE');
    if (held !== null && kept?.anchor !== invitation.thumbprint)
      throw new AppError('ENROLLED_ELSEWHERE', { detail: `It belongs to ${held.bundle.organization}.` });
    // end check
  }

  return {
    held: () => held,
    awaited: () => (held === null ? managed : null),
    times: () => ({ asked, answered }),
    problem: () => problem,
    async look(invitation) {
      requireFree(invitation);
      const fetched = await fetchBundle(parts, invitation.url, null);
      if (fetched === null) throw new AppError('BUNDLE_UNREACHABLE', { reason: 'status' });
      const verified = await verifyBundle(fetched.bytes, { thumbprint: invitation.thumbprint });
      requireAcceptable(verified, held === null ? null : acceptedOf(held), clock.now());
      return { ...verified, invitation, bytes: fetched.bytes, etag: fetched.etag };
    },
    accept: (offer) =>
      inTurn(async () => {
        requireFree(offer.invitation);
        requireAcceptable(offer, held === null ? null : acceptedOf(held), clock.now());
        await keep(offer, offer.bytes, offer.etag, { invitation: offer.invitation, kind: managed === null ? 'link' : 'managed' });
      }),
    leave: () =>
      inTurn(async () => {
        // check: enroll-leave-managed
        if (managed !== null) throw new AppError('ENROLLED_BY_IT');
        // end check
        if (held === null) return;
        const { organization } = held.bundle;
        audit.append({ type: 'device.left', organization, device: held.device.id });
        await vault.erase(RECORD);
        kept = null;
        held = null;
        problem = null;
        changed();
      }),
    isRevoked: () => held?.bundle.revoked.devices.includes(held.device.id) === true,
    isPersonRevoked: ({ issuer, subject, username }) =>
      held?.bundle.revoked.persons.some((person) =>
        'username' in person
          ? person.username.toLowerCase() === username.toLowerCase()
          : person.issuer === issuer && person.subject === subject,
      ) === true,
    poll: () => poller.now(),
    onChange: (listener) => void listeners.push(listener),
    close: () => poller.close(),
  };
}

const acceptedOf = ({ bundle, hash }: VerifiedBundle) => ({ bundleId: bundle.bundleId, revision: bundle.revision, hash });

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
