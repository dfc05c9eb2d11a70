/**
 * Sends spans beside everything else. They are of use and no evidence: what cannot be sent is dropped, there is a bound to what waits, and
 * nobody who is timed ever waits, or hears of a failure.
 */
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import type { Timed } from '../timed.ts';
import { type Ms, seconds } from '../units.ts';

export interface SpanExporter {
  add(timed: Timed): void;
  /** Sends what waits, for two seconds at most, and ends. */
  close(): Promise<void>;
}

const GATHERED_FOR: Ms = seconds(5);
const SEND_LIMIT: Ms = seconds(10);
const FAREWELL: Ms = seconds(2);
const MOST_WAITING = 512;

export function createSpanExporter(parts: {
  /** Sends one batch, never empty. */
  send: (batch: readonly Timed[], signal: AbortSignal) => Promise<void>;
  clock: Clock;
  log: Log;
}): SpanExporter {
  const { clock, log } = parts;
  let waiting: Timed[] = [];
  let dropped = 0;
  let sending: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let closed = false;

  async function send(limit: Ms): Promise<void> {
    const batch = waiting;
    waiting = [];
    const abort = new AbortController();
    const late = Promise.withResolvers<'late'>();
    const stop = clock.after(limit, () => {
      abort.abort();
      late.resolve('late');
    });
    try {
      // One that does not heed the signal must not hold the next batch up.
      const outcome = await Promise.race([parts.send(batch, abort.signal), late.promise]);
      if (outcome === 'late') log('traces.not-sent', { spans: batch.length, code: 'late' });
    } catch (error) {
      log('traces.not-sent', { spans: batch.length, code: asAppError(error).code });
    } finally {
      stop();
    }
    if (dropped > 0) log('traces.dropped', { spans: dropped });
    dropped = 0;
  }

  function flush(limit: Ms): Promise<void> {
    cancel?.();
    cancel = undefined;
    if (sending === undefined && waiting.length > 0)
      sending = send(limit).finally(() => {
        sending = undefined;
        if (waiting.length > 0 && !closed) schedule();
      });
    return sending ?? Promise.resolve();
  }

  function schedule(): void {
    cancel ??= clock.after(GATHERED_FOR, () => void flush(SEND_LIMIT));
  }

  return {
    add(timed) {
      if (closed) return;
      if (waiting.length >= MOST_WAITING) {
        waiting.shift();
        dropped += 1;
      }
      waiting.push(timed);
      if (sending === undefined) schedule();
    },
    async close() {
      closed = true;
      const gone = Promise.withResolvers<void>();
      const stop = clock.after(FAREWELL, gone.resolve);
      const rest = async (): Promise<void> => {
        await sending;
        await flush(FAREWELL);
      };
      await Promise.race([rest(), gone.promise]);
      stop();
      cancel?.();
    },
  };
}
