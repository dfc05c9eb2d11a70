/** What the person chooses in the tray, done by the same calls as in a window; what fails is told, for no window may be open. */
import type { UiCall, UiInput } from '../../preload/contract/ui.ts';
import { asAppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { callUi, type UiAgent } from '../pages/ui-agent.ts';
import type { Notice } from './notices.ts';
import type { TrayAct } from './tray-model.ts';
import type { Windows } from './windows.ts';

interface Parts {
  ui: UiAgent;
  self: () => Promise<Caller>;
  windows: Pick<Windows, 'open' | 'openView'>;
  notifier: { show(notices: readonly Notice[]): void };
  install: () => Promise<void>;
  quit: () => void;
}

/** @returns runs one act; it never throws */
export function createActs(parts: Parts): (act: TrayAct) => Promise<void> {
  const call = async <N extends UiCall>(name: N, input: UiInput<N>): Promise<void> => {
    await callUi(parts.ui, name, input, await parts.self());
  };

  async function run(act: TrayAct): Promise<void> {
    switch (act.act) {
      case 'open':
        return act.view === undefined ? parts.windows.open('main') : parts.windows.openView(act.view);
      case 'request':
        return parts.windows.open('approval');
      case 'pause':
        return call('pause', { ids: [...act.ids], paused: act.paused });
      case 'lock':
        return call('lock', {});
      case 'sign-out':
        return call('sign-out', {});
      case 'start-at-login':
        return call('preferences', { startAtLogin: act.wanted });
      case 'install':
        return parts.install();
      case 'quit':
        return parts.quit();
    }
  }

  return async (act) => {
    try {
      await run(act);
    } catch (error) {
      const { code, cause, next } = asAppError(error).toFailure();
      parts.notifier.show([{ key: `act ${code}`, title: cause, body: next, opens: 'doctor' }]);
    }
  };
}
