/** The first token of a run, looked at before the run. */
import { describe, expect, it } from 'vitest';
import { checkFirstToken } from '../../../main/databricks/preflight.ts';
import { Secret } from '../../../main/secret.ts';

const expected = { workspace: 'https://acme.cloud.databricks.com', scopes: ['files', 'sql'] };
const jwt = (claims: object): Secret =>
  new Secret(['{"alg":"RS256"}', JSON.stringify(claims), 'signature'].map((part) => Buffer.from(part).toString('base64url')).join('.'));
const reasonFor = (claims: object): string => {
  try {
    checkFirstToken(jwt(claims), expected);
    return 'fit';
  } catch (error) {
    const { code, reason } = error as { code: string; reason: string };
    return code === 'TOKEN_UNFIT' ? reason : code;
  }
};

describe('the first token', () => {
  it.each<[string, object, string]>([
    ['of this workspace, with its scopes', { iss: 'https://acme.cloud.databricks.com/oidc', scope: 'sql files' }, 'fit'],
    ['with scopes as a list', { iss: 'https://acme.cloud.databricks.com/oidc', scope: ['sql', 'files'] }, 'fit'],
    ['that opens everything', { iss: 'https://acme.cloud.databricks.com/oidc', scope: 'all-apis' }, 'fit'],
    ['that says nothing of scopes', { iss: 'https://acme.cloud.databricks.com/oidc' }, 'fit'],
    ['of another workspace', { iss: 'https://other.cloud.databricks.com/oidc', scope: 'sql files' }, 'issuer'],
    ['without one of its scopes', { iss: 'https://acme.cloud.databricks.com/oidc', scope: 'sql' }, 'scope'],
    ['from Entra for Databricks', { iss: 'https://sts.windows.net/t/', aud: '2ff814a6-3304-4ab8-85cb-cd0e6f879c1d' }, 'fit'],
    [
      'from Entra for Databricks by its other name',
      { iss: 'https://login.microsoftonline.com/t/v2.0', aud: 'api://2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/' },
      'fit',
    ],
    ['from Entra for something else', { iss: 'https://sts.windows.net/t/', aud: 'https://graph.microsoft.com' }, 'audience'],
    ['from Entra for nobody', { iss: 'https://sts.windows.net/t/' }, 'audience'],
  ])('%s', (_, claims, reason) => {
    expect(reasonFor(claims)).toBe(reason);
  });

  it('that is opaque tells nothing', () => {
    expect(() => checkFirstToken(new Secret('dapi0123456789abcdef'), expected)).not.toThrow();
    expect(() => checkFirstToken(new Secret('a.b.c'), expected)).not.toThrow();
  });

  it('is never quoted', () => {
    const token = jwt({ iss: 'https://evil.test"><b>/oidc' });
    let text = '';
    try {
      checkFirstToken(token, expected);
    } catch (error) {
      text = String((error as Error).message);
    }
    expect(text).not.toContain(token.reveal());
  });
});
