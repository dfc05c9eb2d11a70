/** Asks the policy about a program that does not run yet. Nothing is given, nobody is asked. */
import { type FormEvent, useId, useState } from 'react';
import { callerKinds } from '../../preload/contract/caller.ts';
import type { Explanation } from '../../preload/contract/policy.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import { nameOfProgram } from '../activity/record-words.ts';
import type { Line } from '../door/connection.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Card } from '../ui/Card.tsx';
import { AttemptNotice, Notice } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAct } from '../ui/use-act.ts';
import { useFirstError } from '../ui/use-first-error.ts';
import styles from './Explain.module.css';
import { actions, byScopes, type ExplainErrors, type ExplainForm, emptyForm, knownPrograms, placesOf, readForm } from './explain-form.ts';
import { Reasons, Verdict } from './Verdict.tsx';

const words = texts.policy.explain;
/** A select has no value that is empty. */
const scopesChoice = '-';

interface Answer {
  explanation: Explanation;
  question: string;
}

export function Explain({ line, state }: { line: Line; state: UiState }) {
  const { bundles, status } = state;
  const places = placesOf([...status.profiles, ...status.servicePrincipals]);
  const [form, setForm] = useState<ExplainForm>(() => emptyForm(places, bundles));
  const [errors, setErrors] = useState<ExplainErrors>({});
  const [answer, setAnswer] = useState<Answer | null>(null);
  const formPlace = useFirstError(errors);
  const { attempt, run } = useAct();
  const change = (changes: Partial<ExplainForm>): void => setForm({ ...form, ...changes });
  const send = (event: FormEvent): void => {
    event.preventDefault();
    const read = readForm(form, places, bundles);
    setErrors(read.ok ? {} : read.errors);
    setAnswer(null);
    if (!read.ok) return;
    const { scopes, workspace } = read.input;
    const question = words.forWhat(form.bundle === byScopes ? scopes.join(', ') : form.bundle, workspace);
    void run(async () => setAnswer({ explanation: await line.ask('policy/explain', read.input), question }));
  };
  return (
    <Card heading={words.heading}>
      <p className="quiet-text">{words.lead}</p>
      <form ref={formPlace} className={styles.form} onSubmit={send} noValidate>
        <Fields form={form} errors={errors} state={state} onChange={change} />
        <div className={styles.act}>
          <Button type="submit" look="primary" isBusy={attempt.phase === 'running'}>
            {words.ask}
          </Button>
        </div>
      </form>
      <AttemptNotice attempt={attempt} />
      <div role="status">{answer === null ? null : <TheAnswer answer={answer} />}</div>
    </Card>
  );
}

interface FieldsProps {
  form: ExplainForm;
  errors: ExplainErrors;
  state: UiState;
  onChange: (changes: Partial<ExplainForm>) => void;
}

function Fields({ form, errors, state, onChange }: FieldsProps) {
  const places = placesOf([...state.status.profiles, ...state.status.servicePrincipals]);
  const whats = [
    ...state.bundles.map(({ name, words: hint }) => ({ value: name, label: name, hint })),
    { value: scopesChoice, label: words.scopesChoice },
  ];
  return (
    <>
      {places.length === 0 ? null : (
        <Select
          label={words.workspace}
          value={form.place}
          options={places.map(({ key, words: label }) => ({ value: key, label }))}
          onChange={(place) => onChange({ place })}
        />
      )}
      {errors.place === undefined ? null : (
        <Notice look="bad">
          <p>{errors.place}</p>
        </Notice>
      )}
      <div className={styles.pair}>
        <Select
          label={words.what}
          value={form.bundle === byScopes ? scopesChoice : form.bundle}
          options={whats}
          onChange={(what) => onChange({ bundle: what === scopesChoice ? byScopes : what })}
        />
        <Select
          label={words.action}
          value={form.action}
          options={actions.map((value) => ({ value, label: words.actions[value] }))}
          onChange={(action) => onChange({ action })}
        />
        <Select
          label={words.kind}
          value={form.kind}
          options={callerKinds.map((value) => ({ value, label: words.kinds[value] }))}
          onChange={(kind) => onChange({ kind })}
        />
      </div>
      {form.bundle === byScopes ? (
        <TextField
          label={words.scopes}
          hint={words.scopesHint}
          value={form.scopes}
          error={errors.scopes ?? null}
          isCode
          onChange={(scopes) => onChange({ scopes })}
        />
      ) : null}
      {form.kind === 'ai-agent' ? (
        <TextField
          label={words.aiAgent}
          hint={words.aiAgentHint}
          value={form.aiAgent}
          maxLength={100}
          onChange={(aiAgent) => onChange({ aiAgent })}
        />
      ) : null}
      <Program form={form} state={state} onChange={onChange} />
    </>
  );
}

/** Programs that have access already are one press away. */
function Program({ form, state, onChange }: Omit<FieldsProps, 'errors'>) {
  const id = useId();
  const known = knownPrograms(state.grants).filter((program) => program !== form.program);
  return (
    <div className="stack">
      <TextField
        label={words.program}
        hint={words.programHint}
        value={form.program}
        maxLength={4096}
        isCode
        onChange={(program) => onChange({ program })}
      />
      {known.length === 0 ? null : (
        <div className="row">
          <span id={id} className="small">
            {words.known}
          </span>
          {known.slice(0, 3).map((program) => (
            <Button key={program} look="quiet" size="compact" describedBy={id} onPress={() => onChange({ program })}>
              {nameOfProgram(program)}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}

function TheAnswer({ answer: { explanation, question } }: { answer: Answer }) {
  return (
    <section className={styles.answer} aria-label={words.answer}>
      <h3>{question}</h3>
      <Verdict explanation={explanation} />
      <Reasons explanation={explanation} />
    </section>
  );
}
