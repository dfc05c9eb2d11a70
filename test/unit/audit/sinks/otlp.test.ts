/** What a collector gets, held against the published protocol, and what each of its answers means. */
import fs from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../../main/app-error.ts';
import { type Envelope, envelopeOf } from '../../../../main/audit/envelope.ts';
import { otlpLogs } from '../../../../main/audit/otlp.ts';
import { otlpSink } from '../../../../main/audit/sinks/otlp.ts';
import { contentOf } from '../../../../main/net/ca-file.ts';
import { createOutbound } from '../../../../main/net/outbound.ts';
import { systemClock } from '../../../../main/system-clock.ts';
import { version } from '../../../../main/version.ts';
import { otlpProblems, startOtlpReceiver } from '../../../fixtures/otlp/receiver.ts';
import { createTlsIdentity } from '../../../fixtures/workspace/tls-door.ts';
import { temporaryFolder } from '../audit-folder.ts';
import { eventTypes, sampleRecord } from '../sample-records.ts';

const device = { hostId: 'd0c1', version: '1.2.3' };
const sample = (type: string, change = {}): Envelope => envelopeOf(sampleRecord(type, change), device);
const signal = new AbortController().signal;
const now = () => Date.parse('2026-01-05T09:00:00Z');

async function listening(server: Server & { closeAllConnections(): void }): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Sends to whoever answers so; resolves with the refusal, or with what was said to have arrived. */
async function sentTo(answers: RequestListener, late = new AbortController()) {
  const url = `http://127.0.0.1:${await listening(createServer(answers))}/v1/logs`;
  const sink = otlpSink('company', { url, tokenFile: undefined }, { fetch, now });
  return sink.send([sample('agent.started')], late.signal).catch((error: unknown) => error);
}

async function collector({ token, tokenFile }: { token?: string; tokenFile?: string } = {}) {
  const receiver = await startOtlpReceiver(token === undefined ? {} : { token });
  onTestFinished(() => receiver.close());
  return { receiver, sink: otlpSink('company', { url: receiver.url, tokenFile }, { fetch, now }) };
}

describe('a batch as a collector reads it', () => {
  it.each(eventTypes)('%s is as the protocol is published', (type) => {
    expect(otlpProblems(otlpLogs([sample(type)]))).toEqual([]);
  });

  it('says who, what, and of which device', async () => {
    const { receiver, sink } = await collector();
    expect(await sink.send([sample('session.signed-in'), sample('policy.denied', { count: 3 })], signal)).toEqual({ rejected: 0 });
    expect(receiver.problems).toEqual([]);
    expect(receiver.logs).toMatchObject([
      {
        ...{ eventName: 'lakepass.session.signed-in', body: 'login.ok', severityNumber: 9, scope: 'lakepass.audit' },
        timeUnixNano: '1767603600123000000',
        resource: { 'service.name': 'lakepass', 'service.version': '1.2.3', 'service.instance.id': 'd0c1' },
        attributes: {
          ...{ 'log.record.uid': '019b8d2e-7a00-7abc-8def-0123456789ab', 'lakepass.seq': 1, 'user.id': '00u1f2' },
          ...{ 'user.email': 'Alice@acme.example', 'lakepass.auth.amr': ['one', 'two'], 'lakepass.status': 'success' },
        },
      },
      {
        severityNumber: 13,
        attributes: { 'error.type': 'POLICY_DENIED', 'lakepass.count': 3, 'process.executable.name': 'python3.11' },
      },
    ]);
    expect(receiver.headers[0]).toMatchObject({ 'content-type': 'application/json', 'user-agent': `lakepass/${version}` });
    expect(receiver.headers[0]).not.toHaveProperty('authorization');
  });

  it.each<[string, string | undefined]>([
    ['0123456789abcdef', '00000000000000000123456789abcdef'],
    ['0000000000000000', undefined],
    ['0123456789abcdeg', undefined],
    ['r-1', undefined],
  ])('is in the trace of its request: %s', (requestId, traceId) => {
    const body = otlpLogs([sample('token.minted', { requestId })]) as { resourceLogs: { scopeLogs: { logRecords: object[] }[] }[] };
    expect(otlpProblems(body)).toEqual([]);
    const spanId = traceId === undefined ? undefined : requestId;
    expect({ traceId: undefined, spanId: undefined, ...body.resourceLogs[0]?.scopeLogs[0]?.logRecords[0] }).toMatchObject({
      traceId,
      spanId,
    });
  });

  it('stays below a MiB where it is as large as a batch can be', () => {
    const [large] = [sample('grant.widened', { scopes: Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(128, 'x')) })];
    const count = Math.ceil((512 * 1024) / JSON.stringify(large).length);
    expect(Buffer.byteLength(JSON.stringify(otlpLogs(Array.from({ length: count }, () => large))))).toBeLessThan(1024 * 1024);
  });
});

describe('the receiver itself', () => {
  const good = () => JSON.parse(JSON.stringify(otlpLogs([sample('session.signed-in')])));
  const record = (body: ReturnType<typeof good>) => body.resourceLogs[0].scopeLogs[0].logRecords[0];
  it.each<[string, (body: ReturnType<typeof good>) => void]>([
    ['a field that is not there', (body) => (body.colour = 1)],
    ['a name in snake case', (body) => (record(body).time_unix_nano = '1')],
    ['a time that is a number', (body) => (record(body).timeUnixNano = 1_767_603_600_123)],
    ['a time beyond 64 bits', (body) => (record(body).timeUnixNano = '18446744073709551616')],
    ['a severity by its name', (body) => (record(body).severityNumber = 'SEVERITY_NUMBER_INFO')],
    ['a severity that is not there', (body) => (record(body).severityNumber = 42)],
    ['a trace id in base64', (body) => (record(body).traceId = 'AAAAAAAAAAAAAAAAAAAAAA==')],
    ['a text that is none', (body) => (record(body).body.stringValue = 1)],
    ['a number of 64 bits that is no text', (body) => (record(body).attributes[0].value = { intValue: 1 })],
    ['two values in one', (body) => (record(body).attributes[0].value = { intValue: '1', stringValue: 'a' })],
    ['an attribute without a key', (body) => delete record(body).attributes[0].key],
    ['an attribute twice', (body) => record(body).attributes.push(record(body).attributes[0])],
    ['a list that is none', (body) => (body.resourceLogs = {})],
  ])('refuses %s', (_, spoil) => {
    const body = good();
    spoil(body);
    expect(otlpProblems(body)).not.toEqual([]);
  });
});

describe('an answer', () => {
  const answered = async (answer: { status: number; headers?: Record<string, string>; body?: string }) => {
    const { receiver, sink } = await collector();
    receiver.answer = answer;
    return sink.send([sample('session.signed-in'), sample('agent.started')], signal).catch((error: unknown) => error);
  };

  it.each([
    ['nothing', ''],
    ['an empty object', '{}'],
    ['no partial success', '{"partialSuccess":null}'],
    ['a warning', '{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow down"}}'],
    ['a field of another version', '{"other":1}'],
  ])('of 200 with %s: all of it has arrived', async (_, body) => {
    expect(await answered({ status: 200, body })).toEqual({ rejected: 0 });
  });

  it.each([
    ['"1"', 1],
    ['2', 2],
    ['"99"', 2],
  ])('of 200 with %s records thrown away: so many will never arrive', async (count, rejected) => {
    expect(await answered({ status: 200, body: `{"partialSuccess":{"rejectedLogRecords":${count}}}` })).toEqual({ rejected });
  });

  it.each([
    ['a page', '<html>Please sign in to this network</html>'],
    ['a word', '"ok"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a partial success that is a list', '{"partialSuccess":[]}'],
    ['a partial success that is a word', '{"partialSuccess":"no"}'],
    ['a count that is none', '{"partialSuccess":{"rejectedLogRecords":"many"}}'],
    ['a count below none', '{"partialSuccess":{"rejectedLogRecords":-1}}'],
  ])('of 200 with %s is nobody’s we know: nothing has arrived', async (_, body) => {
    expect(await answered({ status: 200, body })).toMatchObject({ code: 'AUDIT_SINK_UNREACHABLE', fault: 'way', reason: 'answer' });
  });

  it('without an end is not read to it', async () => {
    expect(await answered({ status: 200, body: ' '.repeat(70_000) })).toMatchObject({ fault: 'way', reason: 'answer' });
  });

  it.each([
    [200, 'way', 'answer'],
    [302, 'way', 'redirect'],
    [400, 'records', 'status'],
    [413, 'records', 'status'],
    [429, 'way', 'status'],
    [500, 'way', 'status'],
  ])('of %d that never ends counts as what its status says, and its connection is let go', async (status, fault, reason) => {
    const gone = Promise.withResolvers<void>();
    const refused = await sentTo((_, response) => {
      response.once('close', gone.resolve).writeHead(status, { location: '/elsewhere', 'retry-after': '7' });
      const pour = (): void => {
        while (response.write(' '.repeat(16_384)));
        response.once('drain', pour);
      };
      pour();
    });
    expect(refused).toMatchObject({ fault, reason, ...(status === 429 ? { retryAfter: 7000 } : {}) });
    await gone.promise;
  });

  it('that comes drop by drop ends with the patience of who asks', async () => {
    const late = new AbortController();
    const refused = await sentTo((_, response) => {
      response.writeHead(200).write('{"partialSuccess":');
      late.abort();
    }, late);
    expect(refused).toMatchObject({ fault: 'way', reason: 'time' });
  });

  it.each([
    ['99999999999999999999', null],
    ['-7', 0],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.parse('9999-12-31T23:59:59Z') - now()],
    ['1e99', null],
    ['7, 7', expect.anything()],
    ['Infinity', null],
    ['', null],
  ])('of 429 with a hostile Retry-After is one more refusal: %j', async (value, retryAfter) => {
    expect(await answered({ status: 429, headers: { 'retry-after': value } })).toMatchObject({
      fault: 'way',
      reason: 'status',
      retryAfter,
    });
  });

  it('of a server whose certificate is for another name is not asked for: nothing is sent, and people are told', async () => {
    const { ca, ...identity } = createTlsIdentity({ hosts: ['elsewhere.test'] });
    let bodies = 0;
    const server = createTlsServer(identity, () => {
      bodies += 1;
    });
    server.on('tlsClientError', () => undefined);
    const caFile = path.join(temporaryFolder(), 'ca.pem');
    fs.writeFileSync(caFile, ca, { mode: 0o600 });
    const line = createOutbound({ env: {}, clock: systemClock });
    line.use({ caFile, caContent: contentOf(caFile) });
    const url = `https://localhost:${await listening(server)}/v1/logs`;
    const sink = otlpSink('company', { url, tokenFile: undefined }, { fetch: line.fetch, now });
    await expect(sink.send([sample('agent.started')], signal)).rejects.toMatchObject({
      ...{ code: 'AUDIT_SINK_UNREACHABLE', fault: 'way', reason: 'certificate', detail: expect.stringContaining('another name') },
    });
    expect(bodies).toBe(0);
  });

  it.each([
    [429, '7', 7000],
    [503, 'Mon, 05 Jan 2026 09:02:00 GMT', 120_000],
    [503, 'Mon, 05 Jan 2026 08:02:00 GMT', 0],
    [502, 'soon', null],
    [504, undefined, null],
    [500, '3', 3000],
  ])('of %d with Retry-After %s: another try, no sooner than asked for', async (status, value, retryAfter) => {
    expect(await answered({ status, ...(value === undefined ? {} : { headers: { 'retry-after': value } }) })).toMatchObject({
      ...{ code: 'AUDIT_SINK_UNREACHABLE', fault: 'way', reason: 'status', retryAfter },
    });
  });

  it.each([400, 413, 422])('of %d means the records', async (status) => {
    expect(await answered({ status })).toMatchObject({ code: 'AUDIT_SINK_REFUSED', fault: 'records', reason: 'status' });
  });

  it.each([
    [401, 'token'],
    [403, 'token'],
    [404, 'status'],
    [415, 'status'],
    [204, 'status'],
  ])('of %d means the configuration, and no record is lost', async (status, reason) => {
    expect(await answered({ status })).toMatchObject({ fault: 'way', reason, retryAfter: null });
  });

  it.each([301, 302, 303, 307, 308])('of %d is not followed', async (status) => {
    const elsewhere = await collector();
    expect(await answered({ status, headers: { location: elsewhere.receiver.url } })).toMatchObject({ fault: 'way', reason: 'redirect' });
    expect(elsewhere.receiver.bodies).toEqual([]);
  });

  it('that never comes ends with the patience of who asks', async () => {
    const late = new AbortController();
    const sink = otlpSink(
      'company',
      { url: 'https://collector.acme.example/v1/logs', tokenFile: undefined },
      {
        fetch: (_, init) => new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
        ...{ now, version: '1' },
      },
    );
    const sending = sink.send([sample('agent.started')], late.signal);
    late.abort();
    await expect(sending).rejects.toMatchObject({ fault: 'way', reason: 'time' });
  });

  it('of what stands in between helps with its own words', async () => {
    const refuse = () => Promise.reject(new AppError('PROXY_REFUSED'));
    const sink = otlpSink('company', { url: 'https://collector.acme.example/v1/logs', tokenFile: undefined }, { fetch: refuse, now });
    await expect(sink.send([sample('agent.started')], signal)).rejects.toMatchObject({
      ...{ code: 'AUDIT_SINK_UNREACHABLE', reason: 'line', detail: expect.stringMatching(/proxy/i) },
    });
  });
});

describe('the token of a collector', () => {
  const file = (content: string, mode = 0o600): string => {
    const made = path.join(temporaryFolder(), 'token');
    fs.writeFileSync(made, content);
    fs.chmodSync(made, mode);
    return made;
  };

  it('is read anew for each batch, and is in no error', async () => {
    const tokenFile = file('first-token\n');
    const { receiver, sink } = await collector({ token: 'second-token', tokenFile });
    const refused = await sink.send([sample('agent.started')], signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ fault: 'way', reason: 'token' });
    expect(`${(refused as Error).stack} ${JSON.stringify(refused)}`).not.toContain('first-token');
    fs.writeFileSync(tokenFile, 'second-token');
    expect(await sink.send([sample('agent.started')], signal)).toEqual({ rejected: 0 });
    expect(receiver.logs).toHaveLength(1);
  });

  it.each<[string, () => string]>([
    ['others can read', () => file('token', 0o644)],
    ['the group can change', () => file('token', 0o620)],
    ['is not there', () => '/nowhere/token'],
    ['is a folder', () => temporaryFolder()],
    ['is empty', () => file('\n')],
    ['holds two lines', () => file('one\ntwo')],
    ['holds what would be another header', () => file('one\r\nx-other: two')],
    ['is too large', () => file('x'.repeat(20_000))],
  ])('from a file that %s is not used', async (_, make) => {
    const { receiver, sink } = await collector({ tokenFile: make() });
    await expect(sink.send([sample('agent.started')], signal)).rejects.toMatchObject({ fault: 'way', reason: 'token-file' });
    expect(receiver.bodies).toEqual([]);
  });

  it('from a file of another user is not used', async () => {
    const own = file('token');
    const getuid = process.getuid?.bind(process);
    process.getuid = () => 12_345;
    onTestFinished(() => {
      if (getuid !== undefined) process.getuid = getuid;
    });
    // A file of root's would be believed.
    if (fs.statSync(own).uid === 0) fs.chownSync(own, 12_346, 12_346);
    const { sink } = await collector({ tokenFile: own });
    await expect(sink.send([sample('agent.started')], signal)).rejects.toMatchObject({
      reason: 'token-file',
      detail: expect.stringMatching(/belongs to user/),
    });
  });
});
