/** A profile from the few words that make one. */
import { type FormEvent, useState } from 'react';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { AttemptNotice } from '../ui/Notice.tsx';
import { Switch } from '../ui/Switch.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import { useFirstError } from '../ui/use-first-error.ts';
import styles from './ProfileStep.module.css';
import { emptyIssuerForm, fieldProblemOf, type IssuerErrors, readIssuerForm } from './profile-form.ts';

const words = texts.setup.profile;
const fields = [
  { name: 'name', label: words.name, hint: words.nameHint },
  { name: 'issuer', label: words.issuer, hint: words.issuerHint },
  { name: 'clientId', label: words.clientId, hint: words.clientIdHint },
  { name: 'workspace', label: words.workspace, hint: words.workspaceHint },
] as const;

export function IssuerProfile({ line, onChanged }: { line: Line; onChanged: () => void }) {
  const [form, setForm] = useState(emptyIssuerForm);
  const [errors, setErrors] = useState<IssuerErrors>({});
  const { attempt, run } = useAct();
  const refused = attempt.phase === 'failed' ? fieldProblemOf(attempt.failure) : null;
  const wrong = Object.keys(errors).length > 0 ? errors : refused;
  const place = useFirstError(wrong);
  const send = (event: FormEvent): void => {
    event.preventDefault();
    const read = readIssuerForm(form);
    setErrors(read.ok ? {} : read.errors);
    if (read.ok) void run(() => line.ask('setup/profile', read.input)).then((isDone) => isDone && onChanged());
  };
  return (
    <form ref={place} className={styles.form} onSubmit={send} noValidate>
      {fields.map(({ name, label, hint }) => (
        <TextField
          key={name}
          label={label}
          hint={hint}
          value={form[name]}
          error={wrong?.[name] ?? null}
          maxLength={300}
          isRequired
          onChange={(text) => setForm({ ...form, [name]: text })}
        />
      ))}
      <Switch label={words.test} isOn={form.test} onChange={(test) => setForm({ ...form, test })} />
      {refused === null ? <AttemptNotice attempt={attempt} /> : null}
      <div>
        <Button type="submit" look="primary" size="large" isBusy={attempt.phase === 'running'}>
          {words.use}
        </Button>
      </div>
    </form>
  );
}
