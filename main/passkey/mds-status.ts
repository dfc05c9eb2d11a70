/** What the reports on a model come to (FIDO Metadata Service 3.1, sections 3.1.3 and 3.1.4). */
import type { EpochMs } from '../units.ts';
import type { Model } from './attestation.ts';

export interface Report {
  /** As FIDO writes it; the list grows. */
  status: string;
  /** From when it holds; null where it does not say. */
  from: EpochMs | null;
}

const broken: readonly string[] = [
  'REVOKED',
  'USER_VERIFICATION_BYPASS',
  'ATTESTATION_KEY_COMPROMISE',
  'USER_KEY_REMOTE_COMPROMISE',
  'USER_KEY_PHYSICAL_COMPROMISE',
];
const certified = /^FIDO_CERTIFIED(_L[1-3](plus)?)?$/i;

/**
 * The newest report that holds by now counts. One that calls the model broken is undone by nothing but a later certification: that an
 * update is available does not say that this key has it.
 */
export function standingOf(reports: readonly Report[], at: EpochMs): Pick<Model, 'status' | 'standing'> {
  const holding = reports
    .filter(({ from }) => from === null || from <= at)
    .map((report, index) => ({ ...report, index, since: sinceOf(report) }))
    .sort((a, b) => (a.since === b.since ? a.index - b.index : a.since - b.since));
  const lastCertified = holding.findLastIndex(({ status }) => certified.test(status));
  const worst = holding.findLast(({ status }, index) => index > lastCertified && broken.includes(status));
  if (worst !== undefined) return { status: worst.status, standing: 'blocked' };
  const status = holding.at(-1)?.status ?? 'UNKNOWN';
  return { status, standing: certified.test(status) ? 'good' : 'warned' };
}

/** Without a day, a report that calls the model broken counts as the newest, any other as the oldest. */
function sinceOf({ status, from }: Report): number {
  if (from !== null) return from;
  return broken.includes(status) ? Number.MAX_SAFE_INTEGER : 0;
}
