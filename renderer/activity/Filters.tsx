/** What is looked for among the records. Typing is waited for: the log is searched when it pauses. */
import { useEffect, useState } from 'react';
import { activityKinds } from '../../preload/contract/activity.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Select } from '../ui/Select.tsx';
import { TextField } from '../ui/TextField.tsx';
import styles from './Filters.module.css';
import { type Filter, isFiltered, noFilter, type Range, ranges, withKind } from './timeline.ts';

const words = texts.activity;
const typingPauseMs = 250;

export function Filters({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const [text, setText] = useState(filter.text);
  useEffect(() => {
    if (text === filter.text) return undefined;
    const timer = setTimeout(() => onChange({ ...filter, text }), typingPauseMs);
    return () => clearTimeout(timer);
  }, [text, filter, onChange]);
  const clear = (): void => {
    setText('');
    onChange(noFilter);
  };
  const look = (range: Range): void => onChange({ ...filter, range, chosenAt: Date.now() });
  return (
    <search className={styles.filters} aria-label={words.filters}>
      <div className={styles.line}>
        <div className={styles.text}>
          <TextField label={words.search} type="search" value={text} maxLength={100} placeholder={words.searchHint} onChange={setText} />
        </div>
        <Select
          label={words.range}
          value={filter.range}
          options={ranges.map((value) => ({ value, label: words.ranges[value] }))}
          onChange={look}
        />
      </div>
      <fieldset className={styles.kinds}>
        <legend className="hidden">{words.filterBy}</legend>
        {activityKinds.map((kind) => (
          <label key={kind} className={styles.chip}>
            <input type="checkbox" checked={filter.kinds.includes(kind)} onChange={() => onChange(withKind(filter, kind))} />
            {words.kinds[kind]}
          </label>
        ))}
        {isFiltered(filter) ? (
          <Button look="quiet" size="compact" onPress={clear}>
            {words.clear}
          </Button>
        ) : null}
      </fieldset>
    </search>
  );
}
