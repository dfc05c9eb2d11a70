/**
 * A desktop as far as its locks go: a bus that the agent takes for the system's, with as much of logind on it as is asked for. The
 * person of the test locks and unlocks the screen and closes the lid of the machine through it.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from 'dbus-native';
import { type Account, spawnAs } from '../machine/accounts.ts';

const LOGIN = 'org.freedesktop.login1';
const MANAGER = { interface: `${LOGIN}.Manager`, path: '/org/freedesktop/login1' } as const;
const USER_PATH = '/org/freedesktop/login1/user/_1000';
const SESSION = { interface: `${LOGIN}.Session`, path: '/org/freedesktop/login1/session/_31' } as const;

export interface Desktop {
  /** What the agent finds in its environment. */
  env: { DBUS_SYSTEM_BUS_ADDRESS: string };
  lockScreen(): void;
  unlockScreen(): void;
  goToSleep(): void;
  close(): Promise<void>;
}

export async function startDesktop(account: Account, home: string): Promise<Desktop> {
  const address = `unix:path=${join(home, 'run', 'system-bus')}`;
  const config = join(home, 'system-bus.conf');
  writeFileSync(config, busConfig(address), { mode: 0o644 });
  const daemon = spawnAs(account, 'dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address=1'], {
    home,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const over = once(daemon, 'exit');
  if (daemon.stdout === null) throw new Error('the bus has no pipes');
  await Promise.race([once(createInterface({ input: daemon.stdout }), 'line'), over]);
  const bus = createClient({ busAddress: address });
  bus.connection.on('error', () => undefined);
  bus.setMethodCallHandler(MANAGER.path, MANAGER.interface, 'GetUser', [() => USER_PATH, 'o']);
  bus.exportInterface({ Display: ['1', SESSION.path] }, USER_PATH, { name: `${LOGIN}.User`, properties: { Display: '(so)' } });
  bus.exportInterface({ LockedHint: false }, SESSION.path, { name: SESSION.interface, properties: { LockedHint: 'b' } });
  await bus.requestName(LOGIN, 0);

  return {
    env: { DBUS_SYSTEM_BUS_ADDRESS: address },
    lockScreen: () => bus.sendSignal(SESSION.path, SESSION.interface, 'Lock'),
    unlockScreen: () => bus.sendSignal(SESSION.path, SESSION.interface, 'Unlock'),
    goToSleep: () => bus.sendSignal(MANAGER.path, MANAGER.interface, 'PrepareForSleep', 'b', [true]),
    async close() {
      await bus.close();
      daemon.kill();
      await over;
    },
  };
}

/** As on the system's bus, people of any user are let in: logind is not the person. */
const busConfig = (address: string): string => `<busconfig>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;
