/** The marked checks and the tables of `npm run test:removal` are one list; that run shows that each test really notices. */
import { expect, it } from 'vitest';
import { compareWithTables, readSpans, readTables, unlistedRefusals } from '../../removal/spans.ts';
import { root } from './sources.ts';

const { spans, problems } = readSpans(root);

it('marks every check properly and once', () => {
  expect(problems).toEqual([]);
  expect(spans.length).toBeGreaterThan(0);
});

it('lists a test for every check, and no check that is gone', () => {
  expect(compareWithTables(root, spans, readTables(root))).toEqual([]);
});

it('has no refusal in a guard that is not a check', () => {
  expect(unlistedRefusals(root, spans)).toEqual([]);
});
