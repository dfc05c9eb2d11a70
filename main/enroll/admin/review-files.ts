/** The files of IT's own that records are compared with: the bundle that is published, FIDO's metadata, and who should be there. */
import { AppError, hasCode } from '../../app-error.ts';
import type { Models } from '../../passkey/attestation.ts';
import { modelsIn } from '../../passkey/mds.ts';
import { LARGEST_BLOB } from '../../passkey/mds-blob.ts';
import type { EpochMs } from '../../units.ts';
import { LARGEST_BUNDLE_BYTES, readAccepted, type VerifiedBundle, verifyBundle } from '../bundle.ts';
import { readBounded } from './records-folder.ts';

const LARGEST_LIST_BYTES = 4 * 1024 * 1024;

async function readOwn(option: string, path: string, most: number): Promise<Buffer> {
  const bytes = await readBounded(path, most);
  if (typeof bytes === 'string') throw new AppError('INPUT_INVALID', { reason: option, detail: `The file cannot be read (${bytes}).` });
  return bytes;
}

/**
 * A bundle by the keys that it names itself: whoever reviews compares their fingerprint, and trusts their own disk.
 * @throws AppError INPUT_INVALID (reason: bundle) | BUNDLE_INVALID | BUNDLE_KEY_UNKNOWN
 */
export async function readPublished(path: string): Promise<VerifiedBundle> {
  const bytes = await readOwn('bundle', path, LARGEST_BUNDLE_BYTES);
  try {
    return await verifyBundle(bytes, readAccepted(bytes).keys);
  } catch (error) {
    if (!hasCode(error, 'VAULT_CORRUPT')) throw error;
    throw new AppError('INPUT_INVALID', { reason: 'bundle', detail: 'The file is no bundle.', cause: error });
  }
}

/** @throws AppError INPUT_INVALID (reason: mds) | MDS_INVALID */
export const readMetadata = async (path: string, at: EpochMs): Promise<Models> => modelsIn(await readOwn('mds', path, LARGEST_BLOB), at);

/** A device id or a user name on each line; what begins with # is for people. @throws AppError INPUT_INVALID (reason: expect) */
export async function readExpected(path: string): Promise<string[]> {
  const lines = (await readOwn('expect', path, LARGEST_LIST_BYTES)).toString('utf8').split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}
