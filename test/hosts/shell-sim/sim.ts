/** One start of a main process on the stand-in, as the test user, with its windows in a Chromium of the test's. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Browser } from '@playwright/test';
import { type Account, spawnAs } from '../../machine/accounts.ts';
import { openScreen, type Screen } from './screen.ts';
import type { Drive, Seen } from './wire.ts';

export interface SimOptions {
  account: Account;
  home: string;
  /** A Node that the account may run, and `launch.ts` as one file. */
  node: string;
  launch: string;
  /** The main file, built. */
  main: string;
  args?: readonly string[];
  packaged?: boolean;
  env?: NodeJS.ProcessEnv;
  browser: Browser;
}

export interface Sim {
  readonly pid: number;
  screen: Screen;
  drive(what: Drive): Promise<void>;
  look(): Promise<Seen>;
  /** What it wrote so far. */
  said(): string;
  /** Resolves with how it ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when `ready` has been emitted; rejects where it ends before. */
  launched: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export function startSim(options: SimOptions): Sim {
  const { account, home, node, launch, main, args = [], packaged = true, env = {}, browser } = options;
  const launchOptions = JSON.stringify({ main, packaged, args, locale: 'en-GB' });
  const child: ChildProcess = spawnAs(account, node, [launch, launchOptions], {
    ...{ home, env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const screen = openScreen(browser, {
    send: (message) => void (child.connected && child.send(message as object, () => undefined)),
    onMessage: (listener) => void child.on('message', listener),
  });
  const ended = once(child, 'close').then(async ([code, signal]) => {
    await screen.close('the main process has ended');
    return { code, signal };
  });
  const launched = new Promise<void>((resolve, reject) => {
    child.on('message', (message: object) => 'launched' in message && resolve());
    void ended.then(({ code, signal }) => reject(new Error(`the main process ended (${code ?? signal}) before it was ready: ${said}`)));
  });
  launched.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    screen,
    drive: (what) => screen.main.ask('drive', what),
    look: () => screen.main.ask('look', null),
    said: () => said,
    ...{ ended, launched },
    kill: (signal) => void child.kill(signal),
  };
}
