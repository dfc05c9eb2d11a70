import { EventEmitter } from 'node:events';
import type { PowerMonitor } from 'electron';
import { describe, expect, it } from 'vitest';
import { watchPower } from '../../../main/desktop/power.ts';
import type { DesktopSignals } from '../../../main/ports.ts';

async function setUp(withBus: 'bus' | 'no bus' | 'broken bus' = 'no bus') {
  const power = new EventEmitter();
  const seen: string[] = [];
  let busSays: (signal: 'locked' | 'unlocked' | 'sleep') => void = () => undefined;
  const bus: DesktopSignals = {
    onSignal: (listener) => {
      busSays = listener;
    },
    problem: 'half heard',
    close: () => void seen.push('bus closed'),
  };
  const ways = {
    bus: async () => bus,
    'no bus': undefined,
    'broken bus': async () => {
      throw new Error('no dbus');
    },
  };
  const signals = await watchPower({
    power: power as unknown as PowerMonitor,
    ...{ bus: ways[withBus], onReturn: () => void seen.push('return'), log: (event: string) => void seen.push(event) },
  });
  signals.onSignal((signal) => seen.push(signal));
  return { power, seen, signals, busSays: (signal: 'locked' | 'unlocked' | 'sleep') => busSays(signal) };
}

describe('what the machine says', () => {
  it.each([
    ['the screen', 'lock-screen', 'unlock-screen'],
    ['another user', 'user-did-resign-active', 'user-did-become-active'],
  ])('about %s locks, and unlocks again', async (_, gone, back) => {
    const { power, seen } = await setUp();
    power.emit(gone);
    power.emit(back);
    expect(seen).toEqual(['locked', 'unlocked', 'return']);
  });

  it('about a sleep is told before it, and what is shown is looked at again after it', async () => {
    const { power, seen } = await setUp();
    power.emit('suspend');
    power.emit('resume');
    expect(seen).toEqual(['sleep', 'return']);
  });

  it('counts as unlocked when nobody says locked any more', async () => {
    const { power, seen, busSays } = await setUp('bus');
    power.emit('lock-screen');
    power.emit('user-did-resign-active');
    busSays('locked');
    power.emit('unlock-screen');
    busSays('unlocked');
    expect(seen.filter((signal) => signal === 'unlocked')).toEqual([]);
    power.emit('user-did-become-active');
    expect(seen.filter((signal) => signal === 'unlocked')).toHaveLength(1);
  });

  it('is unlocked once, and only after it was locked', async () => {
    const { power, seen } = await setUp();
    power.emit('unlock-screen');
    expect(seen).toEqual(['return']);
  });

  it('on the bus of a Linux desktop is heard as well', async () => {
    const { seen, busSays, signals } = await setUp('bus');
    for (const signal of ['locked', 'unlocked', 'sleep'] as const) busSays(signal);
    expect([seen, signals.problem]).toEqual([['locked', 'unlocked', 'return', 'sleep'], 'half heard']);
  });

  it('is heard by Electron alone where the bus cannot be, and it says so', async () => {
    const { power, seen, signals } = await setUp('broken bus');
    power.emit('suspend');
    expect(seen).toEqual(['power.bus-unheard', 'sleep']);
    expect(signals.problem).toMatch(/^A locked screen cannot be heard/);
  });

  it('has no problem of its own, and is not heard after the end', async () => {
    const { power, seen, signals } = await setUp();
    expect(signals.problem).toBe(null);
    signals.close();
    expect(power.eventNames()).toEqual([]);
    expect(seen).toEqual([]);
  });
});
