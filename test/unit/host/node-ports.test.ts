/** What the environment of a shell may not do to the agent. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { agentEnvironment } from '../../../main/cli/agent-client.ts';
import { runHeadless } from '../../../main/headless.ts';
import { nodePorts } from '../../../main/host-ports.ts';

const selfSigned = (): { key: Buffer; cert: Buffer } => {
  const folder = mkdtempSync(join(tmpdir(), 'lp-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
};

it('loads nothing into an agent: one with NODE_OPTIONS does not start', async () => {
  vi.stubEnv('NODE_OPTIONS', '--require=/tmp/evil.js');
  onTestFinished(() => void vi.unstubAllEnvs());
  // Nothing can be made there, so that no agent comes up in any case.
  await expect(runHeadless({ home: '/dev/null/home', vault: 'memory' })).rejects.toMatchObject({ code: 'ENVIRONMENT_UNSAFE' });
});

it('is handed to an agent that a verb starts without what loads code into it or traces it, and else as it is', () => {
  const env = { NODE_OPTIONS: '--inspect', NODE_DEBUG: 'http', NODE_DEBUG_NATIVE: 'http', HTTPS_PROXY: 'http://p', LAKEPASS_JWT: 'x' };
  expect(agentEnvironment(env)).toEqual({ HTTPS_PROXY: 'http://p', LAKEPASS_JWT: 'x' });
});

it('checks certificates although NODE_TLS_REJECT_UNAUTHORIZED says not to', async () => {
  const server = createServer(selfSigned(), (_, response) => response.end('from nobody we know'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { fetch } = nodePorts({ vault: 'memory', log: () => undefined });
  const answer = fetch(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await expect(answer).rejects.toMatchObject({ code: 'SERVER_UNTRUSTED' });
});
