package hazardapi

// phrases are the words of pages in one language.
type phrases struct {
	texts                         map[string]string
	seconds, minutes, hours, days string
	open, close, colon            string
}

// say is a text of the page; what has none is shown as it is.
func (p phrases) say(name string) string {
	if text, ok := p.texts[name]; ok {
		return text
	}
	return name
}

// word is a word of a label as people say it.
func (p phrases) word(kind, word string) string {
	if text, ok := p.texts[kind+" "+word]; ok {
		return text
	}
	if word == "" {
		return "–"
	}
	return word
}

func phrasesOf(language string) phrases {
	if language == chinese {
		return phrases{
			texts:   chineseTexts(),
			seconds: "%d 秒", minutes: "%d 分钟", hours: "%d 小时 %d 分钟", days: "%d 天", open: "（", close: "）", colon: "：",
		}
	}
	return phrases{
		texts:   englishTexts(),
		seconds: "%d s", minutes: "%d min", hours: "%d h %d min", days: "%d days", open: " (", close: ")", colon: ": ",
	}
}

func englishTexts() map[string]string {
	return map[string]string{
		"hazards": "Hazards", "hazards open": "Open", "hazards all": "All", "none": "No hazards.", "more": "Older", "switch": "中文",
		"not found":   "There is no such hazard, or no longer.",
		"unavailable": "Hazards cannot be read just now. Try again.",
		"value":       "Value", "worst": "worst", "limit": "limit", "where": "Where", "asset": "Asset", "team": "Team", "rule": "Rule", "map": "map",
		"runbook": "What to do", "first reading": "First reading", "opened": "Opened", "reopened": "Reopened", "times": "times, last at",
		"page sent": "Page sent", "resolved": "Resolved", "after": "after", "history": "History", "labels": "Labels", "domain": "Domain",
		"open": "open", "since": "since", "cleared": "the alert is over", "lapsed": "nothing is heard of the alert any more",
		"event opened": "Opened", "event paged": "Page accepted by", "event reopened": "Reopened", "event updated": "Worse", "event resolved": "Resolved",
		"status open": "OPEN", "status resolved": "RESOLVED",
		"severity critical": "CRITICAL", "severity warning": "WARNING", "severity info": "INFO",
		"team sanitation": "Sanitation", "team municipal": "Municipal works", "team landscape": "Landscaping",
		"team urban_management": "Urban management", "team volunteers": "Volunteers",
		"domain gas": "Gas", "domain bridge": "Bridges", "domain tunnel": "Tunnels", "domain road": "Roads", "domain drainage": "Drainage",
		"domain water": "Water supply", "domain lighting": "Lighting", "domain landscape": "Landscaping", "domain parking": "Parking",
		"domain camera": "Cameras", "domain device": "Devices",
	}
}

func chineseTexts() map[string]string {
	return map[string]string{
		"hazards": "隐患", "hazards open": "未解除", "hazards all": "全部", "none": "没有隐患。", "more": "更早的", "switch": "English",
		"not found":   "没有这条隐患，或已不再保存。",
		"unavailable": "暂时无法读取隐患，请稍后再试。",
		"value":       "数值", "worst": "最严重", "limit": "限值", "where": "位置", "asset": "设施", "team": "责任队伍", "rule": "规则", "map": "地图",
		"runbook": "处置指引", "first reading": "首次读数", "opened": "发生", "reopened": "复发", "times": "次，最近一次",
		"page sent": "告警送达", "resolved": "解除", "after": "历时", "history": "经过", "labels": "标签", "domain": "领域",
		"open": "未解除", "since": "始于", "cleared": "告警已恢复", "lapsed": "告警不再上报",
		"event opened": "发生", "event paged": "告警已送达", "event reopened": "复发", "event updated": "加重", "event resolved": "解除",
		"status open": "未解除", "status resolved": "已解除",
		"severity critical": "紧急", "severity warning": "警告", "severity info": "提示",
		"team sanitation": "环卫", "team municipal": "市政", "team landscape": "园林", "team urban_management": "城管", "team volunteers": "志愿者",
		"domain gas": "燃气与井室", "domain bridge": "桥梁", "domain tunnel": "隧道", "domain road": "道路", "domain drainage": "排水",
		"domain water": "供水", "domain lighting": "照明", "domain landscape": "园林", "domain parking": "停车", "domain camera": "摄像机",
		"domain device": "设备",
	}
}
