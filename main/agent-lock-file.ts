/** The agent's lock as a file: what it says, whether its holder lives, and the few atomic steps that `agent-lock.ts` is built of. */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { z } from 'zod';
import type { HostFacts } from './agent-host.ts';
import { AppError } from './app-error.ts';

const holderSchema = z.object({
  /** Of the installation (/etc/machine-id): a runtime folder is local, so another one means a copied disk. */
  machineId: z.string(),
  /** New with every boot; no process survives one. */
  bootId: z.string(),
  pid: z.number().int().positive(),
  /** In clock ticks since boot: tells a reused pid from the same process. */
  startTime: z.string(),
  /** Random; makes every lock file different from every other. */
  instance: z.string(),
  at: z.string(),
});
export type LockHolder = z.infer<typeof holderSchema>;

/** Whether the process that wrote the lock still runs on this machine, in this boot. */
export async function isAlive(holder: LockHolder, host: HostFacts): Promise<boolean> {
  // check: lock-machine
  if (holder.machineId !== (await host.machineId())) return false;
  // end check
  // check: lock-boot
  if (holder.bootId !== (await host.bootId())) return false;
  // end check
  const started = await host.startTime(holder.pid);
  // check: lock-start-time
  if (started !== null && started !== holder.startTime) return false;
  // end check
  return started !== null;
}

/** `holder` is undefined when the file is not a lock we wrote. `key` names this very content. */
export async function readLock(file: string): Promise<{ holder: LockHolder | undefined; key: string } | null> {
  const text = await readOwnFile(file);
  if (text === null) return null;
  const key = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return { holder: parseHolder(text), key };
}

async function readOwnFile(file: string): Promise<string | null> {
  try {
    const found = await fs.lstat(file);
    // check: lock-file-ours
    if (!found.isFile() || found.uid !== process.getuid?.())
      throw new AppError('RUNTIME_UNSAFE', { reason: 'lock', detail: `${file} is not our file.` });
    // end check
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // an empty or foreign file: nobody's lock
  }
}

/** False when the name is taken. */
export async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Writes a new file for the user alone, on the disk when it returns. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await fs.open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
