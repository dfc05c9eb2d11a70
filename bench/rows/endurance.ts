/** Memory after a million tokens, and what an agent costs that nobody asks for anything. */
import { setTimeout as wait } from 'node:timers/promises';
import { wrk } from '../load.ts';
import { megabytes, whole } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { cpuMicros, residentBytes, wakeUps } from '../process-cost.ts';
import { atMost, type Row, row } from '../row.ts';
import type { Source, Stage } from '../stage.ts';

const connections = 16;
const percent = (value: number): string => `${value} %`;

export async function memory(stage: Stage, plan: Plan, ours: Source): Promise<Row> {
  const before = residentBytes(ours.pid);
  let served = 0;
  const serveUntil = async (wanted: number): Promise<number> => {
    while (served < wanted) served += (await wrk(stage, ours, connections, 4)).requests;
    return residentBytes(ours.pid);
  };
  const first = await serveUntil(plan.tokens.first);
  const firstAt = served;
  const last = await serveUntil(plan.tokens.last);
  const growth = (last / first - 1) * 100;
  return row(
    {
      name: `headless agent: memory after ${whole(plan.tokens.last)} tokens`,
      baseline: `itself after ${whole(plan.tokens.first)} tokens`,
      samples: served,
      rounds: 1,
      notes: [
        `RSS ${megabytes(before)} before, ${megabytes(first)} after ${whole(firstAt)} tokens, ${megabytes(last)} after ${whole(served)} (growth ${growth.toFixed(1)} %)`,
      ],
    },
    [atMost('RSS', last / 1e6, 100, (mb) => `${mb} MB`), atMost('growth', growth, 5, percent)],
  );
}

export async function idle(plan: Plan, ours: Source, bare: Source): Promise<Row> {
  await wait(plan.settleSeconds * 1000);
  const look = (pid: number) => ({ cpu: cpuMicros(pid), wakes: wakeUps(pid) });
  const before = { ours: look(ours.pid), bare: look(bare.pid), at: performance.now() };
  await wait(plan.idleSeconds * 1000);
  const seconds = (performance.now() - before.at) / 1000;
  const after = { ours: look(ours.pid), bare: look(bare.pid) };
  const cpu = (side: 'ours' | 'bare'): number => ((after[side].cpu - before[side].cpu) / seconds / 1e6) * 100;
  const wakes = (side: 'ours' | 'bare'): number => (after[side].wakes - before[side].wakes) / seconds;
  const said = (side: 'ours' | 'bare'): string => `${cpu(side).toFixed(3)} % CPU, ${wakes(side).toFixed(2)} wake-ups a second`;
  return row(
    {
      name: 'headless agent: idle',
      baseline: 'node:http, idle',
      samples: plan.idleSeconds,
      rounds: 1,
      notes: [`agent     ${said('ours')}`, `node:http ${said('bare')}`],
    },
    [atMost('CPU', cpu('ours'), 0.1, percent), atMost('wake-ups', wakes('ours'), 1, (rate) => `${rate}/s`)],
  );
}
