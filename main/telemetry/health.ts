/**
 * Looks at what Lakepass depends on: everything at once, each within a limit of its own, so that one that hangs hides none of the others.
 * Whoever asks often gets the answer of a moment ago: monitoring must not become a load on a provider.
 */
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import type { DependencyView, HealthView } from '../../preload/contract/health.ts';
import { AppError, asAppError } from '../app-error.ts';
import { inTime } from '../databricks/in-time.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';

export interface Dependency extends Pick<DependencyView, 'kind' | 'name'> {
  /** `unused`: it is not needed now, and was not asked. @throws AppError what is wrong with it */
  look: () => Promise<'ok' | 'unused' | Failure>;
  /** What it means that it does not answer. */
  late: FailureCode;
}

export interface Health {
  /** Never rejects; takes `LIMIT` at most. */
  look(): Promise<HealthView>;
}

const LIMIT: Ms = seconds(5);
const KEPT: Ms = seconds(5);

export function createHealth({ clock, log, dependencies }: { clock: Clock; log: Log; dependencies: () => readonly Dependency[] }): Health {
  let latest: { view: Promise<HealthView>; until: number } | undefined;

  async function lookAt({ kind, name, look, late }: Dependency): Promise<DependencyView> {
    const begun = clock.elapsed();
    const took = (): number => Math.round(clock.elapsed() - begun);
    try {
      // In a turn of its own, so that what throws at once is caught with the rest.
      const looking = Promise.resolve().then(look);
      const found = await inTime(clock, looking, LIMIT, () => new AppError(late, { reason: 'timeout' }));
      if (typeof found === 'string') return { kind, name, state: found, tookMs: took(), problem: null };
      return { kind, name, state: 'failing', tookMs: took(), problem: found };
    } catch (error) {
      const problem = asAppError(error);
      if (problem.code === 'INTERNAL' && problem.reason !== 'timeout')
        log('health.crash', { kind, error: error instanceof Error ? error.name : typeof error });
      return { kind, name, state: 'failing', tookMs: took(), problem: problem.toFailure() };
    }
  }

  async function lookAtAll(): Promise<HealthView> {
    const at = new Date(clock.now()).toISOString();
    const found = await Promise.all(dependencies().map(lookAt));
    return { state: found.some(({ state }) => state === 'failing') ? 'failing' : 'ok', at, dependencies: found };
  }

  return {
    look() {
      if (latest !== undefined && clock.elapsed() < latest.until) return latest.view;
      const current = { view: lookAtAll(), until: Number.POSITIVE_INFINITY };
      latest = current;
      void current.view.finally(() => {
        current.until = clock.elapsed() + KEPT;
      });
      return current.view;
    },
  };
}
