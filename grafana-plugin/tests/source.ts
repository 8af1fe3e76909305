import { test as base, expect } from '@grafana/plugin-e2e';
import type { APIRequestContext, Page } from '@playwright/test';

export const PLUGIN = 'belfry-cityops-datasource';
export const BELFRY = process.env.BELFRY_URL ?? 'http://127.0.0.1:9400';

/** A data source of the tests' own, which is gone after them. */
export const test = base.extend<{ source: string }>({
  source: async ({ request }, use) => {
    const uid = `belfry-e2e-${Date.now().toString(36)}`;
    const made = await request.post('/api/datasources', {
      data: { uid, name: uid, type: PLUGIN, access: 'proxy', url: BELFRY, jsonData: { timeInterval: '15s' } },
    });
    expect(made.ok(), await made.text()).toBe(true);
    await use(uid);
    await request.delete(`/api/datasources/uid/${uid}`);
  },
});

export { expect };

/** Opens Explore with one query. */
export async function explore(page: Page, source: string, query: Record<string, unknown>) {
  const pane = {
    datasource: source,
    queries: [{ refId: 'A', datasource: { type: PLUGIN, uid: source }, ...query }],
    range: { from: 'now-15m', to: 'now' },
  };
  await page.goto(`/explore?schemaVersion=1&orgId=1&panes=${encodeURIComponent(JSON.stringify({ a: pane }))}`);
  await expect(page.getByRole('combobox', { name: /^(Query|查询)$/ })).toBeVisible();
}

export async function speak(request: APIRequestContext, language: string) {
  const set = await request.put('/api/user/preferences', { data: { language } });
  expect(set.ok(), await set.text()).toBe(true);
}
