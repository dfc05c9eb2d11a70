/**
 * The pages a person is left on in the browser. Each is a constant: nothing of the request is ever in them, and none says more
 * than whether the sign-in came to a good end. Why it did not is told by Lakepass itself.
 */
import { createHash } from 'node:crypto';

/** 'unknown' also stands on every refusal, so that a stranger's request learns nothing. */
export type LastPage = 'signed-in' | 'failed' | 'unknown';

const style = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --line: #e1e4ea; --text: #1c2230; --quiet: #535c6d; --good: #157347; --bad: #a3560c; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12151b; --card: #1b2029; --line: #2d3441; --text: #eef1f6; --quiet: #a9b2c2; --good: #4fc98a; --bad: #efa557; }
}
* { box-sizing: border-box; }
body { min-height: 100vh; margin: 0; padding: 1.5rem; display: grid; place-items: center; background: var(--ground); color: var(--text); font: 1.0625rem/1.6 system-ui, sans-serif; }
main { max-width: 30rem; padding: 2.75rem 2.5rem 2.25rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); text-align: center; }
svg { width: 3.5rem; height: 3.5rem; fill: none; stroke: var(--quiet); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.signed-in svg { stroke: var(--good); }
.failed svg { stroke: var(--bad); }
h1 { margin: 1.25rem 0 .5rem; font-size: 1.5rem; line-height: 1.3; font-weight: 600; text-wrap: balance; }
p { margin: 0; color: var(--quiet); text-wrap: balance; }
footer { margin-top: 2rem; color: var(--quiet); font-size: .875rem; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

interface Words {
  heading: string;
  text: string;
  /** Strokes inside a circle, on a field of 24 by 24. */
  drawing: string;
}

const words: Record<LastPage, Words> = {
  'signed-in': {
    heading: 'You are signed in.',
    text: 'You can close this tab and go back to your work.',
    drawing: 'M7.5 12.5l3 3 6-6.5',
  },
  failed: {
    heading: 'The sign-in did not succeed.',
    text: 'You can close this tab. Lakepass tells you why, and what to do next.',
    drawing: 'M12 7v6M12 16.5v.01',
  },
  unknown: {
    heading: 'Back to Lakepass',
    text: 'You can close this tab. Lakepass tells you how it went, and what comes next.',
    drawing: 'M8 12h8M13 8.5l3.5 3.5-3.5 3.5',
  },
};

/** The empty icon keeps browsers from asking for /favicon.ico with the full address, code and state, as Referer. */
const page = (name: LastPage, { heading, text, drawing }: Words): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading.replace(/\.$/, '')} · Lakepass</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main class="${name}">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="${drawing}"/></svg>
<h1>${heading}</h1>
<p>${text}</p>
<footer>Lakepass</footer>
</main>
</body>
</html>
`;

export const callbackPages: Readonly<Record<LastPage, string>> = {
  'signed-in': page('signed-in', words['signed-in']),
  failed: page('failed', words.failed),
  unknown: page('unknown', words.unknown),
};

/** Sent with every answer of the door, refusals included. */
export const callbackHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; img-src data:; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  Connection: 'close',
} as const;
