/** The entry of the window in which a request is answered. It knows the requests alone, and follows the colours of the system. */
import './door/jitless.ts';
import './ui/tokens.css';
import './ui/base.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { createRoot } from 'react-dom/client';
import { ApprovalWindow } from './consent/ApprovalWindow.tsx';
import { bridgeLine } from './door/bridge-line.ts';
import { desktopHost } from './door/host.ts';
import { StandingPage } from './door/Standing.tsx';

const bridge = window.lakepass;
const place = document.getElementById('page');
if (place !== null) {
  createRoot(place).render(
    // Our policies refuse styles that a script puts into the page.
    <CSPProvider disableStyleElements>
      {bridge === undefined ? (
        <StandingPage standing={{ phase: 'lost' }} host="desktop" />
      ) : (
        <ApprovalWindow line={bridgeLine(bridge, 'asks')} host={desktopHost(bridge)} />
      )}
    </CSPProvider>,
  );
}
