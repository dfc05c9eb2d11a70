/**
 * What may be asked of a workspace: the scopes Databricks knows, as data, and plain names for sets of them. A word that stands
 * for "everything", or for the identity of a person, must never get through here.
 */
import { AppError } from '../app-error.ts';

/** Names differ between clouds and change with time: this table is data with a date, not a contract of the service. */
export const catalogueDate = '2026-08-20';

/** Scopes of the workspace APIs. A workspace grants account-wide rights to none of them: that depends on who issues the token. */
const workspaceScopes = [
  ...['access-management', 'alerts', 'apps', 'authentication', 'cleanrooms', 'clusters', 'command-execution', 'dashboards'],
  ...['dataclassification', 'dataquality', 'files', 'genie', 'global-init-scripts', 'identity', 'instance-pools', 'jobs'],
  ...['knowledge-assistants', 'libraries', 'marketplace', 'mlflow', 'model-serving', 'networking', 'notifications', 'pipelines'],
  ...['postgres', 'qualitymonitor', 'query-history', 'scim', 'secrets', 'settings', 'sharing', 'sql', 'tags', 'unity-catalog'],
  ...['vector-search', 'workspace'],
] as const;

/** Who is asking, and what the groups of that person may do: read-only. */
const currentUserScopes = ['iam.current-user:read', 'iam.access-control:read'] as const;

/** Seen in documentation of managed MCP servers and in error texts only. */
const newerScopes = ['ai-search', 'ai-gateway', 'tiles.manage'] as const;

/** The second vocabulary: what Databricks Apps ask for on behalf of a person. */
const appScopes = [
  ...['dashboards.genie', 'files.files', 'serving.serving-endpoints', 'sql.statement-execution', 'sql.warehouses'],
  ...['vectorsearch.vector-search-indexes', 'vectorsearch.vector-search-endpoints', 'workspace.workspace'],
  ...['catalog.connections', 'catalog.catalogs:read', 'catalog.schemas:read', 'catalog.tables:read'],
  ...['mcp.genie', 'mcp.functions', 'mcp.vectorsearch', 'mcp.external'],
] as const;

/** The vocabulary of the account APIs. Which of the two a token opens depends on the endpoint that issues it, not on the scope's name. */
const accountScopes = [
  ...['access-management', 'authentication', 'billing', 'identity', 'networking', 'provisioning', 'scim', 'settings', 'unity-catalog'],
] as const;

export type Scope = (
  | typeof workspaceScopes
  | typeof accountScopes
  | typeof currentUserScopes
  | typeof newerScopes
  | typeof appScopes
)[number];

/** Every scope that may be asked of a workspace, sorted. */
export const scopeCatalogue: readonly Scope[] = [...workspaceScopes, ...currentUserScopes, ...newerScopes, ...appScopes].sort();

/** Every scope that may be asked of an account, sorted. */
export const accountScopeCatalogue: readonly Scope[] = [...accountScopes].sort();

/** What tokens are for: one workspace, or the account above it. A policy names scopes of either. */
export type Level = 'workspace' | 'account' | 'either';
export const levelOf = ({ accountId }: { readonly accountId?: string | undefined }): Level =>
  accountId === undefined ? 'workspace' : 'account';

const catalogues: Readonly<Record<Level, ReadonlySet<string>>> = {
  workspace: new Set(scopeCatalogue),
  account: new Set(accountScopeCatalogue),
  either: new Set([...scopeCatalogue, ...accountScopeCatalogue]),
};

/** Words that Databricks knows and that are refused all the same, with the reason a person is told. */
const refusedWords: ReadonlyMap<string, { reason: string; detail: string }> = new Map([
  ['all-apis', { reason: 'everything', detail: '"all-apis" opens every API; name the bundles or scopes that the work needs.' }],
  ...['openid', 'email', 'profile'].map(
    (word) => [word, { reason: 'identity', detail: `"${word}" is a sign-in scope; it opens no API.` }] as const,
  ),
  ['offline_access', { reason: 'identity', detail: '"offline_access" asks for a refresh token, which programs never get.' }],
]);

export const bundleNames = ['notebook', 'sql', 'ml', 'bi', 'jobs'] as const;
export type BundleName = (typeof bundleNames)[number];

/**
 * Plain names for scope sets. A bundle that shares its name with a scope holds that scope alone: otherwise resolving a list
 * that was resolved before would widen it.
 */
export const bundles: Readonly<Record<BundleName, readonly Scope[]>> = {
  notebook: ['clusters', 'command-execution', 'files', 'sql', 'unity-catalog', 'workspace'],
  sql: ['sql'],
  ml: ['files', 'mlflow', 'model-serving', 'sql', 'unity-catalog', 'vector-search'],
  bi: ['dashboards', 'genie', 'query-history', 'sql'],
  jobs: ['jobs'],
};

export type Cloud = 'aws' | 'azure' | 'gcp';

/** What a bundle needs beyond the above on one cloud: Genie wants both of its names on Azure. */
const bundlesPerCloud: Readonly<Record<Cloud, Partial<Record<BundleName, readonly Scope[]>>>> = {
  aws: {},
  azure: { bi: ['dashboards.genie'] },
  gcp: {},
};

/** Which cloud a workspace runs on, by its host name; `aws` for names that do not say. */
export function cloudOf(host: string): Cloud {
  const { hostname } = new URL(host);
  if (/\.(azuredatabricks\.net|databricks\.azure\.(us|cn))$/.test(hostname)) return 'azure';
  return hostname.endsWith('.gcp.databricks.com') ? 'gcp' : 'aws';
}

/**
 * Turns what a person typed into the exact scopes to ask for: sorted, without duplicates, never more than the words say.
 * Resolving a resolved list changes nothing.
 *
 * @param words bundle names, scope names, or both
 * @param cloud the cloud of the workspace, where a bundle differs by it
 * @param level what the token is to be for; bundles are for workspaces alone
 * @throws AppError SCOPE_UNKNOWN: a word is neither, or one that is never given there (`reason` 'everything', 'identity', 'account', 'workspace', 'none')
 */
export function resolveScopes(words: readonly string[], cloud: Cloud = 'aws', level: Level = 'workspace'): string[] {
  const scopes = new Set<string>();
  for (const word of words) {
    if (level !== 'account' && isBundle(word))
      for (const scope of [...bundles[word], ...(bundlesPerCloud[cloud][word] ?? [])]) scopes.add(scope);
    else scopes.add(knownScope(word, level));
  }
  // check: scope-empty
  // An exchange without a scope is answered with the widest one.
  if (scopes.size === 0) throw new AppError('SCOPE_UNKNOWN', { reason: 'none', detail: 'Name at least one bundle or scope.' });
  // end check
  return [...scopes].sort();
}

const isBundle = (word: string): word is BundleName => (bundleNames as readonly string[]).includes(word);

function knownScope(word: string, level: Level): string {
  // check: scope-catalogue
  const refused = refusedWords.get(word);
  if (refused) throw new AppError('SCOPE_UNKNOWN', refused);
  if (!catalogues[level].has(word)) throw new AppError('SCOPE_UNKNOWN', elsewhere(word, level) ?? { reason: 'unknown', ...nameOf(word) });
  // end check
  return word;
}

/** A word of the other vocabulary. */
function elsewhere(word: string, level: Level): { reason: string; detail: string } | undefined {
  if (level === 'account' && (isBundle(word) || catalogues.workspace.has(word)))
    return {
      reason: 'workspace',
      detail: `"${word}" is for a workspace, not for an account; name some of ${accountScopeCatalogue.join(', ')}.`,
    };
  if (level === 'workspace' && catalogues.account.has(word))
    return { reason: 'account', detail: `"${word}" is a scope of the account, not of a workspace.` };
  return undefined;
}

/** The word itself only where it looks like a scope: a program may have chosen it to be read by a person. */
const nameOf = (word: string): { detail?: string } =>
  /^[a-z0-9][a-z0-9._:-]{0,40}$/i.test(word) ? { detail: `The word is "${word}".` } : {};

/** What a scope lets a program do, as a person would say it after "it may …". */
const wordsOfScope: Readonly<Record<Scope, string>> = {
  'access-management': 'change who may do what in the workspace',
  'ai-gateway': 'use the gateway to AI models',
  'ai-search': 'search indexes with AI search',
  alerts: 'read and change SQL alerts',
  apps: 'use and change Databricks Apps',
  authentication: 'make and end access tokens',
  billing: 'read and change usage, budgets and bills of the account',
  'catalog.catalogs:read': 'list the catalogs of Unity Catalog',
  'catalog.connections': 'use connections to other data systems',
  'catalog.schemas:read': 'list the schemas of Unity Catalog',
  'catalog.tables:read': 'list the tables of Unity Catalog',
  cleanrooms: 'use and change clean rooms',
  clusters: 'start, stop and change clusters',
  'command-execution': 'run code on clusters',
  dashboards: 'read and change dashboards',
  'dashboards.genie': 'ask Genie about data',
  dataclassification: 'read and change the classification of data',
  dataquality: 'read and change data quality monitors',
  files: 'read and write files and volumes',
  'files.files': 'read and write files in volumes',
  genie: 'ask Genie about data',
  'global-init-scripts': 'change the scripts that every cluster runs at its start',
  'iam.access-control:read': 'see which groups you are in and what they may do',
  'iam.current-user:read': 'see who you are',
  identity: 'read and change users and groups',
  'instance-pools': 'use and change instance pools',
  jobs: 'run, read and change jobs',
  'knowledge-assistants': 'use and change knowledge assistants',
  libraries: 'install libraries on clusters',
  marketplace: 'use the marketplace',
  'mcp.external': 'call MCP servers outside Databricks',
  'mcp.functions': 'call functions over MCP',
  'mcp.genie': 'ask Genie about data over MCP',
  'mcp.vectorsearch': 'search vector indexes over MCP',
  mlflow: 'read and change experiments and models',
  'model-serving': 'call and change model serving endpoints',
  networking: 'change network settings',
  notifications: 'change where notifications go',
  pipelines: 'run, read and change pipelines',
  provisioning: 'make, change and delete workspaces of the account',
  postgres: 'use and change Postgres databases',
  qualitymonitor: 'read and change quality monitors',
  'query-history': 'read the history of SQL queries',
  scim: 'read and change users and groups over SCIM',
  secrets: 'read and change secrets',
  'serving.serving-endpoints': 'call model serving endpoints',
  settings: 'change the settings of the workspace',
  sharing: 'share data with others',
  sql: 'run SQL statements on warehouses',
  'sql.statement-execution': 'run SQL statements',
  'sql.warehouses': 'use and change SQL warehouses',
  tags: 'read and change tags',
  'tiles.manage': 'change AI agents and their tiles',
  'unity-catalog': 'read and change what Unity Catalog knows of the data',
  'vector-search': 'search and change vector indexes',
  'vectorsearch.vector-search-endpoints': 'use vector search endpoints',
  'vectorsearch.vector-search-indexes': 'search vector indexes',
  workspace: 'read and change notebooks and folders',
  'workspace.workspace': 'read and change notebooks and folders',
};

/** What a bundle is for, for lists of them. */
export const bundleWords: Readonly<Record<BundleName, string>> = {
  notebook: 'work in a notebook: clusters, code, files, SQL and tables',
  sql: wordsOfScope.sql,
  ml: 'train and serve models: experiments, endpoints, files, SQL and vector search',
  bi: 'dashboards, Genie and SQL with its history',
  jobs: wordsOfScope.jobs,
};

/** One line for each thing the scopes allow, in the order given; two names of one thing are one line. */
export const scopeWords = (scopes: readonly string[]): string[] => [
  ...new Set(scopes.map((scope) => (isScope(scope) ? wordsOfScope[scope] : `use the scope ${scope}`))),
];

const isScope = (word: string): word is Scope => catalogues.either.has(word);
