/** The keys a person touches to approve: which there are, what is known of them, and what can be done with them. */
import { useState } from 'react';
import type { TapKeyView } from '../../preload/contract/tap-key.ts';
import type { CeremonyRequest } from '../../preload/contract/ui.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { ConfirmButton } from '../ui/ConfirmButton.tsx';
import { Icon } from '../ui/icons.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';
import { useAct } from '../ui/use-act.ts';

const recommended = 2;

interface KeysProps {
  line: Line;
  keys: readonly TapKeyView[];
  leave: (url: string) => void;
}

export function Keys({ line, keys, leave }: KeysProps) {
  const { attempt, run } = useAct();
  const begin = (request: CeremonyRequest): void =>
    void run(async () => {
      const { url } = await line.ask('ceremony/begin', request);
      if (url !== null) leave(url);
    });
  const isBusy = attempt.phase === 'running';
  return (
    <>
      <div className="screen-head">
        <div>
          <h1>{texts.keys.heading}</h1>
          <p className="lead">{texts.keys.lead}</p>
        </div>
        <Button look={keys.length < recommended ? 'primary' : 'plain'} isBusy={isBusy} onPress={() => begin({ kind: 'enrol' })}>
          {texts.keys.add}
        </Button>
      </div>
      <AttemptNotice attempt={attempt} />
      {keys.length === 0 ? <NoKeys /> : null}
      {keys.length > 0 && keys.length < recommended ? (
        <Notice>
          <p>{texts.keys.one}</p>
        </Notice>
      ) : null}
      {keys.map((key) => (
        <Key key={key.id} line={line} tapKey={key} isBusy={isBusy} onBegin={begin} />
      ))}
      <p className="small">{texts.keys.fresh}</p>
    </>
  );
}

function NoKeys() {
  return (
    <div className="card empty">
      <p>{texts.keys.none}</p>
      <p className="quiet-text">{texts.keys.noneNext}</p>
    </div>
  );
}

interface KeyProps {
  line: Line;
  tapKey: TapKeyView;
  isBusy: boolean;
  onBegin: (request: CeremonyRequest) => void;
}

function Key({ line, tapKey, isBusy, onBegin }: KeyProps) {
  const { attempt, run } = useAct();
  const [isRenaming, setRenaming] = useState(false);
  const rename = async (name: string): Promise<void> => {
    if (await run(() => line.ask('keys/rename', { key: tapKey.id, name }))) setRenaming(false);
  };
  const heading = (
    <>
      <Icon name="key" /> {tapKey.name} {tapKey.seals ? <span className="badge good">{texts.keys.seals}</span> : null}
    </>
  );
  return (
    <Card heading={heading}>
      <p>
        {tapKey.model}{' '}
        <span className={`mark ${tapKey.attested ? 'verified' : 'claimed'}`}>
          <Icon name={tapKey.attested ? 'verified' : 'claimed'} />
          {tapKey.attested ? texts.keys.proven : texts.keys.unproven}
        </span>
        {tapKey.hardwareBound ? null : <span className="badge warn">{texts.keys.synced}</span>}
      </p>
      <p className="small">
        {texts.keys.touched} {tapKey.lastTouchedAt === null ? texts.keys.never : <Moment at={tapKey.lastTouchedAt} />} · {texts.keys.added}{' '}
        <Moment at={tapKey.enrolledAt} />
      </p>
      {isRenaming ? (
        <Rename name={tapKey.name} isBusy={attempt.phase === 'running'} onSave={rename} onCancel={() => setRenaming(false)} />
      ) : null}
      <AttemptNotice attempt={attempt} />
      <div className="row">
        {isRenaming ? null : (
          <Button look="quiet" label={`${texts.keys.rename}: ${tapKey.name}`} onPress={() => setRenaming(true)}>
            {texts.keys.rename}
          </Button>
        )}
        {tapKey.canSeal && !tapKey.seals ? (
          <Button
            look="quiet"
            isBusy={isBusy}
            label={`${texts.keys.seal}: ${tapKey.name}`}
            onPress={() => onBegin({ kind: 'seal', key: tapKey.id })}
          >
            {texts.keys.seal}
          </Button>
        ) : null}
        <ConfirmButton
          ask={texts.keys.remove}
          confirm={texts.keys.reallyRemove}
          keep={texts.keys.keep}
          label={`${texts.keys.remove}: ${tapKey.name}`}
          isBusy={isBusy}
          onConfirm={() => onBegin({ kind: 'remove', key: tapKey.id })}
        />
      </div>
    </Card>
  );
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
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        void onSave(draft.trim());
      }}
    >
      <label className="field">
        {texts.keys.name}
        <input
          // biome-ignore lint/a11y/noAutofocus: the person has just asked to type here
          autoFocus
          type="text"
          required
          maxLength={60}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
      </label>
      <button type="submit" className="button primary" disabled={isBusy}>
        {texts.keys.save}
      </button>
      <Button look="quiet" onPress={onCancel}>
        {texts.keys.cancel}
      </Button>
    </form>
  );
}
