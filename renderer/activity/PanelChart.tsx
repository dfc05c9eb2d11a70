/** One chart. Nothing in it moves, and nothing in it can have the focus. */
import { Bar, BarChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { texts } from '../texts.ts';
import type { PanelName, Point } from './chart-data.ts';

const words = texts.activity;

interface Series {
  name: Exclude<keyof Point, 'time'>;
  words: string;
  colour: string;
}

/** From the bottom of a bar to its top. */
export const seriesOf: Readonly<Record<PanelName, readonly Series[]>> = {
  tokens: [
    { name: 'minted', words: words.series.minted, colour: 'var(--accent)' },
    { name: 'cached', words: words.series.cached, colour: 'color-mix(in oklab, var(--accent) 45%, var(--card))' },
  ],
  prompts: [{ name: 'prompts', words: words.series.prompts, colour: 'var(--accent)' }],
  refusals: [
    { name: 'refusals', words: words.series.refusals, colour: 'var(--bad)' },
    { name: 'denials', words: words.series.denials, colour: 'color-mix(in oklab, var(--bad) 45%, var(--card))' },
  ],
  mintMs: [{ name: 'mintMs', words: words.series.mintMs, colour: 'var(--accent)' }],
};

const axis = { tick: { fill: 'var(--quiet)', fontSize: 12 }, tickLine: false, stroke: 'var(--line)' } as const;
const box = { background: 'var(--raised)', border: '1px solid var(--line)', borderRadius: '0.5rem', color: 'var(--text)', fontSize: 13 };
const margin = { top: 6, right: 4, bottom: 0, left: 0 };
const still = { isAnimationActive: false } as const;

export function PanelChart({ name, points }: { name: PanelName; points: readonly Point[] }) {
  const data = [...points];
  const frame = (
    <>
      <CartesianGrid vertical={false} stroke="var(--line)" />
      <XAxis dataKey="time" {...axis} interval="preserveStartEnd" minTickGap={28} height={24} />
      <YAxis
        {...axis}
        width={40}
        axisLine={false}
        allowDecimals={false}
        tickCount={3}
        {...(name === 'mintMs' ? { unit: ' ms', width: 60 } : {})}
      />
      <Tooltip
        {...still}
        contentStyle={box}
        itemStyle={{ color: 'var(--text)' }}
        cursor={{ fill: 'var(--sunken)', stroke: 'var(--line-strong)' }}
        formatter={(value, label) => [name === 'mintMs' ? words.milliseconds(Number(value)) : String(value), label]}
      />
    </>
  );
  const series = seriesOf[name];
  return (
    <ResponsiveContainer width="100%" height="100%">
      {name === 'mintMs' ? (
        <LineChart data={data} margin={margin} accessibilityLayer={false}>
          {frame}
          {series.map((one) => (
            <Line
              {...still}
              key={one.name}
              dataKey={one.name}
              name={one.words}
              stroke={one.colour}
              strokeWidth={2}
              dot={{ r: 2.5, fill: one.colour }}
              connectNulls
            />
          ))}
        </LineChart>
      ) : (
        <BarChart data={data} margin={margin} accessibilityLayer={false} barCategoryGap="25%">
          {frame}
          {series.map((one) => (
            <Bar {...still} key={one.name} dataKey={one.name} name={one.words} fill={one.colour} stackId="all" maxBarSize={26} />
          ))}
        </BarChart>
      )}
    </ResponsiveContainer>
  );
}
