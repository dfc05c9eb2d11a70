/**
 * The file with further certificate authorities. Whoever can write it could read every password and token on its way, so it counts only
 * as it was when a person approved it, unless it belongs to the administrator: what runs as the person cannot change that one.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { AppError, hasCode } from '../app-error.ts';

/** The file, and what a person has approved of it: see `contentOf`. */
export interface Authorities {
  readonly caFile?: string | undefined;
  readonly caContent?: string | null | undefined;
}

const LARGEST_FILE = 1024 * 1024;
const onePem = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
/** Stands for a content that only the administrator can change. */
const ADMINISTRATORS = 'administrator';

/**
 * The certificates in the file, in PEM, once it is shown that they are those that were approved.
 *
 * @throws AppError CA_FILE_UNUSABLE (reason: unreadable, owner, mode, size, form, changed)
 */
export function readAuthorities({ caFile, caContent }: Authorities): string[] {
  if (caFile === undefined) return [];
  const { certificates, content } = readCaFile(caFile);
  // check: ca-file-approved
  if (content !== ADMINISTRATORS && content !== caContent)
    throw unusable(caFile, 'changed', 'is not as it was approved; approve it as it is now (`lakepass ui`), or bring back what it was');
  // end check
  return certificates;
}

/**
 * What is approved with a configuration that names the file: SHA-256 of its content, or a word where it is the administrator's.
 *
 * @returns null: it cannot be used as it is, so nothing is approved
 */
export function contentOf(caFile: string | undefined): string | null {
  if (caFile === undefined) return null;
  try {
    return readCaFile(caFile).content;
  } catch (error) {
    if (hasCode(error, 'CA_FILE_UNUSABLE')) return null;
    throw error;
  }
}

/** Whether what lies there would be refused for having changed. */
export const isChanged = ({ caFile, caContent }: Authorities): boolean => {
  const content = contentOf(caFile);
  return content !== null && content !== ADMINISTRATORS && content !== caContent;
};

function readCaFile(file: string): { certificates: string[]; content: string } {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const { uid, gid, mode, size } = fstatSync(descriptor);
    const user = process.getuid?.();
    const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== process.getgid?.());
    // check: ca-file-own
    if (user !== undefined && uid !== user && uid !== 0) throw unusable(file, 'owner', `belongs to user ${uid}`);
    if (user !== undefined && isShared) throw unusable(file, 'mode', 'can be written by others; close it with chmod go-w');
    // end check
    if (size > LARGEST_FILE) throw unusable(file, 'size', 'is larger than 1 MiB');
    const text = readFileSync(descriptor, 'utf8');
    const certificates = text.match(onePem) ?? [];
    if (certificates.length === 0) throw unusable(file, 'form', 'holds no certificate in PEM');
    for (const pem of certificates) new X509Certificate(pem);
    const isAdministrators = uid === 0 && user !== 0 && (mode & 0o020) === 0;
    return { certificates, content: isAdministrators ? ADMINISTRATORS : createHash('sha256').update(text).digest('hex') };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== undefined) throw unusable(file, 'unreadable', `cannot be read (${code})`, error);
    throw unusable(file, 'form', 'holds a certificate that cannot be parsed', error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const unusable = (file: string, reason: string, what: string, cause?: unknown): AppError =>
  new AppError('CA_FILE_UNUSABLE', { reason, detail: `${file} ${what}.`, ...(cause === undefined ? {} : { cause }) });
