/**
 * The files of the person's own: configuration and policy. A program that runs as the person can write them too, so a change holds
 * only once a person has approved it with a tap; until then the last approved bytes do, which are kept sealed.
 *
 * A policy never holds without that tap. A first configuration has to, because nobody can sign in without one; the sign-in that
 * follows is what approves it.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { PolicyView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import { AppError, asAppError, hasCode } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import { contentOf, isChanged } from '../net/ca-file.ts';
import type { Places } from '../places.ts';
import { builtInPolicy, unattendedPolicy } from '../policy/built-in.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load-policy.ts';
import type { Clock, Log } from '../ports.ts';
import { placeOfSink } from '../profile/audit-settings.ts';
import { readConfig, readConfigFile } from '../profile/load-config.ts';
import { type Config, noConfig, type Profile } from '../profile/profile.ts';
import { steadyFile } from '../profile/steady-file.ts';
import { telemetryWords } from '../profile/telemetry-settings.ts';
import { seconds } from '../units.ts';
import type { Records } from '../vault/vault.ts';

export type FileKind = 'config' | 'policy';

export interface OwnFiles {
  /** The profiles that hold, since the start of the agent or since a first configuration was adopted: a change takes effect with the next start. */
  readonly config: Config;
  /**
   * Reads the configuration where the agent has begun without one, so that it need not start anew; as at a start, somebody has yet to
   * sign in with it.
   *
   * @returns false, and nothing has happened: there is one already, there was one that is lost, or there is no file
   * @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP
   */
  adopt(): Promise<boolean>;
  /**
   * The company says something else of the configuration than it did, or nothing any more: what is new is used at once, and what cannot be
   * waits for the next start, which is said.
   */
  followCompany(): Promise<void>;
  /** Whoever manages this device no longer will: their configuration is used no more, and `adopt` brings back the person's own. */
  leaveCompany(): void;
  /** A person has approved a configuration of their own here, be it lost. */
  isOwnApproved(): boolean;
  /** Somebody has signed in with this configuration, or approved it with a tap; a first one that nobody has used yet has only been read. */
  configApproved(): boolean;
  /** CONFIG_UNAPPROVED (reason: lost), where no configuration holds because the approved one is lost; null: it is not. */
  lostConfig(): AppError | null;
  /** The configuration that holds, to the byte; null: there is none. */
  held(): Buffer | null;
  /** Told of each configuration that a tap has approved; true: all it says is in use, and nothing waits for the next start. */
  onApproved(take: (config: Config) => Promise<boolean>): void;
  policy(): LoadedPolicy;
  /** The policy that holds is the one that asks nobody. */
  isUnattended(): boolean;
  view(): PolicyView;
  /** What is wrong with the files as they lie there, or not yet approved. */
  problems(): Failure[];
  notes(): string[];
  /** What approving this content would mean, in words. */
  words(kind: FileKind, hash: string): string[];
  /** @throws AppError ASK_UNKNOWN: the file has changed again */
  approve(kind: FileKind, hash: string, how: string): Promise<void>;
  /** Somebody has signed in with the configuration that holds, which approves the first one. */
  provenBySignIn(): Promise<void>;
  /** After a reset another configuration may be the first; the policy that was approved goes on holding. @throws AppError DISK_FULL */
  forgetConfig(): Promise<void>;
  /** Told of each content that waits for approval until it says true, which is that the person is being asked. */
  watch(ask: (kind: FileKind, hash: string) => boolean): void;
  /** Looks at the files now, as it does every few seconds. */
  look(): Promise<void>;
  onChange(listener: () => void): void;
  close(): void;
}

interface Waiting {
  hash: string;
  bytes: Buffer;
  /** As `contentOf` has it: what approving the configuration approves of the file with authorities. */
  caContent: string | null;
}

/**
 * What was approved, by SHA-256; null: nothing. Kept apart from the bytes, so that taking those away, or bringing older ones back, does not
 * make the next file that lies there a first one.
 */
const marksSchema = z.strictObject({
  version: z.literal(1),
  config: z.string().nullable(),
  policy: z.string().nullable(),
  caContent: z.string().nullable(),
});
type Marks = z.output<typeof marksSchema>;
const MARKS = 'approved';

/** How soon a change of a file is noticed. */
const lookEvery = seconds(10);
/** Stands in the marks where nothing of the person's own was approved, because their company's configuration was in use. */
const OF_COMPANY = 'company';
/** Stands where something was approved that can no longer be read; it parses as neither kind of file. */
const LOST = Buffer.from('lost');
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** Also says which kind it is: the bytes of one must never be taken for the other. */
const recordOf = (kind: FileKind): string => `approved-${kind}`;

export async function openOwnFiles(parts: {
  places: Pick<Places, 'config' | 'policy'>;
  /** Open while everything else is locked. */
  vault: Pick<Records, 'seal' | 'open' | 'erase'>;
  /** Whether anything but the records here shows that somebody has signed in on this machine: a tap key, a session in the vault. */
  wasUsed: () => Promise<boolean>;
  /** The configuration of whoever manages this device: it holds in the place of the person's own. */
  ofCompany?: () => { readonly organization: string; readonly config: Config } | null;
  /** Somebody manages this device, and what they say is not there yet. */
  isAwaited?: () => boolean;
  clock: Clock;
  audit: AuditLog;
  log: Log;
}): Promise<OwnFiles> {
  const { places, vault, clock, audit, log, ofCompany = () => null, isAwaited = () => false } = parts;
  const pathOf: Record<FileKind, string> = { config: places.config, policy: places.policy };
  const lookInto = {
    config: steadyFile(places.config, clock, () => readOwn('config')),
    policy: steadyFile(places.policy, clock, () => readOwn('policy')),
  };
  const waiting = new Map<FileKind, Waiting>();
  const told = new Map<FileKind, string>();
  const broken = new Map<FileKind, Failure>();
  const listeners: (() => void)[] = [];
  const lost = new Set<FileKind>();
  let marksLost = false;
  let marks = await openMarks();
  const approved: Record<FileKind, Buffer | null> = { config: await openApproved('config'), policy: await openApproved('policy') };
  let takeUp: (config: Config) => Promise<boolean> = async () => false;
  let ask: (kind: FileKind, hash: string) => boolean = () => false;
  let adopted: Buffer | null = null;
  let caContent = marks?.caContent ?? null;
  let looked: { bytes: Buffer; caFile: string | undefined } | undefined;
  let adopting = false;
  /** The person's own was not used because the company's was awaited. */
  let heldBack = false;
  /** The company's configuration that was last taken up; null: it is the person's own that is in use. */
  let taken: Config | null = null;
  /** What holds from the next start, in words; null: nothing waits for it. */
  let restart: string | null = null;
  let closed = false;
  let cancel = (): void => undefined;

  for (const kind of lost) recordRejected(kind, lostError(kind));
  if (marks === null && (marksLost || approved.config !== null || approved.policy !== null)) await keepMarks({});
  let config = await firstConfig();
  let policy = firstPolicy();
  await look();
  schedule();

  /**
   * What was approved, where it can be read and still makes sense to this version of the program.
   *
   * What cannot is given up, said, and remembered as lost: were it forgotten, whoever damages the record could have any file taken for
   * the first one. For a policy that leaves the built-in one; for a configuration, nothing until a reset.
   */
  async function openApproved(kind: FileKind): Promise<Buffer | null> {
    const mark = marks?.[kind];
    const kept = await openKept(kind);
    let holds = kept !== null;
    // check: approved-as-marked
    if (mark !== undefined && kept !== null && hashOf(kept) !== mark) holds = false;
    // end check
    if (holds) return kept;
    const same = await readAsMarked(kind, mark);
    if (same !== null) return same;
    // check: approved-missing-is-lost
    if (await wasApproved(kind, mark)) lost.add(kind);
    // end check
    return null;
  }

  /** Nobody signs in or enrols a key but under a configuration that is approved with that. Whether a policy was, only the marks know. */
  async function wasApproved(kind: FileKind, mark: string | null | undefined): Promise<boolean> {
    if (mark === OF_COMPANY) return false;
    if (typeof mark === 'string' || marksLost) return true;
    return (kind === 'config' || mark === undefined) && (await parts.wasUsed());
  }

  /** The file as it lies there, where it is what was approved. */
  async function readAsMarked(kind: FileKind, mark: string | null | undefined): Promise<Buffer | null> {
    if (typeof mark !== 'string') return null;
    try {
      const bytes = await readOwn(kind);
      if (bytes === null || hashOf(bytes) !== mark) return null;
      parse(kind, bytes);
      await vault.seal(recordOf(kind), bytes);
      lost.delete(kind);
      return bytes;
    } catch (error) {
      if (hasCode(error, 'POLICY_INVALID', 'CONFIG_INVALID', 'CONFIG_PLAIN_HTTP')) return null;
      throw error;
    }
  }

  async function openMarks(): Promise<Marks | null> {
    try {
      const bytes = await vault.open(MARKS);
      return bytes === null ? null : marksSchema.parse(JSON.parse(bytes.toString('utf8')));
    } catch (error) {
      if (!hasCode(error, 'VAULT_CORRUPT')) throw error;
      marksLost = true;
      return null;
    }
  }

  async function keepMarks(change: Partial<Marks>): Promise<void> {
    const of = (kind: FileKind): string | null =>
      marks?.[kind] ?? (approved[kind] === null ? (lost.has(kind) ? 'lost' : null) : hashOf(approved[kind]));
    // Of the person's own: what the company's names is none of theirs.
    const ofOwn = taken === null ? caContent : (marks?.caContent ?? null);
    marks = { version: 1, config: of('config'), policy: of('policy'), caContent: ofOwn, ...change };
    await vault.seal(MARKS, Buffer.from(JSON.stringify(marks)));
  }

  async function openKept(kind: FileKind): Promise<Buffer | null> {
    try {
      const bytes = await vault.open(recordOf(kind));
      if (bytes !== null) parse(kind, bytes);
      return bytes;
    } catch (error) {
      if (!hasCode(error, 'VAULT_CORRUPT', 'POLICY_INVALID', 'CONFIG_INVALID', 'CONFIG_PLAIN_HTTP')) throw error;
      if (error.code === 'VAULT_CORRUPT') await vault.seal(recordOf(kind), LOST);
      lost.add(kind);
      return null;
    }
  }

  /** What was approved; else the one that comes with the program: another one where nobody could ever approve anything. */
  function firstPolicy(): LoadedPolicy {
    if (approved.policy !== null) return parse('policy', approved.policy) as LoadedPolicy;
    let asksNobody = config.profiles.size === 0 && config.servicePrincipals.size > 0;
    // check: unattended-not-after-people
    // Whoever has approved a policy here is still to be asked.
    if (lost.has('policy')) asksNobody = false;
    // end check
    return asksNobody ? unattendedPolicy() : builtInPolicy();
  }

  const isUnattended = (): boolean => policy.hash === 'built-in-unattended';

  /** What was approved; else the file as it lies there, which somebody has yet to sign in with. */
  async function firstConfig(): Promise<Config> {
    const its = ofCompany();
    // check: config-of-company
    if (its !== null) {
      await noteCompany();
      taken = its.config;
      caContent = contentOf(its.config.network.caFile);
      return withAuthorities(its.config);
    }
    // end check
    heldBack = isAwaited();
    // check: config-held-back
    // It may name authorities, providers and groups of the person's own, which nobody has allowed yet.
    if (heldBack) return noConfig;
    // end check
    if (approved.config !== null) return withAuthorities(readConfig(approved.config, places.config));
    // check: approved-config-lost-is-not-first
    if (lost.has('config')) return noConfig;
    // end check
    const bytes = await readOwn('config');
    if (bytes === null) return noConfig;
    const read = readConfig(bytes, places.config);
    adopted = bytes;
    caContent = contentOf(read.network.caFile);
    return withAuthorities(read);
  }

  /** Once the company's is no more, nothing of the person's own is lost that was never approved. */
  async function noteCompany(): Promise<void> {
    if (approved.config === null && !lost.has('config') && marks?.config !== OF_COMPANY) await keepMarks({ config: OF_COMPANY });
  }

  function withAuthorities(read: Config): Config {
    return read.network.caFile === undefined ? read : { ...read, network: { ...read.network, caContent } };
  }

  /** @returns null where there is no such file. @throws AppError CONFIG_INVALID: others could have written it, or it is too large */
  async function readOwn(kind: FileKind): Promise<Buffer | null> {
    try {
      return await readConfigFile(pathOf[kind]);
    } catch (error) {
      if (hasCode(error, 'CONFIG_MISSING')) return null;
      throw error;
    }
  }

  function isHolding(kind: FileKind, bytes: Buffer): boolean {
    const holds = approved[kind] ?? (kind === 'config' ? adopted : null);
    return holds?.equals(bytes) === true;
  }

  /** Told again without parsing while the file stays as it is. */
  function caFileOf(bytes: Buffer): string | undefined {
    if (!looked?.bytes.equals(bytes)) looked = { bytes, caFile: readConfig(bytes, places.config).network.caFile };
    return looked.caFile;
  }

  async function lookAt(kind: FileKind): Promise<void> {
    if (kind === 'config' && (ofCompany() !== null || isAwaited())) return void waiting.delete(kind);
    try {
      const bytes = await lookInto[kind]();
      broken.delete(kind);
      // A file that is gone changes nothing: taking one away is a change too.
      if (bytes === null) return void waiting.delete(kind);
      const caFile = kind === 'config' ? caFileOf(bytes) : undefined;
      if (isHolding(kind, bytes) && !isChanged({ caFile, caContent })) return void waiting.delete(kind);
      parse(kind, bytes);
      const next = contentOf(caFile);
      waiting.set(kind, { hash: next === null ? hashOf(bytes) : hashOf(Buffer.from(hashOf(bytes) + next)), bytes, caContent: next });
    } catch (error) {
      waiting.delete(kind);
      noteBroken(kind, asAppError(error));
    }
  }

  function noteBroken(kind: FileKind, error: AppError): void {
    const failure = error.toFailure();
    const before = broken.get(kind);
    broken.set(kind, failure);
    if (before?.code !== failure.code || before.detail !== failure.detail) recordRejected(kind, error);
  }

  function recordRejected(kind: FileKind, error: AppError): void {
    const { code } = error;
    if (kind === 'policy') audit.append({ type: 'policy.rejected', source: places.policy, digest: '', code, reason: error.reason ?? '' });
    else audit.append({ type: 'config.rejected', digest: '', code });
  }

  function parse(kind: FileKind, bytes: Buffer): unknown {
    return kind === 'policy' ? loadPolicy(bytes, places.policy) : readConfig(bytes, places.config);
  }

  async function look(): Promise<void> {
    const before = fingerprint();
    for (const kind of ['config', 'policy'] as const) await lookAt(kind);
    for (const [kind, { hash }] of waiting) tell(kind, hash);
    if (fingerprint() !== before) changed();
  }

  function fingerprint(): string {
    return JSON.stringify([[...waiting].map(([kind, { hash }]) => [kind, hash]), [...broken]]);
  }

  function tell(kind: FileKind, hash: string): void {
    if (told.get(kind) === hash) return;
    try {
      if (ask(kind, hash)) told.set(kind, hash);
    } catch (error) {
      log('own-files.not-asked', { kind, code: asAppError(error).code });
    }
  }

  function schedule(): void {
    if (closed) return;
    cancel = clock.after(lookEvery, () => {
      void look()
        .catch((error: unknown) => log('own-files.not-read', { code: asAppError(error).code }))
        .finally(schedule);
    });
  }

  function changed(): void {
    for (const listener of listeners) listener();
  }

  async function keep(kind: FileKind, bytes: Buffer): Promise<void> {
    // The mark first: after a crash in between, what it names is found in the file.
    await keepMarks({ [kind]: hashOf(bytes), ...(kind === 'config' ? { caContent } : {}) });
    await vault.seal(recordOf(kind), bytes);
    lost.delete(kind);
    approved[kind] = bytes;
    waiting.delete(kind);
  }

  async function useApproved(next: Config, words: string): Promise<void> {
    const isUsed = await takeUp(next);
    if (isUsed) config = next;
    restart = isUsed ? null : words;
  }

  function companyWords(): string[] {
    const its = ofCompany();
    if (its === null) return [];
    return [`The configuration is ${its.organization}’s; ${places.config} is not used.`];
  }

  function waitingFor(kind: FileKind, hash: string): Waiting {
    const found = waiting.get(kind);
    // check: approved-is-what-was-shown
    if (found?.hash !== hash) throw new AppError('ASK_UNKNOWN');
    // end check
    return found;
  }

  return {
    get config() {
      return config;
    },
    async adopt() {
      // check: adopt-once
      // Two that read at once could take one file into use and have the other approved by the sign-in.
      if (adopting) return false;
      // end check
      // check: adopt-first-only
      if (config !== noConfig || (approved.config !== null && ofCompany() === null && !heldBack) || adopted !== null) return false;
      // end check
      adopting = true;
      config = await firstConfig().finally(() => {
        adopting = false;
      });
      if (config === noConfig) return false;
      policy = firstPolicy();
      waiting.delete('config');
      broken.delete('config');
      changed();
      return true;
    },
    async followCompany() {
      const { organization = '', config: its = null } = ofCompany() ?? {};
      if (isAwaited() || isDeepStrictEqual(its, taken)) return;
      taken = its;
      if (its === null) restart = 'Your company leaves the configuration to you again';
      else {
        await noteCompany();
        const before = caContent;
        caContent = contentOf(its.network.caFile);
        await useApproved(withAuthorities(its), `${organization} has changed the configuration`);
        if (restart !== null) caContent = before;
      }
      waiting.delete('config');
      changed();
    },
    leaveCompany() {
      if (taken === null) return;
      [config, taken, adopted, caContent] = [noConfig, null, null, marks?.caContent ?? null];
      // As where it was held back: what the person had approved is used again.
      [heldBack, restart] = [true, null];
    },
    isOwnApproved: () => approved.config !== null || lost.has('config'),
    configApproved: () => approved.config !== null || ofCompany() !== null,
    lostConfig: () => (lost.has('config') && ofCompany() === null ? lostError('config') : null),
    held: () => approved.config ?? adopted,
    onApproved(take) {
      takeUp = take;
    },
    policy: () => policy,
    isUnattended,
    view: () => ({
      ...{ id: policy.id, revision: policy.revision, hash: policy.hash, mode: policy.mode },
      source: approved.policy === null ? 'built-in' : places.policy,
      expires: policy.expires === null ? null : new Date(policy.expires).toISOString(),
    }),
    problems: () => [
      ...[...lost].filter((kind) => kind !== 'config' || ofCompany() === null).map((kind) => lostError(kind).toFailure()),
      ...broken.values(),
      ...(waiting.has('policy') ? [new AppError('POLICY_UNAPPROVED').toFailure()] : []),
      ...(waiting.has('config') ? [new AppError('CONFIG_UNAPPROVED').toFailure()] : []),
    ],
    notes: () => [
      ...(restart === null ? [] : [`${restart}; it holds from the next start: \`lakepass agent --stop\`.`]),
      ...(isUnattended() ? [nobodyAsked] : []),
      ...companyWords(),
      ...unboundWords(config),
    ],
    words(kind, hash) {
      const { bytes, caContent: content } = waitingFor(kind, hash);
      // Whoever has changed the file can compare it; two files can say the same of themselves.
      const told = `The SHA-256 of the file begins with ${hashOf(bytes).slice(0, 16)}.`;
      if (kind === 'config') return [...wordsOfConfig(readConfig(bytes, places.config), content), told];
      const next = loadPolicy(bytes, places.policy);
      return [`Policy "${next.id}", revision ${next.revision}, is to hold from now on.`, ...next.warnings, told];
    },
    async approve(kind, hash, how) {
      const { bytes, caContent: content } = waitingFor(kind, hash);
      const next = kind === 'policy' ? loadPolicy(bytes, places.policy) : undefined;
      if (next === undefined) audit.append({ type: 'config.activated', digest: hash, approved: how });
      else {
        const { id, revision, mode } = next;
        audit.append({ type: 'policy.activated', source: places.policy, policy: id, revision, digest: hash, mode, approved: how });
      }
      if (next === undefined) caContent = content;
      await keep(kind, bytes);
      if (next === undefined) await useApproved(withAuthorities(readConfig(bytes, places.config)), 'A changed configuration was approved');
      else policy = next;
      changed();
    },
    async provenBySignIn() {
      // Nothing of the person's own was approved here, which must not be taken for lost at the next start.
      if (ofCompany() !== null) await noteCompany();
      if (approved.config !== null || adopted === null) return;
      audit.append({ type: 'config.activated', digest: hashOf(adopted), approved: 'sign-in' });
      await keep('config', adopted);
    },
    async forgetConfig() {
      await keepMarks({ config: null, caContent: null });
      await vault.erase(recordOf('config'));
      approved.config = null;
      lost.delete('config');
    },
    watch(listener) {
      ask = listener;
      for (const [kind, { hash }] of waiting) tell(kind, hash);
    },
    look,
    onChange: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      cancel();
    },
  };
}

const wordsOfConfig = ({ profiles, servicePrincipals, network, audit, telemetry }: Config, caContent: string | null): string[] => [
  'The configuration file was changed: where you sign in, and which workspaces there are.',
  ...(profiles.size > 0 ? [] : [nobodyAsked]),
  // Whoever has one of these in their hands reads every password and token on its way.
  ...(network.caFile === undefined
    ? []
    : [`Certificates are believed of the authorities in ${network.caFile}, too${authoritiesWords(caContent)}.`]),
  ...audit.sinks.map((sink) => `Records of what you and your programs do go to ${placeOfSink(sink)}.`),
  ...telemetryWords(telemetry),
  ...[...profiles.values()].map(({ name, idp, workspaces, federation }) => {
    const actAs =
      federation.servicePrincipals?.map(({ group, clientId }) => `; members of ${group} act as service principal ${clientId}`) ?? [];
    const loose = idp.dpop === 'off' ? '; refresh tokens not bound to a key' : '';
    const groupsAt = idp.groupsEndpoint === undefined ? '' : `; its access token goes to ${new URL(idp.groupsEndpoint).origin} for groups`;
    return `${name}: sign-in at ${idp.issuer}, workspaces ${hostsOf(workspaces)}${groupsAt}${loose}${actAs.join('')}`;
  }),
  ...[...servicePrincipals.values()].map(
    ({ name, clientId, workload, workspaces }) =>
      `${name}: service principal ${clientId} by ${workload === undefined ? 'its secret' : `the JWT in ${'file' in workload ? workload.file : `$${workload.env}`}`}, workspaces ${hostsOf(workspaces)}`,
  ),
];

function authoritiesWords(content: string | null): string {
  if (content === null) return ', once it can be read and is approved';
  return /^[0-9a-f]{64}$/.test(content) ? `, as that file is now (its SHA-256 begins with ${content.slice(0, 16)})` : '';
}

const nobodyAsked = 'The configuration names no people, so programs get tokens of its service principals without anybody being asked.';

const unboundWords = ({ profiles }: Config): string[] =>
  [...profiles.values()]
    .filter(({ idp }) => idp.dpop === 'off')
    .map(({ name }) => `The refresh token of ${name} is not bound to a key (\`idp.dpop: off\`): a copy of it is of use to a thief.`);

const hostsOf = (workspaces: Profile['workspaces']): string => workspaces.map(({ host }) => host).join(', ');

const lostError = (kind: FileKind): AppError =>
  kind === 'policy'
    ? new AppError('POLICY_UNAPPROVED', {
        reason: 'lost',
        detail: 'What was approved can no longer be read, so the built-in policy holds.',
      })
    : new AppError('CONFIG_UNAPPROVED', {
        reason: 'lost',
        detail: 'What was approved can no longer be read; `lakepass reset` begins anew.',
      });
