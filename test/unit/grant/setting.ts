/** Callers as the operating system would describe them, and grants for them, built by hand. */

import type { Caller, ProcessFacts, ProcessRef } from '../../../main/caller/caller.ts';
import type { GrantRequest } from '../../../main/grant/grants.ts';
import { hours, later } from '../../../main/units.ts';
import type { CallerView } from '../../../preload/contract/caller.ts';
import type { FakeClock } from '../../fakes/fake-clock.ts';

export const BOOT = '6f1c8f2e-6d1f-4b53-9f5b-0f6f2d1c9a10';

/** A process table: processes begin, become children of init when their parent exits, and their pids may be used again. */
export interface Machine {
  start(facts: Partial<ProcessFacts> & { parent?: ProcessFacts }): ProcessFacts;
  exit(process: ProcessRef): void;
  isAlive(process: ProcessRef): boolean;
  /** Who it is now: its ancestors are those that still run. */
  callerOf(process: ProcessFacts, changes?: Partial<Caller>): Caller;
  /** How often it was looked whether a process runs. */
  readonly looks: number;
}

export function machine(): Machine {
  const running = new Map<number, ProcessFacts>();
  const parents = new Map<ProcessFacts, ProcessFacts | undefined>();
  let nextPid = 100;
  let ticks = 5000;
  let looks = 0;

  const ancestorsOf = (process: ProcessFacts): ProcessFacts[] => {
    const parent = parents.get(process);
    return parent === undefined ? [] : [parent, ...ancestorsOf(parent)];
  };
  return {
    get looks() {
      return looks;
    },
    start({ parent, ...facts }) {
      const executable = facts.executable === undefined ? '/usr/bin/tool' : facts.executable;
      const process: ProcessFacts = {
        pid: nextPid++,
        startTicks: ticks++,
        uid: 1000,
        executable,
        commandLine: [executable?.split('/').at(-1) ?? 'tool'],
        folder: '/home/ada/work',
        cgroup: '/user.slice/user-1000.slice/user@1000.service/app.slice/terminal.scope',
        ...facts,
      };
      running.set(process.pid, process);
      parents.set(process, parent);
      return process;
    },
    exit({ pid }) {
      const process = running.get(pid);
      running.delete(pid);
      for (const [child, parent] of parents) if (parent === process) parents.set(child, undefined);
    },
    isAlive({ pid, startTicks }) {
      looks += 1;
      return running.get(pid)?.startTicks === startTicks;
    },
    callerOf: (process, changes = {}) => ({
      kind: 'program',
      process,
      ancestors: ancestorsOf(process),
      aiAgent: null,
      forwarder: null,
      interpreter: null,
      notebook: null,
      ...changes,
    }),
  };
}

export const python = (script: string | null): Pick<Caller, 'interpreter'> => ({ interpreter: { name: 'python', script } });

export const refOf = ({ pid, startTicks }: ProcessRef): ProcessRef => ({ pid, startTicks });

export const grantFor = (clock: FakeClock, changes: Partial<GrantRequest> = {}): GrantRequest => ({
  profile: 'acme',
  issuer: 'https://idp.acme.example',
  subject: '00u1',
  workspace: 'https://acme.cloud.databricks.com',
  scopes: ['sql'],
  until: later(clock.now(), hours(8)),
  label: 'jupyter lab',
  approved: 'click',
  binding: { kind: 'file' },
  maker: { title: '/usr/bin/lakepass', kind: 'program', aiAgent: null },
  ...changes,
});

/** As short as a prompt can be about a program. */
export const describeCaller = ({ kind, process }: Caller): CallerView => ({
  kind,
  title: process?.executable?.split('/').at(-1) ?? 'an unknown program',
  pid: process?.pid ?? null,
  facts: [],
});
