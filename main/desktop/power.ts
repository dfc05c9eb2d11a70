/**
 * What the machine says about its person, from wherever it says it: Electron hears the screen and the switch of users on macOS and
 * Windows and the sleep everywhere; a Linux desktop speaks on D-Bus. The screen counts as unlocked when nobody says that it is locked.
 */
import type { PowerMonitor } from 'electron';
import { asAppError } from '../app-error.ts';
import type { DesktopSignals, Log } from '../ports.ts';

type Signal = 'locked' | 'unlocked' | 'sleep';

const unheard = 'A locked screen cannot be heard on this machine. Idle time and the clock still count.';

interface Parts {
  power: Pick<PowerMonitor, 'on' | 'off'>;
  /** The desktop's own signals, where there are any beside Electron's. */
  bus: (() => Promise<DesktopSignals>) | undefined;
  /** The machine woke up, or the person came back: what is shown may be old. */
  onReturn: () => void;
  log: Log;
}

/** Listens at once; what cannot be heard is said in `problem`. */
export async function watchPower({ power, bus, onReturn, log }: Parts): Promise<DesktopSignals> {
  const listeners: ((signal: Signal) => void)[] = [];
  const lockedBy = new Set<string>();
  const tell = (signal: Signal): void => {
    for (const listener of listeners) listener(signal);
  };
  const locked = (by: string): void => {
    lockedBy.add(by);
    tell('locked');
  };
  const unlocked = (by: string): void => {
    const wasLocked = lockedBy.delete(by);
    if (wasLocked && lockedBy.size === 0) tell('unlocked');
    onReturn();
  };
  const heard: readonly (readonly [string, () => void])[] = [
    ['lock-screen', () => locked('screen')],
    ['unlock-screen', () => unlocked('screen')],
    ['user-did-resign-active', () => locked('user')],
    ['user-did-become-active', () => unlocked('user')],
    ['suspend', () => tell('sleep')],
    ['resume', onReturn],
  ];
  for (const [event, listener] of heard) power.on(event as 'suspend', listener);

  let signals: DesktopSignals | undefined;
  let problem: string | null = null;
  try {
    signals = await bus?.();
  } catch (error) {
    problem = unheard;
    log('power.bus-unheard', { code: asAppError(error).code });
  }
  signals?.onSignal((signal) => {
    if (signal === 'locked') locked('bus');
    else if (signal === 'unlocked') unlocked('bus');
    else tell('sleep');
  });

  return {
    onSignal: (listener) => void listeners.push(listener),
    get problem() {
      return problem ?? signals?.problem ?? null;
    },
    close() {
      for (const [event, listener] of heard) power.off(event as 'suspend', listener);
      signals?.close();
    },
  };
}
