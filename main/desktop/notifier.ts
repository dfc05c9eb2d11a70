/** Shows notices as notifications of the system. One that was clicked opens what it is about, and answers nothing. */
import type { Notification } from 'electron';
import type { Log } from '../ports.ts';
import type { Electron } from './electron.ts';
import type { Notice } from './notices.ts';

/** More at once than this are a storm that nobody reads; the app shows them all. */
const atOnce = 3;

export function createNotifier(parts: { Notification: Electron['Notification']; open: (what: Notice['opens']) => void; log: Log }) {
  // What nobody holds is collected, and a click on it then goes nowhere.
  const shown = new Set<Notification>();
  return {
    show(notices: readonly Notice[]): void {
      if (!parts.Notification.isSupported()) return;
      for (const { title, body, opens } of notices.slice(0, atOnce)) {
        const notification = new parts.Notification({ title, body });
        shown.add(notification);
        notification.on('click', () => parts.open(opens));
        notification.on('close', () => shown.delete(notification));
        notification.on('failed', () => {
          shown.delete(notification);
          parts.log('desktop.notification-failed');
        });
        notification.show();
      }
    },
    close(): void {
      for (const notification of [...shown]) notification.close();
      shown.clear();
    },
  };
}
