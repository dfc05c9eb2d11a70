/** Starts the callers of `callers.ts` as the product's user, with a grant in their environment and nothing of it in their arguments. */
import { once } from 'node:events';
import { spawnAs } from '../machine/accounts.ts';
import type { Outcome } from './callers.ts';
import { ended, type Product } from './product.ts';

export type { Outcome };
export type GrantEnv = Awaited<ReturnType<Product['env']>>;

export interface Callers {
  pid: number;
  /** They are connected (`storm`). */
  ready: Promise<unknown>;
  /** `storm`: ask now. */
  go(): void;
  /** `loop`: ask no more. */
  stop(): void;
  outcome: Promise<Outcome>;
}

export type Call = (act: 'storm' | 'loop' | 'steady', amount: number, grant: GrantEnv) => Callers;

export async function prepareCallers({ machine, home }: Product): Promise<Call> {
  const program = await machine.program('test/product/callers.ts');
  return (act, amount, grant) => {
    const child = spawnAs(machine.user, machine.node, [program, act, String(amount)], {
      home,
      env: { ...grant },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const { stdin, stdout, pid = 0 } = child;
    if (stdin === null || stdout === null) throw new Error('the callers have no pipes');
    const outcome = ended(child).then(({ code, stdout: said, stderr }) => {
      const line = said.trim().split('\n').at(-1) ?? '';
      if (code !== 0 || !line.startsWith('{')) throw new Error(`the callers ended with ${code}: ${said}${stderr}`);
      return JSON.parse(line) as Outcome;
    });
    return { pid, ready: once(stdout, 'data'), go: () => void stdin.write('go\n'), stop: () => void stdin.end(), outcome };
  };
}

/** One question and its answer. */
export const askOnce = (call: Call, grant: GrantEnv): Promise<Outcome> => call('steady', 0, grant).outcome;
