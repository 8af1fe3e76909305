import { DataSourcePlugin } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { BelfryDataSource } from './datasource';
import { PLUGIN_ID, type BelfryOptions, type BelfryQuery, type BelfrySecrets } from './types';

await initPluginTranslations(PLUGIN_ID);

export const plugin = new DataSourcePlugin<BelfryDataSource, BelfryQuery, BelfryOptions, BelfrySecrets>(
  BelfryDataSource
)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
