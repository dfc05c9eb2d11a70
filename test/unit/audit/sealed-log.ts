/** A log that is sealed as the agent seals it, by a device of its own. */
import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Checkpoints, createCheckpoints, type Signer } from '../../../main/audit/checkpoints.ts';
import type { AuditLogParts } from '../../../main/audit/log.ts';
import { obtainDevice } from '../../../main/enroll/device.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { type Opened, opened } from './audit-folder.ts';

export interface SealedLog extends Opened {
  checkpoints: Checkpoints;
  device: Signer;
  begin: () => void;
}

export const newDevice = (): Promise<Signer> => obtainDevice(memoryDisk().vault(), randomBytes);

export async function sealed(parts: Partial<AuditLogParts> & { device?: Signer; bootId?: string } = {}): Promise<SealedLog> {
  const { device = await newDevice(), bootId = 'boot-1', ...logParts } = parts;
  const setting = await opened(logParts);
  const { log, clock, logged } = setting;
  const checkpoints = createCheckpoints({
    ...{ audit: log, clock },
    log: (event, fields = {}) => void logged.push({ event, fields }),
  });
  onTestFinished(() => checkpoints.close());
  return { ...setting, checkpoints, device, begin: () => checkpoints.begin(device, bootId) };
}
