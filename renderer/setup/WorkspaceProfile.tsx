/** A profile from the address of a workspace alone: the workspace signs people in itself. */
import { type FormEvent, useState } from 'react';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Switch } from '../ui/Switch.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import styles from './ProfileStep.module.css';
import { readWorkspaceForm } from './profile-form.ts';

const words = texts.setup.profile;

export function WorkspaceProfile({ line, onChanged }: { line: Line; onChanged: () => void }) {
  const [form, setForm] = useState({ workspace: '', test: false });
  const [problem, setProblem] = useState<string | null>(null);
  const { attempt, run } = useAct();
  const send = (event: FormEvent): void => {
    event.preventDefault();
    const read = readWorkspaceForm(form);
    setProblem(read.ok ? null : read.errors);
    if (read.ok) void run(() => line.ask('setup/profile', read.input)).then((isDone) => isDone && onChanged());
  };
  return (
    <form className={styles.form} onSubmit={send} noValidate>
      <TextField
        label={words.workspace}
        hint={words.workspaceHint}
        value={form.workspace}
        error={problem}
        maxLength={300}
        isRequired
        onChange={(workspace) => setForm({ ...form, workspace })}
      />
      <p className="small">{words.notNarrowed}</p>
      <p className="small">{words.unconfirmed}</p>
      <Switch label={words.test} isOn={form.test} onChange={(test) => setForm({ ...form, test })} />
      <AttemptNotice attempt={attempt} />
      <div>
        <Button type="submit" look="primary" size="large" isBusy={attempt.phase === 'running'}>
          {words.use}
        </Button>
      </div>
    </form>
  );
}
