/** Keeps what the shell shows outside its windows in step with the agent: the tray, the notices, the approval window, the colours. */
import type { UiState } from '../../preload/contract/ui.ts';
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, minutes, ms } from '../units.ts';
import { createNotices, type Notice } from './notices.ts';
import { openRequests, type TrayModel, trayModel } from './tray-model.ts';
import type { Windows } from './windows.ts';

export interface Desk {
  /** Something has changed; many changes of one moment are looked at once. */
  changed(): void;
  /** Looks now. @throws whatever the agent throws */
  refresh(): Promise<void>;
  close(): void;
}

/** Lengths of time are shown in minutes. */
const tick = minutes(1);
const together = ms(20);

export function createDesk(parts: {
  /** The state as it is now. */
  look: () => Promise<UiState>;
  clock: Clock;
  log: Log;
  windows: Pick<Windows, 'changed' | 'close' | 'isOpen' | 'open'>;
  tray: { show(model: TrayModel): void };
  notifier: { show(notices: readonly Notice[]): void };
  setTheme: (theme: UiState['preferences']['theme']) => void;
  offers: { install: boolean };
}): Desk {
  const { clock, log } = parts;
  const noticesFor = createNotices();
  let closed = false;
  /** The request that the window was last brought up for. */
  let brought: string | undefined;
  let stopWaiting: (() => void) | undefined;
  let stopTicking = clock.after(tick, onTick);

  async function refresh(): Promise<void> {
    const state = await parts.look();
    if (!closed) show(state, clock.now());
  }

  function show(state: UiState, now: EpochMs): void {
    parts.windows.changed(state.revision);
    showRequest(state.status.queue);
    parts.setTheme(state.preferences.theme);
    parts.tray.show(trayModel(state, now, parts.offers));
    parts.notifier.show(noticesFor(state, now));
  }

  /** Each request comes before the person once by itself; a window that they close stays closed. */
  function showRequest(queue: UiState['status']['queue']): void {
    const front = openRequests(queue) === 0 ? undefined : queue.asks[0]?.id;
    if (front === undefined) parts.windows.close('approval');
    else if (front !== brought && !parts.windows.isOpen('approval')) parts.windows.open('approval');
    brought = front;
  }

  /** What cannot be shown now is shown with the next change. */
  function refreshSoon(): void {
    void refresh().catch((error: unknown) => log('desktop.not-shown', { code: asAppError(error).code }));
  }

  function onTick(): void {
    stopTicking = clock.after(tick, onTick);
    refreshSoon();
  }

  return {
    refresh,
    changed() {
      if (closed) return;
      stopWaiting ??= clock.after(together, () => {
        stopWaiting = undefined;
        refreshSoon();
      });
    },
    close() {
      closed = true;
      stopWaiting?.();
      stopTicking();
    },
  };
}
