/**
 * What the checkpoints of a log say, record by record: which of them hold, what they cover, where one is missing, and what the clock did
 * between them. `verify.ts` has shown by then that each record is whole and follows the one before.
 */
import { z } from 'zod';
import { seconds } from '../units.ts';
import { type Checkpoint, parseCheckpoint, verdictOn } from './checkpoint.ts';
import { keyFromJwk, type VerifierKey } from './checkpoint-key.ts';
import { SEAL_AFTER_RECORDS, SEAL_WITHIN } from './checkpoints.ts';
import type { KeptCheckpoint } from './kept-checkpoints.ts';
import type { StoredRecord } from './record.ts';

export type SealProblem =
  /** The record of a checkpoint holds no note, or one that says something else than the record. */
  | 'checkpoint-malformed'
  | 'checkpoint-forged'
  /** It covers other records than those before it. */
  | 'checkpoint-wrong'
  | 'checkpoint-other-key'
  | 'checkpoint-missing'
  /** A key was given, and not one checkpoint is by it. */
  | 'never-sealed'
  /** The agent found at its start that the log was not the one it had sealed. */
  | 'found-rewritten'
  /** The agent found at its start that what it had sealed last was no longer known. */
  | 'memory-lost'
  /** A checkpoint kept elsewhere has another record at its place. */
  | 'rewritten'
  /** A checkpoint kept elsewhere covers more records than there are. */
  | 'cut-off'
  /** A checkpoint kept elsewhere bears this log's name and no signature of its key. */
  | 'kept-forged'
  /** None of the checkpoints kept elsewhere is of this log. */
  | 'kept-of-others';

export type SealNote = 'end-not-sealed' | 'clock-moved' | 'key-changed' | 'other-key-before';

export interface Place {
  file: string;
  line: number;
}

export interface Seals {
  /** Those that hold. */
  checkpoints: number;
  /** The newest of them. */
  sealed: { size: number; at: string } | null;
  /** Records after that one, itself not counted. */
  unsealed: number;
  /** log: those that the log itself names, which whoever writes it anew can change. */
  keysFrom: 'given' | 'log';
  /** The keys by which checkpoints of this log hold. */
  keys: { name: string; id: string }[];
  /** What was kept elsewhere; null: nothing was given. `through`: the newest record that fits one of them. */
  kept: { compared: number; through: number | null; ofOthers: number } | null;
}

export interface SealOptions {
  /** Given by somebody else; absent: those that the log names. */
  keys?: readonly VerifierKey[];
  /** What other keys sealed before the first checkpoint by a given one is noted, and no problem: a reset makes a new key. */
  earlierKeys?: 'noted';
  kept?: readonly KeptCheckpoint[];
}

/** A minute for a busy machine; and a thousand programs may be served in one turn of the loop, before that of the checkpoint comes. */
const LATE = SEAL_WITHIN + seconds(60);
const MOST_UNSEALED = SEAL_AFTER_RECORDS + 1024;
/** The time asleep is known to a second or so. */
const CLOCK_STEP = seconds(5);

const keySchema = z.object({ origin: z.string(), thumbprint: z.string(), jwk: z.string().max(512) });
const checkpointSchema = z.object({ size: z.int(), root: z.string(), why: z.string(), note: z.string() });

export interface SealWalk {
  /** The next record, once it is shown to be whole. */
  take(record: StoredRecord, place: Place): void;
  /** After the last one. */
  end(last: { seq: number; at: string } | null, place: Place): Seals;
}

export interface SealReport {
  find: (problem: SealProblem, place: Place) => void;
  remark: (note: SealNote, place: Place) => void;
}

/** @param options.isPart the beginning of the log was not given */
export function walkSeals(options: SealOptions & { isPart: boolean }, { find, remark }: SealReport): SealWalk {
  const { keys: given, kept = [], isPart } = options;
  const known: VerifierKey[] = [...(given ?? [])];
  const origins = new Set<string>();
  const used = new Map<string, Seals['keys'][number]>();
  const strangers = new Set<string>();
  const wanted = Map.groupBy(kept, ({ checkpoint }) => checkpoint.size);
  const hashes = new Map<number, string>();
  let thumbprint: string | null = null;
  let checkpoints = 0;
  let sealed: Seals['sealed'] = null;
  let firstSeq: number | null = null;
  /** Some run of the agent has begun to seal, or a key says that it should have. */
  let isSealing = given !== undefined;
  let before: { checkpoint: Checkpoint; at: number; why: string } | null = null;
  let hasRun = false;
  /** Since the last checkpoint that holds. */
  let stretch = newStretch();

  function take(record: StoredRecord, place: Place): void {
    firstSeq ??= record.seq;
    if (wanted.has(record.seq)) hashes.set(record.seq, record.hash);
    if (record.type === 'audit.checkpoint') return void takeCheckpoint(record, place);
    stretch.first ??= { at: Date.parse(record.at), place };
    stretch.records += 1;
    if (record.type === 'audit.key') takeKey(record, place);
    if (record.type === 'audit.gap') stretch.hasGap = true;
    if (record.type === 'agent.started') startRun(record, place);
    // check: audit-found-rewritten
    if (record.type === 'audit.rewritten') find(record['size'] === 0 ? 'memory-lost' : 'found-rewritten', place);
    // end check
    stretch.lastAt = Date.parse(record.at);
  }

  function startRun(record: StoredRecord, place: Place): void {
    if (stretch.startedAt !== null) lookAtUnsealedRun(stretch.startedAt, place);
    else if (hasRun && isSealing && before?.why !== 'exit') remark('end-not-sealed', place);
    hasRun = true;
    stretch.startedAt = Date.parse(record.at);
  }

  /** The run before has not made one checkpoint. What the next one seals of it, anybody can have cut or changed before. */
  function lookAtUnsealedRun(startedAt: number, place: Place): void {
    const { first, lastAt, hasGap } = stretch;
    if (!isSealing || first === null) return;
    // check: checkpoint-missing-run
    if (!hasGap && lastAt - startedAt > LATE) return void find('checkpoint-missing', first.place);
    // end check
    remark('end-not-sealed', place);
  }

  function takeKey(record: StoredRecord, place: Place): void {
    isSealing = true;
    const said = keySchema.safeParse(record);
    if (!said.success) return void find('checkpoint-malformed', place);
    if (thumbprint !== null && thumbprint !== said.data.thumbprint) remark('key-changed', place);
    thumbprint = said.data.thumbprint;
    origins.add(said.data.origin);
    const key = keyIn(said.data);
    if (key === null) return void find('checkpoint-malformed', place);
    if (given === undefined && !known.some(({ id, name }) => id === key.id && name === key.name)) known.push(key);
  }

  function takeCheckpoint(record: StoredRecord, place: Place): void {
    isSealing = true;
    const said = checkpointSchema.safeParse(record);
    const checkpoint = said.success ? parseCheckpoint(said.data.note) : null;
    if (!said.success || checkpoint === null) return void find('checkpoint-malformed', place);
    const root = Buffer.from(checkpoint.root, 'hex').toString('base64');
    if (said.data.size !== checkpoint.size || said.data.root !== root) return void find('checkpoint-malformed', place);
    switch (verdictOn(checkpoint, known)) {
      case 'bad':
        // check: checkpoint-forged
        find('checkpoint-forged', place);
        // end check
        return;
      case 'unknown':
        return void takeStranger(checkpoint, place);
      case 'good':
    }
    // check: checkpoint-chain
    if (checkpoint.size !== record.seq - 1 || checkpoint.root !== record.prev) return void find('checkpoint-wrong', place);
    // end check
    lookForMissing(checkpoint, Date.parse(record.at));
    lookAtClock(checkpoint, place);
    for (const { name, id } of checkpoint.signatures) if (known.some((key) => key.id === id)) used.set(`${name}+${id}`, { name, id });
    checkpoints += 1;
    sealed = { size: checkpoint.size, at: record.at };
    before = { checkpoint, at: Date.parse(record.at), why: said.data.why };
    stretch = newStretch();
  }

  /** Once for each key. Without one that was given, and without the beginning of the log, nobody could know it. */
  function takeStranger(checkpoint: Checkpoint, place: Place): void {
    const who = checkpoint.signatures.map(({ name, id }) => `${name}+${id}`).join(' ');
    const isNew = !strangers.has(who);
    strangers.add(who);
    const isEarlier = options.earlierKeys === 'noted' && checkpoints === 0;
    const isUnnamed = isPart && given === undefined && known.length === 0;
    if (isEarlier || isUnnamed) {
      if (isNew && isEarlier) remark('other-key-before', place);
      stretch = newStretch();
      return;
    }
    // check: checkpoint-other-key
    if (isNew) find('checkpoint-other-key', place);
    // end check
  }

  /** Both ends of the stretch are signed; what lies between is bounded by the running time of the agent, in which no sleep counts. */
  function lookForMissing(now: Checkpoint, at: number): void {
    const { first, records, startedAt, hasGap } = stretch;
    if (first === null) return;
    // check: checkpoint-missing-records
    if (records > MOST_UNSEALED) return void find('checkpoint-missing', first.place);
    // end check
    if (hasGap || now.run === null) return;
    const open = at - (startedAt ?? first.at);
    const ran =
      startedAt !== null || before === null ? now.run : now.run - (before.checkpoint.run ?? 0) - Math.max(0, first.at - before.at);
    // check: checkpoint-missing-time
    if (Math.min(open, ran) > LATE) find('checkpoint-missing', first.place);
    // end check
  }

  function lookAtClock({ time, boot }: Checkpoint, place: Place): void {
    const earlier = before?.checkpoint;
    if (time === null || boot === null || earlier?.time == null || earlier.boot?.id !== boot.id) return;
    const moved = time - earlier.time - (boot.up - earlier.boot.up);
    if (Math.abs(moved) > CLOCK_STEP) remark('clock-moved', place);
  }

  function end(last: { seq: number; at: string } | null, place: Place): Seals {
    lookAtEnd(last, place);
    return {
      ...{ checkpoints, sealed, unsealed: stretch.records, keysFrom: given === undefined ? 'log' : 'given', keys: [...used.values()] },
      kept: options.kept === undefined ? null : compareKept(last, place),
    };
  }

  function lookAtEnd(last: { at: string } | null, place: Place): void {
    // check: checkpoint-never
    if (given !== undefined && checkpoints === 0 && last !== null) return void find('never-sealed', place);
    // end check
    const { first, records, startedAt, hasGap } = stretch;
    if (!isSealing || first === null || last === null) return;
    // check: checkpoint-missing-end
    const open = Date.parse(last.at) - (startedAt ?? first.at);
    if (records > MOST_UNSEALED || (!hasGap && (startedAt !== null || before !== null) && open > LATE))
      find('checkpoint-missing', first.place);
    // end check
  }

  /** What was kept elsewhere counts by its own signature alone. */
  function compareKept(last: { seq: number } | null, place: Place): Seals['kept'] {
    let [compared, ofOthers] = [0, 0];
    let through: number | null = null;
    let cut = false;
    for (const { checkpoint, place: where } of kept) {
      const verdict = verdictOn(checkpoint, known);
      if (verdict !== 'good') {
        const isOurs = verdict === 'bad' || origins.has(checkpoint.origin) || known.some(({ name }) => name === checkpoint.origin);
        // check: kept-forged
        if (isOurs) find('kept-forged', where);
        // end check
        if (!isOurs) ofOthers += 1;
        continue;
      }
      if (last === null || checkpoint.size > last.seq) {
        // check: kept-cut-off
        if (!cut) find('cut-off', { file: place.file, line: 0 });
        // end check
        cut = true;
        compared += 1;
        continue;
      }
      // What lies before the part of the log that was given is not compared.
      if (firstSeq !== null && checkpoint.size < firstSeq) continue;
      compared += 1;
      const fits = hashes.get(checkpoint.size) === checkpoint.root;
      // check: kept-rewritten
      if (!fits) find('rewritten', where);
      // end check
      if (fits) through = Math.max(through ?? 0, checkpoint.size);
    }
    // check: kept-of-others
    if (compared === 0) find('kept-of-others', { file: place.file, line: 0 });
    // end check
    return { compared, through, ofOthers };
  }

  return { take, end };
}

interface Stretch {
  first: { at: number; place: Place } | null;
  records: number;
  /** When a run of the agent began in it. */
  startedAt: number | null;
  /** Of its newest record. */
  lastAt: number;
  /** The log could not be written for a while, a checkpoint no more than anything else. */
  hasGap: boolean;
}
const newStretch = (): Stretch => ({ first: null, records: 0, startedAt: null, lastAt: 0, hasGap: false });

function keyIn({ origin, jwk }: z.output<typeof keySchema>): VerifierKey | null {
  try {
    return keyFromJwk(origin, JSON.parse(jwk));
  } catch {
    return null; // not JSON, or no key: whoever calls reports it
  }
}
