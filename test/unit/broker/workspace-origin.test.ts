import { describe, expect, it } from 'vitest';
import { workspaceOrigin } from '../../../main/broker/workspace-origin.ts';

describe('the workspace that a request names', () => {
  it.each([
    'https://acme.cloud.databricks.com',
    'https://acme.cloud.databricks.com/',
    'https://acme.cloud.databricks.com:443',
    'HTTPS://ACME.cloud.Databricks.com',
    'acme.cloud.databricks.com',
    'acme.cloud.databricks.com:443/',
    'https://acme.cloud.databricks.com/some/path?o=123',
    ' https://acme.cloud.databricks.com ',
  ])('is acme when an SDK writes %j', (text) => {
    expect(workspaceOrigin(text)).toBe('https://acme.cloud.databricks.com');
  });

  it('keeps a port that counts', () => {
    expect(workspaceOrigin('http://127.0.0.1:8080/')).toBe('http://127.0.0.1:8080');
  });

  it.each([
    '',
    ' ',
    'https://',
    'ftp://acme.cloud.databricks.com',
    'javascript://acme.cloud.databricks.com',
    'https://user@acme.cloud.databricks.com',
    'https://acme.cloud.databricks.com@evil.test',
    'https://acme.cloud.databricks.com:99999',
    'https://[acme]',
    'file:///etc/passwd',
  ])('is never acme when it is written %j', (text) => {
    expect(workspaceOrigin(text)).not.toBe('https://acme.cloud.databricks.com');
  });

  it.each(['https://acme.cloud.databricks.com.evil.test', 'http://acme.cloud.databricks.com', 'https://acme.cloud.databricks.com:8443'])(
    'is another one when it is written %j',
    (text) => {
      expect(workspaceOrigin(text)).not.toBe('https://acme.cloud.databricks.com');
    },
  );
});
