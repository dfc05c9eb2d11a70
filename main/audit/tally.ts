/**
 * Counts what anybody can cause any number of times, so that it fills neither the audit log nor the memory: the first of a kind is
 * written at once, the rest of each minute as one record.
 */
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, minutes } from '../units.ts';
import type { AuditEvent, AuditLog } from './event.ts';

const window: Ms = minutes(1);

export interface Tally {
  /** @param kind what counts as the same; from a bounded set, whoever calls sees to that */
  count(kind: string, event: (count: number) => AuditEvent): void;
  /** Writes what is still unwritten. */
  close(): void;
}

interface Counted {
  unwritten: number;
  event: (count: number) => AuditEvent;
  cancel: () => void;
}

export function createTally({ clock, audit, log }: { clock: Clock; audit: AuditLog; log: Log }): Tally {
  const kinds = new Map<string, Counted>();

  /** What cannot be written now stays counted and is tried again with the next window. */
  function write(counted: Counted): void {
    if (counted.unwritten === 0) return;
    try {
      audit.append(counted.event(counted.unwritten));
      counted.unwritten = 0;
    } catch (error) {
      log('broker.tally-unwritten', { code: asAppError(error).code, count: counted.unwritten });
    }
  }

  function open(kind: string, counted: Counted): void {
    counted.cancel = clock.after(window, () => {
      if (counted.unwritten === 0) return void kinds.delete(kind);
      write(counted);
      open(kind, counted);
    });
  }

  return {
    count(kind, event) {
      const known = kinds.get(kind);
      if (known !== undefined) {
        known.unwritten++;
        return;
      }
      const counted: Counted = { unwritten: 1, event, cancel: () => undefined };
      kinds.set(kind, counted);
      write(counted);
      open(kind, counted);
    },
    close() {
      for (const counted of kinds.values()) {
        counted.cancel();
        write(counted);
      }
      kinds.clear();
    },
  };
}
