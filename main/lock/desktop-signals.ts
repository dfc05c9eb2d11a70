/**
 * What a Linux desktop says about its person: gone, back, or about to sleep. It listens to logind on the system bus and to the
 * screen saver on the session bus, and it says so where one of them cannot be heard. It decides nothing.
 *
 * What it can be worth: a process of another user, or one that does not own the name, is not listened to. A process of the same
 * user can lock and unlock the screen by the same roads as the desktop (`loginctl unlock-session`, SetLockedHint), and own the
 * screen saver's name where nobody else does. So these signals may lock, and they may end Away; nothing may rest on the second
 * against programs that run as the person. Locked is ended by a proof, never by a signal.
 *
 * A sleep is not held up until the keys are wiped: that needs a file descriptor over D-Bus, which Node cannot receive. The clocks
 * show the sleep afterwards, before anybody is served.
 */
import { z } from 'zod';
import type { Clock, DesktopSignals, Log } from '../ports.ts';
import { type BusLine, type Call, openBusLine, type Signal } from './bus-line.ts';

const LOGIN = 'org.freedesktop.login1';
const MANAGER = { interface: `${LOGIN}.Manager`, path: '/org/freedesktop/login1' } as const;
const SESSION = `${LOGIN}.Session`;
const PROPERTIES = 'org.freedesktop.DBus.Properties';
/** Name and interface are the same word; KDE and most others answer to the first, GNOME to the second. */
const SCREEN_SAVERS = [
  { name: 'org.freedesktop.ScreenSaver', path: '/org/freedesktop/ScreenSaver' },
  { name: 'org.gnome.ScreenSaver', path: '/org/gnome/ScreenSaver' },
] as const;

const flag = z.tuple([z.boolean()], z.unknown());
const objectPath = z.tuple([z.string().startsWith('/')], z.unknown());
/** `Display` of a user: the session's id and its object, `/` where there is none. */
const display = z.tuple([z.tuple([z.string(), z.string().startsWith('/')])], z.unknown());
const changed = z.tuple([z.literal(SESSION), z.array(z.tuple([z.string(), z.unknown()]))], z.unknown());

interface Parts {
  clock: Clock;
  log: Log;
  /** D-Bus addresses; null where there is no such bus. */
  systemBus: string | null;
  sessionBus: string | null;
  uid: number;
  pid: number;
  /** `XDG_SESSION_ID`, where it is set. */
  sessionId: string | null;
}

export function watchDesktop({ clock, log, systemBus, sessionBus, uid, pid, sessionId }: Parts): DesktopSignals {
  const listeners: ((signal: 'locked' | 'unlocked' | 'sleep') => void)[] = [];
  /** Who says that the screen is locked. It counts as unlocked when nobody says so any more. */
  const lockedBy = new Set<string>();
  let session: string | null = null;

  const tell = (signal: 'locked' | 'unlocked' | 'sleep'): void => {
    for (const listener of listeners) listener(signal);
  };
  const locked = (by: string): void => {
    lockedBy.add(by);
    tell('locked');
  };
  const unlocked = (...by: string[]): void => {
    if (lockedBy.size === 0) return;
    for (const each of by) lockedBy.delete(each);
    if (lockedBy.size === 0) tell('unlocked');
  };
  /** The session says that it is unlocked, so whatever a screen saver said before is over. */
  const sessionUnlocked = (): void => unlocked(...lockedBy);

  const findSession = async (call: Call): Promise<void> => {
    session = await ownSession(call, { uid, pid, sessionId });
    if (session === null) return;
    const hint = flag.safeParse(await call(session, { interface: PROPERTIES, member: 'Get' }, 'ss', [SESSION, 'LockedHint']));
    if (hint.data?.[0] === true) locked('hint');
  };
  const heardLogin = async ({ path, interface: from, member, body }: Signal, call: Call): Promise<void> => {
    if (from === MANAGER.interface && path === MANAGER.path) {
      if (member === 'PrepareForSleep' && flag.safeParse(body).data?.[0] === true) tell('sleep');
      if (member === 'SessionNew' || member === 'SessionRemoved') await findSession(call);
      return;
    }
    // check: desktop-own-session
    if (path !== session) return;
    // end check
    if (from === SESSION && member === 'Lock') locked('session');
    if (from === SESSION && member === 'Unlock') sessionUnlocked();
    if (from === PROPERTIES && member === 'PropertiesChanged') heardHint(lockedHintOf(body));
  };
  const heardHint = (hint: boolean | undefined): void => {
    if (hint === true) locked('hint');
    if (hint === false) sessionUnlocked();
  };

  const login = openBusLine({ address: systemBus, service: LOGIN, clock, log, onService: findSession, onSignal: heardLogin });
  const savers = SCREEN_SAVERS.map(({ name, path }) => {
    const heard = (body: readonly unknown[]): void => {
      const active = flag.safeParse(body).data?.[0];
      if (active === true) locked(name);
      if (active === false) unlocked(name);
    };
    return openBusLine({
      ...{ address: sessionBus, service: name, clock, log },
      // Not every one of them can be asked; what it says from now on is heard all the same.
      onService: async (call) => heard(await call(path, { interface: name, member: 'GetActive' }).catch(() => [])),
      onSignal: (signal) => {
        if (signal.interface === name && signal.member === 'ActiveChanged') heard(signal.body);
      },
    });
  });

  return {
    onSignal: (listener) => void listeners.push(listener),
    get problem() {
      return problemOf(login, session, savers);
    },
    close() {
      for (const line of [login, ...savers]) line.close();
    },
  };
}

/** Where the buses are, by the environment of a program on a Linux desktop. */
export function busAddresses(env: NodeJS.ProcessEnv): { systemBus: string; sessionBus: string | null } {
  const runtime = env['XDG_RUNTIME_DIR'];
  return {
    systemBus: env['DBUS_SYSTEM_BUS_ADDRESS'] || 'unix:path=/run/dbus/system_bus_socket',
    sessionBus: env['DBUS_SESSION_BUS_ADDRESS'] || (runtime ? `unix:path=${runtime}/bus` : null),
  };
}

function problemOf(login: BusLine, session: string | null, savers: readonly BusLine[]): string | null {
  const screen = session !== null || savers.some(({ state }) => state === 'connected');
  if (login.state === 'connected')
    return screen
      ? null
      : 'The desktop does not tell when the screen is locked: logind knows no session of yours, and no screen saver answers.';
  return screen
    ? 'The system does not tell when it goes to sleep: logind cannot be heard. The clock shows it afterwards.'
    : 'Neither a locked screen nor a sleep can be heard: there is no logind and no screen saver on D-Bus. Idle time and the clock still count.';
}

/**
 * The session whose screen matters: the person's graphical one, which need not be that of the terminal the agent came from; else the
 * one that is named; else the one we run in. Null where logind knows none.
 */
async function ownSession(call: Call, { uid, pid, sessionId }: Pick<Parts, 'uid' | 'pid' | 'sessionId'>): Promise<string | null> {
  const ask = (member: string, signature: string, argument: unknown): Promise<string> =>
    call(MANAGER.path, { interface: MANAGER.interface, member }, signature, [argument]).then((body) => objectPath.parse(body)[0]);
  const graphical = async (): Promise<string> => {
    const user = await ask('GetUser', 'u', uid);
    const [[, path]] = display.parse(await call(user, { interface: PROPERTIES, member: 'Get' }, 'ss', [`${LOGIN}.User`, 'Display']));
    if (path === '/') throw new Error('no graphical session');
    return path;
  };
  const ways = [
    graphical,
    ...(sessionId === null ? [] : [() => ask('GetSession', 's', sessionId)]),
    () => ask('GetSessionByPID', 'u', pid),
  ];
  for (const way of ways) {
    try {
      return await way();
    } catch {
      // logind answers with an error what it does not know; the next way may know more.
    }
  }
  return null;
}

function lockedHintOf(body: readonly unknown[]): boolean | undefined {
  const entries = Array.isArray(body[1]) ? body[1] : Object.entries(body[1] ?? {});
  const { data } = changed.safeParse([body[0], entries]);
  const hint = data?.[1].find(([name]) => name === 'LockedHint')?.[1];
  return typeof hint === 'boolean' ? hint : undefined;
}
