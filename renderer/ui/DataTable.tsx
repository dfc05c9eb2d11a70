/** Rows of values. Where it is wider than its place it scrolls by itself, by keyboard too. */
import type { ReactNode } from 'react';
import styles from './DataTable.module.css';

interface DataTableProps {
  /** What the table is about; for readers alone, the heading above says it to the eye. */
  caption: string;
  head: readonly string[];
  rows: readonly (readonly ReactNode[])[];
  /** All but the first column are numbers. */
  areNumbers?: boolean;
}

export function DataTable({ caption, head, rows, areNumbers = false }: DataTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section className={styles.scroll} aria-label={caption} tabIndex={0}>
      <table className={areNumbers ? `${styles.table} ${styles.numbers}` : styles.table}>
        <caption className="hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, column) => (
                <td key={head[column] ?? column}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
