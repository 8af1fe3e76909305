package pager

// Languages that pages are written in.
const (
	English = "en"
	Chinese = "zh-CN"
)

// phrases are what FormatPage says around a page's own words.
type phrases struct {
	comma, open, close string
	resolved, was      string
	limit              string
	latency            string // takes a duration
	after, still       string // take a duration
	severity           map[string]string
	team               map[string]string
	unknownTeam        string
}

func phrasesOf(language string) phrases {
	if language == Chinese {
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
	}
}

// summary returns the page's summary in a language, or in the other if there is only that, or the rule's name.
func (p *Page) summary(language string) string {
	return pick(language, p.Summary, p.SummaryZH, p.Rule)
}

func pick(language, english, chinese, neither string) string {
	first, second := english, chinese
	if language == Chinese {
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
