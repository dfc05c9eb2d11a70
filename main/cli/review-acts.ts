/** What `lakepass admin review` does and says. */
import { resolve } from 'node:path';
import { AppError } from '../app-error.ts';
import { collectRecords } from '../enroll/admin/records-folder.ts';
import { type Review, type ReviewedDevice, review } from '../enroll/admin/review.ts';
import { readExpected, readMetadata, readPublished } from '../enroll/admin/review-files.ts';
import type { VerifiedBundle } from '../enroll/bundle.ts';
import { type EpochMs, hours, type Ms } from '../units.ts';
import { exitCodes, harmless, printJson, printLine, printReport, table } from './report.ts';

export interface ReviewOptions {
  bundle?: string;
  mds?: string;
  expect?: string;
  days: string;
  json?: boolean;
}

/** Fails where anything was found, so that a script can rely on it. */
export async function reviewFolder(folder: string, options: ReviewOptions): Promise<void> {
  const now = Date.now() as EpochMs;
  const longest = daysOf(options.days);
  const bundle = options.bundle === undefined ? null : await readPublished(resolve(options.bundle));
  const models = options.mds === undefined ? null : await readMetadata(resolve(options.mds), now);
  const expected = options.expect === undefined ? [] : await readExpected(resolve(options.expect));
  const found = await review(await collectRecords(resolve(folder)), { bundle, models, expected, now, longest });
  if (options.json === true) printJson({ ...found, bundle: bundle && summaryOf(bundle), metadata: models?.no ?? null });
  else show(found, bundle);
  if (found.findings.length > 0) process.exitCode = exitCodes.failed;
}

function daysOf(text: string): Ms {
  const days = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(days)) throw new AppError('INPUT_INVALID', { reason: 'days', detail: 'Write a number of days, such as 30.' });
  return hours(24 * days);
}

const summaryOf = ({ bundle, hash, signedBy }: VerifiedBundle) => ({
  ...{ organization: bundle.organization, revision: bundle.revision, hash, signedBy },
});

function show({ devices, findings, records, others }: Review, bundle: VerifiedBundle | null): void {
  if (bundle !== null)
    printLine(`Against revision ${bundle.bundle.revision} of ${bundle.bundle.organization}, signed by ${bundle.signedBy}.`);
  else printLine('Without --bundle, nothing is compared with what the company wants.');
  printLine(`${records} ${records === 1 ? 'record' : 'records'} of ${devices.length} ${devices.length === 1 ? 'device' : 'devices'}.`);
  if (others > 0) printLine(`${others} other files were not looked into.`);
  if (devices.length > 0) printReport(table([heading, ...devices.map((device) => rowOf(device, bundle))]));
  printLine(findings.length === 0 ? 'Nothing was found.' : `Found ${findings.length}:`);
  if (findings.length > 0)
    printReport(table(findings.map(({ what, device, person, says }) => [what, device ?? '-', harmless(person ?? '-'), says])));
}

const heading = ['DEVICE', 'PERSON', 'KEYS', 'REVISION', 'TOLD', 'SYSTEM', 'LAKEPASS'];

function rowOf({ device, person, keys, counted, revision, at, os, app }: ReviewedDevice, bundle: VerifiedBundle | null): string[] {
  const wanted = bundle?.bundle.tapKeys?.atLeast;
  const count = counted === null ? String(keys.length) : `${counted} of ${wanted}`;
  return [device, harmless(person ?? '-'), count, String(revision), at.slice(0, 16), os, app];
}
