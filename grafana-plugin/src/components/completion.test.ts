import { ensureSyntaxTree } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { stringOfAsset } from './completion';

it.each([
  ['gas{asset="jfb|', { from: 11, metric: 'gas' }],
  ['sum(gas{point="P1", asset="|"})', { from: 27, metric: 'gas' }],
  ['a / b{asset="|"}', { from: 13, metric: 'b' }],
  ['{asset="|"}', { from: 8, metric: '' }],
  ['gas{point="|"}', undefined],
])('an asset is asked for, of the metric before it, in %s', (text, want) => {
  const doc = text.replace('|', '');
  const state = EditorState.create({ doc, extensions: new PromQLExtension().asExtension() });
  ensureSyntaxTree(state, doc.length);
  expect(stringOfAsset(state, text.indexOf('|'))).toEqual(want);
});
