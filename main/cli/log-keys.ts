/** What a log is verified with: public keys and checkpoints that somebody gives, and the key that the running agent says. */
import { readFile } from 'node:fs/promises';
import { logKeySchema } from '../../preload/contract/control.ts';
import { AppError, hasCode } from '../app-error.ts';
import { readVerifierKeys, type VerifierKey } from '../audit/checkpoint-key.ts';
import { type KeptCheckpoint, readKeptCheckpoints } from '../audit/kept-checkpoints.ts';
import { connectAgent, ReportedFailure } from './agent-client.ts';
import { type CommonOptions, placesOf } from './common.ts';

/** null: no agent runs, or it has not begun to seal. */
export async function ownKeys(options: Pick<CommonOptions, 'home'>): Promise<VerifierKey[] | null> {
  try {
    return readVerifierKeys((await connectAgent(placesOf(options)).get('/v1/audit/key', logKeySchema)).verifier);
  } catch (error) {
    if (error instanceof ReportedFailure || hasCode(error, 'AGENT_NOT_RUNNING')) return null;
    throw error;
  }
}

/** @param named the key itself, or a file that holds it @throws AppError INPUT_INVALID */
export async function readKeys(named: string): Promise<VerifierKey[]> {
  return readVerifierKeys(/^[^+]+\+[0-9a-f]{8}\+/.test(named) ? named : (await readGiven(named)).toString('utf8'));
}

/** @throws AppError INPUT_INVALID */
export const readKept = async (file: string): Promise<KeptCheckpoint[]> =>
  readKeptCheckpoints((await readGiven(file)).toString('utf8'), file);

/** @throws AppError INPUT_INVALID (reason `file`) */
export async function readGiven(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'file', detail: `${file} cannot be read.`, cause });
  }
}
