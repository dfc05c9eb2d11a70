/** Who asks now, who asked before, and who was told no, with the way out of it. */
import type { AskQueueView, AskView } from '../../preload/contract/consent.ts';
import type { DeniedList } from '../../preload/contract/control.ts';
import { type FailureCode, failureTexts } from '../../preload/contract/failure.ts';
import { sentenceOf } from '../activity/record-words.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useAnswer } from '../door/use-answer.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Answered } from '../ui/Answered.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Empty } from '../ui/Empty.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { AttemptNotice, WithCommands } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import { History } from './History.tsx';
import { headOf, Request } from './Request.tsx';

const mostRefusals = 10;

export function Requests({ line, host, state }: ScreenProps) {
  const { queue } = state.status;
  return (
    <Screen heading={texts.requests.heading} lead={texts.requests.lead}>
      <Waiting queue={queue} host={host} />
      <Denied line={line} revision={state.revision} />
      <Refusals line={line} revision={state.revision} />
      <Card heading={texts.history.heading}>
        <History asked={queue.history} />
      </Card>
    </Screen>
  );
}

/** In the browser the first one is before everything else anyway; here stand those behind it, or all while it is quiet. */
function Waiting({ queue, host }: { queue: AskQueueView; host: Host }) {
  const [front, ...behind] = queue.asks;
  if (front === undefined) {
    return (
      <Empty icon="request" heading={texts.requests.none}>
        <p>{texts.requests.noneNext}</p>
      </Empty>
    );
  }
  return (
    <>
      <Front ask={front} host={host} />
      {behind.length === 0 ? null : (
        <Card heading={texts.requests.behind}>
          <Lines>
            {behind.map((ask) => (
              <LineItem key={ask.id} note={ask.workspace} aside={<Open ask={ask} />}>
                {headOf(ask)}
              </LineItem>
            ))}
          </Lines>
        </Card>
      )}
    </>
  );
}

const Open = ({ ask }: { ask: AskView }) => (
  <span className="small">
    {texts.prompt.openUntil} <Moment at={ask.openUntil} />
  </span>
);

function Front({ ask, host }: { ask: AskView; host: Host }) {
  const raise =
    host.kind === 'desktop' ? (
      <Button look="primary" icon="request" onPress={() => void host.showRequest()}>
        {texts.requests.answer}
      </Button>
    ) : null;
  return (
    <Card heading={headOf(ask)} look="strong" acts={raise}>
      <p className="quiet-text">{texts.requests.where[host.kind]}</p>
      <Request ask={ask} />
      <p>
        <Open ask={ask} />
      </p>
    </Card>
  );
}

function Denied({ line, revision }: { line: Line; revision: number }) {
  const denied = useAnswer(line, revision, 'denied', {});
  const { attempt, run } = useAct();
  const forget = (id: string): void =>
    void run(async () => {
      await line.ask('denied/forget', { id });
      if (denied.phase !== 'loading') denied.retry();
    });
  return (
    <Card heading={texts.requests.denied}>
      <p className="quiet-text">{texts.requests.deniedLead}</p>
      <AttemptNotice attempt={attempt} />
      <Answered answer={denied} waitingFor={texts.requests.loading}>
        {(list) => <DeniedPrograms list={list} isBusy={attempt.phase === 'running'} onForget={forget} />}
      </Answered>
    </Card>
  );
}

function DeniedPrograms({ list, isBusy, onForget }: { list: DeniedList; isBusy: boolean; onForget: (id: string) => void }) {
  if (list.denied.length === 0) return <p className="small">{texts.requests.noneDenied}</p>;
  return (
    <Lines>
      {list.denied.map(({ id, executable, script, folder, aiAgent, deniedAt }) => (
        <LineItem
          key={id}
          note={
            <>
              {[script, folder, aiAgent].filter((part) => part !== null).join(' · ')} {texts.requests.since} <Moment at={deniedAt} />
            </>
          }
          aside={
            <Button
              look="quiet"
              size="compact"
              isBusy={isBusy}
              label={`${texts.requests.forget}: ${executable}`}
              onPress={() => onForget(id)}
            >
              {texts.requests.forget}
            </Button>
          }
        >
          <span className="value">{executable}</span>
        </LineItem>
      ))}
    </Lines>
  );
}

function Refusals({ line, revision }: { line: Line; revision: number }) {
  const refused = useAnswer(line, revision, 'activity', { kinds: ['refusal'], limit: mostRefusals });
  return (
    <Card heading={texts.requests.refused}>
      <p className="quiet-text">{texts.requests.refusedLead}</p>
      <Answered answer={refused} waitingFor={texts.requests.loading}>
        {({ records }) =>
          records.length === 0 ? (
            <p className="small">{texts.requests.noneRefused}</p>
          ) : (
            <Lines>
              {records.map((record) => (
                <LineItem
                  key={record.seq}
                  note={<WayOut code={record.fields['code']} />}
                  aside={
                    <span className="small">
                      <Moment at={record.at} />
                    </span>
                  }
                >
                  {sentenceOf(record)}
                </LineItem>
              ))}
            </Lines>
          )
        }
      </Answered>
    </Card>
  );
}

/** The next step that the refusal itself came with; its words stand in the table of failures. */
function WayOut({ code }: { code: unknown }) {
  if (typeof code !== 'string' || !Object.hasOwn(failureTexts, code)) return null;
  const { cause, next } = failureTexts[code as FailureCode];
  return <WithCommands text={`${cause} ${next}`} />;
}
