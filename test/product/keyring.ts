/**
 * A desktop session of the test user's as far as secrets go: a D-Bus session bus with gnome-keyring on it, in the user's own home.
 * Ended and begun again on the same home it is the next login.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Account, runAs, spawnAs } from '../machine/accounts.ts';

export interface Keyring {
  /** What a program of this session finds in its environment. */
  env: { DBUS_SESSION_BUS_ADDRESS: string };
  /** Locks the collection, as a person does in the keyring's own window. Only the next login unlocks it: nobody can answer its prompt. */
  lock(): Promise<void>;
  /** From now on it answers nobody, as one does that waits for the person; until `thaw()`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends the session; nothing listens on its bus any more. */
  close(): Promise<void>;
}

const unlocked = `printf 'test password\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null`;

export async function startKeyring(account: Account, home: string): Promise<Keyring> {
  requirePrograms();
  const script = [unlocked, 'echo "$DBUS_SESSION_BUS_ADDRESS"', 'exec cat >/dev/null'].join('\n');
  const session = spawnAs(account, 'dbus-run-session', ['--', '/bin/sh', '-ec', script], { home, stdio: ['pipe', 'pipe', 'ignore'] });
  const over = once(session, 'exit');
  const { stdin, stdout } = session;
  if (stdin === null || stdout === null) throw new Error('the session has no pipes');
  const [address] = (await Promise.race([once(createInterface({ input: stdout }), 'line'), over])) as [unknown];
  if (typeof address !== 'string' || address === '') throw new Error('the keyring did not come up');
  const env = { DBUS_SESSION_BUS_ADDRESS: address };
  /** The process that owns the service's name on this bus. */
  const signal = async (name: string): Promise<void> => {
    const { stdout } = await runAs(account, 'dbus-send', ownerRequest, { home, env });
    const pid = /uint32 (\d+)/.exec(stdout)?.[1];
    if (pid === undefined) throw new Error('nobody owns the secret service');
    process.kill(Number(pid), `SIG${name}`);
  };

  return {
    env,
    async lock() {
      const { code, stderr } = await runAs(account, 'dbus-send', lockRequest, { home, env });
      if (code !== 0) throw new Error(`the keyring was not locked: ${stderr}`);
    },
    freeze: () => signal('STOP'),
    thaw: () => signal('CONT'),
    async close() {
      stdin.end();
      await over;
    },
  };
}

const ownerRequest = [
  ...['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/org/freedesktop/DBus'],
  ...['org.freedesktop.DBus.GetConnectionUnixProcessID', 'string:org.freedesktop.secrets'],
];
const lockRequest = [
  ...['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets'],
  ...['org.freedesktop.Secret.Service.Lock', 'array:objpath:/org/freedesktop/secrets/collection/login'],
];

function requirePrograms(): void {
  for (const [program, packages] of [
    ['dbus-run-session', 'dbus'],
    ['gnome-keyring-daemon', 'gnome-keyring'],
  ] as const) {
    if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error)
      throw new Error(`${program} is missing, so the keychain cannot be tested: install it with "apt-get install ${packages}".`);
  }
}
