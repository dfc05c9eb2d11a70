import { describe, expect, it } from 'vitest';
import { createTally } from '../../../main/audit/tally.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

function setUp() {
  const clock = fakeClock();
  const audit = recordingAudit();
  const tally = createTally({ clock, audit, log: () => undefined });
  const refuse = (reason: string) =>
    tally.count(reason, (count) => ({ type: 'door.refused', door: 'broker', code: 'BROWSER_REFUSED', reason, count }));
  const counts = () => audit.of('door.refused').map(({ reason, count }) => `${reason} ${count}`);
  return { clock, audit, tally, refuse, counts };
}

describe('the tally of refusals', () => {
  it('writes the first of a kind at once and the rest of the minute as one record', async () => {
    const { clock, refuse, counts } = setUp();
    for (let n = 0; n < 10_000; n++) refuse('origin');
    expect(counts()).toEqual(['origin 1']);
    await clock.advance(60_000);
    expect(counts()).toEqual(['origin 1', 'origin 9999']);
  });

  it('keeps kinds apart', () => {
    const { refuse, counts } = setUp();
    refuse('origin');
    refuse('cookie');
    expect(counts()).toEqual(['origin 1', 'cookie 1']);
  });

  it('writes one record a minute while it goes on, and forgets a kind that has stopped', async () => {
    const { clock, refuse, counts } = setUp();
    for (let second = 0; second < 180; second++) {
      refuse('origin');
      await clock.advance(1000);
    }
    expect(counts().length).toBeLessThanOrEqual(4);
    await clock.advance(120_000);
    expect(clock.pending).toBe(0);
    const total = counts().reduce((sum, text) => sum + Number(text.split(' ')[1]), 0);
    expect(total).toBe(180);
  });

  it('loses no count while the audit log cannot be written', async () => {
    const { clock, audit, refuse, counts } = setUp();
    audit.fail();
    refuse('origin');
    refuse('origin');
    await clock.advance(60_000);
    audit.mend();
    refuse('origin');
    await clock.advance(60_000);
    expect(counts()).toEqual(['origin 3']);
  });

  it('writes what is left when it is closed, and stops its timers', () => {
    const { clock, tally, refuse, counts } = setUp();
    refuse('origin');
    refuse('origin');
    tally.close();
    expect(counts()).toEqual(['origin 1', 'origin 1']);
    expect(clock.pending).toBe(0);
  });
});
