import { templates } from '../test/templates';
import { interpolate, interpolateExpr, interpolateFilter } from './interpolate';

const streets = { value: ['jiefangbei', 'O\'Connell "St"'], multi: true };

describe('words of filters', () => {
  it.each([
    ['plain words stay', ['critical', '!info'], ['critical', '!info']],
    ['several values are several words', ['$street'], ['jiefangbei', 'O\'Connell "St"']],
    ['several values may be excluded', ['!$street'], ['!jiefangbei', '!O\'Connell "St"']],
    ['text goes around each value', ['$district-$street'], ['yuzhong-jiefangbei', 'yuzhong-O\'Connell "St"']],
    ['each word is there once', ['$district', 'yuzhong'], ['yuzhong']],
    ['a variable at All filters nothing', ['$asset'], []],
    ['all values excluded filter nothing', ['!$asset'], []],
    ['a custom All filters nothing', ['$any'], []],
    ['All as a word leaves what is excluded', ['All', 'x', '!y'], ['!y']],
    ['an empty variable filters nothing', ['$empty'], []],
    ['a variable that there is not stays as it is written', ['$nothing'], ['$nothing']],
  ])('%s', (_, words, want) => {
    const all = templates({
      street: streets,
      district: { value: 'yuzhong' },
      asset: { value: ['W1', 'W2'], current: ['$__all'], multi: true, includeAll: true },
      any: { value: '.*', current: '$__all', includeAll: true },
      empty: { value: '' },
    });
    expect(interpolateFilter(words, all, {})).toEqual(want);
  });

  it('takes the value of a repeated panel, not that of the dashboard', () => {
    const all = templates({ asset: { value: ['W1', 'W2'], current: ['$__all'], multi: true } });
    expect(interpolateFilter(['$asset'], all, { asset: { value: 'W2' } })).toEqual(['W2']);
  });

  it('stays within what the backend takes', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => `W${i}`);
    const all = templates({ asset: { value: many, multi: true } });
    expect(interpolateFilter(['$asset-$asset'], all, {})).toHaveLength(1000);
  });
});

describe('expressions', () => {
  const all = templates({
    street: streets,
    one: { value: ['a.b'], multi: true },
    single: { value: 'a.b' },
    hostile: { value: '"} or vector(1) #\n' },
    __interval: { value: '15s' },
  });

  it.each([
    ['x{street=~"$street"}', 'x{street=~"(jiefangbei|O\\\'Connell \\"St\\")"}'],
    ['x{a=~"$one"}', 'x{a=~"a\\\\.b"}'],
    ['x{a="$single"}', 'x{a="a.b"}'],
    ['x{a="$hostile"}', 'x{a="\\"} or vector(1) #\\n"}'],
    ['rate(x[$__rate_interval])', 'rate(x[$__rate_interval])'],
  ])('%s', (expr, want) => {
    expect(interpolateExpr(expr, all, {})).toBe(want);
  });

  it('leaves the step to the backend', () => {
    const none = templates({});
    expect(interpolateExpr('rate(x[$__interval])', none, { __interval: { value: '1m' } })).toBe('rate(x[$__interval])');
  });
});

it('replaces variables in whichever part the kind chooses, and nowhere else', () => {
  const all = templates({ team: { value: ['sanitation', 'municipal'], multi: true }, by: { value: 'street' } });
  const query = {
    refId: 'A',
    kind: 'response' as const,
    response: { show: 'summary' as const, by: '$by' as 'street', team: ['$team'] },
    hazards: { team: ['$team'] },
  };
  expect(interpolate(query, all, {})).toEqual({
    ...query,
    response: { show: 'summary', by: 'street', team: ['sanitation', 'municipal'] },
  });
});
