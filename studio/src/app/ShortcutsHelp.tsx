import { Dialog } from '../ui/Dialog';
import { useSignal } from '../ui/signal';
import { activeShortcuts, setShortcutsOn, shortcutsOn } from './shortcuts';

/** What can be pressed on this page; `?` shows it. */
export function ShortcutsHelp({ onClose }: { onClose: () => void }) {
  const groups = useSignal(activeShortcuts);
  const on = useSignal(shortcutsOn);
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className="keys-list">
        {groups
          .toReversed()
          .flat()
          .map((each) => (
            <div key={each.keys}>
              <dt>
                <Keys keys={each.keys} />
              </dt>
              <dd>{each.does}</dd>
            </div>
          ))}
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </dt>
          <dd>Send the form you are in</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Out of a form or a dialog</dd>
        </div>
      </dl>
      <label className="check">
        <input type="checkbox" checked={on} onChange={(event) => setShortcutsOn(event.target.checked)} />
        Shortcuts of a single key
      </label>
    </Dialog>
  );
}

export function Keys({ keys }: { keys: string }) {
  return (
    <>
      {keys.split(' ').map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </>
  );
}
