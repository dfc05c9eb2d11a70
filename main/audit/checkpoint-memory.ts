/**
 * What this device sealed last, kept in the vault and not beside the log: at the next start it shows whether the log was cut or written
 * anew while nobody looked, before it is sealed again. Whoever brings back an older file of the vault as well is not found here; that
 * takes a checkpoint kept elsewhere.
 */
import { z } from 'zod';
import { asAppError, hasCode } from '../app-error.ts';
import type { Log } from '../ports.ts';
import type { Sealed } from './checkpoints.ts';
import type { AuditLog } from './event.ts';
import { lookBack } from './look-back.ts';
import { ZERO_HASH } from './record.ts';

const RECORD = 'audit-sealed';
const recordSchema = z.strictObject({ version: z.literal(1), size: z.int().nonnegative(), root: z.string().regex(/^[0-9a-f]{64}$/) });
type Remembered = z.output<typeof recordSchema>;

type MemoryVault = { seal(name: string, plain: Buffer): Promise<void>; open(name: string): Promise<Buffer | null> };

/**
 * Remembers that nothing is sealed yet. Before a device is made: where there is a device and no memory, somebody took it away.
 *
 * What is remembered already is left as it is.
 */
export async function beginMemory(vault: MemoryVault): Promise<void> {
  if (await isEmpty(vault)) await vault.seal(RECORD, Buffer.from(JSON.stringify({ version: 1, size: 0, root: ZERO_HASH })));
}

async function isEmpty(vault: MemoryVault): Promise<boolean> {
  try {
    return (await vault.open(RECORD)) === null;
  } catch (error) {
    if (!hasCode(error, 'VAULT_CORRUPT')) throw error;
    return true;
  }
}

export interface CheckpointMemory {
  /**
   * Whether the log is still the one that was sealed; where it is not, or nobody can know, it says so itself from here on.
   * @param isKnown the device was there before: it has a memory, even of nothing
   */
  compare(isKnown: boolean): Promise<boolean>;
  /** Once the log is on the disk. One at a time, and only the newest of those that wait. */
  remember(sealed: Pick<Sealed, 'size' | 'root'>): void;
  /** Resolves when nothing is left to be remembered. */
  settled(): Promise<void>;
}

export function createCheckpointMemory(parts: {
  /** Of the log. */
  folder: string;
  vault: MemoryVault;
  audit: AuditLog;
  log: Log;
}): CheckpointMemory {
  const { folder, vault, audit, log } = parts;
  let newest: Pick<Sealed, 'size' | 'root'> | null = null;
  let writing: Promise<void> | undefined;

  async function recall(): Promise<Remembered | null> {
    try {
      const plain = await vault.open(RECORD);
      return plain === null ? null : recordSchema.parse(JSON.parse(plain.toString('utf8')));
    } catch (error) {
      if (!hasCode(error, 'VAULT_CORRUPT') && !(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error;
      log('audit.memory-lost');
      return null;
    }
  }

  async function compare(isKnown: boolean): Promise<boolean> {
    const sealed = await recall();
    // check: audit-memory-there
    // Without it a log that was cut would be sealed as if nothing had been.
    if (sealed === null && isKnown) {
      audit.append({ type: 'audit.rewritten', size: 0, root: '' });
      return false;
    }
    // end check
    if (sealed === null || sealed.size === 0) return true;
    const { size, root } = sealed;
    const { records } = await lookBack(folder, { before: size + 1, limit: 1, wanted: () => true }, log);
    const [found] = records;
    // check: audit-as-sealed
    if (found?.seq !== size || found.hash !== root) {
      audit.append({ type: 'audit.rewritten', size, root: Buffer.from(root, 'hex').toString('base64') });
      return false;
    }
    // end check
    return true;
  }

  async function write(): Promise<void> {
    while (newest !== null) {
      const { size, root } = newest;
      newest = null;
      try {
        // The vault must not know of what a power cut could take from the log.
        await audit.synced();
        await vault.seal(RECORD, Buffer.from(JSON.stringify({ version: 1, size, root })));
      } catch (error) {
        log('audit.not-remembered', { code: asAppError(error).code });
      }
    }
  }

  return {
    compare,
    remember({ size, root }) {
      newest = { size, root };
      writing ??= write().finally(() => {
        writing = undefined;
      });
    },
    settled: async () => writing,
  };
}
