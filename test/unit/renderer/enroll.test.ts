/** A managed device in words: how it stands, what a person meets first, what their company gets to see, what it wants of keys. */
import { describe, expect, it } from 'vitest';
import type { FlawReason } from '../../../main/passkey/flaw.ts';
import { type FailureCode, failureTexts } from '../../../preload/contract/failure.ts';
import type { ManagedView } from '../../../preload/contract/managed.ts';
import { hostOf, hostOfLink, wantedWords } from '../../../renderer/enroll/offer-words.ts';
import { rowsOf, sentOf } from '../../../renderer/enroll/sent.ts';
import { codesSaid, keysMissing, managedStart, standingOf, troublesOf } from '../../../renderer/enroll/standing.ts';
import { verdictWords } from '../../../renderer/passkey/verdict-words.ts';
import { texts } from '../../../renderer/texts.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { awaitedOf, managedOf, recordOf, sentOf as sinksOf } from '../../fakes/managed-device.ts';
import { calmState } from '../../fakes/pages-agent.ts';

const clock = fakeClock();
const problem = (code: FailureCode) => ({ code, ...failureTexts[code] });
const alone: Partial<ManagedView> = { url: null };

describe('how the management stands', () => {
  it.each<[string, ManagedView]>([
    ['good', managedOf(clock)],
    ['settings', awaitedOf(clock, alone)],
    ['awaited', awaitedOf(clock)],
    ['awaited', awaitedOf(clock, { problem: problem('BUNDLE_UNREACHABLE') })],
    ['unreachable', managedOf(clock, { problem: problem('BUNDLE_UNREACHABLE') })],
    ['refused', managedOf(clock, { problem: problem('BUNDLE_ROLLED_BACK') })],
    ['refused', managedOf(clock, { problem: problem('BUNDLE_KEY_UNKNOWN') })],
    ['refused', managedOf(clock, { problem: problem('BUNDLE_INVALID') })],
    ['expired', managedOf(clock, { problem: problem('BUNDLE_EXPIRED') })],
    ['revoked', managedOf(clock, { revoked: true, problem: problem('BUNDLE_UNREACHABLE') })],
  ])('is %s', (standing, managed) => {
    expect(standingOf(managed)).toBe(standing);
    expect(Object.keys(texts.managed.standings)).toContain(standing);
  });

  it('says every trouble with its code, the revocation first, and none where all is well', () => {
    const managed = managedOf(clock, { revoked: true, problem: problem('BUNDLE_UNREACHABLE') });
    expect(troublesOf(managed).map(({ code }) => code)).toEqual(['DEVICE_REVOKED', 'BUNDLE_UNREACHABLE']);
    expect(codesSaid(managed)).toEqual(['DEVICE_REVOKED', 'BUNDLE_UNREACHABLE']);
    expect([troublesOf(managedOf(clock)), codesSaid(managedOf(clock)), codesSaid(null)]).toEqual([[], [], []]);
  });

  it.each(['BUNDLE_UNREACHABLE', 'BUNDLE_INVALID'] as const)('does not speak of a bundle before it where there is none: %s', (code) => {
    const [said] = troublesOf(awaitedOf(clock, { problem: problem(code) }));
    expect([said?.code, said?.next, said?.cause.includes('goes on')]).toEqual([code, failureTexts[code].next, false]);
    expect(troublesOf(managedOf(clock, { problem: problem(code) }))[0]?.cause).toContain('goes on');
  });

  it('says once, and in one place, that a bundle is awaited', () => {
    expect(codesSaid(awaitedOf(clock))).toEqual(['BUNDLE_AWAITED']);
  });
});

describe('the first start of a managed device', () => {
  const { profiles } = calmState(clock).status;
  const signedOut = profiles.map((profile) => ({ ...profile, session: { ...profile.session, phase: 'signed-out' as const } }));
  const [key] = calmState(clock).status.tapKeys;
  const start = (status: Partial<Parameters<typeof managedStart>[0]>) =>
    managedStart({ managed: managedOf(clock), profiles: signedOut, tapKeys: [], ...status });

  it('is one button where the company has said where to sign in, and waiting before', () => {
    expect(start({})).toBe('sign-in');
    expect(start({ managed: awaitedOf(clock), profiles: [] })).toBe('awaited');
  });

  it.each<[string, Partial<Parameters<typeof managedStart>[0]>]>([
    ['nobody manages it', { managed: undefined }],
    ['settings name no bundle, and a profile has yet to be written', { managed: awaitedOf(clock, alone), profiles: [] }],
    ['the bundle brings no profile', { profiles: [] }],
    ['somebody is signed in', { profiles }],
    ['somebody has a key here already', { tapKeys: key === undefined ? [] : [key] }],
    ['the vault is locked', { profiles: profiles.map((one) => ({ ...one, session: { ...one.session, phase: 'locked' } })) }],
  ])('is that of everybody where %s', (_, status) => {
    expect(start(status)).toBeNull();
  });
});

describe('what the company sees', () => {
  const fields = recordOf(clock);
  const leaves = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];

  it('is every field of what was sent, with words for each', () => {
    const rows = rowsOf(fields);
    expect(rows).toHaveLength(leaves(fields).length);
    expect(rows.filter(([name]) => /^[a-z]/.test(name))).toEqual([]);
    const shown = rows.map(([, value]) => value);
    for (const leaf of leaves(fields).filter((one) => String(one).length < 90 && typeof one !== 'boolean'))
      expect(shown).toContain(String(leaf));
  });

  it('cuts what nobody reads, and says how long it is', () => {
    const [long] = rowsOf(fields).filter(([name]) => name.startsWith(texts.managed.seen.fields['keys.object']));
    expect(long?.[1]).toMatch(/^o2NmbXRm.*… \(640 characters\)$/);
  });

  it('shows a field of later days by its own name, and what is empty as none', () => {
    expect(rowsOf({ moon: { phase: 'full' }, keys: [], person: null, toString: 1 })).toEqual([
      ['moon.phase', 'full'],
      ['Your keys', 'none'],
      ['You', 'none'],
      ['toString', '1'],
    ]);
  });

  it('is nothing where no record is asked for', () => {
    expect(sentOf({ managed: managedOf(clock), sent: null })).toEqual([]);
    expect(sentOf({ sent: { sinks: [], traces: null } })).toEqual([]);
    const record = { to: '/srv/records', sentAt: null, problem: null, waiting: 1, fields: null };
    expect(sentOf({ managed: managedOf(clock, { record }), sent: null })).toMatchObject([
      { to: '/srv/records', sentAt: null, standing: 'never', waiting: texts.managed.seen.newer, rows: null },
    ]);
  });

  const { seen } = texts.managed;
  const sinks = () => sentOf({ sent: sinksOf(clock) });

  it('is each sink of the audit log, too: how it stands, what waits for it, and under which names people go', () => {
    expect(sinks()).toMatchObject([
      { heading: 'Audit records: siem', standing: 'good', waiting: seen.waitsNothing('268 MB', 30), behind: 0, people: seen.byPseudonym },
      {
        ...{
          heading: 'Audit records: share',
          standing: 'failing',
          waiting: seen.waits(48_211, '91 MB', '268 MB', 30),
          people: seen.byName,
        },
        ...{ problem: { code: 'AUDIT_SINK_UNREACHABLE', next: expect.stringMatching(/\.$/) }, notes: [seen.sinkNote, seen.notSince] },
      },
      { standing: 'never', sentAt: null, waiting: seen.waits(3, '1 kB', '268 MB', 30), rows: null, notes: [seen.sinkNote] },
      { heading: seen.traces, to: 'https://otel.acme.example/v1/traces', standing: null, people: seen.nobody, rows: expect.any(Array) },
    ]);
    expect(sinks()[1]?.behind).toBeCloseTo(91 / 268.4, 2);
  });

  it('is of a sink the last record, each field with its words, its name and its value', () => {
    const sent = sinksOf(clock).sinks[0]?.last ?? [];
    const rows = sinks()[0]?.rows ?? [];
    expect(rows.map(({ name }) => name)).toEqual(sent.map(({ name }) => name));
    expect(rows).toContainEqual({ means: 'Program, by the name of its file', name: 'client.program', value: 'python3.12' });
    expect(rows).toContainEqual({ means: 'Scopes', name: 'target.scopes', value: 'sql, files' });
    expect(rows.map(({ value }) => value).join(' ')).not.toContain('/home');
  });

  it('is, of a field that nobody has words for, its name and its value; never nothing', () => {
    const [sink] = sinksOf(clock).sinks;
    const last = [
      { name: 'details.moon', means: '', value: 'full' },
      { name: 'x', means: 'Something', value: [] },
      { name: 'y', means: 'Whether', value: false },
    ];
    const [one] = sentOf({ sent: { sinks: sink === undefined ? [] : [{ ...sink, last, waiting: 1, waitingBytes: 1 }], traces: null } });
    expect(one?.rows).toEqual([
      { means: 'details.moon', name: null, value: 'full' },
      { means: 'Something', name: 'x', value: seen.none },
      { means: 'Whether', name: 'y', value: seen.no },
    ]);
    expect([one?.standing, one?.waiting]).toEqual(['waiting', seen.waits(1, '1 kB', '268 MB', 30)]);
  });
});

describe('what is wanted of keys', () => {
  const wanted = { atLeast: 2, models: null, attested: false, hardwareBound: false };
  it('is said as one sentence', () => {
    expect(wantedWords({ ...wanted, atLeast: 1 })).toBe('At least 1 key.');
    expect(wantedWords({ ...wanted, models: ['a', 'b'], attested: true, hardwareBound: true })).toBe(
      'At least 2 keys, of 2 models that it allows, each proven by its maker, none that can be copied to other devices.',
    );
  });

  it.each([
    [0, 2],
    [1, 1],
    [2, 0],
    [3, 0],
  ])('with %i that count, %i are missing', (counted, missing) => {
    expect(keysMissing(managedOf(clock, { tapKeys: { wanted, counted, keys: [] } }))).toBe(missing);
  });
  it('is nothing where nothing is said', () => {
    expect([keysMissing(managedOf(clock)), keysMissing(null)]).toEqual([0, 0]);
  });
});

describe('what an attestation came to', () => {
  it.each([
    ['proven', 'root', 'FIDO_CERTIFIED_L1', 'Its maker’s attestation proves the model. FIDO says of the model: FIDO_CERTIFIED_L1.'],
    ['unproven', 'no-metadata', undefined, 'Its model could not be proven: there is no FIDO metadata here.'],
    ['refused', 'signature', undefined, 'Its attestation was refused: its signature does not hold.'],
    ['self', 'self', undefined, 'It vouches for itself alone, so its model is its own word.'],
    ['none', undefined, undefined, 'It brought no attestation, so its model is its own word.'],
  ] as const)('%s, because of %s, is said in words', (verdict, because, status, words) => {
    expect(verdictWords(verdict, because, status)).toBe(words);
  });

  it.each([
    'shape',
    'format',
    'key',
    'algorithm',
    'signature',
    'certificate',
    'challenge',
    'chain',
    'origin',
    'status',
  ] satisfies FlawReason[])('has words for what is wrong with one: %s', (reason) => {
    expect(verdictWords('refused', reason, undefined)).not.toBe(texts.keys.verdicts.refused);
  });
});

describe('where a link leads', () => {
  it('is named by its host, before anybody is asked', () => {
    expect(hostOfLink(' lakepass://enroll?url=https%3A%2F%2Fit.acme.example%2Fb.json&key=x ')).toBe('it.acme.example');
    expect(hostOf('https://it.acme.example:8443/b')).toBe('it.acme.example:8443');
    expect(hostOf('no address')).toBe('no address');
  });
  it.each([
    '',
    'nonsense',
    'lakepass://enroll',
    'lakepass://enroll?url=',
    'lakepass://enroll?url=javascript:alert(1)',
    'lakepass://enroll?url=file:///x',
  ])('is not said of %j', (link) => {
    expect(hostOfLink(link)).toBeNull();
  });
});
