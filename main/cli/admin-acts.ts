/** What the verbs of `lakepass admin` do. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { AppError, hasCode } from '../app-error.ts';
import { type Person, readBundleFile, withExemption, withoutRevoked, withRevoked } from '../enroll/admin/bundle-file.ts';
import { personText } from '../enroll/admin/changes.ts';
import { type AdminFolder, adminFolder, fileNames, initFolder, requireUnused, writeNew } from '../enroll/admin/folder.ts';
import { invitedKey, publishBundle, readSources, requireOverlap } from '../enroll/admin/publish.ts';
import { qrAsSvg, qrForTerminal } from '../enroll/admin/qr.ts';
import { addKey, dropFirstKey, type Lock, readKeyFile, requirePassphrase, stretched } from '../enroll/admin/signing-key.ts';
import { thumbprintOf } from '../enroll/bundle.ts';
import { fetchBundle } from '../enroll/bundle-line.ts';
import { deviceIdSchema, exemptionSchema, revokedPersonSchema } from '../enroll/bundle-schema.ts';
import { invitationLink, requirePlainAddress } from '../enroll/invitation.ts';
import { outboundAtFirstUse } from '../net/at-first-use.ts';
import { systemClock } from '../system-clock.ts';
import { type EpochMs, later, seconds } from '../units.ts';
import { secondsOf } from './duration.ts';
import { askPassphrase, passphraseFromFd } from './passphrase.ts';
import { printJson, printLine, printReport, tell } from './report.ts';
import type { Options } from './verbs/admin.ts';

const now = (): EpochMs => Date.now() as EpochMs;
const folderOf = ({ folder }: Options): AdminFolder => adminFolder(resolve(folder));
const outOf = ({ out }: Options): { out?: string } => (out === undefined ? {} : { out: resolve(out) });

export async function init(options: Options): Promise<void> {
  const folder = folderOf(options);
  // Before a passphrase is asked for.
  await requireUnused(folder.path);
  const isOpen = options.passphrase === false && options.passphraseFd === undefined;
  const lock: Lock = { passphrase: isOpen ? null : await newPassphrase(options), stretch: stretched };
  const fingerprint = await initFolder(folder.path, { organization: options.organization ?? '', lock });
  if (isOpen) tell(`the signing key lies in the clear in ${folder.file('key')}: whoever reads it decides for every device`);
  if (options.json === true) return printJson({ folder: folder.path, fingerprint, sealed: !isOpen });
  printLine(`Made in ${folder.path}:`);
  printLine(`  ${fileNames.bundle}       what devices are told beside the two below`);
  printLine(`  ${fileNames.policy}       who gets which scopes; it observes until you write \`mode: enforce\``);
  printLine(`  ${fileNames.config}       the profiles of your company; all comments for now`);
  printLine(
    `  ${fileNames.key}  the signing key, ${isOpen ? 'IN THE CLEAR' : 'sealed by your passphrase'}; keep a copy where only IT gets at it`,
  );
  printLine(`Fingerprint of the signing key: ${fingerprint}`);
  printLine('Next: edit these files, then `lakepass admin bundle`.');
}

export async function bundle(options: Options): Promise<void> {
  const folder = folderOf(options);
  // What is wrong with the files is said before a passphrase is asked for.
  await readSources(folder);
  const theirs = options.published === undefined ? {} : { published: await fetchPublished(options.published) };
  const published = await publishBundle(folder, { lock: await lockOf(folder, options), ...outOf(options), ...theirs, now: now() });
  if (options.json === true) return printJson(published);
  const { file, bytes, organization, revision, expires, signedBy, before, changes, dropped, policy, notes } = published;
  if (policy !== null)
    printLine(`Policy "${policy.id}", revision ${policy.revision}, ${policy.mode}: it can be used; ${policy.tests} tests pass.`);
  printLine(before === null ? 'The first bundle here; in it:' : `Against revision ${before}:`);
  if (changes.length === 0) printLine('  nothing but its dates');
  else printReport(changes.map((line) => `  ${line}`).join('\n'));
  for (const each of dropped) printLine(`  The exemption of ${each.username} from ${each.rule} is over and was taken out.`);
  for (const note of notes) printLine(`Note: ${note}`);
  printLine(`Revision ${revision} for ${organization}, until ${expires}, ${bytes} bytes, verified as a device would: ${file}`);
  printLine(`Signed by ${signedBy.join(' and ')}.`);
  printLine('It holds once it is published: put the file where your invitation or your managed settings say.');
}

/** What devices are given now. @throws AppError INPUT_INVALID (reason: url) | BUNDLE_UNREACHABLE, or one of `beforeSending` */
async function fetchPublished(url: string): Promise<Buffer> {
  requireAddress(url);
  const { fetch } = outboundAtFirstUse({ env: process.env, clock: systemClock });
  const fetched = await fetchBundle({ fetch, clock: systemClock }, url, null);
  if (fetched === null) throw new AppError('BUNDLE_UNREACHABLE', { reason: 'status' });
  return fetched.bytes;
}

export async function invite(options: Options): Promise<void> {
  const folder = folderOf(options);
  const { key, isPublished } = await invitedKey(folder, outOf(options).out);
  const url = URL.parse(options.url ?? '')?.href ?? '';
  requireAddress(url);
  const thumbprint = await thumbprintOf(key);
  const link = invitationLink({ url, thumbprint });
  if (options.svg !== undefined) await writeNew(resolve(options.svg), qrAsSvg(link), 0o644);
  if (options.json === true) return printJson({ link, url, fingerprint: thumbprint, published: isPublished });
  printLine(link);
  // In colours of its own, which no line of ours could hold.
  if (process.stdout.isTTY) process.stdout.write(`\n${qrForTerminal(link)}\n\n`);
  printLine(`Fingerprint of the signing key: ${thumbprint}`);
  if (options.svg !== undefined) printLine(`As a picture: ${resolve(options.svg)}`);
  printLine('Nothing in it is secret: tell people the fingerprint by another road, so that they can compare.');
  if (!isPublished) printLine('There is no bundle yet: make one with `lakepass admin bundle` and publish it at that address.');
}

function requireAddress(url: string): void {
  try {
    requirePlainAddress(url);
  } catch (cause) {
    const detail = 'Write an https address without a user name and without a fragment.';
    throw new AppError('INPUT_INVALID', { reason: 'url', detail, cause });
  }
}

export async function exempt(user: string, options: Options): Promise<void> {
  const folder = folderOf(options);
  const { bundleText, rules } = await readSources(folder);
  const at = now();
  const from = new Date(at).toISOString();
  const parsed = exemptionSchema.safeParse({
    ...{ id: `e${randomBytes(8).toString('hex')}`, username: user, rule: options.rule, from },
    ...{ until: momentOf(options.until ?? '', at), reason: options.reason },
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? 'options');
    throw new AppError('INPUT_INVALID', {
      reason: name === 'username' ? 'user' : name,
      detail: name === 'until' ? 'Name a moment from now on, 24 h away at the latest.' : `${issue?.message}.`,
    });
  }
  if (!rules.has(parsed.data.rule))
    throw new AppError('INPUT_INVALID', {
      reason: 'rule',
      detail: rules.size === 0 ? 'The folder has no policy.yaml with rules.' : `The policy has: ${[...rules.keys()].join(', ')}.`,
    });
  await save(folder, withExemption(bundleText, parsed.data), rules);
  if (options.json === true) return printJson({ exemption: parsed.data, published: false });
  printLine(`${user} is exempt from ${parsed.data.rule} until ${parsed.data.until}, ${unpublished}`);
}

export async function revoke(options: Options): Promise<void> {
  const folder = folderOf(options);
  const out = outNamed(options);
  const { bundle: before, bundleText, rules } = await readSources(folder);
  if (options.undo === true) return restore(folder, out, options);
  const text = withRevoked(bundleText, out, before);
  const isNew = text !== bundleText;
  if (isNew) await save(folder, text, rules);
  if (options.json === true) return printJson({ revoked: out, already: !isNew, published: false });
  const name = nameOf(out);
  printLine(
    isNew ? `${name} is revoked, ${unpublished}` : `${name} was revoked already; if it still works, publish: \`lakepass admin bundle\`.`,
  );
}

const nameOf = (out: ReturnType<typeof outNamed>): string => ('device' in out ? `The device ${out.device}` : personText(out.person));

async function restore(folder: AdminFolder, out: ReturnType<typeof outNamed>, { json }: Options): Promise<void> {
  const { bundle: before, bundleText, rules } = await readSources(folder);
  const text = withoutRevoked(bundleText, out, before);
  const wasRevoked = text !== bundleText;
  if (wasRevoked) await save(folder, text, rules);
  if (json === true) return printJson({ restored: out, already: !wasRevoked, published: false });
  printLine(
    wasRevoked
      ? `${nameOf(out)} is no longer revoked, ${unpublished} What was erased stays erased: people sign in again.`
      : `${nameOf(out)} is not revoked.`,
  );
}

const unpublished = 'as soon as you publish it: `lakepass admin bundle`.';

export async function rotate(options: Options): Promise<void> {
  const folder = folderOf(options);
  const isFinish = options.finish === true;
  const last = isFinish ? await requireOverlap(folder, outOf(options).out) : null;
  const text = await folder.read('key');
  const lock = await lockOf(folder, options);
  const changed = await (isFinish ? dropFirstKey(text, lock) : addKey(text, lock));
  await folder.write('key', changed);
  const fingerprints = await Promise.all(readKeyFile(changed).publicKeys.map(thumbprintOf));
  if (options.json === true) return printJson({ fingerprints });
  if (last === null) {
    printLine(`A second signing key was made: ${fingerprints[1]}`);
    printLine(
      'Next: `lakepass admin bundle`, which both sign, and publish it. Once every device has it: `lakepass admin rotate --finish`.',
    );
    return;
  }
  printLine(`The first signing key was dropped. From now on: ${fingerprints[0]}`);
  printLine(`Devices that never had a bundle of both keys (revision ${last.bundle.revision} is one) must be enrolled anew.`);
  printLine('Next: `lakepass admin bundle`, and a new `lakepass admin invite`; managed settings name the new fingerprint from now on.');
}

/** What was edited is read as `admin bundle` would, before it takes the place of what was there. */
async function save(folder: AdminFolder, text: string, rules: ReadonlyMap<string, unknown>): Promise<void> {
  readBundleFile(text, folder.file('bundle'), new Set(rules.keys()));
  await folder.write('bundle', text);
}

/** A moment, or so long from `at`. */
function momentOf(text: string, at: EpochMs): string {
  if (/^\d{4}-/.test(text)) return text;
  return new Date(later(at, seconds(secondsOf(text, 'until')))).toISOString();
}

function outNamed({ device, user, issuer, subject }: Options): { device: string } | { person: Person } {
  const ways = [device, user, issuer ?? subject].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw new AppError('INPUT_INVALID', { reason: 'options', detail: 'Name one: --device, --user, or --issuer with --subject.' });
  if (device !== undefined) {
    const parsed = deviceIdSchema.safeParse(device);
    if (parsed.success) return { device: parsed.data };
    throw new AppError('INPUT_INVALID', { reason: 'device', detail: 'The id of a device is 32 digits and letters from a to f.' });
  }
  const parsed = revokedPersonSchema.safeParse(user === undefined ? { issuer, subject } : { username: user });
  if (parsed.success) return { person: parsed.data };
  throw new AppError('INPUT_INVALID', {
    reason: user === undefined ? 'issuer' : 'user',
    detail: user === undefined ? 'Name both --issuer, an address, and --subject.' : 'Write a user name of one line.',
  });
}

async function lockOf(folder: AdminFolder, { passphraseFd }: Options): Promise<Lock> {
  const { isSealed } = readKeyFile(await folder.read('key'));
  return { passphrase: isSealed ? await passphraseFrom(passphraseFd, 'Passphrase of the signing key: ') : null, stretch: stretched };
}

async function newPassphrase({ passphraseFd }: Options): Promise<string> {
  const chosen = await passphraseFrom(passphraseFd, 'New passphrase of the signing key: ');
  requirePassphrase(chosen);
  if (passphraseFd === undefined && (await askPassphrase('The same once more: ')) !== chosen)
    throw new AppError('INPUT_INVALID', { reason: 'passphrase', detail: 'The two are not the same.' });
  return chosen;
}

async function passphraseFrom(fd: string | undefined, prompt: string): Promise<string> {
  if (fd !== undefined) return passphraseFromFd(fd);
  return askPassphrase(prompt).catch((error: unknown) => {
    if (!hasCode(error, 'PASSPHRASE_NEEDED')) throw error;
    throw new AppError('INPUT_INVALID', { reason: 'passphrase', detail: 'There is no terminal to ask at; give it with --passphrase-fd.' });
  });
}
