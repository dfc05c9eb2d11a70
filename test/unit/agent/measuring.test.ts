/** When metrics are served: as the configuration says that holds, and under none that nobody has approved. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMeasuring } from '../../../main/agent/measuring.ts';
import { settingsThatHold } from '../../../main/agent/settings-that-hold.ts';
import { unknownCaller } from '../../../main/caller/caller.ts';
import { noTelemetry, type TelemetrySettings, telemetrySchema, telemetryWords } from '../../../main/profile/telemetry-settings.ts';
import { seconds } from '../../../main/units.ts';
import { opened, temporaryFolder } from '../audit/audit-folder.ts';
import { readExposition } from '../telemetry/exposition.ts';

/** One that nobody has at this moment. */
async function freePort(): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { port, free: () => new Promise((resolve) => void server.close(() => resolve())) };
}

async function measuring(own: TelemetrySettings, isApproved = true) {
  const { log: audit, clock } = await opened();
  const runtime = temporaryFolder();
  const holds = { own, isApproved, company: null as TelemetrySettings | null, changes: 0, tokensMade: 0 };
  const made = createMeasuring({
    settings: () =>
      settingsThatHold({ own: () => holds.own, isApproved: () => holds.isApproved, ofCompany: () => holds.company, none: noTelemetry }),
    ...{ audit, gauges: [], clock, runtime, log: () => undefined, uid: 1000 },
    random(bytes) {
      holds.tokensMade += 1;
      return randomBytes(bytes);
    },
    health: { look: async () => ({ state: 'ok', at: '', dependencies: [] }) },
    callers: { attribute: async () => ({ uid: 1000, caller: unknownCaller }) },
    changed: () => {
      holds.changes += 1;
    },
  });
  onTestFinished(() => made.close());
  const tokenFile = path.join(runtime, 'metrics-token');
  const get = async (port: number) => {
    const token = fs.readFileSync(tokenFile, 'utf8').trim();
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    return answer.text();
  };
  return { made, audit, clock, holds, tokenFile, get };
}

const somePort = async (): Promise<number> => {
  const { port, free } = await freePort();
  await free();
  return port;
};
const served = { type: 'token.served-again', grant: 'g1', count: 7 } as const;

describe('metrics', () => {
  it('are served with what was recorded since, by a token that only we can read, and no longer once the settings say so', async () => {
    const port = await somePort();
    const { made, audit, holds, tokenFile, get } = await measuring({ metrics: { port } });
    audit.append(served);
    await made.follow();
    expect(fs.statSync(tokenFile).mode & 0o777).toBe(0o600);
    audit.append(served);
    expect(readExposition(await get(port)).find(({ name }) => name === 'lakepass_tokens_served_total')?.value).toBe(7);
    holds.own = noTelemetry;
    await made.follow();
    expect(fs.existsSync(tokenFile)).toBe(false);
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  it('are not served under a configuration that nobody has approved', async () => {
    const { made, holds } = await measuring({ metrics: { port: await somePort() } }, false);
    await made.follow();
    expect(holds.tokensMade).toBe(0);
  });

  it('are served as the company says, whatever the person has written', async () => {
    const port = await somePort();
    const { made, holds, get } = await measuring({ metrics: { port: await somePort() } }, false);
    holds.company = { metrics: { port } };
    await made.follow();
    expect(await get(port)).toContain('lakepass_tokens_served_total');
    holds.company = noTelemetry;
    holds.isApproved = true;
    await made.follow();
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });

  it('say that their port is taken, and are served once it is free', async () => {
    const { port, free } = await freePort();
    const { made, clock, get, holds } = await measuring({ metrics: { port } });
    await made.follow();
    expect(made.problem()).toMatchObject({ code: 'METRICS_PORT_TAKEN' });
    expect(holds.changes).toBe(1);
    await clock.advance(seconds(60));
    await made.follow();
    expect(holds.changes).toBe(1);
    await free();
    await clock.advance(seconds(60));
    await made.follow();
    expect(made.problem()).toBeNull();
    expect(await get(port)).toContain('lakepass_tokens_served_total');
  });

  it('say nothing of a port any more that nobody wants', async () => {
    const { port, free } = await freePort();
    const { made, holds } = await measuring({ metrics: { port } });
    await made.follow();
    holds.own = noTelemetry;
    await made.follow();
    expect([made.problem(), holds.changes]).toEqual([null, 2]);
    await free();
  });

  it('take a port, and say in words what comes of it', () => {
    for (const port of [0, 80, 65_536, 9464.5, '9464']) expect(telemetrySchema.safeParse({ metrics: { port } }).success).toBe(false);
    expect(telemetryWords(telemetrySchema.parse({ metrics: { port: 9464 } }))[0]).toContain('port 9464');
    expect(telemetryWords(telemetrySchema.parse({}))).toEqual([]);
  });
});
