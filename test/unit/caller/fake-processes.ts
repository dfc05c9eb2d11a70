/** A machine's processes in memory, behind the same face as proc(5); a test can change them between any two reads. */
import type { ProcessFacts } from '../../../main/caller/caller.ts';
import type { ProcessFiles } from '../../../main/caller/process-files.ts';

export interface FakeProcess {
  parent: number;
  startTicks: number;
  uid: number;
  executable: string | null;
  folder: string | null;
  commandLine: string[] | null;
  cgroup: string | null;
  namespaces: string | null;
  notebook: string | null;
  /** Descriptor → where it leads. */
  fds: Record<string, string>;
}

export const OURS = 1000;
export const OUR_NAMESPACES = 'mnt:[1] pid:[2] user:[3]';

export interface FakeProcesses extends ProcessFiles {
  processes: Map<number, FakeProcess>;
  add(pid: number, change?: Partial<FakeProcess>): void;
  /** Every read, as `name pid`. */
  reads: string[];
  /** Called before each read. */
  before: (read: string) => void;
}

export function fakeProcesses(): FakeProcesses {
  const processes = new Map<number, FakeProcess>();
  const fake: FakeProcesses = {
    processes,
    reads: [],
    before: () => undefined,
    add(pid, change = {}) {
      processes.set(pid, {
        ...{ parent: 1, startTicks: 1000, uid: OURS, executable: '/usr/bin/program', folder: '/home/ada', commandLine: ['program'] },
        ...{ cgroup: '/', namespaces: OUR_NAMESPACES, notebook: null, fds: {} },
        ...change,
      });
    },
    stat: (pid) => {
      const found = read('stat', pid);
      return found ? { parent: found.parent, startTicks: found.startTicks } : null;
    },
    uid: (pid) => read('uid', pid)?.uid ?? null,
    executable: (pid) => read('executable', pid)?.executable ?? null,
    folder: (pid) => read('folder', pid)?.folder ?? null,
    cgroup: (pid) => read('cgroup', pid)?.cgroup ?? null,
    commandLine: (pid) => read('commandLine', pid)?.commandLine ?? null,
    namespaces: (pid) => (pid === 'self' ? OUR_NAMESPACES : (read('namespaces', pid)?.namespaces ?? null)),
    notebook: (pid) => read('notebook', pid)?.notebook ?? null,
    descriptors: (pid) => Object.keys(read('descriptors', pid)?.fds ?? {}),
    descriptor: (pid, fd) => read('descriptor', pid)?.fds[fd] ?? null,
    pids: () => [...processes.keys()].sort((a, b) => b - a),
  };
  function read(name: string, pid: number): FakeProcess | undefined {
    fake.reads.push(`${name} ${pid}`);
    fake.before(`${name} ${pid}`);
    return processes.get(pid);
  }
  return fake;
}

/** Facts of one process, for what is decided from facts alone. */
export const facts = (change: Partial<ProcessFacts> = {}): ProcessFacts => ({
  ...{ pid: 4242, startTicks: 1000, uid: OURS, executable: '/usr/bin/program', commandLine: ['program'], folder: '/home/ada', cgroup: '/' },
  ...change,
});

/** Facts of a process as it is started: its file, and the words behind it. */
export const run = (executable: string, ...words: string[]): ProcessFacts =>
  facts({ executable, commandLine: [executable.replace(/^.*\//, ''), ...words] });
