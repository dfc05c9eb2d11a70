/**
 * What other Databricks tools are told about signing in: variables and the profile file. Names are read and kept; of the values, only
 * whether a section asks a metadata service, and what has become of the address it asks. A value may be a token, and none leaves this file.
 */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { MetadataAddress } from './far-facts.ts';

/** Variables that name another way to sign in, or another profile. */
const rivalNames =
  /^(DATABRICKS_(TOKEN|USERNAME|PASSWORD|CLIENT_ID|CLIENT_SECRET|CONFIG_PROFILE|AUTH_TYPE|CLI_PATH|GOOGLE_SERVICE_ACCOUNT|OIDC_TOKEN(_ENV|_FILE|_FILEPATH)?|DISCOVERY_URL)|ARM_(CLIENT_ID|CLIENT_SECRET|TENANT_ID|USE_MSI)|GOOGLE_CREDENTIALS)$/;

/** Names of the variables that would win over a profile that asks Lakepass; none where the environment itself does so. */
export function rivalVariables(env: NodeJS.ProcessEnv): string[] {
  if (env['DATABRICKS_AUTH_TYPE'] === 'metadata-service') return [];
  return Object.keys(env)
    .filter((name) => rivalNames.test(name) && env[name] !== '')
    .sort();
}

/** The same of names alone, as another process has told them. */
export function rivalsAmong(names: readonly string[]): string[] {
  return names.filter((name) => rivalNames.test(name)).sort();
}

export interface DatabricksProfile {
  name: string;
  asksLakepass: boolean;
  /** What became of the address that it asks, as `judge` says; null where it names none. */
  address: MetadataAddress | null;
  /** Names of the settings by which it signs in otherwise. */
  signsInBy: string[];
  /** One of them is a secret that does not end by itself. */
  hasSecret: boolean;
}

type Judge = (address: string) => MetadataAddress;

const LARGEST_BYTES = 1024 * 1024;
/** Of settings by which a section signs in, those that are secrets. */
const secretSettings = ['token', 'password', 'client_secret', 'azure_client_secret', 'google_credentials'];
const signInSettings = [
  ...secretSettings,
  'auth_type',
  'username',
  'client_id',
  'azure_client_id',
  'azure_use_msi',
  'google_service_account',
];
/** A name that is not of this form could be anything, and is not repeated. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * The sections of ~/.databrickscfg, or of the file that DATABRICKS_CONFIG_FILE names; null where there is none.
 *
 * @param judge what has become of a metadata address; the address, which is a secret, goes nowhere else
 * @throws the system's error where the file is there and cannot be read
 */
export async function readDatabricksProfiles(
  env: NodeJS.ProcessEnv,
  judge: Judge = () => 'elsewhere',
): Promise<DatabricksProfile[] | null> {
  const home = env['HOME'] || homedir();
  const named = env['DATABRICKS_CONFIG_FILE'];
  const file = named ? named.replace(/^~(?=\/)/, home) : join(home, '.databrickscfg');
  const text = await readSmallFile(file);
  return text === null ? null : sectionsOf(text, judge);
}

/** Never waits for a pipe, and takes no more than a profile file has. */
async function readSmallFile(file: string): Promise<string | null> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > LARGEST_BYTES) throw new Error('no profile file');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** As the tools read it: `[section]`, `name = value` or `name: value`, lines that begin with # or ; are comments. */
function sectionsOf(text: string, judge: Judge): DatabricksProfile[] {
  const sections = new Map<string, DatabricksProfile>();
  let current: DatabricksProfile | undefined;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[([^\]]*)\]/.exec(line)?.[1];
    if (section !== undefined) {
      let name = section.trim();
      // check: doctor-plain-section-name
      if (!plainName.test(name)) name = '(a section of another name)';
      // end check
      current = sections.get(name) ?? { name, asksLakepass: false, address: null, signsInBy: [], hasSecret: false };
      sections.set(name, current);
    } else if (current !== undefined) readSetting(line, current, judge);
  }
  return [...sections.values()];
}

function readSetting(line: string, section: DatabricksProfile, judge: Judge): void {
  // What follows is cut by hand: an expression for its end would look at a long run of spaces once for each of them.
  const [, name = '', rest = ''] = /^\s*([a-z_]{1,64})\s*[=:](.*)$/is.exec(line) ?? [];
  const setting = name.toLowerCase();
  const value = rest.trim();
  if (setting === 'metadata_service_url' && value !== '') section.address = judge(value);
  if (value === '' || !signInSettings.includes(setting)) return;
  if (setting === 'auth_type' && value === 'metadata-service') {
    section.asksLakepass = true;
    return;
  }
  if (!section.signsInBy.includes(setting)) section.signsInBy.push(setting);
  section.hasSecret ||= secretSettings.includes(setting);
}
