/**
 * Reads the configuration file: one YAML file, parsed once into profiles that the rest of the program trusts.
 *
 * Every refusal names the file, the line, the column and what to write instead; none of them quotes a value.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../app-error.ts';
import type { AuditSettings } from './audit-settings.ts';
import { configJsonSchema, problemFrom } from './config-problems.ts';
import { isAcceptedAddress } from './plain-http.ts';
import { type Config, configSchema, type Profile, type ServicePrincipal, type TokenOwner, type Workspace } from './profile.ts';
import { ConfigProblem, readYaml, type YamlSource } from './yaml-source.ts';

const LARGEST_FILE = 256 * 1024;

/**
 * The profiles of the file, with every default filled in, every length of time in milliseconds and every workspace host
 * written as its origin.
 *
 * @throws AppError CONFIG_MISSING: there is no such file
 * @throws AppError CONFIG_INVALID: it cannot be read, is not YAML, does not fit the schema, or others can write it
 * @throws AppError CONFIG_PLAIN_HTTP: an issuer or a workspace with plain http outside a test profile, or on another host than
 *   exactly localhost or 127.0.0.1
 */
export async function loadConfig(file: string): Promise<Config> {
  return readConfig(await readConfigFile(file), file);
}

/**
 * The same, from the file's bytes.
 *
 * @param file its name, for what is said about it
 * @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP, as `loadConfig`
 */
export function readConfig(bytes: Uint8Array, file: string): Config {
  try {
    return parseConfig(new TextDecoder().decode(bytes), file);
  } catch (error) {
    if (error instanceof ConfigProblem) throw invalid(file, error);
    throw error;
  }
}

/**
 * The workspace of a profile by its short name or its host; the only one when none is named.
 *
 * @throws AppError WORKSPACE_UNKNOWN: no such workspace, or several and none was named
 */
export function workspaceOf(profile: Pick<TokenOwner, 'workspaces'>, nameOrHost: string | undefined): Workspace {
  const [found, ...others] = workspacesMeant(profile, nameOrHost);
  if (found && others.length === 0) return found;
  const names = profile.workspaces.map(({ name }) => name).join(', ');
  throw new AppError('WORKSPACE_UNKNOWN', { reason: found ? 'several' : 'none', detail: `The profile has: ${names}.` });
}

function workspacesMeant({ workspaces }: Pick<TokenOwner, 'workspaces'>, nameOrHost: string | undefined): Workspace[] {
  const origin = nameOrHost !== undefined && URL.canParse(nameOrHost) ? new URL(nameOrHost).origin : undefined;
  return workspaces.filter(({ name, host }) => nameOrHost === undefined || name === nameOrHost || host === origin);
}

/**
 * The bytes of the file, once it is shown that nobody else can write it.
 *
 * @throws AppError CONFIG_MISSING | CONFIG_INVALID (reason: size, owner, mode, unreadable)
 */
export async function readConfigFile(file: string): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { size, uid, gid, mode } = await handle.stat();
    // check: config-size
    if (size > LARGEST_FILE) throw new AppError('CONFIG_INVALID', { reason: 'size', detail: `${file} is larger than 256 KiB.` });
    // end check
    refuseOthersFile(file, { uid, gid, mode });
    return await handle.readFile();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new AppError('CONFIG_MISSING', { detail: `Looked for ${file}.`, cause: error });
    throw new AppError('CONFIG_INVALID', { reason: 'unreadable', detail: `${file} cannot be read (${code ?? 'unknown'}).`, cause: error });
  } finally {
    await handle?.close();
  }
}

/** The file says whom we trust, so nobody else may write it; an administrator may own it, and the user's own group may share it. */
function refuseOthersFile(file: string, { uid, gid, mode }: { uid: number; gid: number; mode: number }): void {
  const [user, group] = [process.getuid?.(), process.getgid?.()];
  if (user === undefined) return;
  const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== group);
  // check: config-file-own
  if (uid !== user && uid !== 0) throw othersFile(file, 'owner', `belongs to user ${uid}`);
  if (isShared) throw othersFile(file, 'mode', 'can be written by others; close it with chmod go-w');
  // end check
}

const othersFile = (file: string, reason: string, what: string) => new AppError('CONFIG_INVALID', { reason, detail: `${file} ${what}.` });

function parseConfig(text: string, file: string): Config {
  const source = readYaml(text);
  const parsed = configSchema.safeParse(source.value);
  if (!parsed.success) throw problemFrom(parsed.error, source, configJsonSchema());
  const profiles = Object.entries(parsed.data.profiles).map(([name, profile]): [string, Profile] => {
    refusePlainHttp(profile, ['profiles', name], source, file);
    return [name, { ...profile, workspaces: readWorkspaces(profile, ['profiles', name], source), name }];
  });
  const servicePrincipals = Object.entries(parsed.data.servicePrincipals).map(([name, principal]): [string, ServicePrincipal] => {
    const path = ['servicePrincipals', name];
    // check: config-one-name-space
    if (Object.hasOwn(parsed.data.profiles, name))
      throw new ConfigProblem(source.placeOfKey(['servicePrincipals'], name), 'A profile has this name already.', 'Choose another one.');
    // end check
    refusePlainHttp(principal, path, source, file);
    return [name, { ...principal, workspaces: readWorkspaces(principal, path, source), name }];
  });
  requireTables(parsed.data.audit, new Map<string, TokenOwner>([...profiles, ...servicePrincipals]), source);
  return {
    profiles: new Map(profiles),
    servicePrincipals: new Map(servicePrincipals),
    network: parsed.data.network,
    audit: parsed.data.audit,
    telemetry: parsed.data.telemetry,
  };
}

/** A table of records is in a workspace that the file names, too. */
function requireTables({ sinks }: AuditSettings, owners: ReadonlyMap<string, TokenOwner>, source: YamlSource): void {
  sinks.forEach(({ databricks }, at) => {
    if (databricks === undefined) return;
    const place = (key: string) => source.placeOf(['audit', 'sinks', at, 'databricks', key]);
    const owner = owners.get(databricks.profile);
    if (owner === undefined)
      throw new ConfigProblem(
        place('profile'),
        'No profile and no service principal has this name.',
        'Write the name of one in this file.',
      );
    if (workspacesMeant(owner, databricks.workspace).length !== 1)
      throw new ConfigProblem(
        place('workspace'),
        'It is not clear which workspace has the table.',
        'Write the name or host of one of the profile.',
      );
  });
}

type Path = readonly (string | number)[];

function refusePlainHttp(
  of: { test: boolean; idp?: { issuer: string }; workspaces: readonly Workspace[] },
  path: Path,
  source: YamlSource,
  file: string,
): void {
  const addresses: [string, Path][] = of.workspaces.map(({ host }, index) => [host, [...path, 'workspaces', index, 'host']]);
  if (of.idp !== undefined) addresses.unshift([of.idp.issuer, [...path, 'idp', 'issuer']]);
  for (const [address, place] of addresses) {
    // check: config-plain-http
    if (!isAcceptedAddress(address, of)) throw plainHttp(file, source, place);
    // end check
  }
}

/** With every host as its origin. */
function readWorkspaces({ workspaces }: { workspaces: readonly Workspace[] }, path: Path, source: YamlSource): Workspace[] {
  const read = workspaces.map((workspace) => ({ ...workspace, host: new URL(workspace.host).origin }));
  read.forEach((workspace, index) => {
    const place = source.placeOf([...path, 'workspaces', index]);
    refuseDouble(workspace, read.slice(0, index), place);
    // The hosts of Databricks' account consoles: they have no workspace, and their tokens come from another endpoint.
    if (/^https:\/\/accounts(-dod)?\./.test(workspace.host) && workspace.accountId === undefined)
      throw new ConfigProblem(place, 'This host serves accounts, not a workspace.', 'Add the `accountId`.');
  });
  return read;
}

/** Two workspaces under one name or one host: which of them was meant would depend on their order. */
function refuseDouble(workspace: Workspace, earlier: readonly Workspace[], place: ConfigProblem['place']): void {
  const isDouble = earlier.some(({ name, host }) => name === workspace.name || host === workspace.host);
  // check: config-workspace-twice
  if (isDouble) throw new ConfigProblem(place, 'This workspace stands twice in the profile.', 'Keep one of them.');
  // end check
}

const plainHttp = (file: string, source: YamlSource, path: Path) => {
  const { line, column } = source.placeOf(path);
  return new AppError('CONFIG_PLAIN_HTTP', { reason: String(path.at(-1)), detail: `${file}:${line}:${column}: ${path.join('.')}.` });
};

const invalid = (file: string, problem: ConfigProblem) =>
  new AppError('CONFIG_INVALID', {
    detail: `${file}:${problem.place.line}:${problem.place.column}: ${problem.message} ${problem.fix}`,
    cause: problem,
  });
