import React, { type ChangeEvent } from 'react';
import { type DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import {
  AdvancedHttpSettings,
  Auth,
  AuthMethod,
  ConfigSection,
  ConfigSubSection,
  ConnectionSettings,
  convertLegacyAuthProps,
  DataSourceDescription,
  type AuthProps,
} from '@grafana/plugin-ui';
import { config } from '@grafana/runtime';
import { Divider, Field, Input, RadioButtonGroup, SecretInput, SecureSocksProxySettings } from '@grafana/ui';
import { type BelfryOptions, type BelfrySecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<BelfryOptions, BelfrySecrets>;

const TOKEN: AuthProps['selectedMethod'] = 'custom-token';
const DOCUMENTATION = 'https://github.com/belfry-city/belfry/blob/main/grafana-plugin/README.md';

export function ConfigEditor({ options, onOptionsChange }: Props) {
  return (
    <>
      <DataSourceDescription
        dataSourceName="Belfry City Operations"
        docsLink={DOCUMENTATION}
        hasRequiredFields={true}
      />
      <Divider />
      <ConnectionSettings
        config={options}
        onChange={onOptionsChange}
        urlPlaceholder="http://127.0.0.1:9400"
        urlTooltip={t(
          'config.url-tooltip',
          'The address that Belfry listens on, as Grafana’s server reaches it; with a path in front if a proxy adds one.'
        )}
      />
      <Divider />
      <Authentication options={options} onOptionsChange={onOptionsChange} />
      <Divider />
      <ConfigSection
        title={t('config.more.title', 'More settings')}
        description={t('config.more-description', 'All of them may be left as they are.')}
        isCollapsible={true}
        isInitiallyOpen={false}
      >
        <Names options={options} onOptionsChange={onOptionsChange} />
        <AdvancedHttpSettings config={options} onChange={onOptionsChange} />
        {config.secureSocksDSProxyEnabled && (
          <SecureSocksProxySettings options={options} onOptionsChange={onOptionsChange} />
        )}
      </ConfigSection>
    </>
  );
}

/** A token of Belfry's, if not basic authentication before a proxy; TLS; headers. */
function Authentication({ options, onOptionsChange }: Props) {
  const auth = convertLegacyAuthProps({ config: options, onChange: onOptionsChange });
  const setToken = (text: string) =>
    onOptionsChange({ ...options, secureJsonData: { ...options.secureJsonData, token: withoutScheme(text) } });
  const resetToken = () =>
    onOptionsChange({
      ...options,
      secureJsonFields: { ...options.secureJsonFields, token: false },
      secureJsonData: { ...options.secureJsonData, token: '' },
    });
  const isPlain = !options.basicAuth && !options.withCredentials && !oauth(options.jsonData);
  return (
    <Auth
      {...auth}
      customMethods={[
        {
          id: 'custom-token',
          label: t('config.token.label', 'Token of Belfry'),
          description: t('config.token-description', 'A token with the scope read, or none if Belfry demands none'),
          component: (
            <Field
              noMargin
              label={t('config.token.field', 'Token')}
              description={t('config.token.hint', 'From auth.tokens of Belfry’s configuration; it begins with bf_')}
              htmlFor="belfry-token"
            >
              <SecretInput
                id="belfry-token"
                width={40}
                disabled={options.readOnly}
                isConfigured={Boolean(options.secureJsonFields?.token)}
                value={options.secureJsonData?.token ?? ''}
                placeholder="bf_…"
                autoComplete="off"
                onReset={resetToken}
                onChange={(event: ChangeEvent<HTMLInputElement>) => setToken(event.target.value)}
              />
            </Field>
          ),
        },
      ]}
      visibleMethods={visible(auth.selectedMethod)}
      mostCommonMethod={TOKEN}
      selectedMethod={isPlain ? TOKEN : auth.selectedMethod}
      onAuthMethodSelect={(method) => auth.onAuthMethodSelect(method)}
    />
  );
}

/** A token without what stands before it in the header that it was copied from. */
function withoutScheme(text: string): string {
  return text.replace(/^\s*Bearer\s+/i, '');
}

/** What may be chosen, and what is chosen already, as by provisioning. */
function visible(selected: AuthProps['selectedMethod']): Array<AuthProps['selectedMethod']> {
  const methods = new Set([TOKEN, AuthMethod.BasicAuth, AuthMethod.OAuthForward, selected]);
  methods.delete(AuthMethod.NoAuth);
  return [...methods];
}

function oauth(jsonData: BelfryOptions & { oauthPassThru?: boolean }): boolean {
  return Boolean(jsonData.oauthPassThru);
}

function Names({ options, onOptionsChange }: Props) {
  const { jsonData } = options;
  const set = (change: Partial<BelfryOptions>) => onOptionsChange({ ...options, jsonData: { ...jsonData, ...change } });
  return (
    <ConfigSubSection title={t('config.names.title', 'Names and samples')}>
      <Field
        label={t('config.language.label', 'Language of names')}
        description={t(
          'config.language-description',
          'Of the names of assets and hazards, and of messages. Alerts, which nobody looks at, take English for automatic.'
        )}
      >
        <RadioButtonGroup<NonNullable<BelfryOptions['language']>>
          aria-label={t('config.language.label', 'Language of names')}
          disabled={options.readOnly}
          value={jsonData.language ?? 'auto'}
          options={[
            { value: 'auto', label: t('config.language-auto', 'Automatic') },
            { value: 'en', label: 'English' },
            { value: 'zh-CN', label: '简体中文' },
          ]}
          onChange={(language) => set({ language })}
        />
      </Field>
      <Field
        label={t('config.interval.label', 'Interval of samples')}
        description={t(
          'config.interval-description',
          'How often sensors send. Panels take no shorter step, and $__rate_interval is at least four of it.'
        )}
        htmlFor="belfry-interval"
      >
        <Input
          id="belfry-interval"
          width={20}
          disabled={options.readOnly}
          value={jsonData.timeInterval ?? ''}
          placeholder="15s"
          onChange={(event: ChangeEvent<HTMLInputElement>) => set({ timeInterval: event.target.value })}
        />
      </Field>
    </ConfigSubSection>
  );
}
