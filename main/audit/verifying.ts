/** Verifying a log that is in use, beside all other work: one at a time, and the last outcome is remembered. */
import type { Clock } from '../ports.ts';
import type { EpochMs } from '../units.ts';
import type { VerifierKey } from './checkpoint-key.ts';
import { type Verification, verifyAudit } from './verify.ts';

/** A log that is damaged all over has as many problems as lines; nobody reads them all. */
const MOST_LISTED = 100;

export interface Verifying {
  /** Whoever comes while one is under way waits for that one. */
  verify(): Promise<Verification>;
  /** The last one that came to an end since the start of the agent; null: there was none. */
  last(): { verification: Verification; at: EpochMs } | null;
}

/** @param parts.key of the device that seals this log; null: it has not begun to */
export function createVerifying({
  folder,
  clock,
  key = () => null,
}: {
  folder: string;
  clock: Pick<Clock, 'now'>;
  key?: () => VerifierKey | null;
}): Verifying {
  let running: Promise<Verification> | undefined;
  let last: ReturnType<Verifying['last']> = null;

  async function run(): Promise<Verification> {
    const own = key();
    const keys = own === null ? {} : { keys: [own], earlierKeys: 'noted' as const };
    const verification = await verifyAudit(folder, { mostListed: MOST_LISTED, ...keys });
    last = { verification, at: clock.now() };
    return verification;
  }

  return {
    verify() {
      running ??= run().finally(() => {
        running = undefined;
      });
      return running;
    },
    last: () => last,
  };
}
