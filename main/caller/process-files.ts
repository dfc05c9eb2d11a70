/**
 * What proc(5) says of one process, file by file, each read bounded. Null is an ordinary answer: the process has gone, or the system
 * does not let us look. Nothing here is remembered, and of a process's environment only one variable is ever taken.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';

export interface ProcessStat {
  parent: number;
  /** Clock ticks since boot. */
  startTicks: number;
}

export const namespaceKinds = ['mnt', 'pid', 'user'] as const;

export interface ProcessFiles {
  /** Null for a zombie too: it runs no more. */
  stat(pid: number): ProcessStat | null;
  /** The effective uid. */
  uid(pid: number): number | null;
  /** Ends in ` (deleted)` where the file has been removed or replaced, as the kernel says it. */
  executable(pid: number): string | null;
  folder(pid: number): string | null;
  cgroup(pid: number): string | null;
  commandLine(pid: number): string[] | null;
  /** The namespaces it lives in, in one string that is equal for equals; null where one cannot be read. */
  namespaces(pid: number | 'self'): string | null;
  /** `JPY_SESSION_NAME`: the notebook, as Jupyter tells its kernels. */
  notebook(pid: number): string | null;
  /** Open file descriptors, the newest last. */
  descriptors(pid: number): string[];
  /** Where a descriptor leads, `socket:[INODE]` for instance. */
  descriptor(pid: number, fd: string): string | null;
  /** All processes, the highest pid first: that is mostly the newest. */
  pids(): number[];
}

const limits = { stat: 4096, cgroup: 4096, commandLine: 8192, arguments: 256, environment: 1_048_576, notebook: 1024 } as const;
const variable = Buffer.from('JPY_SESSION_NAME=');

/** @param proc where the proc file system is mounted */
export function createProcessFiles(proc = '/proc'): ProcessFiles {
  const link = (pid: number | 'self', name: string): string | null => attempt(() => readlinkSync(`${proc}/${pid}/${name}`));
  // Memory is only really taken for what is read; each result is used up before the next read overwrites it.
  const scratch = Buffer.allocUnsafeSlow(limits.environment);
  const start = (pid: number, name: string, limit: number): Buffer | null =>
    attempt(() => readStart(`${proc}/${pid}/${name}`, scratch.subarray(0, limit)));

  return {
    stat(pid) {
      const text = start(pid, 'stat', limits.stat)?.toString('latin1');
      return text === undefined ? null : readStat(text, pid);
    },
    uid: (pid) => attempt(() => statSync(`${proc}/${pid}`, { throwIfNoEntry: false })?.uid) ?? null,
    executable: (pid) => link(pid, 'exe'),
    folder: (pid) => link(pid, 'cwd'),
    cgroup: (pid) => /^0::(.*)$/m.exec(start(pid, 'cgroup', limits.cgroup)?.toString() ?? '')?.[1] ?? null,
    commandLine(pid) {
      const bytes = start(pid, 'cmdline', limits.commandLine);
      return bytes && splitArguments(bytes);
    },
    namespaces(pid) {
      const links = namespaceKinds.map((kind) => link(pid, `ns/${kind}`));
      return links.includes(null) ? null : links.join(' ');
    },
    notebook(pid) {
      const environment = start(pid, 'environ', limits.environment);
      const found = environment && findNotebook(environment);
      environment?.fill(0);
      return found;
    },
    descriptors: (pid) => attempt(() => readdirSync(`${proc}/${pid}/fd`)) ?? [],
    descriptor: (pid, fd) => link(pid, `fd/${fd}`),
    pids: () =>
      readdirSync(proc)
        .filter((name) => /^[1-9]\d*$/.test(name))
        .map(Number)
        .sort((a, b) => b - a),
  };
}

/** The process may go at any moment, and others' are closed to us: both are answers, not errors. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** As much of a file as fits. The kernel gives what there is in one piece, so a second read would only be told that it is over. */
function readStart(path: string, into: Buffer): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    return into.subarray(0, readSync(descriptor, into, 0, into.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** The name in parentheses is the process's own choice and may hold anything, further parentheses and newlines too (proc(5)). */
export function readStat(text: string, pid: number): ProcessStat | null {
  if (!text.startsWith(`${pid} (`)) return null;
  const [state = '', parent = '', ...more] = text
    .slice(text.lastIndexOf(')') + 2)
    .trimEnd()
    .split(' ');
  const startTicks = more[17] ?? '';
  // check: caller-zombie
  if (/^[ZXx]$/.test(state)) return null;
  // end check
  if (!/^[A-Za-z]$/.test(state) || !/^\d+$/.test(parent) || !/^\d+$/.test(startTicks)) return null;
  return { parent: Number(parent), startTicks: Number(startTicks) };
}

function splitArguments(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : bytes.toString().replace(/\0$/, '').split('\0', limits.arguments);
}

function findNotebook(environment: Buffer): string | null {
  for (let at = environment.indexOf(variable); at !== -1; at = environment.indexOf(variable, at + 1)) {
    if (at > 0 && environment[at - 1] !== 0) continue;
    const from = at + variable.length;
    const end = environment.indexOf(0, from);
    const value = environment.toString('utf8', from, Math.min(end === -1 ? environment.length : end, from + limits.notebook));
    return value === '' ? null : value;
  }
  return null;
}
