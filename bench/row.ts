/** One row of the report: a ratio to something measured in the same run, the budget it is held to, and what was really seen. */
import { median, times } from './numbers.ts';

export interface Row {
  name: string;
  baseline: string;
  ratio_rps: number | null;
  ratio_p50: number | null;
  ratio_p99: number | null;
  ratio_cpu: number | null;
  /** What the product adds to the baseline's p50, where the budget is a difference. */
  delta_ms: number | null;
  /** Requests, starts or seconds that were measured, by the row's own unit. */
  samples: number;
  rounds: number;
  budget: string;
  /** null: the row is not part of this version. */
  met: boolean | null;
  notes: string[];
}

/** The product answered wrongly, or not at all: no figure makes up for that. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export function insist(claim: boolean, what: string): asserts claim {
  if (!claim) throw new WrongAnswer(what);
}

/** A limit that a measured number must keep, and how both are said. */
export interface Limit {
  says: string;
  kept: boolean;
}

export const atMost = (what: string, value: number, limit: number, unit: (value: number) => string = times): Limit => ({
  says: `${what} ≤ ${unit(limit)}`,
  kept: value <= limit,
});
export const atLeast = (what: string, value: number, limit: number): Limit => ({ says: `${what} ≥ ${times(limit)}`, kept: value >= limit });

type Measured = Partial<Pick<Row, 'ratio_rps' | 'ratio_p50' | 'ratio_p99' | 'ratio_cpu' | 'delta_ms'>> &
  Pick<Row, 'name' | 'baseline' | 'samples' | 'rounds' | 'notes'>;

export function row(measured: Measured, limits: readonly Limit[]): Row {
  return {
    ...{ ratio_rps: null, ratio_p50: null, ratio_p99: null, ratio_cpu: null, delta_ms: null },
    ...measured,
    budget: limits.map(({ says }) => says).join(', '),
    met: limits.every(({ kept }) => kept),
  };
}

export const notInThisVersion = (name: string, budget: string): Row => ({
  ...row({ name, baseline: '', samples: 0, rounds: 0, notes: [] }, []),
  budget,
  met: null,
});

/** The median of the rounds' own ratios: what two sides met within one round, they met on the same machine in the same mood. */
export const ratioOf = <T>(rounds: readonly { ours: T; bare: T }[], of: (side: T) => number): number =>
  median(rounds.map(({ ours, bare }) => of(ours) / of(bare)));

/** Runs both sides in each round, taking turns at going first. */
export async function interleave<T>(count: number, ours: () => Promise<T>, bare: () => Promise<T>): Promise<{ ours: T; bare: T }[]> {
  const rounds: { ours: T; bare: T }[] = [];
  for (let index = 0; index < count; index++) {
    if (index % 2 === 0) {
      const first = await bare();
      rounds.push({ bare: first, ours: await ours() });
    } else {
      const first = await ours();
      rounds.push({ ours: first, bare: await bare() });
    }
  }
  return rounds;
}
