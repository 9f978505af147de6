import { Copy } from './Copy';

/** An id in full, to be copied. */
export function Id({ id, what }: { id: string; what: string }) {
  return (
    <span className="id">
      <code>{id}</code>
      <Copy text={id} what={what} />
    </span>
  );
}
