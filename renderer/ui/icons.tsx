/** Drawings of one hand: 24 by 24, strokes in the colour of the text. They repeat what words beside them say, so readers skip them. */
const paths = {
  verified: 'M5 12.5l4.5 4.5L19 7.5',
  claimed: 'M4 6h16v10H9l-5 4z',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.01',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  open: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 6.6-1.6',
  key: 'M14.5 9.5a4 4 0 1 1-4-4 4 4 0 0 1 4 4zM13.3 12.3L20 19M17 16l-2 2',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  away: 'M12 7v5l3.5 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  broken: 'M4 12h5M15 12h5M10 8l4 8',
  done: 'M7.5 12.5l3 3 6-6.5M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z',
  stop: 'M8 8l8 8M16 8l-8 8M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z',
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
