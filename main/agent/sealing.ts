/**
 * Begins to seal the audit log once the agent is ready: obtains the device, looks whether the log is the one it sealed last, and has
 * checkpoints written from then on. What fails of it is tried again each minute; nobody waits for it.
 */
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError } from '../app-error.ts';
import { createCheckpointMemory } from '../audit/checkpoint-memory.ts';
import type { Checkpoints } from '../audit/checkpoints.ts';
import type { AuditLog } from '../audit/event.ts';
import { obtainDevice, openDevice } from '../enroll/device.ts';
import type { Clock, Log } from '../ports.ts';
import { minutes } from '../units.ts';
import type { Records } from '../vault/vault.ts';

/** A keychain that opens with the session is no problem yet. */
const WORTH_TELLING = 3;

export interface Sealing {
  begin(): void;
  /** The log was found to be another one than was sealed, or it has not been sealed for minutes, and so is sent nowhere. */
  problem(): Failure | null;
  /** Waits for what is under way; the last checkpoint is `Checkpoints.close`'s. */
  close(): Promise<void>;
}

export function createSealing(parts: {
  checkpoints: Checkpoints;
  folder: string;
  /** Open while everything else is locked. */
  vault: Pick<Records, 'seal' | 'open'>;
  bootId: string;
  clock: Clock;
  random: (bytes: number) => Buffer;
  audit: AuditLog;
  log: Log;
  changed: () => void;
}): Sealing {
  const { checkpoints, vault, bootId, clock, random, log, changed } = parts;
  const memory = createCheckpointMemory(parts);
  let isRewritten = false;
  /** In a row. */
  let failures = 0;
  const isTold = (): boolean => failures >= WORTH_TELLING;
  let isCompared = false;
  let running: Promise<void> | undefined;
  let cancel = (): void => undefined;
  let isClosed = false;

  async function attempt(): Promise<void> {
    try {
      if (!isCompared) isRewritten = !(await memory.compare((await openDevice(vault)) !== null));
      isCompared = true;
      checkpoints.begin(await obtainDevice(vault, random), bootId);
      const wasTold = isTold();
      failures = 0;
      if (isRewritten || wasTold) changed();
    } catch (error) {
      log('audit.not-sealing', { code: asAppError(error).code });
      failures += 1;
      if (failures === WORTH_TELLING) changed();
      if (!isClosed) cancel = clock.after(minutes(1), begin);
    }
  }

  function begin(): void {
    running ??= attempt().finally(() => {
      running = undefined;
    });
  }

  // The vault is closed, or erased, before the last of all.
  checkpoints.onSealed((sealed) => !isClosed && memory.remember(sealed));
  return {
    begin,
    problem() {
      if (isRewritten) return new AppError('AUDIT_BROKEN', { reason: 'rewritten' }).toFailure();
      return isTold() ? new AppError('AUDIT_NOT_SEALED').toFailure() : null;
    },
    async close() {
      isClosed = true;
      cancel();
      await running;
      await memory.settled();
    },
  };
}
