/** The UI's entry. What is in the address is taken out of it before anything else can see it, then the page is drawn. */
import './door/jitless.ts';
import './ui/tokens.css';
import './ui/base.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import { openLine } from './door/connection.ts';
import { hostHere } from './door/host.ts';
import type { Place } from './screens.ts';

const bridge = window.lakepass;
const line = openLine(bridge);
const onView = (show: (place: Place, link?: string) => void): (() => void) =>
  bridge?.onView((wanted) => (typeof wanted === 'string' ? show(wanted) : show('enroll', wanted.enroll))) ?? (() => undefined);
const place = document.getElementById('page');
if (place !== null) {
  createRoot(place).render(
    // Our policies refuse styles that a script puts into the page.
    <CSPProvider disableStyleElements>
      <App line={line} host={hostHere()} onView={onView} />
    </CSPProvider>,
  );
}
