/**
 * The desktop's signals over a real dbus-daemon, with a logind and a screen saver that stand in for the system's. Proves that what
 * the bus delivers is understood, that only the owners of the names are listened to, and that a bus may come and go.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient, type MessageBus } from 'dbus-native';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../main/host-ports.ts';
import { busAddresses, watchDesktop } from '../../../main/lock/desktop-signals.ts';
import type { DesktopSignals } from '../../../main/ports.ts';

const LOGIN = 'org.freedesktop.login1';
const MANAGER_PATH = '/org/freedesktop/login1';
const SESSION_PATH = '/org/freedesktop/login1/session/_31';
const OTHER_PATH = '/org/freedesktop/login1/session/_32';
const USER_PATH = '/org/freedesktop/login1/user/_1000';
const SAVER = 'org.freedesktop.ScreenSaver';
const SAVER_PATH = '/org/freedesktop/ScreenSaver';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
/** The type of a message (D-Bus specification, "Message Types"). */
const SIGNAL = 4;

let folder: string;
let daemons: ChildProcess[];
let buses: MessageBus[];
let watching: DesktopSignals | undefined;
let heard: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lakepass-bus-'));
  daemons = [];
  buses = [];
  heard = [];
});
afterEach(async () => {
  watching?.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await Promise.all(daemons.map(end));
  await rm(folder, { recursive: true, force: true });
});

const addressOf = (name: string) => `unix:path=${join(folder, name)}`;

/** A bus of its own that anybody of this user may own any name on. */
async function startBus(name: string): Promise<ChildProcess> {
  const daemon = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1', `--address=${addressOf(name)}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  daemons.push(daemon);
  await once(createInterface({ input: daemon.stdout }), 'line');
  return daemon;
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exit = once(daemon, 'exit');
  daemon.kill();
  await exit;
}

function client(name: string): MessageBus {
  const bus = createClient({ busAddress: addressOf(name) });
  bus.connection.on('error', () => undefined);
  buses.push(bus);
  return bus;
}

interface LoginStandIn {
  hinted: boolean;
  display: string;
  signal(path: string, of: string, member: string, signature?: string, args?: unknown[]): void;
  hint(locked: boolean): void;
  bus: MessageBus;
}

/** As much of logind as is asked for; `display` '/' is a user without a graphical session. */
async function startLogin(name = 'system'): Promise<LoginStandIn> {
  const bus = client(name);
  const manager = `${LOGIN}.Manager`;
  const standIn: LoginStandIn = {
    bus,
    hinted: false,
    display: SESSION_PATH,
    signal: (path, of, member, signature, args) => bus.sendSignal(path, of, member, signature, args),
    hint: (locked) =>
      bus.sendSignal(SESSION_PATH, PROPERTIES, 'PropertiesChanged', 'sa{sv}as', [`${LOGIN}.Session`, [['LockedHint', ['b', locked]]], []]),
  };
  bus.setMethodCallHandler(MANAGER_PATH, manager, 'GetUser', [() => USER_PATH, 'o']);
  bus.setMethodCallHandler(MANAGER_PATH, manager, 'GetSession', [
    (id: string) => {
      if (id !== '2') throw new Error('No session');
      return OTHER_PATH;
    },
    'o',
  ]);
  bus.setMethodCallHandler(MANAGER_PATH, manager, 'GetSessionByPID', [
    () => {
      throw new Error('Caller does not belong to any known session');
    },
    'o',
  ]);
  const user = {
    get Display() {
      return ['1', standIn.display];
    },
  };
  const session = {
    get LockedHint() {
      return standIn.hinted;
    },
  };
  bus.exportInterface(user, USER_PATH, { name: `${LOGIN}.User`, properties: { Display: '(so)' } });
  for (const path of [SESSION_PATH, OTHER_PATH])
    bus.exportInterface(session, path, { name: `${LOGIN}.Session`, properties: { LockedHint: 'b' } });
  await bus.requestName(LOGIN, 0);
  return standIn;
}

function watch(more: Partial<Parameters<typeof watchDesktop>[0]> = {}): DesktopSignals {
  const parts = { systemBus: addressOf('system'), sessionBus: addressOf('session'), uid: 1000, pid: process.pid, sessionId: null };
  watching = watchDesktop({ clock: systemClock, log: () => undefined, ...parts, ...more });
  watching.onSignal((signal) => void heard.push(signal));
  return watching;
}

/** Until it holds; the time limit of the test is the only one there is. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(5);
}

/** After this, whatever was sent on the bus before has been delivered to us: a signal of the service that changes nothing else. */
async function delivered(login: LoginStandIn): Promise<void> {
  const before = heard.filter((signal) => signal === 'sleep').length;
  login.signal(MANAGER_PATH, `${LOGIN}.Manager`, 'PrepareForSleep', 'b', [true]);
  await until(() => heard.filter((signal) => signal === 'sleep').length > before);
}

it('a session that is locked, unlocked, and a machine that goes to sleep', async () => {
  await startBus('system');
  const login = await startLogin();
  const signals = watch({ sessionBus: null });
  await until(() => signals.problem === null);
  login.signal(SESSION_PATH, `${LOGIN}.Session`, 'Lock');
  await until(() => heard.length === 1);
  login.signal(SESSION_PATH, `${LOGIN}.Session`, 'Unlock');
  await until(() => heard.length === 2);
  login.signal(MANAGER_PATH, `${LOGIN}.Manager`, 'PrepareForSleep', 'b', [true]);
  login.signal(MANAGER_PATH, `${LOGIN}.Manager`, 'PrepareForSleep', 'b', [false]);
  await delivered(login);
  expect(heard).toEqual(['locked', 'unlocked', 'sleep', 'sleep']);
});

it('a session whose LockedHint changes, and one that was locked before anybody listened', async () => {
  await startBus('system');
  const login = await startLogin();
  login.hinted = true;
  watch();
  await until(() => heard.includes('locked'));
  login.hint(false);
  await until(() => heard.includes('unlocked'));
  login.hint(true);
  await delivered(login);
  expect(heard).toEqual(['locked', 'unlocked', 'locked', 'sleep']);
});

it('another session of the same user is none of ours', async () => {
  await startBus('system');
  const login = await startLogin();
  const signals = watch();
  await until(() => signals.problem === null);
  login.signal(OTHER_PATH, `${LOGIN}.Session`, 'Lock');
  await delivered(login);
  expect(heard).toEqual(['sleep']);
});

it('without a graphical session the one that is named counts, and without any it is said', async () => {
  await startBus('system');
  const login = await startLogin();
  login.display = '/';
  const signals = watch({ sessionId: '2' });
  await until(() => signals.problem === null);
  login.signal(OTHER_PATH, `${LOGIN}.Session`, 'Lock');
  await until(() => heard.length === 1);
  signals.close();

  const lost = watch({ sessionId: '3' });
  await until(() => lost.problem?.includes('no session') === true);
});

it('a screen saver on the session bus', async () => {
  await startBus('session');
  const signals = watch();
  expect(signals.problem).not.toBeNull();
  const saver = client('session');
  await saver.requestName(SAVER, 0);
  // It has no GetActive; it is heard all the same.
  await until(() => signals.problem?.includes('goes to sleep') === true);
  saver.sendSignal(SAVER_PATH, SAVER, 'ActiveChanged', 'b', [true]);
  await until(() => heard.length === 1);
  saver.sendSignal(SAVER_PATH, SAVER, 'ActiveChanged', 'b', [false]);
  await until(() => heard.length === 2);
  expect(heard).toEqual(['locked', 'unlocked']);
});

it('a screen saver that is over does not unlock what the session says is locked', async () => {
  await startBus('system');
  await startBus('session');
  const login = await startLogin();
  const saver = client('session');
  saver.setMethodCallHandler(SAVER_PATH, SAVER, 'GetActive', [() => true, 'b']);
  const signals = watch();
  // Without a screen saver that means that the session is known.
  await until(() => signals.problem === null);
  await saver.requestName(SAVER, 0);
  await until(() => heard.includes('locked'));
  login.signal(SESSION_PATH, `${LOGIN}.Session`, 'Lock');
  await delivered(login);
  heard.length = 0;
  saver.sendSignal(SAVER_PATH, SAVER, 'ActiveChanged', 'b', [false]);
  // What it says next shows that what it said before was delivered.
  saver.sendSignal(SAVER_PATH, SAVER, 'ActiveChanged', 'b', [true]);
  await until(() => heard.length > 0);
  expect(heard).toEqual(['locked']);
  login.signal(SESSION_PATH, `${LOGIN}.Session`, 'Unlock');
  await until(() => heard.length > 1);
  expect(heard).toEqual(['locked', 'unlocked']);
});

it('a stranger on the bus is not listened to, not even when they write to us alone', async () => {
  await startBus('system');
  const login = await startLogin();
  const stranger = client('system');
  const before = new Set(await stranger.listNames());
  const signals = watch({ sessionBus: null });
  await until(() => signals.problem === null);
  const ours = (await stranger.listNames()).filter((name) => name.startsWith(':') && !before.has(name));
  expect(ours).toHaveLength(1);
  const witness = client('system');
  const seen: string[] = [];
  witness.connection.on('message', ({ sender, member }) => {
    if (sender === stranger.name) seen.push(`${member}`);
  });
  await witness.addMatch(`type='signal',sender='${stranger.name}'`);
  const forgeries = [
    { path: SESSION_PATH, interface: `${LOGIN}.Session`, member: 'Lock' },
    { path: SESSION_PATH, interface: `${LOGIN}.Session`, member: 'Unlock' },
    { path: MANAGER_PATH, interface: `${LOGIN}.Manager`, member: 'PrepareForSleep', signature: 'b', body: [true] },
    {
      ...{ path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus', member: 'NameOwnerChanged' },
      ...{ signature: 'sss', body: [LOGIN, '', stranger.name] },
    },
  ];
  login.signal(SESSION_PATH, `${LOGIN}.Session`, 'Lock');
  await until(() => heard.length === 1);
  for (const forgery of forgeries)
    for (const to of [{}, { destination: ours[0] ?? '' }])
      stranger.connection.message({ type: SIGNAL, serial: stranger.serial++, ...forgery, ...to });
  await until(() => seen.length === forgeries.length);
  // The bus answers its own question after it has passed on what it sent before, to us alone as well.
  await stranger.listNames();
  await delivered(login);
  expect(heard).toEqual(['locked', 'sleep']);
});

it('a service that is started again under another name of the bus is followed, the old one no longer', async () => {
  await startBus('system');
  const first = await startLogin();
  const signals = watch();
  await until(() => signals.problem === null);
  await first.bus.releaseName(LOGIN);
  await until(() => signals.problem !== null);
  const second = await startLogin();
  await until(() => signals.problem === null);
  first.signal(SESSION_PATH, `${LOGIN}.Session`, 'Lock');
  // Its own question comes back after what it sent before.
  await first.bus.listNames();
  await delivered(second);
  expect(heard).toEqual(['sleep']);
});

it('no bus at all is a sentence, and a bus that comes, goes and comes again is found', async () => {
  const signals = watch({ sessionBus: null });
  expect(signals.problem).toContain('no logind');
  await wait(50);
  const daemon = await startBus('system');
  await startLogin();
  await until(() => signals.problem === null);
  await end(daemon);
  await until(() => signals.problem !== null);
  await rm(join(folder, 'system'), { force: true });
  await startBus('system');
  const login = await startLogin();
  await until(() => signals.problem === null);
  await delivered(login);
});

it.each(['unixexec:path=/bin/touch,argv1=FOLDER/ran', 'tcp:host=127.0.0.1,port=9', '', 'nonsense'])(
  'an address that is no socket of this machine is not used: %s',
  async (address) => {
    const signals = watch({ systemBus: address.replace('FOLDER', folder), sessionBus: null });
    await wait(100);
    expect(signals.problem).toContain('no logind');
    await expect(rm(join(folder, 'ran'))).rejects.toMatchObject({ code: 'ENOENT' });
  },
);

it('finds the buses where a desktop puts them', () => {
  expect(busAddresses({ XDG_RUNTIME_DIR: '/run/user/1000' })).toEqual({
    systemBus: 'unix:path=/run/dbus/system_bus_socket',
    sessionBus: 'unix:path=/run/user/1000/bus',
  });
  expect(busAddresses({})).toMatchObject({ sessionBus: null });
  expect(busAddresses({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/a', DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/b' })).toEqual({
    systemBus: 'unix:path=/b',
    sessionBus: 'unix:path=/a',
  });
});
