/**
 * Joining a company by its link: what it would restrict and see is shown first, and nothing is kept before the person accepts. A link
 * that was opened only fills this in.
 */
import { useEffect, useState } from 'react';
import type { OfferView } from '../../preload/contract/enroll.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { AttemptNotice, FailureNotice, Notice, WithCommands } from '../ui/Notice.tsx';
import { Progress } from '../ui/Progress.tsx';
import { Screen } from '../ui/Screen.tsx';
import { TextField } from '../ui/TextField.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import { Decided, useDecision } from './Decision.tsx';
import { hostOf, hostOfLink } from './offer-words.ts';

const words = texts.enroll;

interface EnrollProps extends Pick<ScreenProps, 'line' | 'host' | 'state' | 'onOpen'> {
  /** What was opened; empty: nothing was. */
  link: string;
}

export function Enroll({ line, host, state, onOpen, link }: EnrollProps) {
  const { attempt, run } = useAct();
  const [draft, setDraft] = useState(link);
  const [shown, setShown] = useState<{ link: string; offer: OfferView; isJoined: boolean } | null>(null);
  const { managed } = state.status;
  const look = async (text: string): Promise<void> => {
    setShown(null);
    await run(async () => setShown({ link: text, offer: await line.ask('enroll/look', { link: text }), isJoined: false }));
  };
  // Nobody is asked what a link says before the person wants that: any page on the web can open one.
  useEffect(() => {
    setDraft(link);
    setShown(null);
  }, [link]);
  const asked = hostOfLink(draft);
  const isLooking = attempt.phase === 'running';
  if (shown !== null && (shown.isJoined || managed?.hash === shown.offer.hash))
    return <Joined organization={shown.offer.organization} onOpen={onOpen} />;
  return (
    <Screen heading={words.heading} lead={words.lead}>
      {shown === null ? (
        <Card heading={words.linkHeading}>
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void look(draft.trim());
            }}
          >
            <TextField
              label={words.link}
              hint={asked === null ? words.linkHint : words.asks(asked)}
              value={draft}
              isRequired
              isCode
              maxLength={4000}
              onChange={setDraft}
            />
            <div className="row">
              <Button type="submit" look="primary" isBusy={isLooking}>
                {words.look}
              </Button>
              <Button look="quiet" onPress={() => onOpen('home')}>
                {words.notNow}
              </Button>
            </div>
          </form>
          {isLooking ? <Progress label={words.looking} /> : null}
          <AttemptNotice attempt={attempt} />
        </Card>
      ) : (
        <Offer
          link={shown.link}
          offer={shown.offer}
          {...{ line, host }}
          isWaiting={state.status.queue.asks.length > 0}
          since={String(managed?.hash)}
          onJoined={() => setShown({ ...shown, isJoined: true })}
          onAgain={() => void look(shown.link)}
          onNotNow={() => onOpen('home')}
        />
      )}
    </Screen>
  );
}

interface OfferProps extends Pick<ScreenProps, 'line' | 'host'> {
  link: string;
  offer: OfferView;
  isWaiting: boolean;
  since: string;
  onJoined: () => void;
  onAgain: () => void;
  onNotNow: () => void;
}

function Offer({ line, host, link, offer, isWaiting, since, onJoined, onAgain, onNotNow }: OfferProps) {
  const decision = useDecision(host, since);
  const { organization, url, signedBy, revision, hash, expires, restricts, records, needsTap } = offer;
  const { attempt } = decision;
  const isBusy = attempt.phase === 'running';
  const isChanged = attempt.phase === 'failed' && attempt.failure.code === 'OFFER_CHANGED';
  return (
    <Card heading={words.offers(organization)} look="strong">
      <p className="quiet-text">{words.compare}</p>
      <Details>
        <Detail name={words.host}>
          <strong>{hostOf(url)}</strong>
          <p className="value">{url}</p>
        </Detail>
        <Detail name={words.fingerprint}>
          <span className="value">{signedBy}</span> <CopyButton text={signedBy} host={host} what={words.fingerprint} />
        </Detail>
        <Detail name={texts.managed.bundle}>
          {texts.managed.revision(revision)} {texts.managed.holds} <Moment at={expires} />.
        </Detail>
      </Details>
      <div className="stack">
        <h3>{words.restricts}</h3>
        <ul className="bullets">
          {[...restricts, ...(records === null ? [words.noRecords] : [])].map((one) => (
            <li key={one}>
              <WithCommands text={one} />
            </li>
          ))}
        </ul>
      </div>
      {needsTap ? <p className="small">{words.needsTap}</p> : null}
      <div role="alert">{attempt.phase === 'failed' ? <FailureNotice failure={attempt.failure} isStepBeside={isChanged} /> : null}</div>
      <Decided decision={decision} host={host} text={words.tap} isWaiting={isWaiting} />
      <div className="row">
        {isChanged ? (
          <Button look="primary" size="large" onPress={onAgain}>
            {words.lookAgain}
          </Button>
        ) : (
          <Button
            look="primary"
            size="large"
            isBusy={isBusy}
            onPress={() => decision.decide(() => line.ask('enroll/accept', { link, hash }), onJoined)}
          >
            {words.accept}
          </Button>
        )}
        <Button size="large" onPress={onNotNow}>
          {words.notNow}
        </Button>
      </div>
    </Card>
  );
}

function Joined({ organization, onOpen }: { organization: string } & Pick<ScreenProps, 'onOpen'>) {
  return (
    <Screen heading={texts.managed.by(organization)} lead={words.joined}>
      <Notice look="good">
        <p role="status">{words.joinedNext}</p>
      </Notice>
      <div>
        <Button look="primary" size="large" onPress={() => onOpen('home')}>
          {words.goOn}
        </Button>
      </div>
    </Screen>
  );
}
