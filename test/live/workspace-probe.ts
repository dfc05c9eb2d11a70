/**
 * Asks a workspace, on the wire and not through Lakepass' own code, what nobody outside has confirmed: what an exchange answers, which
 * scopes exist, how each service words a refusal. Every call is a read, but for one `SELECT`.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Finding, learned, promised } from './finding.ts';
import type { Redaction } from './redaction.ts';

export interface Probe {
  fetch: typeof globalThis.fetch;
  /** Origin of the workspace. */
  host: string;
  /** The identity provider's JWT. */
  jwt: string;
  /** Scopes whose exchange is tried one by one. */
  scopes: readonly string[];
  redaction: Redaction;
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown> | undefined;
}

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const jwtType = 'urn:ietf:params:oauth:token-type:jwt';

async function ask({ fetch, host }: Probe, path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(`${host}${path}`, { ...init, redirect: 'manual', signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Not JSON is an answer, too; it is shown as the text it is.
    return undefined;
  }
}

async function exchange(probe: Probe, scope: string, subject = probe.jwt): Promise<Answer> {
  const body = new URLSearchParams({ grant_type: exchangeGrant, subject_token: subject, subject_token_type: jwtType, scope });
  const answer = await ask(probe, '/oidc/v1/token', { method: 'POST', body });
  const token = answer.json?.['access_token'];
  if (typeof token === 'string') probe.redaction.hide(token);
  return answer;
}

const tokenOf = (answer: Answer): string | undefined => {
  const token = answer.json?.['access_token'];
  return answer.status === 200 && typeof token === 'string' ? token : undefined;
};

const call = (probe: Probe, token: string, method: string, path: string, body?: object): Promise<Answer> =>
  ask(probe, path, {
    ...{ method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** How a refusal is written: status, JSON or not, and its words. */
function wording({ status, headers, text, json }: Answer): string {
  const type = headers.get('content-type')?.split(';')[0] ?? 'no type';
  if (json === undefined) return `${status} ${type}, not JSON: ${text}`;
  const { error, error_code, error_description, message, detail } = json;
  const code = error ?? error_code;
  return `${status} ${type}, ${error === undefined ? 'error_code' : 'error'} ${typeof code}: ${String(code)} ${String(error_description ?? message ?? detail ?? '')}`;
}

const words = (scope: unknown): string[] =>
  (typeof scope === 'string' ? scope.split(' ') : Array.isArray(scope) ? scope.map(String) : []).sort();

/** Everything, in the order of the table. */
export async function probeWorkspace(probe: Probe): Promise<Finding[]> {
  const sql = await exchange(probe, 'sql');
  const token = tokenOf(sql);
  const findings = [
    promised('An exchange for the scope sql gives a token', token !== undefined, token === undefined ? wording(sql) : 'yes'),
  ];
  findings.push(...(await probeScopes(probe)), ...(await probeRefusals(probe)), ...(await probePublic(probe)));
  if (token === undefined) return findings;
  return [...findings, ...describeToken(probe, sql, token), ...(await probeApis(probe, token)), ...(await probeNarrowing(probe))];
}

/** One exchange each; the answer must carry that scope and no other. */
async function probeScopes(probe: Probe): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const scope of probe.scopes) {
    const answer = await exchange(probe, scope);
    const token = tokenOf(answer);
    const question = `Scope ${scope}`;
    if (token === undefined) findings.push(learned(question, wording(answer)));
    else {
      const granted = words(answer.json?.['scope'] ?? claimsOf(token)['scope']);
      const exact = granted.length === 1 && granted[0] === scope;
      findings.push(
        promised(question, exact, exact ? 'given, and nothing beside it' : `NOT NARROWED: ${granted.join(' ') || 'no scope named'}`),
      );
    }
  }
  return findings;
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    return decodeJwt(token);
  } catch {
    // An opaque token says nothing of itself.
    return {};
  }
}

function describeToken({ jwt }: Probe, answer: Answer, token: string): Finding[] {
  const claims = claimsOf(token);
  const known = Object.keys(claims).length > 0;
  const header = known ? decodeProtectedHeader(token) : {};
  const clientId = typeof claims['client_id'] === 'string' ? claims['client_id'] : 'none';
  const apart = Number(claims['exp']) - Number(decodeJwt(jwt).exp);
  return [
    learned('issued_token_type in an exchange’s answer', String(answer.json?.['issued_token_type'] ?? 'absent')),
    learned('expires_in is a', typeof answer.json?.['expires_in']),
    learned('Form of an access token', known ? `${header.alg} ${header.typ ?? 'no typ'}` : 'not a JWT'),
    learned('Claims of an access token', Object.keys(claims).sort().join(' ') || 'none to be seen'),
    learned('client_id in an exchanged token', clientId),
    learned('Its end compared with that of the identity token', known ? `${apart} s` : 'unknown'),
    learned('An act claim in it', 'act' in claims ? 'present' : 'absent'),
  ];
}

const otherServices: [string, string, string, object?][] = [
  ['serving', 'GET', '/api/2.0/serving-endpoints'],
  ['Genie', 'GET', '/api/2.0/genie/spaces'],
  ['vector search', 'GET', '/api/2.0/vector-search/endpoints'],
  ['Unity Catalog', 'GET', '/api/2.1/unity-catalog/catalogs'],
  ['MLflow', 'POST', '/api/2.0/mlflow/experiments/search', { max_results: 1 }],
];

async function probeApis(probe: Probe, token: string): Promise<Finding[]> {
  const me = await call(probe, token, 'GET', '/api/2.0/preview/scim/v2/Me');
  const user = me.json?.['userName'];
  if (typeof user === 'string') probe.redaction.rename(user, 'user');
  const named = me.headers.get('x-databricks-org-id') === null ? 'without' : 'with';
  const findings = [
    promised(
      'SCIM Me answers a token for sql alone',
      me.status === 200,
      me.status === 200 ? `yes, ${named} X-Databricks-Org-Id` : wording(me),
    ),
    await probeQuery(probe, token),
  ];
  for (const [service, method, path, body] of otherServices) {
    const answer = await call(probe, token, method, path, body);
    findings.push(
      promised(`A token for sql alone is refused by ${service}`, answer.status === 403 || answer.status === 401, wording(answer)),
    );
  }
  return findings;
}

async function probeQuery(probe: Probe, token: string): Promise<Finding> {
  const question = 'A query runs with a token for sql alone';
  const listed = await call(probe, token, 'GET', '/api/2.0/sql/warehouses');
  const warehouses = listed.json?.['warehouses'];
  const [first] = Array.isArray(warehouses) ? (warehouses as { id?: unknown }[]) : [];
  if (typeof first?.id !== 'string') return promised(question, false, `no warehouse to be seen: ${wording(listed)}`);
  probe.redaction.rename(first.id, 'warehouse');
  const fields = { statement: 'SELECT 1 AS one', warehouse_id: first.id, wait_timeout: '50s' };
  const answer = await call(probe, token, 'POST', '/api/2.0/sql/statements', fields);
  const { state } = (answer.json?.['status'] ?? {}) as { state?: unknown };
  return promised(question, state === 'SUCCEEDED', state === undefined ? wording(answer) : String(state));
}

/** What the token endpoint says to what it does not take. */
async function probeRefusals(probe: Probe): Promise<Finding[]> {
  const [header = '', payload = '', signature = ''] = probe.jwt.split('.');
  const forged = `${header}.${payload}.${[...signature].reverse().join('')}`;
  probe.redaction.hide(forged);
  const cases: [string, Answer][] = [
    ['a token with a wrong signature', await exchange(probe, 'sql', forged)],
    ['text that is no token', await exchange(probe, 'sql', 'nonsense')],
    ['a scope that does not exist', await exchange(probe, 'no-such-scope')],
    ['no scope at all', await exchange(probe, '')],
  ];
  return cases.map(([what, answer]) => learned(`The exchange of ${what}`, tokenOf(answer) === undefined ? wording(answer) : 'TAKEN'));
}

/** Whether a Databricks token can itself be exchanged for a narrower one. */
async function probeNarrowing(probe: Probe): Promise<Finding[]> {
  const wide = tokenOf(await exchange(probe, 'sql unity-catalog'));
  const question = 'A Databricks token exchanged for a narrower one';
  if (wide === undefined) return [learned(question, 'not asked: no token for two scopes')];
  const answer = await exchange(probe, 'sql', wide);
  return [learned(question, tokenOf(answer) === undefined ? wording(answer) : `taken: ${words(answer.json?.['scope']).join(' ')}`)];
}

/** What needs no token. */
async function probePublic(probe: Probe): Promise<Finding[]> {
  const metadata = await ask(probe, '/oidc/.well-known/oauth-authorization-server', {});
  const mcp = await ask(probe, '/.well-known/oauth-protected-resource/api/2.0/mcp/functions/system/ai', {});
  const grants = words(metadata.json?.['grant_types_supported']);
  return [
    learned(
      'A device authorization endpoint',
      metadata.json?.['device_authorization_endpoint'] === undefined ? 'none announced' : 'announced',
    ),
    learned('Grant types the workspace announces', grants.map((grant) => grant.replace(/^.*:/, '')).join(' ') || wording(metadata)),
    learned(
      'Scopes for the MCP services of system.ai',
      mcp.status === 200 ? words(mcp.json?.['scopes_supported']).join(' ') : wording(mcp),
    ),
  ];
}
