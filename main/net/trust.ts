/**
 * Whose certificates are believed: the authorities that come with Node, those of the operating system, and those in the file that the
 * configuration names. Nothing is ever taken away from the checks themselves.
 */
import { X509Certificate } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { AppError } from '../app-error.ts';

export interface Trust {
  /** From the next connection on: the file with further authorities (`network.caFile`), or none. */
  use(caFile: string | undefined): void;
  /**
   * What a connection is checked against. Stores are read when they are first needed, and again when the file has changed.
   *
   * @throws AppError CA_FILE_UNUSABLE (reason: unreadable, owner, mode, size, form): without it the company's servers could not be told
   *   from others, so nothing is connected to
   */
  context(): SecureContext;
}

const LARGEST_FILE = 1024 * 1024;
const onePem = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** @param stores PEM certificates of the authorities that are believed anyway */
export function createTrust(stores: () => string[] = machineStores): Trust {
  let file: string | undefined;
  let made: { of: string; context: SecureContext } | undefined;
  return {
    use(caFile) {
      file = caFile;
    },
    context() {
      const own = file === undefined ? '' : readCaFile(file);
      if (made?.of !== own)
        made = { of: own, context: createSecureContext({ ca: [...new Set([...stores(), ...(own.match(onePem) ?? [])])] }) };
      return made.context;
    },
  };
}

/** Node's own store alone would not do where a company inspects TLS: its authority is only in the system's. */
const machineStores = (): string[] => [...getCACertificates('default'), ...getCACertificates('system')];

/** Its text, once it is shown that nobody else can write it: whoever can could read every password and token on its way. */
function readCaFile(file: string): string {
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
    const found = text.match(onePem) ?? [];
    if (found.length === 0) throw unusable(file, 'form', 'holds no certificate in PEM');
    for (const pem of found) new X509Certificate(pem);
    return text;
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
