/**
 * The desktop host, once Electron is ready: the agent over the ports of a desktop, and around it the windows. It reads top to bottom as
 * the start does.
 */
import { join } from 'node:path';
import { links } from '../../preload/contract/desktop.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { asAppError } from '../app-error.ts';
import { createDoorTally } from '../audit/door-tally.ts';
import type { AuditLog } from '../audit/event.ts';
import { createTally } from '../audit/tally.ts';
import { type Caller, unknownCaller } from '../caller/caller.ts';
import { jsonLog, nodePorts, openSystemBrowser } from '../host-ports.ts';
import { logFile } from '../log-file.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import { findPlaces, type Places } from '../places.ts';
import type { Log, Ports } from '../ports.ts';
import { version } from '../version.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import { handleCalls } from './calls.ts';
import { copyText } from './copying.ts';
import { createDeepLinks } from './deep-links.ts';
import type { Electron } from './electron.ts';
import { guardSession } from './guards.ts';
import type { DesktopOptions } from './options.ts';
import { createOutside } from './outside.ts';
import { readPageFiles } from './page-files.ts';
import { quitWith } from './quit.ts';
import { partitions, scheme } from './window-options.ts';
import { createWindows } from './windows.ts';

/** The agent as its desktop host sees it. */
export interface DesktopAgent {
  readonly ui: UiAgent;
  readonly audit: AuditLog;
  readonly port: number;
  onChange(listener: () => void): void;
  close(reason: string): Promise<void>;
}

export type Compose = (
  ports: Ports,
  setting: { places: Places; uid: number; version: string; onStop: () => void },
) => Promise<DesktopAgent>;

interface Parts {
  electron: Electron;
  env: NodeJS.ProcessEnv;
  options: DesktopOptions;
  compose: Compose;
  folder: string;
  arrivals: Arrivals;
}

/** Never throws: what keeps the app from starting is shown, and the app ends. */
export async function startDesktop(parts: Parts): Promise<void> {
  const { app, dialog } = parts.electron;
  const uid = process.getuid?.() ?? -1;
  const { home } = parts.options;
  const places = findPlaces({ env: parts.env, uid, ...(home === undefined ? {} : { home }) });
  const log = jsonLog(logFile(join(places.state, 'agent.log')));
  try {
    await start(parts, { places, uid, log });
  } catch (error) {
    const known = asAppError(error);
    const { code, cause, next, detail } = known.toFailure();
    log('desktop.not-started', { code, error: known.cause instanceof Error ? known.cause.name : '' });
    await dialog.showMessageBox({
      ...{ type: 'error', title: 'Lakepass', buttons: ['Close'], noLink: true },
      ...{ message: cause, detail: [detail, next].filter(Boolean).join('\n\n') },
    });
    app.exit(1);
  }
}

async function start(
  { electron, env, options, compose, folder, arrivals }: Parts,
  host: { places: Places; uid: number; log: Log },
): Promise<void> {
  const { app, session } = electron;
  const { places, uid, log } = host;
  const packaged = app.isPackaged;
  const refused = (act: Extract<Arrival, { refused: unknown }>['refused']): void => arrivals.push({ refused: act });

  guardSession(session.defaultSession, refused);
  const pages = await readPageFiles(join(folder, 'pages'));
  for (const kind of ['main', 'approval'] as const) {
    const own = session.fromPartition(partitions[kind]);
    guardSession(own, refused);
    own.protocol.handle(scheme, (request) => pages.answer(kind, request));
  }

  const base = nodePorts({ vault: options.vault, log });
  let state: UiState | undefined;
  const outside = createOutside({
    shell: electron.shell,
    fallback: (url) => openSystemBrowser(url, env),
    profiles: async () => (await look()).status.profiles,
    refused: (url) => tally.count('opening.refused', (count) => ({ type: 'opening.refused', host: url.host, count })),
  });
  const ports: Ports = {
    ...base,
    openBrowser: outside.open,
    screen: { show: () => arrivals.push({ show: true }), showRequest: () => arrivals.push({ request: true }) },
  };
  const agent = await compose(ports, { places, uid, version, onStop: () => app.quit() });
  const { clock } = ports;
  const tally = createTally({ clock, audit: agent.audit, log });
  const door = createDoorTally('window', tally);
  const self = ownCaller(uid);

  const windows = createWindows({ BrowserWindow: electron.BrowserWindow, folder, packaged, clock, log });
  handleCalls({
    ...{ ipcMain: electron.ipcMain, windows, ui: agent.ui, self, clock, log, refused: door.refused },
    shell: {
      'shell/copy': ({ text }) => copyText(electron.clipboard, text),
      'shell/link': ({ link }) => outside.open(new URL(links[link])),
      'shell/approval': () => windows.open('approval'),
    },
  });
  quitWith({
    ...{ app, clock, log },
    async end() {
      windows.closeAll();
      tally.close();
      await agent.close('quit');
    },
  });

  agent.onChange(() => void changed().catch((error: unknown) => log('desktop.not-shown', { code: asAppError(error).code })));
  const deepLinks = createDeepLinks({
    clock,
    open: (view) => windows.openView(view),
    refused: (reason) => door.refused({ code: 'INPUT_INVALID', reason }),
  });
  arrivals.listen((arrival) => {
    if ('refused' in arrival) door.refused({ code: 'PAGE_REFUSED', reason: arrival.refused });
    else if ('link' in arrival) deepLinks.follow(arrival.link);
    else if ('request' in arrival) windows.open('approval');
    else windows.open('main');
  });
  await changed();
  if (options.view !== undefined) windows.openView(options.view);
  else if (!options.hidden) windows.open('main');

  /** The state as it is now, by the same door as the windows'. */
  async function look(): Promise<UiState> {
    state = await agent.ui.state({}, self);
    return state;
  }

  async function changed(): Promise<void> {
    const { revision, status } = await look();
    windows.changed(revision);
    if (!asksSomebody(status.queue)) windows.close('approval');
  }
}

const asksSomebody = ({ asks, quiet, snoozedUntil }: UiState['status']['queue']): boolean =>
  asks.length > 0 && !quiet && snoozedUntil === null;

/** This process, as the program that asks in the windows' name. */
const ownCaller = (uid: number): Caller => ({
  ...unknownCaller,
  kind: 'program',
  process: { pid: process.pid, startTicks: 0, uid, executable: process.execPath, commandLine: null, folder: null, cgroup: null },
});
