/**
 * One agent per user and machine, kept by a file in the runtime folder.
 *
 * The file appears whole or not at all: it is written under a name of its own and then linked (link(2) fails if the name
 * is taken). A lock whose holder is gone is taken over by rename(2), and only by the process that first locked *that
 * very lock* (its file name carries a hash of the dead lock's content), so of any number of starters exactly one wins and
 * nobody ever removes a lock that is alive.
 *
 * Limit: two containers that share one runtime folder do not see each other's processes and would take each other for dead.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { type HostFacts, hostFacts } from './agent-host.ts';
import { isAlive, type LockHolder, readLock, tryLink, writeWhole } from './agent-lock-file.ts';
import { AppError } from './app-error.ts';
import type { Clock } from './ports.ts';
import { type EpochMs, minutes } from './units.ts';

const LOCK = 'agent.lock';
/** A starter that has not finished its few bytes after this was ended in the middle of it. */
const WRITING_TAKES_LESS_THAN = minutes(1);

export interface AgentLock extends LockHolder {
  /** Removes the lock if it is still ours. Safe to call twice. */
  release(): Promise<void>;
}

/** AGENT_RUNNING with the process that runs. */
export class AgentRunning extends AppError {
  readonly pid: number;
  constructor(pid: number) {
    super('AGENT_RUNNING', { detail: `It is process ${pid}.` });
    this.pid = pid;
  }
}

/**
 * Takes the lock, over a dead holder's if need be.
 *
 * Dead is: another machine-id or boot-id, no process of that pid (or a zombie), or one that started at another time, or a
 * file that is not a lock at all.
 *
 * @param parts.folder the runtime folder, already checked by `makePlaces`
 * @throws AgentRunning (AppError AGENT_RUNNING, with `pid`)
 * @throws AppError RUNTIME_UNSAFE a link, or another user's file, stands in the lock's place
 */
export async function takeAgentLock(parts: { folder: string; clock: Clock; host?: HostFacts }): Promise<AgentLock> {
  const host = parts.host ?? hostFacts();
  const me: LockHolder = {
    machineId: await host.machineId(),
    bootId: await host.bootId(),
    pid: host.pid,
    startTime: (await host.startTime(host.pid)) ?? '',
    instance: randomBytes(16).toString('hex'),
    at: new Date(parts.clock.now()).toISOString(),
  };
  const file = path.join(parts.folder, LOCK);
  await acquire(file, me, host);
  await sweep(parts.folder, host, parts.clock.now());
  return { ...me, release: () => releaseIfOurs(file, me) };
}

/** Who holds the lock now, or null when no living agent does. */
export async function readAgentLock(parts: { folder: string; host?: HostFacts }): Promise<LockHolder | null> {
  const found = await readLock(path.join(parts.folder, LOCK));
  return found?.holder && (await isAlive(found.holder, parts.host ?? hostFacts())) ? found.holder : null;
}

/** Returns once `file` is ours. @throws AgentRunning a living process holds it, or is just taking it over */
async function acquire(file: string, me: LockHolder, host: HostFacts): Promise<void> {
  const mine = `${file}.${me.instance}.new`;
  await writeWhole(mine, JSON.stringify(me));
  try {
    while (!(await tryLink(mine, file))) {
      const found = await readLock(file);
      if (found === null) continue; // released in between
      // check: lock-alive
      if (found.holder && (await isAlive(found.holder, host))) throw new AgentRunning(found.holder.pid);
      // end check
      if (await takeOver(file, mine, found.key, me, host)) return;
    }
  } finally {
    await fs.rm(mine, { force: true });
  }
}

/**
 * Replaces the dead lock `key`, holding the lock on doing so. False when the dead lock has meanwhile been replaced. The
 * lock on the take-over can itself be left by a crash; it is then taken over in the same way, one level deeper.
 */
async function takeOver(file: string, mine: string, key: string, me: LockHolder, host: HostFacts): Promise<boolean> {
  const claim = `${file}.${key}`;
  // check: lock-takeover-claim
  await acquire(claim, me, host);
  // end check
  try {
    const still = await readLock(file);
    // check: lock-takeover-still-dead
    if (still?.key !== key) return false;
    // end check
    await fs.rename(mine, file);
    return true;
  } finally {
    await fs.rm(claim, { force: true });
  }
}

/**
 * Removes what crashed starters left. A claim on a dead lock is worthless once that lock is replaced, which it is: we hold the
 * lock now. An unreadable file may be one that a living starter is just writing, so only an old one goes.
 */
async function sweep(folder: string, host: HostFacts, now: EpochMs): Promise<void> {
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(`${LOCK}.`)) continue;
    const file = path.join(folder, name);
    const found = await readLock(file);
    if (found === null) continue;
    const abandoned = found.holder === undefined ? await isOld(file, now) : !(await isAlive(found.holder, host));
    if (abandoned) await fs.rm(file, { force: true });
  }
}

async function isOld(file: string, now: EpochMs): Promise<boolean> {
  const found = await fs.lstat(file).catch(() => null);
  return found !== null && now - found.mtimeMs > WRITING_TAKES_LESS_THAN;
}

async function releaseIfOurs(file: string, me: LockHolder): Promise<void> {
  const found = await readLock(file);
  // check: lock-release-ours
  if (found?.holder?.instance !== me.instance) return;
  // end check
  await fs.rm(file, { force: true });
}
