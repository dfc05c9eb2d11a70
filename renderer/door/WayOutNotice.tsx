/** Says that it goes on in the browser, or gives the address where no browser could be opened. */
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import type { Host } from './host.ts';
import type { WayOut } from './use-way-out.ts';
import styles from './WayOutNotice.module.css';

interface WayOutNoticeProps {
  way: WayOut;
  host: Host;
  /** What is to be done in the browser. */
  text: string;
  cancel: string;
  onCancel: () => void;
}

export function WayOutNotice({ way, host, text, cancel, onCancel }: WayOutNoticeProps) {
  if (way.at === 'none') return null;
  const back = (
    <Button look="quiet" size="compact" onPress={onCancel}>
      {cancel}
    </Button>
  );
  if (way.at === 'browser') {
    return (
      <div className={styles.going}>
        <Progress label={text} />
        {back}
      </div>
    );
  }
  return (
    <Notice>
      <p role="status">{host.kind === 'desktop' ? texts.wayOut.noBrowser : texts.home.blocked}</p>
      {host.kind === 'desktop' ? (
        <Snippet text={way.url} host={host} />
      ) : (
        <p>
          <a href={way.url} target="_blank" rel="noreferrer">
            {texts.home.goOn}
          </a>
        </p>
      )}
      {back}
    </Notice>
  );
}
