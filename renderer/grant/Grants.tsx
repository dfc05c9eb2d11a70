/** Who has access to what, until when; each can be widened by a bundle, paused, and taken away, with one press. */
import { useId } from 'react';
import type { GrantView } from '../../preload/contract/control.ts';
import { Kind } from '../consent/Facts.tsx';
import type { Line } from '../door/connection.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { Collapsible } from '../ui/Collapsible.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { Snippet } from '../ui/CopyButton.tsx';
import { Detail, Details } from '../ui/Details.tsx';
import { Empty } from '../ui/Empty.tsx';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { Switch } from '../ui/Switch.tsx';
import { lasting, Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import { useNow } from '../ui/use-now.ts';
import styles from './Grants.module.css';

type Bundle = ScreenProps['state']['bundles'][number];

export function Grants({ line, host, state }: ScreenProps) {
  const { attempt, run } = useAct();
  const { grants, bundles } = state;
  const live = grants.filter((grant) => grant.state === 'live');
  const past = grants.filter((grant) => grant.state !== 'live');
  const all =
    live.length < 2 ? null : (
      <ConfirmButton
        ask={texts.grants.revokeAll}
        confirm={texts.grants.reallyRevokeAll}
        keep={texts.grants.keep}
        isBusy={attempt.phase === 'running'}
        onConfirm={() => void run(() => line.ask('revoke', { ids: live.map(({ id }) => id) }))}
      />
    );
  return (
    <Screen heading={texts.grants.heading} lead={texts.grants.lead} acts={all}>
      <AttemptNotice attempt={attempt} />
      {live.length === 0 ? (
        <Empty icon="access" heading={texts.grants.none}>
          <p>{texts.grants.noneNext}</p>
        </Empty>
      ) : null}
      {live.map((grant) => (
        <Grant key={grant.id} line={line} grant={grant} bundles={bundles} />
      ))}
      <Card heading={texts.grants.start}>
        <p className="quiet-text">{texts.grants.startText}</p>
        <Snippet text={texts.grants.command} host={host} />
      </Card>
      {past.length === 0 ? null : <Past grants={past} />}
    </Screen>
  );
}

const nameOf = ({ label }: GrantView): string => label || texts.grants.unlabelled;
/** Bundles that would add something. */
const missing = (grant: GrantView, bundles: readonly Bundle[]): Bundle[] =>
  bundles.filter(({ scopes }) => scopes.some((scope) => !grant.scopes.includes(scope)));

function Grant({ line, grant, bundles }: { line: Line; grant: GrantView; bundles: readonly Bundle[] }) {
  const { attempt, run } = useAct();
  const isBusy = attempt.phase === 'running';
  const name = nameOf(grant);
  const revoke = (
    <Button
      look="danger"
      isBusy={isBusy}
      label={`${texts.grants.revoke}: ${name}`}
      onPress={() => void run(() => line.ask('revoke', { ids: [grant.id] }))}
    >
      {texts.grants.revoke}
    </Button>
  );
  const heading = (
    <>
      {name} {grant.paused ? <Badge look="warn">{texts.grants.paused}</Badge> : null}{' '}
      {grant.actsAs === undefined ? null : <Badge look="accent">{texts.servicePrincipals.actsAs(grant.actsAs)}</Badge>}
      {grant.narrowed === false ? <Badge look="warn">{texts.grants.notNarrowed}</Badge> : null}
    </>
  );
  return (
    <Card heading={heading} acts={revoke}>
      <Matter grant={grant} />
      <AttemptNotice attempt={attempt} />
      <div className={styles.foot}>
        <Switch
          size="compact"
          label={texts.grants.gets}
          fullLabel={`${texts.grants.gets}: ${name}`}
          isOn={!grant.paused}
          isDisabled={isBusy}
          onChange={(isOn) => void run(() => line.ask('pause', { ids: [grant.id], paused: !isOn }))}
        />
        <ul className={styles.widen} aria-label={texts.grants.more}>
          {missing(grant, bundles).map((bundle) => (
            <Widening
              key={bundle.name}
              {...{ bundle, name, isBusy }}
              onPress={() => void run(() => line.ask('widen', { grant: grant.id, scopes: bundle.scopes }))}
            />
          ))}
        </ul>
      </div>
    </Card>
  );
}

interface WideningProps {
  bundle: ScreenProps['state']['bundles'][number];
  /** Of the grant. */
  name: string;
  isBusy: boolean;
  onPress: () => void;
}

function Widening({ bundle, name, isBusy, onPress }: WideningProps) {
  const id = useId();
  return (
    <li>
      <Button look="quiet" size="compact" isBusy={isBusy} describedBy={id} onPress={onPress}>
        {texts.grants.widen} {bundle.name} <span className="hidden">{texts.grants.widenTo(name)}</span>
      </Button>
      <span id={id} className="small">
        {bundle.words}
      </span>
    </li>
  );
}

function Matter({ grant }: { grant: GrantView }) {
  const now = useNow();
  return (
    <Details>
      {grant.caller === null ? null : (
        <Detail name={texts.grants.madeFor}>
          {grant.caller.title} <Kind kind={grant.caller.kind} />
        </Detail>
      )}
      <Detail name={texts.prompt.workspace}>
        <span className="value">{grant.workspace}</span>
      </Detail>
      <Detail name={texts.prompt.scopes}>
        <span className={styles.chips}>
          {grant.scopes.map((scope) => (
            <code key={scope}>{scope}</code>
          ))}
        </span>
      </Detail>
      <Detail name={texts.grants.until}>
        <Moment at={grant.until} />{' '}
        <span className="small">
          {texts.grants.left(lasting(Date.parse(grant.until) - now))} · {texts.grants.bindings[grant.binding]}
        </span>
      </Detail>
      <Detail name={texts.grants.used}>
        {grant.lastUsedAt === null ? texts.grants.never : <Moment at={grant.lastUsedAt} />}{' '}
        <span className="small">
          {texts.grants.served(grant.served)}, {texts.grants.members(grant.members)}
        </span>
      </Detail>
    </Details>
  );
}

function Past({ grants }: { grants: readonly GrantView[] }) {
  return (
    <Collapsible summary={texts.grants.past(grants.length)}>
      <Card heading={texts.grants.ended}>
        <Lines>
          {grants.map((grant) => (
            <LineItem
              key={grant.id}
              note={grant.workspace}
              aside={
                <>
                  <Badge>{texts.grants.states[grant.state]}</Badge>
                  <span className="small">
                    <Moment at={grant.until} />
                  </span>
                </>
              }
            >
              {nameOf(grant)}
            </LineItem>
          ))}
        </Lines>
      </Card>
    </Collapsible>
  );
}
