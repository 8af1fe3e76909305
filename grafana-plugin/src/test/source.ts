import { type DataSourceInstanceSettings, PluginType } from '@grafana/data';
import { BelfryDataSource } from '../datasource';
import { PLUGIN_ID, type BelfryOptions } from '../types';
import { templates } from './templates';

export type Answers = Record<string, unknown>;

/** A data source whose backend answers what is given, by path. Asked is what it was asked. */
export function sourceWith(answers: Answers, variables = templates({}), jsonData: BelfryOptions = {}) {
  const settings: DataSourceInstanceSettings<BelfryOptions> = {
    id: 1,
    uid: 'belfry',
    type: PLUGIN_ID,
    name: 'Belfry',
    access: 'proxy',
    readOnly: false,
    jsonData,
    meta: {
      id: PLUGIN_ID,
      name: 'Belfry City Operations',
      type: PluginType.datasource,
      info: {
        author: { name: '' },
        description: '',
        links: [],
        logos: { large: '', small: '' },
        screenshots: [],
        updated: '',
        version: '',
      },
      module: '',
      baseUrl: '',
    },
  };
  const source = new BelfryDataSource(settings, variables);
  const asked: Array<{ path: string; params: unknown }> = [];
  source.getResource = async (path, params) => {
    asked.push({ path, params });
    if (!(path in answers)) {
      throw new Error(`no answer for ${path}`);
    }
    return JSON.parse(JSON.stringify(answers[path]));
  };
  return { source, asked };
}
