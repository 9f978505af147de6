import { SchemaView } from '../ui/SchemaView';
import { duration } from '../ui/time';
import { caseWords, valueText, type GraphNode, type RetryDescription, type TypeDescription } from './description';
import './facts.css';

/** What the definition says about a node: its types, and how it is run. */
export function NodeFacts({ node }: { node: GraphNode }) {
  const facts = factsOf(node).filter(([, value]) => value !== '');
  return (
    <div className="facts">
      {'description' in node && node.description !== '' && <p className="facts-text">{node.description}</p>}
      {facts.length > 0 && (
        <dl className="facts-list">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {typesOf(node).map(([title, type]) => (
        <SchemaView key={title} title={title} name={type.type} schema={type.schema} />
      ))}
      {node.kind === 'step' && node.undo !== null && (
        <details>
          <summary>
            Undone by <code>{node.undo.id}</code>
          </summary>
          <NodeFacts node={node.undo} />
        </details>
      )}
    </div>
  );
}

function typesOf(node: GraphNode): [string, TypeDescription][] {
  switch (node.kind) {
    case 'step':
      return present([
        ['Input', node.input],
        ['Output', node.output],
        ['Suspend', node.suspend],
        ['Resume', node.resume],
        ['State', node.state],
      ]);
    case 'workflow':
      return present([
        ['Input', node.input],
        ['Output', node.output],
        ['State', node.state],
      ]);
    case 'map':
      return [['Output', node.output]];
    case 'wait':
      return [['Data of the event', node.data]];
    default:
      return [];
  }
}

const present = (types: [string, TypeDescription | null][]): [string, TypeDescription][] =>
  types.filter((each): each is [string, TypeDescription] => each[1] !== null);

function factsOf(node: GraphNode): [string, string][] {
  switch (node.kind) {
    case 'step':
      return [
        ['Retry', retryWords(node.retry)],
        ['Timeout', secondsWords(node.timeout_seconds)],
        ['Timeout of all attempts', secondsWords(node.total_timeout_seconds)],
      ];
    case 'workflow':
      return [['Retry', retryWords(node.retry)]];
    case 'parallel':
      return [
        ['Children', String(node.children.length)],
        ['A child that fails', node.allow_failure ? 'gives null' : 'fails the block'],
      ];
    case 'branch':
      return node.children.map((child) => [child.id, `if ${child.condition ?? 'its condition holds'}`]);
    case 'switch':
      return [
        ['Key', node.key ?? 'a function'],
        ...node.cases.map((each): [string, string] => [caseWords(each.key), each.child]),
        ['else', node.default ?? ''],
      ];
    case 'foreach':
      return [['At once', valueText(node.concurrency)]];
    case 'loop':
      return [[node.until ? 'Until' : 'While', node.condition ?? 'a function']];
    case 'map':
      return node.sources === null ? [['Function', node.function ?? '']] : Object.entries(node.sources);
    case 'sleep':
      return [
        ['For', typeof node.seconds === 'number' ? duration(node.seconds * 1_000) : valueText(node.seconds)],
        ['Until', valueText(node.until)],
      ];
    case 'wait':
      return [
        ['Event', node.event],
        ['Match', node.matches ? (node.match ?? 'a function') : 'any'],
        ['Timeout', secondsWords(node.timeout_seconds)],
        ['When none comes', node.timeout_seconds === null ? '' : node.has_default ? 'gives its default' : 'fails'],
      ];
  }
}

const secondsWords = (seconds: number | null): string => (seconds === null ? '' : duration(seconds * 1_000));

function retryWords(retry: RetryDescription | null): string {
  if (retry === null) return '';
  if (retry.attempts <= 1) return 'none';
  const initial = retry.initial_seconds === null ? '' : `, first after ${duration(retry.initial_seconds * 1_000)}`;
  return `${retry.attempts} attempts, ${retry.backoff}${initial}`;
}
