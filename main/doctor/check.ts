/** How the doctor looks: one check after the other in its table, and none of them can spoil the page for the rest. */
import type { DoctorView } from '../../preload/contract/doctor.ts';
import type { Failure, FailureCode } from '../../preload/contract/failure.ts';
import { asAppError } from '../app-error.ts';
import type { Clock, Log } from '../ports.ts';
import { type Ms, seconds } from '../units.ts';
import type { Facts } from './facts.ts';

export interface Found {
  state: DoctorView['checks'][number]['state'];
  /** What was found, in whole sentences. It may be copied and sent to somebody: no secret is in it, and no value of a variable. */
  finding: string;
  /** What to do about it. */
  next?: string;
  code?: FailureCode;
}

/** One of several things that a check has looked at. */
export interface FoundEach extends Found {
  /** Beside the check's own id. */
  id: string;
  title: string;
}

export interface Check<F = Facts> {
  id: string;
  /** What is looked at, in a few words. */
  title: string;
  /** How long it may take, where that is longer than usual. */
  limit?: Ms;
  /** It changes nothing. What it throws makes it 'unknown'. */
  look(facts: F): Found | FoundEach[] | Promise<Found | FoundEach[]>;
}

/** A folder on a file server that is gone may never answer. */
const LONGEST_LOOK = seconds(5);

export const good = (finding: string): Found => ({ state: 'good', finding });
export const weak = (finding: string, next: string, code?: FailureCode): Found => ({ state: 'weak', finding, next, ...orNone(code) });
export const bad = (finding: string, next: string, code?: FailureCode): Found => ({ state: 'bad', finding, next, ...orNone(code) });
export const unknown = (finding: string, next: string, code?: FailureCode): Found => ({ state: 'unknown', finding, next, ...orNone(code) });
const orNone = (code: FailureCode | undefined): { code?: FailureCode } => (code === undefined ? {} : { code });

/** A failure in the words of the table of failures. */
export const foundFailure = (state: Found['state'], { cause, detail, next, code }: Failure): Found => ({
  ...{ state, next, code },
  finding: detail === undefined ? cause : `${cause} ${detail}`,
});

/**
 * Runs all checks side by side; the answer has them in the order of the table. Never rejects.
 *
 * @param told of what each check has found, as it comes
 */
export async function runChecks<F>(
  checks: readonly Check<F>[],
  facts: F,
  { clock, log, told }: { clock: Pick<Clock, 'after'>; log: Log; told?: (found: DoctorView['checks']) => void },
): Promise<DoctorView> {
  const look = async (check: Check<F>): Promise<DoctorView['checks']> => {
    const found = await runCheck(check, facts, clock, log);
    told?.(found);
    return found;
  };
  return { checks: (await Promise.all(checks.map(look))).flat() };
}

async function runCheck<F>(check: Check<F>, facts: F, clock: Pick<Clock, 'after'>, log: Log): Promise<DoctorView['checks']> {
  const { id, title } = check;
  try {
    const found = await inTime(check, facts, clock);
    return Array.isArray(found) ? found.map((each) => viewOf({ ...each, id: `${id}-${each.id}` })) : [viewOf({ ...found, id, title })];
  } catch (error) {
    const failure = asAppError(error).toFailure();
    log('doctor.check-failed', { check: id, code: failure.code, error: error instanceof Error ? error.name : 'unknown' });
    return [viewOf({ ...foundFailure('unknown', failure), id, title })];
  }
}

async function inTime<F>(check: Check<F>, facts: F, clock: Pick<Clock, 'after'>): Promise<Found | FoundEach[]> {
  const tooLate = Promise.withResolvers<Found>();
  const cancel = clock.after(check.limit ?? LONGEST_LOOK, () =>
    tooLate.resolve(
      check.limit === undefined
        ? unknown('It did not answer within a few seconds.', 'Look again; a disk or a file server may be slow.')
        : unknown('Nobody answered in time.', 'Look again; the network may be slow.'),
    ),
  );
  try {
    return await Promise.race([Promise.resolve(facts).then((known) => check.look(known)), tooLate.promise]);
  } finally {
    cancel();
  }
}

const viewOf = ({ id, title, state, finding, next, code }: FoundEach): DoctorView['checks'][number] => ({
  ...{ id, title, state, finding },
  next: next ?? null,
  code: code ?? null,
});
