/**
 * An audit log that remembers. As strict as the file behind the real one: an event is copied when it is appended, must be
 * plain JSON without holes, and a log that cannot be written throws before it remembers anything.
 */
import { AppError } from '../../main/app-error.ts';
import type { AuditEvent, AuditEventType, AuditLog } from '../../main/audit/event.ts';

export interface RecordingAudit extends AuditLog {
  readonly events: AuditEvent[];
  /** The events of one type, narrowed to it. */
  of<T extends AuditEventType>(type: T): Extract<AuditEvent, { type: T }>[];
  /** From now on every append throws AUDIT_UNWRITABLE, until `mend()`. */
  fail(): void;
  mend(): void;
}

export function recordingAudit(): RecordingAudit {
  const events: AuditEvent[] = [];
  let unwritable = false;
  return {
    events,
    append(event) {
      if (unwritable) throw new AppError('AUDIT_UNWRITABLE');
      events.push(plainCopy(event));
    },
    async synced() {
      if (unwritable) throw new AppError('AUDIT_UNWRITABLE');
    },
    of: <T extends AuditEventType>(type: T) => events.filter((event): event is Extract<AuditEvent, { type: T }> => event.type === type),
    fail() {
      unwritable = true;
    },
    mend() {
      unwritable = false;
    },
  };
}

/** What a reader of the file would see; throws where JSON would silently drop or change a field. */
function plainCopy(event: AuditEvent): AuditEvent {
  for (const [name, value] of Object.entries(event)) {
    const plain = value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value) || isListOfText(value);
    if (!plain) throw new TypeError(`audit field ${event.type}.${name} is not plain JSON`);
  }
  return JSON.parse(JSON.stringify(event)) as AuditEvent;
}

const isListOfText = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');
