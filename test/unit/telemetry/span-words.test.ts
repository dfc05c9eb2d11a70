/** A span that was sent, field by field. */
import { expect, it } from 'vitest';
import { otlpSpans } from '../../../main/telemetry/otlp-spans.ts';
import { lastSpanFields } from '../../../main/telemetry/span-words.ts';
import type { Timed } from '../../../main/timed.ts';
import type { EpochMs } from '../../../main/units.ts';
import { sentFieldSchema } from '../../../preload/contract/audit.ts';

const timed = { profile: 'acme', requestId: '9c1f0a7be3d24415', endedAt: Date.UTC(2026, 0, 5, 9) as EpochMs, tookMs: 7 };
const whole = { ...timed, code: 'POLICY_DENIED', workspace: 'https://acme.cloud.databricks.com', scopes: ['sql', 'files'] } as const;
const bodyOf = (...batch: Timed[]): object => otlpSpans(batch, { version: '1.2.3', hostId: 'd0c1' }, (bytes) => Buffer.alloc(bytes, 0x5c));
const leaves = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];

it.each(['sign-in', 'renewal', 'mint', 'try', 'token'] as const)('has words for every field of %s, and leaves none out', (what) => {
  const body = bodyOf({ ...whole, what });
  const fields = lastSpanFields(body).map((field) => sentFieldSchema.parse(field));
  expect(fields.filter(({ means }) => means === '')).toEqual([]);
  const shown = fields.flatMap(({ name, value }) => [name, ...[value].flat().map(String)]);
  // The sort of thing that times are kept under says nothing of this device.
  const constant = ['lakepass', '1'];
  expect(leaves(body).filter((leaf) => !constant.includes(leaf) && !shown.some((each) => each.includes(leaf)))).toEqual([]);
  expect(fields).toContainEqual({ name: 'lakepass.scopes', means: 'Scopes', value: ['sql', 'files'] });
});

it('is of the last of a batch, and shows what nobody has words for by its name', () => {
  const body = bodyOf({ ...whole, what: 'mint' }, { ...timed, what: 'sign-in', code: null, requestId: null });
  expect(lastSpanFields(body)).toContainEqual({ name: 'name', means: 'What took time', value: 'lakepass.sign-in' });
  const [first] = (body as { resourceSpans: { resource: { attributes: object[] } }[] }).resourceSpans;
  first?.resource.attributes.push({ key: 'constructor', value: { stringValue: 'x' } });
  expect(lastSpanFields(body).at(-1)).toEqual({ name: 'constructor', means: '', value: 'x' });
  expect(lastSpanFields({ resourceSpans: [] })).toEqual([]);
});
