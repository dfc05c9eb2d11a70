/** Spans are sent beside everything else: whoever is timed never waits, and never hears of what goes wrong. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { createSpanExporter } from '../../../main/telemetry/span-exporter.ts';
import type { Timed } from '../../../main/timed.ts';
import { seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';

type Send = (batch: readonly Timed[], signal: AbortSignal) => Promise<void>;

function exporter(send: Send = async () => undefined) {
  const clock = fakeClock();
  const logged: string[] = [];
  const batches: number[][] = [];
  const made = createSpanExporter({
    clock,
    log: (event, fields) => void logged.push(`${event} ${JSON.stringify(fields)}`),
    send(batch, signal) {
      batches.push(batch.map(({ tookMs }) => tookMs));
      return send(batch, signal);
    },
  });
  const add = (tookMs: number) => made.add({ what: 'mint', profile: 'acme', requestId: null, endedAt: clock.now(), tookMs, code: null });
  return { clock, logged, batches, add, close: made.close };
}

describe('spans', () => {
  it('are sent together, in their order, after five seconds', async () => {
    const { clock, batches, add } = exporter();
    add(1);
    await clock.advance(seconds(4));
    add(2);
    expect(batches).toEqual([]);
    await clock.advance(seconds(1));
    expect(batches).toEqual([[1, 2]]);
    expect(clock.pending).toBe(0);
  });

  it.each<[string, Send]>([
    ['is refused', () => Promise.reject(new AppError('AUDIT_SINK_REFUSED'))],
    ['has a bug', () => Promise.reject(new TypeError('secret of a bug'))],
    [
      'throws at once',
      () => {
        throw new TypeError('secret of a bug');
      },
    ],
  ])('that %s are dropped, and the next are sent all the same', async (_, send) => {
    const { clock, batches, add, logged } = exporter(send);
    add(1);
    await clock.advance(seconds(5));
    add(2);
    await clock.advance(seconds(5));
    expect(batches).toEqual([[1], [2]]);
    expect(logged).toHaveLength(2);
    expect(logged.join()).not.toContain('secret');
  });

  it('that hang are given up after ten seconds, heeded or not, and hold nobody up meanwhile', async () => {
    let aborted = false;
    const { clock, batches, add } = exporter((_, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => undefined);
    });
    add(1);
    await clock.advance(seconds(5));
    add(2);
    await clock.advance(seconds(9));
    expect(batches).toEqual([[1]]);
    await clock.advance(seconds(6));
    expect(aborted).toBe(true);
    expect(batches).toEqual([[1], [2]]);
  });

  it('that nobody takes do not fill the memory: the oldest go', async () => {
    const { clock, batches, add, logged } = exporter();
    for (let n = 0; n < 2000; n++) add(n);
    await clock.advance(seconds(5));
    expect(batches[0]).toHaveLength(512);
    expect(batches[0]?.[0]).toBe(1488);
    expect(logged).toEqual(['traces.dropped {"spans":1488}']);
  });

  it('that are left at the end are sent, within two seconds, and none after it', async () => {
    const quick = exporter();
    quick.add(1);
    await quick.close();
    quick.add(2);
    await quick.clock.advance(seconds(60));
    expect(quick.batches).toEqual([[1]]);
    const slow = exporter(() => new Promise(() => undefined));
    slow.add(1);
    const closing = slow.close();
    await slow.clock.advance(seconds(2));
    await closing;
    expect(slow.clock.pending).toBe(0);
  });
});
