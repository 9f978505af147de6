import type { Chunk } from '../journal/model';
import { Empty } from '../ui/Empty';
import { Ending } from '../ui/Ending';
import { exact } from '../ui/time';
import { Lines } from './Lines';

interface Props {
  readonly chunks: readonly Chunk[];
  readonly onChoose: (address: string) => void;
}

/** What steps wrote while they ran, as it comes. */
export function ChunksView({ chunks, onChoose }: Props) {
  if (chunks.length === 0) {
    return (
      <Empty icon="runs" title="No chunks" command="await ctx.write(chunk)">
        What a step writes while it runs is shown here at once:
      </Empty>
    );
  }
  return (
    <Lines name="Chunks" lines={chunks} keyOf={(_, index) => index}>
      {(chunk) => (
        <>
          <button type="button" className="link-button" title={exact(chunk.at)} onClick={() => onChoose(chunk.address)}>
            <Ending text={chunk.address} />
          </button>
          <span className="chunk-value">
            {typeof chunk.value === 'string' ? chunk.value : JSON.stringify(chunk.value)}
          </span>
        </>
      )}
    </Lines>
  );
}
