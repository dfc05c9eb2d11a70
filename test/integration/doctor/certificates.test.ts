/** Certificates near their end, from a real handshake to what the doctor and the monitor say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { reach } from '../../../main/databricks/reach.ts';
import { runChecks } from '../../../main/doctor/check.ts';
import { farChecks } from '../../../main/doctor/checks.ts';
import { createMonitor } from '../../../main/doctor/monitor.ts';
import { contentOf } from '../../../main/net/ca-file.ts';
import { createOutbound } from '../../../main/net/outbound.ts';
import { hours, later } from '../../../main/units.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { startProxy } from '../../fixtures/proxy.ts';
import { createTlsIdentity } from '../../fixtures/workspace/tls-door.ts';
import { wellNetwork } from '../../unit/doctor/far-setting.ts';

const days = (count: number) => hours(count * 24);

/** A server with these ends, and the way out of an agent that believes its authority. */
async function setting(
  { own, authority, sendsAuthority = true }: { own?: number; authority?: number; sendsAuthority?: boolean },
  env = {},
) {
  const clock = fakeClock(Date.now());
  const end = (count: number | undefined) => (count === undefined ? undefined : new Date(later(clock.now(), days(count))));
  const [ends, authorityEnds] = [end(own), end(authority)];
  const identity = createTlsIdentity({
    ...(ends && { ends }),
    ...(authorityEnds && { authorityEnds }),
    hosts: ['localhost', 'idp.acme.test'],
  });
  const server = createServer({ key: identity.key, cert: identity.cert + (sendsAuthority ? identity.ca : '') }, (_, answer) =>
    answer.end('{}'),
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'lp-certificates-'));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  writeFileSync(join(folder, 'ca.pem'), identity.ca, { mode: 0o600 });
  const outbound = createOutbound({ env, clock });
  const caFile = join(folder, 'ca.pem');
  outbound.use({ caFile, caContent: contentOf(caFile) });
  const monitor = createMonitor({
    ...{ clock, log: () => undefined, providers: () => [], secrets: () => [], record: () => undefined, changed: () => undefined },
    certificates: outbound.certificates,
  });
  onTestFinished(() => monitor.close());
  return { clock, port, host: `localhost:${port}`, outbound, monitor };
}

it('an end within thirty days is seen on the first connection, and told of by the doctor in the same look and by the monitor', async () => {
  const { clock, host, outbound, monitor } = await setting({ own: 20.5 });
  expect(monitor.noticed()).toEqual([]);
  const way = () => reach({ clock, fetch: outbound.fetch }, `https://${host}/.well-known/openid-configuration`);
  const places = [{ host, isPlain: false, workspace: null, way }];
  const facts = await wellNetwork({ places, watched: monitor.noticed, now: clock.now() });
  const { checks } = await runChecks(farChecks, facts, { clock, log: () => undefined });
  expect(checks.find(({ id }) => id === `watched-tls-${host}`)).toMatchObject({
    ...{ state: 'weak', title: `TLS certificate: ${host}` },
    finding: expect.stringMatching(/ends in 20 d 1[12] h/),
  });
  expect(monitor.notes()).toEqual([expect.stringContaining(host)]);
});

it.each<[string, Parameters<typeof setting>[0], number | null]>([
  ['is later than thirty days', { own: 31 }, 31],
  ['is that of the authority above it', { own: 300, authority: 10 }, 10],
  ['is its own, where the authority is not sent along', { own: 300, authority: 10, sendsAuthority: false }, 300],
])('the first end of a chain %s', async (_, ends, expected) => {
  const { clock, host, outbound } = await setting(ends);
  await outbound.fetch(`https://${host}/`);
  const [seen] = outbound.certificates();
  expect(outbound.certificates()).toHaveLength(1);
  expect(seen?.host).toBe(host);
  expect(Math.round(((seen?.ends ?? 0) - clock.now()) / days(1))).toBe(expected);
});

it('one that has ended is not believed, and leaves nothing to tell', async () => {
  const { host, outbound } = await setting({ own: -1 });
  await expect(outbound.fetch(`https://${host}/`)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  expect(outbound.certificates()).toEqual([]);
});

it('through the proxy it is the server’s that is seen, by the name of the server', async () => {
  const env: NodeJS.ProcessEnv = {};
  const { port, outbound } = await setting({ own: 5 }, env);
  const proxy = await startProxy({ hosts: { 'idp.acme.test:443': port } });
  onTestFinished(() => proxy.close());
  env['HTTPS_PROXY'] = `http://127.0.0.1:${proxy.port}`;
  await outbound.fetch('https://idp.acme.test/');
  expect(outbound.certificates()).toMatchObject([{ host: 'idp.acme.test' }]);
});
