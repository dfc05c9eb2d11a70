/** Drawings of one hand: 24 by 24, strokes in the colour of the text. They repeat what words beside them say, so readers skip them. */
const paths = {
  verified: 'M5 12.5l4.5 4.5L19 7.5',
  claimed: 'M4 6h16v10H9l-5 4z',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.01',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.01',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  open: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 6.6-1.6',
  key: 'M14.5 9.5a4 4 0 1 1-4-4 4 4 0 0 1 4 4zM13.3 12.3L20 19M17 16l-2 2',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  away: 'M12 7v5l3.5 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  broken: 'M4 12h5M15 12h5M10 8l4 8',
  done: 'M7.5 12.5l3 3 6-6.5M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z',
  stop: 'M8 8l8 8M16 8l-8 8M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z',
  home: 'M4 11l8-7 8 7v9h-5.5v-6h-5v6H4z',
  request: 'M4 5h16v12H10l-4 3.5V17H4zM8 9.5h8M8 13h5',
  access: 'M12 3l7.5 3v5.5c0 4.5-3 7.8-7.5 9.5-4.5-1.7-7.5-5-7.5-9.5V6z',
  activity: 'M3 13h4l3-8 4 14 3-6h4',
  policy: 'M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h5',
  doctor: 'M12 20S4 15.5 4 9.7A4.3 4.3 0 0 1 12 7.5a4.3 4.3 0 0 1 8 2.2C20 15.5 12 20 12 20zM8 12h2l1.5-2.5 2 4 1-1.5H16',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  browser: 'M4 5h16v14H4zM4 9.5h16M7 7.2v.01M9.5 7.2v.01',
  add: 'M12 5v14M5 12h14',
  pause: 'M8 5v14M16 5v14',
  down: 'M6 9l6 6 6-6',
  more: 'M5 12v.01M12 12v.01M19 12v.01',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5',
  workspace: 'M4 8l8-4 8 4-8 4zM4 12l8 4 8-4M4 16l8 4 8-4',
  company: 'M4 20V5h9v15M13 9h7v11M2.5 20h19M7 8.5h3M7 12h3M7 15.5h3M16 13h1M16 16.5h1',
  leave: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  clock: 'M12 7v5l3.5 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  undo: 'M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
} as const;
export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of the product: a keyhole that is a moon over a lake, and the light it throws on the water. */
export function Logo() {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <rect width="16" height="16" rx="3.5" fill="#17597a" />
      <g fill="#f4fbff">
        <circle cx="8" cy="5" r="3" />
        <rect x="6" y="9" width="4" height="1" />
        <rect x="5" y="11" width="6" height="1" />
        <rect x="4" y="13" width="8" height="1" />
      </g>
    </svg>
  );
}
