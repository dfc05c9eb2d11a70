/** The one request the person is asked about now. Deny has the focus; nothing can be approved before it has been read for a moment. */
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import type { AskView, Denial, Span } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import type { Attempt } from '../ui/use-act.ts';
import { useHasCome } from '../ui/use-now.ts';
import { headOf, Request } from './Request.tsx';

interface PromptProps {
  ask: AskView;
  /** Requests that wait behind this one. */
  behind: number;
  attempt: Attempt;
  onApprove: (span: Span) => void;
  onDeny: (reach: Denial) => void;
  onSnooze: () => void;
}

/** Requests of a program, which may come again. */
const repeats = new Set<AskView['purpose']>(['create', 'widen', 'use']);

export function Prompt({ ask, behind, attempt, onApprove, onDeny, onSnooze }: PromptProps) {
  const heading = useId();
  const note = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const denyButton = useRef<HTMLButtonElement>(null);
  const [span, setSpan] = useState<Span>(ask.spans[0] ?? 'once');
  const isReady = useHasCome(ask.answerableAt);
  const isBusy = attempt.phase === 'running';

  const show = useCallback(() => {
    dialog.current?.showModal();
    // Without scrolling: who asks stays in sight.
    denyButton.current?.focus({ preventScroll: true });
  }, []);
  useEffect(show, [show]);

  return (
    // Escape answers nothing: whoever wants to say no presses Deny. Browsers close a dialog at the second Escape whatever the page says.
    <dialog ref={dialog} className="prompt" aria-labelledby={heading} onCancel={(event) => event.preventDefault()} onClose={show}>
      <div className="prompt-body">
        <h2 id={heading}>{headOf(ask)}</h2>
        <p className="lead">{[ask.label, ...ask.words].filter(Boolean).join(' · ')}</p>
        <Request ask={ask} />
        <Spans spans={ask.spans} chosen={span} onChoose={setSpan} />
      </div>
      <footer className="prompt-foot">
        <AttemptNotice attempt={attempt} />
        <p id={note} className="small">
          {[
            ask.requests > 1 ? texts.prompt.requests(ask.requests) : '',
            ask.approval === 'tap' ? texts.prompt.tapNote : '',
            isReady ? '' : texts.prompt.reading,
          ].join(' ')}
        </p>
        <div className="answers">
          <Button ref={denyButton} isBusy={isBusy} onPress={() => onDeny('once')}>
            {texts.prompt.deny}
          </Button>
          <Button look="primary" isBusy={isBusy} isDisabled={!isReady} describedBy={note} onPress={() => onApprove(span)}>
            {ask.approval === 'tap' ? texts.prompt.approveByTap : texts.prompt.approve}
          </Button>
        </div>
        <fieldset className="more">
          <legend className="hidden">{texts.prompt.more}</legend>
          {ask.grant === null ? null : (
            <Button look="quiet" isBusy={isBusy} onPress={() => onDeny('run')}>
              {texts.prompt.denyRun}
            </Button>
          )}
          {repeats.has(ask.purpose) ? (
            <Button look="quiet" isBusy={isBusy} onPress={() => onDeny('always')}>
              {texts.prompt.denyAlways}
            </Button>
          ) : null}
          <Button look="quiet" isBusy={isBusy} onPress={onSnooze}>
            {texts.prompt.snooze}
          </Button>
        </fieldset>
        <p className="small">
          {texts.prompt.openUntil} <Moment at={ask.openUntil} />. {behind > 0 ? texts.prompt.behind(behind) : null}
        </p>
      </footer>
    </dialog>
  );
}

function Spans({ spans, chosen, onChoose }: { spans: readonly Span[]; chosen: Span; onChoose: (span: Span) => void }) {
  const name = useId();
  return (
    <fieldset className="spans">
      <legend>{texts.prompt.span}</legend>
      {spans.map((span) => (
        <label key={span} className="choice">
          <input type="radio" name={name} value={span} checked={span === chosen} onChange={() => onChoose(span)} />
          {texts.prompt.spans[span]}
        </label>
      ))}
    </fieldset>
  );
}
