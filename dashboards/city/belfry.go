package city

import (
	"fmt"

	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

// belfry is about the program itself: can what the other sheets say be trusted?
func (d *desk) belfry() board.Sheet {
	s := board.Sheet{
		Name: "belfry", Title: t("Belfry itself, and devices", "钟楼自身与设备"), From: "now-3h", Refresh: "10s", Without: []string{"domain", "district", "street", "asset"},
		Help: t("Whether readings arrive, rules are on time, pages leave and the disk has room.", "数据接入、规则时效、告警发送与磁盘空间。"),
	}
	s.Panels = append([]board.Panel{
		stored(), late(), failing(), diskLeft(), silentNow(), writable(),
		row(t("Readings", "数据接入")),
		own(t("Samples", "样本"), t("Samples that were stored, by input.", "按接入方式统计的入库样本。"), "suffix: /s", 0, lines(`sum by (input) (rate(belfry_samples_total[$__rate_interval]))`, board.Same("{{input}}"))),
		own(t("Refused", "拒收"), t("What was refused, by reason. README says what each means.", "按原因统计的拒收，含义见 README。"), "suffix: /s", -1, lines(`sum by (reason) (rate(belfry_refused_total[$__rate_interval]))`, board.Same("{{reason}}"))),
		quantiles(t("Acknowledgement", "写入应答"), t("From a write's arrival to its acknowledgement, which is when it is on disk.", "从收到写入到落盘应答的时间。"), "belfry_write_duration_seconds", "", board.Rise{At: 0.5, Colour: board.Warning}, board.Rise{At: 5, Colour: board.Critical}),
		howManyDevices(),
		own(t("Queries", "查询"), t("Queries at work; beyond the limit they wait.", "正在执行的查询，超限排队。"), "locale", 0, lines(`prometheus_engine_queries`, t("at work", "执行中"))),
		own(t("Walls that follow", "实时订阅"), t("Clients of the stream.", "实时流客户端数。"), "locale", 0, lines(`belfry_stream_clients`, t("clients", "客户端"))),
	}, append(d.devices(), append(d.machinery(), d.storage()...)...)...)
	return s
}

// devices is where the wall's tile about devices leads.
func (d *desk) devices() []board.Panel {
	worst := func(metric, by, over string, title, help board.Text, unit string, decimals int) board.Panel {
		b := d.bounds("device", metric)
		rank := fmt.Sprintf(over, metric)
		expr := fmt.Sprintf("(%s and %s(%d, %s)) * on (asset) group_left (name, name_zh) asset_info", metric, by, shown, rank)
		return board.Panel{
			Kind: board.LinesKind, W: 8, H: 9, Title: title, Help: help, Unit: unit, Decimals: decimals, Empty: noReadings(), Links: []board.Link{seriesLink()},
			Steps: board.Steps(b), Custom: inSight(b), Queries: []board.Query{lines(expr, named(""))}, LegendRight: true, LowestFirst: by == "bottomk",
		}
	}
	open := hazardTable()
	open.W, open.H, open.Title = 24, 9, t("Open hazards of devices", "设备类未处置隐患")
	open.Queries = []board.Query{hazards(grafana.Hazards{Show: "table", Status: []string{"open"}, Domain: []string{"device"}, Limit: 200})}
	const lowest, highest = "min_over_time(%s[$__range] @ end())", "max_over_time(abs(%s)[$__range:$__interval] @ end())"
	return []board.Panel{
		row(t("Devices", "设备")), open,
		worst("device_battery_volts", "bottomk", lowest, t("Batteries, the lowest ten", "电池电压（最低十台）"), t("Below the limit a device falls silent within weeks.", "低于限值的设备数周内将失联。"), "suffix: V", 2),
		worst("device_rssi_dbm", "bottomk", lowest, t("Signal, the weakest ten", "信号强度（最弱十台）"), t("Messages of weak devices are lost.", "信号弱的设备会丢失消息。"), "suffix: dBm", 0),
		worst("device_clock_offset_seconds", "topk", highest, t("Clocks, the farthest off", "时钟偏差（最大十台）"), t("Readings of a wrong clock appear at a wrong time.", "时钟不准的设备读数时间有误。"), "suffix: s", 0),
	}
}

func (d *desk) machinery() []board.Panel {
	return []board.Panel{
		row(t("Rules and pages", "规则与告警")),
		quantiles(t("From the reading to a critical page", "从读数到紧急告警"), t("From when a critical page was due to when it went out.", "紧急告警从应发到发出的时间。"), "belfry_page_latency_seconds", `{severity="critical"}`, board.Rise{At: 1, Colour: board.Warning}, board.Rise{At: 10, Colour: board.Critical}),
		own(t("How late rules are", "规则延迟"), t("The evaluation of rules, behind what was stored.", "规则计算落后于入库的时间。"), "s", -1, lines(`belfry_rules_lag_seconds`, t("late by", "延迟")),
			board.Rise{At: 1, Colour: board.Warning}, board.Rise{At: 5, Colour: board.Critical}),
		own(t("Rules that readings woke", "读数触发的规则"), t("How often a reading, or what came due, has woken a rule.", "读数或到期触发规则的频率。"), "suffix: /s", 1, lines(`rate(belfry_rules_woken_total[$__rate_interval])`, t("woken", "触发"))),
		own(t("Rules that failed", "规则计算失败"), t("Evaluations that ended in an error; the log says why.", "出错的规则计算，原因见日志。"), "suffix: /s", -1,
			lines(`sum(rate(prometheus_rule_evaluation_failures_total[$__rate_interval]))`, t("failed", "失败")), board.Rise{At: 0.01, Colour: board.Critical}),
		own(t("Notifications that failed", "发送失败"), t("That a receiver did not take; they are tried until it does.", "接收方未接受的通知，将持续重试。"), "suffix: /s", -1,
			lines(`sum(rate(alertmanager_notification_requests_failed_total[$__rate_interval]))`, t("failed", "失败")), board.Rise{At: 0.01, Colour: board.Critical}),
		pagesSent(),
		own(t("Open hazards", "未处置隐患"), t("By domain.", "按领域统计。"), "locale", 0, lines(`sum by (domain) (belfry_hazards_open)`, board.Same("{{domain}}")), domainNames()),
		quantiles(t("Hazards to disk", "隐患落盘"), t("How long a commit of hazards takes.", "隐患提交耗时。"), "belfry_hazard_commit_duration_seconds", "", board.Rise{At: 0.025, Colour: board.Warning}),
		own(t("Models behind", "模型延迟"), t("How far detectors are behind what was stored.", "模型落后于入库的时间。"), "s", -1, lines(`belfry_anomaly_lag_seconds`, t("behind by", "延迟")), board.Rise{At: 60, Colour: board.Warning}),
	}
}

func domainNames() []board.Field {
	var out []board.Field
	for _, domain := range board.Domains() {
		out = append(out, board.Field{Name: domain, Label: board.DomainName(domain)})
	}
	return out
}

func (d *desk) storage() []board.Panel {
	return []board.Panel{
		row(t("Disk, memory, processor", "磁盘、内存与处理器")),
		own(t("Series in memory", "内存中的序列"), t("More than limits.series are refused.", "超过 limits.series 将被拒收。"), "locale", 0, lines(`belfry_store_series`, t("series", "序列"))),
		own(t("Watched series", "监测序列"), t("Series, or groups of them, that each detector watches.", "各检测器监测的序列数。"), "locale", 0, lines(`belfry_anomaly_series`, board.Same("{{detector}}"))),
		own(t("Room on the disk", "磁盘剩余"), t("Below the reserve, writes are refused.", "低于预留空间时拒绝写入。"), "bytes", 1, lines(`belfry_store_disk_free_bytes`, t("free", "剩余")), lines(`belfry_store_disk_reserve_bytes`, t("reserve", "预留"))),
		own(t("What is kept", "占用空间"), t("Samples, their log, hazards, events, models.", "样本、日志、隐患、事件、模型。"), "bytes", 1,
			lines(`prometheus_tsdb_storage_blocks_bytes`, t("samples", "样本")), lines(`prometheus_tsdb_wal_storage_size_bytes`, t("log", "日志")),
			lines(`belfry_hazard_store_bytes`, t("hazards", "隐患")), lines(`belfry_event_store_bytes`, t("events", "事件")), lines(`belfry_anomaly_state_bytes`, t("models", "模型"))),
		own(t("Memory", "内存"), t("Resident memory of the process.", "进程常驻内存。"), "bytes", 1, lines(`process_resident_memory_bytes{job="belfry"}`, t("resident", "常驻"))),
		own(t("Processor", "处理器"), t("Cores that are busy.", "占用的处理器核数。"), "short", 2, lines(`rate(process_cpu_seconds_total{job="belfry"}[$__rate_interval])`, t("busy", "占用"))),
	}
}

// own draws what Belfry says about itself.
func own(title, help board.Text, unit string, decimals int, more ...any) board.Panel {
	p := board.Panel{
		Kind: board.LinesKind, W: 8, H: 8, Title: title, Help: help, Unit: unit, Decimals: decimals, Min: at(0),
		Empty: t("Belfry says nothing about it", "钟楼未上报此项"),
	}
	var rises []board.Rise
	for _, m := range more {
		switch m := m.(type) {
		case board.Query:
			p.Queries = append(p.Queries, m)
		case board.Rise:
			rises = append(rises, m)
		case []board.Field:
			p.Fields = append(p.Fields, m...)
		}
	}
	if rises != nil {
		p.Steps, p.Custom = board.From(board.Fine, rises...), map[string]any{"axisSoftMax": rises[0].At}
	}
	if len(p.Queries) > 1 {
		colours := []string{board.Blue, board.Orange, board.Purple, board.Fine, board.Info}
		for i := range p.Queries {
			p.Fields = append(p.Fields, board.Field{Ref: string(rune('A' + i)), Colour: colours[i%len(colours)]})
		}
	}
	return p
}

func quantiles(title, help board.Text, metric, matchers string, rises ...board.Rise) board.Panel {
	q := func(p, name string) board.Query {
		return lines(`histogram_quantile(`+p+`, sum by (le) (rate(`+metric+`_bucket`+matchers+`[$__rate_interval])))`, board.Same(name))
	}
	return board.Panel{
		Kind: board.LinesKind, W: 8, H: 8, Title: title, Help: help, Unit: "s", Decimals: -1, Min: at(0), Empty: t("None in this time", "该时段无"),
		Queries: []board.Query{q("0.5", "p50"), q("0.99", "p99")}, Steps: board.From(board.Fine, rises...), Custom: map[string]any{"axisSoftMax": rises[0].At},
		Fields: []board.Field{{Ref: "A", Colour: board.Blue}, {Ref: "B", Colour: board.Orange}},
	}
}

func light(title, help board.Text, unit string, decimals int, expr string, rises ...board.Rise) board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 5, Title: title, Help: help, Unit: unit, Decimals: decimals, Empty: t("Unknown", "未知"),
		Queries: []board.Query{newest(expr, title)}, Steps: judged(rises...), Options: map[string]any{"textMode": "value"},
	}
}

func stored() board.Panel {
	return board.Panel{
		Kind: board.StatKind, W: 4, H: 5, Title: t("Samples stored", "入库样本"), Help: t("In a second.", "每秒。"), Unit: "suffix: /s", Decimals: 0, Empty: t("Unknown", "未知"),
		Queries: []board.Query{newest(`sum(rate(belfry_samples_total[1m]))`, t("stored", "入库"))}, Options: map[string]any{"textMode": "value"},
		Steps: board.From(board.Unknown, board.Rise{At: 0, Colour: board.Critical}, board.Rise{At: 0.001, Colour: board.Fine}),
	}
}

func late() board.Panel {
	return light(t("Rules late by", "规则延迟"), t("Above 5 s queries and writes are turned away.", "超过 5 秒将拒绝查询和写入。"), "s", 2, `max(belfry_rules_lag_seconds)`,
		board.Rise{At: 1, Colour: board.Warning}, board.Rise{At: 5, Colour: board.Critical})
}

func failing() board.Panel {
	return light(t("Pages refused", "告警发送失败"), t("Attempts that a receiver did not take in the last five minutes.", "近五分钟接收方未接受的次数。"), "locale", 0,
		`sum(increase(alertmanager_notification_requests_failed_total[5m]))`, board.Rise{At: 1, Colour: board.Critical})
}

func diskLeft() board.Panel {
	return light(t("Disk above the reserve", "磁盘可用"), t("Room until writes are refused.", "距拒绝写入的剩余空间。"), "bytes", 1, `min(belfry_store_disk_free_bytes - belfry_store_disk_reserve_bytes)`)
}

func silentNow() board.Panel {
	return light(t("Silent devices", "失联设备"), t("Of all that are known.", "全部已知设备。"), "locale", 0, `sum(belfry_devices{state="silent"})`, board.Rise{At: 1, Colour: board.Warning})
}

func writable() board.Panel {
	p := light(t("Store", "存储"), t("Whether the store takes writes.", "存储是否可写。"), "none", 0, `max(belfry_store_failed)`, board.Rise{At: 1, Colour: board.Critical})
	p.Words = yesNo(t("works", "正常"), t("FAILED", "故障"), board.Fine, board.Critical)
	return p
}

func howManyDevices() board.Panel {
	p := own(t("Devices", "设备"), t("Alive, silent, and those whose rhythm is being learned.", "在线、失联与学习中的设备。"), "locale", 0, lines(`sum by (state) (belfry_devices)`, board.Same("{{state}}")))
	p.Fields = []board.Field{
		{Name: "alive", Label: t("alive", "在线"), Colour: board.Fine}, {Name: "silent", Label: t("silent", "失联"), Colour: board.Critical}, {Name: "learning", Label: t("learning", "学习中"), Colour: board.Info},
	}
	return p
}
