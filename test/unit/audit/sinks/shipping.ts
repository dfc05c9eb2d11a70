/** A log and a shipper to a fake sink, as the agent puts them together; `again` is the next start of it. */
import { createHmac, randomBytes } from 'node:crypto';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { AuditEvent } from '../../../../main/audit/event.ts';
import { type Shipper, type ShipperParts, startShipper } from '../../../../main/audit/sinks/shipper.ts';
import { NotSent } from '../../../../main/audit/sinks/sink.ts';
import type { FakeClock } from '../../../fakes/fake-clock.ts';
import { type FakeSink, fakeSink } from '../../../fakes/sink.ts';
import { type Opened, opened, served, temporaryFolder } from '../audit-folder.ts';

export const stamp = (text: string): string => createHmac('sha256', 'key').update(text).digest('hex');

export interface Shipping extends Opened {
  sink: FakeSink;
  shipper: Shipper;
  cursorFile: string;
  logged: Opened['logged'];
  /** Another shipper on the same log and cursor, as after a crash: nothing that the one before does reaches the sink any more. */
  again(parts?: Partial<ShipperParts>): Promise<Shipper>;
  append(count: number): void;
  /** Lets time pass until the condition holds; the test's own limit ends it. */
  until(holds: () => boolean, step?: number): Promise<void>;
}

export async function shipping(
  parts: Partial<ShipperParts> & { segmentBytes?: number; before?: (log: Opened['log']) => void } = {},
): Promise<Shipping> {
  const { segmentBytes, before, ...own } = parts;
  const base = await opened(segmentBytes === undefined ? {} : { segmentBytes });
  before?.(base.log);
  const sink = fakeSink();
  const cursorFile = path.join(temporaryFolder(), 'company.json');
  let number = 0;
  let kill = (): void => undefined;
  const start = async (given: Partial<ShipperParts>): Promise<Shipper> => {
    kill();
    let isDead = false;
    kill = () => {
      isDead = true;
    };
    const to = given.sink ?? own.sink ?? sink;
    const refuseDead = (): void => {
      if (isDead) throw new NotSent('way', { reason: 'line' });
    };
    const shipper = await startShipper({
      ...{ folder: base.folder, cursorFile, audit: base.log, clock: base.clock, random: randomBytes, stamp },
      ...{ device: () => ({ hostId: 'd0c1', version: '1.2.3' }), log: (event, fields = {}) => void base.logged.push({ event, fields }) },
      ...own,
      ...given,
      sink: {
        ...to,
        async send(batch, signal) {
          refuseDead();
          const sent = await to.send(batch, signal);
          refuseDead();
          return sent;
        },
      },
    });
    onTestFinished(async () => {
      await Promise.all([shipper.close(), base.clock.advance(10_000)]);
    });
    return shipper;
  };
  return {
    ...base,
    sink,
    cursorFile,
    shipper: await start({}),
    again: (given = {}) => start(given),
    append(count) {
      for (let n = 0; n < count; n += 1) base.log.append(served(++number) satisfies AuditEvent);
    },
    until: waiting(base.clock),
  };
}

/** Lets time pass on a clock until the condition holds; the test's own limit ends it. */
export const waiting =
  (clock: FakeClock) =>
  (holds: () => boolean, step = 1000): Promise<void> =>
    vi.waitFor(
      async () => {
        if (holds()) return;
        await clock.advance(step);
        if (!holds()) throw new Error('not yet');
      },
      // A receiver over HTTP answers in its own time: on a fast clock alone each send would be late.
      { timeout: 60_000, interval: 4 },
    );
