import { isComplete, literal, metricsOf, narrow, quote, selectorText, type Matcher } from './promql';

const asset: Matcher = { name: 'asset', op: '=', value: 'B1' };
const street: Matcher = { name: 'street', op: '=', value: '解放碑' };

describe('narrowing by what samples say of themselves', () => {
  it.each([
    ['gas_ch4_lel_percent', 'gas_ch4_lel_percent{asset="B1"}'],
    ['gas_ch4_lel_percent{}', 'gas_ch4_lel_percent{asset="B1"}'],
    ['x{point="A1"} > 2', 'x{point="A1",asset="B1"} > 2'],
    ['x{point="A1", } > 2', 'x{point="A1", asset="B1"} > 2'],
    ['{__name__=~"gas_.*"}', '{__name__=~"gas_.*",asset="B1"}'],
    [
      'sum by (point) (rate(x[$__rate_interval])) / y',
      'sum by (point) (rate(x{asset="B1"}[$__rate_interval])) / y{asset="B1"}',
    ],
    ['max_over_time(x[${__interval}:30s])', 'max_over_time(x{asset="B1"}[${__interval}:30s])'],
    ['x{note="} and {"} or vector(1)', 'x{note="} and {",asset="B1"} or vector(1)'],
    ['x # y{a="b"}\n+ z', 'x{asset="B1"} # y{a="b"}\n+ z{asset="B1"}'],
    ['x * $__range_s', 'x{asset="B1"} * $__range_s'],
    ['1 + 1', '1 + 1'],
  ])('%s', (expr, want) => {
    expect(narrow(expr, [asset])).toBe(want);
  });

  it('quotes what is hostile', () => {
    const hostile: Matcher = { name: 'a b', op: '!=', value: 'say "hi"\n\\' };
    expect(narrow('x', [hostile])).toBe('x{"a b"!="say \\"hi\\"\\n\\\\"}');
    expect(isComplete(narrow('x', [hostile]))).toBe(true);
  });
});

describe('narrowing by what only the catalog knows', () => {
  const joined = 'and on (asset) asset_info{street="解放碑"}';

  it.each([
    ['x', `(x ${joined})`],
    ['x offset 1h', `(x offset 1h ${joined})`],
    ['sum(rate(x[5m]))', `sum((rate(x[5m]) ${joined}))`],
    ['rate(x[5m] offset 1h)', `(rate(x[5m] offset 1h) ${joined})`],
    ['quantile_over_time(0.9, x[5m])', `(quantile_over_time(0.9, x[5m]) ${joined})`],
    ['max_over_time(x[1h:1m])', `max_over_time((x ${joined})[1h:1m])`],
    [
      'x * on (asset) group_left (name) asset_info',
      `(x ${joined}) * on (asset) group_left (name) asset_info{street="解放碑"}`,
    ],
    ['belfry_hazards_open', 'belfry_hazards_open{street="解放碑"}'],
  ])('%s', (expr, want) => {
    expect(narrow(expr, [street])).toBe(want);
    expect(isComplete(want)).toBe(true);
  });

  it('goes together with labels of the samples', () => {
    expect(narrow('x', [asset, street])).toBe(`(x{asset="B1"} ${joined})`);
  });
});

it('says which metrics an expression is about', () => {
  expect(metricsOf('a / on (asset) sum(rate(b_total[$__rate_interval])) + a + {asset="c"}')).toEqual(['a', 'b_total']);
});

it('tells what is complete', () => {
  expect(isComplete('rate(x[$__rate_interval])')).toBe(true);
  expect(isComplete('rate(x[')).toBe(false);
  expect(isComplete(' ')).toBe(false);
});

it('writes selectors', () => {
  expect(selectorText('x', [])).toBe('x');
  expect(selectorText('x', [asset])).toBe('x{asset="B1"}');
  expect(selectorText('', [])).toBe('{}');
  expect(selectorText('水位', [asset])).toBe('{"水位",asset="B1"}');
  expect(quote(literal('a.b|c'))).toBe('"a\\\\.b\\\\|c"');
});
