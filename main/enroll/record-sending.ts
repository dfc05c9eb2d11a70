/**
 * Sends a record of this device whenever something in it is new, to where the company has said. One record waits at most: a newer one takes
 * its place. What was last delivered is kept, to the letter, for the person to see. A device that was revoked tells nothing any more.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RecordedKey, RecordView } from '../../preload/contract/device-record.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { asAppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import { recordedKey } from '../passkey/recorded-key.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, ms, seconds } from '../units.ts';
import type { Records } from '../vault/vault.ts';
import { digestOf, factsOf, LARGEST_RECORD_BYTES, type Machine, type RecordFacts, recordIn, signRecord } from './device-record.ts';
import type { Enrollment, Held, Person } from './enrollment.ts';
import { deliver, type Sink, sinkName } from './record-sinks.ts';

const RECORD = 'device-record';
const FIRST_PAUSE = seconds(2);
/** As often as the bundle is asked after. */
const LONGEST_PAUSE = seconds(50);

const signedSchema = z.strictObject({
  /** Of what it says; see `digestOf`. */
  digest: z.string(),
  /** Where it is for, as the bundle has it. */
  to: z.string(),
  jws: z.string().max(2 * LARGEST_RECORD_BYTES),
});
const keptSchema = z.strictObject({
  version: z.literal(1),
  waiting: signedSchema.nullable(),
  sent: z.strictObject({ ...signedSchema.shape, at: z.int().min(0) }).nullable(),
});
type Kept = z.output<typeof keptSchema>;
const nothing: Kept = { version: 1, waiting: null, sent: null };

export interface RecordSending {
  /** Null where the company asks for no records. */
  view(): RecordView | null;
  /** Looks whether anything is new, and sends it; resolves when it was tried. Never rejects: what goes wrong is in the view. */
  follow(): Promise<void>;
  onChange(listener: () => void): void;
  close(): void;
}

/**
 * @param parts.vault open while everything else is locked
 * @param parts.people who is signed in, the last one first
 * @throws AppError KEYCHAIN_* | VAULT_CORRUPT
 */
export async function openRecordSending(parts: {
  enrollment: Pick<Enrollment, 'held' | 'isRevoked'>;
  tapKeys: Pick<TapKeys, 'registered'>;
  people: () => readonly Person[];
  machine: Machine;
  vault: Pick<Records, 'seal' | 'open' | 'erase'>;
  fetch: typeof globalThis.fetch;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
}): Promise<RecordSending> {
  const { enrollment, vault, clock, random, audit, log } = parts;
  const listeners: (() => void)[] = [];
  let kept = await openKept(vault);
  let problem: Failure | null = null;
  let failures = 0;
  let closed = false;
  let cancel = (): void => undefined;
  let turn: Promise<void> = Promise.resolve();

  async function keep(next: Kept): Promise<void> {
    await vault.seal(RECORD, Buffer.from(JSON.stringify(next)));
    kept = next;
  }

  async function forget(): Promise<void> {
    cancel();
    problem = null;
    if (kept === nothing) return;
    await vault.erase(RECORD);
    kept = nothing;
  }

  /** Who signed in last: a person who has signed out since, or locked all, is still the one whose device it is. */
  function personOf(held: Held): Person | null {
    const [last] = parts.people();
    if (last !== undefined) return last;
    const told = [kept.waiting, kept.sent].map((one) => one && recordIn(one.jws)).find((one) => one !== null);
    return told?.bundleId === held.bundle.bundleId && told.deviceId === held.device.id ? told.person : null;
  }

  async function factsNow(held: Held): Promise<RecordFacts> {
    const person = personOf(held);
    const keys: RecordedKey[] = [];
    for (const key of parts.tapKeys.registered()) {
      const isTheirs = key.person.issuer === person?.issuer && key.person.subject === person?.subject;
      if (isTheirs && key.state === 'active') keys.push(await recordedKey(key));
    }
    return factsOf(held, parts.machine, person, keys);
  }

  /** The record that is due takes the place of one that waits; what was delivered already is not due. */
  async function prepare(held: Held, sink: Sink): Promise<void> {
    const facts = await factsNow(held);
    const [digest, to] = [digestOf(facts), JSON.stringify(sink)];
    const says = (one: Kept['waiting']): boolean => one?.digest === digest && one.to === to;
    if (says(kept.waiting) || (kept.waiting === null && says(kept.sent))) return;
    failures = 0;
    if (says(kept.sent)) return keep({ ...kept, waiting: null });
    return keep({ ...kept, waiting: { digest, to, jws: await signRecord(held.device, facts, clock.now()) } });
  }

  async function send(held: Held, sink: Sink): Promise<void> {
    const { waiting } = kept;
    if (waiting === null) return;
    const { at } = recordIn(waiting.jws);
    await deliver(sink, `${held.device.id}-${at.replaceAll(/[:.]/g, '-')}.jws`, waiting.jws, parts);
    audit.append({
      ...{ type: 'device.record-sent', organization: held.bundle.organization, device: held.device.id, to: sinkName(sink) },
      ...{ revision: held.bundle.revision, digest: createHash('sha256').update(waiting.jws).digest('hex') },
    });
    await keep({ version: 1, waiting: null, sent: { ...waiting, at: clock.now() } });
    failures = 0;
  }

  async function followNow(): Promise<void> {
    if (closed) return;
    cancel();
    const held = enrollment.held();
    if (held === null) return forget();
    const sink = held.bundle.records;
    // check: record-not-of-revoked
    if (enrollment.isRevoked()) return;
    // end check
    if (sink === undefined) {
      problem = null;
      return;
    }
    await prepare(held, sink);
    await send(held, sink);
    problem = null;
  }

  /** Half to a whole of a pause that doubles, so that those who failed together do not come back together. */
  function again(): void {
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 10));
    failures += 1;
    const pause = ms(longest * (0.5 + random(2).readUInt16BE() / 0x2_0000));
    cancel();
    cancel = clock.after(pause, () => void follow());
  }

  function follow(): Promise<void> {
    const before = (): string => JSON.stringify([kept.waiting?.digest, kept.sent?.digest, problem]);
    turn = turn.then(async () => {
      const was = before();
      try {
        await followNow();
      } catch (error) {
        const failure = asAppError(error);
        const isNew = problem?.code !== failure.code || problem.reason !== failure.reason;
        problem = failure.toFailure();
        if (isNew) log('device-record.not-sent', { code: failure.code, reason: failure.reason ?? '' });
        if (!closed) again();
      }
      if (before() !== was) for (const listener of listeners) listener();
    });
    return turn;
  }

  return {
    view() {
      const held = enrollment.held();
      const sink = held?.bundle.records;
      if (held == null || sink === undefined) return null;
      const sent = kept.sent === null ? null : { ...kept.sent, fields: recordIn(kept.sent.jws) };
      const isOurs = sent?.fields.bundleId === held.bundle.bundleId;
      return {
        to: sinkName(sink),
        sentAt: isOurs && sent !== null ? new Date(sent.at as EpochMs).toISOString() : null,
        problem,
        waiting: kept.waiting === null ? 0 : 1,
        fields: isOurs && sent !== null ? sent.fields : null,
      };
    },
    follow,
    onChange: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      cancel();
    },
  };
}

/** It is worth nothing but to know what was told: one that cannot be read is told anew. */
async function openKept(vault: Pick<Records, 'open'>): Promise<Kept> {
  const plain = await vault.open(RECORD);
  if (plain === null) return nothing;
  try {
    const kept = keptSchema.parse(JSON.parse(plain.toString('utf8')));
    for (const one of [kept.waiting, kept.sent]) if (one !== null) recordIn(one.jws);
    return kept;
  } catch {
    return { ...nothing };
  }
}
