/**
 * The page on which a key is touched, and the only thing ever served under its name. It shows what the touch stands for and has one
 * button for it. A touch is bound to what is shown here, so nothing is fetched or shown anew between the options and the touch.
 */
import '../door/jitless.ts';
import '../ui/tokens.css';
import '../ui/base.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import type { Failure } from '../../preload/contract/failure.ts';
import { type CeremonyView, ceremonyFinishedSchema, ceremonyOptionsSchema, ceremonyViewSchema } from '../../preload/contract/pages.ts';
import { Request, Words } from '../consent/Request.tsx';
import { call, failureOf } from '../door/call.ts';
import { enter, takeCode } from '../door/code.ts';
import { type Standing, StandingPage } from '../door/Standing.tsx';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { FailureNotice, Notice } from '../ui/Notice.tsx';
import { Page } from '../ui/Page.tsx';
import { Progress } from '../ui/Progress.tsx';
import { TextField } from '../ui/TextField.tsx';
import styles from './ceremony.module.css';
import { errorName, isSupported, stop, touch } from './webauthn.ts';

const touchTimeoutMs = 90_000;
const nothing = z.object({});

/** What went wrong with the last touch: in the browser, or at the agent, which checks it. */
type Problem = { of: 'browser'; name: string } | { of: 'agent'; failure: Failure };

type Ceremony =
  | Exclude<Standing, { phase: 'lost' }>
  | { phase: 'ready'; view: CeremonyView; problem: Problem | null }
  | { phase: 'touching'; view: CeremonyView }
  | { phase: 'sending'; view: CeremonyView }
  | { phase: 'denied'; view: CeremonyView }
  | { phase: 'leaving' }
  | { phase: 'done' };

function CeremonyPage({ code }: { code: string | null }) {
  const [ceremony, show] = useState<Ceremony>(code === null ? { phase: 'no-code' } : { phase: 'opening' });
  const [bearer, setBearer] = useState<string | null>(null);
  const [name, setName] = useState('');

  useEffect(() => {
    if (code === null) return;
    const open = async (): Promise<void> => {
      const entered = await enter(code);
      setBearer(entered);
      show({ phase: 'ready', view: await call('/v1/ceremony', {}, entered, ceremonyViewSchema), problem: null });
    };
    open().catch((error: unknown) => show({ phase: 'refused', failure: failureOf(error) }));
  }, [code]);

  /** What the agent refuses for good closes the page; anything else can be tried again. */
  const fail = (view: CeremonyView, error: unknown): void => {
    const failure = failureOf(error);
    if (['PAGE_REFUSED', 'AGENT_NOT_RUNNING', 'ASK_UNKNOWN'].includes(failure.code)) show({ phase: 'refused', failure });
    else show({ phase: 'ready', view, problem: { of: 'agent', failure } });
  };

  const begin = async (view: CeremonyView): Promise<void> => {
    show({ phase: 'touching', view });
    let answer: { id: string; response: Record<string, unknown>; name: string };
    try {
      const { id, options } = await call('/v1/ceremony/options', {}, bearer, ceremonyOptionsSchema);
      const response = await touch(view.touch, options, touchTimeoutMs).catch((error: unknown) => errorName(error));
      if (typeof response === 'string') return show({ phase: 'ready', view, problem: { of: 'browser', name: response } });
      answer = { id, response, name };
    } catch (error) {
      return fail(view, error);
    }
    show({ phase: 'sending', view });
    try {
      const { done, view: following, next } = await call('/v1/ceremony/finish', answer, bearer, ceremonyFinishedSchema);
      if (!done && following !== null) return show({ phase: 'ready', view: following, problem: null });
      if (next === null) return show({ phase: 'done' });
      show({ phase: 'leaving' });
      location.assign(next);
    } catch (error) {
      fail(view, error);
    }
  };

  const refuse = async (view: CeremonyView): Promise<void> => {
    stop();
    try {
      await call('/v1/ceremony/refuse', {}, bearer, nothing);
      show({ phase: 'denied', view });
    } catch (error) {
      show({ phase: 'refused', failure: failureOf(error) });
    }
  };

  switch (ceremony.phase) {
    case 'opening':
    case 'no-code':
    case 'refused':
      return <StandingPage standing={ceremony} host="browser" heading={texts.ceremony.loadingHeading} />;
    case 'denied':
      return (
        <Page icon="stop" heading={texts.ceremony.refusedByYou[ceremony.view.kind === 'tap' ? 'tap' : 'other']}>
          <p role="status">{texts.ceremony.refusedText}</p>
        </Page>
      );
    case 'done':
    case 'leaving':
      return (
        <Page icon="done" heading={texts.ceremony.done} look="good">
          <p role="status">{ceremony.phase === 'done' ? texts.ceremony.doneText : texts.ceremony.leaving}</p>
        </Page>
      );
    default:
      return <Touch ceremony={ceremony} name={name} onName={setName} onBegin={begin} onRefuse={refuse} />;
  }
}

interface TouchProps {
  ceremony: Extract<Ceremony, { phase: 'ready' | 'touching' | 'sending' }>;
  name: string;
  onName: (name: string) => void;
  onBegin: (view: CeremonyView) => Promise<void>;
  onRefuse: (view: CeremonyView) => Promise<void>;
}

function Touch({ ceremony, name, onName, onBegin, onRefuse }: TouchProps) {
  const { view, phase } = ceremony;
  const problem = phase === 'ready' ? ceremony.problem : null;
  const isBusy = phase !== 'ready';
  return (
    <main className={styles.place}>
      <div className={styles.ceremony}>
        {view.steps > 1 ? <p className={styles.step}>{texts.ceremony.step(view.step, view.steps)}</p> : null}
        <h1>{view.title || texts.ceremony.heads[view.kind]}</h1>
        {view.ask === null ? null : <Request ask={view.ask} />}
        {view.words.length === 0 ? null : <Words words={view.words} />}
        {view.kind === 'enrol' && view.touch === 'create' ? (
          <TextField
            label={texts.ceremony.name}
            hint={texts.ceremony.nameHint}
            value={name}
            maxLength={60}
            isDisabled={isBusy}
            onChange={onName}
          />
        ) : null}
        <div role="alert">{problem === null ? null : <ProblemNotice problem={problem} />}</div>
        {phase === 'ready' ? null : <Progress label={phase === 'touching' ? texts.ceremony.waiting : texts.ceremony.sending} />}
        {isSupported() ? null : (
          <Notice look="bad">
            <p>{texts.ceremony.unsupported}</p>
          </Notice>
        )}
        <div className={styles.answers}>
          <Button isDisabled={phase === 'sending'} onPress={() => void onRefuse(view)}>
            {view.kind === 'tap' ? texts.ceremony.deny : texts.ceremony.cancel}
          </Button>
          <Button look="primary" isBusy={isBusy} isDisabled={!isSupported()} onPress={() => void onBegin(view)}>
            {problem === null ? texts.ceremony.touch[view.touch] : texts.ceremony.again}
          </Button>
        </div>
      </div>
    </main>
  );
}

function ProblemNotice({ problem }: { problem: Problem }) {
  if (problem.of === 'agent') return <FailureNotice failure={problem.failure} />;
  return (
    <Notice look="bad">
      <p>{texts.ceremony.errors[problem.name] ?? texts.ceremony.errors['other']}</p>
    </Notice>
  );
}

const code = takeCode();
document.title = texts.titles.ceremony;
const place = document.getElementById('page');
if (place !== null) {
  createRoot(place).render(
    // Our policies refuse styles that a script puts into the page.
    <CSPProvider disableStyleElements>
      <CeremonyPage code={code} />
    </CSPProvider>,
  );
}
