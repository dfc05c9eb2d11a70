import { createConnection } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../main/audit/event.ts';
import { hours, ms, seconds } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { memoryKeychain } from '../../fakes/memory-keychain.ts';
import { recordingAudit } from '../../fakes/recording-audit.ts';

describe('the fake clock', () => {
  it('runs timers in the order they fall due, at the moment they fall due', async () => {
    const clock = fakeClock(1_000_000);
    const seen: [string, number][] = [];
    clock.after(seconds(2), () => seen.push(['second', clock.now()]));
    clock.after(seconds(1), () => seen.push(['first', clock.now()]));
    clock.after(seconds(2), () => seen.push(['third', clock.now()]));
    await clock.advance(seconds(2));
    expect(seen).toEqual([
      ['first', 1_001_000],
      ['second', 1_002_000],
      ['third', 1_002_000],
    ]);
  });

  it('runs a timer that another timer set within the same advance, after promises in between have settled', async () => {
    const clock = fakeClock(0);
    const seen: number[] = [];
    clock.after(ms(10), async () => {
      await Promise.resolve();
      await Promise.resolve();
      clock.after(ms(10), () => seen.push(clock.elapsed()));
    });
    await clock.advance(25);
    expect(seen).toEqual([20]);
    expect(clock.elapsed()).toBe(25);
  });

  it('runs nothing that was cancelled or is not yet due', async () => {
    const clock = fakeClock();
    let ran = 0;
    const cancel = clock.after(ms(5), () => ran++);
    clock.after(ms(50), () => ran++);
    cancel();
    await clock.advance(49);
    expect([ran, clock.pending]).toEqual([0, 1]);
  });

  it('sleeps through a suspend as a machine does: the wall moves, timers and running time stand still', async () => {
    const clock = fakeClock(0);
    let ran = 0;
    clock.after(hours(1), () => ran++);
    clock.sleepThrough(hours(8));
    await clock.advance(0);
    expect([ran, clock.now(), clock.elapsed()]).toEqual([0, hours(8), 0]);
    await clock.advance(hours(1));
    expect(ran).toBe(1);
  });

  it('refuses a wait that a real timer would cut short', () => {
    expect(() => fakeClock().after(ms(2 ** 31), () => {})).toThrow(RangeError);
    expect(() => fakeClock().after(ms(Number.NaN), () => {})).toThrow(RangeError);
  });
});

describe('the fake keychain', () => {
  it('hands out copies and refuses what a real one cannot hold', async () => {
    const keychain = memoryKeychain();
    const value = new Uint8Array([1, 2, 3]);
    const written = keychain.write('entry', value);
    value[0] = 9;
    await written;
    expect(await keychain.read('entry')).toEqual(new Uint8Array([1, 2, 3]));
    await expect(keychain.write('entry', new Uint8Array(2561))).rejects.toMatchObject({ code: 'KEYCHAIN_FAILED' });
  });

  it('fails every call with the failure it was given until it is mended', async () => {
    const keychain = memoryKeychain();
    keychain.fail('KEYCHAIN_LOCKED');
    await expect(keychain.read('entry')).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    await expect(keychain.erase('entry')).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    keychain.mend();
    expect(await keychain.read('entry')).toBeNull();
  });
});

describe('the recording audit log', () => {
  it('remembers copies, and nothing while it cannot be written', () => {
    const audit = recordingAudit();
    const event = { type: 'agent.stopped', reason: 'asked' } satisfies AuditEvent;
    audit.append(event);
    event.reason = 'changed afterwards';
    audit.fail();
    expect(() => audit.append(event)).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }));
    expect(audit.events).toEqual([{ type: 'agent.stopped', reason: 'asked' }]);
  });

  it('refuses a field that JSON would drop or change', () => {
    const holed = { type: 'agent.stopped', reason: undefined } as unknown as AuditEvent;
    expect(() => recordingAudit().append(holed)).toThrow(TypeError);
  });
});

describe('the network of a test', () => {
  it.each([
    ['an address outside', { host: '192.0.2.1', port: 80 }],
    ['a name outside', { host: 'example.com', port: 443 }],
  ])('ends at this machine: %s', (_, target) => {
    expect(() => createConnection(target)).toThrow(/only connect to loopback/);
  });

  it('denies fetch as well', async () => {
    await expect(fetch('http://192.0.2.1/')).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/only connect to loopback/) },
    });
  });
});
