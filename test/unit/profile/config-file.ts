/** A configuration file in a folder of its own, and the failure that reading it gives. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { AppError } from '../../../main/app-error.ts';
import { loadConfig } from '../../../main/profile/load-config.ts';

export async function configFile(content: string | Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lakepass-config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(file, content);
  return file;
}

export async function failureOf(content: string | Buffer): Promise<AppError> {
  const outcome = await loadConfig(await configFile(content)).catch((error: unknown) => error);
  if (!(outcome instanceof AppError)) throw new Error('expected the file to be refused', { cause: outcome });
  return outcome;
}

export const goodConfig = `version: 1
profiles:
  acme:
    idp:
      issuer: https://login.acme.example/
      clientId: lakepass
    limits:
      lease: 90 s
    workspaces:
      - name: prod
        host: https://acme.cloud.databricks.com/
`;

/** The same for a test profile on loopback. */
export const testConfig = (issuer: string, { test = true, host = 'http://127.0.0.1:4001' } = {}) => `version: 1
profiles:
  demo:
    test: ${test}
    idp:
      issuer: ${JSON.stringify(issuer)}
      clientId: lakepass
    workspaces:
      - name: demo
        host: ${JSON.stringify(host)}
`;
