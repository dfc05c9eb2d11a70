/**
 * One request and every answer to it, in a dialog of the page or in a window of its own. Deny has the focus; nothing can be approved
 * before it has been read for a moment.
 */
import { type Ref, useId, useState } from 'react';
import type { AskView, Denial, Span } from '../../preload/contract/consent.ts';
import type { Host } from '../door/host.ts';
import type { WayOut } from '../door/use-way-out.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import type { Attempt } from '../ui/use-act.ts';
import { useHasCome } from '../ui/use-now.ts';
import styles from './Answering.module.css';
import { headOf, Request } from './Request.tsx';

export interface AnsweringProps {
  ask: AskView;
  /** Requests that wait behind this one. */
  behind: number;
  attempt: Attempt;
  /** Where the key is touched, once it is to be touched. */
  way: WayOut;
  host: Host;
  onApprove: (span: Span) => void;
  onDeny: (reach: Denial) => void;
  onSnooze: () => void;
  /** The person is back from the browser without a touch. */
  onBack: () => void;
  denyButton: Ref<HTMLButtonElement>;
  /** The heading's, for what holds it. */
  headingId: string;
  /** 1 where the request is all there is on a page. */
  level: 1 | 2;
}

/** Requests of a program, which may come again. */
const repeats = new Set<AskView['purpose']>(['create', 'widen', 'use']);

export function Answering(props: AnsweringProps) {
  const { ask, behind, attempt, way, host, onApprove, onDeny, onSnooze, onBack, denyButton, headingId, level } = props;
  const note = useId();
  const [span, setSpan] = useState<Span>(ask.spans[0] ?? 'once');
  const isReady = useHasCome(ask.answerableAt);
  const isBusy = attempt.phase === 'running';
  const Heading = `h${level}` as const;
  return (
    <>
      <div className={styles.body}>
        <Heading id={headingId} className={styles.heading}>
          {headOf(ask)}
        </Heading>
        <p className="quiet-text">{[ask.label, ...ask.words].filter(Boolean).join(' · ')}</p>
        <Request ask={ask} />
        <Spans spans={ask.spans} chosen={span} onChoose={setSpan} />
      </div>
      <footer className={styles.foot}>
        <AttemptNotice attempt={attempt} />
        <WayOutNotice way={way} host={host} text={texts.wayOut.tap} cancel={texts.wayOut.back} onCancel={onBack} />
        <p id={note} className="small">
          {[
            ask.requests > 1 ? texts.prompt.requests(ask.requests) : '',
            ask.approval === 'tap' && way.at === 'none' ? texts.prompt.tapNote[host.kind] : '',
            isReady ? '' : texts.prompt.reading,
          ]
            .filter(Boolean)
            .join(' ')}
        </p>
        <div className={styles.answers}>
          <Button ref={denyButton} isBusy={isBusy} onPress={() => onDeny('once')}>
            {texts.prompt.deny}
          </Button>
          <Button look="primary" isBusy={isBusy} isDisabled={!isReady} describedBy={note} onPress={() => onApprove(span)}>
            {ask.approval === 'tap' ? texts.prompt.approveByTap : texts.prompt.approve}
          </Button>
        </div>
        <fieldset className={styles.more}>
          <legend className="hidden">{texts.prompt.more}</legend>
          {ask.grant === null ? null : (
            <Button look="quiet" size="compact" isBusy={isBusy} onPress={() => onDeny('run')}>
              {texts.prompt.denyRun}
            </Button>
          )}
          {repeats.has(ask.purpose) ? (
            <Button look="quiet" size="compact" isBusy={isBusy} onPress={() => onDeny('always')}>
              {texts.prompt.denyAlways}
            </Button>
          ) : null}
          <Button look="quiet" size="compact" isBusy={isBusy} onPress={onSnooze}>
            {texts.prompt.snooze}
          </Button>
        </fieldset>
        <p className="small">
          {texts.prompt.openUntil} <Moment at={ask.openUntil} />. {behind > 0 ? texts.prompt.behind(behind) : null}
        </p>
      </footer>
    </>
  );
}

function Spans({ spans, chosen, onChoose }: { spans: readonly Span[]; chosen: Span; onChoose: (span: Span) => void }) {
  const name = useId();
  return (
    <fieldset className={styles.spans}>
      <legend>{texts.prompt.span}</legend>
      {spans.map((span) => (
        <label key={span} className={styles.choice}>
          <input type="radio" name={name} value={span} checked={span === chosen} onChange={() => onChoose(span)} />
          {texts.prompt.spans[span]}
        </label>
      ))}
    </fieldset>
  );
}
