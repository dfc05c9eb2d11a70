/** A bearer token that IT has laid into a file: believed only where nobody else can read or change it. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Secret } from '../../secret.ts';
import { NotSent } from './sink.ts';

const LARGEST = 16 * 1024;
const { O_RDONLY, O_NONBLOCK } = constants;

/** @throws NotSent (way; reason `token-file`): it is not there, is another person's, is open to others, or holds no token */
export async function readTokenFile(file: string): Promise<Secret> {
  const text = await readOwn(file);
  // RFC 6750 section 2.1: b64token.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(text)) throw unusable(`${file} holds no token.`);
  return new Secret(text);
}

async function readOwn(file: string): Promise<string> {
  try {
    const handle = await open(file, O_RDONLY | O_NONBLOCK);
    try {
      const found = await handle.stat();
      const { uid, mode, size } = found;
      // A file that says nothing of its size, as those in /proc, may have no end.
      if (!found.isFile() || size === 0) throw unusable(`${file} is no file with a token.`);
      // check: token-file-owner
      if (uid !== process.getuid?.() && uid !== 0) throw unusable(`${file} belongs to user ${uid}.`);
      // end check
      // check: token-file-mode
      if ((mode & 0o077) !== 0) throw unusable(`Others can read ${file}; close it with chmod 600.`);
      // end check
      if (size > LARGEST) throw unusable(`${file} is too large for a token.`);
      return (await handle.readFile('utf8')).trim();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof NotSent) throw error;
    throw unusable(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`, error);
  }
}

const unusable = (detail: string, cause?: unknown): NotSent => new NotSent('way', { reason: 'token-file', detail, cause });
