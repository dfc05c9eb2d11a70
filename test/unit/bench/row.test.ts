import { describe, expect, it } from 'vitest';
import { median, percentile } from '../../../bench/numbers.ts';
import { atLeast, atMost, interleave, ratioOf, row } from '../../../bench/row.ts';

const measured = { name: 'a row', baseline: 'something', samples: 1, rounds: 1, notes: [] };

describe('the figures of the bench', () => {
  it.each([
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
  ])('has the middle of %j as its median', (values, middle) => {
    expect(median(values)).toBe(middle);
  });

  it('takes a percentile by nearest rank, from samples in any order', () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(samples, 0.5), percentile(samples, 0.99), percentile(samples, 1)]).toEqual([50, 99, 100]);
  });

  it('has no figure for nothing', () => {
    expect(() => median([])).toThrow('no values');
    expect(() => percentile([], 0.5)).toThrow('no samples');
  });

  it('compares within rounds, so that a machine that slows down for both changes nothing', () => {
    const rounds = [1, 10, 100].map((slowness) => ({ ours: 3 * slowness, bare: 2 * slowness }));
    expect(ratioOf(rounds, (took) => took)).toBe(1.5);
  });

  it('lets the two sides take turns at going first', async () => {
    const order: string[] = [];
    const side = (name: string) => async () => void order.push(name);
    await interleave(3, side('ours'), side('bare'));
    expect(order).toEqual(['bare', 'ours', 'ours', 'bare', 'bare', 'ours']);
  });

  it('calls a budget met only when every limit of it is kept', () => {
    expect(row(measured, [atMost('CPU', 1.67, 1.67), atLeast('req/s', 0.6, 0.6)]).met).toBe(true);
    expect(row(measured, [atMost('CPU', 1.68, 1.67), atLeast('req/s', 0.6, 0.6)])).toMatchObject({
      met: false,
      budget: 'CPU ≤ 1.67×, req/s ≥ 0.60×',
    });
    expect(row(measured, [atLeast('req/s', 0.59, 0.6)]).met).toBe(false);
  });
});
