/** Which policy holds, what it means for whoever is signed in, and an answer to "what if". */
import type { PolicyPage } from '../../preload/contract/policy.ts';
import type { ScreenProps } from '../door/screen-props.ts';
import { useAnswer } from '../door/use-answer.ts';
import { hasNoPeople } from '../setup/steps.ts';
import { texts } from '../texts.ts';
import { Answered, LockedNotice } from '../ui/Answered.tsx';
import { Badge } from '../ui/Badge.tsx';
import { Card } from '../ui/Card.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Notice, WithCommands } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { Moment } from '../ui/time.tsx';
import { Explain } from './Explain.tsx';
import { LimitDetails } from './LimitDetails.tsx';
import { Mine } from './Mine.tsx';

const words = texts.policy;

export function Policy({ line, state }: ScreenProps) {
  const answer = useAnswer(line, state.revision, 'policy', {});
  return (
    <Screen heading={words.heading} lead={words.lead}>
      <LockedNotice isLocked={state.status.lock.state === 'locked'} />
      <Answered answer={answer} waitingFor={words.loading}>
        {(page) => (
          <>
            {page.policy.mode === 'observe' ? <Observing /> : null}
            {hasNoPeople(state.status) ? null : <Mine mine={page.mine} profiles={state.status.profiles} />}
            <Explain line={line} state={state} />
            <Current page={page} />
            <Warnings warnings={page.warnings} />
            <Limits limits={page.limits} />
          </>
        )}
      </Answered>
    </Screen>
  );
}

function Observing() {
  return (
    <Notice look="bad">
      <p>
        <strong>{words.observeHeading}</strong>
      </p>
      <p>{words.observe}</p>
    </Notice>
  );
}

function Current({ page: { policy } }: { page: PolicyPage }) {
  const mode = <Badge look={policy.mode === 'observe' ? 'bad' : 'good'}>{words.modes[policy.mode]}</Badge>;
  return (
    <Card heading={words.current} acts={mode}>
      <Details>
        <Detail name={words.source}>{policy.source === 'built-in' ? words.builtIn : <span className="value">{policy.source}</span>}</Detail>
        <Detail name={words.id}>{policy.id}</Detail>
        <Detail name={words.revision}>{policy.revision}</Detail>
        <Detail name={words.hash}>
          <span className="value">{policy.hash}</span>
        </Detail>
        <Detail name={words.expires}>{policy.expires === null ? words.never : <Moment at={policy.expires} />}</Detail>
      </Details>
    </Card>
  );
}

function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return (
    <Card heading={words.warnings}>
      {warnings.map((warning) => (
        <Notice key={warning}>
          <p>
            <WithCommands text={warning} />
          </p>
        </Notice>
      ))}
    </Card>
  );
}

function Limits({ limits }: { limits: PolicyPage['limits'] }) {
  return (
    <Card heading={words.limits}>
      <LimitDetails limits={limits} />
    </Card>
  );
}
