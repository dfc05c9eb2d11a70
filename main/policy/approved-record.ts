/**
 * The sealed record of an approved file: one line that says what it is, then the bytes as they were. The line names the kind, so that
 * an approved policy can never be taken for an approved configuration, whatever becomes of the names of the records.
 */
import { z } from 'zod';

export const approvedKinds = ['policy', 'config'] as const;
export type ApprovedKind = (typeof approvedKinds)[number];

export interface Approved {
  /** SHA-256 of the bytes, hex; a word where there are none. */
  hash: string;
  /** null: a person approved that there is no file, or what was approved is lost. */
  bytes: Buffer | null;
}

export const recordNames: Readonly<Record<ApprovedKind, string>> = { policy: 'approved-policy', config: 'approved-config' };

const headSchema = z.strictObject({ version: z.literal(1), kind: z.enum(approvedKinds), hash: z.string(), present: z.boolean() });

export const packApproved = (kind: ApprovedKind, { hash, bytes }: Approved): Buffer =>
  Buffer.concat([
    Buffer.from(`${JSON.stringify({ version: 1, kind, hash, present: bytes !== null })}\n`, 'utf8'),
    bytes ?? Buffer.alloc(0),
  ]);

/** null: it is no such record. */
export function unpackApproved(kind: ApprovedKind, plain: Buffer): Approved | null {
  const end = plain.indexOf(10);
  const head = headSchema.safeParse(parseJson(plain.subarray(0, Math.max(end, 0))));
  if (!head.success) return null;
  // check: approved-file-kind
  if (head.data.kind !== kind) return null;
  // end check
  return { hash: head.data.hash, bytes: head.data.present ? Buffer.from(plain.subarray(end + 1)) : null };
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    // Not JSON is one more way of not being a record; the schema says so.
    return undefined;
  }
}
