/** The keys a person touches to approve: which there are, what is known of them, and what can be done with them. */
import { type ReactNode, useState } from 'react';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import type { CeremonyRequest } from '../../preload/contract/ui.ts';
import { Mark } from '../consent/Facts.tsx';
import type { Line } from '../door/connection.ts';
import { useWayOut } from '../door/use-way-out.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { keysMissing } from '../enroll/standing.ts';
import type { ScreenProps } from '../screens.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { Empty } from '../ui/Empty.tsx';
import { Icon } from '../ui/icons.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { Screen } from '../ui/Screen.tsx';
import { TextField } from '../ui/TextField.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';
import { Counts, KeyRules } from './KeyRules.tsx';
import styles from './Keys.module.css';
import { ProviderKey } from './ProviderKey.tsx';
import { verdictWords } from './verdict-words.ts';

const recommended = 2;

export function Keys({ line, host, state }: ScreenProps) {
  const { attempt, run } = useAct();
  const { tapKeys: keys, managed } = state.status;
  const rules = managed?.tapKeys ?? null;
  const company = managed?.managedBy ?? '';
  const missing = keysMissing(managed ?? null);
  const { way, leave, forget } = useWayOut(host, JSON.stringify(keys.map(({ id, seals }) => [id, seals])));
  const begin = (request: CeremonyRequest): void => void run(async () => leave((await line.ask('ceremony/begin', request)).url));
  const isBusy = attempt.phase === 'running';
  const add = (
    <Button
      look={keys.length < recommended || missing > 0 ? 'primary' : 'plain'}
      icon="add"
      isBusy={isBusy}
      onPress={() => begin({ kind: 'enrol' })}
    >
      {missing === 0 ? texts.keys.add : texts.keys.rules.add(missing)}
    </Button>
  );
  return (
    <Screen heading={texts.keys.heading} lead={texts.keys.lead} acts={add}>
      <AttemptNotice attempt={attempt} />
      <WayOutNotice way={way} host={host} text={texts.wayOut.key} cancel={texts.wayOut.back} onCancel={forget} />
      {keys.length === 0 ? (
        <Empty icon="key" heading={texts.keys.none}>
          <p>{texts.keys.noneNext}</p>
        </Empty>
      ) : null}
      {rules === null ? null : <KeyRules company={company} rules={rules} />}
      {keys.length > 0 && keys.length < recommended && missing === 0 ? (
        <Notice>
          <p>{texts.keys.one}</p>
        </Notice>
      ) : null}
      {keys.map((key) => (
        <Key key={key.id} line={line} tapKey={key} isBusy={isBusy} onBegin={begin}>
          {rules === null ? null : <Counts id={key.id} company={company} rules={rules} />}
        </Key>
      ))}
      <p className="small">{texts.keys.fresh}</p>
      {state.status.profiles
        .filter(({ direct }) => direct === undefined)
        .map((profile, _, { length }) => (
          <ProviderKey key={profile.name} line={line} host={host} profile={profile} isOneOfSeveral={length > 1} />
        ))}
    </Screen>
  );
}

interface KeyProps {
  line: Line;
  tapKey: TapKeyView;
  isBusy: boolean;
  onBegin: (request: CeremonyRequest) => void;
  /** What the company makes of it. */
  children: ReactNode;
}

function Key({ line, tapKey, isBusy, onBegin, children }: KeyProps) {
  const { attempt, run } = useAct();
  const [isRenaming, setRenaming] = useState(false);
  const rename = async (name: string): Promise<void> => {
    if (await run(() => line.ask('keys/rename', { key: tapKey.id, name }))) setRenaming(false);
  };
  const heading = (
    <>
      <Icon name="key" /> {tapKey.name} {tapKey.seals ? <Badge look="good">{texts.keys.seals}</Badge> : null}
      {tapKey.state === undefined ? null : <Badge look="warn">{texts.keys.states[tapKey.state]}</Badge>}
    </>
  );
  return (
    <Card heading={heading}>
      <p className={styles.model}>
        <span>{tapKey.model.replace(/ \(unproven\)$/, '')}</span>
        <Mark proof={tapKey.attested ? 'verified' : 'claimed'} word={tapKey.attested ? texts.keys.proven : texts.keys.unproven} />
        {tapKey.hardwareBound ? null : <Badge look="warn">{texts.keys.synced}</Badge>}
      </p>
      <Attested tapKey={tapKey} />
      {children}
      <p className="small">
        {texts.keys.touched} {tapKey.lastTouchedAt === null ? texts.keys.never : <Moment at={tapKey.lastTouchedAt} />} · {texts.keys.added}{' '}
        <Moment at={tapKey.enrolledAt} />
      </p>
      {tapKey.suspect === true ? (
        <Notice look="bad">
          <p>{texts.keys.suspect}</p>
        </Notice>
      ) : null}
      <AttemptNotice attempt={attempt} />
      {isRenaming ? (
        <Rename name={tapKey.name} isBusy={attempt.phase === 'running'} onSave={rename} onCancel={() => setRenaming(false)} />
      ) : (
        <div className="row">
          <Button look="quiet" size="compact" label={`${texts.keys.rename}: ${tapKey.name}`} onPress={() => setRenaming(true)}>
            {texts.keys.rename}
          </Button>
          {tapKey.canSeal && !tapKey.seals && tapKey.state === undefined ? (
            <Button
              look="quiet"
              size="compact"
              isBusy={isBusy}
              label={`${texts.keys.seal}: ${tapKey.name}`}
              onPress={() => onBegin({ kind: 'seal', key: tapKey.id })}
            >
              {texts.keys.seal}
            </Button>
          ) : null}
          {tapKey.state === 'lost' ? null : (
            <ConfirmButton
              ask={texts.keys.remove}
              confirm={texts.keys.reallyRemove}
              keep={texts.keys.keep}
              size="compact"
              label={`${texts.keys.remove}: ${tapKey.name}`}
              isBusy={isBusy}
              onConfirm={() => onBegin({ kind: 'remove', key: tapKey.id })}
            />
          )}
        </div>
      )}
    </Card>
  );
}

/** What its attestation came to; nothing where nobody has judged it yet. */
function Attested({ tapKey: { verdict, because, status } }: { tapKey: TapKeyView }) {
  if (verdict === undefined) return null;
  return <p className="small">{verdictWords(verdict, because, status)}</p>;
}

interface RenameProps {
  name: string;
  isBusy: boolean;
  onSave: (name: string) => Promise<void>;
  onCancel: () => void;
}

function Rename({ name, isBusy, onSave, onCancel }: RenameProps) {
  const [draft, setDraft] = useState(name);
  return (
    <form
      className={styles.rename}
      onKeyDown={(event) => event.key === 'Escape' && onCancel()}
      onSubmit={(event) => {
        event.preventDefault();
        void onSave(draft.trim());
      }}
    >
      <TextField label={texts.keys.name} value={draft} isRequired hasFocus maxLength={60} onChange={setDraft} />
      <Button type="submit" look="primary" isBusy={isBusy}>
        {texts.keys.save}
      </Button>
      <Button look="quiet" onPress={onCancel}>
        {texts.keys.cancel}
      </Button>
    </form>
  );
}
