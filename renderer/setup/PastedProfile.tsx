/** A profile file, dropped, chosen or pasted. It is shown before it is used; what is wrong with it is said at its line. */
import { type DragEvent, type FormEvent, useEffect, useState } from 'react';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Icon } from '../ui/icons.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './ProfileStep.module.css';
import { type LineProblem, lineProblemOf, readFile, readFileText } from './profile-form.ts';

const words = texts.setup.profile;

/** A file that is dropped beside the field would take the place of this page. */
function useNoDropOutside(): void {
  useEffect(() => {
    const stop = (event: Event): void => event.preventDefault();
    addEventListener('dragover', stop);
    addEventListener('drop', stop);
    return () => {
      removeEventListener('dragover', stop);
      removeEventListener('drop', stop);
    };
  }, []);
}

export function PastedProfile({ line, onChanged }: { line: Line; onChanged: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const { attempt, run } = useAct();
  useNoDropOutside();
  const change = (next: string): void => {
    setText(next);
    setProblem(null);
  };
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const read = await readFile(file);
    setChosen('text' in read ? file.name : null);
    if ('text' in read) change(read.text);
    else setProblem(read.problem);
  };
  const send = (event: FormEvent): void => {
    event.preventDefault();
    const read = readFileText(text);
    setProblem(read.ok ? null : read.errors);
    if (read.ok) void run(() => line.ask('setup/profile', read.input)).then((isDone) => isDone && onChanged());
  };
  const wrong = attempt.phase === 'failed' ? lineProblemOf(attempt.failure, text) : null;
  return (
    <form className={styles.form} onSubmit={send} noValidate>
      <DropPlace onFile={(file) => void take(file)} />
      {chosen === null ? null : (
        <p className="small" role="status">
          {words.chosen(chosen)}
        </p>
      )}
      <TextField label={words.paste} value={text} error={problem} isMultiline isCode onChange={change} />
      {wrong === null ? <AttemptNotice attempt={attempt} /> : <WrongLine wrong={wrong} />}
      <div>
        <Button type="submit" look="primary" size="large" isBusy={attempt.phase === 'running'}>
          {words.use}
        </Button>
      </div>
    </form>
  );
}

function DropPlace({ onFile }: { onFile: (file: File | undefined) => void }) {
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer.files[0]);
  };
  return (
    <label
      className={isOver ? `${styles.drop} ${styles.over}` : styles.drop}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Icon name="policy" />
      <span>{words.drop}</span>
      <input
        type="file"
        accept=".yaml,.yml,.txt,application/yaml,text/*"
        onChange={(event) => {
          onFile(event.target.files?.[0]);
          // So that the same file can be chosen again once it was mended.
          event.target.value = '';
        }}
      />
    </label>
  );
}

function WrongLine({ wrong }: { wrong: LineProblem }) {
  return (
    <div role="alert">
      <Notice look="bad">
        <p>
          <strong>{words.line(wrong.line)}</strong> {wrong.says}
        </p>
        <pre className={styles.wrong}>
          <span aria-hidden="true">{wrong.line}</span> <code>{wrong.text}</code>
        </pre>
      </Notice>
    </div>
  );
}
