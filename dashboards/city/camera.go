package city

import (
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/grafana"
)

func (d *desk) cameras() board.Sheet {
	s := board.Sheet{
		Name: "cameras", Title: t("Cameras", "摄像机"), From: "now-12h", Refresh: "30s", Marks: true, Domains: []string{"camera"},
		Help: t("Which cameras are down, and what all of them see, of every domain.", "离线的摄像机，以及各领域的识别事件。"),
	}
	s.Panels = append(head(), row(t("Cameras", "摄像机")), d.camerasUp(), d.camerasDown(),
		row(t("What they see", "识别事件")), d.kindsSeen(), d.surest(), allSeen())
	return s
}

func (d *desk) camerasUp() board.Panel {
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: t("Cameras that are up", "在线率"), Unit: "percent", Decimals: 1, Min: at(0), Max: at(100),
		Help: t("By street.", "按街道统计。"), Empty: noReadings(),
		Queries: []board.Query{lines(`100 * avg by (street) (camera_up{asset=~"$asset"} * on (asset) group_left (street) `+info+`)`, board.Same("{{street}}"))},
	}
}

func (d *desk) camerasDown() board.Panel {
	return onOff(t("Cameras that were down", "曾离线的摄像机"), t("Those that were down in this time, ten at most.", "该时段曾离线的摄像机，最多十台。"),
		withNames(`camera_up{asset=~"$asset"} and bottomk(10, min_over_time(camera_up{asset=~"$asset"}[$__range] @ end()) and on (asset) `+infoNow+`)`),
		yesNo(t("DOWN", "离线"), t("up", "在线"), board.Critical, board.Fine))
}

// kindNames are legends that people read, for the ids that are in series.
func (d *desk) kindNames() []board.Field {
	var out []board.Field
	for _, k := range d.kinds {
		out = append(out, board.Field{Name: k.ID, Label: t(k.Name, k.NameZH)})
	}
	return out
}

func (d *desk) kindsSeen() board.Panel {
	return board.Panel{
		Kind: board.GaugeKind, W: 12, H: 9, Title: t("Seen most often", "识别最多"), Unit: "short", Min: at(0), Colour: board.Blue,
		Help: t("Messages by kind in this time.", "该时段各类事件消息数。"), Empty: t("Nothing was seen in this time", "该时段无识别事件"),
		Queries: []board.Query{newest(`sort_desc(topk(12, sum by (kind) (count_over_time(camera_event_confidence{asset=~"$asset"}[$__range]))))`, board.Same("{{kind}}"))},
		Fields:  d.kindNames(),
	}
}

// surest draws the limits of danger, and of what is not.
func (d *desk) surest() board.Panel {
	b := d.bounds("road", "camera_event_confidence").Above
	return board.Panel{
		Kind: board.LinesKind, W: 12, H: 9, Title: t("How sure cameras are", "识别置信度"), Unit: "percentunit", Decimals: 0, Min: at(0), Max: at(1),
		Help: t("The highest confidence of each kind. Rules ask for 0.5 where people are in danger, else for 0.7.", "各类事件的最高置信度。危及人身的规则阈值为 0.5，其余为 0.7。"), Empty: t("Nothing was seen in this time", "该时段无识别事件"),
		Queries: []board.Query{lines(`max by (kind) (max_over_time(camera_event_confidence{asset=~"$asset"}[$__interval]))`, board.Same("{{kind}}"))},
		Custom:  map[string]any{"drawStyle": "points", "pointSize": 8, "thresholdsStyle": map[string]any{"mode": "dashed"}},
		Fields:  d.kindNames(),
		Steps:   board.From(board.Fine, board.Rise{At: b.Critical, Colour: board.Critical}, board.Rise{At: b.Warning, Colour: board.Warning}),
	}
}

// allSeen is of every domain: what a camera sees belongs to the domain of its kind.
func allSeen() board.Panel {
	p := seen(24)
	p.H = 14
	p.Help = t("What cameras and people reported, of every domain. Open a line for its picture.", "摄像机和人员上报的全部事件。展开一行查看图片。")
	p.Queries = []board.Query{events(grafana.Events{Asset: []string{"$asset"}, Limit: 500})}
	return p
}
