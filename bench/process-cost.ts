/** What a process costs, as Linux counts it, all its threads together (proc_pid_schedstat, proc_pid_status(5)). */
import { readdirSync, readFileSync } from 'node:fs';

function ofEachThread<T>(pid: number, file: string, read: (text: string) => T): T[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return [read(readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8'))];
    } catch (error) {
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return []; // the thread has just ended
      throw error;
    }
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Time on a processor so far, in µs. */
export const cpuMicros = (pid: number): number => sum(ofEachThread(pid, 'schedstat', (text) => Number(text.split(' ')[0]) / 1000));

/** How often a thread went to sleep, and so how often one was woken. */
export const wakeUps = (pid: number): number =>
  sum(ofEachThread(pid, 'status', (text) => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)?.[1])));

/** Resident memory in bytes, the pages of the Node binary itself included. */
export const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

/** Sockets in TIME_WAIT on this machine. */
export const timeWaits = (): number => Number(/^TCP:.* tw (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1]);
