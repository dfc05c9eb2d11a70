/**
 * Which processes hold a socket. The kernel does not say; the only way is to look where their file descriptors lead. Processes seen
 * lately come first, then the newest, because a client is mostly one of these; a process of another user is never looked at.
 */
import type { ProcessRef } from './caller.ts';
import type { ProcessFiles } from './process-files.ts';

export interface Holder extends ProcessRef {
  inode: string;
  fd: string;
}

export interface HolderSearch {
  /** For each socket the first process found that holds it. */
  first(inodes: ReadonlySet<string>): Map<string, Holder>;
  /** Every process that holds one of them; lets others have the thread between a few processes and the next. */
  all(inodes: ReadonlySet<string>): Promise<Holder[]>;
}

const mostRecent = 32;
const processesAtATime = 8;

export function createHolderSearch({ files, uid }: { files: ProcessFiles; uid: number }): HolderSearch {
  /** Last seen first. */
  let recent: Holder[] = [];

  const leadsTo = (pid: number, fd: string): string | undefined => /^socket:\[(\d+)\]$/.exec(files.descriptor(pid, fd) ?? '')?.[1];

  /** The number may have passed to another process since we looked, so it is looked at once more, now with its start time known. */
  function confirm(pid: number, fd: string, inode: string): Holder | null {
    const stat = files.stat(pid);
    if (stat === null) return null;
    // check: caller-holder-still
    if (leadsTo(pid, fd) !== inode) return null;
    // end check
    return { pid, startTicks: stat.startTicks, inode, fd };
  }

  function heldBy(pid: number, inodes: ReadonlySet<string>, firstFd: string[] = []): Holder[] {
    // check: caller-holder-uid
    if (files.uid(pid) !== uid) return [];
    // end check
    const held = new Map<string, Holder>();
    const look = (fd: string): void => {
      const inode = leadsTo(pid, fd);
      if (inode === undefined || !inodes.has(inode) || held.has(inode)) return;
      const holder = confirm(pid, fd, inode);
      if (holder !== null) held.set(inode, holder);
    };
    firstFd.forEach(look);
    if (held.size === inodes.size) return [...held.values()];
    for (const fd of files.descriptors(pid).reverse()) {
      look(fd);
      if (held.size === inodes.size) break;
    }
    return [...held.values()];
  }

  function remember(holder: Holder): void {
    recent = [holder, ...recent.filter(({ pid }) => pid !== holder.pid)].slice(0, mostRecent);
  }

  /** Pids to look at, and the descriptor each is likely to use again. */
  function* candidates(): Generator<[number, string[]]> {
    const known = recent.filter(({ pid, startTicks }) => files.stat(pid)?.startTicks === startTicks);
    recent = known;
    for (const { pid, fd } of known) yield [pid, [fd]];
    const looked = new Set(known.map(({ pid }) => pid));
    for (const pid of files.pids()) if (!looked.has(pid)) yield [pid, []];
  }

  return {
    first(inodes) {
      const missing = new Set(inodes);
      const found = new Map<string, Holder>();
      if (missing.size === 0) return found;
      for (const [pid, fds] of candidates()) {
        for (const holder of heldBy(pid, missing, fds)) {
          missing.delete(holder.inode);
          found.set(holder.inode, holder);
          remember(holder);
        }
        if (missing.size === 0) break;
      }
      return found;
    },
    async all(inodes) {
      const found: Holder[] = [];
      if (inodes.size === 0) return found;
      for (const [index, pid] of files.pids().entries()) {
        if (index % processesAtATime === processesAtATime - 1) await new Promise((resolve) => setImmediate(resolve));
        found.push(...heldBy(pid, inodes));
      }
      return found;
    },
  };
}
