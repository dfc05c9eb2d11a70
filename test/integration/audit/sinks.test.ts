/** From a sign-in to the end of the agent, as a collector and a folder see it: the composed agent over real sockets, in this process. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readKeptCheckpoints } from '../../../main/audit/kept-checkpoints.ts';
import { tableStatements } from '../../../main/audit/table-statements.ts';
import { compose } from '../../../main/compose.ts';
import { nodePorts, systemClock } from '../../../main/host-ports.ts';
import { callUi } from '../../../main/pages/ui-agent.ts';
import { findPlaces } from '../../../main/places.ts';
import { later, seconds } from '../../../main/units.ts';
import { startIdp } from '../../fixtures/idp/idp.ts';
import { startOtlpReceiver } from '../../fixtures/otlp/receiver.ts';
import { scriptedBrowser } from '../../fixtures/scripted-browser.ts';
import { createSoftwareKey } from '../../fixtures/software-key/software-key.ts';
import { startWorkspace } from '../../fixtures/workspace/workspace.ts';

const TABLE = 'main.default.lakepass_audit';

/** One that nobody has at this moment. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
};

const visit = (url: URL): Promise<unknown> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', resolve)).once('error', reject);
  });

it('sends and serves nothing before somebody has signed in with the configuration, then all of it, the last checkpoint included', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lpx-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const spool = join(home, 'spool');
  mkdirSync(spool);
  const issued = new Set<string>();
  const secrets = (_kind: string, value: string) => void issued.add(value);
  const idp = await startIdp({ secrets });
  onTestFinished(() => idp.close());
  const workspace = await startWorkspace({
    users: ['alice@example.com'],
    policies: [{ issuer: idp.issuer, audiences: [idp.clientId], subjectClaim: 'email' }],
    secrets,
  });
  onTestFinished(() => workspace.close());
  const printed = tableStatements({ table: TABLE, writers: 'alice@example.com', readers: 'auditors', days: 365 });
  for (const { sql } of printed.filter((each) => /^CREATE TABLE|TO `alice@example.com`$/.test(each.sql))) await workspace.administer(sql);
  const receiver = await startOtlpReceiver({ token: 'collector-token' });
  onTestFinished(() => receiver.close());
  const places = findPlaces({ home, env: {}, uid: process.getuid?.() ?? -1 });
  mkdirSync(dirname(places.config), { recursive: true, mode: 0o700 });
  const metricsPort = await freePort();
  const metrics = async (): Promise<string> => {
    const authorization = `Bearer ${readFileSync(join(places.runtime, 'metrics-token'), 'utf8').trim()}`;
    return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: { authorization } })).text();
  };
  const tokenFile = join(home, 'collector-token');
  writeFileSync(tokenFile, 'collector-token', { mode: 0o600 });
  const config = `version: 1
profiles:
  acme:
    test: true
    idp: { issuer: '${idp.issuer}', clientId: '${idp.clientId}', scopes: [openid, profile, email, offline_access] }
    workspaces: [{ name: main, host: '${workspace.host}' }]
audit:
  sinks:
    - { name: company, otlp: { url: '${receiver.url}', tokenFrom: { file: '${tokenFile}' } } }
    - { name: lake, folder: '${spool}' }
    - { name: table, databricks: { profile: acme, warehouse: '${workspace.warehouseId}', table: ${TABLE} } }
telemetry:
  metrics: { port: ${metricsPort} }
  traces: { otlp: { url: '${receiver.traceUrl}', tokenFrom: { file: '${tokenFile}' } } }
`;
  writeFileSync(places.config, config, { mode: 0o600 });
  const ports = {
    ...nodePorts({ vault: 'memory', log: () => undefined }),
    watchDesktop: undefined,
    openBrowser: async () => 'none' as const,
  };
  const running = await compose(ports, {
    ...{ places, uid: process.getuid?.() ?? -1, version: '1.2.3', onStop: () => undefined },
    managed: { managed: null, problem: null },
  });
  onTestFinished(() => running.close('test'));
  const sinks = () => running.agent.status().audit?.sinks ?? [];
  await expect.poll(() => running.agent.status().audit?.checkpoint).not.toBeNull();
  expect([sinks(), receiver.bodies, readdirSync(spool)]).toEqual([[], [], []]);
  await expect(metrics()).rejects.toThrow('ENOENT');

  const key = createSoftwareKey();
  await idp.enrol('alice', key);
  const { url } = (await callUi(running.ui, 'sign-in', {}, await running.self())) as { url: string | null };
  await visit(await scriptedBrowser({ key, username: 'alice' }).authorize(new URL(url ?? '')));
  const { session } = await running.agent.signInOutcome('acme');
  await expect.poll(sinks).toMatchObject([{ name: 'company' }, { name: 'lake' }, { name: 'table' }]);
  await expect.poll(metrics).toContain('lakepass_sink_failing{sink="lake"} 0');
  expect(await metrics()).toMatch(/^lakepass_session_remaining_seconds\{profile="acme"\} [1-9]/m);
  // Once the log has its last checkpoint, the table takes the token that is there, and no new one, whose record would be behind it.
  const deadline = later(systemClock.now(), seconds(20));
  await running.agent.company('acme').tokens.get({ workspace: workspace.host, scopes: ['sql'], deadline });
  await running.close('test');
  await expect(metrics()).rejects.toThrow('ENOENT');

  const lines = readdirSync(spool)
    .sort()
    .flatMap((name) => readFileSync(join(spool, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as { seq: number; event_type: string; event_uid: string; actor?: { email?: string } });
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at + 1));
  expect(lines.slice(-2).map(({ event_type }) => event_type)).toEqual(['agent.stopped', 'audit.checkpoint']);
  expect(lines.find(({ event_type }) => event_type === 'session.signed-in')?.actor?.email).toBe(session.identity?.username);
  expect(readKeptCheckpoints(lines.map((line) => JSON.stringify(line)).join('\n'), 'collected.jsonl').length).toBeGreaterThan(1);
  expect(receiver.problems).toEqual([]);
  expect(receiver.logs.map(({ attributes }) => attributes['log.record.uid'])).toEqual(lines.map(({ event_uid }) => event_uid));
  const requestOf = (name: string) => receiver.logs.find(({ eventName }) => eventName === name)?.attributes['lakepass.request_id'];
  expect(receiver.spans).toMatchObject([
    { name: 'lakepass.sign-in', status: 0, attributes: { 'lakepass.request_id': requestOf('lakepass.session.signed-in') } },
    { name: 'lakepass.try', parentSpanId: requestOf('lakepass.token.minted') },
    { name: 'lakepass.mint', status: 0, attributes: { 'lakepass.request_id': requestOf('lakepass.token.minted') } },
  ]);
  const rows = await workspace.administer(`SELECT seq, event_uid FROM lakepass_audit ORDER BY seq`);
  expect(rows).toEqual(lines.map(({ seq, event_uid }) => [String(seq), event_uid]));
  expect(lines.filter(({ event_type }) => event_type === 'token.minted')).toHaveLength(1);
  const inTable = await workspace.administer('SELECT * FROM lakepass_audit');
  const everything = [...receiver.bodies, ...lines.map((line) => JSON.stringify(line)), JSON.stringify(inTable)].join('\n');
  expect(everything).not.toMatch(/eyJ[\w-]{8,}\.|collector-token/);
  for (const secret of issued) expect(everything).not.toContain(secret);
  expect(issued.size).toBeGreaterThan(2);
  expect(everything).not.toContain(home);
});
