/** A text of which the end says the most, as an address does: where space is short it loses its beginning. */
export function Ending({ text }: { text: string }) {
  return (
    <span className="ending">
      <bdi dir="ltr">{text}</bdi>
    </span>
  );
}
