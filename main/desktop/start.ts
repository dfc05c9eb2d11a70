/**
 * The desktop host, once Electron is ready: the agent over the ports of a desktop, and around it the windows. It reads top to bottom as
 * the start does.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { links, windowKinds } from '../../preload/contract/desktop.ts';
import { asAppError, hasCode } from '../app-error.ts';
import { createDoorTally } from '../audit/door-tally.ts';
import type { AuditLog } from '../audit/event.ts';
import { createTally } from '../audit/tally.ts';
import type { Caller } from '../caller/caller.ts';
import { ReportedFailure } from '../cli/agent-client.ts';
import type { takeOver } from '../hand-over.ts';
import { jsonLog, nodePorts, openSystemBrowser, systemClock, type VaultChoice } from '../host-ports.ts';
import { logFile } from '../log-file.ts';
import type { UiAgent } from '../pages/ui-agent.ts';
import { findPlaces, type Places } from '../places.ts';
import type { Log, Ports } from '../ports.ts';
import { version } from '../version.ts';
import { createActs } from './acts.ts';
import type { Arrivals } from './arrivals.ts';
import { handleCalls } from './calls.ts';
import { createInstall } from './command.ts';
import { copyText } from './copying.ts';
import { createDeepLinks, linkCommand, linkScheme } from './deep-links.ts';
import { createDesk } from './desk.ts';
import type { Electron } from './electron.ts';
import { guardSession, type RefusedAct } from './guards.ts';
import { createLoginItem } from './login-item.ts';
import { appMenu } from './menu.ts';
import type { Notice } from './notices.ts';
import { createNotifier } from './notifier.ts';
import { type DesktopOptions, startCommand } from './options.ts';
import { createOutside, type OutsideParts } from './outside.ts';
import { readPageFiles } from './page-files.ts';
import { watchPower } from './power.ts';
import { quitWith } from './quit.ts';
import { createTray } from './tray.ts';
import { partitions, scheme } from './window-options.ts';
import { createWindows, type Windows } from './windows.ts';
import { words } from './words.ts';

/** The agent as its desktop host sees it. */
export interface DesktopAgent {
  readonly ui: UiAgent;
  readonly audit: AuditLog;
  readonly port: number;
  /** This process, as the program that asks in the windows' name. */
  self(): Promise<Caller>;
  onChange(watcher: () => void): unknown;
  close(reason: string): Promise<void>;
}

export type Compose = (
  ports: Ports,
  setting: { places: Places; uid: number; version: string; onStop: (why: string) => void },
) => Promise<DesktopAgent>;

export interface StartParts {
  electron: Electron;
  env: NodeJS.ProcessEnv;
  options: DesktopOptions;
  compose: Compose;
  takeOver: typeof takeOver;
  folder: string;
  arrivals: Arrivals;
}

interface Host {
  places: Places;
  uid: number;
  log: Log;
}

/** Never throws: what keeps the app from starting is shown, and the app ends. */
export async function startDesktop(parts: StartParts): Promise<void> {
  const { app, dialog } = parts.electron;
  const uid = process.getuid?.() ?? -1;
  const { home } = parts.options;
  const places = findPlaces({ env: parts.env, uid, ...(home === undefined ? {} : { home }) });
  const log = jsonLog(logFile(join(places.state, 'agent.log')));
  try {
    await start(parts, { places, uid, log });
  } catch (error) {
    // What a running agent has said about a hand-over is in words for people already.
    const { code, cause, next, detail } = error instanceof ReportedFailure ? error.failure : asAppError(error).toFailure();
    log('desktop.not-started', { code, error: error instanceof Error ? error.name : typeof error });
    await dialog.showMessageBox({
      ...{ type: 'error', title: words.product, buttons: [words.command.close], noLink: true },
      ...{ message: cause, detail: [detail, next].filter(Boolean).join('\n\n') },
    });
    app.exit(1);
  }
}

async function start(parts: StartParts, host: Host): Promise<void> {
  const { electron, options, arrivals } = parts;
  const { app, Menu } = electron;
  const menu = appMenu({ platform: process.platform, packaged: app.isPackaged });
  Menu.setApplicationMenu(menu === null ? null : Menu.buildFromTemplate(menu));
  await servePages(parts);

  const { agent, ports } = await startAgent(parts, host);
  const windows = await surround(parts, host, { agent, ports }).catch(async (error: unknown) => {
    await agent.close('not shown');
    throw error;
  });
  // What came while we started, a deep link for one, has its window by now.
  if (options.view !== undefined) windows.openView(options.view);
  else if (!options.hidden) windows.open('main');
  if (app.isPackaged) app.setAsDefaultProtocolClient(linkScheme, ...linkCommand);
  arrivals.push({ returned: true });
}

/**
 * Starts the agent; where one without a window runs already, it is asked to hand over, and we go on with its port, its grants and, unless
 * the person named another, its kind of vault.
 *
 * @throws AppError | ReportedFailure: it does not hand over, or the agent cannot start
 */
async function startAgent(parts: StartParts, host: Host): Promise<{ agent: DesktopAgent; ports: Ports }> {
  const { electron, options, compose, takeOver } = parts;
  let agent: DesktopAgent | undefined;
  const profiles = async () => (agent === undefined ? [] : (await agent.ui.state({}, await agent.self())).status.profiles);
  const startWith = async (vault: VaultChoice): Promise<{ agent: DesktopAgent; ports: Ports }> => {
    const ports = desktopPorts(parts, host, { vault, profiles });
    agent = await compose(ports, { places: host.places, uid: host.uid, version, onStop: () => electron.app.quit() });
    return { agent, ports };
  };
  try {
    return await startWith(options.vault ?? 'keychain');
  } catch (error) {
    if (!hasCode(error, 'AGENT_RUNNING')) throw error;
  }
  const { vault } = await takeOver(host.places, systemClock);
  return startWith(options.vault ?? (vault === 'passphrase' ? 'passphrase' : 'keychain'));
}

/** Each window's session serves the page of that window and nothing else; all are guarded, the default one too, which nobody uses. */
async function servePages({ electron: { session }, folder, arrivals }: StartParts): Promise<void> {
  const refused = (act: RefusedAct): void => arrivals.push({ refused: act });
  guardSession(session.defaultSession, refused);
  const pages = await readPageFiles(join(folder, 'pages'));
  for (const kind of windowKinds) {
    const own = session.fromPartition(partitions[kind]);
    guardSession(own, refused);
    own.protocol.handle(scheme, (request) => pages.answer(kind, request));
  }
}

/** The ports of a plain Node host, and what a desktop can do better. */
function desktopPorts(
  { electron, env, options, arrivals }: StartParts,
  { log }: Host,
  { vault, profiles }: { vault: VaultChoice; profiles: OutsideParts['profiles'] },
): Ports {
  const { app, shell, powerMonitor } = electron;
  const base = nodePorts({ vault, log });
  const outside = createOutside({
    ...{ shell, profiles },
    fallback: (url) => openSystemBrowser(url, env),
    refused: (url) => arrivals.push({ notOpened: url.host }),
  });
  return {
    ...base,
    openBrowser: outside.open,
    watchDesktop: () =>
      watchPower({
        ...{ power: powerMonitor, log },
        bus: process.platform === 'linux' ? base.watchDesktop : undefined,
        onReturn: () => arrivals.push({ returned: true }),
      }),
    screen: { show: () => arrivals.push({ show: true }), showRequest: () => arrivals.push({ request: true }) },
    loginItem: createLoginItem({ app, platform: process.platform, env, command: startCommand(app, env, options), random: randomBytes }),
  };
}

/** Everything the person sees of the agent, and the one way each of it asks for something. */
async function surround(parts: StartParts, { log }: Host, { agent, ports }: { agent: DesktopAgent; ports: Ports }): Promise<Windows> {
  const { electron, folder, arrivals } = parts;
  const { app, ipcMain, clipboard, nativeTheme } = electron;
  const { clock } = ports;
  const tally = createTally({ clock, audit: agent.audit, log });
  const door = createDoorTally('window', tally);
  const windows = createWindows({ BrowserWindow: electron.BrowserWindow, folder, packaged: app.isPackaged, clock, log });
  handleCalls({
    ...{ ipcMain, windows, ui: agent.ui, self: agent.self, clock, log, refused: door.refused },
    shell: {
      'shell/copy': ({ text }) => copyText(clipboard, text),
      'shell/link': ({ link }) => ports.openBrowser(new URL(links[link])),
      'shell/approval': () => windows.open('approval'),
    },
  });

  const notifier = createNotifier({ Notification: electron.Notification, open: openFrom(windows), log });
  const install = createInstall({ app, dialog: electron.dialog, env: parts.env, random: randomBytes });
  const acts = createActs({ ui: agent.ui, self: agent.self, windows, notifier, install: install.run, quit: () => app.quit() });
  const tray = createTray({ electron, folder: join(folder, 'icons'), platform: process.platform, run: (act) => void acts(act) });
  const desk = createDesk({
    ...{ clock, log, windows, tray, notifier, offers: { install: install.offered } },
    look: async () => agent.ui.state({}, await agent.self()),
    setTheme: (theme) => {
      nativeTheme.themeSource = theme;
    },
  });
  agent.onChange(() => desk.changed());
  quitWith({
    ...{ app, power: electron.powerMonitor, clock, log },
    async end() {
      desk.close();
      notifier.close();
      windows.closeAll();
      tray.close();
      tally.close();
      await agent.close('quit');
    },
  });

  const deepLinks = createDeepLinks({
    ...{ clock, open: windows.openView },
    refused: (reason) => door.refused({ code: 'INPUT_INVALID', reason }),
  });
  arrivals.listen((arrival) => {
    if ('refused' in arrival) door.refused({ code: 'PAGE_REFUSED', reason: arrival.refused });
    else if ('notOpened' in arrival)
      tally.count('opening.refused', (count) => ({ type: 'opening.refused', host: arrival.notOpened, count }));
    else if ('link' in arrival) deepLinks.follow(arrival.link);
    else if ('request' in arrival) windows.open('approval');
    else if ('show' in arrival) windows.open('main');
    else desk.changed();
  });
  await desk.refresh();
  return windows;
}

const openFrom =
  (windows: Windows) =>
  (what: Notice['opens']): void =>
    what === 'request' ? windows.open('approval') : windows.openView(what);
