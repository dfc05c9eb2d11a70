/**
 * The page a person is left on in the browser. It is the same whatever happened: nothing of the request is in it, and how the
 * sign-in went is told by Lakepass itself.
 */
import { createHash } from 'node:crypto';

const style = 'body{font:16px/1.5 system-ui,sans-serif;margin:20vh auto;max-width:32em;padding:0 1em;color-scheme:light dark}';
const styleHash = createHash('sha256').update(style).digest('base64');

/** The empty icon keeps browsers from asking for /favicon.ico with the full address, code and state, as Referer. */
export const callbackPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Lakepass</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
<h1>Back to Lakepass</h1>
<p>You may close this tab. Lakepass says how the sign-in went.</p>
</main>
</body>
</html>
`;

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
