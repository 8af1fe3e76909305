import { sourceWith } from '../test/source';
import { choicesFor, isDuration, isMetric, measuredChoices, withTyped } from './choices';
import { wordOf } from './words';

const values = (choices: Array<{ value: string }>) => choices.map((c) => c.value);

describe('what was typed', () => {
  const found = ['ab', 'a'].map((value) => ({ value, label: value }));

  it.each([
    ['', ['ab', 'a']],
    ['b', ['ab', 'a', 'b']],
    ['a', ['a', 'ab']],
    ['甲烷', ['ab', 'a']],
    ['$a', ['ab', 'a', '$a']],
  ])('%s is offered last, and what it is exactly first', (typed, want) => {
    expect(values(withTyped(found, typed, isMetric))).toEqual(want);
  });

  it('can be a duration', () => {
    expect(['5m', '1h30m', '$w', 'm', '5', 'x'].filter(isDuration)).toEqual(['5m', '1h30m', '$w']);
  });

  it('can be the kind of an event, but no metric with spaces', async () => {
    const { source } = sourceWith({ 'api/belfry/v1/metrics': { metrics: [] } });
    expect(values(await choicesFor(source, 'kind', 'a b'))).toEqual(['a b']);
    expect(values(await choicesFor(source, 'metrics', 'a b'))).toEqual([]);
    expect(values(await choicesFor(source, 'metrics', '*'))).toEqual(['*']);
  });
});

describe('assets of series', () => {
  const assets = { assets: [{ asset: 'C1' }, { asset: 'W1' }] };

  it('are all those found where it is not known which are measured', async () => {
    const { source } = sourceWith({ 'api/belfry/v1/assets': assets });
    expect(values(await measuredChoices(source, '', 'gas'))).toEqual(['C1', 'W1']);
  });

  it('are asked for by metric', async () => {
    const { source, asked } = sourceWith({
      'api/belfry/v1/assets': assets,
      'api/v1/label/asset/values': { data: ['W1'] },
    });
    expect(values(await measuredChoices(source, 'jfb', 'gas'))).toEqual(['W1']);
    expect(asked).toContainEqual({ path: 'api/v1/label/asset/values', params: { 'match[]': ['gas'] } });
  });
});

it.each([
  ['domain', 'gas', 'Gas'],
  ['team', 'urban_management', 'Urban management'],
  ['status', 'open', 'Open'],
  ['team', 'others', 'others'],
  ['street', 'open', 'open'],
])('the word of %s %s is %s', (field, value, want) => {
  expect(wordOf(field, value)).toBe(want);
});
