/** The end: whatever asks Electron to quit, the agent closes first, and a part that does not end well cannot hold it up for long. */
import type { App, PowerMonitor } from 'electron';
import type { Clock, Log } from '../ports.ts';
import { seconds } from '../units.ts';

const longest = seconds(8);

/** @param parts.end closes windows and agent; called once */
export function quitWith({
  app,
  power,
  clock,
  log,
  end,
}: {
  app: Pick<App, 'on' | 'exit' | 'quit'>;
  power: Pick<PowerMonitor, 'on'>;
  clock: Clock;
  log: Log;
  end: () => Promise<void>;
}): void {
  let ending = false;
  let systemEnds = false;
  const finish = (status: number): void => app.exit(status);

  // An app that is still there then keeps macOS from shutting down. What is not closed in time is taken up again: see session/rotation.ts.
  power.on('shutdown', () => {
    systemEnds = true;
  });
  app.on('before-quit', (event) => {
    if (!systemEnds) event.preventDefault();
    if (ending) return;
    ending = true;
    const stop = clock.after(longest, () => {
      log('desktop.end-cut-short');
      finish(1);
    });
    void end()
      .catch((error: unknown) => log('desktop.end-failed', { error: error instanceof Error ? error.name : 'unknown' }))
      .then(() => {
        stop();
        finish(0);
      });
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => app.quit());
}
