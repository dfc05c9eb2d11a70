/** What the environment of a shell may not do to the agent. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { agentEnvironment } from '../../../main/cli/agent-client.ts';
import { loadingIn, withoutLoading } from '../../../main/code-by-environment.ts';
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

const loading = {
  NODE_OPTIONS: '--require=/tmp/evil.js',
  NAPI_RS_NATIVE_LIBRARY_PATH: '/tmp/evil.node',
  OPENSSL_CONF: '/tmp/evil.cnf',
  OPENSSL_MODULES: '/tmp/evil',
  OPENSSL_ENGINES: '/tmp/evil',
  LD_PRELOAD: '/tmp/evil.so',
  LD_AUDIT: '/tmp/evil.so',
  DYLD_INSERT_LIBRARIES: '/tmp/evil.dylib',
};

it.each(Object.entries(loading))('loads nothing into an agent: one with %s does not start', async (name, value) => {
  vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  // Nothing can be made there, so that no agent comes up in any case.
  const started = runHeadless({ home: '/dev/null/home', vault: 'memory' });
  await expect(started).rejects.toMatchObject({ code: 'ENVIRONMENT_UNSAFE', reason: name });
});

it('takes nothing that somebody else says Node has compiled of an installed program', () => {
  const env = { NODE_COMPILE_CACHE: '/tmp/evil', HOME: '/h' };
  expect([loadingIn(env, false), withoutLoading(env, false)]).toEqual([['NODE_COMPILE_CACHE'], { HOME: '/h' }]);
  expect(loadingIn(env, true)).toEqual([]);
});

it('is handed to an agent that a verb starts without what loads code into it or traces it, and else as it is', () => {
  const kept = { HTTPS_PROXY: 'http://p', LAKEPASS_JWT: 'x', LD_LIBRARY_PATH: '/opt/lib' };
  expect(agentEnvironment({ ...loading, NODE_DEBUG: 'http', NODE_DEBUG_NATIVE: 'http', ...kept })).toEqual(kept);
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
