import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import React from 'react';
import { CoreApp } from '@grafana/data';
import { sourceWith } from '../test/source';
import { type BelfryOptions, type BelfryQuery, type BelfrySecrets } from '../types';
import { ConfigEditor } from './ConfigEditor';
import { QueryEditor } from './QueryEditor';

const answers = {
  'api/belfry/v1/metrics': {
    metrics: [{ name: 'gas_ch4_lel_percent', unit: '%LEL', help: 'Methane', help_zh: '甲烷', series: 60 }],
  },
};

function edit(query: Partial<BelfryQuery>, options: BelfryOptions = {}) {
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

  it('shows hostile words as text', () => {
    edit({ kind: 'hazards', hazards: { team: ['<img src=x onerror=alert(1)>'] } });
    expect(screen.getByText('<img src=x onerror=alert(1)>')).toBeInTheDocument();
    expect(document.querySelector('img[src="x"]')).toBeNull();
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
