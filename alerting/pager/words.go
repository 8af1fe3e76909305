package pager

import (
	"strings"

	"github.com/belfry-city/belfry/alerting/pager/language"
)

// Languages that pages are written in.
const (
	English = language.English
	Chinese = language.Chinese
)

// phrases are what is said around a page's own words.
type phrases struct {
	comma, open, close string
	resolved, was      string
	limit              string
	latency            string // takes a duration
	after, still       string // take a duration
	severity           map[string]string
	team               map[string]string
	unknownTeam        string
	since, late        string // take a time
	others, more       string // take a number
	hazard, runbook    string
}

func phrasesOf(lang string) phrases {
	if lang == Chinese {
		return phrases{
			comma: "，", open: "（", close: "）",
			resolved: "已恢复", was: "曾为", limit: "限值",
			latency: "读数到告警 %s", after: "持续 %s", still: "仍在持续，已 %s",
			severity: map[string]string{"critical": "紧急", "warning": "警告", "info": "提示"},
			team: map[string]string{
				"sanitation": "环卫", "municipal": "市政", "landscape": "园林",
				"urban_management": "城管", "volunteers": "志愿者",
			},
			unknownTeam: "未指定责任队伍",
			since:       "自 %s 起", late: "已于 %s 结束，此告警迟到", others: "%s（另有 %d 条）", more: "另有 %d 条未列出", hazard: "隐患", runbook: "处置手册",
		}
	}
	return phrases{
		comma: ", ", open: " (", close: ")",
		resolved: "RESOLVED", was: "was", limit: "limit",
		latency: "%s from reading to page", after: "after %s", still: "firing still, for %s",
		severity: map[string]string{"critical": "CRITICAL", "warning": "WARNING", "info": "INFO"},
		team: map[string]string{
			"sanitation": "Sanitation", "municipal": "Municipal works", "landscape": "Landscaping",
			"urban_management": "Urban management", "volunteers": "Volunteers",
		},
		unknownTeam: "no team",
		since:       "since %s", late: "ended at %s; this page is late", others: "%s (and %d more)", more: "and %d more", hazard: "Hazard", runbook: "Runbook",
	}
}

// labelOf says how bad it is.
func (w *phrases) labelOf(p *Page) string {
	label, known := w.severity[p.Severity]
	switch {
	case p.Status == Resolved:
		return w.resolved
	case !known:
		return strings.ToUpper(plain(p.Severity))
	}
	return label
}

func (w *phrases) teamOf(p *Page) string {
	team, known := w.team[p.Team]
	switch {
	case p.Team == "":
		return w.unknownTeam
	case !known:
		return plain(p.Team)
	}
	return team
}

// summary returns the page's summary in a language, or in the other if there is only that, or the rule's name.
func (p *Page) summary(lang string) string {
	return pick(lang, p.Summary, p.SummaryZH, p.Rule)
}

func pick(lang, english, chinese, neither string) string {
	first, second := english, chinese
	if lang == Chinese {
		first, second = chinese, english
	}
	switch {
	case first != "":
		return first
	case second != "":
		return second
	}
	return neither
}
