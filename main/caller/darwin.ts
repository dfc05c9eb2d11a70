/**
 * Callers on macOS, from lsof(8) and ps(1). Written from their manual pages, not from outputs recorded on a Mac, and never run on one;
 * nothing uses it yet.
 *
 * Without root, lsof shows only our own user's processes, so a foreign peer is nobody rather than somebody. A start time has a
 * resolution of one second. What ps shows as a command line cannot be split for certain: arguments are joined by spaces.
 */
import type { Callers, Peer } from './caller.ts';
import { type Commands, createSnapshotCallers, type HolderRow, type ListedProcess, type System } from './snapshot.ts';

export interface LsofFile {
  pid: number;
  uid: number | null;
  /** A number, or `cwd`, `txt` … */
  fd: string;
  name: string;
}

/**
 * Reads `lsof -F pufn`: one field a line, named by its first letter; a process's fields stand before those of its files (lsof(8),
 * "OUTPUT FOR OTHER PROGRAMS"). lsof escapes control characters in names.
 */
export function readLsof(text: string): LsofFile[] {
  const files: LsofFile[] = [];
  let pid = 0;
  let uid: number | null = null;
  let fd = '';
  for (const line of text.split('\n')) {
    const value = line.slice(1);
    if (line.startsWith('p')) [pid, uid, fd] = [Number(value), null, ''];
    else if (line.startsWith('u')) uid = /^\d+$/.test(value) ? Number(value) : null;
    else if (line.startsWith('f')) fd = value;
    else if (line.startsWith('n') && Number.isSafeInteger(pid) && pid > 0) files.push({ pid, uid, fd, name: value });
  }
  return files;
}

/** Reads `ps -o pid=,ppid=,uid=,stat=,lstart=,command=` under LC_ALL=C and TZ=UTC. Zombies are left out. */
export function readPs(text: string): Map<number, ListedProcess> {
  const row = /^ *(\d+) +(\d+) +(\d+) +([A-Z]\S*) +\w{3} +(\w{3}) +(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4})(?: +(.*))?$/gm;
  const list = new Map<number, ListedProcess>();
  for (const [, pid, parent, uid, state = '', month, day, time, year, command = ''] of text.matchAll(row)) {
    const startTicks = Date.parse(`${day} ${month} ${year} ${time} UTC`) / 1000;
    if (state.startsWith('Z') || Number.isNaN(startTicks)) continue;
    const commandLine = command === '' ? null : command.trimEnd().split(' ');
    list.set(Number(pid), { parent: Number(parent), startTicks, uid: Number(uid), commandLine });
  }
  return list;
}

/** Rows of the peer's own end only; an IPv6 socket that speaks IPv4 shows a mapped address. */
function holdersIn(text: string, { localPort, remotePort }: Peer): HolderRow[] {
  const wanted = `127.0.0.1:${remotePort}->127.0.0.1:${localPort}`;
  const rows = readLsof(text).filter(({ name }) => name.replaceAll('[::ffff:127.0.0.1]', '127.0.0.1') === wanted);
  return [...new Map(rows.map(({ pid, uid }) => [pid, { pid, uid }])).values()];
}

const ps = (pids: readonly number[] | undefined): [string, string[]] => [
  '/usr/bin/env',
  ['LC_ALL=C', 'TZ=UTC', '/bin/ps', '-ww', '-o', 'pid=,ppid=,uid=,stat=,lstart=,command=', ...(pids ? ['-p', pids.join(',')] : ['-ax'])],
];
const lsof = '/usr/sbin/lsof';

/** @param parts.extraAiAgents as in `createCallers` */
export function createDarwinCallers({
  commands,
  uid,
  extraAiAgents = () => [],
}: {
  commands: Commands;
  uid: number;
  extraAiAgents?: () => readonly string[];
}): Callers {
  const system: System = {
    holders: async (peer) => holdersIn(await commands.run(lsof, ['-nP', `-iTCP:${peer.remotePort}`, '-F', 'pufn']), peer),
    list: async (pids) => readPs(await commands.run(...ps(pids))),
    async details(pids) {
      const files = readLsof(await commands.run(lsof, ['-nP', '-a', '-p', pids.join(','), '-d', 'cwd,txt', '-F', 'pfn']));
      // The program itself comes first among its text files; libraries follow.
      const named = (pid: number, fd: string) => files.find((file) => file.pid === pid && file.fd === fd)?.name ?? null;
      return new Map(pids.map((pid) => [pid, { executable: named(pid, 'txt'), folder: named(pid, 'cwd') }]));
    },
    startTicksNow: (pid) => readPs(commands.runNow(...ps([pid]))).get(pid)?.startTicks ?? null,
  };
  return createSnapshotCallers({ system, uid, extraAiAgents });
}
