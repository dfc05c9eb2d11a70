/**
 * Checks an audit log without an agent or configuration: `lakepass audit verify`, or an auditor with a copy of the files.
 *
 * The chain alone shows edited, deleted, repeated, reordered and malformed records, a segment that is missing, a torn end. With the public
 * key of the device, checkpoints show that nobody else wrote the log anew, and where one is missing. With checkpoints that were kept
 * elsewhere, a cut at the end shows too, and what whoever has the key wrote anew. `verify-words.ts` says in each case what is proven and
 * what is not. It never changes a file.
 */
import { statSync } from 'node:fs';
import fs from 'node:fs/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import { readLines } from './lines.ts';
import { decodeLine, type LineProblem, type StoredRecord, ZERO_HASH } from './record.ts';
import { listSegments, segmentFile, segmentNumber } from './segment.ts';
import { systemErrorOf } from './unwritable.ts';
import { type SealNote, type SealOptions, type SealProblem, type Seals, type SealWalk, walkSeals } from './verify-seals.ts';

/** NTP corrects small offsets by slewing and steps beyond 128 ms; a step back of more than this is worth a look. */
const BACKWARDS_MS = 1000;

export type AuditProblem =
  | LineProblem
  | SealProblem
  /** The record before it in the file is not the one it was chained to. */
  | 'chain-broken'
  | 'seq-wrong'
  | 'too-long'
  /** A last line without its end: a crash, or somebody cut the file. The next start of the agent repairs the first. */
  | 'unfinished'
  | 'segment-missing'
  /** There is no log here. */
  | 'nothing-here'
  | 'unreadable';

export type AuditNote = SealNote | 'clock-went-back' | 'repaired' | 'gap' | 'went-on' | 'break-recorded' | 'start-not-proven';

export interface Verification {
  ok: boolean;
  /** Records that are whole in themselves. */
  records: number;
  /** `line` is 0 when the problem is the whole file. */
  problems: { file: string; line: number; problem: AuditProblem }[];
  /** Worth knowing, not wrong: what the log says about itself, a clock set back, an unproven beginning. */
  notes: { file: string; line: number; note: AuditNote }[];
  /** Problems and notes beyond those that were to be listed. */
  unlisted: number;
  /** The oldest whole record. */
  first: { seq: number; at: string } | null;
  /** The newest whole record: note it elsewhere and a later cut becomes visible. */
  last: { seq: number; hash: string; at: string } | null;
  seals: Seals;
}

/** What the next record must fit to; `anything` after a problem, so that one break is reported once. */
type Expected = { seq: number; prev: string; at: number } | 'anything';

interface Walk {
  result: Omit<Verification, 'ok' | 'seals'>;
  seals: SealWalk;
  expected: Expected;
  /** Of each, problems and notes. */
  mostListed: number;
}

/** Lines in a row; others get their turn after each. */
const LINES_IN_A_ROW = 128;

/**
 * What is appended while it runs is left to the next time.
 *
 * @param target one segment, or the folder of a log (all segments, in order)
 * @param options.keys public keys of the device, given by somebody else than the log
 * @param options.kept checkpoints that were kept elsewhere
 * @param options.mostListed problems, and notes, beyond so many are only counted; all are listed when absent
 * @returns never throws for what is wrong with the log: a missing or unreadable file is a problem too
 */
export async function verifyAudit(target: string, options: SealOptions & { mostListed?: number } = {}): Promise<Verification> {
  const number = segmentNumber(target);
  const walk: Walk = {
    result: { records: 0, problems: [], notes: [], unlisted: 0, first: null, last: null },
    seals: walkSeals(
      { ...options, isPart: number !== undefined && number !== 1 },
      { find: (problem, place) => find(walk, { ...place, problem }), remark: (note, place) => remark(walk, { ...place, note }) },
    ),
    expected: { seq: 1, prev: ZERO_HASH, at: 0 },
    mostListed: options.mostListed ?? Number.POSITIVE_INFINITY,
  };
  try {
    const files = (await fs.stat(target)).isDirectory() ? wholeLog(walk, target) : oneFile(walk, target);
    // A log is appended to within one turn of the loop, so what is measured in one ends in a whole record.
    const sizes = new Map(files.map((file) => [file, statSync(file).size]));
    for (const file of files) await walkFile(walk, file, sizes.get(file) ?? 0, file === files.at(-1));
    if (files.length === 0 || (walk.result.records === 0 && walk.result.problems.length === 0)) report(walk, target, 0, 'nothing-here');
  } catch (error) {
    const system = systemErrorOf(error);
    if (system === undefined) throw error;
    report(walk, target, 0, system === 'ENOENT' ? 'nothing-here' : 'unreadable');
  }
  const seals = walk.seals.end(walk.result.last, { file: target, line: 0 });
  return { ok: walk.result.problems.length === 0, ...walk.result, seals };
}

function report(walk: Walk, file: string, line: number, problem: AuditProblem): void {
  find(walk, { file, line, problem });
  walk.expected = 'anything';
}

function find({ result, mostListed }: Walk, problem: Verification['problems'][number]): void {
  if (result.problems.length < mostListed) result.problems.push(problem);
  else result.unlisted += 1;
}

function remark({ result, mostListed }: Walk, note: Verification['notes'][number]): void {
  if (result.notes.length < mostListed) result.notes.push(note);
  else result.unlisted += 1;
}

/** A file may have any number in its name. */
const MOST_MISSING = 1000;

/** The segments there are; a hole in their numbers is reported and bridged. */
function wholeLog(walk: Walk, folder: string): string[] {
  const segments = listSegments(folder);
  let next = 1;
  for (const { number } of segments) {
    // check: audit-segment-missing
    const listed = Math.min(number, next + MOST_MISSING);
    walk.result.unlisted += number - listed;
    for (; next < listed; next += 1) find(walk, { file: segmentFile(folder, next), line: 0, problem: 'segment-missing' });
    // end check
    next = number + 1;
  }
  return segments.map(({ file }) => file);
}

/** Only the first segment can show its own beginning. */
function oneFile(walk: Walk, file: string): string[] {
  if (segmentNumber(file) !== 1) {
    walk.expected = 'anything';
    remark(walk, { file, line: 0, note: 'start-not-proven' });
  }
  return [file];
}

async function walkFile(walk: Walk, file: string, size: number, isLast: boolean): Promise<void> {
  for await (const line of readLines(file, { to: size })) {
    if (line.number % LINES_IN_A_ROW === 0) await otherWork();
    if (line.bytes === null) {
      report(walk, file, line.number, 'too-long');
      continue;
    }
    const decoded = decodeLine(line.bytes);
    // check: audit-unfinished
    if (!line.ended) {
      report(walk, file, line.number, 'unfinished');
      if (decoded.ok && isLast) accept(walk, decoded.record);
      continue;
    }
    // end check
    if (!decoded.ok) {
      report(walk, file, line.number, decoded.problem);
      continue;
    }
    compare(walk, file, line.number, decoded.record);
    walk.seals.take(decoded.record, { file, line: line.number });
    accept(walk, decoded.record);
  }
}

function compare(walk: Walk, file: string, line: number, record: StoredRecord): void {
  const { expected } = walk;
  if (expected !== 'anything') {
    // check: audit-chain
    if (record.prev !== expected.prev) find(walk, { file, line, problem: 'chain-broken' });
    // end check
    // check: audit-seq
    if (record.seq !== expected.seq) find(walk, { file, line, problem: 'seq-wrong' });
    // end check
    if (Date.parse(record.at) < expected.at - BACKWARDS_MS) remark(walk, { file, line, note: 'clock-went-back' });
  }
  const note = record.type === 'audit.gap' && record['acts'] === 'went-on' ? 'went-on' : selfNotes.get(record.type);
  if (note !== undefined) remark(walk, { file, line, note });
}

/** No object: the type of a record may be any word. */
const selfNotes: ReadonlyMap<string, AuditNote> = new Map([
  ['audit.repaired', 'repaired'],
  ['audit.gap', 'gap'],
  ['audit.broken', 'break-recorded'],
]);

function accept(walk: Walk, record: StoredRecord): void {
  walk.result.records += 1;
  walk.result.first ??= { seq: record.seq, at: record.at };
  walk.result.last = { seq: record.seq, hash: record.hash, at: record.at };
  walk.expected = { seq: record.seq + 1, prev: record.hash, at: Date.parse(record.at) };
}
