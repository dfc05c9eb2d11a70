/** Starts the callers of `callers.ts` as the product's user, with a grant in their environment and nothing of it in their arguments. */
import { once } from 'node:events';
import type { Outcome } from './callers.ts';
import { ended, type Product } from './product.ts';

export type { Outcome };
export type GrantEnv = Awaited<ReturnType<Product['env']>>;

export interface Callers {
  /** They are connected (`storm`). */
  ready: Promise<unknown>;
  /** `storm`: ask now. */
  go(): void;
  /** `loop`: ask no more. */
  stop(): void;
  outcome: Promise<Outcome>;
}

export type Call = (act: 'storm' | 'loop' | 'steady', amount: number, grant: GrantEnv) => Callers;

export async function prepareCallers({ machine, terminal }: Product): Promise<Call> {
  const program = await machine.program('test/product/callers.ts');
  return (act, amount, grant) => {
    const child = terminal.start(machine.node, [program, act, String(amount)], { env: { ...grant }, input: true });
    const { stdin, stdout } = child;
    if (stdin === null) throw new Error('the callers have no pipes');
    const outcome = ended(child).then(({ code, stdout: said, stderr }) => {
      const line = said.trim().split('\n').at(-1) ?? '';
      if (code !== 0 || !line.startsWith('{')) throw new Error(`the callers ended with ${code}: ${said}${stderr}`);
      return JSON.parse(line) as Outcome;
    });
    return { ready: once(stdout, 'data'), go: () => void stdin.write('go\n'), stop: () => void stdin.end(), outcome };
  };
}

/** One question and its answer. */
export const askOnce = (call: Call, grant: GrantEnv): Promise<Outcome> => call('steady', 0, grant).outcome;
