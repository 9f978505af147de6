import type { ArrayFieldItemButtonsTemplateProps, IconButtonProps } from '@rjsf/utils';

import { Icon } from '../ui/icons';

export function AddButton({ id, onClick, disabled }: IconButtonProps<unknown>) {
  return (
    <button type="button" id={id} className="button button-small" onClick={onClick} disabled={disabled}>
      <Icon name="plus" size={12} /> Add
    </button>
  );
}

export function RemoveButton({ id, onClick, disabled }: IconButtonProps<unknown>) {
  return (
    <button
      type="button"
      id={id}
      className="icon-button"
      aria-label="Remove"
      title="Remove"
      onClick={onClick}
      disabled={disabled}
    >
      <Icon name="close" size={14} />
    </button>
  );
}

export function ItemButtons(props: ArrayFieldItemButtonsTemplateProps<unknown>) {
  const { index, hasMoveUp, hasMoveDown, hasRemove, onMoveUpItem, onMoveDownItem, onRemoveItem } = props;
  const item = index + 1;
  return (
    <>
      {hasMoveUp && (
        <button
          type="button"
          className="icon-button item-up"
          aria-label={`Move item ${item} up`}
          onClick={onMoveUpItem}
        >
          <Icon name="chevron" size={14} />
        </button>
      )}
      {hasMoveDown && (
        <button
          type="button"
          className="icon-button item-down"
          aria-label={`Move item ${item} down`}
          onClick={onMoveDownItem}
        >
          <Icon name="chevron" size={14} />
        </button>
      )}
      {hasRemove && (
        <button type="button" className="icon-button" aria-label={`Remove item ${item}`} onClick={onRemoveItem}>
          <Icon name="close" size={14} />
        </button>
      )}
    </>
  );
}
