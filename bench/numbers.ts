/** The arithmetic of the bench: what a heap of samples says, and how a number is shown. */

/** @param share 0.5 for the median of single requests, 0.99 for the slow ones; nearest rank */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (found === undefined) throw new Error('there are no samples');
  return found;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error('there are no values');
  return (low + high) / 2;
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const whole = (value: number): string => grouped.format(value);
export const times = (ratio: number): string => `${ratio.toFixed(2)}×`;
export const micros = (us: number): string => (us < 1000 ? `${Math.round(us)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`);
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
