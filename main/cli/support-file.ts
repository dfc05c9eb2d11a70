/** Writes the support file: a new one, for its owner alone. What it holds is said in `doctor/bundle.ts`. */
import { type FileHandle, open as openFile, unlink } from 'node:fs/promises';
import { arch, homedir, platform, release } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type StatusView, statusViewSchema } from '../../preload/contract/control.ts';
import type { DoctorView } from '../../preload/contract/doctor.ts';
import { AppError } from '../app-error.ts';
import { readAudit } from '../audit/read.ts';
import { supportFile } from '../doctor/bundle.ts';
import type { Places } from '../places.ts';
import { version } from '../version.ts';
import { agentAnswers, connectAgent } from './agent-client.ts';

const RECORDS = 200;
const LINES = 200;
const TAIL_BYTES = 128 * 1024;

/**
 * Collects and writes. Where no agent runs the file has what can be had without one.
 *
 * @throws AppError INPUT_INVALID: reason 'bundle': there is a file of that name, or none can be made there
 */
export async function writeSupportFile(file: string, { places, checks }: { places: Places; checks: DoctorView['checks'] }): Promise<void> {
  const handle = await createNew(file);
  try {
    const text = supportFile({
      ...{ version, at: new Date().toISOString(), status: await statusOf(places), checks },
      system: { platform: platform(), release: release(), arch: arch(), node: process.versions.node },
      audit: await lastRecords(places),
      log: await lastLines(join(places.state, 'agent.log')),
      folders: foldersOf(places),
    });
    await handle.writeFile(file.endsWith('.gz') ? gzipSync(text) : text);
    await handle.sync();
  } catch (error) {
    // Half a file would be taken for a whole one.
    await unlink(file);
    throw error;
  } finally {
    await handle.close();
  }
}

async function createNew(file: string): Promise<FileHandle> {
  let flags = 'w';
  // check: bundle-not-overwritten
  // Neither a file that is there nor one that a link leads to.
  flags = 'wx';
  // end check
  try {
    return await openFile(file, flags, 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const detail = code === 'EEXIST' ? 'There is a file of that name already.' : `It cannot be made there (${code ?? 'unknown'}).`;
    throw new AppError('INPUT_INVALID', { reason: 'bundle', detail, cause });
  }
}

async function statusOf(places: Places): Promise<StatusView | null> {
  if (!(await agentAnswers(places))) return null;
  return connectAgent(places).get('/v1/status', statusViewSchema);
}

async function lastRecords({ state }: Places): Promise<Record<string, unknown>[]> {
  try {
    const { records } = await readAudit(join(state, 'audit'), { limit: RECORDS });
    return records as unknown as Record<string, unknown>[];
  } catch (error) {
    if (error instanceof AppError) return [{ type: 'audit-unreadable', code: error.code }];
    throw error;
  }
}

/** The end of a file, whole lines alone. */
async function lastLines(file: string): Promise<string[]> {
  let handle: FileHandle;
  try {
    handle = await openFile(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
    return lines
      .slice(from > 0 ? 1 : 0)
      .filter(Boolean)
      .slice(-LINES);
  } finally {
    await handle.close();
  }
}

/** The longest first, so that none is cut in two. */
function foldersOf({ config, data, state, runtime }: Places): [string, string][] {
  const named: [string, string][] = [
    [config, '(configuration)'],
    [data, '(data)'],
    [state, '(state)'],
    [runtime, '(runtime)'],
    [homedir(), '~'],
  ];
  return named.sort(([one], [other]) => other.length - one.length);
}
