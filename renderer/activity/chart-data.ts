/** What the charts draw, and the same in words and as a table for whoever cannot see them. */
import type { ActivitySummary } from '../../preload/contract/activity.ts';
import { texts } from '../texts.ts';

const words = texts.activity;
export const panelNames = ['tokens', 'prompts', 'refusals', 'mintMs'] as const;
export type PanelName = (typeof panelNames)[number];

export interface Point {
  /** When this part began, as an axis shows it. */
  time: string;
  /** Tokens that came from memory, so that these and `minted` are stacked to all that were handed out. */
  cached: number;
  tokens: number;
  minted: number;
  prompts: number;
  denials: number;
  refusals: number;
  mintMs: number | null;
}

const timeOf = (iso: string, span: ActivitySummary['span']): string => {
  const date = new Date(iso);
  if (span !== 'week') return date.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  return date.toLocaleDateString(undefined, { weekday: 'short', day: 'numeric' });
};

/** Parts of a week that begin on the same day are told apart by their hour. */
const longTimeOf = (iso: string, span: ActivitySummary['span']): string => {
  if (span !== 'week') return timeOf(iso, span);
  return `${timeOf(iso, span)}, ${timeOf(iso, 'day')}`;
};

export const pointsOf = ({ parts, span }: ActivitySummary): Point[] =>
  parts.map(({ at, ...part }) => ({ time: timeOf(at, span), cached: Math.max(0, part.tokens - part.minted), ...part }));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** The middle one of the parts' medians: a median of all of them is not known. */
export function middleOf(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

export interface Panel {
  name: PanelName;
  /** The one number that stands for the whole span. */
  figure: string;
  summary: string;
  isEmpty: boolean;
}

export function panelsOf(summary: ActivitySummary): Panel[] {
  const { parts, span } = summary;
  const total = (name: 'tokens' | 'minted' | 'prompts' | 'denials' | 'refusals'): number => sum(parts.map((part) => part[name]));
  const mints = parts.flatMap(({ mintMs }) => (mintMs === null ? [] : [mintMs]));
  const median = middleOf(mints);
  const panel = (name: PanelName, figure: string, sentence: string, values: readonly number[]): Panel => {
    const most = Math.max(0, ...values);
    const busiest = parts[values.indexOf(most)];
    const isCounted = name !== 'mintMs' && most > 0 && values.filter((value) => value > 0).length > 1;
    return {
      name,
      figure,
      summary: `${sentence} ${words.spanWords[span]}.${isCounted && busiest !== undefined ? ` ${words.busiest(longTimeOf(busiest.at, span))}` : ''}`,
      isEmpty: most === 0,
    };
  };
  return [
    panel(
      'tokens',
      String(total('tokens')),
      words.tokensSummary(total('tokens'), total('minted')),
      parts.map(({ tokens }) => tokens),
    ),
    panel(
      'prompts',
      String(total('prompts')),
      words.promptsSummary(total('prompts')),
      parts.map(({ prompts }) => prompts),
    ),
    panel(
      'refusals',
      String(total('denials') + total('refusals')),
      words.refusalsSummary(total('denials'), total('refusals')),
      parts.map(({ denials, refusals }) => denials + refusals),
    ),
    panel(
      'mintMs',
      median === null ? words.noValue : words.milliseconds(median),
      median === null ? words.mintNone : words.mintSummary(words.milliseconds(median), words.milliseconds(Math.max(...mints))),
      mints,
    ),
  ];
}

/** Every number of the charts, a row for each part, oldest first. */
export function tableOf({ parts, span }: ActivitySummary): { head: string[]; rows: string[][] } {
  const { series } = words;
  return {
    head: [words.time, series.tokens, series.minted, series.prompts, series.denials, series.refusals, series.mintMs],
    rows: parts.map((part) => [
      longTimeOf(part.at, span),
      ...[part.tokens, part.minted, part.prompts, part.denials, part.refusals].map(String),
      part.mintMs === null ? words.noValue : words.milliseconds(part.mintMs),
    ]),
  };
}
