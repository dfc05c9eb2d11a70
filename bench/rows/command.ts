/** `lakepass token`, which tools run again and again: the short road through the shell, and the long one through Node. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ended } from '../../test/product/product.ts';
import { median, micros, percentile } from '../numbers.ts';
import type { Plan } from '../plan.ts';
import { atMost, insist, type Row, row } from '../row.ts';
import type { Stage } from '../stage.ts';

interface Race {
  name: string;
  baseline: string;
  ours: readonly string[];
  bare: readonly string[];
  /** Variables of both, as `NAME=value`. */
  env?: readonly string[];
  limit: number;
  /** Runs per round. */
  runs: number;
}

export async function commands(stage: Stage, plan: Plan): Promise<Row[]> {
  const { machine, home, lakepass } = stage.product;
  const words = ['token', '--profile', 'acme', '--workspace', 'main', '--scope', 'sql'];
  const { code, stdout } = await lakepass(words);
  insist(code === 0 && JSON.parse(stdout).token_type === 'Bearer', 'lakepass token prints a token');
  const empty = join(home, 'empty.mjs');
  await writeFile(empty, '');
  const socket = join(home, 'run', 'lakepass', 'control.sock');
  return [
    await race(stage, plan, {
      name: 'lakepass token, through the shell',
      baseline: 'a bare curl that asks the same socket for the status',
      ours: [join(machine.dist, 'lakepass'), ...words],
      bare: ['curl', '-q', '-sf', '--unix-socket', socket, 'http://lakepass/v1/status'],
      // The short road has no use for Node; whoever leaves it finds none, and so ends with an error.
      env: ['LAKEPASS_NODE=/nonexistent'],
      limit: 2,
      runs: plan.commands,
    }),
    await race(stage, plan, {
      name: 'lakepass token, through Node',
      baseline: 'an empty Node script',
      ours: [machine.node, join(machine.dist, 'lakepass.mjs'), ...words],
      bare: [machine.node, empty],
      limit: 1.3,
      runs: Math.ceil(plan.commands / 3),
    }),
  ];
}

async function race(stage: Stage, plan: Plan, { name, baseline, ours, bare, env = [], limit, runs }: Race): Promise<Row> {
  const rounds: { ours: number[]; bare: number[] }[] = [];
  for (let index = 0; index < plan.rounds; index++) {
    const { code, stdout, stderr } = await ended(
      stage.start('env', [...env, 'bash', stage.programs.stopwatch, String(runs), ...ours, '--', ...bare]),
    );
    insist(code === 0, `${name}: every run ends well (${stderr})`);
    const pairs = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    rounds.push({ ours: pairs.map(([took = 0]) => took), bare: pairs.map(([, took = 0]) => took) });
  }
  const ratio = (share: number): number => median(rounds.map((round) => percentile(round.ours, share) / percentile(round.bare, share)));
  const middle = (side: 'ours' | 'bare'): string => micros(median(rounds.map((round) => percentile(round[side], 0.5))));
  return row(
    {
      ...{ name, baseline, ratio_p50: ratio(0.5), ratio_p99: ratio(0.99) },
      samples: rounds.length * runs,
      rounds: rounds.length,
      notes: [`${middle('ours')}, ${baseline} ${middle('bare')}`],
    },
    [atMost('p50', ratio(0.5), limit)],
  );
}
