/** What tells this machine, this boot and a process apart from others. */
import fs from 'node:fs/promises';

export interface HostFacts {
  readonly pid: number;
  /** '' where the system has none (many containers); the boot id then decides. */
  machineId(): Promise<string>;
  bootId(): Promise<string>;
  /** When the process started, in ticks since boot; null when no such process runs (a zombie does not). */
  startTime(pid: number): Promise<string | null>;
}

const readText = async (file: string): Promise<string> => {
  try {
    return (await fs.readFile(file, 'utf8')).trim();
  } catch {
    return ''; // not there or not for us: no fact
  }
};

export const hostFacts = (): HostFacts => ({
  pid: process.pid,
  machineId: () => readText('/etc/machine-id'),
  bootId: () => readText('/proc/sys/kernel/random/boot_id'),
  startTime: async (pid) => startTimeOf(await readText(`/proc/${pid}/stat`)),
});

/**
 * Field 22 of /proc/PID/stat (proc_pid_stat(5)). Field 2, the program's name, may hold spaces and brackets, so fields are
 * counted from the last closing bracket.
 */
export function startTimeOf(stat: string): string | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (stat === '' || startTime === undefined || state === 'Z' || state === 'X') return null;
  return startTime;
}
