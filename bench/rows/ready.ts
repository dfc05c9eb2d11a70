/** How long a headless agent takes until both of its doors answer, by an empty Node script. */

import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeHome, spawnAs } from '../../test/machine/accounts.ts';
import { ended } from '../../test/product/product.ts';
import { median, whole } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { atMost, insist, interleave, type Row, ratioOf, row } from '../row.ts';
import { firstLine, type Stage } from '../stage.ts';

/** The agent of a home of its own, with the same profiles; each start finds what the one before left. */
export async function agentReady(stage: Stage, plan: Plan): Promise<Row> {
  const { machine } = stage.product;
  const home = makeHome(machine.user);
  const empty = join(stage.product.home, 'empty.mjs');
  await writeFile(empty, '');
  const env = { LAKEPASS_NODE: machine.node, BROWSER: 'none' };
  const config = stage.product.files().find(({ path }) => path.endsWith('config.yaml'))?.content;
  insist(config !== undefined, 'the product has a configuration');
  await writeFile(join(home, 'config.yaml'), config, { mode: 0o644 });

  const start = async (): Promise<number> => {
    const started = performance.now();
    const agent = spawnAs(machine.user, machine.node, [join(machine.dist, 'headless.mjs'), '--home', home, '--vault', 'memory'], {
      home,
      env,
    });
    const gone = ended(agent);
    const line = await firstLine(agent);
    const took = performance.now() - started;
    await insistDoorsAnswer(stage, line);
    agent.kill('SIGTERM');
    await gone;
    return took;
  };
  const runEmpty = async (): Promise<number> => {
    const started = performance.now();
    const { code } = await ended(spawnAs(machine.user, machine.node, [empty], { home, env }));
    insist(code === 0, 'an empty script runs');
    return performance.now() - started;
  };
  await start();
  const rounds = await interleave(plan.rounds + 4, start, runEmpty);
  rmSync(home, { recursive: true });
  const ratio = ratioOf(rounds, (took) => took);
  const middle = (side: 'ours' | 'bare'): string => whole(median(rounds.map((round) => round[side])));
  return row(
    {
      name: 'headless agent: ready',
      baseline: 'an empty Node script',
      ratio_p50: ratio,
      samples: rounds.length,
      rounds: rounds.length,
      notes: [`ready after ${middle('ours')} ms (memory vault), the empty script ${middle('bare')} ms`],
    },
    [atMost('p50', ratio, 3)],
  );
}

async function insistDoorsAnswer({ product }: Stage, line: string): Promise<void> {
  const { ready } = JSON.parse(line) as { ready?: { socket: string; port: number } };
  insist(ready !== undefined, `the agent is ready (it said: ${line})`);
  const doors = [['--unix-socket', ready.socket, 'http://lakepass/v1/status'], [`http://127.0.0.1:${ready.port}/v1/up`]];
  for (const door of doors) {
    const { code, stderr } = await product.run('curl', ['-q', '-sSf', '-o', '/dev/null', ...door]);
    insist(code === 0, `both doors answer once the agent says it is ready: ${stderr}`);
  }
}
