/**
 * Taking the place of an agent that runs: it is asked to hand over, stops in the order that loses nothing, and whoever asked may start.
 * Grants, the port and sealed sessions lie on the disk; what was open at that moment (a request, a sign-in) is over.
 */
import { type HandOver, handOverSchema } from '../preload/contract/control.ts';
import { readAgentLock } from './agent-lock.ts';
import { AppError } from './app-error.ts';
import { connectAgent } from './cli/agent-client.ts';
import type { Places } from './places.ts';
import type { Clock } from './ports.ts';
import { type Ms, ms, seconds } from './units.ts';

/** Longer than an agent takes that has to wait for its disk. */
const STOP_LIMIT: Ms = seconds(20);
const lookAgain: Ms = ms(25);

/**
 * Asks the agent of these places to hand over, and waits until it has stopped. Afterwards the lock is free, but not yet ours: another
 * agent may be faster, and `compose` then says AGENT_RUNNING.
 *
 * @returns which vault it used: only the same one holds its sessions
 * @throws AppError AGENT_NOT_RUNNING: there is nobody to take over from
 * @throws ReportedFailure HANDOVER_REFUSED (reason memory, desktop, ai-agent), or ROUTE_UNKNOWN of an agent that is older than this
 * @throws AppError CALLER_UNPROVEN: its broker did not take our proof | AGENT_RUNNING: it did not stop in time
 */
export async function takeOver(places: Places, clock: Clock): Promise<Pick<HandOver, 'vault'>> {
  const holder = () => readAgentLock({ folder: places.runtime });
  if ((await holder()) === null) throw new AppError('AGENT_NOT_RUNNING');
  const { vault, pid } = await connectAgent(places).postProven('/v1/hand-over', {}, handOverSchema);
  const deadline = clock.elapsed() + STOP_LIMIT;
  while ((await holder())?.pid === pid) {
    if (clock.elapsed() >= deadline) throw new AppError('AGENT_RUNNING', { reason: 'handing-over', detail: `It is process ${pid}.` });
    await pause(clock);
  }
  return { vault };
}

/** Our clock's timers keep no process alive; this one may be all that a starting host waits for. */
function pause(clock: Clock): Promise<void> {
  const alive = setInterval(() => undefined, 2 ** 30);
  return new Promise((resolve) =>
    clock.after(lookAgain, () => {
      clearInterval(alive);
      resolve();
    }),
  );
}
