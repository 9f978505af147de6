import { Handle, Position } from '@xyflow/react';

/** Where lines begin and end at a box: nothing to be seen. They are measured by the library, so they have to be there. */
export function Anchors({ frame = false }: { frame?: boolean }) {
  return (
    <>
      <Handle id="top" type="target" position={Position.Top} isConnectable={false} />
      <Handle id="bottom" type="source" position={Position.Bottom} isConnectable={false} />
      {frame && (
        <>
          <Handle
            id="inner-top"
            type="source"
            position={Position.Bottom}
            isConnectable={false}
            className="anchor-head"
          />
          <Handle
            id="inner-bottom"
            type="target"
            position={Position.Top}
            isConnectable={false}
            className="anchor-foot"
          />
        </>
      )}
    </>
  );
}
