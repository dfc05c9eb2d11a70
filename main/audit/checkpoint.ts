/**
 * A checkpoint of the log: how many records there are and the hash of the last, signed by the device key. Its text is that of
 * c2sp.org/tlog-checkpoint, its signature that of c2sp.org/signed-note; `decisions/0001-checkpoints.md` says where ours differs.
 *
 *     lakepass/<device id>
 *     <size>
 *     <hash of record `size`, base64>
 *     time 2026-01-05T09:00:00.000Z
 *     boot <which start of the machine> <milliseconds since then, sleep included>
 *     run <milliseconds of running time of the agent, without sleep>
 *
 *     — lakepass/<device id> <base64 of key id and signature>
 *
 * What is read here may come from anybody: a text counts only once `verdictOn` says `good` of it.
 */
import { verify } from 'node:crypto';
import { isKeyName, strictBase64, type VerifierKey } from './checkpoint-key.ts';

export interface CheckpointFacts {
  origin: string;
  /** `seq` of the last record it covers. */
  size: number;
  /** Hash of that record, hex. */
  root: string;
  /** Epoch milliseconds; the three are null where the text does not say. */
  time: number | null;
  boot: { id: string; up: number } | null;
  run: number | null;
}

export interface Checkpoint extends CheckpointFacts {
  /** What the signatures are over: up to its last newline, without the blank line. */
  text: string;
  signatures: { name: string; id: string; signature: Buffer }[];
}

const ORIGIN = 'lakepass/';
export const originOf = (device: string): string => `${ORIGIN}${device}`;
/** Id of the device. @param origin as `originOf` makes it */
export const deviceOf = (origin: string): string => origin.slice(ORIGIN.length);

/** The text to be signed. */
export function checkpointText({ origin, size, root, time, boot, run }: CheckpointFacts): string {
  const lines = [origin, String(size), Buffer.from(root, 'hex').toString('base64')];
  if (time !== null) lines.push(`time ${new Date(time).toISOString()}`);
  if (boot !== null) lines.push(`boot ${boot.id} ${boot.up}`);
  if (run !== null) lines.push(`run ${run}`);
  return `${lines.join('\n')}\n`;
}

/** @param signature ECDSA with SHA-256 over the text, in DER */
export const signedNote = (text: string, by: { name: string; id: string }, signature: Uint8Array): string =>
  `${text}\n— ${by.name} ${Buffer.concat([Buffer.from(by.id, 'hex'), signature]).toString('base64')}\n`;

/** More than any note of ours, and than the sixteen signatures that a reader must accept. */
const MOST_CHARACTERS = 16 * 1024;
const MOST_SIGNATURES = 32;
const signatureLine = /^— (\S+) ([A-Za-z0-9+/=]+)$/;

/** The checkpoint that a note holds, unproven; null: it is none, or not written as the two specifications have it. */
export function parseCheckpoint(note: string): Checkpoint | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (note.length > MOST_CHARACTERS || !note.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(note)) return null;
  const end = note.lastIndexOf('\n\n');
  if (end === -1 || !note.endsWith('\n')) return null;
  const text = note.slice(0, end + 1);
  const signatures = readSignatures(note.slice(end + 2, -1).split('\n'));
  const facts = readText(text.slice(0, -1).split('\n'));
  return signatures === null || facts === null ? null : { ...facts, text, signatures };
}

function readSignatures(lines: string[]): Checkpoint['signatures'] | null {
  if (lines.length > MOST_SIGNATURES) return null;
  const signatures: Checkpoint['signatures'] = [];
  for (const line of lines) {
    const [, name = '', encoded = ''] = signatureLine.exec(line) ?? [];
    const bytes = strictBase64(encoded);
    if (!isKeyName(name) || bytes === null || bytes.length < 5) return null;
    signatures.push({ name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) });
  }
  return signatures;
}

function readText(lines: string[]): CheckpointFacts | null {
  const [origin = '', count = '', encoded = '', ...extensions] = lines;
  const root = strictBase64(encoded);
  const size = Number(count);
  if (lines.includes('') || !/^(0|[1-9]\d{0,15})$/.test(count) || !Number.isSafeInteger(size) || root?.length !== 32) return null;
  const said = (form: RegExp): readonly string[] => form.exec(extensions.find((line) => form.test(line)) ?? '') ?? [];
  const [, time] = said(/^time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/);
  const [, boot, up] = said(/^boot ([0-9a-f]{16}) (\d{1,15})$/);
  const [, run] = said(/^run (\d{1,15})$/);
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return {
    ...{ origin, size, root: root.toString('hex') },
    time: Number.isNaN(at) ? null : at,
    boot: boot === undefined ? null : { id: boot, up: Number(up) },
    run: run === undefined ? null : Number(run),
  };
}

/**
 * Whether one of the keys has signed it. A signature by a key that is not among them says nothing, one that should hold and does not
 * spoils the whole (c2sp.org/signed-note, "Signatures").
 */
export function verdictOn(checkpoint: Checkpoint, keys: readonly VerifierKey[]): 'good' | 'bad' | 'unknown' {
  let verdict: 'good' | 'unknown' = 'unknown';
  for (const { name, id, signature } of checkpoint.signatures) {
    for (const known of keys) {
      if (known.id !== id || (known.name ?? name) !== name) continue;
      // check: checkpoint-signature
      if (!verify('sha256', Buffer.from(checkpoint.text), { key: known.key, dsaEncoding: 'der' }, signature)) return 'bad';
      // end check
      verdict = 'good';
    }
  }
  return verdict;
}
