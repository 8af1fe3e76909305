package pager

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
)

// postbox is a mail server that keeps what it gets.
type postbox struct{ got collected[*mail.Message] }

func (b *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return b, nil }
func (b *postbox) Mail(string, *smtp.MailOptions) error        { return nil }
func (b *postbox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (b *postbox) Reset()                                      {}
func (b *postbox) Logout() error                               { return nil }

func (b *postbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(strings.NewReader(string(text)))
	b.got.add(m)
	return err
}

func newPostbox(t *testing.T) (b *postbox, address string) {
	t.Helper()
	b = &postbox{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := smtp.NewServer(b)
	s.Domain = "localhost"
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return b, l.Addr().String()
}

// html is the decoded part of a message.
func html(t *testing.T, m *mail.Message) string {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart()
	require.NoError(t, err)
	body, err := io.ReadAll(part) // decoded on the way
	require.NoError(t, err)
	return string(body)
}

// methane and oxygen are alerts as rules, catalog and hazards make them.
func methane(start time.Time) *notifier.Alert {
	return &notifier.Alert{
		StartsAt: start, EndsAt: start.Add(100 * 365 * 24 * time.Hour),
		Labels: labels.FromStrings("alertname", "GasCombustibleCritical", "severity", "critical", "domain", "gas", "asset", "W00006",
			"street", "两路口街道", "district", "渝中区", "team", "sanitation"),
		Annotations: labels.FromStrings(
			"summary", "Explosion hazard in W00006: combustible gas 55.4 %LEL", "summary_zh", "W00006 爆炸危险：可燃气体 55.4 %LEL",
			"description", "No flame, no switch. Keep people <30 m> away.", "description_zh", "禁止明火和开关电器，人员撤离 30 米以外。",
			"name", "Septic tank 6", "name_zh", "6号化粪池", "value", "55.4", "limit", "50", "unit", "%LEL",
			"hazard", "01JZ", "hazard_url", "https://belfry.example.org/hazards/01JZ", "runbook_url", "https://belfry.example.org/runbooks/Gas.md"),
	}
}

func oxygen(start time.Time) *notifier.Alert {
	a := methane(start)
	a.Labels = labels.FromStrings("alertname", "GasOxygenCritical", "severity", "critical", "asset", "W00007")
	a.Annotations = labels.FromStrings("summary", "Oxygen low in W00007")
	return a
}

// TestWhatReceiversRead compares what a real mail client and a chat service get with golden files.
func TestWhatReceiversRead(t *testing.T) {
	start0 := time.Date(2026, 3, 1, 3, 12, 45, 0, time.UTC)
	for _, lang := range []string{English, Chinese} {
		t.Run(lang, func(t *testing.T) {
			box, smarthost := newPostbox(t)
			hook := newPagee(t)
			var posts collected[string]
			slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var m struct {
					Attachments []struct{ Title, Text string }
				}
				_ = json.NewDecoder(r.Body).Decode(&m)
				for _, a := range m.Attachments {
					posts.add(a.Title + "\n\n" + a.Text + "\n")
				}
			}))
			t.Cleanup(slack.Close)
			h := start(t, t.TempDir(), func(o *Options) {
				o.Language, o.Zone = lang, time.FixedZone("CST", 8*3600)
				o.ConfigFile = configFile(t, `
global: {smtp_smarthost: %q, smtp_from: belfry@example.org, smtp_require_tls: false, smtp_hello: localhost}
route: {receiver: team, group_by: [district]}
receivers:
  - name: team
    email_configs: [{to: duty@example.org}]
    slack_configs: [{api_url: %q, channel: '#duty'}]
    webhook_configs: [{url: %q}]
`, smarthost, slack.URL, hook.URL)
			})
			h.Send(oxygen(start0), methane(start0))
			eventually(t, func() bool { return box.got.len() == 2 && posts.len() == 2 && hook.got.len() == 2 }, "both groups everywhere")
			both := func(list []string) string {
				if !strings.Contains(list[0], "W00006") {
					list[0], list[1] = list[1], list[0]
				}
				return strings.Join(list, "\n----\n\n")
			}
			var mails []string
			for _, m := range box.got.all() {
				subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
				require.NoError(t, err)
				mails = append(mails, "Subject: "+subject+"\n\n"+html(t, m))
			}
			golden(t, lang+".mail", both(mails))
			golden(t, lang+".slack", both(posts.all()))

			for _, m := range hook.got.all() {
				if a := m.Alerts[0]; a.Labels["asset"] == "W00006" {
					want := map[string]string{English: "Explosion hazard in W00006: combustible gas 55.4 %LEL", Chinese: "W00006 爆炸危险：可燃气体 55.4 %LEL"}
					require.Equal(t, want[lang], a.Annotations["summary"])
					require.Equal(t, want[Chinese], a.Annotations["summary_zh"])
					require.Equal(t, lang == Chinese, a.Annotations["summary_en"] == want[English])
				}
			}
			require.Contains(t, h.log.String(), "hazard=01JZ hazard_url=https://belfry.example.org/hazards/01JZ")
			for _, n := range h.sent.all() {
				for _, p := range n.Pages {
					if p.Asset == "W00006" {
						require.Equal(t, "Explosion hazard in W00006: combustible gas 55.4 %LEL", p.Summary, "the page's form is the same in any language")
						require.Equal(t, "01JZ", p.Hazard)
						require.Contains(t, FormatPage(p, lang), "\n          https://belfry.example.org/hazards/01JZ")
					}
				}
			}
		})
	}
}

// TestAllDefaultTextsCanBeWritten has the texts that upstream's receivers ask for where the author of the
// configuration says nothing else.
func TestAllDefaultTextsCanBeWritten(t *testing.T) {
	var alerts []*alert.Alert
	for i := range maxTold + 5 {
		a := ingest(methane(time.Now()), time.Now(), time.Minute)
		a.Labels["asset"] = model.LabelValue(fmt.Sprint("W", i))
		alerts = append(alerts, a)
	}
	ended := ingest(resolved(oxygen(time.Now())), time.Now(), time.Minute)
	for _, lang := range []string{English, Chinese} {
		s := speech{lang, time.UTC}
		tmpl, err := s.readTemplates(nil)
		require.NoError(t, err)
		tmpl.ExternalURL = defaultURL()
		data := tmpl.Data("team", nil, nil, "", append(s.translated(alerts), ended)...)
		for _, name := range []string{
			"discord.default.message", "jira.default.description", "mattermost.default.text", "msteams.default.text", "msteamsv2.default.text",
			"opsgenie.default.description", "pushover.default.message", "rocketchat.default.text", "slack.default.text",
			"sns.default.message", "telegram.default.message", "victorops.default.state_message", "webex.default.message", "wechat.default.message",
		} {
			text, err := tmpl.ExecuteTextString(`{{ template "`+name+`" . }}`, data)
			require.NoError(t, err, name)
			require.Contains(t, text, map[string]string{English: "[CRITICAL] Explosion hazard", Chinese: "[紧急] W00006 爆炸危险"}[lang], name)
			require.Contains(t, text, map[string]string{English: "and 6 more", Chinese: "另有 6 条"}[lang], name)
			require.Contains(t, text, "https://belfry.example.org/hazards/01JZ", name)
			require.NotContains(t, text, "Alerts Firing", name)
			_, err = tmpl.ExecuteTextString(`{{ template "`+name+`" . }}`, tmpl.Data("team", nil, nil, ""))
			require.NoError(t, err, name)
		}
		text, err := tmpl.ExecuteTextString(`{{ template "pagerduty.default.instances" .Alerts.Resolved }}`, data)
		require.NoError(t, err)
		require.Contains(t, text, map[string]string{English: "[RESOLVED] Oxygen low", Chinese: "[已恢复] Oxygen low"}[lang])
		text, err = tmpl.ExecuteTextString(`{{ template "__subject" . }} {{ template "slack.default.titlelink" . }}`, data)
		require.NoError(t, err)
		require.Contains(t, text, map[string]string{English: "(and 24 more)", Chinese: "（另有 24 条）"}[lang])
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "texts", name)
	if os.Getenv("BELFRY_WRITE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "%s; if that is better, write it with BELFRY_WRITE_GOLDEN=1", path)
}
