/**
 * The variables that make a stock Databricks SDK ask our broker, and the ones that would win over them or mix another
 * identity in. With DATABRICKS_AUTH_TYPE set no SDK tries anything else, but Python and Go still read the rest of the
 * environment into their configuration, so what belongs to other ways of signing in is cleared.
 */
import type { ServicePrincipalView } from '../../preload/contract/service-principal.ts';

const cleared = [
  'DATABRICKS_TOKEN',
  'DATABRICKS_USERNAME',
  'DATABRICKS_PASSWORD',
  'DATABRICKS_CLIENT_ID',
  'DATABRICKS_CLIENT_SECRET',
  'DATABRICKS_CONFIG_PROFILE',
  'DATABRICKS_ACCOUNT_ID',
  'DATABRICKS_WORKSPACE_ID',
  'DATABRICKS_DISCOVERY_URL',
  'DATABRICKS_TOKEN_AUDIENCE',
  'DATABRICKS_OIDC_TOKEN',
  'DATABRICKS_OIDC_TOKEN_ENV',
  'DATABRICKS_OIDC_TOKEN_FILE',
  'DATABRICKS_OIDC_TOKEN_FILEPATH',
  'DATABRICKS_CLI_PATH',
  'DATABRICKS_GOOGLE_SERVICE_ACCOUNT',
  'ARM_CLIENT_ID',
  'ARM_CLIENT_SECRET',
  'ARM_TENANT_ID',
  'ARM_USE_MSI',
  'GOOGLE_CREDENTIALS',
] as const;

export interface ProgramEnvironment {
  set: Readonly<Record<string, string>>;
  clear: readonly string[];
}

/**
 * @param host origin of the workspace
 * @param url the grant URL; it opens nothing for another user of the machine, but it is a secret all the same
 * @param accountId for a grant of the account itself: without it an SDK takes the host for a workspace
 */
export const environmentFor = (host: string, url: string, accountId?: string): ProgramEnvironment => ({
  set: {
    ...{ DATABRICKS_HOST: host, DATABRICKS_AUTH_TYPE: 'metadata-service', DATABRICKS_METADATA_SERVICE_URL: url },
    ...(accountId === undefined ? {} : { DATABRICKS_ACCOUNT_ID: accountId }),
  },
  clear: accountId === undefined ? cleared : cleared.filter((name) => name !== 'DATABRICKS_ACCOUNT_ID'),
});

/**
 * The same, without the variables that hold a workload's own JWT: whoever reads one needs no grant.
 *
 * @param principals as the agent shows them: `where` of one that is proven by a variable is its name
 */
export const withoutWorkloads = (
  change: ProgramEnvironment,
  principals: readonly Pick<ServicePrincipalView, 'proof' | 'where'>[],
): ProgramEnvironment => {
  let { clear } = change;
  // check: run-without-workload
  clear = [...clear, ...principals.flatMap(({ proof, where }) => (proof === 'env' && where !== null ? [where] : []))];
  // end check
  return { ...change, clear };
};

/** The environment of a child: ours, with the variables set and cleared. */
export function applyTo(env: NodeJS.ProcessEnv, change: ProgramEnvironment): NodeJS.ProcessEnv {
  const result = { ...env };
  for (const name of change.clear) delete result[name];
  return { ...result, ...change.set };
}

/** A section of ~/.databrickscfg. The grant in it opens nothing by itself: each program that finds it is asked about. */
export const profileSection = (name: string, host: string, url: string, accountId?: string): string =>
  [
    `[${name}]`,
    `host                 = ${host}`,
    ...(accountId === undefined ? [] : [`account_id           = ${accountId}`]),
    'auth_type            = metadata-service',
    `metadata_service_url = ${url}`,
  ].join('\n');
