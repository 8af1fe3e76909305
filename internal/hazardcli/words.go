package hazardcli

func english() map[string]string {
	return map[string]string{
		"id": "ID", "status": "STATUS", "severity": "SEVERITY", "opened": "OPENED", "team": "TEAM", "street": "STREET", "what": "WHAT",
		"value": "VALUE", "worst": "WORST", "limit": "LIMIT", "asset": "ASSET", "where": "WHERE", "rule": "RULE", "first reading": "FIRST READING",
		"page sent": "PAGE SENT", "resolved": "RESOLVED", "reopened": "REOPENED", "runbook": "RUNBOOK", "link": "LINK", "history": "HISTORY",
		"gap":     "(events are missing here: list the hazards anew)",
		"cleared": "the alert is over", "lapsed": "nothing is heard of the alert any more", "event updated": "worse",
		"team sanitation": "Sanitation", "team municipal": "Municipal works", "team landscape": "Landscaping",
		"team urban_management": "Urban management", "team volunteers": "Volunteers",
	}
}

func chinese() map[string]string {
	return map[string]string{
		"id": "编号", "status": "状态", "severity": "级别", "opened": "发生", "team": "责任队伍", "street": "街道", "what": "内容",
		"value": "数值", "worst": "最严重", "limit": "限值", "asset": "设施", "where": "位置", "rule": "规则", "first reading": "首次读数",
		"page sent": "告警送达", "resolved": "解除", "reopened": "复发次数", "runbook": "处置指引", "link": "链接", "history": "经过",
		"gap":     "（此处缺少事件：请重新列出隐患）",
		"cleared": "告警已恢复", "lapsed": "告警不再上报",
		"status open": "未解除", "status resolved": "已解除",
		"severity critical": "紧急", "severity warning": "警告", "severity info": "提示",
		"event opened": "发生", "event paged": "告警已送达", "event reopened": "复发", "event updated": "加重", "event resolved": "解除",
		"team sanitation": "环卫", "team municipal": "市政", "team landscape": "园林", "team urban_management": "城管", "team volunteers": "志愿者",
	}
}
