/**
 * `lakepass evidence`: a folder for an auditor, made from a copy of the log. It needs no agent and works beside one; it writes into a new
 * folder only.
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { AppError, asAppError, hasCode } from '../../app-error.ts';
import { pemOf } from '../../audit/checkpoint-key.ts';
import { pseudonymBy } from '../../audit/envelope.ts';
import { type BundleFacts, companyIn, gatherEvidence } from '../../audit/evidence.ts';
import { copyLog, howToVerify, writeSums } from '../../audit/evidence-folder.ts';
import { evidencePage } from '../../audit/evidence-page.ts';
import { type VerifiedBundle, verifyBundle } from '../../enroll/bundle.ts';
import { loadConfig } from '../../profile/load-config.ts';
import { version } from '../../version.ts';
import { placesOf, reporting } from '../common.ts';
import { ownKeys, readGiven, readKept, readKeys } from '../log-keys.ts';
import { exitCodes, failureLine, printLine, tell } from '../report.ts';

interface Options {
  home?: string;
  from: string;
  to: string;
  out: string;
  person?: string;
  key?: string[];
  checkpoints?: string;
  bundle?: string;
}

export function addEvidence(program: Command): void {
  program
    .command('evidence')
    .description('make a folder for an auditor: who had access to what, how it was proven and approved, and the log to verify it with')
    .requiredOption('--from <date>', 'the first day, as 2026-01-01, or a time with its offset')
    .requiredOption('--to <date>', 'the first day after it, or a time with its offset')
    .option('--out <dir>', 'a folder that is not there yet', 'lakepass-evidence')
    .option('--person <name>', 'only what is of this user name or subject; the log itself is then left out, for it has others in it')
    .option(
      '--key <key...>',
      'public key of the device, as `audit key` prints it, or a file that holds it; several where there was a reset',
    )
    .option('--checkpoints <file>', 'checkpoints that were kept elsewhere: signed notes, or JSON lines as they were sent')
    .option('--bundle <file>', 'the bundle that the company published last: its exemptions and revocations are then shown')
    .option('--home <dir>', 'the folder that holds everything', process.env['LAKEPASS_HOME'])
    .addHelpText('after', '\nExample:\n  lakepass evidence --from 2026-01-01 --to 2026-04-01 --out q1 --key device.pem')
    .action(reporting(makeEvidence, () => false));
}

/** @throws AppError INPUT_INVALID (reason: time, to, out, home, bundle, file, checkpoints, verifier-key) | BUNDLE_INVALID; nothing is left of the folder then */
export async function makeEvidence(options: Options): Promise<void> {
  const [from, to] = [timeOf(options.from), timeOf(options.to)];
  if (to <= from) throw new AppError('INPUT_INVALID', { reason: 'to', detail: '--to is not after --from.' });
  const { out, person = null } = options;
  const given = options.key === undefined ? null : (await Promise.all(options.key.map(readKeys))).flat();
  const kept = options.checkpoints === undefined ? null : await readKept(options.checkpoints);
  const bytes = options.bundle === undefined ? null : await readGiven(options.bundle);
  const own = given === null ? await ownKeys(options) : null;
  const keys = given ?? own;
  await makeOut(out);
  const copy = path.join(out, 'audit');
  try {
    await copyLogOf(path.join(placesOf(options).state, 'audit'), copy);
    const company = await companyIn(copy);
    const bundle = bytes === null ? null : await readBundle(bytes, company.accepted);
    const isPseudonymous = await wantsPseudonyms(options, company.isManaged, bundle);
    const hasLog = person === null && !isPseudonymous;
    const found = await gatherEvidence(copy, {
      ...{ from, to, person, now: Date.now(), version, bundle: bundle === null ? null : factsOf(bundle) },
      // What they mean is known to nobody: words of this folder cannot be joined with those of another.
      ...(isPseudonymous ? { pseudonym: pseudonymBy(randomBytes(32)) } : {}),
      ...(keys === null ? {} : { keys }),
      ...(own === null ? {} : { earlierKeys: 'noted', isAgentsKey: true }),
      ...(kept === null ? {} : { kept }),
      progress: (records) => tell(`${records} records read`),
    });
    await writeNew(out, 'evidence.json', `${JSON.stringify(found, null, 2)}\n`);
    await writeNew(out, 'index.html', evidencePage(found, { hasLog }));
    if (keys !== null) await writeNew(out, 'device-key.pem', keys.map(({ key }) => pemOf(key)).join(''));
    if (options.checkpoints !== undefined && hasLog) await copyFile(options.checkpoints, path.join(out, 'checkpoints-kept.txt'));
    const { last, ok } = found.integrity;
    if (hasLog) await writeNew(out, 'HOW-TO-VERIFY.txt', howToVerify({ last, hasKeys: keys !== null, hasKept: kept !== null }));
    if (!hasLog) await rm(copy, { recursive: true });
    await writeSums(out);
    const verdict = ok ? 'No problem was found in the log; the page says what that proves.' : 'The log has problems; the page names them.';
    printLine(`${path.join(out, 'index.html')}: ${found.records} records. ${verdict}`);
    if (isPseudonymous) printLine('People stand as words in it, and the log is left out.');
    if (!ok) process.exitCode = exitCodes.failed;
  } catch (error) {
    // It was made a moment ago; half of it would be taken for all.
    await rm(out, { recursive: true, force: true });
    throw error;
  }
}

async function makeOut(out: string): Promise<void> {
  try {
    await mkdir(out, { mode: 0o700 });
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'out', detail: `${out} cannot be made: give a folder that is not there yet.`, cause });
  }
}

async function copyLogOf(log: string, copy: string): Promise<void> {
  try {
    await copyLog(log, copy);
  } catch (cause) {
    throw new AppError('INPUT_INVALID', { reason: 'home', detail: `The log in ${log} cannot be copied.`, cause });
  }
}

const writeNew = (out: string, name: string, text: string): Promise<void> =>
  writeFile(path.join(out, name), text, { mode: 0o600, flag: 'wx' });

/** @throws AppError INPUT_INVALID (reason `bundle`): it is none that the log names as accepted; BUNDLE_INVALID */
async function readBundle(bytes: Buffer, accepted: ReadonlyMap<string, { signedBy: string }>): Promise<VerifiedBundle> {
  for (const thumbprint of new Set([...accepted.values()].map(({ signedBy }) => signedBy))) {
    try {
      const found = await verifyBundle(bytes, { thumbprint });
      // check: evidence-bundle
      if (!accepted.has(found.hash)) break;
      // end check
      return found;
    } catch (error) {
      if (!hasCode(error, 'BUNDLE_KEY_UNKNOWN')) throw error;
    }
  }
  throw new AppError('INPUT_INVALID', { reason: 'bundle', detail: 'The log does not name this bundle as accepted.' });
}

function factsOf({ bundle, hash, signedBy }: VerifiedBundle): BundleFacts {
  const { organization, revision, expires, exemptions, revoked } = bundle;
  return {
    ...{ organization, revision, digest: hash, signedBy, expires },
    exemptions: exemptions.map(({ id, username, rule, from, until, reason }) => ({ id, person: username, rule, from, until, reason })),
    revokedPersons: revoked.persons.map((each) => ('username' in each ? each.username : each.subject)),
    revokedDevices: revoked.devices,
  };
}

/** Whoever is managed and gives no bundle may be under a policy that wants them: what cannot be known is taken for a yes. */
async function wantsPseudonyms(options: Options, isManaged: boolean, bundle: VerifiedBundle | null): Promise<boolean> {
  if (bundle?.config != null) return bundle.config.audit?.pseudonymize === true;
  // check: evidence-pseudonym
  if (isManaged && bundle === null) {
    tell('The company’s policy is not here, so people stand as words. Give its bundle (--bundle) to have it as the policy says.');
    return true;
  }
  // end check
  try {
    return (await loadConfig(placesOf(options).config)).audit?.pseudonymize === true;
  } catch (error) {
    if (hasCode(error, 'CONFIG_MISSING')) return false;
    tell(failureLine(asAppError(error).toFailure()));
    tell('It may want people to stand as words, so they do.');
    return true;
  }
}

/** Epoch milliseconds; a day begins in UTC. */
function timeOf(text: string): number {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  // `Date.parse` takes the 31st of April for the 1st of May.
  const isDay = z.iso.date().safeParse(text.slice(0, 10)).success;
  const at = isTime && isDay ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at))
    throw new AppError('INPUT_INVALID', { reason: 'time', detail: 'A day is written 2026-01-31, a time 2026-01-31T08:00Z.' });
  return at;
}
