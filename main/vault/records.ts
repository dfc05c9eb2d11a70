/**
 * The sealed records of one folder, under whichever keys are at hand: reading, writing, moving them from one key to another, and
 * finishing what a crash left half written. It is handed keys and keeps none.
 */
import { AppError } from '../app-error.ts';
import { needsUnwrapping, openBytes, type SealForm, sealBytes } from './sealed-file.ts';
import type { SealedFolder, WriteStep } from './sealed-folder.ts';

export interface RecordKey {
  /** Zeros once it must no longer be used. */
  readonly bytes: Buffer;
  readonly form: SealForm;
}

export interface OpenedRecord {
  /** The caller's to wipe. */
  plain: Buffer;
  sequence: bigint;
  key: RecordKey;
}

/** What stands in the folder under `name`, opened by the first key that can. */
export async function readRecord(files: SealedFolder, keys: readonly RecordKey[], name: string): Promise<OpenedRecord | null | 'corrupt'> {
  const bytes = await files.read(name);
  if (bytes === null) return null;
  return (bytes === 'unreadable' ? null : openWithAny(bytes, keys, name)) ?? 'corrupt';
}

/** Seals `plain` in place of what stood there; what does not open is set aside first. */
export async function writeRecord(
  { files, keys, under, random }: Writing,
  { name, plain, during }: { name: string; plain: Buffer; during: (step: WriteStep) => unknown },
): Promise<void> {
  const before = await readRecord(files, keys, name);
  // check: vault-keeps-unopenable
  if (before === 'corrupt') await files.setAside(name);
  // end check
  const sequence = before === null || before === 'corrupt' ? 1n : before.sequence + 1n;
  if (before !== null && before !== 'corrupt') before.plain.fill(0);
  const { bytes: key, form } = under;
  await files.replace(name, sealBytes(plain, { key, form, name, sequence, random }), during);
}

export interface Writing {
  files: SealedFolder;
  keys: readonly RecordKey[];
  under: RecordKey;
  random: (bytes: number) => Buffer;
}

/** A temporary file that opens and is newer than the record takes its place; any other is removed. */
export async function finishCrashedWrites(files: SealedFolder, keys: readonly RecordKey[]): Promise<void> {
  for (const left of await files.temporaries()) {
    const { name } = left;
    const written = openWithAny(left.bytes, keys, name);
    const before = await readRecord(files, keys, name);
    const newer = written !== null && (before === null || before === 'corrupt' || written.sequence > before.sequence);
    if (newer && before === 'corrupt') await files.setAside(name);
    await (newer ? files.adopt(left) : files.discard(left));
    written?.plain.fill(0);
    if (before !== null && before !== 'corrupt') before.plain.fill(0);
  }
}

/** Seals anew, under `to`, every record that one of `keys` opens. Begun again after a crash, it does what is left to do. */
export async function reseal({
  files,
  keys,
  to,
  random,
}: {
  files: SealedFolder;
  keys: readonly RecordKey[];
  to: RecordKey;
  random: Writing['random'];
}): Promise<void> {
  for (const name of await files.names()) {
    const found = await readRecord(files, keys, name);
    if (found === null || found === 'corrupt') continue;
    try {
      if (found.key === to) continue;
      const sealed = sealBytes(found.plain, { key: to.bytes, form: to.form, name, sequence: found.sequence + 1n, random });
      await files.replace(name, sealed, () => undefined);
    } finally {
      found.plain.fill(0);
    }
  }
}

/**
 * The records are of another generation of keys than the wraps: were the vault to open, each of them would be set aside as it is
 * asked for, and new ones be sealed under a key that somebody has brought back.
 *
 * @throws AppError VAULT_CORRUPT `generation`; nothing was touched
 */
export async function requireOneThatOpens(files: SealedFolder, keys: readonly RecordKey[]): Promise<void> {
  const names = await files.names();
  let opened = 0;
  for (const name of names) {
    const found = await readRecord(files, keys, name);
    if (found === null || found === 'corrupt') continue;
    found.plain.fill(0);
    opened += 1;
  }
  // check: vault-one-generation
  if (names.length > 0 && opened === 0) throw new AppError('VAULT_CORRUPT', { reason: 'generation' });
  // end check
}

/** Whether any record here was sealed under a key that the keychain does not have. */
export async function holdsUnwrappable(files: SealedFolder): Promise<boolean> {
  for (const name of await files.names()) {
    const bytes = await files.read(name);
    if (Buffer.isBuffer(bytes) && needsUnwrapping(bytes)) return true;
  }
  return false;
}

function openWithAny(bytes: Buffer, keys: readonly RecordKey[], name: string): OpenedRecord | null {
  for (const key of keys) {
    const opened = openBytes(bytes, { key: key.bytes, form: key.form, name });
    if (opened !== null) return { ...opened, key };
  }
  return null;
}
