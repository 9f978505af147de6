import type { Json } from '../api/types';
import { JsonView } from '../ui/JsonView';

/** A value of a run, under its name. */
export function Value({ title, value }: { title: string; value: Json }) {
  return (
    <section className="panel-section">
      <h3>{title}</h3>
      <JsonView value={value} what={`the ${title.toLowerCase()}`} />
    </section>
  );
}
