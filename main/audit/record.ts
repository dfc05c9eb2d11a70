/**
 * One record of the audit log: how it is written, and how it is read back without trusting it.
 *
 * A record is one line of JSON that ends in its own hash, always 76 bytes of tail:
 *
 *     {"seq":7,"at":"2026-01-02T03:04:05.678Z","id":"…","prev":"<64 hex>","type":"…",…,"hash":"<64 hex>"}⏎
 *     └────────────────── hashed: exactly these bytes of the file ──────────────────┘
 *
 * `hash` is SHA-256 over the bytes before `,"hash":"`. They contain `prev`, the hash of the record before (64 zeros in the very
 * first), so every hash covers all that came earlier. Hashing the bytes of the file, not some re-serialised form, lets anyone
 * check a log without knowing our field order or RFC 8785:
 *
 *     import hashlib, json, sys
 *     prev, seq = "0" * 64, 0
 *     for name in sorted(sys.argv[1:]):
 *         for line in open(name, "rb"):
 *             body, tail = line[:-76], line[-76:]
 *             record = json.loads(line)
 *             digest = hashlib.sha256(body).hexdigest()
 *             assert tail == b',"hash":"%s"}\n' % digest.encode(), (name, seq + 1, "hash")
 *             assert (record["prev"], record["seq"]) == (prev, seq + 1), (name, seq + 1, "chain")
 *             prev, seq = digest, record["seq"]
 *     print(seq, prev)
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import type { AuditEvent } from './event.ts';

export const ZERO_HASH = '0'.repeat(64);

/** No record is longer than this, newline included: field limits keep ours far below, and readers stop here. */
export const MAX_RECORD_BYTES = 128 * 1024;

/** `,"hash":"` + 64 hex digits + `"}`, without the newline. */
const TAIL_BYTES = 75;
const tailForm = /^,"hash":"([0-9a-f]{64})"\}$/;

export interface RecordHead {
  /** 1 in the first record of the log, one more in each that follows, across segments. */
  seq: number;
  /** UTC, milliseconds, ISO 8601. */
  at: string;
  /** UUIDv7. */
  id: string;
  /** Hash of the record before. */
  prev: string;
}
export type AuditRecord = RecordHead & { hash: string } & AuditEvent;

/** A record as read: the head is checked, the event's own fields are whatever the file says (a newer version may know more). */
const recordSchema = z.looseObject({
  seq: z.number().int().positive(),
  at: z.iso.datetime({ precision: 3 }),
  id: z.uuid(),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  type: z.string().min(1),
  hash: z.string(),
});
export type StoredRecord = z.infer<typeof recordSchema>;

/** JSON escapes C0 controls only; these others can still reorder or hide text on a terminal. */
const unseen = /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu;
const escapeUnits = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
const plain = /^[ -~]*$/;
function canonical(value: object): string {
  const text = JSON.stringify(value);
  return plain.test(text) ? text : text.replace(unseen, escapeUnits);
}

/** The line of a record (newline included) and its hash. */
export function encodeRecord(head: RecordHead, fields: Record<string, unknown>): { line: Buffer; hash: string } {
  const { seq, at, id, prev } = head;
  const body = canonical({ seq, at, id, prev, ...fields }).slice(0, -1);
  const digest = hash('sha256', body, 'hex');
  return { line: Buffer.from(`${body},"hash":"${digest}"}\n`, 'utf8'), hash: digest };
}

export type LineProblem = 'malformed' | 'hash-wrong' | 'not-canonical';
export type DecodedLine = { ok: true; record: StoredRecord } | { ok: false; problem: LineProblem };

const bad = (problem: LineProblem): DecodedLine => ({ ok: false, problem });

/**
 * Reads one line (without its newline) and shows that it is whole: the hash fits its bytes, the head is complete, and it
 * is the one spelling we write (so no key stands twice and means different things to two readers). Whether it follows the
 * record before is the caller's question.
 */
export function decodeLine(bytes: Buffer): DecodedLine {
  const split = bytes.length - TAIL_BYTES;
  const written = tailForm.exec(bytes.subarray(Math.max(split, 0)).toString('latin1'))?.[1];
  if (split <= 0 || written === undefined) return bad('malformed');
  // check: audit-hash
  if (hash('sha256', bytes.subarray(0, split), 'hex') !== written) return bad('hash-wrong');
  // end check
  const parsed = parseRecord(bytes);
  if (parsed === undefined) return bad('malformed');
  // check: audit-canonical
  if (!bytes.equals(Buffer.from(canonical(parsed), 'utf8'))) return bad('not-canonical');
  // end check
  return { ok: true, record: parsed };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseRecord(bytes: Buffer): StoredRecord | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    // Keep the parsed value itself: zod may order keys anew, and the order is part of the canonical form.
    return recordSchema.safeParse(value).success ? (value as StoredRecord) : undefined;
  } catch {
    return undefined; // not UTF-8 or not JSON: the caller reports it as malformed
  }
}

/** As `encodeRecord` writes it: the head, and then the type. */
const headForm = /^\{"seq":\d{1,16},"at":"([0-9T:.Z-]{24})","id":"[0-9a-f-]{36}","prev":"[0-9a-f]{64}","type":"([a-z.-]{1,64})"/;
/** Bytes in which the head of a record and its type are found. */
const HEAD_BYTES = 256;

/**
 * When a record was written and what it is about, by the look of its beginning: a tenth of the work of `decodeLine`, for whoever goes
 * through a great many. It does not show that the line is whole, nor that it is JSON.
 *
 * @returns null: it does not begin as a record does
 */
export function glanceAt(bytes: Buffer): { at: number; type: string } | null {
  const [, at = '', type = ''] = headForm.exec(bytes.toString('latin1', 0, HEAD_BYTES)) ?? [];
  const time = Date.parse(at);
  return Number.isNaN(time) ? null : { at: time, type };
}
