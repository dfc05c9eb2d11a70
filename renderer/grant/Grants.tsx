/** Who has access to what, until when; each can be widened by a bundle and taken away, with one press. */
import type { GrantView } from '../../preload/contract/control.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { Kind } from '../consent/Facts.tsx';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Command } from '../ui/Page.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';

type Bundle = UiState['bundles'][number];

export function Grants({ line, grants, bundles }: { line: Line; grants: readonly GrantView[]; bundles: readonly Bundle[] }) {
  const { attempt, run } = useAct();
  const live = grants.filter(({ state }) => state === 'live');
  const past = grants.filter(({ state }) => state !== 'live');
  const revokeAll = (): void => void run(() => line.ask('revoke', { ids: live.map(({ id }) => id) }));
  return (
    <>
      <div className="screen-head">
        <div>
          <h1>{texts.grants.heading}</h1>
          <p className="lead">{texts.grants.lead}</p>
        </div>
        {live.length < 2 ? null : (
          <ConfirmButton
            ask={texts.grants.revokeAll}
            confirm={texts.grants.reallyRevokeAll}
            keep={texts.grants.keep}
            isBusy={attempt.phase === 'running'}
            onConfirm={revokeAll}
          />
        )}
      </div>
      <AttemptNotice attempt={attempt} />
      {live.length === 0 ? <NoGrants /> : null}
      {live.map((grant) => (
        <Grant key={grant.id} line={line} grant={grant} bundles={bundles} />
      ))}
      {past.length === 0 ? null : <Past grants={past} />}
    </>
  );
}

function NoGrants() {
  return (
    <div className="card empty">
      <p>{texts.grants.none}</p>
      <p className="quiet-text">
        {texts.grants.noneNext} <Command>{texts.grants.command}</Command>
      </p>
    </div>
  );
}

const nameOf = ({ label }: GrantView): string => label || texts.grants.unlabelled;
/** Bundles that would add something. */
const missing = (grant: GrantView, bundles: readonly Bundle[]): Bundle[] =>
  bundles.filter(({ scopes }) => scopes.some((scope) => !grant.scopes.includes(scope)));

function Grant({ line, grant, bundles }: { line: Line; grant: GrantView; bundles: readonly Bundle[] }) {
  const { attempt, run } = useAct();
  const isBusy = attempt.phase === 'running';
  const revoke = (
    <Button
      look="danger"
      isBusy={isBusy}
      label={`${texts.grants.revoke}: ${nameOf(grant)}`}
      onPress={() => void run(() => line.ask('revoke', { ids: [grant.id] }))}
    >
      {texts.grants.revoke}
    </Button>
  );
  const widen = ({ scopes }: Bundle): void => void run(() => line.ask('widen', { grant: grant.id, scopes }));
  return (
    <Card heading={nameOf(grant)} acts={revoke}>
      <dl className="matter">
        {grant.caller === null ? null : (
          <div>
            <dt>{texts.grants.madeFor}</dt>
            <dd>
              {grant.caller.title} <Kind kind={grant.caller.kind} />
            </dd>
          </div>
        )}
        <div>
          <dt>{texts.prompt.workspace}</dt>
          <dd className="value">{grant.workspace}</dd>
        </div>
        <div>
          <dt>{texts.prompt.scopes}</dt>
          <dd className="chips">
            {grant.scopes.map((scope) => (
              <code key={scope} className="chip">
                {scope}
              </code>
            ))}
          </dd>
        </div>
        <div>
          <dt>{texts.grants.until}</dt>
          <dd>
            <Moment at={grant.until} /> <span className="small">{texts.grants.bindings[grant.binding]}</span>
          </dd>
        </div>
        <div>
          <dt>{texts.grants.used}</dt>
          <dd>
            {grant.lastUsedAt === null ? texts.grants.never : <Moment at={grant.lastUsedAt} />}{' '}
            <span className="small">
              {texts.grants.served(grant.served)}, {texts.grants.members(grant.members)}
            </span>
          </dd>
        </div>
      </dl>
      <div className="row widen">
        {missing(grant, bundles).map((bundle) => (
          <Button key={bundle.name} look="quiet" isBusy={isBusy} onPress={() => widen(bundle)}>
            {texts.grants.widen} {bundle.name} <span className="small">{bundle.words}</span>
            <span className="hidden">{texts.grants.widenTo(nameOf(grant))}</span>
          </Button>
        ))}
      </div>
      <AttemptNotice attempt={attempt} />
    </Card>
  );
}

function Past({ grants }: { grants: readonly GrantView[] }) {
  return (
    <details className="past">
      <summary>{texts.grants.past(grants.length)}</summary>
      <ul className="lines">
        {grants.map((grant) => (
          <li key={grant.id} className="line">
            <span>{nameOf(grant)}</span>
            <span className="badge">{texts.grants.states[grant.state]}</span>
            <span className="small">
              <Moment at={grant.until} />
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
