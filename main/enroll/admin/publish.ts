/** From what an admin wrote to a file that devices take: checked, counted, signed, and verified as a device would before it is there. */
import { AppError, hasCode } from '../../app-error.ts';
import { toMs } from '../../profile/length-of-time.ts';
import { readConfig } from '../../profile/load-config.ts';
import type { EpochMs } from '../../units.ts';
import { requireAcceptable, signBundle, type VerifiedBundle, verifyBundle } from '../bundle.ts';
import type { BundleInput, Exemption, SigningKey } from '../bundle-schema.ts';
import { type BundleFile, isOver, readBundleFile, rulesOf, withRevision } from './bundle-file.ts';
import { changesIn } from './changes.ts';
import { type AdminFolder, readBytes, writePublic } from './folder.ts';
import { type Lock, openKeys, readKeyFile } from './signing-key.ts';

export interface Published {
  readonly file: string;
  readonly bytes: number;
  readonly organization: string;
  readonly revision: number;
  readonly expires: string;
  /** RFC 7638 thumbprints of the keys that have signed it. */
  readonly signedBy: readonly string[];
  /** Revision of the bundle that it takes the place of; null: there was none. */
  readonly before: number | null;
  readonly changes: readonly string[];
  readonly dropped: readonly Exemption[];
  readonly policy: { readonly id: string; readonly revision: number; readonly mode: string; readonly tests: number } | null;
  readonly notes: readonly string[];
}

/** All of a folder that goes into a bundle, checked. */
export interface Sources {
  readonly bundle: BundleFile;
  readonly bundleText: string;
  readonly policy: string | undefined;
  readonly config: string | undefined;
  readonly rules: ReadonlyMap<string, unknown>;
}

/** @throws AppError ADMIN_FILE_MISSING | ADMIN_FILE_INVALID | POLICY_INVALID | CONFIG_*: file, line, column */
export async function readSources(folder: AdminFolder): Promise<Sources> {
  const policy = await folder.readText('policy');
  const rules = rulesOf(policy, folder.file('policy'));
  const config = await folder.readText('config');
  if (config !== undefined) readConfig(Buffer.from(config), folder.file('config'));
  const bundleText = await folder.read('bundle');
  return { bundle: readBundleFile(bundleText, folder.file('bundle'), new Set(rules.keys())), bundleText, policy, config, rules };
}

/**
 * Signs and writes the next bundle. Its revision is counted before it is written: after a crash in between one is left out, and never two
 * bundles have the same.
 *
 * @param out where it is written; a bundle that is there is the one before it
 * @param published what devices are given now, where that is known
 * @throws AppError as `readSources` | ADMIN_FILE_INVALID (reason: out, published): what is there is no bundle of this company and these keys
 * @throws AppError ADMIN_STEP_MISSING (reason: published): somebody else has published since
 * @throws AppError SIGNING_KEY_SEALED | BUNDLE_INVALID | BUNDLE_KEY_UNKNOWN | DISK_FULL
 */
export async function publishBundle(
  folder: AdminFolder,
  { lock, out = folder.file('signed'), published, now }: { lock: Lock; out?: string; published?: Buffer; now: EpochMs },
): Promise<Published> {
  const sources = await readSources(folder);
  const keys = await openKeys(await folder.read('key'), lock);
  const publicKeys = keys.map(({ publicKey }) => publicKey);
  const before = await lastBundle(out, publicKeys, sources.bundle);
  if (published !== undefined) requireBefore(await ownBundle(published, publicKeys, sources.bundle, 'published'), before, out);
  const revision = Math.max(sources.bundle.revision, before?.bundle.revision ?? 0) + 1;
  const input = bundleInput(sources, publicKeys, revision, now);

  const bytes = await signBundle(input, keys);
  for (const key of publicKeys) await verifyBundle(bytes, [key]);
  const verified = await verifyBundle(bytes, before?.bundle.keys ?? publicKeys);
  requireAcceptable(verified, before && { ...before.bundle, hash: before.hash }, now);

  await folder.write('bundle', withRevision(sources.bundleText, revision, now));
  await writePublic(out, bytes.toString('utf8'));
  const written = await readBytes(out);
  if (written?.equals(bytes) !== true) throw new AppError('DISK_FULL', { detail: `${out} is not what was written.` });

  const { bundle, policy } = verified;
  return {
    ...{ file: out, bytes: bytes.length, organization: bundle.organization, revision, expires: bundle.expires },
    ...{ signedBy: keys.map(({ thumbprint }) => thumbprint), before: before?.bundle.revision ?? null },
    changes: await changesIn(before?.bundle ?? null, bundle),
    dropped: sources.bundle.exemptions.filter((each) => isOver(each, now)),
    policy: policy && { id: policy.id, revision: policy.revision, mode: policy.mode, tests: policy.counts.tests },
    notes: notesOn(sources, verified, before),
  };
}

function bundleInput({ bundle, policy, config }: Sources, keys: SigningKey[], revision: number, now: EpochMs): BundleInput {
  const { organization, bundleId, expiresAfter, modes, revoked, exemptions, tapKeys, records, settings } = bundle;
  return {
    ...{ version: 1, organization, bundleId, revision, modes, revoked, settings, keys },
    issuedAt: new Date(now).toISOString(),
    expires: new Date(now + toMs(expiresAfter)).toISOString(),
    exemptions: exemptions.filter((each) => !isOver(each, now)),
    ...(tapKeys === undefined ? {} : { tapKeys }),
    ...(records === undefined ? {} : { records }),
    ...(policy === undefined ? {} : { policy }),
    ...(config === undefined ? {} : { config }),
  };
}

/** The bundle that the next one takes the place of. @throws AppError ADMIN_FILE_INVALID (reason: out) */
export async function lastBundle(file: string, keys: readonly SigningKey[], { bundleId }: BundleFile): Promise<VerifiedBundle | null> {
  const bytes = await readBytes(file);
  return bytes === null ? null : ownBundle(bytes, keys, { bundleId }, 'out', `${file} is`, 'move it away, or name another file');
}

/** @throws AppError ADMIN_FILE_INVALID (reason: as given) */
async function ownBundle(
  bytes: Buffer,
  keys: readonly SigningKey[],
  { bundleId }: Pick<BundleFile, 'bundleId'>,
  reason: 'out' | 'published',
  what = 'What is published is',
  next = 'name the right address',
): Promise<VerifiedBundle> {
  const strange = (why: string, cause?: unknown): AppError =>
    new AppError('ADMIN_FILE_INVALID', { reason, detail: `${what} ${why}; ${next}.`, cause });
  const verified = await verifyBundle(bytes, keys).catch((error: unknown) => {
    if (!hasCode(error, 'BUNDLE_INVALID', 'BUNDLE_KEY_UNKNOWN')) throw error;
    throw strange('no bundle that this signing key has signed', error);
  });
  // check: admin-out-same-company
  if (verified.bundle.bundleId !== bundleId) throw strange('a bundle of another company');
  // end check
  return verified;
}

/** Two admins may sign side by side, and a device that has seen one revision takes no other text of it. */
function requireBefore(published: VerifiedBundle, before: VerifiedBundle | null, out: string): void {
  const { revision } = published.bundle;
  const isKnown = before !== null && (revision < before.bundle.revision || published.hash === before.hash);
  // check: admin-published-before
  if (!isKnown)
    throw new AppError('ADMIN_STEP_MISSING', {
      reason: 'published',
      detail: `Revision ${revision} is published and is not what lies here. Put that file in the place of ${out}, take over what it changed, and sign again.`,
    });
  // end check
}

function notesOn({ policy, config, rules }: Sources, now: VerifiedBundle, before: VerifiedBundle | null): string[] {
  const notes = [...(now.policy?.warnings ?? [])];
  if (policy === undefined) notes.push('There is no policy.yaml: devices go by their own policy.');
  else if (rules.size > 0 && now.policy?.counts.tests === 0) notes.push('policy.yaml has no tests of its own.');
  if (config === undefined)
    notes.push('config.yaml says nothing: people write their profiles themselves, and so which names and groups policy is told of.');
  const was = before?.policy;
  if (was && now.policy && was.hash !== now.policy.hash && was.revision >= now.policy.revision)
    notes.push(`policy.yaml was changed and its own revision is still ${now.policy.revision}: records tell policies apart by it.`);
  return notes;
}

/**
 * The key that an invitation names: the newest that the published bundle knows.
 *
 * @returns `isPublished`: there is a bundle, and it can be believed by that key
 */
export async function invitedKey(folder: AdminFolder, out = folder.file('signed')): Promise<{ key: SigningKey; isPublished: boolean }> {
  const { publicKeys } = readKeyFile(await folder.read('key'));
  const { bundle } = await readSources(folder);
  const last = await lastBundle(out, publicKeys, bundle);
  const signed = publicKeys.filter(({ x, y }) => last?.bundle.keys.some((key) => key.x === x && key.y === y));
  const key = signed.at(-1) ?? publicKeys[0];
  if (key === undefined) throw new Error('a key file has a key');
  return { key, isPublished: last !== null };
}

/**
 * Whether the first of two keys may go: the bundle that was published last is signed by both, so that whoever has it believes the second.
 *
 * @returns the bundle
 * @throws AppError ADMIN_STEP_MISSING (reason: overlap)
 */
export async function requireOverlap(folder: AdminFolder, out = folder.file('signed')): Promise<VerifiedBundle> {
  const { publicKeys } = readKeyFile(await folder.read('key'));
  const { bundle } = await readSources(folder);
  const last = await lastBundle(out, publicKeys, bundle);
  const next = publicKeys[1];
  const knows = next !== undefined && last?.bundle.keys.some(({ x, y }) => x === next.x && y === next.y) === true;
  // check: admin-rotate-overlap
  if (!knows)
    throw new AppError('ADMIN_STEP_MISSING', {
      reason: 'overlap',
      detail:
        'No bundle that both keys have signed was made yet: `lakepass admin rotate`, `lakepass admin bundle`, publish it, wait until devices have it.',
    });
  // end check
  return last as VerifiedBundle;
}
