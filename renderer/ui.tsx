/** The UI's entry: takes the code out of the address before anything else can see it, then draws. */
import './door/jitless.ts';
import './ui/tokens.css';
import './ui/base.css';
import './ui/parts.css';
import './screens.css';
import { createRoot } from 'react-dom/client';
import { App, type Tab } from './App.tsx';
import { takeCode } from './door/code.ts';
import { openLine } from './door/connection.ts';

const code = takeCode();
const tab: Tab = {
  // The provider's page learns nothing of ours: our own policies cut the opener and the referrer.
  open: (url) => window.open(url, '_blank') !== null,
  leave: (url) => location.assign(url),
  setTitle(title) {
    document.title = title;
  },
};
const place = document.getElementById('page');
if (place !== null) createRoot(place).render(<App line={openLine(code)} tab={tab} />);
