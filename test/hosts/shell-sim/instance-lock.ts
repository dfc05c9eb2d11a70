/**
 * One instance per user-data folder. As in Electron the lock is a link that names the process, a dead process holds nothing, and the words
 * of whoever comes second are handed to the first; here through files in the folder, which it watches.
 */
import {
  type FSWatcher,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

export interface Second {
  argv: string[];
  folder: string;
  data: unknown;
}

export function createInstanceLock({ folder, onSecond }: { folder: () => string; onSecond: (second: Second) => void }) {
  let held: { link: string; inbox: string; watcher: FSWatcher } | undefined;

  function take(link: string, inbox: string): boolean {
    try {
      symlinkSync(`${hostname()}-${process.pid}`, link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isAlive(Number(readlinkSync(link).split('-').at(-1)))) return false;
      unlinkSync(link);
      return take(link, inbox);
    }
    rmSync(inbox, { recursive: true, force: true });
    mkdirSync(inbox, { mode: 0o700 });
    const watcher = watch(inbox, () => read(inbox));
    watcher.unref();
    held = { link, inbox, watcher };
    return true;
  }

  function read(inbox: string): void {
    for (const name of readdirSync(inbox).filter((each) => each.endsWith('.json'))) {
      const second = JSON.parse(readFileSync(join(inbox, name), 'utf8')) as Second;
      unlinkSync(join(inbox, name));
      onSecond(second);
    }
  }

  return {
    request(data: unknown): boolean {
      if (held !== undefined) return true;
      mkdirSync(folder(), { recursive: true, mode: 0o700 });
      const [link, inbox] = [join(folder(), 'SingletonLock'), join(folder(), 'SingletonInbox')];
      if (take(link, inbox)) return true;
      const draft = join(inbox, `${process.pid}.draft`);
      writeFileSync(draft, JSON.stringify({ argv: process.argv, folder: process.cwd(), data } satisfies Second));
      renameSync(draft, join(inbox, `${process.pid}.json`));
      return false;
    },
    isHeld: () => held !== undefined,
    release(): void {
      if (held === undefined) return;
      held.watcher.close();
      rmSync(held.inbox, { recursive: true, force: true });
      unlinkSync(held.link);
      held = undefined;
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
