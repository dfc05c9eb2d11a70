/** What the agent answered, in each of the ways it can stand: awaited with words, failed with a next step, there, or from before. */
import type { ReactNode } from 'react';
import type { Answer } from '../door/answer.ts';
import { texts } from '../texts.ts';
import { Button } from './Button.tsx';
import { FailureNotice, Notice } from './Notice.tsx';
import { Progress } from './Progress.tsx';

interface AnsweredProps<T> {
  answer: Answer<T>;
  /** What is waited for, in words. */
  waitingFor: string;
  children: (value: T) => ReactNode;
}

export function Answered<T>({ answer, waitingFor, children }: AnsweredProps<T>) {
  switch (answer.phase) {
    case 'loading':
      return <Progress label={waitingFor} />;
    case 'failed':
      return (
        <div className="stack" role="alert">
          <FailureNotice failure={answer.failure} />
          <div>
            <Button isBusy={answer.isFetching} onPress={answer.retry}>
              {texts.answers.retry}
            </Button>
          </div>
        </div>
      );
    case 'ready':
      return (
        <>
          {answer.failure === null ? null : (
            <div role="alert">
              <Notice>
                <p>{texts.answers.stale}</p>
                <p className="small">
                  {answer.failure.cause} {answer.failure.next}
                </p>
                <Button size="compact" isBusy={answer.isFetching} onPress={answer.retry}>
                  {texts.answers.retry}
                </Button>
              </Notice>
            </div>
          )}
          {children(answer.value)}
        </>
      );
  }
}

/** Said on screens that lack something while Lakepass is locked. */
export function LockedNotice({ isLocked }: { isLocked: boolean }) {
  if (!isLocked) return null;
  return (
    <Notice look="plain">
      <p>{texts.answers.locked}</p>
    </Notice>
  );
}
