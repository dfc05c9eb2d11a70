/**
 * Brings the log to one sink, at least once and in order, beside everything else: nobody waits for it. The log itself is the spool; a cursor
 * says how far the sink has got.
 *
 * What cannot be sent is tried again, later and later. What falls too far behind, what the receiver will not have at any price and what is
 * no longer on the disk is passed over, and the log says so (`audit.export-skipped`) as soon as something arrives again, or at the end.
 */

import type { Failure } from '../../../preload/contract/failure.ts';
import { AppError, asAppError } from '../../app-error.ts';
import type { Clock, Log } from '../../ports.ts';
import type { Stamp } from '../../stamped-file.ts';
import { type EpochMs, hours, type Ms, minutes, ms, seconds } from '../../units.ts';
import { type DeviceFacts, type Envelope, envelopeOf } from '../envelope.ts';
import type { OpenAuditLog } from '../log.ts';
import { systemErrorOf } from '../unwritable.ts';
import { type Cursor, noteSkipped, readCursor, type Skipped, writeCursor } from './cursor.ts';
import { bytesBehind, type Position, recordsBehind } from './position.ts';
import { NotSent, type Sink } from './sink.ts';

/** Records in a batch. */
const MOST_RECORDS = 500;
/** Characters of envelopes in a batch; as OTLP's JSON about twice as many bytes. */
const MOST_CHARACTERS = 512 * 1024;
/** How long a record waits for company, where the sink asks for nothing else. */
const GATHER_FOR = seconds(5);
const SEND_LIMIT = seconds(30);
/** The last try, when the agent stops. */
const FAREWELL_LIMIT = seconds(2);
/** No batch is begun after it. */
const ALL_FAREWELL_LIMIT = seconds(4);
const FIRST_PAUSE = seconds(2);
const LONGEST_PAUSE = minutes(5);
/** A receiver may ask for so much patience and no more. */
const MOST_PATIENCE = hours(1);
/** So often a record that is alone in its batch is refused before it is passed over. */
const REFUSALS = 3;
/** Whoever has failed so often in a row is a problem for people. */
const WORTH_TELLING = 3;
/** Between tries while nothing but another right or setting can help. */
const RIGHTS_PAUSE = minutes(15);

/** What may wait for a sink. */
export interface Caps {
  /** Of the log. */
  bytes: number;
  age: Ms;
}
export const usualCaps: Caps = { bytes: 256 * 1024 * 1024, age: hours(30 * 24) };

export interface ShipperView {
  name: string;
  kind: Sink['kind'];
  to: string;
  lastSentAt: EpochMs | null;
  lastSeq: number | null;
  /** Records that have yet to go. */
  waiting: number;
  /** Why the last try led to nothing; null: it did not fail. */
  problem: Failure | null;
}

export interface Shipper {
  view(): ShipperView;
  /** What is worth telling a person who did not ask. */
  problem(): Failure | null;
  /** The last record that arrived, as it was sent; null: none since the start. */
  lastSent(): Envelope | null;
  /** Bytes of the log that have yet to go, and what may wait. @throws AppError AUDIT_BROKEN: the log cannot be read */
  behind(): { bytes: number; caps: Caps };
  /** Sends what there is, unless the sink is failing, says what was passed over, and ends within seconds. */
  close(): Promise<void>;
}

export interface ShipperParts {
  sink: Sink;
  /** The folder of the log. */
  folder: string;
  cursorFile: string;
  audit: Pick<OpenAuditLog, 'append' | 'head' | 'onAppend' | 'synced'>;
  device: () => DeviceFacts;
  clock: Pick<Clock, 'now' | 'after'>;
  random: (bytes: number) => Buffer;
  stamp: Stamp;
  log: Log;
  caps?: Caps;
  /** Told when something has arrived, and when a problem has come. */
  changed?: () => void;
}

interface Stretch {
  envelopes: Envelope[];
  first: number;
  /** Behind the last record of the batch. */
  position: Position;
  /** Numbers between these records that are nowhere to be found. */
  gone: Skipped[];
}

function unreadable(error: unknown): unknown {
  const system = systemErrorOf(error);
  return system === undefined
    ? error
    : new AppError('AUDIT_BROKEN', { reason: 'unreadable', detail: `The system says ${system}.`, cause: error });
}

const outOfTime = (): NotSent => new NotSent('way', { reason: 'time' });

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(outOfTime()), { once: true }));

function gapBefore(seq: number, last: number): Skipped[] {
  // check: sink-gap-told
  if (seq > last + 1) return [{ reason: 'gone', count: seq - last - 1, fromSeq: last + 1, toSeq: seq - 1 }];
  // end check
  return [];
}

/** Begins with what has waited, within a few seconds. */
export async function startShipper(parts: ShipperParts): Promise<Shipper> {
  const { sink, folder, clock, random, audit, log, caps = usualCaps } = parts;
  const { gatherFor = GATHER_FOR } = sink;
  const of = { file: parts.cursorFile, sink: sink.name, to: sink.to, folder, stamp: parts.stamp, log };
  let cursor: Cursor = await readCursor(of);
  let most = MOST_RECORDS;
  /** Tries in a row that failed, and refusals in a row of a record that was alone. */
  let failures = 0;
  let refusals = 0;
  let problem: Failure | null = null;
  /** What the receiver asked for. */
  let patience: Ms = ms(0);
  let lastSent: Envelope | null = null;
  let cancel: (() => void) | undefined;
  let isSoon = false;
  let running: Promise<void> | undefined;
  let again = false;
  let closing = false;
  let isOver = false;
  let sending: AbortController | undefined;
  /** A batch that was given up, and that the sink has yet to let go of. */
  let isStuck = false;

  const stopWatching = audit.onAppend(({ type }) => wake(type === 'audit.checkpoint' ? ms(0) : gatherFor));
  wake(gatherFor);

  /** While a sink fails, only its own timer wakes it. */
  function wake(delay: Ms): void {
    if (closing) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    if (failures > 0 || isSoon || (cancel !== undefined && delay > 0)) return;
    isSoon = delay === 0;
    timed(delay);
  }

  function timed(delay: Ms): void {
    cancel?.();
    cancel = clock.after(delay, () => void begin());
  }

  function begin(): Promise<void> {
    cancel?.();
    cancel = undefined;
    isSoon = false;
    running ??= ship()
      .catch((error: unknown) => failed(asAppError(error)))
      .finally(() => {
        running = undefined;
        if (closing) return;
        if (failures > 0) timed(pause());
        else if (again) wake(gatherFor);
        again = false;
      });
    return running;
  }

  /** Until nothing is left, or something has failed. */
  async function ship(): Promise<void> {
    for (let isMore = true; isMore; ) {
      await audit.synced().catch((error: unknown) => log('audit.ships-unsynced', { sink: sink.name, code: asAppError(error).code }));
      const stretch = await gather();
      isMore = stretch !== null && (await deliver(stretch));
    }
  }

  /** The next batch; null: there is none. */
  async function gather(): Promise<Stretch | null> {
    try {
      return await readBatch();
    } catch (error) {
      throw unreadable(error);
    }
  }

  /** What is too old or too much is passed over for good; what is missing in front of the batch only with it. */
  async function readBatch(): Promise<Stretch | null> {
    const stretch: Stretch = { envelopes: [], first: 0, position: cursor.position, gone: [] };
    const device = parts.device();
    const oldest = clock.now() - caps.age;
    let size = 0;
    let behind = bytesBehind(folder, cursor.position);
    for await (const { record, position, bytes } of recordsBehind(folder, cursor.position, audit.head().segment)) {
      const gap = gapBefore(record.seq, stretch.position.seq);
      const tooMuch = behind > caps.bytes ? 'bytes' : Date.parse(record.at) < oldest ? 'age' : null;
      behind -= bytes;
      if (tooMuch !== null && stretch.envelopes.length === 0) {
        const one = { reason: tooMuch, count: 1, fromSeq: record.seq, toSeq: record.seq } as const;
        cursor = { ...cursor, position, skipped: [...gap, one].reduce(noteSkipped, cursor.skipped) };
        stretch.position = position;
        continue;
      }
      const envelope = envelopeOf(record, device);
      size += JSON.stringify(envelope).length;
      if (stretch.envelopes.length > 0 && size > MOST_CHARACTERS) break;
      stretch.first ||= record.seq;
      stretch.envelopes.push(envelope);
      stretch.gone.push(...gap);
      stretch.position = position;
      if (stretch.envelopes.length >= most) break;
    }
    return stretch.envelopes.length === 0 ? null : stretch;
  }

  /** @returns whether to go on at once */
  async function deliver(stretch: Stretch): Promise<boolean> {
    const { envelopes, first, position } = stretch;
    try {
      const { rejected } = await send(envelopes);
      const thrownAway: Skipped[] = rejected > 0 ? [{ reason: 'refused', count: rejected, fromSeq: first, toSeq: position.seq }] : [];
      arrived(stretch, thrownAway);
      lastSent = envelopes.at(-1) ?? null;
      tellSkipped();
      await keep();
      return true;
    } catch (error) {
      if (!(error instanceof NotSent) || error.fault !== 'records') throw error;
      return refused(error, stretch);
    }
  }

  function arrived({ position, gone }: Stretch, thrownAway: readonly Skipped[]): void {
    cursor = { position, sentAt: clock.now(), skipped: [...gone, ...thrownAway].reduce(noteSkipped, cursor.skipped) };
    most = MOST_RECORDS;
    failures = 0;
    refusals = 0;
    if (problem !== null) log('audit.sink-mended', { sink: sink.name });
    problem = null;
    parts.changed?.();
  }

  /** The receiver takes exception to what is in the batch: to find out to which record, the next one is half as large. */
  async function refused(error: NotSent, { envelopes, position, gone }: Stretch): Promise<boolean> {
    if (envelopes.length > 1) {
      most = Math.ceil(envelopes.length / 2);
      return true;
    }
    refusals += 1;
    if (refusals < REFUSALS) throw error;
    refusals = 0;
    const one = { reason: 'refused', count: 1, fromSeq: position.seq, toSeq: position.seq } as const;
    cursor = { ...cursor, position, skipped: [...gone, one].reduce(noteSkipped, cursor.skipped) };
    await keep();
    // Where nothing has arrived since, it is not this record alone, and the pauses go on growing.
    if (failures > REFUSALS) throw error;
    return true;
  }

  /** A file system that hangs heeds no signal, and each try at it would hold one of the few threads that everybody shares. */
  async function send(envelopes: readonly Envelope[]): Promise<{ rejected: number }> {
    if (isStuck || isOver) throw outOfTime();
    const late = new AbortController();
    sending = late;
    const stop = clock.after(closing ? FAREWELL_LIMIT : SEND_LIMIT, () => late.abort());
    isStuck = true;
    const sent = sink.send(envelopes, late.signal).finally(() => {
      isStuck = false;
    });
    try {
      return await Promise.race([sent, aborted(late.signal)]);
    } finally {
      stop();
      sending = undefined;
    }
  }

  function failed(error: AppError): void {
    const isOfRights = error instanceof NotSent && error.fault === 'rights';
    failures = Math.max(failures + 1, isOfRights ? WORTH_TELLING : 0);
    const isNew = problem?.code !== error.code || problem.reason !== error.reason;
    if (isNew) log('audit.sink-failed', { sink: sink.name, code: error.code, reason: error.reason ?? '' });
    problem = error.toFailure();
    patience = isOfRights ? RIGHTS_PAUSE : error instanceof NotSent ? (error.retryAfter ?? ms(0)) : ms(0);
    if (isNew || failures === WORTH_TELLING) parts.changed?.();
  }
  /** Full jitter: anywhere between now and a limit that doubles, so that a thousand devices do not come back together. */
  function pause(): Ms {
    const limit = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 20));
    const drawn = (limit * random(4).readUInt32BE()) / 2 ** 32;
    return ms(Math.max(drawn, Math.min(patience, MOST_PATIENCE)));
  }

  function tellSkipped(): void {
    try {
      for (const each of cursor.skipped) {
        audit.append({ type: 'audit.export-skipped', sink: sink.name, ...each });
        cursor = { ...cursor, skipped: cursor.skipped.filter((other) => other !== each) };
      }
    } catch (error) {
      // It stays in the cursor, and is said the next time.
      log('audit.skip-untold', { sink: sink.name, code: asAppError(error).code });
    }
  }

  async function keep(): Promise<void> {
    await writeCursor(of, cursor, random(8).toString('hex'));
  }

  async function farewell(): Promise<void> {
    if (failures === 0) await begin();
    const untold = cursor.skipped.length;
    tellSkipped();
    if (untold > 0) await keep();
  }

  return {
    view: () => ({
      ...{ name: sink.name, kind: sink.kind, to: sink.to, lastSentAt: cursor.sentAt as EpochMs | null, problem },
      lastSeq: cursor.position.seq === 0 ? null : cursor.position.seq,
      waiting: Math.max(0, audit.head().seq - cursor.position.seq),
    }),
    problem: () => (failures >= WORTH_TELLING ? problem : null),
    lastSent: () => lastSent,
    behind() {
      try {
        return { bytes: bytesBehind(folder, cursor.position), caps };
      } catch (error) {
        throw unreadable(error);
      }
    },
    async close() {
      if (closing) return;
      closing = true;
      cancel?.();
      stopWatching();
      // What is on its way gets the time that everything gets at the end.
      const stop = clock.after(FAREWELL_LIMIT, () => sending?.abort());
      // A disk that was busy until then costs the last checkpoint nothing; a sink that is slow with each of many batches is left.
      const stopAll = clock.after(ALL_FAREWELL_LIMIT, () => {
        isOver = true;
      });
      await running;
      await farewell();
      stop();
      stopAll();
      sink.close?.();
    },
  };
}
