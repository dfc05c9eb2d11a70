/** Where records go to: what a sink does, and how it says that it could not. A sink knows nothing of the log, of cursors or of retries. */
import { AppError, type AppErrorOptions } from '../../app-error.ts';
import type { Ms } from '../../units.ts';
import type { Envelope } from '../envelope.ts';

export type SinkKind = 'otlp' | 'folder' | 'databricks';

export interface Sink {
  readonly name: string;
  readonly kind: SinkKind;
  /** For people: an origin, a table, a folder. Another one makes a sink start anew. */
  readonly to: string;
  /** How long a record may wait for company; checkpoints never do. Absent: a few seconds. */
  readonly gatherFor?: Ms;
  /**
   * Resolves once all of the batch is where it should be. It may be sent again: whoever reads tells one record from another by `event_uid`.
   *
   * @param batch oldest first, never empty
   * @returns how many of it the receiver has thrown away, and wants never to see again
   * @throws NotSent
   */
  send(batch: readonly Envelope[], signal: AbortSignal): Promise<{ rejected: number }>;
  close?(): void;
}

/** Nothing of the batch counts as sent. */
export class NotSent extends AppError {
  /**
   * `way`: another try may help, with these records as with any. `records`: the receiver can be reached and will not have what is in the
   * batch. `rights`: nothing helps before somebody changes a right or a setting; it is told at once and tried again rarely.
   */
  readonly fault: 'way' | 'records' | 'rights';
  /** No sooner than then; what a receiver asks for (RFC 9110 section 10.2.3), for one. */
  readonly retryAfter: Ms | null;

  constructor(fault: NotSent['fault'], options: AppErrorOptions & { retryAfter?: Ms | null } = {}) {
    super(fault === 'way' ? 'AUDIT_SINK_UNREACHABLE' : 'AUDIT_SINK_REFUSED', options);
    this.fault = fault;
    this.retryAfter = options.retryAfter ?? null;
  }
}
