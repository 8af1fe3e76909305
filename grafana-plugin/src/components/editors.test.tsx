import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';
import { CoreApp } from '@grafana/data';
import { sourceWith } from '../test/source';
import { type BelfryOptions, type BelfryQuery, type BelfrySecrets } from '../types';
import { ConfigEditor } from './ConfigEditor';
import { QueryEditor, type Props } from './QueryEditor';

const answers = {
  'api/belfry/v1/metrics': {
    metrics: [
      { name: 'ALERTS' },
      { name: 'scrape_errors', help: 'Errors' },
      { name: 'gas_ch4_lel_percent', unit: '%LEL', domain: 'gas', help: 'Methane', help_zh: '甲烷', series: 60 },
    ],
  },
  'api/belfry/v1/assets': {
    assets: [
      { asset: 'C1', name: 'Camera' },
      { asset: 'W1', name_zh: '解放碑' },
    ],
  },
  'api/v1/label/asset/values': { data: ['W1', 'W7'] },
  'api/v1/labels': { data: ['__name__', 'asset', 'point'] },
};

function edit(query: Partial<BelfryQuery>, options: BelfryOptions = {}, props: Partial<Props> = {}) {
  const { source } = sourceWith(answers, undefined, options);
  const onChange = jest.fn<void, [BelfryQuery]>();
  const onRunQuery = jest.fn();
  render(
    <QueryEditor
      query={{ refId: 'A', ...query }}
      datasource={source}
      onChange={onChange}
      onRunQuery={onRunQuery}
      app={CoreApp.PanelEditor}
      {...props}
    />
  );
  return { onChange, onRunQuery };
}

describe('a query', () => {
  it('of hazards has a labelled field for each filter', () => {
    edit({ kind: 'hazards' });
    for (const label of [
      'Status',
      'Severity',
      'Domain',
      'Team',
      'Street',
      'District',
      'Rule',
      'Asset',
      'Search',
      'At most',
      'Live',
    ]) {
      expect(screen.getByLabelText(label, { selector: 'input' })).toBeInTheDocument();
    }
  });

  it('shows another thing when that is chosen, and asks', async () => {
    const { onChange, onRunQuery } = edit({ kind: 'hazards', hazards: { show: 'table', team: ['sanitation'] } });
    fireEvent.click(screen.getByRole('radio', { name: 'Count over time' }));
    expect(onChange).toHaveBeenCalledWith(
      expect.objectContaining({ hazards: { show: 'counts', team: ['sanitation'] } })
    );
    expect(onRunQuery).toHaveBeenCalled();
  });

  it('takes a limit that is a whole number of at least one, or none', () => {
    const { onChange } = edit({ kind: 'assets', assets: { limit: 10 } });
    const limit = screen.getByLabelText('At most');
    fireEvent.change(limit, { target: { value: '-3.5' } });
    fireEvent.blur(limit);
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ assets: { limit: 1 } }));
    fireEvent.change(limit, { target: { value: '' } });
    fireEvent.blur(limit);
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ assets: { limit: undefined } }));
  });

  it('of metrics explains the metric with its unit, in the language of the data source', async () => {
    edit({ kind: 'metrics', expr: 'gas_ch4_lel_percent', editorMode: 'builder' }, { language: 'zh-CN' });
    await waitFor(() => expect(screen.getByText(/甲烷 · %LEL/)).toBeInTheDocument());
  });

  it('is written as code where the builder cannot show it', async () => {
    edit({ kind: 'metrics', expr: 'topk(3, x)', editorMode: 'builder' });
    expect(await screen.findByText(/builder cannot show/)).toBeInTheDocument();
    expect(await screen.findByLabelText('PromQL expression')).toHaveTextContent('topk(3, x)');
  });

  it('of metrics can be live, but not as a table', () => {
    const { onChange } = edit({ kind: 'metrics', expr: 'x', range: true, editorMode: 'builder' });
    fireEvent.click(screen.getByLabelText('Live'));
    expect(onChange).toHaveBeenCalledWith(expect.objectContaining({ live: true }));
    cleanup();
    edit({ kind: 'metrics', expr: 'x', format: 'table', editorMode: 'builder' });
    expect(screen.queryByLabelText('Live')).not.toBeInTheDocument();
  });

  it('of metrics can be instant', () => {
    const { onChange } = edit({ kind: 'metrics', expr: 'x', range: true, editorMode: 'builder' });
    fireEvent.click(screen.getByRole('radio', { name: 'Instant' }));
    expect(onChange).toHaveBeenCalledWith(expect.objectContaining({ instant: true, range: false }));
  });

  it('shows chosen words as people read them', () => {
    edit({ kind: 'hazards', hazards: { status: ['open'], severity: ['!critical'], team: ['$team'] } });
    for (const text of ['Open', 'not Critical', '$team']) {
      expect(screen.getByText(text)).toBeInTheDocument();
    }
  });

  it('that is not finished is run as well, so that no other answer stays', () => {
    const { onRunQuery } = edit({ kind: 'anomalies', anomalies: { select: '' } });
    fireEvent.click(screen.getByLabelText('Distinct colours'));
    expect(onRunQuery).toHaveBeenCalled();
  });

  it('can begin anew where the builder cannot show it', () => {
    const { onChange } = edit({ kind: 'metrics', expr: 'topk(3, x)', editorMode: 'builder' });
    fireEvent.click(screen.getByRole('button', { name: 'Begin anew' }));
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ expr: '', editorMode: 'builder' }));
  });

  it('shows no code where there is none', () => {
    edit({ kind: 'metrics', expr: '', editorMode: 'builder' });
    expect(document.querySelector('code')).toBeNull();
  });

  it.each(['hazards', 'events'] as const)('of %s as marks on panels is shown in one way, and not live', (kind) => {
    edit({ kind, [kind]: { show: 'counts' } }, {}, { app: undefined, annotation: {} } as Partial<Props>);
    for (const label of ['Show', 'By', 'Live']) {
      expect(screen.queryByLabelText(label)).not.toBeInTheDocument();
    }
    expect(screen.getByLabelText('Severity', { selector: 'input' })).toBeInTheDocument();
  });

  it('of an alert is not live', () => {
    edit({ kind: 'metrics', expr: 'x', editorMode: 'builder' }, {}, { app: CoreApp.UnifiedAlerting });
    expect(screen.queryByLabelText('Live')).not.toBeInTheDocument();
  });

  it('shows hostile words as text', () => {
    edit({ kind: 'hazards', hazards: { team: ['<img src=x onerror=alert(1)>'] } });
    expect(screen.getByText('<img src=x onerror=alert(1)>')).toBeInTheDocument();
    expect(document.querySelector('img[src="x"]')).toBeNull();
  });
});

describe('words that are typed', () => {
  const builder = { kind: 'metrics', expr: '', editorMode: 'builder' } as const;
  const offered = () => screen.queryAllByRole('option').map((option) => option.textContent);

  // jsdom lays nothing out, and lists show what there is room for.
  beforeAll(() => {
    const observer = { observe: () => undefined, unobserve: () => undefined, disconnect: () => undefined };
    global.IntersectionObserver = jest.fn().mockReturnValue(observer);
    jest.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(400);
    jest.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(400);
  });
  afterAll(() => jest.restoreAllMocks());

  async function type(label: string, text: string) {
    const input = screen.getByLabelText(label, { selector: 'input' });
    await userEvent.click(input);
    await userEvent.type(input, text);
    return input;
  }

  it('find a metric by what it measures, and Enter takes it', async () => {
    const { onChange } = edit(builder);
    await type('Metric', '甲烷');
    await waitFor(() => expect(offered()).toHaveLength(1));
    await userEvent.keyboard('{Enter}');
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ expr: 'gas_ch4_lel_percent' }));
  });

  it('are waited for: Enter does not take what was found before', async () => {
    const { onChange } = edit(builder);
    await type('Metric', '甲烷{Enter}');
    expect(onChange).not.toHaveBeenCalled();
  });

  it('are offered as the last choice where they can be a metric', async () => {
    const { onChange } = edit(builder);
    await type('Metric', 'gas_');
    await waitFor(() =>
      expect(offered()).toEqual([expect.stringContaining('gas_ch4_lel_percent'), 'gas_Use as written'])
    );
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ expr: 'gas_' }));
  });

  it('find assets of the metric only, and any text can be an asset', async () => {
    const { onChange } = edit({ ...builder, expr: 'gas_ch4_lel_percent' });
    await type('Asset', 'w');
    await waitFor(() => expect(offered()).toEqual(['W1解放碑', 'W7', 'wUse as written']));
    await userEvent.keyboard('{Enter}');
    expect(onChange).toHaveBeenLastCalledWith(expect.objectContaining({ expr: 'gas_ch4_lel_percent{asset="W1"}' }));
  });

  it('list readings of the city before everything else', async () => {
    edit(builder);
    await userEvent.click(screen.getByLabelText('Metric', { selector: 'input' }));
    await waitFor(() => expect(offered()).toHaveLength(3));
    expect(offered()).toEqual([
      expect.stringContaining('gas_ch4_lel_percent'),
      expect.stringContaining('scrape_errors'),
      'ALERTS',
    ]);
  });

  it('find streets to take series together by, which adds them', async () => {
    const { onChange } = edit({ ...builder, expr: 'sum(gas_ch4_lel_percent)' });
    await type('By', 'street');
    await waitFor(() => expect(offered()).toHaveLength(1));
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(onChange.mock.lastCall?.[0].expr).toMatch(/^sum by \(street\) \(gas_ch4_lel_percent \* on \(asset\)/);
  });

  it('take an excluded word for a filter', async () => {
    const { onChange } = edit({ kind: 'hazards' });
    await type('Status', '!res');
    await waitFor(() => expect(offered()[0]).toBe('not Resolved'));
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(onChange.mock.lastCall?.[0].hazards).toEqual({ status: ['!resolved'] });
  });
});

describe('settings', () => {
  function configure(jsonData: BelfryOptions = {}, secureJsonFields: Record<string, boolean> = {}) {
    const onOptionsChange = jest.fn();
    const options = {
      ...sourceWith({}).source.meta,
      id: 1,
      uid: 'belfry',
      orgId: 1,
      name: 'Belfry',
      typeLogoUrl: '',
      type: 'belfry-cityops-datasource',
      typeName: 'Belfry',
      access: 'proxy',
      url: '',
      user: '',
      database: '',
      basicAuth: false,
      basicAuthUser: '',
      isDefault: false,
      readOnly: false,
      withCredentials: false,
      jsonData,
      secureJsonFields,
    };
    render(<ConfigEditor options={options} onOptionsChange={onOptionsChange} />);
    const secrets = (): BelfrySecrets | undefined => onOptionsChange.mock.lastCall?.[0].secureJsonData;
    return { onOptionsChange, secrets };
  }

  it('keep a token among the secrets', () => {
    const { secrets } = configure();
    fireEvent.change(screen.getByPlaceholderText('bf_…'), { target: { value: 'bf_x' } });
    expect(secrets()).toEqual({ token: 'bf_x' });
  });

  it('take a token without the Bearer in front of it', () => {
    const { secrets } = configure();
    fireEvent.change(screen.getByPlaceholderText('bf_…'), { target: { value: ' bearer  bf_x' } });
    expect(secrets()).toEqual({ token: 'bf_x' });
  });

  it('do not show a token that is there, but let it be replaced', async () => {
    const { secrets } = configure({}, { token: true });
    expect(screen.getByPlaceholderText('bf_…')).toBeDisabled();
    fireEvent.click(screen.getByRole('button', { name: 'Reset' }));
    expect(secrets()).toEqual({ token: '' });
  });

  it('have a language of names', async () => {
    const { onOptionsChange } = configure();
    fireEvent.click(screen.getByRole('button', { name: /More settings/ }));
    fireEvent.click(screen.getByRole('radio', { name: '简体中文' }));
    expect(onOptionsChange).toHaveBeenCalledWith(expect.objectContaining({ jsonData: { language: 'zh-CN' } }));
  });
});
