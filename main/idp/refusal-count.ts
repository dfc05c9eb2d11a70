/** Counts what the callback door refuses and writes it to audit once, so that a page which knocks a thousand times costs one record. */
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { AuditEvent, AuditLog } from '../audit/event.ts';
import type { Log } from '../ports.ts';

/** Stands for a connection whose user the system could not name. */
const NOBODY = -1;

export function createRefusalCount({ audit, log }: { audit: AuditLog; log: Log }) {
  const refused = new Map<string, Extract<AuditEvent, { type: 'door.refused' }>>();
  const foreign = new Map<number, Extract<AuditEvent, { type: 'door.foreign-user' }>>();
  return {
    count(code: FailureCode, reason: string): void {
      const event = refused.get(`${code} ${reason}`) ?? { type: 'door.refused', door: 'callback', code, reason, count: 0 };
      refused.set(`${code} ${reason}`, { ...event, count: event.count + 1 });
    },
    foreignUser(owner: number | null): void {
      const uid = owner ?? NOBODY;
      const event = foreign.get(uid) ?? { type: 'door.foreign-user', door: 'callback', uid, count: 0 };
      foreign.set(uid, { ...event, count: event.count + 1 });
    },
    /** Writes what was counted. An audit log that cannot be written stops tokens elsewhere; here it is only said. */
    write(): void {
      try {
        for (const event of [...refused.values(), ...foreign.values()]) audit.append(event);
      } catch {
        log('callback.audit-unwritable', { records: refused.size + foreign.size });
      }
      refused.clear();
      foreign.clear();
    },
  };
}
