/**
 * What a token may do at a workspace, as data. Two sides decide, each by itself: the scopes of the token, and what the person (or the service
 * principal) was granted in Unity Catalog or on the object. Either refuses alone, and no scope stands for a grant or the other way round.
 */
import type { Scope } from './scopes.ts';

/** Names of scopes differ between clouds, and change: data with a date, not a contract of the service. */
export const capabilitiesDate = '2026-08-20';

export interface Capability {
  id: string;
  /** As a person would say it after "it may …". */
  words: string;
  /** Any one of these lists, whole, opens it. The first is the one to ask for. */
  scopes: readonly (readonly Scope[])[];
  /** What the workspace wants beside the scope, and whom one asks for it. */
  grant: string;
  how: string;
  /** A request that costs nothing and changes nothing: what the other side answers says which side refuses. */
  probe?: string;
}

const askAdmin = 'a workspace admin, under Permissions of the object';
const sqlGrant = (privilege: string, object: string): string =>
  `its owner or a metastore admin: GRANT ${privilege} ON ${object} TO \`you\``;

export const capabilities: readonly Capability[] = [
  {
    ...{ id: 'who-am-i', words: 'see who you are', scopes: [['iam.current-user:read'], ['scim'], ['sql']] },
    ...{ grant: 'none', how: 'nothing to ask for', probe: '/api/2.0/preview/scim/v2/Me?attributes=userName' },
  },
  {
    ...{ id: 'sql-warehouse', words: 'run SQL on a warehouse', scopes: [['sql'], ['sql.statement-execution', 'sql.warehouses']] },
    ...{ grant: 'CAN USE on the warehouse', how: askAdmin, probe: '/api/2.0/sql/warehouses' },
  },
  {
    ...{ id: 'table-read', words: 'read a table', scopes: [['sql'], ['sql.statement-execution', 'sql.warehouses']] },
    grant: 'USE CATALOG, USE SCHEMA and SELECT; row filters and column masks apply to whoever the token names',
    how: sqlGrant('SELECT', 'TABLE catalog.schema.table'),
  },
  {
    ...{
      id: 'catalog-list',
      words: 'list catalogs, schemas and tables',
      scopes: [['unity-catalog'], ['catalog.catalogs:read', 'catalog.schemas:read', 'catalog.tables:read']],
    },
    ...{ grant: 'USE CATALOG or BROWSE on what is to be seen', how: sqlGrant('USE CATALOG', 'CATALOG catalog') },
    probe: '/api/2.1/unity-catalog/catalogs?max_results=1',
  },
  {
    ...{ id: 'uc-function', words: 'call a function of Unity Catalog', scopes: [['sql'], ['unity-catalog'], ['mcp.functions']] },
    ...{ grant: 'EXECUTE on the function', how: sqlGrant('EXECUTE', 'FUNCTION catalog.schema.function') },
  },
  {
    ...{ id: 'uc-connection', words: 'use a connection to another system', scopes: [['sql'], ['catalog.connections'], ['mcp.external']] },
    ...{ grant: 'USE CONNECTION', how: sqlGrant('USE CONNECTION', 'CONNECTION name') },
  },
  {
    ...{
      id: 'genie',
      words: 'ask Genie about data',
      scopes: [['genie', 'dashboards.genie'], ['genie'], ['dashboards.genie'], ['mcp.genie']],
    },
    grant: 'CAN VIEW on the Genie space, and SELECT on the tables behind it',
    ...{ how: askAdmin, probe: '/api/2.0/genie/spaces?page_size=1' },
  },
  {
    ...{ id: 'serving', words: 'call a model serving endpoint', scopes: [['model-serving'], ['serving.serving-endpoints']] },
    ...{ grant: 'CAN QUERY on the endpoint', how: askAdmin, probe: '/api/2.0/serving-endpoints' },
  },
  {
    ...{
      id: 'vector-search',
      words: 'search a vector index',
      scopes: [['vector-search'], ['vectorsearch.vector-search-indexes'], ['sql'], ['mcp.vectorsearch'], ['ai-search']],
    },
    ...{ grant: 'SELECT on the index', how: sqlGrant('SELECT', 'TABLE catalog.schema.index') },
  },
  {
    ...{ id: 'volume-files', words: 'read and write files in a volume', scopes: [['files'], ['files.files']] },
    ...{ grant: 'READ VOLUME or WRITE VOLUME', how: sqlGrant('READ VOLUME', 'VOLUME catalog.schema.volume') },
  },
  {
    ...{ id: 'workspace-files', words: 'read and change notebooks and folders', scopes: [['workspace'], ['workspace.workspace']] },
    ...{ grant: 'CAN READ or CAN EDIT on the folder', how: askAdmin, probe: '/api/2.0/workspace/get-status?path=/' },
  },
  {
    ...{ id: 'clusters', words: 'run code on a cluster', scopes: [['clusters', 'command-execution']] },
    ...{ grant: 'CAN ATTACH TO on the cluster', how: askAdmin, probe: '/api/2.1/clusters/list?page_size=1' },
  },
  {
    ...{ id: 'jobs', words: 'run a job', scopes: [['jobs']] },
    ...{ grant: 'CAN MANAGE RUN on the job', how: askAdmin },
  },
  {
    ...{ id: 'apps', words: 'call another Databricks App', scopes: [['apps']] },
    ...{ grant: 'CAN USE on the app', how: askAdmin },
  },
  {
    ...{ id: 'mlflow', words: 'log to an experiment', scopes: [['mlflow']] },
    ...{ grant: 'CAN EDIT on the experiment', how: askAdmin },
  },
];

/** What the scopes of a grant say of one capability. */
export interface Standing {
  capability: Capability;
  /** 'no': the token is refused whatever was granted. */
  scope: 'yes' | 'no';
  /** The scopes that would have to be added; empty where there is one that opens it. */
  missing: readonly string[];
}

/** @param held scopes of the grant; `all-apis` among them opens everything */
export function standingsOf(held: readonly string[]): Standing[] {
  const has = (scope: string): boolean => held.includes(scope) || held.includes('all-apis');
  return capabilities.map((capability) => {
    const open = capability.scopes.some((scopes) => scopes.every(has));
    const [wanted = []] = capability.scopes;
    return { capability, scope: open ? 'yes' : 'no', missing: open ? [] : wanted.filter((scope) => !has(scope)) };
  });
}
